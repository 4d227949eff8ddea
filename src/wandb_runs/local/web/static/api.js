/** Requests to the server: GraphQL, as every client of it sends it, and the key where it needs one. */

import { byId } from "./dom.js";
import { parseExact, visible } from "./text.js";

/** What the user of the page gave; nothing stores it. */
let key = "";

/** @type {Promise<void> | null} */
let asking = null;

/** An answer that is none. */
export class RequestError extends Error {
  /**
   * @param {string} message
   * @param {number} status The status of HTTP; 0 without an answer.
   * @param {any} [body]
   */
  constructor(message, status, body = null) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/**
 * Send a GraphQL query.
 * @param {string} query
 * @param {Record<string, unknown>} [variables]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} The data.
 */
export async function graphql(query, variables = {}, signal = undefined) {
  const answer = await post("/graphql", { query, variables }, signal);
  if (answer.errors?.length && !answer.data) throw new RequestError(messageOf(answer), 200, answer);
  return answer.data;
}

/** A filter that is none, and where. */
export class FilterError extends Error {
  /** @param {{error: string, line: number | null, column: number | null, excerpt: string | null}} told */
  constructor(told) {
    super(told.error);
    this.line = told.line;
    this.column = told.column;
    this.excerpt = told.excerpt;
  }
}

/**
 * What a filter, as the command line has it, is in GraphQL.
 * @param {string} text
 * @param {AbortSignal} [signal]
 * @returns {Promise<string | null>}
 */
export async function translateFilter(text, signal = undefined) {
  if (!text.trim()) return null;
  const answer = await post("/-/filter", { where: text }, signal);
  if ("error" in answer) throw new FilterError(answer);
  return answer.filters;
}

/**
 * @param {string} address
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
async function post(address, body, signal) {
  for (;;) {
    const sent = key;
    let response;
    try {
      response = await fetch(address, {
        method: "POST",
        // A server without a key of its own takes any, and lists its entities to a viewer alone.
        headers: { "content-type": "application/json", authorization: `Basic ${encoded(sent || "browser")}` },
        body: JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
        signal,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new RequestError("The server does not answer. Is it still running?", 0);
    }
    const text = await response.text();
    if (response.status === 401) {
      if (sent === key) await askForKey(sent ? "The server refused this key." : "");
      signal?.throwIfAborted();
      continue;
    }
    let answer = null;
    try {
      answer = parseExact(text);
    } catch {
      // Said below.
    }
    if (response.ok && answer !== null) return answer;
    const told = answer === null ? `The server answered with HTTP ${response.status}.` : messageOf(answer);
    throw new RequestError(told, response.status, answer);
  }
}

/** @param {any} answer */
function messageOf(answer) {
  const messages = Array.isArray(answer.errors) ? answer.errors.map((/** @type {any} */ each) => each?.message) : [answer.error];
  return visible(messages.filter(Boolean).join("; ") || "The server refused the request.");
}

/** @param {string} text */
function encoded(text) {
  return btoa(`api:${text}`);
}

/**
 * Ask for a key, once for all requests that wait for one.
 * @param {string} problem
 * @returns {Promise<void>}
 */
function askForKey(problem) {
  asking ??= openDialog(problem).finally(() => {
    asking = null;
  });
  return asking;
}

/** @param {string} problem @returns {Promise<void>} */
function openDialog(problem) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("key"));
  const field = /** @type {HTMLInputElement} */ (byId("key-field"));
  const told = byId("key-error");
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  told.textContent = problem;
  field.setAttribute("aria-invalid", String(Boolean(problem)));
  field.value = "";
  return new Promise((/** @type {(value?: undefined) => void} */ resolve, reject) => {
    const ended = new AbortController();
    const { signal } = ended;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = field.value.trim();
      if (!/^[!-~]+$/.test(given)) {
        told.textContent = "A key has ASCII characters, and no spaces.";
        field.setAttribute("aria-invalid", "true");
        return;
      }
      key = given;
      ended.abort();
      dialog.close();
      resolve();
    }, { signal });
    const cancel = () => {
      ended.abort();
      dialog.close();
      reject(new RequestError("This server needs a key, and none was given.", 401));
    };
    byId("key-cancel").addEventListener("click", cancel, { signal });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      cancel();
    }, { signal });
    dialog.showModal();
    field.focus();
  }).finally(() => {
    field.value = "";
  });
}

/**
 * Do something again and again, while the page is visible.
 * @param {() => Promise<unknown>} task
 * @param {{every: number | (() => number), signal: AbortSignal}} options Seconds between the end and the next start.
 */
export async function poll(task, { every, signal }) {
  const usual = typeof every === "number" ? () => every : every;
  let pause = usual();
  while (!signal.aborted) {
    await sleep(pause * 1000, signal);
    if (signal.aborted) return;
    if (document.hidden) {
      await untilVisible(signal);
      if (signal.aborted) return;
    }
    const begun = performance.now();
    try {
      await task();
      tellConnection(true);
      // A server that takes long is asked less often.
      pause = Math.max(usual(), (3 * (performance.now() - begun)) / 1000);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RequestError)) throw error;
      if (error.status === 401) return;
      if (error.status === 0) tellConnection(false);
      pause = Math.min(30, pause * 2);
    }
  }
}

/** Say whether the server still answers, so that nothing old passes for live. @param {boolean} isThere */
export function tellConnection(isThere) {
  const lost = byId("lost");
  if (lost.hidden === isThere) return;
  lost.hidden = isThere;
  lost.textContent = isThere ? "" : "The server does not answer; this page tries again.";
}

/** @param {number} milliseconds @param {AbortSignal} signal @returns {Promise<void>} */
function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const ended = new AbortController();
    const end = () => {
      clearTimeout(timer);
      ended.abort();
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { signal: ended.signal });
  });
}

/** @param {AbortSignal} signal @returns {Promise<void>} */
function untilVisible(signal) {
  return new Promise((resolve) => {
    const ended = new AbortController();
    const end = () => {
      if (document.hidden && !signal.aborted) return;
      ended.abort();
      resolve();
    };
    document.addEventListener("visibilitychange", end, { signal: ended.signal });
    signal.addEventListener("abort", end, { signal: ended.signal });
  });
}

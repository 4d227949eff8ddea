/** Which page an address shows, and moving between pages without losing the key. */

import { RequestError } from "./api.js";
import { announce, byId, h, name, pageAddress } from "./dom.js";
import { showCompare } from "./pages/compare.js";
import { showProjects } from "./pages/projects.js";
import { showRun } from "./pages/run.js";
import { showRuns } from "./pages/runs.js";
import { visible } from "./text.js";

/**
 * What a page is given.
 * @typedef {object} Page
 * @property {HTMLElement} main Where it goes.
 * @property {string[]} parts The names in the address.
 * @property {string} tab What follows them.
 * @property {URLSearchParams} search
 * @property {Record<string, unknown>} kept What it kept when it was shown before.
 * @property {AbortSignal} signal Aborted when the page is left.
 * @property {(label: string) => void} setTitle
 * @property {(search: URLSearchParams, options?: {replace?: boolean}) => void} setSearch
 * @property {(kept: Record<string, unknown>) => void} keep Keep something for when the user comes back.
 * @property {(isLive: boolean) => void} setLive
 */

const TABS = new Set(["overview", "workspace", "runs", "table", "sweeps"]);

let leaving = new AbortController();

/** The path of the page that is shown. */
let shown = "";

/** @param {string} path @returns {string[]} */
function partsOf(path) {
  return path.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

/**
 * @param {string[]} parts
 * @returns {{show: (page: Page) => Promise<void>, names: string[], tab: string} | null}
 */
function route(parts) {
  const [entity, project, word, id, tab = ""] = parts;
  if (parts.length <= 1) return { show: showProjects, names: parts, tab: "" };
  const names = [entity, project];
  if (parts.length === 2 || (parts.length === 3 && TABS.has(word))) return { show: showRuns, names, tab: "" };
  if (parts.length === 3 && word === "compare") return { show: showCompare, names, tab: "" };
  if (parts.length > 5) return null;
  if (word === "runs") return { show: showRun, names: [...names, id], tab };
  if (word === "sweeps") return { show: showRuns, names: [...names, id], tab };
  return null;
}

/** @param {{isFirst?: boolean}} [options] */
async function render({ isFirst = false } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const main = byId("main");
  const parts = partsOf(location.pathname);
  const found = route(parts);
  shown = location.pathname;
  main.replaceChildren();
  main.className = "";
  showCrumbs(parts);
  byId("live").hidden = true;
  byId("lost").hidden = true;
  document.title = "wandb-runs local";
  if (!found) {
    showProblem(main, "There is no such page", "An address is /entity/project, /entity/project/runs/run or /entity/project/sweeps/sweep.");
    return;
  }
  /** @type {Page} */
  const page = {
    main,
    parts: found.names,
    tab: found.tab,
    search: new URLSearchParams(location.search),
    kept: history.state ?? {},
    signal,
    setTitle(label) {
      if (!signal.aborted) document.title = `${visible(label)} · wandb-runs local`;
    },
    setSearch(search, { replace = false } = {}) {
      if (signal.aborted) return;
      const address = `${location.pathname}${search.size ? `?${search}` : ""}`;
      if (address !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"](null, "", address);
    },
    keep(kept) {
      if (!signal.aborted) history.replaceState(kept, "");
    },
    setLive(isLive) {
      if (!signal.aborted) byId("live").hidden = !isLive;
    },
  };
  try {
    const rendered = found.show(page);
    // Each page makes its heading at once, before it asks for anything.
    if (!isFirst) focusHeading(main);
    await rendered;
  } catch (error) {
    if (signal.aborted) return;
    const isKnown = error instanceof RequestError;
    const title = isKnown && error.status === 401 ? "The key is missing" : "This page could not be shown";
    const retry = h("button", { type: "button", onclick: () => render() }, "Try again");
    showProblem(main, title, error instanceof Error ? error.message : String(error), retry);
    if (!isKnown) throw error;
  }
}

/** @param {HTMLElement} main */
function focusHeading(main) {
  const heading = main.querySelector("h1") ?? main;
  heading.setAttribute("tabindex", "-1");
  /** @type {HTMLElement} */ (heading).focus({ preventScroll: true });
  scrollTo(0, 0);
}

/**
 * @param {HTMLElement} main
 * @param {string} title
 * @param {string} text
 * @param {HTMLElement} [action]
 */
function showProblem(main, title, text, action) {
  main.replaceChildren(h("div", { class: "notice", role: "alert" }, h("h1", {}, title), h("p", {}, visible(text)), action ?? h("p", {}, h("a", { href: "/" }, "All projects"))));
  announce(title);
}

/** @param {string[]} parts */
function showCrumbs(parts) {
  const [entity, project, word, id] = parts;
  /** @type {[string, string][]} */
  const steps = [["/", "wandb-runs local"]];
  if (entity) steps.push([pageAddress(entity), entity]);
  if (project) steps.push([pageAddress(entity, project), project]);
  if (word === "compare") steps.push([location.pathname + location.search, "compare"]);
  if (id) steps.push([pageAddress(entity, project, word, id), id]);
  byId("crumbs").replaceChildren(
    ...steps.map(([address, label], index) => {
      const isLast = index === steps.length - 1;
      return h("li", {}, h("a", { href: address, "aria-current": isLast ? "page" : null }, name(label)));
    }),
  );
}

/** @param {string} address */
export function go(address) {
  history.pushState(null, "", address);
  void render();
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target || link.hasAttribute("download") || "leave" in link.dataset) return;
  const address = new URL(link.href, location.href);
  if (address.origin !== location.origin || /^\/(?:-|storage|exports)\//.test(address.pathname)) return;
  if (address.hash && address.pathname === location.pathname && address.search === location.search) return;
  event.preventDefault();
  if (address.href !== location.href) history.pushState(null, "", address.href);
  void render();
});

addEventListener("popstate", () => {
  // A fragment alone moves within the page.
  if (location.hash && location.pathname === shown) return;
  void render();
});

void render({ isFirst: true });

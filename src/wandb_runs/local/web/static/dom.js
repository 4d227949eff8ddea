/** Elements, made one by one: no text becomes markup. */

import { hasHidden, visible } from "./text.js";

/** @typedef {string | Node | null | undefined | false} Child */

/**
 * Make an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [attributes] `on…` are listeners; null and false are left out.
 * @param {...(Child | Child[])} children Strings become text.
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const each of children.flat()) {
    if (each !== null && each !== undefined && each !== false && each !== "") element.append(each);
  }
  return element;
}

/**
 * Text of others on one line, which cannot change the direction of what is around it.
 * @param {unknown} text
 */
export function name(text) {
  return h("bdi", {}, visible(text));
}

/**
 * A link to an address of others, if it is of the web and leads where its text says; else its text.
 *
 * Browsers read a backslash as a slash, leave characters out and others in, and take what is before
 * an @ for a name: none of these becomes a link.
 * @param {string} address
 * @returns {HTMLElement}
 */
export function outerLink(address) {
  const label = visible(address);
  const leads = /^https?:\/\/[\w.:[\]-]+(?:[/?#]|$)/i.test(address) && !address.includes("\\") && !hasHidden(address) && URL.canParse(address);
  if (!leads) return h("span", {}, label);
  return h("a", { href: address, rel: "noopener noreferrer nofollow", target: "_blank" }, label);
}

/**
 * The address of a page: parts of a path, whatever characters they have.
 * @param {...string} parts
 */
export function pageAddress(...parts) {
  return `/${parts.map(encodePart).join("/")}`;
}

/** @param {string} part */
function encodePart(part) {
  return encodeURIComponent(part.toWellFormed ? part.toWellFormed() : part);
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Tell something to screen readers, without moving the focus.
 * @param {string} text
 */
export function announce(text) {
  const status = byId("status");
  status.textContent = "";
  // Two equal messages are two: the second one is read as well.
  setTimeout(() => {
    status.textContent = text;
  }, 50);
}

/**
 * A time, in local time, with the exact instant for programs.
 * @param {Date | null} moment
 * @param {string} text
 */
export function time(moment, text) {
  return moment ? h("time", { datetime: moment.toISOString(), title: moment.toISOString() }, text) : "";
}

/**
 * The state of a run, as a word behind a dot.
 * @param {string | null | undefined} state
 */
export function stateBadge(state) {
  const known = ["running", "finished", "failed", "crashed", "killed", "pending", "preempting", "preempted"];
  const kind = state && known.includes(state) ? state : "other";
  return h("span", { class: `state state-${kind}` }, visible(state ?? "unknown"));
}

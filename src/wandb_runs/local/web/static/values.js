/** Nested values as a table with a search field. */

import { h } from "./dom.js";
import { asJson, cut, shortNumber, visible, visibleLines } from "./text.js";

const LONGEST = 160;
const MOST = 1000;
const DEEPEST = 20;

/**
 * The values in nested objects, each with its path; lists are values.
 * @param {Record<string, unknown>} values
 * @returns {Map<string, unknown>}
 */
export function flattened(values) {
  /** @type {Map<string, unknown>} */
  const found = new Map();
  /** @param {Record<string, unknown>} inner @param {string} prefix @param {number} depth */
  const add = (inner, prefix, depth) => {
    for (const [key, value] of Object.entries(inner).sort(byKey)) {
      const path = prefix ? `${prefix}.${spelled(key)}` : spelled(key);
      const isNested = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0;
      if (isNested && depth < DEEPEST) add(/** @type {Record<string, unknown>} */ (value), path, depth + 1);
      else found.set(path, value);
    }
  };
  add(values, "", 0);
  return found;
}

/** Keys of the SDK itself come last. @param {[string, unknown]} one @param {[string, unknown]} other */
function byKey([one], [other]) {
  const own = Number(one.startsWith("_")) - Number(other.startsWith("_"));
  return own || one.localeCompare(other, "en", { numeric: true });
}

/** A key as filters write it. @param {string} key */
function spelled(key) {
  return /^[\p{L}\p{N}_/-]+$/u.test(key) ? key : JSON.stringify(key);
}

/**
 * The config of a run without envelopes, and without what the SDK keeps there.
 * @param {Record<string, unknown>} config
 * @returns {Record<string, unknown>}
 */
export function withoutEnvelopes(config) {
  /** @type {[string, unknown][]} */
  const entries = [];
  for (const [key, entry] of Object.entries(config)) {
    if (key === "_wandb" || key === "wandb_version") continue;
    const isEnvelope = entry !== null && typeof entry === "object" && !Array.isArray(entry) && Object.hasOwn(entry, "value");
    entries.push([key, isEnvelope ? /** @type {any} */ (entry).value : entry]);
  }
  return Object.fromEntries(entries);
}

/**
 * A value of any kind, shortened, which can be opened.
 * @param {unknown} value
 * @param {{isOpen?: boolean, onopen?: () => void}} [options] Whether it is opened already, and what is called when it is.
 * @returns {Node}
 */
export function valueCell(value, { isOpen = false, onopen = () => {} } = {}) {
  if (typeof value === "number" || typeof value === "bigint") return h("span", { class: "value-number", title: String(value) }, shortNumber(value));
  const text = typeof value === "string" ? visibleLines(value) : visible(asJson(value));
  const kind = typeof value === "string" ? "value-text" : "value-other";
  if (isOpen || text.length <= LONGEST) return h("bdi", { class: kind }, text);
  const shown = h("bdi", { class: kind }, cut(text, LONGEST));
  const more = h("button", { type: "button", class: "quiet", onclick: () => {
    shown.textContent = text;
    more.remove();
    onopen();
  } }, `Show all ${text.length.toLocaleString("en")} characters`);
  return h("span", {}, shown, " ", more);
}

export class ValueTable {
  /**
   * @param {string} title
   * @param {string} id
   */
  constructor(title, id) {
    /** @type {Map<string, unknown>} */
    this.values = new Map();
    this.shown = "";
    /** The keys whose values are shown whole. @type {Set<string>} */
    this.opened = new Set();
    /** The rows that are shown, with what they show. @type {Map<string, {row: HTMLElement, text: string}>} */
    this.rows = new Map();
    this.search = h("input", { type: "search", id: `${id}-search`, placeholder: `Search ${title.toLowerCase()}`, "aria-label": `Search ${title.toLowerCase()}`, oninput: () => this.fill() });
    this.count = h("span", { class: "faint" });
    this.body = h("tbody");
    this.none = h("p", { class: "faint" }, "Nothing.");
    this.table = h("table", { class: "list values-table" }, h("caption", { class: "hidden" }, title), h("thead", { class: "hidden" }, h("tr", {}, h("th", { scope: "col" }, "Key"), h("th", { scope: "col" }, "Value"))), this.body);
    this.element = h("section", { id, "aria-labelledby": `${id}-title` },
      h("div", { class: "section-head" }, h("h2", { id: `${id}-title` }, title, " ", this.count), this.search), this.table, this.none);
  }

  /** @param {Record<string, unknown>} values */
  update(values) {
    const text = asJson(values);
    if (text === this.shown && text !== "{}") return;
    this.shown = text;
    this.values = flattened(values);
    this.count.textContent = String(this.values.size);
    this.search.hidden = this.values.size < 8;
    this.fill();
  }

  fill() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = [...this.values].filter(([key, value]) => !wanted || key.toLowerCase().includes(wanted) || asJson(value).toLowerCase().includes(wanted));
    const rows = new Map(found.slice(0, MOST).map(([key, value]) => [key, this.row(key, value)]));
    const isOther = rows.size !== this.rows.size || [...rows].some(([key, { row }]) => this.rows.get(key)?.row !== row);
    this.rows = rows;
    if (isOther) this.body.replaceChildren(...[...rows.values()].map(({ row }) => row));
    this.none.hidden = found.length > 0 && found.length <= MOST;
    this.none.textContent = found.length > MOST ? `and ${found.length - MOST} more: search for them` : this.values.size ? "Nothing is like this." : "Nothing.";
    this.table.hidden = !found.length;
  }

  /** The row of a key; the one that is there, with its focus and selection, unless its value changed. @param {string} key @param {unknown} value */
  row(key, value) {
    const text = `${typeof value} ${asJson(value)}`;
    const held = this.rows.get(key);
    if (held?.text === text) return held;
    const cell = valueCell(value, { isOpen: this.opened.has(key), onopen: () => this.opened.add(key) });
    return { row: h("tr", {}, h("th", { scope: "row" }, h("bdi", {}, visible(key))), h("td", {}, cell)), text };
  }
}

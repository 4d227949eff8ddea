/** Columns of the table of runs: attributes, and whatever keys a project has. */

import { h, name, pageAddress, stateBadge, time } from "./dom.js";
import { cut, decodeObject, duration, instant, localTime, shortValue, visible } from "./text.js";

/**
 * @typedef {object} Column
 * @property {string} id In addresses: an attribute, or the path of a key, as the server has it.
 * @property {string} label
 * @property {string | null} order What the server sorts by; null for what it cannot sort.
 * @property {boolean} isNumber
 * @property {boolean} [startsDescending]
 * @property {(run: any) => Node | string} cell
 */

/** @typedef {{path: string, types: string[]}} Field */

const LONGEST = 200;

/** @type {Column[]} */
export const ATTRIBUTES = [
  attribute("state", "State", "state", (run) => stateBadge(run.state)),
  attribute("created_at", "Created", "created_at", (run) => {
    const moment = instant(run.createdAt);
    return time(moment, moment ? localTime(moment).slice(0, 16) : "");
  }, { startsDescending: true }),
  attribute("duration", "Duration", "duration", (run) => {
    const [begun, heard] = [instant(run.createdAt), instant(run.heartbeatAt)];
    return begun && heard ? duration((heard.getTime() - begun.getTime()) / 1000) : "";
  }, { isNumber: true, startsDescending: true }),
  attribute("tags", "Tags", null, (run) => tags(run.tags)),
  attribute("id", "Id", "name", (run) => name(run.name)),
  attribute("username", "User", "username", (run) => visible(run.user?.username ?? "")),
  attribute("group", "Group", "group", (run) => visible(run.group ?? "")),
  attribute("job_type", "Job type", "job_type", (run) => visible(run.jobType ?? "")),
  attribute("sweep", "Sweep", "sweep", (run) => visible(run.sweepName ?? "")),
  attribute("host", "Host", "host", (run) => visible(run.host ?? "")),
  attribute("rows", "Rows", null, (run) => String(run.historyLineCount ?? ""), { isNumber: true }),
  attribute("notes", "Notes", null, (run) => cut(visible(run.notes ?? ""), LONGEST)),
];

export const DEFAULT_ATTRIBUTES = ["state", "created_at", "duration", "tags"];

/**
 * @param {string} id
 * @param {string} label
 * @param {string | null} order
 * @param {(run: any) => Node | string} cell
 * @param {Partial<Column>} [others]
 * @returns {Column}
 */
function attribute(id, label, order, cell, others = {}) {
  return { id, label, order, cell, isNumber: false, ...others };
}

/**
 * The tags of a run.
 * @param {(string | null)[] | null | undefined} listed
 */
export function tags(listed) {
  return h("span", { class: "tags" }, ...(listed ?? []).map((tag) => h("span", { class: "tag" }, visible(tag ?? ""))));
}

/**
 * The column of a key.
 * @param {Field} field
 * @returns {Column}
 */
export function keyColumn(field) {
  const isNumber = field.types.includes("number");
  return {
    id: field.path,
    label: labelOf(field.path),
    order: field.path,
    isNumber,
    startsDescending: false,
    cell: (run) => {
      const value = valueAt(field.path, run);
      if (value === undefined) return "";
      const text = shortValue(value);
      return text.length > LONGEST ? cut(text, LONGEST) : text;
    },
  };
}

/**
 * The path of a key as the language of filters has it.
 * @param {string} path
 */
export function labelOf(path) {
  const found = /^config\.(.+?)\.value(?:\.(.+))?$/.exec(path);
  if (found) return visible(`config.${found[1]}${found[2] === undefined ? "" : `.${found[2]}`}`);
  return visible(path.replace(/^summary_metrics\./, "summary."));
}

/**
 * The keys at the top of configs and summaries that have to be asked for to show some paths.
 * @param {Iterable<string>} paths
 */
export function topKeys(paths) {
  /** @type {{configKeys: string[], summaryKeys: string[]}} */
  const keys = { configKeys: [], summaryKeys: [] };
  for (const path of paths) {
    if (path.startsWith("config.")) keys.configKeys.push(...splits(path.slice("config.".length)).map(([key]) => key).flatMap(withoutValue));
    else if (path.startsWith("summary_metrics.")) keys.summaryKeys.push(...splits(path.slice("summary_metrics.".length)).map(([key]) => key));
  }
  return { configKeys: [...new Set(keys.configKeys)], summaryKeys: [...new Set(keys.summaryKeys)] };
}

/** @param {string} key */
const withoutValue = (key) => (key.endsWith(".value") ? [key, key.slice(0, -".value".length)] : [key]);

/**
 * The ways to take a path with dots for a key and keys below it, the longest key first.
 * @param {string} path
 * @returns {[string, string[]][]}
 */
function splits(path) {
  const parts = path.split(".");
  return parts.map((_, index) => {
    const end = parts.length - index;
    return /** @type {[string, string[]]} */ ([parts.slice(0, end).join("."), parts.slice(end)]);
  });
}

/**
 * The value at a path of a run; undefined where it has none.
 * @param {string} path
 * @param {any} run
 * @returns {unknown}
 */
export function valueAt(path, run) {
  if (path.startsWith("config.")) {
    run.parsedConfig ??= decodeObject(run.config);
    return below(run.parsedConfig, path.slice("config.".length));
  }
  run.parsedSummary ??= decodeObject(run.summaryMetrics);
  return below(run.parsedSummary, path.slice("summary_metrics.".length));
}

/**
 * @param {unknown} value
 * @param {string} path
 * @returns {unknown}
 */
function below(value, path) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  for (const [key, rest] of splits(path)) {
    if (!Object.hasOwn(value, key)) continue;
    const inner = /** @type {any} */ (value)[key];
    const found = rest.length ? below(inner, rest.join(".")) : inner;
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The columns that a table begins with: what is set, and what came out.
 * @param {Field[]} fields
 */
export function defaultKeys(fields) {
  const shown = fields.filter(({ path }) => !/^(?:config|summary_metrics)\._/.test(path));
  const config = shown.filter(({ path, types }) => path.startsWith("config.") && !types.includes("list"));
  const summary = shown.filter(({ path, types }) => path.startsWith("summary_metrics.") && types.includes("number"));
  // What is nested comes after what is not.
  const flat = (/** @type {Field[]} */ some) => [...some].sort((a, b) => depth(a) - depth(b)).slice(0, 5);
  return [...flat(summary), ...flat(config)].map(({ path }) => path);
}

/** @param {Field} field */
const depth = ({ path }) => path.replace(/\.value$/, "").split(".").length;

/**
 * The address of a run's page.
 * @param {string} entity
 * @param {string} project
 * @param {any} run
 */
export function runAddress(entity, project, run) {
  return pageAddress(entity, project, "runs", run.name);
}

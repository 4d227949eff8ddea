/**
 * Texts and values as they are shown.
 *
 * Names, notes, keys and values come from whatever logged them. Characters that could move or hide
 * other text are written as escapes, as the command line writes them.
 */

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const JOINERS = "\u200c\u200d";
const NOT_FINITE = new Set(["NaN", "Infinity", "-Infinity"]);

/** @param {string} character @returns {string} */
function escaped(character) {
  if (JOINERS.includes(character)) return character;
  const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
  if (short) return short;
  const code = /** @type {number} */ (character.codePointAt(0));
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/**
 * A text on one line, in which nothing is hidden.
 * @param {unknown} text
 * @returns {string}
 */
export function visible(text) {
  return String(text).replace(HIDDEN, escaped);
}

/**
 * A key as a name of something: in quotes where white space would hide it.
 * @param {string} key
 */
export function keyLabel(key) {
  return visible(key && key === key.trim() ? key : JSON.stringify(key));
}

/**
 * Whether a text has characters that are shown as escapes, or not at all.
 * @param {string} text
 */
export function hasHidden(text) {
  return text.search(HIDDEN) >= 0;
}

/**
 * A text that keeps its lines and tabs.
 * @param {unknown} text
 * @returns {string}
 */
export function visibleLines(text) {
  return String(text)
    .replaceAll("\r\n", "\n")
    .replace(HIDDEN, (each) => (each === "\n" || each === "\t" ? each : escaped(each)));
}

/**
 * The start of a text, and a sign that there is more.
 * @param {string} text
 * @param {number} length
 */
export function cut(text, length) {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/**
 * A number with as many digits as tell something.
 * @param {number | bigint} value
 * @returns {string}
 */
export function shortNumber(value) {
  if (typeof value === "bigint" || Number.isInteger(value)) {
    const text = String(value);
    return text.length <= 24 ? text : Number(value).toExponential(5);
  }
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(3).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(5)));
}

/**
 * A value of a config or a summary, on one line.
 * @param {unknown} value
 * @returns {string}
 */
export function shortValue(value) {
  if (value === undefined) return "";
  if (typeof value === "number" || typeof value === "bigint") return shortNumber(value);
  if (typeof value === "string") return visible(value);
  return visible(asJson(value));
}

/**
 * A value as JSON, with whole numbers of any size.
 * @param {unknown} value
 * @returns {string}
 */
export function asJson(value) {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(asJson).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const parts = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${asJson(each)}`);
    return `{${parts.join(", ")}}`;
  }
  return JSON.stringify(value) ?? "";
}

/**
 * Decode JSON as W&B has it: bare NaN and infinities become texts, long whole numbers BigInts.
 * @param {string | null | undefined} text
 * @returns {Record<string, unknown>}
 */
export function decodeObject(text) {
  if (!text) return {};
  let value;
  try {
    value = parseExact(text);
  } catch {
    value = parseExact(strict(text));
  }
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

/** @param {string} text @returns {any} */
export function parseExact(text) {
  return JSON.parse(text, /** @type {(key: string, value: any) => any} */ (exact));
}

/** Where a browser tells how a number was written. @param {string} _key @param {any} value @param {{source?: string}} [context] */
function exact(_key, value, context) {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !Number.isInteger(value)) return value;
  return context?.source && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
}

/** @param {string} text */
function strict(text) {
  return text.replace(/"(?:[^"\\]|\\[^])*"|-?Infinity|NaN/g, (found) =>
    found[0] === '"' ? found.replace(/[\u0000-\u001f]/g, jsonEscape) : `"${found}"`,
  );
}

/** @param {string} character */
function jsonEscape(character) {
  return JSON.stringify(character).slice(1, -1);
}

/**
 * A logged value as a number; undefined for what is none.
 * @param {unknown} value
 * @returns {number | undefined}
 */
export function asNumber(value) {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" && NOT_FINITE.has(value)) return Number(value);
  return undefined;
}

/**
 * An instant of the server, which writes UTC with or without the `Z`.
 * @param {string | null | undefined} text
 * @returns {Date | null}
 */
export function instant(text) {
  if (!text) return null;
  const moment = new Date(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(moment.getTime()) ? null : moment;
}

/** @param {number} value */
const two = (value) => String(value).padStart(2, "0");

/**
 * An instant in local time.
 * @param {Date} moment
 */
export function localTime(moment) {
  const day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join("-");
  return `${day} ${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
}

/**
 * How long ago an instant is.
 * @param {Date} moment
 * @param {number} [now]
 */
export function ago(moment, now = Date.now()) {
  const seconds = (now - moment.getTime()) / 1000;
  if (seconds < 0) return localTime(moment);
  if (seconds < 60) return "just now";
  /** @type {[number, string][]} */
  const units = [[86400 * 365, "year"], [86400 * 30, "month"], [86400, "day"], [3600, "hour"], [60, "minute"]];
  for (const [size, unit] of units) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

/**
 * A length of time.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const sign = seconds < 0 ? "-" : "";
  const size = Math.abs(seconds);
  if (size < 10) return `${sign}${Number(size.toFixed(1))}s`;
  const whole = Math.round(size);
  const [days, hours, minutes, rest] = [
    Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60,
  ];
  if (days) return `${sign}${days}d ${hours}h`;
  if (hours) return `${sign}${hours}h ${two(minutes)}m`;
  return minutes ? `${sign}${minutes}m ${two(rest)}s` : `${sign}${rest}s`;
}

/** @param {number} bytes */
export function fileSize(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit ? size.toPrecision(3) : size} ${units[unit]}`;
}

/**
 * A number with a noun.
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * The most similar of some words, if any is similar.
 * @param {string} word
 * @param {Iterable<string>} words
 * @returns {string | null}
 */
export function nearest(word, words) {
  const wanted = folded(word);
  let best = null;
  let least = Math.max(1, Math.floor(wanted.length * 0.4)) + 1;
  for (const each of words) {
    const distance = editDistance(wanted, folded(each), least);
    if (distance < least) [best, least] = [each, distance];
  }
  return best;
}

/** @param {string} word */
const folded = (word) => word.replace(/[_\s-]/g, "").toLowerCase().slice(0, 128);

/** @param {string} one @param {string} other @param {number} bound */
function editDistance(one, other, bound) {
  if (Math.abs(one.length - other.length) >= bound) return bound;
  let before = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row += 1) {
    const now = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const change = one[row - 1] === other[column - 1] ? 0 : 1;
      now.push(Math.min(before[column] + 1, now[column - 1] + 1, before[column - 1] + change));
    }
    before = now;
  }
  return before[other.length];
}

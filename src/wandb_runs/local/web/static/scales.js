/**
 * What an axis spans, and its ticks, for values of any size.
 *
 * uPlot's own are made for numbers of everyday sizes: differences in the last digits, and sizes at
 * the ends of what a number holds, leave it without an increment.
 */

import { shortNumber } from "./text.js";

/** Up to here, the difference of two values is a number. */
export const LARGEST = 1e300;

/** Down to here, numbers have all their digits. */
export const SMALLEST = 1e-300;

/** The least part of a value's size that an axis spans, so that its ticks differ. */
const FINEST = 1e-13;

/**
 * @param {number | null} min The least value in view; null where none is.
 * @param {number | null} max
 * @param {number} padding The part of the span that is left free at both ends.
 * @returns {[number, number] | [null, null]}
 */
export function linearRange(min, max, padding) {
  if (min === null || max === null) return [null, null];
  const size = Math.max(Math.abs(min), Math.abs(max));
  const span = max - min;
  const least = Math.max(size * FINEST, SMALLEST);
  const equal = size > 0 ? Math.max(size * 0.1, SMALLEST) : 1;
  const free = span > 0 ? Math.max(span * padding, (least - span) / 2) : equal;
  // An axis does not go beyond 0 for the sake of a free end.
  const low = min >= 0 ? Math.max(0, min - free) : min - free;
  const high = max <= 0 && min < 0 ? Math.min(0, max + free) : max + free;
  return [low, high];
}

/**
 * @param {number | null} min
 * @param {number | null} max
 * @returns {[number, number] | [null, null]}
 */
export function logRange(min, max) {
  if (min === null || max === null) return [null, null];
  const [low, high] = [powerBelow(min), powerBelow(max)];
  const first = Number(`${Math.max(1, Math.floor(min / low))}e${Math.round(Math.log10(low))}`);
  const last = Number(`${Math.ceil(max / high)}e${Math.round(Math.log10(high))}`);
  return first < last ? [first, last] : [low, low * 10];
}

/**
 * @param {number} min
 * @param {number} max
 * @param {number} most How many there are about.
 * @param {number} [least] The least step.
 * @returns {{ticks: number[], step: number}}
 */
export function linearTicks(min, max, most, least = 0) {
  const rough = Math.max((max - min) / Math.max(1, most), least);
  const power = powerBelow(rough);
  const step = power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
  const ticks = [];
  const last = Math.floor(max / step + 1e-9);
  for (let index = Math.ceil(min / step - 1e-9); index <= last && ticks.length <= 2 * most + 2; index += 1) ticks.push(index * step);
  return { ticks, step };
}

/**
 * @param {number} min
 * @param {number} max
 * @param {number} most
 * @returns {number[]}
 */
export function logTicks(min, max, most) {
  const [first, last] = [Math.floor(Math.log10(powerBelow(min)) + 0.5), Math.ceil(Math.log10(max))];
  const every = Math.max(1, Math.ceil((last - first) / Math.max(1, most)));
  /** @type {number[]} */
  let ticks = [];
  for (const factors of [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1]]) {
    ticks = [];
    for (let exponent = Math.ceil(first / every) * every; exponent <= last; exponent += every) {
      ticks.push(...factors.map((factor) => Number(`${factor}e${exponent}`)).filter((each) => each >= min && each <= max));
    }
    if (ticks.length <= most) break;
  }
  return ticks;
}

/**
 * Texts of ticks, with as many digits as tell them apart.
 * @param {number[]} ticks
 * @param {number} step
 * @returns {string[]}
 */
export function tickTexts(ticks, step) {
  const size = Math.max(0, ...ticks.map(Math.abs));
  const digits = size > 0 ? Math.min(15, Math.max(1, Math.round(Math.log10(powerBelow(size) / powerBelow(step))) + 1)) : 1;
  return ticks.map((each) => tickText(each, digits));
}

/** @param {number} value @param {number} digits */
function tickText(value, digits) {
  const rounded = Number(value.toPrecision(digits));
  const size = Math.abs(rounded);
  if (digits <= 5) {
    for (const [unit, letter] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e3, "k"]])) {
      if (size >= unit && size < unit * 1000) return `${Number((rounded / unit).toPrecision(digits))}${letter}`;
    }
    return size >= 1e12 ? rounded.toExponential() : shortNumber(rounded);
  }
  return size !== 0 && (size >= 1e16 || size < 1e-4) ? rounded.toExponential() : String(rounded);
}

/** The power of ten that a number has as its first digit's value. @param {number} value */
function powerBelow(value) {
  const exponent = Math.floor(Math.log10(value));
  const power = Number(`1e${exponent}`);
  // Logarithms are rounded.
  return power > value ? Number(`1e${exponent - 1}`) : power * 10 <= value ? power * 10 : power;
}

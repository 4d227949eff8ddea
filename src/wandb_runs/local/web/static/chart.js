/** One figure: curves over an axis, drawn by uPlot, with their values in words and as a table. */

import { h } from "./dom.js";
import { LARGEST, linearRange, linearTicks, logRange, logTicks, SMALLEST, tickTexts } from "./scales.js";
import { counted, duration, keyLabel, localTime, shortNumber } from "./text.js";

/* global uPlot */

/** @typedef {"_step" | "_runtime" | "_timestamp"} Axis */

/**
 * @typedef {object} Style
 * @property {number} color Which of the colours of curves.
 * @property {number} dash Which of the patterns.
 */

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {Style} style
 * @property {number[]} x
 * @property {number[]} y NaN and infinities as they were logged.
 */

/**
 * @typedef {object} Options
 * @property {Axis} axis
 * @property {boolean} isLog
 * @property {number} smoothing From 0 to 0.99.
 */

const COLORS = 8;
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
const HEIGHT = 200;
const TALL = 420;
const MOST_ROWS = 2000;
const MOST_TOLD = 12;
const UNITS = { _step: "step", _runtime: "seconds since the start", _timestamp: "time" };

/**
 * The style of one of several curves: neighbours differ in colour and in pattern.
 * @param {number} index
 * @returns {Style}
 */
export function styleAt(index) {
  return { color: index % COLORS, dash: (index + Math.floor(index / COLORS)) % DASHES.length };
}

/**
 * A sample of a curve's line, for legends.
 * @param {Style} style
 */
export function swatch({ color, dash }) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "line");
  for (const [key, value] of Object.entries({ class: `swatch curve-${color}`, viewBox: "0 0 24 8", width: "24", height: "8", "aria-hidden": "true" })) svg.setAttribute(key, value);
  for (const [key, value] of Object.entries({ x1: "0", x2: "24", y1: "4", y2: "4", stroke: "currentColor", "stroke-width": "2.5", "stroke-dasharray": DASHES[dash].join(" ") || "none" })) line.setAttribute(key, value);
  svg.append(line);
  return svg;
}

/** @param {string} variable */
function colorOf(variable) {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}

export class Chart {
  /**
   * @param {string} key What is drawn.
   * @param {AbortSignal} signal
   */
  constructor(key, signal) {
    this.key = key;
    this.title = keyLabel(key);
    /** @type {Series[]} */
    this.series = [];
    /** @type {Options} */
    this.options = { axis: "_step", isLog: false, smoothing: 0 };
    this.note = h("span", { class: "note" });
    this.plotted = h("div", { class: "plot" });
    this.message = h("p", { class: "faint plot-message" }, "…");
    this.tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.values = h("details", { class: "values", ontoggle: () => this.fillValues() }, h("summary", {}, "Values"));
    this.enlarge = h("button", { type: "button", class: "quiet", "aria-pressed": "false", "aria-label": `Enlarge ${this.title}`, onclick: () => this.toggleSize() }, "Enlarge");
    this.holder = h("div", { class: "plot-holder" }, this.message, this.plotted, this.tip);
    this.figure = h("figure", {},
      h("figcaption", {}, h("span", { class: "key" }, h("bdi", {}, this.title)), this.note, this.enlarge),
      this.holder, this.values,
    );
    /** @type {any} */
    this.plot = null;
    this.builtFor = "";
    /** @type {number | null} */
    this.at = null;
    const resized = new ResizeObserver(() => this.resize());
    resized.observe(this.holder);
    signal.addEventListener("abort", () => {
      resized.disconnect();
      this.plot?.destroy();
    }, { once: true });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw(), { signal });
    this.plotted.addEventListener("keydown", (event) => this.onKey(event));
    this.plotted.addEventListener("blur", () => this.hideTip());
  }

  get isTall() {
    return this.enlarge.getAttribute("aria-pressed") === "true";
  }

  toggleSize() {
    const isTall = !this.isTall;
    this.enlarge.setAttribute("aria-pressed", String(isTall));
    this.enlarge.textContent = isTall ? "Shrink" : "Enlarge";
    this.figure.classList.toggle("tall", isTall);
    this.resize();
  }

  resize() {
    const width = this.holder.clientWidth;
    if (this.plot && width) this.plot.setSize({ width, height: this.isTall ? TALL : HEIGHT });
  }

  /**
   * @param {Series[]} series
   * @param {Options} options
   * @param {string} note What is to be told of the sample.
   */
  update(series, options, note) {
    this.series = series;
    this.options = options;
    this.sampleNote = note;
    this.redraw(true);
    if (this.values.open) this.fillValues();
  }

  /** @param {string} text */
  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  redraw(keepsZoom = false) {
    const drawn = this.series.map((each) => drawnOf(each, this.options));
    this.tellOdd(drawn);
    const count = drawn.reduce((sum, each) => sum + each.count, 0);
    this.plotted.hidden = !count;
    if (!count) {
      this.say(this.series.some((each) => each.y.length) ? "No value can be drawn on this axis." : "No values.");
      return;
    }
    this.say("");
    const isFaint = this.options.smoothing > 0 && drawn.length <= 3;
    const tables = drawn.flatMap((each) => (isFaint ? [[each.x, each.raw], [each.x, each.y]] : [[each.x, each.y]]));
    const data = tables.length === 1 ? tables[0] : uPlot.join(tables);
    const built = JSON.stringify([this.options.axis, this.options.isLog, isFaint, this.series.map((each) => [each.label, each.style]), colorOf("--ink")]);
    if (this.plot && keepsZoom && built === this.builtFor) {
      const { min, max } = this.plot.scales.x;
      const before = this.plot.data[0];
      const isZoomed = before.length > 0 && (min > before[0] || max < before[before.length - 1]);
      this.plot.setData(data, !isZoomed);
      if (isZoomed) this.plot.redraw();
    } else {
      this.plot?.destroy();
      this.plotted.replaceChildren();
      this.plot = new uPlot(this.plotOptions(isFaint), data, this.plotted);
      this.builtFor = built;
    }
    this.describe(drawn);
  }

  /** @param {boolean} isFaint */
  plotOptions(isFaint) {
    const { axis, isLog } = this.options;
    const [ink, grid] = [colorOf("--faint"), colorOf("--grid")];
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const common = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 }, gap: 4 };
    const lines = this.series.flatMap((each) => {
      const stroke = colorOf(`--curve-${each.style.color}`);
      const line = { label: each.label, stroke, width: 1.5, dash: DASHES[each.style.dash], points: { size: 4, fill: stroke } };
      return isFaint ? [{ ...line, alpha: 0.3, dash: [], points: { show: false } }, line] : [line];
    });
    return {
      width: this.holder.clientWidth || 320,
      height: this.isTall ? TALL : HEIGHT,
      padding: [8, 12, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: axis === "_timestamp", range: (/** @type {any} */ _, /** @type {number | null} */ min, /** @type {number | null} */ max) => linearRange(min, max, 0) },
        y: { distr: isLog ? 3 : 1, range: (/** @type {any} */ _, /** @type {number | null} */ min, /** @type {number | null} */ max) => (isLog ? logRange(min, max) : linearRange(min, max, 0.1)) },
      },
      series: [{}, ...lines],
      axes: [
        { ...common, size: 26, space: 60, ...(axis === "_timestamp" ? {} : ownTicks((min, max, length) => {
          const { ticks, step } = linearTicks(min, max, length / 60, axis === "_step" ? 1 : 0);
          return [ticks, axis === "_runtime" && step >= 1 ? ticks.map(duration) : tickTexts(ticks, step).map((each) => (axis === "_runtime" ? `${each}s` : each))];
        })) },
        { ...common, size: (/** @type {any} */ _, /** @type {string[] | null} */ values) => 12 + 6.5 * Math.max(3, ...(values ?? []).map((each) => each.length)), ...ownTicks((min, max, length) => {
          if (isLog) {
            const ticks = logTicks(min, max, length / 30);
            return [ticks, ticks.map((each) => tickTexts([each], each)[0])];
          }
          const { ticks, step } = linearTicks(min, max, length / 40);
          return [ticks, tickTexts(ticks, step)];
        }) },
      ],
      cursor: { sync: { key: "curves" }, points: { size: 6 }, drag: { x: true, y: false }, y: false },
      hooks: { setCursor: [(/** @type {any} */ plot) => this.onCursor(plot)] },
    };
  }

  /** @param {any} plot */
  onCursor(plot) {
    const { left, idx } = plot.cursor;
    if (left === null || left < 0 || idx === null || idx === undefined) {
      this.hideTip();
      return;
    }
    this.showTip(plot.data[0][idx], plot.cursor.top, left);
  }

  hideTip() {
    this.tip.hidden = true;
    this.at = null;
  }

  /** @param {number} x @param {number} top @param {number} left */
  showTip(x, top, left) {
    const found = this.series.map((each) => ({ ...each, index: nearestIndex(each.x, x) }))
      .filter(({ index }) => index >= 0)
      .map((each) => ({ label: each.label, style: each.style, x: each.x[each.index], y: each.y[each.index] }));
    if (!found.length) {
      this.hideTip();
      return;
    }
    const wanted = this.plot.posToVal(top, "y");
    const near = found.length <= MOST_TOLD ? found : [...found].sort((a, b) => Math.abs(a.y - wanted) - Math.abs(b.y - wanted)).slice(0, MOST_TOLD);
    this.tip.replaceChildren(
      h("div", { class: "tip-x" }, axisText(this.options.axis, x)),
      ...near.map((each) => h("div", {}, swatch(each.style), " ", h("b", {}, shortNumber(each.y)), found.length > 1 ? h("span", { class: "tip-label" }, h("bdi", {}, each.label)) : null)),
      found.length > near.length ? h("div", { class: "faint" }, `and ${found.length - near.length} more`) : "",
    );
    this.tip.hidden = false;
    const bounds = this.plot.over.getBoundingClientRect();
    const holder = this.holder.getBoundingClientRect();
    const offset = bounds.left - holder.left + left;
    const isRight = offset > holder.width / 2;
    this.tip.style.left = isRight ? "" : `${offset + 10}px`;
    this.tip.style.right = isRight ? `${holder.width - offset + 10}px` : "";
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const xs = this.plot?.data[0];
    if (!xs?.length) return;
    const last = xs.length - 1;
    const step = event.shiftKey || event.key.startsWith("Page") ? Math.max(1, Math.round(xs.length / 10)) : 1;
    const at = this.at ?? -1;
    const moved = {
      ArrowRight: at + step, ArrowUp: at + step, PageUp: at + step, ArrowLeft: at - step, ArrowDown: at - step,
      PageDown: at - step, Home: 0, End: last,
    }[event.key];
    if (moved === undefined) return;
    event.preventDefault();
    this.at = Math.min(last, Math.max(0, moved));
    const x = xs[this.at];
    this.plot.setCursor({ left: this.plot.valToPos(x, "x"), top: this.plot.over.clientHeight / 2 }, false);
    this.showTip(x, this.plot.over.clientHeight / 2, this.plot.valToPos(x, "x"));
    const values = this.series.map((each) => {
      const index = nearestIndex(each.x, x);
      if (index < 0) return "";
      return this.series.length > 1 ? `${each.label} ${shortNumber(each.y[index])}` : shortNumber(each.y[index]);
    });
    this.plotted.setAttribute("aria-valuenow", String(x));
    this.plotted.setAttribute("aria-valuetext", `${axisText(this.options.axis, x)}: ${values.filter(Boolean).join(", ")}`);
  }

  /** @param {Drawn[]} drawn */
  describe(drawn) {
    const xs = this.plot.data[0];
    const ends = drawn.filter((each) => each.count).map((each) => {
      const finite = each.raw.filter((value) => value !== null);
      const range = `from ${shortNumber(/** @type {number} */ (finite[0]))} to ${shortNumber(/** @type {number} */ (finite.at(-1)))}`;
      return drawn.length > 1 ? `${each.label} ${range}` : range;
    });
    for (const [key, value] of Object.entries({
      tabindex: 0, role: "slider", "aria-label": `Curve of ${this.title} over ${UNITS[this.options.axis]}: ${ends.join("; ")}. Arrow keys move along it`,
      "aria-valuemin": xs[0], "aria-valuemax": xs.at(-1), "aria-valuenow": xs[this.at ?? 0], "aria-valuetext": axisText(this.options.axis, xs[this.at ?? 0]),
    })) this.plotted.setAttribute(key, String(value));
  }

  /** Say what is not drawn. @param {Drawn[]} drawn */
  tellOdd(drawn) {
    const sum = (/** @type {"nan" | "infinite" | "low" | "extreme"} */ what) => drawn.reduce((total, each) => total + each[what], 0);
    const told = [];
    if (sum("nan")) told.push(`${sum("nan")} NaN`);
    if (sum("infinite")) told.push(`${sum("infinite")} infinite`);
    if (sum("low")) told.push(`${sum("low")} not above 0`);
    if (sum("extreme")) told.push(`${sum("extreme")} too large or too small`);
    const odd = told.length ? `not drawn: ${told.join(", ")}` : "";
    const parts = [odd, this.sampleNote ?? ""].filter(Boolean);
    this.note.textContent = parts.join(" · ");
    this.note.classList.toggle("warning", Boolean(odd));
  }

  fillValues() {
    if (!this.values.open) return;
    const { axis } = this.options;
    const xs = [...new Set(this.series.flatMap((each) => each.x))].sort((a, b) => a - b);
    const maps = this.series.map((each) => new Map(each.x.map((x, index) => [x, each.y[index]])));
    const rows = xs.slice(0, MOST_ROWS).map((x) => h("tr", {},
      h("th", { scope: "row", class: "number" }, axis === "_timestamp" ? localTime(new Date(x * 1000)) : shortNumber(x)),
      ...maps.map((map) => h("td", { class: "number" }, map.has(x) ? String(map.get(x)) : "")),
    ));
    const head = h("tr", {}, h("th", { scope: "col", class: "number" }, UNITS[axis]), ...this.series.map((each) => h("th", { scope: "col", class: "number" }, this.series.length > 1 ? h("bdi", {}, each.label) : this.title)));
    const table = h("table", { class: "list" }, h("caption", { class: "hidden" }, `Values of ${this.title}`), h("thead", {}, head), h("tbody", {}, ...rows));
    const held = this.values.querySelector(".scroll");
    const top = held?.scrollTop ?? 0;
    held?.remove();
    const region = h("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": `Values of ${this.title}` }, table, xs.length > MOST_ROWS ? h("p", { class: "faint" }, `and ${counted(xs.length - MOST_ROWS, "row")} more`) : "");
    this.values.append(region);
    region.scrollTop = top;
  }
}

/**
 * An axis of uPlot with ticks of our own.
 * @param {(min: number, max: number, length: number) => [number[], string[]]} make Ticks and their texts, for an axis of so many pixels.
 */
function ownTicks(make) {
  /** @type {string[]} */
  let texts = [];
  return {
    // uPlot shows an axis if one of its increments has room.
    incrs: (/** @type {any} */ _, /** @type {number} */ _axis, /** @type {number} */ min, /** @type {number} */ max) => [Math.max(5, max - min)],
    splits: (/** @type {any} */ plot, /** @type {number} */ axis, /** @type {number} */ min, /** @type {number} */ max) => {
      const ratio = globalThis.devicePixelRatio || 1;
      const [ticks, made] = make(min, max, (axis ? plot.bbox.height : plot.bbox.width) / ratio || 200);
      texts = made;
      return ticks;
    },
    filter: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks,
    values: () => texts,
  };
}

/**
 * @typedef {object} Drawn
 * @property {string} label
 * @property {number[]} x
 * @property {(number | null)[]} y
 * @property {(number | null)[]} raw
 * @property {number} count
 * @property {number} nan
 * @property {number} infinite
 * @property {number} low
 * @property {number} extreme
 */

/** @param {Series} series @param {Options} options @returns {Drawn} */
function drawnOf(series, { isLog, smoothing }) {
  const told = { nan: 0, infinite: 0, low: 0, extreme: 0 };
  const raw = series.y.map((value) => {
    if (Number.isNaN(value)) told.nan += 1;
    else if (!Number.isFinite(value)) told.infinite += 1;
    else if (isLog && value <= 0) told.low += 1;
    else if (Math.abs(value) > LARGEST || (isLog && value < SMALLEST)) told.extreme += 1;
    else return value;
    return null;
  });
  const y = smoothing > 0 ? smoothed(raw, smoothing) : raw;
  return { label: series.label, x: series.x, y, raw, count: raw.filter((each) => each !== null).length, ...told };
}

/** An exponential moving average that does not begin at zero. @param {(number | null)[]} values @param {number} weight */
function smoothed(values, weight) {
  let [sum, scale] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + value * (1 - weight);
    scale = scale * weight + (1 - weight);
    return sum / scale;
  });
}

/** @param {number[]} sorted @param {number} wanted */
function nearestIndex(sorted, wanted) {
  let [low, high] = [0, sorted.length - 1];
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low > 0 && wanted - sorted[low - 1] <= sorted[low] - wanted ? low - 1 : low;
}

/** @param {Axis} axis @param {number} x */
function axisText(axis, x) {
  if (axis === "_timestamp") return localTime(new Date(x * 1000));
  return axis === "_runtime" ? `after ${duration(x)}` : `step ${shortNumber(x)}`;
}

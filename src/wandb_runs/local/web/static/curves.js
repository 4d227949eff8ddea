/** The curves of one or several runs: read when they come into view, and longer while runs go on. */

import { graphql } from "./api.js";
import { Chart } from "./chart.js";
import { h } from "./dom.js";
import { asNumber, counted, keyLabel } from "./text.js";

/** @typedef {import("./chart.js").Axis} Axis */
/** @typedef {import("./chart.js").Options} Options */
/** @typedef {import("./chart.js").Style} Style */

/**
 * A run whose curves are drawn.
 * @typedef {object} CurveRun
 * @property {string} id
 * @property {string} label
 * @property {Style} style
 * @property {Map<string, number>} keys Numeric keys of its history, with how many values each has.
 * @property {number} lines How many rows its history has.
 */

/**
 * What was read of a key of a run.
 * @typedef {object} Held
 * @property {number[]} x
 * @property {number[]} y
 * @property {number} lastStep
 * @property {number} lines The rows that the run had then.
 * @property {number} count The values that it had of the key.
 * @property {boolean} isWhole Whether it was read from the start, at once.
 */

/**
 * @typedef {object} Slot
 * @property {string} key
 * @property {Chart} chart
 * @property {Map<string, Held>} held
 * @property {boolean} isVisible
 */

/** @type {Record<Axis, string>} */
const AXES = { _step: "Step", _runtime: "Time since the start", _timestamp: "Wall time" };
const SPECS = 60;

/** What the SDK adds to each row. */
const OWN = /^_(?:step|runtime|timestamp|wandb)(?:$|[./])/;

/**
 * The numeric keys of a history, as the server describes it.
 * @param {any} historyKeys
 * @returns {Map<string, number>}
 */
export function numericKeys(historyKeys) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const [key, about] of Object.entries(historyKeys?.keys ?? {})) {
    if (OWN.test(key)) continue;
    const counts = /** @type {any} */ (about)?.typeCounts ?? [];
    const numbers = counts.filter((/** @type {any} */ each) => each?.type === "number");
    if (numbers.length) found.set(key, numbers.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + each.count, 0));
  }
  return found;
}

export class Curves {
  /**
   * @param {import("./main.js").Page} page
   * @param {string} entity
   * @param {string} project
   */
  constructor(page, entity, project) {
    this.page = page;
    this.entity = entity;
    this.project = project;
    /** @type {CurveRun[]} */
    this.runs = [];
    /** @type {Map<string, Slot>} */
    this.slots = new Map();
    /** @type {Map<Element, Slot>} */
    this.byFigure = new Map();
    /** @type {Map<string, {details: HTMLDetailsElement, grid: HTMLElement, count: HTMLElement}>} */
    this.sections = new Map();
    /** @type {Promise<void> | null} */
    this.reading = null;
    const axis = page.search.get("x") ?? "";
    this.options = /** @type {Options} */ ({
      axis: Object.hasOwn(AXES, axis) ? axis : "_step",
      isLog: page.search.get("scale") === "log",
      smoothing: Math.min(0.99, Math.max(0, Number(page.search.get("smoothing")) || 0)),
    });
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const slot = this.byFigure.get(entry.target);
        if (slot) slot.isVisible = entry.isIntersecting;
      }
      void this.read();
    }, { rootMargin: "300px" });
    page.signal.addEventListener("abort", () => this.observer.disconnect());
    this.body = h("div", { class: "curves" });
    this.none = h("p", { class: "faint", hidden: true });
    this.element = h("div", {}, this.makeToolbar(), this.none, this.body);
  }

  makeToolbar() {
    const axis = h("select", { id: "x-axis", onchange: () => this.setOptions({ axis: /** @type {Axis} */ (axis.value) }) },
      ...Object.entries(AXES).map(([value, label]) => h("option", { value, selected: value === this.options.axis }, label)));
    const log = h("input", { type: "checkbox", checked: this.options.isLog, onchange: () => this.setOptions({ isLog: log.checked }) });
    const told = h("output", { for: "smoothing" }, String(this.options.smoothing));
    const smoothing = h("input", { type: "range", id: "smoothing", min: 0, max: 0.99, step: 0.01, value: this.options.smoothing, oninput: () => {
      told.textContent = String(Number(smoothing.value));
      this.setOptions({ smoothing: Number(smoothing.value) });
    } });
    this.search = h("input", { type: "search", id: "key-search", placeholder: "Search curves", oninput: () => this.applySearch() });
    return h("div", { class: "toolbar" },
      h("label", { for: "key-search", class: "hidden" }, "Search curves"), this.search,
      h("span", { class: "field" }, h("label", { for: "x-axis" }, "X axis"), axis),
      h("label", { class: "field" }, log, "Log scale"),
      h("span", { class: "field" }, h("label", { for: "smoothing" }, "Smoothing"), smoothing, told),
    );
  }

  /** @param {Partial<Options>} changed */
  setOptions(changed) {
    const isOtherAxis = changed.axis !== undefined && changed.axis !== this.options.axis;
    this.options = { ...this.options, ...changed };
    const search = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries({ x: this.options.axis === "_step" ? "" : this.options.axis, scale: this.options.isLog ? "log" : "", smoothing: this.options.smoothing || "" })) {
      if (value) search.set(key, String(value));
      else search.delete(key);
    }
    this.page.setSearch(search, { replace: true });
    for (const slot of this.slots.values()) {
      if (isOtherAxis) slot.held.clear();
      else if (slot.held.size) this.draw(slot);
    }
    if (isOtherAxis) void this.read();
  }

  /**
   * Set the runs, or what is new of them.
   * @param {CurveRun[]} runs
   */
  setRuns(runs) {
    this.runs = runs;
    const keys = new Set(runs.flatMap((run) => [...run.keys.keys()]));
    const fresh = [...keys].filter((key) => !this.slots.has(key)).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    for (const key of fresh) this.addSlot(key);
    this.none.hidden = keys.size > 0;
    this.none.textContent = "No numbers were logged yet.";
    for (const slot of this.slots.values()) if (slot.held.size) this.draw(slot);
    this.applySearch();
    void this.read();
  }

  /** @param {string} key */
  addSlot(key) {
    const slash = key.indexOf("/");
    const prefix = slash > 0 ? key.slice(0, slash) : "";
    const { grid } = this.sections.get(prefix) ?? this.addSection(prefix);
    const chart = new Chart(key, this.page.signal);
    /** @type {Slot} */
    const slot = { key, chart, held: new Map(), isVisible: false };
    this.slots.set(key, slot);
    this.byFigure.set(chart.figure, slot);
    const after = [...grid.children].find((each) => (this.byFigure.get(each)?.key ?? "").localeCompare(key, "en", { numeric: true }) > 0);
    grid.insertBefore(chart.figure, after ?? null);
    this.observer.observe(chart.figure);
  }

  /** @param {string} prefix */
  addSection(prefix) {
    const grid = h("div", { class: "grid" });
    const count = h("span", { class: "faint" });
    const details = h("details", { open: true }, h("summary", {}, h("h3", {}, h("bdi", {}, prefix ? keyLabel(prefix) : "General")), " ", count), grid);
    const made = { details, grid, count };
    this.sections.set(prefix, made);
    const order = [...this.sections.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const following = this.sections.get(order[order.indexOf(prefix) + 1]);
    this.body.insertBefore(details, following?.details ?? null);
    return made;
  }

  applySearch() {
    const wanted = this.search?.value.trim().toLowerCase() ?? "";
    for (const { key, chart } of this.slots.values()) chart.figure.hidden = !key.toLowerCase().includes(wanted);
    for (const { details, grid, count } of this.sections.values()) {
      const shown = [...grid.children].filter((each) => !(/** @type {HTMLElement} */ (each).hidden)).length;
      details.hidden = shown === 0;
      count.textContent = String(shown);
    }
  }

  get samples() {
    return this.runs.length > 20 ? 150 : this.runs.length > 6 ? 300 : 500;
  }

  /** Read what is in view and not up to date; one request after another. */
  read() {
    this.reading ??= this.readAll().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  async readAll() {
    // What comes into view at the same moment is asked for together.
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (;;) {
      if (this.page.signal.aborted) return;
      const wanted = this.outdated();
      if (!wanted.length) return;
      try {
        await this.readSome(wanted);
      } catch (error) {
        if (this.page.signal.aborted) return;
        for (const { slot } of wanted) slot.chart.say(error instanceof Error ? error.message : String(error));
        return;
      }
    }
  }

  /** @returns {{slot: Slot, run: CurveRun}[]} */
  outdated() {
    const found = [];
    for (const slot of this.slots.values()) {
      if (!slot.isVisible || slot.chart.figure.hidden) continue;
      for (const run of this.runs) {
        const held = slot.held.get(run.id);
        if (run.keys.has(slot.key) && (!held || held.lines !== run.lines || this.lacksRows(held))) found.push({ slot, run });
      }
      if (found.length >= SPECS) break;
    }
    return found.slice(0, SPECS);
  }

  /**
   * Whether rows came with steps before the last one, so that reading on from there misses them.
   * @param {Held} held
   */
  lacksRows(held) {
    return !held.isWhole && held.x.length < held.count && held.count <= this.samples;
  }

  /** @param {{slot: Slot, run: CurveRun}[]} wanted */
  async readSome(wanted) {
    const { axis } = this.options;
    const { samples } = this;
    /** @type {Map<string, number>} */
    const counts = new Map();
    /** @type {Map<CurveRun, {slot: Slot, held: Held | null}[]>} */
    const byRun = new Map();
    for (const { slot, run } of wanted) {
      const held = slot.held.get(run.id) ?? null;
      // Rows that were added are read alone; a history that was cut, or grew a lot, from its start.
      const count = run.keys.get(slot.key) ?? 0;
      // Several programs may log to one run, so that rows come with steps before the last one.
      const isWhole = held !== null && (held.count > samples || held.x.length >= held.count);
      const goesOn = held !== null && isWhole && run.lines > held.lines && held.x.length < 2 * samples;
      counts.set(`${run.id}\n${slot.key}`, count);
      byRun.set(run, [...(byRun.get(run) ?? []), { slot, held: goesOn ? held : null }]);
    }
    const runs = [...byRun.keys()];
    const lines = runs.map((run) => run.lines);
    const declared = runs.map((_, index) => `$n${index}: String!, $s${index}: [JSONString!]!`).join(", ");
    const fields = runs.map((_, index) => `r${index}: run(name: $n${index}) { sampledHistory(specs: $s${index}) }`).join(" ");
    const query = `query PageCurves($entity: String!, $project: String!, ${declared}) { project(entityName: $entity, name: $project) { ${fields} } }`;
    /** @type {Record<string, unknown>} */
    const variables = { entity: this.entity, project: this.project };
    runs.forEach((run, index) => {
      variables[`n${index}`] = run.id;
      variables[`s${index}`] = /** @type {{slot: Slot, held: Held | null}[]} */ (byRun.get(run)).map(({ slot, held }) => JSON.stringify({
        keys: [...new Set(["_step", axis, slot.key])], samples, ...(held ? { minStep: held.lastStep + 1 } : {}),
      }));
    });
    const { project } = await graphql(query, variables, this.page.signal);
    if (axis !== this.options.axis) return;
    runs.forEach((run, index) => {
      const answered = project?.[`r${index}`]?.sampledHistory ?? [];
      byRun.get(run)?.forEach(({ slot, held }, place) => {
        slot.held.set(run.id, extended(held, answered[place] ?? [], axis, slot.key, lines[index], counts.get(`${run.id}\n${slot.key}`) ?? 0));
      });
    });
    for (const slot of new Set(wanted.map((each) => each.slot))) this.draw(slot);
  }

  /** @param {Slot} slot */
  draw(slot) {
    const own = this.runs.filter((run) => slot.held.has(run.id));
    const series = own.map((run) => {
      const { x, y } = /** @type {Held} */ (slot.held.get(run.id));
      return { label: run.label, style: run.style, x, y };
    });
    const logged = own.reduce((sum, run) => sum + (run.keys.get(slot.key) ?? 0), 0);
    const shown = series.reduce((sum, each) => sum + each.x.length, 0);
    const note = shown && logged > shown ? `${shown.toLocaleString("en")} of ${counted(logged, "value")}` : "";
    slot.chart.update(series, this.options, note);
  }
}

/**
 * @param {Held | null} held
 * @param {any[]} rows
 * @param {Axis} axis
 * @param {string} key
 * @param {number} lines
 * @param {number} count
 * @returns {Held}
 */
function extended(held, rows, axis, key, lines, count) {
  const points = held ? held.x.map((x, index) => /** @type {[number, number]} */ ([x, held.y[index]])) : [];
  let lastStep = held?.lastStep ?? -1;
  for (const row of rows) {
    const [x, y, step] = [asNumber(row[axis]), asNumber(row[key]), asNumber(row._step)];
    if (step !== undefined) lastStep = Math.max(lastStep, step);
    if (x !== undefined && y !== undefined && Number.isFinite(x)) points.push([x, y]);
  }
  // A run that was resumed may have clocks that went back.
  if (axis !== "_step") points.sort((a, b) => a[0] - b[0]);
  return { x: points.map((each) => each[0]), y: points.map((each) => each[1]), lastStep, lines, count, isWhole: held === null };
}

/** The runs of a project or of a sweep, as a table: filtered and sorted by the server. */

import { FilterError, graphql, poll, RequestError, translateFilter } from "../api.js";
import { ATTRIBUTES, DEFAULT_ATTRIBUTES, defaultKeys, keyColumn, labelOf, runAddress, topKeys } from "../columns.js";
import { announce, h, name, pageAddress } from "../dom.js";
import { showMissing, showMissingProject } from "../missing.js";
import { counted, shortNumber, visible, visibleLines } from "../text.js";

/** @typedef {import("../columns.js").Column} Column */
/** @typedef {import("../columns.js").Field} Field */

const SIZE = 100;
const EVERY = 2;
const IDLE_EVERY = 10;
const MOST_FIELDS = 5000;
const MOST_LISTED = 200;

/** How many pixels before its end the table gets longer. */
const NEAR = 900;

/** How many runs are compared where none are chosen. */
const FIRST = 10;
const DEFAULT_ORDER = "-created_at";

const NODE = `
  name displayName state createdAt heartbeatAt tags group jobType sweepName host historyLineCount
  notes @include(if: $notes)
  user { username }
  config(keys: $configKeys)
  summaryMetrics(keys: $summaryKeys)`;

const VARIABLES = "$entity: String!, $project: String!, $filters: JSONString, $configKeys: [String!], $summaryKeys: [String!], $notes: Boolean!";

const RUNS = `query PageRuns(${VARIABLES}, $order: String, $first: Int, $after: String) {
  project(entityName: $entity, name: $project) {
    runCount(filters: $filters)
    runs(filters: $filters, order: $order, first: $first, after: $after) {
      edges { node { ${NODE} } }
      pageInfo { endCursor hasNextPage }
    }
  }
}`;

const CHANGES = `query PageRunsNow(${VARIABLES}, $running: JSONString, $most: Int) {
  project(entityName: $entity, name: $project) {
    runCount(filters: $filters)
    runs(filters: $running, first: $most) { edges { node { ${NODE} } } }
  }
}`;

const COUNT = `query PageRunCount($entity: String!, $project: String!, $filters: JSONString) {
  project(entityName: $entity, name: $project) { runCount(filters: $filters) }
}`;

const FIELDS = `query PageFields($entity: String!, $project: String!, $after: String) {
  project(entityName: $entity, name: $project) {
    fields(first: 1000, after: $after) { edges { node { path type } } pageInfo { endCursor hasNextPage } }
  }
}`;

const SWEEP = `query PageSweep($entity: String!, $project: String!, $id: String!) {
  project(entityName: $entity, name: $project) {
    sweep(sweepName: $id) { name displayName state method description bestLoss config runCount runCountExpected }
  }
}`;

/** @param {import("../main.js").Page} page */
export async function showRuns(page) {
  const [entity, project, sweep] = page.parts;
  page.setTitle(sweep ? `${sweep} · ${project}` : project);
  page.main.classList.add("wide");
  const heading = h("h1", {}, sweep ? h("span", { class: "faint" }, "Sweep ") : null, name(sweep ?? project));
  page.main.append(h("div", { class: "heading" }, heading));
  const table = new RunTable(page, entity, project, sweep);
  const [fields, about] = await Promise.all([
    readFields(entity, project, page.signal),
    sweep ? readSweep(entity, project, sweep, page.signal) : null,
  ]);
  if (!fields) return showMissingProject(page.main, entity, project, page.signal);
  if (sweep && !about) return showMissing(page.main, entity, project, "sweep", sweep, page.signal);
  if (about) page.main.append(describeSweep(about));
  table.setFields(fields);
  page.main.append(...table.elements);
  await table.load();
  await table.follow();
}

/**
 * @param {string} entity
 * @param {string} project
 * @param {AbortSignal} signal
 * @returns {Promise<Field[] | null>} Null where there is no such project.
 */
async function readFields(entity, project, signal) {
  /** @type {Map<string, string[]>} */
  const types = new Map();
  let after = null;
  do {
    const answer = await graphql(FIELDS, { entity, project, after }, signal);
    if (!answer.project) return null;
    const { edges, pageInfo } = answer.project.fields;
    for (const { node } of edges) types.set(node.path, [...(types.get(node.path) ?? []), node.type]);
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after && types.size < MOST_FIELDS);
  return [...types].map(([path, each]) => ({ path, types: each }));
}

/** @param {string} entity @param {string} project @param {string} id @param {AbortSignal} signal */
async function readSweep(entity, project, id, signal) {
  return (await graphql(SWEEP, { entity, project, id }, signal)).project?.sweep ?? null;
}

/** @param {any} sweep */
function describeSweep(sweep) {
  const expected = sweep.runCountExpected ? ` of ${sweep.runCountExpected}` : "";
  const facts = [
    sweep.displayName ? visible(sweep.displayName) : "",
    visible(sweep.state ?? "").toLowerCase(),
    sweep.method ? `method ${visible(sweep.method)}` : "",
    `${sweep.runCount}${expected} runs`,
    sweep.bestLoss === null ? "" : `best ${shortNumber(sweep.bestLoss)}`,
  ];
  return h("div", { class: "about" },
    h("p", {}, facts.filter(Boolean).join(" · ")),
    sweep.description ? h("p", {}, visibleLines(sweep.description)) : null,
    sweep.config ? h("details", {}, h("summary", {}, "Definition"), h("pre", {}, visibleLines(sweep.config))) : null,
  );
}

class RunTable {
  /**
   * @param {import("../main.js").Page} page
   * @param {string} entity
   * @param {string} project
   * @param {string | undefined} sweep
   */
  constructor(page, entity, project, sweep) {
    this.page = page;
    this.entity = entity;
    this.project = project;
    this.sweep = sweep;
    /** @type {Field[]} */
    this.fields = [];
    /** @type {Column[]} */
    this.columns = [];
    /** @type {Map<string, {run: any, row: HTMLTableRowElement, texts: string[]}>} */
    this.rows = new Map();
    /** @type {Map<string, string>} */
    this.chosen = new Map();
    this.where = page.search.get("where") ?? "";
    this.order = page.search.get("order") || DEFAULT_ORDER;
    /** @type {string | null} */
    this.filters = null;
    this.count = 0;
    /** @type {string | null} */
    this.after = null;
    this.hasMore = false;
    this.isLoading = false;
    /** Counts what is asked for anew, so that late answers are dropped. */
    this.turn = 0;

    this.filterField = h("input", {
      id: "where", type: "text", class: "filter", value: this.where, spellcheck: "false", autocomplete: "off",
      autocapitalize: "off", placeholder: 'config.lr < 0.1 and state == "finished"', "aria-describedby": "where-error",
    });
    this.filterError = h("div", { id: "where-error", class: "problem", "aria-live": "polite" });
    this.counter = h("output", { class: "counter" });
    this.clear = h("button", { type: "button", hidden: !this.where, onclick: () => this.applyFilter("") }, "Clear");
    this.compare = h("a", { class: "button primary", "aria-disabled": "true" }, "Compare");
    this.columnPanel = h("details", { class: "menu" });
    this.headRow = h("tr");
    this.body = h("tbody");
    this.more = h("button", { type: "button", hidden: true, onclick: () => this.loadMore() }, "Load more runs");
    this.empty = h("p", { class: "faint", hidden: true }, "No run is selected by this filter.");
    this.region = h("div", { class: "scroll table-region", role: "region", "aria-label": "Runs", tabindex: 0 },
      h("table", { class: "list runs" }, h("thead", {}, this.headRow), this.body),
      this.empty,
      h("p", { class: "more" }, this.more),
    );
    const form = h("form", { class: "toolbar", role: "search", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.applyFilter(this.filterField.value);
    } },
      h("label", { for: "where" }, "Filter"), this.filterField,
      h("button", { type: "submit" }, "Apply"), this.clear, this.counter,
      h("span", { class: "space" }), this.columnPanel, this.compare,
    );
    this.elements = [form, this.filterError, filterHelp(), this.region];
    this.region.addEventListener("scroll", () => this.loadNearEnd(), { passive: true });
    this.showChosen();
  }

  /** @param {Field[]} fields */
  setFields(fields) {
    this.fields = fields;
    const asked = this.page.search.getAll("column");
    const ids = asked.length ? asked : this.defaultColumns();
    this.columns = ids.map((id) => this.columnOf(id));
    this.makeColumnPanel();
    this.makeHead();
  }

  defaultColumns() {
    return [...DEFAULT_ATTRIBUTES, ...defaultKeys(this.fields)];
  }

  /** @param {string} id @returns {Column} */
  columnOf(id) {
    return ATTRIBUTES.find((each) => each.id === id)
      ?? keyColumn(this.fields.find((each) => each.path === id) ?? { path: id, types: [] });
  }

  /** What the address says, so that it can be shared and gone back to. @param {boolean} replace */
  saveState(replace) {
    const search = new URLSearchParams();
    if (this.where) search.set("where", this.where);
    if (this.order !== DEFAULT_ORDER) search.set("order", this.order);
    const ids = this.columns.map((each) => each.id);
    if (ids.join("\n") !== this.defaultColumns().join("\n")) ids.forEach((id) => search.append("column", id));
    this.page.setSearch(search, { replace });
  }

  makeHead() {
    const sorted = this.order.replace(/^[+-]/, "");
    const head = (/** @type {string} */ label, /** @type {string | null} */ order, /** @type {Partial<Column>} */ column) => {
      const isSorted = order !== null && order === sorted;
      const direction = this.order.startsWith("+") ? "ascending" : "descending";
      return h("th", { scope: "col", class: column.isNumber ? "number" : null, "aria-sort": isSorted ? direction : null },
        order === null ? keyLabel(label)
          : h("button", { type: "button", class: "sort", title: label, onclick: () => this.sortBy(order, Boolean(column.startsDescending)) }, keyLabel(label), h("span", { class: "arrow", "aria-hidden": "true" })),
      );
    };
    this.headRow.replaceChildren(
      h("td", { class: "pick" }, h("span", { class: "hidden" }, "Compare")),
      Object.assign(head("Name", "display_name", {}), { className: "name" }),
      ...this.columns.map((each) => head(each.label, each.order, each)),
    );
  }

  makeColumnPanel() {
    const search = h("input", { type: "search", id: "column-search", placeholder: "Search keys", oninput: () => fill() });
    const list = h("ul", { class: "choices" });
    const fill = () => {
      const wanted = search.value.trim().toLowerCase();
      const used = new Set(this.columns.map((each) => each.id));
      const known = [...ATTRIBUTES.map((each) => each.id), ...this.fields.map((each) => each.path)];
      const ids = [...used, ...known.filter((id) => !used.has(id))].filter((id) => this.columnOf(id).label.toLowerCase().includes(wanted));
      list.replaceChildren(
        ...ids.slice(0, MOST_LISTED).map((id) => {
          const box = h("input", { type: "checkbox", checked: used.has(id), onchange: () => this.chooseColumn(id, box.checked) });
          return h("li", {}, h("label", {}, box, " ", this.columnOf(id).label));
        }),
        ...(ids.length > MOST_LISTED ? [h("li", { class: "faint" }, `and ${ids.length - MOST_LISTED} more: search for them`)] : []),
      );
    };
    const reset = h("button", { type: "button", onclick: () => {
      this.columns = this.defaultColumns().map((id) => this.columnOf(id));
      fill();
      this.columnsChanged();
    } }, "Reset");
    this.columnPanel.replaceChildren(
      h("summary", { class: "button" }, "Columns"),
      h("div", { class: "panel" }, h("p", { class: "toolbar" }, h("label", { for: "column-search", class: "hidden" }, "Search keys"), search, reset), list),
    );
    this.columnPanel.addEventListener("toggle", () => {
      if (this.columnPanel.open) {
        fill();
        search.focus();
      }
    });
    this.columnPanel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.columnPanel.open) return;
      this.columnPanel.open = false;
      this.columnPanel.querySelector("summary")?.focus();
    });
    document.addEventListener("pointerdown", (event) => {
      if (event.target instanceof Node && !this.columnPanel.contains(event.target)) this.columnPanel.open = false;
    }, { signal: this.page.signal });
  }

  /** @param {string} id @param {boolean} isChosen */
  chooseColumn(id, isChosen) {
    if (isChosen) this.columns.push(this.columnOf(id));
    else this.columns = this.columns.filter((each) => each.id !== id);
    this.columnsChanged();
  }

  columnsChanged() {
    this.saveState(true);
    this.makeHead();
    void this.load({ keepsCount: true });
  }

  /** @param {string} order @param {boolean} startsDescending */
  sortBy(order, startsDescending) {
    const first = startsDescending ? "-" : "+";
    const other = startsDescending ? "+" : "-";
    const sorted = this.order.slice(1) === order;
    this.order = sorted && this.order.startsWith(first) ? other + order : first + order;
    this.saveState(false);
    const column = this.columns.findIndex((each) => each.order === order) + 2;
    this.makeHead();
    /** @type {HTMLElement | null} */ (this.headRow.children[Math.max(1, column)]?.querySelector("button"))?.focus();
    announce(`Sorted by ${labelOf(order)}, ${this.order.startsWith("+") ? "ascending" : "descending"}`);
    void this.load();
  }

  /** @param {string} text */
  async applyFilter(text) {
    this.filterField.value = text;
    const before = this.where;
    this.where = text.trim();
    this.clear.hidden = !this.where;
    const isFilter = await this.load({ tells: true });
    // What is no filter is no state to go back to.
    if (isFilter && this.where !== before) this.saveState(false);
  }

  variables() {
    const ids = this.columns.map((each) => each.id);
    return {
      entity: this.entity, project: this.project, filters: this.filters, ...topKeys(ids), notes: ids.includes("notes"),
    };
  }

  /**
   * Read the first page.
   * @param {{tells?: boolean, keepsCount?: boolean}} [options]
   * @returns {Promise<boolean>} Whether it could be read.
   */
  async load({ tells = false, keepsCount = false } = {}) {
    this.turn += 1;
    const { turn } = this;
    this.isLoading = true;
    this.region.setAttribute("aria-busy", "true");
    try {
      const filters = this.joined(await translateFilter(this.where, this.page.signal));
      if (turn !== this.turn) return false;
      this.filters = filters;
      this.showProblem(null);
      const first = keepsCount ? Math.min(1000, Math.max(SIZE, this.rows.size)) : SIZE;
      const answer = await graphql(RUNS, { ...this.variables(), order: this.order, first, after: null }, this.page.signal);
      if (turn !== this.turn) return false;
      this.take(answer.project, true);
      if (tells) announce(`${counted(this.count, "run")} found`);
      if (!keepsCount) this.region.scrollTop = 0;
      return true;
    } catch (error) {
      if (this.page.signal.aborted || turn !== this.turn) return false;
      const isRefused = error instanceof FilterError || (error instanceof RequestError && error.status !== 401 && error.status !== 0);
      if (!isRefused) throw error;
      this.showProblem(error);
      return false;
    } finally {
      if (turn === this.turn) {
        this.isLoading = false;
        this.region.removeAttribute("aria-busy");
      }
    }
  }

  async loadMore() {
    if (this.isLoading || !this.hasMore) return;
    const { turn } = this;
    this.isLoading = true;
    this.more.textContent = "Loading…";
    try {
      const answer = await graphql(RUNS, { ...this.variables(), order: this.order, first: SIZE, after: this.after }, this.page.signal);
      if (turn === this.turn) this.take(answer.project, false);
    } catch (error) {
      if (this.page.signal.aborted) return;
      if (!(error instanceof RequestError)) throw error;
      this.showProblem(error);
      this.hasMore = false;
    } finally {
      if (turn === this.turn) this.isLoading = false;
      this.more.textContent = "Load more runs";
      this.loadNearEnd();
    }
  }

  loadNearEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.region;
    if (this.hasMore && !this.isLoading && scrollTop + clientHeight > scrollHeight - NEAR) void this.loadMore();
  }

  /** @param {string | null} filters */
  joined(filters) {
    if (!this.sweep) return filters;
    const own = { sweep: this.sweep };
    return JSON.stringify(filters === null ? own : { $and: [own, JSON.parse(filters)] });
  }

  /** @param {RequestError | FilterError | null} error */
  showProblem(error) {
    this.filterField.setAttribute("aria-invalid", String(Boolean(error)));
    if (!error) {
      this.filterError.replaceChildren();
      return;
    }
    const { column, line, excerpt } = error instanceof FilterError ? error : { column: null, line: null, excerpt: null };
    const where = column === null ? "" : `${this.where.includes("\n") ? `Line ${line}, column` : "Column"} ${column}: `;
    this.filterError.replaceChildren(
      h("p", {}, where + error.message),
      excerpt ? h("pre", { "aria-hidden": "true" }, visibleLines(excerpt)) : "",
    );
    this.filterField.focus();
    if (column !== null && !this.where.includes("\n")) {
      const at = [...this.where].slice(0, column - 1).join("").length;
      this.filterField.setSelectionRange(at, at);
    }
  }

  /** @param {any} project @param {boolean} isAnew */
  take(project, isAnew) {
    if (!project) throw new RequestError("The project is gone.", 404);
    const nodes = project.runs.edges.map((/** @type {any} */ edge) => edge.node);
    this.count = project.runCount;
    this.after = project.runs.pageInfo.endCursor;
    this.hasMore = project.runs.pageInfo.hasNextPage;
    if (isAnew) {
      const held = this.rows;
      this.rows = new Map();
      const rows = nodes.map((/** @type {any} */ run) => this.rowOf(run, held.get(run.name)));
      const focused = /** @type {HTMLElement | null} */ (document.activeElement);
      const { scrollTop } = this.region;
      this.body.replaceChildren(...rows);
      // Rows that stay are put in again, which takes the focus from what is in them.
      if (focused && this.body.contains(focused)) focused.focus({ preventScroll: true });
      this.region.scrollTop = scrollTop;
    } else {
      this.body.append(...nodes.filter((/** @type {any} */ run) => !this.rows.has(run.name)).map((/** @type {any} */ run) => this.rowOf(run)));
    }
    this.showCount();
  }

  showCount() {
    this.more.hidden = !this.hasMore;
    this.empty.hidden = this.rows.size > 0;
    this.empty.textContent = this.where ? "No run is selected by this filter." : "There are no runs yet.";
    this.counter.textContent = this.rows.size < this.count ? `${this.rows.size} of ${counted(this.count, "run")}` : counted(this.count, "run");
    this.showChosen();
    this.page.setLive([...this.rows.values()].some(({ run }) => run.state === "running"));
  }

  /**
   * @param {any} run
   * @param {{run: any, row: HTMLTableRowElement, texts: string[]}} [held]
   * @returns {HTMLTableRowElement}
   */
  rowOf(run, held) {
    const row = held?.row ?? this.makeRow(run);
    const cells = this.columns.map((column) => column.cell(run));
    const entry = { run, row, texts: cells.map((cell) => (typeof cell === "string" ? cell : cell.textContent ?? "")) };
    const title = row.children[1].querySelector("a");
    const label = visible(run.displayName || run.name);
    if (title && title.textContent !== label) title.replaceChildren(name(run.displayName || run.name));
    while (row.children.length > cells.length + 2) row.lastElementChild?.remove();
    cells.forEach((cell, index) => {
      const present = row.children[index + 2];
      if (present && held && held.texts[index] === entry.texts[index] && held.row.dataset.columns === this.columnKey()) return;
      const made = h("td", { class: this.columns[index].isNumber ? "number" : null }, cell);
      if (present) present.replaceWith(made);
      else row.append(made);
    });
    row.dataset.columns = this.columnKey();
    this.rows.set(run.name, entry);
    return row;
  }

  columnKey() {
    return this.columns.map((each) => each.id).join("\n");
  }

  /** @param {any} run */
  makeRow(run) {
    const label = visible(run.displayName || run.name);
    const box = h("input", { type: "checkbox", checked: this.chosen.has(run.name), "aria-label": `Compare ${label}`, onchange: () => {
      if (box.checked) this.chosen.set(run.name, label);
      else this.chosen.delete(run.name);
      this.showChosen();
    } });
    return h("tr", {},
      h("td", { class: "pick" }, box),
      h("th", { scope: "row", class: "name" }, h("a", { href: runAddress(this.entity, this.project, run), title: `${label} (${visible(run.name)})` }, name(run.displayName || run.name))),
    );
  }

  showChosen() {
    // Without any that are chosen, the first ones.
    const first = this.rows.size > 1 ? [...this.rows.keys()].slice(0, FIRST) : [];
    const ids = this.chosen.size ? [...this.chosen.keys()] : first;
    this.compare.textContent = this.chosen.size ? `Compare ${counted(ids.length, "run")}` : ids.length ? `Compare the first ${ids.length}` : "Compare";
    if (ids.length) {
      const search = new URLSearchParams(ids.map((id) => ["run", id]));
      this.compare.setAttribute("href", `${pageAddress(this.entity, this.project, "compare")}?${search}`);
      this.compare.removeAttribute("aria-disabled");
    } else {
      this.compare.removeAttribute("href");
      this.compare.setAttribute("aria-disabled", "true");
    }
  }

  /** Keep what runs up to date, and notice runs that are new. */
  async follow() {
    const { signal } = this.page;
    let last = performance.now();
    await poll(async () => {
      if (this.isLoading) return;
      const { turn } = this;
      const running = [...this.rows.values()].filter(({ run }) => run.state === "running" || run.state === "pending").map(({ run }) => run.name);
      const now = performance.now();
      if (!running.length && now - last < IDLE_EVERY * 1000) return;
      last = now;
      const shown = running.slice(0, SIZE);
      const own = { ...this.variables(), running: JSON.stringify({ name: { $in: shown } }), most: shown.length };
      const { project } = shown.length ? await graphql(CHANGES, own, signal)
        : await graphql(COUNT, { entity: this.entity, project: this.project, filters: this.filters }, signal);
      if (turn !== this.turn || this.isLoading || !project) return;
      if (project.runCount !== this.count) {
        await this.load({ keepsCount: true });
        return;
      }
      for (const { node } of project.runs?.edges ?? []) this.rowOf(node, this.rows.get(node.name));
      this.showCount();
    }, { every: EVERY, signal });
  }
}

/** A label in which the section stands back. @param {string} label */
function keyLabel(label) {
  const [, section, key] = /^(config\.|summary\.)(.+)$/.exec(label) ?? ["", "", label];
  return h("span", { class: "label" }, section ? h("span", { class: "faint" }, section) : null, h("bdi", {}, key));
}

function filterHelp() {
  const examples = [
    ['state == "finished" and config.lr < 0.1', "hyperparameters as config.KEY"],
    ["summary.loss <= 0.5 or summary.acc > 0.9", "metrics as summary.KEY"],
    ['tags contains "baseline" and not display_name matches "^test"', "tags, and patterns"],
    ['config.optimizer in ["adam", "sgd"] and config."model.depth" exists', "several values; keys with dots in quotes"],
    ["created_at > 2026-01-31T00:00:00Z and duration > 3600", "instants, and seconds"],
  ];
  return h("details", { class: "help" },
    h("summary", {}, "How filters are written"),
    h("dl", {}, ...examples.flatMap(([text, about]) => [h("dt", {}, h("code", {}, text)), h("dd", {}, about)])),
    h("p", { class: "faint" }, "Fields: state, display_name, id, group, job_type, tags, username, host, duration, sweep, created_at, heartbeat_at, config.…, summary.… — it is the language of wandb-runs list --where."),
  );
}


/** The runs of a project or of a sweep, as a table: filtered and sorted by the server. */

import { FilterError, poll, RequestError, tellConnection, translateFilter } from "../api.js";
import { ATTRIBUTES, DEFAULT_ATTRIBUTES, defaultKeys, keyColumn, labelOf, runAddress } from "../columns.js";
import { announce, h, name, pageAddress } from "../dom.js";
import { Listing, orderOf, SIZE, sortable } from "../listing.js";
import { showMissing, showMissingProject } from "../missing.js";
import { counted, cut, nearest, shortNumber, visible, visibleLines } from "../text.js";

/** @typedef {import("../columns.js").Column} Column */
/** @typedef {import("../columns.js").Field} Field */
/** @typedef {import("../listing.js").Found} Found */
/** @typedef {import("../listing.js").View} View */

const EVERY = 2;
const IDLE_EVERY = 4;
const FIELDS_EVERY = 8;
const MOST_LISTED = 200;

/** How many rows are read at once for a user who comes back. */
const MOST_KEPT = 5000;

/** How many pixels before its end the table gets longer. */
const NEAR = 900;

/** How many runs are compared where none are chosen. */
const FIRST = 10;
const DEFAULT_ORDER = "-created_at";

/** @param {import("../main.js").Page} page */
export async function showRuns(page) {
  const [entity, project, sweep] = page.parts;
  page.setTitle(sweep ? `${sweep} · ${project}` : project);
  page.main.classList.add("wide");
  const heading = h("h1", {}, sweep ? h("span", { class: "faint" }, "Sweep ") : null, name(sweep ?? project));
  page.main.append(h("div", { class: "heading" }, heading));
  const listing = new Listing(entity, project, sweep, page.signal);
  const [fields, about] = await Promise.all([listing.fields(), sweep ? listing.about() : null]);
  if (!fields) return showMissingProject(page.main, entity, project, page.signal);
  if (sweep && !about) return showMissing(page.main, entity, project, "sweep", sweep, page.signal);
  if (about) page.main.append(describeSweep(about));
  const table = new RunTable(page, listing, fields);
  page.main.append(...table.elements);
  await table.begin();
  await table.follow();
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
   * @param {Listing} listing
   * @param {Field[]} fields
   */
  constructor(page, listing, fields) {
    this.page = page;
    this.listing = listing;
    this.fields = fields;
    this.fieldsRead = performance.now();
    this.mayHaveNewKeys = false;
    const asked = page.search.getAll("column");
    this.hasOwnColumns = asked.length > 0;
    /**
     * What the rows show.
     * @type {View}
     */
    this.view = { where: "", filters: null, order: DEFAULT_ORDER, columns: asked.length ? asked : this.defaultColumns() };
    /** What was asked for last: an answer makes it the view, a failure takes it back. */
    this.asked = this.view;
    this.columns = this.view.columns.map((id) => this.columnOf(id));
    /** @type {Map<string, {run: any, row: HTMLTableRowElement, texts: string[]}>} */
    this.rows = new Map();
    /** @type {Map<string, string>} */
    this.chosen = new Map();
    this.count = 0;
    /** @type {string | null} */
    this.after = null;
    this.hasMore = false;
    this.mark = "";
    this.isLive = false;
    this.isShown = false;
    this.isLoading = false;
    /** Counts what is asked for anew, so that late answers are dropped. */
    this.turn = 0;
    /** Counts filters that are applied. */
    this.applied = 0;
    this.keeping = 0;
    this.headKey = "";

    this.filterField = h("input", {
      id: "where", type: "text", class: "filter", value: page.search.get("where") ?? "", spellcheck: "false", autocomplete: "off",
      autocapitalize: "off", placeholder: 'config.lr < 0.1 and state == "finished"', "aria-describedby": "where-error",
    });
    this.filterError = h("div", { id: "where-error", class: "problem", "aria-live": "polite" });
    this.notice = h("div", { class: "problem" });
    this.counter = h("output", { class: "counter" });
    this.clear = h("button", { type: "button", hidden: true, onclick: () => this.applyFilter("") }, "Clear");
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
    this.elements = [form, this.filterError, this.notice, filterHelp(), this.region];
    this.makeColumnPanel();
    this.makeHead();
    this.region.addEventListener("scroll", () => {
      this.loadNearEnd();
      clearTimeout(this.keeping);
      this.keeping = setTimeout(() => this.keepPlace(), 200);
    }, { passive: true });
    // Before a link is followed: afterwards the history is at the next page.
    document.addEventListener("click", () => this.keepPlace(), { capture: true, signal: page.signal });
    this.showChosen();
  }

  /** Show what the address asks for, at the place where it was left. */
  async begin() {
    const { search, kept } = this.page;
    const { rows = 0, top = 0, scroll = 0, chosen = [] } = /** @type {any} */ (kept);
    for (const [id, label] of chosen) this.chosen.set(id, label);
    const order = search.get("order") || DEFAULT_ORDER;
    const found = orderOf(order, this.fields);
    const where = (search.get("where") ?? "").trim();
    let problem = null;
    try {
      this.asked = { ...this.asked, order: found ?? DEFAULT_ORDER, where, filters: await translateFilter(where, this.page.signal) };
      this.take(await this.listing.first(this.asked, Math.min(rows, MOST_KEPT)), { isAnew: true });
    } catch (error) {
      if (!where || !isRefusal(error)) throw error;
      problem = error;
      this.asked = { ...this.asked, where: "", filters: null, order: found ?? DEFAULT_ORDER };
      this.take(await this.listing.first(this.asked, 0), { isAnew: true });
    }
    this.showProblem(problem, where);
    if (problem) announce("The filter of this address cannot be read");
    if (!found) this.tell(unknownOrder(order, this.fields));
    this.region.scrollTop = top;
    if (scroll) scrollTo(0, scroll);
    this.isShown = true;
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
    if (this.view.where) search.set("where", this.view.where);
    if (this.view.order !== DEFAULT_ORDER) search.set("order", this.view.order);
    if (this.hasOwnColumns) this.view.columns.forEach((id) => search.append("column", id));
    this.page.setSearch(search, { replace });
    this.keepPlace();
  }

  /** Keep in the history what of the table is no part of its address. */
  keepPlace() {
    if (!this.isShown) return;
    this.page.keep({ rows: this.rows.size, top: this.region.scrollTop, scroll: scrollY, chosen: [...this.chosen] });
  }

  makeHead() {
    const { order: sortedBy } = this.view;
    const direction = sortedBy.startsWith("+") ? "ascending" : "descending";
    const head = (/** @type {string} */ label, /** @type {string | null} */ order, /** @type {Partial<Column>} */ column) => {
      const isSorted = order !== null && order === sortedBy.slice(1);
      return h("th", { scope: "col", class: column.isNumber ? "number" : null, "aria-sort": isSorted ? direction : null },
        order === null ? keyLabel(label)
          : h("button", { type: "button", class: "sort", title: label, "data-order": order, onclick: () => this.sortBy(order, Boolean(column.startsDescending)) }, keyLabel(label), h("span", { class: "arrow", "aria-hidden": "true" })),
      );
    };
    const { activeElement } = document;
    const focused = activeElement instanceof HTMLElement && this.headRow.contains(activeElement) ? activeElement.dataset.order : undefined;
    this.headRow.replaceChildren(
      h("td", { class: "pick" }, h("span", { class: "hidden" }, "Compare")),
      Object.assign(head("Name", "display_name", {}), { className: "name" }),
      ...this.columns.map((each) => head(each.label, each.order, each)),
    );
    if (focused === undefined) return;
    [...this.headRow.querySelectorAll("button")].find((each) => each.dataset.order === focused)?.focus({ preventScroll: true });
  }

  makeColumnPanel() {
    const search = h("input", { type: "search", id: "column-search", placeholder: "Search keys", oninput: () => fill() });
    const list = h("ul", { class: "choices" });
    const fill = () => {
      const wanted = search.value.trim().toLowerCase();
      const used = new Set(this.asked.columns);
      const known = [...ATTRIBUTES.map((each) => each.id), ...this.fields.map((each) => each.path)];
      const ids = [...used, ...known.filter((id) => !used.has(id))].filter((id) => this.columnOf(id).label.toLowerCase().includes(wanted));
      // What is being chosen from stays where it is.
      if (list.contains(document.activeElement)) return;
      list.replaceChildren(
        ...ids.slice(0, MOST_LISTED).map((id) => {
          const box = h("input", { type: "checkbox", checked: used.has(id), onchange: () => this.chooseColumn(id, box) });
          return h("li", {}, h("label", {}, box, " ", this.columnOf(id).label));
        }),
        ...(ids.length > MOST_LISTED ? [h("li", { class: "faint" }, `and ${ids.length - MOST_LISTED} more: search for them`)] : []),
      );
    };
    const reset = h("button", { type: "button", onclick: async () => {
      await this.setColumns(this.defaultColumns());
      fill();
    } }, "Reset");
    this.columnPanel.replaceChildren(
      h("summary", { class: "button" }, "Columns"),
      h("div", { class: "panel" }, h("p", { class: "toolbar" }, h("label", { for: "column-search", class: "hidden" }, "Search keys"), search, reset), list),
    );
    this.columnPanel.addEventListener("toggle", () => {
      if (this.columnPanel.open) {
        fill();
        search.focus();
        void this.readNewKeys().then(fill);
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

  /** Read which keys runs have by now. */
  async readNewKeys() {
    try {
      const fields = await this.listing.fields();
      const columns = this.asked.columns;
      if (fields && this.withNewKeys(fields) !== columns) await this.show({ ...this.asked, columns: this.withNewKeys(fields) }, { keepsPlace: true });
    } catch (error) {
      this.tellFailure(error);
    }
  }

  /** @param {string} id @param {HTMLInputElement} box */
  async chooseColumn(id, box) {
    const others = this.asked.columns.filter((each) => each !== id);
    await this.setColumns(box.checked ? [...others, id] : others);
    box.checked = this.asked.columns.includes(id);
  }

  /** @param {string[]} columns */
  async setColumns(columns) {
    if (!(await this.show({ ...this.asked, columns }, { keepsPlace: true }))) return;
    this.hasOwnColumns = columns.join("\n") !== this.defaultColumns().join("\n");
    this.saveState(true);
  }

  /** @param {string} order @param {boolean} startsDescending */
  async sortBy(order, startsDescending) {
    const [first, other] = startsDescending ? ["-", "+"] : ["+", "-"];
    const signed = this.asked.order === first + order ? other + order : first + order;
    this.keepPlace();
    if (!(await this.show({ ...this.asked, order: signed }))) return;
    this.saveState(false);
    announce(`Sorted by ${labelOf(order)}, ${signed.startsWith("+") ? "ascending" : "descending"}`);
  }

  /** @param {string} text */
  async applyFilter(text) {
    this.filterField.value = text;
    const where = text.trim();
    const before = this.view.where;
    this.applied += 1;
    const { applied } = this;
    this.keepPlace();
    try {
      const filters = await translateFilter(where, this.page.signal);
      if (applied !== this.applied) return;
      if (!(await this.show({ ...this.asked, where, filters }, { throws: true }))) return;
      this.showProblem(null, where);
      announce(`${counted(this.count, "run")} found`);
      if (where !== before) this.saveState(false);
    } catch (error) {
      if (applied !== this.applied || this.page.signal.aborted) return;
      if (!isRefusal(error)) {
        this.tellFailure(error);
        return;
      }
      this.showProblem(error, where);
      this.filterField.focus();
    }
  }

  /**
   * Read the first page of what is asked for, and show it. Until it is there, and where it cannot
   * be had, all stays as it is.
   * @param {View} asked
   * @param {{keepsPlace?: boolean, throws?: boolean}} [options]
   * @returns {Promise<boolean>} Whether it is shown.
   */
  async show(asked, { keepsPlace = false, throws = false } = {}) {
    this.turn += 1;
    const { turn } = this;
    this.asked = asked;
    this.isLoading = true;
    this.region.setAttribute("aria-busy", "true");
    try {
      const found = await this.listing.first(asked, keepsPlace ? this.rows.size : 0);
      if (turn !== this.turn) return false;
      this.notice.replaceChildren();
      this.take(found, { isAnew: true });
      if (!keepsPlace) this.region.scrollTop = 0;
      return true;
    } catch (error) {
      if (turn !== this.turn || this.page.signal.aborted) return false;
      this.asked = this.view;
      if (throws) throw error;
      this.tellFailure(error);
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
    let isRead = false;
    try {
      const found = await this.listing.page(this.view, this.after);
      if (turn === this.turn) this.take(found, { isAnew: false });
      isRead = true;
    } catch (error) {
      this.tellFailure(error);
    } finally {
      if (turn === this.turn) this.isLoading = false;
      this.more.textContent = "Load more runs";
    }
    if (isRead) this.loadNearEnd();
  }

  loadNearEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.region;
    if (this.hasMore && !this.isLoading && scrollTop + clientHeight > scrollHeight - NEAR) void this.loadMore();
  }

  /**
   * Tell beside the filter that it is none, and what is shown in its stead.
   * @param {unknown} error Null where it is one.
   * @param {string} where
   */
  showProblem(error, where) {
    this.filterField.setAttribute("aria-invalid", String(Boolean(error)));
    this.clear.hidden = !where;
    if (!(error instanceof Error)) {
      this.filterError.replaceChildren();
      return;
    }
    const { column, line, excerpt } = error instanceof FilterError ? error : { column: null, line: null, excerpt: null };
    const at = column === null ? "" : `${where.includes("\n") ? `Line ${line}, column` : "Column"} ${column}: `;
    this.filterError.replaceChildren(
      h("p", {}, at + error.message),
      excerpt ? h("pre", { "aria-hidden": "true" }, visibleLines(excerpt)) : "",
      h("p", { class: "faint" }, ...(this.view.where ? ["Runs are still shown by: ", h("code", {}, visible(this.view.where))] : ["All runs are shown."])),
    );
    if (column === null || where.includes("\n")) return;
    const start = [...where].slice(0, column - 1).join("").length;
    this.filterField.setSelectionRange(start, start);
  }

  /** Tell what is wrong with something else than the filter. @param {string} text */
  tell(text) {
    this.notice.replaceChildren(h("p", { role: "alert" }, visible(text)));
  }

  /** Tell why something could not be had. @param {unknown} error */
  tellFailure(error) {
    if (this.page.signal.aborted) return;
    if (!(error instanceof RequestError)) throw error;
    if (error.status === 0) tellConnection(false);
    else this.tell(error.message);
  }

  /** @param {Found} found @param {{isAnew: boolean}} options */
  take(found, { isAnew }) {
    this.count = found.count;
    this.after = found.after;
    this.hasMore = found.hasMore;
    if (isAnew) {
      this.mark = found.mark;
      this.isLive = found.isLive;
      this.view = this.asked;
      this.columns = this.view.columns.map((id) => this.columnOf(id));
      const headKey = `${this.view.order}\n${this.columnKey()}`;
      // A head that is made anew loses a click that has begun.
      if (headKey !== this.headKey) this.makeHead();
      this.headKey = headKey;
      const held = this.rows;
      this.rows = new Map();
      for (const run of found.nodes) this.rowOf(run, this.rows.get(run.name) ?? held.get(run.name));
      this.placeRows([...this.rows.values()].map(({ row }) => row));
    } else {
      this.body.append(...found.nodes.filter((run) => !this.rows.has(run.name)).map((run) => this.rowOf(run)));
    }
    this.showCount();
  }

  /** Put rows in order; those that are in their place are not touched. @param {HTMLTableRowElement[]} rows */
  placeRows(rows) {
    const { activeElement } = document;
    const focused = activeElement instanceof HTMLElement && this.body.contains(activeElement) ? activeElement : null;
    const { scrollTop } = this.region;
    const staying = new Set(rows);
    for (const row of [...this.body.rows]) if (!staying.has(row)) row.remove();
    let next = this.body.firstElementChild;
    for (const row of rows) {
      if (row === next) next = row.nextElementSibling;
      else this.body.insertBefore(row, next);
    }
    // A row that is moved loses the focus, and one that is gone has none to give back.
    if (focused && document.activeElement !== focused) (focused.isConnected ? focused : this.region).focus({ preventScroll: true });
    if (this.region.scrollTop !== scrollTop) this.region.scrollTop = scrollTop;
  }

  showCount() {
    this.more.hidden = !this.hasMore;
    this.empty.hidden = this.rows.size > 0;
    this.empty.textContent = this.view.where ? "No run is selected by this filter." : "There are no runs yet.";
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
    return this.columns.map((each) => `${each.id} ${each.isNumber}`).join("\n");
  }

  /** @param {any} run */
  makeRow(run) {
    const label = visible(run.displayName || run.name);
    const box = h("input", { type: "checkbox", checked: this.chosen.has(run.name), "aria-label": `Compare ${label}`, onchange: () => {
      if (box.checked) this.chosen.set(run.name, label);
      else this.chosen.delete(run.name);
      this.showChosen();
      this.keepPlace();
    } });
    return h("tr", {},
      h("td", { class: "pick" }, box),
      h("th", { scope: "row", class: "name" }, h("a", { href: runAddress(this.listing.entity, this.listing.project, run), title: `${label} (${visible(run.name)})` }, name(run.displayName || run.name))),
    );
  }

  showChosen() {
    // Without any that are chosen, the first ones.
    const first = this.rows.size > 1 ? [...this.rows.keys()].slice(0, FIRST) : [];
    const ids = this.chosen.size ? [...this.chosen.keys()] : first;
    this.compare.textContent = this.chosen.size ? `Compare ${counted(ids.length, "run")}` : ids.length ? `Compare the first ${ids.length}` : "Compare";
    if (ids.length) {
      const search = new URLSearchParams(ids.map((id) => ["run", id]));
      this.compare.setAttribute("href", `${pageAddress(this.listing.entity, this.listing.project, "compare")}?${search}`);
      this.compare.removeAttribute("aria-disabled");
    } else {
      this.compare.removeAttribute("href");
      this.compare.setAttribute("aria-disabled", "true");
    }
  }

  /** Show what changes: values and states, runs that are new or gone, and new keys. */
  async follow() {
    await poll(async () => {
      if (this.isLoading) return;
      const { turn } = this;
      const { mark, isLive } = await this.listing.now(this.view).catch((error) => {
        if (error instanceof RequestError && error.status === 404) this.tell(error.message);
        throw error;
      });
      if (turn !== this.turn || this.isLoading) return;
      this.isLive = isLive;
      if (mark !== this.mark) this.mayHaveNewKeys = true;
      if (mark !== this.mark || (this.mayHaveNewKeys && this.areKeysDue())) await this.refresh();
    }, { every: () => (this.isLive ? EVERY : IDLE_EVERY), signal: this.page.signal });
  }

  /** Read again what is shown, in its order. Whatever the user asks for meanwhile comes first. */
  async refresh() {
    const { turn } = this;
    this.isLoading = true;
    try {
      let asked = this.view;
      let found = await this.listing.first(asked, this.rows.size);
      if (found.count !== this.count || this.areKeysDue()) {
        const fields = await this.listing.fields();
        if (turn !== this.turn) return;
        const columns = fields ? this.withNewKeys(fields) : asked.columns;
        if (columns !== asked.columns) {
          asked = { ...asked, columns };
          found = await this.listing.first(asked, this.rows.size);
        }
      }
      if (turn !== this.turn) return;
      this.asked = asked;
      this.take(found, { isAnew: true });
    } finally {
      if (turn === this.turn) this.isLoading = false;
    }
    this.loadNearEnd();
  }

  areKeysDue() {
    return performance.now() - this.fieldsRead > FIELDS_EVERY * 1000;
  }

  /**
   * The columns, with those of new keys where none were chosen, and none would go for them.
   * @param {Field[]} fields
   * @returns {string[]}
   */
  withNewKeys(fields) {
    const { columns } = this.asked;
    this.fields = fields;
    this.fieldsRead = performance.now();
    this.mayHaveNewKeys = false;
    const wanted = this.defaultColumns();
    const areMore = wanted.length > columns.length && columns.every((id) => wanted.includes(id));
    return areMore && !this.hasOwnColumns ? wanted : columns;
  }
}

/** Whether the server answered that it was asked for something wrong. @param {unknown} error */
function isRefusal(error) {
  return error instanceof FilterError || (error instanceof RequestError && error.status !== 401 && error.status !== 0);
}

/** @param {string} order @param {Field[]} fields */
function unknownOrder(order, fields) {
  const near = nearest(order.replace(/^[+-]/, ""), sortable(fields).map(labelOf));
  return `"${cut(order, 100)}" is no order of this table${near ? `; did you mean "${near}"?` : "."} The newest runs come first.`;
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


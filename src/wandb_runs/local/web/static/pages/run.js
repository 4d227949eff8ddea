/** One run: what it is, its curves, config, summary, machine, files and console output. */

import { graphql, poll } from "../api.js";
import { Chart, styleAt } from "../chart.js";
import { tags } from "../columns.js";
import { Curves, numericKeys } from "../curves.js";
import { announce, h, name, outerLink, pageAddress, stateBadge, time } from "../dom.js";
import { showMissing } from "../missing.js";
import { ago, asNumber, counted, cut, decodeObject, duration, fileSize, instant, localTime, visible, visibleLines } from "../text.js";
import { valueCell, ValueTable, withoutEnvelopes } from "../values.js";

const EVERY = 2;
const IDLE_EVERY = 5;
const LINES = 500;
const LONGEST_TITLE = 200;
const MOST_FILES = 500;
const SAMPLES = 300;

const SHORT = "name displayName state createdAt updatedAt heartbeatAt historyLineCount eventsLineCount logLineCount fileCount";

const RUN = `query PageRun($entity: String!, $project: String!, $id: String!) {
  project(entityName: $entity, name: $project) {
    run(name: $id) {
      ${SHORT} tags notes description group jobType host commit sweepName exitcode user { username }
      config summaryMetrics historyKeys
    }
  }
}`;

const NOW = `query PageRunNow($entity: String!, $project: String!, $id: String!) {
  project(entityName: $entity, name: $project) { run(name: $id) { ${SHORT} } }
}`;

const EVENTS = `query PageEvents($entity: String!, $project: String!, $id: String!, $samples: Int) {
  project(entityName: $entity, name: $project) { run(name: $id) { events(samples: $samples) } }
}`;

const FILES = `query PageFiles($entity: String!, $project: String!, $id: String!, $first: Int) {
  project(entityName: $entity, name: $project) {
    run(name: $id) { files(first: $first) { edges { node { name sizeBytes directUrl updatedAt } } pageInfo { hasNextPage } } }
  }
}`;

const LOGS = `query PageLogs($entity: String!, $project: String!, $id: String!, $last: Int) {
  project(entityName: $entity, name: $project) {
    run(name: $id) { logLines(last: $last) { edges { node { number level label line } } } }
  }
}`;

const TABS = new Set(["logs", "files", "system", "config", "summary"]);

/** @param {import("../main.js").Page} page */
export async function showRun(page) {
  const [entity, project, id] = page.parts;
  page.setTitle(id);
  page.main.classList.add("wide");
  const title = h("h1", {}, name(id));
  const heading = h("div", { class: "heading" }, title);
  page.main.append(heading);
  const variables = { entity, project, id };
  const { run } = (await graphql(RUN, variables, page.signal)).project ?? {};
  if (!run) return showMissing(page.main, entity, project, "run", id, page.signal);
  const view = new RunView(page, entity, project, run, title, heading);
  view.update(run);
  if (TABS.has(page.tab)) view.open(page.tab);
  let last = performance.now();
  let shown = run;
  await poll(async () => {
    const isRunning = shown.state === "running" || shown.state === "pending";
    if (!isRunning && performance.now() - last < IDLE_EVERY * 1000) return;
    last = performance.now();
    const now = (await graphql(NOW, variables, page.signal)).project?.run;
    view.tellDeleted(!now);
    if (!now) return;
    const isSame = ["state", "updatedAt", "historyLineCount", "eventsLineCount", "logLineCount", "fileCount"].every((key) => now[key] === shown[key]);
    if (isSame) {
      view.tellTimes();
      return;
    }
    // A run that ended may be resumed, and one that crashed may be heard of again.
    if (now.state !== shown.state) announce(`The run is ${now.state}`);
    const whole = (await graphql(RUN, variables, page.signal)).project?.run;
    if (!whole) return;
    shown = whole;
    view.update(whole);
  }, { every: EVERY, signal: page.signal });
}

class RunView {
  /**
   * @param {import("../main.js").Page} page
   * @param {string} entity
   * @param {string} project
   * @param {any} run
   * @param {HTMLElement} title
   * @param {HTMLElement} heading
   */
  constructor(page, entity, project, run, title, heading) {
    this.page = page;
    this.variables = { entity, project, id: run.name };
    this.title = title;
    this.label = "";
    this.heading = heading;
    this.run = run;
    this.state = h("span");
    heading.append(this.state);
    this.deleted = h("p", { class: "problem", role: "alert", hidden: true });
    heading.after(this.deleted);
    this.fullName = h("span");
    this.facts = h("dl", { class: "facts" });
    this.notes = h("div", { class: "notes" });
    this.curves = new Curves(page, entity, project);
    this.config = new ValueTable("Config", "config");
    this.summary = new ValueTable("Summary", "summary");
    this.system = new SystemCharts(page, this.variables);
    this.logs = new Lazy("logs", "Console output", () => this.readLogs());
    this.files = new Lazy("files", "Files", () => this.readFiles());
    page.main.append(
      this.facts, this.notes,
      h("nav", { class: "sections", "aria-label": "Sections" }, ...[["curves", "Curves"], ["summary", "Summary"], ["config", "Config"], ["system", "System"], ["logs", "Console"], ["files", "Files"]].map(([id, label]) => h("a", { href: `#${id}`, onclick: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.open(id);
      } }, label))),
      h("div", { class: "two" },
        h("div", { class: "primary-column" },
          h("section", { id: "curves", "aria-labelledby": "curves-title" }, h("h2", { id: "curves-title" }, "Curves"), this.curves.element),
          this.system.element, this.logs.element, this.files.element,
        ),
        h("div", { class: "side-column" }, this.summary.element, this.config.element),
      ),
    );
  }

  /** Go to a section, which is opened. @param {string} id */
  open(id) {
    const section = document.getElementById(id);
    if (!section) return;
    const details = section.querySelector("details");
    if (details && id !== "curves") details.open = true;
    const heading = section.querySelector("h2");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    section.scrollIntoView({ block: "start" });
  }

  /** @param {any} run */
  update(run) {
    this.run = run;
    const label = run.displayName || run.name;
    this.page.setTitle(label);
    this.title.replaceChildren(name(cut(label, LONGEST_TITLE)));
    if (label !== this.label) this.fullName = h("span", {}, valueCell(label));
    this.label = label;
    this.state.replaceChildren(stateBadge(run.state));
    this.page.setLive(run.state === "running");
    this.tellTimes();
    const notes = [run.notes, run.description].filter(Boolean).join("\n\n");
    this.notes.hidden = !notes;
    this.notes.replaceChildren(...linked(notes));
    this.config.update(withoutEnvelopes(decodeObject(run.config)));
    this.summary.update(decodeObject(run.summaryMetrics));
    this.curves.setRuns([{ id: run.name, label: visible(label), style: { color: 0, dash: 0 }, keys: numericKeys(run.historyKeys), lines: run.historyLineCount ?? 0 }]);
    this.system.update(run.eventsLineCount ?? 0);
    this.logs.update(run.logLineCount ?? 0, run.logLineCount ? counted(run.logLineCount, "line") : "none");
    this.files.update(`${run.fileCount} ${run.updatedAt}`, String(run.fileCount ?? ""));
  }

  /** @param {boolean} isDeleted */
  tellDeleted(isDeleted) {
    if (this.deleted.hidden !== isDeleted) return;
    this.deleted.hidden = !isDeleted;
    this.deleted.textContent = isDeleted ? "This run was deleted; what is shown is what was read before." : "";
    this.state.hidden = isDeleted;
    this.page.setLive(!isDeleted && this.run.state === "running");
  }

  tellTimes() {
    const { run } = this;
    const [entity, project] = this.page.parts;
    const [created, heard] = [instant(run.createdAt), instant(run.heartbeatAt)];
    /** @type {[string, import("../dom.js").Child][]} */
    const facts = [
      ["Name", (run.displayName || run.name).length > LONGEST_TITLE ? this.fullName : ""],
      ["Id", name(run.name)],
      ["Created", created ? time(created, `${localTime(created)} (${ago(created)})`) : ""],
      ["Duration", created && heard ? duration((heard.getTime() - created.getTime()) / 1000) : ""],
      ["Rows", (run.historyLineCount ?? 0).toLocaleString("en")],
      ["Tags", run.tags?.length ? tags(run.tags) : ""],
      ["User", run.user?.username ? name(run.user.username) : ""],
      ["Group", run.group ? name(run.group) : ""],
      ["Job type", run.jobType ? name(run.jobType) : ""],
      ["Sweep", run.sweepName ? h("a", { href: pageAddress(entity, project, "sweeps", run.sweepName) }, name(run.sweepName)) : ""],
      ["Host", run.host ? name(run.host) : ""],
      ["Commit", run.commit ? h("code", {}, visible(run.commit).slice(0, 12)) : ""],
      ["Exit code", run.exitcode === null || run.exitcode === undefined || run.exitcode === 0 ? "" : String(run.exitcode)],
    ];
    this.facts.replaceChildren(...facts.filter(([, value]) => value).map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
  }

  async readLogs() {
    const answer = await graphql(LOGS, { ...this.variables, last: LINES }, this.page.signal);
    const lines = (answer.project?.run?.logLines?.edges ?? []).map((/** @type {any} */ edge) => edge.node);
    if (!lines.length) return [h("p", { class: "faint" }, "No console output was sent.")];
    const output = h("pre", { class: "console", tabindex: 0, role: "region", "aria-label": "Console output" }, ...lines.map((/** @type {any} */ line) => {
      const text = `${line.label ? `[${visible(line.label)}] ` : ""}${visible(withoutColors(line.line ?? "")).replaceAll("\\t", "\t")}\n`;
      return line.level === "error" ? h("span", { class: "stderr" }, text) : text;
    }));
    const first = lines[0].number;
    // The end is what is of interest, until the reader scrolls away from it.
    const held = this.logs.body.querySelector("pre");
    const wasAtEnd = !held || held.scrollTop + held.clientHeight >= held.scrollHeight - 4;
    const top = held?.scrollTop ?? 0;
    queueMicrotask(() => {
      output.scrollTop = wasAtEnd ? output.scrollHeight : top;
    });
    return [first > 0 ? h("p", { class: "faint" }, `The last ${lines.length} lines.`) : "", output];
  }

  async readFiles() {
    const answer = await graphql(FILES, { ...this.variables, first: MOST_FILES }, this.page.signal);
    const { edges = [], pageInfo = {} } = answer.project?.run?.files ?? {};
    if (!edges.length) return [h("p", { class: "faint" }, "No files were saved.")];
    const rows = edges.map((/** @type {any} */ { node }) => {
      const address = new URL(node.directUrl, location.href);
      const isOwn = address.protocol === "http:" || address.protocol === "https:";
      const changed = instant(node.updatedAt);
      return h("tr", {},
        h("th", { scope: "row" }, isOwn ? h("a", { href: address.href, download: true }, name(node.name)) : name(node.name)),
        h("td", { class: "number" }, fileSize(Number(node.sizeBytes ?? 0))),
        h("td", {}, changed ? time(changed, localTime(changed)) : ""),
      );
    });
    return [
      h("div", { class: "scroll", role: "region", "aria-label": "Files", tabindex: 0 },
        h("table", { class: "list" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "File"), h("th", { scope: "col", class: "number" }, "Size"), h("th", { scope: "col" }, "Saved"))), h("tbody", {}, ...rows))),
      pageInfo.hasNextPage ? h("p", { class: "faint" }, `The first ${edges.length}; wandb-runs files lists all.`) : "",
    ];
  }
}

/** A section that is read when it is opened, and again when there is more. */
class Lazy {
  /**
   * @param {string} id
   * @param {string} title
   * @param {() => Promise<import("../dom.js").Child[]>} read
   */
  constructor(id, title, read) {
    this.read = read;
    /** @type {unknown} */
    this.version = null;
    /** @type {unknown} */
    this.shown = null;
    this.isReading = false;
    this.count = h("span", { class: "faint" });
    this.body = h("div");
    this.details = h("details", { ontoggle: () => this.fill() }, h("summary", {}, h("h2", { id: `${id}-title` }, title, " ", this.count)), this.body);
    this.element = h("section", { id, "aria-labelledby": `${id}-title` }, this.details);
  }

  /** @param {unknown} version @param {string} count */
  update(version, count) {
    this.version = version;
    this.count.textContent = count;
    void this.fill();
  }

  async fill() {
    if (!this.details.open || this.isReading || this.shown === this.version) return;
    this.isReading = true;
    const { version } = this;
    try {
      const made = await this.read();
      this.body.replaceChildren(...made.filter((/** @type {any} */ each) => each).map((each) => /** @type {Node} */ (each)));
      this.shown = version;
    } catch (error) {
      this.body.replaceChildren(h("p", { class: "problem" }, error instanceof Error ? error.message : String(error)));
      this.shown = version;
    } finally {
      this.isReading = false;
    }
  }
}

/** Curves of the machine: all of them come in the same rows. */
class SystemCharts {
  /**
   * @param {import("../main.js").Page} page
   * @param {{entity: string, project: string, id: string}} variables
   */
  constructor(page, variables) {
    this.page = page;
    this.variables = variables;
    /** @type {Map<string, Chart>} */
    this.charts = new Map();
    this.grid = h("div", { class: "grid" });
    this.none = h("p", { class: "faint", hidden: true }, "No machine metrics were sent.");
    this.lazy = new Lazy("system", "System", () => this.read());
    this.element = this.lazy.element;
  }

  /** @param {number} lines */
  update(lines) {
    this.lazy.update(lines, lines ? counted(lines, "row") : "none");
  }

  async read() {
    const answer = await graphql(EVENTS, { ...this.variables, samples: SAMPLES }, this.page.signal);
    const rows = (answer.project?.run?.events ?? []).map(decodeObject);
    const keys = new Set(rows.flatMap((/** @type {any} */ row) => Object.keys(row).filter((key) => !key.startsWith("_") && asNumber(row[key]) !== undefined)));
    for (const key of [...keys].sort()) {
      const chart = this.charts.get(String(key)) ?? new Chart(String(key), this.page.signal);
      if (!this.charts.has(String(key))) {
        this.charts.set(String(key), chart);
        this.grid.append(chart.figure);
      }
    }
    // Figures have a width once they are in the page.
    queueMicrotask(() => this.draw(rows));
    return keys.size ? [this.grid] : [h("p", { class: "faint" }, "No machine metrics were sent.")];
  }

  /** @param {any[]} rows */
  draw(rows) {
    for (const [key, chart] of this.charts) {
      const points = rows.map((row) => [asNumber(row._runtime), asNumber(row[key])]).filter(([x, y]) => x !== undefined && y !== undefined)
        .sort((a, b) => Number(a[0]) - Number(b[0]));
      chart.update([{ label: visible(key), style: styleAt(0), x: points.map((each) => /** @type {number} */ (each[0])), y: points.map((each) => /** @type {number} */ (each[1])) }], { axis: "_runtime", isLog: false, smoothing: 0 }, "");
    }
  }
}

/** Text in which addresses of the web are links. @param {string} text @returns {(Node | string)[]} */
function linked(text) {
  // Addresses are found before anything is escaped: an escape is no part of one.
  const parts = text.split(/(https?:\/\/[^\s<>()[\]{}"']+[^\s<>()[\]{}"'.,;:!?])/i);
  return parts.map((part, index) => (index % 2 ? outerLink(part) : visibleLines(part)));
}

/** Console output without the codes that colour it. @param {string} line */
function withoutColors(line) {
  return line.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "");
}

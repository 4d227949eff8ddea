/** Several runs: their curves over one another, configs and summaries side by side. */

import { graphql, poll } from "../api.js";
import { styleAt, swatch } from "../chart.js";
import { Curves, numericKeys } from "../curves.js";
import { announce, h, name, pageAddress, stateBadge } from "../dom.js";
import { showMissingProject } from "../missing.js";
import { asJson, counted, decodeObject, visible } from "../text.js";
import { flattened, valueCell, withoutEnvelopes } from "../values.js";

const EVERY = 2;
const IDLE_EVERY = 4;
const ALIVE = ["running", "pending", "preempting"];
const MOST = 50;
const SOME = 10;
const FIELDS = "name displayName state createdAt updatedAt historyLineCount config summaryMetrics historyKeys";

const NOW = `query PageCompareNow($entity: String!, $project: String!, $filters: JSONString, $most: Int) {
  project(entityName: $entity, name: $project) {
    runs(filters: $filters, first: $most) { edges { node { name state updatedAt historyLineCount } } }
  }
}`;

/** @param {import("../main.js").Page} page */
export async function showCompare(page) {
  const [entity, project] = page.parts;
  const asked = [...new Set(page.search.getAll("run"))];
  const ids = asked.slice(0, MOST);
  page.setTitle(`${counted(ids.length, "run")} of ${project}`);
  page.main.classList.add("wide");
  page.main.append(h("div", { class: "heading" }, h("h1", {}, `${counted(ids.length, "run")} of `, name(project))));
  const back = h("a", { href: pageAddress(entity, project) }, name(project));
  if (!ids.length) {
    page.main.append(h("p", { class: "notice" }, "No runs are chosen. Choose some by the boxes in the table of ", back, "."));
    return;
  }
  const found = await read(entity, project, ids, page.signal);
  if (!found) return showMissingProject(page.main, entity, project, page.signal);
  const notice = h("div", { class: "problem" });
  const tellLacking = (/** @type {Map<string, any>} */ runs) => {
    const lacking = ids.filter((id) => !runs.has(id));
    if (lacking.length) notice.replaceChildren(h("p", { role: "alert" }, "Not in this project: ", ...lacking.flatMap((id, index) => [index ? ", " : "", name(id)]), "."));
  };
  page.main.append(notice);
  tellLacking(found);
  if (asked.length > MOST) page.main.append(h("p", { class: "problem" }, `The first ${MOST} of ${asked.length} runs are shown.`));
  const view = new CompareView(page, entity, project, [...found.keys()]);
  view.update(found);
  await poll(async () => {
    const { present, changed } = await statesNow(entity, project, view.runs, page.signal);
    const now = changed.length ? await read(entity, project, changed, page.signal) : null;
    const isLess = present.size < view.runs.size;
    view.update(new Map([...view.runs, ...(now ?? [])].filter(([id]) => present.has(id))));
    if (isLess) tellLacking(view.runs);
  }, { every: () => ([...view.runs.values()].some((run) => ALIVE.includes(run.state)) ? EVERY : IDLE_EVERY), signal: page.signal });
}

/**
 * Which runs are still there, and which are not what they were, also after their end.
 * @param {string} entity
 * @param {string} project
 * @param {Map<string, any>} runs
 * @param {AbortSignal} signal
 * @returns {Promise<{present: Set<string>, changed: string[]}>} Their ids.
 */
async function statesNow(entity, project, runs, signal) {
  const filters = JSON.stringify({ name: { $in: [...runs.keys()] } });
  const answer = await graphql(NOW, { entity, project, filters, most: runs.size }, signal);
  const nodes = (answer.project?.runs.edges ?? []).map((/** @type {any} */ edge) => edge.node);
  const changed = nodes.filter((/** @type {any} */ node) => isOther(runs.get(node.name), node));
  const namesOf = (/** @type {any[]} */ some) => some.map((node) => node.name);
  return { present: new Set(namesOf(nodes)), changed: namesOf(changed) };
}

/** @param {any} before @param {any} now */
function isOther(before, now) {
  return ["state", "updatedAt", "historyLineCount"].some((key) => before?.[key] !== now[key]);
}

/**
 * @param {string} entity
 * @param {string} project
 * @param {string[]} ids
 * @param {AbortSignal} signal
 * @returns {Promise<Map<string, any> | null>} The runs that there are; null where there is no such project.
 */
async function read(entity, project, ids, signal) {
  /** @type {Map<string, any>} */
  const found = new Map();
  for (let at = 0; at < ids.length; at += SOME) {
    const some = ids.slice(at, at + SOME);
    const declared = some.map((_, index) => `$n${index}: String!`).join(", ");
    const fields = some.map((_, index) => `r${index}: run(name: $n${index}) { ${FIELDS} }`).join(" ");
    const query = `query PageCompare($entity: String!, $project: String!, ${declared}) { project(entityName: $entity, name: $project) { ${fields} } }`;
    const variables = Object.fromEntries(some.map((id, index) => [`n${index}`, id]));
    const answer = await graphql(query, { entity, project, ...variables }, signal);
    if (!answer.project) return null;
    some.forEach((id, index) => {
      const run = answer.project[`r${index}`];
      if (run) found.set(id, run);
    });
  }
  return found;
}

class CompareView {
  /**
   * @param {import("../main.js").Page} page
   * @param {string} entity
   * @param {string} project
   * @param {string[]} ids
   */
  constructor(page, entity, project, ids) {
    this.page = page;
    this.entity = entity;
    this.project = project;
    /** @type {Map<string, any>} */
    this.runs = new Map();
    /** @type {Set<string>} */
    this.hiddenRuns = new Set();
    this.styles = new Map(ids.map((id, index) => [id, styleAt(index)]));
    this.legend = h("ul", { class: "legend", "aria-label": "Runs" });
    this.curves = new Curves(page, entity, project);
    this.onlyOther = h("input", { type: "checkbox", checked: true, onchange: () => this.fillTables() });
    this.config = h("div");
    this.summary = h("div");
    page.main.append(
      this.legend,
      h("section", { "aria-labelledby": "curves-title" }, h("h2", { id: "curves-title" }, "Curves"), this.curves.element),
      h("section", { "aria-labelledby": "values-title" },
        h("div", { class: "section-head" }, h("h2", { id: "values-title" }, "Values"), h("label", {}, this.onlyOther, " Only what differs")),
        h("h3", {}, "Config"), this.config, h("h3", {}, "Summary"), this.summary),
    );
  }

  /** @param {Map<string, any>} runs */
  update(runs) {
    const isSame = runs.size === this.runs.size && [...runs].every(([id, run]) => !isOther(this.runs.get(id), run));
    if (isSame) return;
    const ended = [...runs].filter(([id, run]) => this.runs.get(id)?.state === "running" && run.state !== "running");
    for (const [, run] of ended) announce(`${visible(run.displayName || run.name)} is ${run.state}`);
    this.runs = runs;
    this.page.setLive([...runs.values()].some((run) => run.state === "running"));
    this.fillLegend();
    this.setCurves();
    this.fillTables();
  }

  setCurves() {
    this.curves.setRuns([...this.runs].filter(([id]) => !this.hiddenRuns.has(id)).map(([id, run]) => ({
      id, label: visible(run.displayName || run.name), style: this.styleOf(id), keys: numericKeys(run.historyKeys), lines: run.historyLineCount ?? 0,
    })));
  }

  /** @param {string} id */
  styleOf(id) {
    return this.styles.get(id) ?? styleAt(0);
  }

  fillLegend() {
    const focused = document.activeElement instanceof HTMLInputElement ? document.activeElement.dataset.run : undefined;
    this.legend.replaceChildren(...[...this.runs].map(([id, run]) => {
      const box = h("input", { type: "checkbox", checked: !this.hiddenRuns.has(id), "data-run": id, "aria-label": `Draw ${visible(run.displayName || run.name)}`, onchange: () => {
        if (box.checked) this.hiddenRuns.delete(id);
        else this.hiddenRuns.add(id);
        this.setCurves();
      } });
      if (focused === id) queueMicrotask(() => box.focus());
      return h("li", {}, box, " ", swatch(this.styleOf(id)), " ", h("a", { href: pageAddress(this.entity, this.project, "runs", id) }, name(run.displayName || run.name)), " ", stateBadge(run.state));
    }));
  }

  fillTables() {
    this.config.replaceChildren(this.table("Config", (run) => withoutEnvelopes(decodeObject(run.config))));
    this.summary.replaceChildren(this.table("Summary", (run) => decodeObject(run.summaryMetrics)));
  }

  /** @param {string} title @param {(run: any) => Record<string, unknown>} valuesOf */
  table(title, valuesOf) {
    const columns = [...this.runs].map(([id, run]) => ({ id, run, values: flattened(valuesOf(run)) }));
    const keys = [...new Set(columns.flatMap(({ values }) => [...values.keys()]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const listed = keys.map((key) => {
      const texts = columns.map(({ values }) => (values.has(key) ? asJson(values.get(key)) : null));
      return { key, differs: new Set(texts).size > 1 };
    });
    // Where nothing else is shown, a mark would tell nothing.
    const marks = !this.onlyOther.checked && this.runs.size > 1;
    const shown = listed.filter(({ differs }) => differs || !this.onlyOther.checked);
    if (!shown.length) return h("p", { class: "faint" }, listed.length ? `All ${counted(listed.length, "value")} are equal.` : "Nothing.");
    return h("div", { class: "scroll", role: "region", "aria-label": title, tabindex: 0 },
      h("table", { class: "list compare" },
        h("caption", { class: "hidden" }, title),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Key"), ...columns.map(({ id, run }) => h("th", { scope: "col" }, swatch(this.styleOf(id)), " ", name(run.displayName || run.name))))),
        h("tbody", {}, ...shown.map(({ key, differs }) => h("tr", { class: marks && differs ? "differs" : null },
          h("th", { scope: "row" }, h("bdi", {}, visible(key)), marks && differs ? h("span", { class: "mark" }, " differs") : null),
          ...columns.map(({ values }) => h("td", {}, values.has(key) ? valueCell(values.get(key)) : h("span", { class: "faint" }, "–"))),
        ))),
      ));
  }
}

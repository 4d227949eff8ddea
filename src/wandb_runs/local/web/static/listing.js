/** What the table of runs asks the server: keys, pages of runs, and whether anything has changed. */

import { graphql, RequestError } from "./api.js";
import { ATTRIBUTES, labelOf, topKeys } from "./columns.js";

/** @typedef {import("./columns.js").Field} Field */

/**
 * What a table is asked to show.
 * @typedef {object} View
 * @property {string} where A filter in the language of the command line.
 * @property {string | null} filters The same in GraphQL.
 * @property {string} order A sign and a path.
 * @property {string[]} columns Their ids.
 */

/**
 * Runs that were read.
 * @typedef {object} Found
 * @property {any[]} nodes
 * @property {number} count How many there are.
 * @property {string | null} after
 * @property {boolean} hasMore
 * @property {string} mark Differs once something has changed since.
 * @property {boolean} isLive Whether a run is logging that belongs there or may come to.
 */

export const SIZE = 100;
const LARGEST = 1000;
const MOST_FIELDS = 5000;

/** States that end without a word of the run's program. */
const ALIVE = ["running", "pending", "preempting"];

const NODE = `
  name displayName state createdAt heartbeatAt tags group jobType sweepName host historyLineCount
  notes @include(if: $notes)
  user { username }
  config(keys: $configKeys)
  summaryMetrics(keys: $summaryKeys)`;

/** Each change of a run is its latest one, but for its deletion, and a crash, which is a silence. */
const MARK = `
  runCount(filters: $filters)
  alive: runCount(filters: $alive)
  latest: runs(filters: $all, order: "-updated_at", first: 1) { edges { node { name updatedAt } } }`;

const SCOPE = "$entity: String!, $project: String!, $filters: JSONString, $alive: JSONString, $all: JSONString";

// What is a mark is read before what it marks.
const RUNS = `query PageRuns(${SCOPE}, $configKeys: [String!], $summaryKeys: [String!], $notes: Boolean!, $order: String, $first: Int, $after: String) {
  project(entityName: $entity, name: $project) {
    ${MARK}
    runs(filters: $filters, order: $order, first: $first, after: $after) {
      edges { node { ${NODE} } }
      pageInfo { endCursor hasNextPage }
    }
  }
}`;

const NOW = `query PageRunsNow(${SCOPE}) { project(entityName: $entity, name: $project) { ${MARK} } }`;

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

/** The runs of a project, or of a sweep. */
export class Listing {
  /**
   * @param {string} entity
   * @param {string} project
   * @param {string | undefined} sweep
   * @param {AbortSignal} signal
   */
  constructor(entity, project, sweep, signal) {
    this.entity = entity;
    this.project = project;
    this.sweep = sweep;
    this.signal = signal;
  }

  /** @returns {Promise<Field[] | null>} The keys of all runs; null where there is no such project. */
  async fields() {
    /** @type {Map<string, string[]>} */
    const types = new Map();
    let after = null;
    do {
      const answer = await graphql(FIELDS, { entity: this.entity, project: this.project, after }, this.signal);
      if (!answer.project) return null;
      const { edges, pageInfo } = answer.project.fields;
      for (const { node } of edges) types.set(node.path, [...(types.get(node.path) ?? []), node.type]);
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after && types.size < MOST_FIELDS);
    return [...types].map(([path, each]) => ({ path, types: each }));
  }

  /** @returns {Promise<any>} The sweep; null where there is none of this id. */
  async about() {
    const answer = await graphql(SWEEP, { entity: this.entity, project: this.project, id: this.sweep }, this.signal);
    return answer.project?.sweep ?? null;
  }

  /** @param {string | null} filters */
  scope(filters) {
    const all = this.sweep ? { sweep: this.sweep } : {};
    const alive = JSON.stringify({ ...all, state: { $in: ALIVE } });
    const own = this.sweep ? JSON.stringify(all) : null;
    // As text: numbers stay exact.
    const joined = filters && own ? `{"$and":[${own},${filters}]}` : filters ?? own;
    return { entity: this.entity, project: this.project, filters: joined, alive, all: own };
  }

  /**
   * Read a page of runs.
   * @param {View} view
   * @param {string | null} after
   * @param {number} [first]
   * @returns {Promise<Found>}
   */
  async page(view, after, first = SIZE) {
    const keys = { ...topKeys(view.columns), notes: view.columns.includes("notes") };
    const { project } = await graphql(RUNS, { ...this.scope(view.filters), ...keys, order: view.order, first, after }, this.signal);
    if (!project) throw gone();
    return {
      nodes: project.runs.edges.map((/** @type {any} */ edge) => edge.node),
      count: project.runCount,
      after: project.runs.pageInfo.endCursor,
      hasMore: project.runs.pageInfo.hasNextPage,
      ...markOf(project),
    };
  }

  /**
   * Read the first runs, at least so many of them.
   * @param {View} view
   * @param {number} count
   * @returns {Promise<Found>}
   */
  async first(view, count) {
    const wanted = Math.max(1, Math.ceil(count / SIZE)) * SIZE;
    let found = await this.page(view, null, Math.min(LARGEST, wanted));
    while (found.hasMore && found.nodes.length < wanted) {
      const next = await this.page(view, found.after, Math.min(LARGEST, wanted - found.nodes.length));
      if (!next.nodes.length) break;
      found = { ...next, nodes: [...found.nodes, ...next.nodes], mark: found.mark };
    }
    return found;
  }

  /** @param {View} view @returns {Promise<{mark: string, isLive: boolean}>} */
  async now(view) {
    const { project } = await graphql(NOW, this.scope(view.filters), this.signal);
    if (!project) throw gone();
    return markOf(project);
  }
}

/** @param {any} project */
function markOf(project) {
  const { runCount, alive, latest } = project;
  return { mark: JSON.stringify([runCount, alive, latest.edges]), isLive: alive > 0 };
}

function gone() {
  return new RequestError("This project is not there any more.", 404);
}

/**
 * An order as the server takes it.
 * @param {string} asked As an address has it; without a sign it is descending, as for the server.
 * @param {Field[]} fields
 * @returns {string | null} Null where it is no order.
 */
export function orderOf(asked, fields) {
  const [, sign, path] = /^([+-]?)(.*)$/su.exec(asked) ?? ["", "", ""];
  const found = sortable(fields).find((each) => each === path) ?? fields.find((each) => labelOf(each.path) === path)?.path;
  return found === undefined ? null : `${sign || "-"}${found}`;
}

/** The paths that runs can be sorted by. @param {Field[]} fields */
export function sortable(fields) {
  const attributes = ATTRIBUTES.flatMap(({ order }) => (order === null ? [] : [order]));
  return ["display_name", ...attributes, "heartbeat_at", "updated_at", ...fields.map(({ path }) => path)];
}

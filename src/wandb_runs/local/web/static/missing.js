/** What is shown where an address names something that is not there. */

import { graphql } from "./api.js";
import { announce, h, name, pageAddress } from "./dom.js";
import { nearest } from "./text.js";

const PROJECTS = "query PageNamesOfProjects($entity: String!) { projects(entityName: $entity, first: 1000) { edges { node { name } } } }";
const ENTITIES = "query PageNamesOfEntities { viewer { entity teams { edges { node { name } } } } }";
const RUNS = `query PageNamesOfRuns($entity: String!, $project: String!) {
  project(entityName: $entity, name: $project) {
    runs(first: 1000, order: "-created_at") { edges { node { name displayName } } }
    sweeps(first: 1000) { edges { node { name displayName } } }
  }
}`;

/**
 * Say that a project is not there, and which one may be meant.
 * @param {HTMLElement} main
 * @param {string} entity
 * @param {string} project
 * @param {AbortSignal} signal
 */
export async function showMissingProject(main, entity, project, signal) {
  const [listed, viewer] = await Promise.all([graphql(PROJECTS, { entity }, signal), graphql(ENTITIES, {}, signal)]);
  const projects = listed.projects.edges.map((/** @type {any} */ edge) => edge.node.name);
  const near = nearest(project, projects);
  const teams = viewer.viewer?.teams?.edges ?? [];
  const nearEntity = projects.length ? null : nearest(entity, teams.map((/** @type {any} */ edge) => edge.node.name));
  const hint = near ? pageAddress(entity, near) : nearEntity ? pageAddress(nearEntity) : null;
  const label = near ? `${entity}/${near}` : nearEntity;
  show(main, "There is no such project", ["No project ", name(`${entity}/${project}`), " is on this server."], hint, label);
}

/**
 * Say that a run or a sweep is not there, and which one may be meant.
 * @param {HTMLElement} main
 * @param {string} entity
 * @param {string} project
 * @param {"run" | "sweep"} kind
 * @param {string} id
 * @param {AbortSignal} signal
 */
export async function showMissing(main, entity, project, kind, id, signal) {
  const answer = await graphql(RUNS, { entity, project }, signal);
  if (!answer.project) return showMissingProject(main, entity, project, signal);
  /** @type {{name: string, displayName: string | null}[]} */
  const nodes = answer.project[`${kind}s`].edges.map((/** @type {any} */ edge) => edge.node);
  const byName = new Map(nodes.flatMap((node) => [[node.displayName ?? node.name, node.name], [node.name, node.name]]));
  const near = byName.get(id) ?? byName.get(nearest(id, byName.keys()) ?? "");
  const hint = near ? pageAddress(entity, project, `${kind}s`, near) : null;
  show(main, `There is no such ${kind}`, [`No ${kind} `, name(id), " is in project ", h("a", { href: pageAddress(entity, project) }, name(`${entity}/${project}`)), "."], hint, near);
}

/**
 * @param {HTMLElement} main
 * @param {string} title
 * @param {import("./dom.js").Child[]} text
 * @param {string | null} hint
 * @param {string | null | undefined} label
 */
function show(main, title, text, hint, label) {
  document.title = `${title} · wandb-runs local`;
  main.replaceChildren(
    h("div", { class: "notice" },
      h("h1", { tabindex: "-1" }, title),
      h("p", {}, ...text),
      hint ? h("p", {}, "Did you mean ", h("a", { href: hint }, name(label)), "?") : null,
      h("p", {}, h("a", { href: "/" }, "All projects")),
    ),
  );
  announce(`${title}${label ? `. Did you mean ${label}?` : ""}`);
}

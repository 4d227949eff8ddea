/** All projects of the server, or those of one entity. */

import { graphql, poll } from "../api.js";
import { announce, h, name, pageAddress, time } from "../dom.js";
import { ago, counted, instant, localTime, nearest, visible } from "../text.js";

const EVERY = 5;
const SIZE = 200;
const RUNNING = JSON.stringify({ state: "running" });

const ENTITIES = "query PageEntities { viewer { entity teams { edges { node { name } } } } }";

const PROJECTS = `query PageProjects($entity: String!, $first: Int, $after: String, $running: JSONString) {
  projects(entityName: $entity, first: $first, after: $after, order: "-last_active") {
    edges { node {
      name entityName description createdAt lastActive totalRuns totalSweeps running: runCount(filters: $running)
    } }
    pageInfo { endCursor hasNextPage }
  }
}`;

/** @param {import("../main.js").Page} page */
export async function showProjects({ main, parts, signal, setTitle, setLive }) {
  const [only] = parts;
  setTitle(only ?? "Projects");
  const body = h("div", { class: "projects" }, h("p", { class: "faint" }, "Loading…"));
  main.append(h("h1", {}, only ? name(only) : "Projects"), body);
  let held = "";
  const refresh = async () => {
    const names = only ? [only] : await entities(signal);
    const found = await Promise.all(names.map(async (entity) => /** @type {[string, any[]]} */ ([entity, await projectsOf(entity, signal)])));
    setLive(found.some(([, projects]) => projects.some((each) => each.running)));
    const now = JSON.stringify(found);
    if (now === held) return;
    const isFirst = !held;
    held = now;
    const filled = found.filter(([, projects]) => projects.length);
    if (filled.length) body.replaceChildren(...filled.map(([entity, projects]) => section(entity, projects, Boolean(only))));
    else body.replaceChildren(await nothing(only, signal));
    const count = filled.reduce((sum, [, projects]) => sum + projects.length, 0);
    if (isFirst) announce(count ? counted(count, "project") : "There are no projects");
  };
  await refresh();
  await poll(refresh, { every: EVERY, signal });
}

/** @param {AbortSignal} signal @returns {Promise<string[]>} */
async function entities(signal) {
  const { viewer } = await graphql(ENTITIES, {}, signal);
  const teams = (viewer?.teams?.edges ?? []).map((/** @type {any} */ edge) => edge.node.name);
  return [...new Set([viewer?.entity, ...teams])].filter(Boolean);
}

/** @param {string} entity @param {AbortSignal} signal @returns {Promise<any[]>} */
async function projectsOf(entity, signal) {
  const listed = [];
  let after = null;
  do {
    const answer = await graphql(PROJECTS, { entity, first: SIZE, after, running: RUNNING }, signal);
    listed.push(...answer.projects.edges.map((/** @type {any} */ edge) => edge.node));
    after = answer.projects.pageInfo.hasNextPage ? answer.projects.pageInfo.endCursor : null;
  } while (after);
  return listed;
}

/** @param {string} entity @param {any[]} projects @param {boolean} isOnly */
function section(entity, projects, isOnly) {
  const heading = h("h2", {}, h("a", { href: pageAddress(entity) }, name(entity)));
  const head = ["Project", "Runs", "Running", "Sweeps", "Last activity", "Created"];
  return h("section", {},
    isOnly ? null : heading,
    h("div", { class: "scroll", role: "region", "aria-label": `Projects of ${visible(entity)}`, tabindex: 0 },
      h("table", { class: "list" },
        h("thead", {}, h("tr", {}, ...head.map((each, index) => h("th", { scope: "col", class: index > 0 && index < 4 ? "number" : null }, each)))),
        h("tbody", {}, ...projects.map(row)),
      ),
    ),
  );
}

/** @param {any} project */
function row(project) {
  const active = instant(project.lastActive);
  const created = instant(project.createdAt);
  return h("tr", {},
    h("th", { scope: "row" },
      h("a", { href: pageAddress(project.entityName, project.name) }, name(project.name)),
      project.description ? h("div", { class: "faint" }, name(project.description)) : null,
    ),
    h("td", { class: "number" }, project.totalRuns.toLocaleString("en")),
    h("td", { class: "number" }, project.running ? h("span", { class: "state state-running" }, String(project.running)) : h("span", { class: "faint" }, "0")),
    h("td", { class: "number" }, project.totalSweeps ? String(project.totalSweeps) : h("span", { class: "faint" }, "0")),
    h("td", {}, time(active, active ? ago(active) : "")),
    h("td", {}, time(created, created ? localTime(created).slice(0, 16) : "")),
  );
}

/** @param {string | undefined} entity @param {AbortSignal} signal */
async function nothing(entity, signal) {
  const near = entity === undefined ? null : nearest(entity, await entities(signal));
  return h("div", { class: "notice" },
    h("p", {}, entity === undefined ? "Nothing was logged to this server yet." : "This entity has no projects."),
    near && near !== entity ? h("p", {}, "Did you mean ", h("a", { href: pageAddress(near) }, name(near)), "?") : null,
    h("p", {}, "A program logs to it with W&B’s SDK, once these are set:"),
    h("pre", { tabindex: 0 }, `export WANDB_BASE_URL=${location.origin}\nexport WANDB_API_KEY=${"0".repeat(40)}`),
  );
}

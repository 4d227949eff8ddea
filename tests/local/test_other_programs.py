"""What other programs ask of a W&B server is answered: each document selects what theirs do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest
from support.managed import Managed
from support.sdk_programs import run_sdk

from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

PAGE = "pageInfo { endCursor hasNextPage }"


class Document(NamedTuple):
    """A query within a project, and what is answered below the project.

    Attributes:
        fields: What it selects of the project.
        answer: The answer; None where the test below looks at it.
        declared: The types of its variables.
        variables: Their values.
    """

    fields: str
    answer: JSONObject | None
    declared: str = ""
    variables: JSONObject = {}  # noqa: RUF012 - never changed


FOX: dict[str, JSONValue] = {"name": "r1", "displayName": "fox", "state": "finished"}

MCP: dict[str, Document] = {
    "few runs of a state": Document(
        'runs(first: 5, filters: "{\\"state\\":\\"finished\\"}") '
        f"{{ edges {{ node {{ id name createdAt summaryMetrics }} }} {PAGE} }}",
        None,
    ),
    "a run by its id": Document(
        "run(name: $run) { id name displayName }", None, "$run: String!", {"run": "r1"}
    ),
    "a run by its display name": Document(
        f"runs(first: 1, filters: $f) {{ edges {{ node {{ id name displayName }} }} {PAGE} }}",
        None,
        "$f: JSONString",
        {"f": '{"displayName": {"$eq": "fox"}}'},
    ),
    "more of a run by its display name": Document(
        "runs(first: 1, filters: $f) { edges { node { name displayName state } } }",
        {"runs": {"edges": [{"node": FOX}]}},
        "$f: JSONString",
        {"f": '{"displayName": {"$eq": "fox"}}'},
    ),
    "a project": Document("name entityName description runCount", None),
    "runs in an order": Document(
        "runs(first: $n, order: $o) { edges { node { id name displayName state createdAt "
        f"summaryMetrics }} cursor }} {PAGE} }}",
        None,
        "$n: Int, $o: String",
        {"n": 10, "o": "+summary_metrics.accuracy"},
    ),
    "a page of chosen runs": Document(
        "runs(first: $n, after: $c, filters: $f, order: $o) { edges { node { id name state "
        f"createdAt summaryMetrics }} cursor }} {PAGE} }}",
        None,
        "$n: Int, $c: String, $f: JSONString, $o: String",
        {
            "n": 10,
            "o": "-summary_metrics.loss",
            "f": '{"state": "finished", "summary_metrics.loss": {"$gt": 0.1}}',
        },
    ),
    "the keys of a history": Document(
        "run(name: $run) { id name historyKeys }", None, "$run: String!", {"run": "r1"}
    ),
    "an artifact": Document(
        "artifact(name: $a) { id digest description state size createdAt metadata "
        f"aliases {{ alias }} files {{ edges {{ node {{ name url digest }} }} {PAGE} }} }}",
        {"artifact": None},
        "$a: String!",
        {"a": "my-dataset:v3"},
    ),
}
"""What the examples of W&B's MCP server select, which its clients send with changes."""

APP: dict[str, Document] = {
    "artifacts of a run": Document(
        "run(name: $run) { outputArtifacts { totalCount edges { node { id digest } cursor } "
        f"{PAGE} }} inputArtifacts(first: 10) {{ edges {{ node {{ id }} }} }} }}",
        {
            "run": {
                "outputArtifacts": {
                    "totalCount": 0,
                    "edges": [],
                    "pageInfo": {"endCursor": None, "hasNextPage": False},
                },
                "inputArtifacts": {"edges": []},
            }
        },
        "$run: String!",
        {"run": "r1"},
    ),
    "rows with few keys": Document(
        "run(name: $run) { history(samples: 10, minStep: 0, maxStep: 10, maxKeyLimit: 100) }",
        {"run": {"history": ['{"loss": 0.5, "_step": 0}']}},
        "$run: String!",
        {"run": "r1"},
    ),
    "runs counted": Document("totalRuns isBenchmark access", None),
}


@pytest.fixture(scope="module")
def managed() -> Iterator[Managed]:
    with LocalServer() as server:
        log_run(server, "me", "p", "r1", name="fox", history=[{"loss": 0.5, "_step": 0}])
        log_run(server, "me", "p", "r2", config={"lr": 1})
        yield Managed(server)


@pytest.mark.parametrize("document", [*MCP.values(), *APP.values()], ids=[*MCP, *APP])
def test_a_document_of_another_program_is_answered_without_an_error(
    managed: Managed, document: Document
) -> None:
    declared = f", {document.declared}" if document.declared else ""
    query = f"""query Ask($entity: String!, $project: String!{declared}) {{
        project(name: $project, entityName: $entity) {{ {document.fields} }}
    }}"""
    found = managed.ask(query, entity="me", project="p", **document.variables)
    answer = cast("JSONObject", found["project"])
    assert answer
    if document.answer is not None:
        assert answer == document.answer
    elif "runs" in answer:
        edges = cast("dict[str, list[dict[str, JSONObject]]]", answer["runs"])["edges"]
        names = [edge["node"]["name"] for edge in edges]
        assert names[0] == "r1"
    elif "run" in answer:
        assert cast("JSONObject", answer["run"])["name"] == "r1"


def test_rows_of_a_sampled_history_have_no_fields_to_select(managed: Managed) -> None:
    """An example of W&B's MCP server selects some; W&B's SDK takes the rows as they are."""
    row = "sampledHistory(specs: $specs) { step timestamp item }"
    query = f"""query Ask($specs: [JSONString!]!) {{
        project(name: "p", entityName: "me") {{ run(name: "r1") {{ id name {row} }} }}
    }}"""
    refused = managed.post(query, specs=['{"keys": ["loss"]}'])
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert "must not have a selection" in error["message"]


def test_the_viewer_has_a_default_entity_with_projects(managed: Managed) -> None:
    query = """{
        viewer { id username email entity defaultEntity { id name projects { edges { node {
            name } } } } }
    }"""
    viewer = cast("dict[str, JSONValue]", managed.ask(query)["viewer"])
    assert viewer["entity"] == "local"
    entity = cast("dict[str, JSONValue]", viewer["defaultEntity"])
    assert (entity["name"], entity["projects"]) == ("local", {"edges": []})


def test_projects_are_listed_in_an_order_a_page_at_a_time() -> None:
    now = 1_700_000_000.0
    with LocalServer(clock=lambda: now) as server:
        managed = Managed(server)
        for number, name in enumerate("bca"):
            now += 1
            log_run(server, "team", name, "r")
            if number:
                log_run(server, "team", name, "s")
        now += 1
        log_run(server, "team", "b", "r")
        log_run(server, "other", "d", "r")

        def listed(order: str | None, *, of_entity: bool) -> list[tuple[str, JSONValue]]:
            found: list[tuple[str, JSONValue]] = []
            cursor = None
            while True:
                given = "first: 2, after: $after, order: $order"
                fields = f"edges {{ node {{ name totalRuns lastActive }} }} {PAGE}"
                asked = f'projects(entityName: "team", {given}) {{ {fields} }}'
                if of_entity:
                    asked = f'entity(name: "team") {{ projects({given}) {{ {fields} }} }}'
                query = f"query Ask($after: String, $order: String) {{ {asked} }}"
                answer = managed.ask(query, after=cursor, order=order)
                answer = cast("JSONObject", answer["entity"]) if of_entity else answer
                page = cast("dict[str, dict[str, list[dict[str, JSONObject]]]]", answer)
                nodes = [edge["node"] for edge in page["projects"]["edges"]]
                found += [(str(node["name"]), node["totalRuns"]) for node in nodes]
                info = cast("dict[str, dict[str, JSONObject]]", answer)["projects"]["pageInfo"]
                if not info["hasNextPage"]:
                    return found
                cursor = info["endCursor"]

        created = [("a", 2), ("c", 2), ("b", 1)]
        for of_entity in (True, False):
            assert listed(None, of_entity=of_entity) == created
            assert listed("-created_at", of_entity=of_entity) == created
            assert listed("+created_at", of_entity=of_entity) == created[::-1]
            active = [("b", 1), ("a", 2), ("c", 2)]
            assert listed("-last_active", of_entity=of_entity) == active
            assert listed("+name", of_entity=of_entity) == [("a", 2), ("b", 1), ("c", 2)]


ARCHIVE = """
import json, wandb

api = wandb.Api()
names = [project.name for project in api.projects(entity="me", per_page=200)]
run, *_ = api.runs("me/p", order="+created_at", per_page=100, include_sweeps=True)
files = [(file.name, file.size, file.md5) for file in run.files(per_page=100)]
artifacts = [*run.logged_artifacts(per_page=100), *run.used_artifacts(per_page=100)]
project = api.project("p", "me")
print(json.dumps([
    names, run.id, run.summary._json_dict["loss"], run.config, run.metadata, run.lastHistoryStep,
    files, artifacts, [each for each in project.artifacts_types()],
    [each for each in project.collections()],
    [kind.name for kind in api.artifact_types("me/p")],
    [line for line in run.console_logs(per_page=1000)],
    run.history(stream="system", samples=100_000, pandas=False),
    [row["loss"] for row in run.scan_history(page_size=1000)],
]))
"""


def test_what_archives_and_migrations_ask_the_wandb_sdk_for_is_answered(
    managed: Managed, tmp_path: Path
) -> None:
    names, *run, rows = json.loads(run_sdk(ARCHIVE, managed.server, tmp_path))
    assert names == ["p"]
    assert run[:5] == ["r1", 0.5, {}, None, 0]
    assert run[5:] == [[]] * 7
    assert rows == [0.5]

"""Projects of the local server are what W&B's SDK makes and lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import httpx
from support.sdk_programs import run_sdk

from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

MADE = """
import json, wandb

api = wandb.Api()
api.create_project("first", "team")
api.create_project("second", "team")
api.create_project("first", "team")
api.create_project("elsewhere", "other")
print(json.dumps([
    [(p.name, p.entity, p.id, p.created_at, p.is_benchmark) for p in api.projects("team", size)]
    for size in (1, 2, 50)
]))
"""


def ask(server: LocalServer, query: str) -> JSONObject:
    answer = httpx.post(f"{server.url}/graphql", json={"query": query}, auth=("api", "k" * 40))
    return cast("JSONObject", answer.json())


def test_projects_that_the_sdk_makes_are_those_that_it_lists(tmp_path: Path) -> None:
    with LocalServer() as server:
        log_run(server, "team", "logged", "r1")
        by_one, by_two, whole = json.loads(run_sdk(MADE, server, tmp_path))
        assert by_one == by_two == whole
        assert [(name, entity) for name, entity, *_ in whole] == [
            ("second", "team"),
            ("first", "team"),
            ("logged", "team"),
        ]
        assert len({storage_id for _, _, storage_id, *_ in whole}) == 3
        assert not any(is_benchmark for *_, is_benchmark in whole)


def test_a_project_is_made_once_and_its_description_changed() -> None:
    def upsert(fields: str) -> dict[str, JSONValue]:
        mutation = f"upsertModel(input: {{{fields}}}) {{ inserted project {{ id description }} }}"
        answer = ask(server, f"mutation {{ {mutation} }}")
        return cast("dict[str, dict[str, dict[str, JSONValue]]]", answer)["data"]["upsertModel"]

    with LocalServer() as server:
        made = upsert('name: "p", entityName: "team", description: "the first"')
        project = cast("dict[str, str]", made["project"])
        assert (made["inserted"], project["description"]) == (True, "the first")
        assert upsert('name: "p", entityName: "team"') == {**made, "inserted": False}
        changed = upsert(f'id: "{project["id"]}", description: ""')
        assert changed == {"inserted": False, "project": {**project, "description": ""}}
        for wrong in ('id: "none"', 'entityName: "team"', 'name: ""'):
            refused = ask(server, f"mutation {{ upsertModel(input: {{{wrong}}}) {{ inserted }} }}")
            assert "errors" in refused

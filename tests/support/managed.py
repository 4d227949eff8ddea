"""Requests that manage runs on a server, and all that a project holds, in comparable form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import httpx
from support.graphql_query import of_project

from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.testing import LocalServer

KEY = ("api", "k" * 40)

TEXTS = "name displayName state createdAt updatedAt heartbeatAt tags group jobType notes sweepName"
DOCUMENTS = "config summaryMetrics systemMetrics historyKeys historyLineCount eventsLineCount"
ROWS = (
    "history(samples: 10000) events(samples: 10000) logLines(first: 1000) { edges { node { line }"
)
FILES = "files(first: 1000) { edges { node { name md5 directUrl } } }"
EACH = f"{TEXTS} {DOCUMENTS} {ROWS} }} }} {FILES}"
OF_PROJECT = """
    runCount
    named: runCount(filters: "{\\"config.lr\\": {\\"$gt\\": 0}}")
    tagged: runCount(filters: "{\\"tags\\": \\"a\\"}")
    tagCounts { name count }
    fields { edges { node { path type } } }
    byLoss: runs(order: "+summary_metrics.loss", first: 1000) { edges { node { name } } }
"""


@dataclass(frozen=True)
class Managed:
    """A server, and the requests that manage what it holds."""

    server: LocalServer

    def post(self, query: str, **variables: JSONValue) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return httpx.post(f"{self.server.url}/graphql", json=body, auth=KEY)

    def ask(self, query: str, **variables: JSONValue) -> JSONObject:
        answer = self.post(query, **variables)
        assert answer.status_code == 200, answer.text
        return cast("JSONObject", answer.json()["data"])

    def change(self, mutation: str, fields: str, **given: JSONValue) -> JSONObject:
        """Send a mutation, whose input type is named as W&B names it."""
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        query = f"mutation M($input: {kind}!) {{ {mutation}(input: $input) {{ {fields} }} }}"
        return cast("JSONObject", self.ask(query, input=given)[mutation])

    def select(self, mutation: str, fields: str, project: str, filters: JSONObject) -> JSONObject:
        """Send a mutation of the runs of a project that a filter selects."""
        return self.change(
            mutation, fields, entityName="me", projectName=project, filters=json.dumps(filters)
        )

    def move(self, project: str, target: str, filters: JSONObject, polls: int = 2) -> list[object]:
        """Move runs, and return the state that each poll finds."""
        moved = self.change(
            "moveRuns",
            "task { id state }",
            sourceEntityName="me",
            sourceProjectName=project,
            destinationEntityName="me",
            destinationProjectName=target,
            filters=json.dumps(filters),
        )
        task = cast("dict[str, str]", moved["task"])
        return [task["state"], *(self.poll(task["id"]) for _ in range(polls))]

    def poll(self, task: str) -> object:
        found = self.ask("query GetTask($id: ID!) { task(id: $id) { state } }", id=task)["task"]
        return found and cast("JSONObject", found)["state"]

    def names(self, project: str) -> list[str]:
        return [str(run["name"]) for run in self._runs(project, "name")]

    def storage_ids(self, project: str) -> dict[str, str]:
        return {str(run["name"]): str(run["id"]) for run in self._runs(project, "id name")}

    def _runs(self, project: str, fields: str) -> list[dict[str, JSONValue]]:
        listed = f"runs(first: 1000) {{ edges {{ node {{ {fields} }} }} }}"
        found = self.ask(f"{{ {of_project('me', project, listed)} }}")["project"]
        edges = cast("dict[str, dict[str, list[dict[str, dict[str, JSONValue]]]]]", found)
        return [edge["node"] for edge in edges["runs"]["edges"]]

    def held(self, project: str) -> JSONObject:
        """All that a project holds, without what names the project."""
        found = self.ask(f"{{ {of_project('me', project, OF_PROJECT)} }}")["project"]
        runs = [{**run, "files": self._contents(run["files"])} for run in self._runs(project, EACH)]
        return {**cast("JSONObject", found), "runs": cast("list[JSONValue]", runs)}

    def _contents(self, files: JSONValue) -> list[JSONValue]:
        listed = cast("dict[str, list[dict[str, dict[str, str]]]]", files)["edges"]
        contents: list[JSONValue] = []
        for edge in listed:
            node = edge["node"]
            content = httpx.get(node["directUrl"]).text
            contents.append([node["name"], node["md5"], content])
        return contents

    def log(
        self, project: str, run: str, number: int = 0, tags: Sequence[str] = ("a", "b")
    ) -> None:
        """Log a run with something in every place that holds anything."""
        log_run(
            self.server,
            "me",
            project,
            run,
            config={"lr": number - 1, "model": {"depth": number}, f"only-{number}": [number]},
            history=[{"loss": number / (step + 1), "n": step} for step in range(number + 2)],
            events=[{"system.cpu": number + 0.5}],
            tags=tags,
            group=f"g{number % 2}",
            notes=f"note {number}",
            sweep="s" if number % 3 == 0 else None,
        )
        lines = {"output.log": {"offset": 0, "content": [f"2026-01-01T00:00:00 line {number}\n"]}}
        url = f"{self.server.url}/files/me/{quote(project)}/{quote(run)}/file_stream"
        ended = {"files": lines, "complete": True, "exitcode": 0}
        assert httpx.post(url, json=ended, auth=KEY).status_code == 200
        self.upload(project, run, "out/model.bin", f"content {number}".encode())

    def upload(self, project: str, run: str, name: str, content: bytes) -> None:
        """Send a file of a run."""
        made = self.change(
            "createRunFiles",
            "files { uploadUrl }",
            entityName="me",
            projectName=project,
            runName=run,
            files=[name],
        )
        (address,) = cast("list[dict[str, str]]", made["files"])
        assert httpx.put(address["uploadUrl"], content=content).status_code == 200

"""Sends what W&B's SDK sends when it logs, request by request, so that a test may leave one out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import httpx
from support.graphql_query import of_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.testing import LocalServer

_UPSERT = """
mutation UpsertBucket($input: UpsertBucketInput!) {
  upsertBucket(input: $input) {
    bucket { id historyLineCount }
    inserted
    serverSettings { serverMessages { utfText plainText htmlText messageType messageLevel } }
  }
}
"""
_DELETE = "mutation DeleteRun($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"


def _shared(client: str | None) -> dict[str, str] | None:
    """The headers of a writer in shared mode; None for the only writer of a run."""
    if client is None:
        return None
    return {"X-WANDB-USE-ASYNC-FILESTREAM": "true", "X-WANDB-ASYNC-CLIENT-ID": client}


@dataclass(frozen=True)
class LoggedRun:
    """A run of entity `me`, as the SDK logs to it."""

    server: LocalServer
    project: str
    name: str = "r"

    def graphql(
        self, query: str, variables: JSONObject | None = None, client: str | None = None
    ) -> httpx.Response:
        return httpx.post(
            f"{self.server.url}/graphql",
            json={"query": query, "variables": variables},
            auth=("api", "k" * 40),
            headers=_shared(client),
        )

    def upsert(self, client: str | None = None, **fields: JSONValue) -> JSONObject:
        where = {"entityName": "me", "modelName": self.project, "name": self.name}
        answer = self.graphql(_UPSERT, {"input": {**where, **fields}}, client)
        assert answer.status_code == 200, answer.text
        return cast("JSONObject", answer.json()["data"]["upsertBucket"])

    def start(
        self,
        config: JSONObject | None = None,
        client: str | None = None,
        fork_from: tuple[str, int] | None = None,
        **fields: JSONValue,
    ) -> JSONObject:
        """Send the first request of a program that logs."""
        sdk: dict[str, JSONValue] = {"cli_version": "0.31.0", "t": {"5": "0.31.0"}}
        if fork_from is not None:
            sdk["branch_point"] = dict(zip(("run_id", "step"), fork_from, strict=True))
        enveloped: dict[str, JSONValue] = {
            key: {"value": value} for key, value in (config or {}).items()
        }
        enveloped["_wandb"] = {"value": sdk}
        program: JSONObject = {"host": "here", "jobProgram": "train.py"}
        return self.upsert(client, config=json.dumps(enveloped), **program, **fields)

    def stream(self, client: str | None = None, **chunk: JSONValue) -> int:
        """Send a chunk of lines, of a writer in shared mode or the only one.

        Returns:
            The status of the answer.
        """
        url = f"{self.server.url}/files/me/{self.project}/{self.name}/file_stream"
        return httpx.post(
            url,
            json=chunk,
            auth=("api", "k" * 40),
            headers=_shared(client),
        ).status_code

    def send(
        self,
        file: str,
        offset: int,
        content: Sequence[str | JSONObject],
        client: str | None = None,
    ) -> int:
        """Send lines of one file; objects are written as JSON."""
        texts: list[JSONValue] = [
            line if isinstance(line, str) else json.dumps(line) for line in content
        ]
        return self.stream(client, files={file: {"offset": offset, "content": texts}})

    def log(self, offset: int, *rows: JSONObject, client: str | None = None) -> int:
        return self.send("wandb-history.jsonl", offset, rows, client)

    def read(self, fields: str) -> JSONObject:
        answer = self.graphql(f"{{ {of_run('me', self.project, self.name, fields)} }}")
        assert answer.status_code == 200, answer.text
        return cast("JSONObject", answer.json()["data"]["project"]["run"])

    def history(self) -> list[JSONObject]:
        rows = cast("list[str]", self.read("history(samples: 10000)")["history"])
        return [json.loads(row) for row in rows]

    def state(self) -> JSONValue:
        return self.read("state")["state"]

    def delete(self, storage_id: JSONValue) -> httpx.Response:
        return self.graphql(_DELETE, {"id": storage_id})

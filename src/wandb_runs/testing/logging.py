"""Log a run, and delete one, as the wandb SDK does, without the wandb SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol, Self
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from wandb_runs.errors import NotFoundError, WandbRunsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

__all__ = ["HasUrl", "delete_run", "log_run"]

_UPSERT: Final = """
mutation UpsertBucket(
  $entity: String, $project: String, $name: String, $displayName: String, $groupName: String,
  $jobType: String, $notes: String, $host: String, $tags: [String!], $config: JSONString,
  $sweep: String, $state: String
) {
  upsertBucket(input: {
    entityName: $entity, modelName: $project, name: $name, displayName: $displayName,
    groupName: $groupName, jobType: $jobType, notes: $notes, host: $host, tags: $tags,
    config: $config, sweep: $sweep, state: $state
  }) {
    bucket {
      historyLineCount
      eventsLineCount
    }
  }
}
"""

_FIND: Final = """
query FindRun($entity: String, $project: String, $name: String!) {
  project(entityName: $entity, name: $project) {
    run(name: $name) {
      id
    }
  }
}
"""

_DELETE: Final = """
mutation DeleteRun($id: ID!) {
  deleteRun(input: {id: $id}) {
    clientMutationId
  }
}
"""


class _Bucket(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    history_line_count: int
    events_line_count: int


class _UpsertBucket(BaseModel):
    bucket: _Bucket


class _Data(BaseModel):
    upsertBucket: _UpsertBucket  # noqa: N815 - W&B's name


class _Answer(BaseModel):
    data: _Data


class _Run(BaseModel):
    id: str


class _Project(BaseModel):
    run: _Run | None


class _FoundData(BaseModel):
    project: _Project | None


class _Found(BaseModel):
    data: _FoundData


class HasUrl(Protocol):
    """A server that says where it listens, such as `LocalServer`."""

    @property
    def url(self) -> str:
        """Where it listens."""
        ...


def log_run(
    server: HasUrl | str,
    entity: str,
    project: str,
    run_id: str,
    *,
    config: JSONObject | None = None,
    history: Iterable[JSONObject] = (),
    events: Iterable[JSONObject] = (),
    summary: JSONObject | None = None,
    tags: Iterable[str] | None = None,
    group: str | None = None,
    job_type: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    host: str | None = None,
    sweep: str | None = None,
    exit_code: int | None = 0,
    state: str | None = None,
    api_key: str = "local",
) -> None:
    """Log a run over W&B's own protocol: the requests that the wandb SDK would send.

    Args:
        server: The server, or its URL.
        entity: Who owns the project.
        project: The project; it comes into being with its first run.
        run_id: The run's id. Logging to a run that exists adds to it.
        config: The hyperparameters, as one would give them to `wandb.init`.
        history: The rows, as one would give them to `run.log`. A row without `_step` gets the
            number of rows before it.
        events: Rows of machine metrics, such as `{"system.cpu": 12.5}`.
        summary: The summary; by default the last value of each key of the history.
        tags: The labels.
        group: The group.
        job_type: What kind of work the run does.
        name: The human name; by default the id.
        notes: Free text.
        host: The machine.
        sweep: The id of the sweep that started the run.
        exit_code: What the program ended with: 0 makes the run finished, another number failed.
            None leaves it running.
        state: A state to set in the end, such as `"preempted"`.
        api_key: The key to sign with; the local server takes any.

    Raises:
        WandbRunsError: The server could not be reached, or refused.
    """
    url = server if isinstance(server, str) else server.url
    run = {"entity": entity, "project": project, "name": run_id}
    fields: dict[str, JSONValue] = {
        "displayName": name,
        "groupName": group,
        "jobType": job_type,
        "notes": notes,
        "host": host,
        "tags": None if tags is None else list(tags),
        "config": None if config is None else json.dumps(_enveloped(config)),
        "sweep": sweep,
    }
    path = "/".join(quote(part, safe="") for part in run.values())
    with _Client(url, api_key, "logged") as client:
        answer = client.ask(_UPSERT, {**run, **fields})
        held = _Answer.model_validate_json(answer).data.upsertBucket.bucket
        chunk = _chunk(list(history), list(events), summary, exit_code, held)
        if chunk:
            client.post(f"/files/{path}/file_stream", chunk)
        if state is not None:
            client.ask(_UPSERT, {**run, "state": state})


def delete_run(
    server: HasUrl | str, entity: str, project: str, run_id: str, *, api_key: str = "local"
) -> None:
    """Delete a run with all that it logged, by the requests that the wandb SDK would send.

    Args:
        server: The server, or its URL.
        entity: Who owns the project.
        project: The project; it stays when its last run is deleted.
        run_id: The run's id.
        api_key: The key to sign with; the local server takes any.

    Raises:
        NotFoundError: There is no such run.
        WandbRunsError: The server could not be reached, or refused.

    >>> from wandb_runs import Api
    >>> from wandb_runs.testing import LocalServer, log_run
    >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
    ...     log_run(server, "me", "digits", "r1")
    ...     log_run(server, "me", "digits", "r2")
    ...     delete_run(server, "me", "digits", "r1")
    ...     [run.id for run in api.runs("me/digits")]
    ['r2']
    """
    url = server if isinstance(server, str) else server.url
    with _Client(url, api_key, "deleted") as client:
        run: dict[str, JSONValue] = {"entity": entity, "project": project, "name": run_id}
        found = _Found.model_validate_json(client.ask(_FIND, run)).data.project
        if found is None or found.run is None:
            raise NotFoundError(
                f"The run was not deleted: there is no run {entity}/{project}/{run_id} on {url}; "
                "check the spelling"
            )
        client.ask(_DELETE, {"id": found.run.id})


def _enveloped(config: JSONObject) -> dict[str, JSONValue]:
    return {key: {"value": value} for key, value in config.items()}


def _chunk(
    history: list[JSONObject],
    events: list[JSONObject],
    summary: JSONObject | None,
    exit_code: int | None,
    held: _Bucket,
) -> dict[str, JSONValue]:
    rows = [{"_step": step, **row} for step, row in enumerate(history, held.history_line_count)]
    if summary is None and rows:
        summary = {key: value for row in rows for key, value in row.items()}
    written: dict[str, tuple[int, Sequence[JSONObject]]] = {
        "wandb-history.jsonl": (held.history_line_count, rows),
        "wandb-events.jsonl": (held.events_line_count, events),
        "wandb-summary.json": (0, [] if summary is None else [summary]),
    }
    files: dict[str, JSONValue] = {
        name: {"offset": offset, "content": [json.dumps(dict(row)) for row in lines]}
        for name, (offset, lines) in written.items()
        if lines
    }
    chunk: dict[str, JSONValue] = {"files": files} if files else {}
    return chunk if exit_code is None else {**chunk, "complete": True, "exitcode": exit_code}


class _Client:
    """Sends requests, and says what did not happen when one fails."""

    def __init__(self, url: str, api_key: str, done: str) -> None:
        self._url = url
        self._done = done
        self._http = httpx.Client(
            base_url=url,
            auth=("api", api_key),
            # Reading the system's certificates takes longer than logging a run.
            verify=url.startswith("https:"),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, query: str, variables: JSONObject) -> bytes:
        """Send a GraphQL request."""
        return self.post("/graphql", {"query": query, "variables": dict(variables)})

    def post(self, path: str, body: JSONObject) -> bytes:
        """Send a request, and give the answer's body."""
        try:
            response = self._http.post(path, json=body)
        except httpx.HTTPError as error:
            raise WandbRunsError(f"The run was not {self._done}: {self._url}: {error}") from error
        if not response.is_success:
            raise WandbRunsError(f"The run was not {self._done}: {response.text}")
        return response.content

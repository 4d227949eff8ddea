"""Log a run as the wandb SDK does, without the wandb SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from wandb_runs.errors import WandbRunsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wandb_runs.jsontext import JSONObject, JSONValue

__all__ = ["HasUrl", "log_run"]

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
    with httpx.Client(
        base_url=url,
        auth=("api", api_key),
        # Reading the system's certificates takes longer than logging a run.
        verify=url.startswith("https:"),
        trust_env=False,
    ) as client:
        answer = _post(client, "/graphql", {"query": _UPSERT, "variables": {**run, **fields}})
        held = _Answer.model_validate_json(answer).data.upsertBucket.bucket
        chunk = _chunk(list(history), list(events), summary, exit_code, held)
        if chunk:
            _post(client, f"/files/{path}/file_stream", chunk)
        if state is not None:
            _post(client, "/graphql", {"query": _UPSERT, "variables": {**run, "state": state}})


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


def _post(client: httpx.Client, path: str, body: Mapping[str, JSONValue]) -> bytes:
    try:
        response = client.post(path, json=body)
    except httpx.HTTPError as error:
        raise WandbRunsError(f"The run was not logged: {client.base_url}: {error}") from error
    if not response.is_success:
        raise WandbRunsError(f"The run was not logged: {response.text}")
    return response.content

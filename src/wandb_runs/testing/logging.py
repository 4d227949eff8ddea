"""Log a run, and delete one, as the wandb SDK does, without the wandb SDK."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from wandb_runs.errors import InvalidArgumentError, NotFoundError, WandbRunsError
from wandb_runs.errors.text import excerpt
from wandb_runs.graphql.models import GraphQLModel
from wandb_runs.graphql.operation import Operation
from wandb_runs.local.faults import EXEMPT
from wandb_runs.query.location import check_name
from wandb_runs.transport.http import HttpTransport
from wandb_runs.transport.messages import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.transport.messages import Response

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


_SECONDS: Final = 120.0
"""How long the server may take for a request."""

_CHUNK: Final = 2_000_000
"""The size of the rows in a request, in characters: stored in a second or so."""


_EXCERPT: Final = 4 * 300
"""Bytes of an answer that a message may quote; four hold any character."""

_DataT = TypeVar("_DataT", bound=GraphQLModel)


class _Bucket(GraphQLModel):
    """How many rows a run has."""

    history_line_count: int
    events_line_count: int


class _UpsertedBucket(GraphQLModel):
    bucket: _Bucket


class _Upserted(GraphQLModel):
    """The data of `_UPSERT`'s answer."""

    upsert_bucket: _UpsertedBucket


class _Run(GraphQLModel):
    id: str


class _Project(GraphQLModel):
    run: _Run | None


class _Found(GraphQLModel):
    """The data of `_FIND`'s answer; None where there is no such project or run."""

    project: _Project | None


class _Acknowledged(GraphQLModel):
    client_mutation_id: str | None


class _Deleted(GraphQLModel):
    """The data of `_DELETE`'s answer."""

    delete_run: _Acknowledged


class _Streamed(BaseModel):
    """The answer of the file stream, in which any value of an error is a refusal."""

    error: object = None


class HasUrl(Protocol):
    """Anything with a URL, such as `LocalServer`."""

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

    Long histories are sent in several requests of bounded size; the summary and the end of the run
    come with the last one. Faults of a `LocalServer` do not apply to these requests.

    Args:
        server: The server, or its URL.
        entity: The owner of the project.
        project: The project, created with its first run.
        run_id: The run's id. Logging to a run that exists adds to it.
        config: The hyperparameters, as `wandb.init` takes them.
        history: The rows, as `run.log` takes them. A row without `_step` gets the number of rows
            before it.
        events: Rows of machine metrics, such as `{"system.cpu": 12.5}`.
        summary: The summary; by default the last value of each key of the history.
        tags: The labels.
        group: The group.
        job_type: The job type, such as `"train"`.
        name: The human name; by default the id.
        notes: Free text.
        host: The machine.
        sweep: The id of the sweep that started the run.
        exit_code: The exit status of the program: 0 makes the run finished, another number failed.
            None leaves it running.
        state: A state to set last, such as `"preempted"`.
        api_key: The key to sign with; the local server takes any, unless it has one of its own.

    Raises:
        InvalidArgumentError: A text is half of a surrogate pair, a value is none of JSON's, or
            entity, project or id is none that a path holds: empty, `.`, `..`, with a slash or with
            white space around it. Nothing was sent.
        WandbRunsError: The server could not be reached, or refused.
    """
    url = server if isinstance(server, str) else server.url
    tags = None if tags is None else list(tags)
    _check_texts(
        entity=entity,
        project=project,
        run_id=run_id,
        group=group,
        job_type=job_type,
        name=name,
        notes=notes,
        host=host,
        sweep=sweep,
        state=state,
        api_key=api_key,
        **{f"tags[{number}]": tag for number, tag in enumerate(tags or ())},
    )
    _check_names(entity=entity, project=project, run_id=run_id)
    history, events = list(history), list(events)
    rows = [_json(f"history[{number}]", row) for number, row in enumerate(history)]
    machine = [_json(f"events[{number}]", row) for number, row in enumerate(events)]
    if summary is not None:
        _json("summary", summary)
    run = {"entity": entity, "project": project, "name": run_id}
    fields: dict[str, JSONValue] = {
        "displayName": name,
        "groupName": group,
        "jobType": job_type,
        "notes": notes,
        "host": host,
        "tags": None if tags is None else [*tags],
        "config": None if config is None else _json("config", _enveloped(config)),
        "sweep": sweep,
    }
    path = "/".join(quote(part, safe="") for part in run.values())
    client = _Client(url, api_key, "logged")
    upserted = client.ask(_UPSERT, {**run, **fields}, "mutation", _Upserted)
    held = upserted.upsert_bucket.bucket
    first, first_event = held.history_line_count, held.events_line_count
    if summary is None and history:
        summary = _last_values(history, first)
    rows = [
        text if "_step" in row else _numbered(step, text)
        for step, (row, text) in enumerate(zip(history, rows, strict=True), first)
    ]
    streams = {
        "wandb-history.jsonl": (first, rows),
        "wandb-events.jsonl": (first_event, machine),
        "wandb-summary.json": (0, [] if summary is None else [json.dumps(dict(summary))]),
    }
    *earlier, last = _chunks(streams)
    ended: JSONObject = {} if exit_code is None else {"complete": True, "exitcode": exit_code}
    for chunk in [*earlier, {**last, **ended}]:
        if chunk:
            client.stream(f"/files/{path}/file_stream", chunk)
    if state is not None:
        client.ask(_UPSERT, {**run, "state": state}, "mutation", _Upserted)


def delete_run(
    server: HasUrl | str, entity: str, project: str, run_id: str, *, api_key: str = "local"
) -> None:
    """Delete a run with all that it logged, by the requests that the wandb SDK would send.

    Faults of a `LocalServer` do not apply to these requests.

    Args:
        server: The server, or its URL.
        entity: The owner of the project.
        project: The project; it stays when its last run is deleted.
        run_id: The run's id.
        api_key: The key to sign with; the local server takes any, unless it has one of its own.

    Raises:
        InvalidArgumentError: A text is half of a surrogate pair, or entity, project or id is none
            that a path holds; nothing was sent.
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
    _check_texts(entity=entity, project=project, run_id=run_id, api_key=api_key)
    _check_names(entity=entity, project=project, run_id=run_id)
    client = _Client(url, api_key, "deleted")
    run: dict[str, JSONValue] = {"entity": entity, "project": project, "name": run_id}
    found = client.ask(_FIND, run, "query", _Found)
    held = None if found.project is None else found.project.run
    if held is None:
        raise NotFoundError(
            f"The run was not deleted: there is no run {entity}/{project}/{run_id} on {url}; "
            "check the spelling"
        )
    client.ask(_DELETE, {"id": held.id}, "mutation", _Deleted)


def _enveloped(config: JSONObject) -> dict[str, JSONValue]:
    return {key: {"value": value} for key, value in config.items()}


def _check_texts(**texts: str | None) -> None:
    """Refuse texts that UTF-8 cannot write.

    Raises:
        InvalidArgumentError: One is such a text.
    """
    for name, text in texts.items():
        try:
            (text or "").encode()
        except UnicodeEncodeError as error:
            # Without the text, which may be a key.
            raise InvalidArgumentError(
                f"{name}: character {error.start} is half of a surrogate pair, which UTF-8 cannot "
                "write. Nothing was sent."
            ) from None


def _check_names(**names: str) -> None:
    """Refuse names that no path holds.

    Raises:
        InvalidArgumentError: One is such a name.
    """
    for argument, name in names.items():
        check_name(name, argument)
        if name in {".", ".."}:  # of an address, HTTP clients and servers would resolve them
            raise InvalidArgumentError(
                f"{argument} must be a name, got {name!r}, which means a folder in an address"
            )


def _json(name: str, value: JSONObject) -> str:
    """Write an object as JSON.

    Raises:
        InvalidArgumentError: It is not one.
    """
    try:
        return json.dumps(dict(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(
            f"{name} cannot be written as JSON: {error}. Nothing was sent."
        ) from error


def _numbered(step: int, row: str) -> str:
    """Add a step to a row that has none.

    >>> _numbered(3, '{"loss": 1}'), _numbered(3, "{}")
    ('{"_step": 3, "loss": 1}', '{"_step": 3}')
    """
    return f'{{"_step": {step}' + ("}" if row == "{}" else f", {row[1:]}")


def _last_values(history: Iterable[JSONObject], first_step: int) -> dict[str, JSONValue]:
    values: dict[str, JSONValue] = {}
    for step, row in enumerate(history, first_step):
        values["_step"] = step
        values |= row
    return values


def _chunks(streams: Mapping[str, tuple[int, Sequence[str]]]) -> Iterator[dict[str, JSONValue]]:
    """Divide streams into chunks of a bounded size, each of one line at least; the last may be {}.

    Args:
        streams: The offset of the first line of each, and its lines.
    """
    files: dict[str, JSONValue] = {}
    size = 0
    for name, (offset, texts) in streams.items():
        start = 0
        for end, text in enumerate(texts):
            if size and size + len(text) > _CHUNK:
                if end > start:
                    files[name] = {"offset": offset + start, "content": list(texts[start:end])}
                yield {"files": files}
                files, size, start = {}, 0, end
            size += len(text)
        if len(texts) > start:
            files[name] = {"offset": offset + start, "content": list(texts[start:])}
    yield {"files": files} if files else {}


@lru_cache(maxsize=8)
def _transport(url: str) -> HttpTransport:
    """Keep connections from run to run; a transport is closed when it is collected."""
    return HttpTransport(url)


class _Client(NamedTuple):
    """Sends requests; an error says what was not done."""

    url: str
    api_key: str
    done: str

    def ask(
        self,
        document: str,
        variables: JSONObject,
        kind: Literal["query", "mutation"],
        model: type[_DataT],
    ) -> _DataT:
        """Send a GraphQL request, and return the data of its answer."""
        name = document.split("(", 1)[0].rsplit(maxsplit=1)[-1]
        operation = Operation(name, kind, document, dict(variables), lambda: model)
        response = self._post("/graphql", operation.content())
        try:
            return operation.parse(response.content)
        except WandbRunsError as error:
            raise self._error(error.message) from error

    def stream(self, path: str, body: JSONObject) -> None:
        """Send a request of the file stream."""
        content = self._post(path, json.dumps(dict(body)).encode()).content
        try:
            is_refused = bool(_Streamed.model_validate_json(content).error)
        except ValidationError:
            is_refused = True
        if is_refused:
            raise self._error(f"the answer is not one of the file stream: {_quoted(content)}")

    def _post(self, path: str, content: bytes) -> Response:
        """Send a request, and return its response, whose status is 200."""
        exempt, value = EXEMPT
        headers = {
            "authorization": f"Basic {b64encode(f'api:{self.api_key}'.encode()).decode()}",
            "content-type": "application/json",
            exempt: value,
        }
        request = Request("POST", self.url.rstrip("/") + path, headers, content, _SECONDS)
        try:
            response = _transport(self.url.rstrip("/")).send(request)
        except WandbRunsError as error:
            raise self._error(f"{self.url}: {error.message}") from error
        if response.status != HTTPStatus.OK:
            raise self._error(f"HTTP {response.status}: {_quoted(response.content)}")
        return response

    def _error(self, reason: str) -> WandbRunsError:
        return WandbRunsError(f"The run was not {self.done}: {reason}")


def _quoted(content: bytes) -> str:
    return excerpt(content[:_EXCERPT].decode(errors="replace")) or "an empty body"

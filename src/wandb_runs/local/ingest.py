"""What W&B's protocol writes: runs, their documents, and what they log row by row."""

from __future__ import annotations

import base64
import json
import math
import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from wandb_runs.jsontext import decode
from wandb_runs.local.history_keys import extend_history_keys
from wandb_runs.local.leaves import Leaf, config_leaves, flatten
from wandb_runs.local.store import inserted_id
from wandb_runs.local.tables import (
    Stream,
    documents,
    keyset_members,
    keysets,
    leaves,
    lines,
    paths,
    projects,
    runs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from wandb_runs.jsontext import JSONObject, JSONValue
    from wandb_runs.local.store import Writer
    from wandb_runs.local.tables import Scalar

__all__ = [
    "append_lines",
    "end_run",
    "find_run",
    "finite",
    "heartbeat",
    "new_id",
    "pick",
    "read_object",
    "set_summary",
    "storage_id",
    "storage_parts",
    "upsert_run",
]

_SEARCHED: Final = ("display_name", "group", "job_type", "username", "host")


class _Row(NamedTuple):
    line: int
    step: Scalar
    keys: frozenset[str]
    text: str
    values: JSONObject


def new_id() -> str:
    """Make an id as W&B's are: eight letters and digits."""
    return "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(8))


def storage_id(kind: str, *parts: str) -> str:
    """Spell what W&B's database calls a thing.

    >>> storage_parts(storage_id("Run", "r1", "digits", "me"))
    ['Run', 'v1', 'r1', 'digits', 'me']
    """
    return base64.b64encode(":".join((kind, "v1", *parts)).encode()).decode()


def storage_parts(text: str) -> list[str]:
    """Read what `storage_id` wrote; an empty list when it is something else."""
    try:
        return base64.b64decode(text, validate=True).decode().split(":")
    except ValueError:
        return []


def read_object(text: str | None) -> dict[str, JSONValue]:
    """Decode a JSON object; null is an empty one.

    Raises:
        ValueError: The text is not a JSON object.
    """
    value = decode(text) if text else {}
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the text is wrong, not a type
    return value


def find_run(connection: Connection, entity: str, project: str, name: str) -> int | None:
    """Find a run's row id."""
    return connection.scalar(
        select(runs.c.id)
        .join(projects)
        .where(projects.c.entity == entity, projects.c.name == project, runs.c.name == name)
    )


def upsert_run(  # one parameter for each thing that the mutation sets
    writer: Writer,
    entity: str,
    project: str,
    name: str,
    values: Mapping[str, str | None],
    *,
    tags: Sequence[str] | None = None,
    config: str | None = None,
    summary_metrics: str | None = None,
) -> tuple[int, bool]:
    """Make a run, or change one; null means unchanged.

    Args:
        writer: The transaction.
        entity: Who owns the project; it comes into being with its first run.
        project: The project, which comes into being likewise.
        name: The run's id.
        values: Text columns of `runs`.
        tags: The run's labels.
        config: The config, in JSON.
        summary_metrics: The summary, in JSON.

    Returns:
        The run's row id, and whether it is new.

    Raises:
        ValueError: The config or the summary is not a JSON object.
    """
    connection, now = writer.connection, writer.now
    run_id = find_run(connection, entity, project, name)
    is_new = run_id is None
    changed: dict[str, str | int] = {k: v for k, v in values.items() if v is not None}
    if tags is not None:
        changed["tags"] = json.dumps(list(tags))
    changed["updated_at"] = now
    if run_id is None:
        made = {"display_name": name, "state": "running"} | changed
        made |= {"project_id": writer.project_id(entity, project), "name": name}
        made |= {"created_at": now, "heartbeat_at": now}
        run_id = inserted_id(connection.execute(insert(runs).values(made)))
        connection.execute(insert(documents).values(run_id=run_id))
        changed = made
    else:
        connection.execute(update(runs).where(runs.c.id == run_id).values(changed))
    sections: dict[str, Iterable[Leaf]] = {}
    for key in (*_SEARCHED, "name", "sweep_name"):
        if key in changed:
            path = key.removesuffix("_name") if key == "sweep_name" else key
            sections[path] = flatten(path, changed[key])
    if tags is not None:
        sections["tags"] = flatten("tags", list(tags))
    if config is not None:
        sections["config"] = config_leaves(read_object(config))
        _set_document(connection, run_id, "config", config)
    if summary_metrics is not None:
        sections["summary_metrics"] = _summary_leaves(connection, run_id, summary_metrics)
    _index(writer, run_id, sections, is_new=is_new)
    return run_id, is_new


def set_summary(writer: Writer, run_id: int, text: str) -> None:
    """Replace a run's summary.

    Raises:
        ValueError: The text is not a JSON object.
    """
    sections = {"summary_metrics": _summary_leaves(writer.connection, run_id, text)}
    _index(writer, run_id, sections, is_new=False)


def _summary_leaves(connection: Connection, run_id: int, text: str) -> Iterable[Leaf]:
    summary = finite(read_object(text))
    _set_document(connection, run_id, "summary_metrics", _dumps(summary))
    return flatten("summary_metrics", summary)


def _set_document(connection: Connection, run_id: int, name: str, text: str) -> None:
    connection.execute(update(documents).where(documents.c.run_id == run_id).values({name: text}))


def finite(value: JSONValue) -> JSONValue:
    """Spell numbers that JSON cannot write as W&B's summaries do."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case list():
            return [finite(item) for item in value]
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case _:
            return value


def _dumps(value: JSONValue) -> str:
    # As ASCII: a lone surrogate, which JSON allows, could not be stored.
    return json.dumps(value, separators=(",", ":"))


def _index(
    writer: Writer, run_id: int, sections: Mapping[str, Iterable[Leaf]], *, is_new: bool
) -> None:
    """Bring a run's leaves up to date, touching only those that changed."""
    if not sections:
        return
    connection = writer.connection
    project_id = connection.execute(
        select(runs.c.project_id).where(runs.c.id == run_id)
    ).scalar_one()
    wanted: dict[tuple[int, int, Scalar], bool] = {}
    placed: set[str] = set()
    for leaf in (leaf for section in sections.values() for leaf in section):
        key = (writer.path_id(project_id, leaf.path), int(leaf.kind), leaf.value)
        # A flat key and a nested one may spell the same path: the first decides the order.
        sorts = leaf.sorts and leaf.path not in placed
        if sorts:
            placed.add(leaf.path)
        wanted[key] = wanted.get(key, False) or sorts
    if not is_new:
        held = connection.execute(
            select(leaves.c.path_id, leaves.c.kind, leaves.c.value, leaves.c.sorts, paths.c.path)
            .join(paths)
            .where(leaves.c.run_id == run_id)
        ).all()
        for path_id, kind, value, sorts, path in held:
            if path.partition(".")[0] not in sections:
                continue
            if wanted.get((path_id, kind, value)) == sorts:
                del wanted[path_id, kind, value]
            else:
                connection.execute(
                    delete(leaves).where(
                        leaves.c.path_id == path_id,
                        leaves.c.kind == kind,
                        leaves.c.value == value,
                        leaves.c.run_id == run_id,
                    )
                )
    if wanted:
        connection.execute(
            insert(leaves),
            [
                {"path_id": path, "kind": kind, "value": value, "run_id": run_id, "sorts": sorts}
                for (path, kind, value), sorts in wanted.items()
            ],
        )


def heartbeat(writer: Writer, run_id: int) -> None:
    """Note that a run is alive."""
    alive = {"heartbeat_at": writer.now, "updated_at": writer.now, "state": "running"}
    writer.connection.execute(update(runs).where(runs.c.id == run_id).values(alive))


def end_run(writer: Writer, run_id: int, exit_code: int) -> None:
    """Note that a run has ended: well with exit code 0, badly with another."""
    ended = {"state": "finished" if exit_code == 0 else "failed", "exit_code": exit_code}
    writer.connection.execute(update(runs).where(runs.c.id == run_id).values(ended))


def append_lines(
    writer: Writer, run_id: int, stream: Stream, offset: int, content: Sequence[str]
) -> None:
    """Append rows to a stream; those that it holds already are left as they are.

    Args:
        writer: The transaction.
        run_id: The run.
        stream: Which stream.
        offset: The place of the first row, counted in rows: a resend repeats it.
        content: The rows, each a JSON object.

    Raises:
        ValueError: A row is not a JSON object.
    """
    connection = writer.connection
    this = (lines.c.run_id == run_id, lines.c.stream == int(stream))
    end = offset + len(content)
    held = set(
        connection.scalars(
            select(lines.c.line).where(*this, lines.c.line.between(offset, end))
        ).all()
    )
    rows = [
        _row(stream, line, text)
        for line, text in enumerate(content, start=offset)
        if line not in held
    ]
    if not rows:
        return
    ids = {keys: _keyset_id(connection, keys) for keys in {row.keys for row in rows}}
    connection.execute(
        insert(lines),
        [
            {
                "run_id": run_id,
                "stream": int(stream),
                "line": row.line,
                "step": row.step,
                "keyset_id": ids[row.keys],
                "text": row.text,
            }
            for row in rows
        ],
    )
    last = connection.execute(select(func.max(lines.c.line)).where(*this)).scalar_one()
    count = "history_line_count" if stream is Stream.HISTORY else "events_line_count"
    connection.execute(update(runs).where(runs.c.id == run_id).values({count: last + 1}))
    _describe(connection, run_id, stream, [row.values for row in rows])


def _row(stream: Stream, line: int, text: str) -> _Row:
    values = read_object(text)
    step = values.get("_step") if stream is Stream.HISTORY else line
    if isinstance(step, bool) or not isinstance(step, int | float) or not math.isfinite(step):
        step = line
    return _Row(line, step, frozenset(_present(values)), text, values)


def _present(values: JSONObject, prefix: str = "") -> Iterable[str]:
    """List the keys that hold a value, those of nested objects with dots; null is none."""
    for key, value in values.items():
        if value is not None:
            yield prefix + key
        if isinstance(value, dict):
            yield from _present(value, f"{prefix}{key}.")


def pick(values: JSONObject, key: str) -> JSONValue:
    """Find a value by its key, which may be flat, nested with dots, or both.

    >>> pick({"a.b": {"c": 1}}, "a.b.c"), pick({"a": 1}, "b")
    (1, None)
    """
    if values.get(key) is not None:
        return values[key]
    for at in (index for index, letter in enumerate(key) if letter == "."):
        inner = values.get(key[:at])
        if isinstance(inner, dict) and (found := pick(inner, key[at + 1 :])) is not None:
            return found
    return None


def _keyset_id(connection: Connection, keys: frozenset[str]) -> int:
    spelled = json.dumps(sorted(keys))
    digest = blake2b(spelled.encode(), digest_size=16).hexdigest()
    found: int | None = connection.scalar(
        select(keysets.c.id).where(keysets.c.digest == digest).limit(1)
    )
    if found is not None:
        return found
    made = inserted_id(connection.execute(insert(keysets).values(digest=digest)))
    if keys:
        members = [{"key": _storable(key), "keyset_id": made} for key in keys]
        connection.execute(upsert(keyset_members).on_conflict_do_nothing(), members)
    return made


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _describe(
    connection: Connection, run_id: int, stream: Stream, rows: Sequence[JSONObject]
) -> None:
    """Keep up the documents that sum a stream up."""
    column = documents.c.history_keys if stream is Stream.HISTORY else documents.c.system_metrics
    held = read_object(connection.scalar(select(column).where(documents.c.run_id == run_id)))
    if stream is Stream.HISTORY:
        text = json.dumps(extend_history_keys(held, rows))
    else:
        for row in rows:
            held |= {key: value for key, value in row.items() if key.startswith("system.")}
        text = _dumps(finite(held))
    _set_document(connection, run_id, column.name, text)

"""Writes the rows of histories and system metrics."""

from __future__ import annotations

import json
import math
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from wandb_runs.local.documents import read_object, set_document, storable, write_object
from wandb_runs.local.history_keys import extend_history_keys
from wandb_runs.local.leaves import fitting
from wandb_runs.local.store import inserted_id
from wandb_runs.local.tables import (
    Stream,
    documents,
    keyset_members,
    keysets,
    lines,
    runs,
    writers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

    from wandb_runs.graphql.scalars import JSONObject
    from wandb_runs.local.store import Writer
    from wandb_runs.local.tables import Scalar

__all__ = [
    "LINES_OF_A_WRITER",
    "append_lines",
    "last_step",
    "line_count",
    "writer_number",
]

LINES_OF_A_WRITER: Final = 2**31
"""What the number of a row, an Int of GraphQL, stays below; each writer has a range of lines."""


_SUMMARIES: Final = {Stream.HISTORY: "history_keys", Stream.EVENTS: "system_metrics"}
"""The documents that summarize streams."""


class _Row(NamedTuple):
    line: int
    step: Scalar
    keys: frozenset[str]
    text: str
    values: JSONObject


def append_lines(
    writer: Writer,
    run_id: int,
    stream: Stream,
    offset: int,
    content: Sequence[str],
    client: str | None = None,
) -> None:
    """Append rows to a stream; rows that it holds already are skipped.

    A first row that is not the one held begins the stream anew, as a program does that logs to a
    run without resuming it.

    In shared mode rows are numbered in order of arrival: each writer counts its own `_step`, or
    sends none.

    Args:
        writer: The transaction.
        run_id: The run.
        stream: Which stream.
        offset: The number of the first row; a retry repeats it.
        content: The rows, each a JSON object.
        client: The writer in shared mode, which counts its rows apart from other writers; None
            for a run's only writer.

    Raises:
        ValueError: A row is not a JSON object, or the offset is out of range.
    """
    connection = writer.connection
    this = (lines.c.run_id == run_id, lines.c.stream == int(stream))
    if offset + len(content) >= LINES_OF_A_WRITER:
        raise ValueError(f"offset {offset} is out of range")
    if client is None and offset == 0 and content:
        _begin_stream(connection, run_id, stream, content[0])
    start = offset + writer_number(connection, run_id, client) * LINES_OF_A_WRITER
    end = start + len(content)
    held = set(
        connection.scalars(
            select(lines.c.line).where(*this, lines.c.line.between(start, end))
        ).all()
    )
    new = [(line, text) for line, text in enumerate(content, start=start) if line not in held]
    if not new:
        return
    first = None if client is None else _next_step(last_step(connection, run_id, stream))
    rows = [
        _row(stream, line, text, None if first is None else first + number)
        for number, (line, text) in enumerate(new)
    ]
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
    column = "history_line_count" if stream is Stream.HISTORY else "events_line_count"
    count = line_count(connection, *this)
    connection.execute(update(runs).where(runs.c.id == run_id).values({column: count}))
    _describe(connection, run_id, stream, [row.values for row in rows])


def _begin_stream(connection: Connection, run_id: int, stream: Stream, first: str) -> None:
    """Drop the rows of a stream that begins with another row, but not those of a fork's parent."""
    this = (lines.c.run_id == run_id, lines.c.stream == int(stream))
    held = connection.scalar(select(lines.c.text).where(*this, lines.c.line == 0))
    if held is not None and held != first:
        connection.execute(delete(lines).where(*this, lines.c.line >= 0))
        if line_count(connection, *this) == 0:
            set_document(connection, run_id, _SUMMARIES[stream], None)


def last_step(connection: Connection, run_id: int, stream: Stream) -> float | None:
    """The highest step of a stream; None for one without rows."""
    step: float | None = connection.scalar(
        select(func.max(lines.c.step)).where(
            lines.c.run_id == run_id, lines.c.stream == int(stream)
        )
    )
    return step


def _next_step(last: float | None) -> float:
    if last is None:
        return 0
    # Beyond the integers of a float, and near the largest of SQLite's, steps are repeated.
    return math.floor(last) + 1 if abs(last) < 2**53 else last


def writer_number(connection: Connection, run_id: int, client: str | None) -> int:
    """Find the number of a run's writer, or assign the next one."""
    if client is None:
        return 0
    of_run = writers.c.run_id == run_id
    found: int | None = connection.scalar(
        select(writers.c.number).where(of_run, writers.c.client == client)
    )
    if found is not None:
        return found
    highest = connection.scalar(select(func.max(writers.c.number)).where(of_run)) or 0
    connection.execute(insert(writers).values(run_id=run_id, client=client, number=highest + 1))
    return highest + 1


def line_count(connection: Connection, *this: ColumnElement[bool]) -> int:
    """How many rows a stream has: at least the offset at which its only writer resumes."""
    first = connection.scalar(select(func.min(lines.c.line)).where(*this)) or 0
    last: int | None = connection.scalar(select(func.max(lines.c.line)).where(*this))
    if last is None:
        return 0
    if first >= 0 and last < LINES_OF_A_WRITER:
        return last + 1  # without counting: most runs have one writer, and no parent
    own: int | None = connection.scalar(
        select(func.max(lines.c.line)).where(*this, lines.c.line < LINES_OF_A_WRITER)
    )
    total: int = connection.execute(select(func.count()).where(*this)).scalar_one()
    return total if own is None else max(total, own + 1)


def _row(stream: Stream, line: int, text: str, given: float | None) -> _Row:
    """Read a row; its step is the one that the server gives, or its own, or its number."""
    values = read_object(text)
    if given is not None and stream is Stream.HISTORY:
        values["_step"] = given
        text = json.dumps(values)
    step = values.get("_step") if stream is Stream.HISTORY else given
    if isinstance(step, int):
        step = line if isinstance(step, bool) else fitting(step)
    if not isinstance(step, int | float) or not math.isfinite(step):
        step = line
    return _Row(line, step, frozenset(_present(values)), text, values)


def _present(values: JSONObject, prefix: str = "") -> Iterable[str]:
    """List the keys that hold a value, those of nested objects with dots; null is none."""
    for key, value in values.items():
        if value is not None:
            yield prefix + key
        if isinstance(value, dict):
            yield from _present(value, f"{prefix}{key}.")


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
        members = [{"key": storable(key), "keyset_id": made} for key in keys]
        connection.execute(upsert(keyset_members).on_conflict_do_nothing(), members)
    return made


def _describe(
    connection: Connection, run_id: int, stream: Stream, rows: Sequence[JSONObject]
) -> None:
    """Update the documents that summarize a stream."""
    column = documents.c[_SUMMARIES[stream]]
    held = read_object(connection.scalar(select(column).where(documents.c.run_id == run_id)))
    if stream is Stream.HISTORY:
        text = json.dumps(extend_history_keys(held, rows))
    else:
        for row in rows:
            held |= {key: value for key, value in row.items() if key.startswith("system.")}
        text = write_object(held)
    set_document(connection, run_id, column.name, text)

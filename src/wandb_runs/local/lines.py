"""Writes the rows of histories and system metrics."""

from __future__ import annotations

import json
import math
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from wandb_runs.local.documents import read_object, set_document, storable, write_object
from wandb_runs.local.history_keys import extend_history_keys
from wandb_runs.local.store import inserted_id
from wandb_runs.local.tables import Stream, documents, keyset_members, keysets, lines, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.store import Writer
    from wandb_runs.local.tables import Scalar

__all__ = ["append_lines", "pick"]


class _Row(NamedTuple):
    line: int
    step: Scalar
    keys: frozenset[str]
    text: str
    values: JSONObject


def append_lines(
    writer: Writer, run_id: int, stream: Stream, offset: int, content: Sequence[str]
) -> None:
    """Append rows to a stream; rows that it holds already are skipped.

    Args:
        writer: The transaction.
        run_id: The run.
        stream: Which stream.
        offset: The number of the first row; a retry repeats it.
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
        members = [{"key": storable(key), "keyset_id": made} for key in keys]
        connection.execute(upsert(keyset_members).on_conflict_do_nothing(), members)
    return made


def _describe(
    connection: Connection, run_id: int, stream: Stream, rows: Sequence[JSONObject]
) -> None:
    """Update the documents that summarize a stream."""
    column = documents.c.history_keys if stream is Stream.HISTORY else documents.c.system_metrics
    held = read_object(connection.scalar(select(column).where(documents.c.run_id == run_id)))
    if stream is Stream.HISTORY:
        text = json.dumps(extend_history_keys(held, rows))
    else:
        for row in rows:
            held |= {key: value for key, value in row.items() if key.startswith("system.")}
        text = write_object(held)
    set_document(connection, run_id, column.name, text)

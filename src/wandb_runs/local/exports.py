"""The exact histories of runs as Parquet files, and the rows behind them, which are in none yet."""

from __future__ import annotations

import math
from hashlib import blake2b
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import func, insert, select

from wandb_runs.graphql.nested import pick_all
from wandb_runs.local.documents import read_object
from wandb_runs.local.parquet import Draft
from wandb_runs.local.tables import Stream, exports, lines, runs
from wandb_runs.local.where import state_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.store import Store, Writer
    from wandb_runs.local.tables import Scalar

__all__ = ["EXPORT_ROWS", "ParquetHistory", "export_rows", "is_over", "read_exports"]

EXPORT_ROWS: Final = 20_000
"""How many rows a file has, by default: writing one takes a second or so, and as many steps of a
run that goes on are in an answer."""

_AT_ONCE: Final = 1000
"""A run that ends with fewer rows in no file has them written when a request asks for files."""

_MOST_FILES: Final = 1000
"""Of a run, so that values of changing kinds do not fill the store with files of a few rows."""

_GOING_ON: Final = frozenset({"running", "pending", "preempting"})


_ORDER: Final = (lines.c.step, lines.c.line)


class ParquetHistory(NamedTuple):
    """Where the history of a run is.

    Attributes:
        names: The names of its files, in the order of steps.
        live_data: The rows that are in none, each with the wanted keys that it has.
    """

    names: Sequence[str]
    live_data: Sequence[dict[str, JSONValue]]


def is_over(connection: Connection, run_id: int, now: int) -> bool:
    """Whether a run has ended, in whichever way."""
    state = connection.scalar(select(state_at(now)).where(runs.c.id == run_id))
    return state is not None and state not in _GOING_ON


def export_rows(writer: Writer, run_id: int, most: int, *, at_once: bool = True) -> None:
    """Write rows to files: all of a run that is over, of another as many as fill files.

    The rows of a file are those of a range of steps, up to the first value that fits no column.
    What changes such rows later deletes the files from theirs on.

    Args:
        writer: The transaction.
        run_id: The run.
        most: How many rows a file has at most, unless one step has more.
        at_once: Whether few rows of a run that is over are written, too.
    """
    connection = writer.connection
    all_of_it = is_over(connection, run_id, writer.now)
    if all_of_it and not at_once and not _has_live(connection, run_id, _AT_ONCE):
        return
    held = connection.scalar(select(func.count()).where(exports.c.run_id == run_id)) or 0
    for _ in range(held, _MOST_FILES):
        end = math.inf if all_of_it else _end_of_file(connection, run_id, most)
        if end is None or not _write_file(connection, run_id, most, end):
            return


def read_exports(
    store: Store, connection: Connection, run_ids: Sequence[int], keys: Sequence[str], most: int
) -> dict[int, ParquetHistory]:
    """Read where the histories of runs are; what is due is written to files before.

    Args:
        store: Where files are written.
        connection: A transaction that reads.
        run_ids: The runs.
        keys: The keys wanted of rows that are in no file.
        most: How many rows a file has at most.
    """
    now = store.now()
    due = [run_id for run_id in run_ids if _is_due(connection, run_id, now, most)]
    for run_id in due:
        with store.write() as writer:
            export_rows(writer, run_id, most)
    if not due:
        return {run_id: _read(connection, run_id, keys) for run_id in run_ids}
    with store.read() as after:
        return {run_id: _read(after, run_id, keys) for run_id in run_ids}


def _is_due(connection: Connection, run_id: int, now: int, most: int) -> bool:
    if is_over(connection, run_id, now):
        return _has_live(connection, run_id)
    return _has_live(connection, run_id, most)


def _has_live(connection: Connection, run_id: int, beyond: int = 0) -> bool:
    """Whether a run has more rows than so many that are in no file."""
    return _live_step(connection, run_id, beyond) is not None


def _live_step(
    connection: Connection, run_id: int, place: int, *others: ColumnElement[bool]
) -> float | None:
    """The step of a row that is in no file, by its place among those; None beyond the last."""
    live = select(lines.c.step).where(*_is_live(connection, run_id), *others)
    step: float | None = connection.scalar(live.order_by(*_ORDER).offset(place).limit(1))
    return step


def _end_of_file(connection: Connection, run_id: int, most: int) -> float | None:
    """The step before which a full file ends; None where there are not rows enough."""
    end = _live_step(connection, run_id, most)
    if end is None or _live_step(connection, run_id, 0) != end:
        return end
    # All of one step, which is never divided.
    return _live_step(connection, run_id, 0, lines.c.step > end)


def _write_file(connection: Connection, run_id: int, most: int, end: float) -> bool:
    """Write the next file; return whether there was any row for it."""
    live = select(lines.c.step, lines.c.text).where(
        *_is_live(connection, run_id), lines.c.step < end
    )
    draft = Draft(most)
    last: Scalar | None = None
    found = connection.execute(live.order_by(*_ORDER).execution_options(yield_per=1000))
    for step, rows in groupby(found, lambda row: row.step):
        if not draft.add(step, [row.text for row in rows]):
            break
        last = step
    found.close()
    if last is None:
        return False
    content = draft.write()
    name = blake2b(content, digest_size=16).hexdigest()
    connection.execute(
        insert(exports).values(run_id=run_id, name=name, last_step=last, content=content)
    )
    return True


def _is_live(connection: Connection, run_id: int) -> list[ColumnElement[bool]]:
    """The conditions of a run's rows that are in no file."""
    of_run: list[ColumnElement[bool]] = [
        lines.c.run_id == run_id,
        lines.c.stream == int(Stream.HISTORY),
    ]
    before: Scalar | None = connection.scalar(
        select(func.max(exports.c.last_step)).where(exports.c.run_id == run_id)
    )
    return of_run if before is None else [*of_run, lines.c.step > before]


def _read(connection: Connection, run_id: int, keys: Sequence[str]) -> ParquetHistory:
    names = connection.scalars(
        select(exports.c.name).where(exports.c.run_id == run_id).order_by(exports.c.last_step)
    ).all()
    live = _is_live(connection, run_id)
    if {*keys} <= {"_step"}:
        # The index has the steps, without the rows.
        steps = connection.scalars(select(lines.c.step).where(*live).order_by(*_ORDER)).all()
        return ParquetHistory(names, [dict.fromkeys(keys, step) for step in steps])
    found = select(lines.c.step, lines.c.text).where(*live).order_by(*_ORDER)
    rows = ({**read_object(row.text), "_step": row.step} for row in connection.execute(found).all())
    return ParquetHistory(names, [pick_all(row, keys) for row in rows])

"""Forks, which begin with the rows of another run, and rewinds, which drop a run's last rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, FiniteFloat
from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from wandb_runs.local.documents import read_object, set_document
from wandb_runs.local.history_keys import extend_history_keys
from wandb_runs.local.ingest import set_summary
from wandb_runs.local.lines import line_count
from wandb_runs.local.tables import Stream, branches, console, documents, files, lines, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.store import Writer

__all__ = ["BranchPoint", "fork_run", "is_branch", "read_branch_point", "rewind_run"]

_KEY: Final = "branch_point"


class BranchPoint(BaseModel):
    """Where a run leaves another one, or its own past.

    Attributes:
        run_id: The id of a run of the same project.
        step: Its last step that is kept.
    """

    run_id: str
    step: FiniteFloat


def read_branch_point(config: str | None) -> BranchPoint | None:
    """Find the branch point in a config, as the wandb SDK puts it there.

    Raises:
        ValueError: The config has one that cannot be read.

    >>> read_branch_point('{"_wandb": {"value": {"branch_point": {"run_id": "r1", "step": 2}}}}')
    BranchPoint(run_id='r1', step=2.0)
    """
    if config is None or _KEY not in config:
        return None
    entry = read_object(config).get("_wandb")
    value = entry.get("value") if isinstance(entry, dict) else None
    point = value.get(_KEY) if isinstance(value, dict) else None
    return None if point is None else BranchPoint.model_validate(point)


def fork_run(writer: Writer, run_id: int, parent_id: int, point: BranchPoint) -> None:
    """Give a run the rows of its parent up to a step, and its parent's files and summary.

    They are copied, so that nothing that happens to the parent later changes the fork. The same
    fork again, as each change of a config repeats it, changes nothing.

    Args:
        writer: The transaction.
        run_id: The fork.
        parent_id: Its parent.
        point: Where the fork leaves its parent.
    """
    connection = writer.connection
    made = connection.execute(select(branches).where(branches.c.run_id == run_id)).one_or_none()
    if made is None or (made.parent, made.step) != (point.run_id, point.step):
        _record(connection, run_id, point)
        _drop_rows(connection, run_id, Stream.HISTORY)
    elif _has_inherited(connection, run_id):
        return
    rows = select(lines).where(
        lines.c.run_id == parent_id,
        lines.c.stream == int(Stream.HISTORY),
        lines.c.step <= point.step,
    )
    kept = rows.subquery()
    total = connection.execute(select(func.count()).select_from(kept)).scalar_one()
    place = func.row_number().over(order_by=(kept.c.step, kept.c.line))
    # Below 0: a fork counts its own rows from 0.
    copied = select(
        literal(run_id),
        kept.c.stream,
        place - 1 - total,
        kept.c.step,
        kept.c.keyset_id,
        kept.c.text,
    )
    connection.execute(insert(lines).from_select([column.name for column in lines.c], copied))
    their_files = select(literal(run_id), files.c.name, files.c.updated_at, files.c.content).where(
        files.c.run_id == parent_id
    )
    names = [column.name for column in files.c]
    connection.execute(insert(files).prefix_with("OR IGNORE").from_select(names, their_files))
    logged = _describe_anew(connection, run_id)
    parent = connection.execute(
        select(documents.c.summary_metrics, documents.c.history_keys).where(
            documents.c.run_id == parent_id
        )
    ).one()
    keys = read_object(parent.history_keys).get("keys")
    in_history = set(keys) if isinstance(keys, dict) else set[str]()
    others = {
        key: value
        for key, value in read_object(parent.summary_metrics).items()
        if key not in in_history
    }
    set_summary(writer, run_id, json.dumps(others | logged))


def rewind_run(writer: Writer, run_id: int, name: str, step: float) -> None:
    """Drop a run's rows after a step, and its summary's later values.

    Machine metrics and console output, which have no steps, begin anew.

    Args:
        writer: The transaction.
        run_id: The run.
        name: The run's id.
        step: The last step that is kept.
    """
    connection = writer.connection
    _record(connection, run_id, BranchPoint(run_id=name, step=step))
    _drop_rows(connection, run_id, Stream.HISTORY, after=step)
    _drop_rows(connection, run_id, Stream.EVENTS)
    connection.execute(delete(console).where(console.c.run_id == run_id))
    set_document(connection, run_id, "system_metrics", None)
    begun = {
        "state": "running",
        "exit_code": None,
        "events_line_count": 0,
        "heartbeat_at": writer.now,
        "updated_at": writer.now,
    }
    connection.execute(update(runs).where(runs.c.id == run_id).values(begun))
    set_summary(writer, run_id, json.dumps(_describe_anew(connection, run_id)))


def is_branch(connection: Connection, run_id: int) -> bool:
    """Whether a run is a fork, or was rewound: the SDK's summary then lacks what came before."""
    found = connection.scalar(select(branches.c.run_id).where(branches.c.run_id == run_id))
    return found is not None


def _has_inherited(connection: Connection, run_id: int) -> bool:
    """Whether a fork has rows of its parent: not if it was emptied since, to be logged anew."""
    this = (lines.c.run_id == run_id, lines.c.stream == int(Stream.HISTORY), lines.c.line < 0)
    return connection.scalar(select(lines.c.line).where(*this).limit(1)) is not None


def _record(connection: Connection, run_id: int, point: BranchPoint) -> None:
    values = {"parent": point.run_id, "step": point.step}
    made = upsert(branches).values(run_id=run_id, **values)
    connection.execute(made.on_conflict_do_update(set_=values))


def _drop_rows(
    connection: Connection, run_id: int, stream: Stream, *, after: float | None = None
) -> None:
    dropped = delete(lines).where(lines.c.run_id == run_id, lines.c.stream == int(stream))
    connection.execute(dropped if after is None else dropped.where(lines.c.step > after))


def _describe_anew(connection: Connection, run_id: int) -> dict[str, JSONValue]:
    """Count a run's rows and summarize their keys; return the last value of each key."""
    this = (lines.c.run_id == run_id, lines.c.stream == int(Stream.HISTORY))
    texts = select(lines.c.text).where(*this).order_by(lines.c.step, lines.c.line)
    values: dict[str, JSONValue] = {}

    def rows() -> Iterator[JSONObject]:
        for text in connection.scalars(texts):
            row = read_object(text)
            values.update({key: value for key, value in row.items() if value is not None})
            yield row

    keys = extend_history_keys({}, rows())
    document = json.dumps(keys) if values else None
    set_document(connection, run_id, "history_keys", document)
    count = {"history_line_count": line_count(connection, *this)}
    connection.execute(update(runs).where(runs.c.id == run_id).values(count))
    return values

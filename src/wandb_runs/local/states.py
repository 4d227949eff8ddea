"""States of runs: what a program tells by its signs of life, and what others ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import case, null, select, update

from wandb_runs.local.tables import runs
from wandb_runs.local.where import BadRequestError, state_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Connection

    from wandb_runs.local.store import Writer

__all__ = [
    "ask_to_stop",
    "end_run",
    "forget_stop",
    "heartbeat",
    "is_stopped",
    "mark_preempting",
    "set_state",
]

_BEFORE: Final[Mapping[str, frozenset[str]]] = {
    "pending": frozenset({"pending", "running", "failed", "crashed", "preempted"}),
    "failed": frozenset({"failed", "pending", "running"}),
}
"""The states that others can give a run, and the states that it may have then."""


def heartbeat(writer: Writer, run_id: int, *, is_shared: bool = False) -> None:
    """Record a sign of life of a run: it runs, or is still about to be preempted.

    Args:
        writer: The transaction.
        run_id: The run.
        is_shared: Whether the sign is of one of several writers: a run that its primary writer
            ended stays so when another one sends its last rows.
    """
    kept = state_at(writer.now) == "preempting"
    if is_shared:
        kept |= runs.c.exit_code.is_not(None)
    state = case((kept, runs.c.state), else_="running")
    exit_code = runs.c.exit_code if is_shared else null()
    alive = {"heartbeat_at": writer.now, "updated_at": writer.now}
    writer.connection.execute(
        update(runs).where(runs.c.id == run_id).values(state=state, exit_code=exit_code, **alive)
    )


def mark_preempting(writer: Writer, run_id: int) -> None:
    """Record that a run is about to be preempted."""
    writer.connection.execute(
        update(runs).where(runs.c.id == run_id).values({"state": "preempting"})
    )


def end_run(writer: Writer, run_id: int, exit_code: int) -> None:
    """Record the end of a run: finished with exit code 0, else preempted or failed."""
    failed = case((runs.c.state == "preempting", "preempted"), else_="failed")
    ended = {"state": "finished" if exit_code == 0 else failed, "exit_code": exit_code}
    writer.connection.execute(update(runs).where(runs.c.id == run_id).values(ended))


def ask_to_stop(writer: Writer, run_id: int) -> None:
    """Record that the program of a run is asked to stop; nothing where none runs."""
    is_running = state_at(writer.now).in_(["running", "preempting", "pending"])
    writer.connection.execute(
        update(runs).where(runs.c.id == run_id, is_running).values(stopped=True)
    )


def forget_stop(writer: Writer, run_id: int) -> None:
    """Record that a program starts, which no request has asked to stop."""
    writer.connection.execute(update(runs).where(runs.c.id == run_id).values(stopped=None))


def is_stopped(connection: Connection, run_id: int) -> bool:
    """Whether the program of a run is asked to stop."""
    return bool(connection.scalar(select(runs.c.stopped).where(runs.c.id == run_id)))


def set_state(writer: Writer, run_id: int, state: str) -> None:
    """Give a run a state that its program did not tell.

    Raises:
        BadRequestError: W&B knows no such change, or the run is one of a sweep.
    """
    this: ColumnElement[bool] = runs.c.id == run_id
    run = writer.connection.execute(
        select(state_at(writer.now).label("state"), runs.c.sweep_name).where(this)
    ).one()
    if run.sweep_name:
        raise BadRequestError("the state of a run of a sweep cannot be changed")
    if run.state not in _BEFORE.get(state, ()):
        raise BadRequestError(f"a run cannot be made {state!r} that is {run.state}")
    changed = {"state": state, "exit_code": None, "updated_at": writer.now}
    writer.connection.execute(update(runs).where(this).values(changed))

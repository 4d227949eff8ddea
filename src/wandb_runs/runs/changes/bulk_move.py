"""Moving runs to another project."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError, NotFoundError, UnsupportedByServerError
from wandb_runs.errors.suggest import describe, name_runs, show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql._generated import get_project, get_task, move_runs
from wandb_runs.graphql.flow import ask, pause
from wandb_runs.pagination.changes import name_filter
from wandb_runs.query.location import missing_run, parse_path
from wandb_runs.runs.changes.arguments import check_flag
from wandb_runs.runs.changes.bulk_base import BulkChange, Prepared, refuse_logging
from wandb_runs.runs.changes.bulk_read import divided, read_runs
from wandb_runs.runs.changes.bulk_send import PART, change_part

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from wandb_runs.frames.table import TableRow
    from wandb_runs.graphql._generated import MoveRuns, RunFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.changes.bulk_results import ChangeResults, Selected

__all__ = ["Move", "plan_move"]

_LONGEST_PAUSE: Final = 10.0
"""The longest pause, in seconds, until the server is asked again how far it is."""

_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds until it is looked again where the runs are."""


@dataclass(frozen=True, slots=True, repr=False)
class Move(FieldsRepr, BulkChange):
    """`runs.move`.

    Attributes:
        entity: The user or team that owns the project where they go.
        project: The project's name.
        wait: How many seconds to wait for the server's work on one request.
        force: Whether to move runs whose programs are logging.
    """

    call: ClassVar[str] = "runs.move"

    entity: str
    project: str
    wait: float
    force: bool

    @property
    def _destination(self) -> str:
        return f"{self.entity}/{self.project}"

    @override
    def prepare(self, selected: Selected) -> Flow[Prepared]:
        if (self.entity, self.project) == selected[:2]:
            raise InvalidArgumentError(f"runs.move: the runs are in {self._destination!r} already")
        answer = yield from ask(get_project(entity=self.entity, project=self.project))
        if answer.project is None:  # W&B would take the runs away, and put them nowhere
            raise NotFoundError(
                f"no project {self._destination!r} to move runs to, or the API key may not see "
                f"it; api.create_project({self.project!r}, {self.entity!r}) makes it. Nothing was "
                "moved"
            )
        here = yield from read_runs(*selected)
        there = yield from self._read_there(selected.run_ids)
        both = [each for each in here if each in there]
        if both:
            raise InvalidArgumentError(
                f"runs.move: {self._destination!r} has {name_runs(both)} already; W&B may replace "
                "them. Nothing was moved; leave these runs out"
            )
        if not self.force:
            refuse_logging(
                self.call,
                here.values(),
                "what a program logs from now on would not follow the run, or make it anew",
            )
        missing = (each for each in selected.run_ids if each not in here and each not in there)
        return Prepared(here, done=tuple(there), missing=tuple(missing))

    @override
    def cells(self, run: RunFields) -> TableRow:
        return {"to": self._destination}

    @override
    def apply(self, results: ChangeResults, prepared: Prepared) -> Flow[None]:
        entity, project, _ = selected = results.selected
        for run_id in prepared.missing:
            results.note_failed([run_id], missing_run(entity, project, run_id))
        for part in divided(results.waiting, PART):
            if results.is_stopped:
                return
            mutation = move_runs(
                entity=entity,
                project=project,
                to_entity=self.entity,
                to_project=self.project,
                filters=name_filter(part),
            )
            what = f"of {selected.path!r}: moved to {self._destination!r}"
            yield from change_part(
                results,
                part,
                mutation,
                what,
                partial(self._find_moved, selected),
                settle=partial(self._await_task, selected, part),
                pauses=_PAUSES,
            )

    def _read_there(self, run_ids: Sequence[str]) -> Flow[dict[str, RunFields]]:
        return read_runs(self.entity, self.project, run_ids)

    def _find_moved(self, selected: Selected, run_ids: Sequence[str]) -> Flow[Collection[str]]:
        """The runs that are where they go, and no longer where they were."""
        there = yield from self._read_there(run_ids)
        here = yield from read_runs(selected.entity, selected.project, run_ids)
        return {each for each in run_ids if each in there and each not in here}

    def _await_task(
        self, selected: Selected, run_ids: Sequence[str], answer: MoveRuns
    ) -> Flow[str | None]:
        """Wait until the server has moved some runs; returns what went wrong, if anything."""
        task = None if answer.move_runs is None else answer.move_runs.task
        state, task_id = (None, None) if task is None else (task.state, task.id)
        seconds, now = 0.5, (yield from pause(0))
        end = now + self.wait
        while state not in {"FINISHED", "FAILED"}:
            if now >= end:
                return (
                    f"the server was still moving them after {self.wait:g} s "
                    f"({state or 'its task does not tell how far it is'}), and may go on; look "
                    "again later, or pass a longer wait="
                )
            now = yield from pause(min(seconds, end - now))
            seconds = min(2 * seconds, _LONGEST_PAUSE)
            try:
                state = yield from _fetch_state(task_id)
            except UnsupportedByServerError:
                task_id = state = None
            if task_id is None and len((yield from self._find_moved(selected, run_ids))) == len(
                run_ids
            ):
                return None
        return "the server's task of moving them failed" if state == "FAILED" else None


def _fetch_state(task_id: str | None) -> Flow[str | None]:
    """The state of a task; None where it is not known."""
    if task_id is None:
        return None
    task = (yield from ask(get_task(id=task_id))).task
    return None if task is None else task.state


def plan_move(to: object, *, wait: object, force: object) -> Move:
    """Check the arguments of `runs.move`.

    Raises:
        InvalidArgumentError: One cannot be right.

    >>> plan_move("kept", wait=600, force=False)
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: to is the project where the runs go, with its entity: \
'entity/project'; got 'kept'
    """
    try:
        parts = parse_path(to)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"to: {error.message}") from None
    if parts.entity is None or parts.project is None:
        raise InvalidArgumentError(
            "to is the project where the runs go, with its entity: 'entity/project'; got "
            f"{show(to)}"
        )
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 < wait < math.inf:
        raise InvalidArgumentError(
            f"wait must be a number of seconds, more than 0, got {describe(wait)}"
        )
    return Move(parts.entity, parts.project, float(wait), check_flag("force", force))

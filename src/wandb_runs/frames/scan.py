"""Every row of one run, by ranges of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from wandb_runs.errors import BadResponseError, InvalidArgumentError
from wandb_runs.frames.plan import MOST
from wandb_runs.frames.rows import decode_rows, rows_with_all
from wandb_runs.graphql._generated import get_history_keys, scan_history
from wandb_runs.graphql.flow import ask
from wandb_runs.query.keys import check_keys
from wandb_runs.query.location import missing_run

if TYPE_CHECKING:
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.flow import Flow

__all__ = ["HistoryScan", "ScanPlan", "last_step_of", "plan_scan"]

K = TypeVar("K", bound=str)

_NO_STEP = 2**53
"""Past every step: what JSON's numbers hold exactly."""


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """Arguments of `scan_history` that passed `plan_scan`.

    Attributes:
        keys: The metrics that a row must hold; None for whole rows.
        page_size: The most rows to ask for at once.
        min_step: The first step.
        max_step: The step before which to stop; None for the whole history.
    """

    keys: tuple[str, ...] | None
    page_size: int
    min_step: int
    max_step: int | None


def plan_scan(
    keys: list[K] | tuple[K, ...] | None = None,
    page_size: int = 1000,
    min_step: int = 0,
    max_step: int | None = None,
) -> ScanPlan:
    """Check the arguments of `scan_history`, before any request.

    Raises:
        InvalidArgumentError: An argument is of the wrong type or out of range.

    >>> plan_scan(["loss"], max_step=10)
    ScanPlan(keys=('loss',), page_size=1000, min_step=0, max_step=10)
    """
    _check_int("page_size", page_size, least=1)
    if page_size > MOST:
        raise InvalidArgumentError(f"page_size is at most {MOST}, GraphQL's largest Int")
    _check_int("min_step", min_step, least=0)
    if max_step is not None:
        _check_int("max_step", max_step, least=min_step)
    return ScanPlan(check_keys(keys), page_size, min_step, max_step)


class HistoryScan:
    """Where a scan of one run's history stands.

    W&B answers a range of steps with at most `samples` rows, and nobody promises that the rest
    is not sampled away. So a full answer counts as cut: its range is halved and asked again,
    and a single step that is full is asked for with twice the samples. A range that is nearly
    empty makes the next one wider, since steps may lie far apart.
    """

    __slots__ = ("_end", "_entity", "_next", "_plan", "_project", "_run_id", "_samples", "_width")

    def __init__(self, entity: str, project: str, run_id: str, plan: ScanPlan) -> None:
        self._entity = entity
        self._project = project
        self._run_id = run_id
        self._plan = plan
        self._next = plan.min_step
        self._end: int | None = None
        self._samples = plan.page_size
        # One less than a page, so that a row for each step does not fill it.
        self._width = max(1, plan.page_size - 1)

    def next_rows(self) -> Flow[list[Row] | None]:
        """The next rows, which may be none of a range; None at the end.

        Raises:
            NotFoundError: No such project or run.
            BadResponseError: Rows that are no JSON objects.
        """
        if self._end is None:
            last = yield from self._ask_last_step()
            if last is None:
                return (yield from self._ask_all())
            most = self._plan.max_step
            self._end = last + 1 if most is None else min(most, last + 1)
        if self._next >= self._end:
            return None
        while True:
            stop = min(self._next + self._width, self._end)
            rows = yield from self._ask_rows(self._next, stop)
            if len(rows) < self._samples:
                break
            if self._width > 1:
                self._width = max(1, (stop - self._next) // 2)
            else:
                self._samples *= 2
        self._next = stop
        if len(rows) <= self._plan.page_size // 4:
            self._width *= 2
        self._samples = self._plan.page_size
        return self._chosen(rows)

    def _chosen(self, rows: list[Row]) -> list[Row]:
        return rows if self._plan.keys is None else rows_with_all(rows, self._plan.keys)

    def _ask_all(self) -> Flow[list[Row]]:
        """One page for the whole range, when the server does not say where the history ends."""
        end = _NO_STEP if self._plan.max_step is None else self._plan.max_step
        rows = yield from self._ask_rows(self._next, end)
        if len(rows) >= self._samples:
            raise BadResponseError(
                f"the server does not say where the history of run {self._run_id!r} ends, and it "
                "fills a page; pass a larger page_size=",
                status=200,
            )
        self._next = self._end = end
        return self._chosen(rows)

    def _ask_last_step(self) -> Flow[int | None]:
        answer = yield from ask(
            get_history_keys(entity=self._entity, project=self._project, id=self._run_id)
        )
        run = answer.project.run if answer.project is not None else None
        if run is None:
            raise missing_run(self._entity, self._project, self._run_id)
        return last_step_of(run.history_keys)

    def _ask_rows(self, start: int, stop: int) -> Flow[list[Row]]:
        answer = yield from ask(
            scan_history(
                entity=self._entity,
                project=self._project,
                id=self._run_id,
                samples=self._samples,
                min_step=start,
                max_step=stop,
            )
        )
        run = answer.project.run if answer.project is not None else None
        if run is None:
            raise missing_run(self._entity, self._project, self._run_id)
        try:
            return decode_rows(run.history)
        except ValueError as error:
            raise BadResponseError(
                f"the history of run {self._run_id!r} cannot be read: {error}; try again",
                status=200,
            ) from error


def last_step_of(history_keys: object) -> int | None:
    """The last step that W&B's `historyKeys` names, -1 for an empty history; None if it does not.

    >>> last_step_of({"sets": [], "lastStep": 9, "keys": {}}), last_step_of(None)
    (9, None)
    """
    if not isinstance(history_keys, dict):
        return None
    last = cast("dict[str, object]", history_keys).get("lastStep")
    if isinstance(last, bool) or not isinstance(last, int | float):
        return None
    # Neither NaN nor an infinity, either.
    return int(last) if -1 <= last < _NO_STEP else None


def _check_int(argument: str, value: object, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgumentError(
            f"{argument} must be an int of at least {least}, got {type(value).__name__}"
        )
    if value < least:
        raise InvalidArgumentError(f"{argument} must be at least {least}, got {value}")

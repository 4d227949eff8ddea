"""`scan_history`: every row of one run, unsampled, by ranges of steps."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from wandb_runs.errors import BadResponseError, EmptyJoinWarning, UnknownMetricWarning
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.frames.one_run import fetch_history_keys, unknown_metrics
from wandb_runs.frames.plan import MAX_INT, check_int
from wandb_runs.frames.requests import unreadable_history
from wandb_runs.frames.rows import decode_rows, rows_with_all
from wandb_runs.frames.step_ranges import END_OF_STEPS, StepPage, StepRanges
from wandb_runs.graphql._generated import scan_history
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.nested import pick
from wandb_runs.query.keys import check_keys
from wandb_runs.query.location import missing_run

if TYPE_CHECKING:
    from collections.abc import Collection

    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.flow import Flow

__all__ = ["HistoryScan", "ScanPlan", "fetch_whole_rows", "last_step_of", "plan_scan"]

K = TypeVar("K", bound=str)


@dataclass(frozen=True, slots=True, repr=False)
class ScanPlan(FieldsRepr):
    """Arguments of `scan_history`, as checked by `plan_scan`.

    Attributes:
        keys: The metrics that a row must hold, flat or nested; None for whole rows.
        page_size: The most rows per request.
        min_step: The first step, inclusive.
        max_step: The last step, exclusive; None for the whole history.
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
    """Check the arguments of `scan_history`, before any request is sent.

    Raises:
        InvalidArgumentError: An argument has the wrong type or is out of range.

    >>> plan_scan(["loss"], max_step=10)
    ScanPlan(keys=('loss',), page_size=1000, min_step=0, max_step=10)
    """
    check_int("page_size", page_size, least=1, most=MAX_INT)
    check_int("min_step", min_step, least=0)
    if max_step is not None:
        check_int("max_step", max_step, least=min_step)
    return ScanPlan(check_keys(keys), page_size, min_step, max_step)


class HistoryScan:
    """A scan of one run's history by ranges of steps, and its position.

    A shallow copy goes on from where the original stands, which stays as it is.

    Args:
        entity: The run's entity.
        project: The run's project.
        run_id: The run's id.
        plan: The arguments of the call.
    """

    __slots__ = (
        "_apart",
        "_is_told",
        "_last",
        "_plan",
        "_ranges",
        "_run",
        "_skipped",
        "_unknown",
    )

    def __init__(self, entity: str, project: str, run_id: str, plan: ScanPlan) -> None:
        self._run = (entity, project, run_id)
        self._plan = plan
        # The ranges that are left; None before the last step is known.
        self._ranges: StepRanges | None = None
        # Whether the server told the last step.
        self._is_told = True
        # The last step, which has a row, as long as none has come.
        self._last: int | None = None
        # How many rows of the first step have been given already.
        self._skipped = 0
        # The keys that the run has logged no value of, as long as no row has come.
        self._unknown: dict[str, str | None] = {}
        # The keys of which there was a row, likewise; None when a row with all of them has come.
        self._apart: frozenset[str] | None = frozenset()

    def begin(self, history_keys: object) -> None:
        """Begin with what W&B's `historyKeys` tells: which metrics there are, and the last step."""
        plan = self._plan
        self._unknown = unknown_metrics(history_keys, plan.keys or ())
        last = last_step_of(history_keys)
        if last is None:
            self._is_told = False
            end = END_OF_STEPS if plan.max_step is None else plan.max_step
        else:
            end = last + 1 if plan.max_step is None else min(plan.max_step, last + 1)
            self._last = last if plan.min_step <= last < end else None
        self._ranges = StepRanges(plan.min_step, end, plan.page_size)

    def continue_at(self, step: int, skipped: int, history_keys: object) -> None:
        """Go on at a step, of which some rows have been given already.

        Args:
            step: The step.
            skipped: How many of its rows have been given.
            history_keys: W&B's `historyKeys`, which tells the last step.
        """
        plan = self._plan
        last = last_step_of(history_keys)
        self._is_told = last is not None
        # A row was there, whatever the last step is said to be.
        end = END_OF_STEPS if last is None else max(last, step) + 1
        stop = end if plan.max_step is None else min(plan.max_step, end)
        self._ranges = StepRanges(max(step, plan.min_step), stop, plan.page_size)
        self._skipped = skipped

    @property
    def next_step(self) -> int | None:
        """The first step whose rows have not been given; None at the end."""
        page = None if self._ranges is None else self._ranges.page
        return None if page is None else page.start

    def take_warning(self) -> UnknownMetricWarning | EmptyJoinWarning | None:
        """Why there may be no row, after the last one; once."""
        unknown, self._unknown = self._unknown, {}
        apart, self._apart = self._apart, None
        if unknown:
            return UnknownMetricWarning(self._run[-1], unknown)
        keys = self._plan.keys
        if keys is not None and apart is not None and apart.issuperset(keys):
            return EmptyJoinWarning([self._run[-1]], call="scan_history")
        return None

    def next_rows(self) -> Flow[list[Row] | None]:
        """Fetch the rows of the next range, which may be empty; None at the end.

        Raises:
            NotFoundError: No such project or run.
            BadResponseError: The rows do not match the schema; or none came, not even that of the
                last step.
        """
        if self._ranges is None:
            self.begin((yield from fetch_history_keys(*self._run)))
        if self._ranges is None or self._ranges.page is None:
            return None
        if not self._is_told:
            return (yield from self._fetch_all(self._ranges.page.start))
        ranges = copy(self._ranges)
        page = self._ranges.page
        rows = yield from self._fetch_page(page)
        while not ranges.take(len(rows)):
            rows = yield from self._fetch_page(ranges.page or page)
        if rows:
            self._last = None
        elif ranges.page is None:
            self.check_last()
        self._ranges = ranges
        return self._select(rows)

    def check_last(self) -> None:
        """Check that a row came, where the last step is one of those that were asked for.

        Raises:
            BadResponseError: None came.
        """
        if self._last is not None:
            raise BadResponseError(
                f"the server says that the last step of run {self._run[-1]!r} is {self._last}, and "
                f"gave no row from step {self._plan.min_step} on; try again",
                status=200,
            )

    def note_rows(self, keys_present: Collection[str], *, has_all: bool) -> None:
        """Note what rows had that were read elsewhere.

        Args:
            keys_present: The keys of which some row has a value; only needed without `has_all`.
            has_all: Whether some row holds all keys.
        """
        self._last = None
        if has_all:
            self._unknown, self._apart = {}, None
        elif self._plan.keys is not None and self._apart is not None:
            self._apart = self._apart.union(keys_present)

    @property
    def keys_to_find(self) -> tuple[str, ...]:
        """The keys of which it is not known whether any row has them, while none has all."""
        if self._plan.keys is None or self._apart is None:
            return ()
        return tuple(key for key in self._plan.keys if key not in self._apart)

    def _select(self, rows: list[Row]) -> list[Row]:
        keys = self._plan.keys
        if rows and self._skipped:
            rows, self._skipped = rows[self._skipped :], 0
        chosen = rows if keys is None else rows_with_all(rows, keys)
        if rows:
            left = () if chosen else self.keys_to_find
            found = {key for key in left if any(pick(row, key) is not None for row in rows)}
            self.note_rows(found, has_all=bool(chosen))
        return chosen

    def _fetch_all(self, start: int) -> Flow[list[Row]]:
        """Fetch the whole range as one page: the server does not tell the last step."""
        plan = self._plan
        end = END_OF_STEPS if plan.max_step is None else plan.max_step
        page = StepPage(start, end, plan.page_size)
        rows = yield from self._fetch_page(page)
        if len(rows) >= page.samples:
            raise BadResponseError(
                f"the server does not tell the last step of run {self._run[-1]!r}, and its history "
                "fills a page; pass a larger page_size=",
                status=200,
            )
        self._ranges = StepRanges(end, end, plan.page_size)
        return self._select(rows)

    def _fetch_page(self, page: StepPage) -> Flow[list[Row]]:
        return (yield from fetch_whole_rows(*self._run, page))


def fetch_whole_rows(entity: str, project: str, run_id: str, page: StepPage) -> Flow[list[Row]]:
    """Fetch whole rows of some steps of one run.

    Raises:
        NotFoundError: No such project or run.
        BadResponseError: The rows do not match the schema.
    """
    answer = yield from ask(
        scan_history(
            entity=entity,
            project=project,
            id=run_id,
            samples=page.samples,
            min_step=page.start,
            max_step=page.stop,
        )
    )
    run = answer.project.run if answer.project is not None else None
    if run is None:
        raise missing_run(entity, project, run_id)
    try:
        return _told_rows(run.history)
    except ValueError as error:
        raise unreadable_history(run_id, error) from error


def _told_rows(history: object) -> list[Row]:
    """The rows of an answer, in which a list is promised: null says nothing of them.

    Raises:
        ValueError: Null, or not a list of JSON objects.
    """
    if history is None:
        raise ValueError("it came as null")
    return decode_rows(history)


def last_step_of(history_keys: object) -> int | None:
    """The last step according to W&B's `historyKeys`: -1 for an empty history, None if missing.

    >>> last_step_of({"sets": [], "lastStep": 9, "keys": {}}), last_step_of(None)
    (9, None)
    """
    if not isinstance(history_keys, dict):
        return None
    last = cast("dict[str, object]", history_keys).get("lastStep")
    if isinstance(last, bool) or not isinstance(last, int | float):
        return None
    # The comparison also excludes NaN and infinities.
    return int(last) if -1 <= last < END_OF_STEPS else None

"""Rows of a run by ranges of steps: every row that a call wants, whatever its join."""

from __future__ import annotations

import json
from copy import copy
from typing import TYPE_CHECKING, Final, cast

from wandb_runs.errors import WandbRunsError, is_too_large
from wandb_runs.frames.requests import unreadable_history
from wandb_runs.frames.rows import read_rows, with_nested
from wandb_runs.frames.scan import fetch_whole_rows
from wandb_runs.frames.step_ranges import StepRanges
from wandb_runs.graphql._generated import get_sampled_history
from wandb_runs.graphql.flow import ask
from wandb_runs.query.location import missing_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.frames.step_ranges import StepPage
    from wandb_runs.graphql.flow import Flow

__all__ = ["RangeRows", "select_whole_rows"]

_MAX_VALUES: Final = 150_000
"""The most values that one request asks for, as for samples."""

_WHOLE_ROWS: Final = 2_000
"""Whole rows that one request asks for: each may have hundreds of metrics."""

_MAX_SPECS: Final = 50
"""Keys of an outer join up to which the rows of each are asked for; of more, whole rows."""


class RangeRows:
    """Every row of some steps of one run that a call wants, range by range.

    A shallow copy goes on from where the original stands, which stays as it is.

    Args:
        run: Entity, project and id of the run.
        plan: The arguments of the call.
        start: The first step.
        stop: The step before which to stop.
        most: How many rows a request asks for at most; None for as many as it may.
    """

    __slots__ = ("_plan", "_ranges", "_run")

    def __init__(
        self,
        run: tuple[str, str, str],
        plan: HistoryPlan,
        start: int,
        stop: int,
        most: int | None = None,
    ) -> None:
        self._run = run
        self._plan = plan.ranges
        width = len(plan.columns or ()) * (1 if plan.join == "inner" else 2)
        rows = _WHOLE_ROWS if self._reads_whole_rows else max(1, _MAX_VALUES // width)
        self._ranges = StepRanges(start, stop, rows if most is None else min(rows, most))

    @property
    def is_read(self) -> bool:
        """Whether all rows have been read."""
        return self._ranges.page is None

    @property
    def _reads_whole_rows(self) -> bool:
        keys, plan = self._plan.keys, self._plan
        return keys is None or (plan.join == "outer" and len(keys) > _MAX_SPECS)

    def next_rows(self) -> Flow[list[Row] | None]:
        """Fetch the rows of the next range, which may be none; None at the end.

        Raises:
            NotFoundError: No such project or run.
            BadResponseError: The rows do not match the schema.
        """
        ranges = copy(self._ranges)
        while (page := ranges.page) is not None:
            try:
                rows, most = yield from self._fetch(page)
            except WandbRunsError as error:
                if not (is_too_large(error) and ranges.narrow()):
                    raise
                continue
            if ranges.take(most):
                self._ranges = ranges
                return rows
        return None

    def _fetch(self, page: StepPage) -> Flow[tuple[list[Row], int]]:
        """The rows of a range, and how many the fullest of its samples has."""
        if self._reads_whole_rows:
            rows = yield from fetch_whole_rows(*self._run, page)
            return select_whole_rows(self._plan, rows), len(rows)
        entity, project, run_id = self._run
        specs = [_within(spec, page) for spec in self._plan.specs]
        operation = get_sampled_history(entity=entity, project=project, id=run_id, specs=specs)
        found = (yield from ask(operation)).project
        if found is None or found.run is None:
            raise missing_run(*self._run)
        sent = found.run.sampled_history
        if sent is None or (sent == [] and specs):
            raise unreadable_history(run_id, ValueError("it came as null, or as an empty list"))
        try:
            rows = read_rows(self._plan, sent)
        except ValueError as error:
            raise unreadable_history(run_id, error) from error
        lists = [cast("list[object]", each) for each in sent if isinstance(each, list)]
        return rows, max(map(len, lists), default=0)


def select_whole_rows(plan: HistoryPlan, rows: list[Row]) -> list[Row]:
    """Of whole rows, those that a call wants, with the columns that it wants.

    Args:
        plan: The arguments of the call, for ranges of steps.
        rows: The rows, in the order of their steps.
    """
    if plan.keys is None:
        if "." not in plan.x_axis:
            return rows
        return [with_nested(row, plan.x_axis) for row in rows]
    return read_rows(plan, [rows] if plan.join == "inner" else [rows] * len(plan.keys))


def _within(spec: str, page: StepPage) -> str:
    """A spec for some steps, of which W&B counts the last one in."""
    asked = cast("Mapping[str, object]", json.loads(spec))
    bounds = {"samples": page.samples, "minStep": page.start, "maxStep": page.stop - 1}
    return json.dumps({**asked, **bounds})

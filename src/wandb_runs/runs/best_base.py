"""What `Runs` and `AsyncRuns` share of the best values of a metric."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from wandb_runs.errors import NotFoundError
from wandb_runs.frames.best import (
    MOST_ROWS,
    BestReader,
    build_best,
    fetch_best,
    plan_best,
    samples_for,
)
from wandb_runs.frames.histories import Gaps, HistoryPages
from wandb_runs.frames.requests import HistoryRequest
from wandb_runs.graphql.flow import gather
from wandb_runs.pagination.page import PageRequest
from wandb_runs.runs.histories_base import Found, HistoriesBase, check_output

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from wandb_runs.frames.best import BestRow, How, RunBest
    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Selection

__all__ = ["BestBase", "BestPlan"]


class BestPlan(NamedTuple):
    """Arguments of `best`, as they were checked.

    Attributes:
        histories: The rows to read at first.
        how: Which value.
        to: The format.
    """

    histories: HistoryPlan
    how: How
    to: Format


class BestBase(HistoriesBase):
    """Finds the best value of a metric over whole histories, of all runs of a listing."""

    def _plan_best(self, key: object, how: object, format: Format) -> BestPlan:
        histories, chosen = plan_best(key, how)
        return BestPlan(histories, chosen, check_output(format, None))

    def _fetch_all_best(
        self, plan: BestPlan
    ) -> Flow[Found[list[Row] | pd.DataFrame | pl.DataFrame]]:
        pages = yield from self._fetch_pages(plan.histories, BestReader(plan.how), None)
        found: dict[str, BestRow | None] = {}
        left: defaultdict[int, list[str]] = defaultdict(list)
        while fetched := (yield from pages.next_pages()):
            for run_id, best, rows in (each for page in fetched for each in page.content):
                found[run_id] = best
                if rows is not None:
                    left[samples_for(rows) if 0 < rows <= MOST_ROWS else 0].append(run_id)
        gaps = yield from self._close(pages, has_rows=any(found.values()))
        by_steps = left.pop(0, [])
        for samples, run_ids in left.items():
            histories = replace(plan.histories, samples=samples)
            again = self._pages_of(pages.selection, histories, plan.how, run_ids)
            while fetched := (yield from again.next_pages()):
                for run_id, best, rows in (each for page in fetched for each in page.content):
                    found[run_id] = best
                    by_steps += [] if rows is None else [run_id]  # it has gone on
            gaps = _joined(gaps, again.gaps, found)
        for start in range(0, len(by_steps), self._ahead()):
            part = by_steps[start : start + self._ahead()]
            bests = yield from gather(
                [_fetch_or_none(pages.selection, run_id, plan) for run_id in part]
            )
            found.update(zip(part, bests, strict=True))
        return Found(build_best(found, to=plan.to), gaps)

    def _pages_of(
        self, selection: Selection, plan: HistoryPlan, how: How, run_ids: list[str]
    ) -> HistoryPages[list[RunBest]]:
        page = PageRequest(None, self._query.histories_page_size(plan))
        request = HistoryRequest(plan, selection, page)
        return HistoryPages(request, BestReader(how), run_ids=run_ids, ahead=self._ahead())


def _joined(gaps: Gaps, later: Gaps, found: dict[str, BestRow | None]) -> Gaps:
    """The gaps of a call, and those of runs that it asked for again, which are left out."""
    for run_id in later.failed:
        found.pop(run_id, None)
    return gaps._replace(failed={**gaps.failed, **later.failed}, gone=[*gaps.gone, *later.gone])


def _fetch_or_none(selection: Selection, run_id: str, plan: BestPlan) -> Flow[BestRow | None]:
    entity, project = selection["entity"], selection["project"]
    try:
        return (yield from fetch_best(entity, project, run_id, plan.histories, plan.how))
    except NotFoundError:
        return None  # gone since the page was read

"""What `Runs` and `AsyncRuns` share of lazy frames: the arguments, the columns and the rows."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Final, TypeVar

from wandb_runs.errors import BadResponseError
from wandb_runs.errors.extras import needs_extra
from wandb_runs.frames.histories import HistoryPages
from wandb_runs.frames.lazy import Metrics, columns_of
from wandb_runs.frames.plan import RUN_ID, plan_histories
from wandb_runs.frames.requests import HistoryRequest
from wandb_runs.frames.schema import check_schema
from wandb_runs.pagination.changes import both, name_filter
from wandb_runs.pagination.page import PageRequest
from wandb_runs.runs.exact.file_tables import AT_ONCE
from wandb_runs.runs.exact.lazy_scan import LazyPlan, LazyScan, ScanFlows
from wandb_runs.runs.exact.run_stream import RowChoice
from wandb_runs.runs.exact.sources import SourcesReader
from wandb_runs.runs.exact.streamed_pages import StreamedPages
from wandb_runs.runs.histories_base import HistoriesBase, check_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.frames.histories import Gaps
    from wandb_runs.frames.lazy import LazyColumns
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.pruning import Pruning
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Selection
    from wandb_runs.runs.exact.lazy_scan import RunFlow
    from wandb_runs.runs.exact.sources import ExactSource

__all__ = ["LazyBase", "check_arrow"]

K = TypeVar("K", bound=str)

_FEW: Final = 1_000
"""Rows that a request for a range of steps may ask for, however few are wanted: with fewer, it is
not faster, and where most rows lack a key it takes more of them."""

_VALUE: Final = 8
"""Bytes of a number."""


class LazyBase(HistoriesBase):
    """Reads every row of all runs of a listing, as polars asks for them."""

    def _new_scan(
        self,
        keys: list[K] | tuple[K, ...] | None,
        schema: object,
        run: RunFlow,
        list_to: Callable[[None], object],
        check: Callable[[], None] | None = None,
    ) -> LazyScan:
        """Check the arguments of a lazy frame, and make its source.

        Args:
            keys: The metrics; None for all.
            schema: Dtypes by the name of a column.
            run: Runs flows in the thread in which polars wants rows.
            list_to: Lists the runs there.
            check: Refuses a thread in which they cannot.

        Raises:
            InvalidArgumentError: An argument cannot be right.
            MissingDependencyError: polars is not installed.
        """
        histories = plan_histories(keys=keys, exact=True)
        check_output("polars", None)
        plan = LazyPlan(histories, check_schema(schema, histories, "polars"))
        flows = ScanFlows(
            self._fetch_columns, self._open_pages, self._close_pages, self._finisher(None)
        )
        return LazyScan(plan, flows, run, list_to if self._query.is_part else None, check)

    def _fetch_columns(self, plan: LazyPlan) -> Flow[LazyColumns]:
        """Find out the columns, and dtypes of those of which the caller gave none.

        With keys, the metrics of the runs of one page tell; without keys, those of all runs. No
        request is sent where the caller gave all.

        Raises:
            BadResponseError: The server does not tell the metrics of a run that has rows.
        """
        histories, schema = plan.histories, plan.schema or {}
        keys, metrics = histories.columns, Metrics()
        if keys is None and plan.schema is not None:
            keys = tuple(name for name in schema if name != RUN_ID)
        if keys is not None and all(key in schema for key in keys if key != histories.x_axis):
            return columns_of(keys, metrics, schema, is_told=False)
        selection = yield from self._select()
        pages = self._sources(histories, selection, self._listed_ids(), 1 if keys else None)
        while read := (yield from pages.next_pages()):
            for source in (each for page in read for each in page.content):
                if not metrics.add(source.history_keys) and keys is None and source.row_count != 0:
                    raise BadResponseError(
                        f"the server does not tell the metrics of run {source.run_id!r}; pass "
                        "keys=, or schema= with the dtypes of the columns",
                        status=200,
                    )
            if keys is not None:
                break
        return columns_of(metrics.names if keys is None else keys, metrics, schema, is_told=True)

    def _open_pages(
        self, plan: LazyPlan, columns: LazyColumns, pruning: Pruning, most_rows: int | None
    ) -> Flow[StreamedPages]:
        """Begin to read rows.

        Args:
            plan: The arguments of the frame.
            columns: The columns that are read.
            pruning: Which runs and steps are read.
            most_rows: How many rows are wanted; None for all.
        """
        selection, run_ids = (yield from self._select()), self._listed_ids()
        if pruning.is_empty:
            run_ids = []
        elif pruning.run_ids is not None and run_ids is not None:
            run_ids = [run_id for run_id in run_ids if run_id in pruning.run_ids]
        elif pruning.run_ids is not None:
            selection = selection.copy()
            selection["filters"] = both(selection["filters"], name_filter(pruning.run_ids))
        ahead = None if most_rows is None else 1
        choice = RowChoice(plan.histories, [*columns.keys.values()])
        reading = self._reading()
        if most_rows is not None:
            few = max(1, most_rows * len(choice.columns) * _VALUE)
            reading = replace(reading, at_once=min(AT_ONCE, few))
        return StreamedPages(
            self._sources(plan.histories, selection, run_ids, ahead),
            choice,
            reading,
            pruning.steps,
            pruning.keeps,
            None if most_rows is None else max(most_rows, _FEW),
        )

    def _close_pages(self, pages: StreamedPages, pruning: Pruning, has_rows: bool) -> Flow[Gaps]:  # noqa: FBT001 - of a callable
        """What the rows lack when all have been read."""
        if pruning.is_empty or pruning.run_ids is not None:  # not all runs were asked for
            return (yield from pages.close(has_rows=has_rows))
        return (yield from self._close(pages, has_rows=has_rows))

    def _sources(
        self,
        plan: HistoryPlan,
        selection: Selection,
        run_ids: list[str] | None,
        ahead: int | None,
    ) -> HistoryPages[list[ExactSource]]:
        page = PageRequest(None, self._query.histories_page_size(plan))
        return HistoryPages(
            HistoryRequest(plan, selection, page),
            SourcesReader(),
            run_ids=run_ids,
            ahead=self._ahead() if ahead is None else ahead,
        )


def check_arrow() -> None:
    """Check that pyarrow is installed, before any request is sent.

    Raises:
        MissingDependencyError: It is not.
    """
    with needs_extra("exact", "arrow_batches"):
        import_module("pyarrow")

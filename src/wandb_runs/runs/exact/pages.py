"""Every row of many runs: where they are, page by page, then the rows of several runs at once."""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from itertools import accumulate
from typing import TYPE_CHECKING, Final, cast

from wandb_runs.errors import (
    NotFoundError,
    UnknownMetricWarning,
    UnsupportedByServerError,
    WandbRunsError,
)
from wandb_runs.frames.one_run import missing_warning, unknown_metrics
from wandb_runs.frames.requests import PageHistories
from wandb_runs.graphql.flow import gather
from wandb_runs.pagination.progress import ProgressCounter
from wandb_runs.runs.exact.missing import columns_in, found_names, is_apart
from wandb_runs.runs.exact.origins import log_origins
from wandb_runs.runs.exact.run_rows import ExactRows, read_rows_of
from wandb_runs.runs.exact.sources import fetch_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.frames.histories import Gaps, HistoryPages
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import FoundNames, RunRows
    from wandb_runs.graphql.flow import Flow, Lane
    from wandb_runs.pagination.page import Selection
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.runs.exact.file_tables import Reading
    from wandb_runs.runs.exact.sources import ExactSource, Origin

__all__ = ["MOST_RUNS", "MOST_VALUES", "ExactPages"]

MOST_RUNS: Final = 32
"""Runs that are read at once."""

MOST_VALUES: Final = 2_000_000
"""Values that are read at once, as far as it is known before: 16 MB of numbers."""

MOST_TOGETHER: Final = 512
"""Runs whose rows are given together, where the caller keeps all rows."""

_ASSUMED_ROWS: Final = 10_000
_ASSUMED_METRICS: Final = 40


class ExactPages:
    """Every row of a selection of runs, several runs at a time, in order.

    It has the face of `HistoryPages`, which finds the runs. A run that cannot be read does not
    affect the others, as long as the server answers.

    Args:
        sources: Where the rows of the runs are.
        plan: The arguments of the call.
        reading: What files are read with.
        total: The number of runs, if that is known.
        progress: The caller's progress callback.
        keeps_all: Whether the caller keeps all rows. Then as soon as a run has been read another
            one is begun; else some are read, and given, before others are begun.
    """

    def __init__(
        self,
        sources: HistoryPages[list[ExactSource]],
        plan: HistoryPlan,
        reading: Reading,
        *,
        total: int | None,
        progress: OnProgress | None,
        keeps_all: bool = False,
    ) -> None:
        self._sources = sources
        self._plan = plan
        self._reading = reading
        self._keeps_all = keeps_all
        self._counter = ProgressCounter(progress, total)
        self._pending: list[ExactSource] = []
        # Bytes of the answers that told where rows are, as far as they were counted.
        self._listed = 0
        self._failed: dict[str, WandbRunsError] = {}
        self._gone: list[str] = []
        self._disjoint_runs: list[str] = []
        self._origins: dict[str, Origin] = {}
        # The first run that has a history and no row that the call wants.
        self._empty: ExactSource | None = None
        # Which columns no row has had so far, of runs with rows.
        self._names: FoundNames | None = None

    @property
    def gaps(self) -> Gaps:
        """What the histories lack so far."""
        found = self._sources.gaps
        return found._replace(
            failed={**found.failed, **self._failed},
            gone=[*found.gone, *self._gone],
            disjoint_runs=self._disjoint_runs,
            origins=self._origins,
            is_exact=True,
        )

    @property
    def selection(self) -> Selection:
        """Which runs they are of."""
        return self._sources.selection

    @property
    def has_runs(self) -> bool:
        """Whether any run has come so far."""
        return self._sources.has_runs

    def snapshot(self) -> Mapping[str, object]:
        """Where the reading stands, for `restore`."""
        return {
            **vars(self),
            "_counter": copy(self._counter),
            "_pending": self._pending.copy(),
            "_failed": self._failed.copy(),
            "_gone": self._gone.copy(),
            "_disjoint_runs": self._disjoint_runs.copy(),
            "_origins": self._origins.copy(),
            "": self._sources.snapshot(),
        }

    def restore(self, snapshot: Mapping[str, object]) -> None:
        """Go back to where the reading stood, after an interrupt that may have come anywhere."""
        vars(self).update({name: value for name, value in snapshot.items() if name})
        self._sources.restore(cast("Mapping[str, object]", snapshot[""]))

    def close(self, *, has_rows: bool) -> Flow[Gaps]:
        """The gaps when all has been read, where a metric may be misspelt.

        Args:
            has_rows: Whether there is any row.
        """
        if self._origins:
            log_origins(self._origins)
        gaps, plan = self.gaps, self._plan.ranges
        if gaps.failed or gaps.disjoint_runs:
            return gaps
        if has_rows:
            place = self.selection["entity"], self.selection["project"]
            found = yield from missing_warning(*place, self._names, plan)
            return gaps._replace(unknown_metrics=found)
        if self._empty is None or plan.keys is None:
            return gaps
        unknown = unknown_metrics(self._empty.history_keys, (plan.x_axis, *plan.keys))
        warning = UnknownMetricWarning(self._empty.run_id, unknown) if unknown else None
        return gaps._replace(unknown_metrics=warning)

    def next_pages(self) -> Flow[list[PageHistories[list[RunRows]]]]:
        """Fetch the rows of the next runs; an empty list at the end.

        What failed is requested again by the next call.
        """
        while not self._pending:
            pages = yield from self._sources.next_pages()
            if not pages:
                return []
            self._pending = [source for page in pages for source in page.content]
        part, width = self._next_part()
        # Runs that have no files are read by operations, of which fewer may be under way at once:
        # one that waits for many others would pass its deadline.
        have_files = sum(bool(source.addresses) for source in part) > len(part) // 2
        lane: Lane = "files" if have_files else "operations"
        # Where the caller keeps all rows, a failure ends the call. Else the part is read again, and
        # runs that were counted already would count twice.
        count = self._count if self._keeps_all else None
        read = yield from gather([self._read(source) for source in part], count, lane, width)
        content: list[RunRows] = []
        for source, rows in zip(part, read, strict=True):
            if isinstance(rows, ExactRows):
                self._note(source, rows.origin, len(rows), columns_in(rows.parts))
                content += ((source.run_id, each) for each in rows.parts)
            elif isinstance(rows, NotFoundError):
                self._gone.append(source.run_id)
            else:
                self._failed[source.run_id] = rows
        self._pending = self._pending[len(part) :]
        if not self._keeps_all:
            self._count(*read)
        return [PageHistories(content, [source.run_id for source in part])]

    def _count(self, *read: ExactRows | WandbRunsError) -> None:
        """Tell the caller's callback of runs that have been read."""
        size = sum(rows.bytes for rows in read if isinstance(rows, ExactRows))
        size += self._sources.bytes - self._listed
        self._listed = self._sources.bytes
        self._counter.add(len(read), size, total=self._sources.total, is_last=False)

    def _next_part(self) -> tuple[list[ExactSource], int]:
        """The runs to read next, and how many of them at once: as many as have few values."""
        columns = _ASSUMED_METRICS if self._plan.columns is None else len(self._plan.columns)
        values = [self._values_of(each, columns) for each in self._pending[:MOST_TOGETHER]]
        width = bisect_right([*accumulate(values[:MOST_RUNS])], MOST_VALUES) or 1
        end = width
        # One run alone has its own requests sent at once, which go in turn beside others.
        if self._keeps_all and width > 1:
            under_way = sum(values[:width])
            while end < len(values):
                under_way += values[end] - values[end - width]
                if under_way > MOST_VALUES:
                    break
                end += 1
        return self._pending[:end], width

    def _values_of(self, source: ExactSource, columns: int) -> int:
        """How many values the rows of a run have, as far as it is known before."""
        return columns * (_ASSUMED_ROWS if source.row_count is None else source.row_count)

    def _read(self, source: ExactSource) -> Flow[ExactRows | WandbRunsError]:
        """Every row of a run, or how reading it failed while the server answers."""
        place = self.selection["entity"], self.selection["project"]
        try:
            return (yield from read_rows_of(place, source, self._plan, self._reading))
        except NotFoundError as error:
            return error
        except UnsupportedByServerError:
            raise  # no other run could be read
        except WandbRunsError as error:
            return (yield from self._kind_of(source.run_id, error))

    def _kind_of(self, run_id: str, error: WandbRunsError) -> Flow[WandbRunsError]:
        """How reading a run failed, as long as the server answers: perhaps the run is gone.

        Raises:
            WandbRunsError: The server does not answer.
        """
        try:
            yield from fetch_source(self.selection["entity"], self.selection["project"], run_id)
        except NotFoundError as gone:
            return gone
        except WandbRunsError:
            raise error from None
        return error

    def _note(
        self, source: ExactSource, origin: Origin, rows: int, present: frozenset[str]
    ) -> None:
        """Note where the rows of a run come from, and which columns they lack."""
        run_id, plan = source.run_id, self._plan.ranges
        self._origins[run_id] = origin
        if not rows and source.row_count != 0:
            self._empty = self._empty or source
        if is_apart(source, plan, present):
            self._disjoint_runs.append(run_id)
        found = found_names(run_id, plan, present) if rows else None
        if found is not None:
            self._names = found if self._names is None else self._names.merged(found)

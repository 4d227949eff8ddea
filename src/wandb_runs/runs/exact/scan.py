# The stubs of pyarrow leave open what its containers hold.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""`ExactScan`: every row of one run, row by row, from its files and from behind them."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Final, cast

from wandb_runs.frames.parquet.footer import STEP, StepRange
from wandb_runs.frames.parquet.select import select_rows
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.scan import HistoryScan
from wandb_runs.runs.exact.file_tables import FileTables
from wandb_runs.runs.exact.origins import log_origins
from wandb_runs.runs.exact.ranges import StaleFileError
from wandb_runs.runs.exact.run_rows import MOST_BEGINNINGS, can_read_files, readable, vain
from wandb_runs.runs.exact.sources import fetch_source

if TYPE_CHECKING:
    import pyarrow as pa

    from wandb_runs.errors import EmptyJoinWarning, UnknownMetricWarning
    from wandb_runs.frames.rows import Row
    from wandb_runs.frames.scan import ScanPlan
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.exact.file_tables import Reading
    from wandb_runs.runs.exact.sources import ExactSource, Origin

__all__ = ["ExactScan"]

_VALUES: Final = 50_000
"""Values that are made objects of Python at once: a few megabytes."""


class ExactScan:
    """A scan of one run's history, and its position: by its files where there are any.

    Its rows are those of `HistoryScan`. What changes meanwhile is read anew, from behind the rows
    that have been given. A shallow copy goes on from where the original stands, which stays as it
    is.

    Args:
        run: Entity, project and id of the run.
        plan: The arguments of the call.
        reading: What files are read with.
    """

    def __init__(self, run: tuple[str, str, str], plan: ScanPlan, reading: Reading) -> None:
        self._run = run
        self._plan = plan
        self._reading = reading
        self._history = plan_histories(
            keys=None if plan.keys is None else list(plan.keys), run_id=False, exact=True
        )
        # Where the rows are; None before it is asked for.
        self._source: ExactSource | None = None
        # What is left of the files; None behind them.
        self._tables: FileTables | None = None
        # Rows of the files that have not been given.
        self._table: pa.Table | None = None
        # The rows behind the files, or all.
        self._by_steps = HistoryScan(*run, plan)
        # The step of the row that was given last, and how many of its rows have been given.
        self._step, self._given = plan.min_step, 0
        # How many rows of that step are still to be skipped, after a new beginning.
        self._skipped = 0
        self._origin: Origin = "step ranges"
        self._is_logged = False

    def take_warning(self) -> UnknownMetricWarning | EmptyJoinWarning | None:
        """Why there may be no row, after the last one; once."""
        return self._by_steps.take_warning()

    def next_rows(self) -> Flow[list[Row] | None]:
        """Fetch the next rows, which may be none; None at the end.

        Raises:
            NotFoundError: No such project or run.
            BadResponseError: The rows cannot be read, also when they are read anew.
        """
        before = vars(self).copy()
        beginnings = 0
        while True:
            beginnings += 1
            self._by_steps = copy(self._by_steps)
            try:
                rows = yield from self._next_rows()
                again = None if rows is None else (yield from self._moved_to())
            except StaleFileError as error:
                reason = str(error)
                again = yield from self._fetch_source()
            else:
                if again is None:
                    return rows
                reason = "rows were written to files while they were read"
            if beginnings == MOST_BEGINNINGS:
                raise vain(again, reason)
            vars(self).update(before)
            self._begin_anew(again)

    def _moved_to(self) -> Flow[ExactSource | None]:
        """Where the rows are, if some that were behind files went into one; else None.

        Rows behind files are given only if none of them went, also where none came.
        """
        if self._tables is not None or self._source is None or not self._source.addresses:
            return None
        again = yield from self._fetch_source()
        return None if again.version == self._source.version else again

    def _fetch_source(self) -> Flow[ExactSource]:
        source = yield from fetch_source(*self._run)
        return source if can_read_files() else source.by_ranges()

    def _next_rows(self) -> Flow[list[Row] | None]:
        """Fetch the next rows, from files that may have become stale."""
        source = self._source
        if source is None:
            source = self._source = yield from self._fetch_source()
            self._by_steps.begin(source.history_keys)
            self._open(source)
        if self._tables is not None:
            rows = yield from self._rows_of_files(source, self._tables)
            if rows is not None:
                return rows
            if source.boundary is None:
                self._by_steps.check_last()
            else:
                self._go_behind(source, source.boundary)
            self._tables = None
        if source.addresses and source.boundary is None:
            self._end()
            return None
        found = yield from self._by_steps.next_rows()
        if found is None:
            self._end()
            return None
        step = self._by_steps.next_step
        if step is not None:
            self._step, self._given = step, 0
        return found

    def _end(self) -> None:
        """Log, once, where the rows came from."""
        if not self._is_logged:
            log_origins({self._run[-1]: self._origin})
            self._is_logged = True

    def _begin_anew(self, source: ExactSource) -> None:
        """Begin behind the rows that have been given."""
        self._by_steps = copy(self._by_steps)
        if self._source is None:
            self._by_steps.begin(source.history_keys)
        else:
            self._by_steps.continue_at(self._step, self._given, source.history_keys)
        self._source = source
        self._table, self._skipped = None, self._given
        self._open(source)

    def _open(self, source: ExactSource) -> None:
        """Begin with the files of a source, where there are any."""
        self._tables = None
        if not source.addresses:
            return
        self._origin = source.origin
        if source.boundary is not None and source.boundary <= self._step:
            self._go_behind(source, source.boundary)
        else:
            keys = None if self._plan.keys is None else (STEP, *self._plan.keys)
            steps = StepRange(self._step, self._plan.max_step)
            self._tables = FileTables(source, keys, steps, self._reading)

    def _go_behind(self, source: ExactSource, boundary: int) -> None:
        """Go on behind the files."""
        if boundary > self._step:
            self._step, self._given = boundary, 0
        self._by_steps.continue_at(self._step, self._given, source.history_keys)

    def _rows_of_files(self, source: ExactSource, tables: FileTables) -> Flow[list[Row] | None]:
        """Take rows of the files, a few at a time; None at the end of these."""
        table = self._table
        while table is None or not table.num_rows:
            tables = self._tables = copy(tables)
            table = yield from tables.next_table()
            if table is None:
                return None
        size = max(1, _VALUES // max(1, table.num_columns))
        part, self._table = table.slice(0, size), table.slice(size)
        steps = cast("list[int]", part.column(STEP).to_pylist())
        already = 0
        while already < len(steps) and self._skipped and steps[already] == self._step:
            already, self._skipped = already + 1, self._skipped - 1
        part, steps = part.slice(already), steps[already:]
        if not steps:
            return []
        last = steps[-1]
        trailing = len(steps) - steps.index(last)
        self._given = trailing + (self._given if last == self._step else 0)
        self._step = last
        return self._select(source, part)

    def _select(self, source: ExactSource, table: pa.Table) -> list[Row]:
        """The rows that hold all keys."""
        with readable(source):
            rows = select_rows(table, self._history).rows()
            left = () if rows else self._by_steps.keys_to_find
            found = {
                key
                for key in left
                if len(select_rows(table, plan_histories(keys=[key], run_id=False)))
            }
        self._by_steps.note_rows(found, has_all=bool(rows))
        return rows

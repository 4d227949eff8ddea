"""Every row of one run, a part at a time, none of which is held on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.frames.parquet.footer import STEP
from wandb_runs.frames.parquet.select import divided_at_last_step, select_columns, select_rows
from wandb_runs.graphql.nested import pick_all
from wandb_runs.runs.exact.file_tables import FileTables
from wandb_runs.runs.exact.missing import columns_in
from wandb_runs.runs.exact.ranges import StaleFileError
from wandb_runs.runs.exact.run_rows import (
    MOST_BEGINNINGS,
    can_read_files,
    ranges_behind_files,
    readable,
    vain,
)
from wandb_runs.runs.exact.sources import fetch_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from wandb_runs.frames.parquet.footer import StepRange
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.range_rows import RangeRows
    from wandb_runs.frames.rows import AnyRows, Row
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.exact.file_tables import Reading
    from wandb_runs.runs.exact.sources import ExactSource, Origin

__all__ = ["RowChoice", "RunStream"]


class RowChoice:
    """Which rows and columns a scan wants.

    Args:
        plan: The arguments of the call, which decide the rows.
        names: Where all rows are wanted, the keys to read, flat or nested.
    """

    __slots__ = ("_names", "plan")

    def __init__(self, plan: HistoryPlan, names: Sequence[str]) -> None:
        self.plan: HistoryPlan = plan
        self._names = tuple(dict.fromkeys((STEP, *names)))

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys that are read: also those that decide the rows alone."""
        columns = self.plan.columns
        return self._names if columns is None else tuple(dict.fromkeys((STEP, *columns)))

    def of_table(self, table: pa.Table) -> AnyRows:
        """Of the rows of a file.

        Raises:
            ValueError: A column holds what JSON cannot stand for.
        """
        if self.plan.keys is None:
            return select_columns(table, self._names)
        return select_rows(table, self.plan)

    def of_rows(self, rows: list[Row]) -> list[Row]:
        """Of the rows of a range of steps."""
        if self.plan.keys is None:
            return [pick_all(row, self._names) for row in rows]
        return rows


class RunStream:
    """The rows of one run that a scan wants, a part at a time, in the order of their steps.

    What changes meanwhile is read anew from where it stands: the rows of a step are handed on
    together, and those that are in no file when it is certain that they are in none.

    Args:
        place: The entity and the project.
        source: Where the rows are.
        choice: Which rows and columns.
        reading: What files are read with.
        steps: The steps.
        most: How many rows a request for ranges of steps asks for at most.

    Attributes:
        source: Where the rows are, as it was told last.
        is_done: Whether all rows have been handed on.
        rows: How many have.
        names: The columns of which one has a value.
    """

    __slots__ = (
        "_choice",
        "_held",
        "_live",
        "_most",
        "_place",
        "_ranges",
        "_reading",
        "_steps",
        "_tables",
        "_vain",
        "is_done",
        "names",
        "rows",
        "source",
    )

    def __init__(
        self,
        place: tuple[str, str],
        source: ExactSource,
        choice: RowChoice,
        reading: Reading,
        steps: StepRange,
        most: int | None = None,
    ) -> None:
        self.is_done: bool = False
        self.rows: int = 0
        self.names: frozenset[str] = frozenset()
        self._place = place
        self._choice = choice
        self._reading = reading
        self._steps = steps
        self._most = most
        self._vain = 0
        self._begin(source)

    @property
    def origin(self) -> Origin:
        """Where the rows come from."""
        return self.source.origin

    def next_rows(self) -> Flow[list[AnyRows]]:
        """Fetch the next rows, which may be none; it is done with the last ones.

        Raises:
            NotFoundError: The run is gone.
            BadResponseError: The rows cannot be read, also when they are read anew.
        """
        while True:
            try:
                if self._tables is not None:
                    parts = yield from self._next_of_files(self._tables)
                else:
                    parts = yield from self._next_behind()
            except StaleFileError as error:
                self._count_vain(str(error))
                self._begin((yield from fetch_source(*self._place, self.source.run_id)))
                continue
            if parts is not None:
                break
        self._note(parts)
        return [part for part in parts if len(part)]

    def _begin(self, source: ExactSource) -> None:
        """Read from the first step that is left."""
        self.source: ExactSource = source if can_read_files() else source.by_ranges()
        source = self.source
        # The rows of the last step that was read, of which there may be more.
        self._held: list[pa.Table] = []
        # The rows behind the files, until it is certain that they are in none.
        self._live: list[AnyRows] = []
        self._tables: FileTables | None = None
        if source.addresses and (source.boundary is None or self._steps.first < source.boundary):
            self._tables = FileTables(source, self._choice.columns, self._steps, self._reading)
        self._ranges: RangeRows = ranges_behind_files(
            self._place, source, self._choice.plan, self._steps, self._most
        )

    def _next_of_files(self, tables: FileTables) -> Flow[list[AnyRows] | None]:
        """The rows of the next row groups, but for those of the last step, which may have more."""
        table = yield from tables.next_table()
        whole: list[pa.Table] = []
        if table is not None and len(table):
            before, last, step = divided_at_last_step(table)
            if len(before) or step > self._steps.first:
                whole, self._held = [*self._held, before], []
            self._held.append(last)
            self._steps = self._steps._replace(first=step)
        if tables.is_read:
            whole, self._held = [*whole, *self._held], []
            self._end_files()
        with readable(self.source):
            return [self._choice.of_table(each) for each in whole if len(each)]

    def _end_files(self) -> None:
        """Go on behind the files."""
        boundary, stop = self.source.boundary, self._steps.stop
        self._tables = None
        if boundary is None:
            self.is_done = True
            return
        self._steps = self._steps._replace(first=max(self._steps.first, boundary))
        self.is_done = stop is not None and stop <= boundary

    def _next_behind(self) -> Flow[list[AnyRows] | None]:
        """The rows of the next range; those behind files all at once, None if it begins anew."""
        rows = yield from self._ranges.next_rows()
        part: AnyRows = self._choice.of_rows(rows or [])
        if self.origin != "files and live rows":
            self.is_done = rows is None or self._ranges.is_read
            return [part]
        if rows is not None:
            self._live.append(part)
            return []
        again = yield from fetch_source(*self._place, self.source.run_id)
        if again.version != self.source.version:
            self._count_vain("rows were written to files while they were read")
            self._begin(again)
            return None
        self.is_done = True
        live, self._live = self._live, []
        return live

    def _count_vain(self, reason: str) -> None:
        self._vain += 1
        if self._vain == MOST_BEGINNINGS:
            raise vain(self.source, reason)

    def _note(self, parts: list[AnyRows]) -> None:
        rows = sum(map(len, parts))
        if not rows:
            return
        self._vain = 0
        self.rows += rows
        self.names |= columns_in(parts)

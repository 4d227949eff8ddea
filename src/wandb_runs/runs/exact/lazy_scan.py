"""`LazyScan`: what polars calls for the schema and the rows of a lazy frame."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from wandb_runs.errors import SchemaError
from wandb_runs.errors.suggest import name_runs
from wandb_runs.frames.plan import RUN_ID
from wandb_runs.frames.pruning import prune

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    import polars as pl
    import pyarrow as pa

    from wandb_runs.frames.histories import Gaps
    from wandb_runs.frames.lazy import LazyColumns
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.pruning import Pruning
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.exact.streamed_pages import StreamedPages

__all__ = ["LazyPlan", "LazyScan", "RunFlow", "ScanFlows"]

T = TypeVar("T")

_log = logging.getLogger("wandb_runs")


class RunFlow(Protocol):
    """Runs a flow to its end, in the thread that calls."""

    def __call__(self, flow: Flow[T], /) -> T:
        """Run a flow."""
        ...


class LazyPlan(NamedTuple):
    """Arguments of a lazy frame.

    Attributes:
        histories: The arguments of the `histories` whose rows it has.
        schema: Dtypes by the name of a column; None where the caller gave none.
    """

    histories: HistoryPlan
    schema: Mapping[str, object] | None


class ScanFlows(NamedTuple):
    """How a listing reads the rows of a lazy frame.

    Attributes:
        fetch_columns: Finds out the columns, and those dtypes that the caller did not give.
        open_pages: Begins to read rows: of which columns, runs and steps, and how many.
        close_pages: Finds out what the rows lack when all have been read.
        finish: Reports that.
    """

    fetch_columns: Callable[[LazyPlan], Flow[LazyColumns]]
    open_pages: Callable[[LazyPlan, LazyColumns, Pruning, int | None], Flow[StreamedPages]]
    close_pages: Callable[[StreamedPages, Pruning, bool], Flow[Gaps]]
    finish: Callable[[Gaps], object]


@contextmanager
def _told_if_left(pages: StreamedPages) -> Generator[None]:
    """Log the runs that could not be read where polars leaves before the end: it has enough."""
    try:
        yield
    except GeneratorExit:
        failed = pages.gaps.failed
        if failed:
            first = next(iter(failed.values())).message
            _log.warning("the histories of %s could not be had: %s", name_runs([*failed]), first)
        raise


class LazyScan:
    """The source of a lazy frame; nothing is sent before it is called.

    Args:
        plan: The arguments of the frame.
        flows: How its rows are read.
        run: Runs flows in the thread in which polars wants rows.
        list_to: Lists the runs, where that has to come before; else None.
        check: Refuses a thread in which these cannot run; where there is one, else None.
    """

    def __init__(
        self,
        plan: LazyPlan,
        flows: ScanFlows,
        run: RunFlow,
        list_to: Callable[[None], object] | None,
        check: Callable[[], None] | None,
    ) -> None:
        self._plan = plan
        self._check = check
        self._flows = flows
        self._run = run
        self._list_to = list_to
        self._columns: LazyColumns | None = None

    def frame(self) -> pl.LazyFrame:
        """The lazy frame."""
        from polars.io.plugins import (  # noqa: PLC0415 - an optional library, and a slow import
            register_io_source,
        )

        return register_io_source(self.frames, schema=self.schema)

    def schema(self) -> pl.Schema:
        """The schema of all columns; asked for once.

        polars calls it in the thread that collects, before each reading.
        """
        if self._check is not None:
            self._check()
        return self._all_columns().schema

    def dtypes(self) -> Mapping[str, object]:
        """The dtypes of all columns, by name, `"json"` for the JSON of values."""
        return self._all_columns().dtypes

    def _all_columns(self) -> LazyColumns:
        if self._columns is None:
            self._list()
            self._columns = self._run(self._flows.fetch_columns(self._plan))
        return self._columns

    def _list(self) -> None:
        if self._list_to is not None:
            self._list_to(None)

    def frames(
        self,
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        """The rows, a few at a time, as polars asks for them.

        Args:
            with_columns: The columns to return; None for all.
            predicate: Which rows.
            n_rows: How many of them, from the first on; None for all.
            batch_size: How many rows a frame is to have at most; None for any number.
        """
        columns = self._all_columns()
        returned = [*columns.dtypes] if with_columns is None else with_columns
        needed = [] if predicate is None else predicate.meta.root_names()
        pruning = prune(predicate, columns.schema[RUN_ID])
        most_rows = n_rows if predicate is None else None
        read = columns.of((*returned, *needed))
        run, flows = self._run, self._flows
        self._list()
        pages = run(flows.open_pages(self._plan, read, pruning, most_rows))
        has_rows, left = False, n_rows
        with _told_if_left(pages):
            while left is None or left > 0:
                content = [each for page in run(pages.next_pages()) for each in page.content]
                if not content:
                    flows.finish(run(flows.close_pages(pages, pruning, has_rows)))
                    return
                has_rows = True
                frame = read.frame(content)
                if predicate is not None:
                    frame = frame.filter(predicate)
                frame = frame[:, returned]  # select reads `*` and `^x$` as patterns
                if left is not None:
                    frame = frame.head(left)
                    left -= frame.height
                yield from frame.iter_slices(batch_size or max(1, frame.height))
            flows.finish(pages.gaps)

    def batches(self) -> Generator[pa.RecordBatch]:
        """All rows as batches of Arrow."""
        for frame in self.frames(None, None, None, None):
            yield from frame.to_arrow().to_batches()

    def reader(self) -> pa.RecordBatchReader:
        """The rows as a stream of Arrow.

        Raises:
            SchemaError: A column has a name that Arrow cannot have.
        """
        import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import

        for name in self.schema():
            if "\0" in name:  # polars panics
                raise SchemaError(
                    f"column {name!r}: Arrow takes no NUL in a name; pass keys= without this "
                    "metric",
                    column=name,
                    run_ids=[],
                )
        schema = self.schema().to_frame().to_arrow().schema
        return pa.RecordBatchReader.from_batches(schema, self.batches())

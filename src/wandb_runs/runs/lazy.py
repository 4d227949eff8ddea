"""`LazyRuns`: every row of all runs of a listing, as polars and others ask for them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from wandb_runs.runs.exact.lazy_base import check_arrow
from wandb_runs.runs.runs_base import RunsBase, RunT_co
from wandb_runs.runs.sweep import Sweeps
from wandb_runs.transport import RetryingClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from wandb_runs.frames.polars_types import LazyFrame
    from wandb_runs.frames.schema import PolarsSchema
    from wandb_runs.runs.exact.lazy_scan import LazyScan

__all__ = ["LazyRuns", "history_dtypes"]

K = TypeVar("K", bound=str)


class LazyRuns(RunsBase[RetryingClient, Sweeps, RunT_co]):
    """What `Runs` gives to polars, DuckDB and others that read a part at a time."""

    @abstractmethod
    def _list_to(self, count: int | None, *, goes_on: bool = False) -> list[RunT_co]:
        """List so many runs, or all for None."""

    def scan_histories(
        self, keys: list[K] | tuple[K, ...] | None = None, *, schema: PolarsSchema | None = None
    ) -> LazyFrame:
        """Every row of all runs as a lazy frame, which reads what a query needs of it.

        Nothing is sent before the frame is collected, or its schema is asked for. The rows are
        those of `histories(exact=True)` with the same `keys`. Which columns a query selects decides
        which are returned, and never which rows: `keys` that are not selected are read, too. What
        a filter says of `run_id` and `_step`, by comparisons, `is_in` and `is_between`, decides
        which runs and which parts of files are read; `head` ends the reading early. The streaming
        engine, `collect(engine="streaming")` and `sink_parquet`, holds a few parts of a few runs.

        Args:
            keys: The metrics to read: the rows that hold all of them. None for every row, with the
                metrics that any run has, each that is nested under a name of its own,
                `train.loss`, and null where a row has none.
            schema: Dtypes of columns, by name, as of `iter_histories`: `{"loss": polars.Float64}`,
                or `"json"` for text that is the JSON of each value. Without `keys`, it also says
                which columns there are, beside `_step` and `run_id`. For metrics that it does not
                name, W&B's `historyKeys` tells the types when the schema is first needed: those of
                one page of runs, or of all runs without `keys`. Numbers are Float64, what is nested
                or of several kinds is JSON text.

        Returns:
            A `polars.LazyFrame` with the columns `_step`, keys (else all metrics, by name) and
            `run_id`. It may be collected any number of times, each of which reads anew.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: polars is not installed; nothing was sent. Without pyarrow, in
                the extra `exact`, rows are read by ranges of steps.
            SchemaError: A value does not fit the schema: text where one page of runs has numbers,
                integers that a float would round; when collected, as all that follow.
            NotFoundError: No such project, or the key may not see it.
            HistoriesError: The histories of some runs could not be had; it carries no rows.
            polars.exceptions.ComputeError: One of these, where polars does not pass it on: while
                the schema is asked for, and in versions before 2. Its text has the message.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            EmptyJoinWarning: Runs have rows of each key and none of all; not of a part of the
                steps.
            UnknownMetricWarning: No run has a row, and perhaps a key is misspelt.
            DriftWarning: The runs changed meanwhile, and not all is corrected.

        >>> import polars as pl
        >>> lazy = runs.scan_histories(["loss", "accuracy"])
        >>> late = lazy.filter(pl.col("_step") >= 5).group_by("run_id").agg(pl.col("loss").min())
        >>> late.collect().columns
        ['run_id', 'loss']
        """
        return self._scan(keys, schema).frame()

    def arrow_batches(
        self, keys: list[K] | tuple[K, ...] | None = None, *, schema: PolarsSchema | None = None
    ) -> pa.RecordBatchReader:
        """Every row of all runs as a stream of Arrow: for DuckDB, pyarrow and what else reads one.

        The schema is asked for at once, unless `schema` has all of it; rows are read as batches
        are taken. Closing the reader, or dropping it, ends the reading.

        Args:
            keys: The metrics to read, as for `scan_histories`.
            schema: Dtypes of columns, by name, likewise.

        Returns:
            A `pyarrow.RecordBatchReader`, whose batches have the columns and dtypes of
            `scan_histories`, as Arrow has them.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: polars or pyarrow is not installed; nothing was sent.
            SchemaError: A value does not fit the schema; when its batch is taken.
            NotFoundError: No such project, or the key may not see it.
            HistoriesError: The histories of some runs could not be had; after the last batch.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        >>> reader = runs.arrow_batches(["loss"])
        >>> reader.schema.names, reader.read_all().num_rows > 0
        (['_step', 'loss', 'run_id'], True)
        """
        check_arrow()
        return self._scan(keys, schema).reader()

    def _scan(self, keys: list[K] | tuple[K, ...] | None, schema: PolarsSchema | None) -> LazyScan:
        return self._new_scan(keys, schema, self._client.run, self._list_to)


def history_dtypes(runs: LazyRuns[RunT_co], keys: list[K]) -> Mapping[str, object]:
    """The dtypes of metrics, as `scan_histories` has them: of polars, or `"json"`.

    Args:
        runs: The runs, of which those of one page tell.
        keys: The metrics.
    """
    return runs._scan(keys, None).dtypes()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - of this file's class

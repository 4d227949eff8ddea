"""Histories and tables of runs as frames of Dask; needs `wandb-runs[dask]`.

The listing is read anew, for the ids of its runs, when a frame is made. Each partition is some of
these runs, `runs.with_ids(ids)`, which a worker reads with the key of its own environment; a graph
holds none.
"""

from __future__ import annotations

from copy import copy
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from uuid import uuid4

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.extras import needs_extra
from wandb_runs.exports.dask_parts import (
    HistoriesPart,
    TablePart,
    check_columns,
    history_dtypes_of,
    table_columns_of,
)
from wandb_runs.frames.plan import SAMPLES, check_on_error, plan_histories
from wandb_runs.frames.schema import check_schema
from wandb_runs.query.location import check_ids
from wandb_runs.runs.runs import Runs
from wandb_runs.transport.options import check_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dask.dataframe as dd

    from wandb_runs.exports.dask_parts import Keys, Part
    from wandb_runs.frames.plan import Join, OnError

__all__ = ["histories", "table"]

K = TypeVar("K", bound=str)
A = TypeVar("A", bound=str)
C = TypeVar("C", bound=str)
S = TypeVar("S", bound=str)

_MOST_RUNS: Final = 10_000
"""The most runs of a partition: their ids travel with each request."""


def histories(
    runs: Runs[object, object],
    keys: list[K] | tuple[K, ...],
    *,
    runs_per_part: int = 100,
    exact: bool = False,
    samples: int = SAMPLES,
    x_axis: str = "_step",
    join: Join = "inner",
    on_error: OnError = "raise",
    schema: Mapping[str, str] | None = None,
) -> dd.DataFrame:
    """The histories of all runs as a frame of Dask, a partition for each so many runs.

    Now the ids of the runs are listed, and the types of the keys asked for where `schema` does not
    have them: those of the first hundred runs. Rows are read when the frame is computed, each
    partition by the requests of `Runs.histories` for its runs. A partition that is computed again
    has the same runs: rows that they have logged meanwhile are new, and one that was deleted has
    none.

    Where the runs' `Api` has `requests_per_second=`, the processes that compute share it: each
    partition keeps to that number divided by the threads of the current `distributed.Client`'s
    workers, as they are now; without one, by `num_workers` of dask's configuration, else by the
    processors of this machine. In the process that made the frame, all threads keep to one pace,
    undivided.

    Args:
        runs: The listing. A limited one, or one that continues at a checkpoint, has those runs.
        keys: The metrics to read.
        runs_per_part: How many runs a partition has, from 1 to 10,000.
        exact: Whether to read every row, in place of a sample.
        samples: The most rows for each run, as for `Runs.histories`.
        x_axis: The metric that comes first in each row.
        join: `"inner"` for the rows that hold all keys; `"outer"` for all rows of each, merged.
        on_error: What becomes of runs whose history cannot be had: `"raise"` an error, or
            `"skip"` them, with a warning in the log of the worker.
        schema: Dtypes of columns by name, in pandas' spelling, or `"json"` for text that is the
            JSON of each value, as for `iter_histories`.

    Returns:
        A `dask.dataframe.DataFrame` with the columns x axis, keys and `run_id`, in the order of
        runs, with the same dtypes in every partition: `_step` is int64, numbers are float64,
        booleans boolean, text string, and what is nested or of several kinds the JSON of it, as
        string. Its divisions are not known.

    Raises:
        InvalidArgumentError: An argument that cannot be right; nothing was sent.
        MissingDependencyError: Dask, pandas or polars is not installed; nothing was sent.
        NotFoundError: No such project, or the key may not see it.
        SchemaError: A value does not fit its column's dtype; when computed, as what follows.
        HistoriesError: The histories of some runs of a partition could not be had.

    Warns:
        UnknownKeyWarning: The filter or the order names what no run has. Warnings of single
            partitions are given where they are computed.

    >>> from wandb_runs.exports import dask
    >>> rows = dask.histories(runs, ["loss"], runs_per_part=10)
    >>> rows.npartitions == -(-len(runs) // 10), [*rows.columns]
    (True, ['_step', 'loss', 'run_id'])
    >>> best = rows.groupby("run_id")["loss"].min().compute(scheduler="threads")
    >>> len(best) > 10
    True
    """
    _check(runs, runs_per_part)
    if keys is None:  # pyright: ignore[reportUnnecessaryComparison] - callers without a checker
        raise InvalidArgumentError(
            "keys names the metrics to read: a frame of Dask has its columns before any row is read"
        )
    plan = plan_histories(samples, keys, x_axis, join=join, exact=exact)
    check_on_error(on_error)
    _check_installed("wandb_runs.exports.dask.histories")
    given = check_schema(schema, plan, "pandas") or {}
    runs = copy(runs)  # what has been read of it is not what there is now
    ids = _ids_of(runs)
    dtypes = history_dtypes_of(runs, ids, plan, given)
    part = HistoriesPart(runs, plan, on_error, dtypes, _at_once(), uuid4().hex)
    return _frame(part, ids, runs_per_part)


def table(
    runs: Runs[object, object],
    *,
    runs_per_part: int = 1000,
    attributes: bool | list[A] | tuple[A, ...] = True,
    config: bool | list[C] | tuple[C, ...] = True,
    summary: bool | list[S] | tuple[S, ...] = True,
    schema: Mapping[str, str] | None = None,
) -> dd.DataFrame:
    """The table of all runs as a frame of Dask, a partition for each so many runs.

    Now the ids of the runs are listed. Without `schema`, up to 1,000 runs that are evenly spread
    over the listing are read as well, which decide the columns and their dtypes. The rest is as
    for `histories`.

    Args:
        runs: The listing.
        runs_per_part: How many runs a partition has, from 1 to 10,000.
        attributes: True for those of `Runs.table`, the names of some, or False.
        config: True for all keys, the names of some, or False.
        summary: True for all keys, the names of some, or False.
        schema: Dtypes of the columns of configs and summaries, by name, `{"config.lr":
            "float64"}`, in pandas' spelling, or `"json"` for text that is the JSON of each value.
            It says which of these columns there are, in order; what it does not name is left out.

    Returns:
        A `dask.dataframe.DataFrame` with a row for each run, in the order of runs, and the columns
        of `Runs.table`, with the same dtypes in every partition: texts, and `tags` as JSON, are
        string, instants datetime64[us, UTC], `read_only` boolean and `history_line_count` Int64.
        Of configs and summaries numbers are float64, booleans boolean, text string, and all else
        the JSON of it, as string.

    Raises:
        InvalidArgumentError: An argument that cannot be right; nothing was sent.
        MissingDependencyError: Dask or pandas is not installed; nothing was sent.
        NotFoundError: No such project, or the key may not see it.
        SchemaError: A value does not fit its column's dtype, or a run has a key that none of those
            had which decided the columns; when computed.

    Warns:
        HiddenValueWarning: A run has two values for one column; where it is computed.
        DriftWarning: The runs changed while they were listed, and not all is corrected.

    >>> from wandb_runs.exports import dask
    >>> best = dask.table(runs, runs_per_part=20, config=["optimizer"], summary=["accuracy"])
    >>> best.groupby("config.optimizer")["summary.accuracy"].max().compute(scheduler="threads")
    config.optimizer
    adam    1.0
    sgd     1.0
    Name: summary.accuracy, dtype: float64
    """
    _check(runs, runs_per_part)
    _check_installed("wandb_runs.exports.dask.table")
    dtypes = check_columns(schema)
    # Of no runs: it checks the arguments, and sends nothing.
    runs.with_ids([]).table(attributes=attributes, config=config, summary=summary)
    runs = copy(runs)  # what has been read of it is not what there is now
    ids = _ids_of(runs)
    asked_config, asked_summary = cast("Keys", config), cast("Keys", summary)
    columns = table_columns_of(
        runs,
        ids,
        attributes=cast("Keys", attributes),
        config=asked_config,
        summary=asked_summary,
        schema=dtypes,
    )
    part = TablePart(runs, columns, asked_config, asked_summary, _at_once(), uuid4().hex)
    return _frame(part, ids, runs_per_part)


def _check(runs: object, runs_per_part: object) -> None:
    if not isinstance(runs, Runs):
        raise InvalidArgumentError(
            "runs must be a wandb_runs.Runs, as api.runs(...) returns it, got "
            f"{type(runs).__name__}"
        )
    check_count("runs_per_part", runs_per_part, least=1, most=_MOST_RUNS)


def _check_installed(by: str) -> None:
    with needs_extra("dask", by):
        import_module("dask.dataframe")  # which needs pandas


def _ids_of(runs: Runs[object, object]) -> tuple[str, ...]:
    listed = runs.table(attributes=["id"], config=False, summary=False)
    return check_ids([row["id"] for row in listed])


def _frame(part: Part, ids: tuple[str, ...], runs_per_part: int) -> dd.DataFrame:
    frames: Any = import_module("dask.dataframe")  # an optional library, and a slow import
    # Of no runs there is one, without a row.
    starts = range(0, max(1, len(ids)), runs_per_part)
    parts = [ids[start : start + runs_per_part] for start in starts]
    frame: dd.DataFrame = frames.from_map(part, parts, meta=part.meta(), label=part.label)
    return frame


def _at_once() -> int:
    """How many partitions are computed at once, each by a process or a thread of its own."""
    config: Any = import_module("dask.config")
    processors: int = import_module("dask.system").CPU_COUNT
    try:
        client: Any = import_module("distributed").get_client()
    except (ImportError, ValueError):  # there is none
        return max(1, int(config.get("num_workers", None) or processors))
    # An awaited client is not asked here.
    return processors if client.asynchronous else max(1, sum(client.nthreads().values()))

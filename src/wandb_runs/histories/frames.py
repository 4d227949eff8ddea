"""Rows of all runs as a list of dicts, a `pandas.DataFrame` or a `polars.DataFrame`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal, overload

from wandb_runs.errors import MissingDependencyError
from wandb_runs.histories.columns import Kind, Table, tabulate
from wandb_runs.histories.plan import RUN_ID
from wandb_runs.histories.text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    import polars as pl

    from wandb_runs.histories.plan import Format, HistoryPlan
    from wandb_runs.histories.rows import Row

__all__ = ["build", "check_installed"]


def check_installed(to: Format) -> None:
    """Make sure that a format's library is there, before any request is spent.

    Raises:
        MissingDependencyError: It is not; the message holds the pip command.
    """
    if to != "default":
        try:
            import_module(to)
        except ImportError as error:
            raise MissingDependencyError(
                f"format {to!r} needs the library {to}, which cannot be imported here; "
                f"install it: pip install 'wandb-runs[{to}]'"
            ) from error


@overload
def build(
    blocks: Iterable[tuple[str, list[Row]]],
    plan: HistoryPlan,
    *,
    to: Literal["default"],
    run_id: bool = True,
) -> list[Row]: ...


@overload
def build(
    blocks: Iterable[tuple[str, list[Row]]],
    plan: HistoryPlan,
    *,
    to: Literal["pandas"],
    run_id: bool = True,
) -> pd.DataFrame: ...


@overload
def build(
    blocks: Iterable[tuple[str, list[Row]]],
    plan: HistoryPlan,
    *,
    to: Literal["polars"],
    run_id: bool = True,
) -> pl.DataFrame: ...


@overload
def build(
    blocks: Iterable[tuple[str, list[Row]]],
    plan: HistoryPlan,
    *,
    to: Format,
    run_id: bool = True,
) -> list[Row] | pd.DataFrame | pl.DataFrame: ...


def build(
    blocks: Iterable[tuple[str, list[Row]]],
    plan: HistoryPlan,
    *,
    to: Format,
    run_id: bool = True,
) -> list[Row] | pd.DataFrame | pl.DataFrame:
    """Build what `histories` returns.

    Columns are the x axis, then the keys as asked (all other metrics by name when none were),
    then `run_id`. What the values of a column are follows from all rows of all runs:

    ===========================  ==========  =====================  ===============
    values                       polars      pandas                 list
    ===========================  ==========  =====================  ===============
    integers of 64 bits          `Int64`     `int64`, or `Int64`    `int`
                                             when some are missing
    integers and floats          `Float64`   `float64`              `int`, `float`
    booleans                     `Boolean`   `bool`, or `boolean`   `bool`
                                             when some are missing
    strings                      `String`    `string`               `str`
    mixed, nested, larger        `String`    `object`               as they came
    integers                     of JSON
    ===========================  ==========  =====================  ===============

    `"NaN"`, `"Infinity"` and `"-Infinity"` are floats in a column of numbers, also when it has
    nothing else, and strings in any other; so are the numbers that they stand for.
    An integer past 2**53 beside floats is rounded in a frame, and exact in the list.

    A missing value is null in polars, NaN or `<NA>` in pandas, and no entry in a dict. A
    `float64` column of pandas holds NaN for a value that is missing and for one that is NaN;
    polars keeps them apart.

    A metric named `run_id` comes as `run_id_`, or with more underscores when that is taken.
    Half a surrogate pair in the name of a metric, which no frame takes, comes as its escape.

    Args:
        blocks: Each run's id and rows, in the order of runs. A run without rows adds nothing.
        plan: What was asked.
        to: The format.
        run_id: Whether rows get their run's id. Without it, a metric `run_id` keeps its name.

    Returns:
        The list or frame. A frame without rows keeps its columns: `Int64` for `_step` as x axis,
        else `Float64`, and `String` for `run_id`. The same dtypes are those of a key that no run
        has.

    Raises:
        MissingDependencyError: The format's library is not installed.

    >>> from wandb_runs.histories import plan_histories
    >>> blocks = [("a", [{"_step": 0, "loss": "NaN"}]), ("b", [{"_step": 0, "loss": 1}])]
    >>> build(blocks, plan_histories(keys=["loss"]), to="default")
    [{'_step': 0, 'loss': nan, 'run_id': 'a'}, {'_step': 0, 'loss': 1, 'run_id': 'b'}]
    >>> build(blocks, plan_histories(keys=["loss"]), to="polars").dtypes
    [Int64, Float64, String]
    """
    check_installed(to)
    table = tabulate(blocks, plan, run_id=run_id)
    if to == "default":
        return _to_list(table, run_id=run_id)
    if to == "pandas":
        return _to_pandas(table, run_id=run_id)
    return _to_polars(table, run_id=run_id)


def _to_list(table: Table, *, run_id: bool) -> list[Row]:
    if run_id:
        rows = [{**row, RUN_ID: name} for row, name in zip(table.rows, table.run_ids, strict=True)]
    else:
        rows = [row.copy() for row in table.rows]
    for name, column in table.columns.items():
        if column.changed:
            holders = (row for row in rows if name in row)
            for row, value in zip(holders, column.values, strict=True):
                row[name] = value
    return rows


def _to_pandas(table: Table, *, run_id: bool) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    whole = {
        Kind.INTEGER: "int64",
        Kind.FLOAT: "float64",
        Kind.BOOLEAN: "bool",
        Kind.STRING: "string",
        Kind.JSON: "object",
    }
    with_missing = {**whole, Kind.INTEGER: "Int64", Kind.BOOLEAN: "boolean"}
    series: dict[str, pd.Series] = {}
    for name, column in table.columns.items():
        values: Sequence[object] = table.aligned(name)
        if len(column.values) == len(table.rows):
            dtypes = whole
        else:
            dtypes = with_missing
            if column.kind is Kind.JSON:  # elsewhere the dtype makes None its own missing value
                values = [pd.NA if value is None else value for value in values]
        series[name] = pd.Series(values, dtype=dtypes[column.kind])
    if run_id:
        series[RUN_ID] = pd.Series(table.run_ids, dtype="string")
    return pd.DataFrame(series)


def _to_polars(table: Table, *, run_id: bool) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    dtypes = {
        Kind.INTEGER: pl.Int64,
        Kind.FLOAT: pl.Float64,
        Kind.BOOLEAN: pl.Boolean,
        Kind.STRING: pl.String,
        Kind.JSON: pl.String,
    }
    series: dict[str, pl.Series] = {}  # from a list, polars would rename the metric ""
    for name, column in table.columns.items():
        values = table.aligned(name)
        if column.kind is Kind.JSON:
            values = [None if value is None else json_text(value) for value in values]
        series[name] = pl.Series(values, dtype=dtypes[column.kind])
    if run_id:
        series[RUN_ID] = pl.Series(table.run_ids, dtype=pl.String)
    return pl.DataFrame(series)

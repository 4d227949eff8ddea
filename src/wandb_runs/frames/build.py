"""Rows of all runs as a list of dicts, a `pandas.DataFrame` or a `polars.DataFrame`."""

from __future__ import annotations

from array import array
from importlib import import_module
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, overload

from wandb_runs.errors import MissingDependencyError
from wandb_runs.frames.columns import Kind, Table, renamed, settle
from wandb_runs.frames.plan import RUN_ID
from wandb_runs.frames.rows import are_finite
from wandb_runs.frames.text import json_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import polars as pl
    from pandas.api.extensions import ExtensionArray

    from wandb_runs.frames.columns import Column
    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.rows import Row

    NumPyArray: TypeAlias = npt.NDArray[np.int64 | np.float64]

__all__ = ["Builder", "build", "check_installed"]

_MOST_BLOCKS: Final = 50
"""Columns that may lie apart in memory, without a copy; pandas warns users of frames of 100."""


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
    texts: Collection[str] = frozenset(),
) -> pd.DataFrame: ...


@overload
def build(
    blocks: Iterable[tuple[str, list[Row]]],
    plan: HistoryPlan,
    *,
    to: Literal["polars"],
    run_id: bool = True,
    texts: Collection[str] = frozenset(),
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
    texts: Collection[str] = frozenset(),
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
    Half a surrogate pair in the name of a metric or the id of a run, which no frame takes, comes as
    its escape.

    Args:
        blocks: Each run's id and rows, in the order of runs. A run without rows adds nothing.
            The rows are given away: the list is made of them, and not of copies. A frame needs
            each block no longer than until the next is taken.
        plan: What was asked.
        to: The format.
        run_id: Whether rows get their run's id. Without it, a metric `run_id` keeps its name.
        texts: Columns of a frame that hold text, each value by itself: strings as they are, and
            all others as JSON.

    Returns:
        The list or frame. A frame without rows keeps its columns: `Int64` for `_step` as x axis,
        else `Float64`, and `String` for `run_id`. The same dtypes are those of a key that no run
        has.

    Raises:
        MissingDependencyError: The format's library is not installed.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> blocks = [("a", [{"_step": 0, "loss": "NaN"}]), ("b", [{"_step": 0, "loss": 1}])]
    >>> build(blocks, plan_histories(keys=["loss"]), to="default")
    [{'_step': 0, 'loss': nan, 'run_id': 'a'}, {'_step': 0, 'loss': 1, 'run_id': 'b'}]
    >>> build(blocks, plan_histories(keys=["loss"]), to="polars").dtypes
    [Int64, Float64, String]
    """
    builder = Builder(plan, to=to, run_id=run_id, texts=texts)
    for name, rows in blocks:
        builder.add(name, rows)
    return builder.build()


class Builder:
    """Builds what `build` builds, a run at a time.

    Whoever drops the rows that were added needs much less memory for a frame: of each run only
    the columns are kept.

    Args:
        plan: What was asked.
        to: The format.
        run_id: Whether rows get their run's id.
        texts: Columns of a frame that hold text, as for `build`.

    Raises:
        MissingDependencyError: The format's library is not installed.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> builder = Builder(plan_histories(keys=["loss"]), to="default")
    >>> builder.add("a", [{"_step": 0, "loss": 0.5}])
    >>> builder.build()
    [{'_step': 0, 'loss': 0.5, 'run_id': 'a'}]
    """

    __slots__ = ("_into", "_run_id", "_to")

    def __init__(
        self,
        plan: HistoryPlan,
        *,
        to: Format,
        run_id: bool = True,
        texts: Collection[str] = frozenset(),
    ) -> None:
        check_installed(to)
        self._to = to
        self._run_id = run_id
        self._into = (
            _Rows(plan, run_id=run_id)
            if to == "default"
            else Table(plan, run_id=run_id, texts=texts)
        )

    def add(self, run_id: str, rows: list[Row]) -> None:
        """Add the rows of one run, which are given away."""
        self._into.add(run_id, rows)

    def build(self) -> list[Row] | pd.DataFrame | pl.DataFrame:
        """Return the list or frame; the builder is spent."""
        if isinstance(self._into, _Rows):
            return self._into.build()
        if self._to == "pandas":
            return _to_pandas(self._into, run_id=self._run_id)
        return _to_polars(self._into, run_id=self._run_id)


class _Rows:
    """The rows of all runs, kept as they are."""

    __slots__ = ("_lengths", "_plan", "_rows", "_run_id")

    def __init__(self, plan: HistoryPlan, *, run_id: bool) -> None:
        self._plan = plan
        self._run_id = run_id
        self._rows: list[Row] = []
        self._lengths: list[tuple[str, int]] = []

    def add(self, run_id: str, rows: list[Row]) -> None:
        self._rows += rows
        self._lengths.append((run_id, len(rows)))

    def build(self) -> list[Row]:
        rows = self._rows
        names: Iterable[str] = self._plan.columns or dict.fromkeys(chain.from_iterable(rows))
        if self._plan.columns is None:
            new_names = renamed(names, reserved={RUN_ID} if self._run_id else set())
            if new_names:
                rows = [{new_names.get(name, name): row[name] for name in row} for row in rows]
                names = [new_names.get(name, name) for name in names]
        if not are_finite(rows):
            for name in names:
                _settle(name, rows)
        if self._run_id:
            rest = iter(rows)
            for run_id, length in self._lengths:
                for row in islice(rest, length):
                    row[RUN_ID] = run_id
        return rows


def _settle(name: str, rows: list[Row]) -> None:
    holders = [row for row in rows if name in row]
    values = [row[name] for row in holders]
    settled = settle(values, set(map(type, values)))
    if settled is not None:
        for row, value in zip(holders, settled, strict=True):
            row[name] = value


def _to_pandas(table: Table, *, run_id: bool) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    columns = table.columns()
    data: dict[str, NumPyArray | ExtensionArray | pd.Series] = {}
    for name in [*columns]:
        column = columns.pop(name)  # so that there are never two of more than one
        if column.kind is Kind.FLOAT:
            data[name] = _numbers(column, "float64")
        elif column.kind is Kind.INTEGER and not column.missing:
            data[name] = _numbers(column, "int64")
        else:
            data[name] = _series(column)
    if run_id:
        run_ids = pd.array([name for name, _ in table.lengths], dtype="string")
        data[RUN_ID] = run_ids.repeat([length for _, length in table.lengths])
    return pd.DataFrame(data, copy=len(data) > _MOST_BLOCKS)


def _numbers(column: Column, dtype: Literal["int64", "float64"]) -> NumPyArray:
    import numpy as np  # noqa: PLC0415 - comes with pandas

    arrays: list[NumPyArray] = [
        np.frombuffer(part, "f8" if part.typecode == "d" else "i8")
        if isinstance(part, array)
        else np.array(part, dtype)
        for part in column.parts
    ]
    if len(arrays) == 1:
        return arrays[0].astype(dtype, copy=False)
    return np.concatenate(arrays, dtype=dtype)


def _series(column: Column) -> pd.Series:
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    values: list[object] = [*chain.from_iterable(column.parts)]
    if column.kind is Kind.JSON:  # elsewhere the dtype makes None its own missing value
        return pd.Series([pd.NA if value is None else value for value in values], dtype="object")
    whole = {Kind.BOOLEAN: "bool", Kind.STRING: "string"}
    with_missing = {Kind.INTEGER: "Int64", Kind.BOOLEAN: "boolean", Kind.STRING: "string"}
    return pd.Series(values, dtype=(with_missing if column.missing else whole)[column.kind])


def _to_polars(table: Table, *, run_id: bool) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    dtypes = {
        Kind.INTEGER: pl.Int64,
        Kind.FLOAT: pl.Float64,
        Kind.BOOLEAN: pl.Boolean,
        Kind.STRING: pl.String,
        Kind.JSON: pl.String,
    }
    columns = table.columns()
    series: dict[str, pl.Series] = {}  # from a list, polars would rename the metric ""
    for name in [*columns]:
        column = columns.pop(name)
        parts = column.parts
        if column.kind is Kind.JSON:
            values = chain.from_iterable(parts)
            parts = [[None if value is None else json_text(value) for value in values]]
        dtype = dtypes[column.kind]
        series[name] = pl.concat([pl.Series(part, dtype=dtype) for part in parts], rechunk=True)
    if run_id:
        run_ids = chain.from_iterable(repeat(name, length) for name, length in table.lengths)
        series[RUN_ID] = pl.Series([*run_ids], dtype=pl.String)
    return pl.DataFrame(series)

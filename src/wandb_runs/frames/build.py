"""Frames: rows of all runs as a list of dicts, a `pandas.DataFrame` or a `polars.DataFrame`."""

from __future__ import annotations

from array import array
from importlib import import_module
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

from wandb_runs.errors.extras import needs_extra
from wandb_runs.frames.arrow import is_uniform
from wandb_runs.frames.columns import Kind, Table, rename_columns
from wandb_runs.frames.parquet.arrow_part import ArrowPart
from wandb_runs.frames.parquet.arrow_rows import ArrowRows
from wandb_runs.frames.plan import RUN_ID
from wandb_runs.frames.text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import polars as pl
    from pandas.api.extensions import ExtensionArray

    from wandb_runs.frames.columns import Column, Target
    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.rows import AnyRows, Row, RunRows
    from wandb_runs.graphql.scalars import JSONValue

    NumPyArray: TypeAlias = npt.NDArray[np.int64 | np.float64]
    PandasColumn: TypeAlias = NumPyArray | ExtensionArray | pd.Series

__all__ = [
    "Builder",
    "build",
    "build_pandas",
    "build_polars",
    "build_rows",
    "check_installed",
    "pandas_frame",
    "pandas_series",
    "polars_series",
]

ValuesT = TypeVar("ValuesT", "_RowList", Table)

_MAX_BLOCKS: Final = 50
"""Columns up to which pandas need not copy them into one block; it warns of frames with 100."""


def check_installed(to: Format) -> None:
    """Check that a format's library is installed, before any request is sent.

    Raises:
        MissingDependencyError: It is not; the message has the pip command.
    """
    if to != "default":
        with needs_extra(to, f"format {to!r}"):
            import_module(to)


def build(
    histories: Iterable[RunRows], plan: HistoryPlan, *, to: Format, run_id: bool = True
) -> list[Row] | pd.DataFrame | pl.DataFrame:
    """Build what `histories` returns.

    Columns are the x axis, then the keys as given (all metrics by name without keys), then
    `run_id`. The dtype of a column follows from all rows of all runs:

    ===========================  ==========  =====================  ===============
    values                       polars      pandas                 list
    ===========================  ==========  =====================  ===============
    64-bit integers              `Int64`     `int64`, or `Int64`    `int`
                                             when some are missing
    integers and floats          `Float64`   `float64`              `int`, `float`
    booleans                     `Boolean`   `bool`, or `boolean`   `bool`
                                             when some are missing
    strings                      `String`    `string`               `str`
    lists and objects            `String`    `object`               `list`, `dict`
                                 of JSON
    of several kinds, integers   `String`    `string` of JSON       as sent
    past 64 bits                 of JSON
    ===========================  ==========  =====================  ===============

    What is inside lists and objects counts in pandas, too: a column is `string` of JSON where one
    place in them holds values that no type of Arrow holds together, as `is_uniform` has it. So
    every frame can be written to Parquet.

    An integer past 2**53 beside floats is rounded in a frame, and exact in the list.

    A missing value is null in polars, NaN or `<NA>` in pandas, and no entry in a dict. A
    `float64` column of pandas holds NaN for a missing value and for NaN; polars distinguishes them.

    A metric named `run_id` is renamed to `run_id_`, or with more underscores where that is taken.
    Lone surrogates in the name of a metric or the id of a run, which no frame can hold, become
    escapes.

    Args:
        histories: Each run's id and rows, in order. The function takes ownership of the rows: the
            list holds the same dicts. A frame does not need them after the next is taken.
        plan: The arguments of the call.
        to: The format.
        run_id: Whether rows get their run's id. Without it, a metric `run_id` keeps its name.

    Returns:
        The list or frame. A frame without rows keeps its columns: `Int64` for `_step` as x axis,
        else `Float64`, and `String` for `run_id`. A key without any value has the same dtypes.

    Raises:
        MissingDependencyError: The format's library is not installed.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> histories = [("a", [{"_step": 0, "loss": 0.5}]), ("b", [{"_step": 0, "loss": 1}])]
    >>> build(histories, plan_histories(keys=["loss"]), to="default")
    [{'_step': 0, 'loss': 0.5, 'run_id': 'a'}, {'_step': 0, 'loss': 1, 'run_id': 'b'}]
    """
    builder = Builder(plan, to=to, run_id=run_id)
    for name, rows in histories:
        builder.add(name, rows)
    return builder.build()


def build_rows(histories: Iterable[RunRows], plan: HistoryPlan) -> list[Row]:
    """Build a list of dicts, by the rules of `build`."""
    return _add_all(histories, _RowList(plan, run_id=True)).build()


def build_pandas(
    histories: Iterable[RunRows],
    plan: HistoryPlan,
    *,
    targets: Mapping[str, Target] | None = None,
) -> pd.DataFrame:
    """Build a pandas frame, by the rules of `build`.

    Args:
        histories: Each run's id and rows.
        plan: The arguments of the call.
        targets: What the caller's schema makes of columns, by name.

    Raises:
        SchemaError: A column holds values of another kind than its target's.
    """
    check_installed("pandas")
    table = Table(plan, run_id=True, targets=targets)
    return _to_pandas(_add_all(histories, table))


def build_polars(
    histories: Iterable[RunRows],
    plan: HistoryPlan,
    *,
    targets: Mapping[str, Target] | None = None,
) -> pl.DataFrame:
    """Build a polars frame, by the rules of `build`.

    Args:
        histories: Each run's id and rows.
        plan: The arguments of the call.
        targets: What the caller's schema makes of columns, by name.

    Raises:
        SchemaError: A column holds values of another kind than its target's.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> build_polars([("a", [{"_step": 0, "loss": 1}])], plan_histories(keys=["loss"])).dtypes
    [Int64, Int64, String]
    """
    check_installed("polars")
    table = Table(plan, run_id=True, targets=targets)
    return _to_polars(_add_all(histories, table))


class Builder:
    """Builds what `build` builds, one run at a time.

    Of a frame only the columns are kept, so that the rows of a run can be freed once added.

    Args:
        plan: The arguments of the call.
        to: The format.
        run_id: Whether rows get their run's id.

    Raises:
        MissingDependencyError: The format's library is not installed.
    """

    __slots__ = ("_to", "_values")

    def __init__(self, plan: HistoryPlan, *, to: Format, run_id: bool = True) -> None:
        check_installed(to)
        self._to = to
        self._values = (
            _RowList(plan, run_id=run_id) if to == "default" else Table(plan, run_id=run_id)
        )

    def add(self, run_id: str, rows: AnyRows) -> None:
        """Add the rows of one run, or some of them, and take ownership of them."""
        self._values.add(run_id, rows)

    def build(self) -> list[Row] | pd.DataFrame | pl.DataFrame:
        """Return the list or frame; to be called once."""
        if isinstance(self._values, _RowList):
            return self._values.build()
        return _to_pandas(self._values) if self._to == "pandas" else _to_polars(self._values)


def _add_all(histories: Iterable[RunRows], values: ValuesT) -> ValuesT:
    for run_id, rows in histories:
        values.add(run_id, rows)
    return values


class _RowList:
    """The rows of all runs, as a list of dicts."""

    __slots__ = ("_lengths", "_plan", "_rows", "_run_id")

    def __init__(self, plan: HistoryPlan, *, run_id: bool) -> None:
        self._plan = plan
        self._run_id = run_id
        self._rows: list[Row] = []
        self._lengths: list[tuple[str, int]] = []

    def add(self, run_id: str, rows: AnyRows) -> None:
        self._rows += rows.rows() if isinstance(rows, ArrowRows) else rows
        self._lengths.append((run_id, len(rows)))

    def build(self) -> list[Row]:
        rows = self._rows
        if self._plan.columns is None:
            names = dict.fromkeys(chain.from_iterable(rows))
            new_names = rename_columns(names, reserved={RUN_ID} if self._run_id else set())
            if new_names:
                rows = [{new_names.get(name, name): row[name] for name in row} for row in rows]
        if self._run_id:
            rest = iter(rows)
            for run_id, length in self._lengths:
                for row in islice(rest, length):
                    row[RUN_ID] = run_id
        return rows


def _to_pandas(table: Table) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    columns = table.columns()
    data: dict[str, PandasColumn] = {}
    for name in [*columns]:
        data[name] = pandas_series(columns.pop(name))  # frees its values once they are copied
    if table.run_id:
        run_ids = pd.array([name for name, _ in table.lengths], dtype="string")
        data[RUN_ID] = run_ids.repeat([length for _, length in table.lengths])
    return pandas_frame(data)


def pandas_frame(data: Mapping[str, PandasColumn], rows: int | None = None) -> pd.DataFrame:
    """Make a frame of columns.

    Args:
        data: The columns.
        rows: How many rows it has, which no column may tell; None where one does.
    """
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    index = None if rows is None else pd.RangeIndex(rows)
    return pd.DataFrame({**data}, index=index, copy=len(data) > _MAX_BLOCKS)


def pandas_series(column: Column) -> PandasColumn:
    """Make what a pandas frame has for a column."""
    if column.kind is Kind.FLOAT:
        return _numbers(column, "float64")
    if column.kind is Kind.INTEGER and not column.has_missing:
        return _numbers(column, "int64")
    return _series(column)


def _numbers(column: Column, dtype: Literal["int64", "float64"]) -> NumPyArray:
    import numpy as np  # noqa: PLC0415 - comes with pandas

    arrays: list[NumPyArray] = [
        part.numbers(dtype)
        if isinstance(part, ArrowPart)
        else np.frombuffer(part, "f8" if part.typecode == "d" else "i8")
        if isinstance(part, array)
        else np.array(part, dtype)
        for part in column.parts
    ]
    if len(arrays) == 1:
        return arrays[0].astype(dtype, copy=False)
    return np.concatenate(arrays, dtype=dtype)


def _series(column: Column) -> pd.Series:
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    values: list[JSONValue] = [*chain.from_iterable(column.parts)]
    is_nested = column.kind is Kind.NESTED and is_uniform(values)
    if is_nested or column.kind is Kind.OBJECT:  # other dtypes convert None themselves
        return pd.Series([pd.NA if value is None else value for value in values], dtype="object")
    if column.kind in {Kind.JSON, Kind.NESTED}:
        return pd.Series(_texts(column), dtype="string")
    whole = {Kind.BOOLEAN: "bool", Kind.STRING: "string"}
    with_missing = {Kind.INTEGER: "Int64", Kind.BOOLEAN: "boolean", Kind.STRING: "string"}
    return pd.Series(values, dtype=(with_missing if column.has_missing else whole)[column.kind])


def _texts(column: Column) -> list[JSONValue]:
    """The values of a column as JSON."""
    values = chain.from_iterable(column.parts)
    return [None if value is None else json_text(value) for value in values]


_LONG_CHUNK: Final = 10_000
"""Rows of a chunk, on average, from which on their number does not slow polars down."""


def _to_polars(table: Table) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    columns = table.columns()
    series: dict[str, pl.Series] = {}  # not a list: polars would rename the metric ""
    for name in [*columns]:
        series[name] = polars_series(columns.pop(name))
    if table.run_id:
        series[RUN_ID] = _run_ids(table.lengths)
    return pl.DataFrame(series)


def _run_ids(lengths: Sequence[tuple[str, int]]) -> pl.Series:
    """The column of run ids, of the id and the number of rows of each."""
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    if sum(length for _, length in lengths) < max(len(lengths), 1) * _LONG_CHUNK:
        names = chain.from_iterable(repeat(name, length) for name, length in lengths)
        return pl.Series([*names], dtype=pl.String)
    # A tenth of the time, and no list of all of them.
    ids = pl.Series([name for name, _ in lengths], dtype=pl.String)
    chunks = [ids.new_from_index(at, length) for at, (_, length) in enumerate(lengths)]
    return pl.concat(chunks, rechunk=False)


def polars_series(column: Column) -> pl.Series:
    """Make what a polars frame has for a column."""
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    dtypes = {
        Kind.INTEGER: pl.Int64,
        Kind.FLOAT: pl.Float64,
        Kind.BOOLEAN: pl.Boolean,
        Kind.STRING: pl.String,
        Kind.NESTED: pl.String,
        Kind.OBJECT: pl.String,
        Kind.JSON: pl.String,
    }
    parts = column.parts
    if column.kind in {Kind.NESTED, Kind.OBJECT, Kind.JSON}:
        parts = [_texts(column)]
    dtype = dtypes[column.kind]
    chunks = [
        part.series().cast(dtype) if isinstance(part, ArrowPart) else pl.Series(part, dtype=dtype)
        for part in parts
    ]
    # Long ones stay where they are, as where polars reads files: else all of them would be there
    # twice for a moment.
    are_short = sum(map(len, chunks)) < len(chunks) * _LONG_CHUNK
    return pl.concat(chunks, rechunk=are_short)

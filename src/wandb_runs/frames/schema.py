"""Dtypes that the caller chose, so that all batches of a stream have the same columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, overload

from wandb_runs.errors import InvalidArgumentError, SchemaError
from wandb_runs.errors.suggest import did_you_mean
from wandb_runs.frames.plan import RUN_ID

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.polars_types import DataType

__all__ = ["PolarsSchema", "check_schema", "conform", "text_columns"]

PolarsSchema: TypeAlias = "Mapping[str, DataType | type[DataType]]"
"""The dtype of each column that is to have a certain one."""


def check_schema(schema: object, plan: HistoryPlan, to: Format) -> Mapping[str, object] | None:
    """Check a schema, before any request.

    Args:
        schema: Names to dtypes; None to let each batch have what fits its rows.
        plan: What the batches hold.
        to: What they come as.

    Raises:
        InvalidArgumentError: Not a mapping, a column that there will not be, no dtype of the
            format's library, or no frame to have one.
    """
    if schema is None:
        return None
    if not isinstance(schema, Mapping):
        raise InvalidArgumentError(
            f"schema maps columns to dtypes, {{'loss': ...}}; got {type(schema).__name__}"
        )
    if to == "default":
        raise InvalidArgumentError(
            'schema is for frames; pass format="polars" or format="pandas", or leave it out'
        )
    dtypes = cast("Mapping[object, object]", schema)
    names = None if plan.columns is None else (*plan.columns, RUN_ID)
    for name, dtype in dtypes.items():
        if not isinstance(name, str):
            raise InvalidArgumentError(f"schema: {name!r} is no column; columns are named by a str")
        if names is not None and name not in names:
            raise InvalidArgumentError(f"schema: no column {name!r}{did_you_mean(name, names)}")
        if not (_is_of_polars(dtype) if to == "polars" else _is_of_pandas(dtype)):
            raise InvalidArgumentError(
                f"schema: {dtype!r}, of column {name!r}, is no dtype of {to}"
            )
    return cast("Mapping[str, object]", schema)


def text_columns(
    schema: Mapping[str, object] | None, to: Literal["polars", "pandas"]
) -> frozenset[str]:
    """The metrics that a schema makes text, so that each of their values is one by itself.

    What a column of several kinds holds without a schema depends on its batch: `a` beside numbers
    is JSON, and bare beside text.

    >>> text_columns({"x": "string", "y": "float64"}, "pandas")
    frozenset({'x'})
    """
    is_text = _is_text_of_polars if to == "polars" else _is_text_of_pandas
    dtypes = (schema or {}).items()
    return frozenset(name for name, dtype in dtypes if name != RUN_ID and is_text(dtype))


@overload
def conform(
    frame: pl.DataFrame, schema: Mapping[str, object], plan: HistoryPlan, to: Literal["polars"]
) -> pl.DataFrame: ...
@overload
def conform(
    frame: pd.DataFrame, schema: Mapping[str, object], plan: HistoryPlan, to: Literal["pandas"]
) -> pd.DataFrame: ...
def conform(
    frame: pl.DataFrame | pd.DataFrame,
    schema: Mapping[str, object],
    plan: HistoryPlan,
    to: Literal["polars", "pandas"],
) -> pl.DataFrame | pd.DataFrame:
    """Give a batch the columns and dtypes of a schema.

    Where no keys were asked for, the columns are the x axis, those of the schema in its order, and
    `run_id`; metrics that the schema does not name are left out.

    Raises:
        SchemaError: A value does not fit its column's dtype without a loss.
    """
    if plan.columns is None:
        inner = [name for name in schema if name not in {plan.x_axis, RUN_ID}]
        order = [plan.x_axis, *inner, RUN_ID]
    else:
        order = [*plan.columns, RUN_ID]
    if to == "polars":
        return _conform_polars(cast("pl.DataFrame", frame), schema, order)
    return _conform_pandas(cast("pd.DataFrame", frame), schema, order)


def _conform_polars(
    frame: pl.DataFrame, schema: Mapping[str, object], order: list[str]
) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    columns: dict[str, pl.Series] = {}
    for name in order:
        if name not in frame.columns:
            dtype = cast("pl.DataType", schema[name])
            columns[name] = pl.repeat(None, frame.height, dtype=dtype, eager=True)
            continue
        column = columns[name] = frame[name]
        if name not in schema:
            continue
        dtype = cast("pl.DataType", schema[name])
        try:
            columns[name] = fitted = column.cast(dtype)
            is_kept = _is_kept(column, fitted)
        except (TypeError, pl.exceptions.PolarsError) as error:  # also: a dtype lacks a parameter
            raise _misfit(name, dtype, column.dtype, frame[RUN_ID].to_list()) from error
        if not is_kept:
            raise _misfit(name, dtype, column.dtype, frame[RUN_ID].to_list())
    return pl.DataFrame(columns)


def _is_kept(column: pl.Series, fitted: pl.Series) -> bool:
    """Whether numbers are still what they were; Float32 may round them, as it is asked to."""
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    if not column.dtype.is_numeric() or fitted.dtype == pl.String:
        return True
    if fitted.dtype == pl.Float32:
        return bool((fitted.is_infinite() == column.cast(pl.Float64).is_infinite()).all())
    return bool(fitted.cast(column.dtype).eq_missing(column).all())


def _conform_pandas(
    frame: pd.DataFrame, schema: Mapping[str, object], order: list[str]
) -> pd.DataFrame:
    import numpy as np  # noqa: PLC0415 - comes with pandas
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    columns: dict[str, pd.Series] = {}
    run_ids = [str(run_id) for run_id in frame[RUN_ID]]
    for name in order:
        if name not in frame.columns:
            columns[name] = pd.Series([None] * len(frame), dtype="object")
        else:
            columns[name] = frame[name]
        if name not in schema:
            continue
        column, dtype = columns[name], pd.api.types.pandas_dtype(cast("str", schema[name]))
        if column.isna().any() and isinstance(dtype, np.dtype) and dtype.kind in "biuSU":
            raise _misfit(name, dtype, f"{column.dtype}, some of them missing", run_ids)
        try:
            with np.errstate(over="ignore"):  # looked for below
                columns[name] = fitted = column.astype(dtype)
        except (TypeError, ValueError) as error:
            raise _misfit(name, dtype, column.dtype, run_ids) from error
        there = column.notna()
        if not _is_kept_in_pandas(column[there], fitted[there]):
            raise _misfit(name, dtype, column.dtype, run_ids)
    return pd.DataFrame(columns)


def _is_kept_in_pandas(column: pd.Series, fitted: pd.Series) -> bool:
    import numpy as np  # noqa: PLC0415 - comes with pandas
    from pandas.api.types import (  # noqa: PLC0415 - an optional library, and a slow import
        is_numeric_dtype,
        is_object_dtype,
        is_string_dtype,
    )

    is_text = is_object_dtype(fitted.dtype) or is_string_dtype(fitted.dtype)
    if not is_numeric_dtype(column.dtype) or is_text:
        return True
    if str(fitted.dtype).lower() == "float32":
        return bool(
            (np.isinf(fitted.astype("float64")) == np.isinf(column.astype("float64"))).all()
        )
    try:
        return bool((fitted.astype(column.dtype) == column).all())
    except (TypeError, ValueError):
        return False


def _misfit(name: str, dtype: object, found: object, run_ids: list[str]) -> SchemaError:
    runs = list(dict.fromkeys(run_ids))
    where = f"run {runs[0]!r}" if len(runs) == 1 else f"the runs {runs[0]!r} to {runs[-1]!r}"
    return SchemaError(
        f"column {name!r} of {where} does not fit the schema's {dtype}: its values are {found}; "
        f"give it a wider dtype, or none",
        column=name,
        run_ids=runs,
    )


def _is_of_polars(dtype: object) -> bool:
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    return isinstance(dtype, pl.DataType) or (
        isinstance(dtype, type) and issubclass(dtype, pl.DataType)
    )


def _is_of_pandas(dtype: object) -> bool:
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    try:
        pd.api.types.pandas_dtype(cast("str", dtype))
    except (TypeError, ValueError):
        return False
    return dtype is not None


def _is_text_of_polars(dtype: object) -> bool:
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    kind = cast("pl.DataType", dtype).base_type()
    return kind in {pl.String, pl.Categorical, pl.Enum, pl.Binary}


def _is_text_of_pandas(dtype: object) -> bool:
    from pandas.api.types import (  # noqa: PLC0415 - an optional library, and a slow import
        is_object_dtype,
        is_string_dtype,
        pandas_dtype,
    )

    known = pandas_dtype(cast("str", dtype))
    return is_string_dtype(known) and not is_object_dtype(known)

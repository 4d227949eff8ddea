"""Schemas: dtypes that the caller chose, the same for all batches of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, did_you_mean
from wandb_runs.frames.columns import Form, Target, schema_error
from wandb_runs.frames.plan import RUN_ID
from wandb_runs.graphql.scalars import decode

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.polars_types import DataType

__all__ = ["PolarsSchema", "check_schema", "conform_pandas", "conform_polars", "find_targets"]

PolarsSchema: TypeAlias = "Mapping[str, DataType | type[DataType] | Literal['json']]"
"""Column names to dtypes, or `"json"`; other columns keep the dtype of their values."""

_JSON: Final = "json"
"""A column of text that holds the JSON of each value, whatever its kind: `1` and `"1"`."""


def check_schema(schema: object, plan: HistoryPlan, to: Format) -> Mapping[str, object] | None:
    """Check a schema, before any request is sent.

    Args:
        schema: Column names to dtypes; None for the dtypes that fit each batch.
        plan: The arguments of the call.
        to: The format of the batches.

    Raises:
        InvalidArgumentError: Not a mapping, an unknown column, not a dtype of the format's
            library, or a format without dtypes.
    """
    if schema is None:
        return None
    if not isinstance(schema, Mapping):
        raise InvalidArgumentError(
            f"schema maps columns to dtypes, {{'loss': ...}}; got {describe(schema)}"
        )
    if to == "default":
        raise InvalidArgumentError(
            'schema is for frames; pass format="polars" or format="pandas", or leave it out'
        )
    dtypes = cast("Mapping[object, object]", schema)
    names = None if plan.columns is None else (*plan.columns, RUN_ID)
    for name, dtype in dtypes.items():
        if not isinstance(name, str):
            raise InvalidArgumentError(f"schema: column names are strings, not {describe(name)}")
        if names is not None and name not in names:
            raise InvalidArgumentError(f"schema: no column {name!r}{did_you_mean(name, names)}")
        if _is_json(dtype):
            if name == RUN_ID:
                raise InvalidArgumentError(f"schema: {RUN_ID} is text; leave it out")
            continue
        if not (_is_polars_dtype(dtype) if to == "polars" else _is_pandas_dtype(dtype)):
            raise InvalidArgumentError(
                f"schema: {dtype!r}, of column {name!r}, is no dtype of {to}"
            )
    return cast("Mapping[str, object]", schema)


def find_targets(
    schema: Mapping[str, object] | None, to: Literal["polars", "pandas"]
) -> dict[str, Target]:
    """What a schema makes of metrics, where that decides how their values are written.

    A value is then written alike in each batch, and no two values become one: `1` and `"1"` are a
    number and text, and neither dtype takes both; `"json"` has them as they stand here.

    >>> targets = find_targets({"x": "string", "y": "float64", "z": "category"}, "pandas")
    >>> {name: target.form for name, target in targets.items()}
    {'x': 'text', 'y': 'number'}
    """
    form_of = _polars_form if to == "polars" else _pandas_form
    targets: dict[str, Target] = {}
    for name, dtype in (schema or {}).items():
        form: Form | None = "json" if _is_json(dtype) else form_of(dtype)
        if form is not None and name != RUN_ID:
            targets[name] = Target(form, dtype)
    return targets


def conform_polars(
    frame: pl.DataFrame, schema: Mapping[str, object], plan: HistoryPlan
) -> pl.DataFrame:
    """Give a batch the columns and dtypes of a schema.

    Without keys, the columns are the x axis, those of the schema in its order, and `run_id`;
    metrics that the schema does not name are dropped.

    Raises:
        SchemaError: A value cannot be converted to its column's dtype without loss.
    """
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    columns: dict[str, pl.Series] = {}
    for name in _column_order(schema, plan):
        if name not in frame.columns:
            dtype = pl.String() if _is_json(schema[name]) else cast("pl.DataType", schema[name])
            columns[name] = pl.repeat(None, frame.height, dtype=dtype, eager=True)
            continue
        column = columns[name] = frame[name]
        if name not in schema or _is_json(schema[name]):
            continue
        dtype = cast("pl.DataType", schema[name])
        try:
            columns[name] = converted = column.cast(dtype)
            is_lossless = _is_lossless(column, converted)
        except (TypeError, pl.exceptions.PolarsError) as error:  # TypeError: an incomplete dtype
            raise schema_error(name, dtype, column.dtype, frame[RUN_ID].to_list()) from error
        if not is_lossless:
            raise schema_error(name, dtype, column.dtype, frame[RUN_ID].to_list())
    return pl.DataFrame(columns)


def _is_lossless(column: pl.Series, converted: pl.Series) -> bool:
    """Whether numbers are unchanged; Float32 may round them, and may not overflow."""
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    # Methods of a series read its name as an expression does: `^x$` as a pattern.
    column, converted = column.alias("x"), converted.alias("x")
    is_json = column.dtype == pl.String and converted.dtype.is_numeric()
    if not is_json and (not column.dtype.is_numeric() or converted.dtype == pl.String):
        return True
    if converted.dtype == pl.Float32:
        return bool((converted.is_infinite() == column.cast(pl.Float64).is_infinite()).all())
    if is_json:  # of integers past 64 bits, and numbers beside them
        values = [None if text is None else decode(text) for text in column]
        return all(map(_is_same, values, converted))
    return bool(converted.cast(column.dtype).eq_missing(column).all())


def conform_pandas(
    frame: pd.DataFrame, schema: Mapping[str, object], plan: HistoryPlan
) -> pd.DataFrame:
    """Give a batch the columns and dtypes of a schema, as `conform_polars` does.

    Raises:
        SchemaError: A value cannot be converted to its column's dtype without loss.
    """
    import numpy as np  # noqa: PLC0415 - comes with pandas
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    columns: dict[str, pd.Series] = {}
    run_ids = [str(run_id) for run_id in frame[RUN_ID]]
    for name in _column_order(schema, plan):
        if name not in frame.columns:
            columns[name] = pd.Series([None] * len(frame), dtype="object")
        else:
            columns[name] = frame[name]
        if name not in schema:
            continue
        spelling = "string" if _is_json(schema[name]) else cast("str", schema[name])
        column, dtype = columns[name], pd.api.types.pandas_dtype(spelling)
        if column.isna().any() and isinstance(dtype, np.dtype) and dtype.kind in "biuSU":
            raise schema_error(name, dtype, f"{column.dtype}, some of them missing", run_ids)
        present = column.notna()
        if column.dtype == object and isinstance(dtype, np.dtype) and dtype.kind == "f":
            column = column.where(present, np.nan)  # NumPy takes no pd.NA
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # checked below
                columns[name] = converted = column.astype(dtype)
        except (TypeError, ValueError, OverflowError) as error:
            raise schema_error(name, dtype, column.dtype, run_ids) from error
        if not _is_lossless_in_pandas(column[present], converted[present]):
            raise schema_error(name, dtype, column.dtype, run_ids)
    return pd.DataFrame(columns)


def _is_lossless_in_pandas(column: pd.Series, converted: pd.Series) -> bool:
    import numpy as np  # noqa: PLC0415 - comes with pandas
    from pandas.api.types import (  # noqa: PLC0415 - an optional library, and a slow import
        is_numeric_dtype,
        is_object_dtype,
        is_string_dtype,
    )

    is_text = is_object_dtype(converted.dtype) or is_string_dtype(converted.dtype)
    is_large = is_object_dtype(column.dtype) and is_numeric_dtype(converted.dtype)
    if is_text or not (is_large or is_numeric_dtype(column.dtype)):
        return True
    if str(converted.dtype).lower() == "float32":
        return bool(
            (np.isinf(converted.astype("float64")) == np.isinf(column.astype("float64"))).all()
        )
    if is_large:  # integers past 64 bits, and numbers beside them
        return all(map(_is_same, column.tolist(), converted.tolist()))
    try:
        return bool((converted.astype(column.dtype) == column).all())
    except (TypeError, ValueError):
        return False


def _column_order(schema: Mapping[str, object], plan: HistoryPlan) -> list[str]:
    if plan.columns is not None:
        return [*plan.columns, RUN_ID]
    inner = [name for name in schema if name not in {plan.x_axis, RUN_ID}]
    return [plan.x_axis, *inner, RUN_ID]


def _is_same(value: object, converted: object) -> bool:
    return value == converted or value != value  # noqa: PLR0124 - NaN


def _is_json(dtype: object) -> bool:
    return isinstance(dtype, str) and dtype == _JSON


def _is_polars_dtype(dtype: object) -> bool:
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    return isinstance(dtype, pl.DataType) or (
        isinstance(dtype, type) and issubclass(dtype, pl.DataType)
    )


def _is_pandas_dtype(dtype: object) -> bool:
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    try:
        pd.api.types.pandas_dtype(cast("str", dtype))
    except (TypeError, ValueError):
        return False
    return dtype is not None


def _polars_form(dtype: object) -> Form | None:
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    kind = cast("pl.DataType", dtype).base_type()
    if kind in {pl.String, pl.Categorical, pl.Enum, pl.Binary}:
        return "text"
    return "number" if kind.is_numeric() or kind == pl.Boolean else None


def _pandas_form(dtype: object) -> Form | None:
    from pandas.api.types import (  # noqa: PLC0415 - an optional library, and a slow import
        is_numeric_dtype,
        is_object_dtype,
        is_string_dtype,
        pandas_dtype,
    )

    known = pandas_dtype(cast("str", dtype))
    if is_object_dtype(known):
        return "object"
    if is_string_dtype(known):
        return "text"
    return "number" if is_numeric_dtype(known) else None

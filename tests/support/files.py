"""Files of frames: whether what is written reads back equal."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

import pandas as pd
import polars as pl

if TYPE_CHECKING:
    from support.frames import Rows

__all__ = [
    "Frame",
    "check_csv",
    "check_files",
    "check_pandas_csv",
    "check_pandas_parquet",
    "check_parquet",
]

Frame: TypeAlias = "pd.DataFrame | pl.DataFrame"


def check_files(frame: Frame | Rows) -> None:
    """Check that a frame reads back equal from each kind of file.

    Nested columns of pandas are written and read, but Arrow has the same keys in every object.
    """
    assert not isinstance(frame, list)
    if isinstance(frame, pd.DataFrame):
        nested = [*map(str, frame.select_dtypes("object"))]
        values: list[object] = [value for name in nested for value in frame[name]]
        assert all(value is pd.NA or isinstance(value, list | dict) for value in values)
        check_pandas_parquet(frame, *nested)
    else:
        check_parquet(frame)
        check_csv(frame)
        check_json_lines(frame)


def check_pandas_parquet(frame: pd.DataFrame, *nested: str) -> None:
    content = BytesIO()
    frame.to_parquet(content, engine="pyarrow")
    found = pd.read_parquet(content, engine="pyarrow")
    assert [*found] == [*frame]
    for name in nested:
        assert found[name].isna().tolist() == frame[name].isna().tolist()
    pd.testing.assert_frame_equal(
        found.drop(columns=[*nested]),
        frame.drop(columns=[*nested]),
        check_exact=True,
        check_categorical=False,
    )


def check_parquet(frame: pl.DataFrame) -> None:
    content = BytesIO()
    frame.write_parquet(content)
    content.seek(0)
    found = pl.read_parquet(content)
    assert found.schema == frame.schema
    assert found.equals(frame)


def check_csv(frame: pl.DataFrame) -> None:
    """Check that polars reads what it wrote, and that the standard library has the same cells."""
    content = BytesIO()
    frame.write_csv(content)
    names, *rest = csv.reader(StringIO(content.getvalue().decode(), newline=""))
    assert names == frame.columns
    rows = [cells or [""] for cells in rest]  # a line of one missing value is empty
    for number, column in enumerate(frame):
        if column.dtype == pl.String:
            assert [row[number] for row in rows] == [value or "" for value in column]
    if len(frame):
        content.seek(0)
        found = pl.read_csv(content, schema=frame.schema, has_header=False, skip_rows=1)
        assert found.equals(frame)
    plain = frame.rename({name: str(number) for number, name in enumerate(names)})
    content = BytesIO()  # polars does not read quotes in a name
    plain.write_csv(content)
    content.seek(0)
    assert pl.read_csv(content, schema=plain.schema).equals(plain)


def check_json_lines(frame: pl.DataFrame) -> None:
    content = BytesIO()
    frame.write_ndjson(content)
    lines = content.getvalue().decode().split("\n")
    assert lines.pop() == ""
    assert [[*json.loads(line, parse_constant=refuse)] for line in lines] == [frame.columns] * len(
        frame
    )
    floats = pl.selectors.float()
    expected = frame.with_columns(pl.when(floats.is_finite()).then(floats))
    content.seek(0)
    assert pl.read_ndjson(content, schema=expected.schema).equals(expected)


def refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def check_pandas_csv(frame: pd.DataFrame) -> None:
    """Check that pandas reads what it wrote, where a missing value, NaN and empty text are one."""
    written = StringIO()
    frame.to_csv(written, index=False)
    assert next(csv.reader(StringIO(written.getvalue(), newline=""))) == [*map(str, frame)]
    names = [str(number) for number in range(frame.shape[1])]
    plain = frame.set_axis(
        names, axis="columns"
    )  # pandas 2 ends names and cells at a null character
    content = BytesIO()
    # A carriage return is written bare by default, and read as the end of a line.
    quoting: Literal[0, 1] = csv.QUOTE_ALL if "\r" in written.getvalue() else csv.QUOTE_MINIMAL
    plain.to_csv(content, index=False, quoting=quoting)
    content.seek(0)
    moments = [*map(str, plain.select_dtypes("datetimetz"))]
    dtypes = {name: str(plain[name].dtype) for name in names if name not in moments}
    # Other words for a missing value, such as `NA`, are text.
    found = pd.read_csv(
        content,
        dtype=dtypes,
        parse_dates=moments,
        keep_default_na=False,
        na_values={name: ["", "NaN", "nan"] for name in names},
    )
    # pandas 2 reads instants as nanoseconds.
    found = found.astype({name: plain[name].dtype for name in moments})
    assert [*found] == names
    for name in names:
        expected = plain[name]
        if pd.api.types.is_string_dtype(expected.dtype):
            if pd.__version__ < "3" and expected.str.contains("\0", regex=False).any():
                continue
            expected = expected.mask(expected.isin(["", "NaN", "nan"]))
        # The reader's default rounds the last digit of some floats.
        pd.testing.assert_series_equal(found[name], expected, check_exact=False, rtol=1e-14, atol=0)

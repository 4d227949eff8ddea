"""Schemas: the text of a value does not depend on the other values of its column."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.frames import whole_histories

from wandb_runs import Api, SchemaError
from wandb_runs.frames.build import build_pandas, build_polars
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.schema import conform_pandas, conform_polars, find_text_columns
from wandb_runs.graphql.scalars import decode
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.frames import History

    from wandb_runs.graphql.scalars import JSONValue

Frames: TypeAlias = Literal["polars", "pandas"]
Text: TypeAlias = "str | bytes | None"

PLAN = plan_histories(keys=["loss"])
DTYPES: list[tuple[Frames, object]] = [
    ("polars", pl.String),
    ("polars", pl.String()),
    ("polars", pl.Categorical),
    ("polars", pl.Binary),
    ("pandas", "string"),
]
if isinstance(pd.api.types.pandas_dtype("str"), pd.StringDtype):  # numpy's before pandas 3
    DTYPES.append(("pandas", "str"))


def texts(history: History, to: Frames, dtype: object) -> list[Text]:
    """The column `loss` of a batch, with None for missing values."""
    schema = {"loss": dtype}
    rows = deepcopy(history)
    text_columns = find_text_columns(schema, to)
    if to == "polars":
        frame = build_polars(rows, PLAN, text_columns=text_columns)
        return conform_polars(frame, schema, PLAN)["loss"].to_list()
    built = build_pandas(rows, PLAN, text_columns=text_columns)
    column = conform_pandas(built, schema, PLAN)["loss"]
    assert column.dtype == pd.api.types.pandas_dtype(cast("str", dtype))
    values: list[Text] = column.astype("object").where(column.notna(), None).tolist()
    return values


def is_same(one: JSONValue, other: JSONValue) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(whole_histories(["loss"]), st.sampled_from(DTYPES))
def test_the_text_of_a_value_does_not_depend_on_its_batch(
    history: History, target: tuple[Frames, object]
) -> None:
    to, dtype = target
    whole = texts(history, to, dtype)
    alone = [texts([(run, [row])], to, dtype) for run, rows in history for row in rows]
    assert [[text] for text in whole] == alone


@example([("r", [{"loss": "half \ud83d"}, {"loss": 0.5}])])
@given(whole_histories(["loss"]))
def test_a_string_is_unchanged_and_any_other_value_is_json(history: History) -> None:
    values = [row.get("loss") for _, rows in history for row in rows]
    written = texts(history, "polars", pl.String)
    assert written == texts(history, "pandas", "string")
    for value, text in zip(values, written, strict=True):
        if value is None:
            assert text is None
        elif isinstance(value, str) and "\ud83d" not in value:
            assert text == value
        else:
            assert isinstance(text, str)
            assert is_same(decode(text), value)


LOGGED: list[tuple[JSONValue, str]] = [
    ("a", "a"),
    (1, "1"),
    (0.5, "0.5"),
    (True, "true"),
    (math.nan, "NaN"),
    ("NaN", "NaN"),
    (-math.inf, "-Infinity"),
    ('"', '"'),
    (["a", 1], '["a",1]'),
    ("1", "1"),
    (2**70, str(2**70)),
    (2, "2"),
    (0.25, "0.25"),
    (False, "false"),
]


@pytest.fixture(scope="module")
def mixed() -> Iterator[Api]:
    """A server whose project `mixed` has a run of one row for each of `LOGGED`."""
    with LocalServer() as server, Api(base_url=server.url, api_key="k" * 40) as api:
        for number, (value, _) in enumerate(LOGGED):
            log_run(server, "team", "mixed", f"r{number:02}", history=[{"x": value}])
        log_run(server, "team", "mixed", "s", history=[{"y": 1}])
        yield api


@pytest.mark.parametrize("per_page", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("keys", [None, ["x"]])
def test_pages_of_any_size_give_the_same_text(
    mixed: Api, per_page: int, keys: list[str] | None
) -> None:
    runs = mixed.runs("team/mixed", per_page=per_page)
    expected: list[str | None] = [text for _, text in LOGGED]
    if keys is None:
        expected.append(None)
    in_polars = runs.iter_histories(keys=keys, format="polars", schema={"x": pl.String})
    assert pl.concat(in_polars)["x"].to_list() == expected
    in_pandas = runs.iter_histories(keys=keys, format="pandas", schema={"x": "string"})
    values: list[object] = pd.concat(in_pandas)["x"].tolist()
    assert [None if value is pd.NA else value for value in values] == expected


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_numpy_text_dtypes_refuse_missing_values(mixed: Api, dtype: str) -> None:
    with pytest.raises(SchemaError, match=r"'x'.*missing"):
        list(mixed.runs("team/mixed").iter_histories(format="pandas", schema={"x": dtype}))


@pytest.mark.parametrize(
    ("to", "dtypes"),
    [
        ("polars", [pl.Float64, pl.Int8(), pl.Object, pl.Date]),
        ("pandas", ["float64", "Int8", "object", "category"]),
    ],
)
def test_other_dtypes_are_no_text_columns(to: Frames, dtypes: list[object]) -> None:
    assert find_text_columns({str(dtype): dtype for dtype in dtypes}, to) == frozenset()
    text = pl.String if to == "polars" else "string"
    assert find_text_columns({"run_id": text}, to) == frozenset()
    assert find_text_columns(None, to) == frozenset()

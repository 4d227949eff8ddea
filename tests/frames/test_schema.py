"""Schemas: how a value is written does not depend on its batch, and no two become one."""

from __future__ import annotations

import json
import math
from contextlib import nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.frames import exact, label, settle, whole_histories

from wandb_runs import Api, InvalidArgumentError, SchemaError
from wandb_runs.frames.build import build_pandas, build_polars
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.schema import conform_pandas, conform_polars, find_targets
from wandb_runs.graphql.scalars import decode
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.frames import History

    from wandb_runs.graphql.scalars import JSONValue

Frames: TypeAlias = Literal["polars", "pandas"]
Text: TypeAlias = "str | bytes | None"

PLAN = plan_histories(keys=["loss"])
JSON: list[tuple[Frames, object]] = [("polars", "json"), ("pandas", "json")]
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
    targets = find_targets(schema, to)
    if to == "polars":
        frame = build_polars(rows, PLAN, targets=targets)
        return conform_polars(frame, schema, PLAN)["loss"].to_list()
    built = build_pandas(rows, PLAN, targets=targets)
    column = conform_pandas(built, schema, PLAN)["loss"]
    spelling = "string" if dtype == "json" else cast("str", dtype)
    assert column.dtype == pd.api.types.pandas_dtype(spelling)
    values: list[Text] = column.astype("object").where(column.notna(), None).tolist()
    return values


def column_of(history: History, to: Frames, dtype: object) -> list[JSONValue]:
    """The column `loss` of a batch with a schema."""
    schema = {"loss": dtype}
    targets = find_targets(schema, to)
    if to == "polars":
        frame = build_polars(deepcopy(history), PLAN, targets=targets)
        return conform_polars(frame, schema, PLAN)["loss"].to_list()
    built = build_pandas(deepcopy(history), PLAN, targets=targets)
    values: list[JSONValue] = conform_pandas(built, schema, PLAN)["loss"].tolist()
    return values


def is_same(one: JSONValue, other: JSONValue) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def settled(history: History) -> History:
    """The rows as they are read."""
    return [
        (run, [{name: settle(value) for name, value in row.items()} for row in rows])
        for run, rows in history
    ]


def is_text(value: JSONValue) -> bool:
    return value is None or label(value) in {"str", "word"}


@given(whole_histories(["loss"]), st.sampled_from([*DTYPES, *JSON]))
def test_the_text_of_a_value_does_not_depend_on_its_batch(
    history: History, target: tuple[Frames, object]
) -> None:
    history = settled(history)
    to, dtype = target
    if dtype != "json":
        history = [
            (run, [row for row in rows if is_text(row.get("loss"))]) for run, rows in history
        ]
    whole = texts(history, to, dtype)
    alone = [texts([(run, [row])], to, dtype) for run, rows in history for row in rows]
    assert [[text] for text in whole] == alone


@example([("r", [{"loss": "1"}, {"loss": 1}])])
@example([("r", [{"loss": "half \ud83d"}, {"loss": "a"}])])
@given(whole_histories(["loss"]))
def test_a_dtype_of_text_takes_text_alone_and_leaves_it_as_it_is(history: History) -> None:
    history = settled(history)
    values = [row.get("loss") for _, rows in history for row in rows]
    for to, dtype in DTYPES[0], DTYPES[-1]:
        if all(map(is_text, values)):
            expected = [json.dumps(v) if isinstance(v, float) else v for v in values]
            assert texts(history, to, dtype) == expected
        else:
            with pytest.raises(SchemaError, match=r"'loss' .*not all text; give it 'json'"):
                texts(history, to, dtype)


@example([("r", [{"loss": "1"}, {"loss": 1}, {"loss": True}])])
@example([("r", [{"loss": "half \ud83d"}, {"loss": 0.5}])])
@given(whole_histories(["loss"]))
def test_json_reads_back_to_each_value(history: History) -> None:
    history = settled(history)
    written = texts(history, "polars", "json")
    assert written == texts(history, "pandas", "json")
    values = [row.get("loss") for _, rows in history for row in rows]
    for value, text in zip(values, written, strict=True):
        assert (text is None) == (value is None)
        assert text is None or is_same(decode(text), value)


NUMBERS: list[tuple[list[JSONValue], str, str | None]] = [
    ([1, 2], "Float64", "[1.0, 2.0]"),
    (["1"], "Int64", None),
    (["1", 2], "Float64", None),
    (["a"], "Float64", None),
    ([True, "1"], "Int64", None),
    ([True], "Float64", "[1.0]"),
    ([True, 2, False], "Float64", "[1.0, 2.0, 0.0]"),
    ([True, 0.5], "Float64", "[1.0, 0.5]"),
    ([True, 2], "Int64", "[1, 2]"),
    ([True, 2**63], "UInt64", f"[1, {2**63}]"),
    ([True, 0.5], "Int64", None),
    ([True, [1]], "Float64", None),
    ([2**63, 1], "UInt64", f"[{2**63}, 1]"),
    ([2**64, 0.5], "Float64", "[1.8446744073709552e+19, 0.5]"),
    ([2**63 + 1, 0.5], "Float64", None),
    ([2**53 + 1, 0.5], "Float64", None),
    ([0.5, -(2**53) - 1], "Float64", None),
    ([True, 0.5, 2**53 + 1], "Float64", None),
    ([2**53, 0.5], "Float64", f"[{2.0**53}, 0.5]"),
    ([2**60, 0.5], "Float64", f"[{2.0**60}, 0.5]"),
    ([2**60, 1.0], "Int64", f"[{2**60}, 1]"),
    ([2**53 + 1, 0.5], "Float32", f"[{2.0**53}, 0.5]"),
    ([0.5], "Int64", None),
    ([2**63], "Int64", None),
    ([-(2**70), 1], "UInt64", None),
    ([2.0**63, 0.5], "Int64", None),
    ([1e300], "Int8", None),
    ([math.inf, 1], "Int64", None),
    ([[1]], "Int64", None),
]


@pytest.mark.parametrize(("values", "dtype", "expected"), NUMBERS)
@pytest.mark.parametrize("to", ["polars", "pandas"])
def test_a_dtype_of_numbers_takes_numbers_alone_and_leaves_them_as_they_are(
    to: Frames, values: list[JSONValue], dtype: str, expected: str | None
) -> None:
    history: History = [("r", [{"_step": 0, "loss": value} for value in values])]
    target = getattr(pl, dtype) if to == "polars" else dtype
    with nullcontext() if expected else pytest.raises(SchemaError, match="'loss'"):
        assert json.dumps(column_of(history, to, target)) == expected


@pytest.mark.parametrize("large", [2**53 + 1, 2**64])
def test_float32_of_numpy_takes_missing_values_beside_large_integers(large: int) -> None:
    history: History = [("r", [{"_step": 0, "loss": value} for value in (large, 0.5, None)])]
    found = column_of(history, "pandas", "float32")
    assert found[:2] == [2.0 ** (large.bit_length() - 1), 0.5]
    assert found[2] != found[2]
    assert column_of(history, "polars", pl.Float32) == [*found[:2], None]


def test_objects_are_as_they_came_in_any_batch() -> None:
    batches: list[list[JSONValue]] = [
        [1],
        ["a", 1],
        [[1], True],
        [2**70],
        ["a"],
        [[1], {"a": 1}],
        [{"a": 1}, {"a": "NaN"}],
        [{}],
    ]
    for values in batches:
        history: History = [("r", [{"_step": 0, "loss": value} for value in values])]
        assert exact(column_of(history, "pandas", "object")) == exact(values)


LOGGED: list[tuple[JSONValue, str]] = [
    ("a", '"a"'),
    (1, "1"),
    (0.5, "0.5"),
    (True, "true"),
    (math.nan, "NaN"),
    ("NaN", "NaN"),
    (-math.inf, "-Infinity"),
    ('"', '"\\""'),
    (["a", 1], '["a",1]'),
    ("1", '"1"'),
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
        log_run(server, "team", "gaps", "r", history=[{"x": "a"}, {"y": 1}])
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
    in_polars = runs.iter_histories(keys=keys, format="polars", schema={"x": "json"})
    assert pl.concat(in_polars)["x"].to_list() == expected
    in_pandas = runs.iter_histories(keys=keys, format="pandas", schema={"x": "json"})
    values: list[object] = pd.concat(in_pandas)["x"].tolist()
    assert [None if value is pd.NA else value for value in values] == expected


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_numpy_text_dtypes_refuse_missing_values(mixed: Api, dtype: str) -> None:
    with pytest.raises(SchemaError, match=r"'x'.*missing"):
        list(mixed.runs("team/gaps").iter_histories(format="pandas", schema={"x": dtype}))


@pytest.mark.parametrize("per_page", [1, 50])
def test_batches_of_numbers_do_not_become_text(mixed: Api, per_page: int) -> None:
    runs = mixed.runs("team/mixed", per_page=per_page)
    with pytest.raises(SchemaError, match="give it 'json'"):
        list(runs.iter_histories(keys=["x"], format="polars", schema={"x": pl.String}))
    with pytest.raises(SchemaError, match="give it 'json'"):
        list(runs.iter_histories(keys=["x"], format="pandas", schema={"x": "string"}))
    with pytest.raises(SchemaError, match="give it 'json'"):
        list(runs.iter_histories(keys=["x"], format="polars", schema={"x": pl.Float64}))


def test_json_is_for_metrics_alone(mixed: Api) -> None:
    with pytest.raises(InvalidArgumentError, match="run_id"):
        mixed.runs("team/mixed").iter_histories(format="polars", schema={"run_id": "json"})


@pytest.mark.parametrize(
    ("to", "forms"),
    [
        (
            "polars",
            {
                "number": [pl.Float64, pl.Int8(), pl.Boolean],
                "text": [pl.String, pl.Categorical],
                "json": ["json"],
                None: [pl.Object, pl.Date],
            },
        ),
        (
            "pandas",
            {
                "number": ["float64", "Int8", "bool"],
                "text": ["string"],
                "object": ["object"],
                "json": ["json"],
                None: ["category"],
            },
        ),
    ],
)
def test_a_dtype_says_how_values_are_written(
    to: Frames, forms: dict[str | None, list[object]]
) -> None:
    for form, dtypes in forms.items():
        for dtype in dtypes:
            found = find_targets({"x": dtype}, to)
            assert [target.form for target in found.values()] == ([form] if form else [])
    assert find_targets({"run_id": pl.String if to == "polars" else "string"}, to) == {}
    assert find_targets(None, to) == {}

"""Strategies for histories of difficult values, and a reference model of their frames.

The model shares no code with the package: each value has a label, and the labels of a column decide
its dtype.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias

import pandas as pd
import polars as pl
from hypothesis import strategies as st

from wandb_runs.graphql.scalars import JSONValue, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandb_runs.frames.plan import HistoryPlan

Rows: TypeAlias = "list[dict[str, JSONValue]]"
History: TypeAlias = "list[tuple[str, Rows]]"

WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
LARGE = st.sampled_from([2**63, -(2**63) - 1, 2**64, 10**30, -(10**30)])
FLOATS = st.floats() | st.sampled_from([0.0, -0.0, 5.0, math.inf, -math.inf, math.nan])
NON_FINITE = st.sampled_from([*WORDS])
TEXTS = st.text() | st.sampled_from(["", "nan", "null", "1", "a\x00b", "\x1f", "línea\n", "😀"])
HALF_PAIR = st.just("half \ud83d")
NESTED = st.recursive(
    st.none() | st.booleans() | INTEGERS | LARGE | FLOATS | NON_FINITE | TEXTS | HALF_PAIR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
FLAT: list[st.SearchStrategy[JSONValue]] = [
    INTEGERS,
    FLOATS,
    INTEGERS | FLOATS,
    NON_FINITE,
    NON_FINITE | INTEGERS,
    NON_FINITE | FLOATS,
    st.booleans(),
    st.booleans() | INTEGERS,
    st.booleans() | NON_FINITE | FLOATS,
    TEXTS,
    TEXTS | NON_FINITE,
    TEXTS | st.sampled_from([math.nan, math.inf, -math.inf]),
    TEXTS | HALF_PAIR,
    LARGE | INTEGERS,
    LARGE | FLOATS | NON_FINITE,
]
ALIKE: list[st.SearchStrategy[JSONValue]] = [
    *[
        st.lists(each | st.none(), max_size=3).map(list[JSONValue])
        for each in (st.integers(-3, 3) | FLOATS, INTEGERS | FLOATS, TEXTS)
    ],
    *[
        st.dictionaries(st.sampled_from(["min", ""]), each, min_size=1).map(dict[str, JSONValue])
        for each in (INTEGERS, FLOATS | NON_FINITE, st.booleans() | st.none())
    ],
]
"""Strategies for nested values, most of them with values of one type at each place."""

PALETTES = [*FLAT, NESTED, *ALIKE]
"""Strategies for values; each metric draws from one, so that columns of one dtype are common."""

RUNS = st.integers(0, 4)

NAMES = [
    *("_step", "_step_", "step", "_runtime", "_timestamp", "epoch", "loss", "eval/loss", "a.b"),
    *("run_id", "run_id_", "run_id__", "", "é\x00", "\ud83d", "\\ud83d", "\\ud83d_"),
]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw histories of runs: some are empty, and rows lack metrics or hold null for them."""
    palettes = {
        name: draw(st.sampled_from(PALETTES))
        for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    }
    row = st.fixed_dictionaries(
        {}, optional={name: values | st.none() for name, values in palettes.items()}
    )
    run_ids = draw(st.lists(st.text(min_size=1, max_size=4), max_size=4, unique=True))
    return [(run_id, draw(st.lists(row, max_size=6))) for run_id in run_ids]


@st.composite
def whole_histories(draw: st.DrawFn, names: Sequence[str]) -> History:
    """Draw histories whose rows hold exactly these metrics, in this order, but for one row."""
    palettes = {
        name: draw(st.sampled_from(PALETTES)).filter(lambda value: value is not None)
        for name in names
    }
    row = st.fixed_dictionaries(palettes)
    history = [(f"r{run}", draw(st.lists(row, max_size=4))) for run in range(draw(RUNS))]
    rows = [row for _, rows in history for row in rows]
    spoil = draw(st.booleans())
    if rows and spoil:
        spoilt = draw(st.sampled_from(rows))
        name = draw(st.sampled_from(names))
        match draw(st.sampled_from(["null", "missing", "more", "order"])):
            case "null":
                spoilt[name] = None
            case "missing":
                del spoilt[name]
            case "more":
                spoilt["more"] = 1
            case _:
                spoilt[name] = spoilt.pop(name)
    return history


def label(value: JSONValue) -> str:
    """The label of a value: its JSON type, or what makes it special."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "large"
    if isinstance(value, float):
        return "float" if math.isfinite(value) else "word"
    if isinstance(value, str):
        if value in WORDS:
            return "word"
        return "half" if any("\ud800" <= character <= "\udfff" for character in value) else "str"
    return "nested"


def dtype_of(values: Sequence[JSONValue], *, x_axis: str, name: str) -> str:
    """The polars dtype of a column; `JSON` and `Nested` for String columns of JSON texts.

    `Nested` are those that pandas has as Python objects.
    """
    labels = {label(value) for value in values}
    if not labels:
        return "Int64" if name == x_axis == "_step" else "Float64"
    if labels == {"int"}:
        return "Int64"
    if labels <= {"int", "float", "word"}:
        return "Float64"
    if labels == {"bool"}:
        return "Boolean"
    if labels == {"str"}:
        return "String"
    return "Nested" if labels == {"nested"} and is_uniform(values) else "JSON"


ONE_TYPE: Final = [{"dict"}, {"list"}, {"str"}, {"bool"}, {"short", "float"}, {"short", "long"}]
"""Labels of values that one type of Arrow holds, beside null."""

DEEPEST: Final = 32
"""Containers in each other up to which pandas has them as Python objects."""


def arrow_label(value: JSONValue) -> str:
    """What decides which type of Arrow holds a value."""
    if isinstance(value, dict | list | float):
        return type(value).__name__
    name = label(value)
    if isinstance(value, int) and name == "int":
        return "short" if abs(value) <= 2**53 else "long"
    return "str" if name == "word" else name


def is_uniform(values: Sequence[JSONValue]) -> bool:
    """Whether each place inside nested values has values of one type, which Parquet can hold."""
    places: dict[tuple[str | int, ...], set[str]] = defaultdict(set)

    def visit(value: JSONValue, place: tuple[str | int, ...]) -> None:
        places[place] |= set() if value is None else {arrow_label(value)}
        if isinstance(value, dict):
            for key, each in value.items():
                visit(each, (*place, key))
        elif isinstance(value, list):
            for each in value:
                visit(each, (*place, 0))

    for value in values:
        visit(value, ())
    parents = {place[:-1] for place in places if place}
    keys = {key for place in places for key in place if isinstance(key, str)}
    depths = [len(place) for place, labels in places.items() if labels & {"dict", "list"}]
    return (
        all(any(labels <= each for each in ONE_TYPE) for labels in places.values())
        and all(place in parents for place, labels in places.items() if labels == {"dict"})
        and not any("\0" in key or label(key) == "half" for key in keys)
        and max(depths, default=0) < DEEPEST
    )


def settle(value: JSONValue) -> JSONValue:
    """NaN and infinities as floats, whatever they were logged as."""
    return WORDS.get(value, value) if isinstance(value, str) else value


def logged(history: History, plan: HistoryPlan) -> History:
    """The rows and values that a plan keeps."""
    kept: History = []
    for run_id, rows in history:
        own: Rows = []
        for row in rows:
            there: dict[str, JSONValue] = {
                name: settle(value) for name, value in row.items() if value is not None
            }
            if plan.keys is not None:
                there = {name: there[name] for name in there if name in {plan.x_axis, *plan.keys}}
                required = {plan.x_axis, *plan.keys}
                if plan.stream == "default" and {*there} != required:
                    continue
                if not {*there} & ({*plan.keys} - {plan.x_axis} or {plan.x_axis}):
                    continue
            own.append(there)
        kept.append((run_id, own))
    return kept


def exact(value: object) -> str:
    """A text that is equal for values of equal type and value, NaN included."""
    return json.dumps(value, sort_keys=True)


def column(rows: Iterable[dict[str, JSONValue]], name: str) -> list[JSONValue]:
    """Return the values of a metric, without the rows that lack it."""
    return [row[name] for row in rows if name in row]


POLARS = {
    "Int64": pl.Int64(),
    "Float64": pl.Float64(),
    "Boolean": pl.Boolean(),
    "String": pl.String(),
    "Nested": pl.String(),
    "JSON": pl.String(),
}
PANDAS = {
    "Int64": "int64",
    "Float64": "float64",
    "Boolean": "bool",
    "String": "string",
    "Nested": "object",
    "JSON": "string",
}
PANDAS_WITH_MISSING = {**PANDAS, "Int64": "Int64", "Boolean": "boolean"}


def check_list(listed: Rows, name: str, expected: list[JSONValue]) -> None:
    assert [name in row for row in listed] == [value is not None for value in expected]
    assert exact([row.get(name) for row in listed]) == exact(expected)


def check_polars(series: pl.Series, dtype: str, expected: list[JSONValue]) -> None:
    assert series.dtype == POLARS[dtype]
    values = series.to_list()
    if dtype == "Float64":
        expected = floats(expected)
    elif dtype in {"Nested", "JSON"}:
        values = [None if value is None else decode(value) for value in values]
    assert exact(values) == exact(expected)


def check_pandas(series: pd.Series, dtype: str, expected: list[JSONValue]) -> None:
    missing = any(value is None for value in expected)
    assert series.dtype == (PANDAS_WITH_MISSING if missing else PANDAS)[dtype]
    values = series.tolist()
    if dtype == "Float64":  # pandas' float64 has NaN for both
        expected = [math.nan if value is None else value for value in floats(expected)]
    else:
        assert series.isna().tolist() == [value is None for value in expected]
        values = [None if value is pd.NA else value for value in values]
    if dtype == "JSON":
        values = [None if value is None else decode(value) for value in values]
    assert exact(values) == exact(expected)


def floats(values: list[JSONValue]) -> list[JSONValue]:
    return [float(value) if isinstance(value, int) else value for value in values]

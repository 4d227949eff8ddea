"""Frames in three formats: columns, dtypes and values of any logged rows."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Literal

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import (
    NAMES,
    check_list,
    check_pandas,
    check_polars,
    column,
    dtype_of,
    histories,
    logged,
    settle,
    whole_histories,
)

from wandb_runs.errors import MissingDependencyError
from wandb_runs.frames.build import build, check_installed
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.rows import read_rows
from wandb_runs.graphql.scalars import JSONValue, decode

if TYPE_CHECKING:
    from support.frames import History, Rows

    from wandb_runs.frames.plan import Format, HistoryPlan

STEPS = plan_histories()

REAL_NAMES = [name for name in NAMES if name not in {"", "run_id", "\ud83d"}]

plans = st.builds(
    plan_histories,
    keys=st.none() | st.lists(st.sampled_from(REAL_NAMES), min_size=1, max_size=4),
    x_axis=st.sampled_from(["_step", "_runtime", "epoch"]),
    stream=st.sampled_from(["default", "system"]),
)


def as_list(history: History, plan: HistoryPlan, *, run_id: bool = True) -> Rows:
    rows = build(history, plan, to="default", run_id=run_id)
    assert isinstance(rows, list)
    return rows


def as_pandas(history: History, plan: HistoryPlan, *, run_id: bool = True) -> pd.DataFrame:
    frame = build(history, plan, to="pandas", run_id=run_id)
    assert isinstance(frame, pd.DataFrame)
    return frame


def as_polars(history: History, plan: HistoryPlan, *, run_id: bool = True) -> pl.DataFrame:
    frame = build(history, plan, to="polars", run_id=run_id)
    assert isinstance(frame, pl.DataFrame)
    return frame


def read_all(history: History, plan: HistoryPlan) -> History:
    """The rows that are read from an answer with this history."""
    if plan.field == "sampledHistory":
        return [
            (run_id, read_rows(plan, [[row.copy() for row in rows]])) for run_id, rows in history
        ]
    return [
        (run_id, read_rows(plan, [json.dumps(row) for row in rows])) for run_id, rows in history
    ]


def as_frames_name_them(history: History, plan: HistoryPlan, *, run_id: bool) -> History:
    """Rename columns that no frame can have, as documented."""
    names = [*dict.fromkeys(name for _, rows in history for row in rows for name in row)]
    taken = {*names, *(["run_id"] if run_id else [])}
    renamed: dict[str, str] = {}
    for name in names:
        new = name.replace("\ud83d", "\\ud83d")
        if new == name and not (run_id and name == "run_id"):
            continue
        while new in taken:
            new += "_"
        taken.add(new)
        renamed[name] = new
    assert plan.keys is None or not renamed
    return [
        (run, [{renamed.get(name, name): value for name, value in row.items()} for row in rows])
        for run, rows in history
    ]


@settings(deadline=None, max_examples=250)
@given(history=histories(), plan=plans, run_id=st.booleans())
def test_all_formats_hold_the_logged_values(
    history: History, plan: HistoryPlan, *, run_id: bool
) -> None:
    listed = as_list(read_all(history, plan), plan, run_id=run_id)
    pandas = as_pandas(read_all(history, plan), plan, run_id=run_id)
    polars = as_polars(read_all(history, plan), plan, run_id=run_id)
    check_all(listed, pandas, polars, history, plan, run_id=run_id)


@settings(deadline=None, max_examples=250)
@given(
    data=st.data(),
    names=st.lists(st.sampled_from(REAL_NAMES), min_size=1, max_size=4, unique=True),
    run_id=st.booleans(),
)
def test_rows_with_exactly_the_requested_keys_give_the_same_frames(
    data: st.DataObject, names: list[str], *, run_id: bool
) -> None:
    history = data.draw(whole_histories(names))
    plan = plan_histories(keys=names, x_axis=names[0])
    listed = as_list(read_all(history, plan), plan, run_id=run_id)
    pandas = as_pandas(read_all(history, plan), plan, run_id=run_id)
    polars = as_polars(read_all(history, plan), plan, run_id=run_id)
    check_all(listed, pandas, polars, history, plan, run_id=run_id)
    assert all([*row] == [*names, "run_id"][: len(names) + run_id] for row in listed)


def check_all(
    listed: Rows,
    pandas: pd.DataFrame,
    polars: pl.DataFrame,
    history: History,
    plan: HistoryPlan,
    *,
    run_id: bool,
) -> None:
    history = as_frames_name_them(logged(history, plan), plan, run_id=run_id)
    rows = [row for _, own in history for row in own]
    run_ids = [run for run, own in history for _ in own]
    if plan.keys is None:
        found = {name for row in rows for name in row} - {plan.x_axis}
        names = [plan.x_axis, *sorted(found)]
    else:
        names = list(dict.fromkeys([plan.x_axis, *plan.keys]))

    assert polars.columns == list(pandas.columns) == [*names, *(["run_id"] if run_id else [])]
    assert len(listed) == len(pandas) == len(polars) == len(rows)
    assert isinstance(pandas.index, pd.RangeIndex)
    assert {name for row in listed for name in row} <= set(polars.columns)
    if run_id:
        assert [row["run_id"] for row in listed] == run_ids
        assert pandas["run_id"].tolist() == run_ids
        assert pandas["run_id"].dtype == "string"
        assert polars["run_id"].to_list() == run_ids
        assert polars["run_id"].dtype == pl.String
    for name in names:
        present = column(rows, name)
        dtype = dtype_of(present, x_axis=plan.x_axis, name=name)
        expected = [settle(row[name]) if name in row else None for row in rows]
        check_list(listed, name, expected)
        check_polars(polars[name], dtype, expected)
        check_pandas(pandas[name], dtype, expected)


NAN = math.nan
TABLE: list[tuple[list[JSONValue], str, str, str]] = [
    ([1, 2], "Int64", "int64", "[1, 2]"),
    ([1, None], "Int64", "Int64", "[1, null]"),
    ([2**63 - 1, -(2**63)], "Int64", "int64", "[9223372036854775807, -9223372036854775808]"),
    ([1, 2, 0.5], "Float64", "float64", "[1.0, 2.0, 0.5]"),
    ([5.0, None], "Float64", "float64", "[5.0, null]"),
    (["NaN", 1, "-Infinity"], "Float64", "float64", "[NaN, 1.0, -Infinity]"),
    (["NaN", None, "NaN"], "Float64", "float64", "[NaN, null, NaN]"),
    ([NAN, "Infinity"], "Float64", "float64", "[NaN, Infinity]"),
    ([True, False], "Boolean", "bool", "[true, false]"),
    ([None, True], "Boolean", "boolean", "[null, true]"),
    (["a", "NaN", None], "String", "string", '["\\"a\\"", "NaN", null]'),
    (["a", -math.inf], "String", "string", '["\\"a\\"", "-Infinity"]'),
    ([True, 1], "String", "string", '["true", "1"]'),
    ([True, "NaN"], "String", "string", '["true", "NaN"]'),
    ([1, "1"], "String", "string", '["1", "\\"1\\""]'),
    ([["NaN"], 1], "String", "string", '["[\\"NaN\\"]", "1"]'),
    ([{"b": 1, "a": [NAN]}], "String", "object", '["{\\"a\\":[NaN],\\"b\\":1}"]'),
    ([[1], [0.5, None]], "String", "object", '["[1]", "[0.5,null]"]'),
    ([{"a": 0.5}, {"a": "NaN"}], "String", "string", '["{\\"a\\":0.5}", "{\\"a\\":\\"NaN\\"}"]'),
    ([[True, 1], None], "String", "string", '["[true,1]", null]'),
    ([[1], {}], "String", "string", '["[1]", "{}"]'),
    ([{}], "String", "string", '["{}"]'),
    ([[2**63]], "String", "string", '["[9223372036854775808]"]'),
    ([[2**53 + 1], [0.5]], "String", "string", '["[9007199254740993]", "[0.5]"]'),
    ([{"a\0": 1}], "String", "string", '["{\\"a\\\\u0000\\":1}"]'),
    ([2**63, None], "String", "string", '["9223372036854775808", null]'),
    ([-(2**63) - 1], "String", "string", '["-9223372036854775809"]'),
    ([2**63, 0.5, "NaN"], "String", "string", '["9223372036854775808", "0.5", "NaN"]'),
    (["\ud83d", "b"], "String", "string", '["\\"\\\\ud83d\\"", "\\"b\\""]'),
]


@pytest.mark.parametrize(("values", "in_polars", "in_pandas", "cells"), TABLE)
def test_dtypes_follow_from_all_values(
    values: list[JSONValue], in_polars: str, in_pandas: str, cells: str
) -> None:
    lines = [json.dumps({"_step": step, "m": value}) for step, value in enumerate(values)]
    runs = [(f"run{step}", read_rows(STEPS, [line])) for step, line in enumerate(lines)]
    polars = as_polars(runs, STEPS)
    assert str(polars["m"].dtype) == in_polars
    assert json.dumps(polars["m"].to_list()) == cells
    assert as_pandas(runs, STEPS)["m"].dtype == in_pandas


@pytest.mark.parametrize(("values", "in_polars", "in_pandas", "cells"), TABLE)
def test_dtypes_follow_from_the_values_of_many_rows(
    values: list[JSONValue], in_polars: str, in_pandas: str, cells: str
) -> None:
    def runs() -> History:
        lines = [json.dumps({"_step": 7, "m": value}) for value in values]
        return [(f"run{run}", read_rows(STEPS, [line] * 1000)) for run, line in enumerate(lines)]

    polars = as_polars(runs(), STEPS)
    assert str(polars["m"].dtype) == in_polars
    assert json.dumps(polars["m"].to_list()[::1000]) == cells
    pandas = as_pandas(runs(), STEPS)
    assert pandas["m"].dtype == in_pandas
    listed = as_list(runs(), STEPS)
    for frame_ids in (pandas["run_id"].tolist(), polars["run_id"].to_list()):
        assert frame_ids == [row["run_id"] for row in listed]


def test_integers_too_large_for_a_float_are_exact() -> None:
    for values in ([10**400], [10**400, 0.5]):
        rows: Rows = [{"_step": 0, "m": value} for value in values]
        assert [row["m"] for row in as_list([("a", rows)], STEPS)] == values
        frame = as_pandas([("a", rows)], STEPS, run_id=False)
        assert [decode(text) for text in frame["m"]] == values


def test_a_key_first_seen_in_the_last_of_many_rows_is_kept() -> None:
    rows: Rows = [dict[str, JSONValue](_step=step, loss=1) for step in range(2000)]
    rows.append({"_step": 2000, "loss": 0.5, "late": "x"})
    frame = as_polars([("a", rows)], STEPS)
    assert frame.columns == ["_step", "late", "loss", "run_id"]
    assert frame["loss"].to_list() == [1.0] * 2000 + [0.5]
    assert frame["late"].null_count() == 2000
    assert frame["late"][-1] == "x"


@pytest.mark.parametrize("run_ids", [[], ["a"]])
def test_an_empty_result_keeps_its_columns(run_ids: list[str]) -> None:
    runs: History = [(run_id, []) for run_id in run_ids]
    plan = plan_histories(keys=["loss", "accuracy"])
    assert as_list(runs, plan) == []
    assert as_polars(runs, plan).schema == {
        "_step": pl.Int64,
        "loss": pl.Float64,
        "accuracy": pl.Float64,
        "run_id": pl.String,
    }
    pandas = as_pandas(runs, plan)
    assert list(map(str, pandas.dtypes)) == ["int64", "float64", "float64", "string"]
    assert isinstance(pandas.index, pd.RangeIndex)
    machine = plan_histories(stream="system")
    assert as_polars(runs, machine).schema == {
        "_runtime": pl.Float64,
        "run_id": pl.String,
    }
    assert as_pandas(runs, machine, run_id=False).columns.tolist() == ["_runtime"]


def test_a_metric_named_run_id_is_renamed() -> None:
    runs: History = [("a", [{"_step": 0, "run_id": "mine"}]), ("b", [{"_step": 0, "run_id_": 1}])]
    assert as_list(runs, STEPS) == [
        {"_step": 0, "run_id__": "mine", "run_id": "a"},
        {"_step": 0, "run_id_": 1, "run_id": "b"},
    ]
    assert as_polars(runs, STEPS).columns == ["_step", "run_id_", "run_id__", "run_id"]
    alone = as_pandas(runs[:1], STEPS, run_id=False)
    assert alone["run_id"].tolist() == ["mine"]


def test_names_with_equal_escapes_stay_distinct() -> None:
    rows: Rows = [{"_step": 0, "\ud83d\\ud83d": 1, "\\ud83d\ud83d": 2}]
    plain = as_list([("a", rows)], STEPS, run_id=False)
    assert plain == [{"_step": 0, "\\ud83d\\ud83d": 1, "\\ud83d\\ud83d_": 2}]
    assert as_polars([("a", rows)], STEPS, run_id=False).rows() == [(0, 1, 2)]


def test_a_list_reuses_the_given_rows_and_a_frame_does_not_change_them() -> None:
    rows: Rows = [{"_step": 0, "loss": [1]}]
    as_pandas([("a", rows)], STEPS)
    as_polars([("a", rows)], STEPS)
    assert rows == [{"_step": 0, "loss": [1]}]
    (listed,) = as_list([("a", rows)], STEPS)
    assert listed is rows[0]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_missing_library_is_an_error_with_the_pip_command(
    library: Literal["pandas", "polars"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    for ask in (lambda: check_installed(library), lambda: build([], STEPS, to=library)):
        with pytest.raises(MissingDependencyError) as caught:
            ask()
        assert f"pip install 'wandb-runs[{library}]'" in str(caught.value)
        assert isinstance(caught.value.__cause__, ImportError)
    check_installed("default")
    assert as_list([], STEPS) == []


def test_neither_library_is_imported_for_a_list() -> None:
    program = (
        "import sys; from wandb_runs.frames.build import build; "
        "from wandb_runs.frames.plan import plan_histories; "
        "build([('a', [{'_step': 0}])], plan_histories(), to='default'); "
        "assert not {'pandas', 'polars', 'numpy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_each_format_returns_its_type() -> None:
    formats: list[Format] = ["default", "pandas", "polars"]
    made = [build([("a", [{"_step": 0}])], STEPS, to=each) for each in formats]
    assert [type(each) for each in made] == [list, pd.DataFrame, pl.DataFrame]

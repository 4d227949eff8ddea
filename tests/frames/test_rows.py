"""Rows as the server sends them: nulls, keys, joins, and malformed answers."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frames import INTEGERS, NESTED, exact, histories, logged, settle, whole_histories

from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.rows import decode_rows, read_rows, rows_with_all

if TYPE_CHECKING:
    from support.frames import History

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.scalars import JSONValue

ALL = plan_histories()
LOSS = plan_histories(keys=["loss"])
MACHINE = plan_histories(stream="system")

ROWS = st.lists(
    st.dictionaries(st.sampled_from(["_step", "loss", "accuracy"]), NESTED | INTEGERS) | st.none()
)


def test_wandb_json_is_read() -> None:
    assert decode_rows(
        ['{"_step": 5.0, "text": "tab\there", "big": 123456789012345678901234567890}']
    ) == [{"_step": 5.0, "text": "tab\there", "big": 123456789012345678901234567890}]
    (row,) = decode_rows(['{"a": NaN, "b": -Infinity, "c": {"d": null}}'])
    assert isinstance(row["a"], float)
    assert math.isnan(row["a"])
    assert row["b"] == -math.inf
    assert row["c"] == {"d": None}


@pytest.mark.parametrize("plan", [ALL, MACHINE, LOSS])
@pytest.mark.parametrize("sent", [None, [], [None]])
def test_null_and_empty_answers_give_no_rows(plan: HistoryPlan, sent: object) -> None:
    assert read_rows(plan, sent) == []


@given(ROWS)
def test_nulls_count_as_missing_and_other_values_are_kept(
    sent: list[dict[str, JSONValue] | None],
) -> None:
    lines = [None if row is None else json.dumps(row) for row in sent]
    expected = [
        {name: settle(value) for name, value in row.items() if value is not None}
        for row in sent
        if row is not None
    ]
    assert exact(decode_rows(lines)) == exact(expected)
    assert exact(read_rows(ALL, lines)) == exact(expected)
    assert exact(read_rows(MACHINE, lines)) == exact(expected)


@given(histories())
def test_keys_keep_rows_with_all_metrics_or_any_machine_metric(history: History) -> None:
    for keys in (["loss"], ["loss", "epoch"], ["_runtime"]):
        metrics = plan_histories(keys=keys, x_axis="_runtime")
        machine = plan_histories(keys=keys, stream="system")
        for (_, rows), (_, expected) in zip(history, logged(history, metrics), strict=True):
            assert exact(read_rows(metrics, [rows])) == exact(expected)
        for (_, rows), (_, expected) in zip(history, logged(history, machine), strict=True):
            assert exact(read_rows(machine, [json.dumps(row) for row in rows])) == exact(expected)


@given(whole_histories(["_step", "loss", "lr"]))
def test_rows_with_exactly_the_requested_keys_are_not_copied(history: History) -> None:
    plan = plan_histories(keys=["loss", "lr"])
    for (_, rows), (_, expected) in zip(history, logged(history, plan), strict=True):
        is_exact = all([*row] == ["_step", "loss", "lr"] for row in rows) and len(expected) == len(
            rows
        )
        read = read_rows(plan, [rows])
        assert (read is rows) == (is_exact and rows != [])
        assert exact(read) == exact(expected)
        assert all([*row] == ["_step", "loss", "lr"] for row in read)


@pytest.mark.parametrize(
    "rows",
    [
        [{"_step": 0, "loss": 1}, ["_step", "loss"]],
        [{"_step": 0, "loss": 1}, "ab"],
        [["_step", "loss"]],
        [{"_step": 0, "loss": 1}, 5],
    ],
)
def test_items_that_are_no_rows_are_refused(rows: list[object]) -> None:
    with pytest.raises(ValueError, match="where an object was expected"):
        read_rows(LOSS, [rows])


def test_rows_have_the_x_axis_first_and_the_keys_as_given() -> None:
    plan = plan_histories(keys=["loss", "accuracy"], x_axis="epoch")
    (row,) = read_rows(plan, [[{"accuracy": 1, "_step": 7, "epoch": 2, "loss": 3}]])
    assert list(row.items()) == [("epoch", 2), ("loss", 3), ("accuracy", 1)]


def test_each_machine_monitor_has_rows_of_its_own() -> None:
    plan = plan_histories(keys=["system.cpu", "system.gpu.0.gpu"], stream="system")
    lines = [
        '{"_runtime": 1.5, "_timestamp": 9, "system.cpu": 50}',
        '{"_runtime": 1.6, "_timestamp": 9, "system.gpu.0.gpu": 90}',
        '{"_runtime": 1.7, "_timestamp": 9, "system.disk": 1}',
    ]
    assert read_rows(plan, lines) == [
        {"_runtime": 1.5, "system.cpu": 50},
        {"_runtime": 1.6, "system.gpu.0.gpu": 90},
    ]


MALFORMED: list[tuple[HistoryPlan, object, str]] = [
    (LOSS, {}, "sampledHistory is dict where a list was expected"),
    (LOSS, "[]", "sampledHistory is str where a list was expected"),
    (LOSS, [[], []], "sampledHistory holds 2 lists for 1 specs"),
    (LOSS, [{"loss": 1}], r"sampledHistory\[0\] is dict where a list was expected"),
    (LOSS, [[None, 1]], r"sampledHistory\[0\], row 1 is int where an object was expected"),
    (ALL, "{}", "the history is str where a list was expected"),
    (ALL, [{"loss": 1}], "row 0 is dict where JSON text was expected"),
    (ALL, ["{}", "[1]"], "row 1 is list where an object was expected"),
    (MACHINE, [None, '{"a": '], "row 1 is not JSON: .+"),
    (MACHINE, ["[" * 100_000], "row 0 is not JSON: .+"),
]


def test_an_answer_may_name_a_nested_key_or_nest_it() -> None:
    named: list[Row] = [{"_step": 0, "train.m2": 1}, {"_step": 1, "train.m2": None}]
    nested: list[Row] = [{"_step": 0, "train": {"m2": 1}}, {"_step": 1, "train": {"m2": None}}]
    for join in ("inner", "outer"):
        plan = plan_histories(keys=["train.m2"], join=join)
        for sent in (named, nested):
            assert read_rows(plan, [sent]) == [{"_step": 0, "train.m2": 1}]
    system = plan_histories(keys=["train.m2"], stream="system", x_axis="_step")
    rows = [json.dumps({"_runtime": 1, "train": {"m2": 2}}), json.dumps({"_runtime": 2})]
    assert read_rows(system, rows) == [{"_runtime": 1, "train.m2": 2}]


@pytest.mark.parametrize(("plan", "sent", "message"), MALFORMED)
def test_a_malformed_answer_is_refused_with_its_position(
    plan: HistoryPlan, sent: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_rows(plan, sent)


@given(ROWS)
def test_a_scan_keeps_the_rows_that_hold_all_keys(sent: list[dict[str, JSONValue] | None]) -> None:
    rows = decode_rows([json.dumps(row) for row in sent])
    both = rows_with_all(rows, ["loss", "accuracy"])
    assert exact(both) == exact([row for row in rows if "loss" in row and "accuracy" in row])
    (steps_and_loss,) = rows_with_all([{"lr": 1, "loss": 2, "_step": 3}], ["loss"])
    assert list(steps_and_loss.items()) == [("_step", 3), ("loss", 2)]

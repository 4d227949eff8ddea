"""Arguments of `histories`: defaults, specs, and what is refused."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.frames.plan import HistoryPlan, check_format, plan_histories
from wandb_runs.query.keys import check_keys

METRICS = st.text(min_size=1).filter(lambda name: name != "run_id")


def test_defaults_equal_those_of_wandb() -> None:
    assert plan_histories() == HistoryPlan(500, None, "_step", "default")


@pytest.mark.parametrize(
    ("keys", "stream", "field"),
    [
        (None, "default", "history"),
        (["loss"], "default", "sampledHistory"),
        (None, "system", "events"),
        (["system.cpu"], "system", "events"),
    ],
)
def test_the_field_follows_from_keys_and_stream(
    keys: list[str] | None, stream: Literal["default", "system"], field: str
) -> None:
    plan = plan_histories(keys=keys, stream=stream)
    assert plan.field == field
    assert bool(plan.specs) == (field == "sampledHistory")


@given(samples=st.integers(1, 2**31 - 1), keys=st.lists(METRICS, min_size=1), x_axis=METRICS)
def test_one_spec_has_the_x_axis_and_each_key_once(
    samples: int, keys: list[str], x_axis: str
) -> None:
    plan = plan_histories(samples, keys, x_axis)
    (spec,) = plan.specs
    sent = json.loads(spec)
    assert set(sent) == {"keys", "samples"}
    assert sent["samples"] == samples
    assert sent["keys"][0] == x_axis
    assert sorted(sent["keys"]) == sorted({x_axis, *keys})
    others = [key for key in sent["keys"] if key != x_axis]
    assert others == sorted(others, key=keys.index)
    assert plan.columns == tuple(sent["keys"])


def test_keys_may_be_literals_and_tuples() -> None:
    names: list[Literal["loss", "accuracy"]] = ["loss", "accuracy"]
    assert plan_histories(keys=names) == plan_histories(keys=("loss", "accuracy"))


def test_step_is_replaced_by_runtime_for_machine_metrics() -> None:
    plan = plan_histories(keys=["_step", "system.cpu", "_runtime"], stream="system")
    assert plan.columns == ("_runtime", "system.cpu")
    assert plan.keys == ("_runtime", "system.cpu")
    assert plan_histories(stream="system").x_axis == "_runtime"
    assert plan_histories(x_axis="_timestamp", stream="system").x_axis == "_timestamp"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": 0}, "samples must be an int of 1 or more; got int 0"),
        ({"samples": -5}, "got int -5"),
        ({"samples": True}, "got bool True"),
        ({"samples": 10.0}, "got float 10.0"),
        ({"samples": "10"}, "got str '10'"),
        ({"samples": None}, "got NoneType None"),
        ({"samples": 2**31}, "samples must be at most 2147483647"),
        ({"keys": "loss"}, r"write keys=\['loss'\]"),
        ({"keys": []}, "keys is empty"),
        ({"keys": ()}, "keys is empty"),
        ({"keys": {"loss"}}, "got set {'loss'}"),
        ({"keys": {"loss": 1}}, "got dict"),
        ({"keys": ["loss", 1]}, r"keys\[1\] is the name of a metric, a str; got int 1"),
        ({"keys": [None]}, r"keys\[0\] .* got NoneType None"),
        ({"keys": ["loss", ""]}, r"keys\[1\] .* got an empty string"),
        ({"keys": ["loss", "\ud83d"]}, r"keys\[1\] .*'\\ud83d' holds half a surrogate pair"),
        ({"keys": ["run_id"]}, "'run_id' is the column with each row's run id"),
        ({"x_axis": "run_id"}, "'run_id' is the column with each row's run id"),
        ({"x_axis": ""}, "x_axis .* got an empty string"),
        ({"x_axis": None}, "x_axis .* got NoneType None"),
        ({"stream": "sistem"}, "unknown stream 'sistem'; did you mean 'system'"),
        ({"stream": "gpu"}, "unknown stream 'gpu'; expected one of 'default', 'system'"),
        ({"stream": None}, "unknown stream None"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        plan_histories(**arguments)


def test_keys_of_a_scan_may_include_run_id() -> None:
    assert check_keys(["run_id", "loss", "loss"]) == ("run_id", "loss")
    assert check_keys(None) is None
    with pytest.raises(InvalidArgumentError, match="keys is empty"):
        check_keys([])


def test_an_unknown_format_is_refused_with_a_suggestion() -> None:
    assert [check_format(name) for name in ("default", "pandas", "polars")] == [
        "default",
        "pandas",
        "polars",
    ]
    with pytest.raises(InvalidArgumentError, match="unknown format 'Polar'; did you mean 'polars'"):
        check_format("Polar")
    with pytest.raises(InvalidArgumentError, match="unknown format None"):
        check_format(None)

"""`histories` of a project over HTTP: every row, in the order of runs, in few requests."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wandb_runs import Api, EmptyJoinWarning, InvalidArgumentError, Runs
from wandb_runs.graphql.scalars import decode
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.testing import LocalServer

RUNS = 13
OVER_HTTP = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def history_of(number: int) -> list[dict[str, JSONValue]]:
    """The history of run `number`: none, a few or many rows, with keys in some of them."""
    rows: list[dict[str, JSONValue]] = []
    for step in range(0 if number % 4 == 0 else number * 5):
        row: dict[str, JSONValue] = {"_step": step, "loss": 1 / (step + 1) if step else 1}
        if step % 2 == 0:
            row["accuracy"] = step / 100
        if number % 3 == 1:
            row[f"only/{number}"] = [step, None]
        if step == 7:
            row["late"] = math.nan
        rows.append(row)
    return rows


@pytest.fixture(scope="module")
def path(wandb_server: LocalServer) -> str:
    for number in range(RUNS):
        log_run(
            wandb_server,
            "team",
            "histories",
            f"h{number:02}",
            config={"number": number},
            history=history_of(number),
            events=[
                {"_runtime": float(second), f"system.{name}": second * 2.0}
                for second in range(number)
                for name in ("cpu", "gpu")
            ],
        )
    return "team/histories"


def keys_of(rows: list[dict[str, JSONValue]]) -> set[str]:
    return {key for row in rows for key in row}


@OVER_HTTP
@given(st.integers(1, 20), st.sampled_from(["+created_at", "-config.number"]))
def test_histories_without_keys_are_complete_and_in_the_order_of_runs(
    api: Api, wandb_server: LocalServer, path: str, per_page: int, order: str
) -> None:
    runs = api.runs(path, order=order, per_page=per_page)
    numbers = range(RUNS) if order.startswith("+") else range(RUNS)[::-1]
    wandb_server.clear_operations()
    rows = runs.histories(samples=1000)
    # Histories do not show whether any run has what the order names.
    looked_up = ("ListKeys",) * order.startswith("-")
    assert wandb_server.operations == (*["ListHistories"] * math.ceil(RUNS / per_page), *looked_up)

    expected = [
        {**row, "run_id": f"h{number:02}"} for number in numbers for row in history_of(number)
    ]
    assert len(rows) == len(expected)
    for row, logged in zip(rows, expected, strict=True):
        if "late" in logged:
            assert math.isnan(float(str(row.pop("late"))))
            del logged["late"]
        assert row == logged
        assert list(row)[-1] == "run_id"


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")
@OVER_HTTP
@given(
    st.integers(1, 20),
    st.integers(1, 70),
    st.lists(st.sampled_from(["loss", "accuracy", "late", "absent"]), min_size=1, unique=True),
)
def test_keys_select_the_rows_with_all_of_them(
    api: Api, wandb_server: LocalServer, path: str, per_page: int, samples: int, keys: list[str]
) -> None:
    runs = api.runs(path, per_page=per_page)
    wandb_server.clear_operations()
    is_disjoint = {"loss", "accuracy", "late"} <= {*keys} or {"accuracy", "late"} <= {*keys}
    named = pytest.warns(EmptyJoinWarning, match=r"h02, h03, h05, h06, h07.*join=\"outer\"")
    with named if is_disjoint and "absent" not in keys else nullcontext():
        rows = runs.histories(samples, keys)
    pages = math.ceil(RUNS / per_page)
    # A page with runs whose rows never hold all keys costs one more request, and so does a result
    # without any row.
    sent = [name for name in wandb_server.operations if rows or name != "GetHistoryKeys"]
    assert set(sent) == {"ListSampledHistories"}
    assert pages <= len(sent) <= (pages if len(keys) == 1 else 2 * pages)
    for number in range(RUNS):
        own = [row for row in rows if row["run_id"] == f"h{number:02}"]
        full = [row for row in history_of(number) if set(keys) <= set(row)]
        assert len(own) == min(samples, len(full))
        steps = [row["_step"] for row in own]
        assert set(map(str, steps)) <= {str(row["_step"]) for row in full}
        if own:
            assert steps[0] == full[0]["_step"]
            assert keys_of(own) == {"_step", *keys, "run_id"}
        if len(own) > 1:
            assert steps[-1] == full[-1]["_step"]


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")
@OVER_HTTP
@given(
    st.integers(1, 20),
    st.integers(1, 60),
    st.none() | st.just(["loss"]) | st.just(["loss", "accuracy"]) | st.just(["absent"]),
    st.sampled_from(["_step", "accuracy"]),
)
def test_the_three_formats_hold_the_same_values(
    api: Api, path: str, per_page: int, samples: int, keys: list[str] | None, x_axis: str
) -> None:
    runs = api.runs(path, per_page=per_page)
    rows = runs.histories(samples, keys, x_axis)
    polars = runs.histories(samples, keys, x_axis, format="polars")
    pandas = runs.histories(samples, keys, x_axis, format="pandas")
    assert list(pandas.columns) == polars.columns
    assert polars.columns[0] == x_axis
    assert polars.columns[-1] == "run_id"
    assert len(rows) == len(polars) == len(pandas)
    for name in polars.columns:
        listed = [row.get(name) for row in rows]
        if name.startswith("only/"):
            assert [None if v is None else decode(v) for v in polars[name].to_list()] == listed
            assert [v if isinstance(v, list) else None for v in pandas[name]] == listed
            continue
        for value, in_polars, in_pandas in zip(
            listed, polars[name].to_list(), pandas[name].tolist(), strict=True
        ):
            if value is None or value != value:  # noqa: PLR0124 - NaN
                assert (in_polars is None) == (value is None)
                assert in_pandas != in_pandas or in_pandas is None  # noqa: PLR0124 - NaN
            else:
                assert value == in_polars == in_pandas


@pytest.fixture(scope="module")
def cadences(wandb_server: LocalServer) -> list[dict[str, JSONValue]]:
    """Metrics logged at different steps, by separate calls, and more than once at some steps."""
    rows: list[dict[str, JSONValue]] = []
    for step in range(40):
        rows.append({"_step": step, "loss": step / 2, "epoch": step // 10})
        if step % 5 == 0:
            rows.append({"_step": step, "val": -step, "epoch": step // 10})
        if step % 8 == 0:
            rows.append({"_step": step, "val": -step - 0.5, "epoch": step // 10})
            rows.append({"_step": step, "loss": 0, "epoch": step // 10})
    rows.append({"_step": 40, "loss": 1, "val": 2, "epoch": 4})
    log_run(wandb_server, "team", "cadences", "r", history=rows)
    return rows


def outer(rows: list[dict[str, JSONValue]], keys: list[str]) -> list[dict[str, JSONValue]]:
    """The nth row of a step with one key, merged with the nth row with another."""
    places: dict[tuple[str, int], dict[str, JSONValue]] = {}
    for key in keys:
        counts: dict[str, int] = {}
        for row in rows:
            if key in row:
                step = f"{row['_step']:>9}"
                counts[step] = counts.get(step, -1) + 1
                cells = {name: row[name] for name in row if name in {"_step", "epoch", key}}
                places.setdefault((step, counts[step]), {}).update(cells)
    return [places[place] for place in sorted(places)]


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")
@OVER_HTTP
@given(
    st.lists(st.sampled_from(["loss", "val", "absent"]), min_size=1, unique=True),
    st.sampled_from(["_step", "epoch"]),
)
def test_an_outer_join_loses_no_row_of_any_key(
    api: Api,
    wandb_server: LocalServer,
    cadences: list[dict[str, JSONValue]],
    keys: list[str],
    x_axis: str,
) -> None:
    runs = api.runs("team/cadences")
    wandb_server.clear_operations()
    rows = runs.histories(1000, keys, x_axis, join="outer")
    looks = ("GetHistoryKeys",) if "absent" in keys else ()
    # Where a key has no row with the x axis, whether it has others is asked for.
    pages = 2 if x_axis == "epoch" and "absent" in keys else 1
    assert wandb_server.operations == (*("ListSampledHistories",) * pages, *looks)
    expected = [
        {name: row[name] for name in row if name in {x_axis, *keys}} | {"run_id": "r"}
        for row in outer(cadences, keys)
    ]
    assert rows == expected
    frame = runs.histories(1000, keys, x_axis, format="polars", join="outer")
    assert frame.rows() == [tuple(map(row.get, frame.columns)) for row in expected]
    assert api.run("team/cadences/r").history(1000, keys, x_axis, pandas=False, join="outer") == [
        {name: row[name] for name in row if name != "run_id"} for row in expected
    ]


def test_the_system_stream_works_with_and_without_keys(
    api: Api, wandb_server: LocalServer, path: str
) -> None:
    runs = api.runs(path, per_page=5)
    wandb_server.clear_operations()
    whole = runs.histories(stream="system", format="polars")
    assert wandb_server.operations == ("ListEvents",) * 3
    assert whole.columns == ["_runtime", "system.cpu", "system.gpu", "run_id"]
    assert len(whole) == 2 * sum(range(RUNS))
    some = runs.histories(stream="system", keys=["system.gpu"], format="polars")
    assert some.columns == ["_runtime", "system.gpu", "run_id"]
    assert len(some) == sum(range(RUNS))


def test_an_empty_result_keeps_its_columns(api: Api, path: str) -> None:
    runs = api.runs(path, {"config.number": {"$gt": 1000}})
    assert runs.histories(keys=["loss"]) == []
    frame = runs.histories(keys=["loss"], format="polars")
    assert {name: str(dtype) for name, dtype in frame.schema.items()} == {
        "_step": "Int64",
        "loss": "Float64",
        "run_id": "String",
    }


def test_a_column_that_turns_float_late_is_exact(api: Api, wandb_server: LocalServer) -> None:
    log_run(
        wandb_server,
        "team",
        "late",
        "r",
        history=[{"m": 0} for _ in range(150)] + [{"m": 0.5, "new": "x"}],
    )
    runs = api.runs("team/late")
    frame = runs.histories(format="polars")
    assert frame["m"].to_list()[-1] == 0.5
    assert frame["new"].to_list()[-1] == "x"
    assert runs.histories(format="pandas")["m"].iloc[-1] == 0.5


def test_histories_do_not_affect_the_listing(api: Api, path: str) -> None:
    runs = api.runs(path, per_page=4)
    first = runs[0]
    runs.histories(keys=["loss"])
    assert runs[0] is first
    assert len(list(runs)) == RUNS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keys": "loss"}, r"\['loss'\]"),
        ({"keys": []}, "empty"),
        ({"keys": [1]}, "str"),
        ({"keys": ["run_id"]}, "run_id"),
        ({"samples": 0}, "1 or more"),
        ({"samples": 2.5}, "int"),
        ({"format": "csv"}, "'default', 'pandas', 'polars'"),
        ({"format": "Polars"}, "'polars'"),
        ({"stream": "sytem"}, "'system'"),
        ({"x_axis": ""}, "x_axis"),
        ({"join": "left"}, "'inner', 'outer'"),
    ],
)
def test_wrong_arguments_are_refused_before_a_request(
    api: Api, wandb_server: LocalServer, arguments: dict[str, object], message: str
) -> None:
    wandb_server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=message):
        Runs(api.client, "team", "histories").histories(**arguments)  # type: ignore[call-overload] # wrong on purpose
    assert wandb_server.operations == ()

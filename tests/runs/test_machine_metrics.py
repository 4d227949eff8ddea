"""Machine metrics with keys: the rows of each key are sampled, however many others there are."""

from __future__ import annotations

import asyncio
import itertools
import warnings
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wandb_runs import Api, AsyncApi, UnknownMetricWarning
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONValue

Row: TypeAlias = "dict[str, JSONValue]"

pytestmark = pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")

KEY = "k" * 40
MONITORS = ("system.cpu", "system.gpu.0.gpu", "system.disk")
RUNS = itertools.count()


@pytest.fixture(scope="module")
def machine_server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


def rows_of(monitors: list[set[str]]) -> list[Row]:
    return [
        {"_runtime": float(at), **dict.fromkeys(sorted(names), at)}
        for at, names in enumerate(monitors)
    ]


def evenly(rows: list[Row], samples: int) -> list[Row]:
    """The first, the last, and others evenly between them, rounded down."""
    if len(rows) <= samples:
        return rows
    if samples == 1:
        return rows[:1]
    gap = (len(rows) - 1, samples - 1)
    return [rows[place * gap[0] // gap[1]] for place in range(samples)]


async def read_awaiting(url: str, path: str, samples: int, keys: list[str]) -> list[list[Row]]:
    async with AsyncApi(base_url=url, api_key=KEY) as api:
        runs, run = api.runs(path), await api.run(f"{path}/r")
        return [
            await runs.histories(samples, keys, stream="system"),
            await run.history(samples, keys, stream="system", pandas=False),
        ]


@settings(max_examples=30, deadline=None)
@given(
    monitors=st.lists(st.sets(st.sampled_from(MONITORS), max_size=2), min_size=1, max_size=40),
    keys=st.lists(st.sampled_from(MONITORS), min_size=1, unique=True),
    samples=st.integers(1, 12),
)
def test_the_rows_of_each_key_are_sampled(
    machine_server: LocalServer, monitors: list[set[str]], keys: list[str], samples: int
) -> None:
    name = f"p{next(RUNS)}"
    path, rows = f"machines/{name}", rows_of(monitors)
    log_run(machine_server, "machines", name, "r", events=rows)
    drawn = [
        row["_runtime"] for key in keys for row in evenly([r for r in rows if key in r], samples)
    ]
    expected = [
        {name: row[name] for name in ("_runtime", *keys) if name in row}
        for row in rows
        if row["_runtime"] in drawn
    ]
    with Api(base_url=machine_server.url, api_key=KEY) as api:
        runs, run = api.runs(path), api.run(f"{path}/r")
        ways: list[list[Row]] = [
            runs.histories(samples, keys, stream="system"),
            [row for batch in runs.iter_histories(samples, keys, stream="system") for row in batch],
            run.history(samples, keys, stream="system", pandas=False),
        ]
        frame = runs.histories(samples, keys, stream="system", format="polars")
    ways += asyncio.run(read_awaiting(machine_server.url, path, samples, keys))
    for read in ways:
        for row in read:
            row.pop("run_id", None)
        assert read == expected
    assert frame["_runtime"].to_list() == [row["_runtime"] for row in expected]
    for key in keys:
        assert frame[key].drop_nulls().to_list() == [row[key] for row in expected if key in row]


async def warn_awaiting(url: str, path: str, keys: list[str], x_axis: str) -> None:
    async with AsyncApi(base_url=url, api_key=KEY) as api:
        runs, run = api.runs(path), await api.run(f"{path}/r0")
        await runs.histories(3, keys, x_axis, stream="system")
        async for _ in runs.iter_histories(3, keys, x_axis, stream="system", format="pandas"):
            pass
        await run.history(3, keys, x_axis, stream="system", pandas=False)


def warn_blocking(url: str, path: str, keys: list[str], x_axis: str) -> None:
    with Api(base_url=url, api_key=KEY) as api:
        runs, run = api.runs(path), api.run(f"{path}/r0")
        runs.histories(3, keys, x_axis, stream="system", format="polars")
        _ = [*runs.iter_histories(3, keys, x_axis, stream="system")]
        run.history(3, keys, x_axis, stream="system", pandas=False)


@settings(max_examples=30, deadline=None)
@given(
    logged=st.lists(
        st.lists(st.sets(st.sampled_from(MONITORS)), max_size=4), min_size=1, max_size=3
    ),
    keys=st.lists(st.sampled_from(MONITORS), min_size=1, unique=True),
    awaits=st.booleans(),
)
def test_a_machine_metric_is_told_if_and_only_if_no_run_has_it(
    machine_server: LocalServer, logged: list[list[set[str]]], keys: list[str], awaits: bool
) -> None:
    name = f"p{next(RUNS)}"
    for number, monitors in enumerate(logged):
        log_run(machine_server, "machines", name, f"r{number}", events=rows_of(monitors))
    machine_server.clear_operations()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if awaits:
            asyncio.run(warn_awaiting(machine_server.url, f"machines/{name}", keys, "_step"))
        else:
            warn_blocking(machine_server.url, f"machines/{name}", keys, "_step")
    assert {each.filename for each in caught} <= {__file__}
    told = [each.message for each in caught]
    assert all(isinstance(each, UnknownMetricWarning) for each in told)

    def unknown(runs: list[list[set[str]]]) -> list[list[str]]:
        missing = [key for key in keys if not any(key in names for run in runs for names in run)]
        return [missing] if missing and any(runs) else []

    expected = [*unknown(logged) * 2, *unknown(logged[:1])]
    assert [[*each.nearest] for each in told if isinstance(each, UnknownMetricWarning)] == expected
    assert [
        (each.stream, each.checked) for each in told if isinstance(each, UnknownMetricWarning)
    ] == [("system", sum(map(bool, logged)))] * len(unknown(logged) * 2) + [("system", 1)] * len(
        unknown(logged[:1])
    )
    # The names came with the rows.
    assert {*machine_server.operations} <= {"ListEvents", "GetRun", "GetEvents"}


@pytest.mark.parametrize("awaits", [False, True])
@pytest.mark.parametrize(
    ("keys", "x_axis", "message"),
    [
        (
            ["system.cpuu"],
            "_step",
            "no machine metric of {} is 'system.cpuu' (did you mean 'system.cpu'?)",
        ),
        (
            ["system.cpu", "sytem.disk", "x"],
            "_step",
            "no machine metric of {} is 'sytem.disk' (did you mean 'system.disk'?) or 'x'",
        ),
        (
            ["system.cpu"],
            "_runtme",
            "no machine metric of {} is '_runtme' (did you mean '_runtime'?)",
        ),
        (["system.cpu"], "_timestamp", None),
        (["system.null"], "_step", None),  # logged, and never with a value
    ],
)
def test_misspelt_machine_metrics_are_told_with_the_nearest_one(
    machine_server: LocalServer, awaits: bool, keys: list[str], x_axis: str, message: str | None
) -> None:
    name = f"p{next(RUNS)}"
    row: Row = {"_runtime": 1.0, "system.cpu": 1, "system.disk": 2, "system.null": None}
    for run_id in ("r0", "r1"):
        log_run(machine_server, "machines", name, run_id, events=[row])
    log_run(machine_server, "machines", name, "without")
    arguments = (machine_server.url, f"machines/{name}", keys, x_axis)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if awaits:
            asyncio.run(warn_awaiting(*arguments))
        else:
            warn_blocking(*arguments)
    expected = [] if message is None else [message.format("2 runs")] * 2
    expected += [] if message is None else [message.format("run 'r0'")]
    assert [str(each.message) for each in told] == expected


def test_few_rows_among_many_are_all_found(machine_server: LocalServer) -> None:
    monitors = [{"system.disk"} if at % 50 == 25 else {"system.cpu"} for at in range(5_000)]
    log_run(machine_server, "machines", "few", "r", events=rows_of(monitors))
    with Api(base_url=machine_server.url, api_key=KEY) as api:
        runs = api.runs("machines/few")
        for samples, expected in ((50, 50), (500, 100)):
            assert len(runs.histories(samples, ["system.disk"], stream="system")) == expected
        both = runs.histories(50, ["system.cpu", "system.disk"], stream="system")
    assert [sum(key in row for row in both) for key in ("system.cpu", "system.disk")] == [50, 50]


def test_whole_streams_are_requested_for_few_runs_at_once(machine_server: LocalServer) -> None:
    with Api(base_url=machine_server.url, api_key=KEY) as api:
        runs = api.runs("machines/few")
        keyed = runs.explain("histories", samples=10, keys=["system.cpu"], stream="system")
        assert (keyed.runs_per_request, keyed.variables["samples"]) == (3, 2**31 - 1)
        whole = runs.explain("histories", samples=10, stream="system")
        assert (whole.runs_per_request, whole.variables["samples"]) == (1000, 10)

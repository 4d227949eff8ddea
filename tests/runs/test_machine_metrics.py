"""Machine metrics with keys: the rows of each key are sampled, however many others there are."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wandb_runs import Api, AsyncApi
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

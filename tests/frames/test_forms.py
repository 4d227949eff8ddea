"""One value, one form: whatever way a value is read, its column follows the same rules."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Final, TypeAlias

import anyio
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.frames import (
    FLAT,
    INTEGERS,
    LARGE,
    WORDS,
    check_list,
    check_pandas,
    check_polars,
    column,
    dtype_of,
    settle,
)

from wandb_runs import Api, AsyncApi
from wandb_runs.graphql.scalars import JSONValue
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from support.frames import Rows

    from wandb_runs import Runs

Result: TypeAlias = "Rows | pd.DataFrame | pl.DataFrame"

METRICS: Final = ["m", "n", "eval/m"]
BOTH: Final = ["m", "n"]
RUN_IDS: Final = ["r0", "r1"]

LEAVES: st.SearchStrategy[JSONValue] = st.sampled_from([1, "NaN", True, "a", 1.5, None])
MIXED: list[JSONValue] = [*WORDS, [1], {"a": "-Infinity"}, 1, True, "1"]

FORMS: list[st.SearchStrategy[JSONValue]] = [
    *FLAT,
    st.lists(LEAVES).map(list[JSONValue]),
    st.dictionaries(st.sampled_from(["a", "b"]), LEAVES).map(dict[str, JSONValue]),
    st.sampled_from(MIXED),
    INTEGERS | LARGE | st.sampled_from(["1", "2"]),
]
"""Strategies for values of a column; inside nested values nothing but text stands for NaN."""

numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    # Of JSON: a column of a file has one type, an integer past 64 bits that of floats.
    with LocalServer(exports=False) as server:
        yield server


@st.composite
def projects(draw: st.DrawFn) -> list[Rows]:
    """Draw the rows of two runs, each with some metrics."""
    palettes = {name: draw(st.sampled_from(FORMS)) for name in METRICS}
    row = st.fixed_dictionaries({}, optional={name: palettes[name] for name in METRICS})
    return [draw(st.lists(row.filter(bool), min_size=1, max_size=5)) for _ in RUN_IDS]


def log(server: LocalServer, project: str, drawn: list[Rows]) -> None:
    for run_id, rows in zip(RUN_IDS, drawn, strict=True):
        log_run(
            server,
            "team",
            project,
            run_id,
            config=rows[0],
            summary=rows[0],
            history=[{"_step": step, **row} for step, row in enumerate(rows)],
        )


def check(found: Result, rows: Rows, names: list[str] | None = None) -> None:
    """Check the metrics of a result against rows, which say in what order values come."""
    expected = [{name: settle(row[name]) for name in row} for row in rows]
    assert len(found) == len(expected)
    for name in names or METRICS:
        values = [row.get(name) for row in expected]
        dtype = dtype_of(column(expected, name), x_axis="_step", name=name)
        if isinstance(found, list):
            check_list(found, name, values)
        elif not any(value is not None for value in values) and name not in found.columns:
            assert names is None
        elif isinstance(found, pd.DataFrame):
            check_pandas(found[name], dtype, values)
        else:
            check_polars(found[name], dtype, values)


def histories_of(runs: Runs, keys: list[str] | None) -> list[Result]:
    """The histories by each way that reads many runs."""
    return [
        runs.histories(keys=keys),
        runs.histories(keys=keys, format="pandas"),
        runs.histories(keys=keys, format="polars"),
        [row for batch in runs.iter_histories(keys=keys) for row in batch],
        *runs.iter_histories(keys=keys, format="pandas"),
        *runs.iter_histories(keys=keys, format="polars"),
    ]


@pytest.mark.filterwarnings("ignore::wandb_runs.EmptyJoinWarning")
@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(projects())
def test_each_way_of_reading_gives_a_value_the_same_form(
    server: LocalServer, drawn: list[Rows]
) -> None:
    project = f"forms{next(numbers)}"
    log(server, project, drawn)
    every = [row for rows in drawn for row in rows]
    with Api(base_url=server.url, api_key="k" * 40) as api:
        runs = api.runs(f"team/{project}")
        for found in histories_of(runs, None):
            check(found, every)
        for keys in (["m"], BOTH):
            held = [row for row in every if {*keys} <= {*row}]
            for found in histories_of(runs, keys) if held else ():
                check(found, held, keys)
        merged = [row for row in every if {*BOTH} & {*row}]
        check(runs.histories(keys=BOTH, join="outer"), merged, BOTH)
        check(runs.histories(keys=BOTH, join="outer", format="pandas"), merged, BOTH)
        check(runs.histories(keys=BOTH, join="outer", format="polars"), merged, BOTH)

        run, rows = runs[0], drawn[0]
        check(run.history(pandas=False), rows)
        check(run.history(format="pandas"), rows)
        check(run.history(format="polars"), rows)
        check(list(run.scan_history()), rows)
        held = [row for row in rows if "m" in row]
        check(run.history(keys=["m"], pandas=False), held, ["m"])
        check(run.history(keys=["m"], format="pandas"), held, ["m"])
        check(run.history(keys=["m"], format="polars"), held, ["m"])
        check(list(run.scan_history(keys=["m"])), held, ["m"])

        first = [rows[0] for rows in drawn]
        for names in (None, BOTH):
            check(runs.configs(names), first, names)
            check(runs.configs(names, format="pandas"), first, names)
            check(runs.configs(names, format="polars"), first, names)
            check(runs.summaries(names), first, names)
            check(runs.summaries(names, format="pandas"), first, names)
            check(runs.summaries(names, format="polars"), first, names)


def test_nan_inside_a_nested_value_has_one_form_in_each_way_of_reading(
    server: LocalServer,
) -> None:
    value: JSONValue = {"low": -math.inf, "all": [math.inf, math.nan, "NaN", 1]}
    log(server, "inner", [[{"m": value, "n": 1}]] * 2)
    form = {"low": "-Infinity", "all": ["Infinity", "NaN", "NaN", 1]}
    with Api(base_url=server.url, api_key="k" * 40) as api:
        runs = api.runs("team/inner")
        run = runs[0]
        results: list[Rows] = [
            runs.histories(),
            runs.histories(keys=["m"]),
            runs.histories(keys=BOTH),
            runs.histories(keys=BOTH, join="outer"),
            *runs.iter_histories(),
            run.history(pandas=False),
            run.history(pandas=False, keys=["m"]),
            list(run.scan_history()),
            list(run.scan_history(keys=["m"])),
        ]
        assert [[row["m"] for row in rows] for rows in results] == [
            [form] * len(rows) for rows in results
        ]


def test_a_key_into_a_nested_value_gives_it_the_form_of_a_row(server: LocalServer) -> None:
    drawn: list[Rows] = [[{"a": {"m": "NaN"}}, {"a": {"m": 2}}], [{"a": {"m": "-Infinity"}}]]
    log(server, "nested", drawn)
    rows: Rows = [{"a.m": "NaN"}, {"a.m": 2}, {"a.m": "-Infinity"}]
    with Api(base_url=server.url, api_key="k" * 40) as api:
        runs = api.runs("team/nested")
        for found in histories_of(runs, ["a.m"]):
            check(found, rows, ["a.m"])
        assert str(list(runs[0].scan_history(keys=["a.m"]))) == (
            "[{'_step': 0, 'a.m': nan}, {'_step': 1, 'a.m': 2}]"
        )
        check(runs[0].history(keys=["a.m"]), rows[:2], ["a.m"])
        check(runs.configs(["a.m"], format="polars"), [rows[0], rows[2]], ["a.m"])
        check(runs.summaries(["a.m"]), [rows[0], rows[2]], ["a.m"])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_awaiting_gives_a_value_the_same_form(server: LocalServer, backend: str) -> None:
    drawn: list[Rows] = [
        [{"m": "-Infinity", "n": 1}, {"m": "text", "n": "1"}, {"eval/m": ["NaN"]}],
        [{"m": math.nan, "n": True}, {"n": 2**64}],
    ]
    project = f"awaited-{backend}"
    log(server, project, drawn)
    every = [row for rows in drawn for row in rows]

    async def read() -> None:
        async with AsyncApi(base_url=server.url, api_key="k" * 40) as api:
            runs = api.runs(f"team/{project}")
            check(await runs.histories(), every)
            check(await runs.histories(format="pandas"), every)
            check(await runs.histories(keys=["m"], format="polars"), every[:2] + every[3:4], ["m"])
            check([row async for batch in runs.iter_histories() for row in batch], every)
            check(await runs.summaries(format="pandas"), [rows[0] for rows in drawn])
            run = await runs.get(0)
            check(await run.history(pandas=False), drawn[0])
            check([row async for row in run.scan_history()], drawn[0])

    anyio.run(read, backend=backend)

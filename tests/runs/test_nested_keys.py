"""Keys with dots read values of nested objects, in the same way by each method that takes keys."""

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

# Many of the generated keys are in no row.
pytestmark = [
    pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning"),
    pytest.mark.filterwarnings("ignore::wandb_runs.EmptyJoinWarning"),
]

KEY = "k" * 40
NAMES = st.sampled_from(["a", "b", "c", "a.b", "b.c"])
ASKED = ["a.b", "a.b.c", "c", "c.a", "b.c.a"]
OBJECTS: st.SearchStrategy[dict[str, JSONValue]] = st.dictionaries(
    NAMES,
    st.recursive(
        st.integers(0, 9) | st.none(), lambda inner: st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_size=4,
)
RUNS = itertools.count()


@pytest.fixture(scope="module")
def nested_server() -> Iterator[LocalServer]:
    # A struct of Parquet has all fields: a null inside of an object is none in files.
    with LocalServer(exports=False) as server:
        yield server


def expected(values: Row, key: str) -> JSONValue:
    """The value of a key, from its definition: the flat one, else that of the longest name."""
    if values.get(key) is not None:
        return values[key]
    parts = key.split(".")
    for length in range(len(parts) - 1, 0, -1):
        inner = values.get(".".join(parts[:length]))
        if isinstance(inner, dict):
            found = expected(inner, ".".join(parts[length:]))
            if found is not None:
                return found
    return None


def present(row: Row) -> Row:
    return {key: value for key, value in row.items() if value is not None}


async def read_awaiting(url: str, project: str, run_id: str, keys: list[str]) -> list[list[Row]]:
    async with AsyncApi(base_url=url, api_key=KEY) as api:
        runs, run = api.runs(project), await api.run(f"{project}/{run_id}")
        return [
            await runs.histories(keys=keys),
            [row async for batch in runs.iter_histories(keys=keys) for row in batch],
            await run.history(keys=keys, pandas=False),
            [row async for row in run.scan_history(keys=keys)],
        ]


@settings(max_examples=40, deadline=None)
@given(
    logged=st.lists(OBJECTS, min_size=1, max_size=6),
    asked=st.lists(st.sampled_from(ASKED), min_size=1, max_size=2, unique=True),
)
def test_each_way_of_reading_a_history_finds_the_same_nested_values(
    nested_server: LocalServer, logged: list[Row], asked: list[str]
) -> None:
    entity, name, run_id = "nested", f"p{next(RUNS)}", "r"
    project = f"{entity}/{name}"
    log_run(nested_server, entity, name, run_id, history=logged)
    rows = [
        {"_step": step, **{key: expected(row, key) for key in asked}}
        for step, row in enumerate(logged)
        if all(expected(row, key) is not None for key in asked)
    ]
    with Api(base_url=nested_server.url, api_key=KEY) as api:
        runs, run = api.runs(project), api.run(f"{project}/{run_id}")
        ways: list[list[Row]] = [
            runs.histories(keys=asked),
            [row for batch in runs.iter_histories(keys=asked) for row in batch],
            run.history(keys=asked, pandas=False),
            [*run.scan_history(keys=asked)],
        ]
        polars = runs.histories(keys=asked, format="polars")
        pandas = runs.histories(keys=asked, format="pandas")
        outer = runs.histories(keys=asked, join="outer")
    ways += asyncio.run(read_awaiting(nested_server.url, project, run_id, asked))
    for read in ways:
        for row in read:
            row.pop("run_id", None)
        assert read == rows
    whole = [row for row in rows if all(isinstance(each, int) for each in row.values())]
    if whole == rows:
        assert polars.drop("run_id").to_dicts() == rows
        assert pandas.drop(columns="run_id").to_dict("records") == rows
    for row in outer:
        row.pop("run_id")
    assert outer == [
        {"_step": step, **found}
        for step, row in enumerate(logged)
        if (found := present({key: expected(row, key) for key in asked}))
    ]


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@settings(max_examples=40, deadline=None)
@given(values=OBJECTS, asked=st.lists(st.sampled_from(ASKED), min_size=1, max_size=3, unique=True))
def test_configs_and_summaries_find_the_same_nested_values(
    nested_server: LocalServer, values: Row, asked: list[str]
) -> None:
    entity, project, run_id = "nested", f"p{next(RUNS)}", "r"
    path = f"{entity}/{project}"
    log_run(nested_server, entity, project, run_id, config=values, summary=values)
    found = present({key: expected(values, key) for key in asked})
    with Api(base_url=nested_server.url, api_key=KEY) as api:
        runs = api.runs(path)
        assert runs.configs(asked) == [found | {"run_id": run_id}]
        assert runs.summaries(asked) == [found | {"run_id": run_id}]
        [run] = api.runs(path, config_keys=asked, summary_keys=asked)
        assert present({**run.config}) == found
        assert present({**run.summary}) == found
        run.refresh()
        assert present({**run.config}) == found
        if all(isinstance(value, int) for value in found.values()):
            for frame in (
                runs.configs(asked, format="polars"),
                runs.summaries(asked, format="polars"),
            ):
                assert present(frame.drop("run_id").to_dicts()[0]) == found
                assert frame.columns == [*asked, "run_id"]


def test_a_flat_key_wins_over_a_nested_one(nested_server: LocalServer) -> None:
    both: Row = {"loss.min": 1, "loss": {"min": 2, "max": 3}}
    log_run(
        nested_server, "nested", "both", "r", config=both, summary=both, history=[both, {"loss": 4}]
    )
    log_run(nested_server, "nested", "both", "s", history=[{"loss.min": None, "loss": {"min": 5}}])
    keys = ["loss.min", "loss.max"]
    with Api(base_url=nested_server.url, api_key=KEY) as api:
        runs = api.runs("nested/both")
        found: Row = {"loss.min": 1, "loss.max": 3}
        assert runs.summaries(keys)[0] == found | {"run_id": "r"}
        assert runs.configs(keys)[0] == found | {"run_id": "r"}
        assert runs.histories(keys=keys) == [{"_step": 0} | found | {"run_id": "r"}]
        assert [*runs[0].scan_history(keys)] == [{"_step": 0} | found]
        assert [*runs[1].scan_history(keys[:1])] == [{"_step": 0, "loss.min": 5}]


def test_values_are_asked_for_by_all_that_may_hold_them(nested_server: LocalServer) -> None:
    with Api(base_url=nested_server.url, api_key=KEY) as api:
        runs = api.runs("nested/p", config_keys=["a.b.c", "lr"], summary_keys=["loss.min"])
        listing = runs.explain("list").variables
        assert listing["configKeys"] == ["a.b.c", "a.b", "a", "lr"]
        assert listing["summaryKeys"] == ["loss.min", "loss"]
        assert runs.explain("summaries", keys=["x.y"]).variables["keys"] == ["x.y", "x"]
        assert runs.explain("configs", keys=["x.y"]).variables["keys"] == ["x.y", "x"]


def test_history_keys_name_what_is_inside_objects(nested_server: LocalServer) -> None:
    image: Row = {"_type": "image-file", "path": "a.png"}
    rows: list[Row] = [{"train": {"m2": 1, "best": {"at": 2}}, "image": image}]
    log_run(nested_server, "nested", "keys", "r", history=rows)
    with Api(base_url=nested_server.url, api_key=KEY) as api:
        told = api.run("nested/keys/r").history_keys
    assert told is not None
    keys = told["keys"]
    assert isinstance(keys, dict)
    assert keys.keys() == {"_step", "train.m2", "train.best.at", "image"}

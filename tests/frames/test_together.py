"""Outer joins of many keys, asked for as inner joins: the result of an outer join."""

from __future__ import annotations

import json
import warnings
from itertools import count
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.answers import ChangedAnswer

from wandb_runs import Api, AsyncApi, WandbRunsWarning
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.rows import read_rows
from wandb_runs.graphql._generated import get_sampled_history
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wandb_runs import Row
    from wandb_runs.graphql.scalars import JSONValue

    Node = dict[str, JSONValue]
    Change = Callable[[list[Row], list[Row], Node], object]

KEYS = ["k00", "n.a", "epoch", *(f"k{number:02}" for number in range(1, 98))]
"""As many as are asked for together where `samples` is not given."""

FLAT = {key: 1 for key in KEYS if key != "n.a"}
STEPS = st.integers(0, 3)
VALUES: st.SearchStrategy[JSONValue] = st.sampled_from([1, 2.5, True, "text", "NaN", {"in": "NaN"}])

projects = count()


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server whose answers are changed, without other tests that use it."""
    with LocalServer() as started:
        yield started


@pytest.fixture(scope="module")
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="k") as made:
        yield made


def whole(step: int, value: JSONValue, nested: JSONValue, epoch: int) -> Row:
    return {"_step": step, **FLAT, "k00": value, "n": {"a": nested}, "epoch": epoch}


def lacking(row: Row, key: str) -> Row:
    return {name: value for name, value in row.items() if name != key}


WHOLE = st.builds(whole, STEPS, VALUES, VALUES, STEPS)
ROWS = st.lists(WHOLE, max_size=4) | st.lists(
    WHOLE | st.builds(lacking, WHOLE, st.sampled_from(["k00", "k97", "n", "epoch"])), max_size=4
)


def nested(row: Row) -> Row:
    if "n.a" not in row:
        return row
    inner: Row = {"a": row["n.a"]}
    return {"n": inner, **lacking(row, "n.a")}


def as_it_is(steps: list[Row], rows: list[Row], node: Node) -> None:
    """W&B's server, as far as it is known."""


def reverse_names(steps: list[Row], rows: list[Row], node: Node) -> None:
    rows[:] = [dict(reversed(row.items())) for row in rows]


def nest_names(steps: list[Row], rows: list[Row], node: Node) -> None:
    rows[:] = [*map(nested, rows)]


def reverse_rows(steps: list[Row], rows: list[Row], node: Node) -> None:
    """Rows that are not in the order of their steps."""
    if len({cast("int", row["_step"]) for row in steps}) == len(steps):
        steps.reverse()
        rows.reverse()


def fill_with_null(steps: list[Row], rows: list[Row], node: Node) -> None:
    """Rows that lack a key are given, with null for it."""
    held = {cast("int", row["_step"]): row for row in rows}
    if len({cast("int", row["_step"]) for row in steps}) == len(steps):
        nulls = dict.fromkeys(KEYS)
        rows[:] = [held.get(cast("int", row["_step"]), nulls | row) for row in steps]


def leave_out_the_count(steps: list[Row], rows: list[Row], node: Node) -> None:
    node["historyLineCount"] = None


def count_before_the_last_rows(steps: list[Row], rows: list[Row], node: Node) -> None:
    node["historyLineCount"] = len(rows)


CHANGES: list[Change] = [
    as_it_is,
    reverse_names,
    nest_names,
    reverse_rows,
    fill_with_null,
    leave_out_the_count,
    count_before_the_last_rows,
]


def changed(change: Change) -> ChangedAnswer:
    """An answer to keys that are asked for together, changed."""

    def apply(data: dict[str, JSONValue], variables: Mapping[str, object]) -> None:
        specs = cast("list[str]", variables.get("specs") or [])
        if len(specs) != 2 or json.loads(specs[0])["keys"] != ["_step"]:
            return
        project = cast("dict[str, dict[str, JSONValue]]", data["project"])
        if "run" in project:
            nodes = [project["run"]]
        else:
            edges = cast("list[dict[str, Node]]", project["runs"]["edges"])
            nodes = [edge["node"] for edge in edges]
        for node in nodes:
            steps, rows = cast("list[list[Row]]", node["sampledHistory"])
            change(steps, rows, node)

    return ChangedAnswer(apply)


def joined(api: Api, path: str, samples: int, x_axis: str, keys: list[str]) -> list[Row]:
    """The outer join of the rows of each key."""
    plan = plan_histories(samples, keys, x_axis, join="outer")
    rows: list[Row] = []
    for run in api.runs(path, order="+name"):
        entity, project, run_id = run.path
        answer = api.client.execute(
            get_sampled_history(entity=entity, project=project, id=run_id, specs=plan.specs)
        )
        assert answer.project is not None
        assert answer.project.run is not None
        own = read_rows(plan, answer.project.run.sampled_history)
        rows += ({**row, "run_id": run_id} for row in own)
    return rows


def read(api: Api, path: str, samples: int, x_axis: str, keys: list[str]) -> list[list[Row]]:
    """The same by each call."""
    runs = api.runs(path, order="+name")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WandbRunsWarning)
        batches = [*runs.iter_histories(samples, keys, x_axis, join="outer")]
        return [
            runs.histories(samples, keys, x_axis, join="outer"),
            [row for batch in batches for row in batch],
            [
                {**row, "run_id": run.id}
                for run in runs
                for row in run.history(samples, keys, x_axis, pandas=False, join="outer")
            ],
        ]


COMPLETE = [[whole(0, 1, 1, 1), whole(1, 2, 2, 2)]]
PARTIAL = [[whole(0, 1, 1, 1), lacking(whole(1, 1, 1, 1), "k97")]]


@settings(deadline=None, max_examples=40)
@example(COMPLETE, 500, "epoch", [*KEYS, "_step"], reverse_rows)
@example(PARTIAL, 500, "_step", KEYS, fill_with_null)
@example(PARTIAL, 10**6, "_step", KEYS, fill_with_null)
@example(PARTIAL, 500, "_step", KEYS, count_before_the_last_rows)
@given(
    st.lists(ROWS, min_size=1, max_size=2),
    st.sampled_from([500, 10**6]),
    st.sampled_from(["_step", "epoch"]),
    st.sampled_from([KEYS, [*KEYS, "_step"]]),
    st.sampled_from(CHANGES),
)
def test_keys_asked_for_together_give_the_outer_join_of_each(
    api: Api,
    server: LocalServer,
    histories: list[list[Row]],
    samples: int,
    x_axis: str,
    keys: list[str],
    change: Change,
) -> None:
    project = f"together{next(projects)}"
    for number, rows in enumerate(histories):
        log_run(server, "team", project, f"r{number}", history=rows)
    path = f"team/{project}"
    expected = joined(api, path, samples, x_axis, keys)
    with server.fail_always(changed(change)):
        found = read(api, path, samples, x_axis, keys)
    # As text: `1`, `1.0` and `True` are equal, and so are rows in another order of names.
    assert [*map(str, found)] == [str(expected)] * len(found)


def requests(server: LocalServer, call: Callable[[], object]) -> int:
    """How many requests for histories a call sends."""
    server.clear_operations()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WandbRunsWarning)
        call()
    return sum("SampledHistor" in name for name in server.operations)


@pytest.mark.parametrize(
    ("row", "samples", "of_one", "of_all"),
    [
        # Each page is of one run.
        (whole(0, 1, 1, 1), 500, 1, 12),
        (lacking(whole(0, 1, 1, 1), "k97"), 500, 2, 16),
        # One page; 50 keys, the others, and where these do not suffice, each of them.
        (whole(0, 1, 1, 1), 10**6, 2, 24),
        (lacking(whole(0, 1, 1, 1), "k97"), 10**6, 3, 36),
    ],
)
def test_an_attempt_in_vain_costs_a_request_of_the_first_pages(
    api: Api, server: LocalServer, row: Row, samples: int, of_one: int, of_all: int
) -> None:
    project = f"together{next(projects)}"
    for number in range(12):
        log_run(server, "team", project, f"r{number:02}", history=[row])
    runs = api.runs(f"team/{project}")
    one = runs[0]
    assert requests(server, lambda: one.history(samples, KEYS, join="outer")) == of_one
    found = requests(server, lambda: runs.histories(samples, KEYS, join="outer"))
    assert found <= of_all

    async def read_async() -> list[Row]:
        async with AsyncApi(base_url=server.url, api_key="k") as async_api:
            return await async_api.runs(f"team/{project}").histories(samples, KEYS, join="outer")

    assert requests(server, lambda: anyio.run(read_async)) <= of_all


def test_rows_that_were_left_out_as_too_many_are_sampled_for_each_key(
    api: Api, server: LocalServer
) -> None:
    keys = [f"many{number:04}" for number in range(5_000)]
    row = dict.fromkeys(keys, 1)
    sparse = dict.fromkeys(keys[1:], 2)
    rows: list[Row] = [{"_step": step, **(sparse if step == 4 else row)} for step in range(12)]
    log_run(server, "team", "sampled", "r0", history=rows)
    expected = joined(api, "team/sampled", 10, "_step", keys)
    assert len({cast("int", found["_step"]) for found in expected}) > 10
    found = api.runs("team/sampled").histories(10, keys, join="outer")
    assert [*map(str, found)] == [*map(str, expected)]

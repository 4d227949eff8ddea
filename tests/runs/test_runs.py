"""A `Runs` is the server's own answer, as a sequence, in as few requests as it says."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, cast

import httpx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from support.clocks import TickingClock
from support.request_counts import most_requests_for, requests_for

from wandb_runs import Api, InvalidArgumentError, NotFoundError, Run, Runs
from wandb_runs.query.filters import filters_to_json
from wandb_runs.query.order import parse_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs import RetryingClient
    from wandb_runs.testing import LocalServer

ONCE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

FILTERS: list[dict[str, object]] = [
    {},
    {"state": "finished"},
    {"config.optimizer": "adam"},
    {"config.lr": {"$lt": 0.5}},
    {"config.model.value.depth": {"$in": [0, 2]}},
    {"summary_metrics.eval/loss": {"$gte": 3}},
    {"summary.loss": {"$exists": False}},
    {"tags": {"$in": ["best"]}},
    {"display_name": {"$regex": "^fox-[123]$"}},
    {"$or": [{"state": "failed"}, {"group": "group-1"}]},
    {"$and": [{"config.optimizer": "sgd"}, {"$nor": [{"tags": "seed"}]}]},
    {"name": "no such run"},
]
ORDERS = [
    "+created_at",
    "-created_at",
    "created_at",
    "-heartbeat_at",
    "+config.lr.value",
    "-config.eval/metric",
    "config.model.value.depth",
    "-summary_metrics.loss",
    "+summary.eval/loss",
]


def unpaged(server: LocalServer, filters: dict[str, object], order: str) -> list[str]:
    """The server's own answer, in one page and without our client."""
    document = """query($filters: JSONString, $order: String) {
      project(name: "many", entityName: "team") {
        runs(filters: $filters, order: $order, first: 1000) { edges { node { name } } }
      }
    }"""
    variables = {"filters": filters_to_json(filters) or "{}", "order": parse_order(order)}
    answer = httpx.post(
        f"{server.url}/graphql", json={"query": document, "variables": variables}
    ).raise_for_status()
    return [edge["node"]["name"] for edge in answer.json()["data"]["project"]["runs"]["edges"]]


def sent(server: LocalServer, operation: str) -> int:
    return server.operations.count(operation)


def listed(server: LocalServer) -> tuple[str, ...]:
    """The operations, without those that look up a name which the first page does not show."""
    assert sent(server, "ListFields") <= sent(server, "ListKeys") <= 1
    return tuple(name for name in server.operations if name not in ("ListFields", "ListKeys"))


@pytest.fixture(scope="module")
def api(wandb_server: LocalServer) -> Iterator[Api]:
    """An `Api` that reads ahead, however fast the server is."""
    with Api(base_url=wandb_server.url, api_key="k" * 40, clock=TickingClock()) as api:
        yield api


@ONCE
@given(st.sampled_from(FILTERS), st.sampled_from(ORDERS), st.integers(1, 60), st.data())
def test_a_loop_gives_the_servers_answer_in_as_few_requests_as_possible(
    wandb_server: LocalServer,
    api: Api,
    many: str,
    filters: dict[str, object],
    order: str,
    per_page: int,
    data: st.DataObject,
) -> None:
    expected = unpaged(wandb_server, filters, order)
    taken = data.draw(st.integers(0, len(expected)))
    runs = api.runs(many, filters, order, per_page)

    wandb_server.clear_operations()
    assert [run.id for run in islice(runs, taken)] == expected[:taken]
    assert listed(wandb_server) == ("ListRuns",) * requests_for(math.ceil(taken / per_page))

    assert [run.id for run in runs] == expected
    pages = max(1, math.ceil(len(expected) / per_page))
    assert sent(wandb_server, "ListRuns") == requests_for(pages)
    assert len(runs) == len(expected)
    assert [run.id for run in runs] == expected
    assert listed(wandb_server) == ("ListRuns",) * requests_for(pages)


class RunsAreAList(RuleBasedStateMachine):
    """Whatever is done with a `Runs`, in any order, it answers as the list of its runs would."""

    api: Api
    server: LocalServer
    path: str

    @initialize(per_page=st.integers(1, 60), filters=st.sampled_from(FILTERS))
    def list_runs(self, per_page: int, filters: dict[str, object]) -> None:
        self.per_page = per_page
        self.expected = list(self.api.runs(self.path, filters, "-created_at", 1000))
        self.server.clear_operations()
        self.runs = self.api.runs(self.path, filters, "-created_at", per_page)
        self.loops = [iter(self.runs), iter(self.runs)]
        self.places = [0, 0]

    @rule(index=st.integers(-50, 50))
    def take_one(self, index: int) -> None:
        if -len(self.expected) <= index < len(self.expected):
            assert self.runs[index] == self.expected[index]
        else:
            with pytest.raises(IndexError):
                self.runs[index]

    @rule(
        start=st.none() | st.integers(-50, 50),
        stop=st.none() | st.integers(-50, 50),
        step=st.none() | st.integers(-3, 3).filter(bool),
    )
    def take_a_slice(self, start: int | None, stop: int | None, step: int | None) -> None:
        assert self.runs[start:stop:step] == self.expected[start:stop:step]

    @rule(which=st.integers(0, 1))
    def go_on_with_a_loop(self, which: int) -> None:
        run = next(self.loops[which], None)
        place = self.places[which]
        assert run == (self.expected[place] if place < len(self.expected) else None)
        self.places[which] += 1

    @rule()
    def count(self) -> None:
        assert len(self.runs) == self.runs.length == len(self.expected)

    @rule()
    def ask_whether_there_are_any(self) -> None:
        assert bool(self.runs) == bool(self.expected)

    @rule()
    def go_backwards(self) -> None:
        assert list(reversed(self.runs)) == self.expected[::-1]

    @rule(data=st.data())
    def look_for_one(self, data: st.DataObject) -> None:
        if self.expected:
            run = data.draw(st.sampled_from(self.expected))
            assert run in self.runs
            assert self.runs.index(run) == self.expected.index(run)
            assert self.runs.count(run) == 1

    @rule()
    def look_for_what_is_not_there(self) -> None:
        assert None not in self.runs
        with pytest.raises(TypeError, match="the items are runs"):
            _ = "run00" in self.runs

    @invariant()
    def no_page_is_asked_for_twice_and_the_count_at_most_once(self) -> None:
        pages = max(1, math.ceil(len(self.expected) / self.per_page))
        assert sent(self.server, "ListRuns") <= most_requests_for(pages)
        assert sent(self.server, "CountRuns") <= 1
        assert set(self.server.operations) <= {"ListRuns", "CountRuns"}


def test_runs_are_a_list(wandb_server: LocalServer, api: Api, many: str) -> None:
    RunsAreAList.api, RunsAreAList.server, RunsAreAList.path = api, wandb_server, many
    run_state_machine_as_test(
        RunsAreAList, settings=settings(max_examples=40, stateful_step_count=12, deadline=None)
    )


def test_making_runs_sends_nothing(wandb_server: LocalServer, api: Api, many: str) -> None:
    wandb_server.clear_operations()
    runs = api.runs(many)
    assert repr(runs) == "<Runs team/many>"
    assert repr(Runs(api.client, "team", "many")) == "<Runs team/many>"
    assert wandb_server.operations == ()


def test_len_asks_for_the_count_alone_and_once(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    wandb_server.clear_operations()
    runs = api.runs(many, per_page=10)
    assert [len(runs), len(runs), runs.length] == [47, 47, 47]
    assert wandb_server.operations == ("CountRuns",)
    assert len(list(runs)) == 47
    assert wandb_server.operations == ("CountRuns", *["ListRuns"] * 5)


def test_bool_costs_one_request_that_a_loop_can_use(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    wandb_server.clear_operations()
    runs = api.runs(many, per_page=10)
    assert runs
    assert runs[9].id
    assert wandb_server.operations == ("ListRuns",)


def test_listing_gives_config_and_summary_without_a_request_per_run(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    wandb_server.clear_operations()
    runs = api.runs(many, per_page=1000)
    configs = [run.config["optimizer"] for run in runs]
    assert configs == [("adam", "sgd")[number % 2] for number in range(47)]
    assert sum("loss" in run.summary for run in runs) == 41
    assert wandb_server.operations == ("ListRuns",)


def test_more_than_a_thousand_per_page_is_sent_as_a_thousand(api: Api, many: str) -> None:
    assert len(list(api.runs(many, per_page=5000))) == 47


def test_nested_loops_do_not_disturb_each_other(api: Api, many: str) -> None:
    runs = api.runs(many, per_page=5)
    pairs = [(a.id, b.id) for a in islice(runs, 7) for b in islice(runs, 12)]
    ids = [run.id for run in runs]
    assert pairs == [(a, b) for a in ids[:7] for b in ids[:12]]


def test_threads_share_one_listing(wandb_server: LocalServer, api: Api, many: str) -> None:
    wandb_server.clear_operations()
    runs = api.runs(many, per_page=3)
    gather = threading.Barrier(8)

    def read(_: int) -> list[str]:
        gather.wait()
        return [run.id for run in runs]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(read, range(8)))
    assert all(result == [f"run{number:02}" for number in range(47)] for result in results)
    assert sent(wandb_server, "ListRuns") == requests_for(16)


def test_equal_runs_come_from_different_listings(api: Api, many: str) -> None:
    first, second = api.runs(many)[3], api.run(f"{many}/run03")
    assert first == second
    assert hash(first) == hash(second)
    assert first != api.runs(many)[4]
    assert len({first, second}) == 1


@pytest.mark.parametrize("path", ["team/nothing", "missing/many"])
def test_a_project_that_is_not_there_is_named(api: Api, many: str, path: str) -> None:
    uses: list[Callable[[Runs], object]] = [list, len, bool, Runs.histories]
    for use in uses:
        with pytest.raises(NotFoundError, match=path):
            use(api.runs(path))


@pytest.mark.parametrize("per_page", [0, -1, True, "50", 2.0, None])
def test_a_wrong_page_size_is_refused(wandb_server: LocalServer, api: Api, per_page: int) -> None:
    wandb_server.clear_operations()
    with pytest.raises(InvalidArgumentError, match="per_page"):
        api.runs("team/many", per_page=per_page)
    assert wandb_server.operations == ()


def test_wrong_filters_and_orders_are_refused_when_made(
    wandb_server: LocalServer, api: Api
) -> None:
    wandb_server.clear_operations()
    with pytest.raises(InvalidArgumentError, match="state"):
        api.runs("team/many", {"stat": "finished"})
    with pytest.raises(InvalidArgumentError, match=r"summary_metrics\.loss"):
        api.runs("team/many", order="-loss")
    with pytest.raises(InvalidArgumentError, match=r"api\.client"):
        Runs(cast("RetryingClient", api), "team", "many")
    assert wandb_server.operations == ()


def test_another_client_is_used_as_it_is(api: Api, many: str) -> None:
    runs = Api(base_url="http://127.0.0.1:9").runs(client=api.client, entity="team", project="many")
    assert len(runs) == 47


def test_lazy_is_accepted_with_a_warning(api: Api, many: str) -> None:
    with pytest.warns(DeprecationWarning, match="lazy="):
        runs = api.runs(many, lazy=False)
    assert len(runs) == 47


def test_a_run_is_not_contained_in_another_project(
    api: Api, wandb_server: LocalServer, many: str
) -> None:
    run = api.runs(many)[0]
    wandb_server.clear_operations()
    assert run not in api.runs("team/other")
    assert wandb_server.operations == ()
    assert isinstance(run, Run)


@pytest.mark.parametrize("columns", [None, ["lr"]])
def test_a_frame_made_of_runs_names_the_call_that_makes_one(
    api: Api, many: str, columns: list[str] | None
) -> None:
    with pytest.raises(AttributeError, match=r"runs\.to_pandas\(\)"):
        pd.DataFrame(api.runs(many), columns=columns)
    assert not hasattr(api.runs(many), "ndim")
    with pytest.raises(AttributeError, match="'Runs' object has no attribute 'confgs'"):
        api.runs(many).confgs  # type: ignore[attr-defined] # noqa: B018 # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownExpressionType, reportUnusedExpression] - the point


def test_arrays_and_series_of_runs_hold_the_runs(api: Api, many: str) -> None:
    runs = api.runs(many)
    for made in (np.array(runs), pd.Series(runs), pl.Series(runs), pl.DataFrame(runs)["column_0"]):
        assert list(made) == list(runs)


@pytest.mark.parametrize("call", ["table", "to_pandas", "to_polars"])
def test_explaining_a_table_names_the_call_that_sends_the_same(
    api: Api, wandb_server: LocalServer, many: str, call: str
) -> None:
    runs = api.runs(many, per_page=100)
    with pytest.raises(InvalidArgumentError, match=f"'{call}' .* as 'list' does it"):
        runs.explain(call)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue, reportArgumentType] - the point
    wandb_server.clear_operations()
    runs.table()
    assert runs.explain("list").operation in wandb_server.operations

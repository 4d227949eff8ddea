"""The server's filters and orders select and sort like an implementation in plain Python."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.filter_language import Run, matches, ordered
from support.generated_runs import (
    KEYS,
    NOW,
    SUFFIXES,
    enveloped,
    fill,
    numbers,
    runs,
    scalars,
    values,
    words,
)

from wandb_runs.local.ingest import upsert_run
from wandb_runs.local.nodes import Project
from wandb_runs.local.sorting import select_ids
from wandb_runs.local.store import Store
from wandb_runs.local.where import BadRequestError, compile_filters
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONValue


def is_operators(operand: JSONValue) -> bool:
    return isinstance(operand, dict) and any(key.startswith("$") for key in operand)


paths = st.one_of(
    st.sampled_from(["name", "display_name", "displayName", "group", "job_type", "jobType"]),
    st.sampled_from(["host", "sweep", "tags", "username", "state", "duration", "Name", "State"]),
    st.builds("config.{}".format, st.sampled_from(KEYS)),
    st.builds("config.{}.value{}".format, st.sampled_from(KEYS), st.sampled_from(SUFFIXES)),
    st.builds("summary_metrics.{}{}".format, st.sampled_from(KEYS), st.sampled_from(SUFFIXES)),
)
states = st.sampled_from(["running", "finished", "crashed", "failed", "r1", "r2", "x", "xy"])
bounds = st.booleans() | numbers | words | st.none() | states
operands = scalars | states | values
tests = st.one_of(
    operands.filter(lambda operand: not isinstance(operand, dict)),
    st.fixed_dictionaries({}, optional={"$eq": operands, "$ne": operands}).filter(bool),
    st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), bounds, min_size=1),
    st.dictionaries(st.sampled_from(["$in", "$nin"]), st.lists(operands, max_size=3), min_size=1),
    st.dictionaries(st.just("$exists"), st.booleans(), min_size=1),
    st.dictionaries(st.just("$regex"), st.sampled_from(["a", "^a$", "", "b$", "x|r1"]), min_size=1),
    st.dictionaries(st.just("$contains"), words, min_size=1),
    st.dictionaries(st.just("$all"), st.lists(operands, max_size=3), min_size=1),
    st.dictionaries(st.just("$size"), st.sampled_from([0, 1, 2, 2.0, 2**70]), min_size=1),
)
tests |= st.recursive(
    tests.filter(is_operators),
    lambda inner: st.fixed_dictionaries({"$not": inner}),
    max_leaves=2,
)
moments = st.sampled_from(
    ["2024-10-04", "2024-10-03T23:54:59", "2024-10-04T02:00:00+02:00", "2024-10-03T00:00:00Z"]
)
time_tests = st.one_of(
    moments,
    st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$ne"]), moments, min_size=1),
    st.dictionaries(st.sampled_from(["$in", "$nin"]), st.lists(moments, max_size=2), min_size=1),
)
times = st.sampled_from(["created_at", "createdAt", "heartbeatAt"])
conditions = st.dictionaries(paths, tests, max_size=2) | st.dictionaries(
    times, time_tests, min_size=1, max_size=1
)
queries = st.recursive(
    conditions,
    lambda inner: (
        st.dictionaries(
            st.sampled_from(["$and", "$or", "$nor"]),
            st.lists(inner, min_size=1, max_size=3),
            min_size=1,
        )
        | st.fixed_dictionaries({"$not": inner})
    ),
    max_leaves=4,
)
orders = st.builds(
    "{}{}".format,
    st.sampled_from(["+", "-", ""]),
    st.one_of(
        st.sampled_from(["created_at", "heartbeatAt", "name", "group", "displayName", "state"]),
        st.builds("config.{}.value{}".format, st.sampled_from(KEYS), st.sampled_from(SUFFIXES)),
        st.builds("summary_metrics.{}{}".format, st.sampled_from(KEYS), st.sampled_from(SUFFIXES)),
    ),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("store") / "store.db", clock=lambda: NOW) as opened:
        yield opened


def listed(store: Store, name: str, query: JSONValue, order: str | None = None) -> list[str]:
    with store.read() as connection:
        project = Project.find(connection, "me", name, store.now())
        assert project is not None
        where = compile_filters(json.dumps(query), project.scope)
        return [run.name for run in project.runs(select_ids(project.scope, where, order, 0, 1000))]


@settings(max_examples=60, deadline=None)
@given(given_runs=st.lists(runs(), min_size=1, max_size=8), filters=st.lists(queries, max_size=8))
def test_filters_select_as_mongodb_does(
    store: Store, given_runs: list[Run], filters: list[dict[str, JSONValue]]
) -> None:
    project = fill(store, given_runs)
    for query in filters:
        expected = [run["name"] for run in given_runs if matches(run, query)]
        assert listed(store, project, query) == expected, query


def some_items() -> st.SearchStrategy[JSONValue]:
    """Few values, so that most operators find some runs and not others."""
    return st.sampled_from(["x", "xy", 1, 1.0, None, [], [1], ["x", 1]])


def some_operations() -> st.SearchStrategy[JSONValue]:
    operators: list[tuple[str, st.SearchStrategy[JSONValue]]] = [
        ("$all", st.lists(some_items(), min_size=1, max_size=2)),
        ("$size", st.integers(0, 3)),
        ("$contains", st.sampled_from(["", "x", "y", "X"])),
    ]
    return st.one_of([under(name, operands) for name, operands in operators])


def under(key: str, given: st.SearchStrategy[JSONValue]) -> st.SearchStrategy[JSONValue]:
    return given.map(lambda value: {key: value})


def some_arrays() -> st.SearchStrategy[JSONValue]:
    arrays = st.lists(some_items(), max_size=3)
    nested = under("b", arrays | some_items())
    return arrays | some_items() | nested | st.lists(nested, max_size=2)


def some_filters() -> st.SearchStrategy[dict[str, JSONValue]]:
    paths = ["tags", "config.a", "config.a.value.b", "summary_metrics.a.b"]
    some = some_operations()
    filters = st.dictionaries(
        st.sampled_from(paths), some | under("$not", some), min_size=1, max_size=2
    )
    return st.builds(negated, filters, st.booleans())


def negated(filters: dict[str, JSONValue], is_negated: bool) -> dict[str, JSONValue]:
    return {"$not": filters} if is_negated else filters


@settings(max_examples=60, deadline=None)
@given(
    held=st.lists(
        st.tuples(st.lists(st.sampled_from(["x", "xy"]), max_size=3), some_arrays()),
        min_size=1,
        max_size=8,
    ),
    filters=st.lists(some_filters(), min_size=4, max_size=12),
)
def test_operators_of_arrays_and_texts_select_as_mongodb_does(
    store: Store,
    held: list[tuple[list[JSONValue], JSONValue]],
    filters: list[dict[str, JSONValue]],
) -> None:
    given_runs: list[Run] = [
        {
            "stored": "finished",
            "state": "finished",
            "created_at": NOW,
            "tags": tags,
            "config": enveloped({"a": value}),
            "summary_metrics": {"a": value},
        }
        for tags, value in held
    ]
    project = fill(store, given_runs)
    for query in filters:
        expected = [run["name"] for run in given_runs if matches(run, query)]
        assert listed(store, project, query) == expected, query


def test_runs_are_sorted_by_the_first_value_at_a_path(store: Store) -> None:
    bare: Run = {
        "stored": "finished",
        "state": "finished",
        "created_at": NOW,
        "heartbeat_at": NOW,
        "config": {},
    }
    summaries: list[JSONValue] = [
        {},
        {"a": {"b": []}, "a.b": False},
        {"a": {"b": 2}, "a.b": 1},
        {"a.b": 1.5},
    ]
    given_runs = [bare | {"summary_metrics": summary} for summary in summaries]
    project = fill(store, given_runs)
    assert listed(store, project, {}, "+summary_metrics.a.b") == ["r3", "r2", "r0", "r1"]


@settings(max_examples=40, deadline=None)
@given(given_runs=st.lists(runs(), min_size=1, max_size=12), wanted=st.lists(orders, max_size=6))
def test_orders_sort_by_type_and_value(
    store: Store, given_runs: list[Run], wanted: list[str]
) -> None:
    project = fill(store, given_runs)
    for order in wanted:
        expected = [run["name"] for run in ordered(given_runs, order)]
        assert listed(store, project, {}, order) == expected, order


@settings(max_examples=25, deadline=None)
@given(
    given_runs=st.lists(runs(), min_size=3, max_size=12),
    order=orders,
    query=queries,
    size=st.integers(1, 5),
)
def test_pages_concatenate_to_the_full_listing(
    store: Store, given_runs: list[Run], order: str, query: dict[str, JSONValue], size: int
) -> None:
    name = fill(store, given_runs)
    whole = listed(store, name, query, order)
    assert whole == [run["name"] for run in ordered(given_runs, order) if matches(run, query)]
    for few in (True, False):  # with both query plans
        paged: list[str] = []
        with store.read() as connection:
            project = Project.find(connection, "me", name, store.now())
            assert project is not None
            where = compile_filters(json.dumps(query), project.scope)._replace(few=few)
            for offset in range(0, len(whole) + 1, size):
                ids = select_ids(project.scope, where, order, offset, size)
                paged += [run.name for run in project.runs(ids)]
        assert paged == whole


@settings(max_examples=10, deadline=None)
@given(given_runs=st.lists(runs(), min_size=1, max_size=6), filters=st.lists(queries, max_size=6))
def test_filters_over_http_select_the_same_runs(
    given_runs: list[Run], filters: list[dict[str, JSONValue]]
) -> None:
    with LocalServer(clock=lambda: NOW) as server:
        project = fill(server.store, given_runs)
        for query in filters:
            answer = ask(server, project, query)
            assert answer.status_code == 200
            found = answer.json()["data"]["project"]
            expected = [run["name"] for run in given_runs if matches(run, query)]
            assert [edge["node"]["name"] for edge in found["runs"]["edges"]] == expected
            assert found["runCount"] == len(expected)


def ask(server: LocalServer, project: str, filters: JSONValue) -> httpx.Response:
    query = """query List($project: String, $filters: JSONString) {
      project(entityName: "me", name: $project) {
        runCount(filters: $filters)
        runs(filters: $filters) { edges { node { name } } }
      }
    }"""
    variables = {"project": project, "filters": json.dumps(filters)}
    return httpx.post(f"{server.url}/graphql", json={"query": query, "variables": variables})


@pytest.mark.parametrize(
    "query",
    [
        {"summary.loss": 1},
        {"config.lr": {"$not": {}}},
        {"config.lr": {"$not": 1}},
        {"config.lr": {"$not": {"gt": 1}}},
        {"config.lr": {"$not": {"$gt": 1, "lt": 2}}},
        {"$not": [{"name": "r1"}]},
        {"name": {"$contains": 1}},
        {"tags": {"$all": "a"}},
        {"tags": {"$size": "1"}},
        {"tags": {"$size": -1}},
        {"tags": {"$size": 0.5}},
        {"tags": {"$size": True}},
        {"config.lr": {"$gt": 1, "value": 2}},
        {"$and": []},
        {"$or": {"name": "r1"}},
        {"$where": "true"},
        {"name": {"$in": "r1"}},
        {"name": {"$regex": "("}},
        {"name": {"$regex": "(?=r)"}},
        {"created_at": {"$gt": "yesterday"}},
        {"config.lr": {"$gt": [1]}},
        ["name"],
    ],
    ids=json.dumps,
)
def test_an_invalid_filter_is_a_bad_request(wandb_server: LocalServer, query: JSONValue) -> None:
    log_run(wandb_server, "me", "refused", "r1")
    answer = ask(wandb_server, "refused", query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]
    assert answer.json()["data"] == {"project": None}


def deep(levels: int) -> JSONValue:
    query: JSONValue = {"name": "r1"}
    for _ in range(levels):
        query = {"$nor": [query]}
    return query


@pytest.mark.parametrize(
    "query",
    [
        {"$or": [{"name": f"r{number}"} for number in range(3000)]},
        {"config.lr": {"$in": [number / 2 for number in range(300_000)]}},
        deep(450),
        {"config.lr": {"$all": [0] * 501}},
        {"config.lr": {"$all": [1] * 400, "$not": {"$all": [0] * 400}}},
    ],
    ids=["conditions", "values", "depth", "all", "all twice"],
)
def test_a_filter_too_large_is_a_bad_request(wandb_server: LocalServer, query: JSONValue) -> None:
    log_run(wandb_server, "me", "refused", "r1", config={"lr": 1})
    answer = ask(wandb_server, "refused", query)
    assert answer.status_code == 400
    assert "filters" in answer.json()["errors"][0]["message"]


def test_a_large_filter_is_accepted(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "me", "refused", "r1")
    query: JSONValue = {"$or": [{"name": f"r{number}"} for number in range(400)]}
    for large in (query, deep(40)):
        assert ask(wandb_server, "refused", large).json()["data"]["project"]["runCount"] == 1


def test_a_time_as_a_number_is_a_server_error_as_at_wandb(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "me", "refused", "r1")
    assert ask(wandb_server, "refused", {"created_at": {"$gt": 1.7e9}}).status_code == 500


@pytest.mark.parametrize("order", ["", None, "+config.lr", "-summary.loss", "+nothing", "-Name"])
def test_runs_with_an_unknown_order_come_in_order_of_creation(
    store: Store, order: str | None
) -> None:
    name = fill(store, [run_of("config", 3), run_of("config", 1), run_of("config", 2)])
    assert listed(store, name, {}, order) == ["r0", "r1", "r2"]
    assert listed(store, name, {}, "+config.lr.value") == ["r1", "r2", "r0"]
    assert listed(store, name, {}, "config.lr.value") == ["r0", "r2", "r1"]


def run_of(section: str, value: JSONValue) -> Run:
    run: Run = {"config": {}, "summary_metrics": {}, "stored": "finished", "created_at": NOW}
    run[section] = {"lr": {"value": value}}
    return run


def test_a_filter_can_have_more_values_than_sqlite_parameters(store: Store) -> None:
    name = fill(store, [run_of("config", 1), run_of("config", 2)])
    many: list[JSONValue] = [f"n{number}" for number in range(300_000)]
    assert listed(store, name, {"name": {"$in": [*many, "r1"]}}, "-config.lr.value") == ["r1"]
    assert listed(store, name, {"name": {"$nin": [*many, "r1"]}}, "-config.lr.value") == ["r0"]


def test_changed_values_are_found_and_former_ones_are_not(store: Store) -> None:
    name = fill(store, [run_of("config", 1)])
    with store.write() as writer:
        config = json.dumps({"lr": {"value": 2}, "new": {"value": [1, 2]}})
        upsert_run(writer, "me", name, "r0", {"group": "g"}, config=config, tags=["t"])
    assert listed(store, name, {"config.lr": 1}) == []
    assert listed(store, name, {"config.lr": 2}) == ["r0"]
    assert listed(store, name, {"config.new": 2}) == ["r0"]
    assert listed(store, name, {"group": "g", "tags": "t"}) == ["r0"]
    with store.write() as writer:
        upsert_run(writer, "me", name, "r0", {}, config="{}", tags=[])
    assert listed(store, name, {"config.new": {"$exists": True}}) == []
    assert listed(store, name, {"tags": "t"}) == []
    assert listed(store, name, {"group": "g"}) == ["r0"]


def test_an_unknown_operator_is_refused_by_name(store: Store) -> None:
    name = fill(store, [run_of("config", 1)])
    with pytest.raises(BadRequestError, match=r"\$foo"):
        listed(store, name, {"a": {"$foo": 1}})

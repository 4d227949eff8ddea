"""Conditions and orders of fields: the JSON that they send, the runs that they select, errors."""

from __future__ import annotations

import copy
import json
import operator
import pickle
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.filter_language import Run, compare, equal, found_at, kind, matches, ordered, values_at
from support.generated_runs import KEYS, NOW, fill, runs, words

import wandb_runs
from wandb_runs import (
    Api,
    Condition,
    Config,
    CreatedAt,
    DisplayName,
    Duration,
    FieldOrder,
    Group,
    HeartbeatAt,
    Host,
    InvalidArgumentError,
    JobType,
    RawFilter,
    RawOrder,
    RunId,
    State,
    Summary,
    SweepId,
    Tags,
    UpdatedAt,
    Username,
    WandbRunsError,
)
from wandb_runs.query import fields
from wandb_runs.query.filters import filters_to_json
from wandb_runs.query.order import parse_order
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs import Filters
    from wandb_runs.graphql.scalars import JSONValue

Predicate: TypeAlias = Callable[[Run], bool]
"""A condition in plain Python."""

ConditionAndPredicate: TypeAlias = tuple[Condition, Predicate]

TEXTS = [
    (RunId, "name"),
    (DisplayName, "display_name"),
    (State, "state"),
    (Group, "group"),
    (JobType, "job_type"),
    (Username, "username"),
    (Host, "host"),
    (SweepId, "sweep"),
]
INSTANTS = [(CreatedAt, "created_at"), (HeartbeatAt, "heartbeat_at")]
UNSECTIONED = [RunId, DisplayName, State, Group, JobType, Username, Host, SweepId, Tags, Duration]
SORTABLE = [CreatedAt, HeartbeatAt, UpdatedAt, RunId]

numbers = st.sampled_from([0, 1, 2, -1, 1.0, 0.5, 2**53 + 1, float(2**53), 2**70])
scalars = st.none() | st.booleans() | numbers | words
values: st.SearchStrategy[JSONValue] = scalars | st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=2)
    ),
    max_leaves=4,
)
names = st.sampled_from(["", "x", "y", "xy", "r1", "finished", "running", "crashed", "me"])
patterns = st.sampled_from(["a", "^a$", "", "b$", "x|r1"])
moments = st.sampled_from([0.0, 299.0, 301.0, 86400.0, 100.0]).map(
    lambda silent: datetime.fromtimestamp(NOW - silent, UTC)
)

# The result of each comparison by the outcome of `compare`; one of several values is enough.
COMPARISONS: dict[str, Callable[[int], bool]] = {
    "lt": lambda outcome: outcome < 0,
    "le": lambda outcome: outcome <= 0,
    "gt": lambda outcome: outcome > 0,
    "ge": lambda outcome: outcome >= 0,
}


def is_any(found: list[JSONValue], wanted: list[JSONValue]) -> bool:
    """Whether one of the values at a path is wanted; without a value it is null."""
    return any(equal(one, other) for one in found or [None] for other in wanted)


def predicate_at(path: str, test: Callable[[list[JSONValue]], bool]) -> Predicate:
    return lambda run: test(list(values_at(run, path)))


def unchanged(value: JSONValue) -> JSONValue:
    return value


@st.composite
def comparisons_of(
    draw: st.DrawFn,
    field: Any,  # noqa: ANN401 # fields of several types, compared with values of theirs
    path: str,
    equals: st.SearchStrategy[Any],
    bounds: st.SearchStrategy[Any],
    stored: Callable[[Any], JSONValue] = unchanged,
) -> ConditionAndPredicate:
    """A comparison of one field, and its predicate.

    `stored` converts an operand to the value that the run has.
    """
    kinds = ["eq", "ne", "is_in", "not_in", "exists", *COMPARISONS]
    match draw(st.sampled_from(kinds)):
        case "eq" | "ne" as sign:
            value = draw(equals)
            condition = getattr(operator, sign)(field, value)
            return condition, predicate_at(
                path, lambda found: is_any(found, [stored(value)]) is (sign == "eq")
            )
        case "is_in" | "not_in" as sign:
            several = draw(st.lists(equals, max_size=3))
            wanted = [stored(value) for value in several]
            return getattr(field, sign)(several), predicate_at(
                path, lambda found: is_any(found, wanted) is (sign == "is_in")
            )
        case "exists":
            exists = draw(st.booleans())
            return field.exists(exists), predicate_at(path, lambda found: bool(found) is exists)
        case sign:
            bound = draw(bounds)
            limit, holds = stored(bound), COMPARISONS[sign]
            return getattr(operator, sign)(field, bound), predicate_at(
                path,
                lambda found: any(
                    kind(value) == kind(limit) and holds(compare(value, limit)) for value in found
                ),
            )


@st.composite
def patterns_of(draw: st.DrawFn, field: Any, path: str) -> ConditionAndPredicate:  # noqa: ANN401 # as above
    pattern = draw(patterns)
    return field.matches(pattern), predicate_at(
        path,
        lambda found: any(isinstance(text, str) and re.search(pattern, text) for text in found),
    )


@st.composite
def sections(draw: st.DrawFn) -> tuple[Config | Summary, str]:
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2))
    if draw(st.booleans()):
        return Summary(*keys), ".".join(["summary_metrics", *keys])
    return Config(*keys), ".".join(["config", keys[0], "value", *keys[1:]])


@st.composite
def parts_of(draw: st.DrawFn, field: Any, path: str) -> ConditionAndPredicate:  # noqa: ANN401 # as above
    part = draw(words | names)
    return field.contains(part), predicate_at(
        path, lambda found: any(isinstance(text, str) and part in text for text in found)
    )


@st.composite
def lists_of(
    draw: st.DrawFn,
    field: Any,  # noqa: ANN401 # as above
    path: str,
    items: st.SearchStrategy[Any],
) -> ConditionAndPredicate:
    if draw(st.booleans()):
        wanted = draw(st.lists(items, min_size=1, max_size=3))
        return field.contains_all(wanted), predicate_at(
            path, lambda found: all(is_any(found, [item]) for item in wanted)
        )
    size = draw(st.integers(0, 3))
    return field.size(size), lambda run: any(
        isinstance(found, list) and len(found) == size for found in found_at(run, path.split("."))
    )


def labelled(tag: str) -> ConditionAndPredicate:
    return Tags.contains(tag), predicate_at("tags", lambda found: tag in found)


leaves: st.SearchStrategy[ConditionAndPredicate] = st.one_of(
    sections().flatmap(lambda field: comparisons_of(*field, values, numbers | words)),
    sections().flatmap(lambda field: patterns_of(*field)),
    st.sampled_from(TEXTS).flatmap(lambda field: comparisons_of(*field, names, names)),
    st.sampled_from(TEXTS).flatmap(lambda field: patterns_of(*field)),
    st.sampled_from(INSTANTS).flatmap(
        lambda field: comparisons_of(*field, moments, moments, datetime.timestamp)
    ),
    sections().flatmap(lambda field: parts_of(*field)),
    sections().flatmap(lambda field: lists_of(*field, values)),
    st.sampled_from(TEXTS).flatmap(lambda field: parts_of(*field)),
    lists_of(Tags, "tags", st.sampled_from("xyz")),
    comparisons_of(Duration, "duration", numbers, numbers),
    st.sampled_from("xyz").map(labelled),
)
mappings: st.SearchStrategy[dict[str, JSONValue]] = st.fixed_dictionaries(
    {},
    optional={
        "group": names,
        "config.a.value": numbers,
        "$nor": st.just([{"state": "failed"}]),
        "$and": st.just([{"state": "running"}]),
    },
)


def joined(
    inner: st.SearchStrategy[ConditionAndPredicate],
) -> st.SearchStrategy[ConditionAndPredicate]:
    def both(left: ConditionAndPredicate, right: ConditionAndPredicate) -> ConditionAndPredicate:
        return left[0] & right[0], lambda run: left[1](run) and right[1](run)

    def either(left: ConditionAndPredicate, right: ConditionAndPredicate) -> ConditionAndPredicate:
        return left[0] | right[0], lambda run: left[1](run) or right[1](run)

    def neither(one: ConditionAndPredicate) -> ConditionAndPredicate:
        return ~one[0], lambda run: not one[1](run)

    def with_mapping(
        one: ConditionAndPredicate, mapping: dict[str, JSONValue], before: bool
    ) -> ConditionAndPredicate:
        condition = mapping & one[0] if before else one[0] & mapping
        return condition, lambda run: one[1](run) and matches(run, mapping)

    return st.one_of(
        st.builds(both, inner, inner),
        st.builds(either, inner, inner),
        st.builds(neither, inner),
        st.builds(with_mapping, inner, mappings, st.booleans()),
    )


expressions: st.SearchStrategy[ConditionAndPredicate] = st.recursive(leaves, joined, max_leaves=5)
conditions = expressions.map(lambda pair: pair[0])


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(clock=lambda: NOW) as server:
        yield server


@pytest.fixture(scope="module")
def reader(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="k" * 40) as api:
        yield api


def listed(api: Api, project: str, filters: Filters) -> list[str]:
    return [run.id for run in api.runs(f"me/{project}", filters, include_sweeps=False)]


# Selected runs.


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@settings(max_examples=60, deadline=None)
@given(
    given_runs=st.lists(runs(), min_size=1, max_size=8),
    wanted=st.lists(expressions, min_size=1, max_size=8),
)
def test_a_condition_its_json_and_python_select_the_same_runs(
    server: LocalServer, reader: Api, given_runs: list[Run], wanted: list[ConditionAndPredicate]
) -> None:
    project = fill(server.store, given_runs)
    for condition, holds in wanted:
        expected = [run["name"] for run in ordered(given_runs, "+created_at") if holds(run)]
        assert listed(reader, project, condition) == expected, condition
        assert listed(reader, project, RawFilter(str(condition))) == expected, condition
        assert listed(reader, project, {"$and": [condition]}) == expected, condition


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@settings(max_examples=30, deadline=None)
@given(given_runs=st.lists(runs(), min_size=1, max_size=8), one=conditions, other=conditions)
def test_the_laws_of_logic_hold_on_the_server(
    server: LocalServer, reader: Api, given_runs: list[Run], one: Condition, other: Condition
) -> None:
    project = fill(server.store, given_runs)

    def select(condition: Condition) -> list[str]:
        return listed(reader, project, condition)

    assert select(~(one & other)) == select(~one | ~other)
    assert select(~(one | other)) == select(~one & ~other)
    assert select(one & other) == select(other & one)
    assert select(one | other) == select(other | one)
    assert select(one & ~one) == []
    everything = [run["name"] for run in given_runs]
    assert sorted(select(one) + select(~one)) == sorted(map(str, everything))


orders = st.one_of(
    st.sampled_from(
        # These runs are not changed after they were created.
        [*INSTANTS, (UpdatedAt, "created_at"), (RunId, "name")]
    ),
    sections(),
)


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@settings(max_examples=40, deadline=None)
@given(
    given_runs=st.lists(runs(), min_size=1, max_size=12),
    wanted=st.lists(orders, min_size=1, max_size=6),
)
def test_orders_of_fields_sort_as_python_does(
    server: LocalServer, reader: Api, given_runs: list[Run], wanted: list[tuple[Any, str]]
) -> None:
    project = fill(server.store, given_runs)
    for field, path in wanted:
        for order, sign in ((field.asc(), "+"), (field.desc(), "-")):
            expected = [run["name"] for run in ordered(given_runs, sign + path)]
            found = [run.id for run in reader.runs(f"me/{project}", order=order)]
            assert found == expected, order


ODD_KEYS = ["a.b", "a/b", "loss desc", " lr ", "*", "a, +b", "$lt", "value", "é", '"', "a.", "-x"]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_keys_are_exact(wandb_server: LocalServer, api: Api, key: str) -> None:
    project = f"odd-{ODD_KEYS.index(key)}"
    for number in (1, 3, 2):
        log_run(
            wandb_server, "team", project, f"r{number}", config={key: number}, summary={key: number}
        )
    log_run(wandb_server, "team", project, "r0", config={"other": 1}, summary={"other": 1})
    for field in (Config(key), Summary(key)):
        assert [run.id for run in api.runs(f"team/{project}", field >= 2)] == ["r3", "r2"]
        assert [run.id for run in api.runs(f"team/{project}", ~field.exists())] == ["r0"]
        found = [run.id for run in api.runs(f"team/{project}", order=field.desc())]
        assert found == ["r3", "r2", "r1", "r0"]


def test_conditions_and_orders_are_accepted_as_mappings_and_strings_are(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    condition = (State == "finished") & Tags.contains("best") & (Config("model", "depth") != 1)
    expected = {
        "state": "finished",
        "tags": "best",
        "config.model.value.depth": {"$ne": 1},
    }
    order = Summary("loss").desc()
    runs = api.runs(many, condition, order)
    same = api.runs(many, expected, "-summary_metrics.loss")
    assert [run.id for run in runs] == [run.id for run in same] != []
    assert len(runs) == len(same)
    assert json.loads(str(runs.explain().variables["filters"])) == json.loads(str(condition))
    assert runs.explain().variables["order"] == "-summary_metrics.loss"
    several = [run.id for run in api.runs(many, {"$nor": [condition, State == "failed"]})]
    assert several == [run.id for run in api.runs(many, ~(condition | (State == "failed")))]
    first = iter(api.runs(many, condition, order, limit=2))
    begun = [run.id for run in first]
    rest = api.runs(many, condition, order, checkpoint=first.checkpoint())
    assert begun + [run.id for run in rest] == [run.id for run in runs]


# Sent JSON.


@settings(deadline=None)
@given(conditions)
def test_a_condition_sends_what_its_mapping_sends(condition: Condition) -> None:
    document = json.loads(condition.query)
    assert filters_to_json(condition) == condition.query
    assert filters_to_json(document) == condition.query
    assert filters_to_json({"$or": [condition]}) == f'{{"$or":[{condition}]}}'
    assert repr(condition) == str(condition) == condition.query


@settings(deadline=None)
@given(conditions, conditions, conditions)
def test_joins_are_associative(one: Condition, two: Condition, three: Condition) -> None:
    assert (one & two) & three == one & (two & three)
    assert (one | two) | three == one | (two | three)
    if '{"$and":[' not in str(one) + str(two) + str(three):
        assert len(json.loads(str(one & two & three))["$and"]) == 3


@settings(deadline=None)
@given(conditions)
def test_a_double_negation_is_the_condition(condition: Condition) -> None:
    assert ~~condition == condition
    assert ~condition != condition


@settings(deadline=None)
@given(conditions, conditions)
def test_conditions_compare_and_hash_by_what_they_send(one: Condition, other: Condition) -> None:
    assert (one == other) is (one.query == other.query)
    assert (one != other) is (one.query != other.query)
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    assert hash(again) == hash(one)
    assert copy.copy(one) == copy.deepcopy(one) == one
    assert {one: 1}[again] == 1
    text: object = one.query
    assert one != text
    with pytest.raises(AttributeError):
        one.query = "{}"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] # the point


@pytest.mark.parametrize(
    ("condition", "sent"),
    [
        (Config("lr") < 0.1, '{"config.lr.value":{"$lt":0.1}}'),
        (np.float64(0.1) > Config("lr"), '{"config.lr.value":{"$lt":0.1}}'),
        (Config("model") == {"depth": 3}, '{"config.model.value":{"$eq":{"depth":3}}}'),
        (Config("model") == {}, '{"config.model.value":{"$eq":{}}}'),
        (Config("model.depth") == None, '{"config.model.depth.value":null}'),  # noqa: E711 # null
        (Config("widths") == (1, 2), '{"config.widths.value":[1,2]}'),
        (Config("seed").is_in(range(3)), '{"config.seed.value":{"$in":[0,1,2]}}'),
        (Config("seed").is_in({1: 0, 0: 0}.keys()), '{"config.seed.value":{"$in":[0,1]}}'),
        (Summary("eval/loss").exists(), '{"summary_metrics.eval/loss":{"$exists":true}}'),
        (Summary("a", "b").exists(False), '{"summary_metrics.a.b":{"$exists":false}}'),  # noqa: FBT003 # as `$exists` reads
        (State == "finished", '{"state":"finished"}'),
        (State != "finished", '{"state":{"$ne":"finished"}}'),
        (State.not_in({"b", "a"}), '{"state":{"$nin":["a","b"]}}'),
        (JobType == "train", '{"jobType":"train"}'),
        (SweepId == "s", '{"sweep":"s"}'),
        (RunId == "a1", '{"name":"a1"}'),
        (DisplayName.matches("^fox"), '{"displayName":{"$regex":"^fox"}}'),
        (DisplayName.contains("fox"), '{"displayName":{"$contains":"fox"}}'),
        (~Config("data").contains(""), '{"$nor":[{"config.data.value":{"$contains":""}}]}'),
        (Tags.contains("best"), '{"tags":"best"}'),
        (Tags.contains_all(("b", "a")), '{"tags":{"$all":["b","a"]}}'),
        (Tags.contains_all({"b", "a"}), '{"tags":{"$all":["a","b"]}}'),
        (Tags.size(2), '{"tags":{"$size":2}}'),
        (Config("widths").contains_all(range(2)), '{"config.widths.value":{"$all":[0,1]}}'),
        (Summary("a", "b").size(0), '{"summary_metrics.a.b":{"$size":0}}'),
        (Tags == None, '{"tags":null}'),  # noqa: E711 # a comparison on the server
        (
            CreatedAt >= datetime(2026, 1, 31, tzinfo=UTC),
            '{"createdAt":{"$gte":"2026-01-31T00:00:00Z"}}',
        ),
        (Duration < 60, '{"duration":{"$lt":60}}'),
        (
            (State == "a") & RawFilter({"inputArtifacts": {"$foo": 1}}),
            '{"$and":[{"state":"a"},{"inputArtifacts":{"$foo":1}}]}',
        ),
        (
            {"$or": [State == "a", {"group": "g"}]} | (State == "b"),
            '{"$or":[{"state":"a"},{"group":"g"},{"state":"b"}]}',
        ),
        (
            {"$or": [{"state": "a"}], "group": "g"} | (State == "b"),
            '{"$or":[{"$or":[{"state":"a"}],"group":"g"},{"state":"b"}]}',
        ),
        ({} & (State == "a"), '{"$and":[{},{"state":"a"}]}'),
    ],
)
def test_a_comparison_sends_this_json(condition: Condition, sent: str) -> None:
    assert str(condition) == sent


def test_an_order_is_a_string() -> None:
    order = Summary("loss").asc()
    assert isinstance(order, str)
    assert order == "+summary_metrics.loss"
    assert type(parse_order(order)) is str
    assert parse_order(RawOrder(order)) == order
    assert CreatedAt.desc() == "-created_at"
    assert UpdatedAt.asc() == "+updatedAt"
    again = pickle.loads(pickle.dumps(order))
    assert again == order
    assert type(again) is FieldOrder
    assert hash(order) == hash("+summary_metrics.loss")


# Fields.

any_key = st.text(min_size=1)


@settings(deadline=None)
@given(st.sampled_from([Config, Summary]), any_key, st.lists(any_key, max_size=2))
def test_fields_are_equal_by_their_keys(
    section: type[Config | Summary], key: str, nested: list[str]
) -> None:
    field = section(key, *nested)
    assert field == section(key, *nested)
    assert not field != section(key, *nested)  # noqa: SIM202 # tests both operators
    assert hash(field) == hash(section(key, *nested))
    assert {field: 1}[section(key, *nested)] == 1
    again = pickle.loads(pickle.dumps(field))
    assert again == field
    assert repr(again) == repr(field)
    assert copy.deepcopy(field) == field
    assert parse_order(field.asc()) == f"+{field}"
    assert json.loads(str(field.exists())) == {str(field): {"$exists": True}}
    assert field != Config("another key")


def test_fields_print_as_they_are_written() -> None:
    assert repr([Config("model", "depth"), Summary("loss"), State]) == (
        "[Config('model', 'depth'), Summary('loss'), State]"
    )
    assert str(Config("model", "depth")) == "config.model.value.depth"
    assert eval(repr(Config("a'b", "c"))) == Config("a'b", "c")  # noqa: S307 # our own text
    for field in [*UNSECTIONED, *SORTABLE]:
        name = repr(field)
        assert getattr(wandb_runs, name) is field
        assert name in fields.__all__
        assert pickle.loads(pickle.dumps(field)) is copy.deepcopy(field) is field


def test_all_fields_differ() -> None:
    every = {*UNSECTIONED, *SORTABLE, Config("state"), Summary("state")}
    assert len(every) == len({*UNSECTIONED, *SORTABLE}) + 2
    assert len({str(field) for field in every}) == len(every)
    # A field differs from an equal string as a key.
    assert {State: 1, "state": 2}["state"] == 2


@pytest.mark.parametrize("name", ["_path", "_name", "_keys", "other", "__class__"])
def test_fields_are_immutable(name: str) -> None:
    for field in (State, Config("lr"), CreatedAt):
        with pytest.raises(AttributeError):
            setattr(field, name, "x")
        with pytest.raises(AttributeError):
            delattr(field, name)
    assert str(State) == "state"


# Errors.

# For expressions that type checkers reject.
untyped: Any = wandb_runs

REFUSALS: list[tuple[Callable[[], object], list[str]]] = [
    # truth values
    (lambda: bool(State == "a"), ["(a) & (b)", "~(a)"]),
    (lambda: (State == "a") and (State == "b"), ["(a) & (b) for 'and'"]),
    (lambda: (State == "a") or (Group == "b"), ["(a) | (b) for 'or'"]),
    (lambda: operator.not_(State == "a"), ["~(a) for 'not'"]),
    (lambda: 0.01 < Config("lr") < 0.1, ["(low < field) & (field < high)", '{"$gt":0.01}']),
    (lambda: Config("lr") in [0.1, 0.2], [".is_in([...])"]),
    (lambda: 0.1 in [Config("lr"), 2], [".is_in([...])"]),
    (lambda: all([State == "a"]), ["(a) & (b)"]),
    (lambda: bool(Config("lr")), ["Config('lr').exists()"]),
    (lambda: untyped.Config("lr") and Config("seed"), ["Config('lr').exists()"]),
    (lambda: "best" in untyped.Tags, ["Tags.contains('best')"]),
    # joins
    (lambda: untyped.State.__eq__("a") & None, ["& joins", "parentheses"]),
    (lambda: (State == "a") | untyped.State, ["| joins", "got State"]),
    (lambda: State == untyped.__name__ & Tags.contains("best"), ["parentheses", "'wandb_runs'"]),
    (lambda: (State == "a") & untyped.Config("a").__eq__(Config("b")), ["Two fields"]),
    (lambda: (State == "a") & {"stat": "b"}, ['filters["stat"]', "'state'"]),
    # values
    (lambda: untyped.State == 3, ["State == …: expected a string, not 3"]),
    (lambda: untyped.State == True, ["State == …: expected a string, not True"]),  # noqa: E712 # the point
    (lambda: untyped.Group != ["a"], ["Group != …", ".is_in"]),
    (lambda: untyped.State.is_in("finished"), ["State.is_in(…): expected a list"]),
    (lambda: untyped.State.is_in(b"ab"), ["State.is_in(…): expected a list"]),
    (lambda: untyped.State.is_in({"a": 1}), ["State.is_in(…): expected a list"]),
    (lambda: untyped.State.is_in(None), ["State.is_in(…): expected a list"]),
    (lambda: untyped.State.not_in(["a", 3]), ["State.not_in(…): expected a string, not 3"]),
    (lambda: untyped.CreatedAt > 3, ["CreatedAt > …", "aware datetime", "fromtimestamp"]),
    (lambda: untyped.CreatedAt == "yesterday", ["CreatedAt == …", "ISO 8601"]),
    (lambda: CreatedAt < datetime(2026, 1, 31), ["CreatedAt < …", "no time zone"]),  # noqa: DTZ001 # wrong on purpose
    (lambda: untyped.Duration > timedelta(1), ["Duration > …", ".total_seconds()"]),
    (lambda: untyped.Duration == "1 h", ["Duration == …: expected seconds"]),
    (lambda: untyped.Duration == True, ["Duration == …: expected seconds"]),  # noqa: E712 # the point
    (lambda: untyped.Tags == "best", ["Tags == …", "Tags.contains(…)"]),
    (lambda: untyped.Tags == ["train"], ["Tags == …", "$in", "Tags.contains(…)"]),
    (lambda: untyped.Tags != ["train"], ["Tags != …", "$in"]),
    (lambda: untyped.Tags.contains(["a"]), ["Tags.contains(…): expected one", "contains_all(…)"]),
    (lambda: untyped.Tags.contains_all("best"), ["Tags.contains_all(…): expected a list"]),
    (lambda: untyped.Tags.contains_all(["a", 3]), ["Tags.contains_all(…): expected tags", "not 3"]),
    (lambda: Tags.contains_all([]), ["Tags.contains_all(…): expected at least one"]),
    (lambda: Tags.size(-1), ["Tags.size(…): expected the number of items", "-1"]),
    (lambda: untyped.Tags.size("1"), ["Tags.size(…): expected the number of items"]),
    (lambda: untyped.DisplayName.contains(3), ["DisplayName.contains(…): expected a part"]),
    (lambda: Config("lr") == -float("inf"), ["Config('lr') == …", "'-Infinity'"]),
    (lambda: Config("lr").is_in([1, float("inf")]), ["Config('lr').is_in(…)[1]", "'Infinity'"]),
    (lambda: untyped.Config("lr") < None, ["Config('lr') < …", "cannot be ordered"]),
    (lambda: Config("lr") >= True, ["Config('lr') >= …", "cannot be ordered"]),
    (lambda: Config("lr") == {"$lt": 1}, ["Config('lr') == …[\"$lt\"]", "under it"]),
    (lambda: untyped.Config("lr") == np.int64(3), ["Config('lr') == …", ".item()"]),
    (lambda: untyped.Config("lr") > np.int64(3), ["Config('lr') > …", ".item()"]),
    (lambda: np.int64(3) < untyped.Config("lr"), ["Config('lr') > …", ".item()"]),
    (lambda: untyped.Config("lr") == (State == "a"), ["Config('lr') == …", "JSON"]),
    (lambda: untyped.Config("lr") < Config("b"), ["Config('lr') < …", "Config('b')"]),
    (lambda: untyped.Config("lr").exists(1), ["Config('lr').exists(…): expected True or False"]),
    (lambda: DisplayName.matches("(?=a)"), ["DisplayName.matches(…)", "ahead"]),
    (lambda: untyped.DisplayName.matches(re.compile("a")), [".pattern"]),
    # paths
    (lambda: Config(""), ["Config('')", "not empty"]),
    (lambda: untyped.Config(3), ["Config(3)", "a string"]),
    (lambda: untyped.Summary("a", None), ["Summary('a', None)", "a string"]),
    (lambda: untyped.UpdatedAt > datetime.now(UTC), ["UpdatedAt > …", "'heartbeat_at'"]),
    (lambda: untyped.UpdatedAt == datetime.now(UTC), ["UpdatedAt == …", "'heartbeat_at'"]),
    (lambda: filters_to_json(untyped.State), ["expected a mapping", "a condition", "State"]),
    (lambda: filters_to_json(untyped.Config("a") == Config("b")), ["not False"]),
    (lambda: parse_order(untyped.CreatedAt), ["'+created_at'", "CreatedAt"]),
]


@pytest.mark.parametrize(("write", "hints"), REFUSALS)
def test_a_wrong_comparison_is_refused_with_a_correction(
    write: Callable[[], object], hints: list[str]
) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        write()
    assert isinstance(refusal.value, WandbRunsError)
    assert len(refusal.value.message) < 700
    for hint in hints:
        assert hint in refusal.value.message


@pytest.mark.parametrize("size", [-1, 1.5, True])
def test_a_wrong_size_is_not_taken_for_an_instant(size: float) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        untyped.Tags.size(size)
    assert refusal.value.message.endswith(f"a whole number from 0, not {size}.")


def test_a_long_condition_is_not_part_of_the_message() -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        bool(Config("seed").is_in(range(10_000)))
    assert len(refusal.value.message) < 300


def test_a_condition_that_is_not_json_is_refused_by_a_join() -> None:
    with pytest.raises(InvalidArgumentError, match=r"'state = finished' is no JSON.*mapping"):
        _ = (State == "a") & Condition("state = finished")


def test_too_deep_nesting_is_refused() -> None:
    def deeper(condition: Condition, _: int) -> Condition:
        return ~(condition & (State == "a"))

    with pytest.raises(InvalidArgumentError, match="conditions"):
        reduce(deeper, range(100_000), State == "a")
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(InvalidArgumentError, match=re.escape("Config('a').is_in(…): nested")):
        Config("a").is_in([nested])


def test_conditions_are_joined_up_to_a_depth() -> None:
    condition = State == "a"
    for _ in range(20):
        condition = ~(condition & (Config("a") == 1))
    assert filters_to_json({"$and": [condition]}) is not None
    with pytest.raises(InvalidArgumentError, match="more than 100 levels deep"):
        _ = reduce(lambda each, _: ~(each & (Config("a") == 1)), range(100), condition)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Config("\ud800"),
        lambda: Config("a", "\udfff"),
        lambda: Config("a") == "x\ud800",
        lambda: Config("a").is_in(["x\ud800"]),
        lambda: Config("a") == {"\ud800": 1},
        lambda: State == "\ud800",
        lambda: Tags.contains("\ud800"),
        lambda: Summary("a").matches("\ud800"),
        lambda: Summary("\ud800").asc(),
        lambda: RawOrder("+\ud800"),
        lambda: RawFilter({"a": "\ud800"}),
        lambda: RawFilter('{"a": "\\ud800"}'),
        lambda: RawFilter('{"a": "\ud800"}'),
        lambda: parse_order("+config.\ud800"),
        lambda: filters_to_json({"config.\ud800": 1}),
        lambda: filters_to_json({"$or": [{"display_name": {"$in": ["\ud800"]}}]}),
    ],
)
def test_half_a_surrogate_pair_is_refused(refused: Callable[[], object]) -> None:
    with pytest.raises(InvalidArgumentError, match="half a surrogate pair") as caught:
        refused()
    assert str(caught.value).isprintable()


def test_the_escape_of_a_surrogate_as_a_text_is_sent() -> None:
    assert (Config("a") == "\\ud800").query == '{"config.a.value":"\\\\ud800"}'
    assert (Config("a") == "\U0001f600").query == '{"config.a.value":"\\ud83d\\ude00"}'
    assert RawFilter('{"a": "\\ud83d\\ude00"}').query == '{"a": "\\ud83d\\ude00"}'


def test_a_join_near_the_recursion_limit_is_refused() -> None:
    condition = State == "a"
    for _ in range(20):
        condition = ~(condition & (State == "a"))

    def joined_at(depth: int) -> Condition:
        return joined_at(depth - 1) if depth else ~condition

    refused = 0
    for depth in range(0, sys.getrecursionlimit(), 10):
        try:
            joined_at(depth)
        except InvalidArgumentError:
            refused += 1
        except RecursionError:  # raised by `joined_at` itself
            break
    assert refused


def test_many_conditions_are_joined_flat() -> None:
    joined = Config("seed") == 0
    for number in range(1, 400):
        joined |= Config("seed") == number
    assert len(json.loads(str(joined))["$or"]) == 400

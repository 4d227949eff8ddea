"""Filters: the JSON that they become, and errors."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

import wandb_runs
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.query.filters import RawFilter, filters_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.query.filters import Filters

# The regex engine of the server, which has no types.
re2 = importlib.import_module("re2")

LOGICAL = ["$and", "$or", "$nor"]
ORDERING = ["$gt", "$gte", "$lt", "$lte"]
CONDITIONS = [
    *("$eq", "$ne", *ORDERING, "$in", "$nin", "$exists", "$regex", "$contains"),
    *("$all", "$size", "$not"),
]
ATTRIBUTES = {
    "name": "name",
    "display_name": "displayName",
    "displayName": "displayName",
    "state": "state",
    "group": "group",
    "job_type": "jobType",
    "jobType": "jobType",
    "tags": "tags",
    "username": "username",
    "host": "host",
    "duration": "duration",
    "sweep": "sweep",
    "created_at": "createdAt",
    "createdAt": "createdAt",
    "heartbeat_at": "heartbeatAt",
    "heartbeatAt": "heartbeatAt",
}


def translated(filters: Filters) -> Any:  # noqa: ANN401 # JSON is what it is
    text = filters_to_json(filters)
    assert text is not None
    return json.loads(text)


# Valid filters, by the grammar that `filters_to_json` documents.

keys = st.sampled_from(["lr", "eval/loss", "model", "value", "depth", "été", "batch size"])
instants = st.datetimes(timezones=st.timezones()).filter(
    lambda instant: 1 < instant.year < 9999  # so that every offset stays within the calendar
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | instants
)
ordered = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | instants
values: st.SearchStrategy[object] = scalars | st.lists(scalars, max_size=3)


@st.composite
def sections(draw: st.DrawFn) -> str:
    key, nested = draw(keys), draw(st.lists(keys, max_size=2))
    return draw(
        st.sampled_from(
            [
                f"config.{key}",
                ".".join(["config", key, "value", *nested]),
                ".".join(["summary", key, *nested]),
                ".".join(["summary_metrics", key, *nested]),
            ]
        )
    )


some_operations: st.SearchStrategy[Mapping[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "$eq": values,
        "$ne": values,
        **dict.fromkeys(ORDERING, ordered),
        "$in": st.lists(values, max_size=3) | st.tuples(scalars) | st.sets(scalars, max_size=3),
        "$nin": st.frozensets(scalars, max_size=3),
        "$exists": st.booleans(),
        "$regex": st.sampled_from(["^fox", r"\d+(?:a|b)", "(?i)x"]),
        "$contains": st.text(max_size=3),
        "$all": st.lists(values, min_size=1, max_size=3) | st.sets(scalars, min_size=1, max_size=2),
        "$size": st.integers(0),
    },
).filter(bool)


def negating(some: Mapping[str, object], negated: Mapping[str, object]) -> Mapping[str, object]:
    return {**some, "$not": negated}


operations: st.SearchStrategy[Mapping[str, object]] = st.recursive(
    some_operations,
    lambda inner: st.builds(negating, some_operations, inner),
    max_leaves=3,
)
on_sections: st.SearchStrategy[Mapping[str, object]] = st.dictionaries(
    sections(), values | operations, max_size=3
)
some_attributes: dict[str, st.SearchStrategy[object]] = {
    "state": st.text(),
    "display_name": st.sets(st.text(max_size=3), max_size=3).map(lambda names: {"$in": names}),
    "jobType": st.none(),
    "tags": st.text(max_size=3)
    | st.fixed_dictionaries(
        {"$all": st.sets(st.text(max_size=3), min_size=1, max_size=2), "$size": st.integers(0)}
    ),
    "createdAt": instants.map(lambda instant: {"$gte": instant}),
    "heartbeat_at": instants,
}
on_attributes: st.SearchStrategy[Mapping[str, object]] = st.fixed_dictionaries(
    {}, optional=some_attributes
)
leaves: st.SearchStrategy[Mapping[str, object]] = st.tuples(on_sections, on_attributes).map(
    lambda parts: {**parts[0], **parts[1]}
)
filters_of_any_depth: st.SearchStrategy[Mapping[str, object]] = st.recursive(
    leaves,
    lambda inner: (
        st.dictionaries(
            st.sampled_from(LOGICAL), st.lists(inner, min_size=1, max_size=2), max_size=2
        )
        | st.fixed_dictionaries({"$not": inner.filter(lambda filters: filters != {})})
    ),
    max_leaves=4,
)


@given(filters_of_any_depth)
def test_the_json_of_a_filter_translates_to_itself(filters: Mapping[str, object]) -> None:
    before = copy.deepcopy(filters)
    try:
        text = filters_to_json(filters)
    except InvalidArgumentError as error:
        if "the same place" in error.message:
            reject()  # two spellings of one path, which the grammar above cannot exclude
        raise
    finally:
        assert filters == before
    if text is None:
        assert filters == {}
    else:
        assert filters_to_json(json.loads(text)) == text


@given(keys, values)
def test_short_and_exact_spellings_translate_equal(key: str, value: object) -> None:
    assert translated({f"config.{key}": value}) == translated({f"config.{key}.value": value})
    assert translated({f"summary.{key}": value}) == translated({f"summary_metrics.{key}": value})
    assert list(translated({f"config.{key}": value})) == [f"config.{key}.value"]


@pytest.mark.parametrize(("spelling", "wire"), ATTRIBUTES.items())
def test_every_spelling_of_an_attribute_becomes_the_servers(spelling: str, wire: str) -> None:
    assert translated({spelling: None}) == {wire: None}


@given(scalars.filter(lambda value: not isinstance(value, datetime)), keys)
def test_values_are_sent_unchanged(value: object, key: str) -> None:
    arrived = translated({f"summary.{key}": {"$eq": value}})[f"summary_metrics.{key}"]["$eq"]
    assert arrived == value
    assert type(arrived) is type(value)


@given(instants)
@example(datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))))
def test_a_datetime_denotes_the_same_instant_in_utc(instant: datetime) -> None:
    text = translated({"created_at": instant})["createdAt"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", text)
    assert datetime.fromisoformat(text) == instant.astimezone(UTC)
    assert translated({"config.started": instant}) == {"config.started.value": text}


@given(st.sets(st.integers() | st.text(max_size=3), max_size=6))
def test_a_set_is_sent_in_a_fixed_order(members: set[int | str]) -> None:
    backwards = dict.fromkeys(reversed([*members]))
    texts = {
        filters_to_json({"config.seed": {"$in": kind}})
        for kind in (members, frozenset(members), set(backwards))
    }
    assert len(texts) == 1
    (text,) = texts
    assert text is not None
    assert set(json.loads(text)["config.seed.value"]["$in"]) == members


@pytest.mark.parametrize("filters", [None, {}, MappingProxyType[str, object]({})])
def test_no_filter_is_none(filters: Filters | None) -> None:
    assert filters_to_json(filters) is None


class State(StrEnum):
    FINISHED = "finished"


class Level(IntEnum):
    HIGH = 3


class Colour(Enum):
    RED = "red"


class Metric(str, Enum):  # noqa: UP042 # prints otherwise than a StrEnum
    LOSS = "summary.loss"


def test_members_of_enums_are_sent_as_their_strings_and_numbers() -> None:
    assert translated({"state": State.FINISHED, "config.level": Level.HIGH, Metric.LOSS: 1}) == {
        "state": "finished",
        "config.level.value": 3,
        "summary_metrics.loss": 1,
    }


def test_any_mapping_is_accepted() -> None:
    nested = MappingProxyType({"config.lr": MappingProxyType({"$lt": 1})})
    assert translated(MappingProxyType({"$or": (nested,)})) == {
        "$or": [{"config.lr.value": {"$lt": 1}}]
    }


def test_equality_to_a_list_or_an_object() -> None:
    assert translated({"config.model": {"depth": 3, "widths": (1, 2)}, "config.sizes": [1]}) == {
        "config.model.value": {"depth": 3, "widths": [1, 2]},
        "config.sizes.value": [1],
    }


def test_not_around_a_filter_is_sent_as_nor() -> None:
    assert translated({"$not": {"state": "a"}}) == {"$nor": [{"state": "a"}]}
    assert translated({"$not": {"state": "a"}, "$nor": [{"group": "b"}], "host": "c"}) == {
        "$nor": [{"state": "a"}, {"group": "b"}],
        "host": "c",
    }
    condition = {"$or": [{"$not": wandb_runs.State == "a"}]}
    assert translated(condition) == {"$or": [{"$nor": [{"state": "a"}]}]}


def test_a_mapping_with_the_name_of_an_operator_is_a_value() -> None:
    value = {"size": 224}
    assert translated({"config.image": value}) == {"config.image.value": value}


words = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=12)


@given(words, st.sampled_from(["root", "path", "branch"]))
def test_every_unknown_operator_is_refused(word: str, level: str) -> None:
    operator = f"${word}"
    known = operator in [*LOGICAL, "$not"] or (level == "path" and operator in CONDITIONS)
    if known:
        return
    filters: dict[str, dict[str, object]] = {
        "root": {operator: [{"state": "failed"}]},
        "path": {"config.lr": {operator: 1}},
        "branch": {"$and": [{"state": "failed"}, {operator: [{}]}]},
    }
    with pytest.raises(InvalidArgumentError) as refusal:
        filters_to_json(filters[level])
    assert f'["{operator}"]' in refusal.value.message


@given(words)
@example("Name")
def test_every_unknown_root_is_refused(word: str) -> None:
    if word in ATTRIBUTES:
        return
    with pytest.raises(InvalidArgumentError) as refusal:
        filters_to_json({word: 1})
    assert f'filters["{word}"]' in refusal.value.message


class Nowhere(datetime):
    def utcoffset(self) -> None:
        return None


odd = st.sampled_from(
    [
        object(),
        Colour.RED,
        b"bytes",
        Decimal(1),
        1j,
        float("nan"),
        float("-inf"),
        date(2026, 1, 31),
        timedelta(1),
        datetime(2026, 1, 31),  # noqa: DTZ001 # naive is the point
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        Nowhere(2026, 1, 31, tzinfo=UTC),
        pd.NaT,
        pd.Timestamp("2026-01-31"),
        pd.Timestamp("2026-01-31", tz="UTC"),
        np.float64("nan"),
        np.int64(3),
        np.arange(3),
        pd.Series([1, 2]),
        re.compile("x"),
        range(3),
        iter([1]),
        {"a": 1}.keys(),
        int,
        "\ud800",
        Ellipsis,
    ]
)
likely_keys = st.sampled_from(
    [*LOGICAL, *CONDITIONS, *ATTRIBUTES, "config.a", "summary.a", "config.a.b", "", "id"]
)
anything = st.recursive(
    odd | scalars | st.floats() | st.datetimes() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(likely_keys | st.text(max_size=4) | st.integers() | st.none(), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=400)
@given(anything | st.dictionaries(likely_keys, anything, min_size=1, max_size=3))
def test_any_value_is_refused_or_becomes_json(filters: Any) -> None:  # noqa: ANN401 # the point
    translate = partial(filters_to_json, filters)
    for begin, write in (("filters", translate), ("RawFilter", lambda: RawFilter(filters).query)):
        message = begin
        try:
            text = write()
        except InvalidArgumentError as error:
            message = error.message
        else:
            assert text is None or isinstance(json.loads(text, parse_constant=pytest.fail), dict)
        assert message.startswith(begin)


class Hostile:
    """Raises from every method that an error message might use."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError

    def __getattr__(self, name: str) -> object:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = object.__hash__


@pytest.mark.parametrize("operator", [*LOGICAL, *CONDITIONS])
@pytest.mark.parametrize("hostile", [Hostile(), 10**5000], ids=["object", "integer"])
def test_values_with_failing_methods_are_refused(hostile: object, operator: str) -> None:
    faulty: list[Any] = [
        hostile,
        {hostile: 1},
        {"config.a": hostile},
        {"created_at": hostile},
        {operator: hostile},
        {operator: [hostile]},
        {"tags": {"$exists": [hostile]}},
        {"config.a": {operator: hostile}},
        {"config.a": {operator: [hostile]}},
        {"config.a": {operator: {hostile}}},
        {"config.a": {"b": hostile}},
    ]
    for filters in faulty:
        with pytest.raises(InvalidArgumentError):
            filters_to_json(filters)
        with pytest.raises(InvalidArgumentError):
            RawFilter(filters)


def test_a_filter_that_holds_itself_is_refused() -> None:
    branches: list[object] = []
    branches.append({"$and": branches})
    value: list[object] = []
    value.append(value)
    for filters in ({"$and": branches}, {"config.a": value}):
        with pytest.raises(InvalidArgumentError, match="part of itself"):
            filters_to_json(filters)
        with pytest.raises(InvalidArgumentError):
            RawFilter(filters)


REFUSALS: list[tuple[dict[Any, object], str, list[str]]] = [
    # roots
    ({"Name": "x"}, '["Name"]', ["'display_name'", "'name' is the run's id"]),
    ({"id": "x"}, '["id"]', ["'name'", "'display_name'"]),
    ({"run_id": "x"}, '["run_id"]', ["'name'", "'display_name'"]),
    ({"State": "x"}, '["State"]', ["'state'"]),
    ({"stat": "x"}, '["stat"]', ["'state'"]),
    ({"user": "x"}, '["user"]', ["'username'"]),
    ({"Job Type": "x"}, '["Job Type"]', ["'job_type'"]),
    ({"updated_at": "x"}, '["updated_at"]', ["'heartbeat_at'"]),
    ({"loss": 1}, '["loss"]', ["'summary_metrics.loss'", "'config.loss.value'"]),
    ({"config.a.b": 1}, '["config.a.b"]', ["'config.a.value.b'", "'config.a.b.value'"]),
    ({"config": {"a": 1}}, '["config"]', ["'config.<key>.value'"]),
    ({"tags.0": "x"}, '["tags.0"]', ["'tags'"]),
    ({3: "x"}, "filters", ["not 3"]),
    # operators
    ({"config.a": {"$lth": 1}}, '["config.a"]["$lth"]', ["'$lt'"]),
    ({"config.a": {"$lessthan": 1}}, '["$lessthan"]', ["'$lt'"]),
    ({"config.a": {"$GT": 1}}, '["$GT"]', ["'$gt'"]),
    ({"config.a": {"lt": 1}}, '["lt"]', ["'$lt'", '{"$eq": {…}}']),
    ({"config.a": {"<=": 1}}, '["<="]', ["'$lte'"]),
    ({"config.a": {"$gt": 1, "foo": 2}}, '["foo"]', ["expected an operator"]),
    ({"config.a": {"$not": 1}}, '["$not"]', ["operators", "'$ne'"]),
    ({"config.a": {"$not": {}}}, '["$not"]', ["operators"]),
    ({"config.a": {"$not": {"gt": 1}}}, '["$not"]["gt"]', ["'$gt'"]),
    ({"config.a": {"$not": {"b": 1}}}, '["$not"]["b"]', ["begin with '$'"]),
    ({"config.a": {"$not": {"$gt": [1]}}}, '["$not"]["$gt"]', ["a number"]),
    ({"config.a": {"$not": {"$and": []}}}, '["$not"]["$and"]', ["stands where a path stands"]),
    ({"name": {"contains": "a"}}, '["contains"]', ["'$contains'"]),
    ({"name": {"$like": "a"}}, '["$like"]', ["'$contains'"]),
    ({"config.a": {"$length": 1}}, '["$length"]', ["'$size'"]),
    ({"config.a": {"$Size": 1}}, '["$Size"]', ["'$size'"]),
    ({"config.a": {"$ALL": [1]}}, '["$ALL"]', ["'$all'"]),
    ({"$contains": "a"}, '["$contains"]', ["under a path"]),
    ({"$type": "a"}, '["$type"]', ["$not"]),
    ({"tags": ["train"]}, '["tags"]', ['{"tags": {"$in": […]}}', "HTTP 500"]),
    ({"tags": ("train", "best")}, '["tags"]', ["'$all'", "Tags.contains_all(…)"]),
    ({"tags": []}, '["tags"]', ['"$in"']),
    ({"tags": {"$eq": ["train"]}}, '["tags"]["$eq"]', ['"$in"']),
    ({"tags": {"$ne": ["train"]}}, '["tags"]["$ne"]', ['"$in"']),
    ({"tags": {"$in": [["train"]]}}, '["tags"]["$in"][0]', ['"$in"']),
    ({"name": {"$regex": "a", "$options": "i"}}, '["$options"]', ["'(?i)'"]),
    ({"config.a": {}}, '["config.a"]', ['{"$eq": {}}']),
    ({"$lt": 1}, '["$lt"]', ["under a path"]),
    ({"config.a": {"$or": [1, 2]}}, '["config.a"]["$or"]', ["stands where a path stands"]),
    ({"$not": [{"state": "x"}]}, '["$not"]', ["'$nor'"]),
    ({"$not": {}}, '["$not"]', ["at least one key"]),
    ({"$not": {"stat": "x"}}, '["$not"]["stat"]', ["'state'"]),
    ({"not": {"state": "x"}}, '["not"]', ["'$not'"]),
    ({"$AND": [{"state": "x"}]}, '["$AND"]', ["'$and'"]),
    ({"config.a": {"b": {"$lt": 1}}}, '["config.a"]["b"]["$lt"]', ["under it"]),
    # operands
    ({"$or": []}, '["$or"]', ["at least one"]),
    ({"$or": {"state": "x"}}, '["$or"]', ["a list"]),
    ({"$or": [{}, {"$nor": ["x"]}]}, '["$or"][1]["$nor"][0]', ["a mapping"]),
    ({"state": {"$in": "finished"}}, '["state"]["$in"]', ["a list"]),
    ({"config.a": {"$nin": {"b": 1}}}, '["$nin"]', ["a list"]),
    ({"config.a": {"$in": [1, Colour.RED]}}, '["$in"][1]', [".value"]),
    ({"config.a": {"$exists": 1}}, '["$exists"]', ["True or False"]),
    ({"name": {"$contains": 1}}, '["$contains"]', ["a part of a string"]),
    ({"tags": {"$all": "train"}}, '["$all"]', ["a list"]),
    ({"tags": {"$all": []}}, '["$all"]', ["at least one"]),
    ({"tags": {"$all": ["a", ["b"]]}}, '["$all"][1]', ['"$in"']),
    ({"state": {"$all": ["a"]}}, '["$all"]', ["'state' is never a list"]),
    ({"created_at": {"$size": 1}}, '["$size"]', ["'createdAt' is never a list"]),
    ({"tags": {"$size": "1"}}, '["$size"]', ["the number of items"]),
    ({"tags": {"$size": True}}, '["$size"]', ["the number of items"]),
    ({"tags": {"$size": -1}}, '["$size"]', ["from 0"]),
    ({"tags": {"$size": np.int64(1)}}, '["$size"]', [".item()"]),
    ({"config.a": {"$gt": None}}, '["$gt"]', ["a number"]),
    ({"config.a": {"$lte": True}}, '["$lte"]', ["a number"]),
    ({"config.a": {"$lt": [1]}}, '["$lt"]', ["a number"]),
    ({"state": ["a", "b"]}, '["state"]', ['"$in"']),
    ({"state": {"a": 1}}, '["state"]', ["never a mapping"]),
    ({"config.a": {1, 2}}, '["config.a"]', ["'$in'"]),
    ({"config.a": np.int64(3)}, '["config.a"]', [".item()"]),
    ({"config.a": {"$gt": np.float32(3)}}, '["$gt"]', [".item()"]),
    ({"config.a": float("nan")}, '["config.a"]', ["'NaN'"]),
    ({"config.a": re.compile("x")}, '["config.a"]', ['"$regex"']),
    ({"duration": timedelta(hours=1)}, '["duration"]', [".total_seconds()"]),
    ({"config.a": {"b": [object()]}}, '["config.a"]["b"][0]', ["JSON"]),
    ({"created_at": {"$gt": 1.7e9}}, '["created_at"]["$gt"]', ["fromtimestamp"]),
    ({"created_at": date(2026, 1, 31)}, '["created_at"]', ["aware datetime"]),
    ({"createdAt": "yesterday"}, '["createdAt"]', ["ISO 8601"]),
    ({"created_at": datetime(2026, 1, 31)}, '["created_at"]', ["no time zone"]),  # noqa: DTZ001 - wrong on purpose
    ({"created_at": pd.NaT}, '["created_at"]', ["no instant"]),
    # one path twice
    ({"config.a": 1, "config.a.value": 2}, '["config.a.value"]', ["the same place"]),
    ({"createdAt": None, "created_at": None}, '["created_at"]', ["'createdAt'", "'$and'"]),
]


@pytest.mark.parametrize(("filters", "place", "hints"), REFUSALS, ids=lambda value: str(value)[:40])
def test_a_wrong_filter_is_refused_with_its_position_and_a_correction(
    filters: dict[str, object], place: str, hints: list[str]
) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        filters_to_json(filters)
    assert refusal.value.message.startswith("filters")
    assert f"{place}: " in refusal.value.message
    for hint in hints:
        assert hint in refusal.value.message.partition(f"{place}: ")[2]


@pytest.mark.parametrize("value", ["2026-01-31", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00"])
def test_an_instant_in_iso_8601_is_sent_unchanged(value: str) -> None:
    assert translated({"created_at": {"$gt": value}}) == {"createdAt": {"$gt": value}}


@pytest.mark.parametrize("level", ["root", "branch", "operator", "value", "pattern"])
def test_messages_are_short(level: str) -> None:
    long = "x" * 10**5
    filters: dict[str, dict[str, object]] = {
        "root": {long: 1},
        "branch": {"$or": [{f"config.{long}.{long}": 1}]},
        "operator": {"config.a": {f"${long}": 1}},
        "value": {"created_at": long},
        "pattern": {"name": {"$regex": f"({long}"}},
    }
    with pytest.raises(InvalidArgumentError) as refusal:
        filters_to_json(filters[level])
    assert len(refusal.value.message) < 1500


# Patterns: only those that RE2 refuses are refused.

pattern_pieces = st.sampled_from(
    [
        *"ab1({[)]}|^$.*+?\\-:=!<>,",
        *["(?", "(?:", "(?i)", "(?i:", "(?-s)", "(?P<n>", "(?<n>", "(?=", "(?!", "(?<=", "(?<!"],
        *[r"\d", r"\Q", r"\E", r"\1", r"\12", r"\8", r"\z", r"\Z", r"\k", r"\pN", r"\_", r"\."],
        *["[[:alpha:]]", "[:digit:]", "[]", "[^]", "{2}", "{2,}", "{,2}", "(?#", "(?>", "(?P=n)"],
    ]
)


def is_re2(pattern: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True


def is_accepted(pattern: str) -> bool:
    try:
        wire = translated({"name": {"$regex": pattern}})
    except InvalidArgumentError:
        return False
    assert wire == {"name": {"$regex": pattern}}
    return True


@settings(max_examples=1500)
@given(st.lists(pattern_pieces, max_size=8).map("".join))
@example("[]a]")
@example("[^]a](?:b)")
@example("[[:x](")
@example("[[:alpha:](]")
@example("a{,2}+")
@example(r"\Q(((")
@example(r"[\]]")
def test_every_pattern_that_re2_reads_is_accepted(pattern: str) -> None:
    if is_re2(pattern):
        assert is_accepted(pattern)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)", "ahead"),
        ("a(?!b)", "ahead"),
        ("(?<=a)b", "behind"),
        ("(?<!a)b", "behind"),
        (r"(a)\1", "earlier groups"),
        ("(?P<n>a)(?P=n)", "earlier groups"),
        (r"(a)\8", "earlier groups"),
        ("(?>a)", "no such group"),
        ("(?#note)", "no such group"),
        ("(a)?(?(1)b|c)", "no such group"),
        ("a++", "possessive"),
        ("a{2}+", "possessive"),
        (r"a\Z", "no such escape"),
        ("(a", "never closed"),
        ("a)", "closes nothing"),
        ("a)(", "closes nothing"),
        ("[a", "never finished"),
        ("a\\", "never finished"),
    ],
)
def test_a_pattern_that_re2_refuses_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    assert not is_re2(pattern)
    with pytest.raises(InvalidArgumentError, match=reason):
        filters_to_json({"name": {"$regex": pattern}})


def test_a_compiled_pattern_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"\.pattern"):
        filters_to_json({"name": {"$regex": re.compile("a")}})


# Raw filters and joining.


@given(st.dictionaries(st.text(), st.integers() | st.lists(st.text()), min_size=1))
def test_a_raw_filter_is_sent_unchanged(query: dict[str, object]) -> None:
    text = json.dumps(query, indent=1)
    assert filters_to_json(RawFilter(text)) == text
    assert translated(RawFilter(query)) == query
    raw = RawFilter(query)
    assert pickle.loads(pickle.dumps(raw)) == raw == copy.copy(raw)  # our own bytes


def test_a_raw_filter_does_not_change_with_its_mapping() -> None:
    query = {"inputArtifacts": "a"}
    raw = RawFilter(query)
    query.clear()
    assert translated(raw) == {"inputArtifacts": "a"}


@pytest.mark.parametrize(
    "query", ["", "{", "[1]", "null", '{"a": NaN}', "[" * 10**5, {"a": {1}}, 3]
)
def test_a_raw_filter_is_a_json_object(query: Any) -> None:  # noqa: ANN401 # the point
    with pytest.raises(InvalidArgumentError):
        RawFilter(query)


def test_filters_as_users_write_them_type_check() -> None:
    since = datetime(2026, 1, 31, tzinfo=UTC)
    inline = filters_to_json(
        {
            "state": "finished",
            "config.lr": {"$lt": 0.1},
            "$or": [{"tags": {"$in": ["best"]}}, {"summary.loss": {"$exists": True}}],
            "createdAt": {"$gte": since},
        }
    )
    objects: dict[str, object] = {"state": "finished"}
    anys: dict[str, Any] = {"state": "finished"}
    strings = {"state": "finished"}
    assert inline is not None
    assert filters_to_json(objects) == filters_to_json(anys) == filters_to_json(strings)

"""Generated filters in three forms: as text, as an expression and as a mapping."""

from __future__ import annotations

import json
import operator
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from hypothesis import strategies as st
from support.generated_runs import KEYS, NOW, words

from wandb_runs import (
    Condition,
    Config,
    CreatedAt,
    DisplayName,
    Duration,
    Group,
    HeartbeatAt,
    Host,
    JobType,
    RunId,
    State,
    Summary,
    SweepId,
    Tags,
    Username,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ODD_KEYS", "Written", "spaced", "trees_of"]


class Written(NamedTuple):
    """A filter in three forms.

    Attributes:
        kind: What it is joined by: `leaf`, `and`, `or` or `not`.
        tokens: Its text, between which any space may be.
        condition: As an expression.
        mapping: As a mapping.
        negated: The mapping that it is the negation of, where it is one.
    """

    kind: str
    tokens: list[str]
    condition: Condition
    mapping: dict[str, object]
    negated: dict[str, object] = {}  # noqa: RUF012 # a default of a tuple, never changed


TEXTS: list[tuple[str, Any, str]] = [
    ("id", RunId, "name"),
    ("display_name", DisplayName, "display_name"),
    ("state", State, "state"),
    ("group", Group, "group"),
    ("job_type", JobType, "job_type"),
    ("username", Username, "username"),
    ("host", Host, "host"),
    ("sweep", SweepId, "sweep"),
]
INSTANTS: list[tuple[str, Any, str]] = [
    ("created_at", CreatedAt, "created_at"),
    ("heartbeat_at", HeartbeatAt, "heartbeat_at"),
]
ODD_KEYS = [*KEYS, "a b", 'say "a"', "it's", "é", "value", "a-b", "top@5", "and", "損失", "a\\b"]
SIGNS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "==": (operator.eq, "$eq"),
    "!=": (operator.ne, "$ne"),
    "<": (operator.lt, "$lt"),
    "<=": (operator.le, "$lte"),
    ">": (operator.gt, "$gt"),
    ">=": (operator.ge, "$gte"),
}

numbers = st.sampled_from([0, 1, 2, -1, 0.5, 1.0, -2.5e-7, 2**53 + 1, 2**70]) | st.floats(
    allow_nan=False, allow_infinity=False
)
scalars = st.none() | st.booleans() | numbers | words | st.text(max_size=3)
values: st.SearchStrategy[Any] = scalars | st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ODD_KEYS), inner, max_size=2)
    ),
    max_leaves=4,
)
names = st.sampled_from(["", "x", "y", "xy", "r1", "finished", "running", "it's", 'a "b"'])
patterns = st.sampled_from(["a", "^a$", "", "b$", "x|r1", r"\d+", "'\""])
silences = st.sampled_from([0.0, 299.0, 301.0, 86400.0, 0.5])
zones = st.sampled_from([0, 2, -11]).map(lambda hours: timezone(timedelta(hours=hours)))
moments = st.tuples(silences, zones).map(
    lambda pair: datetime.fromtimestamp(NOW - pair[0], pair[1])
)


@st.composite
def strings(draw: st.DrawFn, value: str) -> str:
    """A string as a token: in either quote, with more or fewer escapes."""
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        return text
    body = text[1:-1].replace('\\"', '"').replace("'", "\\'")
    # A quote that follows an escaped backslash was none of those.
    return f"'{body}'" if "\\\\" not in text else text


@st.composite
def literals(draw: st.DrawFn, value: Any) -> list[str]:  # noqa: ANN401 # whatever JSON has
    """A value as tokens."""
    match value:
        case None | bool():
            return [json.dumps(value)]
        case str():
            return [draw(strings(value))]
        case int() | float():
            return [repr(value).upper() if draw(st.booleans()) else repr(value)]
        case datetime():
            spellings = [value.isoformat(), value.isoformat().replace("+00:00", "Z")]
            return [draw(st.sampled_from(spellings))]
        case list():
            items = [draw(literals(item)) for item in cast("list[object]", value)]
            return ["[", *joined_by(",", items), "]"]
        case dict():
            pairs = [
                [draw(strings(key)), ":", *draw(literals(each))]
                for key, each in cast("dict[str, object]", value).items()
            ]
            return ["{", *joined_by(",", pairs), "}"]
        case _:
            raise AssertionError(value)


def joined_by(token: str, parts: Sequence[list[str]]) -> list[str]:
    return [each for part in parts for each in (token, *part)][1:]


@st.composite
def sections(draw: st.DrawFn, keys: Sequence[str] = ODD_KEYS) -> tuple[str, Any, str]:
    """A path as text, as a field, and as a mapping has it."""
    parts = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=2))
    is_config = draw(st.booleans())
    written = ["config" if is_config else "summary"]
    for index, key in enumerate(parts):
        bare = re.fullmatch(r"[\w/-]+", key) and not (is_config and index and key == "value")
        written.append(key if bare and draw(st.booleans()) else draw(strings(key)))
    text = ".".join(written)
    if not is_config:
        return text, Summary(*parts), ".".join(["summary_metrics", *parts])
    exact = ".".join(["config", parts[0], "value", *parts[1:]])
    is_plain = re.fullmatch(r"config(\.[\w/-]+)+", exact) and "value" not in (
        *parts[:1],
        *parts[1:],
    )
    return exact if is_plain and draw(st.booleans()) else text, Config(*parts), exact


@st.composite
def comparisons(
    draw: st.DrawFn,
    field: tuple[str, Any, str],
    equals: st.SearchStrategy[Any],
    bounds: st.SearchStrategy[Any],
) -> Written:
    text, condition, path = field
    kinds = [*SIGNS, "in", "not in", "exists"]
    match draw(st.sampled_from(kinds)):
        case "exists":
            return leaf([text, "exists"], condition.exists(), {path: {"$exists": True}})
        case "in" | "not in" as word:
            several = draw(st.lists(equals, max_size=3))
            method, wire = ("is_in", "$in") if word == "in" else ("not_in", "$nin")
            tokens = [text, *word.split(), *draw(literals(several))]
            return leaf(tokens, getattr(condition, method)(several), {path: {wire: several}})
        case sign:
            compare, wire = SIGNS[sign]
            value = draw(equals if sign in ("==", "!=") else bounds)
            is_alone = sign == "==" and not isinstance(value, dict)
            mapping: dict[str, object] = {path: value if is_alone else {wire: value}}
            return leaf([text, sign, *draw(literals(value))], compare(condition, value), mapping)


def leaf(tokens: list[str], condition: Condition, mapping: dict[str, object]) -> Written:
    return Written("leaf", tokens, condition, mapping)


@st.composite
def searches(draw: st.DrawFn, field: tuple[str, Any, str]) -> Written:
    text, condition, path = field
    if draw(st.booleans()):
        pattern = draw(patterns)
        tokens = [text, "matches", draw(strings(pattern))]
        return leaf(tokens, condition.matches(pattern), {path: {"$regex": pattern}})
    part = draw(words | names)
    tokens = [text, "contains", draw(strings(part))]
    return leaf(tokens, condition.contains(part), {path: {"$contains": part}})


@st.composite
def labels(draw: st.DrawFn) -> Written:
    tag = draw(st.sampled_from(["x", "y", "it's"]))
    absent, present = Tags == None, Tags != None  # noqa: E711 # comparisons on the server
    some = [
        leaf(["tags", "contains", draw(strings(tag))], Tags.contains(tag), {"tags": tag}),
        leaf(["tags", "exists"], Tags.exists(), {"tags": {"$exists": True}}),
        leaf(["tags", "==", "null"], absent, {"tags": None}),
        leaf(["tags", "!=", "null"], present, {"tags": {"$ne": None}}),
    ]
    return draw(st.sampled_from(some))


def leaves_of(keys: Sequence[str]) -> st.SearchStrategy[Written]:
    return st.one_of(
        sections(keys).flatmap(lambda field: comparisons(field, values, numbers | words)),
        sections(keys).flatmap(searches),
        sections(keys).flatmap(lambda field: comparisons(field, moments, moments)),
        st.sampled_from(TEXTS).flatmap(lambda field: comparisons(field, names, names)),
        st.sampled_from(TEXTS).flatmap(searches),
        st.sampled_from(INSTANTS).flatmap(lambda field: comparisons(field, moments, moments)),
        st.just(("duration", Duration, "duration")).flatmap(
            lambda field: comparisons(field, numbers, numbers)
        ),
        labels(),
    )


@st.composite
def grouped(draw: st.DrawFn, part: Written, *, loose: Sequence[str]) -> list[str]:
    """The tokens of a part, in parentheses where it needs them, and sometimes where not."""
    if part.kind in loose or draw(st.integers(0, 3)) == 0:
        return ["(", *part.tokens, ")"]
    return part.tokens


@st.composite
def negated(draw: st.DrawFn, inner: st.SearchStrategy[Written]) -> Written:
    part = draw(inner)
    tokens = ["not", *draw(grouped(part, loose=("and", "or")))]
    if part.kind == "not":  # a double negation is the condition
        return Written("twice", tokens, ~part.condition, part.negated)
    return Written("not", tokens, ~part.condition, {"$nor": [part.mapping]}, part.mapping)


@st.composite
def combined(draw: st.DrawFn, inner: st.SearchStrategy[Written]) -> Written:
    word = draw(st.sampled_from(["and", "or"]))
    parts = draw(st.lists(inner, min_size=2, max_size=3))
    loose = ("or",) if word == "and" else ()
    tokens = joined_by(word, [draw(grouped(part, loose=loose)) for part in parts])
    wire = f"${word}"
    flat: list[object] = []
    for part in parts:
        flat += cast("list[object]", part.mapping.get(wire, [part.mapping]))
    condition = parts[0].condition
    for part in parts[1:]:
        condition = condition & part.condition if word == "and" else condition | part.condition
    return Written(word, tokens, condition, {wire: flat})


def trees_of(keys: Sequence[str]) -> st.SearchStrategy[Written]:
    return st.recursive(
        leaves_of(keys), lambda inner: combined(inner) | negated(inner), max_leaves=6
    )


@st.composite
def spaced(draw: st.DrawFn, tokens: Sequence[str]) -> str:
    """Tokens with spaces between, around, or none where none is needed."""
    spaces = st.sampled_from(["", "", " ", "  ", "\t", "\n", "\r\n", "\u00a0"])
    text = draw(spaces)
    for token in tokens:
        touches = re.search(r"[\w/.:+-]$", text) and re.match(r"[\w/.:+-]", token)
        space = draw(spaces)
        text += (space or " ") if touches else space
        text += token
    return text + draw(spaces)

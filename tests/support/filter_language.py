"""W&B's filters and orders, implemented over dicts: the reference for the server's SQL.

It follows MongoDB's manual and is independent of the SQL: values are found by recursion into
documents, without an index of paths.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from functools import cmp_to_key
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wandb_runs.graphql.scalars import JSONValue

Run: TypeAlias = "dict[str, JSONValue]"
"""A run by its root keys in filters, with `config` in its envelope and `summary_metrics`."""

TIMES = frozenset({"created_at", "heartbeat_at"})
SPELLINGS = {
    "displayName": "display_name",
    "jobType": "job_type",
    "createdAt": "created_at",
    "heartbeatAt": "heartbeat_at",
}
KINDS = ("nan", "number", "string", "bool")
"""Types of sortable values, in the order in which MongoDB sorts them."""


def matches(run: Run, query: JSONValue) -> bool:
    assert isinstance(query, dict)
    return all(_entry(run, key, operand) for key, operand in query.items())


def _entry(run: Run, key: str, operand: JSONValue) -> bool:
    if key in {"$and", "$or", "$nor"}:
        assert isinstance(operand, list)
        parts = [matches(run, part) for part in operand]
        return {"$and": all(parts), "$or": any(parts), "$nor": not any(parts)}[key]
    if key == "$not":
        return not matches(run, operand)
    key = SPELLINGS.get(key, key)
    if isinstance(operand, dict) and any(name.startswith("$") for name in operand):
        tests = operand.items()
    else:
        tests = {"$eq": operand}.items()
    return all(_holds_at(run, key, name, bound) for name, bound in tests)


def _holds_at(run: Run, key: str, name: str, bound: JSONValue) -> bool:
    if name == "$not":
        return not _entry(run, key, bound)
    if name == "$size":
        found = found_at(run, _exact(key).split("."))
        return any(isinstance(value, list) and len(value) == bound for value in found)
    values = list(values_at(run, _exact(key)))
    return _test(values, name, _time(bound) if key in TIMES else bound)


def _exact(path: str) -> str:
    root, *rest = path.split(".")
    return f"{path}.value" if root == "config" and "value" not in rest[1:] else path


def _time(bound: JSONValue) -> JSONValue:
    if isinstance(bound, list):
        return [_time(item) for item in bound]
    if not isinstance(bound, str):
        return bound
    moment = datetime.fromisoformat(bound)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def values_at(document: JSONValue, path: str) -> Iterator[JSONValue]:
    """The values at a path: each value, and the elements of each array."""
    for value in found_at(document, path.split(".")):
        yield value
        if isinstance(value, list):
            yield from value


def found_at(
    document: JSONValue, parts: Sequence[str], *, into_arrays: bool = True
) -> Iterator[JSONValue]:
    if not parts:
        yield document
    elif isinstance(document, list):
        for item in document:
            if isinstance(item, dict) and into_arrays:
                yield from found_at(item, parts)
    elif isinstance(document, dict):
        for key, value in document.items():
            width = key.count(".") + 1
            if key == ".".join(parts[:width]):
                yield from found_at(value, parts[width:], into_arrays=into_arrays)


def _test(  # noqa: PLR0911 - one return for each operator
    values: Sequence[JSONValue], name: str, bound: JSONValue
) -> bool:
    match name:
        case "$eq" | "$ne":
            return _holds(values, bound) is (name == "$eq")
        case "$in" | "$nin":
            assert isinstance(bound, list)
            return any(_holds(values, item) for item in bound) is (name == "$in")
        case "$all":
            assert isinstance(bound, list)
            return bool(bound) and all(_holds(values, item) for item in bound)
        case "$exists":
            return bool(values) is bool(bound)
        case "$contains":
            return any(isinstance(value, str) and str(bound) in value for value in values)
        case "$regex":
            texts = [value for value in values if isinstance(value, str)]
            return any(re.search(str(bound), text) for text in texts)
        case _:
            if kind(bound) in {"null", "nan"}:  # equal only to themselves, and without an order
                return name in {"$gte", "$lte"} and _holds(values, bound)
            same = [value for value in values if kind(value) == kind(bound)]
            return any(name in _OUTCOMES[compare(value, bound)] for value in same)


_OUTCOMES = {-1: {"$lt", "$lte"}, 0: {"$gte", "$lte"}, 1: {"$gt", "$gte"}}


def compare(left: JSONValue, right: JSONValue) -> int:
    """Compare two numbers, two strings or two booleans: -1, 0 or 1."""
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    assert isinstance(left, int | float)
    assert isinstance(right, int | float)
    return (left > right) - (left < right)


def _holds(values: Sequence[JSONValue], wanted: JSONValue) -> bool:
    return any(equal(value, wanted) for value in values) or (wanted is None and not values)


def kind(value: JSONValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "nan" if math.isnan(value) else "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"


def equal(left: JSONValue, right: JSONValue) -> bool:
    if kind(left) != kind(right):
        return False
    match left, right:
        case list(), list():
            return len(left) == len(right) and all(map(equal, left, right))
        case dict(), dict():
            return left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
        case _:
            return left == right or kind(left) == "nan"


def ordered(runs: Sequence[Run], order: str) -> list[Run]:
    """Sort as the server does: by type and value, missing values last, the oldest run first."""
    descending = not order.startswith("+")
    path = order.lstrip("+-")
    path = SPELLINGS.get(path, path)

    def sort_value(run: Run) -> JSONValue:
        value = next(found_at(run, path.split("."), into_arrays=False), None)
        return None if isinstance(value, list | dict) else value

    def compare_runs(left: Run, right: Run) -> int:
        one, other = sort_value(left), sort_value(right)
        if one is None or other is None:
            return (one is None) - (other is None)
        kinds = KINDS.index(kind(one)), KINDS.index(kind(other))
        if kinds[0] != kinds[1]:
            outcome = compare(*kinds)
        else:
            outcome = 0 if kind(one) == "nan" else compare(one, other)
        return -outcome if descending else outcome

    return sorted(runs, key=cmp_to_key(compare_runs))

"""W&B's scalars: JSON, which strict parsers refuse some of, and instants in ISO 8601."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import inf, nan
from typing import Final, TypeAlias, cast

from pydantic_core import from_json
from typing_extensions import override

__all__ = [
    "NON_FINITE",
    "UNREADABLE",
    "JSONObject",
    "JSONValue",
    "Unreadable",
    "decode",
    "decode_answer",
    "parse_moment",
    "without_unreadable",
]

JSONValue: TypeAlias = "str | int | float | bool | list[JSONValue] | dict[str, JSONValue] | None"
"""Any value that JSON can hold."""

JSONObject: TypeAlias = Mapping[str, JSONValue]
"""A JSON object, read-only to type checkers."""

NON_FINITE: Final[Mapping[str, float]] = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}
"""What JSON has no numbers for, and the strings that W&B gives instead."""

# The limits of pydantic's parser, which the standard library's is held to, so that it makes no
# difference which of the two reads a text. Below them there is room to write values again.
_DEPTH: Final = 200
_DIGITS: Final = 4_300


class Unreadable:
    """Stands in an answer for a value nested too deep, or an integer with too many digits."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return f"a value nested {_DEPTH} deep, or an integer of more than {_DIGITS} digits"

    @override
    def __reduce__(self) -> str:
        return "UNREADABLE"  # the only one


UNREADABLE: Final = Unreadable()


def decode(text: str | bytes) -> JSONValue:
    """Decode JSON as W&B stores it.

    Beyond the standard: the bare tokens `NaN`, `Infinity` and `-Infinity`, unescaped control
    characters, lone surrogates, and integers of up to 4,300 digits, which is Python's limit.

    Args:
        text: One JSON document.

    Returns:
        The value. Integers stay exact, also past 64 bits.

    Raises:
        ValueError: `text` is not JSON, even by these rules, or holds a value that is nested 200
            deep or an integer that is too long.

    >>> decode('{"loss": NaN, "seed": 123456789012345678901234567890}')
    {'loss': nan, 'seed': 123456789012345678901234567890}
    """
    try:
        value: JSONValue = from_json(text)
    except (TypeError, ValueError):
        value, is_whole = _decode_slowly(text)
        if not is_whole:
            raise ValueError(f"it holds {UNREADABLE}") from None
    return value


def decode_answer(body: bytes) -> JSONValue:
    """Decode an answer; a value in it that is too deep or too long does not cost the others.

    Args:
        body: The answer.

    Returns:
        The value, as `decode` gives it, but for `UNREADABLE` in the place of what that refuses:
        of a run, of the whole field, or of all that is in it where it is a list; elsewhere, of
        the value alone. It is no JSON type, so that it cannot be taken for a value.

    Raises:
        ValueError: `body` is not JSON, even by these rules.

    >>> body = b'{"run": {"id": "r", "history": [[0, %s]]}}' % (b"[" * 999 + b"]" * 999)
    >>> decode_answer(body)["run"]
    {'id': 'r', 'history': [a value nested 200 deep, or an integer of more than 4300 digits]}
    """
    try:
        value: JSONValue = from_json(body)
    except (TypeError, ValueError):
        value, is_whole = _decode_slowly(body)
        if not is_whole:
            value = cast("JSONValue", _by_fields(value))
    return value


def without_unreadable(value: JSONValue) -> JSONValue:
    """Put null, which servers write for what failed, in the place of what is `UNREADABLE`."""
    if not _is_broken(value):
        return value
    return cast("JSONValue", json.loads(json.dumps(value, default=lambda _: None)))


def _decode_slowly(text: str | bytes) -> tuple[JSONValue, bool]:
    """Decode what pydantic's parser refuses, and say whether `UNREADABLE` stands nowhere in it.

    It refuses control characters and surrogates: in a str, the latter by a `TypeError`.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    text = _without_depths(text)
    long = _LONG.search(text)

    def integer(digits: str) -> int | Unreadable:
        return UNREADABLE if _LONG.search(digits) else int(digits)

    try:
        # Where no integer is too long, a call for each would take most of the time.
        value = json.loads(text, strict=False, parse_int=integer if long else None)
    except RecursionError as error:
        raise ValueError("it is nested too deep for the caller's stack") from error
    return cast("JSONValue", value), not (long and _is_broken(value))


# Strings, also one that does not end, and what opens and closes. Nothing is tried twice.
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[\[\]{}]', re.DOTALL)

_LONG: Final = re.compile(rf"(?<![0-9])[0-9]{{{_DIGITS + 1}}}")

# What is cut out becomes an integer that is too long.
_CUT: Final = "1" * (_DIGITS + 1)


def _without_depths(text: str) -> str:
    """Cut out what is nested too deep."""
    parts: list[str] = []
    depth = start = end = 0
    for found in _TOKEN.finditer(text):
        match found[0]:
            case "[" | "{":
                depth += 1
                if depth == _DEPTH + 1:
                    start = found.start()
            case "]" | "}":
                if depth == _DEPTH + 1:
                    parts += text[end:start], _CUT
                    end = found.end()
                depth -= 1
            case _:
                pass
    if depth > _DEPTH:
        raise ValueError("what it opens is not closed")
    return "".join([*parts, text[end:]])


_RUNS: Final = frozenset({"node", "run"})
"""What an answer calls a run, whose fields are read each for itself."""


def _by_fields(value: object) -> object:
    """Put `UNREADABLE` in the place of each field of a run that holds it somewhere."""
    if isinstance(value, list):
        return [_by_fields(each) for each in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    items = cast("dict[str, object]", value).items()
    return {
        name: _whole_fields(cast("dict[str, object]", each))
        if name in _RUNS and isinstance(each, dict)
        else _by_fields(each)
        for name, each in items
    }


def _whole_fields(run: dict[str, object]) -> dict[str, object]:
    return {name: _whole(each) for name, each in run.items()}


def _whole(field: object) -> object:
    if not _is_broken(field):
        return field
    # A list stays one, so that the run's other fields pass their model with it.
    return [UNREADABLE] if isinstance(field, list) else UNREADABLE


def _is_broken(value: object) -> bool:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if each is UNREADABLE:
            return True
        if isinstance(each, dict):
            waiting += cast("dict[str, object]", each).values()
        elif isinstance(each, list):
            waiting += cast("list[object]", each)
    return False


def parse_moment(text: str) -> datetime:
    """An aware `datetime`, in UTC unless the text names another offset.

    Raises:
        ValueError: `text` is not an ISO 8601 instant.

    >>> parse_moment("2026-01-02T03:04:05")
    datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

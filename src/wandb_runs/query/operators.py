"""Operators: what may stand under a path of a filter, and which values each one takes.

W&B answers an unknown operator or an unsuitable value with HTTP 500, or with no runs. They are
refused here, with the right spelling.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, NoReturn, cast

from typing_extensions import TypeIs

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import fold, nearest, show
from wandb_runs.query.keys import check_unicode
from wandb_runs.query.regex import check_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wandb_runs.query.paths import Path

__all__ = [
    "COMPARISONS",
    "LOGICAL",
    "MAX_DEPTH",
    "at_key",
    "check_depth",
    "check_key",
    "check_operand",
    "check_operation",
    "check_operations",
    "is_list",
    "is_mapping",
    "named_operator",
    "refuse_operator",
    "write_json",
]

_MAX_KEY_SHOWN = 120
"""Characters of a key that a message shows."""

_INSTANTS = frozenset({"createdAt", "heartbeatAt"})
_SECTIONS = frozenset({"config", "summary_metrics"})

MAX_DEPTH: Final = 100
"""How deeply filters and their values may be nested; MongoDB's documents have the same limit."""

LOGICAL = frozenset({"$and", "$or", "$nor"})
"""Operators that join whole filters."""

_EQUALITY = ("$eq", "$ne")
_ORDERING = ("$gt", "$gte", "$lt", "$lte")
_MEMBERSHIP = ("$in", "$nin")
COMPARISONS = frozenset(
    {
        *(*_EQUALITY, *_ORDERING, *_MEMBERSHIP),
        *("$all", "$contains", "$exists", "$not", "$regex", "$size"),
    }
)
"""Operators that stand under a path."""

_COMMON_KEYS = frozenset({"all", "size"})
"""Operators without their `$` that are likelier keys of a value."""

# Other spellings of operators, folded; similar ones are found by `nearest`.
_SYNONYMS: Mapping[str, str] = {
    "<": "$lt",
    "<=": "$lte",
    ">": "$gt",
    ">=": "$gte",
    "=": "$eq",
    "==": "$eq",
    "!=": "$ne",
    "less": "$lt",
    "lessthan": "$lt",
    "lessthanorequal": "$lte",
    "greater": "$gt",
    "greaterthan": "$gt",
    "greaterthanorequal": "$gte",
    "equal": "$eq",
    "equals": "$eq",
    "notequal": "$ne",
    "notin": "$nin",
    "oneof": "$in",
    "like": "$contains",
    "substring": "$contains",
    "containsall": "$all",
    "hasall": "$all",
    "length": "$size",
    "match": "$regex",
}
_UNSUPPORTED: Mapping[str, str] = {
    "options": "Write flags into the pattern, like '(?i)' to ignore case.",
    "type": "W&B cannot ask for the type of a value.",
    "elemmatch": "W&B cannot match the items of a list; '$in' comes nearest.",
    "expr": "W&B cannot compare two paths.",
}


def check_operation(operator: str, value: object, path: Path, where: str) -> object:
    """Check a comparison, and convert its value to what JSON can write.

    Args:
        operator: The operator, with its `$`.
        value: The value that it compares with.
        path: The path under which it stands.
        where: The position in the filters, for messages.

    Raises:
        InvalidArgumentError: W&B would not understand it.
    """
    check = _CHECKS.get(operator)
    if check is not None:
        return check(value, path, where)
    if operator in LOGICAL:
        raise InvalidArgumentError(
            f"{where}: {operator!r} joins whole filters, so it stands where a path stands: "
            f'{{"{operator}": [{{…}}, {{…}}]}}.'
        )
    return refuse_operator(operator, COMPARISONS, where)


def _ordered(value: object, path: Path, where: str) -> object:
    if value is None or isinstance(value, bool) or is_list(value) or is_mapping(value):
        raise InvalidArgumentError(
            f"{where}: expected a number, a string or an aware datetime, not {show(value)}, "
            "which cannot be ordered."
        )
    return check_operand(value, path, where)


def _existence(value: object, _: Path, where: str) -> object:
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{where}: expected True or False, not {show(value)}.")
    return value


def _pattern(value: object, _: Path, where: str) -> object:
    return check_pattern(value, where)


def check_operations(value: Mapping[object, object], path: Path, where: str) -> dict[str, object]:
    """Check comparisons that all hold, each by its operator."""
    return {
        key: check_operation(key, operand, path, at_key(where, key))
        for given, operand in value.items()
        for key in (check_key(given, where),)
    }


def _part(value: object, _: Path, where: str) -> object:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{where}: expected a part of a string, not {show(value)}.")
    return value


def _all_of(value: object, path: Path, where: str) -> object:
    _refuse_unless_list(path, where)
    members = _members(value, path, where)
    if not members:
        raise InvalidArgumentError(f"{where}: expected at least one value; no run has all of none.")
    return members


def _item_count(value: object, path: Path, where: str) -> object:
    _refuse_unless_list(path, where)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidArgumentError(
            f"{where}: expected the number of items, a whole number from 0, not {show(value)}."
            + ("" if isinstance(value, int | float) else _advice(value))
        )
    return value


def _refuse_unless_list(path: Path, where: str) -> None:
    if path.root not in _SECTIONS and path.root != "tags":
        raise InvalidArgumentError(f"{where}: {path.root!r} is never a list.")


def _negated(value: object, path: Path, where: str) -> object:
    if not is_mapping(value) or not value:
        raise InvalidArgumentError(
            f'{where}: expected operators, like {{"$gt": 0.1}}, not {show(value)}. '
            "'$ne' is what differs from a value."
        )
    plain = [key for given in value if not (key := check_key(given, where)).startswith("$")]
    if plain:
        near = named_operator(plain[0])
        raise InvalidArgumentError(
            f"{at_key(where, plain[0])}: expected an operator. "
            + (f"Did you mean {near!r}?" if near else "Operators begin with '$'.")
        )
    return check_operations(value, path, where)


def _members(value: object, path: Path, where: str) -> list[object]:
    if is_list(value):
        return [check_operand(item, path, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        # Sorted: the order of a set differs between processes, and would defeat caches.
        items = [
            check_operand(item, path, where)
            for item in cast("set[object] | frozenset[object]", value)
        ]
        return sorted(items, key=lambda item: write_json(item, where))
    raise InvalidArgumentError(
        f"{where}: expected a list, a tuple or a set of values, not {show(value)}."
    )


def check_operand(value: object, path: Path, where: str) -> object:
    """Check a value that `path` is compared with, and convert it to what JSON can write."""
    if path.root in _INSTANTS:
        return _instant(value, where)
    if path.root not in _SECTIONS:
        if is_list(value) and path.root == "tags":
            raise InvalidArgumentError(
                f"{where}: tags are compared one by one, and W&B answers a whole list with HTTP "
                '500. For runs with any of these write {"tags": {"$in": […]}}, or '
                "Tags.contains(…) | Tags.contains(…); for runs with all of them, '$all' or "
                "Tags.contains_all(…)."
            )
        if is_list(value):
            raise InvalidArgumentError(
                f'{where}: {path.root!r} is never a list; to match any of these write {{"$in": '
                "[…]} or .is_in([…])."
            )
        if is_mapping(value):
            raise InvalidArgumentError(
                f"{where}: {path.root!r} is never a mapping, so nothing equals {show(value)}."
            )
    return _value(value, where)


_CHECKS: Final[Mapping[str, Callable[[object, Path, str], object]]] = {
    **dict.fromkeys(_EQUALITY, check_operand),
    **dict.fromkeys(_ORDERING, _ordered),
    **dict.fromkeys(_MEMBERSHIP, _members),
    "$all": _all_of,
    "$contains": _part,
    "$exists": _existence,
    "$not": _negated,
    "$regex": _pattern,
    "$size": _item_count,
}


def _instant(value: object, where: str) -> object:
    if value is None or isinstance(value, datetime):
        return _value(value, where)
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidArgumentError(
                f"{where}: {show(value)} is not in ISO 8601, like '2026-01-31T12:00:00Z'."
            ) from error
        return value
    raise InvalidArgumentError(
        f"{where}: expected an aware datetime or a string in ISO 8601, not {show(value)}."
        + _advice(value)
    )


def _value(value: object, where: str) -> object:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidArgumentError(
                f"{where}: JSON cannot write {value}. A metric that is not finite is stored as a "
                "string: 'NaN', 'Infinity' or '-Infinity'."
            )
        return value
    if isinstance(value, datetime):
        return _timestamp(value, where)
    if is_list(value):
        return [_value(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if is_mapping(value):
        return _document(value, where)
    raise InvalidArgumentError(
        f"{where}: expected a value that JSON can write, not {show(value)}." + _advice(value)
    )


def _document(value: Mapping[object, object], where: str) -> object:
    document: dict[str, object] = {}
    for given, item in value.items():
        key = check_key(given, where)
        if key.startswith("$"):
            raise InvalidArgumentError(
                f"{at_key(where, key)}: a value may not hold operators. Write the path of the "
                "nested value, like 'config.model.value.depth', and put the operator under it."
            )
        document[key] = _value(item, at_key(where, key))
    return document


def _timestamp(value: datetime, where: str) -> str:
    try:
        aware = value.utcoffset() is not None
        instant = value.astimezone(UTC) if aware else value
        text = instant.replace(tzinfo=None).isoformat()
    # Raised for dates out of range and pandas' NaT.
    except (ArithmeticError, TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{where}: {show(value)} is no instant in UTC.") from error
    if not aware:
        raise InvalidArgumentError(
            f"{where}: {show(value)} has no time zone, so it is ambiguous. "
            "Pass tzinfo=UTC, or .astimezone() for local time."
        )
    return text + "Z"


def _advice(value: object) -> str:
    """How to convert a refused value."""
    for kind, sentence in _ADVICE:
        if isinstance(value, kind):
            return f" {sentence}"
    # Of the type: an object with `__getattr__` has any attribute.
    if hasattr(type(value), "item"):
        return " Pass its .item(), or its .tolist() for several values."
    return ""


_ADVICE: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((set, frozenset), "Sets are for '$in' and '$nin', .is_in and .not_in; equality takes a list."),
    (Enum, "Pass the member's .value."),
    (re.Pattern, 'Write {"$regex": …} or .matches(…), with the pattern as a string.'),
    (date, "Pass an aware datetime, like datetime(2026, 1, 31, tzinfo=UTC)."),
    (timedelta, "Pass its .total_seconds()."),
    ((int, float), "Pass datetime.fromtimestamp(…, UTC)."),
)


def refuse_operator(key: str, known: Iterable[str], where: str) -> NoReturn:
    """Raise the error for an unknown operator, with the nearest one or what to write instead."""
    near = named_operator(key) or nearest(key, known)
    advice = _UNSUPPORTED.get(fold(key.lstrip("$")))
    hint = advice or (f"Did you mean {near!r}?" if near else "")
    raise InvalidArgumentError(
        f"{where}: W&B knows no operator {show(key)}. {hint}{' ' if hint else ''}"
        f"The operators are: {', '.join(sorted(known))}. RawFilter sends an operator unchecked."
    )


def named_operator(word: str) -> str | None:
    """The operator that a word means: without `$`, in another case, as a symbol or synonym."""
    if word in _COMMON_KEYS:
        return None
    name = fold(word).lstrip("$")
    operator = f"${name}"
    if operator in COMPARISONS | LOGICAL:
        return operator
    return _SYNONYMS.get(name)


def check_key(key: object, where: str) -> str:
    """Check that the key of a mapping is a string."""
    if not isinstance(key, str):
        raise InvalidArgumentError(f"{where}: keys are strings, not {show(key)}.")
    return key


def at_key(where: str, key: str) -> str:
    """The position of a key in the filters, for messages."""
    shown = key if len(key) <= _MAX_KEY_SHOWN else f"{key[:_MAX_KEY_SHOWN]}…"
    return f"{where}[{json.dumps(shown, ensure_ascii=False)}]"


def write_json(value: object, where: str) -> str:
    """Write compact JSON.

    Raises:
        InvalidArgumentError: JSON cannot hold the value.
    """
    check_depth(value, where)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        check_unicode(f"{where}:", text)  # before it is escaped
        return text if text.isascii() else json.dumps(value, separators=(",", ":"))
    except InvalidArgumentError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{where}: cannot be written as JSON: {error}.") from error


def check_depth(value: object, where: str) -> None:
    """Check how deeply lists and mappings are nested, which are read and written level by level.

    Raises:
        InvalidArgumentError: More deeply than `MAX_DEPTH`, or in themselves.

    >>> deep = []
    >>> for _ in range(1000):
    ...     deep = [deep]
    >>> check_depth({"config.lr": deep}, "filters")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: filters: nested more than 100 levels deep, or a part \
of itself; write it flatter.
    """
    level: list[object] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for each in level for item in _items_of(each)]
        if not level:
            return
    raise InvalidArgumentError(
        f"{where}: nested more than {MAX_DEPTH} levels deep, or a part of itself; write it flatter."
    )


def _items_of(value: object) -> Iterable[object]:
    if is_mapping(value):
        return value.values()
    if is_list(value) or isinstance(value, (set, frozenset)):
        return cast("Iterable[object]", value)
    return ()


def is_mapping(value: object) -> TypeIs[Mapping[object, object]]:
    """Whether a value is a mapping, of any keys."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeIs[list[object] | tuple[object, ...]]:
    """Whether a value is a list or tuple."""
    return isinstance(value, (list, tuple))

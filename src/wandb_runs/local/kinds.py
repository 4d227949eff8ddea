"""The kinds of values in rows, and which of them one column of a file holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from wandb_runs.query.keys import is_unicode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.graphql.scalars import JSONValue

__all__ = [
    "SPELLED",
    "Kind",
    "ListKind",
    "ObjectKind",
    "ScalarKind",
    "UnfitError",
    "joined",
    "kind_of",
]

SPELLED: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""Texts that are numbers beside numbers, and texts beside texts."""

_DEEPEST: Final = 32
"""Containers in each other: Parquet has up to two levels for each, and readers have limits."""

_EXACT: Final = 2**53
"""Integers up to here are floats, too."""

_INT64: Final = 2**63


class UnfitError(ValueError):
    """A value that no column holds, or not the column where it is."""


class ScalarKind(Enum):
    """The kind of a value that holds no others."""

    NULL = "null"
    BOOL = "bool"
    INTEGER = "integer"
    LONG = "integer that no float holds"
    FLOAT = "float"
    TEXT = "text"
    SPELLED = "text of NaN or an infinity"


@dataclass(frozen=True, slots=True)
class ListKind:
    """The kind of a list."""

    item: Kind


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """The kind of an object."""

    fields: Mapping[str, Kind]


Kind: TypeAlias = "ScalarKind | ListKind | ObjectKind"

_NUMBERS: Final = {
    frozenset({ScalarKind.INTEGER, ScalarKind.LONG}): ScalarKind.LONG,
    frozenset({ScalarKind.INTEGER, ScalarKind.FLOAT}): ScalarKind.FLOAT,
    frozenset({ScalarKind.INTEGER, ScalarKind.SPELLED}): ScalarKind.FLOAT,
    frozenset({ScalarKind.FLOAT, ScalarKind.SPELLED}): ScalarKind.FLOAT,
    frozenset({ScalarKind.TEXT, ScalarKind.SPELLED}): ScalarKind.TEXT,
}


def kind_of(value: JSONValue, depth: int = 0) -> Kind:  # noqa: PLR0911 - one return for each type
    """The kind of a value.

    Raises:
        UnfitError: No column holds it: a list of several kinds, half of a surrogate pair, an
            integer beyond 64 bits that no float holds, or what is nested too deep.

    >>> kind_of(1), kind_of([1, 0.5]), kind_of("NaN")  # doctest: +NORMALIZE_WHITESPACE
    (<ScalarKind.INTEGER: 'integer'>, ListKind(item=<ScalarKind.FLOAT: 'float'>),
     <ScalarKind.SPELLED: 'text of NaN or an infinity'>)
    """
    match value:
        case None:
            return ScalarKind.NULL
        case bool():
            return ScalarKind.BOOL
        case int():
            return _kind_of_integer(value)
        case float():
            return ScalarKind.FLOAT
        case str():
            if not is_unicode(value):
                raise UnfitError("half of a surrogate pair")
            return ScalarKind.SPELLED if value in SPELLED else ScalarKind.TEXT
        case list():
            _check_depth(depth)
            item: Kind = ScalarKind.NULL
            for each in value:
                item = joined(item, kind_of(each, depth + 1))
            return ListKind(item)
        case dict():
            _check_depth(depth)
            return ObjectKind(
                {check_name(name): kind_of(each, depth + 1) for name, each in value.items()}
            )


def check_name(name: str) -> str:
    r"""Return the name of a column.

    Raises:
        UnfitError: It is none: half of a surrogate pair, or `\0`, which libraries cut it at.
    """
    if "\0" in name or not is_unicode(name):
        raise UnfitError("a name that no column has")
    return name


def joined(one: Kind, other: Kind) -> Kind:
    """The kind of a column that holds values of two kinds.

    Raises:
        UnfitError: There is none.

    >>> joined(ScalarKind.INTEGER, ScalarKind.FLOAT).value
    'float'
    """
    if one is other or other is ScalarKind.NULL:
        return one
    match one, other:
        case (ScalarKind.NULL, _):
            return other
        case ListKind(), ListKind():
            return ListKind(joined(one.item, other.item))
        case ObjectKind(), ObjectKind():
            fields = dict(one.fields)
            for name, kind in other.fields.items():
                fields[name] = joined(fields.get(name, ScalarKind.NULL), kind)
            return ObjectKind(fields)
        case ScalarKind(), ScalarKind():
            found = _NUMBERS.get(frozenset({one, other}))
            if found is not None:
                return found
        case _:
            pass
    raise UnfitError("values of two kinds")


def _kind_of_integer(value: int) -> Kind:
    if -_EXACT <= value <= _EXACT:
        return ScalarKind.INTEGER
    if -_INT64 <= value < _INT64:
        return ScalarKind.LONG
    try:
        is_float = float(value) == value
    except OverflowError:
        is_float = False
    if not is_float:
        raise UnfitError("an integer beyond 64 bits")
    return ScalarKind.FLOAT


def _check_depth(depth: int) -> None:
    if depth >= _DEEPEST:
        raise UnfitError("too many containers in each other")

"""Which nested values one type of Arrow holds, so that a column of them can be written to Parquet.

Arrow stands for libraries that have one type for a column, and one at each place inside its values.
It is not imported: the rules are those of pandas' `to_parquet`.
"""

from __future__ import annotations

from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Final, cast

from wandb_runs.frames.columns import FLOAT_INTEGERS, INT64
from wandb_runs.query.keys import is_unicode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["is_uniform"]

_DEEPEST: Final = 32
"""Containers in each other. A file of Parquet has up to two levels for each, and pyarrow reads 100
levels."""


def is_uniform(values: Sequence[JSONValue]) -> bool:
    r"""Whether there is one type for the values at each place inside these values.

    Null is of every type. Integers and floats are of one, unless a float would round the integer.
    There is none for objects that are all empty, text that UTF-8 cannot encode, keys with `\0`,
    which Parquet cuts there, and more than 32 containers in each other.

    >>> is_uniform([{"min": 0.5}, {"min": 1, "max": None}, None])
    True
    >>> is_uniform([{"min": 0.5}, {"min": "NaN"}]), is_uniform([{}]), is_uniform([[True, 1]])
    (False, False, False)
    """
    # No recursion: values may be nested deeper than the caller's stack has room for.
    places: list[Sequence[JSONValue]] = [values]
    for _ in range(_DEEPEST + 1):
        inner: list[Sequence[JSONValue]] = []
        for place in places:
            types = {*map(type, place)} - {NoneType}
            if types == {list}:
                lists = cast("Sequence[list[JSONValue] | None]", place)
                inner.append([*chain.from_iterable(each for each in lists if each is not None)])
            elif types == {dict}:
                fields = _fields(cast("Sequence[dict[str, JSONValue] | None]", place))
                if not fields or not all(map(_is_field, fields)):
                    return False
                inner += fields.values()
            elif types and not _is_one_type(place, types):
                return False
        if not inner:
            return True
        places = inner
    return False


def _fields(objects: Sequence[dict[str, JSONValue] | None]) -> dict[str, list[JSONValue]]:
    """The values of each key."""
    fields: dict[str, list[JSONValue]] = {}
    for each in objects:
        for key, value in (each or {}).items():
            fields.setdefault(key, []).append(value)
    return fields


def _is_field(key: str) -> bool:
    return "\0" not in key and is_unicode(key)


def _is_one_type(place: Sequence[JSONValue], types: set[type]) -> bool:
    """Whether one type holds values that are no lists or objects."""
    if types <= {int, float}:
        integers = [value for value in place if isinstance(value, int)]
        allowed = FLOAT_INTEGERS if float in types else INT64
        return not integers or (min(integers) in allowed and max(integers) in allowed)
    if types == {str}:
        return all(is_unicode(value) for value in place if isinstance(value, str))
    return types == {bool}

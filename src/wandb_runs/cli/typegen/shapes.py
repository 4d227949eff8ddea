"""Shapes: which kinds of values runs hold under one key, joined over all runs.

Shapes are joined: in whatever order, and however often a value comes, the result is the same. So
runs can be read a page at a time, and nothing but the shape is kept.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from wandb_runs.graphql.scalars import NON_FINITE
from wandb_runs.query.keys import is_unicode

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["ANYTHING", "NOTHING", "Kind", "Shape", "join", "shape_of"]

Kind: TypeAlias = Literal[
    "anything", "null", "boolean", "integer", "long", "number", "special", "string", "list", "dict"
]
"""What a value is. A `long` is an integer that no float equals; a `special` is the text that W&B
writes for a number that JSON does not have."""


_DEPTH: Final = 16
"""How deep lists and dicts are looked into. Models of deeper values are too large to be of use."""

_MOST_FIELDS: Final = 200
"""How many keys a nested dict has, over all runs, before they count as data, and not as names."""


class Shape(NamedTuple):
    """What the values at one place are.

    Attributes:
        kinds: Of which kinds they are.
        items: What is in the lists; None where all are empty, or there is none.
        fields: What is under each key of the dicts; None where there is none.
        required: The keys that every dict has.
        values: What is under any key of the dicts, where these are data; `fields` is then None.
    """

    kinds: frozenset[Kind] = frozenset()
    items: Shape | None = None
    fields: dict[str, Shape] | None = None
    required: frozenset[str] = frozenset()
    values: Shape | None = None


NOTHING: Final = Shape()
"""No value has been seen."""

ANYTHING: Final = Shape(frozenset({"anything"}))
"""Values of which nothing can be said."""

_INTEGER: Final = Shape(frozenset({"integer"}))
_LONG: Final = Shape(frozenset({"long"}))
_STRING: Final = Shape(frozenset({"string"}))
_SPECIAL_STRING: Final = Shape(frozenset({"special"}))
_OTHERS: Final[dict[type[object], Shape]] = {
    type(None): Shape(frozenset({"null"})),
    bool: Shape(frozenset({"boolean"})),
    float: Shape(frozenset({"number"})),
}
_LIST: Final[frozenset[Kind]] = frozenset({"list"})
_DICT: Final[frozenset[Kind]] = frozenset({"dict"})


def shape_of(value: JSONValue, *, depth: int = 0) -> Shape:
    """Tell the shape of one value.

    Args:
        value: The value.
        depth: How deep it is nested. Only at 0 is any number of keys a dict with fields.

    >>> shape_of({"lr": 0.1}) == join(shape_of({"lr": 0.1}), shape_of({"lr": 0.2}))
    True
    """
    if isinstance(value, list):
        return _shape_of_list(value, depth)
    if isinstance(value, dict):
        return _shape_of_dict(value, depth)
    if isinstance(value, str):
        return _shape_of_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _INTEGER if _is_exact(value) else _LONG
    return _OTHERS[type(value)]


def join(one: Shape, other: Shape, *, is_top: bool = True) -> Shape:
    """Tell the shape of values that have either shape.

    Args:
        one: A shape.
        other: Another.
        is_top: Whether they are of whole documents, which have fields whatever their number.

    >>> from wandb_runs.cli.typegen.shapes import join, shape_of
    >>> both = join(shape_of({"lr": 1, "seed": 1}), shape_of({"lr": 0.5}))
    >>> sorted(both.fields["lr"].kinds), sorted(both.required)
    (['integer', 'number'], ['lr'])
    """
    if one is other or other is NOTHING:
        return one
    if one is NOTHING:
        return other
    if "anything" in one.kinds or "anything" in other.kinds:
        return ANYTHING
    kinds = one.kinds if other.kinds <= one.kinds else one.kinds | other.kinds
    is_nested = not kinds.isdisjoint(_LIST | _DICT)
    if not is_nested:
        return one if kinds is one.kinds else Shape(kinds)
    items = _join_known(one.items, other.items)
    fields, required, values = _join_dicts(one, other, is_top=is_top)
    return Shape(kinds, items, fields, required, values)


def _shape_of_text(text: str) -> Shape:
    if text in NON_FINITE:
        return _SPECIAL_STRING
    # No `str` of a model takes what UTF-8 cannot hold.
    return _STRING if is_unicode(text) else ANYTHING


def _shape_of_list(values: list[JSONValue], depth: int) -> Shape:
    if depth >= _DEPTH:
        return Shape(_LIST, items=ANYTHING)
    items = (shape_of(value, depth=depth + 1) for value in values)
    return Shape(_LIST, items=reduce(_join_known, items, None))


def _shape_of_dict(values: dict[str, JSONValue], depth: int) -> Shape:
    if depth >= _DEPTH:
        return Shape(_DICT, values=ANYTHING)
    # At the top, keys that no field can have are left out: unknown keys are ignored there anyway.
    # Below, such a dict is kept as it is.
    keys = [key for key in values if is_unicode(key)]
    if depth and len(keys) < len(values):
        return ANYTHING
    fields = {key: shape_of(values[key], depth=depth + 1) for key in keys}
    return _dict_of(fields, frozenset(fields), is_top=not depth)


def _join_dicts(
    one: Shape, other: Shape, *, is_top: bool
) -> tuple[dict[str, Shape] | None, frozenset[str], Shape | None]:
    if "dict" not in one.kinds or "dict" not in other.kinds:
        holder = one if "dict" in one.kinds else other
        return holder.fields, holder.required, holder.values
    if one.fields is None or other.fields is None:
        return None, frozenset(), _join_known(_values_of(one), _values_of(other))
    fields = dict(one.fields)
    for key, shape in other.fields.items():
        known = fields.get(key)
        fields[key] = shape if known is None else join(known, shape, is_top=False)
    joined = _dict_of(fields, one.required & other.required, is_top=is_top)
    return joined.fields, joined.required, joined.values


def _dict_of(fields: dict[str, Shape], required: frozenset[str], *, is_top: bool) -> Shape:
    if is_top or len(fields) <= _MOST_FIELDS:
        return Shape(_DICT, fields=fields, required=required)
    return Shape(_DICT, values=reduce(_join_known, fields.values(), None))


def _values_of(shape: Shape) -> Shape | None:
    if shape.fields is None:
        return shape.values
    return reduce(_join_known, shape.fields.values(), None)


def _join_known(one: Shape | None, other: Shape | None) -> Shape | None:
    if one is None or other is None:
        return other if one is None else one
    return join(one, other, is_top=False)


def _is_exact(value: int) -> bool:
    try:
        return float(value) == value
    except OverflowError:
        return False

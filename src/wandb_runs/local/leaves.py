"""A run's values as indexed rows, so that filters and orders become SQL."""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.local.documents import storable
from wandb_runs.local.tables import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.tables import Scalar

__all__ = ["Leaf", "config_leaves", "config_values", "fitting", "flatten", "typed"]

_INT64: Final = 2**63


class Leaf(NamedTuple):
    """One value below a run.

    Attributes:
        path: The exact path, such as `config.lr.value`.
        kind: The value's type.
        value: The value; for an object or an array, a digest of it.
        sorts: Whether the value is the sort key of the run when runs are ordered by the path.
    """

    path: str
    kind: Kind
    value: Scalar
    sorts: bool


def typed(value: JSONValue) -> tuple[Kind, Scalar]:  # noqa: PLR0911 - one return for each type
    """A JSON value's type, and its representation in the index.

    >>> typed(True), typed(2), typed("a"), typed(float("nan"))
    ((<Kind.BOOL: 6>, 1), (<Kind.NUMBER: 2>, 2), (<Kind.STRING: 3>, 'a'), (<Kind.NAN: 1>, 0))
    """
    match value:
        case None:
            return Kind.NULL, 0
        case bool():
            return Kind.BOOL, int(value)
        case int():
            return Kind.NUMBER, fitting(value)
        case float():
            return (Kind.NAN, 0) if math.isnan(value) else (Kind.NUMBER, value)
        case str():
            # A lone surrogate is legal in JSON and has no UTF-8.
            return Kind.STRING, storable(value)
        case list():
            parts = [typed(item) for item in value]
            return Kind.ARRAY, _digest(*(f"{kind}:{_normalized(item)!r}" for kind, item in parts))
        case dict():
            members = sorted((key, *typed(item)) for key, item in value.items())
            return Kind.OBJECT, _digest(
                *(f"{key!r}:{kind}:{_normalized(item)!r}" for key, kind, item in members)
            )


def fitting(number: int) -> int | float:
    """A whole number as the index holds it: rounded beyond 64 bits, infinite beyond floats."""
    if -_INT64 <= number < _INT64:
        return number
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _normalized(scalar: Scalar) -> Scalar:
    """Normalize numbers: 1.0 becomes 1."""
    return int(scalar) if isinstance(scalar, float) and scalar.is_integer() else scalar


def _digest(*parts: str) -> str:
    return blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def flatten(path: str, value: JSONValue, *, sorts: bool = True) -> Iterator[Leaf]:
    """List a value and every value below it, with MongoDB's reading of arrays.

    An array is found by any of its elements and by the whole; an element that is an array itself
    is found by the whole only.

    >>> [(leaf.path, leaf.value) for leaf in flatten("a", {"b": 1, "c.d": "x"}) if leaf.sorts]
    [('a.b', 1), ('a.c.d', 'x')]
    """
    kind, scalar = typed(value)
    yield Leaf(path, kind, scalar, sorts and kind not in {Kind.OBJECT, Kind.ARRAY})
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flatten(f"{path}.{storable(key)}", item, sorts=sorts)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, list):
                yield Leaf(path, *typed(item), sorts=False)
            else:
                yield from flatten(path, item, sorts=False)


def config_leaves(config: JSONObject) -> Iterator[Leaf]:
    """List the values of a config, each below `config.<key>.value`.

    A config whose keys lack W&B's envelope is found by the same paths. The SDK's own part,
    `_wandb`, is left out: it names a key after each process that wrote to the run.

    >>> [leaf.path for leaf in config_leaves({"lr": {"value": 0.1, "desc": None}, "seed": 1})]
    ['config.lr.value', 'config.seed.value']
    """
    for key, value in config_values(config):
        yield from flatten(f"config.{storable(key)}.value", value)


def config_values(config: JSONObject) -> Iterator[tuple[str, JSONValue]]:
    """List the keys of a config, but the SDK's own, and their values without envelopes."""
    for key, entry in config.items():
        if key != "_wandb":
            yield key, entry["value"] if isinstance(entry, dict) and "value" in entry else entry

"""The arrays of a run's documents, whose items `$size` counts; the index holds digests of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.graphql.scalars import decode
from wandb_runs.local.documents import storable
from wandb_runs.local.leaves import config_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

__all__ = ["has_array"]


def has_array(document: str | None, path: str, size: float) -> bool:
    """Whether there is an array of so many items at a path, as filters spell it.

    An array that is an element of another one has no path of its own.

    Args:
        document: The JSON of what the root of the path names; null has no arrays.
        path: The exact path, such as `config.widths.value`.
        size: The number of items.

    >>> has_array('{"widths": {"value": [8, 8]}}', "config.widths.value", 2)
    True
    >>> has_array('["best"]', "tags", 2)
    False
    """
    root, dot, below = path.partition(".")
    value = decode(document) if document else None
    if root == "config" and isinstance(value, dict):
        value = _enveloped(value)
    return any(len(array) == size for array in _arrays(value, below if dot else None))


def _enveloped(config: JSONObject) -> JSONValue:
    return {key: {"value": item} for key, item in config_values(config)}


def _arrays(value: JSONValue, path: str | None) -> Iterator[list[JSONValue]]:
    """The arrays at a path, through objects and objects in arrays; None for the value itself."""
    if path is None:
        if isinstance(value, list):
            yield value
    elif isinstance(value, dict):
        for given, item in value.items():
            key = storable(given)
            if path == key:
                yield from _arrays(item, None)
            elif path.startswith(f"{key}."):
                yield from _arrays(item, path[len(key) + 1 :])
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from _arrays(item, path)

"""Dotted keys: values inside the objects of a row, a config or a summary.

A program logs `{"train": {"loss": 1}}` or `{"train.loss": 1}`; the key `train.loss` reads both.
Where both are there, the flat one wins; of several names that hold the rest of a key, the longest.
A null is no value. Items of lists have no keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

__all__ = ["outer_keys", "pick", "pick_all", "places", "select"]


def pick(values: Mapping[str, JSONValue], key: str) -> JSONValue:
    """The value of a key, flat or nested; None where there is none.

    >>> pick({"a.b": {"c": 1}, "a": {"b": {"c": 2}}}, "a.b.c"), pick({"a": 1}, "b")
    (1, None)
    """
    value = values.get(key)
    if value is not None or "." not in key:
        return value
    return next((found for found in _candidates(values, key) if found is not None), None)


def pick_all(values: Mapping[str, JSONValue], keys: Iterable[str]) -> dict[str, JSONValue]:
    """The values of some keys, without those that have none.

    >>> pick_all({"a": {"b": 1, "c": None}}, ("a.b", "a.c"))
    {'a.b': 1}
    """
    return {
        key: value
        for key in keys
        if (value := values.get(key)) is not None
        or ("." in key and (value := pick(values, key)) is not None)
    }


def select(document: Mapping[str, JSONValue], keys: Iterable[str]) -> dict[str, JSONValue]:
    """Cut a document down to some keys, each under its whole name; a null stays one.

    >>> select({"a": {"b": 1}, "c": None, "d": 2}, ("a.b", "c", "x.y"))
    {'a.b': 1, 'c': None}
    """
    return {
        key: pick(document, key)
        for key in keys
        if key in document or ("." in key and any(True for _ in _candidates(document, key)))
    }


def outer_keys(keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The names at the top of a document under which the values of some keys may be.

    What dots mean in the keys that W&B's server is asked for is not established, so that it is
    asked for these names, and the values are picked from what they hold. None for all of them.

    >>> outer_keys(("loss", "a.b.c"))
    ('loss', 'a.b.c', 'a.b', 'a')
    """
    if keys is None:
        return None
    return tuple(dict.fromkeys(name for key in keys for name in _and_containers(key)))


def _and_containers(key: str) -> Iterator[str]:
    yield key
    while "." in key:
        key = key.rpartition(".")[0]
        yield key


def places(values: Mapping[str, JSONValue], key: str) -> Iterator[tuple[JSONObject, str]]:
    """The places that a key may mean: the object that holds each, and the name of it there.

    The first meant comes before the others. `values` itself, or an object inside, is handed out.

    >>> [*places({"a.b": 1, "a": {"b": 2}}, "a.b")]
    [({'a.b': 1, 'a': {'b': 2}}, 'a.b'), ({'b': 2}, 'b')]
    """
    # Not recursive: a server may nest objects deeper than Python recurses.
    pending: list[tuple[Mapping[str, JSONValue], str]] = [(values, key)]
    while pending:
        values, key = pending.pop()
        if key in values:
            yield values, key
        dot = key.find(".")
        while dot >= 0:
            inner = values.get(key[:dot])
            if isinstance(inner, dict):
                pending.append((inner, key[dot + 1 :]))
            dot = key.find(".", dot + 1)


def _candidates(values: Mapping[str, JSONValue], key: str) -> Iterator[JSONValue]:
    """All values that a key may mean, the first meant before the others."""
    return (holder[name] for holder, name in places(values, key))

"""Flat rows: a config or a summary as columns, with a dotted name for each value inside it."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from wandb_runs.frames.rows import make_floats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["FlatRow", "Path", "flatten", "key_of"]

Path: TypeAlias = "tuple[str, ...]"
"""The keys on the way to a value."""

_TYPE: Final = "_type"
"""The key by which W&B marks what is one value: an image, a table, a histogram."""


class FlatRow(NamedTuple):
    """The values of a document under dotted names.

    Attributes:
        row: The values by name.
        hidden: The names that another value had, each with the keys of those that are left out.
    """

    row: Row
    hidden: dict[str, list[Path]]


def flatten(document: Mapping[str, JSONValue], keys: Sequence[str] | None = None) -> FlatRow:
    """Flatten what is nested in a document, to any depth.

    A dict that is empty or has a `_type` is one value, and so is a list. A null is no value. Of
    several values of one name, the one that is flat counts, or has the longest key, as for
    `wandb_runs.graphql.nested.pick`. Texts of NaN and the infinities become floats.

    Args:
        document: The document.
        keys: Of which values to keep what they are, or what is nested in them; None for all. As
            everywhere, `a.b` is the key `a.b` or `b` in `a`, and `a` is not the key `a.b`.

    >>> flatten({"model": {"depth": 3, "head": {"width": 8}}, "tags": ["a"], "none": None}).row
    {'model.depth': 3, 'model.head.width': 8, 'tags': ['a']}
    >>> flatten({"a": {"b": 1}, "a.b": 2})
    FlatRow(row={'a.b': 2}, hidden={'a.b': [('a', 'b')]})
    >>> flatten({"c": "NaN", "a.d": 2, "a": {"b": 1}}, ["a", "c"]).row
    {'a.b': 1, 'c': nan}
    """
    asked = None if keys is None else frozenset(keys)
    row: Row = {}
    hidden: dict[str, list[Path]] = {}
    # Not recursive: a server may nest objects deeper than Python recurses.
    pending: list[tuple[Path, JSONValue]] = [((), dict(document))]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict) and (not path or (value and _TYPE not in value)):
            # Two keys that begin one name differ in length, and the longest comes first.
            pending += [((*path, key), value[key]) for key in sorted(value, key=len)]
            continue
        name = ".".join(path)
        if value is None or (asked is not None and asked.isdisjoint(_outer_names(path))):
            continue
        if name in row:
            hidden.setdefault(name, []).append(path)
        else:
            row[name] = value
    make_floats([row])
    return FlatRow(row, hidden)


def key_of(name: str, keys: Iterable[str]) -> str | None:
    """The first key that a dotted name is, or is inside of.

    >>> key_of("model.depth", ["mod", "model.depth", "model"])
    'model.depth'
    """
    return next((key for key in keys if name == key or name.startswith(f"{key}.")), None)


def _outer_names(path: Path) -> Iterator[str]:
    """The dotted names of a value and of those that it is nested in."""
    return accumulate(path, "{}.{}".format)

"""Changes of a config or a summary, which a server stores as one document each."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast

from wandb_runs.graphql.documents import read_document, unwrap
from wandb_runs.graphql.nested import outer_keys, places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.graphql.scalars import JSONValue

    Document: TypeAlias = dict[str, JSONValue]

__all__ = ["DocumentChange", "Part"]

Part: TypeAlias = Literal["config", "summary"]
"""Which document of a run."""


class DocumentChange(NamedTuple):
    """Keys that get values, and keys that go; the keys of either exclude each other.

    Attributes:
        part: Which document.
        values: The new values, by key. A key with dots is one inside an object, where no key of
            that name is there; see `graphql/nested.py`.
        unset: The keys that go.
    """

    part: Part
    values: Mapping[str, JSONValue]
    unset: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The keys, as messages have them: `config.lr`."""
        return [f"{self.part}.{key}" for key in (*self.values, *self.unset)]

    def applied_to(self, text: str | None) -> str:
        """The whole document with the change; what it does not name stays as it is.

        NaN and infinities are bare tokens, as the logging SDK of W&B sends them.

        Args:
            text: The document, as the server sent it; None is an empty one.

        Raises:
            ValueError: Not a JSON object; the message says what it is.

        >>> change = DocumentChange("config", {"model.depth": 4, "lr": 0.1}, ("seed",))
        >>> change.applied_to('{"model": {"value": {"depth": 3}, "desc": "x"}, "seed": 1}')
        '{"model": {"value": {"depth": 4}, "desc": "x"}, "lr": {"value": 0.1, "desc": null}}'
        >>> DocumentChange("summary", {"loss": float("nan")}).applied_to(None)
        '{"loss": NaN}'
        """
        stored = read_document(text, None)
        values = self._values_in(stored)
        for key, value in self.values.items():
            place, name = _place_of(values, key)
            place[name] = value
        for key in self.unset:
            for holder, name in [*places(values, key)]:
                del cast("Document", holder)[name]
        if self.part == "config":
            values = {key: _enveloped(stored.get(key), value) for key, value in values.items()}
        return json.dumps(values)

    def missing_in(self, text: str | None) -> list[str]:
        """What of the change is not in a document: the keys, as messages have them.

        Args:
            text: The document, as the server sent it; None is an empty one.

        Raises:
            ValueError: Not a JSON object; the message says what it is.

        >>> DocumentChange("summary", {"a": 1, "b": 2}, ("c",)).missing_in('{"a": 1.0, "c": 0}')
        ['summary.b', 'summary.c']
        """
        values = self._values_in(read_document(text, None))
        missing = [key for key, value in self.values.items() if not _holds(values, key, value)]
        missing += [key for key in self.unset if any(True for _ in places(values, key))]
        return [f"{self.part}.{key}" for key in missing]

    @property
    def wanted(self) -> dict[str, JSONValue]:
        """What there is to be of its keys, by their names in messages; None for those that go."""
        return {f"{self.part}.{key}": self.values.get(key) for key in (*self.values, *self.unset)}

    def present_in(self, text: str | None) -> dict[str, JSONValue]:
        """What a document has of its keys, by their names in messages.

        Args:
            text: The document, as the server sent it; None is an empty one.

        Raises:
            ValueError: Not a JSON object; the message says what it is.

        >>> DocumentChange("config", {"lr": 1, "b": 2}).present_in('{"lr": {"value": 0.5}}')
        {'config.lr': 0.5}
        """
        values = self._values_in(read_document(text, None))
        found = {key: next(places(values, key), None) for key in (*self.values, *self.unset)}
        return {
            f"{self.part}.{key}": place[0][place[1]]
            for key, place in found.items()
            if place is not None
        }

    def unknown_in(self, text: str | None) -> list[str]:
        """The keys that are to go and are not there."""
        values = self._values_in(read_document(text, None))
        return [key for key in self.unset if not any(True for _ in places(values, key))]

    def paths_in(self, text: str | None, key: str) -> list[str]:
        """The keys of a document beside which a key would be: at the top, and inside objects.

        Args:
            text: The document, as the server sent it; None is an empty one.
            key: The key.

        Raises:
            ValueError: Not a JSON object; the message says what it is.

        >>> DocumentChange("summary", {}).paths_in('{"a": {"b": 1, "c": 2}, "d": 3}', "a.x")
        ['a', 'd', 'a.b', 'a.c']
        """
        values = self._values_in(read_document(text, None))
        paths = [*values]
        # At one depth only: of objects in each other there may be very many.
        for outer in outer_keys((key.rpartition(".")[0],)) or () if "." in key else ():
            for holder, name in places(values, outer):
                inner = holder[name]
                if isinstance(inner, dict):
                    paths += [f"{outer}.{each}" for each in inner]
        return paths

    def _values_in(self, stored: Document) -> Document:
        if self.part == "summary":
            return stored
        return {key: unwrap(value) for key, value in stored.items()}


def _place_of(values: Document, key: str) -> tuple[Document, str]:
    """Where a key is, or is to be: the object, and the name in it."""
    found = next(places(values, key), None)
    if found is not None:
        return cast("Document", found[0]), found[1]
    # Inside the object that holds the beginning of the key, the longest that there is.
    end = key.rfind(".")
    while end > 0:
        holder = values.get(key[:end])
        if isinstance(holder, dict):
            return _place_of(holder, key[end + 1 :])
        end = key.rfind(".", 0, end)
    return values, key


def _enveloped(stored: JSONValue, value: JSONValue) -> JSONValue:
    """A value of a config as it is stored, with what stands beside it there."""
    if isinstance(stored, dict) and unwrap(stored) is not stored:
        return {**stored, "value": value}
    # What has no envelope and is not changed is none of this package's business.
    return value if stored is value and value is not None else {"value": value, "desc": None}


def _holds(values: Document, key: str, value: JSONValue) -> bool:
    found = next(places(values, key), None)
    if found is None:
        return _stored(value) == {}  # which W&B drops
    return _is_same(_stored(found[0][found[1]]), _stored(value))


def _stored(value: JSONValue) -> JSONValue:
    """A value as W&B keeps it: without empty objects inside, and texts for what is no number."""
    if isinstance(value, dict):
        return {
            name: each
            for key, one in value.items()
            for name, each in [(key, _stored(one))]
            if each != {}
        }
    if isinstance(value, list):
        return [_stored(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _is_same(found: JSONValue, value: JSONValue) -> bool:
    """Whether two values are one in JSON, where 1 and 1.0 are, and in floats of 64 bits."""
    if isinstance(found, dict) and isinstance(value, dict):
        return found.keys() == value.keys() and all(
            _is_same(found[key], value[key]) for key in value
        )
    if isinstance(found, list) and isinstance(value, list):
        return len(found) == len(value) and all(map(_is_same, found, value))
    if isinstance(found, bool) or isinstance(value, bool):
        return found is value
    if isinstance(found, int | float) and isinstance(value, int | float):
        return found == value or _as_float(found) == _as_float(value)
    return found == value


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf

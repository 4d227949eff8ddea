"""A run's config and summary, as the server stores them and as callers read them.

A key is a name at the top of the document, as a program gave it to `run.config` or `run.log`, or
a path with dots to a value inside, as in `graphql/nested.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic_core import from_json

from wandb_runs.graphql.nested import outer_keys, select
from wandb_runs.graphql.scalars import decode

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue

__all__ = [
    "INTERNAL_KEYS",
    "read_config",
    "read_document",
    "unwrap",
]

INTERNAL_KEYS: Final = frozenset({"_wandb", "wandb_version"})
"""What W&B keeps in a config for itself."""

_ENVELOPE: Final = frozenset({"value", "desc"})


def read_config(text: JSONValue, keys: tuple[str, ...] | None) -> dict[str, JSONValue]:
    """Read a config, its values out of their envelopes.

    Args:
        text: The document, as the server sent it; null is an empty one.
        keys: The keys to keep, whatever else the server sent; None for all.

    Raises:
        ValueError: Not a JSON object; the message says what it is.

    >>> read_config('{"lr": {"value": 0.1, "desc": null}, "seed": {"value": 1}}', ("lr",))
    {'lr': 0.1}
    >>> read_config('{"model": {"value": {"depth": 3}}}', ("model.depth",))
    {'model.depth': 3}
    """
    document = _decoded(text)
    if keys is not None:
        document = {key: document[key] for key in outer_keys(keys) or () if key in document}
    for key, value in document.items():
        if type(value) is dict:
            # Nearly every value is in an envelope of its own, which is seen without a call.
            bare = len(value) == 1 and "value" in value
            document[key] = value["value"] if bare else unwrap(value)
    return document if keys is None else select(document, keys)


def read_document(text: JSONValue, keys: tuple[str, ...] | None) -> dict[str, JSONValue]:
    """Read a config as it is stored, or a summary.

    Args:
        text: The document, as the server sent it; null is an empty one.
        keys: The keys to keep, whatever else the server sent; None for all.

    Raises:
        ValueError: Not a JSON object; the message says what it is.

    >>> read_document('{"loss": 0.5, "accuracy": 0.9}', ("accuracy", "absent"))
    {'accuracy': 0.9}
    >>> read_document('{"loss": {"min": 0.1, "max": 2}}', ("loss.min",))
    {'loss.min': 0.1}
    """
    document = _decoded(text)
    return document if keys is None else select(document, keys)


def unwrap(value: JSONValue) -> JSONValue:
    """Take a config value out of its envelope, which may be missing.

    >>> unwrap({"value": [1, 2], "desc": None}), unwrap({"value": 1, "unit": "s"})
    ([1, 2], {'value': 1, 'unit': 's'})
    """
    if isinstance(value, dict) and "value" in value and value.keys() <= _ENVELOPE:
        return value["value"]
    return value


def _decoded(text: JSONValue) -> dict[str, JSONValue]:
    if not isinstance(text, str):
        if text is None:
            return {}
        raise ValueError(f"{text!r:.80}, not a JSON object in a string")
    try:
        document: JSONValue = from_json(text)  # as `decode` does first, without a call
    except (TypeError, ValueError):
        try:
            document = decode(text or "{}")
        except ValueError as error:
            raise ValueError(f"not JSON ({error})") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ValueError(f"a JSON {type(document).__name__}, not an object")  # noqa: TRY004 - the document is text to the caller, of a wrong value
    return document

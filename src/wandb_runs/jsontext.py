"""JSON as W&B writes it: strict parsers refuse some of it, and none of it may be lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias, cast

from pydantic_core import from_json

__all__ = ["JSONObject", "JSONValue", "decode"]

JSONValue: TypeAlias = "str | int | float | bool | list[JSONValue] | dict[str, JSONValue] | None"
"""Any value that JSON can hold."""

JSONObject: TypeAlias = Mapping[str, JSONValue]
"""A JSON object, read-only to type checkers."""


def decode(text: str | bytes) -> JSONValue:
    """Decode JSON as W&B stores it.

    Beyond the standard: the bare tokens `NaN`, `Infinity` and `-Infinity`, unescaped control
    characters, lone surrogates, and integers of up to 4,300 digits, which is Python's limit.

    Args:
        text: One JSON document.

    Returns:
        The value. Integers stay exact, also past 64 bits.

    Raises:
        ValueError: `text` is not JSON, even by these rules, or nested a thousand deep.

    >>> decode('{"loss": NaN, "seed": 123456789012345678901234567890}')
    {'loss': nan, 'seed': 123456789012345678901234567890}
    """
    try:
        return cast("JSONValue", from_json(text))
    except ValueError:
        # Slower, and takes control characters, lone surrogates and deep nesting as well.
        try:
            return cast("JSONValue", json.loads(text, strict=False))
        except RecursionError as error:
            raise ValueError("the JSON is nested too deep") from error

"""Values as text that UTF-8 can encode, which servers and frames require."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING

from wandb_runs.query.keys import is_unicode

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["as_unicode", "json_text", "text_of"]


def as_unicode(text: str) -> str:
    r"""The text, with lone surrogates as escapes.

    >>> as_unicode("naïve"), as_unicode("\ud83d")
    ('naïve', '\\ud83d')
    """
    return text if is_unicode(text) else text.encode(errors="backslashreplace").decode()


def json_text(value: JSONValue) -> str:
    """Write JSON that `wandb_runs.graphql.scalars.decode` reads back to an equal value.

    Compact, with sorted names: equal objects have equal text. NaN and the infinities are bare
    tokens, as W&B writes them.

    >>> json_text({"b": [1, float("nan")], "a": "é"})
    '{"a":"é","b":[1,NaN]}'
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if is_unicode(text):
        return text
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def text_of(value: JSONValue) -> str | None:
    """The text that a program logged, of a value that is text.

    NaN and the infinities are among it: read as floats, they may have been logged as text.

    Raises:
        ValueError: Another value, or text that UTF-8 cannot encode.

    >>> text_of("a"), text_of(float("inf"))
    ('a', 'Infinity')
    """
    if value is None or (isinstance(value, str) and is_unicode(value)):
        return value
    if isinstance(value, float) and not isfinite(value):
        return json_text(value)
    raise ValueError("not text")

"""Values as text that UTF-8 can encode, which servers and frames require."""

from __future__ import annotations

import json
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
    """The text of a value in a column of text, independent of the other values of the column.

    A string that UTF-8 can encode is unchanged; any other value is written as JSON.

    >>> text_of("a"), text_of(0.5), text_of(True), text_of(float("inf")), text_of([1, "a"])
    ('a', '0.5', 'true', 'Infinity', '[1,"a"]')
    """
    if value is None or (isinstance(value, str) and is_unicode(value)):
        return value
    return json_text(value)

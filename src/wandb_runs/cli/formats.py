"""Records in the formats that programs read, and in Markdown."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from wandb_runs.errors.text import printable, printable_json
from wandb_runs.frames.text import json_text
from wandb_runs.graphql.scalars import NON_FINITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wandb_runs.graphql.scalars import JSONValue

__all__ = [
    "WRITERS",
    "Format",
    "Records",
    "are_numbers",
    "as_float",
    "exact",
    "json_document",
    "json_line",
    "markdown_table",
    "markdown_text",
    "shown",
]

Format: TypeAlias = Literal["table", "json", "jsonl", "csv", "markdown"]
"""How a command prints."""

_QUOTED: Final = re.compile(r'[",\r\n]')
"""What a cell of CSV needs quotes for."""

_MARKUP: Final = re.compile(
    r"[\\`*\[\]<>|~#&!]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # within a word an underscore is one
)
"""What Markdown may take for markup."""


class Records(NamedTuple):
    """Rows that have the same columns.

    Attributes:
        columns: Their names, in order.
        rows: The values of each row, in the order of the columns; None for no value.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[JSONValue]]

    def objects(self) -> list[JSONValue]:
        """The rows as objects."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def shown(value: JSONValue) -> str:
    """A value as tables show it: floats with six digits, lists and objects as JSON.

    >>> shown(0.123456789), shown(["a"]), shown(None)
    ('0.123457', '["a"]', '')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    return json_text(value)


def exact(value: JSONValue) -> str:
    """A value as one stands alone: text as it is, all else as JSON, with all digits.

    >>> exact(0.123456789), exact(True), exact("text"), exact(None)
    ('0.123456789', 'true', 'text', 'null')
    """
    return value if isinstance(value, str) else json_text(value)


def are_numbers(values: Iterable[JSONValue]) -> bool:
    """Whether the values of a column are numbers, where it has any, or none at all."""
    return all(isinstance(each, int | float | None) or each in [*NON_FINITE] for each in values)


def as_float(value: JSONValue) -> JSONValue:
    """A value of a column; NaN and the infinities, which W&B gives as text, are floats there."""
    return NON_FINITE.get(value, value) if isinstance(value, str) else value


def json_document(value: JSONValue, encoding: str) -> str:
    r"""A value as an indented document, with null for NaN and the infinities.

    Args:
        value: What to write.
        encoding: That of the file or stream; what it lacks is escaped.

    >>> json_document({"loss": float("nan"), "name": "é"}, "ascii")
    '{\n  "loss": null,\n  "name": "\\u00e9"\n}\n'
    """
    return f"{printable_json(_finite(value), encoding=encoding)}\n"


def json_line(value: JSONValue, encoding: str) -> str:
    """A value on a line of JSON lines, likewise."""
    return f"{printable_json(_finite(value), indent=None, encoding=encoding)}\n"


def _json(records: Records, encoding: str) -> str:
    return json_document(records.objects(), encoding)


def _jsonl(records: Records, encoding: str) -> str:
    return "".join(json_line(each, encoding) for each in records.objects())


def _finite(value: JSONValue) -> JSONValue:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list) else value


def _csv(records: Records, _encoding: str) -> str:
    lines = (records.columns, *records.rows)
    return "".join(",".join(map(_cell, line)) + "\n" for line in lines)


def _cell(value: JSONValue) -> str:
    """A cell as polars writes it: null is nothing, and empty text has quotes."""
    if value is None:
        return ""
    if isinstance(value, float) and not math.isnan(value):
        return repr(value)  # as `inf`, which readers of numbers know
    text = value if isinstance(value, str) else json_text(value)
    if text and _QUOTED.search(text) is None:
        return text
    return '"{}"'.format(text.replace('"', '""'))


def _markdown(records: Records, _encoding: str) -> str:
    return markdown_table(records)


def markdown_table(records: Records) -> str:
    r"""A table of GitHub's Markdown, with values as tables show them.

    >>> print(markdown_table(Records(["name", "loss"], [["a|b", 0.5]])))
    | name | loss |
    | --- | ---: |
    | a\|b | 0.5 |
    <BLANKLINE>
    """
    columns = zip(*records.rows, strict=True) if records.rows else ((),) * len(records.columns)
    rules = ["---:" if column and are_numbers(column) else "---" for column in columns]
    rows = ([markdown_text(shown(each)) for each in row] for row in records.rows)
    lines = [[*map(markdown_text, records.columns)], rules, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def markdown_text(text: str) -> str:
    r"""A text on one line, in which nothing is markup.

    >>> print(markdown_text("<b>__x__ a_b|c\n"))
    \<b\>\_\_x\_\_ a_b\|c\\n
    """
    return _MARKUP.sub(r"\\\g<0>", printable(text))


WRITERS: Final[Mapping[str, Callable[[Records, str], str]]] = {
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
    "markdown": _markdown,
}
"""The text of records in each format but a table; `(records, encoding) -> text`."""

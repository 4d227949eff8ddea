"""HTML for notebooks: escaped, without scripts, in the colours of the page around it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from wandb_runs.errors.text import excerpt, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "details",
    "html_lines",
    "html_link",
    "html_state",
    "html_table",
    "html_text",
    "notebook_html",
]

_LINE: Final = "1px solid rgba(128, 128, 128, 0.35)"

_INHERITED: Final = "background: transparent; color: inherit"

_CELL: Final = (
    "text-align: left; vertical-align: top; padding: 2px 14px 2px 0; border: none; "
    f"white-space: pre-wrap; {_INHERITED}"
)
"""Notebooks align cells to the right, and colour every other row."""

_LINES: Final = 100

_WIDEST: Final = 300

_STATES: Final[Mapping[str, str]] = {
    "finished": "#2da44e",
    "running": "#218bff",
    "crashed": "#e5534b",
    "failed": "#e5534b",
    "killed": "#c69026",
    "preempted": "#c69026",
    "preempting": "#c69026",
}
"""Colours of states, which stand out from white and from black."""


def html_text(text: str) -> str:
    r"""A text as HTML shows it: on one line, of a bounded length, without markup of its own.

    >>> html_text("<b>\x1b[1m")
    '&lt;b&gt;\\x1b[1m'
    """
    return escape(excerpt(text))


def html_lines(text: str) -> str:
    """The lines of a text as they are indented, the first hundred of them."""
    lines = text.splitlines()
    shown = [printable(line[:_WIDEST]) for line in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(f"… and {len(lines) - _LINES:,} more lines")
    return f'<pre style="margin: 2px 0; {_INHERITED}">{escape(chr(10).join(shown))}</pre>'


def html_link(url: str, text: str) -> str:
    """A link that opens a page of its own."""
    return (
        f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{html_text(text)}</a>'
    )


def html_state(state: str) -> str:
    """A state, with a dot of its colour."""
    colour = _STATES.get(state.lower(), "#848d97")
    dot = f'<span style="color: {colour}">●</span>'
    return html_unbroken(f"{dot} {html_text(state)}")


def html_unbroken(content: str) -> str:
    """HTML that stays on one line in a narrow column."""
    return f'<span style="white-space: nowrap">{content}</span>'


def html_table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """A table of cells that are HTML.

    Args:
        rows: The cells of each row.
        header: Names of the columns; without them the first cell of each row is its name.
    """
    lines: list[str] = []
    if header:
        cells = "".join(
            f'<th style="{_CELL}; border-bottom: {_LINE}">{escape(each)}</th>' for each in header
        )
        lines.append(f"<thead><tr>{cells}</tr></thead>")
    lines.append("<tbody>")
    for row in rows:
        first, *others = row
        name = (
            f'<td style="{_CELL}">{first}</td>'
            if header
            else f'<th style="{_CELL}; font-weight: normal; opacity: 0.7">{first}</th>'
        )
        cells = "".join(f'<td style="{_CELL}">{each}</td>' for each in others)
        lines.append(f'<tr style="background: transparent">{name}{cells}</tr>')
    lines.append("</tbody>")
    style = "border-collapse: collapse; margin: 2px 0; table-layout: auto"
    return f'<table style="{style}">{"".join(lines)}</table>'


def details(summary: str, content: str, *, is_open: bool = False) -> str:
    """What a click unfolds; `summary` is text, `content` HTML."""
    opened = " open" if is_open else ""
    line = f'<summary style="cursor: pointer">{escape(summary)}</summary>'
    return f"<details{opened}>{line}{content}</details>"


def notebook_html(*parts: str) -> str:
    """Parts below each other, which scroll where the cell is narrower."""
    return f'<div style="overflow-x: auto; max-width: 100%">{"".join(parts)}</div>'

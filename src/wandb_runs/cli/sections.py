"""Names and values in sections, on a terminal, in a pipe, or in a file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from wandb_runs.cli.console import encodable, print_on
from wandb_runs.cli.formats import exact
from wandb_runs.cli.table import STATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from wandb_runs.cli.output import Output
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["print_folded", "print_sections"]

_NARROW: Final = 12
"""The least width of names on a narrow terminal."""

_LONGEST: Final = 240
"""Characters of a value that a terminal shows."""


def print_sections(
    title: str, sections: Mapping[str, Mapping[str, JSONValue]], output: Output
) -> None:
    """Print a title, and below it names and values, folded where a terminal is narrow.

    Args:
        title: What stands above all.
        sections: The names and values of each section, by its heading; without a heading for "".
        output: Where to.

    Raises:
        OSError: It cannot be written.
    """
    write = partial(encodable, output.encoding)

    def draw(console: Console) -> None:
        short = partial(_cut, console, write("…"))
        console.print(Text(write(title), "bold"))
        for heading, values in sections.items():
            if heading:
                console.print()
                console.print(Text(heading, "bold"))
            table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
            table.add_column(overflow="fold", max_width=max(_NARROW, console.width // 2))
            table.add_column(overflow="fold")
            for name, value in values.items():
                is_state = name == "state" and not heading
                style = STATES.get(str(value), "") if is_state else ""
                table.add_row(Text(f"  {write(name)}"), Text(short(write(exact(value))), style))
            console.print(table)

    print_on(output, draw)


def print_folded(headers: Sequence[str], lines: Sequence[Sequence[str]], output: Output) -> None:
    """Print a table of texts, all of which are folded where a terminal is narrow.

    Args:
        headers: The headers of the columns.
        lines: The cells of each row; a row that begins with an empty one is dim.
        output: Where to.

    Raises:
        OSError: It cannot be written.
    """
    write = partial(encodable, output.encoding)

    def draw(console: Console) -> None:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for header in headers:
            table.add_column(Text(write(header)), overflow="fold")
        for line in lines:
            style = "" if line[0] else "dim"
            table.add_row(*(Text(_cut(console, write("…"), write(text)), style) for text in line))
        console.print(table)

    print_on(output, draw)


def _cut(console: Console, mark: str, text: str) -> str:
    """What a terminal shows of a text: a histogram in a summary would fill the screen."""
    is_whole = not console.is_terminal or len(text) <= _LONGEST
    return text if is_whole else f"{text[:_LONGEST]}{mark}"

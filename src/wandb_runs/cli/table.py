"""Tables on a terminal, in a pipe, or in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from wandb_runs.cli.console import encodable, make_console, print_on
from wandb_runs.cli.formats import are_numbers, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from wandb_runs.cli.output import Output
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["STATES", "Column", "fitting", "print_table"]

STATES: Final[Mapping[str, str]] = {
    "finished": "green",
    "running": "cyan",
    "crashed": "red",
    "failed": "red",
    "killed": "yellow",
    "preempted": "yellow",
    "preempting": "yellow",
}
"""The styles of states."""

_NARROW: Final = 12
"""The least width of names and texts on a narrow terminal."""

_GAP: Final = 3
"""The width between two columns of this style of table."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        header: Its name.
        values: Its values.
        style: The style of all of its cells.
        styles: The styles of some values.
        folds: Whether its cells may be folded on a narrow terminal.
    """

    header: str
    values: Sequence[JSONValue]
    style: str = ""
    styles: Mapping[str, str] = field(default_factory=dict[str, str])
    folds: bool = False


def fitting(columns: Sequence[Column], output: Output) -> Sequence[Column]:
    """The first columns, as many as a terminal has room for; all elsewhere.

    Args:
        columns: The columns, at least one.
        output: Where they are to be printed.
    """
    console = make_console()
    if output.path is not None or not console.is_terminal:
        return columns
    write, room = partial(encodable, output.encoding), console.width + _GAP
    for count, column in enumerate(columns):
        room -= _Cells.of(column, write).width + _GAP
        if room < 0:
            return columns[: max(1, count)]
    return columns


def print_table(columns: Sequence[Column], output: Output) -> None:
    """Print a table, the first column of which is cut on a narrow terminal.

    Args:
        columns: The columns, at least one.
        output: Where to.

    Raises:
        OSError: It cannot be written.
    """
    write = partial(encodable, output.encoding)
    cells = [_Cells.of(column, write) for column in columns]
    ellipsis: Literal["ellipsis", "crop"] = "ellipsis" if write("…") == "…" else "crop"
    print_on(output, lambda console: _draw(cells, ellipsis, console))


def _draw(cells: Sequence[_Cells], cut: Literal["ellipsis", "crop"], console: Console) -> None:
    name, *others = cells
    gaps = _GAP * len(others)
    fits = name.width + sum(column.width for column in others) + gaps <= console.width
    # On a narrow terminal, requested columns are folded and names are cut.
    widths = [column.width if fits else column.narrowest for column in others]
    rest = max(min(_NARROW, name.width), console.width - sum(widths) - gaps)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(Text(name.header), no_wrap=True, overflow=cut, width=min(name.width, rest))
    for column, width in zip(others, widths, strict=True):
        table.add_column(
            Text(column.header),
            justify="right" if column.numbers else "left",
            no_wrap=not column.folds,
            overflow="fold",
            min_width=width,
            max_width=width,
        )
    for row in zip(*(column.cells for column in cells), strict=True):
        table.add_row(*row)
    # If that is still too wide, lines wrap: better than missing columns.
    needed = min(name.width, rest) + sum(widths) + gaps
    console.width = max(needed, console.width)
    console.print(table)


@dataclass(frozen=True, slots=True)
class _Cells:
    header: str
    cells: list[Text]
    numbers: bool
    folds: bool

    @classmethod
    def of(cls, column: Column, write: Callable[[str], str]) -> _Cells:
        cells = [
            Text(write(text), column.styles.get(text, column.style))
            for text in map(shown, column.values)
        ]
        numbers = column.folds and are_numbers(column.values)
        return cls(write(column.header), cells, numbers, column.folds)

    @property
    def width(self) -> int:
        """The width of its longest cell."""
        return max(cell_len(self.header), *(cell.cell_len for cell in self.cells), 0)

    @property
    def narrowest(self) -> int:
        """The least width: that of its values if they are numbers."""
        if not self.folds:
            return self.width
        values = max((cell.cell_len for cell in self.cells), default=0)
        return min(self.width, max(_NARROW, values if self.numbers else 0))

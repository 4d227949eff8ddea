"""Runs as a table on a terminal, or in a pipe."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from wandb_runs.cli.console import encodable, make_console
from wandb_runs.errors import UnsupportedByServerError
from wandb_runs.frames.text import json_text
from wandb_runs.graphql.scalars import NON_FINITE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.runs.run import Run

__all__ = ["print_runs"]

_STYLES: Final = {
    "finished": "green",
    "running": "cyan",
    "crashed": "red",
    "failed": "red",
    "killed": "yellow",
    "preempted": "yellow",
    "preempting": "yellow",
}

_NARROW: Final = 12
"""The least width of names and texts on a narrow terminal."""

_GAP: Final = 3
"""The width between two columns of this style of table."""


def print_runs(runs: Sequence[Run], columns: Sequence[tuple[str, str]]) -> None:
    """Print a table of runs to stdout: name, id, state, creation time, and the columns requested.

    Args:
        runs: The runs, in order.
        columns: Columns to add: `("config", key)` or `("summary", key)`.
    """
    console = make_console()
    write = partial(encodable, console.encoding)
    name = _Column("Name", [Text(write(run.name or "")) for run in runs])
    others = [
        _Column("Id", [Text(write(run.id), style="dim") for run in runs]),
        _Column("State", [_state_cell(run, write) for run in runs]),
        _Column("Created (UTC)", [_creation_cell(run) for run in runs]),
        *(_column(runs, where, key, write) for where, key in columns),
    ]
    gaps = _GAP * len(others)
    fits = name.width + sum(column.width for column in others) + gaps <= console.width
    # On a narrow terminal, requested columns are folded and names are cut.
    widths = [column.width if fits else column.narrowest for column in others]
    rest = max(min(_NARROW, name.width), console.width - sum(widths) - gaps)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(
        name.header,
        no_wrap=True,
        overflow="ellipsis" if write("…") == "…" else "crop",
        width=min(name.width, rest),
    )
    for column, width in zip(others, widths, strict=True):
        table.add_column(
            Text(column.header),
            justify="right" if column.numbers else "left",
            no_wrap=not column.folds,
            overflow="fold",
            min_width=width,
            max_width=width,
        )
    for cells in zip(*(column.cells for column in (name, *others)), strict=True):
        table.add_row(*cells)
    # If that is still too wide, lines wrap: better than missing columns.
    needed = min(name.width, rest) + sum(widths) + gaps
    console.width = max(needed, console.width)
    console.print(table)


@dataclass(frozen=True, slots=True)
class _Column:
    header: str
    cells: list[Text]
    numbers: bool = False
    folds: bool = False

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


def _state_cell(run: Run, write: Callable[[str], str]) -> Text:
    with suppress(UnsupportedByServerError):  # of which a warning has told
        return Text(write(run.state), _STYLES.get(run.state, ""))
    return Text("")


def _creation_cell(run: Run) -> Text:
    with suppress(UnsupportedByServerError):
        return Text(f"{run.created_at:%Y-%m-%d %H:%M}")
    return Text("")


def _column(runs: Sequence[Run], where: str, key: str, write: Callable[[str], str]) -> _Column:
    values = [_value(run, where, key) for run in runs]
    return _Column(
        write(f"{where}.{key}"),
        [Text(write(_show(value))) for value in values],
        numbers=all(
            isinstance(value, int | float | None) or value in [*NON_FINITE] for value in values
        ),
        folds=True,
    )


def _value(run: Run, where: str, key: str) -> JSONValue:
    return (run.config if where == "config" else run.summary).get(key)


def _show(value: JSONValue) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    return json_text(value)

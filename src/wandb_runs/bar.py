"""A progress bar for a terminal or a notebook; needs `wandb-runs[cli]`.

>>> from wandb_runs.bar import progress_bar
>>> with progress_bar() as progress:
...     frame = runs.histories(keys=["loss"], format="polars", progress=progress)
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, cast

from wandb_runs.errors.extras import needs_extra

with needs_extra("cli", "progress_bar"):
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

if TYPE_CHECKING:
    from collections.abc import Generator

    from wandb_runs.pagination import progress as told

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    *, console: Console | None = None, is_shown: bool = True, what: str = "runs"
) -> Generator[told.OnProgress]:
    """Draw a bar while runs are read.

    On a terminal it is drawn on stderr, in a notebook below the cell, without ipywidgets;
    elsewhere nothing is drawn. At the end it is removed, from a saved notebook too. It pulses
    until the number of runs is known. Of an export it shows runs, and then files.

    Args:
        console: Where to draw; stderr by default, or the notebook.
        is_shown: Whether to draw at all.
        what: What is counted.

    Yields:
        A callback for `progress=`.
    """
    if console is None:
        console = Console(stderr=True)
        # FORCE_COLOR makes rich take any file for a terminal.
        is_shown = is_shown and (console.is_jupyter or console.file.isatty())
    is_in_notebook = is_shown and console.is_jupyter
    is_drawn = is_shown and console.is_terminal
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[received]}", style="dim"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not is_drawn,
        # The program's output goes above the bar, unless it goes to a file or a pipe.
        redirect_stdout=bool(sys.stdout and sys.stdout.isatty()),
    )
    task = bar.add_task(what, total=None, received="")

    def report(progress: told.Progress) -> None:
        size = f"{progress.bytes / 1e6:.1f} MB"
        done, total, name = progress.runs, progress.total, what
        if progress.total_files is not None:
            done, total, name = progress.files, progress.total_files, "files"
        bar.update(task, completed=done, total=total, received=size, description=name)

    if is_in_notebook:
        with _below_the_cell(bar, report) as report_and_redraw:
            yield report_and_redraw
    elif is_drawn:
        with bar:
            yield report
    else:
        # rich before 14.3 ends a disabled bar with an empty line.
        yield report


class _Output(Protocol):
    """An output of a cell, as IPython has it, which does not annotate its functions."""

    def display(self, shown: object) -> None: ...
    def update(self, shown: object, *, raw: bool = False) -> None: ...


@contextmanager
def _below_the_cell(bar: Progress, report: told.OnProgress) -> Generator[told.OnProgress]:
    """Draw a bar in a notebook with IPython, at each report of progress.

    rich needs ipywidgets there, and warns repeatedly without; it draws from a thread, which
    captures what the program prints meanwhile; and it leaves an empty output.
    """
    from IPython.display import DisplayHandle  # noqa: PLC0415 - only notebooks have it

    output = cast("type[_Output]", DisplayHandle)()
    output.display(bar)

    def report_and_redraw(progress: told.Progress) -> None:
        report(progress)
        output.update(bar)

    try:
        yield report_and_redraw
    finally:
        output.update({"text/html": "", "text/plain": ""}, raw=True)

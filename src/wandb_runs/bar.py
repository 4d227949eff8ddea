"""A bar for calls that read many runs, in a terminal or a notebook; needs `wandb-runs[cli]`.

>>> from wandb_runs.bar import progress_bar
>>> with progress_bar() as progress:
...     frame = runs.histories(keys=["loss"], format="polars", progress=progress)
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

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

    from wandb_runs import progress as told

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    *, console: Console | None = None, is_shown: bool = True
) -> Generator[told.OnProgress]:
    """Draw a bar while runs are read.

    On a terminal it is drawn on stderr and removed in the end; in a notebook, where rich needs
    ipywidgets for it, below the cell. Elsewhere nothing is drawn. It moves without an end until
    the number of runs is known.

    Args:
        console: Where to draw; stderr by default.
        is_shown: Whether to draw at all.

    Yields:
        What `progress=` takes.
    """
    console = Console(stderr=True) if console is None else console
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[received]}", style="dim"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not is_shown or not (console.is_terminal or console.is_jupyter),
    )
    task = bar.add_task("runs", total=None, received="")

    def tell(progress: told.Progress) -> None:
        size = f"{progress.bytes / 1e6:.1f} MB"
        bar.update(task, completed=progress.runs, total=progress.total, received=size)

    with bar:
        yield tell

"""A bar on the terminal while pages of runs come in."""

from __future__ import annotations

import math
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from wandb_runs.runs import Runs
    from wandb_runs.transport import Request, Response, Transport

__all__ = ["Meter", "drawn"]


class Meter:
    """A transport that says what came through it."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.tell: Callable[[int], None] | None = None

    def send(self, request: Request, /) -> Response:
        """Send the request, and tell how many bytes a good answer has."""
        response = self._inner.send(request)
        if self.tell is not None and response.status == HTTPStatus.OK:
            self.tell(len(response.content))
        return response


@contextmanager
def drawn(meter: Meter, runs: Runs, *, per_page: int, quiet: bool) -> Generator[None]:
    """Draw a bar on stderr while the runs are read; nothing where nobody would see it.

    Counting the runs costs one request more.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    count = len(runs)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[received]}", style="dim"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task(f"{count:,} runs", total=max(1, math.ceil(count / per_page)), received="")
    received = 0

    def tell(size: int) -> None:
        nonlocal received
        received += size
        bar.update(task, advance=1, received=_size(received))

    meter.tell = tell
    try:
        with bar:
            yield
    finally:
        meter.tell = None


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB"

"""Work in the background, which outlives the await that began it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["start_soon"]

_tasks: Final[set[asyncio.Task[None]]] = set()
"""Loops hold tasks weakly."""


def start_soon(work: Callable[[], Awaitable[object]]) -> None:
    """Start work that nobody waits for, in the event loop that runs in this thread.

    What it raises is dropped: whoever needs what it was to bring asks again, and gets the error
    then. It is cancelled when the loop ends. Where nothing can be started, nothing happens.

    Args:
        work: The work: a function, so that nothing is left half begun where it cannot be started.
    """

    async def quietly() -> None:
        with suppress(Exception):
            await work()

    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        with suppress(RuntimeError):  # trio is ending
            trio.lowlevel.spawn_system_task(quietly)
        return
    with suppress(RuntimeError):  # there is no loop
        loop = asyncio.get_running_loop()
        if not loop.is_closed():
            task = loop.create_task(quietly())
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)

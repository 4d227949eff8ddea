"""Work in the background, which outlives the await that began it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Final

from wandb_runs.transport.loops import running_loop

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
        try:
            await work()
        except* Exception:  # noqa: BLE001, S110 - whoever needs the work asks again
            pass

    with suppress(RuntimeError):  # no loop, or one that is ending
        loop = running_loop()
        if isinstance(loop, asyncio.AbstractEventLoop):
            task = loop.create_task(quietly())
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)
        else:
            import trio  # noqa: PLC0415 - trio is optional, and runs here

            trio.lowlevel.spawn_system_task(quietly, context=copy_context())

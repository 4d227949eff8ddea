"""What each event loop has to itself, and what is done beside it.

Imported by those who await, and by nobody else: asyncio takes long to import.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

import anyio
from anyio.to_thread import run_sync

from wandb_runs.graphql.flow import run_flow_async
from wandb_runs.transport.threads import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from wandb_runs.graphql.flow import Apart, Flow, Gather
    from wandb_runs.graphql.operation import Operation

__all__ = ["LoopLimits", "PerLoop", "run_gathered_async", "running_loop"]

T = TypeVar("T")


def running_loop() -> object:
    """What stands for the event loop that runs in this thread.

    Raises:
        RuntimeError: None does.
    """
    trio = sys.modules.get("trio")
    if trio is not None:
        with suppress(RuntimeError):
            return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()


class PerLoop(Generic[T]):
    """One value for each event loop, for as long as the loop is there.

    Thread-safe: a loop knows its own value alone. In a forked child no loop goes on, so that it
    begins without any.

    Args:
        make: Makes the value of a loop, which is running.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._known: WeakKeyDictionary[object, T] = WeakKeyDictionary()

    def here(self) -> T:
        """The value of the loop that runs in this thread."""
        loop = running_loop()
        value = self._known.get(loop)
        if value is None:
            value = self._known[loop] = self._make()
        return value


class _Holding:
    """A place at a bench, as long as it is held."""

    __slots__ = ("bench",)

    def __init__(self, bench: LoopLimits) -> None:
        self.bench: LoopLimits | None = bench


_HELD: ContextVar[tuple[_Holding, ...]] = ContextVar("wandb_runs_held", default=())
"""The places that whoever asks has already."""


class LoopLimits:
    """What a client and its copies have of one event loop.

    How many requests may be under way at once, and how many threads read large answers. Who has
    a slot and asks again, from within a transport of the user's, goes on with the one it has:
    nobody waits for himself.
    """

    def __init__(self) -> None:
        self._slots = anyio.Semaphore(AT_ONCE)
        # Not the loop's own, which a program may have used up with what waits for this.
        self._threads = anyio.CapacityLimiter(AT_ONCE)

    @asynccontextmanager
    async def slot(self, seconds: float) -> AsyncGenerator[bool]:
        """Take a slot for the length of a block; whether there was one within so many seconds."""
        held = _HELD.get()
        if any(each.bench is self for each in held):
            yield True
            return
        is_free = False
        with anyio.move_on_after(seconds):
            await self._slots.acquire()
            is_free = True
        if not is_free:
            yield False
            return
        holding = _Holding(self)
        token = _HELD.set((*held, holding))
        try:
            yield True
        finally:
            _HELD.reset(token)
            holding.bench = None  # what was started meanwhile, and goes on, holds it no more
            self._slots.release()

    async def apart(self, work: Callable[[], T], /) -> T:
        """Do work in a thread, so that the loop goes on; what the context holds is there.

        Who is cancelled meanwhile waits for the work, if that has begun: nobody can close a
        generator that runs.
        """
        turn = threading.Lock()
        is_over = False

        def work_in_turn() -> T:
            with turn:
                if is_over:
                    raise RuntimeError("nobody waits for it any more")
                return work()

        try:
            return await run_sync(work_in_turn, limiter=self._threads)
        finally:
            with turn:
                is_over = True


async def run_gathered_async(
    step: Gather[T],
    execute: Callable[[Operation[object]], Awaitable[object]],
    apart: Apart,
) -> list[T]:
    """Run flows in tasks of their own, at most `AT_ONCE` at a time, and give their results.

    Raises:
        WandbRunsError: What the first flow that failed raised; the others are cancelled.
    """

    async def at_once(inner: Gather[object]) -> list[object]:
        return await run_gathered_async(inner, execute, apart)

    async def run(flow: Flow[T]) -> T:
        result = await run_flow_async(flow, execute, at_once, apart)
        if step.done is not None:
            step.done(result)
        return result

    if len(step.flows) == 1:
        return [await run(step.flows[0])]
    return await _in_tasks([partial(run, flow) for flow in step.flows])


async def _in_tasks(works: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """What the works come to, of which at most `AT_ONCE` are under way."""
    results: dict[int, T] = {}
    failed: list[BaseException] = []
    waiting = iter(enumerate(works))
    cancelled = anyio.get_cancelled_exc_class()

    async def go_on() -> None:
        try:
            for place, work in waiting:
                results[place] = await work()
        except cancelled:
            raise
        except BaseException as error:  # noqa: BLE001 - raised below, as itself
            failed.append(error)
            tasks.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(min(AT_ONCE, len(works))):
                tasks.start_soon(go_on)
    except BaseExceptionGroup as group:
        # What came from outside: trio puts an interrupt in here.
        interrupts = group.split(cancelled)[1]
        if interrupts is None:
            raise
        failed.append(_first_in(interrupts))
    if failed:
        raise failed[0]
    return [results[place] for place in range(len(works))]


def _first_in(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error

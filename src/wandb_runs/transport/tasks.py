"""Asynchronous concurrency: flows in tasks, background tasks, and the limits of an event loop.

Imported by async callers alone: asyncio takes long to import.
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

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from wandb_runs.graphql.flow import Apart, Flow, Gather, Lane
    from wandb_runs.graphql.operation import Operation

__all__ = ["LoopLimits", "PerLoop", "run_gathered_async", "running_loop"]

T = TypeVar("T")


def running_loop() -> object:
    """The event loop that runs in this thread; for trio, its token.

    Raises:
        RuntimeError: None runs.
    """
    trio = sys.modules.get("trio")
    if trio is not None:
        with suppress(RuntimeError):
            return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()


class PerLoop(Generic[T]):
    """One value for each event loop, kept as long as the loop exists.

    Thread-safe: each loop reads its own value alone. A forked child starts without any, since
    no loop survives a fork.

    Args:
        make: Makes the value of the running loop.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: WeakKeyDictionary[object, T] = WeakKeyDictionary()

    def here(self) -> T:
        """The value of the running loop."""
        loop = running_loop()
        value = self._values.get(loop)
        if value is None:
            value = self._values[loop] = self._make()
        return value

    def values(self) -> list[T]:
        """The values of all loops that still exist."""
        return list(self._values.values())


class _Holding:
    """A slot, as long as it is held."""

    __slots__ = ("limits",)

    def __init__(self, limits: LoopLimits) -> None:
        self.limits: LoopLimits | None = limits


_HELD: ContextVar[tuple[_Holding, ...]] = ContextVar("wandb_runs_held", default=())
"""The slots that the current task holds, or the task that started it."""


class LoopLimits:
    """Limits of one client on one event loop: requests under way, threads that parse answers.

    A caller that holds a slot reuses it, so requests that a transport sends from within `send`
    cannot deadlock.

    Args:
        widths: How many requests of each kind may be under way at once.
    """

    def __init__(self, widths: Mapping[Lane, int]) -> None:
        self._slots = {lane: anyio.Semaphore(width) for lane, width in widths.items()}
        # Not the loop's default limiter, which the program's own threads may exhaust.
        self._threads = anyio.CapacityLimiter(widths["operations"])

    @asynccontextmanager
    async def slot(self, seconds: float, lane: Lane) -> AsyncGenerator[bool]:
        """Hold a slot for the length of a block.

        Args:
            seconds: How long to wait for a free slot at most.
            lane: The kind of request.

        Yields:
            Whether the slot is held; False if none became free in time.
        """
        held = _HELD.get()
        if any(each.limits is self for each in held):
            yield True
            return
        with anyio.move_on_after(seconds) as scope:
            await self._slots[lane].acquire()
        if scope.cancelled_caught:
            yield False
            return
        holding = _Holding(self)
        token = _HELD.set((*held, holding))
        try:
            yield True
        finally:
            _HELD.reset(token)
            holding.limits = None  # tasks that were started meanwhile hold it no more
            self._slots[lane].release()

    async def apart(self, work: Callable[[], T], /) -> T:
        """Run a function in a thread, with the caller's context variables.

        A cancelled task waits for the function if it has begun, since a running generator cannot
        be closed.
        """
        turn = threading.Lock()
        is_over = False

        def work_in_turn() -> T:
            with turn:
                if is_over:
                    raise RuntimeError("the task that needs the result was cancelled")
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
    widths: Mapping[Lane, int],
) -> list[T]:
    """Run flows in tasks and return their results in order.

    Args:
        step: The flows.
        execute: Answers one operation.
        apart: Runs a function in a thread.
        widths: How many flows run at once, by what they send.

    Raises:
        WandbRunsError: What the first flow that failed raised; the others are cancelled.
    """

    async def at_once(inner: Gather[object]) -> list[object]:
        return await run_gathered_async(inner, execute, apart, widths)

    async def run(flow: Flow[T]) -> T:
        result = await run_flow_async(flow, execute, at_once, apart)
        if step.done is not None:
            step.done(result)
        return result

    if len(step.flows) == 1:
        return [await run(step.flows[0])]
    return await _in_tasks([partial(run, flow) for flow in step.flows], step.most_at_once(widths))


async def _in_tasks(works: Sequence[Callable[[], Awaitable[T]]], width: int) -> list[T]:
    """The results of the works, of which `width` run at once."""
    results: dict[int, T] = {}
    failed: list[BaseException] = []
    waiting = iter(enumerate(works))
    cancelled = anyio.get_cancelled_exc_class()

    async def worker() -> None:
        try:
            for index, work in waiting:
                results[index] = await work()
        except cancelled:
            raise
        except BaseException as error:  # noqa: BLE001 - raised below, as itself
            failed.append(error)
            tasks.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(width):
                tasks.start_soon(worker)
    except BaseExceptionGroup as group:
        # What came from outside: trio puts an interrupt in here.
        interrupts = group.split(cancelled)[1]
        if interrupts is None:
            raise
        failed.append(_first_in(interrupts))
    if failed:
        raise failed[0]
    return [results[index] for index in range(len(works))]


def _first_in(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error

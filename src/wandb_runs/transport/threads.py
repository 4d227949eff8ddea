"""Blocking concurrency: flows in worker threads, their cancellation, and request slots."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, TypeVar

from wandb_runs.graphql.flow import run_flow
from wandb_runs.transport.fork import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import Future

    from wandb_runs.graphql.flow import Flow, Gather
    from wandb_runs.graphql.operation import Operation

__all__ = [
    "CancelledError",
    "Slots",
    "check_cancelled",
    "current_token",
    "is_cancelled",
    "run_gathered",
    "sleep",
]

T = TypeVar("T")


class CancelledError(Exception):
    """The result of this worker thread is no longer needed."""


class CancelToken:
    """Tells the worker threads of one `run_gathered` that their results are no longer needed."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._aborts = False
        # Not fork-safe: a forked child has none of the threads that use it.
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        """Whether the threads are cancelled."""
        return self._event.is_set()

    def set(self, *, aborts: bool) -> None:
        """Cancel the threads.

        Args:
            aborts: Whether requests under way are aborted instead of awaited.
        """
        with self._lock:
            self._event.set()
            self._aborts = aborts
            for wake in self._wakers if aborts else ():
                wake()

    def wait(self, seconds: float) -> None:
        """Wait for the cancellation, at most so many seconds."""
        self._event.wait(seconds)

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Generator[None]:
        """Register how to abort what this thread sends or reads.

        Args:
            wake: Makes the blocking call return; called in another thread.

        Raises:
            CancelledError: It is aborted already.
        """
        with self._lock:
            if self._aborts:
                raise CancelledError
            self._wakers.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._wakers.remove(wake)


_TOKEN: ContextVar[CancelToken | None] = ContextVar("wandb_runs_cancel_token", default=None)
"""The token of a worker thread of `run_gathered`."""


def current_token() -> CancelToken | None:
    """The token that can cancel this thread; None outside the workers of `run_gathered`."""
    return _TOKEN.get()


def is_cancelled() -> bool:
    """Whether this thread is cancelled."""
    token = _TOKEN.get()
    return token is not None and token.is_set()


def check_cancelled() -> None:
    """Raise in a cancelled thread.

    Raises:
        CancelledError: This thread is cancelled.
    """
    if is_cancelled():
        raise CancelledError


def sleep(seconds: float) -> None:
    """Sleep, at most until this thread is cancelled."""
    token = _TOKEN.get()
    if token is None:
        time.sleep(seconds)
    else:
        token.wait(seconds)


class Slots:
    """How many requests of a client may be under way at once, over all threads.

    A caller that holds a slot reuses it, so requests that a transport sends from within `send`
    cannot deadlock. In a forked child, slots of the parent's other threads are free.

    Args:
        count: How many slots there are.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._holders: set[int] = set()
        self._changed = threading.Condition(threading.Lock())
        renew_in_children(self)

    def renew(self) -> None:
        """Start afresh in a forked child."""
        self._holders &= {threading.get_ident()}
        self._changed = threading.Condition(threading.Lock())

    @contextmanager
    def slot(self, seconds: float) -> Generator[bool]:
        """Hold a slot for the length of a block.

        Args:
            seconds: How long to wait for a free slot at most.

        Yields:
            Whether the slot is held; False if none became free in time.

        Raises:
            CancelledError: This thread was cancelled while it waited.
        """
        if threading.get_ident() in self._holders:
            yield True
            return
        try:
            yield self._enter(seconds)
        finally:
            with self._changed:
                self._holders.discard(threading.get_ident())
                self._changed.notify()

    def _enter(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(self._holders) >= self.count:
                check_cancelled()
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                # A thread that can be cancelled looks for that ten times a second.
                self._changed.wait(left if _TOKEN.get() is None else min(left, 0.1))
            self._holders.add(threading.get_ident())
            return True


def run_gathered(
    step: Gather[T], execute: Callable[[Operation[object]], object], width: int
) -> list[T]:
    """Run flows in worker threads and return their results in order.

    The threads live as long as this call: nothing is left to close, or to lose in a fork. Each
    has the caller's context variables (for log records, say).

    Args:
        step: The flows.
        execute: Answers one operation.
        width: How many flows run at once.

    Raises:
        WandbRunsError: What the first flow that failed raised. The others send nothing more.
            Their requests under way are awaited, or aborted if the caller is interrupted
            (Ctrl-C).
    """
    if len(step.flows) == 1:
        results = [run_flow(step.flows[0], execute)]
        if step.done is not None:
            step.done(results[0])
        return results
    token = CancelToken()

    def run(flow: Flow[T]) -> T:
        _TOKEN.set(token)
        check_cancelled()
        return run_flow(flow, execute)

    pool = ThreadPoolExecutor(min(width, len(step.flows)), "wandb-runs")
    is_interrupted = False
    try:
        futures: list[Future[T]] = [
            pool.submit(copy_context().run, run, flow) for flow in step.flows
        ]
        for future in as_completed(futures):
            result = future.result()
            if step.done is not None:
                step.done(result)
        return [future.result() for future in futures]
    except BaseException as error:
        is_interrupted = not isinstance(error, Exception)
        raise
    finally:
        token.set(aborts=is_interrupted)
        pool.shutdown(wait=not is_interrupted, cancel_futures=True)

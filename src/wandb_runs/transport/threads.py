"""Flows that run at once, each in a thread; how they are stopped, and how many may be sending."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Final, TypeVar

from wandb_runs.graphql.flow import run_flow
from wandb_runs.transport.fork import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import Future

    from wandb_runs.graphql.flow import Flow, Gather
    from wandb_runs.graphql.operation import Operation

__all__ = [
    "AT_ONCE",
    "Slots",
    "StoppedError",
    "current_stop",
    "is_stopped",
    "run_gathered",
    "sleep",
]

T = TypeVar("T")

AT_ONCE: Final = 4
"""How many requests of one client are under way at most: W&B limits the rate of each user."""


class StoppedError(Exception):
    """Nobody waits for this flow any more."""


class Stop:
    """Says to the threads of one call that nobody waits for them any more."""

    def __init__(self) -> None:
        self._is_set = threading.Event()
        self._is_urgent = False
        # Not fork-safe: a forked child has none of the threads that know of it.
        self._lock = threading.Lock()
        self._wakers: list[tuple[Callable[[], None], bool]] = []

    def is_set(self) -> bool:
        """Whether nobody waits any more."""
        return self._is_set.is_set()

    def set(self, *, is_urgent: bool) -> None:
        """Nobody waits any more.

        Args:
            is_urgent: Whether requests that are under way are broken off, too.
        """
        with self._lock:
            self._is_set.set()
            self._is_urgent = is_urgent
            for wake, breaks in self._wakers:
                if is_urgent or not breaks:
                    wake()

    def wait(self, seconds: float) -> None:
        """Wait until nobody waits any more, but not longer than so many seconds."""
        self._is_set.wait(seconds)

    @contextmanager
    def waking(self, wake: Callable[[], None], *, breaks: bool) -> Generator[None]:
        """While this thread waits for something: how another makes it come back.

        Args:
            wake: Makes it come back.
            breaks: Whether that breaks off a request, which only an urgent stop does.

        Raises:
            StoppedError: It need not begin to wait.
        """
        waker = (wake, breaks)
        with self._lock:
            if self._is_urgent or (self._is_set.is_set() and not breaks):
                raise StoppedError
            self._wakers.append(waker)
        try:
            yield
        finally:
            with self._lock:
                self._wakers.remove(waker)


_STOP: ContextVar[Stop | None] = ContextVar("wandb_runs_stop", default=None)
"""In a thread of `run_gathered`: what says that nobody waits for its flow any more."""


def current_stop() -> Stop | None:
    """What says that nobody waits for this thread; None where that cannot be."""
    return _STOP.get()


def is_stopped() -> bool:
    """Whether nobody waits any more for what this thread does."""
    stop = _STOP.get()
    return stop is not None and stop.is_set()


def sleep(seconds: float) -> None:
    """Sleep; not longer than somebody waits for what this thread does."""
    stop = _STOP.get()
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)


class Slots:
    """How many requests of a client may be under way at once, whatever threads they come from.

    A thread that has a slot and asks again, from within a transport of the user's, goes on with
    the one it has: nobody waits for himself. In a forked child the slots of threads that are not
    there are free.
    """

    def __init__(self, count: int = AT_ONCE) -> None:
        self._count = count
        self._holders: set[int] = set()
        self._changed = threading.Condition(threading.Lock())
        renew_in_children(self)

    def renew(self) -> None:
        """Begin anew in a forked child."""
        self._holders &= {threading.get_ident()}
        self._changed = threading.Condition(threading.Lock())

    def is_held(self) -> bool:
        """Whether this thread has a slot."""
        return threading.get_ident() in self._holders

    def enter(self, seconds: float) -> bool:
        """Take a slot; whether there was one within so many seconds.

        Raises:
            StoppedError: Nobody waits for this thread any more.
        """
        with self._changed:
            if self._has_room():
                self._holders.add(threading.get_ident())
                return True
        stop = _STOP.get()
        if stop is None:
            return self._wait(seconds, lambda: False)
        with stop.waking(self._wake_all, breaks=False):
            return self._wait(seconds, stop.is_set)

    def leave(self) -> None:
        """Give the slot back; without one nothing happens."""
        with self._changed:
            self._holders.discard(threading.get_ident())
            self._changed.notify()

    def _wait(self, seconds: float, is_stopped: Callable[[], bool]) -> bool:
        is_served = False
        with self._changed:
            try:
                self._changed.wait_for(lambda: self._has_room() or is_stopped(), seconds)
                is_served = self._has_room() and not is_stopped()
                if is_served:
                    self._holders.add(threading.get_ident())
            finally:
                if not is_served:
                    # This thread may have been told of the room that it does not take.
                    self._changed.notify()
        if is_stopped():
            raise StoppedError
        return is_served

    def _has_room(self) -> bool:
        return len(self._holders) < self._count

    def _wake_all(self) -> None:
        with self._changed:
            self._changed.notify_all()


def run_gathered(step: Gather[T], execute: Callable[[Operation[object]], object]) -> list[T]:
    """Run flows in threads of their own, at most `AT_ONCE` at a time, and give their results.

    The threads live as long as this call: nothing is left to close, or to lose in a fork. What
    the caller's context holds (for its log records, say) is there in each of them.

    Raises:
        WandbRunsError: What the first flow that failed raised. The others send nothing more; what
            they have sent is waited for, unless the caller is interrupted (Ctrl-C): then it is
            broken off.
    """
    if len(step.flows) == 1:
        results = [run_flow(step.flows[0], execute)]
        if step.done is not None:
            step.done(results[0])
        return results
    stop = Stop()

    def execute_unless_stopped(operation: Operation[object]) -> object:
        if stop.is_set():
            raise StoppedError
        return execute(operation)

    def run(flow: Flow[T]) -> T:
        _STOP.set(stop)
        return run_flow(flow, execute_unless_stopped)

    pool = ThreadPoolExecutor(min(AT_ONCE, len(step.flows)), "wandb-runs")
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
        stop.set(is_urgent=is_interrupted)
        pool.shutdown(wait=not is_interrupted, cancel_futures=True)

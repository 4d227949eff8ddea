"""Flows that run at once, each in a thread."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Final, TypeVar

from wandb_runs.flow import drive

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from wandb_runs.flow import Flow, Together
    from wandb_runs.operation import Operation

__all__ = ["AT_ONCE", "StoppedError", "is_stopped", "run_together", "sleep"]

T = TypeVar("T")

AT_ONCE: Final = 4
"""How many requests of one call are under way at most: W&B limits the rate of each user."""


_STOPPED: ContextVar[threading.Event | None] = ContextVar("wandb_runs_stopped", default=None)
"""In a thread of `run_together`: set when nobody waits for its flow any more."""


class StoppedError(Exception):
    """Nobody waits for this flow any more."""


def is_stopped() -> bool:
    """Whether nobody waits any more for what this thread does."""
    stopped = _STOPPED.get()
    return stopped is not None and stopped.is_set()


def sleep(seconds: float) -> None:
    """Sleep; not longer than somebody waits for what this thread does."""
    stopped = _STOPPED.get()
    if stopped is None:
        time.sleep(seconds)
    else:
        stopped.wait(seconds)


def run_together(step: Together[T], execute: Callable[[Operation[object]], object]) -> list[T]:
    """Run flows in threads of their own, at most `AT_ONCE` at a time, and give their results.

    The threads live as long as this call: nothing is left to close, or to lose in a fork. What
    the caller's context holds (for its log records, say) is there in each of them.

    Raises:
        WandbRunsError: What the first flow that failed raised. The others send nothing more; what
            they have sent is waited for, unless the caller is interrupted (Ctrl-C).
    """
    if len(step.flows) == 1:
        results = [drive(step.flows[0], execute)]
        if step.done is not None:
            step.done(results[0])
        return results
    stopped = threading.Event()

    def execute_unless_stopped(operation: Operation[object]) -> object:
        if stopped.is_set():
            raise StoppedError
        return execute(operation)

    def run(flow: Flow[T]) -> T:
        _STOPPED.set(stopped)
        return drive(flow, execute_unless_stopped)

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
        stopped.set()
        pool.shutdown(wait=not is_interrupted, cancel_futures=True)

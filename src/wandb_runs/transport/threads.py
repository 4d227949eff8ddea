"""Flows that run at once, each in a thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from typing import TYPE_CHECKING, Final, TypeVar

from wandb_runs.flow import drive

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from wandb_runs.flow import Flow, Together
    from wandb_runs.operation import Operation

__all__ = ["AT_ONCE", "run_together"]

T = TypeVar("T")

AT_ONCE: Final = 4
"""How many requests of one call are under way at most: W&B limits the rate of each user."""


def run_together(step: Together[T], execute: Callable[[Operation[object]], object]) -> list[T]:
    """Run flows in threads of their own, at most `AT_ONCE` at a time, and give their results.

    The threads live as long as this call: nothing is left to close, or to lose in a fork. What
    the caller's context holds (for its log records, say) is there in each of them.

    Raises:
        WandbRunsError: What the first flow that failed raised, once those that had begun have
            ended; the others do not begin.
    """
    if len(step.flows) == 1:
        results = [drive(step.flows[0], execute)]
        if step.done is not None:
            step.done(results[0])
        return results

    def run(flow: Flow[T]) -> T:
        return drive(flow, execute)

    with ThreadPoolExecutor(min(AT_ONCE, len(step.flows)), "wandb-runs") as pool:
        futures: list[Future[T]] = [
            pool.submit(copy_context().run, run, flow) for flow in step.flows
        ]
        try:
            for future in as_completed(futures):
                result = future.result()
                if step.done is not None:
                    step.done(result)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]

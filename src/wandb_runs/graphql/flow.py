"""Flows: work that takes several requests, written once for every driver.

A `Flow` is a generator that yields operations and is sent their answers, as httpx writes its
authentication flows. Where flows do not depend on each other, it yields several of them at once,
`Gather`. It does no I/O, so it is tested without a socket, and a driver of a few lines runs it:
`run_flow`, and `run_flow_async` for callers that await.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar, cast

from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.raw_response import LARGE, RawResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence

    from wandb_runs.graphql.operation import Operation

__all__ = [
    "Apart",
    "Flow",
    "Gather",
    "Step",
    "ask",
    "gather",
    "run_flow",
    "run_flow_async",
    "run_in_turn",
]

T = TypeVar("T")

Flow: TypeAlias = "Generator[Step, object, T]"

Step: TypeAlias = "Operation[object] | Gather[object]"
"""What a flow waits for: one answer, or the results of several flows."""


@dataclass(frozen=True, slots=True, repr=False)
class Gather(FieldsRepr, Generic[T]):
    """Flows that may run at once.

    Attributes:
        flows: The flows; none has begun.
        done: Called with each result as it comes, in any order, in the driver's own thread.
    """

    flows: Sequence[Flow[T]]
    done: Callable[[T], None] | None = None


def ask(operation: Operation[T]) -> Flow[T]:
    """Yield one operation and return its answer, with the type that a bare `yield` loses."""
    answer = yield operation
    if not isinstance(answer, operation.result):
        raise TypeError(
            f"the driver answered {operation.name} with {type(answer).__name__}, "
            f"expected {operation.result.__name__}"
        )
    return answer


def gather(flows: Sequence[Flow[T]], done: Callable[[T], None] | None = None) -> Flow[list[T]]:
    """Yield several flows at once and return their results, in the order of the flows.

    The first failure is raised, once the flows that had begun have ended; the others do not begin.
    """
    if not flows:
        return []
    results = yield cast("Gather[object]", Gather(flows, done))
    return cast("list[T]", results)  # as `Gather` promises


def run_in_turn(
    step: Gather[object], execute: Callable[[Operation[object]], object]
) -> list[object]:
    """Run flows one after another: for a driver that has no threads, and for tests."""
    results: list[object] = []
    for flow in step.flows:
        results.append(run_flow(flow, execute))
        if step.done is not None:
            step.done(results[-1])
    return results


def run_flow(
    flow: Flow[T],
    execute: Callable[[Operation[object]], object],
    at_once: Callable[[Gather[object]], list[object]] | None = None,
) -> T:
    """Run a flow to its end; an error is thrown into it.

    Args:
        flow: The flow.
        execute: Answers one operation.
        at_once: Runs several flows; by default they run one by one.
    """

    def answer_to(step: Step) -> object:
        if not isinstance(step, Gather):
            return execute(step)
        return run_in_turn(step, execute) if at_once is None else at_once(step)

    try:
        step = next(flow)
        while True:
            try:
                answer = answer_to(step)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


class Apart(Protocol):
    """Runs work outside the event loop, so that other tasks go on."""

    async def __call__(self, work: Callable[[], T], /) -> T:
        """Return the result of the work."""
        ...


async def run_flow_async(
    flow: Flow[T],
    execute: Callable[[Operation[object]], Awaitable[object]],
    at_once: Callable[[Gather[object]], Awaitable[list[object]]],
    apart: Apart,
) -> T:
    """Run a flow to its end as `run_flow` does, without blocking the event loop.

    When the task is cancelled meanwhile, the flow is closed.

    Args:
        flow: The flow.
        execute: Answers one operation.
        at_once: Runs several flows.
        apart: Runs the steps that take long: where a flow reads a large answer, or joins the
            results of several flows.
    """
    try:
        step = _advanced(partial(next, flow))
        while not isinstance(step, _End):
            try:
                answer = await (at_once(step) if isinstance(step, Gather) else execute(step))
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = _advanced(partial(flow.throw, error))
            else:
                advance = partial(_advanced, partial(flow.send, answer))
                takes_long = isinstance(step, Gather) or (
                    isinstance(answer, RawResponse) and len(answer.body) > LARGE
                )
                step = await apart(advance) if takes_long else advance()
        return cast("T", step.result)  # as `Flow` promises
    finally:
        flow.close()


@dataclass(frozen=True, slots=True)
class _End:
    """The result of a flow; a `StopIteration` cannot leave a coroutine."""

    result: object


def _advanced(advance: Callable[[], Step]) -> Step | _End:
    try:
        return advance()
    except StopIteration as stop:
        return _End(stop.value)

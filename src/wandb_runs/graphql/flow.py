"""Flows: work that takes several requests, written once for every driver.

A `Flow` is a generator that yields operations and is sent their answers, as httpx writes its
authentication flows. Where flows do not depend on each other, it yields several of them at once,
`Gather`. It does no I/O, so it is tested without a socket, and a driver of a few lines runs it:
`run_flow`, and `run_flow_async` for callers that await.

`begin` and `finish` divide a flow where its first answer has come: what `Gather` runs at once can
then be the reading of one answer and the requests for others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import (
    TYPE_CHECKING,
    Final,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
)

from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.raw_response import LARGE, RawResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence

    from wandb_runs.graphql.operation import Operation

__all__ = [
    "Apart",
    "Begun",
    "Compute",
    "Flow",
    "Gather",
    "Lane",
    "Pause",
    "ReadApart",
    "Received",
    "Step",
    "apart",
    "ask",
    "begin",
    "compute",
    "finish",
    "gather",
    "pause",
    "run_flow",
    "run_flow_async",
    "run_in_turn",
]

T = TypeVar("T")

Flow: TypeAlias = "Generator[Step, object, T]"

Step: TypeAlias = "Operation[object] | Gather[object] | Received | Pause | Compute"
"""What a flow waits for: one answer, the results of several flows, some time, or a computation."""

Lane: TypeAlias = Literal["operations", "files"]
"""A kind of requests, of which so many may be under way at once whatever the other kind does."""

_PAUSE: Final = 0.001
"""Seconds in which other threads send their requests before one begins to read a large answer."""


@dataclass(frozen=True, slots=True, repr=False)
class Gather(FieldsRepr, Generic[T]):
    """Flows that may run at once.

    Attributes:
        flows: The flows; none has begun.
        done: Called with each result as it comes, in any order, in the driver's own thread.
        lane: What the flows send most of: as many of them run at once as of these requests.
        width: How many run at once at most; None where the lane alone decides.
    """

    flows: Sequence[Flow[T]]
    done: Callable[[T], None] | None = None
    lane: Lane = "operations"
    width: int | None = None

    def most_at_once(self, widths: Mapping[Lane, int]) -> int:
        """How many of the flows run at once, where a client has so many requests of each lane."""
        width = widths[self.lane]
        if self.width is not None:
            width = min(width, self.width)
        return min(width, len(self.flows))


class Received(NamedTuple):
    """An answer that has come already; a driver sends it to the flow as it does any other.

    Attributes:
        answer: The answer.
    """

    answer: object


class Pause(NamedTuple):
    """Some time; a driver that has a clock answers with the instant after it.

    Attributes:
        seconds: How long.
    """

    seconds: float


class Compute(NamedTuple):
    """A computation for the caller's own thread, where flows run in others.

    Attributes:
        function: Makes what a driver answers with.
    """

    function: Callable[[], object]


def compute(function: Callable[[], T]) -> Flow[T]:
    """Compute in the caller's own thread what takes much memory or processor time.

    Threads that did so at once would wait for the interpreter's lock most of the time, and memory
    that a library keeps for each thread would be kept by all of them.
    """
    return cast("T", (yield Compute(function)))  # as `Compute` promises


def pause(seconds: float) -> Flow[float]:
    """Wait, and return the time of the driver's clock then: seconds since some moment.

    Not within `gather`, whose flows share the time that the caller's has.
    """
    return cast("float", (yield Pause(seconds)))  # as `Pause` promises


class ReadApart:
    """A base of answers with which a flow goes on outside of the event loop.

    What it does with them takes long, or waits for a disk.
    """

    __slots__ = ()


def apart() -> Flow[None]:
    """Go on outside of the event loop: what follows waits for a disk."""
    yield Received(ReadApart())


def ask(operation: Operation[T]) -> Flow[T]:
    """Yield one operation and return its answer, with the type that a bare `yield` loses."""
    answer = yield operation
    if not isinstance(answer, operation.result):
        raise TypeError(
            f"the driver answered {operation.name} with {type(answer).__name__}, "
            f"expected {operation.result.__name__}"
        )
    return answer


def gather(
    flows: Sequence[Flow[T]],
    done: Callable[[T], None] | None = None,
    lane: Lane = "operations",
    width: int | None = None,
) -> Flow[list[T]]:
    """Yield several flows at once and return their results, in the order of the flows.

    The first failure is raised, once the flows that had begun have ended; the others do not begin.
    What they gather themselves, a blocking driver runs in turn, or where `width` is less than the
    lane allows, by the threads that are left.
    """
    if not flows:
        return []
    results = yield cast("Gather[object]", Gather(flows, done, lane, width))
    return cast("list[T]", results)  # as `Gather` promises


@dataclass(frozen=True, slots=True, repr=False)
class Begun(FieldsRepr, Generic[T]):
    """A flow whose first answer has come, and which has not read it.

    Attributes:
        flow: The flow.
        step: What it yielded first, or its result.
        answer: The answer; None where there is none, since the step is another one or failed.
        error: How the step failed.
    """

    flow: Flow[T]
    step: Step | _End
    answer: object = None
    error: Exception | None = None


def begin(flow: Flow[T]) -> Flow[Begun[T]]:
    """Run a flow until the answer of its first operation has come, for `finish` to go on.

    So other requests can be sent before the answer is read. What fails, fails in `finish`.
    """
    step = _advanced(partial(next, flow))
    if isinstance(step, _End | Gather):
        return Begun(flow, step)
    try:
        answer = yield step
    except Exception as error:  # noqa: BLE001 - the flow decides what an error means
        return Begun(flow, step, error=error)
    return Begun(flow, step, answer)


def finish(begun: Begun[T]) -> Flow[T]:
    """Run the rest of a flow, and return its result."""
    flow, step, answer = begun.flow, begun.step, begun.answer
    if begun.error is not None:
        step = _advanced(partial(flow.throw, begun.error))
    elif answer is not None:
        answer = yield Received(answer)
        if isinstance(answer, RawResponse) and len(answer.body) > LARGE:
            # Decoding holds the interpreter's lock, which other threads need to send requests.
            time.sleep(_PAUSE)
        step = _advanced(partial(flow.send, answer))
    while not isinstance(step, _End):
        try:
            answer = yield step
        except Exception as error:  # noqa: BLE001 - the flow decides what an error means
            step = _advanced(partial(flow.throw, error))
        else:
            step = _advanced(partial(flow.send, answer))
    return cast("T", step.result)  # as `Flow` promises


def run_in_turn(
    step: Gather[object],
    execute: Callable[[Operation[object]], object],
    elsewhere: Callable[[Callable[[], object]], object] | None = None,
) -> list[object]:
    """Run flows one after another: for a driver that has no threads, and for tests."""
    results: list[object] = []
    for flow in step.flows:
        results.append(run_flow(flow, execute, elsewhere=elsewhere))
        if step.done is not None:
            step.done(results[-1])
    return results


def run_flow(
    flow: Flow[T],
    execute: Callable[[Operation[object]], object],
    at_once: Callable[[Gather[object]], list[object]] | None = None,
    wait: Callable[[float], float] | None = None,
    elsewhere: Callable[[Callable[[], object]], object] | None = None,
) -> T:
    """Run a flow to its end; an error is thrown into it.

    Args:
        flow: The flow.
        execute: Answers one operation.
        at_once: Runs several flows; by default they run one by one.
        wait: Waits for so many seconds, and returns the time then; None for a driver without a
            clock, whose flows do not wait.
        elsewhere: Computes in another thread; by default this one does.
    """

    def answer_to(step: Step) -> object:
        if isinstance(step, Received):
            return step.answer
        if isinstance(step, Pause):
            return _waiter(wait)(step.seconds)
        if isinstance(step, Compute):
            return step.function() if elsewhere is None else elsewhere(step.function)
        if not isinstance(step, Gather):
            return execute(step)
        return run_in_turn(step, execute, elsewhere) if at_once is None else at_once(step)

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


def _waiter(wait: T | None) -> T:
    if wait is None:
        raise TypeError("this driver has no clock, and the flow waits")
    return wait


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
    wait: Callable[[float], Awaitable[float]] | None = None,
) -> T:
    """Run a flow to its end as `run_flow` does, without blocking the event loop.

    When the task is cancelled meanwhile, the flow is closed.

    Args:
        flow: The flow.
        execute: Answers one operation.
        at_once: Runs several flows.
        apart: Runs the steps that take long: where a flow reads a large answer, joins the results
            of several flows, or says so by `ReadApart`.
        wait: Waits for so many seconds, and returns the time then; None for a driver without a
            clock, whose flows do not wait.
    """

    async def answer_to(step: Step) -> object:
        if isinstance(step, Received):
            return step.answer
        if isinstance(step, Pause):
            return await _waiter(wait)(step.seconds)
        if isinstance(step, Compute):
            return await apart(step.function)
        return await (at_once(step) if isinstance(step, Gather) else execute(step))

    try:
        step = _advanced(partial(next, flow))
        while not isinstance(step, _End):
            try:
                answer = await answer_to(step)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = _advanced(partial(flow.throw, error))
            else:
                advance = partial(_advanced, partial(flow.send, answer))
                takes_long = (
                    isinstance(step, Gather)
                    or isinstance(answer, ReadApart)
                    or (isinstance(answer, RawResponse) and len(answer.body) > LARGE)
                )
                step = await apart(advance) if takes_long else advance()
        return cast("T", step.result)  # as `Flow` promises
    finally:
        flow.close()


@dataclass(frozen=True, slots=True, repr=False)
class _End(FieldsRepr):
    """The result of a flow; a `StopIteration` cannot leave a coroutine."""

    result: object


def _advanced(advance: Callable[[], Step]) -> Step | _End:
    try:
        return advance()
    except StopIteration as stop:
        return _End(stop.value)

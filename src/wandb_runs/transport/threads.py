"""Blocking concurrency: flows in worker threads, their cancellation, and request slots."""

from __future__ import annotations

import _thread
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from wandb_runs.errors import WandbRunsError
from wandb_runs.graphql.flow import run_flow
from wandb_runs.transport.fork import renew_in_children
from wandb_runs.transport.helpers import Helpers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from wandb_runs.graphql.flow import Flow, Gather, Lane
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
U = TypeVar("U")

_PATIENCE: Final = 5.0
"""Seconds after which a caller looks whether the threads that it waits for still run."""


_LOOKS: Final = 0.1
"""Seconds after which a thread that waits for another looks whether it is cancelled."""


class CancelledError(Exception):
    """The result of this worker thread is no longer needed."""


class CancelToken:
    """Tells the worker threads of one `run_gathered` that their results are no longer needed.

    It holds locks of the interpreter's own alone: an exception of a signal handler, within an
    `Event` say, would leave its lock held, and the workers waiting for ever.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._aborts = False
        # Not fork-safe: a forked child has none of the threads that use it.
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []
        self._closed_until_set = threading.Lock()
        self._closed_until_set.acquire()

    def is_set(self) -> bool:
        """Whether the threads are cancelled."""
        return self._is_set

    def set(self, *, aborts: bool) -> None:
        """Cancel the threads.

        Args:
            aborts: Whether requests under way are aborted instead of awaited.
        """
        self._is_set = True
        _open(self._closed_until_set)
        with self._lock:
            self._aborts = aborts
            for wake in self._wakers if aborts else ():
                wake()

    def wait(self, seconds: float) -> None:
        """Wait for the cancellation, at most so many seconds."""
        if self._closed_until_set.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
            _open(self._closed_until_set)  # for the next thread

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


def _open(gate: threading.Lock) -> None:
    """Let one thread pass that waits for a lock, or the next one that does."""
    with suppress(RuntimeError):  # it is open
        gate.release()


class Slots:
    """How many requests of one kind may be under way at once, over all threads of a client.

    The threads stand in a queue, whose first ones hold a slot: there is no count that an exception
    of a signal handler could leave off, and no lock that it could leave held.

    A caller that holds a slot reuses it, so requests that a transport sends from within `send`
    cannot deadlock. In a forked child, slots of the parent's other threads are free.

    Args:
        count: How many slots there are.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        # By thread; with the lock that a thread waits for, if it waits.
        self._queue: dict[int, threading.Lock | None] = {}
        renew_in_children(self)

    def renew(self) -> None:
        """Start afresh in a forked child."""
        mine = threading.get_ident()
        for thread in list(self._queue):
            if thread != mine:
                del self._queue[thread]

    @property
    def are_held(self) -> bool:
        """Whether this thread holds one of them."""
        return threading.get_ident() in self._queue

    def hold(self, seconds: float, work: Callable[[bool], T]) -> T:
        """Hold a slot while a function runs, and return its result.

        Args:
            seconds: How long to wait for a free slot at most.
            work: The function. It is told whether the slot is held: not if none became free in
                time.

        Raises:
            CancelledError: This thread was cancelled while it waited.
        """
        thread, leave = threading.get_ident(), self._queue.pop
        if self.are_held:
            return work(True)  # noqa: FBT003 - its only argument
        try:
            return work(self._enter(thread, seconds))
        finally:
            # Before anything else, and by one function of the interpreter's own: no exception of a
            # signal handler comes before it.
            leave(thread, None)
            self._admit()

    def _enter(self, thread: int, seconds: float) -> bool:
        queue = self._queue
        queue[thread] = None
        if len(queue) <= self.count:
            return True
        deadline = time.monotonic() + seconds
        gate = queue[thread] = threading.Lock()
        gate.acquire()
        while thread not in list(queue)[: self.count]:
            check_cancelled()
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            # A thread looks now and then whether it is cancelled, and whether a slot became free in
            # a thread that was interrupted before it told.
            gate.acquire(timeout=min(left, _LOOKS))
        return True

    def _admit(self) -> None:
        if len(self._queue) >= self.count:  # else none waits
            for gate in list(self._queue.values())[: self.count]:
                if gate is not None:
                    _open(gate)


class _Outcome(NamedTuple, Generic[T]):
    """How a flow ended, in a worker thread.

    Attributes:
        number: Which flow.
        result: Its result, in a list of one; empty where it failed.
        error: What it raised, if it failed.
    """

    number: int
    result: Sequence[T] = ()
    error: BaseException | None = None


class _Computation:
    """What a worker thread leaves to the calling thread.

    Args:
        function: What is computed.
    """

    __slots__ = ("_done", "_error", "_function", "_result")

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._result: object = None
        self._error: Exception | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        """Compute, in the calling thread."""
        try:
            self._result = self._function()
        except Exception as error:  # noqa: BLE001 - raised in the worker thread
            self._error = error
        _open(self._done)

    def wait(self) -> object:
        """The result, in the worker thread.

        Raises:
            CancelledError: This thread was cancelled while it waited.
        """
        while not self._done.acquire(timeout=_LOOKS):
            check_cancelled()
        if self._error is not None:
            raise self._error
        return self._result


class _Workers(Generic[T]):
    """Threads that run flows, each to its end.

    What they share with the calling thread are a deque and a queue of the interpreter's own. A
    pool of `concurrent.futures` has locks that an exception of a signal handler leaves held: its
    threads would wait for ever, and the process for them when it ends.

    Args:
        flows: The flows.
        execute: Answers one operation.
        helpers: How many more threads share what the flows gather themselves; with none, each
            flow runs that in turn.
    """

    def __init__(
        self,
        flows: Sequence[Flow[T]],
        execute: Callable[[Operation[object]], object],
        helpers: int,
    ) -> None:
        self.token = CancelToken()
        self._helpers = Helpers(helpers, self._run_in_turn, check_cancelled) if helpers else None
        self._outcomes: SimpleQueue[_Outcome[T] | _Computation] = SimpleQueue()
        self._execute = execute
        self._waiting = deque((index, flow, copy_context()) for index, flow in enumerate(flows))
        self._threads: list[threading.Thread] = []
        self._are_starting = threading.Lock()

    def start(self, width: int) -> None:
        """Start so many threads."""
        # By a thread of the interpreter's own: an exception of a signal handler within
        # `Thread.start` would break that.
        self._are_starting.acquire()
        _thread.start_new_thread(self._start_all, (width,))

    def end(self, *, aborts: bool) -> None:
        """Run nothing more, and let the threads end.

        Args:
            aborts: Whether requests under way are aborted instead of awaited.
        """
        self._waiting.clear()
        self.token.set(aborts=aborts)
        if not aborts and self._are_starting.acquire(timeout=_PATIENCE):
            for thread in self._threads:
                thread.join()
        if self._helpers is not None:
            self._helpers.end(waits=not aborts)

    def next_outcome(self) -> _Outcome[T] | _Computation:
        """Wait for the next flow to end, or to leave something to this thread.

        Raises:
            WandbRunsError: No thread is left that could end one. An exception that another thread
                sets in this one may strike a thread that it is just starting.
        """
        while True:
            try:
                return self._outcomes.get(timeout=_PATIENCE)
            except Empty:
                if not any(thread.is_alive() for thread in self._threads):
                    break
        raise WandbRunsError("the worker threads of this call were interrupted; try again")

    def _start_all(self, width: int) -> None:
        try:
            for number in range(width):
                # The process does not wait for it: after an interrupt, its work is not needed.
                thread = threading.Thread(
                    target=self._work, name=f"wandb-runs_{number}", daemon=True
                )
                thread.start()
                self._threads.append(thread)
        except BaseException as error:  # noqa: BLE001 - raised in the calling thread
            if not self._threads:  # the system has no thread left
                self._outcomes.put(_Outcome(0, (), error))
        finally:
            self._are_starting.release()

    def _work(self) -> None:
        while True:
            try:
                index, flow, context = self._waiting.popleft()
            except IndexError:
                return
            try:
                self._outcomes.put(_Outcome(index, [context.run(self._run, flow)]))
            except BaseException as error:  # noqa: BLE001 - raised in the calling thread
                self._outcomes.put(_Outcome(index, (), error))
            del flow, context  # while this thread waits, it keeps none of them

    def _run(self, flow: Flow[T]) -> T:
        _TOKEN.set(self.token)
        check_cancelled()
        if self._helpers is None:
            return self._run_in_turn(flow)
        return run_flow(flow, self._execute, self._helpers.gather, elsewhere=self._by_caller)

    def _run_in_turn(self, flow: Flow[U]) -> U:
        return run_flow(flow, self._execute, elsewhere=self._by_caller)

    def _by_caller(self, function: Callable[[], object]) -> object:
        computation = _Computation(function)
        self._outcomes.put(computation)
        return computation.wait()


def run_gathered(
    step: Gather[T], execute: Callable[[Operation[object]], object], widths: Mapping[Lane, int]
) -> list[T]:
    """Run flows in worker threads and return their results in order.

    The threads live as long as this call: nothing is left to close, or to lose in a fork. Each
    has the caller's context variables (for log records, say).

    Args:
        step: The flows.
        execute: Answers one operation.
        widths: How many flows run at once, by what they send.

    Raises:
        WandbRunsError: What the first flow that failed raised. The others send nothing more.
            Their requests under way are awaited, or aborted if the caller is interrupted
            (Ctrl-C).
    """
    if len(step.flows) == 1:
        # In this thread, so that the threads are left for what the flow gathers itself.
        one = step.flows[0]
        results = [run_flow(one, execute, lambda inner: run_gathered(inner, execute, widths))]
        if step.done is not None:
            step.done(results[0])
        return results
    width = step.most_at_once(widths)
    helpers = 0 if step.width is None else max(widths[step.lane] - width, 0)
    workers: _Workers[T] = _Workers(step.flows, execute, helpers)
    found: dict[int, T] = {}
    is_interrupted = is_waiting = False
    try:
        workers.start(width)
        while len(found) < len(step.flows):
            is_waiting = True
            outcome = workers.next_outcome()
            is_waiting = False
            if isinstance(outcome, _Computation):
                outcome.run()
                continue
            index, result, failure = outcome
            if failure is not None:
                raise failure  # noqa: TRY301 - the handler looks at what else is raised
            found[index] = result[0]
            if step.done is not None:
                step.done(result[0])
        return [found[index] for index in range(len(found))]
    except BaseException as error:
        # While it waits, nothing but an interrupt is raised, of whatever kind.
        is_interrupted = is_waiting or not isinstance(error, Exception)
        raise
    finally:
        failure = None  # whose traceback holds this frame
        workers.end(aborts=is_interrupted)

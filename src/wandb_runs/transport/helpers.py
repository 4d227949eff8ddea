"""`Helpers`: threads that share the flows which a flow of another thread gathers."""

from __future__ import annotations

import threading
from collections import deque
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.errors import WandbRunsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextvars import Context

    from wandb_runs.graphql.flow import Flow, Gather

__all__ = ["Helpers"]

_LOOKS: Final = 0.1
"""Seconds after which a thread that waits for helpers looks whether it is cancelled."""


class _Ended(NamedTuple):
    """How a flow ended.

    Attributes:
        number: Which flow.
        result: Its result.
        error: What it raised, if it failed.
    """

    number: int
    result: object = None
    error: BaseException | None = None


class _Offer:
    """The flows of one gather, which its own thread and helpers take one by one.

    Args:
        flows: The flows.
    """

    __slots__ = ("context", "ended", "waiting")

    def __init__(self, flows: Sequence[Flow[object]]) -> None:
        self.context: Context = copy_context()
        self.waiting = deque(enumerate(flows))
        self.ended: SimpleQueue[_Ended] = SimpleQueue()


class Helpers:
    """Threads that share the flows which a flow of another thread gathers.

    The thread that gathers takes the flows one after another, and helpers take some meanwhile: it
    waits for none that has not begun. Without a helper it runs all of them.

    Args:
        most: How many threads there are at most; they are started when first needed.
        run: Runs a flow to its end.
        check: Raises in a thread that is cancelled.
    """

    def __init__(
        self,
        most: int,
        run: Callable[[Flow[object]], object],
        check: Callable[[], None],
    ) -> None:
        self._most = most
        self._run = run
        self._check = check
        self._offers: SimpleQueue[_Offer | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        # Not fork-safe: a forked child has none of the threads that use it.
        self._lock = threading.Lock()
        self._needed = 0
        self._is_over = False

    def gather(self, step: Gather[object]) -> list[object]:
        """Run flows, some of them in helpers, and return their results in order.

        Raises:
            WandbRunsError: What the first flow that failed raised, once those that had begun have
                ended.
        """
        offer = _Offer(step.flows)
        others = len(step.flows) - 1
        for _ in range(min(others, self._most)):
            self._offers.put(offer)
        self._need(others)
        try:
            return self._run_all(step, offer)
        finally:
            self._need(-others)

    def _run_all(self, step: Gather[object], offer: _Offer) -> list[object]:
        results: dict[int, object] = {}
        left = len(step.flows)
        failure: BaseException | None = None
        while left:
            try:
                number, flow = offer.waiting.popleft()
            except IndexError:
                ended = self._wait(offer)
            else:
                ended = self._end_of(number, flow)
            left -= 1
            if ended.error is not None:
                failure = failure or ended.error
                left -= _clear(offer)
                continue
            results[ended.number] = ended.result
            if step.done is not None:
                step.done(ended.result)
        if failure is not None:
            raise failure
        return [results[number] for number in range(len(results))]

    def end(self, *, waits: bool) -> None:
        """Let the threads end.

        Args:
            waits: Whether to wait for them.
        """
        with self._lock:
            self._is_over = True
        for _ in self._threads:
            self._offers.put(None)
        if waits:
            for thread in self._threads:
                thread.join()

    def _need(self, count: int) -> None:
        """Note that so many more threads are of use, and start those that are not there."""
        with self._lock:
            self._needed += count
            while not self._is_over and len(self._threads) < min(self._most, self._needed):
                thread = threading.Thread(
                    target=self._work, name=f"wandb-runs_helper_{len(self._threads)}", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:  # the system has no thread left
                    self._most = len(self._threads)
                    return
                self._threads.append(thread)

    def _work(self) -> None:
        while (offer := self._offers.get()) is not None:
            while True:
                try:
                    number, flow = offer.waiting.popleft()
                except IndexError:
                    break
                context = offer.context.copy()
                offer.ended.put(context.run(self._end_of, number, flow))
                del flow, context
            del offer  # while this thread waits, it keeps none

    def _end_of(self, number: int, flow: Flow[object]) -> _Ended:
        try:
            return _Ended(number, self._run(flow))
        except BaseException as error:  # noqa: BLE001 - raised in the thread that gathers
            return _Ended(number, error=error)

    def _wait(self, offer: _Offer) -> _Ended:
        """Wait for a flow that a helper has begun.

        Raises:
            CancelledError: This thread was cancelled while it waited.
            WandbRunsError: No helper is left that could end it.
        """
        while True:
            try:
                return offer.ended.get(timeout=_LOOKS)
            except Empty:
                self._check()
                if any(thread.is_alive() for thread in self._threads):
                    continue
                raise WandbRunsError(
                    "the worker threads of this call were interrupted; try again"
                ) from None


def _clear(offer: _Offer) -> int:
    """Leave out the flows that have not begun, and return how many they are."""
    count = 0
    while True:
        try:
            offer.waiting.popleft()
        except IndexError:
            return count
        count += 1

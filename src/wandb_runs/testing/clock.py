"""Time that passes when it is told to, for tests of code that waits."""

from __future__ import annotations

import random
import threading
import time

__all__ = ["FakeClock"]


class FakeClock:
    """A clock on which waiting takes no time: pass it as `Api(clock=...)` or `AsyncApi(clock=...)`.

    The requests of such an `Api` are real; what it would wait for between them, before a retry
    or to keep to a rate limit, is over at once, and moves this clock on instead. A call's
    deadline is measured by it. Sockets know real time alone, so that an answer has the call's
    `timeout` in real seconds. Thread-safe.

    Attributes:
        slept: The seconds of each wait, in order.

    Args:
        start: Seconds since 1970 at which it begins; by default the present.
        chance: The number, at least 0 and below 1, that every random draw gives; by default
            draws are random. 0 makes pauses that the server did not ask for none at all.

    >>> from wandb_runs import Api
    >>> from wandb_runs.testing import FakeClock
    >>> clock = FakeClock()
    >>> with Api(base_url=server.url, api_key="any-key", clock=clock) as api:
    ...     runs = list(api.runs("sample/digits"))
    >>> clock.slept
    []
    >>> before = clock.monotonic()
    >>> clock.sleep(3600)
    >>> clock.monotonic() - before, clock.slept
    (3600.0, [3600])
    """

    def __init__(self, start: float | None = None, *, chance: float | None = None) -> None:
        self.slept: list[float] = []
        self._start = time.time() if start is None else start
        self._passed = 0.0
        self._chance = chance
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        with self._lock:
            return self._passed

    def time(self) -> float:
        """Seconds since 1970, UTC."""
        with self._lock:
            return self._start + self._passed

    def sleep(self, seconds: float, /) -> None:
        """Come back at once, so many seconds later by this clock."""
        with self._lock:
            self.slept.append(seconds)
            self._passed += seconds

    async def sleep_async(self, seconds: float, /) -> None:
        """Come back once others had their turn, so many seconds later by this clock."""
        from anyio.lowlevel import checkpoint  # noqa: PLC0415 - only for those who await

        self.sleep(seconds)
        await checkpoint()

    def random(self) -> float:
        """The next draw."""
        return random.random() if self._chance is None else self._chance  # noqa: S311 - for tests

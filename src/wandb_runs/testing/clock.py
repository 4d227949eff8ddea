"""A fake clock, for tests of code that waits."""

from __future__ import annotations

import random
import threading
import time

__all__ = ["FakeClock"]


class FakeClock:
    """A clock whose sleeps return at once: pass it as `Api(clock=...)` or `AsyncApi(clock=...)`.

    The requests of such an `Api` are real; its pauses between them, before a retry or for a rate
    limit, advance this clock instead of taking time. The deadline of a call is measured by it.
    Sockets use real time: each response has the call's `timeout` in real seconds. Thread-safe.

    Attributes:
        slept: The seconds of each wait, in order.

    Args:
        start: The initial time, in seconds since 1970; by default the present.
        chance: The result of every random draw, at least 0 and below 1; by default draws are
            random. 0 makes back-off pauses 0, unless the server asks for one.

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
        self._elapsed = 0.0
        self._chance = chance
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        with self._lock:
            return self._elapsed

    def time(self) -> float:
        """Seconds since 1970, UTC."""
        with self._lock:
            return self._start + self._elapsed

    def sleep(self, seconds: float, /) -> None:
        """Advance the clock, and return at once."""
        with self._lock:
            self.slept.append(seconds)
            self._elapsed += seconds

    async def sleep_async(self, seconds: float, /) -> None:
        """Advance the clock, and yield to other tasks once."""
        from anyio.lowlevel import checkpoint  # noqa: PLC0415 - only async callers need it

        self.sleep(seconds)
        await checkpoint()

    def random(self) -> float:
        """The next random number."""
        return random.random() if self._chance is None else self._chance  # noqa: S311 - for tests

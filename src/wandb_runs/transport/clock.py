"""Clock and random source, replaceable in tests."""

from __future__ import annotations

import random
import time
from typing import Final, Protocol

from wandb_runs.transport.threads import sleep

__all__ = ["SYSTEM_CLOCK", "AsyncClock", "Clock", "SystemClock", "Timepiece"]


class Timepiece(Protocol):
    """The part of a clock that blocking and async clients share: time and randomness."""

    def monotonic(self) -> float:
        """Seconds since some moment; never runs backwards."""
        ...

    def time(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    def random(self) -> float:
        """A random number, at least 0 and below 1."""
        ...


class Clock(Timepiece, Protocol):
    """The clock and random source of a blocking client.

    May be used by several threads at once. `wandb_runs.testing.FakeClock` is one that waits in no
    time.
    """

    def sleep(self, seconds: float, /) -> None:
        """Wait for so many seconds, or until the thread is cancelled."""
        ...


class AsyncClock(Timepiece, Protocol):
    """The clock and random source of an async client; one class may also be a `Clock`.

    May be used by several event loops at once, each in a thread of its own.
    """

    async def sleep_async(self, seconds: float, /) -> None:
        """Wait for so many seconds, without blocking the event loop."""
        ...


class SystemClock:
    """The machine's own clock and random source."""

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    def sleep(self, seconds: float, /) -> None:
        """Wait for so many seconds, or until the thread is cancelled."""
        sleep(seconds)

    async def sleep_async(self, seconds: float, /) -> None:
        """Wait for so many seconds, without blocking the event loop."""
        import anyio  # noqa: PLC0415 - for async callers alone

        await anyio.sleep(seconds)

    def random(self) -> float:
        """A random number, at least 0 and below 1."""
        return random.random()  # noqa: S311 - it spreads pauses, and guards nothing


SYSTEM_CLOCK: Final = SystemClock()

"""Time and chance, as a value: tests bring their own, and wait for nothing."""

from __future__ import annotations

import random
import time
from typing import Final, Protocol

from wandb_runs.transport.threads import sleep

__all__ = ["SYSTEM_CLOCK", "AsyncClock", "Clock", "SystemClock", "Timepiece"]


class Timepiece(Protocol):
    """What a client reads the time from, and draws its random pauses from."""

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
    """What the client reads the time from, sleeps by, and draws its random pauses from.

    May be used by several threads at once. `wandb_runs.testing.FakeClock` is one that waits in no
    time.
    """

    def sleep(self, seconds: float, /) -> None:
        """Wait for so many seconds, or until nobody needs the waiting thread any more."""
        ...


class AsyncClock(Timepiece, Protocol):
    """What `Clock` is to a client, for one that awaits; one class may be both.

    May be used by several event loops at once, each in a thread of its own.
    """

    async def sleep_async(self, seconds: float, /) -> None:
        """Wait for so many seconds, while others go on."""
        ...


class SystemClock:
    """The machine's own time and chance."""

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    def sleep(self, seconds: float, /) -> None:
        """Wait for so many seconds; not longer than somebody waits for this thread."""
        sleep(seconds)

    async def sleep_async(self, seconds: float, /) -> None:
        """Wait for so many seconds, while others go on."""
        import anyio  # noqa: PLC0415 - only for those who await

        await anyio.sleep(seconds)

    def random(self) -> float:
        """A random number, at least 0 and below 1."""
        return random.random()  # noqa: S311 - it spreads pauses, and guards nothing


SYSTEM_CLOCK: Final = SystemClock()

"""Client-side pacing: slow down before the server's rate limit is reached.

W&B's answers tell how much of a user's quota is left (`RateLimit-Remaining`, of 1000) and when it
is full again (`RateLimit-Reset`, in seconds). When little is left, requests are spread evenly
over the rest of the window.

A caller may set a pace of its own beside it, which holds whatever the server says.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.errors.text import FieldsRepr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs.transport.fork import ForkSafeLock

__all__ = ["Pacer", "Turn", "Window", "follow"]

LOW: Final = 200.0
"""Points of 1000 below which requests are spread."""

_NUMBER: Final = re.compile(r"\d{1,6}(\.\d{1,9})?", re.ASCII)
_LEAST_COST: Final = 0.05
_SAME_WINDOW: Final = 2.0

_LEAST_PAUSE: Final = 1e-6
"""Seconds; a shorter sleep may leave a clock as it was, whose readings are rounded."""


@dataclass(frozen=True, slots=True, repr=False)
class Window(FieldsRepr):
    """What is known of the server's current rate limit window.

    Attributes:
        ends: When the quota is full again, by the client's monotonic clock.
        remaining: Points that are left, of 1000.
        first: Points that were left in the first answer of the window.
        answers: How many answers of the window followed.
        next_at: When the next request may be sent, by the client's monotonic clock.
    """

    ends: float
    remaining: float
    first: float
    answers: int = 0
    next_at: float = 0.0

    @property
    def cost(self) -> float:
        """Points that a request takes, estimated from the answers so far."""
        if not self.answers or self.first <= self.remaining:
            return 1.0
        return max(_LEAST_COST, (self.first - self.remaining) / self.answers)

    def pause(self, now: float) -> float:
        """Seconds until the next request may be sent."""
        if now >= self.ends or self.remaining >= LOW:
            return 0.0
        if self.remaining < self.cost:
            return self.ends - now
        return max(0.0, min(self.next_at, self.ends) - now)

    def taken(self, now: float) -> Window:
        """The window after the next request has reserved its time."""
        if now >= self.ends or not self.cost <= self.remaining < LOW:
            return self
        gap = (self.ends - now) * min(1.0, self.cost / self.remaining)
        return replace(self, next_at=max(now, self.next_at) + gap)


def follow(window: Window | None, remaining: float, reset: float, now: float) -> Window:
    """The window after an answer with `remaining` points and `reset` seconds."""
    ends = now + reset
    if window is None or now >= window.ends or abs(ends - window.ends) > _SAME_WINDOW:
        return Window(ends, remaining, remaining)
    # Answers overtake each other: the lowest number is the latest.
    return replace(window, remaining=min(remaining, window.remaining), answers=window.answers + 1)


class Turn(NamedTuple):
    """Whether a request may be sent by the pace of the caller's own.

    Attributes:
        pause: Seconds until it may be; 0 for now.
        now: The time of the client's monotonic clock at which that was decided.
    """

    pause: float
    now: float


class Pacer:
    """The pace of all requests of a client. Thread-safe.

    Of the caller's own pace, times are reserved in the order in which requests ask, and counted
    when they are sent: one that is late, since it waited for others or was not scheduled, delays
    those behind it, and no two come closer together than the pace has it.

    Args:
        lock: Guards the window, and the times of the caller's own pace.
    """

    def __init__(self, lock: ForkSafeLock) -> None:
        self._lock = lock
        self._window: Window | None = None
        # By the monotonic clock: when the next request may be sent, and when one may that comes
        # after all that wait. Those that gave up leave a gap until none is left.
        self._free = self._end = -math.inf
        self._waiting: set[object] = set()

    def note(self, headers: Mapping[str, str], now: float) -> None:
        """Take in the rate limit headers of an answer."""
        remaining = headers.get("ratelimit-remaining")
        if remaining is None:
            return
        reset = headers.get("ratelimit-reset", "")
        if _NUMBER.fullmatch(remaining.strip()) and _NUMBER.fullmatch(reset.strip()):
            with self._lock.mutex:
                self._window = follow(self._window, float(remaining), float(reset), now)

    def pause(self, now: float, most: float) -> float:
        """Reserve the time of the next request.

        Returns:
            Seconds to wait before it; 0 where they would exceed `most`: the server may then
            refuse it, and says for how long.
        """
        if self._window is None or self._window.remaining >= LOW:
            return 0.0
        with self._lock.mutex:
            window = self._window
            pause = window.pause(now)
            if pause > most:
                return 0.0
            self._window = window.taken(now)
            return pause

    def reserve(
        self, request: object, rate: float, clock: Callable[[], float], most: float
    ) -> float | None:
        """Reserve a time for a request by the caller's own pace.

        Args:
            request: Stands for the request, until `take` lets it be sent or `leave` is called.
            rate: Requests per second.
            clock: The client's monotonic clock.
            most: The longest that the request can wait, in seconds.

        Returns:
            Seconds to wait before it; None where they are not below `most`, and nothing was
            reserved.
        """
        with self._lock.mutex:
            now = clock()
            start = max(now, self._free, self._end if self._waiting else -math.inf)
            if start - now >= most:
                return None
            self._waiting.add(request)
            self._end = start + 1 / rate
            return start - now

    def take(self, request: object, rate: float, clock: Callable[[], float]) -> Turn:
        """Count a request as sent now, if the caller's own pace allows it; else say how long not.

        Args:
            request: What a time was reserved for.
            rate: Requests per second.
            clock: The client's monotonic clock.
        """
        with self._lock.mutex:
            now = clock()
            if now < self._free:
                return Turn(max(_LEAST_PAUSE, self._free - now), now)
            self._free = now + 1 / rate
            self._waiting.discard(request)
            return Turn(0.0, now)

    def leave(self, request: object) -> None:
        """Forget what was reserved for a request; does nothing once it was sent."""
        if request in self._waiting:
            with self._lock.mutex:
                self._waiting.discard(request)

"""Client-side pacing: slow down before the server's rate limit is reached.

W&B's answers tell how much of a user's quota is left (`RateLimit-Remaining`, of 1000) and when it
is full again (`RateLimit-Reset`, in seconds). When little is left, requests are spread evenly
over the rest of the window.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wandb_runs.errors.text import FieldsRepr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.transport.fork import ForkSafeLock

__all__ = ["Pacer", "Window", "follow"]

LOW: Final = 200.0
"""Points of 1000 below which requests are spread."""

_NUMBER: Final = re.compile(r"\d{1,6}(\.\d{1,9})?", re.ASCII)
_LEAST_COST: Final = 0.05
_SAME_WINDOW: Final = 2.0


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


class Pacer:
    """The pace of all requests of a client. Thread-safe.

    Args:
        lock: Guards the window.
    """

    def __init__(self, lock: ForkSafeLock) -> None:
        self._lock = lock
        self._window: Window | None = None

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

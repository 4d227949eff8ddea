"""Clocks by which an answer takes as long as a test says."""

from __future__ import annotations

import itertools

from typing_extensions import override

from wandb_runs.transport.clock import SystemClock

__all__ = ["FAST", "SLOW", "TickingClock"]

FAST = 0.0001
"""Seconds of an answer in which pages are requested one by one."""

SLOW = 0.01
"""Seconds of an answer from which on pages are read ahead."""


class TickingClock(SystemClock):
    """A clock that goes on by so many seconds at each look, and at no other time.

    It has no lock: an interrupt may come anywhere.

    Args:
        tick: The seconds.
    """

    def __init__(self, tick: float = SLOW) -> None:
        self.tick = tick
        self._looks = itertools.count()

    @override
    def monotonic(self) -> float:
        return next(self._looks) * self.tick

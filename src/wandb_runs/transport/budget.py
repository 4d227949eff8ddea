"""How many retries a client has left: a circuit breaker for all of its calls."""

from __future__ import annotations

from typing import Final

from wandb_runs.transport.fork import ForkSafeLock

__all__ = ["RETRIES_IN_HAND", "RetryBudget"]

RETRIES_IN_HAND: Final = 20
"""How many retries a client may make more than requests of its succeed."""


class RetryBudget:
    """A bucket of retries: each takes one, each request that succeeds gives one back.

    While a server is down, the calls of a client together wait for it a little, and then fail at
    once; the first successes after that fill the bucket again. Thread-safe.
    """

    def __init__(self, most: int = RETRIES_IN_HAND) -> None:
        self._most = most
        self._left = most
        self._lock = ForkSafeLock()

    @property
    def left(self) -> int:
        """How many retries are left."""
        return self._left

    def take(self) -> bool:
        """Take one, if there is one."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        """Put one back, as long as there is room."""
        if self._left < self._most:  # nearly never: a lock would be taken for nothing
            with self._lock:
                self._left = min(self._most, self._left + 1)

"""`HiddenCursor`: the position of `runs.next()`, one for all its callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from wandb_runs.transport.fork import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HiddenCursor"]

T = TypeVar("T")


class HiddenCursor(Generic[T]):
    """A loop that all callers go through together: each item is handed out once.

    Thread-safe.

    Args:
        loop: The loop; what it raises does not end it.
    """

    __slots__ = ("_lock", "_loop")

    def __init__(self, loop: Iterator[T]) -> None:
        self._loop = loop
        self._lock = ForkSafeLock()

    def take(self) -> T:
        """Take the next item.

        Raises:
            StopIteration: There is none.
        """
        # Held during the request, so that a second thread takes the item after that of the first.
        with self._lock.mutex:
            return next(self._loop)

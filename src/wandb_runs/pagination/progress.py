"""How far a call that reads many runs has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from wandb_runs.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OnProgress", "Progress", "ProgressCounter", "check_progress"]


class Progress(NamedTuple):
    """How far a call has come; what `progress=` is called with.

    Immutable, and therefore safe to share.

    Attributes:
        runs: Runs that have been read: never fewer than before, nor more than there are.
        total: Runs in all; None as long as the server has not been asked how many there are.
        bytes: Bytes of the answers, decompressed; never fewer than before.
        files: Files that an export has downloaded, found there already, or failed at.
        total_files: Files in all that an export looks at; None until it does.
    """

    runs: int
    total: int | None
    bytes: int
    files: int = 0
    total_files: int | None = None


OnProgress: TypeAlias = "Callable[[Progress], object]"
"""Called after each answer, in the thread that made the call; what it raises ends the call."""


class ProgressCounter:
    """Counts what comes in, and calls the progress callback.

    Args:
        tell: The callback, if there is one.
        total: How many runs there are, if that is known.
    """

    __slots__ = ("_bytes", "_runs", "_tell", "_told", "_total")

    def __init__(self, tell: OnProgress | None, total: int | None) -> None:
        self._tell = tell
        self._total = total
        self._runs = 0
        self._told = 0
        self._bytes = 0

    @property
    def total(self) -> int | None:
        """How many runs there are, if that is known."""
        return self._total

    @property
    def bytes(self) -> int:
        """Bytes of the answers so far."""
        return self._bytes

    def add(self, runs: int, size: int, *, total: int | None, is_last: bool) -> None:
        """Count an answer.

        Args:
            runs: How many runs it was about.
            size: Its bytes.
            total: How many runs it says there are.
            is_last: Whether nothing follows it.
        """
        self._runs += runs
        self._bytes += size
        if total is not None:
            self._total = total
        elif is_last and self._total is None:
            self._total = self._runs
        # Pages that were guessed may hold what others hold, too, and may be taken back.
        most = self._runs if self._total is None else min(self._runs, self._total)
        self._told = max(self._told, most)
        if self._tell is not None:
            self._tell(Progress(self._told, self._total, self._bytes))

    def take_back(self, runs: int) -> None:
        """Count runs no more, which were read for nothing and will be read again.

        What has been told stays, until as many have been read again.
        """
        self._runs -= runs


def check_progress(progress: object, told: str = "a Progress") -> None:
    """Check that progress can be told.

    Args:
        progress: The callback, or None.
        told: What it is called with, for the message.

    Raises:
        InvalidArgumentError: It cannot be called.

    >>> check_progress(True)
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: progress is called with a Progress; got bool True
    """
    if progress is not None and not callable(progress):
        raise InvalidArgumentError(
            f"progress is called with {told}; got {type(progress).__name__} {progress!r}"
        )
    if hasattr(progress, "__enter__") and hasattr(progress, "gen"):
        raise InvalidArgumentError(
            "progress is a context manager that has not been entered; write "
            "'with progress_bar() as progress:'"
        )

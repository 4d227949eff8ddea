"""How far a download has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileProgress", "OnFileProgress"]


class FileProgress(NamedTuple):
    """How far a download has come; what `progress=` is called with.

    Immutable, and therefore safe to share.

    Attributes:
        files: Files that are done with: written, skipped or failed.
        total_files: Files in all.
        bytes: Bytes that were written; never fewer than before.
        total_bytes: Bytes in all; None where the server does not tell the size of a file.
    """

    files: int
    total_files: int
    bytes: int
    total_bytes: int | None


OnFileProgress: TypeAlias = "Callable[[FileProgress], object]"
"""Called after each part, in the thread that made the call; what it raises ends the call."""

"""`SparseFile`: a file of which some ranges of bytes are held."""

from __future__ import annotations

import io
from typing import IO, Protocol, TypeAlias, cast

from typing_extensions import Buffer, override

__all__ = ["HeldBytes", "Span", "SparseFile", "open_held"]

Span: TypeAlias = tuple[int, int]
"""The first byte of a range, and the one after its last."""


class HeldBytes(Protocol):
    """Ranges of bytes that were fetched."""

    def read(self, start: int, end: int) -> bytes:
        """The bytes from one offset to before another.

        Raises:
            LookupError: They were not fetched.
        """
        ...


class SparseFile(io.RawIOBase):
    """A file's face over the ranges of bytes that were fetched, for a decoder that reads files.

    What was not fetched cannot be read: a decoder never waits for a request.

    Args:
        held: The ranges.
        size: The size of the whole file.
    """

    def __init__(self, held: HeldBytes, size: int) -> None:
        super().__init__()
        self._held = held
        self._size = size
        self._at = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._at

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self._size - self._at)
        length = left if size is None or size < 0 else min(size, left)
        found = self._held.read(self._at, self._at + length) if length else b""
        self._at += length
        return found

    @override
    def readall(self) -> bytes:
        return self.read()

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        found = self.read(len(view))
        view[: len(found)] = found
        return len(found)


def open_held(held: HeldBytes, size: int) -> IO[bytes]:
    """A `SparseFile`, as the type that libraries name for what they read from."""
    return cast("IO[bytes]", SparseFile(held, size))  # raw files lack methods of text alone

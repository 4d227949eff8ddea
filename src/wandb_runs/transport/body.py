"""Bodies of answers, read and decompressed up to a bound."""

from __future__ import annotations

import zlib
from typing import Final

__all__ = ["Body", "BodyTooLargeError", "BrokenBodyError"]


_GZIP: Final = 0x1F
"""The first byte of whatever gzip writes."""


class BodyTooLargeError(Exception):
    """The body is longer than it may be."""


class BrokenBodyError(Exception):
    """The body cannot be decompressed, or ends too early."""


class Body:
    """The body of an answer, put together as it comes, and decompressed.

    Not more than `most` bytes of it are ever made: a few kilobytes can stand for gigabytes.

    Args:
        encoding: What the header `RawResponse-Encoding` says; empty without one.
        most: How many bytes the whole may have.

    Raises:
        BrokenBodyError: It is encoded as nobody asked for.

    >>> body = Body("", 100)
    >>> body.add(b"as ")
    >>> body.add(b"it is")
    >>> body.whole()
    b'as it is'
    """

    __slots__ = ("_inflater", "_is_packed", "_left", "_parts")

    def __init__(self, encoding: str, most: int) -> None:
        names = [name for part in encoding.lower().split(",") if (name := part.strip())]
        names = [name for name in names if name != "identity"]
        if len(names) > 1 or (names and names[0] not in ("gzip", "x-gzip", "deflate")):
            # Compressed twice, or in a way that no request asks for.
            raise BrokenBodyError(f"it is encoded as {encoding!r}, which was not asked for")
        self._is_packed = bool(names)
        self._left = most
        self._parts: list[bytes] = []
        self._inflater: zlib._Decompress | None = None  # pyright: ignore[reportPrivateUsage] - its only name

    def add(self, chunk: bytes) -> None:
        """Take what comes next.

        Raises:
            BodyTooLargeError: The whole has more bytes than it may.
            BrokenBodyError: It is not what its encoding says.
        """
        if self._is_packed:
            self._inflate(chunk)
        else:
            self._keep(chunk)

    def whole(self) -> bytes:
        """The body, when all of it has come.

        Raises:
            BrokenBodyError: It breaks off.
        """
        if self._inflater is not None and not self._inflater.eof:
            raise BrokenBodyError("it ends in the midst of what is compressed")
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def _keep(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise BodyTooLargeError
        self._parts.append(piece)

    def _inflate(self, chunk: bytes) -> None:
        inflater, rest = self._inflater, chunk
        while rest:
            if inflater is None or inflater.eof:  # gzip may come in several members
                inflater = self._inflater = zlib.decompressobj(_window_bits(rest))
            try:
                piece = inflater.decompress(rest, self._left + 1)
            except zlib.error as error:
                raise BrokenBodyError(f"it cannot be decompressed ({error})") from None
            if piece:
                self._keep(piece)
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail


def _window_bits(start: bytes) -> int:
    # "deflate" is zlib's format, and some servers send it without its header.
    has_header = start[0] == _GZIP or start[0] & 0x0F == zlib.DEFLATED
    return zlib.MAX_WBITS | 32 if has_header else -zlib.MAX_WBITS

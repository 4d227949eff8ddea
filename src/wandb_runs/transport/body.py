"""Bodies of answers, read and decompressed up to a bound."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BodyTooLargeError", "BrokenBodyError", "read_body"]


_GZIP: Final = 0x1F
"""The first byte of whatever gzip writes."""


class BodyTooLargeError(Exception):
    """The body is longer than it may be."""


class BrokenBodyError(Exception):
    """The body cannot be decompressed, or ends too early."""


def read_body(chunks: Iterable[bytes], encoding: str, most: int) -> bytes:
    """Join a body, decompressed.

    Not more than `most` bytes of it are ever made: a few kilobytes can stand for gigabytes.

    Args:
        chunks: The body, as it comes.
        encoding: What the header `Content-Encoding` says; empty without one.
        most: How many bytes the whole may have.

    Raises:
        BodyTooLargeError: It has more.
        BrokenBodyError: It is not what `encoding` says, or breaks off.

    >>> read_body([b"as ", b"it is"], "", 100)
    b'as it is'
    """
    names = [name for part in encoding.lower().split(",") if (name := part.strip())]
    names = [name for name in names if name != "identity"]
    if not names:
        return _join(chunks, most)
    if len(names) > 1 or names[0] not in ("gzip", "x-gzip", "deflate"):
        # Compressed twice, or in a way that no request asks for.
        raise BrokenBodyError(f"it is encoded as {encoding!r}, which was not asked for")
    return _join(_inflate(chunks, most), most)


def _join(chunks: Iterable[bytes], most: int) -> bytes:
    parts: list[bytes] = []
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if length > most:
            raise BodyTooLargeError
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _inflate(chunks: Iterable[bytes], most: int) -> Iterable[bytes]:
    inflater = None
    left = most + 1
    for chunk in chunks:
        rest = chunk
        while rest and left:
            if inflater is None or inflater.eof:  # gzip may come in several members
                inflater = zlib.decompressobj(_window_bits(rest))
            try:
                piece = inflater.decompress(rest, left)
            except zlib.error as error:
                raise BrokenBodyError(f"it cannot be decompressed ({error})") from None
            left -= len(piece)
            if piece:
                yield piece
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if inflater is not None and not inflater.eof:
        raise BrokenBodyError("it ends in the midst of what is compressed")


def _window_bits(start: bytes) -> int:
    # "deflate" is zlib's format, and some servers send it without its header.
    has_header = start[0] == _GZIP or start[0] & 0x0F == zlib.DEFLATED
    return zlib.MAX_WBITS | 32 if has_header else -zlib.MAX_WBITS

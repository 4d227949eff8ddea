"""Response bodies, decompressed up to a bound."""

from __future__ import annotations

import zlib
from typing import Final

__all__ = ["ACCEPT_ENCODING", "Body", "BodyTooLargeError", "BrokenBodyError"]

ACCEPT_ENCODING: Final = "gzip, deflate"
"""The encodings that `Body` decompresses."""

_KNOWN: Final = frozenset({"br", "compress", "deflate", "gzip", "x-gzip", "zstd"})

_GZIP: Final = 0x1F
"""The first byte that gzip writes."""


class BodyTooLargeError(Exception):
    """The body is longer than its bound."""


class BrokenBodyError(Exception):
    """The body cannot be decompressed, or is incomplete."""


class Body:
    """The body of a response, decompressed and put together as its chunks come.

    Never more than `max_bytes` are decompressed: a few kilobytes can stand for gigabytes.

    Args:
        encoding: The header `Content-Encoding`; empty without one.
        max_bytes: How long the body may be, decompressed.

    Raises:
        BrokenBodyError: The encoding is none of `ACCEPT_ENCODING`.

    >>> body = Body("", 100)
    >>> body.add(b"as ")
    >>> body.add(b"it is")
    >>> body.whole()
    b'as it is'
    """

    __slots__ = ("_inflater", "_is_compressed", "_left", "_parts")

    def __init__(self, encoding: str, max_bytes: int) -> None:
        names = [name for part in encoding.lower().split(",") if (name := part.strip())]
        names = [name for name in names if name != "identity"]
        if len(names) > 1 or (names and names[0] not in ("gzip", "x-gzip", "deflate")):
            # Compressed twice, or as no request allows.
            # Another name may be a secret that the server quotes.
            shown = repr(encoding) if _KNOWN.issuperset(names) else "(not shown)"
            raise BrokenBodyError(f"it is encoded as {shown}, which was not asked for")
        self._is_compressed = bool(names)
        self._left = max_bytes
        self._parts: list[bytes] = []
        self._inflater: zlib._Decompress | None = None  # pyright: ignore[reportPrivateUsage] - its only name

    def add(self, chunk: bytes) -> None:
        """Add the next chunk.

        Raises:
            BodyTooLargeError: The body is longer than `max_bytes`.
            BrokenBodyError: It is not what its encoding says.
        """
        if self._is_compressed:
            self._inflate(chunk)
        else:
            self._keep(chunk)

    def whole(self) -> bytes:
        """The body, after its last chunk.

        Raises:
            BrokenBodyError: The compressed data is incomplete.
        """
        if self._inflater is not None and not self._inflater.eof:
            raise BrokenBodyError("its compressed data is incomplete")
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._left -= len(part)
        if self._left < 0:
            raise BodyTooLargeError
        self._parts.append(part)

    def _inflate(self, chunk: bytes) -> None:
        inflater, rest = self._inflater, chunk
        while rest:
            if inflater is None or inflater.eof:  # gzip may come in several members
                inflater = self._inflater = zlib.decompressobj(_window_bits(rest))
            try:
                part = inflater.decompress(rest, self._left + 1)
            except zlib.error as error:
                raise BrokenBodyError(f"it cannot be decompressed ({error})") from None
            if part:
                self._keep(part)
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail


def _window_bits(start: bytes) -> int:
    # "deflate" is zlib's format, and some servers send it without its header.
    has_header = start[0] == _GZIP or start[0] & 0x0F == zlib.DEFLATED
    return zlib.MAX_WBITS | 32 if has_header else -zlib.MAX_WBITS

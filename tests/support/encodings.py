"""Encoders of bodies, for servers of tests and for what is decoded without one."""

from __future__ import annotations

import gzip
import zlib
from itertools import repeat
from typing import TYPE_CHECKING, Final, Protocol, cast

import brotli  # type: ignore[import-untyped] # it has no types
from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BOMBS", "ENCODERS", "SINGLE", "chunked", "header_of", "pieces"]


class _Compressor(Protocol):
    def process(self, data: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


def _brotli() -> _Compressor:
    return cast("_Compressor", brotli.Compressor(quality=4))  # pyright: ignore[reportUnknownMemberType] - it has no types


def _brotli_of(body: bytes) -> bytes:
    packer = _brotli()
    return packer.process(body) + packer.finish()


def _raw(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


SINGLE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate raw": _raw,
    "br": _brotli_of,
    "zstd": zstd.compress,
}
"""Encodings by name; the first word is that of the header."""

ENCODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    **SINGLE,
    "": bytes,
    "identity": bytes,
    "X-GZIP": gzip.compress,
    "gzip members": lambda body: gzip.compress(body[:100]) + gzip.compress(body[100:]),
    "zstd frames": lambda body: zstd.compress(body[:100]) + zstd.compress(body[100:]),
}
"""These, and bodies of several parts and of none."""


def header_of(encoding: str) -> str:
    """The value of `Content-Encoding`."""
    return encoding.partition(" ")[0]


def pieces(body: bytes, size: int) -> list[bytes]:
    """A body in chunks of one size."""
    return [body[start : start + size] for start in range(0, len(body), size)]


def chunked(body: bytes, size: int, encoding: str) -> bytes:
    """An answer in chunks of HTTP."""
    parts = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces(body, size))
    named = f"content-encoding: {header_of(encoding)}\r\n" if encoding else ""
    head = f"HTTP/1.1 200 OK\r\n{named}transfer-encoding: chunked\r\n\r\n"
    return head.encode() + parts + b"0\r\n\r\n"


_ZEROS: Final = bytes(10**6)


def _gzip_bomb(megabytes: int, wbits: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=wbits)
    yield packer.compress(_ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)
    # What begins anew is the same each time. It has no end, which is never reached.
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    again = packer.compress(_ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)
    yield from repeat(again, megabytes - 1)


def _brotli_bomb(megabytes: int) -> Iterator[bytes]:
    packer = _brotli()
    yield from map(packer.process, repeat(_ZEROS, megabytes))
    yield packer.finish()


def _zstd_bomb(megabytes: int) -> Iterator[bytes]:
    packer = zstd.ZstdCompressor()
    yield from map(packer.compress, repeat(_ZEROS, megabytes))
    yield packer.flush()


BOMBS: Final[dict[str, Callable[[int], bytes]]] = {
    "gzip": lambda megabytes: b"".join(_gzip_bomb(megabytes, zlib.MAX_WBITS | 16)),
    "deflate": lambda megabytes: b"".join(_gzip_bomb(megabytes, zlib.MAX_WBITS)),
    "deflate raw": lambda megabytes: b"".join(_gzip_bomb(megabytes, -zlib.MAX_WBITS)),
    "br": lambda megabytes: b"".join(_brotli_bomb(megabytes)),
    "zstd": lambda megabytes: b"".join(_zstd_bomb(megabytes)),
}
"""Bodies of many megabytes of zeros, by encoding."""

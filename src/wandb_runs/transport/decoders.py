"""Decoders of compressed bodies, which give out a part of bounded length at a time.

gzip and deflate are the standard library's. zstd and brotli are asked for where a library can
decompress them within a bound: `compression.zstd` of Python 3.14 or its backport, and `brotli` from
1.2 on.
"""

from __future__ import annotations

import sys
import zlib
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from wandb_runs.graphql.operation import MODEL_LOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

__all__ = ["BrokenBodyError", "Decoder", "accept_encoding", "decoder_of"]

PART: Final = 1 << 20
"""About how many bytes a decoder holds at once: a few kilobytes can stand for gigabytes."""

_ALWAYS: Final = ("gzip", "deflate")

_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS

_ZSTD: Final = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"

_WINDOW_LOG: Final = 23
"""The window of zstd in HTTP has at most 8 MB (RFC 9659); a frame could ask for 2 GB."""


class BrokenBodyError(Exception):
    """The body cannot be decompressed, or is incomplete."""


class Decoder(Protocol):
    """Decompresses a body whose chunks are given in turn."""

    @property
    def is_complete(self) -> bool:
        """Whether the body may end here."""
        ...

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """What the next chunk stands for, in parts; some may be empty.

        Raises:
            BrokenBodyError: It is not in this encoding, or follows the end of the body.
        """
        ...


def accept_encoding(within: Collection[str] | None = None) -> str:
    """The encodings to ask for, as the header `Accept-Encoding` has them.

    Args:
        within: Encodings to which those of optional libraries are limited; None for no limit.

    >>> accept_encoding(within=())
    'gzip, deflate'
    """
    offered = [name for name in _optional() if within is None or name in within]
    return ", ".join((*_ALWAYS, *offered))


def decoder_of(name: str) -> Decoder | None:
    """A new decoder; None for an encoding that is never asked for here.

    Args:
        name: The encoding, in small letters.
    """
    if name in ("gzip", "x-gzip"):
        return _Gzip()
    if name == "deflate":
        return _Deflate()
    make = _optional().get(name)
    return make() if make else None


class _Gzip:
    """gzip, which may come in several members."""

    __slots__ = ("_inflater",)

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(_GZIP)

    @property
    def is_complete(self) -> bool:
        return self._inflater.eof

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        rest = chunk
        while rest:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(_GZIP)
            yield from _inflate(self._inflater, rest)
            rest = self._inflater.unused_data


class _Deflate:
    """What HTTP calls deflate: zlib's format, which some servers send without its header."""

    __slots__ = ("_inflater",)

    def __init__(self) -> None:
        self._inflater: zlib._Decompress | None = None  # pyright: ignore[reportPrivateUsage] - its only name

    @property
    def is_complete(self) -> bool:
        return self._inflater is not None and self._inflater.eof

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        if not chunk:
            return
        if self._inflater is None:
            has_header = chunk[0] & 0x0F == zlib.DEFLATED
            self._inflater = zlib.decompressobj(_ZLIB if has_header else _RAW)
        elif self._inflater.eof:
            raise _surplus()
        yield from _inflate(self._inflater, chunk)
        if self._inflater.unused_data:
            raise _surplus()


def _inflate(
    inflater: zlib._Decompress,  # pyright: ignore[reportPrivateUsage] - its only name
    chunk: bytes,
) -> Iterator[bytes]:
    part, rest = b"", chunk
    # A part that is full may leave more in the decompressor, without any input.
    while rest or len(part) == PART:
        try:
            part = inflater.decompress(rest, PART)
        except zlib.error as error:
            raise _undecodable(error) from None
        yield part
        rest = inflater.unconsumed_tail
        if inflater.eof:
            return


class _ZstdDecompressor(Protocol):
    """The decompressor of `compression.zstd`, and of its backport."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _ZstdParameters(Protocol):
    window_log_max: int


class _ZstdModule(Protocol):
    """What is used of `compression.zstd`, or of its backport."""

    ZstdError: type[Exception]
    DecompressionParameter: _ZstdParameters

    def ZstdDecompressor(self, *, options: Mapping[int, int]) -> _ZstdDecompressor: ...  # noqa: N802 - its name


class _Zstd:
    """zstd, which may come in several frames."""

    __slots__ = ("_decompressor", "_library")

    def __init__(self, library: _ZstdModule) -> None:
        self._library = library
        self._decompressor = self._open()

    @property
    def is_complete(self) -> bool:
        return self._decompressor.eof

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        rest = chunk
        while True:
            if self._decompressor.eof:
                if not rest:
                    return
                self._decompressor = self._open()
            try:
                part = self._decompressor.decompress(rest, PART)
            except self._library.ZstdError as error:
                raise _undecodable(error) from None
            yield part
            rest = self._decompressor.unused_data if self._decompressor.eof else b""
            if not rest and self._decompressor.needs_input:
                return

    def _open(self) -> _ZstdDecompressor:
        parameter = self._library.DecompressionParameter.window_log_max
        return self._library.ZstdDecompressor(options={parameter: _WINDOW_LOG})


class _BrotliDecompressor(Protocol):
    """The decompressor of `brotli`."""

    def process(self, data: bytes, *, output_buffer_limit: int) -> bytes: ...
    def can_accept_more_data(self) -> bool: ...
    def is_finished(self) -> bool: ...


class _BrotliModule(Protocol):
    """What is used of `brotli`, which has no types."""

    error: type[Exception]

    def Decompressor(self) -> _BrotliDecompressor: ...  # noqa: N802 - its name


class _Brotli:
    """brotli, which refuses what follows its end by itself."""

    __slots__ = ("_decompressor", "_error")

    def __init__(self, library: _BrotliModule) -> None:
        self._error = library.error
        self._decompressor = library.Decompressor()

    @property
    def is_complete(self) -> bool:
        return self._decompressor.is_finished()

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        rest = chunk
        while True:
            try:
                part = self._decompressor.process(rest, output_buffer_limit=PART)
            except self._error as error:
                raise _undecodable(error) from None
            yield part
            # A part that is full may leave more behind, also where all input was taken.
            if len(part) < PART and self._decompressor.can_accept_more_data():
                return
            rest = b""


@cache
def _optional() -> Mapping[str, Callable[[], Decoder]]:
    """The decoders of libraries that are installed."""
    decoders: dict[str, Callable[[], Decoder]] = {}
    brotli = _module("brotli")
    # Versions before 1.2 decompress without a bound.
    if hasattr(getattr(brotli, "Decompressor", None), "can_accept_more_data"):
        decoders["br"] = lambda: _Brotli(cast("_BrotliModule", brotli))
    zstd = _module(_ZSTD)
    if zstd is not None:
        decoders["zstd"] = lambda: _Zstd(cast("_ZstdModule", zstd))
    return decoders


def _module(name: str) -> object | None:
    try:
        with MODEL_LOCK:  # a fork must not split an import
            return import_module(name)
    except ImportError:
        return None


def _undecodable(error: Exception) -> BrokenBodyError:
    return BrokenBodyError(f"it cannot be decompressed ({error})")


def _surplus() -> BrokenBodyError:
    return BrokenBodyError("data follow the end of its compressed data")

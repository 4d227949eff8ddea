"""Response bodies, decompressed up to a bound."""

from __future__ import annotations

from typing import Final

from wandb_runs.transport.decoders import BrokenBodyError, Decoder, decoder_of

__all__ = ["Body", "BodyTooLargeError", "BrokenBodyError"]

_KNOWN: Final = frozenset({"br", "compress", "deflate", "gzip", "x-gzip", "zstd"})


class BodyTooLargeError(Exception):
    """The body is longer than its bound."""


class Body:
    """The body of a response, decompressed and put together as its chunks come.

    Never more than `max_bytes` are kept, and never more than a megabyte or two decompressed beyond
    them: a few kilobytes can stand for gigabytes.

    Args:
        encoding: The header `Content-Encoding`; empty without one.
        max_bytes: How long the body may be, decompressed.

    Raises:
        BrokenBodyError: The encoding is none that is asked for.

    >>> body = Body("", 100)
    >>> body.add(b"as ")
    >>> body.add(b"it is")
    >>> body.whole()
    b'as it is'
    """

    __slots__ = ("_decoder", "_has_begun", "_left", "_parts")

    def __init__(self, encoding: str, max_bytes: int) -> None:
        names = [name for part in encoding.lower().split(",") if (name := part.strip())]
        names = [name for name in names if name != "identity"]
        self._decoder: Decoder | None = decoder_of(names[0]) if len(names) == 1 else None
        if names and self._decoder is None:
            # Compressed twice, or as no request allows.
            # Another name may be a secret that the server quotes.
            shown = repr(encoding) if _KNOWN.issuperset(names) else "(not shown)"
            raise BrokenBodyError(f"it is encoded as {shown}, which was not asked for")
        self._has_begun = False
        self._left = max_bytes
        self._parts: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        """Add the next chunk.

        Raises:
            BodyTooLargeError: The body is longer than `max_bytes`.
            BrokenBodyError: It is not what its encoding says.
        """
        if self._decoder is None:
            self._keep(chunk)
        elif chunk:
            self._has_begun = True
            for part in self._decoder.decode(chunk):
                self._keep(part)

    def whole(self) -> bytes:
        """The body, after its last chunk.

        Raises:
            BrokenBodyError: The compressed data is incomplete.
        """
        # An answer without a body may name an encoding all the same.
        if self._decoder is not None and self._has_begun and not self._decoder.is_complete:
            raise BrokenBodyError("its compressed data is incomplete")
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._left -= len(part)
        if self._left < 0:
            raise BodyTooLargeError
        if part:
            self._parts.append(part)

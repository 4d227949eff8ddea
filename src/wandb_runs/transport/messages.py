"""An HTTP request, its response, and the protocols of what carries them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from typing_extensions import override

from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.transport.urls import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_RESPONSE_BYTES",
    "AsyncTransport",
    "Request",
    "Response",
    "Transport",
]

MAX_RESPONSE_BYTES: Final = 1 << 30
"""The most bytes of an answer's body that are read by default: 1 GiB."""


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One HTTP request.

    Immutable, and therefore safe to share.

    Attributes:
        method: The HTTP method.
        url: The absolute address; a repr shows it without its query, which may be a signature.
        headers: Header names, in lower case, and values; shown by no repr, since one of them
            holds the API key.
        content: The body.
        timeout: Seconds until the answer must be complete.
        max_bytes: How long the answer's body may be, decompressed.
    """

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str]
    content: bytes
    timeout: float
    max_bytes: int = MAX_RESPONSE_BYTES

    @override
    def __repr__(self) -> str:
        # An interrupt may leave it half made, in a traceback that shows its variables.
        method, timeout = getattr(self, "method", "…"), getattr(self, "timeout", 0.0)
        shown = without_secrets(getattr(self, "url", ""))
        return f"Request(method={method!r}, url={shown!r}, timeout={timeout!r})"


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Response(FieldsRepr):
    """One HTTP response, read to its end and decompressed.

    Immutable, and therefore safe to share.

    Attributes:
        status: The HTTP status.
        headers: Header names, in lower case, and values.
        content: The body.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class Transport(Protocol):
    """Carries one request; may be called from several threads at once.

    Pass your own as `Api(transport=...)` to log, record or route requests. The client never
    closes it.
    """

    def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer, whatever its status.

        Redirects are not followed: they come back as the answer they are.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The answer ends before its end.
            ResponseTooLargeError: The answer is longer than `request.max_bytes`.
        """
        ...


class AsyncTransport(Protocol):
    """Carries one request, as `Transport` does, without blocking the event loop.

    Pass your own as `AsyncApi(transport=...)`. It may be used by several event loops at once, each
    in a thread of its own, and is never closed by the client.
    """

    async def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer, whatever its status.

        Redirects are not followed: they come back as the answer they are. The task may be
        cancelled at any moment; the request is then aborted.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The answer ends before its end.
            ResponseTooLargeError: The answer is longer than `request.max_bytes`.
        """
        ...

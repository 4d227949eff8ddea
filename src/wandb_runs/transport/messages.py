"""An HTTP request, its response, and the protocols of what carries them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from typing_extensions import override

from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.transport.urls import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "MAX_RESPONSE_BYTES",
    "AsyncTransport",
    "Request",
    "RequestBody",
    "Response",
    "StreamedRequest",
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
        content: The body. That of a file that is uploaded is read when this is touched, as a whole;
            `chunks()` reads it in parts.
        timeout: Seconds until the answer must be complete.
        max_bytes: How long the answer's body may be, decompressed.
    """

    method: Literal["GET", "POST", "PUT"]
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
        return f"{type(self).__name__}(method={method!r}, url={shown!r}, timeout={timeout!r})"

    @property
    def size(self) -> int:
        """The length of the body, in bytes."""
        return len(self.content)

    def chunks(self) -> Iterator[bytes]:
        """The body in parts, for a transport that sends it without holding it whole."""
        if self.content:
            yield self.content


class RequestBody(Protocol):
    """A body that is read while it is sent, any number of times."""

    @property
    def size(self) -> int:
        """Its length, in bytes."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """It, from its beginning."""
        ...


class StreamedRequest(Request):
    """A request whose body is read while it is sent.

    A transport that knows `content` alone sends the same, and holds it whole.
    """

    __slots__ = ("_body",)

    _body: RequestBody

    def __init__(
        self,
        method: Literal["GET", "POST", "PUT"],
        url: str,
        headers: Mapping[str, str],
        content: RequestBody | bytes,
        timeout: float,
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        body = _Whole(content) if isinstance(content, bytes) else content  # of `replace`
        values = {
            "method": method,
            "url": url,
            "headers": headers,
            "timeout": timeout,
            "max_bytes": max_bytes,
            "_body": body,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    @override
    def size(self) -> int:
        """The length of the body, in bytes."""
        return self._body.size

    @property
    @override
    def content(self) -> bytes:  # pyright: ignore[reportIncompatibleVariableOverride] - read only, as that of a frozen dataclass
        """The body, read whole."""
        return b"".join(self.chunks())

    @override
    def chunks(self) -> Iterator[bytes]:
        """The body in parts."""
        return self._body.chunks()


class _Whole:
    """A body that is in memory already."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size(self) -> int:
        return len(self._content)

    def chunks(self) -> Iterator[bytes]:
        yield self._content


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

"""What travels: a request, a response, and the protocol of whoever carries them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from typing_extensions import override

from wandb_runs.transport.settings import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = [
    "MAX_RESPONSE_BYTES",
    "AsyncTransport",
    "Request",
    "Response",
    "SecretHeaders",
    "Transport",
]

MAX_RESPONSE_BYTES: Final = 1 << 30
"""The most bytes of an answer's body that are read by default: 1 GiB."""


class SecretHeaders(Mapping[str, str]):
    """Headers of which one holds the API key: shown by no repr, and in no pickle.

    >>> headers = SecretHeaders({"accept": "text/plain", "authorization": "Basic c2VjcmV0"})
    >>> headers
    {'accept': 'text/plain', 'authorization': '(not shown)'}
    >>> headers["authorization"]
    'Basic c2VjcmV0'
    """

    __slots__ = ("_held",)

    def __init__(self, held: Mapping[str, str]) -> None:
        self._held = dict(held)

    @override
    def __getitem__(self, name: str) -> str:
        return self._held[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    @override
    def __len__(self) -> int:
        return len(self._held)

    @override
    def __repr__(self) -> str:
        return repr(self._shown())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @override
    def __reduce__(self) -> tuple[Callable[..., object], tuple[dict[str, str]]]:
        return dict, (self._shown(),)

    def _shown(self) -> dict[str, str]:
        return {
            name: "(not shown)" if name == "authorization" else value
            for name, value in self._held.items()
        }


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
        shown = without_secrets(self.url)
        return f"Request(method={self.method!r}, url={shown!r}, timeout={self.timeout!r})"


@dataclass(frozen=True, slots=True)
class Response:
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

    Pass your own as `Api(transport=...)` to log, record or route requests. It is never closed
    by the client: who made it closes it.
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
    """Carries one request, as `Transport` does, while others go on.

    Pass your own as `AsyncApi(transport=...)`. It may be used by several event loops at once, each
    in a thread of its own, and is never closed by the client.
    """

    async def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer, whatever its status.

        Redirects are not followed: they come back as the answer they are. Who waits may be
        cancelled at any moment; the request is then broken off.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The answer ends before its end.
            ResponseTooLargeError: The answer is longer than `request.max_bytes`.
        """
        ...

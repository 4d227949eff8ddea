"""What both HTTP transports have in common: what goes out, what comes back, what goes wrong.

Nothing in here waits.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final, NoReturn, TypedDict, TypeVar
from urllib.parse import SplitResult, urlsplit

import httpcore
from typing_extensions import override

from wandb_runs.errors import (
    CertificateError,
    ConnectionFailedError,
    RequestTimeoutError,
    ResponseTooLargeError,
    TransportError,
    TruncatedResponseError,
    WandbRunsError,
)
from wandb_runs.transport.body import Body, BodyTooLargeError, BrokenBodyError
from wandb_runs.transport.messages import Response
from wandb_runs.transport.proxies import proxy_for
from wandb_runs.transport.settings import is_loopback, without_secrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import TypeAlias

    from wandb_runs.transport.messages import Request
    from wandb_runs.transport.proxies import Proxy

__all__ = [
    "ACCEPT_ENCODING",
    "CONNECT_SECONDS",
    "POOL",
    "UNUSABLE",
    "PoolKey",
    "RequestTemplate",
    "RequestTemplates",
    "ResponseReader",
    "failure",
    "headers_of",
    "kinds_of",
    "overdue",
    "unconnected",
    "unusable",
    "wire_request",
    "without_frames",
    "without_library_frames",
]

E = TypeVar("E", bound=BaseException)

PoolKey: TypeAlias = "tuple[Proxy | None, bool]"
"""Which pool a request needs: its proxy, and whether it is encrypted.

Certificates take longer to load than many an answer takes to come, so that they are loaded when an
address needs them.
"""

# A server that is there answers a connection attempt at once; only its answers take long.
CONNECT_SECONDS: Final = 10.0

ACCEPT_ENCODING: Final = "gzip, deflate"
"""The encodings that `Body` can decompress."""


class _Pool(TypedDict):
    max_connections: int
    max_keepalive_connections: int
    keepalive_expiry: float


POOL: Final = _Pool(
    max_connections=100,
    max_keepalive_connections=20,
    # Less than servers and what stands before them keep a connection that is not used.
    keepalive_expiry=5.0,
)
"""What every pool keeps to."""

UNUSABLE: Final = (ImportError, OSError, RuntimeError, ValueError)
"""What is raised when a pool cannot be made; `unusable` says what it means."""

_LIBRARIES: Final = frozenset(
    {"httpx", "httpx2", "httpcore", "httpcore2", "h11", "h2", "wandb_runs"}
)

_UNSHOWN: Final = _LIBRARIES | {"h11", "h2", "wandb_runs"}

_FAILURES: Final = frozenset({
    "NetworkError", "ProtocolError", "ProxyError", "RequestError", "TimeoutException",
    "UnsupportedProtocol",
})  # fmt: skip
_UNSENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})


class RequestTemplate:
    """What requests have in common: nearly all go to one address, with the same headers.

    Attributes:
        address: The address, as the caller wrote it.
        headers: The headers, as the caller gave them.
        url: The address, in the HTTP library's form.
        sent: The headers, encoded, and what else is sent with each request.
        proxy: The proxy that the environment names for the address.
        is_encrypted: Whether certificates are needed.
    """

    __slots__ = ("address", "headers", "is_encrypted", "proxy", "sent", "url")

    def __init__(self, address: str, headers: Mapping[str, str], *, uses_proxies: bool) -> None:
        parts = urlsplit(address)
        self.address: str = address
        self.headers: Mapping[str, str] = headers
        self.url: httpcore.URL = httpcore.URL(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port,
            target=_target_of(parts),
        )
        self.sent: list[tuple[bytes, bytes]] = [
            (b"host", parts.netloc.encode("ascii")),
            (b"accept-encoding", ACCEPT_ENCODING.encode()),
            *((name.encode("ascii"), text.encode("ascii")) for name, text in headers.items()),
        ]
        try:
            self.proxy: Proxy | None = proxy_for(parts) if uses_proxies else None
        except ValueError as error:
            raise unusable(error) from error
        self.is_encrypted: bool = parts.scheme == "https" or (
            self.proxy is not None and self.proxy.scheme == "https"
        )

    @property
    def key(self) -> PoolKey:
        """Which pool carries it."""
        return self.proxy, self.is_encrypted

    @override
    def __repr__(self) -> str:
        # Not the headers, of which one is the key, and not the query, which may be a signature.
        return f"<RequestTemplate {without_secrets(self.address)}>"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("what holds an API key is never pickled")


class RequestTemplates:
    """The forms of requests, of which the last is kept.

    Proxies come from the environment as the standard library reads it; but the traffic of a
    server on this machine never goes through a proxy. Thread-safe.

    Args:
        base_url: The server that most requests go to.
    """

    def __init__(self, base_url: str) -> None:
        self._uses_proxies = not is_loopback(urlsplit(base_url).hostname or "")
        self._last: RequestTemplate | None = None

    def of(self, request: Request) -> RequestTemplate:
        """The form of a request.

        Raises:
            WandbRunsError: The environment names a proxy that cannot be.
        """
        form = self._last
        if (
            form is None
            or request.url != form.address
            or (request.headers is not form.headers and request.headers != form.headers)
        ):
            form = self._last = RequestTemplate(
                request.url, request.headers, uses_proxies=self._uses_proxies
            )
        return form


class ResponseReader:
    """Puts a response together: its head is known, its body is added chunk by chunk.

    Args:
        request: The request that is answered.
        status: The HTTP status.
        headers: Header names, in lower case, and values.
    """

    __slots__ = ("_body", "_headers", "_is_too_large", "_reason", "_request", "_status")

    def __init__(self, request: Request, status: int, headers: Mapping[str, str]) -> None:
        self._request = request
        self._status = status
        self._headers = headers
        self._is_too_large = False
        self._reason = ""
        self._body: Body | None = None
        try:
            self._body = Body(headers.get("content-encoding", ""), request.max_bytes)
        except BrokenBodyError as error:
            self._reason = str(error)

    def add(self, chunk: bytes) -> bool:
        """Add the next raw chunk of the body; return False once further chunks are useless."""
        if self._body is None:
            return False
        try:
            self._body.add(chunk)
        except BodyTooLargeError:
            self._is_too_large, self._body = True, None
        except BrokenBodyError as error:
            self._reason, self._body = str(error), None
        return self._body is not None

    def response(self) -> Response:
        """The whole response.

        Raises:
            ResponseTooLargeError: The body is longer than `request.max_bytes`.
            TruncatedResponseError: The body cannot be decompressed to its end.
        """
        try:
            if self._body is not None:
                return Response(self._status, self._headers, self._body.whole())
        except BrokenBodyError as error:
            self._reason = str(error)
        # Raised outside of the handler: a cause would have frames that hold the body.
        request_id = self._headers.get("x-request-id")
        if self._is_too_large:
            raise ResponseTooLargeError(
                f"{_host_of(self._request)} answers with more than {self._request.max_bytes:,} "
                "bytes; ask for less (per_page=, samples=, keys=), or pass a larger "
                "max_response_bytes=",
                status=self._status,
                request_id=request_id,
            )
        raise TruncatedResponseError(
            f"the answer of {_host_of(self._request)} (HTTP {self._status}) cannot be read: "
            f"{self._reason}; try again, and check that no proxy changes what passes through it",
            status=self._status,
            request_id=request_id,
        )


def wire_request(
    form: RequestTemplate,
    request: Request,
    content: bytes | AsyncIterable[bytes],
    *,
    connect: float,
    rest: float | None,
) -> httpcore.Request:
    """The request in the HTTP library's form.

    Args:
        form: Its form.
        request: The request.
        content: Its body, as the library is to take it.
        connect: Within how many seconds a connection has to stand.
        rest: Within how many seconds anything else has to happen, if the library is to see to
            that.
    """
    # In a function of its own, whose variables are gone when an answer is judged: they hold the
    # key, and a traceback may be shown with the variables of its frames.
    headers = form.sent
    if request.content:
        headers = [*headers, (b"content-length", str(len(request.content)).encode())]
    return httpcore.Request(
        request.method,
        form.url,
        headers=headers,
        content=content,
        extensions={"timeout": {"connect": connect, "read": rest, "write": rest, "pool": rest}},
    )


def kinds_of(error: BaseException) -> frozenset[str]:
    """The names of the HTTP library's classes that an error is an instance of.

    httpx, httpx2 and httpcore name their errors alike, so that none of them has to be imported.
    """
    return frozenset(
        kind.__name__
        for kind in type(error).__mro__
        if kind.__module__.partition(".")[0] in _LIBRARIES
    )


def failure(request: Request, error: Exception) -> TransportError | None:
    """What an error of the HTTP library means, or None where it is not about a connection.

    Raise it from `without_frames(error)`.
    """
    kinds = kinds_of(error)
    if not kinds & _FAILURES:
        return None
    if "ConnectTimeout" in kinds:
        return unconnected(request)
    if "TimeoutException" in kinds:
        return overdue(request)
    refusal = _certificate_error_in(error)
    if refusal is not None:
        return CertificateError(
            f"the certificate of {_host_of(request)} is not trusted ({refusal.verify_message}); if "
            "the server has one of your own, set SSL_CERT_FILE, or pass ssl_context=",
            may_have_arrived=False,
        )
    return ConnectionFailedError(
        f"the connection to {_host_of(request)} failed ({str(error) or type(error).__name__}); "
        "check the address and the network",
        may_have_arrived=not kinds & _UNSENT,
    )


def unconnected(request: Request) -> ConnectionFailedError:
    """What a request comes to that got no connection in time."""
    return ConnectionFailedError(
        f"{_host_of(request)} took no connection within "
        f"{min(CONNECT_SECONDS, request.timeout):.3g} s; check the address and the network",
        may_have_arrived=False,
    )


def overdue(request: Request) -> RequestTimeoutError:
    """What a request comes to whose time has passed."""
    return RequestTimeoutError(
        f"{_host_of(request)} did not answer within {request.timeout:.3g} s; pass a longer "
        "timeout= or ask for less (per_page=, samples=, keys=)"
    )


def unusable(error: Exception) -> WandbRunsError:
    """What one of `UNUSABLE` means; to be raised from the error without its frames."""
    return WandbRunsError(
        f"no connection can be made with this environment ({error}); check the variables "
        "HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE"
    )


def without_frames(error: E) -> E:
    """The error without its tracebacks: their frames hold the headers, and so the key."""
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        each = each.__cause__ or each.__context__
    return error


def without_library_frames(error: E) -> E:
    """The error without the frames of the HTTP library and this package; those of hooks stay.

    The frames hold the headers, and so the key, and what a server sent, which may quote it.
    """
    each: BaseException | None = error
    while each is not None:
        kept = None
        for frame in reversed(list(_frames(each.__traceback__))):
            if frame.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _UNSHOWN:
                frame.tb_next = kept
                kept = frame
        each.__traceback__ = kept
        each = each.__cause__ or each.__context__
    return error


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _target_of(parts: SplitResult) -> str:
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header names, in lower case, and values; those of one name are joined."""
    headers: dict[str, str] = {}
    for raw_name, raw_text in raw:
        name, text = raw_name.decode("latin-1").lower(), raw_text.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _certificate_error_in(error: BaseException) -> ssl.SSLCertVerificationError | None:
    each: BaseException | None = error
    while each is not None:
        if isinstance(each, ssl.SSLCertVerificationError):
            return each
        each = each.__cause__ or each.__context__
    return None


def _host_of(request: Request) -> str:
    return urlsplit(request.url).netloc

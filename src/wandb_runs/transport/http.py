"""Requests over HTTP, by httpcore."""

from __future__ import annotations

import ssl
import time
import weakref
from typing import TYPE_CHECKING, Final, Literal, NoReturn
from urllib.parse import SplitResult, urlsplit

import httpcore
from typing_extensions import override

from wandb_runs.errors import (
    CertificateError,
    ConnectionFailedError,
    RequestTimeoutError,
    ResponseTooLargeError,
    TruncatedResponseError,
    WandbRunsError,
)
from wandb_runs.forksafe import ForkSafeLock, renew_in_children
from wandb_runs.settings import is_loopback, without_secrets
from wandb_runs.transport.body import BodyTooLargeError, BrokenBodyError, read_body
from wandb_runs.transport.message import Response
from wandb_runs.transport.proxies import proxy_for
from wandb_runs.transport.streams import Network, until
from wandb_runs.transport.tls import default_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from wandb_runs.transport.message import Request
    from wandb_runs.transport.proxies import Proxy

    _Key: TypeAlias = "tuple[Proxy | None, bool]"

__all__ = ["HttpTransport"]

# A server that is there answers a connection attempt at once; only its answers take long.
CONNECT_SECONDS: Final = 10.0

_MOST_CONNECTIONS: Final = 100
_MOST_IDLE: Final = 20
# Less than servers and what stands before them keep a connection that is not used.
_IDLE_SECONDS: Final = 5.0

_UNSENT: Final = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.ProxyError,
)
_FAILURES: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


class _Form:
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
        self.address = address
        self.headers = headers
        self.url = httpcore.URL(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port,
            target=_target_of(parts),
        )
        self.sent: list[tuple[bytes, bytes]] = [
            (b"host", parts.netloc.encode("ascii")),
            (b"accept-encoding", b"gzip, deflate"),
            *((name.encode("ascii"), text.encode("ascii")) for name, text in headers.items()),
        ]
        try:
            self.proxy: Proxy | None = proxy_for(parts) if uses_proxies else None
        except ValueError as error:
            raise _unusable(error) from error
        self.is_encrypted = parts.scheme == "https" or (
            self.proxy is not None and self.proxy.scheme == "https"
        )

    @override
    def __repr__(self) -> str:
        # Not the headers, of which one is the key, and not the query, which may be a signature.
        return f"<_Form {without_secrets(self.address)}>"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("what holds an API key is never pickled")


class HttpTransport:
    """A pool of connections, opened with the first request.

    Thread-safe. Proxies come from the environment as the standard library reads it; but the
    traffic of a server on this machine never goes through a proxy. A forked child gets a pool of
    its own: two processes on one connection would read each other's answers.

    Args:
        base_url: The server that most requests go to.
        ssl_context: What certificates to trust; by default those of `SSL_CERT_FILE` or
            `SSL_CERT_DIR`, else those that come with the HTTP library.
    """

    def __init__(self, base_url: str, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._uses_proxies = not is_loopback(urlsplit(base_url).hostname or "")
        self._ssl_context = ssl_context
        self._form: _Form | None = None
        self._closed = False
        self._inherited: list[object] = []
        self._lock = ForkSafeLock()
        self._start()
        renew_in_children(self)

    def _start(self) -> None:
        # By proxy, and whether it is encrypted: certificates take longer to load than many an
        # answer takes to come, so that they are loaded when an address needs them.
        self._pools: dict[_Key, httpcore.ConnectionPool] = {}
        # Few users close what a script made once; the connections go with it.
        self._finalizer = weakref.finalize(self, _close, self._pools)
        self._under_way = 0

    def renew(self) -> None:
        """Begin anew in a forked child."""
        # What was inherited is left alone: closing it could disturb the parent.
        self._finalizer.detach()
        self._inherited.append(self._pools)
        self._start()

    def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            CertificateError: The server's certificate is not trusted.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The answer cannot be decompressed to its end.
            ResponseTooLargeError: The answer is longer than `request.max_bytes`.
            WandbRunsError: The transport is closed, or the environment's proxies or
                certificates cannot be used.
        """
        try:
            form = self._form_of(request)
            pool = self._enter(form)
            until(time.monotonic() + request.timeout)
            try:
                return _exchange(pool, form, request)
            finally:
                until(None)
                self._leave()
        except httpcore.ConnectTimeout as error:
            raise ConnectionFailedError(
                f"{_place(request)} took no connection within "
                f"{min(CONNECT_SECONDS, request.timeout):g} s; check the address and the network",
                may_have_arrived=False,
            ) from _without_frames(error)
        except httpcore.TimeoutException as error:
            raise RequestTimeoutError(
                f"{_place(request)} did not answer within {request.timeout:g} s; pass a longer "
                "timeout= or ask for less (per_page=, samples=, keys=)"
            ) from _without_frames(error)
        except _FAILURES as error:
            raise _failure(request, error) from _without_frames(error)
        except KeyboardInterrupt as error:
            # The frames of the HTTP library hold the headers, and so the key.
            raise error.with_traceback(None) from None

    def close(self) -> None:
        """Refuse later requests, and close every connection once those under way are answered."""
        with self._lock:
            self._closed = True
            self._close_if_idle()

    def _form_of(self, request: Request) -> _Form:
        form = self._form
        if (
            form is None
            or request.url != form.address
            or (request.headers is not form.headers and request.headers != form.headers)
        ):
            form = self._form = _Form(request.url, request.headers, uses_proxies=self._uses_proxies)
        return form

    def _enter(self, form: _Form) -> httpcore.ConnectionPool:
        key = (form.proxy, form.is_encrypted)
        with self._lock:
            if self._closed:
                raise WandbRunsError("this client is closed; make a new Api()")
            pool = self._pools.get(key)
            if pool is None:
                pool = self._pools[key] = self._open(form)
            self._under_way += 1
            return pool

    def _open(self, form: _Form) -> httpcore.ConnectionPool:
        try:
            context = None
            if form.is_encrypted:
                context = self._ssl_context or default_context()
            return _open_pool(form.proxy, context)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise _unusable(error) from _without_frames(error)

    def _leave(self) -> None:
        with self._lock:
            self._under_way -= 1
            self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._closed and not self._under_way:
            _close(self._pools)


def _open_pool(proxy: Proxy | None, context: ssl.SSLContext | None) -> httpcore.ConnectionPool:
    network = Network()
    if proxy is None:
        return httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=_MOST_CONNECTIONS,
            max_keepalive_connections=_MOST_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=network,
        )
    if proxy.scheme in ("socks5", "socks5h"):
        return httpcore.SOCKSProxy(
            proxy.url,
            proxy_auth=proxy.auth,
            ssl_context=context,
            max_connections=_MOST_CONNECTIONS,
            max_keepalive_connections=_MOST_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=network,
        )
    return httpcore.HTTPProxy(
        proxy.url,
        proxy_auth=proxy.auth,
        ssl_context=context,
        proxy_ssl_context=context if proxy.scheme == "https" else None,
        max_connections=_MOST_CONNECTIONS,
        max_keepalive_connections=_MOST_IDLE,
        keepalive_expiry=_IDLE_SECONDS,
        network_backend=network,
    )


def _close(pools: dict[_Key, httpcore.ConnectionPool]) -> None:
    while pools:
        pools.popitem()[1].close()


def _exchange(pool: httpcore.ConnectionPool, form: _Form, request: Request) -> Response:
    answer = pool.handle_request(_wire_request(form, request))
    try:
        received: dict[str, str] = {}
        for raw_name, raw_text in answer.headers:
            name, text = raw_name.decode("latin-1").lower(), raw_text.decode("latin-1")
            received[name] = f"{received[name]}, {text}" if name in received else text
        problem: Literal["long", "broken"]
        try:
            chunks: Iterable[bytes] = answer.iter_stream()
            content = read_body(chunks, received.get("content-encoding", ""), request.max_bytes)
            return Response(answer.status, received, content)
        except BodyTooLargeError:
            problem, why = "long", ""
        except BrokenBodyError as error:
            problem, why = "broken", str(error)
    finally:
        answer.close()
    request_id = received.get("x-request-id")
    if problem == "long":
        raise ResponseTooLargeError(
            f"{_place(request)} answers with more than {request.max_bytes:,} bytes; ask for less "
            "(per_page=, samples=, keys=), or pass a larger max_response_bytes=",
            status=answer.status,
            request_id=request_id,
        )
    raise TruncatedResponseError(
        f"the answer of {_place(request)} (HTTP {answer.status}) cannot be read: {why}; try "
        "again, and check that no proxy changes what passes through it",
        status=answer.status,
        request_id=request_id,
    )


def _wire_request(form: _Form, request: Request) -> httpcore.Request:
    # In a function of its own, whose variables are gone when an answer is judged: they hold the
    # key, and a traceback may be shown with the variables of its frames.
    headers = form.sent
    if request.content:
        headers = [*headers, (b"content-length", str(len(request.content)).encode())]
    seconds = request.timeout
    return httpcore.Request(
        request.method,
        form.url,
        headers=headers,
        content=request.content,
        extensions={
            "timeout": {
                "connect": min(CONNECT_SECONDS, seconds),
                "read": seconds,
                "write": seconds,
                "pool": seconds,
            }
        },
    )


def _target_of(parts: SplitResult) -> str:
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _failure(request: Request, error: Exception) -> ConnectionFailedError:
    refusal = _certificate_error_in(error)
    if refusal is not None:
        return CertificateError(
            f"the certificate of {_place(request)} is not trusted ({refusal.verify_message}); if "
            "the server has one of your own, set SSL_CERT_FILE, or pass ssl_context=",
            may_have_arrived=False,
        )
    return ConnectionFailedError(
        f"the connection to {_place(request)} failed ({str(error) or type(error).__name__}); "
        "check the address and the network",
        may_have_arrived=not isinstance(error, _UNSENT),
    )


def _certificate_error_in(error: BaseException) -> ssl.SSLCertVerificationError | None:
    each: BaseException | None = error
    while each is not None:
        if isinstance(each, ssl.SSLCertVerificationError):
            return each
        each = each.__cause__ or each.__context__
    return None


def _unusable(error: Exception) -> WandbRunsError:
    return WandbRunsError(
        f"no connection can be made with this environment ({error}); check the variables "
        "HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE"
    )


def _without_frames(error: Exception) -> Exception:
    """The error without its tracebacks: their frames hold the headers, and so the key."""
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        each = each.__cause__ or each.__context__
    return error


def _place(request: Request) -> str:
    return urlsplit(request.url).netloc

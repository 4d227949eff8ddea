"""`DeadlineTransport`: httpx's transport, with one deadline per request, which an interrupt ends.

The HTTP library's timeouts are for each address, read or write, so that a server that drips passes
none of them. Here the whole exchange has one deadline: the look-up of a name, connecting, a proxy's
answer, encryption, and the headers included.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import httpcore
import httpx
from typing_extensions import override

from wandb_runs.transport.connect import connect, look_up
from wandb_runs.transport.exchange import shut_down
from wandb_runs.transport.phases import LOOK_UP
from wandb_runs.transport.streams import SocketStream, TlsInTls
from wandb_runs.transport.threads import CancelledError, current_token

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

__all__ = ["DeadlineTransport"]


class _Deadline(threading.local):
    """The deadline of the request that this thread has under way, in monotonic seconds."""

    at = float("inf")
    trace: Callable[[str, dict[str, object]], None] | None = None
    """Told what is being done, as the HTTP library tells it."""

    def left(self, timeout: float | None) -> float:
        """The timeout of the next read or write; not above 0 once the deadline has passed."""
        left = self.at - time.monotonic()
        return left if timeout is None else min(timeout, left)


_deadline = _Deadline()


class DeadlineTransport(httpx.BaseTransport):
    """A pool of connections.

    A request is sent and its response read in one thread, until
    `request.extensions["deadline"]`, in monotonic seconds. Thread-safe.

    Args:
        context: The certificates to trust; none are needed without encryption.
        proxy: The proxy to connect through.
    """

    def __init__(self, context: ssl.SSLContext | None, proxy: httpx.Proxy | None) -> None:
        self._pool = httpcore.ConnectionPool(
            context,
            None
            if proxy is None
            else httpcore.Proxy(str(proxy.url), proxy.raw_auth, ssl_context=proxy.ssl_context),
            # As httpx's own transports have them.
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Network(),
        )

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        _deadline.at = request.extensions.get("deadline", float("inf"))
        _deadline.trace = request.extensions.get("trace")
        try:
            answer = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=cast("httpx.SyncByteStream", request.stream),
                    extensions=request.extensions,
                )
            )
        except _ERRORS as error:
            _deadline.at = float("inf")
            raise _as_error_of_httpx(error) from error
        except BaseException:
            _deadline.at = float("inf")
            raise
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - httpcore leaves it open
        )

    @override
    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body of a response; closing it ends the deadline."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    @override
    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer.iter_stream()
        except _ERRORS as error:
            raise _as_error_of_httpx(error) from error

    @override
    def close(self) -> None:
        try:
            self._answer.close()
        finally:
            _deadline.at = float("inf")


_ERRORS: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


def _as_error_of_httpx(error: Exception) -> httpx.TransportError:
    # Both name their errors alike.
    kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
    return kind(str(error))


class _Network(httpcore.NetworkBackend):
    """Opens connections within the deadline, whose reads and writes keep it.

    The pool names neither a local address nor options of sockets.
    """

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        trace = _deadline.trace
        left = _deadline.left(timeout)
        until = time.monotonic() + left
        try:
            if trace is not None:
                trace(LOOK_UP, {"host": host})
            endpoints = look_up(host, port, until)
            if trace is not None:
                trace("network.connect_tcp.started", {"host": host, "port": port})
            connection = connect(endpoints, until)
        except CancelledError:
            raise httpcore.ConnectError("the call was cancelled") from None
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:  # a name that cannot be encoded is none
            raise httpcore.ConnectError(str(error)) from error
        return _Stream(SocketStream(connection))


class _Stream(httpcore.NetworkStream):
    """A connection."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _deadline.left(timeout)
        if left <= 0:
            raise httpcore.ReadTimeout
        return self._interruptible(partial(self._inner.read, max_bytes, left))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = _deadline.left(timeout)
        if left <= 0:
            raise httpcore.WriteTimeout
        self._interruptible(partial(self._inner.write, buffer, left))

    @override
    def close(self) -> None:
        self._inner.close()

    @override
    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _deadline.left(timeout)
        if left <= 0:
            raise httpcore.ConnectTimeout
        if self._inner.get_extra_info("ssl_object") is not None:
            # Over this stream, whose reads and writes can be interrupted.
            return TlsInTls(self, ssl_context, server_hostname, left)
        return _Stream(
            self._interruptible(lambda: self._inner.start_tls(ssl_context, server_hostname, left))
        )

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def _interruptible(self, work: Callable[[], T]) -> T:
        """Work that a cancellation of this thread's call breaks off."""
        token = current_token()
        if token is None:
            return work()
        try:
            with token.waking(partial(shut_down, self._inner)):
                return work()
        except CancelledError:
            raise httpcore.ReadError("the call was cancelled") from None

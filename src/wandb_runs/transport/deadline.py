"""`DeadlineTransport`: httpx's transport, with one deadline per request, which an interrupt ends.

The HTTP library's timeouts are for each address, read or write, so that a server that drips passes
none of them. Here the whole exchange has one deadline: the look-up of a name, connecting, a proxy's
answer, encryption, and the headers included.

The library's pool of connections has a lock that an exception of a signal handler can leave held,
at once and for all threads. So its connections are used without its pool: each serves one request
at a time, and one whose request did not end as it should is closed, whatever its state.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import httpcore
import httpx
from typing_extensions import override

from wandb_runs.transport.connect import connect, look_up
from wandb_runs.transport.exchange import shut_down
from wandb_runs.transport.options import FILES_AT_ONCE
from wandb_runs.transport.phases import LOOK_UP, SENDING
from wandb_runs.transport.streams import SocketStream, TlsInTls
from wandb_runs.transport.threads import CancelledError, current_token

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias, TypeVar

    from wandb_runs.transport.lease import Lease

    T = TypeVar("T")

    Origin: TypeAlias = tuple[bytes, bytes, int | None]

__all__ = ["DeadlineTransport"]

_MOST_IDLE: Final = FILES_AT_ONCE
_IDLE_SECONDS: Final = 5.0  # as httpx's own transports have it

_FAILURES: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


class DeadlineTransport(httpx.BaseTransport):
    """Connections to any server, each of which serves one request at a time.

    A request is sent and its response read in one thread, until
    `request.extensions["deadline"]`, in monotonic seconds. Its connection is kept once the
    response is read to its end and closed; else `request.extensions["lease"]` closes it.
    Thread-safe.

    Args:
        context: The certificates to trust; none are needed without encryption.
        proxy: The proxy to connect through.
    """

    def __init__(self, context: ssl.SSLContext | None, proxy: httpx.Proxy | None) -> None:
        self._context = context
        self._proxy = (
            None
            if proxy is None
            else httpcore.Proxy(str(proxy.url), proxy.raw_auth, ssl_context=proxy.ssl_context)
        )
        # By origin, the one used last at the right. Each step on these is one of the interpreter's.
        self._idle: dict[Origin, deque[_Connection]] = {}

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        lease: Lease = request.extensions["lease"]
        origin: Origin = (url.raw_scheme, url.raw_host, url.port)
        connection = lease.connection = self._take(origin)
        connection.line.deadline = request.extensions["deadline"]
        if connection.idle_since:
            # Nothing is to be opened, so that there is one event to tell; ten would come.
            request.extensions.pop("trace")(SENDING, {})
        else:
            connection.line.trace = request.extensions["trace"]
        try:
            answer = connection.inner.handle_request(
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
        except _FAILURES as error:
            raise _as_error_of_httpx(error) from error
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer, partial(self._keep, origin, connection, lease)),
            extensions=answer.extensions,  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - httpcore leaves it open
        )

    @override
    def close(self) -> None:
        """Close the connections that no request uses."""
        while self._idle:
            with suppress(KeyError):  # another thread closes as well
                _close_all(self._idle.popitem()[1])

    def _take(self, origin: Origin) -> _Connection:
        """A connection that no other request uses."""
        idle = self._idle.get(origin)
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread took it
                break
            if connection.inner.is_idle() and not connection.inner.has_expired():
                return connection
            connection.close()
        return _Connection(self._context, self._proxy, origin)

    def _keep(self, origin: Origin, connection: _Connection, lease: Lease) -> None:
        """Keep a connection whose request is done, for another one."""
        if not connection.inner.is_idle():
            return  # the server closes it, or more of the response would come
        now = connection.idle_since = time.monotonic()
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle.setdefault(origin, deque())
        # In this order: an interrupt in between closes it, of which the next request takes notice.
        idle.append(connection)
        lease.connection = None
        for each in list(self._idle.values()):
            _close_old(each, now)


class _Connection:
    """A connection.

    Attributes:
        inner: The HTTP library's.
        line: Its sockets.
        idle_since: When its last request was done.
    """

    __slots__ = ("idle_since", "inner", "line")

    def __init__(
        self, context: ssl.SSLContext | None, proxy: httpcore.Proxy | None, origin: Origin
    ) -> None:
        scheme, host, port = origin
        self.idle_since = 0.0
        self.line = _Line()
        # The pool is there to make the connection, of the kind that the proxy needs.
        self.inner: httpcore.ConnectionInterface = httpcore.ConnectionPool(
            context,
            proxy,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_Network(self.line),
        ).create_connection(httpcore.URL(scheme=scheme, host=host, port=port, target=b"").origin)

    def close(self) -> None:
        """Close the sockets, without a lock of the HTTP library."""
        for each in self.line.streams:
            each.close()


def _close_all(connections: deque[_Connection]) -> None:
    with suppress(IndexError):
        while True:
            connections.pop().close()


def _close_old(connections: deque[_Connection], now: float) -> None:
    """Close the connections that have waited too long for a request, and those above the limit."""
    with suppress(IndexError):  # another thread takes them
        while len(connections) > _MOST_IDLE or connections[0].idle_since < now - _IDLE_SECONDS:
            connections.popleft().close()


def _as_error_of_httpx(error: Exception) -> httpx.TransportError:
    # Both name their errors alike.
    kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
    return kind(str(error))


class _Body(httpx.SyncByteStream):
    """The body of a response; closing it keeps the connection."""

    def __init__(self, answer: httpcore.Response, keep: Callable[[], None]) -> None:
        self._answer = answer
        self._keep = keep

    @override
    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer.iter_stream()
        except _FAILURES as error:
            raise _as_error_of_httpx(error) from error

    @override
    def close(self) -> None:
        self._answer.close()
        self._keep()


class _Line:
    """The sockets of a connection, and the deadline of its request.

    Attributes:
        deadline: In monotonic seconds.
        trace: Told what is being done, as the HTTP library tells it.
        streams: What was opened; the last is in use.
    """

    __slots__ = ("deadline", "streams", "trace")

    def __init__(self) -> None:
        self.deadline = float("inf")
        self.trace: Callable[[str, dict[str, object]], None] | None = None
        self.streams: list[httpcore.NetworkStream] = []

    def left(self, timeout: float | None) -> float:
        """The timeout of the next read or write; not above 0 once the deadline has passed."""
        left = self.deadline - time.monotonic()
        return left if timeout is None else min(timeout, left)


class _Network(httpcore.NetworkBackend):
    """Opens connections within the deadline, whose reads and writes keep it.

    Neither a local address nor options of sockets are named.
    """

    def __init__(self, line: _Line) -> None:
        self._line = line

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        trace = self._line.trace
        left = self._line.left(timeout)
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
        return _Stream(SocketStream(connection), self._line)


class _Stream(httpcore.NetworkStream):
    """A connection's socket."""

    def __init__(self, inner: httpcore.NetworkStream, line: _Line) -> None:
        self._inner = inner
        self._line = line
        line.streams.append(inner)

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._line.left(timeout)
        if left <= 0:
            raise httpcore.ReadTimeout
        if current_token() is None:
            return self._inner.read(max_bytes, left)
        return self._interruptible(partial(self._inner.read, max_bytes, left))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._line.left(timeout)
        if left <= 0:
            raise httpcore.WriteTimeout
        if current_token() is None:
            self._inner.write(buffer, left)
        else:
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
        left = self._line.left(timeout)
        if left <= 0:
            raise httpcore.ConnectTimeout
        if self._inner.get_extra_info("ssl_object") is not None:
            # Over this stream, whose reads and writes can be interrupted.
            return TlsInTls(self, ssl_context, server_hostname, left)
        inner = self._interruptible(
            lambda: self._inner.start_tls(ssl_context, server_hostname, left)
        )
        return _Stream(inner, self._line)

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

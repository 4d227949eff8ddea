"""Sockets in httpcore's form, whose timeouts hold for a whole write or handshake."""

from __future__ import annotations

import select
import ssl
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import httpcore
from typing_extensions import override

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator

__all__ = ["SocketStream", "TlsInTls"]

T = TypeVar("T")

_RECORD = 16 * 1024 + 512
"""Bytes read at once for a record of TLS."""


_PIECE = 256 * 1024
"""Bytes read at once of what is not encrypted, where httpcore asks for 64 KiB: with threads that
compete for the interpreter's lock, each read may have to wait for it."""


class SocketStream(httpcore.NetworkStream):
    """A connection.

    Args:
        connection: The connected socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _as_errors_of_httpcore(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(timeout)
            if not isinstance(self._socket, ssl.SSLSocket):  # which gives a record at a time
                max_bytes = max(max_bytes, _PIECE)
            return self._socket.recv(max_bytes)

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        until = _until(timeout)
        with _as_errors_of_httpcore(httpcore.WriteTimeout, httpcore.WriteError):
            while buffer:
                self._socket.settimeout(_left(until))
                buffer = buffer[self._socket.send(buffer) :]

    @override
    def close(self) -> None:
        self._socket.close()

    @override
    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> SocketStream:
        with _as_errors_of_httpcore(httpcore.ConnectTimeout, httpcore.ConnectError):
            try:
                # Kept here, so that what breaks off the handshake finds the socket in use.
                self._socket = encrypted = ssl_context.wrap_socket(
                    self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
                )
                encrypted.settimeout(timeout)
                encrypted.do_handshake()
            except BaseException:
                self._socket.close()
                raise
        return SocketStream(encrypted)

    @override
    def get_extra_info(self, info: str) -> object:
        if info == "socket":
            return self._socket
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        if info == "is_readable":
            return _is_readable(self._socket)
        if info == "client_addr":
            return self._socket.getsockname()
        if info == "server_addr":
            return self._socket.getpeername()
        return None


class TlsInTls(httpcore.NetworkStream):
    """An encrypted connection inside another, as through a proxy that is reached by https.

    Sockets of the standard library cannot be encrypted twice.

    Args:
        outer: The connection to the proxy, encrypted.
        ssl_context: The certificates to trust.
        server_hostname: The name of the server behind the proxy.
        timeout: Seconds for the whole handshake.
    """

    def __init__(
        self,
        outer: httpcore.NetworkStream,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None,
        timeout: float | None,
    ) -> None:
        self._outer = outer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = ssl_context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_hostname
        )
        try:
            with _as_errors_of_httpcore(httpcore.ConnectTimeout, httpcore.ConnectError):
                self._exchange(self._tls.do_handshake, timeout)
        except (httpcore.ReadTimeout, httpcore.WriteTimeout) as error:
            outer.close()
            raise httpcore.ConnectTimeout(str(error)) from error
        except (httpcore.ReadError, httpcore.WriteError) as error:
            outer.close()
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            outer.close()
            raise

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _as_errors_of_httpcore(httpcore.ReadTimeout, httpcore.ReadError):
            try:
                return self._exchange(partial(self._tls.read, max_bytes), timeout)
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return b""  # as of a socket of the standard library

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        until, left = _until(timeout), buffer
        with _as_errors_of_httpcore(httpcore.WriteTimeout, httpcore.WriteError):
            while left:
                left = left[self._exchange(partial(self._tls.write, left), _left(until)) :]

    @override
    def close(self) -> None:
        self._outer.close()

    @override
    def get_extra_info(self, info: str) -> object:
        return self._tls if info == "ssl_object" else self._outer.get_extra_info(info)

    def _exchange(self, work: Callable[[], T], timeout: float | None) -> T:
        """Work of TLS, with the records that it sends and waits for."""
        until = _until(timeout)
        while True:
            try:
                result = work()
            except ssl.SSLWantReadError:
                self._flush(until)
            else:
                self._flush(until)
                return result
            if data := self._outer.read(_RECORD, _left(until)):
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def _flush(self, until: float | None) -> None:
        if self._outgoing.pending:
            self._outer.write(self._outgoing.read(), _left(until))


def _until(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _left(until: float | None) -> float | None:
    """Seconds that are left.

    Raises:
        TimeoutError: None are: a timeout of 0 would mean not to wait for anything.
    """
    if until is None:
        return None
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


@contextmanager
def _as_errors_of_httpcore(
    overdue: type[httpcore.TimeoutException], failed: type[httpcore.NetworkError]
) -> Generator[None]:
    try:
        yield
    except TimeoutError as error:
        raise overdue(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error


def _is_readable(connection: socket.socket) -> bool:
    """Whether something is there to read, be it the end: an idle connection is then useless."""
    if connection.fileno() < 0:
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))

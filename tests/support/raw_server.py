"""Servers whose tests handle each connection themselves, over real sockets."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator

__all__ = ["RawServer", "http_answer", "read_request", "serve"]


class RawServer:
    """Hands each connection to `handle`, in a thread of its own.

    Attributes:
        connections: How many there have been.
        host: The address it listens at.
        port: The port.
    """

    def __init__(
        self,
        handle: Callable[[socket.socket], None],
        context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.connections = 0
        self._handle = handle
        self._context = context
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self._context else ''}://{host}:{self.port}"

    def close(self) -> None:
        """Stop, and break off what is under way."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        threads: list[threading.Thread] = []
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                break
            self.connections += 1
            self._open.append(connection)
            threads.append(threading.Thread(target=self._serve, args=(connection,)))
            threads[-1].start()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._context is None:
                self._handle(connection)
            else:
                with self._context.wrap_socket(connection, server_side=True) as encrypted:
                    self._handle(encrypted)


@contextmanager
def serve(
    handle: Callable[[socket.socket], None],
    context: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Generator[RawServer]:
    """A server for the length of a block."""
    server = RawServer(handle, context, host)
    try:
        yield server
    finally:
        server.close()


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body; empty when the client is gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body


def http_answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """An answer, with its length unless `content_length` says another."""
    named = {"content_length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in named.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body

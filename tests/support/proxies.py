"""Proxies for one test: what `serve` hands each connection to."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from support.raw_server import read_request

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["http_proxy", "socks_proxy"]


def http_proxy(port: int, asked: list[bytes]) -> Callable[[socket.socket], None]:
    """A proxy that connects whatever is asked for to one port of this machine.

    Args:
        port: Where every connection goes.
        asked: Gets the requests for connections.
    """

    def handle(connection: socket.socket) -> None:
        asked.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        _join(connection, port)

    return handle


def socks_proxy(
    port: int,
    asked: list[tuple[str, int]],
    *,
    secret: str | None = None,
    reply: int = 0,
    gap: Callable[[], object] = lambda: None,
) -> Callable[[socket.socket], None]:
    """A SOCKS5 proxy (RFC 1928) that connects whatever is asked for to one port of this machine.

    Args:
        port: Where every connection goes.
        asked: Gets the hosts and ports that are asked for.
        secret: The password that the user `me` has to give (RFC 1929); None to ask for nothing.
        reply: The code of the reply, 0 for success.
        gap: Called before the reply.
    """

    def handle(connection: socket.socket) -> None:
        version, count = _exactly(connection, 2)
        methods = _exactly(connection, count)
        method = 0 if secret is None else 2
        assert version == 5
        if method not in methods:
            connection.sendall(b"\x05\xff")
            return
        connection.sendall(bytes([5, method]))
        if secret is not None:
            _exactly(connection, 1)
            given = [_exactly(connection, _exactly(connection, 1)[0]) for _ in range(2)]
            is_right = given == [b"me", secret.encode()]
            connection.sendall(bytes([1, 0 if is_right else 1]))
            if not is_right:
                return
        asked.append(_asked_for(connection))
        gap()
        connection.sendall(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if reply == 0:
            _join(connection, port)

    return handle


def _asked_for(connection: socket.socket) -> tuple[str, int]:
    """The host and port of a request to connect."""
    _, command, _, kind = _exactly(connection, 4)
    assert command == 1
    if kind == 3:
        host = _exactly(connection, _exactly(connection, 1)[0]).decode()
    else:
        family = socket.AF_INET if kind == 1 else socket.AF_INET6
        host = socket.inet_ntop(family, _exactly(connection, 4 if kind == 1 else 16))
    return host, int.from_bytes(_exactly(connection, 2))


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise OSError("the client is gone")
        data += more
    return data


def _join(connection: socket.socket, port: int) -> None:
    """Pass on what comes from either side, until both have ended."""
    with socket.create_connection(("127.0.0.1", port)) as onward:
        back = threading.Thread(target=_pour, args=(onward, connection))
        back.start()
        _pour(connection, onward)
        with suppress(OSError):
            onward.shutdown(socket.SHUT_RDWR)
        back.join()


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)

"""Sockets that come back: at a deadline, and when nobody waits for them any more."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpcore
from typing_extensions import override

from wandb_runs.transport.threads import CancelledError, current_token

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    T = TypeVar("T")

__all__ = ["Network", "within_deadline"]


class _UnderWay(threading.local):
    """What the request of this thread has to keep to."""

    deadline = float("inf")


_under_way = _UnderWay()


def within_deadline(deadline: float | None) -> None:
    """Give what this thread sends and reads from now on a deadline, in monotonic seconds."""
    _under_way.deadline = float("inf") if deadline is None else deadline


class Network(httpcore.NetworkBackend):
    """Opens the streams of a pool."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    """A connection.

    The HTTP library's limits are for each read or write: a server that drips would never pass
    them. Here the whole answer has the one deadline.
    """

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _under_way.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return self._interruptibly(lambda: self._inner.read(max_bytes, _least(timeout, left)))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = _under_way.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.WriteTimeout
        self._interruptibly(lambda: self._inner.write(buffer, _least(timeout, left)))

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
        return _Stream(
            self._interruptibly(
                lambda: self._inner.start_tls(ssl_context, server_hostname, timeout)
            )
        )

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def _interruptibly(self, work: Callable[[], T]) -> T:
        token = current_token()
        if token is None:
            return work()
        try:
            with token.waking(self._shut_down, breaks=True):
                return work()
        except CancelledError:
            raise httpcore.ReadError("nobody waits for it any more") from None

    def _shut_down(self) -> None:
        """Make the thread come back that reads or writes: closing alone would not."""
        with suppress(OSError):
            # Not the method of an encrypted socket, which would swap what the other thread uses.
            socket.socket.shutdown(self._inner.get_extra_info("socket"), socket.SHUT_RDWR)


def _least(timeout: float | None, left: float) -> float:
    return left if timeout is None else min(timeout, left)

"""TCP connections within a deadline, for blocking callers: names looked up, addresses raced."""

from __future__ import annotations

import _thread
import copy
import errno
import ipaddress
import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, TypeAlias

from wandb_runs.transport.fork import ForkSafeLock, renew_in_children
from wandb_runs.transport.threads import check_cancelled, current_token

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Endpoint", "connect", "look_up"]

Endpoint: TypeAlias = "tuple[socket.AddressFamily, int, tuple[object, ...]]"
"""Family, protocol and address of one way to reach a host."""

_MOST_LOOK_UPS: Final = 32
"""Names that are looked up at once, by all clients of the process."""

_HEAD_START: Final = 0.25
"""Seconds that an address has to itself before the next is tried, as RFC 8305 recommends."""

_GLANCE: Final = 0.1
"""Seconds between two looks of a worker thread at whether it is cancelled."""

_UNDER_WAY: Final = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR})


def look_up(host: str, port: int, deadline: float) -> list[Endpoint]:
    """Look up a name, until a deadline in monotonic seconds.

    The operating system's look-up cannot be interrupted. It runs in a daemon thread, and the
    callers that ask for the same name meanwhile share it, so that calls that give up during an
    outage leave no more than one thread a name. It is not kept: the operating system does that.

    Raises:
        TimeoutError: The deadline passed; a later result is dropped.
        OSError: The name has no address.
        CancelledError: This worker thread is cancelled.
    """
    with suppress(ValueError):
        ipaddress.ip_address(host)  # a literal, for which nothing is sent
        return _resolve(host, port)
    return _look_ups.result(host, port, deadline)


def connect(endpoints: Iterable[Endpoint], deadline: float) -> socket.socket:
    """Connect to the first of several addresses that accepts.

    Each has a head start of a quarter of a second on the next, IPv6 and IPv4 by turns, as in
    RFC 8305; one that refuses hands over at once. So a dead address costs no more than that.

    Args:
        endpoints: The addresses, the preferred ones first.
        deadline: Until when, in monotonic seconds.

    Raises:
        TimeoutError: None accepted before the deadline.
        OSError: All refused; the last refusal.
        CancelledError: This worker thread is cancelled.
    """
    with selectors.DefaultSelector() as selector:
        return _Race(_by_turns(endpoints), selector).winner(deadline)


class _Race:
    """Connections to several addresses, of which the first to be accepted is kept."""

    def __init__(self, endpoints: list[Endpoint], selector: selectors.BaseSelector) -> None:
        self._left = endpoints
        self._selector = selector
        self._opened: list[socket.socket] = []
        self._next_start = 0.0
        self._failure = OSError("the name has no address")

    def winner(self, deadline: float) -> socket.socket:
        """The connection that is kept; the others are closed."""
        winner = None
        try:
            while winner is None:
                check_cancelled()
                now = time.monotonic()
                if now >= deadline:
                    raise TimeoutError("no address answered in time")
                is_idle = not self._selector.get_map()
                if self._left and (is_idle or now >= self._next_start):
                    self._start(self._left.pop(0))
                elif is_idle:
                    raise self._failure
                until = min(deadline, self._next_start) if self._left else deadline
                winner = self._accepted(max(until - now, 0))
            return winner
        finally:
            for each in self._opened:
                if each is not winner:
                    each.close()

    def _start(self, endpoint: Endpoint) -> None:
        """Begin to connect, without waiting."""
        family, protocol, address = endpoint
        try:
            connection = socket.socket(family, socket.SOCK_STREAM, protocol)
            self._opened.append(connection)
            connection.settimeout(0)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = connection.connect_ex(address)
        except OSError as error:
            self._failure = error
            return
        if code in _UNDER_WAY:
            self._selector.register(connection, selectors.EVENT_WRITE)
            self._next_start = time.monotonic() + _HEAD_START
        else:
            self._failure = OSError(code, os.strerror(code))

    def _accepted(self, seconds: float) -> socket.socket | None:
        """A connection that is accepted within some seconds, or before any refusal."""
        if current_token() is not None:
            seconds = min(seconds, _GLANCE)
        for key, _ in self._selector.select(seconds) if self._selector.get_map() else ():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)  # noqa: S101 - only these are registered
            self._selector.unregister(connection)
            code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                return connection
            self._failure = OSError(code, os.strerror(code))
            self._next_start = 0.0
        return None


def _by_turns(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """The addresses with the two families by turns, beginning with that of the first."""
    given = list(endpoints)
    first = [each for each in given if each[0] == given[0][0]]
    rest = [each for each in given if each[0] != given[0][0]]
    return [each for pair in zip_longest(first, rest) for each in pair if each is not None]


def _resolve(host: str, port: int) -> list[Endpoint]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, protocol, address) for family, _, protocol, _, address in found]


class _LookUp:
    """A look-up under way, and its result.

    It holds a lock of the interpreter's own: an exception of a signal handler within an `Event`
    would leave its lock held.
    """

    def __init__(self) -> None:
        self.is_done = False
        self._closed_until_done = threading.Lock()
        self._closed_until_done.acquire()
        self.endpoints: list[Endpoint] = []
        self.failure: Exception | None = None

    def run(self, host: str, port: int) -> None:
        try:
            self.endpoints = _resolve(host, port)
        except Exception as error:  # noqa: BLE001 - raised by the threads that wait for it
            error.__traceback__ = None
            self.failure = error
        self.is_done = True
        self._closed_until_done.release()

    def wait(self, seconds: float) -> bool:
        """Wait until it is done; return whether it is."""
        if not self.is_done and self._closed_until_done.acquire(timeout=max(seconds, 0)):
            self._closed_until_done.release()
        return self.is_done


class _LookUps:
    """The look-ups under way in this process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._under_way: dict[tuple[str, int], _LookUp] = {}
        renew_in_children(self)

    def renew(self) -> None:
        """Start afresh in a forked child, which has none of the threads."""
        self._under_way = {}

    def result(self, host: str, port: int, deadline: float) -> list[Endpoint]:
        """The addresses of a name."""
        while True:
            look_up = self._join(host, port)
            if look_up is not None and _is_done(look_up, deadline):
                break
            check_cancelled()
            if time.monotonic() >= deadline:
                raise TimeoutError(f"the name {host} was not found in time")
            if look_up is None:
                time.sleep(_GLANCE)
        if look_up.failure is not None:
            raise copy.copy(look_up.failure)  # each thread raises one of its own
        return look_up.endpoints

    def _join(self, host: str, port: int) -> _LookUp | None:
        """The look-up of a name, begun unless it is under way; None if too many are."""
        key = host, port
        with self._lock.mutex:
            look_up = self._under_way.get(key)
            if look_up is not None and not look_up.is_done:
                return look_up
            if len(self._under_way) >= _MOST_LOOK_UPS:
                return None
            look_up = _LookUp()
            try:
                # Not `Thread.start`, which an exception of a signal handler would break. It is
                # started before it is noted, so that none is noted that does not run.
                _thread.start_new_thread(self._run, (key, look_up))
            except RuntimeError:  # none can be started, as when the interpreter ends
                self._run(key, look_up)
            else:
                self._under_way[key] = look_up
        return look_up

    def _run(self, key: tuple[str, int], look_up: _LookUp) -> None:
        try:
            look_up.run(*key)
        finally:
            with self._lock.mutex:
                if self._under_way.get(key) is look_up:
                    del self._under_way[key]


def _is_done(look_up: _LookUp, deadline: float) -> bool:
    """Wait for a look-up, until a deadline or the cancellation of this thread."""
    while True:
        check_cancelled()
        left = deadline - time.monotonic()
        if look_up.wait(left if current_token() is None else min(left, _GLANCE)):
            return True
        if left <= 0:
            return False


_look_ups: Final = _LookUps()

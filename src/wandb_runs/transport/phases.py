"""`Phases`: how far a request has come, for the error that ends it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOOK_UP", "SENDING", "Phases"]

LOOK_UP = "network.look_up.started"
"""An event of this package beside those of the HTTP library: a name is looked up."""

SENDING = "connection.send_request_headers.started"
"""The HTTP library's event that precedes a request."""


@runtime_checkable
class _AsyncStream(Protocol):
    """A connection of the asynchronous HTTP library."""

    async def aclose(self) -> None:
        """Close it."""
        ...


class Phases:
    """How far one request has come, by the events of the HTTP library.

    `note` or `note_async` is the extension `trace` of the request.

    Attributes:
        doing: What is being done before the request is sent, as a clause of a message; empty
            before anything is.
        advice: What to check if that fails.
        is_sent: Whether the request may have reached the server, or a proxy that passes it on.

    >>> phases = Phases()
    >>> phases.note("connection.connect_tcp.started", {"host": "wandb.example", "port": 443})
    >>> phases.doing, phases.is_sent
    ('wandb.example:443 was being reached', False)
    """

    __slots__ = ("_began", "_opened", "_place", "advice", "doing", "is_sent")

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._place = ""
        self.doing: str = ""
        self.advice: str = "check the address and the network"
        self.is_sent: bool = False
        self._opened: list[object] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def note(self, event: str, details: Mapping[str, object]) -> None:
        """Note an event of the HTTP library, such as `connection.start_tls.started`."""
        if self.is_sent:
            return  # most events come then, and tell nothing more
        name = event.partition(".")[2]
        if name == "send_request_headers.started":
            # Not by a protocol, to ask for which takes longer than all else here.
            if getattr(details.get("request"), "method", None) == b"CONNECT":
                self._ask_proxy()
            else:
                self.is_sent = True
        elif name == "connect_tcp.started":
            self._place = f"{details['host']}:{details['port']}"
            self.doing = f"{self._place} was being reached"
            self.advice = "check the address and the network"
        elif name == "look_up.started":
            self.doing = f"the name {details['host']} was looked up"
            self.advice = "check the address, and the name server that this machine asks"
        elif name == "setup_socks5_connection.started":
            self._ask_proxy()
        elif name == "start_tls.started":
            self.doing = f"the TLS handshake with {details['server_hostname']} was under way"
            self.advice = "check that the address, and the proxy if there is one, speak TLS"
        elif name in ("connect_tcp.complete", "start_tls.complete"):
            self._opened.append(details["return_value"])

    async def note_async(self, event: str, details: Mapping[str, object]) -> None:
        """The same, as an asynchronous HTTP library calls it."""
        self.note(event, details)

    async def aclose_unused(self) -> None:
        """Close what was opened for a request that was not sent: the HTTP library may forget it."""
        for each in () if self.is_sent else self._opened:
            if isinstance(each, _AsyncStream):
                await each.aclose()

    def _ask_proxy(self) -> None:
        self.doing = f"the proxy {self._place} was asked for a connection"
        self.advice = "check the proxy that HTTPS_PROXY or ALL_PROXY names"

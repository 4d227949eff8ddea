"""`Lease`: the connection that one request uses.

Not in `deadline`, which imports httpx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wandb_runs.transport.proxy_url import ProxyUrl

__all__ = ["Closeable", "Lease"]


class Closeable(Protocol):
    """A connection."""

    def close(self) -> None:
        """Close it, without waiting for anything."""
        ...


class Lease:
    """The connection that one request uses.

    Attributes:
        connection: The connection; None before there is one, and when it is kept for others.
        proxy: The proxy that it goes through.
    """

    __slots__ = ("connection", "proxy")

    def __init__(self) -> None:
        self.connection: Closeable | None = None
        self.proxy: ProxyUrl | None = None

    def end(self) -> None:
        """Close the connection, unless it is kept: its request did not end as it should."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

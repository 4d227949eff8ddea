"""Prefetching: the next request of a listing, sent while the program handles the last page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import anyio

from wandb_runs.graphql.flow import Gather, resume
from wandb_runs.transport.tasks import running_loop, start_soon

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.transport import AsyncRetryingClient

__all__ = ["AsyncPrefetcher"]

T = TypeVar("T")


class _Attempt(Generic[T]):
    """One flow whose first request is sent in the background.

    Attributes:
        state: Whether the request was sent, or the flow taken before that.
        rest: The flow after its first request; None until the answer is here.
        ended: Set when the request has ended, in whatever way.
        loop: The event loop that sends it.
    """

    __slots__ = ("ended", "loop", "rest", "state")

    def __init__(self) -> None:
        self.state: Literal["waiting", "sent", "taken"] = "waiting"
        self.rest: Flow[T] | None = None
        self.ended = anyio.Event()
        self.loop = running_loop()


class AsyncPrefetcher(Generic[T]):
    """Sends the first request of a flow, and keeps its answer until the flow is taken.

    The flow continues only then: until it is taken, nothing else has changed. Failures are
    dropped, since the caller begins the flow anew.

    Args:
        client: Sends the requests.
    """

    __slots__ = ("_attempt", "_client")

    def __init__(self, client: AsyncRetryingClient) -> None:
        self._client = client
        self._attempt: _Attempt[T] | None = None

    def start(self, begin: Callable[[], Flow[T]]) -> None:
        """Send the first request of a flow, unless one is kept already.

        Args:
            begin: Makes the flow.
        """
        if self._attempt is not None:
            return
        attempt = self._attempt = _Attempt[T]()

        async def send() -> None:
            if attempt.state == "taken":
                return
            attempt.state = "sent"
            flow = begin()
            try:
                step = next(flow)
                if not isinstance(step, Gather):
                    attempt.rest = resume(flow, await self._client.execute(step))
            finally:
                if attempt.rest is None:
                    flow.close()
                attempt.ended.set()

        start_soon(send)

    async def take(self) -> Flow[T] | None:
        """The flow after its first request; None if there is none, or the request failed."""
        attempt = self._attempt
        if attempt is None:
            return None
        # In an event loop that has ended, it would never end.
        if attempt.state == "sent" and attempt.loop is running_loop():
            await attempt.ended.wait()
        attempt.state = "taken"
        self._attempt = None
        return attempt.rest

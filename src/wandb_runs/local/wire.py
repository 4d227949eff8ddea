"""Sends responses with faults: late, slowly, in part, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from starlette.responses import Response
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

    from wandb_runs.local.faults import Answer

__all__ = ["HttpProtocol", "make_response"]

_Ends: TypeAlias = "set[asyncio.Task[None] | asyncio.Task[Literal[True]]]"
_TRANSPORT: Final = "wandb_runs.transport"
_PATIENCE: Final = 1.0
"""Seconds that the rest of a request's body may take once the server stops."""

_NO_LINGER: Final = struct.pack("ii", 1, 0)


class HttpProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with the connection accessible to the application."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self.app_state: dict[str, Any] = {**self.app_state, _TRANSPORT: transport}

    @override
    def shutdown(self) -> None:
        super().shutdown()
        # The application waits for a body that may never come; uvicorn would end it by a
        # cancellation, and print that as an error.
        if self._is_reading():
            self.loop.call_later(_PATIENCE, self._end_reading)

    def _end_reading(self) -> None:
        if self._is_reading():
            self.transport.abort()

    def _is_reading(self) -> bool:
        """Whether a part of a request's body is still to come."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return cycle is not None and cycle.more_body and not cycle.response_complete


def make_response(answer: Answer, closing: asyncio.Event) -> Response:
    """Make the response that sends an answer.

    Args:
        answer: What to send, and how.
        closing: Set when the server stops; pending responses then end.
    """
    headers = dict(answer.headers)
    if answer.is_plain:
        return Response(answer.body, answer.status, headers)
    return _FaultyResponse(answer, headers, closing)


class _FaultyResponse(Response):
    """A response that is late, slow or broken.

    It ends early when the client disconnects or the server stops.
    """

    def __init__(self, answer: Answer, headers: dict[str, str], closing: asyncio.Event) -> None:
        super().__init__(answer.body, answer.status, headers)
        self._answer = answer
        self._closing = closing

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = cast("asyncio.Transport", scope["state"][_TRANSPORT])
        gone = asyncio.create_task(_wait_until_gone(receive))
        closing = asyncio.create_task(self._closing.wait())
        try:
            if not await self._send(transport, send, {gone, closing}):
                # uvicorn logs an incomplete response as an error, unless the client is gone.
                await gone
        finally:
            gone.cancel()
            closing.cancel()

    async def _send(self, transport: asyncio.Transport, send: Send, ends: _Ends) -> bool:
        """Send the response, and return whether all of it was sent."""
        answer = self._answer
        if await _is_over(answer.delay, ends):
            transport.abort()
            return False
        if answer.is_reset:
            sock = cast("socket.socket", transport.get_extra_info("socket"))
            with suppress(OSError):  # the client has gone already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            transport.abort()
            return False
        body = answer.body if answer.cut is None else answer.body[: answer.cut]
        is_whole = body == answer.body
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        size = len(body) or 1 if answer.pause is None else 1
        for start in range(0, len(body), size):
            if start and await _is_over(answer.pause or 0, ends):
                transport.abort()
                return False
            part = body[start : start + size]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if is_whole:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            transport.close()
        return is_whole


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _is_over(seconds: float, ends: _Ends) -> bool:
    """Wait, and return whether an end came first."""
    done, _ = await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)

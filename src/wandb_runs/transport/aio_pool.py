"""The connections of one event loop, over httpx's asynchronous transport."""

from __future__ import annotations

import weakref
from itertools import count
from typing import TYPE_CHECKING, Final

import anyio
import httpx
from anyio.to_thread import run_sync
from typing_extensions import override

from wandb_runs.graphql.operation import MODEL_LOCK
from wandb_runs.transport.exchange import ResponseReader, read_body_async
from wandb_runs.transport.failures import CONNECT_SECONDS, unusable
from wandb_runs.transport.messages import StreamedRequest
from wandb_runs.transport.proxies import httpx_proxy
from wandb_runs.transport.tls import default_context, no_context
from wandb_runs.transport.tracebacks import without_frames

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator
    from typing import TypeAlias

    from wandb_runs.transport.messages import Request
    from wandb_runs.transport.phases import Phases
    from wandb_runs.transport.template import PoolKey, RequestTemplate

    _Key: TypeAlias = tuple[PoolKey, int]

__all__ = ["Connections"]

_AT_ONCE: Final = 8
"""Requests of one pool under way at once.

For each request, httpcore looks at all connections of a pool, and for each idle one at all again.
"""


class _RequestBody(httpx.AsyncByteStream):
    """The body of a request.

    httpx would make an asynchronous generator of it, and leave that unfinished when the task is
    cancelled, of which trio warns.
    """

    def __init__(self, content: bytes) -> None:
        self._left = [content]

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


class _StreamedBody(httpx.AsyncByteStream):
    """The body of a request, read in a thread while it is sent."""

    def __init__(self, request: StreamedRequest) -> None:
        self._chunks = request.chunks()

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await run_sync(next, self._chunks, None)
        if chunk is None:
            raise StopAsyncIteration
        return chunk


class Connections:
    """The connections of one event loop.

    Args:
        context: The certificates to trust; the default ones are loaded when they are needed.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._pools: dict[_Key, httpx.AsyncHTTPTransport] = {}
        self._active: set[int] = set()
        self._is_closing = False
        self._has_broken = False
        self._end_of_loop: AsyncGenerator[None] | None = None

    async def exchange(
        self, template: RequestTemplate, request: Request, phases: Phases
    ) -> ResponseReader:
        """Send a request and read its response."""
        # The lowest number that is free, so that few pools are used, and their connections again.
        number = next(each for each in count() if each not in self._active)
        self._active.add(number)
        try:
            key = (template.key, number // _AT_ONCE)
            pool = self._pools.get(key) or await self._open(template, key)
            sent = template.fill(
                request, connect=CONNECT_SECONDS, deadline=None, trace=phases.note_async
            )
            sent.stream = (
                _StreamedBody(request)
                if isinstance(request, StreamedRequest)
                else _RequestBody(request.content)
            )
            answer = await pool.handle_async_request(sent)
            try:
                reader = ResponseReader(request, answer)
                await read_body_async(answer, reader)
            finally:
                await answer.aclose()
        except BaseException:
            self._has_broken = True
            with anyio.CancelScope(shield=True):
                await phases.aclose_unused()
            raise
        finally:
            self._active.remove(number)
            await self._close_if_idle()
        return reader

    async def aclose(self) -> None:
        """Close all connections once no request is active."""
        self._is_closing = True
        await self._close_if_idle()

    def forget_end_of_loop(self) -> None:
        """Drop the generator that the loop closes: it holds the loop."""
        self._end_of_loop = None

    async def _open(self, template: RequestTemplate, key: _Key) -> httpx.AsyncHTTPTransport:
        if self._end_of_loop is None:
            # A loop that ends closes the asynchronous generators that began in it. Scripts seldom
            # close what they made.
            self._end_of_loop = _close_with_loop(self._pools, weakref.ref(self))
            await anext(self._end_of_loop)
        context = self._context
        if template.is_encrypted and context is None:
            try:
                context = self._context = await run_sync(default_context)
            except OSError as error:
                raise unusable(error) from without_frames(error)
        with MODEL_LOCK:  # the first pool imports httpcore, which a fork must not split
            pool = httpx.AsyncHTTPTransport(
                verify=context or no_context(),
                proxy=httpx_proxy(template.proxy, context),
            )
        return self._pools.setdefault(key, pool)

    async def _close_if_idle(self) -> None:
        """Close all connections if none is in use, and a request was broken off or all are done.

        httpcore may forget the connection of a cancelled request, if it had just been opened: it
        would be neither used again nor closed.
        """
        if self._active or not (self._is_closing or self._has_broken):
            return
        self._has_broken = False
        with anyio.CancelScope(shield=True):
            await _close(self._pools)
            if self._is_closing and self._end_of_loop is not None:
                await self._end_of_loop.aclose()


async def _close_with_loop(
    pools: dict[_Key, httpx.AsyncHTTPTransport], holder: weakref.ref[Connections]
) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        if (connections := holder()) is not None:
            connections.forget_end_of_loop()
        await _close(pools)


async def _close(pools: dict[_Key, httpx.AsyncHTTPTransport]) -> None:
    # Chosen before anything is awaited: other tasks may open new ones meanwhile.
    closing = list(pools.values())
    pools.clear()
    for pool in closing:
        await pool.aclose()

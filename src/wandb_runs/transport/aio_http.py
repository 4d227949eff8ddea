"""Requests over HTTP, by the half of httpcore that awaits."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import anyio
import httpcore
from anyio.to_thread import run_sync

from wandb_runs.errors import WandbRunsError
from wandb_runs.transport.exchange import (
    CONNECT_SECONDS,
    POOL,
    UNUSABLE,
    RequestTemplates,
    ResponseReader,
    failure,
    headers_of,
    overdue,
    unconnected,
    unusable,
    wire_request,
    without_frames,
)
from wandb_runs.transport.tasks import PerLoop
from wandb_runs.transport.tls import default_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator
    from typing import Self, TypeAlias

    from wandb_runs.transport.exchange import PoolKey, RequestTemplate
    from wandb_runs.transport.messages import Request, Response
    from wandb_runs.transport.proxies import Proxy

    _Pool: TypeAlias = httpcore.AsyncConnectionPool

__all__ = ["AsyncHttpTransport"]


class AsyncHttpTransport:
    """Pools of connections, one for each event loop, opened with its first request.

    It may be used by several loops, one after another or in threads of their own. A loop that
    ends closes its connections. All else is as `HttpTransport` has it.

    Args:
        base_url: The server that most requests go to.
        ssl_context: What certificates to trust; by default those of `SSL_CERT_FILE` or
            `SSL_CERT_DIR`, else those that come with the HTTP library.
    """

    def __init__(self, base_url: str, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._forms = RequestTemplates(base_url)
        self._ssl_context = ssl_context
        self._closed = False
        self._connections = PerLoop(_Connections)

    async def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            CertificateError: The server's certificate is not trusted.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The answer cannot be decompressed to its end.
            ResponseTooLargeError: The answer is longer than `request.max_bytes`.
            WandbRunsError: The transport is closed, or the environment's proxies or
                certificates cannot be used.
        """
        content = _Content(request.content)
        try:
            with anyio.move_on_after(request.timeout):
                return await self._send(request, content)
        except WandbRunsError:
            raise
        except Exception as error:
            meaning = failure(request, error)
            if meaning is None:
                raise
            raise meaning from without_frames(error)
        except BaseException as error:
            if isinstance(error, Exception):
                raise
            # Cancelled, or interrupted. The frames of the HTTP library hold the key.
            raise error.with_traceback(None) from None
        raise overdue(request) if content.is_taken else unconnected(request)

    async def aclose(self) -> None:
        """Refuse later requests, and close this loop's connections once all are answered."""
        self._closed = True
        await self._connections.here().tidy_up(is_closed=True)

    async def _send(self, request: Request, content: _Content) -> Response:
        form = self._forms.of(request)
        if self._closed:
            raise WandbRunsError("this client is closed; make a new Api()")
        connections = self._connections.here()
        connections.under_way += 1
        try:
            pool = connections.pools.get(form.key)
            if pool is None:
                pool = await connections.open(form, self._ssl_context)
            response = await _exchange(pool, form, request, content)
        except BaseException:
            connections.is_littered = True
            raise
        else:
            return response
        finally:
            connections.under_way -= 1
            await connections.tidy_up(is_closed=self._closed)


class _Connections:
    """The connections of one event loop.

    Attributes:
        pools: The pools.
        under_way: How many requests are under way.
        is_littered: Whether one was broken off.
    """

    def __init__(self) -> None:
        self.pools: dict[PoolKey, _Pool] = {}
        self.under_way = 0
        self.is_littered = False
        self._at_the_end: AsyncGenerator[None] | None = None

    async def open(self, form: RequestTemplate, context: ssl.SSLContext | None) -> _Pool:
        if self._at_the_end is None:
            # Loops close the asynchronous generators that have begun in them, when they end or
            # when nobody holds them any more: few users close what a script made once.
            self._at_the_end = _close_at_the_end(self.pools, weakref.ref(self))
            await anext(self._at_the_end)
        try:
            if form.is_encrypted and context is None:
                context = await run_sync(default_context)
            pool = _open_pool(form.proxy, context)
        except UNUSABLE as error:
            raise unusable(error) from without_frames(error)
        return self.pools.setdefault(form.key, pool)

    def forget_the_end(self) -> None:
        """Hold the loop no longer, which what it has begun does."""
        self._at_the_end = None

    async def tidy_up(self, *, is_closed: bool) -> None:
        """Close what is of no more use, when nothing is under way.

        Of a request that is broken off the HTTP library may forget the connection, if that had
        just been opened: it is neither used any more nor closed.
        """
        if self.under_way or not (is_closed or self.is_littered):
            return
        # All of it is chosen before anything is awaited: others may begin meanwhile.
        self.is_littered = False
        litter = [
            connection
            for pool in self.pools.values()
            for connection in pool.connections
            if not connection.is_idle()
        ]
        with anyio.CancelScope(shield=True):
            for connection in litter:
                await connection.aclose()
            if is_closed and self._at_the_end is not None:
                await self._at_the_end.aclose()


async def _close_at_the_end(
    pools: dict[PoolKey, _Pool], holder: weakref.ref[_Connections]
) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        if (connections := holder()) is not None:
            connections.forget_the_end()
        while pools:
            await pools.popitem()[1].aclose()


def _open_pool(proxy: Proxy | None, context: ssl.SSLContext | None) -> _Pool:
    if proxy is None:
        return httpcore.AsyncConnectionPool(ssl_context=context, **POOL)
    if proxy.is_socks:
        return httpcore.AsyncSOCKSProxy(
            proxy.url, proxy_auth=proxy.auth, ssl_context=context, **POOL
        )
    return httpcore.AsyncHTTPProxy(
        proxy.url,
        proxy_auth=proxy.auth,
        ssl_context=context,
        proxy_ssl_context=context if proxy.scheme == "https" else None,
        **POOL,
    )


class _Content:
    """A body to be sent.

    The HTTP library would make an asynchronous generator of it, and leave that in its midst when
    it is cancelled, of which trio warns.

    Attributes:
        is_taken: Whether it was asked for, which is when a connection stands.
    """

    def __init__(self, content: bytes) -> None:
        self._left = [content]
        self.is_taken = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self.is_taken = True
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


async def _exchange(
    pool: _Pool, form: RequestTemplate, request: Request, content: _Content
) -> Response:
    answer = await pool.handle_async_request(
        wire_request(form, request, content, connect=CONNECT_SECONDS, rest=None)
    )
    reader = ResponseReader(request, answer.status, headers_of(answer.headers))
    try:
        await _read(answer, reader)
    finally:
        await answer.aclose()
    return reader.response()


async def _read(answer: httpcore.Response, reader: ResponseReader) -> None:
    # In a function of its own: its variables hold what came, which may quote the key.
    is_wanted = True
    try:
        async for chunk in answer.aiter_stream():
            if is_wanted and not reader.add(chunk):
                is_wanted = False
                # Then the library's generators come to an end by themselves: those that are left
                # alone in their midst trio warns of.
                await answer.aclose()
    except Exception:
        if is_wanted:
            raise

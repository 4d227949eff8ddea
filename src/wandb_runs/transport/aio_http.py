"""`AsyncHttpTransport`: requests over httpx's transport, for async callers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio

from wandb_runs.graphql.operation import MODEL_LOCK
from wandb_runs.transport.failures import (
    closed,
    meaning_of,
    overdue,
    refusal_of_proxy,
    unconnected,
)
from wandb_runs.transport.phases import Phases
from wandb_runs.transport.tasks import PerLoop
from wandb_runs.transport.template import TemplateCache

if TYPE_CHECKING:
    import ssl

    from wandb_runs.errors import WandbRunsError
    from wandb_runs.transport.aio_pool import Connections
    from wandb_runs.transport.messages import Request, Response
    from wandb_runs.transport.urls import BaseUrl

__all__ = ["AsyncHttpTransport"]


class AsyncHttpTransport:
    """Carries requests over pools of connections, one for each event loop.

    Several event loops may use it, one after another or in threads of their own. A loop opens
    its connections with its first request, and closes them when it ends. All else is as in
    `HttpTransport`.

    It is what `AsyncApi` uses by default; make one to put something of yours around it:

    >>> import asyncio
    >>> from wandb_runs import AsyncApi, AsyncHttpTransport, Request, Response
    >>> class Counting:
    ...     def __init__(self, inner: AsyncHttpTransport) -> None:
    ...         self.inner = inner
    ...         self.sent = 0
    ...
    ...     async def send(self, request: Request, /) -> Response:
    ...         self.sent += 1
    ...         return await self.inner.send(request)
    >>> async def count_runs() -> None:
    ...     counting = Counting(AsyncHttpTransport(server.url))
    ...     api = AsyncApi(base_url=server.url, api_key="any-key", transport=counting)
    ...     print(await api.runs("sample/digits").length() > 10, counting.sent)
    ...     await counting.inner.aclose()
    >>> asyncio.run(count_runs())
    True 1

    Args:
        base_url: The server that most requests go to, or a function that says it when they do.
        ssl_context: The certificates to trust; by default those of `SSL_CERT_FILE` or
            `SSL_CERT_DIR`, else those that come with httpx.
    """

    def __init__(self, base_url: BaseUrl, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._templates = TemplateCache(base_url)
        self._closed = False
        # Not a method, whose reference to this would make a cycle that only the collector ends.
        self._connections = PerLoop(partial(_connections, ssl_context))

    async def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole response.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            CertificateError: The server's certificate is not trusted.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The body cannot be decompressed to its end.
            ResponseTooLargeError: The body is longer than `request.max_bytes`.
            WandbRunsError: The transport is closed, or the environment's proxies or certificates
                cannot be used.
        """
        if self._closed:
            raise closed()
        template = self._templates.of(request)
        with MODEL_LOCK:  # a fork must not split an import
            connections = self._connections.here()
        phases = Phases()
        failure: WandbRunsError | None = None
        try:
            with anyio.move_on_after(request.timeout):
                reader = await connections.exchange(template, request, phases)
                response = reader.response()
                failure = refusal_of_proxy(request, response, template.proxy)
                if failure is None:
                    return response
        except BaseException as error:
            failure = meaning_of(request, error, template.proxy, phases)
            if failure is None:
                raise
        raise failure or (overdue(request) if phases.is_sent else unconnected(request, phases))

    async def aclose(self) -> None:
        """Refuse later requests; close this loop's connections once no request is active."""
        self._closed = True
        await self._connections.here().aclose()


def _connections(context: ssl.SSLContext | None) -> Connections:
    from wandb_runs.transport.aio_pool import Connections  # noqa: PLC0415 - it imports httpx

    return Connections(context)

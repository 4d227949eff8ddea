"""`AsyncHttpClientTransport`: requests over a user's `httpx.AsyncClient`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeAlias

import anyio
from anyio.to_thread import run_sync
from typing_extensions import override

from wandb_runs.transport.exchange import ResponseReader, read_body_async
from wandb_runs.transport.failures import meaning_of, overdue
from wandb_runs.transport.http_client import (
    check_client,
    check_open,
    limits_of,
    refused,
    send_options,
    unpicklable,
)
from wandb_runs.transport.messages import StreamedRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from wandb_runs.transport.exchange import AsyncHttpResponse
    from wandb_runs.transport.http_client import ClientOf
    from wandb_runs.transport.messages import Request, Response
    from wandb_runs.transport.urls import BaseUrl

__all__ = ["AsyncHttpClient", "AsyncHttpClientTransport"]


AsyncHttpClient: TypeAlias = "ClientOf[AbstractAsyncContextManager[AsyncHttpResponse]]"
"""What `AsyncApi(http_client=...)` needs of a client; `httpx.AsyncClient` has it.

So has `httpx2.AsyncClient`.
"""


class AsyncHttpClientTransport:
    """Carries requests over a user's asynchronous client, which it never closes.

    Like httpx's clients, it belongs to one event loop, whose tasks may share it. The deadline of
    a request holds for all of it, the headers included; all else is as in `HttpClientTransport`.

    Args:
        client: An `httpx.AsyncClient` or `httpx2.AsyncClient`.
        base_url: The server that the client's authentication is for, or a function that says it: a
            request to another origin, such as a signed address of a file, goes without it. By
            default it applies to all.

    Raises:
        InvalidArgumentError: `client` is no such client.
    """

    def __init__(self, client: AsyncHttpClient, base_url: BaseUrl | None = None) -> None:
        check_client(client, enters="__aenter__", expected="AsyncClient", api="AsyncApi")
        self._client = client
        self._base_url = base_url

    @override
    def __reduce__(self) -> NoReturn:
        raise unpicklable()

    async def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole response.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            CertificateError: The server's certificate is not trusted.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The body cannot be decompressed to its end.
            ResponseTooLargeError: The body is longer than `request.max_bytes`.
            WandbRunsError: The client is closed.
        """
        check_open(self._client)
        reader = failure = None
        try:
            with anyio.move_on_after(request.timeout):
                reader = await self._exchange(request)
        except BaseException as error:
            failure = meaning_of(request, error)
            if failure is None:
                raise
        if reader is None:
            raise failure or overdue(request)
        return reader.response()

    async def _exchange(self, request: Request) -> ResponseReader:
        limits = limits_of(request)
        streamed = _Streamed(request) if isinstance(request, StreamedRequest) else None
        options = send_options(self._client, request, limits, self._base_url, streamed)
        try:
            async with self._client.stream(request.method, request.url, **options) as response:
                reader = ResponseReader(request, response)
                await read_body_async(response, reader)
                return reader
        except Exception as error:  # noqa: BLE001 - raised again unless it is a refusal
            return refused(request, limits, error)


class _Streamed:
    """A body that an authentication may send again, read in a thread while it is sent."""

    def __init__(self, request: StreamedRequest) -> None:
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._request.chunks()
        while (chunk := await run_sync(next, chunks, None)) is not None:
            yield chunk

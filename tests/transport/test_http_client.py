"""Calls over a user's httpx client, blocking and async."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING, Final

import anyio
import httpx
import pytest
from support.raw_server import http_answer, read_request, serve
from support.ways import each_way

from wandb_runs import (
    Api,
    AsyncApi,
    RequestTimeoutError,
    ResponseTooLargeError,
    TruncatedResponseError,
)
from wandb_runs.testing import FakeClock
from wandb_runs.transport.aio_http_client import AsyncHttpClientTransport
from wandb_runs.transport.http_client import HttpClientTransport

if TYPE_CHECKING:
    import socket

KEY: Final = "canary-0123456789abcdef0123456789abcdef01"
GOOD: Final = b'{"data": {"project": {"runCount": 7}}}'


def count(way: str, url: str, *, timeout: float = 20, max_response_bytes: int = 1 << 20) -> int:
    """Count the runs of a project over a plain client."""
    if way == "sync":
        with httpx.Client() as client:
            api = Api(
                base_url=url,
                api_key=KEY,
                transport=HttpClientTransport(client),
                clock=FakeClock(),
                timeout=timeout,
                max_response_bytes=max_response_bytes,
            )
            return len(api.runs("team/mnist"))

    async def run() -> int:
        async with httpx.AsyncClient() as client:
            api = AsyncApi(
                base_url=url,
                api_key=KEY,
                transport=AsyncHttpClientTransport(client),
                clock=FakeClock(),
                timeout=timeout,
                max_response_bytes=max_response_bytes,
            )
            return await api.runs("team/mnist").length()

    return anyio.run(run, backend=way)


@each_way
def test_a_plain_client_carries_a_call(way: str) -> None:
    def answer(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(http_answer(gzip.compress(GOOD), content_encoding="gzip"))

    with serve(answer) as server:
        assert count(way, server.url) == 7


@each_way
def test_deadline_holds_while_the_body_drips(way: str) -> None:
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)

    with serve(drip) as server:
        began = time.monotonic()
        with pytest.raises(RequestTimeoutError):
            count(way, server.url, timeout=0.3)
        assert time.monotonic() - began < 2


@each_way
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http_answer(gzip.compress(GOOD)[:-9], content_encoding="gzip"), TruncatedResponseError),
        (
            http_answer(gzip.compress(bytes(5_000_000)), content_encoding="gzip"),
            ResponseTooLargeError,
        ),
        (http_answer(bytes(5_000_000)), ResponseTooLargeError),
    ],
    ids=["truncated gzip", "gzip bomb", "too large"],
)
def test_a_bad_body_is_an_error(way: str, answer: bytes, kind: type[Exception]) -> None:
    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(answer)

    with serve(handle) as server, pytest.raises(kind):
        count(way, server.url)

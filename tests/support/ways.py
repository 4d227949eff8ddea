"""`@each_way`: runs a test with the blocking client, and with the async one on each backend.

`Face` wraps either client. Its methods block; for the async client each runs an event loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Self, TypeVar, Unpack

import anyio
import pytest
from anyio.lowlevel import checkpoint
from typing_extensions import override

from wandb_runs import Api, AsyncApi, RetryingClient
from wandb_runs.testing import FakeClock
from wandb_runs.transport import AsyncRetryingClient
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.credentials import ApiKey
from wandb_runs.transport.options import Options
from wandb_runs.transport.settings import resolve_settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from support.options import ApiArguments, Chosen

    from wandb_runs import Request, Response, Stats, Transport
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.transport.clock import SystemClock
    from wandb_runs.transport.settings import Address

__all__ = ["BACKENDS", "WAYS", "Awaiting", "Face", "each_backend", "each_way"]

T = TypeVar("T")

BACKENDS: Final = ("asyncio", "trio")
WAYS: Final = ("sync", *BACKENDS)

each_way: Final = pytest.mark.parametrize("way", WAYS)
each_backend: Final = pytest.mark.parametrize("backend", BACKENDS)


class Awaiting:
    """An async transport that calls a blocking one."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    async def send(self, request: Request, /) -> Response:
        await checkpoint()
        return self._inner.send(request)


class Face:
    """Blocking calls of a client, which may be async.

    Attributes:
        inner: The client.
    """

    def __init__(self, way: str, inner: RetryingClient | AsyncRetryingClient) -> None:
        self.inner = inner
        self._way = way

    @classmethod
    def of(
        cls,
        way: str,
        base_url: str,
        key: str,
        *,
        transport: Transport | None = None,
        clock: SystemClock | FakeClock = SYSTEM_CLOCK,
        ssl_context: ssl.SSLContext | None = None,
        allow_http: bool = False,
        **chosen: Unpack[Chosen],
    ) -> Self:
        api_key = ApiKey(key, source="argument")
        settings = resolve_settings(
            base_url=base_url, api_key=api_key, allow_http=allow_http, environ={}
        )
        options = Options().changed(**chosen)
        if way == "sync":
            return cls(
                way,
                RetryingClient(
                    settings,
                    transport=transport,
                    options=options,
                    clock=clock,
                    ssl_context=ssl_context,
                ),
            )
        return cls(
            way,
            AsyncRetryingClient(
                settings,
                transport=None if transport is None else Awaiting(transport),
                options=options,
                clock=clock,
                ssl_context=ssl_context,
            ),
        )

    @classmethod
    def of_api(
        cls,
        way: str,
        transport: Transport,
        clock: FakeClock | None = None,
        **given: Unpack[ApiArguments],
    ) -> Self:
        """The client of an `Api` or `AsyncApi`."""
        url, clock = "http://127.0.0.1:9", clock or FakeClock()
        if way == "sync":
            return cls(way, Api(base_url=url, transport=transport, clock=clock, **given).client)
        awaiting = Awaiting(transport)
        return cls(way, AsyncApi(base_url=url, transport=awaiting, clock=clock, **given).client)

    @override
    def __repr__(self) -> str:
        return repr(self.inner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def stats(self) -> Stats:
        return self.inner.stats

    def with_options(self, **chosen: Unpack[Chosen]) -> Face:
        return Face(self._way, self.inner.with_options(self.inner.options.changed(**chosen)))

    def execute(self, operation: Operation[T]) -> T:
        if isinstance(self.inner, RetryingClient):
            return self.inner.execute(operation)
        return self._go(partial(self.inner.execute, operation))

    def run(self, flow: Flow[T]) -> T:
        if isinstance(self.inner, RetryingClient):
            return self.inner.run(flow)
        return self._go(partial(self.inner.run, flow))

    def download(self, address: Address) -> bytes:
        if isinstance(self.inner, RetryingClient):
            return self.inner.download(address)
        return self._go(partial(self.inner.download, address))

    def close(self) -> None:
        if isinstance(self.inner, RetryingClient):
            self.inner.close()
        else:
            self._go(self.inner.aclose)

    def _go(self, begin: Callable[[], Awaitable[T]]) -> T:
        return anyio.run(begin, backend=self._way)

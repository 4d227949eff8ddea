"""`AsyncRetryingClient`: what `RetryingClient` does, for those who await."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tenacity import AsyncRetrying
from typing_extensions import override

from wandb_runs.errors import WandbRunsError
from wandb_runs.graphql.flow import run_flow_async
from wandb_runs.graphql.raw_response import LARGE, RawOperation
from wandb_runs.transport.base import DEFAULTS, FILE, Client, file_in, plan_of, subject_of
from wandb_runs.transport.call import Call, Plan
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.session import SessionBase

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from typing import Self

    from wandb_runs.graphql.flow import Flow, Gather
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.transport.aio_http import AsyncHttpTransport
    from wandb_runs.transport.call import Method
    from wandb_runs.transport.clock import AsyncClock
    from wandb_runs.transport.messages import AsyncTransport, Response
    from wandb_runs.transport.options import Options
    from wandb_runs.transport.settings import Address, Settings

__all__ = ["AsyncRetryingClient"]

T = TypeVar("T")


class AsyncSession(SessionBase):
    """What a client that awaits and its copies have in common.

    Attributes:
        transport: Carries the requests.
        sleep: Waits.
        benches: What they have of each event loop.
    """

    def __init__(
        self,
        settings: Settings,
        transport: AsyncTransport | None,
        ssl_context: ssl.SSLContext | None,
        clock: AsyncClock,
    ) -> None:
        # asyncio takes as long to import as everything else.
        from wandb_runs.transport.aio_http import AsyncHttpTransport  # noqa: PLC0415 - of asyncio
        from wandb_runs.transport.loops import LoopLimits, PerLoop  # noqa: PLC0415 - of asyncio

        super().__init__(settings, clock)
        self._own_transport: AsyncHttpTransport | None = None
        if transport is None:
            transport = self._own_transport = AsyncHttpTransport(
                settings.base_url, ssl_context=ssl_context
            )
        self.transport: AsyncTransport = transport
        self.sleep: Callable[[float], Awaitable[None]] = clock.sleep_async
        self.benches: PerLoop[LoopLimits] = PerLoop(LoopLimits)
        self._loaded: set[object] = set()
        self._ssl_context = ssl_context

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        given = None if self._own_transport is not None else self.transport
        return self._landing(given, self._ssl_context)

    def takes_long(self, operation: Operation[object], response: Response) -> bool:
        """Whether reading an answer would hold up those who wait for others.

        So does the first answer of a kind, which loads its model; those that stay bytes have none.
        """
        if isinstance(operation, RawOperation):
            return False
        is_first = operation.load not in self._loaded
        self._loaded.add(operation.load)
        return is_first or len(response.content) > LARGE

    async def aclose(self) -> None:
        """Refuse later requests, and close connections that are not the user's."""
        self.is_closed = True
        if self._own_transport is not None:
            await self._own_transport.aclose()


class AsyncCall(Call[AsyncSession]):
    """A call that is awaited."""

    __slots__ = ()

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Make an attempt, and more of them as long as that is decided.

        Raises:
            WandbRunsError: What the last attempt came to.
        """
        try:
            answer = await attempt()
        except WandbRunsError as error:
            retry = self._judge(error)
            if retry is None:
                raise
            failed = [error]
        else:
            self._shared.budget.give_back()
            return answer

        async def again() -> T:
            if failed:  # what failed before is the first attempt
                raise failed.pop()
            answer = await attempt()
            self._shared.budget.give_back()
            return answer

        return await AsyncRetrying(sleep=self._shared.sleep, **self._retrials(retry))(again)

    async def send(self, method: Method, address: Address, *, about: str) -> Response:
        """Send once more, and raise what the answer's status stands for.

        Args:
            method: The HTTP method.
            address: Where to.
            about: What is asked for, in the words of a message.
        """
        pause = self._pause()
        if pause > 0:
            await self._shared.sleep(pause)
        async with self._shared.benches.here().slot(max(self._left(), 0)) as is_free:
            if not is_free:
                raise self._no_slot()
            return await self._send(method, address, about)

    async def _send(self, method: Method, address: Address, about: str) -> Response:
        shared = self._shared
        request = self._next_request(method, address)
        began = shared.clock.monotonic()
        try:
            response = await shared.transport.send(request)
        except WandbRunsError as error:
            self._note_failure(error, began)
            raise
        return self._checked(response, address, about, began)


class AsyncRetryingClient(Client[AsyncSession]):
    """Executes operations as `RetryingClient` does, for those who await; under asyncio and trio.

    It may be used by several event loops, one after another or in threads of their own. Each has
    connections of its own, and at most four requests under way at once; all else is shared. Who
    is cancelled breaks off the request, and leaves the client as it was.

    Args:
        settings: The server, the key and the defaults.
        transport: Carries the requests; by default pools of HTTP connections. One that is
            passed in is never closed here.
        options: How patient the client is, and how much it takes.
        ssl_context: What certificates to trust.
        clock: Where time and chance come from.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: AsyncTransport | None = None,
        options: Options = DEFAULTS,
        ssl_context: ssl.SSLContext | None = None,
        clock: AsyncClock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(AsyncSession(settings, transport, ssl_context, clock), options)

    async def execute(self, operation: Operation[T]) -> T:
        """Send one operation and return its typed answer.

        Raises:
            WandbRunsError: One of its kinds; see `wandb_runs.errors.exceptions`.
        """
        content = operation.content()
        self._check_open()
        shared = self._shared
        call = AsyncCall(
            shared,
            self.options,
            operation.name,
            shared.identity.headers,
            content,
            plan_of(operation),
        )

        async def attempt() -> T:
            response = await call.send("POST", shared.endpoint, about=subject_of(operation))
            read = partial(self._read, operation, response, call.attempts)
            if shared.takes_long(operation, response):
                return await shared.benches.here().apart(read)
            return read()

        return await call.run(attempt)

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; of what it asks for at once, a few requests at a time."""
        from wandb_runs.transport.loops import run_gathered_async  # noqa: PLC0415 - of asyncio

        apart = self._shared.benches.here().apart

        async def at_once(step: Gather[object]) -> list[object]:
            return await run_gathered_async(step, self.execute, apart)

        return await run_flow_async(flow, self.execute, at_once, apart)

    async def download(self, address: Address) -> bytes:
        """Get a file that the server named; the key goes along to the server alone.

        Raises:
            InvalidArgumentError: A URL that would be read unencrypted from another machine.
            WandbRunsError: One of its kinds; see `wandb_runs.errors.exceptions`.
        """
        self._check_open()
        headers = self._file_headers(address)
        call = AsyncCall(self._shared, self.options, FILE, headers, b"", Plan("query"))

        async def attempt() -> bytes:
            return file_in(await call.send("GET", address, about=FILE), call.attempts)

        return await call.run(attempt)

    async def aclose(self) -> None:
        """Refuse later requests, and close the connections, unless the transport was passed in.

        Those of this event loop; others close theirs when they end. A copy closes itself alone:
        the connections are those of the client that it was made of.
        """
        self._is_closed = True
        if not self._is_copy:
            await self._shared.aclose()

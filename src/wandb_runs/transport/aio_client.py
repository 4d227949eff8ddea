"""`AsyncRetryingClient`: what `RetryingClient` does, for async callers."""

from __future__ import annotations

import sys
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, TypeVar, cast

from wandb_runs.errors import WandbRunsError
from wandb_runs.graphql.flow import run_flow_async
from wandb_runs.transport.call import OverdueError, Send, Sleep
from wandb_runs.transport.client_base import DEFAULTS, Client
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.options import MAX_CONCURRENCY
from wandb_runs.transport.session import SessionBase
from wandb_runs.transport.tracebacks import clear_frames

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from wandb_runs.graphql.flow import Flow, Gather
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.transport.aio_http import AsyncHttpTransport
    from wandb_runs.transport.call import Attempts, Step
    from wandb_runs.transport.clock import AsyncClock
    from wandb_runs.transport.events import Event
    from wandb_runs.transport.messages import AsyncTransport
    from wandb_runs.transport.options import Options
    from wandb_runs.transport.settings import Address, Settings

__all__ = ["AsyncRetryingClient"]

T = TypeVar("T")


class AsyncSession(SessionBase):
    """What an async client and its copies share.

    Attributes:
        transport: Carries the requests.
        limits: The limits of each event loop.
    """

    def __init__(
        self,
        settings: Settings,
        given: AsyncTransport | None,
        ssl_context: ssl.SSLContext | None,
        clock: AsyncClock,
        max_concurrency: int,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        # asyncio takes as long to import as everything else.
        from wandb_runs.transport.aio_http import AsyncHttpTransport  # noqa: PLC0415 - of asyncio
        from wandb_runs.transport.tasks import LoopLimits, PerLoop  # noqa: PLC0415 - of asyncio

        super().__init__(settings, given, ssl_context, clock, max_concurrency, on_event)
        self._own_transport: AsyncHttpTransport | None = None
        if given is None:
            given = self._own_transport = AsyncHttpTransport(
                lambda: settings.base_url, ssl_context=ssl_context
            )
        self.transport: AsyncTransport = given
        self.limits: PerLoop[LoopLimits] = PerLoop(partial(LoopLimits, self.widths))
        self._sleep = clock.sleep_async

    async def run(self, attempts: Attempts[T]) -> T:
        """Run the attempts of a call in this task.

        Raises:
            WandbRunsError: How the last attempt failed.
        """
        advance, outside = partial(next, attempts), sys.exception()
        try:
            while True:
                step = advance()
                try:
                    advance = partial(attempts.send, await self._perform(step))
                except BaseException as error:  # noqa: BLE001 - the call decides about it
                    advance = partial(attempts.throw, error)
        except StopIteration as stop:
            answer: T = stop.value
            return answer
        except WandbRunsError:
            raise
        except BaseException as error:
            clear_frames(error, outside)
            raise
        finally:
            del advance  # with its error, whose traceback holds this frame

    async def wait(self, seconds: float) -> float:
        """Wait for so many seconds, and return the time of the clock then."""
        await self._sleep(seconds)
        return self.clock.monotonic()

    async def _perform(self, step: Step) -> object:
        if isinstance(step, Send):
            async with self.limits.here().slot(step.wait, step.lane) as is_held:
                return await self.transport.send(step.begin(is_held))
        if isinstance(step, Sleep):
            await self._sleep(step.seconds)
            return None
        if step.takes_long:
            return await self.limits.here().apart(step.work)
        result = step.work()
        if not isawaitable(result):
            return result
        from anyio import move_on_after  # noqa: PLC0415 - of asyncio

        with move_on_after(step.wait):
            return await cast("Awaitable[object]", result)
        raise OverdueError

    async def aclose(self) -> None:
        """Refuse later requests, and close connections that are not the user's."""
        self.is_closed = True
        if self._own_transport is not None:
            await self._own_transport.aclose()


class AsyncRetryingClient(Client[AsyncSession]):
    """Executes operations as `RetryingClient` does, for async callers, under asyncio and trio.

    It may be used by several event loops, one after another or in threads of their own. Each has
    connections of its own, and at most `max_concurrency` operations under way at once, and 32
    requests for files; all else is shared. A cancelled task aborts its request, and leaves the
    client as it was.

    Args:
        settings: The server, the key and the defaults.
        transport: Carries the requests; by default pools of HTTP connections. One that is
            passed in is never closed here.
        options: The limits of each call.
        ssl_context: What certificates to trust.
        clock: Clock and random source.
        max_concurrency: How many operations of an event loop may be under way at once.
        on_event: Told each event.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: AsyncTransport | None = None,
        options: Options = DEFAULTS,
        ssl_context: ssl.SSLContext | None = None,
        clock: AsyncClock = SYSTEM_CLOCK,
        max_concurrency: int = MAX_CONCURRENCY,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        super().__init__(
            AsyncSession(settings, transport, ssl_context, clock, max_concurrency, on_event),
            options,
        )

    async def execute(self, operation: Operation[T]) -> T:
        """Send one operation and return its typed answer.

        Raises:
            WandbRunsError: One of its kinds; see `wandb_runs.errors.exceptions`.
        """
        return await self._session.run(self._attempts_at(operation))

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; gathered flows run in tasks, so many at a time of each kind."""
        from wandb_runs.transport.tasks import run_gathered_async  # noqa: PLC0415 - of asyncio

        apart, widths = self._session.limits.here().apart, self._session.widths

        async def at_once(step: Gather[object]) -> list[object]:
            return await run_gathered_async(step, self.execute, apart, widths)

        result = await run_flow_async(flow, self.execute, at_once, apart, self._session.wait)
        self._warn()
        return result

    async def download(self, address: Address) -> bytes:
        """Download a file that the server named; the key goes to the server's own origin alone.

        Raises:
            InvalidArgumentError: A URL that would be read unencrypted from another machine.
            WandbRunsError: One of its kinds; see `wandb_runs.errors.exceptions`.
        """
        return await self._session.run(self._attempts_to_download(address))

    async def aclose(self) -> None:
        """Refuse later requests, and close the connections, unless the transport was passed in.

        Those of this event loop; others close theirs when they end. A copy closes itself alone:
        the connections are those of the client that it was made of.
        """
        self._is_closed = True
        if not self._is_copy:
            await self._session.aclose()

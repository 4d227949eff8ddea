"""`RetryingClient`: executes operations with retries, within one deadline."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from wandb_runs.errors import InvalidArgumentError, WandbRunsError
from wandb_runs.graphql.flow import run_flow
from wandb_runs.transport.call import Send, Sleep
from wandb_runs.transport.client_base import DEFAULTS, Client
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.http import HttpTransport
from wandb_runs.transport.options import MAX_CONCURRENCY
from wandb_runs.transport.session import SessionBase
from wandb_runs.transport.threads import Slots, run_gathered
from wandb_runs.transport.tracebacks import clear_frames

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from wandb_runs.graphql.flow import Flow, Lane
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.transport.call import Attempts, Step
    from wandb_runs.transport.clock import Clock
    from wandb_runs.transport.events import Event
    from wandb_runs.transport.messages import Response, Transport
    from wandb_runs.transport.options import Options
    from wandb_runs.transport.settings import Address, Settings

__all__ = ["RetryingClient", "Session"]

T = TypeVar("T")


class Session(SessionBase):
    """What a blocking client and its copies share.

    Attributes:
        transport: Carries the requests.
        slots: How many requests of each kind may be under way.
    """

    def __init__(
        self,
        settings: Settings,
        given: Transport | None,
        ssl_context: ssl.SSLContext | None,
        clock: Clock,
        max_concurrency: int,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        super().__init__(settings, given, ssl_context, clock, max_concurrency, on_event)
        if settings.given_key is not None and settings.given_key.is_async:
            raise InvalidArgumentError("an async function as api_key= needs AsyncApi, not Api")
        self._own_transport: HttpTransport | None = None
        if given is None:
            given = self._own_transport = HttpTransport(
                lambda: settings.base_url, ssl_context=ssl_context
            )
        self.transport: Transport = given
        self.slots: Mapping[Lane, Slots] = {
            lane: Slots(width) for lane, width in self.widths.items()
        }
        self._sleep = clock.sleep

    def run(self, attempts: Attempts[T]) -> T:
        """Run the attempts of a call in this thread.

        Raises:
            WandbRunsError: How the last attempt failed.
        """
        advance, outside = partial(next, attempts), sys.exception()
        try:
            while True:
                step = advance()
                try:
                    advance = partial(attempts.send, self._perform(step))
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

    def wait(self, seconds: float) -> float:
        """Wait for so many seconds, and return the time of the clock then."""
        self._sleep(seconds)
        return self.clock.monotonic()

    def _perform(self, step: Step) -> object:
        if isinstance(step, Send):
            work = partial(self._send, step)
            if any(slots.are_held for slots in self.slots.values()):
                return work(is_slot_held=True)  # by a transport that sends from within `send`
            return self.slots[step.lane].hold(step.wait, work)
        if isinstance(step, Sleep):
            self._sleep(step.seconds)
            return None
        return step.work()

    def _send(self, step: Send, is_slot_held: bool) -> Response:  # noqa: FBT001 - a callback
        return self.transport.send(step.begin(is_slot_held))

    def close(self) -> None:
        """Refuse later requests, and close connections that are not the user's."""
        self.is_closed = True
        if self._own_transport is not None:
            self._own_transport.close()


class RetryingClient(Client[Session]):
    """Executes operations against one server; `api.client` is one.

    Thread-safe: several `Runs` may share it, from several threads, and at most `max_concurrency`
    of their operations are under way at once, and 32 requests for files. A query that fails for
    a passing reason (no connection, a broken connection, a truncated answer, HTTP 408, 429,
    500, 502, 503, 504) is sent again after an exponential back-off with jitter, or after the
    pause that the server asks for; at most `max_retries` times, within the deadline of the
    call, and until the retry budget of the client is spent. A mutation is sent again only if it
    is certain that nothing of it was sent.

    Args:
        settings: The server, the key and the defaults.
        transport: Carries the requests; by default a pool of HTTP connections. One that is
            passed in is never closed here.
        options: The limits of each call.
        ssl_context: What certificates to trust.
        clock: Clock and random source.
        max_concurrency: How many operations may be under way at once.
        on_event: Told each event.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: Transport | None = None,
        options: Options = DEFAULTS,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock = SYSTEM_CLOCK,
        max_concurrency: int = MAX_CONCURRENCY,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        super().__init__(
            Session(settings, transport, ssl_context, clock, max_concurrency, on_event), options
        )

    def execute(self, operation: Operation[T]) -> T:
        """Send one operation and return its typed answer.

        Raises:
            WandbRunsError: One of its kinds; see `wandb_runs.errors.exceptions`.
        """
        return self._session.run(self._attempts_at(operation))

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; gathered flows run in threads, so many at a time of each kind."""
        widths = self._session.widths
        result = run_flow(
            flow,
            self.execute,
            lambda step: run_gathered(step, self.execute, widths),
            self._session.wait,
        )
        self._warn()
        return result

    def download(self, address: Address) -> bytes:
        """Download a file that the server named; the key goes to the server's own origin alone.

        Raises:
            InvalidArgumentError: A URL that would be read unencrypted from another machine.
            WandbRunsError: One of its kinds; see `wandb_runs.errors.exceptions`.
        """
        return self._session.run(self._attempts_to_download(address))

    def close(self) -> None:
        """Refuse later requests, and close the connections, unless the transport was passed in.

        A copy closes itself alone: the connections are those of the client that it was made of.
        """
        self._is_closed = True
        if not self._is_copy:
            self._session.close()

"""`RetryingClient`: executes operations, again when that is safe, within one deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from wandb_runs.graphql.flow import run_flow
from wandb_runs.transport.base import DEFAULTS, FILE, Client, file_in, plan_of, subject_of
from wandb_runs.transport.call import BlockingCall, Plan
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.session import Session
from wandb_runs.transport.threads import run_gathered

if TYPE_CHECKING:
    import ssl

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.transport.clock import Clock
    from wandb_runs.transport.messages import Transport
    from wandb_runs.transport.options import Options
    from wandb_runs.transport.settings import Address, Settings

__all__ = ["RetryingClient"]

T = TypeVar("T")


class RetryingClient(Client[Session]):
    """Executes operations against one server; `api.client` is one.

    Thread-safe: several `Runs` may share it, from several threads, and at most four of their
    requests are under way at once. A query that fails for a passing reason (no connection, a
    connection that breaks, an answer that breaks off, HTTP 408, 429, 500, 502, 503, 504) is sent
    again after a growing, random pause, or after the one that the server asks for; at most
    `max_retries` times, within the deadline of the call, and until the retries that all calls of
    the client share are spent. A mutation is sent again only if it is certain that nothing of it
    was sent.

    Args:
        settings: The server, the key and the defaults.
        transport: Carries the requests; by default a pool of HTTP connections. One that is
            passed in is never closed here.
        options: How patient the client is, and how much it takes.
        ssl_context: What certificates to trust.
        clock: Where time and chance come from.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: Transport | None = None,
        options: Options = DEFAULTS,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(Session(settings, transport, ssl_context, clock), options)

    def execute(self, operation: Operation[T]) -> T:
        """Send one operation and return its typed answer.

        Raises:
            WandbRunsError: One of its kinds; see `wandb_runs.errors.exceptions`.
        """
        content = operation.content()
        self._check_open()
        shared = self._shared
        call = BlockingCall(
            shared,
            self.options,
            operation.name,
            shared.identity.headers,
            content,
            plan_of(operation),
        )

        def attempt() -> T:
            response = call.send("POST", shared.endpoint, about=subject_of(operation))
            return self._read(operation, response, call.attempts)

        return call.run(attempt)

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; of what it asks for at once, a few requests at a time."""
        return run_flow(flow, self.execute, lambda step: run_gathered(step, self.execute))

    def download(self, address: Address) -> bytes:
        """Get a file that the server named; the key goes along to the server alone.

        Raises:
            InvalidArgumentError: A URL that would be read unencrypted from another machine.
            WandbRunsError: One of its kinds; see `wandb_runs.errors.exceptions`.
        """
        self._check_open()
        headers = self._file_headers(address)
        call = BlockingCall(self._shared, self.options, FILE, headers, b"", Plan("query"))

        def attempt() -> bytes:
            return file_in(call.send("GET", address, about=FILE), call.attempts)

        return call.run(attempt)

    def close(self) -> None:
        """Refuse later requests, and close the connections, unless the transport was passed in.

        A copy closes itself alone: the connections are those of the client that it was made of.
        """
        self._is_closed = True
        if not self._is_copy:
            self._shared.close()

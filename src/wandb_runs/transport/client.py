"""`RetryingClient`: executes operations, again when that is safe, within one deadline."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar
from urllib.parse import urlsplit

from typing_extensions import override

from wandb_runs.errors import BadResponseError, GraphQLError, ResponseError, WandbRunsError
from wandb_runs.flow import drive
from wandb_runs.settings import Address, check_url
from wandb_runs.transport.answer import rate_limit_in, request_id_of
from wandb_runs.transport.call import Call
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.options import Options
from wandb_runs.transport.shared import PLAIN_HEADERS, Shared
from wandb_runs.transport.threads import run_together

if TYPE_CHECKING:
    import ssl
    from typing import Self

    from wandb_runs.flow import Flow
    from wandb_runs.operation import Operation
    from wandb_runs.settings import ApiKey, Settings
    from wandb_runs.transport.clock import Clock
    from wandb_runs.transport.message import Response, Transport
    from wandb_runs.transport.stats import Stats
    from wandb_runs.viewer import Viewer

__all__ = ["RetryingClient"]

T = TypeVar("T")

_DEFAULTS: Final = Options()


class RetryingClient:
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
        options: Options = _DEFAULTS,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.options = options
        self._shared = Shared(settings, transport, ssl_context, clock)
        self._is_copy = False
        self._is_closed = False

    @override
    def __repr__(self) -> str:
        return f"<RetryingClient {self.settings.base_url}>"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client, and what holds one, is not pickled: it has an API key and connections. "
            "Pickle run.path and make a new Api() where it lands"
        )

    @property
    def settings(self) -> Settings:
        """The server and the defaults."""
        return self._shared.settings

    @property
    def viewer(self) -> Viewer:
        """What the server said of the viewer."""
        return self._shared.viewer

    @property
    def api_key(self) -> ApiKey | None:
        """The key in use and its source; a netrc file is read on the first touch."""
        return self._shared.identity.key

    @property
    def stats(self) -> Stats:
        """What this client has done so far, and those that share its connections."""
        return self._shared.stats.snapshot

    def with_options(self, options: Options) -> Self:
        """A copy with other options, which shares everything else; see `Api.with_options`."""
        changed = type(self).__new__(type(self))
        vars(changed).update(vars(self), options=options, _is_copy=True)
        return changed

    def execute(self, operation: Operation[T]) -> T:
        """Send one operation and return its typed answer.

        Raises:
            WandbRunsError: One of its kinds; see `wandb_runs.errors`.
        """
        content = operation.content()
        self._check_open()
        shared = self._shared
        call = Call(shared, self.options, operation.name, shared.identity.headers, content)

        def attempt() -> T:
            response = call.send("POST", shared.endpoint, about=_subject(operation))
            return self._read(operation, response, call.attempts)

        return call.run(
            attempt,
            kind=operation.kind,
            is_divisible=operation.divisible,
            is_optional=operation.is_optional,
        )

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; of what it asks for at once, a few requests at a time."""
        return drive(flow, self.execute, lambda step: run_together(step, self.execute))

    def download(self, address: Address) -> bytes:
        """Get a file that the server named; the key goes along to the server alone.

        Raises:
            InvalidArgumentError: A URL that would be read unencrypted from another machine.
            WandbRunsError: One of its kinds; see `wandb_runs.errors`.
        """
        self._check_open()
        shared = self._shared
        check_url(address.url, what="the file's address", allow_http=shared.settings.allow_http)
        is_own = urlsplit(address.url)[:2] == urlsplit(shared.settings.base_url)[:2]
        headers = shared.identity.headers if is_own else PLAIN_HEADERS
        call = Call(shared, self.options, "a file", headers, b"")

        def attempt() -> bytes:
            response = call.send("GET", address, about="a file")
            if response.status != HTTPStatus.OK:
                raise BadResponseError(
                    f"the server did not give the file (HTTP {response.status}); ask again for "
                    "its address: it may have expired",
                    status=response.status,
                    request_id=request_id_of(response),
                    attempts=call.attempts,
                )
            return response.content

        return call.run(attempt, kind="query")

    def close(self) -> None:
        """Refuse later requests, and close the connections, unless the transport was passed in.

        A copy closes itself alone: the connections are those of the client that it was made of.
        """
        self._is_closed = True
        if not self._is_copy:
            self._shared.close()

    def _read(self, operation: Operation[T], response: Response, attempts: int) -> T:
        shared = self._shared
        try:
            return operation.parse(
                response.content,
                status=response.status,
                request_id=request_id_of(response),
                attempts=attempts,
                date=response.headers.get("date"),
            )
        except ResponseError as error:
            clean = shared.identity.taken_out_of(response.content)
            if clean == response.content:
                limit = None
                if isinstance(error, GraphQLError):
                    limit = rate_limit_in(error, response, shared.clock.time())
                if limit is None:
                    raise
                raise limit from error
        # The server quotes the key. Out here the error that quotes it, too, is forgotten.
        return self._read(operation, replace(response, content=clean), attempts)

    def _check_open(self) -> None:
        if self._is_closed or self._shared.is_closed:
            raise WandbRunsError("this client is closed; make a new Api()")


def _subject(operation: Operation[T]) -> str:
    names = operation.variables
    path = "/".join(
        str(names[part]) for part in ("entity", "project", "id") if names.get(part) is not None
    )
    return repr(path) if path else operation.name

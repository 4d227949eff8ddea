"""`RetryingClient`: executes operations, again when that is safe, within one deadline."""

from __future__ import annotations

import base64
import logging
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)
from typing_extensions import override

from wandb_runs.errors import (
    BadResponseError,
    ConnectionFailedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    WandbRunsError,
    asked_too_much,
)
from wandb_runs.flow import drive
from wandb_runs.settings import check_url, find_api_key
from wandb_runs.transport.answer import error_of, request_id_of
from wandb_runs.transport.http import HttpTransport
from wandb_runs.transport.message import Request
from wandb_runs.transport.threads import StoppedError, is_stopped, run_together, sleep
from wandb_runs.version import __version__
from wandb_runs.viewer import Viewer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs.flow import Flow
    from wandb_runs.operation import Operation
    from wandb_runs.settings import ApiKey, Settings
    from wandb_runs.transport.message import Response, Transport

__all__ = ["RetryingClient"]

T = TypeVar("T")

_log = logging.getLogger("wandb_runs")

MAX_ATTEMPTS: Final = 6
_PLAIN_HEADERS: Final[Mapping[str, str]] = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": f"wandb-runs/{__version__}",
}
_backoff = wait_random_exponential(multiplier=0.5, max=20)
_RETRIED_STATUSES: Final = frozenset({408, 500, 502, 503, 504})


class RetryingClient:
    """Executes operations against one server; `api.client` is one.

    Thread-safe: several `Runs` may share it, from several threads. A query that fails for a
    passing reason (no connection, a connection that breaks, HTTP 408, 429, 500, 502, 503, 504)
    is sent again after a growing, random pause, at most six times and within the deadline of
    the call. A mutation is sent once.

    Args:
        settings: The server, the key and the defaults.
        transport: Carries the requests; by default a pool of HTTP connections. One that is
            passed in is never closed here.
        timeout: Seconds for one call, retries included.
        sleep: How to wait between attempts.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: Transport | None = None,
        timeout: float = 60.0,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        self.settings = settings
        self.timeout = timeout
        self._sleep = sleep
        self._own_transport: HttpTransport | None = None
        if transport is None:
            transport = self._own_transport = HttpTransport(settings.base_url)
        self._transport: Transport = transport
        self.viewer = Viewer()
        self._lock = threading.Lock()
        self._key_is_known = False
        self._api_key: ApiKey | None = None

    @override
    def __repr__(self) -> str:
        return f"<RetryingClient {self.settings.base_url}>"

    @property
    def api_key(self) -> ApiKey | None:
        """The key in use and its source; a netrc file is read on the first touch."""
        with self._lock:
            if not self._key_is_known:
                self._api_key = find_api_key(self.settings)
                self._key_is_known = True
            return self._api_key

    def execute(self, operation: Operation[T]) -> T:
        """Send one operation and return its typed answer.

        Raises:
            WandbRunsError: One of its kinds; see `wandb_runs.errors`.
        """
        url = f"{self.settings.base_url}/graphql"
        call = _Call("POST", url, self._headers(), self.timeout)
        content = operation.content()

        def attempt() -> T:
            _log.debug("POST %s %s, attempt %d", url, operation.name, call.attempts + 1)
            response = call.send(self._transport, content, about=_subject(operation))
            return operation.parse(
                response.content,
                status=response.status,
                request_id=request_id_of(response),
                attempts=call.attempts,
                date=response.headers.get("date"),
            )

        return self._retry(
            call,
            attempt,
            is_safe=operation.kind == "query" and not operation.is_optional,
            is_divisible=operation.divisible,
        )

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; of what it asks for at once, a few requests at a time."""
        return drive(flow, self.execute, lambda step: run_together(step, self.execute))

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client, and what holds one, is not pickled: it has an API key and connections. "
            "Pickle run.path and make a new Api() where it lands"
        )

    def close(self) -> None:
        """Close the connections, unless the transport was passed in."""
        if self._own_transport is not None:
            self._own_transport.close()

    def download(self, url: str) -> bytes:
        """Get a file that the server named; the key goes along to the server alone.

        Raises:
            InvalidArgumentError: A URL that would be read unencrypted from another machine.
            WandbRunsError: One of its kinds; see `wandb_runs.errors`.
        """
        check_url(url, what="the file's address", allow_http=self.settings.allow_http)
        own = urlsplit(url)[:2] == urlsplit(self.settings.base_url)[:2]
        call = _Call("GET", url, self._headers() if own else _PLAIN_HEADERS, self.timeout)

        def attempt() -> bytes:
            response = call.send(self._transport, b"", about="a file")
            if response.status != HTTPStatus.OK:
                raise BadResponseError(
                    f"the server did not give the file (HTTP {response.status}); ask again for "
                    "its address: it may have expired",
                    status=response.status,
                    request_id=request_id_of(response),
                    attempts=call.attempts,
                )
            return response.content

        return self._retry(call, attempt)

    def _retry(
        self,
        call: _Call,
        attempt: Callable[[], T],
        *,
        is_safe: bool = True,
        is_divisible: bool = False,
    ) -> T:
        def is_worth_it(error: BaseException) -> bool:
            if is_stopped() or (is_divisible and asked_too_much(error)):
                return False
            return _is_passing(error)

        try:
            return attempt()
        except WandbRunsError as error:
            if not is_safe or not is_worth_it(error):
                raise
            failed = [error]

        def again() -> T:
            # What failed above is the first attempt; most calls need no other, and none of this.
            if failed:
                raise failed.pop()
            if is_stopped():
                raise StoppedError
            return attempt()

        retrying = Retrying(
            retry=retry_if_exception(is_worth_it),
            wait=_pause,
            stop=stop_after_attempt(MAX_ATTEMPTS) | stop_before_delay(call.left),
            sleep=self._sleep,
            before_sleep=_log_retry,
            reraise=True,
        )
        return retrying(again)

    def _headers(self) -> Mapping[str, str]:
        key = self.api_key
        if key is None:
            return _PLAIN_HEADERS
        # W&B takes the key as the password of a fixed user.
        token = base64.b64encode(f"api:{key.reveal()}".encode()).decode()
        return {**_PLAIN_HEADERS, "authorization": f"Basic {token}"}


class _Call:
    """The attempts of one call, and the time that is left for them."""

    __slots__ = ("_deadline", "_headers", "_method", "_url", "attempts")

    def __init__(
        self,
        method: Literal["GET", "POST"],
        url: str,
        headers: Mapping[str, str],
        timeout: float,
    ) -> None:
        self._method: Literal["GET", "POST"] = method
        self._url = url
        self._headers = headers
        self._deadline = time.monotonic() + timeout
        self.attempts = 0

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self._deadline - time.monotonic()

    def send(self, transport: Transport, content: bytes, *, about: str) -> Response:
        """Send once more, and raise what the answer's status stands for."""
        left = self.left
        if left <= 0:
            raise RequestTimeoutError("the deadline of the call has passed; pass a longer timeout=")
        self.attempts += 1
        response = transport.send(Request(self._method, self._url, self._headers, content, left))
        error = error_of(response, attempts=self.attempts, about=about)
        if error is not None:
            raise error
        return response


def _subject(operation: Operation[T]) -> str:
    names = operation.variables
    path = "/".join(
        str(names[part]) for part in ("entity", "project", "id") if names.get(part) is not None
    )
    return repr(path) if path else operation.name


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, ServerError):
        return error.status in _RETRIED_STATUSES
    return isinstance(error, (ConnectionFailedError, RateLimitError))


def _pause(state: RetryCallState) -> float:
    """As long as the server asks, else a random share of a doubling bound."""
    error = _error_in(state)
    if isinstance(error, RateLimitError) and error.retry_after is not None:
        return max(error.retry_after, _backoff(state))
    return _backoff(state)


def _log_retry(state: RetryCallState) -> None:
    _log.info(
        "attempt %d failed, the next follows in %.1f s: %s",
        state.attempt_number,
        state.upcoming_sleep,
        _error_in(state),
    )


def _error_in(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None

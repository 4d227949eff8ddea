"""The attempts of one call, as a generator: retries, pauses, events and logs, without I/O.

Two drivers run it: `Session.run` in `client`, and `AsyncSession.run` in `aio_client`.
"""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar, cast

from wandb_runs.errors import (
    AuthenticationError,
    GraphQLError,
    RequestTimeoutError,
    ResponseError,
    ResponseTooLargeError,
    TransportError,
    WandbRunsError,
)
from wandb_runs.errors.text import excerpt
from wandb_runs.graphql.raw_response import LARGE
from wandb_runs.transport.credentials import ApiKey, Credentials
from wandb_runs.transport.events import Answered, RequestSent, Retrying
from wandb_runs.transport.messages import Request, Response
from wandb_runs.transport.rate_limit import Turn
from wandb_runs.transport.responses import error_of, rate_limit_in, request_id_of
from wandb_runs.transport.retry import Plan, Retry, decide_retry
from wandb_runs.transport.threads import check_cancelled, is_cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from wandb_runs.graphql.flow import Lane
    from wandb_runs.transport.events import Event
    from wandb_runs.transport.file_request import FileRequest
    from wandb_runs.transport.options import Options
    from wandb_runs.transport.session import SessionBase
    from wandb_runs.transport.settings import Address

__all__ = [
    "Attempts",
    "Call",
    "Compute",
    "OverdueError",
    "Send",
    "Sleep",
    "Step",
    "Target",
    "TooEarlyError",
]

T = TypeVar("T")

_log = logging.getLogger("wandb_runs")

_calls = count(1)

_REQUEST_ID: Final = 200
"""Characters of a request id that are kept."""

_ANONYMOUS: Final = Credentials(None, {})


class Send(NamedTuple):
    """Hold one of the client's slots, and send a request.

    Attributes:
        wait: How many seconds to wait for a free slot at most.
        begin: Makes the request; called when the waiting is over, with whether a slot is held.
        lane: The kind of request, which has slots of its own.
    """

    wait: float
    begin: Callable[[bool], Request]
    lane: Lane


class Sleep(NamedTuple):
    """Wait for so many seconds."""

    seconds: float


class Compute(NamedTuple):
    """Call a function; what it returns is awaited where it can be.

    Attributes:
        work: The function.
        takes_long: Whether it would hold up an event loop.
        wait: How many seconds to await its result at most; `OverdueError` is thrown then.
    """

    work: Callable[[], object]
    takes_long: bool = False
    wait: float = math.inf


class TooEarlyError(Exception):
    """The client's own pace does not allow a request yet.

    Attributes:
        seconds: How long it does not.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class OverdueError(Exception):
    """An awaitable did not return in time."""


Step: TypeAlias = "Send | Sleep | Compute"
"""What the attempts of a call wait for."""

Attempts: TypeAlias = "Generator[Step, object, T]"
"""The attempts of a call: yields steps, is sent what they result in or thrown how they failed."""


class Target(NamedTuple):
    """What a call sends.

    Attributes:
        name: What logs and events call it.
        about: What it asks for, in the words of a message.
        method: The HTTP method.
        address: Where to.
        content: The body.
        is_own: Whether the address is of the server's own origin, which alone gets the key.
        plan: What the call does on the server.
        file: The request for a file, of which the other values follow; None for an operation.
        load: What loads the model of the answer, which takes long the first time; None if the
            answer stays bytes.
    """

    name: str
    about: str
    method: Literal["GET", "POST", "PUT"]
    address: Address
    content: bytes = b""
    is_own: bool = True
    plan: Plan = Plan("query")
    file: FileRequest | None = None
    load: object = None

    @property
    def lane(self) -> Lane:
        """The kind of request."""
        return "operations" if self.method == "POST" else "files"


class Call(Generic[T]):
    """One call: its attempts, and the time that is left for them.

    Args:
        session: What the client and its copies share.
        options: The limits of the call.
        target: What to send.
        parse: Reads an answer; its second argument is the number of attempts.
        revise: Given the body of an answer with errors, returns what to send instead; None if
            there is nothing that the server would answer otherwise.
    """

    def __init__(
        self,
        session: SessionBase,
        options: Options,
        target: Target,
        parse: Callable[[Response, int, float], T],
        revise: Callable[[bytes, GraphQLError], bytes | None] | None = None,
    ) -> None:
        self._session = session
        self._options = options
        self._target = target
        self._budget = session.budgets[target.lane]
        self._parse = parse
        self._revise = revise
        self._credentials = _ANONYMOUS
        self._elapsed = 0.0
        self._number = 0 if session.on_event is None else next(_calls)
        self._deadline = session.clock.monotonic() + options.timeout
        self._attempts = 0
        self._renewals = 0
        self._revisions = 0
        self._began: float | None = None
        self._fields: Mapping[str, object] = {}

    def attempts(self) -> Attempts[T]:
        """Send the request, again as long as that is decided, and read the answer.

        Raises:
            WandbRunsError: How the last attempt failed.
        """
        if self._target.is_own:
            yield from self._authenticate()
        while True:
            response = None
            try:
                response = yield from self._exchange()
                takes_long = self._target.load is not None and (
                    self._session.is_first(self._target.load) or len(response.content) > LARGE
                )
                answer = yield Compute(partial(self._read, response), takes_long)
            except WandbRunsError as error:
                self._session.stats.count(failures=1)
                retry = (
                    (yield from self._renew_key(error))
                    or self._revised(response, error)
                    or self._judge(error)
                )
                if retry is None:
                    raise
            else:
                self._budget.give_back()
                return cast("T", answer)
            self._note_retry(retry)
            yield Sleep(retry.after)

    def _authenticate(self) -> Generator[Step, object, None]:
        identity, provided = self._session.identity, None
        identity.check()
        if (key := identity.key) is not None and key.is_provided:
            provided = yield from self._provided(key)
        self._credentials = identity.credentials(provided)

    def _provided(self, key: ApiKey) -> Generator[Step, object, ApiKey]:
        """The key that a caller's function returns.

        Raises:
            AuthenticationError: It raises, or returns what cannot be a key.
            RequestTimeoutError: What it returns has to be awaited beyond the deadline.
        """
        problem = None
        try:
            # No variable holds the key: a traceback may be shown with those of its frames.
            got = ApiKey((yield Compute(key.provide, wait=self._left())), source="argument")
            if got.problem is None:
                return got
            problem = f"the key that the callable of api_key= returned {got.problem}"
        except OverdueError:
            pass
        except Exception as error:  # noqa: BLE001 - a caller's function may raise anything
            problem = f"the callable of api_key= raised {type(error).__name__}; let it return a key"
        # Out here without a cause, which might quote the key.
        if problem is None:
            problem = "the callable of api_key= returned no key before the deadline of the call"
            raise RequestTimeoutError(problem, attempts=self._attempts)
        raise AuthenticationError(problem, status=HTTPStatus.UNAUTHORIZED, attempts=self._attempts)

    def _renew_key(self, error: WandbRunsError) -> Generator[Step, object, Retry | None]:
        """After HTTP 401, ask a callable for the key once more; a new one is worth a retry."""
        if not isinstance(error, AuthenticationError) or not self._target.is_own or self._renewals:
            return None
        before = self._credentials.headers
        self._renewals = 1
        try:
            yield from self._authenticate()
        except (AuthenticationError, RequestTimeoutError) as failure:
            error.args = (f"{error.message}; when asked for a new key, {failure.message}",)
        return None if self._credentials.headers == before else Retry(0.0, "a new API key")

    def _revised(self, response: Response | None, error: WandbRunsError) -> Retry | None:
        """After an answer by which the server lacks a name, ask without it."""
        if response is None or self._revise is None or not isinstance(error, GraphQLError):
            return None
        # A name that the server makes up may be a secret that it was sent.
        content = self._revise(self._credentials.taken_out_of(response.content), error)
        if content is None:
            return None
        self._target = self._target._replace(content=content)
        self._revisions += 1
        return Retry(0.0, "the server lacks something that is left out now")

    def _exchange(self) -> Generator[Step, object, Response]:
        """One request and its answer, unless that is a refusal, which is raised."""
        self._began = None
        try:
            yield from self._wait_for_pace()
            response = yield from self._send()
        except BaseException as error:
            if self._began is not None:  # it was sent
                if isinstance(error, (TransportError, ResponseError)):
                    error.attempts = self._attempts
                if isinstance(error, ResponseError) and error.request_id is not None:
                    error.request_id = self._shown(error.request_id)
                is_counted = isinstance(error, WandbRunsError)
                self._note(None, type(error).__name__, 0, None, is_counted=is_counted)
            raise
        finally:
            self._session.pacer.leave(self)
        return self._check(response)

    @property
    def _rate(self) -> float | None:
        """The pace of the client's own; it is for the server's own origin, as the server's is."""
        return self._options.requests_per_second if self._target.is_own else None

    def _wait_for_pace(self) -> Generator[Step, object, None]:
        """Wait as the server's rate limit has it, and for a turn by the client's own pace."""
        session, pause = self._session, 0.0
        if self._target.is_own:
            # At most half of the time that is left: the rest is for the request.
            pause = session.pacer.pause(session.clock.monotonic(), self._left() / 2)
        if pause > 0:
            session.stats.count(waited=pause, paced=1)
            yield Sleep(pause)
        if (rate := self._rate) is None:
            return
        turn = session.pacer.reserve(self, rate, session.clock.monotonic, self._left())
        if turn is None:
            raise _no_turn(rate, self._attempts)
        if turn > 0:
            session.stats.count(paced=0 if pause > 0 else 1)
            yield self._pause_for_pace(turn)

    def _send(self) -> Generator[Step, object, Response]:
        """Send the request as soon as there is a slot for it, and its turn has come."""
        while True:
            if (wait := self._left()) <= 0:  # already without waiting for others
                self._begin(is_slot_held=True)
            try:
                return cast("Response", (yield Send(wait, self._begin, self._target.lane)))
            except TooEarlyError as error:  # while it waited for a slot, others were sent
                pause = error.seconds
            yield self._pause_for_pace(pause)

    def _pause_for_pace(self, seconds: float) -> Sleep:
        if seconds >= self._left():
            raise _no_turn(self._rate, self._attempts)
        self._session.stats.count(waited=seconds)
        return Sleep(seconds)

    def _begin(self, is_slot_held: bool) -> Request:  # noqa: FBT001 - a callback of one argument
        check_cancelled()
        left = self._left()
        if left <= 0 or not is_slot_held:
            raise RequestTimeoutError(
                "the deadline of the call has passed; pass a longer timeout="
                if is_slot_held
                else "the deadline of the call has passed while other requests of this client "
                "were under way; pass a longer timeout=, or ask for less at once",
                attempts=self._attempts,
            )
        target, clock = self._target, self._session.clock.monotonic
        if (rate := self._rate) is None:
            turn = Turn(0.0, clock())
        else:
            turn = self._session.pacer.take(self, rate, clock)
            if turn.pause > 0:
                raise TooEarlyError(turn.pause)
        self._attempts += 1
        self._began = turn.now
        self._tell(RequestSent, self._sent)
        if target.file is not None:
            return target.file.request(self._credentials.headers, left, self._most)
        return Request(
            target.method,
            target.address.url,
            self._credentials.headers,
            target.content,
            left,
            self._most,
        )

    def _check(self, response: Response) -> Response:
        session, most = self._session, self._most
        request_id = request_id_of(response)
        if request_id is not None:
            clean = self._shown(request_id)
            if clean != request_id:
                request_id = clean
                response = replace(response, headers={**response.headers, "x-request-id": clean})
        self._note(response.status, None, len(response.content), request_id)
        if self._target.is_own:  # what another one limits is no pace of the server's
            session.pacer.note(response.headers, session.clock.monotonic())
        if len(response.content) > most:  # a transport of the user's that does not look
            raise ResponseTooLargeError(
                f"the answer has {len(response.content):,} bytes, more than the {most:,} of "
                "max_response_bytes=; ask for less (per_page=, samples=, keys=), or pass more",
                status=response.status,
                request_id=request_id,
                attempts=self._attempts,
            )
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            # No variable holds what may quote a secret.
            response = replace(
                response,
                content=self._target.address.taken_out_of(
                    self._credentials.taken_out_of(response.content)
                ),
            )
        file = self._target.file
        if file is not None and file.reads(response.status):
            return response
        failure = error_of(
            response, attempts=self._attempts, about=self._target.about, now=session.clock.time()
        )
        if failure is not None:
            raise failure
        return response

    def _read(self, response: Response) -> T:
        try:
            return self._parse(response, self._attempts, self._elapsed)
        except ResponseError as error:
            clean = self._credentials.taken_out_of(response.content)
            if clean == response.content:
                limit = None
                if isinstance(error, GraphQLError):
                    limit = rate_limit_in(error, response, self._session.clock.time())
                if limit is None:
                    raise
                raise limit from error
        # The server quotes a secret. Out here the error that quotes it, too, is forgotten.
        return self._read(replace(response, content=clean))

    def _judge(self, error: WandbRunsError) -> Retry | None:
        """Whether to retry; if not, the message of the error may say why."""
        if is_cancelled():
            return None
        session = self._session
        has_budget = self._budget.take()
        decision = decide_retry(
            error,
            self._target.plan,
            attempts=self._attempts,
            max_retries=self._options.max_retries + self._renewals + self._revisions,
            left=self._left(),
            has_budget=has_budget,
            chance=session.clock.random(),
        )
        if isinstance(decision, Retry):
            return decision
        if has_budget:
            self._budget.give_back()
        if decision.is_told and decision.why not in error.message:
            error.args = (f"{error.message}; {decision.why}",)
        return None

    def _shown(self, request_id: str) -> str:
        """A request id for errors, events and logs. Secrets go first: clipping could cut one."""
        clean = self._credentials.taken_out_of(request_id.encode(errors="replace")).decode()
        return excerpt(clean, _REQUEST_ID)

    @property
    def _most(self) -> int:
        """How long the answer may be."""
        most, file = self._options.max_response_bytes, self._target.file
        return most if file is None else min(most, file.max_bytes)

    @property
    def _sent(self) -> int:
        """The length of the request's body."""
        file = self._target.file
        return len(self._target.content) if file is None else file.size

    def _left(self) -> float:
        return self._deadline - self._session.clock.monotonic()

    # Events, counters and logs.

    def _note(
        self,
        status: int | None,
        error: str | None,
        size: int,
        request_id: str | None,
        *,
        is_counted: bool = True,
    ) -> None:
        sent, elapsed = self._sent, self._session.clock.monotonic()
        elapsed -= self._began or 0.0
        self._elapsed = elapsed
        self._fields = {
            "operation": self._target.name,
            "attempt": self._attempts,
            "status": status,
            "elapsed": elapsed,
            "request_id": request_id,
            "bytes": size,
        }
        self._tell(Answered, status, error, elapsed, sent, size, request_id)
        if is_counted:
            self._session.stats.count(requests=1, sent=sent, received=size)
            message = "%s, attempt %d: %s, %d bytes, %.3f s"
            self._log(logging.DEBUG, message, error or status, size, elapsed)

    def _note_retry(self, retry: Retry) -> None:
        self._session.stats.count(waited=retry.after, retries=1)
        self._tell(Retrying, retry.after, retry.why)
        message = "%s: attempt %d failed (%s), the next follows in %.1f s"
        self._log(logging.INFO, message, retry.why, retry.after)

    def _tell(self, kind: Callable[..., Event], *details: object) -> None:
        session = self._session
        if session.on_event is not None:
            now = session.clock.time()
            session.on_event(kind(self._target.name, self._number, self._attempts, now, *details))

    def _log(self, level: int, message: str, *details: object) -> None:
        if _log.isEnabledFor(level):
            name, extra = self._target.name, self._fields
            _log.log(level, message, name, self._attempts, *details, extra=extra, stacklevel=3)


def _no_turn(rate: float | None, attempts: int) -> RequestTimeoutError:
    return RequestTimeoutError(
        f"requests_per_second={rate} leaves no time for this request before the deadline of the "
        "call; pass a longer timeout=, or ask for less at once",
        attempts=attempts,
    )

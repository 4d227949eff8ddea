"""The attempts of one call."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeAlias, TypedDict, TypeVar

from tenacity import Retrying, retry_if_exception

from wandb_runs.errors import (
    RequestTimeoutError,
    ResponseError,
    ResponseTooLargeError,
    TransportError,
    WandbRunsError,
)
from wandb_runs.transport.messages import Request, Response
from wandb_runs.transport.responses import error_of, request_id_of
from wandb_runs.transport.retry import Retry, decide_retry
from wandb_runs.transport.session import Session, SessionBase
from wandb_runs.transport.threads import StoppedError, is_stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenacity import RetryCallState
    from tenacity.retry import RetryBaseT

    from wandb_runs.transport.options import Options
    from wandb_runs.transport.retry import Decision
    from wandb_runs.transport.session import Identity
    from wandb_runs.transport.settings import Address

__all__ = ["BlockingCall", "Call", "Method", "Plan"]

C = TypeVar("C", bound=SessionBase)
T = TypeVar("T")

Method: TypeAlias = Literal["GET", "POST"]

_log = logging.getLogger("wandb_runs")


class Plan(NamedTuple):
    """How a call is taken that failed.

    Attributes:
        kind: What it does on the server.
        is_divisible: Whether the asker divides what was too much for the server.
        is_optional: Whether the asker can do without the answer.
    """

    kind: Literal["query", "mutation"]
    is_divisible: bool = False
    is_optional: bool = False


class Retrials(TypedDict):
    """What tenacity is told of a call, however it waits."""

    retry: RetryBaseT
    wait: Callable[[RetryCallState], float]
    before_sleep: Callable[[RetryCallState], None]
    reraise: bool


class Call(Generic[C]):
    """The attempts of one call, and the time that is left for them.

    What is the same for those that block and those that await: all but sending, and waiting.

    Attributes:
        attempts: How many times the request was sent.
    """

    __slots__ = (
        "_content", "_deadline", "_headers", "_name", "_options", "_plan", "_shared", "attempts",
    )  # fmt: skip

    def __init__(
        self,
        shared: C,
        options: Options,
        name: str,
        headers: Mapping[str, str],
        content: bytes,
        plan: Plan,
    ) -> None:
        self._shared = shared
        self._options = options
        self._name = name
        self._headers = headers
        self._content = content
        self._plan = plan
        self._deadline = shared.clock.monotonic() + options.timeout
        self.attempts: int = 0

    def _retrials(self, first: Retry) -> Retrials:
        """What to tell tenacity, once the first attempt has failed.

        Most calls need no other attempt, and none of this.

        Args:
            first: What was decided about it.
        """
        known: list[Retry | None] = [first]
        following: list[Retry] = []

        def is_worth_it(error: BaseException) -> bool:
            if not isinstance(error, WandbRunsError):
                return False
            decision = known.pop() if known else self._judge(error)
            following[:] = [] if decision is None else [decision]
            return decision is not None

        def before_sleep(state: RetryCallState) -> None:
            _log.info(
                "%s: attempt %d failed (%s), the next follows in %.1f s",
                self._name,
                state.attempt_number,
                following[0].why,
                following[0].after,
            )
            self._shared.stats.waited(following[0].after, retries=1)

        return Retrials(
            retry=retry_if_exception(is_worth_it),
            wait=lambda _: following[0].after,
            before_sleep=before_sleep,
            reraise=True,
        )

    def _pause(self) -> float:
        """Seconds to wait until the server's rate limit has room, if that is soon."""
        shared = self._shared
        # At most half of the time that is left: the rest is for the request.
        pause = shared.pacer.pause(shared.clock.monotonic(), self._left() / 2)
        if pause > 0:
            shared.stats.waited(pause, paced=1)
        return pause

    def _left(self) -> float:
        return self._deadline - self._shared.clock.monotonic()

    def _no_slot(self) -> RequestTimeoutError:
        return RequestTimeoutError(
            "the deadline of the call has passed while other requests of this client were "
            "under way; pass a longer timeout=, or ask for less at once",
            attempts=self.attempts,
        )

    def _next_request(self, method: Method, address: Address) -> Request:
        """What to send now."""
        left = self._left()
        if left <= 0:
            raise RequestTimeoutError(
                "the deadline of the call has passed; pass a longer timeout=",
                attempts=self.attempts,
            )
        self.attempts += 1
        most = self._options.max_response_bytes
        return Request(method, address.url, self._headers, self._content, left, most)

    def _note_failure(self, error: WandbRunsError, began: float) -> None:
        if isinstance(error, (TransportError, ResponseError)):
            error.attempts = self.attempts
        self._note(type(error).__name__, 0, began)

    def _checked(self, response: Response, address: Address, about: str, began: float) -> Response:
        """The answer, unless it is a refusal, which is raised as what it means."""
        shared = self._shared
        response = _without_quoted_key(response, shared.identity)
        most = self._options.max_response_bytes
        self._note(response.status, len(response.content), began)
        shared.pacer.note(response.headers, shared.clock.monotonic())
        if len(response.content) > most:  # a transport of the user's that does not look
            raise ResponseTooLargeError(
                f"the answer has {len(response.content):,} bytes, more than the {most:,} of "
                "max_response_bytes=; ask for less (per_page=, samples=, keys=), or pass more",
                status=response.status,
                request_id=request_id_of(response),
                attempts=self.attempts,
            )
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            clean = address.taken_out_of(shared.identity.taken_out_of(response.content))
            response = Response(response.status, response.headers, clean)
        failure = error_of(response, attempts=self.attempts, about=about, now=shared.clock.time())
        if failure is not None:
            raise failure
        return response

    def _note(self, came: object, size: int, began: float) -> None:
        self._shared.stats.count(sent=len(self._content), received=size)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "%s, attempt %d: %s, %d bytes, %.3f s",
                self._name,
                self.attempts,
                came,
                size,
                self._shared.clock.monotonic() - began,
            )

    def _judge(self, error: WandbRunsError) -> Retry | None:
        """Whether to send it again; if not, its message may say why."""
        shared, plan = self._shared, self._plan
        shared.stats.failed()
        if is_stopped():
            return None

        def decided(budget: int) -> Decision:
            return decide_retry(
                error,
                kind=plan.kind,
                attempts=self.attempts,
                max_retries=self._options.max_retries,
                left=self._left(),
                budget=budget,
                chance=shared.clock.random(),
                is_divisible=plan.is_divisible,
                is_optional=plan.is_optional,
            )

        decision = decided(shared.budget.left)
        if isinstance(decision, Retry) and not shared.budget.take():
            decision = decided(0)  # another thread took the last one
        if isinstance(decision, Retry):
            return decision
        if decision.is_told and decision.why not in error.message:
            error.args = (f"{error.message}; {decision.why}",)
        return None


class BlockingCall(Call[Session]):
    """A call whose thread waits for it."""

    __slots__ = ()

    def run(self, attempt: Callable[[], T]) -> T:
        """Make an attempt, and more of them as long as that is decided.

        Raises:
            WandbRunsError: What the last attempt came to.
        """
        try:
            answer = attempt()
        except WandbRunsError as error:
            retry = self._judge(error)
            if retry is None:
                raise
            failed = [error]
        else:
            self._shared.budget.give_back()
            return answer

        def again() -> T:
            if failed:  # what failed before is the first attempt
                raise failed.pop()
            if is_stopped():
                raise StoppedError
            answer = attempt()
            self._shared.budget.give_back()
            return answer

        return Retrying(sleep=self._shared.sleep, **self._retrials(retry))(again)

    def send(self, method: Method, address: Address, *, about: str) -> Response:
        """Send once more, and raise what the answer's status stands for.

        Args:
            method: The HTTP method.
            address: Where to.
            about: What is asked for, in the words of a message.
        """
        pause = self._pause()
        if pause > 0:
            self._shared.sleep(pause)
        slots = self._shared.slots
        if slots.is_held():  # a transport of the user's asks for something itself
            return self._send(method, address, about)
        try:
            if not slots.enter(max(self._left(), 0)):
                raise self._no_slot()
            return self._send(method, address, about)
        finally:
            slots.leave()

    def _send(self, method: Method, address: Address, about: str) -> Response:
        shared = self._shared
        if is_stopped():
            raise StoppedError
        request = self._next_request(method, address)
        began = shared.clock.monotonic()
        try:
            response = shared.transport.send(request)
        except WandbRunsError as error:
            self._note_failure(error, began)
            raise
        return self._checked(response, address, about, began)


def _without_quoted_key(response: Response, identity: Identity) -> Response:
    """An answer whose id, which errors tell, does not quote the key."""
    told = (request_id_of(response) or "").encode()
    clean = identity.taken_out_of(told)
    if clean == told:
        return response
    headers = {**response.headers, "x-request-id": clean.decode()}
    return Response(response.status, headers, response.content)

"""Retries: the decision whether a failed request is sent again, and how many a client may make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from wandb_runs.errors import (
    CertificateError,
    ConnectionFailedError,
    RateLimitError,
    ServerError,
    TruncatedResponseError,
    WandbRunsError,
    is_too_large,
)
from wandb_runs.errors.text import FieldsRepr

if TYPE_CHECKING:
    from wandb_runs.transport.fork import ForkSafeLock

__all__ = ["Decision", "GiveUp", "Plan", "Retry", "RetryBudget", "decide_retry"]

FIRST_PAUSE: Final = 0.5
"""The longest pause, in seconds, before the first retry; it doubles with each further one."""

LONGEST_PAUSE: Final = 20.0
"""The longest pause, in seconds, before any retry, unless the server asks for more."""

_BUDGET: Final = 20

_PASSING_STATUSES: Final = frozenset({408, 500, 502, 503, 504})


class Plan(NamedTuple):
    """What a call does on the server, and how its caller copes without an answer.

    Attributes:
        kind: A query may be sent any number of times; a mutation that may have reached the
            server may not be sent again.
        is_divisible: Whether the caller splits the work when it is too much for the server.
        is_optional: Whether the caller can do without the answer.
    """

    kind: Literal["query", "mutation"]
    is_divisible: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Retry(FieldsRepr):
    """Send the request again.

    Attributes:
        after: Seconds of the pause before.
        why: What makes a retry worth it, for logs and events.
    """

    after: float
    why: str


@dataclass(frozen=True, slots=True, repr=False)
class GiveUp(FieldsRepr):
    """Do not send the request again.

    Attributes:
        why: The reason.
        is_told: Whether the error's message gives the reason: only where the same request might
            have succeeded later.
    """

    why: str
    is_told: bool = False


Decision: TypeAlias = "Retry | GiveUp"


def decide_retry(
    error: WandbRunsError,
    plan: Plan,
    *,
    attempts: int,
    max_retries: int,
    left: float,
    has_budget: bool,
    chance: float,
) -> Decision:
    """Decide about one failure.

    Args:
        error: How the attempt failed.
        plan: What the call does.
        attempts: How many times the request was sent, this time included.
        max_retries: How many times it may be sent after the first.
        left: Seconds until the call's deadline.
        has_budget: Whether the retry budget of the client has one left.
        chance: A random number, at least 0 and below 1.

    >>> busy = ServerError("busy", status=503)
    >>> limits = {"max_retries": 5, "left": 60.0, "has_budget": True, "chance": 0.5}
    >>> decide_retry(busy, Plan("query"), attempts=1, **limits)
    Retry(after=0.25, why='HTTP 503')
    >>> decide_retry(busy, Plan("query"), attempts=6, **limits)
    GiveUp(why='it was sent 6 times', is_told=True)
    """
    reason = _passing(error)
    if reason is None:
        return GiveUp("the same request would fail in the same way")
    if plan.is_divisible and is_too_large(error):
        return GiveUp("the caller splits the page instead")
    if plan.is_optional:
        return GiveUp("the caller can do without")
    retry, why = Retry(_pause(error, attempts, chance), reason), ""
    if plan.kind == "mutation" and not _is_unsent(error):
        why = "it is not sent again, since it may have been done"
    elif attempts == 1 and not max_retries:
        return GiveUp("the caller wants no retries")
    elif attempts > max_retries:
        why = f"it was sent {attempts} times"
    elif retry.after >= left:
        why = (
            f"the next attempt would come in {retry.after:.1f} s, and {max(left, 0):.1f} s of the "
            "call's timeout= are left"
        )
    elif not has_budget:
        why = (
            "it is not sent again: so much fails that this client has spent the retries that all "
            "its calls share; wait, and try again"
        )
    return GiveUp(why, is_told=True) if why else retry


def _pause(error: WandbRunsError, attempts: int, chance: float) -> float:
    asked = error.retry_after if isinstance(error, (RateLimitError, ServerError)) else None
    if asked is None:
        # Full jitter: clients that failed together come back apart.
        return chance * min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 10))
    return asked + chance * min(FIRST_PAUSE, asked / 10)


def _passing(error: WandbRunsError) -> str | None:
    """What may have passed by the time of a retry; None for a lasting failure."""
    if isinstance(error, ServerError):
        return f"HTTP {error.status}" if error.status in _PASSING_STATUSES else None
    if isinstance(error, RateLimitError):
        return "the rate limit"
    if isinstance(error, TruncatedResponseError):
        return "an answer that broke off"
    if isinstance(error, ConnectionFailedError) and not isinstance(error, CertificateError):
        return "the connection"
    return None


def _is_unsent(error: WandbRunsError) -> bool:
    return isinstance(error, ConnectionFailedError) and not error.may_have_arrived


class RetryBudget:
    """A circuit breaker for all calls of a client: how many retries are left. Thread-safe.

    Each retry takes one, each request that succeeds gives one back. While a server is down, the
    calls of a client retry a few times together and then fail at once; the first successes after
    that fill the budget again.

    Args:
        lock: Guards the number.
        most: How many retries the budget holds.
    """

    def __init__(self, lock: ForkSafeLock, most: int = _BUDGET) -> None:
        self._lock = lock
        self._most = most
        self._left = most

    def take(self) -> bool:
        """Take one, if there is one."""
        with self._lock.mutex:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        """Put one back, as long as there is room."""
        if self._left < self._most:  # a full budget, the usual case, needs no lock
            with self._lock.mutex:
                self._left = min(self._most, self._left + 1)

"""Whether a request that failed is sent again: a decision as a value, without I/O or time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from wandb_runs.errors import (
    CertificateError,
    ConnectionFailedError,
    RateLimitError,
    ServerError,
    TruncatedResponseError,
    WandbRunsError,
    asked_too_much,
)

__all__ = ["Decision", "GiveUp", "Retry", "decide_retry"]

FIRST_PAUSE: Final = 0.5
"""Seconds within which the first retry follows; the bound doubles with each further one."""

LONGEST_PAUSE: Final = 20.0
"""Seconds within which any retry follows, unless the server asks for more."""

_PASSING_STATUSES: Final = frozenset({408, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retry:
    """Send it again.

    Attributes:
        after: Seconds to wait before.
        why: What makes it worth a try, for the log.
    """

    after: float
    why: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not send it again.

    Attributes:
        why: The reason.
        is_told: Whether the error's message is to say why: where the same request might have
            worked later, and not where it is plain that it would not.
    """

    why: str
    is_told: bool = False


Decision: TypeAlias = "Retry | GiveUp"


def decide_retry(
    error: WandbRunsError,
    *,
    kind: Literal["query", "mutation"],
    attempts: int,
    max_retries: int,
    left: float,
    budget: float,
    chance: float,
    is_divisible: bool = False,
    is_optional: bool = False,
) -> Decision:
    """Decide about one failure.

    Args:
        error: What the attempt came to.
        kind: What was asked. A query may be sent any number of times; a mutation that may have
            reached the server may not be sent again.
        attempts: How many times it was sent, this time included.
        max_retries: How many times it may be sent after the first.
        left: Seconds until the call's deadline.
        budget: How many retries all calls of the client have left together.
        chance: A random number, at least 0 and below 1.
        is_divisible: Whether the asker divides what was too much for the server.
        is_optional: Whether the asker can do without the answer.

    >>> busy = ServerError("busy", status=503)
    >>> call = {"kind": "query", "max_retries": 5, "left": 60.0, "budget": 20, "chance": 0.5}
    >>> decide_retry(busy, attempts=1, **call)
    Retry(after=0.25, why='HTTP 503')
    >>> decide_retry(busy, attempts=6, **call)
    GiveUp(why='it was sent 6 times', is_told=True)
    """
    passing = _passing(error)
    if passing is None:
        return GiveUp("the same request would fail in the same way")
    if is_divisible and asked_too_much(error):
        return GiveUp("whoever asks divides the work")
    if is_optional:
        return GiveUp("whoever asks can do without")
    if kind == "mutation" and not _is_unsent(error):
        return GiveUp("it is not sent again, since it may have been done", is_told=True)
    return _within_limits(
        Retry(_pause(error, attempts, chance), passing), attempts, max_retries, left, budget
    )


def _within_limits(
    retry: Retry, attempts: int, max_retries: int, left: float, budget: float
) -> Decision:
    if attempts > max_retries:
        times = "once" if attempts == 1 else f"{attempts} times"
        return GiveUp(f"it was sent {times}", is_told=attempts > 1)
    if retry.after >= left:
        return GiveUp(
            f"the next attempt would come in {retry.after:.1f} s, and {max(left, 0):.1f} s of the "
            "call's timeout= are left",
            is_told=True,
        )
    if budget < 1:
        return GiveUp(
            "it is not sent again: so much fails that this client has spent the retries that all "
            "its calls share; wait, and try again",
            is_told=True,
        )
    return retry


def _pause(error: WandbRunsError, attempts: int, chance: float) -> float:
    asked = error.retry_after if isinstance(error, (RateLimitError, ServerError)) else None
    if asked is None:
        # The whole of it is left to chance: clients that failed together come back apart.
        return chance * min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 10))
    return asked + chance * min(FIRST_PAUSE, asked / 10)


def _passing(error: WandbRunsError) -> str | None:
    """What may be over when the same is sent again; None if it will not be."""
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

"""What `on_event=` is told of requests: events as values, without keys, variables or URLs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr

__all__ = ["Answered", "Event", "RequestSent", "Retrying"]


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class RequestSent(FieldsRepr):
    """A request is about to be sent.

    Immutable, and therefore safe to share.

    Attributes:
        operation: The GraphQL operation's name, such as `ListRuns`; `a file` for a download.
        call: A number that all events of one call share, and no other call in this process has.
        attempt: 1 for the first request of the call, 2 for its first retry, and so on.
        at: Seconds since 1970, UTC, by the client's clock.
        bytes_sent: Length of the request's body.
    """

    operation: str
    call: int
    attempt: int
    at: float
    bytes_sent: int


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Answered(FieldsRepr):
    """A request came to its end: an answer, or none.

    Each `RequestSent` is followed by one, also where the request is cancelled or interrupted.
    Immutable, and therefore safe to share.

    Attributes:
        operation: As in `RequestSent`.
        call: As in `RequestSent`.
        attempt: As in `RequestSent`.
        at: Seconds since 1970, UTC, by the client's clock.
        status: The HTTP status; None without an answer.
        error: The class of the exception that came in place of an answer, such as
            `ConnectionFailedError`; None with an answer.
        elapsed: Seconds since the request was sent.
        bytes_sent: Length of the request's body.
        bytes_received: Length of the answer's body, decompressed.
        request_id: What the server calls the request, if it says so.
    """

    operation: str
    call: int
    attempt: int
    at: float
    status: int | None
    error: str | None
    elapsed: float
    bytes_sent: int
    bytes_received: int
    request_id: str | None


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Retrying(FieldsRepr):
    """A request failed, and is sent again after a pause.

    Immutable, and therefore safe to share.

    Attributes:
        operation: As in `RequestSent`.
        call: As in `RequestSent`.
        attempt: The attempt that failed.
        at: Seconds since 1970, UTC, by the client's clock.
        delay: Seconds of the pause.
        reason: What makes a retry worth it, such as `HTTP 503`.
    """

    operation: str
    call: int
    attempt: int
    at: float
    delay: float
    reason: str


Event: TypeAlias = "RequestSent | Answered | Retrying"
"""Any of the events that `on_event=` is told."""

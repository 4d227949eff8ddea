"""`send_change`: a mutation, sent once, logged, and settled where its answer was lost."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final, TypeVar

from wandb_runs.errors import (
    BadResponseError,
    ConnectionFailedError,
    GraphQLError,
    PermissionDeniedError,
    RequestTimeoutError,
    ResponseTooLargeError,
    ServerError,
    WandbRunsError,
)
from wandb_runs.errors.text import as_message, excerpt
from wandb_runs.graphql.flow import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation

__all__ = ["log_change", "may_have_been_done", "send_change"]

T = TypeVar("T")

_log = logging.getLogger("wandb_runs")


def send_change(
    mutation: Operation[T],
    change: str,
    is_done: Callable[[], Flow[bool]] | None = None,
    *,
    logs: bool = True,
) -> Flow[T | None]:
    """Send a mutation once, and log what it changed.

    Where the answer is lost (a broken connection, a timeout, HTTP 5xx), the change may have been
    done or not. It is not sent again: reading back tells, where that can tell.

    Args:
        mutation: The mutation.
        change: What it changes, without values: `run 'me/digits/r1': notes, config.lr`.
        is_done: Reads back whether it was done; None where that cannot be told.
        logs: Whether to log it; else the caller does, once it knows how much was changed.

    Returns:
        The answer; None where it was lost and the change was done.

    Raises:
        PermissionDeniedError: The API key may only read.
        WandbRunsError: It failed, or its answer was lost and the change is not seen.
    """
    try:
        answer = yield from ask(mutation)
    except (GraphQLError, PermissionDeniedError) as error:
        denied = _denied(error, change)
        if denied is None:
            raise
        raise denied from error
    except WandbRunsError as error:
        if is_done is None or not may_have_been_done(error):
            raise
        try:
            done = yield from is_done()
        except WandbRunsError as failure:
            error.args = (
                f"{error.message}; whether it was done could not be read back: {failure.message}",
            )
            raise error from failure
        if not done:
            error.args = (f"{error.message}; reading back does not show it (yet)",)
            raise
        if logs:
            log_change(f"{change} (the answer was lost; read back)")
        return None
    if logs:
        log_change(change)
    return answer


def log_change(change: str) -> None:
    """Log what was changed, without values."""
    _log.info("%s", as_message(f"changed {change}"))


# What a server said, in the message of a request that was refused by its status.
_SAID: Final = re.compile(r"\((HTTP \d+)(?:: (.*))?\); ask its owner for access$", re.DOTALL)
_MESSAGE: Final = re.compile(r'"message": ?"([^"\\]+)"')

# What servers say in an answer with HTTP 200.
_DENIED: Final = re.compile(
    r"permission|\bforbidden\b|not (be )?(authorized|allowed|permitted)|unauthorized|access denied",
    re.IGNORECASE,
)


def _denied(
    error: GraphQLError | PermissionDeniedError, change: str
) -> PermissionDeniedError | None:
    """The error for a key that may not make a change; None if it is not about that."""
    said = error.errors if isinstance(error, GraphQLError) else (_said_in(error.message),)
    told = next((text for text in said if _DENIED.search(text)), None)
    if told is None and isinstance(error, GraphQLError):
        return None
    return PermissionDeniedError(
        f"the API key may not change {change} ({excerpt(told or said[0])}), and nothing of it was; "
        "ask the owner of the project for access, or use a key that may write",
        status=error.status,
        request_id=error.request_id,
        attempts=error.attempts,
    )


def _said_in(message: str) -> str:
    """What the server said, without the words for a request that reads."""
    found = _SAID.search(message)
    if found is None:
        return message
    status, body = found[1], found[2]
    told = None if body is None else _MESSAGE.search(body)
    return ": ".join(each for each in (status, told[1] if told else body) if each)


def may_have_been_done(error: WandbRunsError) -> bool:
    """Whether a mutation that failed so may have been done nevertheless.

    >>> may_have_been_done(ServerError("HTTP 502", status=502))
    True
    >>> may_have_been_done(ConnectionFailedError("refused", may_have_arrived=False))
    False
    """
    if isinstance(error, ConnectionFailedError):
        return error.may_have_arrived
    return isinstance(
        error, (BadResponseError, RequestTimeoutError, ResponseTooLargeError, ServerError)
    )

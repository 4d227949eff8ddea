"""`send_change`: a mutation, sent once, logged, and settled where its answer was lost."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from wandb_runs.errors import (
    BadResponseError,
    ConnectionFailedError,
    RequestTimeoutError,
    ResponseTooLargeError,
    ServerError,
    WandbRunsError,
)
from wandb_runs.errors.text import as_message
from wandb_runs.graphql.flow import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation

__all__ = ["may_have_been_done", "send_change"]

T = TypeVar("T")

_log = logging.getLogger("wandb_runs")


def send_change(
    mutation: Operation[T], change: str, is_done: Callable[[], Flow[bool]] | None = None
) -> Flow[T | None]:
    """Send a mutation once, and log what it changed.

    Where the answer is lost (a broken connection, a timeout, HTTP 5xx), the change may have been
    done or not. It is not sent again: reading back tells, where that can tell.

    Args:
        mutation: The mutation.
        change: What it changes, without values: `run 'me/digits/r1': notes, config.lr`.
        is_done: Reads back whether it was done; None where that cannot be told.

    Returns:
        The answer; None where it was lost and the change was done.

    Raises:
        WandbRunsError: It failed, or its answer was lost and the change is not seen.
    """
    try:
        answer = yield from ask(mutation)
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
        _log.info("%s", as_message(f"changed {change} (the answer was lost; read back)"))
        return None
    _log.info("%s", as_message(f"changed {change}"))
    return answer


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

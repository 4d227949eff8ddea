"""The exit statuses of `wandb-runs`: one table, for the commands, their help and the documents."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from wandb_runs.errors import (
    AuthenticationError,
    ChangesError,
    HistoriesError,
    InvalidArgumentError,
    MissingDependencyError,
    NotFoundError,
    PermissionDeniedError,
    ResponseError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MEANINGS", "Status", "status_of"]


class Status(IntEnum):
    """What a command ends with; `MEANINGS` says when."""

    DONE = 0
    OTHER = 1
    USAGE = 2
    NOT_FOUND = 3
    DENIED = 4
    SERVER = 5
    EMPTY = 6
    PARTIAL = 7
    INTERRUPTED = 130
    CLOSED_PIPE = 141
    TERMINATED = 143


MEANINGS: Final[Mapping[Status, str]] = {
    Status.DONE: "done; also the end of `local` by Ctrl-C or SIGTERM",
    Status.OTHER: "any other error, such as a file that cannot be written or a port in use",
    Status.USAGE: "usage: an argument is wrong, or a library is not installed",
    Status.NOT_FOUND: "no such project or run, or the API key may not see it",
    Status.DENIED: "the API key is missing, wrong, or lacks the permission",
    Status.SERVER: "no connection, a timeout, or an error of the server",
    Status.EMPTY: "nothing was found, with --fail-on-empty",
    Status.PARTIAL: "partly done: what is missing is told on stderr, the rest is written",
    Status.INTERRUPTED: "interrupted by Ctrl-C",
    Status.CLOSED_PIPE: "the reader of the output has closed the pipe",
    Status.TERMINATED: "ended by SIGTERM",
}
"""When a command ends with each status."""


def status_of(error: BaseException) -> Status:
    """The status of a command that an error ends.

    >>> from wandb_runs import NotFoundError
    >>> status_of(NotFoundError("no project 'me/digits'"))
    <Status.NOT_FOUND: 3>
    """
    if isinstance(error, ChangesError) and error.outcome.done:
        return Status.PARTIAL
    if isinstance(error, HistoriesError | ChangesError):
        errors = error.errors if isinstance(error, HistoriesError) else error.outcome.failed
        # Each run failed while the server answered other requests: the first stands for all.
        return next(map(status_of, errors.values()), Status.OTHER)
    if isinstance(error, InvalidArgumentError | MissingDependencyError):
        return Status.USAGE
    if isinstance(error, NotFoundError):
        return Status.NOT_FOUND
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        return Status.DENIED
    is_server = isinstance(error, TransportError | ResponseError)
    return Status.SERVER if is_server else Status.OTHER

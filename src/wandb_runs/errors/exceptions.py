"""What can go wrong, as one tree under `WandbRunsError`.

Every error has a message that says what happened and what to do next, survives a pickle, and
keeps its cause. None holds an API key, and none holds a type of the HTTP library.

>>> from wandb_runs import InvalidArgumentError, WandbRunsError
>>> issubclass(InvalidArgumentError, WandbRunsError), issubclass(InvalidArgumentError, ValueError)
(True, True)
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from wandb_runs.errors.warnings import describe_drift

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


__all__ = [
    "AuthenticationError",
    "BadResponseError",
    "CertificateError",
    "ConnectionFailedError",
    "DriftError",
    "GraphQLError",
    "HistoriesError",
    "InvalidArgumentError",
    "MissingDependencyError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTimeoutError",
    "ResponseError",
    "ResponseTooLargeError",
    "RunValidationError",
    "SchemaError",
    "ServerError",
    "TransportError",
    "TruncatedResponseError",
    "WandbRunsError",
    "asked_too_much",
]


def _restore(kind: type[WandbRunsError], message: str, facts: dict[str, Any]) -> WandbRunsError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(facts)
    return error


class WandbRunsError(Exception):
    """Any error of this package.

    Attributes:
        checkpoint: Where a listing stood that this error has ended; `api.runs(...,
            checkpoint=error.checkpoint)` goes on from there. None elsewhere.
    """

    checkpoint: str | None = None

    @property
    def message(self) -> str:
        """What happened and what to do next; never empty."""
        return str(self.args[0])

    @override
    def __reduce__(
        self,
    ) -> tuple[
        Callable[..., WandbRunsError], tuple[type[WandbRunsError], str, dict[str, Any]]
    ]:  # facts are keyword-only, so the default of calling `type(self)(*args)` would lose them
        return _restore, (type(self), self.message, dict(self.__dict__))


class InvalidArgumentError(WandbRunsError, ValueError):
    """An argument was refused before any request was sent."""


class MissingDependencyError(WandbRunsError, ImportError):
    """An optional library is needed and not installed; the message holds the pip command."""


class NotFoundError(WandbRunsError):
    """No such project, run or sweep, or the API key may not see it.

    W&B answers both alike, so that nobody learns which private projects exist.

    Attributes:
        status: The HTTP status, if that is what says so: 404. None where an answer without the
            project or run says it.
        request_id: What the server calls the request, if it said so with the status.
        attempts: How many times the request was sent.
    """

    status: int | None
    request_id: str | None
    attempts: int

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id
        self.attempts = attempts


class TransportError(WandbRunsError):
    """The server could not be reached, or broke off before it had answered.

    Attributes:
        attempts: How many times the request was sent, or was to be.
    """

    attempts: int

    def __init__(self, message: str, *, attempts: int = 1) -> None:
        super().__init__(message)
        self.attempts = attempts


class ConnectionFailedError(TransportError):
    """No connection, or one that broke.

    Attributes:
        may_have_arrived: Whether the server may have got the request. False where it is certain
            that nothing was sent, since there was no connection.
    """

    may_have_arrived: bool

    def __init__(self, message: str, *, attempts: int = 1, may_have_arrived: bool = True) -> None:
        super().__init__(message, attempts=attempts)
        self.may_have_arrived = may_have_arrived


class CertificateError(ConnectionFailedError):
    """The server's certificate is none that this machine trusts, or is for another host."""


class RequestTimeoutError(TransportError, TimeoutError):
    """The deadline of the call passed, retries included."""


class ResponseError(WandbRunsError):
    """The server answered, and the answer is no data.

    Attributes:
        status: The HTTP status.
        request_id: What the server calls the request, if it said so.
        attempts: How many times the request was sent.
    """

    status: int
    request_id: str | None
    attempts: int

    def __init__(
        self, message: str, *, status: int, request_id: str | None = None, attempts: int = 1
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id
        self.attempts = attempts


class AuthenticationError(ResponseError):
    """HTTP 401: the API key is missing, unknown or expired."""


class PermissionDeniedError(ResponseError):
    """HTTP 403: the API key is known and may not do this."""


class RateLimitError(ResponseError):
    """HTTP 429, or an answer whose errors say the same, after the retries.

    Attributes:
        retry_after: How many seconds the server asks to wait, if it said so.
    """

    retry_after: float | None

    def __init__(
        self,
        message: str,
        *,
        status: int = 429,
        request_id: str | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id, attempts=attempts)
        self.retry_after = retry_after


class ServerError(ResponseError):
    """HTTP 5xx, or 408, after the retries.

    Attributes:
        retry_after: How many seconds the server asks to wait, if it said so.
    """

    retry_after: float | None

    def __init__(
        self,
        message: str,
        *,
        status: int,
        request_id: str | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id, attempts=attempts)
        self.retry_after = retry_after


class BadResponseError(ResponseError):
    """The answer is not what the schema promises: not JSON, or data of another shape."""


class TruncatedResponseError(BadResponseError):
    """The answer breaks off: it is the beginning of one, or cannot be decompressed to its end."""


class ResponseTooLargeError(ResponseError):
    """The answer is longer than `max_response_bytes=`; the rest of it was not read."""


class HistoriesError(WandbRunsError):
    """The histories of some runs could not be had; those of the others are here.

    Attributes:
        errors: What went wrong, by the run's id.
        histories: What the call would have returned without these runs.
    """

    errors: Mapping[str, WandbRunsError]
    histories: object

    def __init__(
        self, message: str, *, errors: Mapping[str, WandbRunsError], histories: object
    ) -> None:
        super().__init__(message)
        self.errors = dict(errors)
        self.histories = histories


class SchemaError(WandbRunsError, ValueError):
    """A value does not fit the dtype that the caller chose for its column.

    Attributes:
        column: The column.
        run_ids: The runs of the batch.
    """

    column: str
    run_ids: Sequence[str]

    def __init__(self, message: str, *, column: str, run_ids: Sequence[str]) -> None:
        super().__init__(message)
        self.column = column
        self.run_ids = list(run_ids)


class RunValidationError(WandbRunsError, ValueError):
    """A run's config or summary does not fit the type that the caller chose for it.

    Attributes:
        path: The run: entity, project and id, joined by `/`.
        part: `config` or `summary`.
        problems: What is wrong, each with the field and its value.
    """

    path: str
    part: str
    problems: Sequence[str]

    def __init__(self, message: str, *, path: str, part: str, problems: Sequence[str]) -> None:
        super().__init__(message)
        self.path = path
        self.part = part
        self.problems = list(problems)


class DriftError(WandbRunsError):
    """What a `DriftWarning` says, for listings that are `strict`.

    Attributes:
        late: The ids of runs that jumped over the reader.
        nulls: How many runs the server gave as null.
        gone: The ids of runs that were listed before, and are there no more.
    """

    late: Sequence[str]
    nulls: int
    gone: Sequence[str]

    def __init__(self, late: Sequence[str] = (), nulls: int = 0, gone: Sequence[str] = ()) -> None:
        super().__init__(describe_drift(late, nulls, gone))
        self.late = list(late)
        self.nulls = nulls
        self.gone = list(gone)


class GraphQLError(ResponseError):
    """The server refused the operation, or part of it.

    Attributes:
        errors: The messages of the server, each as it came.
        data: The data that came beside the errors, if any.
    """

    errors: tuple[str, ...]
    data: object

    def __init__(
        self,
        message: str,
        *,
        status: int,
        errors: Sequence[str],
        data: object = None,
        request_id: str | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id, attempts=attempts)
        self.errors = tuple(errors)
        self.data = data


def asked_too_much(error: BaseException) -> bool:
    """Whether a server may do half of what it failed to do.

    W&B gives up after about a minute, and answers 502 or 504 to what is too heavy. What is too
    long for `max_response_bytes=` may come in two parts.
    """
    if isinstance(error, ServerError):
        return error.status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
    if isinstance(error, GraphQLError):
        return any("complex" in each.lower() for each in error.errors)
    return isinstance(error, (RequestTimeoutError, ResponseTooLargeError))

"""Exceptions: one tree under `WandbRunsError`.

Each has a message that says what happened and what to do next, can be pickled, and keeps its
cause. A message is one line of a few thousand characters at most, without control characters. None
holds an API key or an object of the HTTP library.

>>> from wandb_runs import InvalidArgumentError, WandbRunsError
>>> issubclass(InvalidArgumentError, WandbRunsError), issubclass(InvalidArgumentError, ValueError)
(True, True)
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from wandb_runs.errors.text import as_message
from wandb_runs.errors.warnings import describe_drift

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


__all__ = [
    "AuthenticationError",
    "BadResponseError",
    "CertificateError",
    "ConnectionFailedError",
    "DriftError",
    "FieldValidationError",
    "GraphQLError",
    "HistoriesError",
    "InvalidArgumentError",
    "MissingDependencyError",
    "MissingValueError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "ReadOnlyError",
    "RequestTimeoutError",
    "ResponseError",
    "ResponseTooLargeError",
    "RunValidationError",
    "SchemaError",
    "ServerError",
    "TransportError",
    "TruncatedResponseError",
    "UnsafeNameError",
    "UnsupportedByServerError",
    "UpdateConflictError",
    "WandbRunsError",
    "is_too_large",
]


def _restore(kind: type[WandbRunsError], message: str, facts: dict[str, Any]) -> WandbRunsError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(facts)
    return error


class WandbRunsError(Exception):
    """The base of all exceptions of this package.

    Attributes:
        checkpoint: The position of a listing that this error ended: `api.runs(...,
            checkpoint=error.checkpoint)` continues from there. None for other errors.
    """

    checkpoint: str | None = None

    def __init__(self, message: str) -> None:
        # Whatever a message quotes, of a server or another user, moves no cursor and is bounded.
        super().__init__(as_message(message))

    @property
    def message(self) -> str:
        """What happened and what to do next; never empty."""
        return str(self.args[0])

    @override
    def __reduce__(
        self,
    ) -> tuple[
        Callable[..., WandbRunsError], tuple[type[WandbRunsError], str, dict[str, Any]]
    ]:  # attributes are keyword-only: the default, `type(self)(*args)`, would lose them
        return _restore, (type(self), self.message, dict(self.__dict__))


class InvalidArgumentError(WandbRunsError, ValueError):
    """An argument was refused, before any request."""


class ReadOnlyError(WandbRunsError):
    """A call that would change something, of an `Api(read_only=True)`; nothing was sent."""


class UpdateConflictError(WandbRunsError):
    """Another program overwrote a change, again and again.

    W&B replaces a config or a summary as a whole. A change is read back after it was written, and
    written again when another program's write has taken it away; this is the end of that.

    Attributes:
        path: Entity, project and id of the run, joined by `/`.
        lost: What is missing: `config.lr`, `summary.loss`.
    """

    path: str
    lost: Sequence[str]

    def __init__(self, message: str, *, path: str, lost: Sequence[str]) -> None:
        super().__init__(message)
        self.path = path
        self.lost = list(lost)


class UnsafeNameError(WandbRunsError):
    """A file of a run has a name under which nothing is written; nothing was.

    It leads out of the folder, or through a symbolic link inside of it, or is none that every
    system can have, or is another file's on systems that do not tell case or Unicode forms apart.

    Attributes:
        name: The name, as the server has it.
    """

    name: str

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class ExportError(WandbRunsError):
    """A folder is not one that an export can be written to, or verified in.

    It holds something else, an export of other runs or keys, or a file that cannot be read; or
    another export writes to it.
    """


class MissingDependencyError(WandbRunsError, ImportError):
    """An optional library is not installed; the message has the pip command."""


class NotFoundError(WandbRunsError):
    """No such project, run or sweep, or the API key may not see it.

    W&B answers both alike, so that the existence of private projects is not disclosed.

    Attributes:
        status: 404 for an HTTP error; None for an answer without the project, run or sweep.
        request_id: The server's id of the request, if it sent one with the status.
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
    """The server could not be reached, or did not answer completely.

    Attributes:
        attempts: How many times the request was attempted.
    """

    attempts: int

    def __init__(self, message: str, *, attempts: int = 1) -> None:
        super().__init__(message)
        self.attempts = attempts


class ConnectionFailedError(TransportError):
    """No connection, or a broken one.

    Attributes:
        may_have_arrived: Whether the server may have received the request. False where no
            connection was established.
    """

    may_have_arrived: bool

    def __init__(self, message: str, *, attempts: int = 1, may_have_arrived: bool = True) -> None:
        super().__init__(message, attempts=attempts)
        self.may_have_arrived = may_have_arrived


class CertificateError(ConnectionFailedError):
    """The server's certificate is not trusted by this machine, or is for another host."""


class RequestTimeoutError(TransportError, TimeoutError):
    """The deadline of the call passed, retries included."""


class ResponseError(WandbRunsError):
    """The server answered with an error, or with no usable data.

    Attributes:
        status: The HTTP status; 0 where a hook or a mock of an `http_client=` failed to decompress
            the answer, which leaves it unknown.
        request_id: The server's id of the request, if it sent one.
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
    """HTTP 403: the API key is valid and lacks the permission."""


class RateLimitError(ResponseError):
    """HTTP 429, or an answer with an equivalent error, after all retries.

    Attributes:
        retry_after: Seconds that the server asks to wait, if it sent them.
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
    """HTTP 5xx or 408, after all retries.

    Attributes:
        retry_after: Seconds that the server asks to wait, if it sent them.
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
    """The answer does not match the schema: not JSON, or data of another shape."""


class TruncatedResponseError(BadResponseError):
    """The answer is truncated: its JSON or its compressed data is incomplete."""


class ResponseTooLargeError(ResponseError):
    """The answer is longer than `max_response_bytes=`; the rest was not read."""


class HistoriesError(WandbRunsError):
    """The histories of some runs could not be read; those of the others are in `histories`.

    Attributes:
        errors: The error of each failed run, by id.
        histories: The result of the call without these runs.
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
    """A column cannot be converted to the schema's dtype without loss.

    Attributes:
        column: The name of the column.
        run_ids: The ids of the batch's runs.
    """

    column: str
    run_ids: Sequence[str]

    def __init__(self, message: str, *, column: str, run_ids: Sequence[str]) -> None:
        super().__init__(message)
        self.column = column
        self.run_ids = list(run_ids)


class RunValidationError(WandbRunsError, ValueError):
    """A run's config or summary does not match the caller's type.

    Attributes:
        path: The run's path: entity, project and id, joined by `/`.
        part: `config` or `summary`.
        problems: The problems, each with the field and its value.
    """

    path: str
    part: str
    problems: Sequence[str]

    def __init__(self, message: str, *, path: str, part: str, problems: Sequence[str]) -> None:
        super().__init__(message)
        self.path = path
        self.part = part
        self.problems = list(problems)


class FieldValidationError(RunValidationError):
    """A run's value does not match the type of a field, such as `Config("lr", type=float)`.

    Attributes:
        field: The field, as Python spells it.
    """

    field: str

    def __init__(
        self, message: str, *, path: str, part: str, problems: Sequence[str], field: str
    ) -> None:
        super().__init__(message, path=path, part=part, problems=problems)
        self.field = field


class MissingValueError(WandbRunsError, KeyError):
    """A run has no value of a field that was read, or has it as null.

    Attributes:
        path: The run's path: entity, project and id, joined by `/`.
        field: The field, as Python spells it.
    """

    path: str
    field: str

    def __init__(self, message: str, *, path: str, field: str) -> None:
        super().__init__(message)
        self.path = path
        self.field = field

    @override
    def __str__(self) -> str:
        return self.message  # a `KeyError` shows the repr of a key


class DriftError(WandbRunsError):
    """A `DriftWarning` as an error, for listings with `strict=True`.

    Attributes:
        late: The ids of runs that moved to earlier pages.
        nulls: The number of runs that the server returned as null.
        gone: The ids of runs that were listed before and no longer exist.
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
    """The server answered with GraphQL errors.

    Attributes:
        errors: The server's messages, unchanged.
        data: The data beside the errors, if any.
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


class UnsupportedByServerError(GraphQLError):
    """The server's schema lacks what a call cannot do without.

    What calls can do without is left out instead, with a `DegradedServerWarning`.

    Attributes:
        missing: What the server lacks: fields (`Run.history`), arguments (`Project.runs(filters:)`)
            and types (`JSONString`).
    """

    missing: tuple[str, ...]

    def __init__(
        self,
        message: str,
        *,
        missing: Sequence[str],
        status: int = HTTPStatus.OK,
        errors: Sequence[str] = (),
        request_id: str | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(
            message, status=status, errors=errors, request_id=request_id, attempts=attempts
        )
        self.missing = tuple(missing)


def is_too_large(error: BaseException) -> bool:
    """Whether half of the request may succeed.

    W&B times out after about a minute, and answers 502 or 504 to a request that is too heavy. An
    answer longer than `max_response_bytes=` may be short enough in two parts. A deadline that
    passed before anything was sent says nothing of the request.
    """
    if isinstance(error, ServerError):
        return error.status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
    if isinstance(error, GraphQLError):
        return any("complex" in each.lower() for each in error.errors)
    if isinstance(error, RequestTimeoutError):
        return error.attempts > 0
    return isinstance(error, ResponseTooLargeError)

"""What `RetryingClient` and `AsyncRetryingClient` have in common."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from typing_extensions import override

from wandb_runs.errors import BadResponseError, ReadOnlyError, WandbRunsError
from wandb_runs.errors.warnings import warn
from wandb_runs.graphql.operation import RawOperation
from wandb_runs.graphql.requests import check_is_operation
from wandb_runs.transport.call import Call, Target
from wandb_runs.transport.credentials import Shared
from wandb_runs.transport.file_request import FileAnswer, FileRequest
from wandb_runs.transport.hosts import origin_of
from wandb_runs.transport.options import Options
from wandb_runs.transport.responses import request_id_of
from wandb_runs.transport.retry import Plan
from wandb_runs.transport.server import FittedOperation
from wandb_runs.transport.session import SessionBase
from wandb_runs.transport.urls import problem_of_file

if TYPE_CHECKING:
    from typing import Self

    from wandb_runs.errors import GraphQLError
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.transport.call import Attempts
    from wandb_runs.transport.credentials import ApiKey
    from wandb_runs.transport.messages import Response
    from wandb_runs.transport.server import KnownServer
    from wandb_runs.transport.settings import Address, Settings
    from wandb_runs.transport.stats import Stats
    from wandb_runs.transport.viewer import Viewer

__all__ = ["DEFAULTS", "Client"]

C_co = TypeVar("C_co", bound=SessionBase, covariant=True)
T = TypeVar("T")

DEFAULTS: Final = Options()

_FILE: Final = "a file"
"""What a file is called in messages, logs and events."""


class Client(Shared, Generic[C_co]):
    """What `RetryingClient` and `AsyncRetryingClient` have in common: all but the waiting.

    Copies of one client that are pickled together share a session where they land.

    Attributes:
        options: The limits of each call.
    """

    def __init__(self, session: C_co, options: Options) -> None:
        self.options = options
        self._session = session
        self._is_copy = False
        self._is_closed = False

    @override
    def __repr__(self) -> str:
        if not hasattr(self, "_session"):  # an interrupt came while it was made
            return f"<{type(self).__name__}, not made>"
        return f"<{type(self).__name__} {self.settings.shown}>"

    @property
    def settings(self) -> Settings:
        """The server and the defaults."""
        return self._session.settings

    @property
    def viewer(self) -> Viewer:
        """What the server said of the viewer."""
        return self._session.viewer

    @property
    def api_key(self) -> ApiKey | None:
        """The key in use and its source; a netrc file is read on the first touch."""
        return self._session.identity.key

    @property
    def stats(self) -> Stats:
        """What this client and its copies have done so far."""
        return self._session.stats.snapshot

    @property
    def server(self) -> KnownServer:
        """What is known of the server."""
        return self._session.server

    @property
    def has_own_transport(self) -> bool:
        """Whether connections of this package carry the requests, and not what a caller gave."""
        return self._session.has_own_transport

    @property
    def max_concurrency(self) -> int:
        """How many operations may be under way at once."""
        return self._session.max_concurrency

    def check_may_change(self, call: str) -> None:
        """Refuse a call that would change something, before it sends anything.

        Args:
            call: The call, for the message.

        Raises:
            ReadOnlyError: The client may only read.
        """
        if self.options.read_only:
            raise ReadOnlyError(
                f"{call} would change what the server holds, and this Api was made with "
                "read_only=True; make another one for changes. Nothing was sent"
            )

    def with_options(self, options: Options) -> Self:
        """A copy with other options, which shares everything else; see `Api.with_options`."""
        changed = type(self).__new__(type(self))
        vars(changed).update(vars(self), options=options, _is_copy=True)
        return changed

    def _attempts_at(self, operation: Operation[T]) -> Attempts[T]:
        """The attempts at an operation, or at the transfer of a file."""
        if isinstance(operation, FileRequest):
            return cast("Attempts[T]", self._attempts_at_file(operation))
        check_is_operation(operation)
        if operation.kind == "mutation":
            self.check_may_change(operation.name)
        fitted = FittedOperation(self._session.server, operation)

        def parse(response: Response, attempts: int, seconds: float) -> T:
            return fitted.sent.parse(
                response.content,
                status=response.status,
                request_id=request_id_of(response),
                attempts=attempts,
                date=response.headers.get("date"),
                seconds=seconds,
            )

        target = Target(
            operation.name,
            _subject_of(operation),
            "POST",
            self._session.endpoint,
            fitted.sent.content(),
            plan=Plan(operation.kind, operation.divisible, operation.is_optional),
            load=None if isinstance(operation, RawOperation) else operation.load,
        )

        def revise(body: bytes, error: GraphQLError) -> bytes | None:
            return fitted.sent.content() if fitted.refit(body, error) else None

        self._check_open()
        return Call(self._session, self.options, target, parse, revise).attempts()

    def _attempts_at_file(self, file: FileRequest) -> Attempts[FileAnswer]:
        """The attempts to send or to get a file, or a part of one."""
        if file.method == "PUT":
            self.check_may_change("to upload a file")
        self._check_open()
        # The same bytes under the same name: sent twice, they are what they are once.
        target = Target(
            _FILE, _FILE, file.method, file.place.address, is_own=file.place.is_own, file=file
        )
        return Call(self._session, self.options, target, _answer_of).attempts()

    def _attempts_to_download(self, address: Address) -> Attempts[bytes]:
        """The attempts to download a file."""
        self._check_open()
        settings = self._session.settings
        problem = problem_of_file(address.url, allow_http=settings.allow_http)
        if problem is not None:
            raise BadResponseError(problem, status=HTTPStatus.OK)
        is_own = origin_of(address.url) == origin_of(settings.base_url)
        target = Target(_FILE, _FILE, "GET", address, is_own=is_own)
        return Call(self._session, self.options, target, _file_in).attempts()

    def _warn(self) -> None:
        """Warn of what the server was found to lack, at the line of the caller's; once."""
        warning = self._session.server.take_warning()
        if warning is not None:
            warn(warning)

    def _check_open(self) -> None:
        if self._is_closed or self._session.is_closed:
            raise WandbRunsError("this client is closed; make a new Api()")


def _answer_of(response: Response, _attempts: int, _seconds: float) -> FileAnswer:
    return FileAnswer(response.status, response.headers, response.content)


def _file_in(response: Response, attempts: int, _seconds: float) -> bytes:
    """The file that an answer holds.

    Raises:
        BadResponseError: It holds none.
    """
    if response.status != HTTPStatus.OK:
        raise BadResponseError(
            f"the server did not give the file (HTTP {response.status}); ask again for "
            "its address: it may have expired",
            status=response.status,
            request_id=request_id_of(response),
            attempts=attempts,
        )
    return response.content


def _subject_of(operation: Operation[object]) -> str:
    """What an operation asks for, in the words of a message."""
    names = operation.variables
    path = "/".join(
        str(names[part]) for part in ("entity", "project", "id") if names.get(part) is not None
    )
    return repr(path) if path else operation.name

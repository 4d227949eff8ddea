"""What a client is, whether it blocks or awaits."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from urllib.parse import urlsplit

from typing_extensions import override

from wandb_runs.errors import BadResponseError, GraphQLError, ResponseError, WandbRunsError
from wandb_runs.transport.call import Plan
from wandb_runs.transport.options import Options
from wandb_runs.transport.responses import rate_limit_in, request_id_of
from wandb_runs.transport.session import PLAIN_HEADERS, SessionBase
from wandb_runs.transport.settings import check_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from wandb_runs.graphql.operation import Operation
    from wandb_runs.transport.messages import Response
    from wandb_runs.transport.settings import Address, ApiKey, Settings
    from wandb_runs.transport.stats import Stats
    from wandb_runs.transport.viewer import Viewer

__all__ = ["DEFAULTS", "FILE", "Client", "file_in", "plan_of", "subject_of"]

C_co = TypeVar("C_co", bound=SessionBase, covariant=True)
ClientT = TypeVar("ClientT", bound="Client[SessionBase]")
T = TypeVar("T")

DEFAULTS: Final = Options()

FILE: Final = "a file"
"""What a file is called in messages."""


class Client(Generic[C_co]):
    """What `RetryingClient` and `AsyncRetryingClient` have in common: all but the waiting.

    Attributes:
        options: How patient the client is, and how much it takes.
    """

    def __init__(self, shared: C_co, options: Options) -> None:
        self.options = options
        self._shared = shared
        self._is_copy = False
        self._is_closed = False

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.settings.base_url}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @override
    def __reduce__(self) -> tuple[Callable[..., Client[C_co]], tuple[object, ...]]:
        # Without the key, connections and what it has learnt. Copies that share all that still
        # do, when they travel together.
        return _land, (type(self), self._shared, self.options, self._is_copy)

    @property
    def settings(self) -> Settings:
        """The server and the defaults."""
        return self._shared.settings

    @property
    def viewer(self) -> Viewer:
        """What the server said of the viewer."""
        return self._shared.viewer

    @property
    def api_key(self) -> ApiKey | None:
        """The key in use and its source; a netrc file is read on the first touch."""
        return self._shared.identity.key

    @property
    def stats(self) -> Stats:
        """What this client has done so far, and those that share its connections."""
        return self._shared.stats.snapshot

    def with_options(self, options: Options) -> Self:
        """A copy with other options, which shares everything else; see `Api.with_options`."""
        changed = type(self).__new__(type(self))
        vars(changed).update(vars(self), options=options, _is_copy=True)
        return changed

    def _file_headers(self, address: Address) -> Mapping[str, str]:
        """What to ask for a file with; the key goes along to the server alone."""
        settings = self._shared.settings
        check_url(address.url, what="the file's address", allow_http=settings.allow_http)
        is_own = urlsplit(address.url)[:2] == urlsplit(settings.base_url)[:2]
        return self._shared.identity.headers if is_own else PLAIN_HEADERS

    def _read(self, operation: Operation[T], response: Response, attempts: int) -> T:
        shared = self._shared
        try:
            return operation.parse(
                response.content,
                status=response.status,
                request_id=request_id_of(response),
                attempts=attempts,
                date=response.headers.get("date"),
            )
        except ResponseError as error:
            clean = shared.identity.taken_out_of(response.content)
            if clean == response.content:
                limit = None
                if isinstance(error, GraphQLError):
                    limit = rate_limit_in(error, response, shared.clock.time())
                if limit is None:
                    raise
                raise limit from error
        # The server quotes the key. Out here the error that quotes it, too, is forgotten.
        return self._read(operation, replace(response, content=clean), attempts)

    def _check_open(self) -> None:
        if self._is_closed or self._shared.is_closed:
            raise WandbRunsError("this client is closed; make a new Api()")


def _land(
    kind: type[ClientT],
    shared: SessionBase,
    options: Options,
    is_copy: bool,  # noqa: FBT001 - a pickle holds no keywords
) -> ClientT:
    client = kind.__new__(kind)
    vars(client).update(_shared=shared, options=options, _is_copy=is_copy, _is_closed=False)
    return client


def plan_of(operation: Operation[object]) -> Plan:
    """How a call is taken that asks for this."""
    return Plan(operation.kind, operation.divisible, operation.is_optional)


def file_in(response: Response, attempts: int) -> bytes:
    """The file that came.

    Raises:
        BadResponseError: None came.
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


def subject_of(operation: Operation[object]) -> str:
    """What an operation asks for, in the words of a message."""
    names = operation.variables
    path = "/".join(
        str(names[part]) for part in ("entity", "project", "id") if names.get(part) is not None
    )
    return repr(path) if path else operation.name

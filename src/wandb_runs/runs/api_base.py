"""What `Api` and `AsyncApi` have in common."""

from __future__ import annotations

import sys
from copy import copy
from typing import TYPE_CHECKING, Generic, NoReturn, Self, TypeVar, cast

from typing_extensions import override

from wandb_runs.errors import IgnoredArgumentWarning, InvalidArgumentError, NotFoundError
from wandb_runs.errors.suggest import describe
from wandb_runs.errors.warnings import warn
from wandb_runs.graphql.requests import JsonOperation, check_operation
from wandb_runs.query.location import (
    APP_URL,
    PathParts,
    check_ids,
    check_name,
    is_page_of,
    kind_of_path,
    parse_path,
)
from wandb_runs.runs.assignment import NoNewAttributes
from wandb_runs.runs.changes.bulk_base import BulkCall
from wandb_runs.runs.changes.bulk_delete import Restoration
from wandb_runs.runs.changes.create import (
    check_new_project,
    check_new_run_id,
    send_new_project,
    send_new_run,
)
from wandb_runs.runs.changes.values import json_of
from wandb_runs.runs.record import to_node
from wandb_runs.runs.run_base import fetch_run
from wandb_runs.runs.sweep_base import fetch_sweep
from wandb_runs.runs.unknown_names import UnknownNames
from wandb_runs.runs.user import User
from wandb_runs.transport.credentials import ApiKey
from wandb_runs.transport.http_client import has_credentials
from wandb_runs.transport.settings import resolve_settings
from wandb_runs.transport.tls import check_context
from wandb_runs.transport.tracebacks import clear_frames

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from typing import Literal

    from wandb_runs.graphql._generated import SweepFields, ViewerFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.graphql.scalars import JSONObject
    from wandb_runs.query.location import Kind
    from wandb_runs.runs.changes.bulk_base import Prepared
    from wandb_runs.runs.record import Node
    from wandb_runs.transport import Server, Stats
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase
    from wandb_runs.transport.settings import Settings

__all__ = ["ApiBase", "Given", "checked_context", "user_of", "warn_of_lazy"]

ClientT = TypeVar("ClientT", bound="Client[SessionBase]")
T = TypeVar("T")


class Given:
    """Arguments that are secret, or may hold secrets: no repr, for tracebacks with variables."""

    __slots__ = ("api_key", "base_url", "headers", "overrides")

    def __init__(
        self,
        base_url: str | None,
        api_key: str | Callable[[], object] | None,
        overrides: Mapping[str, str | None] | None,
        headers: Mapping[str, str] | None,
    ) -> None:
        self.base_url: str | None = base_url
        self.api_key: str | Callable[[], object] | None = api_key
        self.overrides: Mapping[str, str | None] | None = overrides
        self.headers: Mapping[str, str] | None = headers

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("what holds an API key is never pickled")

    def settings(
        self, *, entity: str | None, project: str | None, allow_http: bool, http_client: object
    ) -> Settings:
        """Check the arguments, and complete them from the environment.

        Raises:
            InvalidArgumentError: An argument, or a value from the environment, that cannot be
                right.
        """
        outside = sys.exception()
        try:
            is_given = self.api_key not in (None, "")  # a callable may be falsy
            return resolve_settings(
                base_url=self.base_url,
                api_key=ApiKey(self.api_key, source="argument").validated() if is_given else None,
                entity=entity,
                project=project,
                allow_http=allow_http,
                overrides=self.overrides,
                headers=self.headers,
                client_has_key=has_credentials(http_client),
            )
        except InvalidArgumentError as error:
            # The frames below hold what may hold credentials.
            raise error.with_traceback(None) from None
        except BaseException as error:
            clear_frames(error, outside)
            raise


def checked_context(
    ssl_context: object, *, transport: object, http_client: object
) -> ssl.SSLContext | None:
    """Check the arguments that decide how requests are carried.

    Raises:
        InvalidArgumentError: Two of them, or certificates that are not verified.
    """
    given = {"transport=": transport, "http_client=": http_client, "ssl_context=": ssl_context}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise InvalidArgumentError(
            f"{' and '.join(names)} each decide how requests are carried; pass one of them"
        )
    return check_context(ssl_context)


class ApiBase(UnknownNames, NoNewAttributes, Generic[ClientT]):
    """What `Api` and `AsyncApi` have in common: all that takes no request.

    Args:
        client: What sends the requests.
    """

    _why_fixed = "settings are given when it is made, or to api.with_options(...)"

    _client: ClientT

    def __init__(self, client: ClientT) -> None:
        self._client = client

    @override
    def __repr__(self) -> str:
        # A traceback may show one whose arguments were refused.
        client, name = getattr(self, "_client", None), type(self).__name__
        return f"<{name}, not made>" if client is None else f"<{name} {client.settings.shown}>"

    def with_options(
        self,
        *,
        timeout: float | None = None,
        max_retries: int | None = None,
        max_response_bytes: int | None = None,
        requests_per_second: float | None = None,
    ) -> Self:
        """A copy with other options, for calls that need longer or shorter deadlines.

        It shares all else with this one: the connections, the key, the headers, `max_concurrency`
        and its slots, `on_event`, the viewer, the counters of `stats`, the retry budget and the
        pace. What it lists (`runs`, `run`, `sweep`) keeps to its options.

        Args:
            timeout: Seconds for one call, retries included; None keeps the present value.
            max_retries: How many times a request is sent again at most; 0 for never. None keeps
                the present value.
            max_response_bytes: How long the body of an answer may be, decompressed. None keeps
                the present value.
            requests_per_second: The pace of its calls; None keeps the present value. Those of this
                one and of other copies that have a pace keep apart from them, too.

        Raises:
            InvalidArgumentError: A value of the wrong type or out of bounds.

        >>> patient = api.with_options(timeout=300, max_retries=10)
        >>> len(patient.runs("sample/digits")) == len(api.runs("sample/digits"))
        True
        """
        changed = copy(self)
        changed._client = self._client.with_options(  # noqa: SLF001 - a copy of its own kind
            self._client.options.changed(
                timeout=timeout,
                max_retries=max_retries,
                max_response_bytes=max_response_bytes,
                requests_per_second=requests_per_second,
            )
        )
        return changed

    def flush(self) -> None:
        """Do nothing: no listing is kept, and each `api.runs(...)` asks anew.

        W&B's SDK keeps what it listed, and forgets it here.
        """

    @property
    def stats(self) -> Stats:
        """The requests so far, of this `Api` and of the copies that share its connections.

        A snapshot, which does not change. A request that was interrupted (Ctrl-C, or a cancelled
        task) is not counted.
        """
        return self._client.stats

    @property
    def server(self) -> Server:
        """What was found out about the server so far: what its schema lacks.

        A snapshot, which does not change. The copies of `with_options` share what they find; a
        pickle leaves it behind, and finds it again where it lands.
        """
        return self._client.server.snapshot

    @property
    def client(self) -> ClientT:
        """What sends the requests; `Runs(api.client, entity, project)` takes it."""
        return self._client

    @property
    def read_only(self) -> bool:
        """Whether calls that change anything are refused before any request."""
        return self._client.options.read_only

    @property
    def requests_per_second(self) -> float | None:
        """The pace that was given; None where the server's rate limit alone decides."""
        return self._client.options.requests_per_second

    @property
    def base_url(self) -> str:
        """The server, without a trailing slash."""
        return self._client.settings.base_url

    @property
    def api_key_source(self) -> str | None:
        """Where the key came from: `argument`, `WANDB_API_KEY`, or a netrc file's path.

        None without a key. The key itself is shown by nothing. A callable counts as an argument.
        """
        key = self._client.api_key
        return None if key is None else key.source

    def _complete_project(
        self, path: str | None, entity: str | None, project: str | None
    ) -> tuple[str | None, str]:
        """The entity, None for the viewer's, and the project of a listing."""
        settings = self._client.settings
        parts = PathParts(None, None) if path is None else self._parse(path, "project")
        # An entity that only a file or the server can tell is asked for with the first request.
        entity = _agree("entity", parts.entity, entity) or settings.known("entity")
        project = _agree("project", parts.project, project) or settings.project
        if project is None:
            raise InvalidArgumentError(
                "no project: pass a path like 'entity/project', or project=, or set WANDB_PROJECT"
            )
        return entity, project

    def _kind_of(self, path: str) -> Kind:
        return kind_of_path(path, app_url=self._pages_for(path))

    def _parse(self, path: str, kind: Kind) -> PathParts:
        return parse_path(path, kind=kind, app_url=self._pages_for(path))

    def _pages_for(self, path: object) -> str:
        is_url = isinstance(path, str) and "://" in path
        return self._client.settings.app_url if is_url else APP_URL

    def _complete(self, path: str, kind: Literal["run", "sweep"]) -> Flow[tuple[str, str, str]]:
        """The entity, project and id of a path, completed from the settings and the viewer."""
        parts = self._parse(path, kind)
        project = parts.project or self._client.settings.project
        if project is None or parts.id is None:
            raise InvalidArgumentError(
                f"no project for {parts.id!r}: write 'entity/project/{parts.id}', or set "
                "WANDB_PROJECT"
            )
        return parts.entity or (yield from self._fetch_entity()), project, parts.id

    def _fetch_entity(self) -> Flow[str]:
        client = self._client
        return client.settings.entity or (yield from client.viewer.entity())

    def _fetch_run(self, path: str) -> Flow[tuple[str, str, Node]]:
        entity, project, run_id = yield from self._complete(path, "run")
        try:
            fields = yield from fetch_run(entity, project, run_id)
        except NotFoundError as error:
            self._note_host(error, path)
            raise
        return entity, project, to_node(fields)

    def _plan_undelete(
        self, path: str, ids: object, expect: object
    ) -> tuple[BulkCall, Flow[Prepared]]:
        """Check the arguments of `undelete_runs`, and read what is there."""
        call = BulkCall(Restoration(), expect)
        call.check_allowed(self._client)
        run_ids = check_ids(ids)
        owner, project = self._complete_project(path, None, None)
        return call, call.prepare(self._fetch_owner(owner), project, run_ids)

    def _fetch_owner(self, entity: str | None) -> Flow[str]:
        return entity or (yield from self._fetch_entity())

    def _create_run(
        self, run_id: str | None, project: str | None, entity: str | None
    ) -> Flow[tuple[str, str, Node]]:
        self._client.check_may_change("api.create_run")
        given_id = None if run_id is None else check_new_run_id(run_id)
        owner, name = self._complete_project(None, entity, project)
        check_new_project(name, "project")
        owner = yield from self._fetch_owner(owner)
        return owner, name, to_node((yield from send_new_run(owner, name, given_id)))

    def _create_project(self, name: str, entity: str | None) -> Flow[tuple[str, str]]:
        self._client.check_may_change("api.create_project")
        check_new_project(name)
        owner, name = self._complete_project(None, entity, name)
        return (yield from send_new_project((yield from self._fetch_owner(owner)), name))

    def _fetch_sweep(self, path: str) -> Flow[tuple[str, str, SweepFields]]:
        entity, project, sweep_id = yield from self._complete(path, "sweep")
        try:
            return entity, project, (yield from fetch_sweep(entity, project, sweep_id))
        except NotFoundError as error:
            self._note_host(error, path)
            raise

    def _plan_execute(self, operation: Operation[T]) -> Flow[T]:
        """Check an operation, before anything is sent, and send it."""
        check_operation(operation)
        return _send(operation)

    def _plan_execute_raw(
        self, document: str, variables: object, operation_name: str | None
    ) -> Flow[JSONObject]:
        """Check a document and its variables, before anything is sent, and send them."""
        given = json_of("variables", {} if variables is None else variables)
        if not isinstance(given, dict):
            raise InvalidArgumentError(
                f"variables must be a mapping of names to values; got {describe(variables)}"
            )
        return _send(JsonOperation.of(document, given, operation_name))

    def _note_host(self, error: NotFoundError, path: str) -> None:
        """Say that a URL is of another server than was asked: it is not compared before."""
        settings = self._client.settings
        if "://" in path and not is_page_of(path, settings.app_url):
            error.args = (
                f"{error.message}; the URL is of another host than the pages of "
                f"{settings.base_url}, which was asked",
            )


def _send(operation: Operation[T]) -> Flow[T]:
    return cast("T", (yield operation))  # a driver answers as the operation says


def user_of(fields: ViewerFields) -> User:
    """The user that a server tells of."""
    return User(
        username=fields.username, name=fields.name, email=fields.email, entity=fields.entity
    )


def warn_of_lazy(lazy: object) -> None:
    """Warn the caller that `lazy=` does nothing."""
    if lazy is not None:
        warn(
            IgnoredArgumentWarning(
                "lazy= does nothing: listing carries config and summary, decoded when touched"
            )
        )


def _agree(what: str, from_path: str | None, argument: str | None) -> str | None:
    if argument is None:
        return from_path
    check_name(argument, what)
    if from_path is not None and from_path != argument:
        raise InvalidArgumentError(
            f"path names the {what} {from_path!r} and {what}= says {argument!r}; pass one of them"
        )
    return argument

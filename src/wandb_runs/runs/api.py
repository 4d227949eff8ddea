"""`Api`: the entry point of the blocking half."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from typing_extensions import TypeVar

from wandb_runs.graphql.scalars import JSONObject
from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.query.location import check_name
from wandb_runs.runs.api_base import ApiBase, Given, checked_context, user_of, warn_of_lazy
from wandb_runs.runs.changes.bulk import apply_change
from wandb_runs.runs.models import check_models
from wandb_runs.runs.nodes import Nodes
from wandb_runs.runs.nodes_base import check_nodes
from wandb_runs.runs.project import Project, Projects
from wandb_runs.runs.run import Run
from wandb_runs.runs.run_base import RunContext
from wandb_runs.runs.runs import Runs
from wandb_runs.runs.sweep import Sweep, Sweeps
from wandb_runs.transport import MAX_RESPONSE_BYTES, RetryingClient
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.http_client import HttpClientTransport
from wandb_runs.transport.options import MAX_CONCURRENCY, MAX_RETRIES, TIMEOUT, Options
from wandb_runs.transport.tracebacks import clear_frames

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from wandb_runs.errors import ChangeOutcome
    from wandb_runs.graphql.connections import Connection, OperationBuilder
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.pagination.checkpoint import Checkpoint
    from wandb_runs.query.filters import Filters
    from wandb_runs.query.order import Order
    from wandb_runs.runs.changes.values import NewValues
    from wandb_runs.runs.models import OnInvalid
    from wandb_runs.runs.user import User
    from wandb_runs.transport import Clock, Transport
    from wandb_runs.transport.events import Event
    from wandb_runs.transport.http_client import HttpClient

__all__ = ["Api"]

D = TypeVar("D")
K = TypeVar("K", bound=str)
N = TypeVar("N")
T = TypeVar("T")
ConfigT = TypeVar("ConfigT", default=JSONObject)
SummaryT = TypeVar("SummaryT", default=JSONObject)


class Api(ApiBase[RetryingClient]):
    """A connection to W&B, or to a server that speaks as it does.

    Each setting comes from its argument, else from `overrides`, else from the environment
    (`WANDB_BASE_URL`, `WANDB_API_KEY`, `WANDB_ENTITY`, `WANDB_PROJECT`), else from the settings
    files of `wandb login --host`; the key last from a netrc file (`NETRC`, or `.netrc` in the home
    folder), by the server's host. Making one sends nothing, opens no file, starts no process and
    asks no question: files are read with the first request, or when a setting of them is touched.

    Thread-safe. As a context manager it closes its connections at the end.

    Args:
        overrides: The dict that W&B's SDK takes: `base_url`, `entity`, `project`.
        base_url: The server; `https://api.forge.coreweave.com` by default.
        api_key: The key of W&B's settings page, or a callable that returns it.
            A callable is called before each call, never for a retry, and once more after HTTP
            401: the call is then sent once more if the key has changed. Public projects answer
            without a key.
        entity: The user or team for paths that name none; by default the viewer's.
        project: The project for paths that name none.
        timeout: The deadline of one call in seconds, retries included: 60 by default. W&B gives
            up after about as many itself. A connection has to stand within 10 of them.
        allow_http: Whether plain http may go to another machine than this one.
        transport: Carries the requests in place of this package's own connections; never closed
            here.
        http_client: A client of httpx or httpx2 that carries the requests, with its own event
            hooks, mounts, proxies and certificates; never closed here. Such an `Api` cannot be
            pickled.
        headers: Extra headers for requests to the server's own origin, such as those of a gateway
            before it; those of `WANDB_X_EXTRA_HTTP_HEADERS` (a JSON object) go along, and the
            argument wins for each header. Values are secrets, as the key is.
        max_concurrency: How many requests may be under way at once, whatever the threads, from 1
            to 100: 4 by default. W&B limits the rate of each user. Beside them there may be 32
            for the contents of files.
        max_retries: How many times a request is sent again at most, where that is safe: 5 by
            default, 0 for never.
        max_response_bytes: How long the body of an answer may be, decompressed: 1 GiB by
            default. A longer one is not read to its end.
        ssl_context: What certificates to trust; by default those that `SSL_CERT_FILE` or
            `SSL_CERT_DIR` names, else those that come with the HTTP library. One that verifies
            nothing is refused.
        clock: Clock and random source; `wandb_runs.testing.FakeClock` waits in no time.
        on_event: Told a `RequestSent`, `Answered` or `Retrying` at each turn of a request, in
            the thread that makes the call. What it raises is logged and dropped.
        read_only: Whether calls that change anything (`run.update`, `runs.delete`, uploads) are
            refused with a `ReadOnlyError` before any request; by default they are not.
        requests_per_second: How many requests are sent at most in a second, by all calls together
            and retries included, evenly spaced; requests for files at other hosts are not counted.
            By default as many as the server's rate limit allows, which is kept beside it. W&B
            limits each user: processes that read at once share the limit by it. Waiting counts
            towards `timeout`.

    Raises:
        InvalidArgumentError: An argument, or a value from the environment, that cannot be
            right.

    >>> from wandb_runs import Api
    >>> with Api(base_url=server.url, api_key="any-key") as api:
    ...     run = api.runs("sample/digits", order="-summary_metrics.accuracy")[0]
    >>> run.summary["accuracy"] > 0.9
    True
    """

    def __init__(
        self,
        overrides: Mapping[str, str | None] | None = None,
        *,
        base_url: str | None = None,
        api_key: str | Callable[[], str] | None = None,
        entity: str | None = None,
        project: str | None = None,
        timeout: float = TIMEOUT,
        allow_http: bool = False,
        transport: Transport | None = None,
        http_client: HttpClient | None = None,
        headers: Mapping[str, str] | None = None,
        max_concurrency: int = MAX_CONCURRENCY,
        max_retries: int = MAX_RETRIES,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        on_event: Callable[[Event], object] | None = None,
        read_only: bool = False,
        requests_per_second: float | None = None,
    ) -> None:
        outside = sys.exception()
        try:
            given = Given(base_url, api_key, overrides, headers)
        except BaseException as error:
            clear_frames(error, outside)
            raise
        finally:
            # A traceback may be shown with the local variables of its frames.
            del base_url, api_key, overrides, headers
        settings = given.settings(
            entity=entity, project=project, allow_http=allow_http, http_client=http_client
        )
        context = checked_context(ssl_context, transport=transport, http_client=http_client)
        if http_client is not None:
            transport = HttpClientTransport(http_client, lambda: settings.base_url)
        super().__init__(
            RetryingClient(
                settings,
                transport=transport,
                options=Options(
                    timeout, max_retries, max_response_bytes, read_only, requests_per_second
                ),
                ssl_context=context,
                clock=SYSTEM_CLOCK if clock is None else clock,
                max_concurrency=max_concurrency,
                on_event=on_event,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later request is refused. Closing twice does nothing.

        A copy that `with_options` made closes itself alone. What it was made of closes the
        connections that they share, and so the copy, too.
        """
        self._client.close()

    @property
    def default_entity(self) -> str:
        """The entity of paths that name none; the viewer's is asked for once.

        Raises:
            AuthenticationError: The viewer's is needed, and there is no key, or a wrong one.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return self._client.run(self._fetch_entity())

    @property
    def viewer(self) -> User:
        """The user whose key signs the requests, asked for once.

        Raises:
            AuthenticationError: No key, or one that the server does not know.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return user_of(self._client.run(self._client.viewer.fields()))

    def runs(
        self,
        path: str | None = None,
        filters: Filters | None = None,
        order: Order = "+created_at",
        per_page: int = PER_PAGE,
        include_sweeps: bool = True,
        *,
        entity: str | None = None,
        project: str | None = None,
        client: RetryingClient | None = None,
        lazy: bool | None = None,
        config_keys: list[K] | tuple[K, ...] | None = None,
        summary_keys: list[K] | tuple[K, ...] | None = None,
        limit: int | None = None,
        checkpoint: Checkpoint | None = None,
        strict: bool = False,
        config: type[ConfigT] | None = None,
        summary: type[SummaryT] | None = None,
        on_invalid: OnInvalid = "raise",
    ) -> Runs[ConfigT, SummaryT]:
        """The runs of a project that fit a filter, in order: a new, lazy sequence each time.

        Args:
            path: `"entity/project"`, or `"project"` in the default entity. The path or the URL of
                a page of the project names it, too.
            filters: A MongoDB query over runs: `{"state": "finished", "config.lr": {"$lt":
                0.1}}`; see `docs/filters.md`.
            order: `created_at`, `heartbeat_at`, `updated_at`, `name` (which is the run's id),
                `config.<key>` or `summary.<key>`, with `+` (ascending, the default) or `-`
                (descending) in front; see `docs/filters.md`.
            per_page: Runs per request, at least 1; more than 1000 is sent as 1000. Where it is
                not given, the first page has 50 runs, and later ones up to 1000.
            include_sweeps: Whether `run.sweep` fetches the sweep when touched.
            entity: The entity, when `path` does not name it.
            project: The project, when `path` does not name it.
            client: Another client to send the requests with; that of another `Api` will do.
            lazy: Ignored, with a warning. W&B's SDK needs it to choose between two queries;
                here listing always carries config and summary, undecoded.
            config_keys: The keys that `run.config` is to hold; None for all, an empty list for
                none. Only what is asked for travels: some projects have thousands. A key with
                dots may be a path, as for `Runs.configs`: `run.config["model.depth"]`.
            summary_keys: The keys that `run.summary` is to hold, likewise.
            limit: The most runs that the sequence has, whatever `per_page`; None for all.
            checkpoint: Where to continue: the `checkpoint()` of a loop over the same runs, or the
                `error.checkpoint` of an error that ended it.
            strict: Whether to raise a `DriftError` in place of a `DriftWarning`.
            config: The type of `run.config`: a pydantic model, a dataclass or a `TypedDict`; by
                default a mapping of JSON values.
            summary: The type of `run.summary`, likewise.
            on_invalid: What to do with a run that does not fit these types: `"raise"` a
                `RunValidationError` when its config or summary is read, or `"skip"` the run, with
                a warning in the log.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.

        >>> runs = api.runs("sample/digits", {"config.optimizer": "adam"}, per_page=100)
        >>> {run.config["optimizer"] for run in runs}
        {'adam'}
        """
        warn_of_lazy(lazy)
        entity, project = self._complete_project(path, entity, project)
        return Runs(
            self._client if client is None else client,
            entity,
            project,
            filters,
            order,
            per_page,
            include_sweeps,
            config_keys=config_keys,
            summary_keys=summary_keys,
            limit=limit,
            checkpoint=checkpoint,
            strict=strict,
            config=config,
            summary=summary,
            on_invalid=on_invalid,
        )

    def project(self, name: str, entity: str | None = None) -> Project:
        """A project, whose keys and tags the server tells; sends nothing.

        Args:
            name: `"entity/project"`, or `"project"` in the default entity. The path or the URL of
                a page of the project names it, too.
            entity: The entity, when `name` does not name it.

        Raises:
            InvalidArgumentError: Not such a name; nothing was sent.

        >>> api.project("digits", entity="sample").tags()["long"] > 0
        True
        """
        owner, project = self._complete_project(name, entity, None)
        return Project(self._client, owner, project)

    def projects(self, entity: str | None = None, per_page: int = 200) -> Projects:
        """The projects of a user or a team, in the server's order: new and lazy each time.

        Args:
            entity: The user or team; by default the default entity.
            per_page: Projects per request, at least 1; more than 1000 is sent as 1000.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.

        Warns:
            MissingItemsWarning: Some came as null; when they are read.

        >>> [project.name for project in api.projects("sample")]
        ['digits']
        """
        if entity is not None:
            check_name(entity, "entity")
        entity = entity or self._client.settings.known("entity")
        return Projects(self._client, entity, per_page)

    def create_project(self, name: str, entity: str | None = None) -> Project:
        """Make a project; one that is there already stays as it is.

        Args:
            name: Its name, at most 128 characters, without slashes, backslashes, # ? % and :.
            entity: The user or team that is to own it; by default the default entity.

        Returns:
            The project. A record in the log says whether it was there.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            InvalidArgumentError: Not such a name; nothing was sent.
            PermissionDeniedError: The key may not make projects there.

        >>> api.create_project("digits", "sample") == api.project("sample/digits")
        True
        """
        entity, name = self._client.run(self._create_project(name, entity))
        return Project(self._client, entity, name)

    def create_run(
        self, *, run_id: str | None = None, project: str | None = None, entity: str | None = None
    ) -> Run:
        """Make a run, in a project that is made where there is none.

        Its state is `"running"`. As no program sends heartbeats for it, W&B takes it for crashed
        after a while.

        Args:
            run_id: Its id, without : ; , # ? / and '; by default a random one.
            project: The project; by default that of the settings.
            entity: The user or team that owns the project; by default the default entity.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            InvalidArgumentError: Not such a name, no project, or there is such a run; nothing was
                changed.
            PermissionDeniedError: The key may not make runs there.
            WandbRunsError: Another program made the run at the same time.

        >>> run = api.create_run(run_id="made-here", project="made", entity="me")
        >>> run.state
        'running'
        """
        client = self._client
        owner, name, node = client.run(self._create_run(run_id, project, entity))
        return Run(RunContext(client, owner, name, Sweeps(client)), node)

    def run(
        self,
        path: str,
        *,
        config: type[ConfigT] | None = None,
        summary: type[SummaryT] | None = None,
    ) -> Run[ConfigT, SummaryT]:
        """One run, asked for now.

        Args:
            path: `"entity/project/run_id"`; leading parts that have a default may be left out.
                The path or the URL of its page and `"entity/project:run_id"` name it, too.
            config: The type of `run.config`: a pydantic model, a dataclass or a `TypedDict`.
            summary: The type of `run.summary`, likewise.

        Raises:
            InvalidArgumentError: Not such a path; nothing was sent.
            NotFoundError: No such project or run, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        models = check_models(config, summary, "raise")
        client = self._client
        entity, project, node = client.run(self._fetch_run(path))
        context = RunContext(client, entity, project, Sweeps(client), models=models)
        return Run(context, node)

    def undelete_runs(
        self, path: str, ids: list[K] | tuple[K, ...], *, expect: int
    ) -> ChangeOutcome:
        """Take back that runs were deleted: they are there again, with all that they hold.

        How long W&B keeps deleted runs is not known. Runs that are there already are done.

        Args:
            path: The project: `"entity/project"`.
            ids: The ids of the runs.
            expect: How many ids there are, each counted once.

        Returns:
            Which runs are done, which are all.

        Raises:
            InvalidArgumentError: `expect` is not how many ids there are; nothing was sent.
            ReadOnlyError: The `Api` may only read; nothing was sent.
            UnsupportedByServerError: The server cannot do it.
            ChangesError: Some runs are not there afterwards; its `outcome` tells which.
            NotFoundError: No such project, or the key may not see it.

        >>> from wandb_runs import Api
        >>> from wandb_runs.testing import LocalServer, log_run
        >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
        ...     log_run(server, "me", "digits", "r1", config={"lr": 0.1})
        ...     gone = api.runs("me/digits").delete(expect=1).done
        ...     back = api.undelete_runs("me/digits", gone, expect=1)
        ...     api.run("me/digits/r1").config["lr"]
        0.1
        """
        call, prepare = self._plan_undelete(path, ids, expect)
        return apply_change(self._client, call, self._client.run(prepare))

    def sweep(self, path: str) -> Sweep:
        """One sweep, asked for now.

        Args:
            path: `"entity/project/sweep_id"`; leading parts that have a default may be left
                out. The path or the URL of its page names it, too.

        Raises:
            InvalidArgumentError: Not such a path; nothing was sent.
            NotFoundError: No such project or sweep, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        entity, project, fields = self._client.run(self._fetch_sweep(path))
        return Sweep(self._client, entity, project, fields)

    def execute(self, operation: Operation[T]) -> T:
        """Send an operation of your own, and return its typed answer.

        Operations are made by the functions that `wandb-runs codegen` generates of GraphQL files.
        The guarantees are those of the package's own requests: the deadline of the call, retries
        of queries (of a mutation only if nothing of it was sent), the pace, and servers that lack
        what the document marks as `@optional`: it is left out, with a `DegradedServerWarning`.

        Args:
            operation: A query or a mutation, with its variables.

        Returns:
            The model of the answer's data.

        Raises:
            InvalidArgumentError: Not an operation, or one whose variables JSON cannot hold;
                nothing was sent.
            ReadOnlyError: A mutation, and the `Api` was made with `read_only=True`; nothing was
                sent.
            GraphQLError: The server reports errors; its `data` is what came beside them.
            UnsupportedByServerError: The server lacks what the operation cannot do without.
            WandbRunsError: Another of its kinds; see `wandb_runs.errors.exceptions`.

        >>> from pydantic import BaseModel
        >>> from wandb_runs import Operation
        >>> class Me(BaseModel):
        ...     viewer: dict[str, str]
        >>> me = Operation("Me", "query", "query Me { viewer { username } }", {}, lambda: Me)
        >>> api.execute(me)
        Me(viewer={'username': 'local'})
        """
        return self._client.run(self._plan_execute(operation))

    def execute_raw(
        self,
        document: str,
        variables: NewValues | None = None,
        *,
        operation_name: str | None = None,
    ) -> JSONObject:
        """Send a document in text, and return the decoded data: for a line in a notebook.

        What W&B's SDK did by `api.client.execute(gql(document), variable_values=variables)`. A
        mutation is told by its keyword, and sent as `execute` sends one. Nothing is left out for
        servers that lack something, as the document does not say what may be.

        Args:
            document: A query or a mutation, with the fragments that it uses.
            variables: The values of its variables, as JSON.
            operation_name: Which operation is meant, where the document has several.

        Returns:
            The answer's data.

        Raises:
            InvalidArgumentError: Not such a document, several operations without
                `operation_name=`, a variable that the operation does not declare, or a value that
                JSON cannot hold; nothing was sent.
            ReadOnlyError: A mutation, and the `Api` was made with `read_only=True`; nothing was
                sent.
            GraphQLError: The server reports errors; its `data` is what came beside them.
            WandbRunsError: Another of its kinds; see `wandb_runs.errors.exceptions`.

        >>> document = 'query($id: String!) { project(name: $id, entityName: "sample") { name } }'
        >>> api.execute_raw(document, {"id": "digits"})
        {'project': {'name': 'digits'}}
        """
        return self._client.run(self._plan_execute_raw(document, variables, operation_name))

    def paginate(
        self,
        build: OperationBuilder[D],
        connection: Callable[[D], Connection[N] | None],
        *,
        limit: int | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Nodes[N]:
        """The nodes of any Relay connection, page by page: lazy, and typed as the models are.

        The query has to take a cursor, and to ask for `edges { node { ... } }` and `pageInfo {
        hasNextPage endCursor }`. A server whose cursors lead in a circle, or through empty pages
        without end, is an error. Nodes that come or go between two pages are not noticed, where
        its cursors count them: any node may lack an id by which to tell. Listings of `runs` notice.

        Args:
            build: Makes the operation for the page behind a cursor; None stands for the first
                page. It is called twice at once, to see that it takes notice of the cursor.
            connection: Picks the connection from an answer.
            limit: The most nodes to list, those before the checkpoint among them; None for all.
            checkpoint: Where to continue: the `checkpoint()` of a loop over the same operation
                with the same variables, or the `error.checkpoint` of an error that ended it.

        Raises:
            InvalidArgumentError: An argument that cannot be right, a mutation, or a `build` that
                takes no notice of the cursor; nothing was sent. When nodes are taken, also a query
                that does not ask for what is needed.
            NotFoundError: When nodes are taken: `connection` picks null.
            BadResponseError: When nodes are taken: the server does not say how to go on.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            MissingItemsWarning: Some nodes came as null; when they are read.

        >>> from wandb_runs.graphql._generated import list_projects
        >>> projects = api.paginate(
        ...     lambda cursor: list_projects(entity="sample", first=100, after=cursor),
        ...     lambda answer: answer.models,
        ... )
        >>> [project.name for project in projects]
        ['digits']
        """
        return Nodes(self._client, check_nodes(build, connection, limit, checkpoint))

    def from_path(self, path: str) -> Run | Sweep | Runs:
        """What a path or the URL of a page names: a run, a sweep, or the runs of a project.

        A run or a sweep is asked for now.

        Args:
            path: `"entity/project"`, `"entity/project/runs/run_id"`, `"entity/project/run_id"`,
                `"entity/project/sweeps/sweep_id"`, or the URL of such a page.

        Raises:
            InvalidArgumentError: Not such a path; nothing was sent.
            NotFoundError: No such project, run or sweep, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        >>> api.from_path(run.url) == run
        True
        """
        kind = self._kind_of(path)
        if kind == "run":
            return self.run(path)
        return self.sweep(path) if kind == "sweep" else self.runs(path)

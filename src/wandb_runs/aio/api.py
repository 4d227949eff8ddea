"""`AsyncApi`: where everything starts for async callers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from typing_extensions import TypeVar

from wandb_runs.aio.bulk import apply_change
from wandb_runs.aio.nodes import AsyncNodes
from wandb_runs.aio.project import AsyncProject, AsyncProjects
from wandb_runs.aio.run import AsyncRun
from wandb_runs.aio.runs import AsyncRuns
from wandb_runs.aio.sweep import AsyncSweep, AsyncSweeps
from wandb_runs.graphql.scalars import JSONObject
from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.query.location import check_name
from wandb_runs.runs.api_base import ApiBase, Given, checked_context, user_of, warn_of_lazy
from wandb_runs.runs.models import check_models
from wandb_runs.runs.nodes_base import check_nodes
from wandb_runs.runs.run_base import RunContext
from wandb_runs.transport import MAX_RESPONSE_BYTES, AsyncRetryingClient
from wandb_runs.transport.aio_http_client import AsyncHttpClientTransport
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.options import MAX_CONCURRENCY, MAX_RETRIES, TIMEOUT, Options
from wandb_runs.transport.tracebacks import clear_frames

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping
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
    from wandb_runs.transport import AsyncClock, AsyncTransport
    from wandb_runs.transport.aio_http_client import AsyncHttpClient
    from wandb_runs.transport.events import Event

__all__ = ["AsyncApi"]

D = TypeVar("D")
K = TypeVar("K", bound=str)
N = TypeVar("N")
T = TypeVar("T")
ConfigT = TypeVar("ConfigT", default=JSONObject)
SummaryT = TypeVar("SummaryT", default=JSONObject)


class AsyncApi(ApiBase[AsyncRetryingClient]):
    """A connection to W&B for async callers, under asyncio or trio: what `Api` is, awaited.

    Settings, defaults and errors are those of `Api`. Making one sends nothing and needs no event
    loop. The tasks of an event loop share its connections, and at most `max_concurrency` of their
    requests are under way at once; several loops may use one `AsyncApi`, one after another or in
    threads of their own. As an asynchronous context manager it closes its connections at the end.

    Args:
        overrides: The dict that W&B's SDK takes: `base_url`, `entity`, `project`.
        base_url: The server; `https://api.forge.coreweave.com` by default.
        api_key: The key of W&B's settings page, or a callable, async or not, that returns it.
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
            hooks, mounts, proxies and certificates; never closed here. Such an `AsyncApi` cannot be
            pickled.
        headers: Extra headers for requests to the server's own origin, such as those of a gateway
            before it; those of `WANDB_X_EXTRA_HTTP_HEADERS` (a JSON object) go along, and the
            argument wins for each header. Values are secrets, as the key is.
        max_concurrency: How many requests may be under way at once, in each event loop, from 1
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
            the task that makes the call. What it raises is logged and dropped.
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

    >>> import anyio
    >>> from wandb_runs import AsyncApi
    >>> async def count() -> int:
    ...     async with AsyncApi(base_url=server.url, api_key="any-key") as api:
    ...         return await api.runs("sample/digits", {"state": "finished"}).length()
    >>> anyio.run(count) > 10
    True
    """

    def __init__(
        self,
        overrides: Mapping[str, str | None] | None = None,
        *,
        base_url: str | None = None,
        api_key: str | Callable[[], str | Awaitable[str]] | None = None,
        entity: str | None = None,
        project: str | None = None,
        timeout: float = TIMEOUT,
        allow_http: bool = False,
        transport: AsyncTransport | None = None,
        http_client: AsyncHttpClient | None = None,
        headers: Mapping[str, str] | None = None,
        max_concurrency: int = MAX_CONCURRENCY,
        max_retries: int = MAX_RETRIES,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        ssl_context: ssl.SSLContext | None = None,
        clock: AsyncClock | None = None,
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
            transport = AsyncHttpClientTransport(http_client, lambda: settings.base_url)
        super().__init__(
            AsyncRetryingClient(
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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of this event loop; a later request is refused.

        Closing twice does nothing. A copy that `with_options` made closes itself alone.
        """
        await self._client.aclose()

    async def default_entity(self) -> str:
        """The entity of paths that name none; the viewer's is asked for once.

        Raises:
            AuthenticationError: The viewer's is needed, and there is no key, or a wrong one.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return await self._client.run(self._fetch_entity())

    async def viewer(self) -> User:
        """The user whose key signs the requests, asked for once.

        Raises:
            AuthenticationError: No key, or one that the server does not know.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return user_of(await self._client.run(self._client.viewer.fields()))

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
        client: AsyncRetryingClient | None = None,
        lazy: bool | None = None,
        config_keys: list[K] | tuple[K, ...] | None = None,
        summary_keys: list[K] | tuple[K, ...] | None = None,
        limit: int | None = None,
        checkpoint: Checkpoint | None = None,
        strict: bool = False,
        config: type[ConfigT] | None = None,
        summary: type[SummaryT] | None = None,
        on_invalid: OnInvalid = "raise",
    ) -> AsyncRuns[ConfigT, SummaryT]:
        """The runs of a project that fit a filter, in order: new, lazy `AsyncRuns` each time.

        Not awaited: requests are sent when runs are asked for.

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
            include_sweeps: Whether `run.sweep()` fetches the sweep when touched.
            entity: The entity, when `path` does not name it.
            project: The project, when `path` does not name it.
            client: Another client to send the requests with; that of another `Api` will do.
            lazy: Ignored, with a warning. W&B's SDK needs it to choose between two queries;
                here listing always carries config and summary, undecoded.
            config_keys: The keys that `run.config` is to hold; None for all, an empty list for
                none. Only what is asked for travels: some projects have thousands. A key with
                dots may be a path, as for `AsyncRuns.configs`: `run.config["model.depth"]`.
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
        """
        warn_of_lazy(lazy)
        entity, project = self._complete_project(path, entity, project)
        return AsyncRuns(
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

    def project(self, name: str, entity: str | None = None) -> AsyncProject:
        """A project, whose keys and tags the server tells; sends nothing.

        Args:
            name: `"entity/project"`, or `"project"` in the default entity. The path or the URL of
                a page of the project names it, too.
            entity: The entity, when `name` does not name it.

        Raises:
            InvalidArgumentError: Not such a name; nothing was sent.
        """
        owner, project = self._complete_project(name, entity, None)
        return AsyncProject(self._client, owner, project)

    def projects(self, entity: str | None = None, per_page: int = 200) -> AsyncProjects:
        """The projects of a user or a team, in the server's order: new and lazy each time.

        Args:
            entity: The user or team; by default the default entity.
            per_page: Projects per request, at least 1; more than 1000 is sent as 1000.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.

        Warns:
            MissingItemsWarning: Some came as null; when they are read.
        """
        if entity is not None:
            check_name(entity, "entity")
        return AsyncProjects(
            self._client, entity or self._client.settings.known("entity"), per_page
        )

    async def create_project(self, name: str, entity: str | None = None) -> AsyncProject:
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
        """
        entity, name = await self._client.run(self._create_project(name, entity))
        return AsyncProject(self._client, entity, name)

    async def create_run(
        self, *, run_id: str | None = None, project: str | None = None, entity: str | None = None
    ) -> AsyncRun:
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
        """
        client = self._client
        owner, name, node = await client.run(self._create_run(run_id, project, entity))
        return AsyncRun(RunContext(client, owner, name, AsyncSweeps(client)), node)

    async def run(
        self,
        path: str,
        *,
        config: type[ConfigT] | None = None,
        summary: type[SummaryT] | None = None,
    ) -> AsyncRun[ConfigT, SummaryT]:
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
        entity, project, node = await client.run(self._fetch_run(path))
        context = RunContext(client, entity, project, AsyncSweeps(client), models=models)
        return AsyncRun(context, node)

    async def undelete_runs(
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
        """
        call, prepare = self._plan_undelete(path, ids, expect)
        return await apply_change(self._client, call, await self._client.run(prepare))

    async def sweep(self, path: str) -> AsyncSweep:
        """One sweep, asked for now.

        Args:
            path: `"entity/project/sweep_id"`; leading parts that have a default may be left
                out. The path or the URL of its page names it, too.

        Raises:
            InvalidArgumentError: Not such a path; nothing was sent.
            NotFoundError: No such project or sweep, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        entity, project, fields = await self._client.run(self._fetch_sweep(path))
        return AsyncSweep(self._client, entity, project, fields)

    async def execute(self, operation: Operation[T]) -> T:
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
        """
        return await self._client.run(self._plan_execute(operation))

    async def execute_raw(
        self,
        document: str,
        variables: NewValues | None = None,
        *,
        operation_name: str | None = None,
    ) -> JSONObject:
        """Send a document in text, and return the decoded data: for a line in a notebook.

        A mutation is told by its keyword, and sent as `execute` sends one. Nothing is left out for
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
        """
        return await self._client.run(self._plan_execute_raw(document, variables, operation_name))

    def paginate(
        self,
        build: OperationBuilder[D],
        connection: Callable[[D], Connection[N] | None],
        *,
        limit: int | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> AsyncNodes[N]:
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
        """
        return AsyncNodes(self._client, check_nodes(build, connection, limit, checkpoint))

    async def from_path(self, path: str) -> AsyncRun | AsyncSweep | AsyncRuns:
        """What a path or the URL of a page names: a run, a sweep, or the runs of a project.

        A run or a sweep is asked for now.

        Args:
            path: `"entity/project"`, `"entity/project/runs/run_id"`, `"entity/project/run_id"`,
                `"entity/project/sweeps/sweep_id"`, or the URL of such a page.

        Raises:
            InvalidArgumentError: Not such a path; nothing was sent.
            NotFoundError: No such project, run or sweep, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        kind = self._kind_of(path)
        if kind == "run":
            return await self.run(path)
        return await self.sweep(path) if kind == "sweep" else self.runs(path)

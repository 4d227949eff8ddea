"""`AsyncApi`: where everything starts for those who await."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from typing_extensions import TypeVar

from wandb_runs.aio.run import AsyncRun
from wandb_runs.aio.runs import AsyncRuns
from wandb_runs.aio.sweep import AsyncSweep, AsyncSweeps
from wandb_runs.graphql.scalars import JSONObject
from wandb_runs.pagination.checkpoint import without_entity
from wandb_runs.query.location import parse_path
from wandb_runs.runs.api_base import ApiBase, Given, Setup, user_of, warn_of_lazy
from wandb_runs.runs.models import check_models
from wandb_runs.runs.record import to_node
from wandb_runs.runs.run_base import RunContext, fetch_run
from wandb_runs.runs.runs_base import of_viewer
from wandb_runs.runs.sweep_base import fetch_sweep
from wandb_runs.transport import MAX_RESPONSE_BYTES, AsyncRetryingClient
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.options import MAX_RETRIES, TIMEOUT, Options

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from types import TracebackType

    from wandb_runs.pagination.checkpoint import Checkpoint
    from wandb_runs.query.filters import Filters
    from wandb_runs.query.order import Order
    from wandb_runs.runs.models import OnInvalid
    from wandb_runs.runs.user import User
    from wandb_runs.transport import AsyncClock, AsyncTransport

__all__ = ["AsyncApi"]

K = TypeVar("K", bound=str)
ConfigT = TypeVar("ConfigT", default=JSONObject)
SummaryT = TypeVar("SummaryT", default=JSONObject)


class AsyncApi(ApiBase[AsyncRetryingClient]):
    """A connection to W&B for those who await, under asyncio or trio: what `Api` is, awaited.

    Settings, defaults and errors are those of `Api`. Making one sends nothing and needs no event
    loop. The tasks of an event loop share its connections, and at most four of their requests are
    under way at once; several loops may use one `AsyncApi`, one after another or in threads of
    their own. As an asynchronous context manager it closes its connections at the end.

    Args:
        base_url: As for `Api`, like all that follow.
        api_key: The same.
        entity: The same.
        project: The same.
        timeout: The same.
        allow_http: The same.
        transport: Carries the requests in place of this package's own connections; never closed
            here.
        overrides: The same.
        max_retries: The same.
        max_response_bytes: The same.
        ssl_context: The same.
        clock: The same; `wandb_runs.testing.FakeClock` is both.

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
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        entity: str | None = None,
        project: str | None = None,
        timeout: float = TIMEOUT,
        allow_http: bool = False,
        transport: AsyncTransport | None = None,
        overrides: Mapping[str, str | None] | None = None,
        max_retries: int = MAX_RETRIES,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        ssl_context: ssl.SSLContext | None = None,
        clock: AsyncClock | None = None,
    ) -> None:
        given = Given(base_url, api_key, overrides)
        # A traceback may be shown with the local variables of its frames.
        del base_url, api_key, overrides
        setup = Setup.of(
            given,
            Options(timeout, max_retries, max_response_bytes),
            entity=entity,
            project=project,
            allow_http=allow_http,
            ssl_context=ssl_context,
            has_transport=transport is not None,
        )
        super().__init__(
            AsyncRetryingClient(
                setup.settings,
                transport=transport,
                options=setup.options,
                ssl_context=setup.ssl_context,
                clock=SYSTEM_CLOCK if clock is None else clock,
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
        """
        entity = self._client.settings.entity
        return await self._client.run(self._client.viewer.entity()) if entity is None else entity

    async def viewer(self) -> User:
        """The user whose key signs the requests, asked for once.

        Raises:
            AuthenticationError: No key, or one that the server does not know.
        """
        return user_of(await self._client.run(self._client.viewer.fields()))

    def runs(
        self,
        path: str | None = None,
        filters: Filters | None = None,
        order: Order = "+created_at",
        per_page: int = 50,
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
            path: As for `Api.runs`, like all that follow.
            filters: The same.
            order: The same.
            per_page: The same.
            include_sweeps: Whether `run.sweep()` asks for the sweep.
            entity: The same.
            project: The same.
            client: The same; that of another `AsyncApi`.
            lazy: Ignored, with a warning.
            config_keys: The same.
            summary_keys: The same.
            limit: The same.
            checkpoint: The same; one of `Runs` will do.
            strict: The same.
            config: The same.
            summary: The same.
            on_invalid: The same.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
        """
        warn_of_lazy(lazy)
        entity, project = self._place(path, entity, project)
        if entity is None and checkpoint is not None:
            checkpoint = without_entity(checkpoint)
        runs: AsyncRuns[ConfigT, SummaryT] = AsyncRuns(
            self._client if client is None else client,
            entity or "viewer",
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
        return runs if entity is not None else of_viewer(runs)

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
            config: What `run.config` is to be, as for `runs`.
            summary: What `run.summary` is to be, as for `runs`.

        Raises:
            InvalidArgumentError: Not such a path; nothing was sent.
            NotFoundError: No such project or run, or the key may not see it.
        """
        models = check_models(config, summary, "raise")
        entity, project, run_id = self._complete(parse_path(path, kind="run"))
        client, entity = self._client, entity or await self.default_entity()
        fields = await client.run(fetch_run(entity, project, run_id))
        context = RunContext(
            client, client.settings, entity, project, AsyncSweeps(client), models=models
        )
        return AsyncRun(context, to_node(fields))

    async def sweep(self, path: str) -> AsyncSweep:
        """One sweep, asked for now.

        Args:
            path: `"entity/project/sweep_id"`; leading parts that have a default may be left
                out.

        Raises:
            InvalidArgumentError: Not such a path; nothing was sent.
            NotFoundError: No such project or sweep, or the key may not see it.
        """
        entity, project, sweep_id = self._complete(parse_path(path, kind="sweep"))
        client, entity = self._client, entity or await self.default_entity()
        fields = await client.run(fetch_sweep(entity, project, sweep_id))
        return AsyncSweep(client, client.settings, entity, project, fields)

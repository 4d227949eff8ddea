"""`AsyncRuns`: the runs of a project that fit a filter, for `async for`."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Final, Literal, NoReturn, SupportsIndex, TypeVar, overload

import anyio
from typing_extensions import override

from wandb_runs.aio.bulk import AsyncBulkChanges
from wandb_runs.aio.fields_of_runs import AsyncFieldsOfRuns
from wandb_runs.aio.files import AsyncFilesOfRuns
from wandb_runs.aio.iterators import AsyncHistoryBatches, AsyncRunIterator, AsyncRunPages
from wandb_runs.aio.lazy import AsyncLazyRuns
from wandb_runs.aio.run import AsyncRun
from wandb_runs.aio.sweep import AsyncSweeps
from wandb_runs.aio.tables import AsyncRunTables
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.runs.indices import count_needed, pick, refuse_ids
from wandb_runs.runs.run_base import ConfigT_co, SummaryT_co
from wandb_runs.runs.run_query import RunQuery
from wandb_runs.transport import AsyncRetryingClient
from wandb_runs.transport.tasks import PerLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from wandb_runs.frames.pandas_types import DataFrame as PandasFrame
    from wandb_runs.frames.plan import Format, Join, OnError, Stream
    from wandb_runs.frames.polars_types import DataFrame as PolarsFrame
    from wandb_runs.frames.rows import Row
    from wandb_runs.frames.schema import PolarsSchema
    from wandb_runs.pagination.checkpoint import Checkpoint
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.query.filters import Filters
    from wandb_runs.query.order import Order
    from wandb_runs.runs.models import OnInvalid
    from wandb_runs.runs.record import Node

__all__ = ["AsyncRuns"]

K = TypeVar("K", bound=str)

_AWAITED: Final = (
    "write `async for run in runs`, or `await runs.get(slice(None))` for a list; a frame of them "
    "is `await runs.to_pandas()`, or `to_polars`"
)


class AsyncRuns(
    AsyncRunTables[AsyncRun[ConfigT_co, SummaryT_co]],
    AsyncFieldsOfRuns[AsyncRun[ConfigT_co, SummaryT_co]],
    AsyncBulkChanges[AsyncRun[ConfigT_co, SummaryT_co]],
    AsyncFilesOfRuns[AsyncRun[ConfigT_co, SummaryT_co]],
    AsyncLazyRuns[AsyncRun[ConfigT_co, SummaryT_co]],
    AsyncIterable[AsyncRun[ConfigT_co, SummaryT_co]],
):
    """The runs of a project that fit a filter, in order: lazy and replayable, as `Runs` is.

    `async for` goes through them; `await runs.length()` counts them, and `await runs.get(3)` or
    `await runs.get(slice(0, 10))` takes some. Requests, promises and errors are those of `Runs`.

    Several tasks of one event loop may share one, and loops over it may nest. Cancelling a task
    cancels its request, and the next task sends it again. A later event loop can continue with
    the same object; an event loop that runs in another thread at the same time needs `AsyncRuns`
    of its own, which may be of the same `AsyncApi`.

    Args:
        client: The client to send requests with: `api.client`.
        entity: The user or team that owns the project; None for the default of the client's
            settings, else the viewer's.
        project: The project's name.
        filters: A MongoDB query over runs; see `docs/filters.md`.
        order: `created_at`, `heartbeat_at`, `updated_at`, `name` (which is the run's id),
            `config.<key>` or `summary.<key>`, with `+` (ascending, the default) or `-`
            (descending) in front.
        per_page: Runs per request, at least 1; more than 1000 is sent as 1000, W&B's limit. Where
            it is not given, the first page has 50 runs, and later ones up to 1000.
        include_sweeps: Whether `run.sweep()` fetches the sweep when touched. Listing never does.
        config_keys: The keys that `run.config` is to hold; None for all, an empty list for none.
            Only what is asked for travels. A key with dots may be a path, as for `configs`:
            `run.config["model.depth"]`.
        summary_keys: The keys that `run.summary` is to hold, likewise.
        limit: The most runs that the sequence has, whatever `per_page`; None for all.
        checkpoint: The `checkpoint()` of a loop with the same filters and order, in this process
            or another: the listing continues after the runs that the loop had taken.
        strict: Whether to raise a `DriftError` in place of a `DriftWarning`.
        config: The type of `run.config`: a pydantic model, a dataclass or a `TypedDict`.
        summary: The type of `run.summary`, likewise.
        on_invalid: What to do with a run that does not fit these types: `"raise"` a
            `RunValidationError` when its config or summary is read, or `"skip"` the run, with a
            warning in the log. To skip, all runs are listed before they are counted or their
            histories are read.

    Raises:
        InvalidArgumentError: An argument that cannot be right; nothing was sent.
        NotFoundError: No such project, or the key may not see it; when a run is asked for.
        DriftError: What a `DriftWarning` would say, where the listing is `strict`; likewise.
        WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

    Warns:
        DriftWarning: The runs changed while they were listed, and not all is corrected.
        UnknownKeyWarning: No run has a path or a key that was named, or a state is none that is
            known: perhaps it is misspelt. Told once, with the nearest spelling. Finding out costs
            a request, where the first page does not show it or there is no run.

    >>> import anyio
    >>> from wandb_runs import AsyncApi
    >>> async def best() -> list[str]:
    ...     async with AsyncApi(base_url=server.url, api_key="any-key") as api:
    ...         runs = api.runs("sample/digits", {"state": "finished"}, limit=1)
    ...         return [run.state async for run in runs]
    >>> anyio.run(best)
    ['finished']
    """

    def __init__(
        self,
        client: AsyncRetryingClient,
        entity: str | None,
        project: str,
        filters: Filters | None = None,
        order: Order = "+created_at",
        per_page: int = PER_PAGE,
        include_sweeps: bool = True,
        *,
        config_keys: list[K] | tuple[K, ...] | None = None,
        summary_keys: list[K] | tuple[K, ...] | None = None,
        limit: int | None = None,
        checkpoint: Checkpoint | None = None,
        strict: bool = False,
        config: type[ConfigT_co] | None = None,
        summary: type[SummaryT_co] | None = None,
        on_invalid: OnInvalid = "raise",
    ) -> None:
        if not isinstance(client, AsyncRetryingClient):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers pass the client of an Api
            raise InvalidArgumentError(
                f"client must be a wandb_runs.AsyncRetryingClient, got {type(client).__name__}; "
                "pass the client of an AsyncApi"
            )
        query = RunQuery.of(
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
        super().__init__(client, query)

    @override
    def _reset(self) -> None:
        super()._reset()
        self._sweeps = AsyncSweeps(self._client) if self._query.include_sweeps else None
        self._locks = PerLoop(anyio.Lock)

    def __bool__(self) -> NoReturn:
        """Refused: whether there is any run takes a request."""
        raise TypeError("write `await runs.length() > 0`, or `if runs is not None`")

    if not TYPE_CHECKING:  # checkers refuse these by themselves

        def __getitem__(self, index: object) -> NoReturn:
            if isinstance(index, slice):
                parts = [index.start, index.stop, index.step]
                index = f"slice({', '.join(map(str, parts[: 2 if index.step is None else 3]))})"
            raise TypeError(f"write `await runs.get({index})`: it takes a request")

        def __len__(self) -> NoReturn:
            raise TypeError("write `await runs.length()`: it takes a request")

        def __contains__(self, value: object) -> NoReturn:
            raise TypeError("write `await runs.contains(run)`: it takes requests")

        def __iter__(self) -> NoReturn:
            raise TypeError(_AWAITED)

        def __array__(self, *_args: object, **_options: object) -> NoReturn:
            raise TypeError(_AWAITED)  # numpy would make an array of one object

        def __arrow_c_stream__(self, requested_schema: object = None) -> NoReturn:
            raise TypeError(_AWAITED)  # what polars asks what it does not know for

        def __reversed__(self) -> NoReturn:
            raise TypeError(
                "write `reversed(await runs.get(slice(None)))`, or list in the opposite order"
            )

    async def entity(self) -> str:
        """The user or team that owns the project; the viewer's is asked for once.

        Raises:
            AuthenticationError: The viewer's is needed, and there is no key, or a wrong one.
        """
        return await self._client.run(self._fetch_entity())

    async def length(self) -> int:
        """How many runs there are; asks the server once, or counts when all were read.

        Raises:
            NotFoundError: No such project, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        if self._query.models.skips:
            await self._list_to(None)
        async with self._locks.here():
            length = await self._client.run(self._fetch_length())
        self._warn_of_names()
        return length

    @override
    def __aiter__(self) -> AsyncRunIterator[ConfigT_co, SummaryT_co]:
        return AsyncRunIterator(self._listing.items, self._checkpoint_at, self._list_on)

    async def contains(self, value: object) -> bool:
        """Whether a run is among them: what `in` is for `Runs`.

        Raises:
            TypeError: An id in place of a run.
        """
        refuse_ids(value, "async for")
        if not isinstance(value, AsyncRun):
            return False
        if value.project != self.project or value.entity != await self.entity():
            return False
        return any([value == run async for run in self])

    @overload
    async def get(self, index: SupportsIndex, /) -> AsyncRun[ConfigT_co, SummaryT_co]: ...
    @overload
    async def get(self, index: slice, /) -> list[AsyncRun[ConfigT_co, SummaryT_co]]: ...
    async def get(
        self, index: SupportsIndex | slice, /
    ) -> AsyncRun[ConfigT_co, SummaryT_co] | list[AsyncRun[ConfigT_co, SummaryT_co]]:
        """The run at a place, or a list of some: what `runs[index]` is for `Runs`.

        Args:
            index: A place, from the end if it is negative; or a `slice`.

        Raises:
            IndexError: There is no such place.
        """
        return pick(await self._list_to(count_needed(index)), index)

    @override
    def pages(self) -> AsyncRunPages[ConfigT_co, SummaryT_co]:
        """The runs a page at a time, of which nothing is kept: for more runs than fit in memory.

        As `Runs.pages()`.

        Returns:
            An asynchronous iterator of lists of at most `per_page` runs, up to 1000 where that is
            not given (one more where runs change their places), in order, none of them empty. Its
            `checkpoint()` is its position.

        Raises:
            NotFoundError: No such project, or the key may not see it; when a page is taken.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return AsyncRunPages(
            self._client, self._page_stream(), self._report, self._write_checkpoint
        )

    @overload
    async def histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        format: Literal["default"] = "default",
        stream: Stream = "default",
        *,
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> list[Row]: ...
    @overload
    async def histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        format: Literal["pandas"],
        stream: Stream = "default",
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> PandasFrame: ...
    @overload
    async def histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        format: Literal["polars"],
        stream: Stream = "default",
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> PolarsFrame: ...
    @overload
    async def histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        format: Format = "default",
        stream: Stream = "default",
        *,
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> list[Row] | PandasFrame | PolarsFrame: ...
    async def histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        format: Format = "default",
        stream: Stream = "default",
        *,
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> list[Row] | PandasFrame | PolarsFrame:
        """The sampled histories of all runs, in the order of runs; as `Runs.histories`.

        Args:
            samples: The most rows for each run, at least 1. With keys they are evenly spread;
                without, W&B chooses them at random. Of machine metrics with keys, the most rows
                for each key, evenly spread over its rows, for which the whole stream travels.
            keys: The metrics to read; None for all. Several keys give the rows that hold all
                of them, as W&B has it; of machine metrics, the rows that hold any. `train.loss`
                also reads what was logged as `{"train": {"loss": 1}}`; where a row has both, the
                flat key wins.
            x_axis: The metric that comes first in each row. Machine metrics have no `_step`:
                there it stands for `_runtime`, in seconds.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame.
            stream: `"default"` for metrics, `"system"` or `"events"` for machine metrics.
            join: `"inner"` for the rows that hold all keys; `"outer"` for all rows of each key,
                merged by `_step`, which is right for metrics that are logged at different steps:
                up to `samples` rows for each key. Either way a row holds the x axis, too: rows
                without it are left out, with an `EmptyJoinWarning` where a key has no other. Where
                a step has several rows, the first of each key are merged, then the second. From
                51 to 1,001 keys on, the more rows the fewer, it takes several requests.
            exact: Whether to read every row, in place of a sample: from W&B's Parquet exports where
                there are any and pyarrow is installed (`pip install "wandb-runs[exact]"`), by
                ranges of steps otherwise. Not for machine metrics, and not beside `samples`.
            on_error: What becomes of runs whose history cannot be had, such as one that is too
                much for the server even alone: `"raise"` an error in the end that carries the
                rest, or `"skip"` them, with a warning in the log.
            progress: Called with a `Progress` after each answer, in the event loop.

        Returns:
            A row for each sampled step, with the columns x axis, keys (else all metrics, by
            name) and `run_id`. Integers are Int64, integers and floats Float64, booleans
            Boolean, text String. The texts `"NaN"`, `"Infinity"` and `"-Infinity"`, by which
            W&B stands for floats, are floats, but for those inside nested values. Values of
            several kinds, and integers past 64 bits, are JSON text in frames and Python objects in
            lists; nested values are JSON text in polars, and Python objects elsewhere. In pandas,
            a column of nested values with several kinds at one place inside, `{"min": 0.5}` beside
            `{"min": "NaN"}`, is JSON text as well, so that every frame can be written to Parquet.
            A missing value is null in polars, NaN or `<NA>` in pandas, and no entry in a dict.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            HistoriesError: The histories of some runs could not be had; it carries the rest.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            EmptyJoinWarning: Runs have rows of each key and none of all, so that `"inner"` left
                them empty; or, with another x axis than `_step`, a key was logged apart from it.
                Finding out costs a request for each page of runs that lack a column.
            UnknownMetricWarning: No run has a row, or none of a key of an outer join, and perhaps
                a name is misspelt. Finding out costs a request. Or a machine metric that was
                named, or the x axis of whole rows, has none, which costs none.
            UnknownKeyWarning: The filter or the order names what no run has, likewise.
            DriftWarning: The runs changed meanwhile, and not all is corrected.
        """
        plan, to = self._plan_histories(
            samples, keys, x_axis, format, stream, join, on_error, progress, exact=exact
        )
        if self._query.is_part:
            await self._list_to(None)
        found = await self._client.run(self._fetch_histories(plan, to, progress))
        return self._finish(found.gaps, found.value, on_error)

    @overload
    def iter_histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        format: Literal["default"] = "default",
        stream: Stream = "default",
        *,
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
        schema: None = None,
    ) -> AsyncIterator[list[Row]]: ...
    @overload
    def iter_histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        format: Literal["pandas"],
        stream: Stream = "default",
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
        schema: Mapping[str, str] | None = None,
    ) -> AsyncIterator[PandasFrame]: ...
    @overload
    def iter_histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        format: Literal["polars"],
        stream: Stream = "default",
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
        schema: PolarsSchema | None = None,
    ) -> AsyncIterator[PolarsFrame]: ...
    @overload
    def iter_histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        format: Format = "default",
        stream: Stream = "default",
        *,
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
        schema: None = None,
    ) -> AsyncIterator[list[Row]] | AsyncIterator[PandasFrame] | AsyncIterator[PolarsFrame]: ...
    def iter_histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        format: Format = "default",
        stream: Stream = "default",
        *,
        join: Join = "inner",
        exact: bool = False,
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
        schema: PolarsSchema | Mapping[str, str] | None = None,
    ) -> AsyncIterator[list[Row] | PandasFrame | PolarsFrame]:
        """The sampled histories batch by batch, as `Runs.iter_histories`: for `async for`.

        Args:
            samples: The most rows for each run, at least 1. With keys they are evenly spread;
                without, W&B chooses them at random. Of machine metrics with keys, the most rows
                for each key, evenly spread over its rows, for which the whole stream travels.
            keys: The metrics to read; None for all. Several keys give the rows that hold all
                of them, as W&B has it; of machine metrics, the rows that hold any. `train.loss`
                also reads what was logged as `{"train": {"loss": 1}}`; where a row has both, the
                flat key wins.
            x_axis: The metric that comes first in each row. Machine metrics have no `_step`:
                there it stands for `_runtime`, in seconds.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame.
            stream: `"default"` for metrics, `"system"` or `"events"` for machine metrics.
            join: `"inner"` for the rows that hold all keys; `"outer"` for all rows of each key,
                merged by `_step`, which is right for metrics that are logged at different steps:
                up to `samples` rows for each key. Either way a row holds the x axis, too: rows
                without it are left out, with an `EmptyJoinWarning` where a key has no other. Where
                a step has several rows, the first of each key are merged, then the second. From
                51 to 1,001 keys on, the more rows the fewer, it takes several requests.
            exact: Whether to read every row, in place of a sample: from W&B's Parquet exports where
                there are any and pyarrow is installed (`pip install "wandb-runs[exact]"`), by
                ranges of steps otherwise. Not for machine metrics, and not beside `samples`.
            on_error: What to do about runs whose history cannot be had, such as one that is too
                large for the server even alone: `"raise"` an error after the last batch, which
                carries no rows, or `"skip"` them, with a warning in the log.
            progress: Called with a `Progress` after each answer, in the event loop.
            schema: Dtypes of columns, by name, for all batches: `{"loss": polars.Float64}`, or
                pandas' names of dtypes. Values that a dtype cannot hold are refused, text where
                numbers are asked for and the reverse; a float of 32 bits may round them. `"json"`
                in place of a dtype makes text that is the JSON of each value, of any kind. Without
                it each batch has what fits its own rows: a column may hold integers in one batch
                and floats in the next. Where `keys` is None, the schema also says which columns
                there are, beside the x axis and `run_id`.

        Returns:
            An asynchronous iterator of lists or frames.
            Columns and dtypes are those of `histories`.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            SchemaError: A value does not fit the schema; when its batch is taken.
            HistoriesError: The histories of some runs could not be had; after the last batch.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            EmptyJoinWarning: Runs have rows of each key and none of all, so that `"inner"` left
                them empty; or, with another x axis than `_step`, a key was logged apart from it.
                After the last batch.
            UnknownMetricWarning: No run has a row, or none of a key of an outer join, of a machine
                metric that was named, or of the x axis of whole rows, and perhaps a name is
                misspelt; at the end.
            UnknownKeyWarning: The filter or the order names what no run has; at the end.
            DriftWarning: The runs changed meanwhile, and not all is corrected.
        """
        plan, to = self._plan_histories(
            samples, keys, x_axis, format, stream, join, on_error, progress, exact=exact
        )
        return AsyncHistoryBatches(
            self._client,
            self._new_batches(plan, to, schema, progress),
            self._list_to if self._query.is_part else None,
            self._finisher(on_error),
        )

    @override
    def _make(self, entity: str, nodes: Iterable[Node]) -> list[AsyncRun[ConfigT_co, SummaryT_co]]:
        context = self._context(entity)
        # Not `AsyncRun[...](...)`, which takes longer than everything else here.
        runs: list[AsyncRun[ConfigT_co, SummaryT_co]] = [AsyncRun(context, node) for node in nodes]
        return runs

    async def _list_on(self, count: int) -> list[AsyncRun[ConfigT_co, SummaryT_co]]:
        """List so many runs, for a loop that goes on."""
        return await self._list_to(count, goes_on=True)

    @override
    async def _list_to(
        self, count: int | None, *, goes_on: bool = False
    ) -> list[AsyncRun[ConfigT_co, SummaryT_co]]:
        """List so many runs, or all for None."""
        listing = self._listing
        if not self._has(count):
            async with self._locks.here():
                if not self._has(count):
                    await self._client.run(self._read_to(count, goes_on=goes_on))
        self._reported = self._report(listing.drift, self._reported)
        return listing.items

    @override
    async def _list_all(self, progress: OnProgress | None) -> None:
        listing = self._listing
        if not listing.complete:
            async with self._locks.here():
                await self._client.run(self._read_all(progress))
        self._reported = self._report(listing.drift, self._reported)

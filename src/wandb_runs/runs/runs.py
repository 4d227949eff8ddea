"""`Runs`: the runs of a project that fit a filter, in order, read a page at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, SupportsIndex, TypeVar, overload

from typing_extensions import deprecated, override

from wandb_runs.errors import DeprecatedNameWarning, InvalidArgumentError
from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.runs.changes.bulk import BulkChanges
from wandb_runs.runs.fields_of_runs import FieldsOfRuns
from wandb_runs.runs.files.of_runs import FilesOfRuns
from wandb_runs.runs.indices import count_needed, pick, refuse_ids
from wandb_runs.runs.iterators import HistoryBatches, RunIterator, RunPages
from wandb_runs.runs.lazy import LazyRuns
from wandb_runs.runs.run import Run
from wandb_runs.runs.run_base import ConfigT_co, SummaryT_co
from wandb_runs.runs.run_query import RunQuery
from wandb_runs.runs.sweep import Sweeps
from wandb_runs.runs.tables import RunTables
from wandb_runs.transport import RetryingClient
from wandb_runs.transport.fork import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

__all__ = ["Runs"]

K = TypeVar("K", bound=str)


class Runs(
    RunTables[Run[ConfigT_co, SummaryT_co]],
    FieldsOfRuns[Run[ConfigT_co, SummaryT_co]],
    BulkChanges[Run[ConfigT_co, SummaryT_co]],
    FilesOfRuns[Run[ConfigT_co, SummaryT_co]],
    LazyRuns[Run[ConfigT_co, SummaryT_co]],
    Sequence[Run[ConfigT_co, SummaryT_co]],
):
    """The runs of a project that fit a filter, in order: a lazy, replayable sequence.

    Nothing is sent until a run is asked for; what was read is kept, so that a second loop
    sends nothing. Taking `k` runs sends `ceil(k / per_page)` requests. Where `per_page` is not
    given, pages have 50 runs, then 100, 200, up to 1000, unless a page takes longer than a second
    or has more than 4 MB; one that is too much for the server is halved. A loop that comes to the
    third page requests up to `max_concurrency` pages at once, so that one that is left early has
    sent up to `max_concurrency - 1` too many, unless answers come within two milliseconds; an index
    or a slice reads nothing ahead.

    `len` asks the server for the count alone, once, or counts what was read when that is
    everything; `list(runs)` asks for it too, since Python wants to know the length beforehand. A
    negative index, or a slice that counts from the end, reads every page.

    W&B pages by offset, so that runs which are created or deleted between two requests shift
    others to where they come twice, or never (wandb/wandb#6614, #7666). Here no run comes twice,
    and each run that exists throughout comes: every page is checked against the one before,
    without extra requests, and read again where it does not follow. In an order by a logged value,
    such as a metric, a run may move past the current page: it then comes last, and a
    `DriftWarning` names it.

    Threads may share one, and loops over it may nest: each has its own position.

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
        include_sweeps: Whether `run.sweep` fetches the sweep when touched. Listing never does.
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

    >>> from wandb_runs import Runs
    >>> runs = Runs(api.client, "sample", "digits", {"state": "finished"})
    >>> len(runs) == len(list(runs))
    True
    >>> runs[0] in runs, runs[-1] == runs[len(runs) - 1]
    (True, True)
    """

    # pandas takes a sequence that is no list for an array; versions before 3 want its dtype.
    _hints: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("ndim", "dtype"),
        "runs are no array: a frame of them is runs.to_pandas(), with attributes, configs and "
        'summaries; or runs.histories(format="pandas")',
    )

    def __init__(
        self,
        client: RetryingClient,
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
        if not isinstance(client, RetryingClient):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers pass wandb's
            raise InvalidArgumentError(
                f"client must be a wandb_runs.RetryingClient, got {type(client).__name__}; "
                "pass api.client"
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
        self._sweeps = Sweeps(self._client) if self._query.include_sweeps else None
        self._lock = ForkSafeLock()
        self._cursor: RunIterator[ConfigT_co, SummaryT_co] | None = None

    @property
    def entity(self) -> str:
        """The user or team that owns the project; the viewer's is asked for when touched.

        Raises:
            AuthenticationError: The viewer's is needed, and there is no key, or a wrong one.
        """
        return self._client.run(self._fetch_entity())

    @property
    def length(self) -> int:
        """How many runs there are: the same as `len(runs)`.

        Raises:
            NotFoundError: No such project, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return len(self)

    @override
    def __len__(self) -> int:
        if self._query.models.skips:
            self._list_to(None)
        with self._lock.mutex:
            length = self._client.run(self._fetch_length())
        self._warn_of_names()
        return length

    def __bool__(self) -> bool:
        """Whether there is any run; sends at most one request, which a loop can use."""
        count = None if self._query.models.skips else self._counted()
        return bool(self._list_to(1)) if count is None else count > 0

    @override
    def __iter__(self) -> RunIterator[ConfigT_co, SummaryT_co]:
        return RunIterator(self._listing.items, self._checkpoint_at, self._list_on)

    @deprecated(
        "runs.next() has one position for all callers; use iter(runs)",
        category=DeprecatedNameWarning,
    )
    def next(self) -> Run[ConfigT_co, SummaryT_co]:
        """The next run, by one position for all callers, which loops do not move; deprecated.

        Raises:
            StopIteration: There is none.
        """
        # Held during the request, so that a second thread takes the run after that of the first.
        with self._lock.mutex:
            if self._cursor is None:
                self._cursor = iter(self)
            return next(self._cursor)

    @override
    def __reversed__(self) -> Iterator[Run[ConfigT_co, SummaryT_co]]:
        yield from reversed(self._list_to(None)[:])

    @override
    def __contains__(self, value: object) -> bool:
        refuse_ids(value)
        if not isinstance(value, Run):
            return False
        if value.project != self.project or value.entity != self.entity:
            return False
        return any(value == run for run in self)

    @override
    def index(self, value: object, start: int = 0, stop: int = sys.maxsize) -> int:
        """The place of a run.

        Args:
            value: The run.
            start: Where to begin to look.
            stop: Where to end.

        Raises:
            TypeError: An id in place of a run.
            ValueError: It is not among them.
        """
        refuse_ids(value)
        return super().index(value, start, stop)

    @override
    def count(self, value: object) -> int:
        """How often a run is among them: 1 or 0.

        Args:
            value: The run.

        Raises:
            TypeError: An id in place of a run.
        """
        return int(value in self)

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Run[ConfigT_co, SummaryT_co]: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[Run[ConfigT_co, SummaryT_co]]: ...
    @override
    def __getitem__(
        self, index: SupportsIndex | slice, /
    ) -> Run[ConfigT_co, SummaryT_co] | list[Run[ConfigT_co, SummaryT_co]]:
        return pick(self._list_to(count_needed(index)), index)

    @override
    def pages(self) -> RunPages[ConfigT_co, SummaryT_co]:
        """The runs a page at a time, of which nothing is kept: for more runs than fit in memory.

        Each call starts afresh, and neither reads nor fills what a loop over `runs` keeps. Going
        through all pages sends the requests of a loop over `runs`, which read ahead likewise. A
        page that failed is asked for again by the next `next()`.

        No run comes twice, and each that was there all the time comes, as in a loop over `runs`.
        In an order by `created_at` no id is remembered for it; in any other order, each one is.

        Returns:
            An iterator of lists of at most `per_page` runs, up to 1000 where that is
            not given (one more where runs change their places), in order, none of them empty. Its
            `checkpoint()` is its position.

        Raises:
            NotFoundError: No such project, or the key may not see it; when a page is taken.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        >>> sum(len(page) for page in runs.pages()) == len(runs)
        True
        """
        return RunPages(self._client, self._page_stream(), self._report, self._write_checkpoint)

    @overload
    def histories(
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
    def histories(
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
    def histories(
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
    def histories(
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
    def histories(
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
        """The sampled histories of all runs, in the order of runs.

        A page of runs carries its histories: `ceil(runs / page)` requests, up to
        `max_concurrency` of them at once. A page is as large as its work allows: 50 runs for 500
        samples of five keys, more for less; 1000 at most, or `per_page` where that is
        given. What is too much for the server (HTTP 502, 504, a timeout) is halved, down to one
        run. Runs that were all listed before are asked for by their ids: what this call gives are
        the histories of those runs. Runs without a history, or without a row that holds all
        `keys`, add no rows.

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
            progress: Called with a `Progress` after each answer, in the calling thread.

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

        >>> frame = runs.histories(samples=100, keys=["loss", "accuracy"], format="polars")
        >>> frame.columns
        ['_step', 'loss', 'accuracy', 'run_id']
        """
        plan, to = self._plan_histories(
            samples, keys, x_axis, format, stream, join, on_error, progress, exact=exact
        )
        if self._query.is_part:
            self._list_to(None)
        found = self._client.run(self._fetch_histories(plan, to, progress))
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
    ) -> Iterator[list[Row]]: ...
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
    ) -> Iterator[PandasFrame]: ...
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
    ) -> Iterator[PolarsFrame]: ...
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
    ) -> Iterator[list[Row]] | Iterator[PandasFrame] | Iterator[PolarsFrame]: ...
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
    ) -> Iterator[list[Row] | PandasFrame | PolarsFrame]:
        """The sampled histories batch by batch: for more than fits in memory.

        The arguments are checked at once; requests are sent as batches are taken, up to eight
        pages ahead. A batch is what one answer holds, in the order of runs; none is empty. A batch
        is kept until the next one is taken.

        A run that is created meanwhile may push others onto a later page, which then come once,
        as long as fewer than a page are created between two requests.

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
            progress: Called with a `Progress` after each answer, in the calling thread.
            schema: Dtypes of columns, by name, for all batches: `{"loss": polars.Float64}`, or
                pandas' names of dtypes. Values that a dtype cannot hold are refused, text where
                numbers are asked for and the reverse; a float of 32 bits may round them. `"json"`
                in place of a dtype makes text that is the JSON of each value, of any kind. Without
                it each batch has what fits its own rows: a column may hold integers in one batch
                and floats in the next. Where `keys` is None, the schema also says which columns
                there are, beside the x axis and `run_id`.

        Returns:
            An iterator of lists or frames.
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

        >>> import polars as pl
        >>> dtypes = {"loss": pl.Float64}
        >>> batches = runs.iter_histories(keys=["loss"], format="polars", schema=dtypes)
        >>> pl.concat(batches).equals(runs.histories(keys=["loss"], format="polars"))
        True
        """
        plan, to = self._plan_histories(
            samples, keys, x_axis, format, stream, join, on_error, progress, exact=exact
        )
        return HistoryBatches(
            self._client,
            self._new_batches(plan, to, schema, progress),
            self._list_to if self._query.is_part else None,
            self._finisher(on_error),
        )

    @override
    def _make(self, entity: str, nodes: Iterable[Node]) -> list[Run[ConfigT_co, SummaryT_co]]:
        context = self._context(entity)
        # Not `Run[...](...)`, which takes longer than everything else here.
        runs: list[Run[ConfigT_co, SummaryT_co]] = [Run(context, node) for node in nodes]
        return runs

    def _list_on(self, count: int) -> list[Run[ConfigT_co, SummaryT_co]]:
        """List so many runs, for a loop that goes on."""
        return self._list_to(count, goes_on=True)

    @override
    def _list_to(
        self, count: int | None, *, goes_on: bool = False
    ) -> list[Run[ConfigT_co, SummaryT_co]]:
        """List so many runs, or all for None."""
        listing = self._listing
        if not self._has(count):
            with self._lock.mutex:
                self._client.run(self._read_to(count, goes_on=goes_on))
        self._reported = self._report(listing.drift, self._reported)
        return listing.items

    @override
    def _list_all(self, progress: OnProgress | None) -> None:
        listing = self._listing
        if not listing.complete:
            with self._lock.mutex:
                self._client.run(self._read_all(progress))
        self._reported = self._report(listing.drift, self._reported)

"""`Runs`: the runs of a project that fit a filter, in order, read a page at a time."""

from __future__ import annotations

import logging
import operator
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Generic, Literal, SupportsIndex, TypeVar, cast, overload

from typing_extensions import override

from wandb_runs._generated import count_runs, list_configs, list_runs, list_summaries
from wandb_runs.checked import node_of
from wandb_runs.checkpoint import (
    Checkpoint,
    Start,
    make_checkpoint,
    read_checkpoint,
    without_entity,
)
from wandb_runs.documents import check_asked
from wandb_runs.drift import creation_key, is_by_creation, is_descending
from wandb_runs.errors import (
    BadResponseError,
    DriftError,
    DriftWarning,
    EmptyJoinWarning,
    HistoriesError,
    InvalidArgumentError,
)
from wandb_runs.explain import check_call, explain
from wandb_runs.filters import translate_filters
from wandb_runs.flow import ask
from wandb_runs.forksafe import ForkSafeLock
from wandb_runs.histories import (
    HistoryPages,
    HistoryRequest,
    RowsReader,
    build,
    check_format,
    check_installed,
    check_on_error,
    check_schema,
    collect,
    conform,
    plan_histories,
    text_columns,
)
from wandb_runs.iteration import RunIterator, RunPages
from wandb_runs.listing import Listing
from wandb_runs.location import check_name, missing_project
from wandb_runs.order import parse_order
from wandb_runs.paging import MAX_PER_PAGE, Page, Place, Selection, read_project_page
from wandb_runs.passed import ById, ByKey, Frontier
from wandb_runs.plain import read_plain_page
from wandb_runs.progress import check_progress
from wandb_runs.run import ConfigT_co, Home, Run, SummaryT_co, created_text
from wandb_runs.spelling import name_runs
from wandb_runs.sweep import Sweeps
from wandb_runs.transport import RetryingClient
from wandb_runs.unread import Unread
from wandb_runs.values import Known, build_values, fetch_configs, fetch_summaries, plan_values
from wandb_runs.walk import Drift, Source, Walk, select_named

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from wandb_runs.explain import Call, Explanation
    from wandb_runs.filters import Filters
    from wandb_runs.flow import Flow
    from wandb_runs.histories import (
        Format,
        HistoryPlan,
        Join,
        OnError,
        PolarsSchema,
        Reader,
        Row,
        Stream,
    )
    from wandb_runs.histories.direct import FrameOrBlocks
    from wandb_runs.operation import Operation
    from wandb_runs.order import Order
    from wandb_runs.progress import OnProgress
    from wandb_runs.values import Collected

__all__ = ["Runs", "runs_of_viewer"]

K = TypeVar("K", bound=str)
PieceT = TypeVar("PieceT")
ResultT = TypeVar("ResultT")

DEFAULT_PER_PAGE: Final = 50

_MOST_RUNS: Final = 100_000_000

# How many frames below whoever calls a warning is given.
_BELOW_A_CALL: Final = 3
_BELOW_A_BATCH: Final = 4
_BELOW_A_RUN: Final = 4
_BELOW_A_PAGE: Final = 4

_log = logging.getLogger("wandb_runs")


class Runs(Sequence[Run[ConfigT_co, SummaryT_co]], Generic[ConfigT_co, SummaryT_co]):
    """The runs of a project that fit a filter, in order: a lazy, replayable sequence.

    Nothing is sent until a run is asked for; what was read is kept, so that a second loop
    sends nothing. Taking `k` runs sends `ceil(k / per_page)` requests. `len` asks the server
    for the count alone, once, or counts what was read when that is everything; `list(runs)`
    asks for it too, since Python wants to know the length beforehand. A negative index, or a
    slice that counts from the end, reads every page.

    W&B pages by offset, so that runs which are created or deleted while somebody pages push others
    to where they come twice, or never (wandb/wandb#6614, #7666). Here no run comes twice, and each
    that was there all the time comes: every page is checked against the one before, at no request
    more, and read again where it does not follow. In an order by what a run logs, such as a metric,
    a run may jump over the reader: it then comes last, and a `DriftWarning` names it.

    Threads may share one, and loops over it may nest: each has its own place.

    Args:
        client: The client to send requests with: `api.client`.
        entity: The user or team that owns the project.
        project: The project's name.
        filters: A MongoDB query over runs; see `wandb_runs.filters`.
        order: `created_at`, `heartbeat_at`, `config.<key>.value` or `summary_metrics.<key>`,
            with `+` (ascending, the default) or `-` (descending) in front.
        per_page: Runs per request, at least 1; more than 1000 is sent as 1000, W&B's limit.
        include_sweeps: Whether `run.sweep` fetches the sweep when touched. Listing never does.
        config_keys: The keys that `run.config` is to hold; None for all, an empty list for none.
            Only what is asked for travels.
        summary_keys: The keys that `run.summary` is to hold, likewise.
        limit: The most runs that the sequence has, whatever `per_page`; None for all.
        checkpoint: Where to begin: behind the runs that a loop, which may have run in another
            process, had taken when it was asked for its `checkpoint()`. Same filters, same order.
        strict: Whether what a `DriftWarning` would say is a `DriftError`.

    Raises:
        InvalidArgumentError: An argument that cannot be right; nothing was sent.

    Warns:
        DriftWarning: The runs changed while they were listed, and not all could be set right.

    >>> from wandb_runs import Runs
    >>> runs = Runs(api.client, "sample", "digits", {"state": "finished"})
    >>> len(runs) == len(list(runs))
    True
    >>> runs[0] in runs, runs[-1] == runs[len(runs) - 1]
    (True, True)
    """

    def __init__(
        self,
        client: RetryingClient,
        entity: str,
        project: str,
        filters: Filters | None = None,
        order: Order = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = True,
        *,
        config_keys: list[K] | tuple[K, ...] | None = None,
        summary_keys: list[K] | tuple[K, ...] | None = None,
        limit: int | None = None,
        checkpoint: Checkpoint | None = None,
        strict: bool = False,
    ) -> None:
        if not isinstance(client, RetryingClient):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers pass wandb's
            raise InvalidArgumentError(
                f"client must be a wandb_runs.RetryingClient, got {type(client).__name__}; "
                "pass api.client"
            )
        self._client = client
        self._entity: str | None = check_name(entity, "entity")
        self._project = check_name(project, "project")
        self._filters = translate_filters(filters) or "{}"  # as the SDK sends it
        self._order = parse_order(order)
        self._first = min(_check_per_page(per_page), MAX_PER_PAGE)
        self._sweeps = Sweeps(client) if include_sweeps else None
        self._asked = check_asked(config_keys, summary_keys)
        self._limit = _check_limit(limit)
        self._is_strict = bool(strict)
        self._start = (
            Start()
            if checkpoint is None
            else read_checkpoint(checkpoint, self._selection(entity), entity)
        )
        self._listing = self._new_listing()
        self._count: int | None = None
        self._is_warned = False
        self._lock = ForkSafeLock()

    @override
    def __repr__(self) -> str:
        # A traceback may show a `Runs` whose arguments were refused.
        entity, project = getattr(self, "_entity", None), getattr(self, "_project", "not made")
        return f"<Runs {entity or '(default entity)'}/{project}>"

    @property
    def entity(self) -> str:
        """The user or team that owns the project; the viewer's is asked for when touched.

        Raises:
            AuthenticationError: The viewer's is needed, and there is no key, or a wrong one.
        """
        if self._entity is None:
            self._entity = self._client.run(self._client.viewer.entity())
        return self._entity

    @property
    def project(self) -> str:
        """The project's name."""
        return self._project

    @property
    def length(self) -> int:
        """How many runs there are: the same as `len(runs)`."""
        return len(self)

    @override
    def __len__(self) -> int:
        with self._lock:
            if self._listing.complete:
                return len(self._listing.items)
            if self._count is None:
                self._count = self._client.run(self._fetch_count())
            count = self._count if self._limit is None else min(self._count, self._limit)
            return max(0, count - self._start.read)

    def __bool__(self) -> bool:
        """Whether there is any run; sends at most one request, which a loop can use."""
        if self._count is not None and not self._listing.complete:
            return len(self) > 0
        return bool(self._read_to(1))

    @override
    def __iter__(self) -> RunIterator[ConfigT_co, SummaryT_co]:
        return RunIterator(self._read_to, self._checkpoint_at)

    @override
    def __reversed__(self) -> Iterator[Run[ConfigT_co, SummaryT_co]]:
        yield from reversed(self._read_to(None)[:])

    @override
    def __contains__(self, value: object) -> bool:
        if not isinstance(value, Run):
            return False
        if value.project != self._project or value.entity != self.entity:
            return False
        return any(value == run for run in self)

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Run[ConfigT_co, SummaryT_co]: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[Run[ConfigT_co, SummaryT_co]]: ...
    @override
    def __getitem__(
        self, index: SupportsIndex | slice, /
    ) -> Run[ConfigT_co, SummaryT_co] | list[Run[ConfigT_co, SummaryT_co]]:
        if isinstance(index, slice):
            # A copy of the prefix that decides the answer: other threads may be reading on.
            return self._read_to(_needed(index))[:][index]
        place = operator.index(index)
        runs = self._read_to(place + 1 if place >= 0 else None)
        try:
            return runs[place]
        except IndexError:
            raise IndexError(f"run {place} of {len(runs)}") from None

    def pages(self) -> RunPages[ConfigT_co, SummaryT_co]:
        """The runs a page at a time, of which nothing is kept: for more runs than fit in memory.

        Each call starts afresh, and neither reads nor fills what a loop over `runs` keeps. Going
        through all pages sends `ceil(runs / per_page)` requests, each when its page is taken. A
        page that failed is asked for again by the next `next()`.

        No run comes twice, and each that was there all the time comes, as in a loop over `runs`.
        In an order by `created_at` no id is remembered for it; in any other order, each one is.

        Returns:
            An iterator of lists of at most `per_page` runs (one more where runs change their
            places), in order, none of them empty. Its `checkpoint()` tells where it stands.

        Raises:
            NotFoundError: No such project, or the key may not see it; when a page is taken.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.

        >>> sum(len(page) for page in runs.pages()) == len(runs)
        True
        """
        start, source = self._start, Source(self._select, self._fetch)
        by_key = self._passed_by_key(start)
        by_id: ById[Run[ConfigT_co, SummaryT_co]] = ById(_run_id, keeps=False, ids=start.ids)
        walk: Walk[Run[ConfigT_co, SummaryT_co]] = Walk(
            _run_id,
            self._order,
            self._first_listed,
            by_id if by_key is None else by_key,
            border=start.border,
            began=start.began,
            is_strict=self._is_strict,
        )
        read = start.read

        def next_page() -> list[Run[ConfigT_co, SummaryT_co]] | None:
            nonlocal read
            left = None if self._limit is None else max(0, self._limit - read)
            if walk.complete or left == 0:
                return None
            page = self._client.run(walk.next_page(source))
            if walk.complete:
                _warn_of(walk.drift, stacklevel=_BELOW_A_PAGE)
            taken = (page or [])[:left]
            read += len(taken)
            return taken or None

        def checkpoint() -> Checkpoint:
            frontier = Frontier() if by_key is None else by_key.frontier
            return self._write_checkpoint(
                Start(walk.border, frontier, tuple(by_id.items), read, walk.began)
            )

        return RunPages(next_page, checkpoint)

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
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> pd.DataFrame: ...
    @overload
    def histories(
        self,
        samples: int,
        keys: list[K] | tuple[K, ...] | None,
        x_axis: str,
        format: Literal["pandas"],
        stream: Stream = "default",
        *,
        join: Join = "inner",
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> pd.DataFrame: ...
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
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> pl.DataFrame: ...
    @overload
    def histories(
        self,
        samples: int,
        keys: list[K] | tuple[K, ...] | None,
        x_axis: str,
        format: Literal["polars"],
        stream: Stream = "default",
        *,
        join: Join = "inner",
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> pl.DataFrame: ...
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
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> list[Row] | pd.DataFrame | pl.DataFrame: ...
    def histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        format: Format = "default",
        stream: Stream = "default",
        *,
        join: Join = "inner",
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
    ) -> list[Row] | pd.DataFrame | pl.DataFrame:
        """The sampled histories of all runs, in the order of runs.

        A page of runs carries its histories: `ceil(runs / page)` requests, up to four of them
        under way at once. A page is as large as its work allows: 50 runs for 500 samples of five
        keys, more for less; 1000 at most, or `per_page` where that is not the default. What is
        too much for the server (HTTP 502, 504, a timeout) is halved, down to one run. Runs that
        were all listed before are asked for by their ids: what this call gives are the histories
        of those runs. Runs without a history, or without a row that holds all `keys`, add no rows.

        Args:
            samples: The most rows for each run, at least 1. With keys they are evenly spread;
                without, W&B chooses them at random.
            keys: The metrics to read; None for all. Several keys give the rows that hold all
                of them, as W&B has it; of machine metrics, the rows that hold any.
            x_axis: The metric that comes first in each row. Machine metrics have no `_step`:
                there it stands for `_runtime`, in seconds.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame.
            stream: `"default"` for metrics, `"system"` for machine metrics.
            join: `"inner"` for the rows that hold all keys; `"outer"` for all rows of each key,
                merged by `_step`, which is right for metrics that are logged at different steps:
                up to `samples` rows for each key.
            on_error: What becomes of runs whose history cannot be had, such as one that is too
                much for the server even alone: `"raise"` an error in the end that carries the
                rest, or `"skip"` them, with a warning in the log.
            progress: Called with a `Progress` after each answer, in the calling thread.

        Returns:
            A row for each sampled step, with the columns x axis, keys (else all metrics, by
            name) and `run_id`. Integers are Int64, integers and floats Float64, booleans
            Boolean, text String; mixed and nested values are JSON text in polars, Python
            objects elsewhere. A missing value is null in polars, NaN or `<NA>` in pandas, and
            no entry in a dict.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            HistoriesError: The histories of some runs could not be had; it carries the rest.

        Warns:
            EmptyJoinWarning: Runs have rows of each key and none of all, so that `"inner"` left
                them empty. Finding out costs a request for each page that has empty runs.

        >>> frame = runs.histories(samples=100, keys=["loss", "accuracy"], format="polars")
        >>> frame.columns
        ['_step', 'loss', 'accuracy', 'run_id']
        """
        plan = plan_histories(samples, keys, x_axis, stream, join=join)
        to = check_format(format)
        check_on_error(on_error)
        check_progress(progress)
        check_installed(to)
        request = self._client.run(self._request(plan))
        if to == "polars" and plan.field == "sampledHistory" and join == "inner":
            from wandb_runs.histories.direct import (  # noqa: PLC0415 - it needs polars
                FrameReader,
                collect_frame,
            )

            frames = self._pages(request, FrameReader(), progress)
            frame = self._client.run(collect_frame(frames, plan))
            if frame is not None:
                return self._finish(frames, frame, on_error)
        pages = self._pages(request, RowsReader(), progress)
        return self._finish(pages, self._client.run(collect(pages, plan, to=to)), on_error)

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
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
        schema: Mapping[str, str] | None = None,
    ) -> Iterator[pd.DataFrame]: ...
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
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
        schema: PolarsSchema | None = None,
    ) -> Iterator[pl.DataFrame]: ...
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
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
        schema: None = None,
    ) -> Iterator[list[Row]] | Iterator[pd.DataFrame] | Iterator[pl.DataFrame]: ...
    def iter_histories(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        format: Format = "default",
        stream: Stream = "default",
        *,
        join: Join = "inner",
        on_error: OnError = "raise",
        progress: OnProgress | None = None,
        schema: PolarsSchema | Mapping[str, str] | None = None,
    ) -> Iterator[list[Row]] | Iterator[pd.DataFrame] | Iterator[pl.DataFrame]:
        """The sampled histories batch by batch: for more than fits in memory.

        The arguments are checked at once; requests are sent as batches are taken, up to eight
        pages ahead. A batch is what one answer holds, in the order of runs; none is empty. A batch
        is kept until the next one is taken.

        A run that is created meanwhile may push others onto a later page, which then come once,
        as long as fewer than a page are created between two requests.

        Args:
            samples: As for `histories`.
            keys: As for `histories`.
            x_axis: As for `histories`.
            format: What a batch comes as, as for `histories`.
            stream: As for `histories`.
            join: As for `histories`.
            on_error: As for `histories`; the error is raised after the last batch, and carries
                no rows.
            progress: As for `histories`.
            schema: Dtypes of columns, by name, for all batches: `{"loss": polars.Float64}`, or
                pandas' names of dtypes. Numbers that a dtype cannot hold are refused; a float of 32
                bits may round them. In a column of text, strings stay as they are, and everything
                else is JSON. Without it each batch has what fits its own rows: a column may hold
                integers in one batch and floats in the next. Where `keys` is None, the schema
                also says which columns there are, beside the x axis and `run_id`.

        Returns:
            An iterator of lists or frames, with the columns and dtypes of `histories`.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            SchemaError: A value does not fit the schema; when its batch is taken.
            HistoriesError: The histories of some runs could not be had; after the last batch.

        Warns:
            EmptyJoinWarning: As for `histories`, after the last batch.

        >>> import polars as pl
        >>> dtypes = {"loss": pl.Float64}
        >>> batches = runs.iter_histories(keys=["loss"], format="polars", schema=dtypes)
        >>> pl.concat(batches).equals(runs.histories(keys=["loss"], format="polars"))
        True
        """
        plan = plan_histories(samples, keys, x_axis, stream, join=join)
        to = check_format(format)
        check_on_error(on_error)
        check_progress(progress)
        check_installed(to)
        dtypes = check_schema(schema, plan, to)
        if to == "polars":
            return self._polars_frames(plan, dtypes, on_error, progress)
        if to == "pandas":
            return self._pandas_frames(plan, dtypes, on_error, progress)
        return self._lists(plan, on_error, progress)

    @overload
    def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Literal["default"] = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row]: ...
    @overload
    def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        *,
        format: Literal["pandas"],
        progress: OnProgress | None = None,
    ) -> pd.DataFrame: ...
    @overload
    def configs(
        self,
        keys: list[K] | tuple[K, ...] | None,
        format: Literal["pandas"],
        *,
        progress: OnProgress | None = None,
    ) -> pd.DataFrame: ...
    @overload
    def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        *,
        format: Literal["polars"],
        progress: OnProgress | None = None,
    ) -> pl.DataFrame: ...
    @overload
    def configs(
        self,
        keys: list[K] | tuple[K, ...] | None,
        format: Literal["polars"],
        *,
        progress: OnProgress | None = None,
    ) -> pl.DataFrame: ...
    @overload
    def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Format = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row] | pd.DataFrame | pl.DataFrame: ...
    def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Format = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row] | pd.DataFrame | pl.DataFrame:
        """The configs of all runs: a row for each run, in the order of runs.

        Sends `ceil(runs / per_page)` requests, up to four at once, which ask for ids and
        configs alone, and of the configs for `keys` alone.

        Args:
            keys: The keys to read, names at the top of the config; None for all but W&B's own
                `_wandb` and `wandb_version`.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame.
            progress: Called with a `Progress` after each answer, in the calling thread.

        Returns:
            The columns are the keys as asked (else all keys, by name) and `run_id`, with the
            dtypes of `histories`. A value that a run does not have, or has as null, is null in
            polars, NaN or `<NA>` in pandas, and no entry in a dict. A run without any has its
            row too.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            BadResponseError: A run's config is not a JSON object.

        >>> runs.configs(keys=["optimizer", "lr"], format="polars").columns
        ['optimizer', 'lr', 'run_id']
        """
        plan = plan_values(keys)
        to = check_format(format)
        check_progress(progress)
        check_installed(to)
        read = self._client.run(self._fetch_configs(plan, progress))
        self._report(read.drift, read.gone)
        return build_values(read.values, plan, to=to)

    @overload
    def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Literal["default"] = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row]: ...
    @overload
    def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        *,
        format: Literal["pandas"],
        progress: OnProgress | None = None,
    ) -> pd.DataFrame: ...
    @overload
    def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None,
        format: Literal["pandas"],
        *,
        progress: OnProgress | None = None,
    ) -> pd.DataFrame: ...
    @overload
    def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        *,
        format: Literal["polars"],
        progress: OnProgress | None = None,
    ) -> pl.DataFrame: ...
    @overload
    def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None,
        format: Literal["polars"],
        *,
        progress: OnProgress | None = None,
    ) -> pl.DataFrame: ...
    @overload
    def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Format = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row] | pd.DataFrame | pl.DataFrame: ...
    def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Format = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row] | pd.DataFrame | pl.DataFrame:
        """The summaries of all runs: a row for each run, in the order of runs.

        Sends `ceil(runs / per_page)` requests, up to four at once, which ask for ids and
        summaries alone, and of the summaries for `keys` alone.

        Args:
            keys: The metrics to read, names at the top of the summary; None for all.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame.
            progress: Called with a `Progress` after each answer, in the calling thread.

        Returns:
            The columns are the keys as asked (else all keys, by name) and `run_id`, with the
            dtypes of `histories`. A value that a run does not have, or has as null, is null in
            polars, NaN or `<NA>` in pandas, and no entry in a dict. A run without any has its
            row too.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            BadResponseError: A run's summary is not a JSON object.

        >>> best = runs.summaries(keys=["accuracy"], format="polars")
        >>> best.height == len(runs)
        True
        """
        plan = plan_values(keys)
        to = check_format(format)
        check_progress(progress)
        check_installed(to)
        read = self._client.run(self._fetch_summaries(plan, progress))
        self._report(read.drift, read.gone)
        return build_values(read.values, plan, to=to)

    @overload
    def explain(self, call: Literal["list"] = "list") -> Explanation: ...
    @overload
    def explain(
        self,
        call: Literal["configs", "summaries"],
        *,
        keys: list[K] | tuple[K, ...] | None = None,
    ) -> Explanation: ...
    @overload
    def explain(
        self,
        call: Literal["histories"],
        *,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        stream: Stream = "default",
        join: Join = "inner",
    ) -> Explanation: ...
    def explain(
        self,
        call: Call = "list",
        *,
        samples: int | None = None,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str | None = None,
        stream: Stream | None = None,
        join: Join | None = None,
    ) -> Explanation:
        """What a call would send; sends nothing.

        Args:
            call: `"list"` for going through the runs, or the method: `"histories"`, `"configs"`,
                `"summaries"`.
            samples: The method's argument, as the others are.
            keys: The same.
            x_axis: The same.
            stream: The same.
            join: The same.

        Returns:
            The document, the variables of the first request, and the number of requests where the
            number of runs is known: after `len(runs)`, or when all have been listed. An entity
            that only the viewer can tell is left out; it would be asked for first. Printed, it is
            what a person wants to read.

        Raises:
            InvalidArgumentError: An argument that cannot be right, or that the call has not.

        >>> asked = runs.explain("histories", samples=100, keys=["loss"])
        >>> asked.operation, asked.runs_per_request, asked.variables["specs"]
        ('ListSampledHistories', 750, ['{"keys": ["_step", "loss"], "samples": 100}'])
        """
        check_call(call, keys=keys, samples=samples, x_axis=x_axis, stream=stream, join=join)
        # None is left out of what is shown, as a variable that is not known yet.
        selection = self._selection(cast("str", self._entity))
        ids, total = self._listed_ids(), self._known_length()
        operation: Operation[object]
        if call == "list":
            operation = list_runs(
                **Place(None, self._first_listed).of(selection),
                config_keys=self._asked.config,
                summary_keys=self._asked.summary,
            )
            return explain(operation, runs_per_request=self._first_listed, runs=total)
        size = self._first
        if call == "histories":
            plan = plan_histories(
                500 if samples is None else samples,
                keys,
                "_step" if x_axis is None else x_axis,
                "default" if stream is None else stream,
                join="inner" if join is None else join,
            )
            size = self._page_of(plan)
            request = HistoryRequest(plan, selection, Place(None, size))
            operation = (request.of(ids[:size]) if ids else request).operation
        else:
            named = select_named(selection, ids[:size]) if ids else selection
            page = Place(None, min(size, len(ids)) if ids else size).of(named)
            asked = plan_values(keys).keys
            operation = (
                list_configs(**page, keys=asked)
                if call == "configs"
                else list_summaries(**page, keys=asked)
            )
        explained = explain(operation, runs_per_request=size, runs=total)
        # Of no runs by their ids nothing is asked; any other listing takes a request to know.
        return replace(explained, requests=0) if ids == [] else explained

    def _read_to(self, count: int | None) -> list[Run[ConfigT_co, SummaryT_co]]:
        listing = self._listing
        if not listing.complete and (count is None or len(listing.items) < count):
            with self._lock:
                self._client.run(listing.read_to(count, Source(self._select, self._fetch)))
            if listing.complete and not self._is_warned:
                self._is_warned = True
                _warn_of(listing.drift, stacklevel=_BELOW_A_RUN)
        return listing.items

    def _fetch(
        self, selection: Selection, place: Place
    ) -> Flow[Page[Run[ConfigT_co, SummaryT_co]]]:
        operation = list_runs(
            **place.of(selection),
            config_keys=self._asked.config,
            summary_keys=self._asked.summary,
        )
        answer = yield from ask(Unread.of(operation))
        plain = read_plain_page(answer.body, place, date=answer.date)
        home = Home(self._client, selection["entity"], self._project, self._sweeps, self._asked)
        # Not `Run[...](...)`, which takes longer than everything else here.
        runs: list[Run[ConfigT_co, SummaryT_co]]
        if plain is not None:
            runs = [Run(home, node) for node in plain.items]
            return plain.holding(runs)
        project = answer.read_as(operation).project
        page = read_project_page(project, selection, place, date=answer.date)
        runs = [Run(home, node_of(fields)) for fields in page.items]
        return page.holding(runs)

    def _checkpoint_at(self, place: int) -> Checkpoint:
        start, listing = self._start, self._listing
        taken = listing.items[:place]
        by_key = self._passed_by_key(start)
        ids: tuple[str, ...] = ()
        if by_key is None:
            ids = (*start.ids, *(run.id for run in taken))
        else:
            by_key.add(taken)
        return self._write_checkpoint(
            Start(
                listing.border_before(place),
                Frontier() if by_key is None else by_key.frontier,
                ids,
                start.read + place,
                listing.began,
            )
        )

    def _write_checkpoint(self, start: Start) -> Checkpoint:
        return make_checkpoint(self._selection(self._entity or ""), self._entity, start)

    def _passed_by_key(self, start: Start) -> ByKey[Run[ConfigT_co, SummaryT_co]] | None:
        """What tells the runs that were passed by their instants of creation, in such an order."""
        if not is_by_creation(self._order):
            return None
        return ByKey(
            _run_id, _run_key, descending=is_descending(self._order), frontier=start.frontier
        )

    def _new_listing(self) -> Listing[Run[ConfigT_co, SummaryT_co]]:
        start, limit = self._start, self._limit
        return Listing(
            _run_id,
            self._order,
            self._first_listed,
            limit=None if limit is None else max(0, limit - start.read),
            border=start.border,
            began=start.began,
            ids=start.ids,
            before=self._passed_by_key(start) if start.read else None,
            is_strict=self._is_strict,
        )

    @property
    def _first_listed(self) -> int:
        return self._first if self._limit is None else max(1, min(self._first, self._limit))

    def _fetch_count(self) -> Flow[int]:
        selection = yield from self._select()
        project = (
            yield from ask(
                count_runs(
                    entity=selection["entity"],
                    project=selection["project"],
                    filters=selection["filters"],
                )
            )
        ).project
        if project is None:
            raise missing_project(selection["entity"], self._project)
        # Python makes room for as many as `len` says.
        if project.run_count is None or not 0 <= project.run_count <= _MOST_RUNS:
            raise BadResponseError(
                "the server gave no count that a project can have; try again, or count the runs: "
                "sum(1 for run in runs)",
                status=200,
            )
        return project.run_count

    def _fetch_configs(self, plan: HistoryPlan, progress: OnProgress | None) -> Flow[Collected]:
        known = self._known(progress)
        selection = yield from self._select()
        return (yield from fetch_configs(selection, plan.keys, known))

    def _fetch_summaries(self, plan: HistoryPlan, progress: OnProgress | None) -> Flow[Collected]:
        known = self._known(progress)
        selection = yield from self._select()
        return (yield from fetch_summaries(selection, plan.keys, known))

    def _known(self, progress: OnProgress | None) -> Known:
        return Known(self._ids_to_ask(), self._known_length(), progress)

    def _request(self, plan: HistoryPlan) -> Flow[HistoryRequest]:
        selection = yield from self._select()
        return HistoryRequest(plan, selection, Place(None, self._page_of(plan)))

    def _page_of(self, plan: HistoryPlan) -> int:
        most = MAX_PER_PAGE if self._first == DEFAULT_PER_PAGE else self._first
        return min(most, plan.runs_per_request)

    def _pages(
        self,
        request: HistoryRequest,
        reader: Reader[PieceT],
        progress: OnProgress | None,
    ) -> HistoryPages[PieceT]:
        return HistoryPages(
            request,
            reader,
            run_ids=self._ids_to_ask(),
            total=self._known_length(),
            progress=progress,
        )

    def _batches(
        self,
        plan: HistoryPlan,
        reader: Reader[PieceT],
        on_error: OnError,
        progress: OnProgress | None,
    ) -> Iterator[PieceT]:
        request = self._client.run(self._request(plan))
        pages = self._pages(request, reader, progress)
        while pieces := self._client.run(pages.next_pieces()):
            pieces.reverse()
            while pieces:
                # Popped, so that nothing here keeps a batch after the next one.
                yield pieces.pop().content
        self._finish(pages, None, on_error, stacklevel=_BELOW_A_BATCH)

    def _lists(
        self, plan: HistoryPlan, on_error: OnError, progress: OnProgress | None
    ) -> Iterator[list[Row]]:
        for blocks in self._batches(plan, RowsReader(), on_error, progress):
            if rows := build(blocks, plan, to="default"):
                yield rows

    def _pandas_frames(
        self,
        plan: HistoryPlan,
        schema: Mapping[str, object] | None,
        on_error: OnError,
        progress: OnProgress | None,
    ) -> Iterator[pd.DataFrame]:
        texts = text_columns(schema, "pandas")
        for blocks in self._batches(plan, RowsReader(), on_error, progress):
            frame = build(blocks, plan, to="pandas", texts=texts)
            if len(frame):
                yield frame if schema is None else conform(frame, schema, plan, "pandas")

    def _polars_frames(
        self,
        plan: HistoryPlan,
        schema: Mapping[str, object] | None,
        on_error: OnError,
        progress: OnProgress | None,
    ) -> Iterator[pl.DataFrame]:
        from wandb_runs.histories.direct import FrameReader  # noqa: PLC0415 - it needs polars

        texts = text_columns(schema, "polars")
        # A frame of numbers has forgotten how they were written: beside 0.5, 1 is 1.0.
        rows = self._batches(plan, RowsReader(), on_error, progress)
        frames = self._batches(plan, FrameReader(), on_error, progress)
        batches: Iterator[FrameOrBlocks] = rows if texts else frames
        for content in batches:
            frame = (
                build(content, plan, to="polars", texts=texts)
                if isinstance(content, list)
                else content
            )
            if frame.height:
                yield frame if schema is None else conform(frame, schema, plan, "polars")

    def _finish(
        self,
        pages: HistoryPages[PieceT],
        histories: ResultT,
        on_error: OnError,
        *,
        stacklevel: int = _BELOW_A_CALL,
    ) -> ResultT:
        """Say what is missing from histories, and hand them on.

        Raises:
            DriftError: Not all could be set right, and the listing is strict.
            HistoriesError: Some runs could not be had, and the caller wants to know.
        """
        self._report(pages.drift, pages.gone, stacklevel=stacklevel + 1)
        if pages.apart:
            warnings.warn(EmptyJoinWarning(pages.apart), stacklevel=stacklevel)
        if not pages.failed:
            return histories
        first = next(iter(pages.failed.values()))
        message = f"the histories of {name_runs([*pages.failed])} could not be had: {first.message}"
        if on_error == "skip":
            _log.warning("skipped: %s", message)
            return histories
        raise HistoriesError(
            f'{message}; ask for fewer samples or keys, or pass on_error="skip"; error.histories '
            "holds the rest",
            errors=pages.failed,
            histories=histories,
        ) from first

    def _report(
        self, drift: Drift, gone: Sequence[str], *, stacklevel: int = _BELOW_A_CALL
    ) -> None:
        """Say what could not be set right, when the runs changed while they were read.

        Raises:
            DriftError: The listing is strict.
        """
        if not (drift or gone):
            return
        if self._is_strict:
            raise DriftError(drift.late, drift.nulls, gone)
        warnings.warn(DriftWarning(drift.late, drift.nulls, gone), stacklevel=stacklevel)

    def _ids_to_ask(self) -> list[str] | None:
        """The ids of all runs, where they have been listed, or must be: to be a part of them."""
        if self._limit is not None or self._start.read:
            self._read_to(None)
        return self._listed_ids()

    def _listed_ids(self) -> list[str] | None:
        """The ids of all runs, where all have been listed."""
        return [run.id for run in self._listing.items] if self._listing.complete else None

    def _known_length(self) -> int | None:
        if self._listing.complete or self._count is None:
            return len(self._listing.items) if self._listing.complete else None
        return len(self)

    def _select(self) -> Flow[Selection]:
        if self._entity is None:
            self._entity = yield from self._client.viewer.entity()
        return self._selection(self._entity)

    def _selection(self, entity: str) -> Selection:
        return Selection(
            entity=entity,
            project=self._project,
            filters=self._filters,
            order=self._order,
            first=self._first,
        )


def _warn_of(drift: Drift, *, stacklevel: int) -> None:
    if drift:
        warnings.warn(DriftWarning(drift.late, drift.nulls), stacklevel=stacklevel)


def runs_of_viewer(
    client: RetryingClient,
    project: str,
    filters: Filters | None,
    order: Order,
    per_page: int,
    include_sweeps: bool,
    *,
    config_keys: list[K] | tuple[K, ...] | None,
    summary_keys: list[K] | tuple[K, ...] | None,
    limit: int | None,
    checkpoint: Checkpoint | None,
    strict: bool,
) -> Runs:
    """Runs in the viewer's default entity, which is asked for with the first request."""
    runs: Runs = Runs(
        client,
        "viewer",
        project,
        filters,
        order,
        per_page,
        include_sweeps,
        config_keys=config_keys,
        summary_keys=summary_keys,
        limit=limit,
        checkpoint=None if checkpoint is None else without_entity(checkpoint),
        strict=strict,
    )
    # The class and its second way in.
    runs._entity = None  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return runs


def _run_id(run: Run[object, object]) -> str:
    return run.id


def _run_key(run: Run[object, object]) -> str | None:
    return creation_key(created_text(run))


def _needed(wanted: slice) -> int | None:
    """How many runs decide a slice; None when it takes all to know."""
    start, stop, step = (
        None if part is None else operator.index(part)
        for part in (wanted.start, wanted.stop, wanted.step)
    )
    ends: tuple[int | None, ...] = (start, stop)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if any(end is not None and end < 0 for end in ends):
        return None
    if step is not None and step < 0:
        return None if start is None else start + 1
    return 0 if start is not None and stop is not None and start >= stop else stop


def _check_limit(limit: object) -> int | None:
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise InvalidArgumentError(
            f"limit must be a number of runs, at least 0, or None for all; got {limit!r}"
        )
    return limit


def _check_per_page(per_page: object) -> int:
    if isinstance(per_page, bool) or not isinstance(per_page, int):
        raise InvalidArgumentError(
            f"per_page must be an int of at least 1, got {type(per_page).__name__}"
        )
    if per_page < 1:
        raise InvalidArgumentError(f"per_page must be at least 1, got {per_page}")
    return per_page

"""What `Runs` and `AsyncRuns` share: listing, counting, checkpoints, and reading of all runs."""

from __future__ import annotations

import logging
import operator
import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeVar, overload

from typing_extensions import override

from wandb_runs.errors import (
    BadResponseError,
    DriftError,
    DriftWarning,
    EmptyJoinWarning,
    HistoriesError,
    UnknownMetricWarning,
)
from wandb_runs.errors.suggest import name_runs
from wandb_runs.frames.batches import Batches
from wandb_runs.frames.build import build_pandas, build_polars, build_rows, check_installed
from wandb_runs.frames.histories import Gaps, HistoryPages, collect_histories
from wandb_runs.frames.plan import check_format, check_on_error, plan_histories
from wandb_runs.frames.requests import HistoryRequest, RowsReader
from wandb_runs.frames.schema import (
    check_schema,
    conform_pandas,
    conform_polars,
    find_text_columns,
)
from wandb_runs.frames.values import (
    KnownRuns,
    build_values,
    fetch_values,
    plan_values,
)
from wandb_runs.graphql._generated import count_runs
from wandb_runs.graphql.flow import ask
from wandb_runs.pagination.changes import creation_key
from wandb_runs.pagination.checkpoint import Checkpoint, ListingState, make_checkpoint
from wandb_runs.pagination.listing import Listing, ListingPlan, PageStream
from wandb_runs.pagination.page import Page, PageRequest, Selection, fetch_page
from wandb_runs.pagination.paginator import Drift, Source
from wandb_runs.pagination.progress import check_progress
from wandb_runs.query.location import missing_project
from wandb_runs.runs.explain import check_call, explain
from wandb_runs.runs.run_base import AnyRun, RunContext, created_text, fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import SupportsIndex

    import pandas as pd
    import polars as pl

    from wandb_runs.frames.batches import AnyBatches
    from wandb_runs.frames.plan import Format, HistoryPlan, Join, OnError, Stream
    from wandb_runs.frames.polars_reader import FrameOrRows
    from wandb_runs.frames.requests import Reader
    from wandb_runs.frames.rows import Row, RunRows
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.runs.explain import Call, Explanation
    from wandb_runs.runs.record import Node
    from wandb_runs.runs.run_query import RunQuery
    from wandb_runs.transport.base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = ["RunsBase", "count_needed", "pick"]

K = TypeVar("K", bound=str)
T = TypeVar("T")
ContentT = TypeVar("ContentT")
RunT_co = TypeVar("RunT_co", bound="AnyRun", covariant=True)

ClientT_co = TypeVar("ClientT_co", bound="Client[SessionBase]", covariant=True)
SweepsT_co = TypeVar("SweepsT_co", covariant=True)

_MOST_RUNS: Final = 100_000_000

# How many frames above a warning the caller is: of a method, and of what takes a run or a batch.
_ABOVE_A_CALL: Final = 3
_ABOVE_AN_ITEM: Final = 4

_log = logging.getLogger("wandb_runs")


class Found(NamedTuple, Generic[T]):
    """The result of a call, and what it lacks.

    Attributes:
        value: The result.
        gaps: What it lacks.
    """

    value: T
    gaps: Gaps


class RunsBase(ABC, Generic[ClientT_co, SweepsT_co, RunT_co]):
    """What `Runs` and `AsyncRuns` share: all but the sending.

    What takes requests is a flow here, which either kind of client runs.

    Args:
        client: The client to send requests with.
        query: What to list.
    """

    _sweeps: SweepsT_co | None

    def __init__(self, client: ClientT_co, query: RunQuery) -> None:
        self._client = client
        self._query = query
        self._reset()

    def _reset(self) -> None:
        """Begin the listing, with nothing read."""
        self._listing: Listing[RunT_co] = Listing(self._plan)
        self._count: int | None = None
        self._reported = Drift()

    def __getstate__(self) -> tuple[ClientT_co, RunQuery]:
        """The client and the query: a copy reads anew."""
        return self._client, self._query

    def __setstate__(self, state: tuple[ClientT_co, RunQuery]) -> None:
        """List the same, from the start."""
        self._client, self._query = state
        self._reset()

    @abstractmethod
    def _make(self, entity: str, nodes: Iterable[Node]) -> list[RunT_co]:
        """Make runs of their nodes in an answer."""

    def _context(self, entity: str) -> RunContext[ClientT_co, SweepsT_co]:
        query = self._query
        return RunContext(
            self._client, entity, query.project, self._sweeps, query.keys, query.models
        )

    @override
    def __repr__(self) -> str:
        # A traceback may show one whose arguments were refused.
        query: RunQuery | None = getattr(self, "_query", None)
        if query is None:
            return f"<{type(self).__name__}, not made>"
        return f"<{type(self).__name__} {query.entity or '(default entity)'}/{query.project}>"

    @property
    def project(self) -> str:
        """The project's name."""
        return self._query.project

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
            samples: The most rows for each run; of `"histories"`.
            keys: The metrics, or the keys of configs or summaries; not of `"list"`.
            x_axis: The metric that comes first in each row; of `"histories"`.
            stream: `"default"` for metrics, `"system"` for machine metrics; of `"histories"`.
            join: `"inner"` for the rows that hold all keys, `"outer"` for all rows of each; of
                `"histories"`.

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
        plan = None
        if call == "histories":
            plan = plan_histories(
                500 if samples is None else samples,
                keys,
                "_step" if x_axis is None else x_axis,
                "default" if stream is None else stream,
                join="inner" if join is None else join,
            )
        elif call != "list":
            plan = plan_values(keys)
        return explain(call, self._query, plan, ids=self._listed_ids(), total=self._counted())

    # Listing.

    @property
    def _source(self) -> Source[RunT_co]:
        return Source(self._select, self._fetch)

    def _select(self) -> Flow[Selection]:
        yield from self._fetch_entity()
        return self._query.selection

    def _fetch_entity(self) -> Flow[str]:
        entity = self._query.entity
        if entity is None:
            entity = yield from self._client.viewer.entity()
            self._query = replace(self._query, entity=entity)
        return entity

    def _fetch(self, selection: Selection, request: PageRequest) -> Flow[Page[RunT_co]]:
        operation = self._query.list_page(selection, request)
        page = yield from fetch_page(operation, selection, request)
        return page.with_items(self._make(selection["entity"], page.items))

    def _has(self, count: int | None) -> bool:
        """Whether so many runs have been listed; all for None."""
        listing = self._listing
        return listing.complete or (count is not None and len(listing.items) >= count)

    def _listed_ids(self) -> list[str] | None:
        """The ids of all runs, where all have been listed."""
        return [run.id for run in self._listing.items] if self._listing.complete else None

    def _report_drift(self, drift: Drift, reported: Drift) -> Drift:
        """Warn of drift that cannot be corrected, as soon as it is known, and once.

        Returns:
            What has been reported by now.

        Raises:
            DriftError: The listing is strict.
        """
        if drift and self._query.strict:
            raise DriftError(drift.late, drift.nulls)
        if drift and drift != reported:
            warnings.warn(DriftWarning(drift.late, drift.nulls), stacklevel=_ABOVE_AN_ITEM)
        return drift

    def _counted(self) -> int | None:
        """How many runs there are, if that is known."""
        if self._listing.complete:
            return len(self._listing.items)
        if self._count is None:
            return None
        limit, read = self._query.limit, self._query.start.read
        return max(0, (self._count if limit is None else min(self._count, limit)) - read)

    def _fetch_length(self) -> Flow[int]:
        if self._counted() is None:
            self._count = yield from self._fetch_count()
        return self._counted() or 0

    def _fetch_count(self) -> Flow[int]:
        selection = yield from self._select()
        operation = count_runs(
            entity=selection["entity"],
            project=selection["project"],
            filters=selection["filters"],
        )
        project = (yield from ask(operation)).project
        if project is None:
            raise missing_project(selection["entity"], selection["project"])
        # Python makes room for as many as `len` says.
        if project.run_count is None or not 0 <= project.run_count <= _MOST_RUNS:
            raise BadResponseError(
                "the server gave no count that a project can have; try again, or count the runs: "
                "sum(1 for run in runs)",
                status=200,
            )
        return project.run_count

    # Where a listing begins and where it stands.

    @property
    def _plan(self) -> ListingPlan[RunT_co]:
        query = self._query
        return ListingPlan(
            _run_id,
            _run_key,
            query.order,
            query.page_size,
            query.limit,
            query.strict,
            fits if query.models.skips else None,
            query.start,
        )

    def _page_stream(self) -> PageStream[RunT_co]:
        return PageStream(self._plan, self._source)

    def _checkpoint_at(self, index: int) -> Checkpoint:
        return self._write_checkpoint(self._listing.state_at(index))

    def _write_checkpoint(self, state: ListingState) -> Checkpoint:
        return make_checkpoint(self._query.selection, self._query.entity, state)

    # What is asked of all runs.

    def _plan_values(
        self, keys: list[K] | tuple[K, ...] | None, format: Format, progress: OnProgress | None
    ) -> tuple[HistoryPlan, Format]:
        plan = plan_values(keys)
        to = check_format(format)
        check_progress(progress)
        check_installed(to)
        return plan, to

    def _fetch_values(
        self,
        what: Literal["configs", "summaries"],
        plan: HistoryPlan,
        to: Format,
        progress: OnProgress | None,
    ) -> Flow[Found[list[Row] | pd.DataFrame | pl.DataFrame]]:
        known = self._known(progress)
        selection = yield from self._select()
        read = yield from fetch_values(what, selection, plan.keys, known)
        built = build_values(read.values, plan, to=to)
        return Found(built, Gaps({}, (), read.drift, read.gone))

    def _plan_histories(
        self,
        samples: int,
        keys: list[K] | tuple[K, ...] | None,
        x_axis: str,
        format: Format,
        stream: Stream,
        join: Join,
        on_error: OnError,
        progress: OnProgress | None,
    ) -> tuple[HistoryPlan, Format]:
        plan = plan_histories(samples, keys, x_axis, stream, join=join)
        to = check_format(format)
        check_on_error(on_error)
        check_progress(progress)
        check_installed(to)
        return plan, to

    def _fetch_histories(
        self, plan: HistoryPlan, to: Format, progress: OnProgress | None
    ) -> Flow[Found[list[Row] | pd.DataFrame | pl.DataFrame]]:
        request = yield from self._request(plan)
        if to == "polars" and plan.field == "sampledHistory" and plan.join == "inner":
            from wandb_runs.frames.polars_reader import (  # noqa: PLC0415 - it needs polars
                FrameReader,
                collect_frame,
            )

            frames = self._pages(request, FrameReader(), progress)
            frame = yield from collect_frame(frames, plan)
            if frame is not None:
                gaps = frames.gaps if frame.height else (yield from frames.suggest_metrics())
                return Found(frame, gaps)
        pages = self._pages(request, RowsReader(), progress)
        collected = yield from collect_histories(pages, plan, to=to)
        gaps = pages.gaps if len(collected) else (yield from pages.suggest_metrics())
        return Found(collected, gaps)

    def _known(self, progress: OnProgress | None) -> KnownRuns:
        return KnownRuns(self._listed_ids(), self._counted(), progress)

    def _request(self, plan: HistoryPlan) -> Flow[HistoryRequest]:
        selection = yield from self._select()
        return HistoryRequest(
            plan, selection, PageRequest(None, self._query.histories_page_size(plan))
        )

    def _pages(
        self,
        request: HistoryRequest,
        reader: Reader[ContentT],
        progress: OnProgress | None,
    ) -> HistoryPages[ContentT]:
        return HistoryPages(
            request,
            reader,
            run_ids=self._listed_ids(),
            total=self._counted(),
            progress=progress,
        )

    def _new_batches(
        self, plan: HistoryPlan, to: Format, schema: object, progress: OnProgress | None
    ) -> AnyBatches[list[Row] | pd.DataFrame | pl.DataFrame]:
        dtypes = check_schema(schema, plan, to)
        if to == "polars":
            return self._polars_frames(plan, dtypes, progress)
        if to == "pandas":
            return self._pandas_frames(plan, dtypes, progress)
        return self._lists(plan, progress)

    def _finisher(self, on_error: OnError) -> Callable[[Gaps], None]:
        return partial(self._finish, histories=None, on_error=on_error, stacklevel=_ABOVE_AN_ITEM)

    def _lists(self, plan: HistoryPlan, progress: OnProgress | None) -> AnyBatches[list[Row]]:
        return Batches(
            lambda: self._begin(plan, RowsReader(), progress),
            lambda histories: build_rows(histories, plan) or None,
        )

    def _pandas_frames(
        self,
        plan: HistoryPlan,
        schema: Mapping[str, object] | None,
        progress: OnProgress | None,
    ) -> AnyBatches[pd.DataFrame]:
        text_columns = find_text_columns(schema, "pandas")

        def convert(histories: list[RunRows]) -> pd.DataFrame | None:
            frame = build_pandas(histories, plan, text_columns=text_columns)
            if not len(frame):
                return None
            return frame if schema is None else conform_pandas(frame, schema, plan)

        return Batches(lambda: self._begin(plan, RowsReader(), progress), convert)

    def _polars_frames(
        self,
        plan: HistoryPlan,
        schema: Mapping[str, object] | None,
        progress: OnProgress | None,
    ) -> AnyBatches[pl.DataFrame]:
        from wandb_runs.frames.polars_reader import FrameReader  # noqa: PLC0415 - it needs polars

        text_columns = find_text_columns(schema, "polars")

        def convert(content: FrameOrRows) -> pl.DataFrame | None:
            frame = (
                build_polars(content, plan, text_columns=text_columns)
                if isinstance(content, list)
                else content
            )
            if not frame.height:
                return None
            return frame if schema is None else conform_polars(frame, schema, plan)

        if text_columns:
            # The fast path loses how a number was written: with 0.5, 1 becomes 1.0.
            return Batches(lambda: self._begin(plan, RowsReader(), progress), convert)
        return Batches(lambda: self._begin(plan, FrameReader(), progress), convert)

    def _begin(
        self, plan: HistoryPlan, reader: Reader[ContentT], progress: OnProgress | None
    ) -> Flow[HistoryPages[ContentT]]:
        return self._pages((yield from self._request(plan)), reader, progress)

    def _finish(
        self,
        gaps: Gaps,
        histories: T,
        on_error: OnError,
        *,
        stacklevel: int = _ABOVE_A_CALL,
    ) -> T:
        """Say what is missing from histories, and hand them on.

        Raises:
            DriftError: Not all could be set right, and the listing is strict.
            HistoriesError: Some runs could not be had, and the caller wants to know.
        """
        self._report(gaps, stacklevel=stacklevel + 1)
        if gaps.disjoint_runs:
            warnings.warn(EmptyJoinWarning(gaps.disjoint_runs), stacklevel=stacklevel)
        if gaps.unknown_metrics is not None:
            warnings.warn(UnknownMetricWarning(*gaps.unknown_metrics), stacklevel=stacklevel)
        if not gaps.failed:
            return histories
        first = next(iter(gaps.failed.values()))
        message = f"the histories of {name_runs([*gaps.failed])} could not be had: {first.message}"
        if on_error == "skip":
            _log.warning("skipped: %s", message)
            return histories
        raise HistoriesError(
            f'{message}; ask for fewer samples or keys, or pass on_error="skip"; error.histories '
            "holds the rest",
            errors=gaps.failed,
            histories=histories,
        ) from first

    def _report(self, gaps: Gaps, *, stacklevel: int = _ABOVE_A_CALL) -> None:
        """Say what could not be set right, when the runs changed while they were read.

        Raises:
            DriftError: The listing is strict.
        """
        drift, gone = gaps.drift, gaps.gone
        if not (drift or gone):
            return
        if self._query.strict:
            raise DriftError(drift.late, drift.nulls, gone)
        warnings.warn(DriftWarning(drift.late, drift.nulls, gone), stacklevel=stacklevel)


def _run_id(run: AnyRun) -> str:
    return run.id


def _run_key(run: AnyRun) -> str | None:
    return creation_key(created_text(run))


def pick(items: list[T], index: SupportsIndex | slice) -> T | list[T]:
    """Take an item or a slice of what has been listed.

    Raises:
        IndexError: There is no such item.
    """
    if isinstance(index, slice):
        # A copy first: another thread or task may be adding items.
        return items[:][index]
    number = operator.index(index)
    try:
        return items[number]
    except IndexError:
        raise IndexError(f"run {number} of {len(items)}") from None


def count_needed(index: SupportsIndex | slice) -> int | None:
    """How many runs have to be listed to take an item or a slice; None for all."""
    if not isinstance(index, slice):
        number = operator.index(index)
        return number + 1 if number >= 0 else None
    start, stop, step = (
        None if part is None else operator.index(part)
        for part in (index.start, index.stop, index.step)
    )
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if any(end is not None and end < 0 for end in (start, stop)):
        return None
    if step is not None and step < 0:
        return None if start is None else start + 1
    return 0 if start is not None and stop is not None and start >= stop else stop

"""What the runs of a project are asked for by, whichever client asks."""

from __future__ import annotations

import logging
import operator
import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeVar, cast, overload

from typing_extensions import override

from wandb_runs.errors import (
    BadResponseError,
    DriftError,
    DriftWarning,
    EmptyJoinWarning,
    HistoriesError,
    InvalidArgumentError,
    UnknownMetricWarning,
)
from wandb_runs.errors.suggest import name_runs
from wandb_runs.frames.batches import Batches
from wandb_runs.frames.build import build_pandas, build_polars, build_rows, check_installed
from wandb_runs.frames.histories import Gaps, HistoryPages, collect_histories
from wandb_runs.frames.plan import check_format, check_on_error, plan_histories
from wandb_runs.frames.requests import HistoryRequest, RowsReader
from wandb_runs.frames.schema import conform_pandas, conform_polars, find_text_columns
from wandb_runs.frames.values import (
    KnownRuns,
    build_values,
    fetch_values,
    plan_values,
)
from wandb_runs.graphql._generated import count_runs, list_configs, list_runs, list_summaries
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.raw_response import RawOperation
from wandb_runs.pagination.changes import creation_key, is_by_creation, is_descending
from wandb_runs.pagination.checkpoint import (
    Checkpoint,
    ListingState,
    make_checkpoint,
    read_checkpoint,
)
from wandb_runs.pagination.json_page import read_json_page
from wandb_runs.pagination.listing import Listing, PageStream
from wandb_runs.pagination.page import MAX_PER_PAGE, Page, PageRequest, Selection, read_project_page
from wandb_runs.pagination.paginator import Drift, Source, select_named
from wandb_runs.pagination.progress import check_progress
from wandb_runs.pagination.seen import SeenInOrder, Watermark
from wandb_runs.query.filters import translate_filters
from wandb_runs.query.keys import select_keys
from wandb_runs.query.location import check_name, missing_project
from wandb_runs.query.order import parse_order
from wandb_runs.runs.explain import check_call, explain
from wandb_runs.runs.models import check_models
from wandb_runs.runs.record import to_node
from wandb_runs.runs.run_base import AnyRun, created_text, fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    import polars as pl

    from wandb_runs.frames.batches import AnyBatches
    from wandb_runs.frames.plan import Format, HistoryPlan, Join, OnError, Stream
    from wandb_runs.frames.polars_reader import FrameOrRows
    from wandb_runs.frames.requests import Reader
    from wandb_runs.frames.rows import Row, RunRows
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.query.filters import Filters
    from wandb_runs.query.order import Order
    from wandb_runs.runs.explain import Call, Explanation
    from wandb_runs.runs.models import OnInvalid
    from wandb_runs.runs.record import Node
    from wandb_runs.transport.base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = ["RunsBase", "needed", "of_viewer"]

K = TypeVar("K", bound=str)
T = TypeVar("T")
ContentT = TypeVar("ContentT")
RunT_co = TypeVar("RunT_co", bound="AnyRun", covariant=True)

ClientT_co = TypeVar("ClientT_co", bound="Client[SessionBase]", covariant=True)
RunsT = TypeVar("RunsT", bound="RunsBase[Client[SessionBase], AnyRun]")

# What a listing is told by, when it is copied.
_ASKED_FOR: Final = frozenset(
    {
        "_asked",
        "_client",
        "_entity",
        "_filters",
        "_first",
        "_include_sweeps",
        "_is_strict",
        "_limit",
        "_models",
        "_order",
        "_project",
        "_start",
    }
)

DEFAULT_PER_PAGE: Final = 50

_MOST_RUNS: Final = 100_000_000

# How many frames below whoever calls a warning is given.
_BELOW_A_CALL: Final = 3
_BELOW_A_RUN: Final = 4

_log = logging.getLogger("wandb_runs")


class Found(NamedTuple, Generic[T]):
    """The result of a call, and what it lacks.

    Attributes:
        value: The result.
        gaps: What it lacks.
    """

    value: T
    gaps: Gaps


class RunsBase(ABC, Generic[ClientT_co, RunT_co]):
    """What `Runs` and `AsyncRuns` have in common: all but the sending.

    What takes requests is a flow here, for whichever client there is.

    Args:
        client: What sends the requests.
        entity: The user or team that owns the project.
        project: The project's name.
        filters: As for `Runs`, like the others.
        order: The same.
        per_page: The same.
        include_sweeps: The same.
        config_keys: The same.
        summary_keys: The same.
        limit: The same.
        checkpoint: The same.
        strict: The same.
        config: The same.
        summary: The same.
        on_invalid: The same.
    """

    def __init__(
        self,
        client: ClientT_co,
        entity: str,
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
        config: type[object] | None,
        summary: type[object] | None,
        on_invalid: OnInvalid,
    ) -> None:
        self._client = client
        self._include_sweeps = bool(include_sweeps)
        self._entity: str | None = check_name(entity, "entity")
        self._project = check_name(project, "project")
        self._filters = translate_filters(filters) or "{}"  # as the SDK sends it
        self._order = parse_order(order)
        self._first = min(_check_per_page(per_page), MAX_PER_PAGE)
        self._asked = select_keys(config_keys, summary_keys)
        self._models = check_models(config, summary, on_invalid)
        self._limit = _check_limit(limit)
        self._is_strict = bool(strict)
        self._start = (
            ListingState()
            if checkpoint is None
            else read_checkpoint(checkpoint, self._selection(entity), entity)
        )
        self._reset()

    def _reset(self) -> None:
        """Begin to list, with nothing read."""
        self._listing = self._new_listing()
        self._count: int | None = None
        self._told = Drift()

    def __getstate__(self) -> dict[str, object]:
        """What is asked for, and by whom: a copy reads anew."""
        return {name: value for name, value in vars(self).items() if name in _ASKED_FOR}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Ask for the same."""
        vars(self).update(state)
        self._reset()

    @abstractmethod
    def _make(self, entity: str, nodes: Iterable[Node]) -> list[RunT_co]:
        """Make runs of what came for them."""

    @override
    def __repr__(self) -> str:
        # A traceback may show one whose arguments were refused.
        entity, project = getattr(self, "_entity", None), getattr(self, "_project", "not made")
        return f"<{type(self).__name__} {entity or '(default entity)'}/{project}>"

    @property
    def project(self) -> str:
        """The project's name."""
        return self._project

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
        ids, total = self._listed_ids(), self._counted()
        operation: Operation[object]
        if call == "list":
            operation = list_runs(
                **PageRequest(None, self._first_listed).variables(selection),
                config_keys=self._asked.config,
                summary_keys=self._asked.summary,
            )
            return explain(operation, runs_per_request=self._first_listed, runs=total)
        size = self._first_listed
        if call == "histories":
            plan = plan_histories(
                500 if samples is None else samples,
                keys,
                "_step" if x_axis is None else x_axis,
                "default" if stream is None else stream,
                join="inner" if join is None else join,
            )
            size = min(self._page_of(plan), self._limit or MAX_PER_PAGE)
            request = HistoryRequest(plan, selection, PageRequest(None, size))
            operation = (request.of(ids[:size]) if ids else request).operation
        else:
            named = select_named(selection, ids[:size]) if ids else selection
            page = PageRequest(None, min(size, len(ids)) if ids else size).variables(named)
            asked = plan_values(keys).keys
            operation = (
                list_configs(**page, keys=asked)
                if call == "configs"
                else list_summaries(**page, keys=asked)
            )
        # Where the runs are a part, they are listed first, and then asked for by their ids.
        is_listed_first = self._is_part and ids is None
        explained = explain(
            operation, runs_per_request=size, runs=total, is_listed_first=is_listed_first
        )
        # Of no runs by their ids nothing is asked; any other listing takes a request to know.
        return replace(explained, requests=0) if ids == [] else explained

    # Listing.

    @property
    def _source(self) -> Source[RunT_co]:
        return Source(self._select, self._fetch)

    @property
    def _is_part(self) -> bool:
        """Whether all runs must be listed before anything is asked of them: they are a part."""
        return self._limit is not None or self._start.read > 0 or self._models.skips

    def _has(self, count: int | None) -> bool:
        """Whether so many runs were listed; all for None."""
        listing = self._listing
        return listing.complete or (count is not None and len(listing.items) >= count)

    def _tell_drift(self, drift: Drift, told: Drift, *, stacklevel: int = _BELOW_A_RUN) -> Drift:
        """Say what could not be set right, as soon as it is known, and once.

        Args:
            drift: What is known.
            told: What was said of it before.
            stacklevel: How far above this whoever is told stands.

        Returns:
            What was said by now.

        Raises:
            DriftError: The listing is strict.
        """
        if drift and self._is_strict:
            raise DriftError(drift.late, drift.nulls)
        if drift and drift != told:
            warnings.warn(DriftWarning(drift.late, drift.nulls), stacklevel=stacklevel)
        return drift

    def _counted(self) -> int | None:
        """How many runs there are, if that is known."""
        if self._listing.complete:
            return len(self._listing.items)
        if self._count is None:
            return None
        count = self._count if self._limit is None else min(self._count, self._limit)
        return max(0, count - self._start.read)

    def _page_stream(self) -> PageStream[RunT_co]:
        return PageStream(
            _run_id,
            self._order,
            self._first_listed,
            self._source,
            start=self._start,
            by_key=self._seen_in_order(self._start),
            limit=self._limit,
            is_strict=self._is_strict,
            fits=fits if self._models.skips else None,
        )

    def _fetch(self, selection: Selection, request: PageRequest) -> Flow[Page[RunT_co]]:
        operation = list_runs(
            **request.variables(selection),
            config_keys=self._asked.config,
            summary_keys=self._asked.summary,
        )
        answer = yield from ask(RawOperation.of(operation))
        plain = read_json_page(answer.body, request, date=answer.date)
        entity = selection["entity"]
        if plain is not None:
            return plain.with_items(self._make(entity, plain.items))
        project = answer.read_as(operation).project
        page = read_project_page(project, selection, request, date=answer.date)
        return page.with_items(self._make(entity, map(to_node, page.items)))

    def _checkpoint_at(self, place: int) -> Checkpoint:
        start, listing = self._start, self._listing
        read = listing.read_before(place)
        by_key = self._seen_in_order(start)
        ids: tuple[str, ...] = ()
        if by_key is None:
            ids = (*start.ids, *(run.id for run in read))
        else:
            by_key.add(read)
        return self._write_checkpoint(
            ListingState(
                listing.position_before(place),
                Watermark() if by_key is None else by_key.watermark,
                ids,
                start.read + place,
                listing.began,
            )
        )

    def _write_checkpoint(self, start: ListingState) -> Checkpoint:
        return make_checkpoint(self._selection(self._entity or ""), self._entity, start)

    def _seen_in_order(self, start: ListingState) -> SeenInOrder[RunT_co] | None:
        """What tells the runs that were passed by their instants of creation, in such an order."""
        if not is_by_creation(self._order):
            return None
        return SeenInOrder(
            _run_id, _run_key, descending=is_descending(self._order), watermark=start.watermark
        )

    def _new_listing(self) -> Listing[RunT_co]:
        start, limit = self._start, self._limit
        return Listing(
            _run_id,
            self._order,
            self._first_listed,
            limit=None if limit is None else max(0, limit - start.read),
            position=start.position,
            began=start.began,
            ids=start.ids,
            before=self._seen_in_order(start) if start.read else None,
            is_strict=self._is_strict,
            fits=fits if self._models.skips else None,
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
        return HistoryRequest(plan, selection, PageRequest(None, self._page_of(plan)))

    def _page_of(self, plan: HistoryPlan) -> int:
        most = MAX_PER_PAGE if self._first == DEFAULT_PER_PAGE else self._first
        return min(most, plan.runs_per_request)

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
        stacklevel: int = _BELOW_A_CALL,
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

    def _report(self, gaps: Gaps, *, stacklevel: int = _BELOW_A_CALL) -> None:
        """Say what could not be set right, when the runs changed while they were read.

        Raises:
            DriftError: The listing is strict.
        """
        drift, gone = gaps.drift, gaps.gone
        if not (drift or gone):
            return
        if self._is_strict:
            raise DriftError(drift.late, drift.nulls, gone)
        warnings.warn(DriftWarning(drift.late, drift.nulls, gone), stacklevel=stacklevel)

    def _listed_ids(self) -> list[str] | None:
        """The ids of all runs, where all have been listed."""
        return [run.id for run in self._listing.items] if self._listing.complete else None

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


def of_viewer(runs: RunsT) -> RunsT:
    """Runs whose entity is the viewer's, which is asked for with the first request."""
    runs._entity = None  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the class's own module
    return runs


def _run_id(run: AnyRun) -> str:
    return run.id


def _run_key(run: AnyRun) -> str | None:
    return creation_key(created_text(run))


def needed(wanted: slice) -> int | None:
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

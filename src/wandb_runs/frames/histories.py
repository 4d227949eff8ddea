"""The histories of many runs: several pages at once, divided where the server cannot answer."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar, cast

from wandb_runs.errors import (
    BadResponseError,
    GraphQLError,
    NotFoundError,
    UnknownMetricWarning,
    WandbRunsError,
    is_too_large,
)
from wandb_runs.frames.build import Builder
from wandb_runs.frames.one_run import fetch_node_at_once, missing_warning, suggest_metrics
from wandb_runs.frames.parts import fetch_page_in_parts
from wandb_runs.frames.rows import keys_with_rows
from wandb_runs.graphql.flow import ask, gather
from wandb_runs.graphql.operation import RawOperation
from wandb_runs.pagination.page import Page
from wandb_runs.pagination.paginator import Drift, fetch_ids, list_all_ids
from wandb_runs.pagination.prefetch import AHEAD, Prefetcher
from wandb_runs.pagination.progress import ProgressCounter
from wandb_runs.pagination.sizes import PageSize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import polars as pl

    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.requests import HistoryRequest, Node, PageHistories, Reader
    from wandb_runs.frames.rows import FoundNames, Row, RunRows
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.raw_response import RawResponse
    from wandb_runs.pagination.page import PageRequest, Selection
    from wandb_runs.pagination.progress import OnProgress

__all__ = ["AnyPages", "Gaps", "HistoryPages", "collect_histories"]

T = TypeVar("T")


class Gaps(NamedTuple):
    """What the histories of a call lack.

    Attributes:
        failed: The runs whose history could not be read, each with its error.
        disjoint_runs: Runs with rows of each metric, and no row with those that are joined.
        drift: Runs out of order or missing, since the project changed during the call.
        gone: Runs that were listed before and no longer exist.
        unknown_metrics: The warning of metrics that no run has.
        cut_runs: Runs with more rows than were requested, each with how many its history has.
        x_axis: The x axis of the call.
        origins: Where every row of a run was read from, by the run's id.
        is_exact: Whether every row was asked for, in place of a sample.
    """

    failed: Mapping[str, WandbRunsError]
    disjoint_runs: Sequence[str]
    drift: Drift
    gone: Sequence[str]
    unknown_metrics: UnknownMetricWarning | None = None
    cut_runs: Mapping[str, int] = MappingProxyType({})
    x_axis: str = "_step"
    origins: Mapping[str, str] = MappingProxyType({})
    is_exact: bool = False


class AnyPages(Protocol[T]):
    """Histories of a selection of runs, several runs at a time."""

    @property
    def gaps(self) -> Gaps:
        """What the histories lack so far."""
        ...

    @property
    def selection(self) -> Selection:
        """Which runs they are of."""
        ...

    @property
    def has_runs(self) -> bool:
        """Whether any run has come so far."""
        ...

    def snapshot(self) -> Mapping[str, object]:
        """Where the reading stands, for `restore`."""
        ...

    def restore(self, snapshot: Mapping[str, object]) -> None:
        """Go back to where the reading stood."""
        ...

    def close(self, *, has_rows: bool) -> Flow[Gaps]:
        """The gaps when all has been read."""
        ...

    def next_pages(self) -> Flow[list[PageHistories[T]]]:
        """Fetch the next histories; an empty list at the end."""
        ...


class HistoryPages(Generic[T]):
    """The histories of a selection of runs, requested several pages at once.

    A page that is too much for the server is divided: its runs are listed and requested by id,
    half of them at a time, down to one run. Answers are kept, and a run that fails alone does not
    affect the others. Where the size was the cause, later pages are as small as what succeeded.

    Runs with known ids are requested by id, so that none is missed or repeated while the project
    changes.

    Args:
        request: What to request; its page has the page size.
        reader: Turns answers into rows or frames.
        run_ids: The ids of all runs, in order, if they are known.
        total: The number of runs, if only that is known.
        ahead: How many pages are requested at once.
        progress: The caller's progress callback.
        eager: Whether requests are sent before the answer before them is read: for a caller that
            takes all pages, and goes on after no failure.
    """

    def __init__(
        self,
        request: HistoryRequest,
        reader: Reader[T],
        *,
        run_ids: Sequence[str] | None = None,
        total: int | None = None,
        ahead: int = AHEAD,
        progress: OnProgress | None = None,
        eager: bool = False,
    ) -> None:
        self._request = request
        self._reader = reader
        self._ahead = ahead
        self._counter = ProgressCounter(progress, total if run_ids is None else len(run_ids))
        self._prefetcher: Prefetcher[PageHistories[T]] = Prefetcher(
            request.selection,
            self._fetch_page,
            PageSize.of(request.page.first),
            total=total,
            ahead=ahead,
            done=self._count,
            dropped=lambda page: self._counter.take_back(_count_runs(page)),
            eager=eager,
        )
        self._ids_are_known = run_ids is not None
        # The ids of the runs still to be requested; None while pages are read by cursors.
        self._remaining = None if run_ids is None else list(run_ids)
        self._seen: set[str] = set()
        # Whether many keys are asked for together: until a page shows that it was in vain.
        self._are_together = True
        # The first run that has a history and no row in its answer.
        self._empty_run: str | None = None
        # Which columns no row has had so far, of runs with rows.
        self._names: FoundNames | None = None
        self._failed: dict[str, WandbRunsError] = {}
        self._disjoint_runs: list[str] = []
        self._cut_runs: dict[str, int] = {}
        self._drift: Drift = Drift()
        self._gone: list[str] = []

    @property
    def gaps(self) -> Gaps:
        """What the histories lack so far."""
        return Gaps(
            self._failed,
            self._disjoint_runs,
            self._drift,
            [run_id for run_id in self._gone if run_id not in self._seen],
            cut_runs=self._cut_runs,
            x_axis=self._request.plan.x_axis,
        )

    def snapshot(self) -> Mapping[str, object]:
        """Where the reading stands, for `restore`."""
        remaining = None if self._remaining is None else self._remaining.copy()
        return {
            **vars(self),
            "_counter": copy(self._counter),
            "_remaining": remaining,
            "_seen": self._seen.copy(),
            "_failed": self._failed.copy(),
            "_disjoint_runs": self._disjoint_runs.copy(),
            "_cut_runs": self._cut_runs.copy(),
            "_gone": self._gone.copy(),
            "": self._prefetcher.snapshot(),
        }

    def restore(self, snapshot: Mapping[str, object]) -> None:
        """Go back to where the reading stood, after an interrupt that may have come anywhere."""
        prefetcher = cast("Mapping[str, object]", snapshot[""])
        vars(self).update({name: value for name, value in snapshot.items() if name})
        self._prefetcher.restore(prefetcher)

    @property
    def selection(self) -> Selection:
        """Which runs they are of."""
        return self._request.selection

    @property
    def bytes(self) -> int:
        """Bytes of the answers so far."""
        return self._counter.bytes

    @property
    def total(self) -> int | None:
        """How many runs there are, if that is known."""
        return self._counter.total

    @property
    def has_runs(self) -> bool:
        """Whether any run has come so far."""
        return bool(self._seen or self._failed)

    def close(self, *, has_rows: bool) -> Flow[Gaps]:
        """The gaps when all has been read, where a metric may be misspelt.

        Where there is no row, or none of a key of an outer join, the metrics of one run are looked
        up, of a run that has logged something. The names of machine metrics came with their rows.

        Args:
            has_rows: Whether there is any row.
        """
        plan, run_id = self._request.plan, self._empty_run
        entity, project = self._request.selection["entity"], self._request.selection["project"]
        if self._failed or self._disjoint_runs:
            return self.gaps
        if has_rows or plan.stream == "system":
            found = yield from missing_warning(entity, project, self._names, plan)
            return self.gaps._replace(unknown_metrics=found)
        if run_id is None or plan.keys is None:
            return self.gaps
        unknown = yield from suggest_metrics(entity, project, run_id, (plan.x_axis, *plan.keys))
        warning = UnknownMetricWarning(run_id, unknown) if unknown else None
        return self.gaps._replace(unknown_metrics=warning)

    def next_pages(self) -> Flow[list[PageHistories[T]]]:
        """Fetch the next pages; an empty list at the end.

        Pages that failed are requested again by the next call.
        """
        while self._remaining != []:
            if self._remaining is not None:
                pages = yield from self._fetch_remaining(self._remaining)
            elif self._prefetcher.complete:
                yield from self._find_drift()
                continue
            else:
                pages = yield from self._prefetcher.next_pages()
            histories = [self._without_seen(each) for page in pages for each in page.items]
            if histories:
                return histories
        return []

    def _find_drift(self) -> Flow[None]:
        """Continue with the ids of runs that the pages missed, since the project changed."""
        self._drift, remaining = Drift(nulls=self._prefetcher.nulls), list[str]()
        selection = self._request.selection
        if self._prefetcher.misses(self._seen.__contains__):
            listed = yield from list_all_ids(selection, self._ahead)
            remaining, drift = listed.remaining(selection["order"], self._seen.__contains__)
            self._drift = replace(drift, nulls=max(drift.nulls, self._drift.nulls))
        self._remaining = remaining

    def _fetch_remaining(self, remaining: list[str]) -> Flow[list[Page[PageHistories[T]]]]:
        size = self._prefetcher.size.runs
        parts = [remaining[start : start + size] for start in range(0, len(remaining), size)]
        parts = parts[: self._ahead]
        pages = yield from gather([self._fetch_by_ids(part) for part in parts], self._count)
        del remaining[: sum(map(len, parts))]
        return pages

    def _without_seen(self, page: PageHistories[T]) -> PageHistories[T]:
        """Record the gaps of a page, and leave out runs that an earlier page had."""
        self._failed.update(page.unreadable)
        self._disjoint_runs += page.disjoint_runs
        self._cut_runs.update(page.cut_runs)
        self._gone += (run_id for run_id in page.gone_runs if run_id not in self._gone)
        self._empty_run = self._empty_run or next(iter(page.empty_runs), None)
        for run_id in page.run_ids:
            if run_id not in page.unreadable:
                # It may have failed on a prefetched page that was dropped.
                self._failed.pop(run_id, None)
        fresh = [run_id for run_id in dict.fromkeys(page.run_ids) if run_id not in self._seen]
        for found in map(page.names.get, fresh):
            if found is not None:
                self._names = found if self._names is None else self._names.merged(found)
        self._seen.update(fresh)
        return self._arrange(page, fresh)

    def _arrange(self, page: PageHistories[T], run_ids: list[str]) -> PageHistories[T]:
        if run_ids == list(page.run_ids):
            return page
        content = self._reader.arrange(page.content, run_ids)
        return replace(page, content=content, run_ids=run_ids)

    def _count(self, page: Page[PageHistories[T]]) -> None:
        total = page.total if self._prefetcher.total is None else self._prefetcher.total
        is_last = page.next_cursor is None
        self._counter.add(_count_runs(page), page.size, total=total, is_last=is_last)

    def _fetch_page(self, request: PageRequest) -> Flow[Page[PageHistories[T]]]:
        try:
            return (yield from self._ask(replace(self._request, page=request)))
        except WandbRunsError as error:
            if not _is_divisible(error):
                raise
        listed = yield from fetch_ids(self._request.selection, request)
        # A page of one run is requested again: it may have failed by what else it asked for.
        divided = yield from self._divide(_halves(listed.items) or [listed.items])
        return replace(listed.with_items(divided.items), size=listed.size + divided.size)

    def _fetch_by_ids(self, run_ids: Sequence[str]) -> Flow[Page[PageHistories[T]]]:
        page = yield from self._divide([run_ids])
        found = {run_id for each in page.items for run_id in each.run_ids}
        if self._ids_are_known:
            self._gone += (each for each in run_ids if not (each in found or each in self._failed))
        ordered: list[PageHistories[T]] = []
        for each in page.items:
            own = set(each.run_ids)
            ordered.append(self._arrange(each, [run_id for run_id in run_ids if run_id in own]))
        return replace(page, items=tuple(ordered))

    def _divide(self, parts: list[Sequence[str]]) -> Flow[Page[PageHistories[T]]]:
        """Request runs by id; halve what fails.

        After each failure the server is asked for the ids alone, with all retries. So a temporary
        fault is waited out, a permanent one ends the call, and a run counts as failed only while
        the server answers other requests.
        """
        histories: list[PageHistories[T]] = []
        size = largest = 0
        is_divided = len(parts) > 1
        failed: dict[str, WandbRunsError] = {}
        tried: set[str] = set()
        while parts:
            part = parts.pop()
            if not part:
                continue
            request = self._request.of(part)
            try:
                page = yield from self._ask(request)
            except WandbRunsError as error:
                if not _is_divisible(error):
                    raise
                yield from fetch_ids(request.selection, request.page)
                if len(part) > 1:
                    parts += _halves(part)
                    is_divided = True
                elif part[0] in tried:
                    failed[part[0]] = error
                else:
                    tried.add(part[0])
                    parts.append(part)
            else:
                histories += page.items
                size += page.size
                largest = max(largest, len(part))
                if page.next_cursor is not None:
                    parts.append(_rest_of(part, page))
        self._failed.update(failed)
        if is_divided and not failed:
            self._prefetcher.size = self._prefetcher.size.at_most(largest)
        return Page(tuple(histories), None, size=size)

    def _ask(self, request: HistoryRequest) -> Flow[Page[PageHistories[T]]]:
        gone: Sequence[str] = ()
        are_together = self._are_together and request.plan.together is not None
        if request.plan.first_part is request.plan and not are_together:
            answer = yield from self._send(request)
            if _is_apart(answer, request):
                nodes = yield from _read_nodes(answer, request)
                page = self._reader.read_nodes(nodes, request.plan)
            else:
                page = self._reader.read(answer, request)
        else:
            found = yield from fetch_page_in_parts(
                request, self._fetch_nodes, are_together=are_together
            )
            gone = found.gone
            self._are_together = self._are_together and found.are_together
            page = self._reader.read_nodes(found.page, request.plan)
        if gone:
            page = page.with_items(replace(each, gone_runs=gone) for each in page.items)
        if not request.plan.can_be_disjoint:
            return page
        histories: list[PageHistories[T]] = []
        for each in page.items:
            missing = {run_id: request.plan.columns_without_rows(()) for run_id in each.empty_runs}
            missing.update(each.incomplete_runs)
            if missing:
                disjoint_runs = yield from _find_disjoint_runs(request, missing)
                each = replace(each, disjoint_runs=disjoint_runs)  # noqa: PLW2901 - the same page
            histories.append(each)
        return replace(page, items=tuple(histories))

    def _fetch_nodes(self, request: HistoryRequest) -> Flow[Page[Node]]:
        return (yield from _read_nodes((yield from self._send(request)), request))

    def _send(self, request: HistoryRequest) -> Flow[RawResponse]:
        return (yield from ask(replace(RawOperation.of(request.operation), divisible=True)))


def _read_nodes(answer: RawResponse, request: HistoryRequest) -> Flow[Page[Node]]:
    """Read the runs of an answer, and ask for their histories one by one if it has none.

    Runs that are gone by then are left out, as those are that go before a page is read.
    """
    page = request.read(answer)
    if not _is_apart(answer, request):
        return page
    asked = yield from gather([_fetch_apart(request, node.id) for node in page.items])
    return page.with_items(node for node in asked if node is not None)


def _is_apart(answer: RawResponse, request: HistoryRequest) -> bool:
    """Whether the histories were left out of an answer, since the server does not nest them."""
    return not request.plan.is_exact and f"Run.{request.plan.field}" in answer.left_out


def _fetch_apart(request: HistoryRequest, run_id: str) -> Flow[Node | None]:
    """The history of one run; None if the run is gone."""
    entity, project = request.selection["entity"], request.selection["project"]
    try:
        return (yield from fetch_node_at_once(entity, project, run_id, request.plan))
    except NotFoundError:
        return None


def collect_histories(
    pages: AnyPages[list[RunRows]], plan: HistoryPlan, *, to: Format
) -> Flow[list[Row] | pd.DataFrame | pl.DataFrame]:
    """Build a list or frame of all runs, in order, without keeping the rows of a frame."""
    builder = Builder(plan, to=to)
    while fetched := (yield from pages.next_pages()):
        for page in fetched:
            for run_id, rows in page.content:
                builder.add(run_id, rows)
    return builder.build()


def _find_disjoint_runs(
    request: HistoryRequest, missing: Mapping[str, frozenset[str]]
) -> Flow[list[str]]:
    """The runs that logged metrics in separate rows, of runs that lack columns."""
    each = replace(request.of([*missing]), plan=request.plan.separately)

    def fetch(part: HistoryRequest) -> Flow[Page[Node]]:
        operation = replace(RawOperation.of(part.operation), is_optional=True)
        return (yield from _read_nodes((yield from ask(operation)), part))

    try:
        page = (yield from fetch_page_in_parts(each, fetch)).page
    except WandbRunsError:
        return []  # best effort: only a warning depends on it
    return [
        node.id
        for node in page.items
        if request.plan.is_disjoint(
            missing.get(node.id, frozenset()), keys_with_rows(each.plan, node.sent)
        )
    ]


def _count_runs(page: Page[PageHistories[T]]) -> int:
    return sum(len(each.run_ids) for each in page.items)


def _halves(run_ids: Sequence[str]) -> list[Sequence[str]]:
    """Two halves, the first one last; nothing for a single run."""
    middle = len(run_ids) // 2
    return [run_ids[middle:], run_ids[:middle]] if middle else []


def _rest_of(requested: Sequence[str], page: Page[PageHistories[T]]) -> Sequence[str]:
    """The runs that a server leaves for another page, since its own page size is smaller.

    Raises:
        BadResponseError: It reports another page, and the page holds none of the runs.
    """
    found = {run_id for each in page.items for run_id in each.run_ids}
    if not found & {*requested}:
        raise BadResponseError(
            "the server says that more runs follow, and gives none of them; try again", status=200
        )
    return [run_id for run_id in requested if run_id not in found]


def _is_divisible(error: WandbRunsError) -> bool:
    """Whether half of a page may succeed where the whole failed.

    True for requests that are too large, and for errors beside the data of a page, which concern
    single runs.
    """
    data = error.data if isinstance(error, GraphQLError) else None
    if isinstance(data, dict):
        project = cast("dict[str, object]", data).get("project")
        if not isinstance(project, dict):
            return False
        found = cast("dict[str, object]", project)
        return found.get("runs") is not None or found.get("run") is not None
    return is_too_large(error)

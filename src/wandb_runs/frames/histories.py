"""The histories of many runs: several pages at once, each as large as the server can do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, cast

from wandb_runs.errors import BadResponseError, GraphQLError, WandbRunsError, asked_too_much
from wandb_runs.frames.one_run import find_unknown
from wandb_runs.frames.rows import has_row_of_each
from wandb_runs.graphql.flow import ask, gather
from wandb_runs.graphql.raw_response import RawOperation
from wandb_runs.pagination.page import Page
from wandb_runs.pagination.paginator import Drift, fetch_ids, list_all_ids
from wandb_runs.pagination.prefetch import AHEAD, Prefetcher
from wandb_runs.pagination.progress import ProgressCounter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs.frames.requests import HistoryRequest, PageHistories, Reader
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import PageRequest
    from wandb_runs.pagination.progress import OnProgress

__all__ = ["Gaps", "HistoryPages"]

T = TypeVar("T")


class Gaps(NamedTuple):
    """What histories lack.

    Attributes:
        failed: What went wrong for the runs that could not be had, by their ids.
        apart: The runs that hold all metrics, and never in one row.
        drift: What could not be set right, when runs came or went meanwhile.
        gone: The runs that were listed before, and are not there any more.
        unknown: Where no run has a row: one that was looked at, and the metrics that it lacks,
            with the nearest that it has.
    """

    failed: Mapping[str, WandbRunsError]
    apart: Sequence[str]
    drift: Drift
    gone: Sequence[str]
    unknown: tuple[str, Mapping[str, str | None]] | None = None


class HistoryPages(Generic[T]):
    """Asks for the histories of the selected runs, several pages at once.

    A page that is too much for the server is divided: its runs are listed, and asked for by their
    ids, half of them at a time, down to one run. What had come is not asked for again, and a run
    that cannot be had at all does not lose the others. Where it was the size and not a run that
    was too much, later pages are as small as what worked.

    Runs whose ids are known are asked for by their ids, so that none is missed or comes twice,
    whatever happens to the project meanwhile.

    Args:
        request: What to ask for; its page tells the size of a page.
        reader: What to make of the answers.
        run_ids: The ids of the runs, in order, where all were listed.
        total: How many runs there are, if only that is known.
        progress: Whom to tell how far it is.

    Attributes:
        complete: Whether everything has been asked for.
        failed: What went wrong for the runs that could not be had, by their ids.
        apart: The runs that hold all metrics, and never in one row.
        drift: What could not be set right, when runs came or went meanwhile.
        gone: The runs that were listed before, and are not there any more.
    """

    __slots__ = (
        "_ahead",
        "_bare",
        "_limit",
        "_reader",
        "_request",
        "_seen",
        "_tally",
        "_waiting",
        "_was_listed",
        "apart",
        "drift",
        "failed",
        "gone",
    )

    def __init__(
        self,
        request: HistoryRequest,
        reader: Reader[T],
        *,
        run_ids: Sequence[str] | None = None,
        total: int | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        self._request = request
        self._reader = reader
        self._limit = request.page.first
        self._tally = ProgressCounter(progress, total if run_ids is None else len(run_ids))
        self._ahead: Prefetcher[PageHistories[T]] = Prefetcher(
            request.selection,
            self._fetch_place,
            lambda: self._limit,
            total=total,
            done=self._count,
            dropped=lambda page: self._tally.take_back(_runs_of(page)),
        )
        self._waiting = None if run_ids is None else list(run_ids)
        self._seen: set[str] = set()
        # The first run that has a history, and no row of it came.
        self._bare: str | None = None
        self._was_listed = run_ids is not None
        self.failed: dict[str, WandbRunsError] = {}
        self.apart: list[str] = []
        self.drift: Drift = Drift()
        self.gone: list[str] = []

    @property
    def complete(self) -> bool:
        """Whether everything has been asked for."""
        return self._waiting is not None and not self._waiting

    @property
    def missing(self) -> Gaps:
        """What the histories lack, as far as it is known."""
        return Gaps(self.failed, self.apart, self.drift, self.gone)

    def find_unknown(self) -> Flow[Gaps]:
        """What the histories lack, where no run has a row: perhaps a metric is misspelt.

        A run that has logged something is looked at: of one that has not, nothing can be told.
        """
        request, run_id = self._request, self._bare
        names = (request.plan.x_axis, *(request.plan.keys or ()))
        if run_id is None or request.plan.keys is None or self.failed or self.apart:
            return self.missing
        selection = request.selection
        unknown = yield from find_unknown(selection["entity"], selection["project"], run_id, names)
        return self.missing._replace(unknown=(run_id, unknown) if unknown else None)

    def next_pieces(self) -> Flow[list[PageHistories[T]]]:
        """Ask for more; nothing is left when nothing comes.

        Pages that failed are asked for again by the next call.
        """
        while not self.complete:
            if self._waiting is not None:
                pages = yield from self._named_pages(self._waiting)
            elif self._ahead.complete:
                yield from self._look_for_drift()
                continue
            else:
                pages = yield from self._ahead.next_pages()
            pieces = [self._without_seen(piece) for page in pages for piece in page.items]
            if pieces:
                return pieces
        return []

    def _look_for_drift(self) -> Flow[None]:
        """Go on by the ids of the runs, where runs came or went while pages were read."""
        self.drift, waiting = Drift(nulls=self._ahead.nulls), list[str]()
        selection = self._request.selection
        if self._ahead.misses(self._seen.__contains__):
            listed = yield from list_all_ids(selection)
            waiting, drift = listed.remaining(selection["order"], self._seen.__contains__)
            self.drift = replace(drift, nulls=max(drift.nulls, self.drift.nulls))
        self._waiting = waiting

    def _named_pages(self, waiting: list[str]) -> Flow[list[Page[PageHistories[T]]]]:
        size = self._limit
        parts = [waiting[start : start + size] for start in range(0, len(waiting), size)][:AHEAD]
        pages = yield from gather([self._fetch_named(part) for part in parts], self._count)
        del waiting[: sum(map(len, parts))]
        return pages

    def _without_seen(self, piece: PageHistories[T]) -> PageHistories[T]:
        """Leave out what came before: a run that a new one has pushed onto the next page."""
        self.failed.update(piece.broken)
        self.apart += piece.apart
        self._bare = self._bare or next(iter(piece.bare), None)
        for run_id in piece.run_ids:
            if run_id not in piece.broken:
                # It may have failed on a page that was read for nothing.
                self.failed.pop(run_id, None)
        fresh = [run_id for run_id in dict.fromkeys(piece.run_ids) if run_id not in self._seen]
        self._seen.update(fresh)
        if len(fresh) == len(piece.run_ids):
            return piece
        return replace(piece, content=self._reader.arrange(piece.content, fresh), run_ids=fresh)

    def _count(self, page: Page[PageHistories[T]]) -> None:
        self._tally.add(
            _runs_of(page),
            page.size,
            total=page.total,
            is_last=page.next_cursor is None,
        )

    def _fetch_place(self, request: PageRequest) -> Flow[Page[PageHistories[T]]]:
        try:
            return (yield from self._ask(replace(self._request, page=request)))
        except WandbRunsError as error:
            if not _is_divisible(error):
                raise
        listed = yield from fetch_ids(self._request.selection, request)
        # One run alone may yet be had: its page may have asked for a count, too.
        divided = yield from self._divide(_halves(listed.items) or [listed.items])
        return replace(listed.with_items(divided.items), size=listed.size + divided.size)

    def _fetch_named(self, run_ids: Sequence[str]) -> Flow[Page[PageHistories[T]]]:
        page = yield from self._divide([run_ids])
        if self._was_listed:
            came = {run_id for piece in page.items for run_id in piece.run_ids}
            self.gone += (each for each in run_ids if each not in came and each not in self.failed)
        pieces = tuple(self._arranged(piece, run_ids) for piece in page.items)
        return replace(page, items=pieces)

    def _arranged(self, piece: PageHistories[T], run_ids: Sequence[str]) -> PageHistories[T]:
        came = set(piece.run_ids)
        order = [run_id for run_id in run_ids if run_id in came]
        if order == list(piece.run_ids):
            return piece
        return replace(piece, content=self._reader.arrange(piece.content, order), run_ids=order)

    def _divide(self, waiting: list[Sequence[str]]) -> Flow[Page[PageHistories[T]]]:
        """Ask for runs by their ids, and for half of those that are too much at once.

        Whenever that happens, the server is first asked for the ids alone: patiently, as for
        anything else. So a fault that passes is waited for, one that lasts ends the call, and
        only a run that fails while the server is well is given up.
        """
        pieces: list[PageHistories[T]] = []
        size = largest = 0
        is_divided = len(waiting) > 1
        failed: dict[str, WandbRunsError] = {}
        tried: set[str] = set()
        while waiting:
            part = waiting.pop()
            if not part:
                continue
            try:
                page = yield from self._ask(self._request.of(part))
            except WandbRunsError as error:
                if not _is_divisible(error):
                    raise
                named = self._request.of(part)
                yield from fetch_ids(named.selection, named.page)
                if len(part) > 1:
                    waiting += _halves(part)
                    is_divided = True
                elif part[0] in tried:
                    failed[part[0]] = error
                else:
                    tried.add(part[0])
                    waiting.append(part)
            else:
                pieces += page.items
                size += page.size
                largest = max(largest, len(part))
                if page.next_cursor is not None:
                    waiting.append(_rest_of(part, page))
        self.failed.update(failed)
        if is_divided and not failed:
            self._limit = min(self._limit, largest)
        return Page(tuple(pieces), None, size=size)

    def _ask(self, request: HistoryRequest) -> Flow[Page[PageHistories[T]]]:
        operation = replace(RawOperation.of(request.operation), divisible=True)
        page = self._reader.read((yield from ask(operation)), request)
        if not request.plan.can_miss:
            return page
        pieces: list[PageHistories[T]] = []
        for piece in page.items:
            apart = (yield from self._find_apart(request.of(piece.bare))) if piece.bare else []
            pieces.append(replace(piece, apart=apart))
        return replace(page, items=tuple(pieces))

    def _find_apart(self, request: HistoryRequest) -> Flow[list[str]]:
        """Find the runs of which each metric has rows, though no row has all."""
        each = replace(request, plan=replace(request.plan, samples=1, join="outer"))
        operation = replace(RawOperation.of(each.operation), is_optional=True)
        try:
            page = each.read((yield from ask(operation)))
        except WandbRunsError:
            return []  # a warning the less; the histories are here
        specs = len(each.plan.specs)
        return [node.id for node in page.items if has_row_of_each(node.sent, specs)]


def _runs_of(page: Page[PageHistories[T]]) -> int:
    return sum(len(piece.run_ids) for piece in page.items)


def _halves(run_ids: Sequence[str]) -> list[Sequence[str]]:
    """Two halves, to be taken from the end; nothing of what cannot be divided."""
    middle = len(run_ids) // 2
    return [run_ids[middle:], run_ids[:middle]] if middle else []


def _rest_of(asked: Sequence[str], page: Page[PageHistories[T]]) -> Sequence[str]:
    """The runs that a server keeps for another page, since it gives fewer at once.

    Raises:
        BadResponseError: It says that there are more, and gives none.
    """
    came = {run_id for piece in page.items for run_id in piece.run_ids}
    if not came & {*asked}:
        raise BadResponseError(
            "the server says that more runs follow, and gives none of them; try again", status=200
        )
    return [run_id for run_id in asked if run_id not in came]


def _is_divisible(error: WandbRunsError) -> bool:
    """Whether half of a page may work where the whole did not.

    Beside what is too much: errors of the server's with the rest of the page beside them, which
    are about single runs.
    """
    data = error.data if isinstance(error, GraphQLError) else None
    if isinstance(data, dict):
        project = cast("dict[str, object]", data).get("project")
        return (
            isinstance(project, dict) and cast("dict[str, object]", project).get("runs") is not None
        )
    return asked_too_much(error)

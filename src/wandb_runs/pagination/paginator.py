"""`Paginator`: follows the pages of a listing, and loses no run while runs come, go and move.

W&B pages by offset: a run that is deleted before the current position pulls another one over it,
unread, and one that is created there pushes another onto the next page, to be read again
(wandb/wandb#6614, #7666). So each page is asked for with the run before it, the last one that was
read. As long as that one is where it was, and runs keep their places to each other, all runs before
it have been read; elsewhere the paginator steps back until it sees a run that it knows.

In an order by creation, a page that does not follow is the last one that is asked for by offset: a
filter selects the runs behind the last one that was read, before which none comes or goes. The
server is tried first; what it refuses, or answers oddly, is done by stepping back.

In an order by something that changes, a metric say, a run may also jump over the current position.
The pages of such an order bring along which runs have logged since the listing began: where one was
not seen, or stood at the edge of a page, the ids of all runs are listed by creation in the end, and
what is missing comes last. No I/O.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from wandb_runs.errors import (
    AuthenticationError,
    BadResponseError,
    DriftError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    WandbRunsError,
    is_too_large,
)
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql._generated import list_run_ids
from wandb_runs.pagination.changes import (
    ChangeTracker,
    both,
    creation_key,
    is_by_creation,
    is_descending,
    is_steady,
    name_filter,
    present_filter,
)
from wandb_runs.pagination.cursors import CursorGuard, cursor_after, offset_of
from wandb_runs.pagination.keyset import behind_filter, opposite
from wandb_runs.pagination.page import MAX_PER_PAGE, Overlap, Page, PageRequest, fetch_page
from wandb_runs.pagination.read_ahead import Answer, ReadAhead, expected_after
from wandb_runs.pagination.seen import SeenIds, SeenInOrder
from wandb_runs.pagination.sizes import PageSize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.keyset import Sample
    from wandb_runs.pagination.page import Selection
    from wandb_runs.pagination.seen import Seen

__all__ = [
    "Drift",
    "Ids",
    "Paginator",
    "Position",
    "Source",
    "fetch_ids",
    "fetch_named",
    "fetch_named_page",
    "list_all_ids",
    "select_named",
    "source_of",
]

T = TypeVar("T")

_STEADY: Final = "+created_at"

_MOST_STEPS: Final = 20
"""How often it steps back without finding anything new; each time twice as far."""

_BEFORE_AHEAD: Final = 2
"""How many pages are read one by one at first: a caller may want no more."""

_BEFORE_AHEAD_AGAIN: Final = 3
"""How many are to follow each other where one did not: others would likely be read for nothing."""

_ONE_BY_ONE: Final = PageSize(1, grows=False, least=1)

_MOST_REFUSALS: Final = 3
"""How often a filter by the watermark is tried, and fails."""


class Source(NamedTuple, Generic[T]):
    """Where the pages come from.

    Attributes:
        select: Tells which runs are listed.
        fetch: Reads one page of a selection.
        width: How many pages may be requested at once.
    """

    select: Callable[[], Flow[Selection]]
    fetch: Callable[[Selection, PageRequest], Flow[Page[T]]]
    width: int = 1


def source_of(
    selection: Selection,
    fetch: Callable[[Selection, PageRequest], Flow[Page[T]]],
    width: int,
) -> Source[T]:
    """Return the pages of a selection that is known from the start."""

    def select() -> Flow[Selection]:
        yield from ()
        return selection

    return Source(select, fetch, width)


class Position(NamedTuple):
    """The place between two pages.

    Attributes:
        after: The cursor after which the next page starts; None at the start.
        overlap: Where the run before it stands, if that is known.
        last: The id of that run; None where it came as null.
        by_key: Whether to continue behind the watermark instead, by a filter. The rest is then
            where to step back from, if that is refused: at or before the watermark.
    """

    after: str | None = None
    overlap: Overlap | None = None
    last: str | None = None
    by_key: bool = False


_START: Final = Position()


@dataclass(frozen=True, slots=True, repr=False)
class Drift(FieldsRepr):
    """What a listing could not set right.

    Attributes:
        late: The runs that came after all others, out of their order.
        nulls: How many runs the server gave as null.
    """

    late: tuple[str, ...] = ()
    nulls: int = 0

    def __bool__(self) -> bool:
        return bool(self.late or self.nulls)


class _View(NamedTuple):
    """The part of a listing behind a watermark, in an order by creation.

    Attributes:
        condition: The filter that selects it.
        before: Where the listing stood among all runs.
        read: How many runs were read since.
    """

    condition: str
    before: Position
    read: int = 0


class _State(NamedTuple, Generic[T]):
    """Where a paginator stands: replaced as a whole, so that no interrupt leaves it half changed.

    Attributes:
        offset: Where the next page starts, among the runs of the view or among all.
        page: What the last page brought.
        turn: Stands for that page, also when its runs are held no more.
        drift: What could not be set right, as far as it is known.
        is_at_end: Whether the last page was read.
        complete: Whether there is nothing more to read.
        steps: How often it stepped back without finding anything new.
        has_gap_before: Whether the run before the position was not read.
        is_within: Whether runs behind the position may have been read.
        view: The part of the listing that is read; None for all of it.
        wants_view: Whether to go on behind the watermark.
        sample: Runs to try the filter on.
        expected: The ids of unread runs that stand behind the watermark, unless they were deleted.
        is_tried: Whether the server selects by a watermark as it should.
        refusals: How often it did not.
        position: Where another listing continues.
        size: How many runs the next page asks for.
        hold: How many pages are to follow each other before any is read ahead.
    """

    offset: Position
    page: list[T]
    turn: object
    drift: Drift = Drift()
    is_at_end: bool = False
    complete: bool = False
    steps: int = 0
    has_gap_before: bool = False
    is_within: bool = False
    view: _View | None = None
    wants_view: bool = False
    sample: Sample | None = None
    expected: frozenset[str] = frozenset()
    is_tried: bool = False
    refusals: int = 0
    position: Position = Position()
    size: PageSize = _ONE_BY_ONE
    hold: int = _BEFORE_AHEAD

    def at(self, offset: Position) -> _State[T]:
        """The same at another offset."""
        view = self.view
        # A new object each time, by which a listing tells that it went on.
        position = offset if view is None else view.before._replace(by_key=True)
        return self._replace(offset=offset, position=position)

    def jump_to(self, offset: Position, *, steps: int) -> _State[T]:
        """The same at an offset that does not follow what was read."""
        jumped = self._replace(
            steps=steps, has_gap_before=False, is_within=True, hold=_BEFORE_AHEAD_AGAIN
        )
        return jumped.at(offset)


class Paginator(Generic[T]):
    """Reads the pages of a listing, one after another.

    An interrupt at any instruction loses no page: either it was not read, or it is the `page`.

    It holds no reference to its owner, so that what it has read is freed with the owner, and
    not when the garbage collector next looks for cycles.

    Args:
        identify: An item's id.
        order: The order, as it is sent.
        size: How many runs the first page holds.
        seen: Remembers which runs were read.
        position: Where to begin.
        began: When the listing began, by the server's clock, if it did before.
        is_strict: Whether a drift that cannot be set right is an error.

    Attributes:
        seen: Which runs were read.
    """

    def __init__(
        self,
        identify: Callable[[T], str],
        order: str,
        size: PageSize,
        seen: Seen[T],
        *,
        position: Position = _START,
        began: datetime | None = None,
        is_strict: bool = False,
    ) -> None:
        self._identify = identify
        self._is_strict = is_strict
        self._changes = ChangeTracker(order, began)
        self.seen: Seen[T] = seen
        self._order = order
        self._state: _State[T] = _State(
            position._replace(by_key=False),
            [],
            object(),
            is_within=position.after is not None,
            wants_view=position.by_key,
            # A checkpoint behind a watermark comes from a listing that has tried the filter.
            is_tried=position.by_key,
            position=position,
            size=size,
        )
        self._ahead: ReadAhead[T] = ReadAhead()
        # The turn whose runs are known to have been seen.
        self._noted = self._state.turn
        self._includes_overlap = True
        self._guard = CursorGuard()

    @property
    def began(self) -> datetime | None:
        """When the listing began, by the server's clock; None before it has."""
        return self._changes.began

    @property
    def position(self) -> Position:
        """Where the next page starts."""
        return self._state.position

    @property
    def complete(self) -> bool:
        """Whether there is nothing more to read."""
        return self._state.complete

    @property
    def drift(self) -> Drift:
        """What could not be set right, as far as it is known."""
        return self._state.drift

    @property
    def page(self) -> tuple[object, list[T]]:
        """What the last page brought, and before that a value that stands for the page.

        A caller that takes pages remembers that value: where it is another one, it has not taken
        this page. It may have been interrupted before it could.
        """
        state = self._state
        if self._noted is not state.turn:
            self.seen.add(state.page)
            self._noted = state.turn
        return state.turn, state.page

    def release(self) -> None:
        """Hold the runs of the last page no more, which the caller has taken."""
        if self._noted is self._state.turn:
            self._state = self._state._replace(page=[])

    def next_page(
        self, source: Source[T], *, left: int | None = None, wanted: int | None = None
    ) -> Flow[list[T] | None]:
        """Read the next page that holds anything new; None after the last one.

        A page that failed is asked for again by the next call.

        Args:
            source: Where the pages come from.
            left: The most items that the caller can use; None if that is not known.
            wanted: How many items the caller may ask for; no page behind them is read ahead. None
                for all that there are.

        Raises:
            BadResponseError: The server's cursors lead nowhere.
            DriftError: Something could not be set right, and the listing is strict.
        """
        while not self._state.is_at_end:
            _ = self.page  # what was read has been seen
            selection = yield from source.select()
            if self._state.wants_view:
                yield from self._open_view(selection, source)
            state = self._state
            request = self._request(selection, left)
            most = 0 if state.hold else source.width - 1
            behind = partial(
                expected_after, request, state.size, most=most, items=wanted, left=left
            )
            answer = yield from self._fetch(selection, source, request, behind)
            if answer is None or self._state.offset is not state.offset:
                continue  # by another request; or a signal handler has read on meanwhile
            request, page = answer
            if _is_capped_to_the_overlap(page, request):
                self._includes_overlap = False
                continue
            follows = page.overlap == (state.offset.last,)
            # Behind a checkpoint within a page, and a step back, there are runs that were passed.
            fresh = self.seen.fresh(page.items, is_aligned=follows and not state.is_within)
            is_aligned = follows or request.overlap is None
            is_connected = is_aligned or self._is_connected(page, fresh)
            if not is_aligned and not _is_gap(page):
                self._want_view(page, is_taken=is_connected)
            if not is_connected:
                self._step_back()
                continue
            # It may hold nothing new, where many runs were created, and so may the next one.
            is_new = bool(fresh)
            self._guard.check(page.next_cursor, is_empty=page.is_empty, is_new=is_new)
            self._changes.note(page, asked=request.moved is not None, is_aligned=is_aligned)
            self._take(page, fresh, is_within=state.is_within or not follows, follows=is_aligned)
            self._guard.note(page.next_cursor, is_empty=page.is_empty, is_new=is_new)
            if fresh:
                return self.page[1]
        if self.complete:
            return None
        late = yield from self._find_late(source)
        return late or None

    def _request(self, selection: Selection, left: int | None) -> PageRequest:
        state = self._state
        runs = state.size.runs
        if state.size.grows and left is not None:
            runs = state.size.at_most(left).runs
        return PageRequest(
            state.offset.after,
            runs,
            overlap=state.offset.overlap,
            includes_overlap=(
                self._includes_overlap and runs < MAX_PER_PAGE and not state.has_gap_before
            ),
            moved=self._changes.asks(selection["filters"]),
            is_divisible=state.size.is_divisible,
        )

    def _is_connected(self, page: Page[T], fresh: Sequence[T]) -> bool:
        """Whether no run was skipped that was there all the time.

        In a steady order, all that stand before a run that was passed have been passed as well.
        """
        before = page.overlap[0] if page.overlap else None
        return (
            not self._changes.is_steady
            or page.overlap == (None,)  # a run that came as null, and is reported
            or _is_gap(page)
            or len(fresh) < len(page.items)
            or (before is not None and self.seen.knows(before))
        )

    def _step_back(self) -> None:
        steps = self._state.steps + 1
        if steps > _MOST_STEPS:
            raise BadResponseError(
                "the server gives the runs in another order with each page; order them by "
                "'created_at', or try again when the project is at rest",
                status=200,
            )
        offset = _offset_after(self._state.offset)
        # Where cursors do not count runs, there is one place to go back to.
        start = 0 if offset is None else max(0, offset - self._state.size.runs * 2 ** (steps - 1))
        self._guard.forget()
        self._state = self._state.jump_to(_position_at(start), steps=steps)

    # In an order by creation: going on behind the watermark.

    def _want_view(self, page: Page[T], *, is_taken: bool) -> None:
        """Note that a page does not follow, and runs by which the filter can be tried."""
        seen = self.seen.in_order()
        if seen is None or self._state.refusals >= _MOST_REFUSALS:
            return
        ends = () if is_taken else (*page.items[:1], *page.items[-1:])
        self._state = self._state._replace(
            wants_view=True,
            sample=seen.sample(page.items),
            expected=frozenset(map(self._identify, ends)),
        )

    def _open_view(self, selection: Selection, source: Source[T]) -> Flow[None]:
        """Go on behind the watermark, if the server can be relied on for that."""
        state, seen = self._state, self.seen.in_order()
        condition = None
        # Where a run that came as null stands, no filter tells.
        if seen is not None and seen.is_sorted and not state.drift.nulls:
            condition = behind_filter(seen.watermark, self._order)
        view = state.view
        if condition is None or (view is not None and view.condition == condition):
            self._state = state._replace(wants_view=False)
            return
        if not state.is_tried:
            is_right = yield from self._try_filter(selection, source)
            if self._state is not state:
                return  # a signal handler has read on meanwhile
            if not is_right:
                self._state = state._replace(wants_view=False, refusals=state.refusals + 1)
                return
        opened = (
            _View(condition, state.offset) if view is None else view._replace(condition=condition)
        )
        self._guard.forget()
        state = state._replace(view=opened, wants_view=False, is_tried=True)
        self._state = state.jump_to(Position(), steps=0)

    def _try_filter(self, selection: Selection, source: Source[T]) -> Flow[bool]:
        """Whether the server selects by the instant of creation as it sorts by it.

        One request: for runs that were just read, by a filter of their instants, and for the run
        at the other end. Runs without an instant are at either end, and no filter finds them.
        """
        seen, sample = self.seen.in_order(), self._state.sample
        if seen is None or sample is None:
            return False
        reverse = selection.copy()
        reverse["order"] = opposite(self._order)
        request = PageRequest(None, 1, moved=both(selection["filters"], sample.filter))
        try:
            page = yield from source.fetch(reverse, request)
        except ResponseError as error:
            if not _is_refusal(error):
                raise
            return False
        return not page.nulls and seen.tells(page.items) and sample.is_selected(page.moved)

    def _fetch(
        self,
        selection: Selection,
        source: Source[T],
        request: PageRequest,
        behind: Callable[[], Sequence[PageRequest]],
    ) -> Flow[Answer[T] | None]:
        """Fetch a page, or fewer runs of it; None where another request is due."""
        state = self._state
        if state.hold:
            self._ahead.drop()  # what was read ahead of a page that did not follow
        try:
            if state.view is not None:
                return (yield from self._fetch_of_view(selection, source, request, behind))
            return (yield from self._ahead.read(partial(source.fetch, selection), request, behind))
        except WandbRunsError as error:
            size = state.size.after_failure(error)
            if size is None:
                raise
            if self._state is state:
                self._state = state._replace(size=size)
            return None

    def _fetch_of_view(
        self,
        selection: Selection,
        source: Source[T],
        request: PageRequest,
        behind: Callable[[], Sequence[PageRequest]],
    ) -> Flow[Answer[T] | None]:
        """Fetch a page of the view; None where that showed that it cannot be relied on."""
        state, view = self._state, self._state.view
        if view is None:
            return None
        part = selection.copy()
        part["filters"] = both(selection["filters"], view.condition)
        try:
            answer = yield from self._ahead.read(partial(source.fetch, part), request, behind)
        except ResponseError as error:
            is_halved = request.is_divisible and is_too_large(error)
            if is_halved or not _is_refusal(error):
                raise
            self._close_view(state, view, refusals=1)
            return None
        if self._state is not state:
            return None  # a signal handler has read on meanwhile
        page = answer.page
        seen = self.seen.in_order()
        if request.overlap is None and (seen is None or not seen.admits(page.items)):
            self._close_view(state, view, refusals=_MOST_REFUSALS)
            return None
        if state.expected:
            expected = state.expected - frozenset(map(self._identify, page.items))
            if expected and page.next_cursor is None:
                # Deleted meanwhile, or not selected though they stand behind.
                self._close_view(state, view, refusals=1)
                return None
            self._state = state._replace(expected=expected)
        return answer

    def _close_view(self, state: _State[T], view: _View, *, refusals: int) -> None:
        """Go on by offset, from where the next run is if none has come or gone."""
        if self._state is not state:
            return
        offset = _offset_after(view.before)
        self._guard.forget()
        state = state._replace(
            view=None,
            wants_view=False,
            expected=frozenset[str](),
            is_tried=False,
            refusals=state.refusals + refusals,
        )
        place = view.before if offset is None else _position_at(offset + view.read)
        self._state = state.jump_to(place, steps=0)

    def _take(self, page: Page[T], fresh: list[T], *, is_within: bool, follows: bool) -> None:
        state = self._state
        hold = max(0, state.hold - 1) if follows else _BEFORE_AHEAD_AGAIN
        state = state._replace(hold=hold, size=state.size.after(page))
        offset = state.offset
        nulls = page.nulls + (page.overlap == (None,) and offset.last is not None)
        if nulls:
            state = state._replace(drift=replace(state.drift, nulls=state.drift.nulls + nulls))
        state = state._replace(is_within=is_within)
        if fresh:
            state = state._replace(page=fresh, turn=object(), steps=0, is_within=False)
        if fresh and (view := state.view) is not None:
            counted = view._replace(read=view.read + len(fresh))
            state = state._replace(view=counted, wants_view=True)
        if page.next_cursor is None:
            complete = not (state.drift.nulls or self._suspects_after(fresh))
            self._state = state._replace(is_at_end=True, complete=complete)
            return
        # Behind an empty page, the last run is not the one before the next page.
        has_gap = not page.items and not page.nulls
        if has_gap:
            offset = offset._replace(after=page.next_cursor)
        else:
            offset = Position(page.next_cursor, page.next_overlap, page.last)
        self._state = state._replace(has_gap_before=has_gap).at(offset)

    def _suspects_after(self, fresh: Sequence[T]) -> bool:
        """Whether a run may be missing, when these have been read."""
        ids = frozenset(map(self._identify, fresh))
        return self._changes.suspects(lambda run_id: run_id in ids or self.seen.knows(run_id))

    def _find_late(self, source: Source[T]) -> Flow[list[T]]:
        """Find the runs that have jumped over the current position."""
        _ = self.page  # what was read has been seen
        late: list[T] = []
        drift = self.drift
        if self.began is not None and self._changes.suspects(self.seen.knows):
            selection = yield from source.select()
            present = selection.copy()
            present["filters"] = present_filter(selection["filters"], self.began)
            present["order"] = _STEADY
            listed = yield from _list_present(present, selection["filters"], source.width)
            # A run that is null here is likely one that was null before.
            drift = replace(drift, nulls=max(drift.nulls, listed.drift.nulls))
            missing = [run_id for run_id in listed.ids if not self.seen.knows(run_id)]
            size = self._state.size.runs
            for start in range(0, len(missing), size):
                part = missing[start : start + size]
                late += yield from fetch_named(selection, part, source.fetch, self._identify)
        drift = replace(drift, late=tuple(map(self._identify, late)))
        if self._is_strict and drift:
            self._state = self._state._replace(drift=drift)
            raise DriftError(drift.late, drift.nulls)
        state = self._state._replace(drift=drift, complete=True)
        self._state = state._replace(page=late, turn=object()) if late else state
        return self.page[1] if late else late


def _list_present(present: Selection, filters: str, width: int) -> Flow[Ids]:
    """The ids of the runs that were there when a listing began, or of all where none can tell."""
    try:
        return (yield from list_all_ids(present, width))
    except ResponseError as error:
        if not _is_refusal(error):
            raise
    everything = present.copy()
    everything["filters"] = filters
    return (yield from list_all_ids(everything, width))


def _offset_after(position: Position) -> int | None:
    """How many runs stand before a position; None where cursors do not count runs."""
    if position.after is None:
        return 0
    offset = offset_of(position.after)
    return None if offset is None else offset + 1


def _position_at(start: int) -> Position:
    """An offset at which the run before is not known."""
    if not start:
        return Position(None, None, "")
    before = cursor_after(start - 2) if start > 1 else None
    return Position(cursor_after(start - 1), Overlap(before), "")


def _is_gap(page: Page[object]) -> bool:
    """Whether a page holds nothing and more is to follow: the page behind it is checked as well."""
    is_empty = not page.items and not page.nulls and not page.overlap
    return is_empty and page.next_cursor is not None


def _is_refusal(error: ResponseError) -> bool:
    """Whether another request may succeed where this one failed."""
    return not isinstance(error, AuthenticationError | PermissionDeniedError | RateLimitError)


def select_named(selection: Selection, run_ids: Sequence[str]) -> Selection:
    """These runs of a selection alone."""
    named = selection.copy()
    named["filters"] = both(selection["filters"], name_filter(run_ids))
    return named


def fetch_named(
    selection: Selection,
    run_ids: Sequence[str],
    fetch: Callable[[Selection, PageRequest], Flow[Page[T]]],
    identify: Callable[[T], str],
) -> Flow[list[T]]:
    """Read runs by their ids, in this order, even from a server that gives fewer at once.

    Those that are gone, or that the selection has no more, are left out.
    """
    found: list[T] = []
    waiting = list(run_ids)
    while waiting:
        named = select_named(selection, waiting)
        page = yield from fetch(named, PageRequest(None, len(waiting)))
        came = {identify(item): item for item in page.items}
        found += [came[run_id] for run_id in waiting if run_id in came]
        if page.next_cursor is None or came.keys().isdisjoint(waiting):
            break
        waiting = [run_id for run_id in waiting if run_id not in came]
    return found


def fetch_named_page(
    selection: Selection,
    run_ids: Sequence[str],
    fetch: Callable[[Selection, PageRequest], Flow[Page[T]]],
    identify: Callable[[T], str],
) -> Flow[Page[T]]:
    """Read runs as `fetch_named` does, as one page of the size of all answers."""
    size = 0

    def fetch_measured(selection: Selection, request: PageRequest) -> Flow[Page[T]]:
        nonlocal size
        page = yield from fetch(selection, request)
        size += page.size
        return page

    found = yield from fetch_named(selection, run_ids, fetch_measured, identify)
    return Page(tuple(found), None, size=size)


class Ids(NamedTuple):
    """The ids of all runs of a selection.

    Attributes:
        ids: The ids, in order.
        drift: What could not be set right.
    """

    ids: list[str]
    drift: Drift

    def remaining(self, order: str, knows: Callable[[str], bool]) -> tuple[list[str], Drift]:
        """Which runs are still to be read, and which of them are out of their order by then.

        In an order by creation, new runs are all at one end: where that is the beginning, they are
        left out. So are, in one by name, those before the last one that was read.

        Args:
            order: The order, as it is sent.
            knows: Whether a run was read.
        """
        indices = [index for index, each in enumerate(self.ids) if knows(each)]
        if is_by_creation(order):
            # The last place of one that was read says nothing: a run that is deleted and logged
            # again stands behind others that were not read.
            start = min(indices, default=0) if is_descending(order) else 0
            return [each for each in self.ids[start:] if not knows(each)], self.drift
        end = 1 + max(indices, default=-1)
        behind = [each for each in self.ids[end:] if not knows(each)]
        if is_steady(order):
            return behind, self.drift
        before = [each for each in self.ids[:end] if not knows(each)]
        late = [*before, *(each for each in self.drift.late if each not in before)]
        return [*behind, *before], replace(self.drift, late=tuple(late))


def list_all_ids(selection: Selection, width: int) -> Flow[Ids]:
    """The ids of all runs of a selection, in order, none of them missing.

    Args:
        selection: The runs.
        width: How many pages may be requested at once.

    Raises:
        NotFoundError: No such project, or the key may not see it.
    """
    order = selection["order"]
    tracker: SeenInOrder[_Created] | None = None
    if is_by_creation(order):
        tracker = SeenInOrder(_id_of, _key_of, descending=is_descending(order))
    seen: SeenIds[_Created] = SeenIds(_id_of, tracker=tracker)
    paginator = Paginator(_id_of, order, PageSize.of(MAX_PER_PAGE), seen)
    source = source_of(selection, _fetch_created, width)
    while (yield from paginator.next_page(source)) is not None:
        pass
    return Ids([*seen.items], paginator.drift)


class _Created(NamedTuple):
    """An id, and the instant of creation as the server writes it."""

    run_id: str
    created_at: object


_id_of: Callable[[_Created], str] = operator.attrgetter("run_id")


def _key_of(run: _Created) -> str | None:
    return creation_key(run.created_at)


def _fetch_created(selection: Selection, request: PageRequest) -> Flow[Page[_Created]]:
    operation = list_run_ids(**request.variables(selection))
    page = yield from fetch_page(operation, selection, request)
    return page.with_items(_Created(str(node["id"]), node.get("createdAt")) for node in page.items)


def fetch_ids(selection: Selection, request: PageRequest) -> Flow[Page[str]]:
    """Read one page of ids.

    Raises:
        NotFoundError: No such project, or the key may not see it.
        BadResponseError: As `read_page` does.
    """
    page = yield from _fetch_created(selection, request)
    return page.with_items(map(_id_of, page.items))


def _is_capped_to_the_overlap(page: Page[T], request: PageRequest) -> bool:
    """Whether a server that gives one run at a time gives the one that is known already."""
    return request.widens and page.next_cursor is not None and page.next_cursor == request.after

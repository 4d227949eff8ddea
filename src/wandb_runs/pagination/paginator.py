"""`Paginator`: follows the pages of a listing, and loses no run while runs come, go and move.

W&B pages by offset: a run that is deleted before the current position pulls another one over it,
unread, and one that is created there pushes another onto the next page, to be read again
(wandb/wandb#6614, #7666). So each page is asked for with the run before it, the last one that was
read. As long as that one is where it was, and runs keep their places to each other, all runs before
it have been read; elsewhere the paginator steps back until it sees a run that it knows.

In an order by creation that is all there is to it. In an order by something that changes, a metric
say, a run may also jump over the current position. The pages of such an order bring along which
runs have logged since the listing began: where one was not seen, or stood at the edge of a page,
the ids of all runs are listed by creation in the end, and what is missing comes last. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from wandb_runs.errors import BadResponseError, DriftError
from wandb_runs.graphql._generated import list_run_ids
from wandb_runs.pagination.changes import (
    ChangeTracker,
    both,
    is_by_creation,
    is_descending,
    is_steady,
    name_filter,
    present_filter,
)
from wandb_runs.pagination.cursors import CursorGuard, cursor_after, offset_of
from wandb_runs.pagination.page import MAX_PER_PAGE, Overlap, Page, PageRequest, fetch_page
from wandb_runs.pagination.seen import SeenIds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from wandb_runs.graphql.flow import Flow
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
    "list_all_ids",
    "select_named",
    "source_of",
]

T = TypeVar("T")

_STEADY: Final = "+created_at"

_MOST_STEPS: Final = 20
"""How often it steps back without finding anything new; each time twice as far."""


class Source(NamedTuple, Generic[T]):
    """Where the pages come from.

    Attributes:
        select: Tells which runs are listed.
        fetch: Reads one page of a selection.
    """

    select: Callable[[], Flow[Selection]]
    fetch: Callable[[Selection, PageRequest], Flow[Page[T]]]


def source_of(
    selection: Selection, fetch: Callable[[Selection, PageRequest], Flow[Page[T]]]
) -> Source[T]:
    """Return the pages of a selection that is known from the start."""

    def select() -> Flow[Selection]:
        yield from ()
        return selection

    return Source(select, fetch)


class Position(NamedTuple):
    """The place between two pages.

    Attributes:
        after: The cursor after which the next page starts; None at the start.
        overlap: Where the run before it stands, if that is known.
        last: The id of that run; None where it came as null.
    """

    after: str | None = None
    overlap: Overlap | None = None
    last: str | None = None


_START: Final = Position()


@dataclass(frozen=True, slots=True)
class Drift:
    """What a listing could not set right.

    Attributes:
        late: The runs that came after all others, out of their order.
        nulls: How many runs the server gave as null.
    """

    late: tuple[str, ...] = ()
    nulls: int = 0

    def __bool__(self) -> bool:
        return bool(self.late or self.nulls)


class _State(NamedTuple, Generic[T]):
    """Where a paginator stands: replaced as a whole, so that no interrupt leaves it half changed.

    Attributes:
        position: Where the next page starts.
        page: What the last page brought.
        turn: Stands for that page, also when its runs are held no more.
        drift: What could not be set right, as far as it is known.
        is_at_end: Whether the last page was read.
        complete: Whether there is nothing more to read.
        steps: How often it stepped back without finding anything new.
        has_gap_before: Whether the run before the position was not read.
        is_within: Whether runs behind the position may have been read.
    """

    position: Position
    page: list[T]
    turn: object
    drift: Drift = Drift()
    is_at_end: bool = False
    complete: bool = False
    steps: int = 0
    has_gap_before: bool = False
    is_within: bool = False


class Paginator(Generic[T]):
    """Reads the pages of a listing, one after another.

    An interrupt at any instruction loses no page: either it was not read, or it is the `page`.

    It holds no reference to its owner, so that what it has read is freed with the owner, and
    not when the garbage collector next looks for cycles.

    Args:
        identify: An item's id.
        order: The order, as it is sent.
        first: How many runs a page holds.
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
        first: int,
        seen: Seen[T],
        *,
        position: Position = _START,
        began: datetime | None = None,
        is_strict: bool = False,
    ) -> None:
        self._identify = identify
        self._first = first
        self._is_strict = is_strict
        self._changes = ChangeTracker(order, began)
        self.seen: Seen[T] = seen
        self._state: _State[T] = _State(
            position, [], object(), is_within=position.after is not None
        )
        # The turn whose runs are known to have been seen.
        self._noted = self._state.turn
        self._includes_overlap = first < MAX_PER_PAGE
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

    def next_page(self, source: Source[T]) -> Flow[list[T] | None]:
        """Read the next page that holds anything new; None after the last one.

        A page that failed is asked for again by the next call.

        Raises:
            BadResponseError: The server's cursors lead nowhere.
            DriftError: Something could not be set right, and the listing is strict.
        """
        while not self._state.is_at_end:
            _ = self.page  # what was read has been seen
            selection = yield from source.select()
            state = self._state
            request = PageRequest(
                state.position.after,
                self._first,
                overlap=state.position.overlap,
                includes_overlap=self._includes_overlap and not state.has_gap_before,
                moved=self._changes.asks(selection["filters"]),
            )
            page = yield from source.fetch(selection, request)
            if self._state.position is not state.position:
                continue  # a signal handler, or an observer, has read on meanwhile
            if _is_capped_to_the_overlap(page, request):
                self._includes_overlap = False
                continue
            follows = page.overlap == (state.position.last,)
            # Behind a checkpoint within a page, and a step back, there are runs that were passed.
            fresh = self.seen.fresh(page.items, is_aligned=follows and not state.is_within)
            is_aligned = follows or request.overlap is None
            if not is_aligned and not self._is_connected(page, fresh):
                self._step_back()
                continue
            # It may hold nothing new, where many runs were created, and so may the next one.
            is_new = bool(fresh)
            self._guard.check(page.next_cursor, is_empty=page.is_empty, is_new=is_new)
            self._changes.note(page, asked=request.moved is not None, is_aligned=is_aligned)
            self._take(page, fresh, is_within=state.is_within or not follows)
            self._guard.note(page.next_cursor, is_empty=page.is_empty, is_new=is_new)
            if fresh:
                return self.page[1]
        if self.complete:
            return None
        late = yield from self._find_late(source)
        return late or None

    def _is_connected(self, page: Page[T], fresh: Sequence[T]) -> bool:
        """Whether no run was skipped that was there all the time.

        In a steady order, all that stand before a run that was passed have been passed as well.
        """
        before = page.overlap[0] if page.overlap else None
        is_empty = not page.items and not page.nulls and not page.overlap
        return (
            not self._changes.is_steady
            or page.overlap == (None,)  # a run that came as null, and is reported
            or (is_empty and page.next_cursor is not None)  # the page behind it is checked as well
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
        after = self.position.after
        offset = None if after is None else offset_of(after)
        # Where cursors do not count runs, there is one place to go back to.
        start = 0 if offset is None else max(0, offset + 1 - self._first * 2 ** (steps - 1))
        overlap = Overlap(cursor_after(start - 2) if start > 1 else None) if start else None
        position = Position(cursor_after(start - 1) if start else None, overlap, "")
        self._guard.forget()
        self._state = self._state._replace(position=position, steps=steps, is_within=True)

    def _take(self, page: Page[T], fresh: list[T], *, is_within: bool) -> None:
        state, position = self._state, self.position
        nulls = page.nulls + (page.overlap == (None,) and position.last is not None)
        if nulls:
            state = state._replace(drift=replace(state.drift, nulls=state.drift.nulls + nulls))
        state = state._replace(is_within=is_within)
        if fresh:
            state = state._replace(page=fresh, turn=object(), steps=0, is_within=False)
        if page.next_cursor is None:
            complete = not (state.drift.nulls or self._suspects_after(fresh))
            self._state = state._replace(is_at_end=True, complete=complete)
            return
        # Behind an empty page, the last run is not the one before the next page.
        has_gap = not page.items and not page.nulls
        if has_gap:
            position = position._replace(after=page.next_cursor)
        else:
            position = Position(page.next_cursor, page.next_overlap, page.last)
        self._state = state._replace(position=position, has_gap_before=has_gap)

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
            listed = yield from list_all_ids(present)
            # A run that is null here is likely one that was null before.
            drift = replace(drift, nulls=max(drift.nulls, listed.drift.nulls))
            missing = [run_id for run_id in listed.ids if not self.seen.knows(run_id)]
            for start in range(0, len(missing), self._first):
                part = missing[start : start + self._first]
                late += yield from fetch_named(selection, part, source.fetch, self._identify)
        drift = replace(drift, late=tuple(map(self._identify, late)))
        if self._is_strict and drift:
            self._state = self._state._replace(drift=drift)
            raise DriftError(drift.late, drift.nulls)
        state = self._state._replace(drift=drift, complete=True)
        self._state = state._replace(page=late, turn=object()) if late else state
        return self.page[1] if late else late


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


def list_all_ids(selection: Selection) -> Flow[Ids]:
    """The ids of all runs of a selection, in order, none of them missing.

    Raises:
        NotFoundError: No such project, or the key may not see it.
    """
    source = source_of(selection, fetch_ids)
    seen: SeenIds[str] = SeenIds(str)
    paginator: Paginator[str] = Paginator(str, selection["order"], MAX_PER_PAGE, seen)
    while (yield from paginator.next_page(source)) is not None:
        pass
    return Ids([*seen.items], paginator.drift)


def fetch_ids(selection: Selection, request: PageRequest) -> Flow[Page[str]]:
    """Read one page of ids.

    Raises:
        NotFoundError: No such project, or the key may not see it.
        BadResponseError: As `read_page` does.
    """
    operation = list_run_ids(**request.variables(selection))
    page = yield from fetch_page(operation, selection, request)
    return page.with_items(str(node["id"]) for node in page.items)


def _is_capped_to_the_overlap(page: Page[T], request: PageRequest) -> bool:
    """Whether a server that gives one run at a time gives the one that is known already."""
    return request.widens and page.next_cursor is not None and page.next_cursor == request.after

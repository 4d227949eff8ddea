"""Pages from cursors: what a connection answered, and where a listing stands.

Pure: a listing is told by its flows which operations to send, and holds what came back.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypedDict, TypeVar

from wandb_runs.errors import BadResponseError
from wandb_runs.flow import together
from wandb_runs.location import missing_project

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs._generated import PageInfoFields
    from wandb_runs.flow import Flow

__all__ = [
    "MAX_PER_PAGE",
    "Connection",
    "CountedProject",
    "Edge",
    "Listing",
    "Page",
    "PageWalk",
    "Place",
    "PlacedSelection",
    "ReadAhead",
    "Selection",
    "cursor_after",
    "offset_of",
    "read_page",
    "read_project_page",
]

MAX_PER_PAGE: Final = 1000
"""The most runs that W&B gives in one page (documented)."""

AHEAD: Final = 8
"""How many pages are asked for at once, when it is known where they start."""

_COUNTS: Final = 2
"""How often the number of runs is asked for before the pages have to do without."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Selection(TypedDict):
    """Which runs a listing reads: the variables that all of its operations share."""

    entity: str
    project: str
    filters: str
    order: str
    first: int


class PlacedSelection(Selection):
    """A selection and the place in it: the variables of a page."""

    after: str | None
    is_counted: bool | None


class Edge(Protocol[T_co]):
    """An item's place in a connection, as Relay defines it."""

    @property
    def node(self) -> T_co | None:
        """The item, or null."""
        ...

    @property
    def cursor(self) -> str | None:
        """The place after which another page would start."""
        ...


class Connection(Protocol[T_co]):
    """A page of edges, as Relay defines it; nulls may turn up anywhere in it."""

    @property
    def edges(self) -> Sequence[Edge[T_co] | None] | None:
        """The page."""
        ...

    @property
    def page_info(self) -> PageInfoFields | None:
        """Where the page ends."""
        ...


class CountedProject(Protocol[T_co]):
    """A project whose runs were asked for, and perhaps their number."""

    @property
    def run_count(self) -> int | None:
        """How many runs the selection has, if that was asked."""
        ...

    @property
    def runs(self) -> Connection[T_co] | None:
        """A page of them."""
        ...


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page that was read.

    Attributes:
        items: What the page holds, in order; null edges and nodes hold nothing.
        next_cursor: Where the next page starts, or None after the last one.
        total: How many items there are in all, if that was asked and answered.
        size: Bytes of the answer, where somebody counts them.
    """

    items: tuple[T, ...]
    next_cursor: str | None
    total: int | None = None
    size: int = 0


def read_page(connection: Connection[T] | None, *, first: int, after: str | None) -> Page[T]:
    """Read one page of a connection, and never end a listing on a doubt.

    Args:
        connection: What the server answered.
        first: How many items were asked for.
        after: The cursor that was sent.

    Raises:
        BadResponseError: No connection, or more pages and no way to ask for them: stopping
            there would lose runs without a word.
    """
    if connection is None:
        raise BadResponseError(
            "the server answered null instead of a page of runs; try again", status=200
        )
    edges = connection.edges or ()
    info = connection.page_info
    # Without page info, a full page may have another behind it, which may prove empty.
    has_next = (
        len(edges) >= first if info is None or info.has_next_page is None else (info.has_next_page)
    )
    cursor = info.end_cursor if info is not None else None
    if cursor is None:
        cursor = next((edge.cursor for edge in reversed(edges) if edge and edge.cursor), None)
    if has_next and (cursor is None or cursor == after):
        raise BadResponseError(
            f"the server says that more runs follow, and gives no new cursor (after {after!r}); "
            "try again, or ask for a larger per_page",
            status=200,
        )
    return Page(
        items=tuple(edge.node for edge in edges if edge is not None and edge.node is not None),
        next_cursor=cursor if has_next else None,
    )


def read_project_page(
    project: CountedProject[T] | None, selection: Selection, place: Place, *, size: int = 0
) -> Page[T]:
    """Read the page of a project's runs at a place, and how many there are, if that came.

    Args:
        project: What the server answered.
        selection: Which runs were asked for.
        place: Which page of them.
        size: The answer's bytes.

    Raises:
        NotFoundError: No such project, or the key may not see it.
        BadResponseError: As `read_page` does.
    """
    if project is None:
        raise missing_project(selection["entity"], selection["project"])
    page = read_page(project.runs, first=place.first, after=place.after)
    return Page(page.items, page.next_cursor, project.run_count, size)


class Listing(Generic[T]):
    """The items of a connection, as far as they were read; a failed page can be asked again.

    W&B pages by offset, so that a run which is created while somebody pages may push another
    onto the next page: what comes twice is kept once.

    It keeps nothing of whoever holds it, so that what it holds is freed with the holder, and not
    when the garbage collector next looks for cycles.

    Args:
        identify: What makes an item the same as another.
    """

    __slots__ = ("_cursor", "_identify", "_seen", "complete", "items")

    def __init__(self, identify: Callable[[T], str]) -> None:
        self._identify = identify
        self._seen: set[str] = set()
        self._cursor: str | None = None
        self.items: list[T] = []
        self.complete = False

    def read_to(
        self, count: int | None, fetch: Callable[[str | None], Flow[Page[T]]]
    ) -> Flow[None]:
        """Read pages until there are `count` items, or all for None, or no more pages.

        Args:
            count: How many items are wanted.
            fetch: The flow that reads the page after a cursor.
        """
        while not self.complete and (count is None or len(self.items) < count):
            page = yield from fetch(self._cursor)
            for item in page.items:
                name = self._identify(item)
                if name not in self._seen:
                    self._seen.add(name)
                    self.items.append(item)
            self._cursor = page.next_cursor
            self.complete = page.next_cursor is None


class PageWalk(Generic[T]):
    """A way through the pages of a connection that keeps none of them.

    What comes twice is dropped when it was on the page before: what a run that is created
    meanwhile pushes onto the next page, as long as fewer than a page are created between two
    requests. Remembering more would take memory for every item there is.

    Args:
        fetch: The flow that reads the page after a cursor.
        identify: What makes an item the same as another.
    """

    __slots__ = ("_before", "_complete", "_cursor", "_fetch", "_identify")

    def __init__(
        self, fetch: Callable[[str | None], Flow[Page[T]]], identify: Callable[[T], str]
    ) -> None:
        self._fetch = fetch
        self._identify = identify
        self._before: set[str] = set()
        self._cursor: str | None = None
        self._complete = False

    def next_page(self) -> Flow[list[T] | None]:
        """Read the next page that holds anything new; None after the last one.

        A page that failed is asked for again by the next call.
        """
        while not self._complete:
            page = yield from self._fetch(self._cursor)
            seen, self._before = self._before, set()
            fresh: list[T] = []
            for item in page.items:
                name = self._identify(item)
                if name not in seen and name not in self._before:
                    fresh.append(item)
                self._before.add(name)
            self._cursor = page.next_cursor
            self._complete = page.next_cursor is None
            if fresh:
                return fresh
        return None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page starts.

    Attributes:
        after: The cursor after which it starts, or None for the first page.
        first: How many items it holds at most.
        is_counted: Whether to ask for the number of all items, too.
    """

    after: str | None
    first: int
    is_counted: bool = False

    def of(self, selection: Selection) -> PlacedSelection:
        """The variables that ask for the page of these runs."""
        return PlacedSelection(
            entity=selection["entity"],
            project=selection["project"],
            filters=selection["filters"],
            order=selection["order"],
            first=self.first,
            after=self.after,
            is_counted=self.is_counted or None,
        )


class ReadAhead(Generic[T]):
    """The pages of a connection in order, several of them asked for at once.

    W&B's cursors count runs, so that it can be told where later pages start once one cursor and
    the number of runs are known. This is a guess, and never more: a page that was read ahead
    counts only if the page before names the very cursor that it was asked with. What does not
    fit is dropped and asked for again, and nothing is guessed any more, so that the pages are
    those that following every cursor gives, on any server.

    The number of runs is asked for with the second page, since it costs the server a count: a
    listing of one page does without.

    Args:
        fetch: The flow that reads the page at a place.
        first: Tells how many items the next pages are to hold.
        total: How many items there are, if that is known.
        done: Told each page as it comes, in whatever order.
        dropped: Told each page that was read for nothing.
    """

    __slots__ = (
        "_counts",
        "_cursor",
        "_done",
        "_dropped",
        "_fetch",
        "_first",
        "_guesses",
        "_total",
        "complete",
    )

    def __init__(
        self,
        fetch: Callable[[Place], Flow[Page[T]]],
        first: Callable[[], int],
        *,
        total: int | None = None,
        done: Callable[[Page[T]], None] | None = None,
        dropped: Callable[[Page[T]], None] | None = None,
    ) -> None:
        self._fetch = fetch
        self._first = first
        self._total = total
        self._done = done
        self._dropped = dropped
        self._cursor: str | None = None
        self._counts = _COUNTS
        self._guesses = True
        self.complete = False

    def next_pages(self) -> Flow[list[Page[T]]]:
        """Read the next pages, at least one; none when the listing is complete.

        Pages that failed are asked for again by the next call.
        """
        if self.complete:
            return []
        places = self._places()
        pages = yield from together([self._fetch(place) for place in places], self._done)
        read: list[Page[T]] = []
        for place, page in zip(places, pages, strict=True):
            if self.complete or place.after != self._cursor:
                # Whoever guessed wrong once, on this server, follows its cursors from here on.
                self._guesses = False
                if self._dropped is not None:
                    self._dropped(page)
                continue
            read.append(page)
            if page.total is not None:
                self._total = page.total
            self._cursor = page.next_cursor
            self.complete = page.next_cursor is None
        return read

    def _places(self) -> list[Place]:
        first = self._first()
        start = offset_of(self._cursor) if self._cursor is not None and self._guesses else None
        if self._cursor is None or start is None or self._total is None:
            is_counted = start is not None and self._total is None and self._counts > 0
            self._counts -= is_counted
            return [Place(self._cursor, first, is_counted)]
        last = min(self._total - 1, start + AHEAD * first)
        ahead = (cursor_after(offset) for offset in range(start + first, last, first))
        return [Place(cursor, first) for cursor in (self._cursor, *ahead)]


_CURSOR: Final = re.compile(rb"arrayconnection:(\d{1,15})")


def offset_of(cursor: str) -> int | None:
    """The place that a cursor counts, from 0; None for a cursor of another kind.

    W&B's cursors are `arrayconnection:<offset>` in base64 (wandb/wandb#6614).

    >>> offset_of("YXJyYXljb25uZWN0aW9uOjQ5"), offset_of("opaque")
    (49, None)
    """
    try:
        found = _CURSOR.fullmatch(base64.b64decode(cursor, validate=True))
    except ValueError:
        return None
    offset = int(found[1]) if found else None
    return offset if offset is not None and cursor_after(offset) == cursor else None


def cursor_after(offset: int) -> str:
    """The cursor of the item at an offset, after which a page can start.

    >>> cursor_after(49)
    'YXJyYXljb25uZWN0aW9uOjQ5'
    """
    return base64.b64encode(b"arrayconnection:%d" % offset).decode()

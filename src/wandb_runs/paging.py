"""Pages from cursors: what a connection answered, and where a listing stands.

Pure: a listing is told by its flows which operations to send, and holds what came back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypedDict, TypeVar

from wandb_runs.errors import BadResponseError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs._generated import PageInfoFields
    from wandb_runs.flow import Flow

__all__ = ["Connection", "Edge", "Listing", "Page", "PageWalk", "Selection", "read_page"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Selection(TypedDict):
    """Which runs a listing reads: the variables that all of its operations share."""

    entity: str
    project: str
    filters: str
    order: str
    first: int


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


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page that was read.

    Attributes:
        items: What the page holds, in order; null edges and nodes hold nothing.
        next_cursor: Where the next page starts, or None after the last one.
    """

    items: tuple[T, ...]
    next_cursor: str | None


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


class Listing(Generic[T]):
    """The items of a connection, as far as they were read; a failed page can be asked again.

    W&B pages by offset, so that a run which is created while somebody pages may push another
    onto the next page: what comes twice is kept once.

    Args:
        fetch: The flow that reads the page after a cursor.
        identify: What makes an item the same as another.
    """

    __slots__ = ("_cursor", "_fetch", "_identify", "_seen", "complete", "items")

    def __init__(
        self, fetch: Callable[[str | None], Flow[Page[T]]], identify: Callable[[T], str]
    ) -> None:
        self._fetch = fetch
        self._identify = identify
        self._seen: set[str] = set()
        self._cursor: str | None = None
        self.items: list[T] = []
        self.complete = False

    def read_to(self, count: int | None) -> Flow[None]:
        """Read pages until there are `count` items, or all for None, or no more pages."""
        while not self.complete and (count is None or len(self.items) < count):
            page = yield from self._fetch(self._cursor)
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

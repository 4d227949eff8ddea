"""Pages of a connection: where one starts, and what an answer says of it. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypedDict, TypeVar

from wandb_runs.errors import BadResponseError
from wandb_runs.query.location import missing_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandb_runs.graphql._generated import PageInfoFields, RunIdFields
    from wandb_runs.graphql.scalars import JSONValue

__all__ = [
    "MAX_PER_PAGE",
    "Connection",
    "CursorGuard",
    "Edge",
    "Moved",
    "Overlap",
    "Page",
    "PageRequest",
    "PageVariables",
    "ReadProject",
    "Selection",
    "cursor_after",
    "offset_of",
    "overlap_at",
    "read_moved",
    "read_overlap",
    "read_page",
    "read_project_page",
]

MAX_PER_PAGE: Final = 1000
"""The most runs that W&B gives in one page (documented)."""


_MOST_EMPTY: Final = 100
"""How many pages without a run may follow each other."""


class HasId(Protocol):
    """A run of an answer, or whatever else has an id."""

    @property
    def id(self) -> str:
        """The run's id."""
        ...


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
RunT = TypeVar("RunT", bound=HasId)


class Selection(TypedDict):
    """Which runs a listing reads: the variables that all of its operations share."""

    entity: str
    project: str
    filters: str
    order: str
    first: int


class PageVariables(Selection):
    """A selection and the place in it: the variables of a page."""

    after: str | None
    is_counted: bool | None
    has_overlap: bool | None
    overlap_after: str | None
    has_moved: bool | None
    moved: str | None


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


class ReadProject(Protocol[T_co]):
    """A project whose runs were asked for, and what else tells about their page."""

    @property
    def run_count(self) -> int | None:
        """How many runs the selection has, if that was asked."""
        ...

    @property
    def overlap(self) -> RunIdFields | None:
        """The run before the page, if that was asked."""
        ...

    @property
    def runs(self) -> Connection[T_co] | None:
        """A page of them."""
        ...

    @property
    def moved(self) -> RunIdFields | None:
        """The runs that logged since the listing began, if that was asked."""
        ...


class Overlap(NamedTuple):
    """Where the run stands that is the last one before a page.

    Attributes:
        after: The cursor after which it comes; None when it is the first of all.
    """

    after: str | None


class Moved(NamedTuple):
    """Runs that may have changed their places since a listing began.

    Attributes:
        run_ids: Their ids.
        is_all: Whether there are no others.
    """

    run_ids: tuple[str, ...]
    is_all: bool


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Where a page starts, and what else to ask along with it.

    Attributes:
        after: The cursor after which it starts, or None for the first page.
        first: How many items it holds at most.
        is_counted: Whether to ask for the number of all items, too.
        overlap: Where the item before the page stands, to be looked at, too: as long as it is the
            one that was last before, nothing has come between or gone.
        overlaps: Whether to look at it as an item of the page, which is the cheapest way; not
            possible where the page is as large as the server allows.
        moved: The filter of the runs that may have changed their places, to be asked, too.
    """

    after: str | None
    first: int
    is_counted: bool = False
    overlap: Overlap | None = None
    includes_overlap: bool = False
    moved: str | None = None

    def variables(self, selection: Selection) -> PageVariables:
        """The variables that ask for the page of these runs."""
        placed = PageVariables(
            entity=selection["entity"],
            project=selection["project"],
            filters=selection["filters"],
            order=selection["order"],
            first=self.first,
            after=self.after,
            is_counted=self.is_counted or None,
            has_overlap=None,
            overlap_after=None,
            has_moved=None if self.moved is None else True,
            moved=self.moved,
        )
        if self.overlap is not None and self.includes_overlap:
            placed["first"] += 1
            placed["after"] = self.overlap.after
        elif self.overlap is not None:
            placed["has_overlap"] = True
            placed["overlap_after"] = self.overlap.after
        return placed

    def repeats(self, cursor: str | None, edges: int) -> bool:
        """Whether a page that ends at a cursor would be followed by itself.

        Args:
            cursor: The cursor.
            edges: How many edges the answer has.
        """
        if cursor is None:
            return True
        if self.overlap is None or not self.includes_overlap:
            return cursor == self.after
        # The overlap alone, and more to follow: from a server that gives one run at a time.
        return cursor == self.overlap.after or (cursor == self.after and edges != 1)


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """A page that was read.

    Attributes:
        items: What the page holds, in order, and the item before it where they overlap; null edges
            and nodes hold nothing.
        next_cursor: Where the next page starts, or None after the last one.
        total: How many items there are in all, if that was asked and answered.
        size: Bytes of the answer, where somebody counts them.
        overlap: The id of the item before the page, where that was asked: nothing when there is
            none, and None for an item that came as null.
        last: The id of the last item; None where that came as null, or where there is none.
        next_overlap: Where the last item stands, as an overlap of the next page, if that is known.
        nulls: How many items came as null, but for the one before the page.
        moved: The runs that may have changed their places, if that was asked.
        date: When the server answered, by its own clock, as HTTP writes it.
    """

    items: tuple[T_co, ...]
    next_cursor: str | None
    total: int | None = None
    size: int = 0
    overlap: tuple[str | None, ...] = ()
    last: str | None = None
    next_overlap: Overlap | None = None
    nulls: int = 0
    moved: Moved | None = None
    date: str | None = None

    def with_items(self, items: Iterable[T]) -> Page[T]:
        """The page with what was made of its items."""
        return Page(
            tuple(items),
            self.next_cursor,
            self.total,
            self.size,
            self.overlap,
            self.last,
            self.next_overlap,
            self.nulls,
            self.moved,
            self.date,
        )


def read_page(connection: Connection[RunT] | None, request: PageRequest) -> Page[RunT]:
    """Read one page of a connection, and never end a listing on a doubt.

    Args:
        connection: What the server answered.
        request: What was asked for.

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
    asked = request.first + (request.includes_overlap and request.overlap is not None)
    # Without page info, a full page may have another behind it, which may prove empty.
    has_next = (
        len(edges) >= asked if info is None or info.has_next_page is None else info.has_next_page
    )
    cursors = [None if edge is None else edge.cursor for edge in edges]
    cursor = info.end_cursor if info is not None else None
    if cursor is None:
        cursor = next((each for each in reversed(cursors) if each), None)
    if has_next and request.repeats(cursor, len(edges)):
        raise BadResponseError(
            "the server says that more runs follow, and gives no new cursor "
            f"(after {request.after!r}); try again, or ask for a larger per_page",
            status=200,
        )
    nodes = [None if edge is None else edge.node for edge in edges]
    items = tuple(node for node in nodes if node is not None)
    overlap: tuple[str | None, ...] = ()
    if request.includes_overlap and request.overlap is not None and nodes:
        overlap = (None if nodes[0] is None else nodes[0].id,)
    last = nodes[-1] if nodes else None
    return Page(
        items,
        cursor if has_next else None,
        overlap=overlap,
        last=None if last is None else last.id,
        next_overlap=overlap_at(request, cursors, cursor),
        nulls=len(nodes) - len(items) - (overlap == (None,)),
    )


def overlap_at(
    request: PageRequest, cursors: Sequence[str | None], end: str | None
) -> Overlap | None:
    """Where the last run of an answer stands.

    Args:
        request: What was asked for.
        cursors: The last two cursors of the answer's edges, or all.
        end: The cursor of the last edge.
    """
    if len(cursors) > 1:
        if cursors[-2]:
            return Overlap(cursors[-2])
        # The one before came as null; of a cursor that counts it can be told.
        offset = None if end is None else offset_of(end)
        return None if offset is None else Overlap(cursor_after(offset - 1) if offset else None)
    if not cursors:
        return None
    # The answer's only edge stands where the answer starts.
    return (
        request.overlap
        if request.includes_overlap and request.overlap is not None
        else Overlap(request.after)
    )


def read_overlap(overlap: JSONValue) -> tuple[str | None, ...]:
    """The id of the run before a page; nothing when there is none."""
    edges = overlap.get("edges") if isinstance(overlap, dict) else None
    if not isinstance(edges, list) or not edges:
        return ()
    return (_id_in(edges[0]),)


def read_moved(moved: JSONValue) -> Moved | None:
    """The runs that may have changed their places, if the answer tells."""
    edges = moved.get("edges") if isinstance(moved, dict) else None
    if not isinstance(moved, dict) or not isinstance(edges, list):
        return None
    run_ids = [_id_in(edge) for edge in edges]
    info = moved.get("pageInfo")
    is_all = isinstance(info, dict) and info.get("hasNextPage") is False
    return Moved(
        tuple(run_id for run_id in run_ids if run_id is not None), is_all and None not in run_ids
    )


def _id_in(edge: JSONValue) -> str | None:
    node = edge.get("node") if isinstance(edge, dict) else None
    run_id = node.get("id") if isinstance(node, dict) else None
    return run_id if isinstance(run_id, str) else None


def read_project_page(
    project: ReadProject[RunT] | None,
    selection: Selection,
    request: PageRequest,
    *,
    size: int = 0,
    date: str | None = None,
) -> Page[RunT]:
    """Read the page of a project's runs at a place, and what came along with it.

    Args:
        project: What the server answered.
        selection: Which runs were asked for.
        request: Which page of them.
        size: The answer's bytes.
        date: When the server answered.

    Raises:
        NotFoundError: No such project, or the key may not see it.
        BadResponseError: As `read_page` does.
    """
    if project is None:
        raise missing_project(selection["entity"], selection["project"])
    page = read_page(project.runs, request)
    overlap, moved = page.overlap, None
    if project.overlap is not None:
        overlap = read_overlap(project.overlap.model_dump(by_alias=True))
    if project.moved is not None:
        moved = read_moved(project.moved.model_dump(by_alias=True))
    return replace(
        page, total=project.run_count, size=size, overlap=overlap, moved=moved, date=date
    )


class CursorGuard:
    """Ends a listing whose cursors lead nowhere: in a circle, or through empty pages for ever."""

    __slots__ = ("_empty", "_followed")

    def __init__(self) -> None:
        self._followed: set[str] = set()
        self._empty = 0

    def follow(self, page: Page[object], *, is_new: bool = False) -> None:
        """Check where a page leads.

        Args:
            page: The page.
            is_new: Whether it holds what no page before it did: then there is no circle yet.

        Raises:
            BadResponseError: Nowhere.
        """
        cursor = page.next_cursor
        self._empty = self._empty + 1 if page.last is None and not page.nulls else 0
        if is_new:
            self._followed.clear()
        if cursor is None:
            return
        if cursor in self._followed:
            raise BadResponseError(
                f"the server's cursors lead in a circle (at {cursor!r}); try again", status=200
            )
        if self._empty > _MOST_EMPTY:
            raise BadResponseError(
                f"the server says that more runs follow, and has given {_MOST_EMPTY} pages "
                "without any; try again",
                status=200,
            )
        self._followed.add(cursor)

    def forget(self) -> None:
        """Allow to come by again."""
        self._followed.clear()


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

"""One page of runs: how it is asked for, and how it is read from an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeAlias, TypedDict, TypeVar, cast

from wandb_runs.errors import BadResponseError
from wandb_runs.errors.suggest import show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.operation import RawOperation
from wandb_runs.pagination.cursors import cursor_after, offset_of
from wandb_runs.query.location import missing_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.graphql.raw_response import RawResponse
    from wandb_runs.graphql.scalars import JSONValue

__all__ = [
    "MAX_PER_PAGE",
    "Moved",
    "Node",
    "Overlap",
    "Page",
    "PageRequest",
    "PageVariables",
    "Selection",
    "fetch_page",
    "no_runs_of",
    "overlap_at",
    "read_moved",
    "read_overlap",
    "read_page",
]

MAX_PER_PAGE: Final = 1000
"""The most runs that W&B gives in one page (documented)."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Node: TypeAlias = "dict[str, JSONValue]"
"""A run in an answer; its `id` is a str, its other values are as they came."""


class Selection(TypedDict):
    """Which runs a listing reads: the variables that all of its operations share."""

    entity: str
    project: str
    filters: str
    order: str
    first: int


class PageVariables(Selection):
    """A selection and one page of it: the variables that all operations on pages share."""

    after: str | None
    is_counted: bool | None
    has_overlap: bool | None
    overlap_after: str | None
    has_moved: bool | None
    moved: str | None


class Overlap(NamedTuple):
    """The position of the last run before a page.

    Attributes:
        after: The cursor after which that run comes; None when it is the first of all.
    """

    after: str | None


class Moved(NamedTuple):
    """Runs that may have changed their positions since a listing began.

    Attributes:
        run_ids: Their ids.
        is_all: Whether there are no others.
    """

    run_ids: tuple[str, ...]
    is_all: bool


@dataclass(frozen=True, slots=True, repr=False)
class PageRequest(FieldsRepr):
    """Where a page starts, and what else its request asks for.

    Attributes:
        after: The cursor after which it starts, or None for the first page.
        first: The most items that it holds.
        is_counted: Whether to ask for the number of all items, too.
        overlap: Where the item before the page stands, to be asked for, too: as long as it is the
            one that was last before, nothing has come between or gone.
        includes_overlap: Whether to ask for it as an item of the page, which is the cheapest way;
            not possible where the page is as large as the server allows.
        moved: The filter of the runs that may have changed their positions, to be asked for, too.
        is_divisible: Whether the caller asks for less where this is too much for the server.
        is_optional: Whether the caller can do without it, so that it is sent once.
    """

    after: str | None
    first: int
    is_counted: bool = False
    overlap: Overlap | None = None
    includes_overlap: bool = False
    moved: str | None = None
    is_divisible: bool = False
    is_optional: bool = False

    @property
    def widens(self) -> bool:
        """Whether the page has one item more, the one before it."""
        return self.includes_overlap and self.overlap is not None

    def variables(self, selection: Selection) -> PageVariables:
        """The variables that ask for the page of these runs."""
        variables = PageVariables(
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
            variables["first"] += 1
            variables["after"] = self.overlap.after
        elif self.overlap is not None:
            variables["has_overlap"] = True
            variables["overlap_after"] = self.overlap.after
        return variables

    def repeats(self, cursor: str | None, edges: int) -> bool:
        """Whether a page that ends at a cursor would be followed by itself.

        Args:
            cursor: The cursor.
            edges: The number of edges in the answer.
        """
        if cursor is None:
            return True
        if self.overlap is None or not self.includes_overlap:
            return cursor == self.after
        # The overlap alone, and more to follow: from a server that gives one run at a time.
        return cursor == self.overlap.after or (cursor == self.after and edges != 1)


@dataclass(frozen=True, slots=True, repr=False)
class Page(FieldsRepr, Generic[T_co]):
    """A page that was read.

    Attributes:
        items: The items of the page, in order, and the item before it where the request includes
            the overlap; null edges and nodes are left out.
        next_cursor: Where the next page starts, or None after the last one.
        total: The number of all items, if that was asked and answered.
        size: Bytes of the answer, decompressed.
        overlap: The id of the item before the page, where that was asked: nothing when there is
            none, and None for an item that came as null.
        last: The id of the last item; None where that came as null, or where there is none.
        next_overlap: The overlap of the next page, if that is known.
        nulls: The number of items that came as null, without the one before the page.
        moved: The runs that may have changed their positions, if that was asked.
        date: The `Date` header of the answer: the server's clock.
        seconds: How long the answer took.
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
    seconds: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether it has no item, and none that came as null."""
        return self.last is None and not self.nulls

    def with_items(self, items: Iterable[T]) -> Page[T]:
        """The page with what was made of its items."""
        # Not `dataclasses.replace`, which takes as long as reading twenty runs.
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
            self.seconds,
        )


def fetch_page(
    operation: Operation[object], selection: Selection, request: PageRequest
) -> Flow[Page[Node]]:
    """Send an operation that asks for a page of runs, and read the page.

    Raises:
        NotFoundError: No such project, or the key may not see it.
        BadResponseError: As `read_page` does.
    """
    raw = RawOperation.of(operation)
    if request.is_divisible or request.is_optional:
        raw = replace(raw, divisible=request.is_divisible, is_optional=request.is_optional)
    answer = yield from ask(raw)
    return read_page(answer, selection, request)


def read_page(answer: RawResponse, selection: Selection, request: PageRequest) -> Page[Node]:
    """Read one page of runs from an answer, as plain JSON, which is much faster than models.

    Nulls may be anywhere in it. Values of the runs are not looked at, other than their ids.

    Args:
        answer: The answer: `project { runs { edges { node cursor } pageInfo } }`, and what
            `ProjectPageFields` asks for.
        selection: The runs that were asked for.
        request: The page that was asked for.

    Raises:
        NotFoundError: No such project, or the key may not see it.
        GraphQLError: The server reports errors.
        BadResponseError: Not the shape that the schema promises; or null in place of runs, or none
            beside a count of some; or more pages and no way to ask for them: ending there would
            lose runs without a word.
    """
    data = _object(answer, answer.data(), "data") or {}
    project = _object(answer, data.get("project"), "project")
    if project is None:
        raise missing_project(selection["entity"], selection["project"])
    runs = _object(answer, project.get("runs"), "project.runs")
    if runs is None:
        raise BadResponseError(
            "the server answered null instead of a page of runs; try again", status=200
        )
    edges = runs.get("edges")
    if not isinstance(edges, list):
        if edges is None:  # which says nothing of whether there are runs
            raise BadResponseError(
                "the server answered null instead of the runs of a page; try again", status=200
            )
        raise answer.misshapen("project.runs.edges", "not a list")
    info = _object(answer, runs.get("pageInfo"), "project.runs.pageInfo") or {}
    nodes = _nodes(answer, edges)
    items = tuple([node for node in nodes if node is not None])
    included = nodes[:1] if request.widens else []
    overlap = tuple(map(_id_of, included)) or read_overlap(project.get("overlap"))
    has_next = info.get("hasNextPage")
    if has_next is None:
        # A full page may have another behind it, which may prove empty.
        has_next = len(edges) >= request.first + request.widens
    elif not isinstance(has_next, bool):
        raise answer.misshapen("project.runs.pageInfo.hasNextPage", "not a boolean")
    cursor = _text(info.get("endCursor"))
    if cursor is None:
        cursor = next((each for edge in reversed(edges) if (each := _cursor_of(edge))), None)
    total = project.get("runCount")
    if not edges and total and request.after is None and not has_next:
        raise no_runs_of(total)
    if has_next and request.repeats(cursor, len(edges)):
        raise BadResponseError(
            "the server says that more runs follow, and gives no new cursor "
            f"(after {request.after!r}); try again, or ask for a larger per_page",
            status=200,
        )
    return Page(
        items,
        cursor if has_next else None,
        total if isinstance(total, int) and not isinstance(total, bool) else None,
        len(answer.body),
        overlap,
        _id_of(nodes[-1]) if nodes else None,
        overlap_at(request, [_cursor_of(edge) for edge in edges[-2:]], cursor),
        len(nodes) - len(items) - included.count(None),
        read_moved(project.get("moved")),
        answer.date,
        answer.seconds,
    )


def no_runs_of(count: object) -> BadResponseError:
    """The error for a listing without a run, of which the server counts some."""
    return BadResponseError(
        f"the server counts {show(count)} runs and gives none; try again", status=200
    )


def overlap_at(
    request: PageRequest, cursors: Sequence[str | None], end: str | None
) -> Overlap | None:
    """The overlap of the page that follows an answer; None if that is not known.

    Args:
        request: The page that was asked for.
        cursors: The last two cursors of the answer's edges, or all.
        end: The cursor of the last edge.
    """
    if len(cursors) > 1:
        if cursors[-2]:
            return Overlap(cursors[-2])
        # The edge before the last came as null; a cursor that counts tells its cursor.
        offset = None if end is None else offset_of(end)
        return None if offset is None else Overlap(cursor_after(offset - 1) if offset else None)
    if not cursors:
        return None
    # The answer's only edge stands where the answer starts.
    return request.overlap if request.widens else Overlap(request.after)


def read_overlap(overlap: JSONValue) -> tuple[str | None, ...]:
    """The id of the run before a page; nothing when there is none."""
    edges = _below(overlap, "edges")
    return (_id_of(_below(edges[0], "node")),) if isinstance(edges, list) and edges else ()


def read_moved(moved: JSONValue) -> Moved | None:
    """The runs that may have changed their positions, if the answer tells."""
    edges = _below(moved, "edges")
    if not isinstance(edges, list):
        return None
    run_ids = [_id_of(_below(edge, "node")) for edge in edges]
    has_next = _below(_below(moved, "pageInfo"), "hasNextPage")
    return Moved(
        tuple(run_id for run_id in run_ids if run_id is not None),
        has_next is False and None not in run_ids,
    )


def _nodes(answer: RawResponse, edges: list[JSONValue]) -> list[Node | None]:
    plain = _plain_nodes(edges)
    if plain is not None:
        return plain
    nodes: list[Node | None] = []
    for edge in edges:
        node = edge.get("node") if isinstance(edge, dict) else edge
        if isinstance(node, dict):
            if not isinstance(node.get("id"), str):
                node["id"] = run_id = _id_of(node)
                if run_id is None:
                    raise answer.misshapen("project.runs.edges.node.id", "not a string")
        elif node is not None:
            raise answer.misshapen("project.runs.edges.node", "not an object")
        nodes.append(node)
    return nodes


def _plain_nodes(edges: list[JSONValue]) -> list[Node | None] | None:
    """The nodes, if each is an object that has a text for an id, as nearly all answers have it.

    Without a call for each edge: this is a tenth of what listing takes on the client.
    """
    try:
        nodes = [edge["node"] for edge in cast("list[dict[str, Node]]", edges)]
        ids = [node["id"] for node in nodes]
    except (KeyError, TypeError, IndexError):
        return None
    is_plain = {*map(type, nodes)} <= {dict} and {*map(type, ids)} <= {str}
    return [*nodes] if is_plain else None


def _object(answer: RawResponse, value: JSONValue, where: str) -> dict[str, JSONValue] | None:
    if value is not None and not isinstance(value, dict):
        raise answer.misshapen(where, "not an object")
    return value


def _id_of(node: JSONValue) -> str | None:
    return _text(_below(node, "id"))


def _cursor_of(edge: JSONValue) -> str | None:
    return _text(_below(edge, "cursor"))


def _below(value: JSONValue, name: str) -> JSONValue:
    return value.get(name) if isinstance(value, dict) else None


def _text(value: JSONValue) -> str | None:
    """A text, or a number as a text, as which some servers write ids."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None

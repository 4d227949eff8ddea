"""Faults of pagination, as values for `LocalServer.fail`.

They apply to requests for pages of a project's or a sweep's runs, and change the real page.

>>> from wandb_runs import Api
>>> from wandb_runs.testing import LocalServer, OpaqueCursors, log_run
>>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
...     for run_id in ("r1", "r2", "r3"):
...         log_run(server, "me", "digits", run_id)
...     with server.fail_always(OpaqueCursors()):
...         [run.id for run in api.runs("me/digits", per_page=1)]
['r1', 'r2', 'r3']
"""

from __future__ import annotations

import base64
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from graphql import FieldNode, Visitor, get_operation_ast, value_from_ast_untyped, visit
from typing_extensions import override

from wandb_runs.local.faults import Fault
from wandb_runs.local.pages import PAGE, Page, PageRequest, cursor_at

if TYPE_CHECKING:
    from wandb_runs.local.faults import Answer, Answering, GraphQLRequest, Reading
    from wandb_runs.local.nodes import Run

__all__ = [
    "CycleCursors",
    "EmptyPages",
    "NoCursor",
    "NullEdges",
    "OpaqueCursors",
    "PageFault",
    "RepeatCursor",
    "ShortPages",
]

_OPAQUE: Final = "opaque-"


class PageFault(Fault):
    """A fault of pages of runs; a fault of your own needs the method `page`."""

    skips_first: ClassVar[bool] = False
    """Whether the first page of a listing is exempt."""

    @override
    def concerns(self, request: GraphQLRequest) -> bool:
        return any(after or not self.skips_first for after in _cursors_of(request))

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return answer(request.paged(self._turn))

    def _turn(self, asked: PageRequest, read: Reading) -> Page[Run]:
        return self.page(asked, read) if asked.after or not self.skips_first else read(asked)

    @abstractmethod
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        """Make a page.

        Args:
            asked: Which page was requested.
            read: Reads a page.
        """
        ...


def _cursors_of(request: GraphQLRequest) -> list[str | None]:
    """The cursor of each page of runs that a request asks for."""
    operation = get_operation_ast(request.document, request.operation or None)
    defaults = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in (operation.variable_definitions if operation else ())
        if each.default_value
    }
    variables = {**defaults, **request.variables}
    found: list[str | None] = []

    class Finder(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            if node.name.value == "runs":
                given = {each.name.value: each.value for each in node.arguments}
                after = given.get("after")
                value = None if after is None else value_from_ast_untyped(after, variables)
                found.append(value if isinstance(value, str) else None)

    visit(request.document, Finder())
    return found


def _end(page: Page[Run], cursor: str | None) -> Page[Run]:
    """Replace a page's end cursor, and announce a next page."""
    edges = list(page.edges)
    if edges and edges[-1]:
        edges[-1] = replace(edges[-1], cursor=cursor)
    return Page(edges, cursor, has_next_page=True)


@dataclass(frozen=True)
class RepeatCursor(PageFault):
    """A page whose end cursor is the one that was sent, with more to follow.

    The first page is exempt, since no cursor was sent with it.

    >>> RepeatCursor()
    RepeatCursor()
    """

    skips_first: ClassVar[bool] = True

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        return _end(read(asked), asked.after)


@dataclass(frozen=True)
class CycleCursors(PageFault):
    """Pages whose end cursors lead from the first to the second and back again, for ever.

    >>> CycleCursors()
    CycleCursors()
    """

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        size = PAGE if asked.first is None else asked.first
        one, other = cursor_at(size - 1), cursor_at(2 * size - 1)
        return _end(read(asked), other if asked.after == one else one)


@dataclass(frozen=True)
class NoCursor(PageFault):
    """A page with more to follow, and no cursor to ask for it: not at its end, nor at any run.

    >>> NoCursor()
    NoCursor()
    """

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        edges = [edge and replace(edge, cursor=None) for edge in read(asked).edges]
        return Page(edges, None, has_next_page=True)


@dataclass(frozen=True)
class EmptyPages(PageFault):
    """A page without runs, with more to follow behind a new cursor.

    The requested page follows that cursor, unless the fault applies again: no run is lost. The
    first page is exempt: there is no cursor for what it holds.

    >>> EmptyPages()
    EmptyPages()
    """

    skips_first: ClassVar[bool] = True

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        # A leading zero makes another cursor for the same offset.
        kind, _, number = base64.b64decode(asked.after or "").decode().partition(":")
        fresh = base64.b64encode(f"{kind}:0{number}".encode()).decode()
        return Page([], fresh, has_next_page=True)


@dataclass(frozen=True)
class NullEdges(PageFault):
    """A page whose first runs are null.

    Attributes:
        count: How many of them.
        nodes: Whether there is an edge with a cursor, and only its node is null.

    >>> NullEdges(count=2, nodes=True)
    NullEdges(count=2, nodes=True)
    """

    count: int = 1
    nodes: bool = False

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        page = read(asked)
        nulls = [
            replace(edge, node=None) if edge and self.nodes else None
            for edge in page.edges[: self.count]
        ]
        return replace(page, edges=[*nulls, *page.edges[self.count :]])


@dataclass(frozen=True)
class ShortPages(PageFault):
    """Pages with fewer runs than requested.

    Attributes:
        first: The most runs of a page.

    >>> ShortPages(first=5)
    ShortPages(first=5)
    """

    first: int = 10

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        wanted = PAGE if asked.first is None else asked.first
        return read(replace(asked, first=min(wanted, self.first)))


@dataclass(frozen=True)
class OpaqueCursors(PageFault):
    """Opaque cursors that work; apply it with `fail_always`.

    A cursor that the server has not given is refused with HTTP 400.

    >>> OpaqueCursors()
    OpaqueCursors()
    """

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        page = read(replace(asked, after=_decoded(asked.after)))
        edges = [edge and replace(edge, cursor=_opaque(edge.cursor)) for edge in page.edges]
        return replace(page, edges=edges, end_cursor=_opaque(page.end_cursor))


def _opaque(cursor: str | None) -> str | None:
    return cursor and _OPAQUE + cursor.encode().hex()


def _decoded(cursor: str | None) -> str | None:
    """Decode an opaque cursor; any other becomes one that the server refuses."""
    if not cursor:
        return None
    kind, _, code = cursor.partition("-")
    try:
        return bytes.fromhex(code).decode() if f"{kind}-" == _OPAQUE else f"not given: {cursor}"
    except ValueError:
        return f"not given: {cursor}"

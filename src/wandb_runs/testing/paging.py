"""Faults in how a server pages through runs, as values for `LocalServer.fail`.

They strike requests that ask for a page of a project's or a sweep's runs, and let all others
pass. What they change is the page that the server really reads.

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
    """A fault of the pages of runs that a request asks for; one of your own needs `page`."""

    skips_first: ClassVar[bool] = False
    """Whether the first page of a listing does not concern it."""

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
        """Make a page in the fault's way.

        Args:
            asked: Which page is wanted.
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
    """Give a page another cursor at its end, and more to follow."""
    edges = list(page.edges)
    if edges and edges[-1]:
        edges[-1] = replace(edges[-1], cursor=cursor)
    return Page(edges, cursor, has_next_page=True)


@dataclass(frozen=True)
class RepeatCursor(PageFault):
    """A page whose end cursor is the one that was sent, with more to follow.

    It strikes from the second page on, since no cursor was sent with the first.

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

    What was asked for comes behind that cursor, unless the fault strikes again: no run is lost
    by the way. It strikes from the second page on: there is no cursor for what the first holds.

    >>> EmptyPages()
    EmptyPages()
    """

    skips_first: ClassVar[bool] = True

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        # One zero more before its number, and a cursor is another for the same place.
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
    """Pages that hold fewer runs than were asked for.

    Attributes:
        first: How many they hold at most.

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
    """Cursors that tell nothing, and work: put it on with `fail_always`.

    A cursor that the server has not given is refused with HTTP 400.

    >>> OpaqueCursors()
    OpaqueCursors()
    """

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        page = read(replace(asked, after=_clear(asked.after)))
        edges = [edge and replace(edge, cursor=_veiled(edge.cursor)) for edge in page.edges]
        return replace(page, edges=edges, end_cursor=_veiled(page.end_cursor))


def _veiled(cursor: str | None) -> str | None:
    return cursor and _OPAQUE + cursor.encode().hex()


def _clear(cursor: str | None) -> str | None:
    """Read a veiled cursor; of any other, make one that is refused."""
    if not cursor:
        return None
    kind, _, code = cursor.partition("-")
    try:
        return bytes.fromhex(code).decode() if f"{kind}-" == _OPAQUE else f"not given: {cursor}"
    except ValueError:
        return f"not given: {cursor}"

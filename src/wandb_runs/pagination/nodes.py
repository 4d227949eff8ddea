"""`NodeStream`: the nodes of any Relay connection, page after page, none of them kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar, cast

from typing_extensions import TypedDict

from wandb_runs.errors import BadResponseError, InvalidArgumentError, NotFoundError
from wandb_runs.errors.suggest import describe
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.operation import Operation
from wandb_runs.graphql.requests import check_operation
from wandb_runs.pagination.cursors import CursorGuard, cursor_after
from wandb_runs.pagination.token import digest_of, read_token, write_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs.graphql.connections import Connection, OperationBuilder
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.token import Checkpoint

__all__ = ["NodePlan", "NodePosition", "NodeStream", "ReadyNode", "plan_nodes"]

D = TypeVar("D")
N = TypeVar("N")

_VERSION: Final = 1


class _Content(TypedDict):
    version: int
    operation: str
    variables: str
    after: str | None
    offset: int
    read: int


class NodePosition(NamedTuple):
    """Where a stream stands: replaced as a whole, so that no interrupt leaves it half changed.

    Attributes:
        after: The cursor behind which the page starts; None for the first page.
        offset: How many edges of the page are done with.
        read: How many nodes were handed on.
    """

    after: str | None = None
    offset: int = 0
    read: int = 0


_START: Final = NodePosition()


@dataclass(frozen=True, slots=True, repr=False)
class NodePlan(FieldsRepr, Generic[N]):
    """What `paginate` was asked for.

    Attributes:
        name: The name of the operation.
        fetch: Reads the page behind a cursor.
        variables: A digest of the variables of the operation for the first page.
        limit: The most nodes to read, those before the start among them; None for all.
        start: Where to begin.
    """

    name: str
    fetch: Callable[[str | None], Flow[Connection[N]]]
    variables: str
    limit: int | None
    start: NodePosition = _START

    def checkpoint(self, position: NodePosition) -> Checkpoint:
        """Write the token of a position."""
        return write_token(
            _Content(
                version=_VERSION,
                operation=self.name,
                variables=self.variables,
                after=position.after,
                offset=position.offset,
                read=position.read,
            )
        )

    def at(self, checkpoint: Checkpoint) -> NodePlan[N]:
        """The same, from a checkpoint on.

        Raises:
            InvalidArgumentError: It is no checkpoint, or one of something else.
        """
        content = read_token(checkpoint, _Content, _check)
        if content["operation"] != self.name:
            raise InvalidArgumentError(
                f"checkpoint was made of {content['operation']}, and build makes {self.name}; pass "
                "the same"
            )
        if content["variables"] != self.variables:
            raise InvalidArgumentError(
                f"checkpoint was made with other variables of {self.name}; pass the same"
            )
        start = NodePosition(content["after"], content["offset"], content["read"])
        return replace(self, start=start)


def plan_nodes(
    build: OperationBuilder[D],
    connection: Callable[[D], Connection[N] | None],
    limit: int | None = None,
) -> NodePlan[N]:
    """Check what `paginate` is asked for.

    Args:
        build: Makes the operation for the page behind a cursor.
        connection: Picks the connection from an answer.
        limit: The most nodes to read; None for all.

    Raises:
        InvalidArgumentError: `build` makes no query, or takes no notice of the cursor.
    """
    for argument, function in (("build", build), ("connection", connection)):
        if not callable(cast("object", function)):
            raise InvalidArgumentError(f"{argument} must be a function; got {describe(function)}")
    first, second = _operation(build, None), _operation(build, cursor_after(0))
    if first.document == second.document and dict(first.variables) == dict(second.variables):
        raise InvalidArgumentError(
            f"build makes the same {first.name} for each cursor, so that each page would be the "
            "first; pass the cursor on, as in lambda cursor: list_things(first=100, after=cursor)"
        )
    name = first.name

    def fetch(cursor: str | None) -> Flow[Connection[N]]:
        answer = yield _operation(build, cursor)
        # A driver answers as the operation says.
        return _pick(connection, cast("D", answer), name)

    variables = json.dumps(json.loads(first.content())["variables"], sort_keys=True)
    return NodePlan(name, fetch, digest_of(variables), limit)


def _operation(build: OperationBuilder[D], cursor: str | None) -> Operation[D]:
    """The operation for a page.

    Raises:
        InvalidArgumentError: It is no query.
    """
    built = build(cursor)
    if not isinstance(cast("object", built), Operation):
        raise InvalidArgumentError(
            f"build must return an Operation for each cursor; got {describe(built)}"
        )
    check_operation(built)
    if built.kind != "query":
        raise InvalidArgumentError(
            f"build must return a query; {built.name} is a mutation, and pages are asked for again "
            "where an answer is lost"
        )
    return built


def _pick(connection: Callable[[D], Connection[N] | None], answer: D, name: str) -> Connection[N]:
    """The connection of an answer.

    Raises:
        NotFoundError: It is null, or what it belongs to is.
    """
    cause = None
    try:
        picked = connection(answer)
    except AttributeError as error:
        # `answer.project.runs` of a project that is null, in code that no type checker has read.
        if error.name is None or error.obj is not None:
            raise
        picked, cause = None, error
    if picked is None:
        raise NotFoundError(
            f"{name}: the answer has null where connection= looks for nodes: there is no such "
            "user, team, project or run, or the API key may not see it"
        ) from cause
    return picked


def _check(content: _Content) -> None:
    """Refuse what no stream writes.

    Raises:
        ValueError: It holds a value that no stream has.
    """
    if content["version"] != _VERSION:
        raise ValueError("of another version")
    if not (0 <= content["offset"] <= 2**53 and 0 <= content["read"] <= 2**53):
        raise ValueError("a value that no stream has")


class _Page(NamedTuple, Generic[N]):
    """A page that was read.

    Attributes:
        after: The cursor behind which it starts.
        nodes: Its nodes; None for those that came as null.
        next_cursor: Where the next page starts; None for the last one.
    """

    after: str | None
    nodes: Sequence[N | None]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, repr=False)
class ReadyNode(FieldsRepr, Generic[N]):
    """A node that was read, to be handed on.

    Attributes:
        node: The node.
        before: Where the stream stood when it was read.
        after: Where it stands when the node has been handed on.
    """

    node: N
    before: NodePosition
    after: NodePosition


class NodeStream(Generic[N]):
    """The nodes of a connection, one after another.

    A page that failed is asked for again by the next call.

    Args:
        plan: What is asked for.

    Attributes:
        plan: As given.
        position: Where it stands. A caller that hands on the node that is `ready` assigns its
            `after`, and does nothing more: an interrupt before that leaves the node to be taken.
        nulls: How many nodes of the pages so far came as null.
    """

    def __init__(self, plan: NodePlan[N]) -> None:
        self.plan: NodePlan[N] = plan
        self._guard = CursorGuard(f"nodes of {plan.name}")
        self._guard.note(plan.start.after, is_empty=False)
        self._page: _Page[N] | None = None
        self._ready: ReadyNode[N] | None = None
        self.position: NodePosition = plan.start
        self.nulls: int = 0

    @property
    def checkpoint(self) -> Checkpoint:
        """Where a stream begins that continues behind the node that was handed on last."""
        return self.plan.checkpoint(self.position)

    @property
    def ready(self) -> ReadyNode[N] | None:
        """The node that was read and not handed on; None if there is none."""
        ready = self._ready
        return ready if ready is not None and ready.before is self.position else None

    def find(self) -> bool:
        """Make the next node ready; False if that takes a request.

        At the end no node is ready, and that takes no request.
        """
        position, page, limit = self.position, self._page, self.plan.limit
        if limit is not None and position.read >= limit:
            return True
        if page is None or page.after != position.after:
            return False
        nodes, offset = page.nodes, position.offset
        while offset < len(nodes) and nodes[offset] is None:
            offset += 1
        if offset < len(nodes):
            after = NodePosition(page.after, offset + 1, position.read + 1)
            self._ready = ReadyNode(cast("N", nodes[offset]), position, after)
            return True
        if page.next_cursor is None:
            if offset != position.offset:
                self.position = position._replace(offset=offset)
            return True
        self._guard.note(page.next_cursor, is_empty=not nodes)
        self.position = NodePosition(page.next_cursor, 0, position.read)
        return False

    def read_node(self) -> Flow[None]:
        """Read pages until a node is ready, or there is none.

        Raises:
            NotFoundError: The answer has no such connection.
            BadResponseError: The answer does not tell what else there is.
            InvalidArgumentError: The operation does not ask for what is needed.
        """
        while not self.find():
            position = self.position
            connection = yield from self.plan.fetch(position.after)
            page = self._read(connection, position.after)
            if self.position is position:  # else a signal handler has read on meanwhile
                self.nulls += sum(node is None for node in page.nodes[position.offset :])
                self._page = page

    def _read(self, connection: Connection[N], after: str | None) -> _Page[N]:
        name = self.plan.name
        try:
            edges, info = connection.edges, connection.page_info
            nodes = [None if edge is None else edge.node for edge in edges or ()]
            has_next = None if info is None else info.has_next_page
            cursor = None if info is None else info.end_cursor
        except AttributeError as error:
            raise InvalidArgumentError(
                f"{name}: there is no {error.name} where connection= looks for nodes; write edges "
                "{ node { ... } } and pageInfo { hasNextPage endCursor } into the query"
            ) from error
        if edges is None:  # which says nothing of whether there are nodes
            raise _bad(f"{name}: the server answered null instead of the edges of a page")
        if has_next is None:
            raise _bad(f"{name}: the server does not say whether more nodes follow")
        if has_next and cursor is None:
            raise _bad(f"{name}: the server says that more nodes follow, and gives no cursor")
        next_cursor = cursor if has_next else None
        self._guard.check(next_cursor, is_empty=not nodes)
        return _Page(after, nodes, next_cursor)


def _bad(what: str) -> BadResponseError:
    return BadResponseError(f"{what}; try again", status=HTTPStatus.OK)

"""What the blocking and the awaiting nodes of a connection share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from typing_extensions import override

from wandb_runs.errors import MissingItemsWarning
from wandb_runs.errors.text import as_message
from wandb_runs.errors.warnings import warn
from wandb_runs.frames.plan import check_int
from wandb_runs.pagination.nodes import NodeStream, plan_nodes
from wandb_runs.runs.iterators import NotCopied

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.graphql.connections import Connection, OperationBuilder
    from wandb_runs.pagination.nodes import NodePlan
    from wandb_runs.pagination.token import Checkpoint

__all__ = ["NodeIteratorBase", "NodesBase", "check_nodes"]

ClientT = TypeVar("ClientT")
D = TypeVar("D")
N = TypeVar("N")


def check_nodes(
    build: OperationBuilder[D],
    connection: Callable[[D], Connection[N] | None],
    limit: int | None,
    checkpoint: Checkpoint | None,
) -> NodePlan[N]:
    """Check the arguments of `paginate`.

    Raises:
        InvalidArgumentError: One of them cannot be right.
    """
    if limit is not None:
        check_int("limit", limit, least=0)
    plan = plan_nodes(build, connection, limit)
    return plan if checkpoint is None else plan.at(checkpoint)


class NodesBase(Generic[ClientT, N]):
    """What `Nodes` and `AsyncNodes` share.

    Args:
        client: The client to send requests with.
        plan: What is asked for.
    """

    __slots__ = ("_client", "_plan")

    def __init__(self, client: ClientT, plan: NodePlan[N]) -> None:
        self._client = client
        self._plan = plan

    @override
    def __repr__(self) -> str:
        plan, name = getattr(self, "_plan", None), type(self).__name__
        return f"<{name}, not made>" if plan is None else as_message(f"<{name} of {plan.name}>")


class NodeIteratorBase(NotCopied, Generic[ClientT, N]):
    """What `NodeIterator` and `AsyncNodeIterator` share.

    Args:
        client: The client to send requests with.
        plan: What is asked for.
    """

    __slots__ = ("_client", "_stream", "_told")

    _continued_by: ClassVar = "api.paginate(..., checkpoint=...)"

    def __init__(self, client: ClientT, plan: NodePlan[N]) -> None:
        self._client = client
        self._stream = NodeStream(plan)
        self._told = 0

    def checkpoint(self) -> Checkpoint:
        """The position of the loop, after the node that it took last: an opaque token.

        `api.paginate(..., checkpoint=...)` continues from there, in this process or another: it
        asks for the page of that node again, and leaves out as many as were taken. Sends nothing.
        """
        return self._stream.checkpoint

    def _report(self) -> None:
        """Warn of nodes that came as null, once they are known."""
        nulls = self._stream.nulls
        if nulls > self._told:
            self._told = nulls
            warn(MissingItemsWarning(f"nodes of {self._stream.plan.name}", nulls))

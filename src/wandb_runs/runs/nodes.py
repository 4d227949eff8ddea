"""`Nodes`: the nodes of any Relay connection, as `api.paginate` lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from typing_extensions import override

from wandb_runs.errors import WandbRunsError
from wandb_runs.runs.nodes_base import NodeIteratorBase, NodesBase
from wandb_runs.transport import RetryingClient

__all__ = ["NodeIterator", "Nodes"]

N = TypeVar("N")


class NodeIterator(NodeIteratorBase[RetryingClient, N], Iterator[N], Generic[N]):
    """A loop over `Nodes`; what `iter(nodes)` returns.

    An error does not end it: the next `next()` sends the failed request again. One thread at a
    time may take nodes from it.

    >>> from wandb_runs.graphql._generated import list_projects
    >>> projects = api.paginate(
    ...     lambda cursor: list_projects(entity="sample", first=100, after=cursor),
    ...     lambda answer: answer.models,
    ... )
    >>> loop = iter(projects)
    >>> next(loop).name, len(loop.checkpoint()) < 400
    ('digits', True)
    """

    __slots__ = ()

    @override
    def __next__(self) -> N:
        stream = self._stream
        if not stream.find():
            try:
                self._client.run(stream.read_node())
            except WandbRunsError as error:
                error.checkpoint = self.checkpoint()
                raise
        self._report()
        ready = stream.ready
        if ready is None:
            raise StopIteration
        # The last step, behind which no interrupt comes before the caller has the node.
        stream.position = ready.after
        return ready.node


class Nodes(NodesBase[RetryingClient, N], Iterable[N], Generic[N]):
    """The nodes of a connection, in the server's order; what `api.paginate(...)` returns.

    Lazy: a page is requested when a node of it is taken. Each loop begins at the start, and asks
    anew; no node is kept, so that a connection of any length takes constant memory. Threads may
    share one, each with a loop of its own.
    """

    __slots__ = ()

    @override
    def __iter__(self) -> NodeIterator[N]:
        return NodeIterator(self._client, self._plan)

    def __bool__(self) -> bool:
        """Whether there is any node; sends a request."""
        return any(True for _ in self)

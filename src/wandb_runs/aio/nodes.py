"""`AsyncNodes`: the nodes of any Relay connection, as `AsyncApi.paginate` lists them."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
from typing_extensions import override

from wandb_runs.errors import WandbRunsError
from wandb_runs.runs.nodes_base import NodeIteratorBase, NodesBase
from wandb_runs.transport import AsyncRetryingClient
from wandb_runs.transport.tasks import PerLoop

if TYPE_CHECKING:
    from typing import NoReturn

    from wandb_runs.pagination.nodes import NodePlan

__all__ = ["AsyncNodeIterator", "AsyncNodes"]

N = TypeVar("N")


class AsyncNodeIterator(NodeIteratorBase[AsyncRetryingClient, N], AsyncIterator[N], Generic[N]):
    """A loop over `AsyncNodes`; what `aiter(nodes)` returns.

    An error does not end it: the next `anext()` sends the failed request again. Several tasks of
    one event loop may take nodes from it, and each node goes to one of them.
    """

    __slots__ = ("_locks",)

    def __init__(self, client: AsyncRetryingClient, plan: NodePlan[N]) -> None:
        super().__init__(client, plan)
        self._locks = PerLoop(anyio.Lock)

    @override
    async def __anext__(self) -> N:
        stream = self._stream
        # In a loop, since another task may take the node that this one has waited for. Nothing is
        # awaited between the last look and the end.
        while not stream.find():
            async with self._locks.here():
                try:
                    await self._client.run(stream.read_node())
                except WandbRunsError as error:
                    error.checkpoint = self.checkpoint()
                    raise
        self._report()
        ready = stream.ready
        if ready is None:
            raise StopAsyncIteration
        stream.position = ready.after
        return ready.node


class AsyncNodes(NodesBase[AsyncRetryingClient, N], AsyncIterable[N], Generic[N]):
    """The nodes of a connection, in the server's order; what `AsyncApi.paginate(...)` returns.

    Lazy: a page is requested when a node of it is taken. Each loop begins at the start, and asks
    anew; no node is kept, so that a connection of any length takes constant memory. Tasks may
    share one, each with a loop of its own.
    """

    __slots__ = ()

    @override
    def __aiter__(self) -> AsyncNodeIterator[N]:
        return AsyncNodeIterator(self._client, self._plan)

    def __bool__(self) -> NoReturn:
        """Refused: whether there is any takes a request."""
        raise TypeError("write `async for`: whether there is any node takes a request")

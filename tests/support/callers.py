"""`Caller`: operations of a user's own, sent by `Api` and by `AsyncApi` on each backend."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, Unpack, cast

import anyio

from wandb_runs import Api, AsyncApi, AsyncNodes, NodeIterator, Nodes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.options import ApiArguments

    from wandb_runs import Connection, JSONObject, Operation, OperationBuilder, Server, Stats

__all__ = ["Caller", "Loop"]

D = TypeVar("D")
N = TypeVar("N")
T = TypeVar("T")


class Loop(Generic[N]):
    """A loop over nodes, which blocks."""

    def __init__(self, way: str, nodes: Nodes[N] | AsyncNodes[N]) -> None:
        self._way = way
        self._inner = iter(nodes) if isinstance(nodes, Nodes) else aiter(nodes)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> N:
        if isinstance(self._inner, NodeIterator):
            return next(self._inner)
        try:
            return anyio.run(self._inner.__anext__, backend=self._way)
        except StopAsyncIteration:
            raise StopIteration from None

    def checkpoint(self) -> str:
        return self._inner.checkpoint()


class Caller:
    """An `Api`, or an `AsyncApi` whose calls block.

    Attributes:
        inner: The one or the other.
    """

    def __init__(self, way: str, url: str, **given: Unpack[ApiArguments]) -> None:
        self._way = way
        kind = Api if way == "sync" else AsyncApi
        given.setdefault("api_key", "k" * 40)
        self.inner: Api | AsyncApi = kind(base_url=url, **given)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.inner, Api):
            self.inner.close()
        else:
            self._go(self.inner.aclose)

    @property
    def stats(self) -> Stats:
        return self.inner.stats

    @property
    def server(self) -> Server:
        return self.inner.server

    def execute(self, operation: Operation[T]) -> T:
        if isinstance(self.inner, Api):
            return self.inner.execute(operation)
        return self._go(partial(self.inner.execute, operation))

    def execute_raw(
        self, document: str, variables: object = None, operation_name: str | None = None
    ) -> JSONObject:
        given = cast("Any", variables)  # wrong ones are given, too
        if isinstance(self.inner, Api):
            return self.inner.execute_raw(document, given, operation_name=operation_name)
        return self._go(
            partial(self.inner.execute_raw, document, given, operation_name=operation_name)
        )

    def loop(
        self,
        build: OperationBuilder[D],
        connection: Callable[[D], Connection[N] | None],
        *,
        limit: int | None = None,
        checkpoint: str | None = None,
    ) -> Loop[N]:
        if isinstance(self.inner, Api):
            nodes = self.inner.paginate(build, connection, limit=limit, checkpoint=checkpoint)
            return Loop(self._way, nodes)
        awaited = self.inner.paginate(build, connection, limit=limit, checkpoint=checkpoint)
        return Loop(self._way, awaited)

    def _go(self, begin: Callable[[], Awaitable[T]]) -> T:
        return anyio.run(begin, backend=self._way)

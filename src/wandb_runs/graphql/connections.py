"""What `paginate` needs of a Relay connection, as generated models and models of others have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.graphql.operation import Operation

__all__ = ["Connection", "Edge", "OperationBuilder", "PageInfo"]

D_co = TypeVar("D_co", covariant=True)
N_co = TypeVar("N_co", covariant=True)


class PageInfo(Protocol):
    """The `pageInfo` of a connection."""

    @property
    def has_next_page(self) -> bool | None:
        """Whether there are more nodes behind the page."""
        ...

    @property
    def end_cursor(self) -> str | None:
        """The cursor after which they come."""
        ...


class Edge(Protocol[N_co]):
    """An edge of a connection."""

    @property
    def node(self) -> N_co | None:
        """What it leads to."""
        ...


class Connection(Protocol[N_co]):
    """A page of a Relay connection: the model of `edges { node { ... } } pageInfo { ... }`.

    The query has to ask for `pageInfo { hasNextPage endCursor }`. Generated models are immutable,
    and threads may share them.
    """

    @property
    def edges(self) -> Sequence[Edge[N_co] | None] | None:
        """The edges of the page."""
        ...

    @property
    def page_info(self) -> PageInfo | None:
        """Where the page ends, and whether it is the last one."""
        ...


class OperationBuilder(Protocol[D_co]):
    """Makes the operation for the page behind a cursor; None stands for the first page.

    It is called by the thread, or the task, that takes the nodes.
    """

    # No `Callable`: mypy would infer what it returns too late for the other arguments.
    def __call__(self, cursor: str | None, /) -> Operation[D_co]:
        """Return the operation."""
        ...

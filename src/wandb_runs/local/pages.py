"""Pages of a GraphQL connection; cursors hold an offset, as W&B's do."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from wandb_runs.local.where import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["PAGE", "Edge", "Page", "PageRequest", "cursor_at", "place_after", "read_page"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PAGE: Final = 50
"""The default size of a page."""

_LIMIT: Final = 1000
_CURSOR: Final = "arrayconnection:"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page to read.

    Attributes:
        after: The cursor after which it starts; None starts with the first item.
        first: Its size; None takes the default.
    """

    after: str | None
    first: int | None


@dataclass(frozen=True, slots=True)
class Edge(Generic[T_co]):
    """An item of a page, with its cursor.

    Attributes:
        node: The item.
        cursor: Where a page that follows the item starts.
    """

    node: T_co | None
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """A page, as a resolver answers it.

    Attributes:
        edges: The items, in order.
        end_cursor: Where the page ends.
        has_next_page: Whether more follow.
    """

    edges: Sequence[Edge[T_co] | None]
    end_cursor: str | None
    has_next_page: bool

    @property
    def page_info(self) -> dict[str, object]:
        """Where the page ends, in W&B's shape."""
        return {"end_cursor": self.end_cursor, "has_next_page": self.has_next_page}


def read_page(request: PageRequest, find: Callable[[int, int], Sequence[T]]) -> Page[T]:
    """Read a page.

    Args:
        request: Which one.
        find: Reads items, given an offset and a limit.

    Raises:
        BadRequestError: The cursor is not one, or the size is negative.
    """
    offset = place_after(request.after)
    size = PAGE if request.first is None else min(request.first, _LIMIT)
    if size < 0:
        raise BadRequestError("first: at least 0")
    found = find(offset, size + 1)
    edges = [Edge(node, cursor_at(place)) for place, node in enumerate(found[:size], start=offset)]
    return Page(edges, edges[-1].cursor if edges else None, len(found) > size)


def cursor_at(place: int) -> str:
    """Spell the cursor of an item.

    >>> place_after(cursor_at(49))
    50
    """
    return base64.b64encode(f"{_CURSOR}{place}".encode()).decode()


def place_after(cursor: str | None) -> int:
    """The number of items up to a cursor, its own included.

    Raises:
        BadRequestError: It is not a cursor.
    """
    if not cursor:
        return 0
    try:
        kind, _, place = base64.b64decode(cursor, validate=True).decode().partition(":")
        if f"{kind}:" == _CURSOR and place.isdecimal():
            return int(place) + 1
    except ValueError:
        pass
    raise BadRequestError(f"after: not a cursor: {cursor}")

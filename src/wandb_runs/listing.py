"""The runs of a listing that were read so far, and where it stands."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from wandb_runs.passed import ById
from wandb_runs.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from wandb_runs.flow import Flow
    from wandb_runs.passed import ByKey
    from wandb_runs.walk import Border, Drift, Source

__all__ = ["Listing"]

T = TypeVar("T")


class Listing(Generic[T]):
    """The items of a listing, as far as they were read; a failed page can be asked again.

    Args:
        identify: An item's id.
        order: The order, as it is sent.
        first: How many items a page holds.
        limit: How many items to read at most.
        border: Where to begin.
        began: When the listing began, if it did before.
        ids: The ids of what was read before.
        before: Tells what else was read before.
        is_strict: Whether a drift that cannot be set right is an error.

    Attributes:
        items: What was read.
        complete: Whether there is nothing more to read.
    """

    __slots__ = (
        "_before",
        "_borders",
        "_limit",
        "_passed",
        "_places",
        "_walk",
        "complete",
        "items",
    )

    def __init__(
        self,
        identify: Callable[[T], str],
        order: str,
        first: int,
        *,
        limit: int | None = None,
        border: Border,
        began: datetime | None = None,
        ids: Iterable[str] = (),
        before: ByKey[T] | None = None,
        is_strict: bool = False,
    ) -> None:
        self._passed: ById[T] = ById(identify, keeps=True, ids=ids, before=before)
        self._walk = Walk(
            identify, order, first, self._passed, border=border, began=began, is_strict=is_strict
        )
        self._before = len(self._passed.items)
        self._limit = limit
        self._places = [0]
        self._borders = [self._walk.border]
        self.items: list[T] = []
        self.complete = limit == 0

    @property
    def drift(self) -> Drift:
        """What could not be set right."""
        return self._walk.drift

    @property
    def began(self) -> datetime | None:
        """When the listing began, by the server's clock; None before it has."""
        return self._walk.began

    def border_before(self, place: int) -> Border:
        """Where the page starts that holds the item at a place."""
        return self._borders[bisect_right(self._places, place) - 1]

    def read_to(self, count: int | None, source: Source[T]) -> Flow[None]:
        """Read pages until there are `count` items, or all for None, or no more pages.

        Args:
            count: How many items are wanted.
            source: Where the pages come from.
        """
        while not self.complete and (count is None or len(self.items) < count):
            kept = self._before + len(self.items)
            if len(self._passed.items) > kept:
                # The last page was read, and interrupted: by Ctrl-C, or by a fork.
                read = islice(self._passed.items.values(), kept, None)
                self._keep(cast("list[T]", [*read]))  # all items are kept
            else:
                self._keep((yield from self._walk.next_page(source)) or [])

    def _keep(self, fresh: list[T]) -> None:
        if self._limit is not None:
            fresh = fresh[: self._limit - len(self.items)]
        self.items += fresh
        if self._walk.border is not self._borders[-1]:
            self._places.append(len(self.items))
            self._borders.append(self._walk.border)
        self.complete = self._walk.complete or len(self.items) == self._limit

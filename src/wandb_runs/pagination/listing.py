"""The runs of a listing that were read so far, and where it stands."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, cast

from wandb_runs.pagination.checkpoint import ListingState
from wandb_runs.pagination.paginator import Paginator
from wandb_runs.pagination.seen import SeenIds, Watermark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.paginator import Drift, Position, Source
    from wandb_runs.pagination.seen import SeenInOrder

__all__ = ["Listing", "PageStream"]

T = TypeVar("T")


class Listing(Generic[T]):
    """The items of a listing, as far as they were read; a failed page can be asked again.

    Args:
        identify: An item's id.
        order: The order, as it is sent.
        first: How many items a page holds.
        limit: How many items to read at most.
        position: Where to begin.
        began: When the listing began, if it did before.
        ids: The ids of what was read before.
        before: Tells what else was read before.
        is_strict: Whether a drift that cannot be set right is an error.
        fits: Whether to keep an item that was read; None to keep all.

    Attributes:
        items: What was read.
        complete: Whether there is nothing more to read.
    """

    __slots__ = (
        "_before",
        "_fits",
        "_identify",
        "_left_out",
        "_limit",
        "_paginator",
        "_places",
        "_positions",
        "_seen",
        "_taken",
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
        position: Position,
        began: datetime | None = None,
        ids: Iterable[str] = (),
        before: SeenInOrder[T] | None = None,
        is_strict: bool = False,
        fits: Callable[[T], bool] | None = None,
    ) -> None:
        self._seen: SeenIds[T] = SeenIds(identify, keeps=True, ids=ids, before=before)
        self._paginator = Paginator(
            identify, order, first, self._seen, position=position, began=began, is_strict=is_strict
        )
        self._identify = identify
        self._fits = fits
        self._left_out: list[tuple[int, T]] = []
        self._before = self._taken = len(self._seen.items)
        self._limit = limit
        self._places = [0]
        self._positions = [self._paginator.position]
        self.items: list[T] = []
        self.complete: bool = limit == 0

    @property
    def drift(self) -> Drift:
        """What could not be set right."""
        return self._paginator.drift

    @property
    def began(self) -> datetime | None:
        """When the listing began, by the server's clock; None before it has."""
        return self._paginator.began

    def position_before(self, place: int) -> Position:
        """Where the page starts that holds the item at a place."""
        return self._positions[bisect_right(self._places, place) - 1]

    def read_to(self, count: int | None, source: Source[T]) -> Flow[None]:
        """Read pages until there are `count` items, or all for None, or no more pages.

        Args:
            count: How many items are wanted.
            source: Where the pages come from.
        """
        while not self.complete and (count is None or len(self.items) < count):
            if len(self._seen.items) > self._taken:
                # The last page was read, and interrupted: by Ctrl-C, or by a fork.
                kept = set(map(self._identify, self.items))
                read = islice(self._seen.items.items(), self._before, None)
                fresh = [item for item_id, item in read if item_id not in kept]
                self._keep(cast("list[T]", fresh))  # all items are kept
            else:
                self._keep((yield from self._paginator.next_page(source)) or [])

    def read_before(self, place: int) -> list[T]:
        """What was read before the item at a place, with what was left out."""
        read = self.items[:place]
        for at, item in reversed(self._left_out):
            if at <= place:
                read.insert(at, item)
        return read

    def _keep(self, fresh: list[T]) -> None:
        taken = len(self._seen.items)
        if self._fits is not None:
            fresh = self._leave_out(fresh, self._fits)
        left = None if self._limit is None else self._limit - len(self.items)
        is_cut = left is not None and left < len(fresh)
        self.items += fresh[:left]
        # Whoever goes on behind a page that was cut needs the rest of it.
        if self._paginator.position is not self._positions[-1] and not is_cut:
            self._places.append(len(self.items))
            self._positions.append(self._paginator.position)
        self._taken = taken
        self.complete = self._paginator.complete or len(self.items) == self._limit

    def _leave_out(self, fresh: list[T], fits: Callable[[T], bool]) -> list[T]:
        kept: list[T] = []
        left_out: list[tuple[int, T]] = []
        for item in fresh:
            if fits(item):
                kept.append(item)
            else:
                left_out.append((len(self.items) + len(kept), item))
        self._left_out += left_out
        return kept


class _StreamState(NamedTuple):
    """Where a walk stands.

    Attributes:
        position: Where the next page starts.
        watermark: What was passed, in an order in which that is known by something small.
        by_id: How many runs were passed, in any other order.
        read: How many items were handed on.
    """

    position: Position
    watermark: Watermark
    by_id: int
    read: int


class PageStream(Generic[T]):
    """The pages of a listing, one after another, of which nothing is kept once it is taken.

    Args:
        identify: An item's id.
        order: The order, as it is sent.
        first: How many items a page holds.
        source: Where the pages come from.
        start: Where to begin.
        by_key: Tells what was passed, in an order in which something smaller than ids does.
        limit: How many items to read at most, those before the start among them.
        is_strict: Whether a drift that cannot be set right is an error.
        fits: Whether to hand an item on; None to hand on all.
    """

    __slots__ = (
        "_by_id",
        "_by_key",
        "_fits",
        "_limit",
        "_page",
        "_paginator",
        "_place",
        "_read",
        "_source",
        "_within",
    )

    def __init__(
        self,
        identify: Callable[[T], str],
        order: str,
        first: int,
        source: Source[T],
        *,
        start: ListingState,
        by_key: SeenInOrder[T] | None,
        limit: int | None,
        is_strict: bool,
        fits: Callable[[T], bool] | None,
    ) -> None:
        self._by_key = by_key
        self._by_id: SeenIds[T] = SeenIds(identify, keeps=False, ids=start.ids)
        self._paginator: Paginator[T] = Paginator(
            identify,
            order,
            first,
            self._by_id if by_key is None else by_key,
            position=start.position,
            began=start.began,
            is_strict=is_strict,
        )
        self._source = source
        self._limit = limit
        self._fits = fits
        self._read = start.read
        self._page: list[T] | None = None
        # Where the last page was cut, since the limit was reached.
        self._within: _StreamState | None = None
        self._place = self._here()

    @property
    def drift(self) -> Drift:
        """What could not be set right, as far as it is known."""
        return self._paginator.drift

    @property
    def complete(self) -> bool:
        """Whether there is nothing more to read."""
        return self._paginator.complete

    @property
    def state(self) -> ListingState:
        """Where to begin for whoever goes on behind the page that was taken last."""
        position, watermark, by_id, read = self._place
        ids = tuple(islice(self._by_id.items, by_id))
        return ListingState(position, watermark, ids, read, self._paginator.began)

    def read_page(self) -> Flow[None]:
        """Read the next page that holds anything, for `take` to hand on; none after the last one.

        A page that failed is asked for again by the next call, and one that nobody took, since he
        was interrupted, is still there.
        """
        while self._page is None:
            left = None if self._limit is None else max(0, self._limit - self._read)
            if self._paginator.complete or left == 0:
                return
            before = self._here()
            read = (yield from self._paginator.next_page(self._source)) or []
            page = read if self._fits is None else [item for item in read if self._fits(item)]
            if left is not None and left < len(page):
                page = page[:left]
                self._within = self._behind(page[-1], read, before)
            self._page = page or None

    def take(self) -> list[T] | None:
        """The page that was read; None after the last one."""
        page, self._page = self._page, None
        self._read += len(page or ())
        self._place = (self._within or self._here())._replace(read=self._read)
        return page

    def _here(self) -> _StreamState:
        watermark = Watermark() if self._by_key is None else self._by_key.watermark
        return _StreamState(self._paginator.position, watermark, len(self._by_id.items), self._read)

    def _behind(self, last: T, page: list[T], before: _StreamState) -> _StreamState:
        """Where to go on behind an item within a page: at the page, of which these were passed."""
        seen = page[: page.index(last) + 1]
        if self._by_key is None:
            return before._replace(by_id=before.by_id + len(seen))
        return before._replace(watermark=self._by_key.behind(seen, before.watermark))

"""`Listing`: the runs of one listing, kept as pages of them are read."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from wandb_runs.pagination.changes import is_by_creation, is_descending
from wandb_runs.pagination.checkpoint import ListingState
from wandb_runs.pagination.paginator import Paginator
from wandb_runs.pagination.progress import Progress
from wandb_runs.pagination.seen import SeenIds, SeenInOrder, Watermark

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Page, PageRequest, Selection
    from wandb_runs.pagination.paginator import Drift, Position, Source
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.pagination.seen import Seen
    from wandb_runs.pagination.sizes import PageSize

__all__ = ["Listing", "ListingPlan", "PageStream", "ReadyPage", "Taken", "read_all"]

T = TypeVar("T")


class ListingPlan(NamedTuple, Generic[T]):
    """How a listing is read.

    Attributes:
        identify: An item's id.
        created_key: An item's instant of creation, as a text that sorts alike; None if unknown.
        order: The order, as it is sent.
        size: How many items the first page asks for.
        limit: The most items to read, those before the start among them; None for all.
        is_strict: Whether a drift that cannot be set right is an error.
        fits: Whether to keep an item that was read; None to keep all.
        start: Where to begin.
    """

    identify: Callable[[T], str]
    created_key: Callable[[T], str | None]
    order: str
    size: PageSize
    limit: int | None = None
    is_strict: bool = False
    fits: Callable[[T], bool] | None = None
    start: ListingState = ListingState()

    def seen_in_order(self) -> SeenInOrder[T] | None:
        """What was seen before the start, in an order in which a watermark tells; else None."""
        if not is_by_creation(self.order):
            return None
        return SeenInOrder(
            self.identify,
            self.created_key,
            descending=is_descending(self.order),
            watermark=self.start.watermark,
        )

    def paginator(self, seen: Seen[T]) -> Paginator[T]:
        """The pages from the start on."""
        return Paginator(
            self.identify,
            self.order,
            self.size,
            seen,
            position=self.start.position,
            began=self.start.began,
            is_strict=self.is_strict,
        )


class Listing(Generic[T]):
    """The items of a listing, as far as they were read; a page that failed can be asked for again.

    It holds no source of pages: the source may hold the listing, and items are freed with the last
    reference to them, not when the garbage collector next looks for cycles.

    Args:
        plan: How to read it.

    Attributes:
        items: What was read.
        complete: Whether there is nothing more to read.
    """

    def __init__(self, plan: ListingPlan[T]) -> None:
        start, limit = plan.start, plan.limit
        before = plan.seen_in_order() if start.read else None
        self._plan = plan
        seen: SeenIds[T] = SeenIds(
            plan.identify, ids=start.ids, before=before, tracker=plan.seen_in_order()
        )
        self._paginator = plan.paginator(seen)
        self._left_out: list[tuple[int, T]] = []
        self._limit = None if limit is None else max(0, limit - start.read)
        # How many items were read before each page, and where the page starts.
        self._counts = [0]
        self._positions = [self._paginator.position]
        self._kept = _Kept(self._paginator.page[0])
        self.items: list[T] = []
        self.complete: bool = self._limit == 0

    @property
    def drift(self) -> Drift:
        """What could not be set right."""
        return self._paginator.drift

    def read_to(
        self, count: int | None, source: Source[T], *, wanted: int | None = None
    ) -> Flow[None]:
        """Read pages until there are `count` items, or all for None, or no more pages.

        Args:
            count: The number of items that are needed.
            source: Where the pages come from.
            wanted: How many may be needed in the end; no page behind them is read ahead. None for
                all.
        """
        limit = self._limit
        if limit is not None:
            wanted = limit if wanted is None else min(wanted, limit)
        while not self.complete and (count is None or len(self.items) < count):
            if self._paginator.page[0] is self._kept.turn:
                read = len(self.items)
                yield from self._paginator.next_page(
                    source,
                    # Of a page, some items may not fit.
                    left=None if limit is None or self._plan.fits else limit - read,
                    wanted=None if wanted is None else wanted - read,
                )
            # Else an interrupt came when the page had been read: Ctrl-C, or a fork.
            self._keep()

    def state_at(self, index: int) -> ListingState:
        """Where a listing begins that continues with the item at an index."""
        start, read = self._plan.start, self.items[:index]
        for at, item in reversed(self._left_out):
            if at <= index:
                read.insert(at, item)
        in_order, ids = self._plan.seen_in_order(), start.ids
        if in_order is None:
            ids = (*ids, *map(self._plan.identify, read))
        else:
            in_order.add(read)
        return ListingState(
            self._positions[bisect_right(self._counts, index) - 1],
            Watermark() if in_order is None else in_order.watermark,
            ids,
            start.read + index,
            self._paginator.began,
        )

    def _keep(self) -> None:
        """Keep the page that was read.

        An interrupt at any instruction leaves it to be kept again, by the same steps.
        """
        turn, page = self._paginator.page
        kept = self._kept
        if turn is not kept.turn:
            fresh, left_out = self._sort_out(page, kept.items)
            left = None if self._limit is None else self._limit - kept.items
            is_cut = left is not None and left < len(fresh)
            self._left_out[kept.left_out :] = left_out
            self.items[kept.items :] = fresh[:left]
            pages, position = kept.pages, self._paginator.position
            # A listing that continues behind a page that was cut needs the rest of it.
            if position is not self._positions[pages - 1] and not is_cut:
                self._positions[pages:] = [position]
                self._counts[pages:] = [len(self.items)]
                pages += 1
            self._kept = _Kept(turn, len(self.items), pages, len(self._left_out))
        self.complete = self._paginator.complete or len(self.items) == self._limit

    def _sort_out(self, page: list[T], before: int) -> tuple[list[T], list[tuple[int, T]]]:
        """The items of a page that fit, and the others, each with the number of those before it."""
        fits = self._plan.fits
        if fits is None:
            return page, []
        kept: list[T] = []
        left_out: list[tuple[int, T]] = []
        for item in page:
            if fits(item):
                kept.append(item)
            else:
                left_out.append((before + len(kept), item))
        return kept, left_out


def read_all(
    listing: Listing[T],
    source: Source[T],
    progress: OnProgress | None,
    *,
    count: Callable[[], int | None],
    before: int = 0,
) -> Flow[None]:
    """Read what is left of a listing, and tell how far that has come after each page.

    The second page brings the number of all items where that is not known, so that no page is
    requested behind the last one.

    Args:
        listing: The listing.
        source: Where the pages come from.
        progress: The caller's progress callback.
        count: Tells how many items there are, if that is known.
        before: How many of them were read before the listing began.
    """
    size, asks = 0, 1

    def fetch(selection: Selection, request: PageRequest) -> Flow[Page[T]]:
        nonlocal size, asks
        if asks and request.after is not None and count() is None:
            request, asks = replace(request, is_counted=True), 0
        page = yield from source.fetch(selection, request)
        size += page.size
        return page

    measured = source._replace(fetch=fetch)
    is_complete = listing.complete
    while not is_complete:
        total = count()
        wanted = None if total is None else total - before
        yield from listing.read_to(len(listing.items) + 1, measured, wanted=wanted)
        is_complete, read = listing.complete, before + len(listing.items)
        if progress is not None:
            told = read if is_complete else count()
            progress(Progress(read, None if told is None else max(told, read), size))


class _Kept(NamedTuple):
    """What a listing has kept: replaced as a whole, as the last step of keeping a page.

    Attributes:
        turn: Stands for the last page that was kept.
        items: The number of items.
        pages: The number of pages whose start is known.
        left_out: The number of items that did not fit.
    """

    turn: object
    items: int = 0
    pages: int = 1
    left_out: int = 0


class Taken(NamedTuple):
    """Where a stream stands.

    Attributes:
        position: Where the next page starts.
        watermark: What was seen, in an order by creation.
        ids: The number of ids seen, in any other order.
        read: The number of items handed on.
        turn: Stands for the page that was handed on.
    """

    position: Position
    watermark: Watermark
    ids: int
    read: int
    turn: object


class ReadyPage(NamedTuple, Generic[T]):
    """A page that was read, to be handed on.

    Attributes:
        page: The page.
        before: Where the stream stood when it was read.
        after: Where it stands when the page has been handed on.
    """

    page: list[T]
    before: Taken
    after: Taken


class PageStream(Generic[T]):
    """The pages of a listing, one after another, none of them kept once it is taken.

    Args:
        plan: How to read it.
        source: Where the pages come from.

    Attributes:
        taken: Where it stands. A caller that hands on the page that is `ready` assigns its `after`,
            and does nothing more: an interrupt before that leaves the page to be taken again.
    """

    def __init__(self, plan: ListingPlan[T], source: Source[T]) -> None:
        self._plan = plan
        self._source = source
        self._in_order = plan.seen_in_order()
        self._seen: SeenIds[T] = SeenIds(plan.identify, ids=plan.start.ids)
        self._paginator = plan.paginator(self._in_order or self._seen)
        self._ready: ReadyPage[T] | None = None
        self.taken: Taken = self._now(plan.start.read)

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
        """Where a listing begins that continues behind the page that was taken last."""
        position, watermark, seen, read, _ = self.taken
        ids = tuple(islice(self._seen.items, seen))
        return ListingState(position, watermark, ids, read, self._paginator.began)

    def read_page(self) -> Flow[None]:
        """Read the next page that holds anything, for `take` to hand on; none after the last one.

        A page that failed is asked for again by the next call; one that was not taken is kept.
        """
        limit, fits = self._plan.limit, self._plan.fits
        while self.ready is None:
            taken, left = self.taken, None
            if limit is not None and (left := max(0, limit - self.taken.read)) == 0:
                return
            turn, read = self._paginator.page
            if turn is taken.turn:
                self._paginator.release()
                self._ready = None
                if self._paginator.complete:
                    return
                yield from self._paginator.next_page(
                    self._source, left=None if fits else left, wanted=left
                )
                if self._paginator.page[0] is turn:
                    # The end. What drifted may have moved the position.
                    self.taken = self._now(taken.read)
                continue
            page = read if fits is None else list(filter(fits, read))
            after = self._now(taken.read + len(page))
            if left is not None and left < len(page):
                page = page[:left]
                after = self._behind(page[-1], read, taken)._replace(
                    read=taken.read + len(page), turn=turn
                )
            if page:
                self._ready = ReadyPage(page, taken, after)
            else:
                self.taken = after

    @property
    def ready(self) -> ReadyPage[T] | None:
        """The page that was read and not taken; None if there is none."""
        ready = self._ready
        return ready if ready is not None and ready.before is self.taken else None

    def take(self) -> list[T] | None:
        """The page that was read; None after the last one."""
        ready = self.ready
        if ready is None:
            return None
        self._ready = None
        self.taken = ready.after
        return ready.page

    def _now(self, read: int) -> Taken:
        turn = self._paginator.page[0]
        watermark = Watermark() if self._in_order is None else self._in_order.watermark
        return Taken(self._paginator.position, watermark, len(self._seen.items), read, turn)

    def _behind(self, last: T, page: list[T], before: Taken) -> Taken:
        """Where to continue behind an item within a page: at the page, of which these were seen."""
        seen = page[: page.index(last) + 1]
        if self._in_order is None:
            return before._replace(ids=before.ids + len(seen))
        return before._replace(watermark=self._in_order.behind(seen, before.watermark))

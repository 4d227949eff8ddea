"""Listings of a few items each, such as projects: read page by page, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from wandb_runs.errors import BadResponseError, MissingItemsWarning
from wandb_runs.errors.text import as_message
from wandb_runs.errors.warnings import warn
from wandb_runs.frames.plan import check_int
from wandb_runs.runs.cursor_trail import CursorTrail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs.graphql._generated import PageInfoFields
    from wandb_runs.graphql.flow import Flow

__all__ = ["ItemListing", "ItemPage", "ItemsBase", "check_page"]

T = TypeVar("T")

_MOST: Final = 1000
"""The most items that a request asks for."""


class ItemPage(NamedTuple, Generic[T]):
    """A page of items.

    Attributes:
        items: The items; None for one that came as null.
        page_info: Where the page ends; None if the server does not tell.
    """

    items: Sequence[T | None]
    page_info: PageInfoFields | None


class _State(NamedTuple):
    """Where a listing stands: replaced as a whole, so that no interrupt leaves it half changed.

    Attributes:
        read: How many items were read.
        trail: The cursors so far.
        nulls: How many items came as null.
        is_complete: Whether there is nothing more to read.
    """

    read: int = 0
    trail: CursorTrail = CursorTrail()
    nulls: int = 0
    is_complete: bool = False


class ItemListing(Generic[T]):
    """Items, as far as they were read; a page that failed can be asked for again.

    An item that comes again, since others were created meanwhile, is left out.

    Args:
        what: What is listed, in the plural, for messages.
        fetch: Reads the page behind a cursor.
        identify: An item's id.

    Attributes:
        items: What was read.
    """

    def __init__(
        self,
        what: str,
        fetch: Callable[[str | None], Flow[ItemPage[T]]],
        identify: Callable[[T], str],
    ) -> None:
        self.what = what
        self._fetch = fetch
        self._identify = identify
        self._state = _State()
        # The place of each item. Behind the state's count, they are to be set again.
        self._places: dict[str, int] = {}
        self._told = 0
        self.items: list[T] = []

    def has(self, count: int | None) -> bool:
        """Whether so many items were read; all for None."""
        state = self._state
        return state.is_complete or (count is not None and state.read >= count)

    def read_to(self, count: int | None) -> Flow[None]:
        """Read pages until there are `count` items, or all for None, or no more pages.

        Raises:
            BadResponseError: The answer does not tell what else there is.
        """
        while not self.has(count):
            state = self._state
            page = yield from self._fetch(state.trail.after)
            if self._state is state:  # else a signal handler has read on meanwhile
                self._keep(page, state)

    def _keep(self, page: ItemPage[T], state: _State) -> None:
        info = page.page_info
        if info is None or info.has_next_page is None:
            raise BadResponseError(
                f"the server does not say whether more {self.what} follow; try again", status=200
            )
        trail = state.trail
        if info.has_next_page:
            trail = trail.follow(info.end_cursor, self.what)
        places, fresh = self._places, list[T]()
        for item in page.items:
            if item is None:
                continue
            place = state.read + len(fresh)
            if places.get(name := self._identify(item), place) >= place:
                places[name] = place
                fresh.append(item)
        self.items[state.read :] = fresh
        nulls = state.nulls + sum(item is None for item in page.items)
        self._state = _State(len(self.items), trail, nulls, not info.has_next_page)

    def report(self) -> None:
        """Warn of items that came as null, once they are known."""
        nulls = self._state.nulls
        if nulls > self._told:
            self._told = nulls
            warn(MissingItemsWarning(self.what, nulls))


class ItemsBase(Generic[T]):
    """What blocking and awaiting sequences of items share.

    Args:
        listing: The items.
        shown: Where they are, for `repr`.
    """

    def __init__(self, listing: ItemListing[T], shown: str) -> None:
        self._listing = listing
        self._shown = shown

    def __repr__(self) -> str:
        # A traceback may show one whose arguments were refused.
        shown: str | None = getattr(self, "_shown", None)
        name = type(self).__name__
        return f"<{name}, not made>" if shown is None else f"<{name} {as_message(shown)}>"


def check_page(per_page: int) -> int:
    """The number of items to ask for at once.

    Raises:
        InvalidArgumentError: Not an int, or less than 1.
    """
    check_int("per_page", per_page, least=1)
    return min(per_page, _MOST)

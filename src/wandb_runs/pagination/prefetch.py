"""`Prefetcher`: the pages of a connection, several of them requested at once."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from wandb_runs.errors import WandbRunsError, is_too_large
from wandb_runs.graphql.flow import gather
from wandb_runs.pagination.changes import ChangeTracker
from wandb_runs.pagination.cursors import CursorGuard, offset_of
from wandb_runs.pagination.page import PageRequest
from wandb_runs.pagination.read_ahead import expected_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Overlap, Page, Selection
    from wandb_runs.pagination.sizes import PageSize

__all__ = ["AHEAD", "Prefetcher"]

AHEAD: Final = 8
"""How many pages are asked for at once by default, when it is known where they start."""

_COUNTS: Final = 2
"""How often the number of runs is asked for before the pages have to do without."""

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """The pages of a connection in order, several of them asked for at once.

    W&B's cursors count runs, so that it can be told where later pages start once one cursor and
    the number of runs are known. This is a guess, and never more: a page that was read ahead
    counts only if the page before names the very cursor that it was asked with. What does not
    fit is dropped and asked for again, and nothing is guessed any more, so that the pages are
    those that following every cursor gives, on any server.

    Each page is asked for with the run before it, as `Paginator` does. Where that is not the one
    that was read last, runs came or went meanwhile, and the reading ends there: the caller
    continues by the ids of the runs.

    The number of runs is asked for with the second page, since it costs the server a count: a
    listing of one page does without.

    Args:
        selection: Which runs there are.
        fetch: The flow that reads one page.
        size: How many items the next page is to hold.
        total: How many items there are, if that is known.
        ahead: How many pages are asked for at once.
        done: Told each page as it comes, in whatever order.
        dropped: Told each page that was read for nothing.

    Attributes:
        size: How many items the next page is to hold.
        complete: Whether there is nothing more to read.
        nulls: How many items came as null.
    """

    def __init__(
        self,
        selection: Selection,
        fetch: Callable[[PageRequest], Flow[Page[T]]],
        size: PageSize,
        *,
        total: int | None = None,
        ahead: int = AHEAD,
        done: Callable[[Page[T]], None] | None = None,
        dropped: Callable[[Page[T]], None] | None = None,
    ) -> None:
        self._fetch = fetch
        self._total = total
        self._ahead = ahead
        self._done = done
        self._dropped = dropped
        self._filters = selection["filters"]
        self._changes = ChangeTracker(selection["order"])
        self._guard = CursorGuard()
        self._cursor: str | None = None
        self._overlap: Overlap | None = None
        self._last: str | None = None
        self._counts = _COUNTS
        self._guesses = True
        self._has_drifted = False
        self.size: PageSize = size
        self.complete: bool = False
        self.nulls: int = 0

    def snapshot(self) -> Mapping[str, object]:
        """Where the reading stands, for `restore`."""
        mutable = {"_changes": deepcopy(self._changes), "_guard": deepcopy(self._guard)}
        return vars(self) | mutable

    def restore(self, snapshot: Mapping[str, object]) -> None:
        """Go back to where the reading stood, after an interrupt that may have come anywhere."""
        vars(self).update(snapshot)

    def misses(self, knows: Callable[[str], bool]) -> bool:
        """Whether runs may be missing, when the reading has ended.

        Args:
            knows: Whether a run was read.
        """
        return self._has_drifted or self._changes.suspects(knows)

    def next_pages(self) -> Flow[list[Page[T]]]:
        """Read the next pages, at least one; none when the listing is complete.

        Pages that failed are asked for again by the next call.

        Raises:
            BadResponseError: The server's cursors lead nowhere.
        """
        if self.complete:
            return []
        requests = self._requests()
        try:
            pages = yield from gather([self._fetch(request) for request in requests], self._done)
        except WandbRunsError as error:
            if not (self.size.is_divisible and is_too_large(error)):
                raise
            self.size = self.size.halved()
            return (yield from self.next_pages())
        read: list[Page[T]] = []
        for request, page in zip(requests, pages, strict=True):
            fits = not self.complete and request.after == self._cursor
            if fits and request.overlap is not None and page.overlap != (self._last,):
                self._has_drifted = self.complete = True
            elif fits:
                self._take(page, request)
                read.append(page)
                continue
            else:
                # A guess was wrong on this server: its cursors are followed from here on.
                self._guesses = False
            if self._dropped is not None:
                self._dropped(page)
        return read

    def _take(self, page: Page[T], request: PageRequest) -> None:
        self._guard.follow(page.next_cursor, is_empty=page.is_empty)
        self._changes.note(page, asked=request.moved is not None)
        self.nulls += page.nulls
        if page.total is not None:
            self._total = page.total
        if page.last is not None or page.nulls:
            self._last, self._overlap = page.last, page.next_overlap
        self._cursor = page.next_cursor
        self.size = self.size.after(page)
        self.complete = page.next_cursor is None

    def _requests(self) -> list[PageRequest]:
        size, moved = self.size, self._changes.asks(self._filters)
        start = offset_of(self._cursor) if self._cursor is not None and self._guesses else None
        is_counted = start is not None and self._total is None and self._counts > 0
        self._counts -= is_counted
        request = PageRequest(
            self._cursor,
            size.runs,
            is_counted,
            self._overlap,
            moved=moved,
            is_divisible=size.is_divisible,
        )
        if start is None or self._total is None:
            return [request]
        items = self._total - start - 1
        return [request, *expected_after(request, size, most=self._ahead - 1, items=items)]

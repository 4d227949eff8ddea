"""`Prefetcher`: the pages of a connection, several of them requested at once."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from wandb_runs.errors import WandbRunsError
from wandb_runs.graphql.flow import Begun, begin, finish, gather
from wandb_runs.graphql.raw_response import RawResponse
from wandb_runs.pagination.changes import ChangeTracker
from wandb_runs.pagination.cursors import CursorGuard, cursor_after, offset_of
from wandb_runs.pagination.ending import read_ending
from wandb_runs.pagination.page import Overlap, Page, PageRequest
from wandb_runs.pagination.read_ahead import expected_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Selection
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
        eager: Whether requests are sent before the answer before them is read: for callers that
            take all pages, and go on after no failure.

    Attributes:
        size: How many items the next page is to hold.
        total: How many items there are, as soon as that is known.
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
        eager: bool = False,
    ) -> None:
        self._fetch = fetch
        self._eager = eager
        self._begun: _BegunPage[T] | None = None
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
        self.total: int | None = total
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
        begun, self._begun = self._begun, None
        requests = self._requests() if begun is None else [begun.request]
        if self._eager and len(requests) == 1:
            if begun is None:
                begun = yield from _begin(self._fetch, requests[0])
            return (yield from self._read_with_later(begun))
        try:
            pages = yield from gather([self._fetch(request) for request in requests], self._done)
        except WandbRunsError as error:
            size = self.size.after_failure(error)
            if size is None:
                raise
            self.size = size
            return (yield from self.next_pages())
        return self._in_order(zip(requests, pages, strict=True))

    def _read_with_later(self, begun: _BegunPage[T]) -> Flow[list[Page[T]]]:
        """Read a page whose answer has come, while the pages behind it are requested.

        The last of these is kept as it came, to be read while those behind it are requested.
        """
        later = self._behind(begun)
        flows: list[Flow[Page[T] | _BegunPage[T]]] = [*map(self._fetch, later[:-1])]
        flows += (_begin(self._fetch, each) for each in later[-1:])
        rest: Flow[Page[T]] = finish(begun.flow)
        flows.insert(1, rest)  # the second, so that a request is sent before threads are busy
        results = yield from gather(flows, self._done_if_read)
        results.insert(0, results.pop(min(1, len(later))))
        pages = [each for each in results if isinstance(each, Page)]
        read = self._in_order(zip([begun.request, *later], pages, strict=False))
        last = results[-1]
        if isinstance(last, _BegunPage) and not self.complete:
            if last.request.after == self._cursor:
                self._begun = last
            else:
                self._guesses = False
        return read

    def _done_if_read(self, result: Page[T] | _BegunPage[T]) -> None:
        if self._done is not None and isinstance(result, Page):
            self._done(result)

    def _behind(self, begun: _BegunPage[T]) -> list[PageRequest]:
        """The requests for the pages behind one whose answer has come; none if nothing tells."""
        answer = begun.flow.answer
        if not self._guesses or not isinstance(answer, RawResponse):
            return []
        ending = read_ending(answer.body)
        if ending is None:
            return []
        if ending.total is not None:
            self.total = ending.total
        self._changes.begin(answer.date)
        overlap = Overlap(cursor_after(ending.offset - 1) if ending.offset else None)
        return self._requests_at(cursor_after(ending.offset), overlap)

    def _in_order(self, answers: Iterable[tuple[PageRequest, Page[T]]]) -> list[Page[T]]:
        """Take the pages that follow each other; what does not is dropped."""
        read: list[Page[T]] = []
        for request, page in answers:
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
            self.total = page.total
        if page.last is not None or page.nulls:
            self._last, self._overlap = page.last, page.next_overlap
        self._cursor = page.next_cursor
        self.size = self.size.after(page)
        self.complete = page.next_cursor is None

    def _requests(self) -> list[PageRequest]:
        return self._requests_at(self._cursor, self._overlap)

    def _requests_at(self, cursor: str | None, overlap: Overlap | None) -> list[PageRequest]:
        size, moved = self.size, self._changes.asks(self._filters)
        start = offset_of(cursor) if cursor is not None and self._guesses else None
        is_counted = start is not None and self.total is None and self._counts > 0
        self._counts -= is_counted
        request = PageRequest(
            cursor,
            size.runs,
            is_counted,
            overlap,
            moved=moved,
            is_divisible=size.is_divisible,
        )
        if start is None or self.total is None:
            return [request]
        items = self.total - start - 1
        return [request, *expected_after(request, size, most=self._ahead - 1, items=items)]


class _BegunPage(NamedTuple, Generic[T]):
    """A page whose answer has come, and is not read.

    Attributes:
        request: The request for it.
        flow: The flow that reads it.
    """

    request: PageRequest
    flow: Begun[Page[T]]


def _begin(
    fetch: Callable[[PageRequest], Flow[Page[T]]], request: PageRequest
) -> Flow[_BegunPage[T]]:
    return _BegunPage(request, (yield from begin(fetch(request))))

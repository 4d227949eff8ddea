"""`ReadAhead`: a page of a listing, requested together with the pages that are expected behind it.

W&B's cursors count runs, so that it can be told where later pages start. This is a guess, and never
more: a page that was read ahead is handed on only where the caller asks for the page at that very
cursor, and is then checked as any other page is. What is not asked for is dropped.

Several requests at once take a thread each. Where answers come within two milliseconds, threads
cost more than they save, so that pages are requested one by one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from wandb_runs.errors import WandbRunsError
from wandb_runs.graphql.flow import gather
from wandb_runs.pagination.cursors import cursor_after, offset_of
from wandb_runs.pagination.page import MAX_PER_PAGE, Overlap, Page, PageRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.sizes import PageSize

__all__ = ["Answer", "ReadAhead", "expected_after"]

T = TypeVar("T")

_FAST: Final = 0.002
"""Seconds of an answer below which reading ahead costs more than it saves."""

_MEASURED: Final = 4
"""How many answers are looked at: others that are read meanwhile make each of them later."""


class Answer(NamedTuple, Generic[T]):
    """A page, and the request that it answers.

    Attributes:
        request: The request.
        page: The page.
    """

    request: PageRequest
    page: Page[T]


class ReadAhead(Generic[T]):
    """Keeps the pages that were read ahead, each until it is asked for or dropped.

    An interrupt at any instruction loses none that was asked for: it is then read again.
    """

    __slots__ = ("_kept", "_seconds")

    def __init__(self) -> None:
        self._kept: Mapping[str | None, Answer[T]] = {}
        # How long each of the last answers took.
        self._seconds: tuple[float, ...] = ()

    def drop(self) -> None:
        """Keep none of the pages."""
        self._kept = {}

    def read(
        self,
        fetch: Callable[[PageRequest], Flow[Page[T]]],
        request: PageRequest,
        expect: Callable[[], Sequence[PageRequest]],
    ) -> Flow[Answer[T]]:
        """Read a page, and those that are expected behind it, unless answers come fast.

        Args:
            fetch: Reads one page.
            request: The page.
            expect: Returns the requests for the others; called where the page was not read ahead.

        Returns:
            The page, which may hold another number of items than was asked for.
        """
        kept = self._kept.get(request.after)
        if kept is not None:
            self._kept = {at: each for at, each in self._kept.items() if each is not kept}
            return kept
        is_fast = self._is_fast
        expected: Sequence[PageRequest] = () if is_fast and not self._kept else expect()
        # One of them failed, perhaps, and those behind it did not.
        self._kept = {each.after: self._kept[each.after] for each in expected if self._has(each)}
        lacking = [] if is_fast else [each for each in expected if each.after not in self._kept]
        if not lacking:
            answer = Answer(request, (yield from fetch(request)))
            self._measure(answer.page)
            return answer
        flows = [_with_request(fetch, request), *map(partial(_tried, fetch), lacking)]
        asked, *_ = yield from gather(flows, self._keep)
        if asked is None:
            raise AssertionError("a page that fails raises")
        self._kept = {at: each for at, each in self._kept.items() if each is not asked}
        return asked

    def _keep(self, answer: Answer[T] | None) -> None:
        """Keep a page as it comes: until all have, the call may fail or be interrupted."""
        if answer is not None:
            self._kept = {**self._kept, answer.request.after: answer}
            self._measure(answer.page)

    @property
    def _is_fast(self) -> bool:
        # A clock of the caller's that stands still tells nothing.
        return 0 < min(self._seconds, default=0.0) < _FAST

    def _measure(self, page: Page[T]) -> None:
        self._seconds = (*self._seconds[1 - _MEASURED :], page.seconds)

    def _has(self, request: PageRequest) -> bool:
        kept = self._kept.get(request.after)
        return kept is not None and kept.request.first == request.first


def expected_after(
    request: PageRequest,
    size: PageSize,
    *,
    most: int,
    items: int | None,
    left: int | None = None,
) -> list[PageRequest]:
    """The requests for the pages behind one; none where cursors do not count.

    Args:
        request: The request for that page.
        size: Its size.
        most: The most requests.
        items: How many items the caller may take, that page included; None if that is not known.
        left: How many it can use; the last page that grows asks for no more. Likewise.

    >>> from wandb_runs.pagination.sizes import PER_PAGE, PageSize
    >>> request = PageRequest(cursor_after(149), 200)
    >>> behind = expected_after(request, PageSize(200, True, 50), most=3, items=700)
    >>> [each.first for each in behind], behind[0].after == cursor_after(349)
    ([400, 800], True)
    >>> behind = expected_after(request, PageSize(200, True, 50), most=3, items=700, left=700)
    >>> [each.first for each in behind]
    [400, 100]
    """
    at = None if request.after is None else offset_of(request.after)
    if at is None:
        return []
    behind: list[PageRequest] = []
    taken, end = request.first, at + request.first
    while len(behind) < most and (items is None or taken < items):
        size = size.next()
        runs = size.runs if left is None or not size.grows else size.at_most(left - taken).runs
        behind.append(
            PageRequest(
                cursor_after(end),
                runs,
                overlap=Overlap(cursor_after(end - 1)),
                includes_overlap=request.includes_overlap and runs < MAX_PER_PAGE,
                moved=request.moved,
                is_divisible=size.is_divisible,
            )
        )
        taken, end = taken + runs, end + runs
    return behind


def _with_request(
    fetch: Callable[[PageRequest], Flow[Page[T]]], request: PageRequest
) -> Flow[Answer[T] | None]:
    return Answer(request, (yield from fetch(request)))


def _tried(
    fetch: Callable[[PageRequest], Flow[Page[T]]], request: PageRequest
) -> Flow[Answer[T] | None]:
    """Read a page; None where that fails, since it may never be asked for.

    It is sent once: the page that is asked for waits for those behind it, and not for retries of
    theirs.
    """
    try:
        return Answer(request, (yield from fetch(replace(request, is_optional=True))))
    except WandbRunsError:
        return None

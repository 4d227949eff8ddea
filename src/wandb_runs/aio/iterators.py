"""Ways through the runs of a listing that know where they stand, for those who await."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Generic

import anyio
from typing_extensions import TypeVar, override

from wandb_runs.aio.run import AsyncRun
from wandb_runs.errors import WandbRunsError
from wandb_runs.graphql.scalars import JSONObject
from wandb_runs.transport.tasks import PerLoop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wandb_runs.pagination.checkpoint import Checkpoint

__all__ = ["AsyncHistoryBatches", "AsyncRunIterator", "AsyncRunPages"]

# A list of runs is no list of wider runs, so that these do not vary.
ConfigT = TypeVar("ConfigT", default=JSONObject)
SummaryT = TypeVar("SummaryT", default=JSONObject)
BatchT_co = TypeVar("BatchT_co", covariant=True)


class AsyncRunIterator(AsyncIterator[AsyncRun[ConfigT, SummaryT]], Generic[ConfigT, SummaryT]):
    """A loop over `AsyncRuns`; what `aiter(runs)` gives.

    An error does not end it: the next one asks again for what failed. Several tasks of one event
    loop may take runs from it, and each run goes to one of them. In the middle of what was read,
    it has the next page asked for.
    """

    __slots__ = ("_checkpoint_at", "_items", "_place", "_read_ahead", "_read_to", "_turn")

    def __init__(
        self,
        items: list[AsyncRun[ConfigT, SummaryT]],
        read_to: Callable[[int], Awaitable[object]],
        read_ahead: Callable[[], None],
        checkpoint_at: Callable[[int], Checkpoint],
    ) -> None:
        self._items = items
        self._read_to = read_to
        self._read_ahead = read_ahead
        self._checkpoint_at = checkpoint_at
        self._place = 0
        # The place at which the next page is asked for.
        self._turn = -1

    @override
    async def __anext__(self) -> AsyncRun[ConfigT, SummaryT]:
        items = self._items
        # Another task may take what this one waited for.
        while (place := self._place) >= len(items):
            try:
                await self._read_to(place + 1)
            except WandbRunsError as error:
                error.checkpoint = self.checkpoint()
                raise
            if place >= len(items):
                raise StopAsyncIteration
            self._turn = (place + len(items)) // 2
        self._place = place + 1
        if place == self._turn:
            self._read_ahead()
        return items[place]

    def checkpoint(self) -> Checkpoint:
        """Where the loop stands, behind the run that came last: a small JSON value.

        `api.runs(..., checkpoint=...)` goes on from there, in this process or another, with no run
        left out and none twice. Sends nothing.
        """
        return self._checkpoint_at(self._place)


class AsyncRunPages(AsyncIterator[list[AsyncRun[ConfigT, SummaryT]]], Generic[ConfigT, SummaryT]):
    """The runs of a listing, a page at a time; what `AsyncRuns.pages()` gives.

    An error does not end it: the next one asks again for the page that failed. Several tasks of
    one event loop may take pages from it, and each page goes to one of them.
    """

    __slots__ = ("_locks", "_make_checkpoint", "_next_page")

    def __init__(
        self,
        next_page: Callable[[], Awaitable[list[AsyncRun[ConfigT, SummaryT]] | None]],
        make_checkpoint: Callable[[], Checkpoint],
    ) -> None:
        self._next_page = next_page
        self._make_checkpoint = make_checkpoint
        self._locks = PerLoop(anyio.Lock)

    @override
    async def __anext__(self) -> list[AsyncRun[ConfigT, SummaryT]]:
        async with self._locks.here():
            try:
                page = await self._next_page()
            except WandbRunsError as error:
                error.checkpoint = self.checkpoint()
                raise
        if page is None:
            raise StopAsyncIteration
        return page

    def checkpoint(self) -> Checkpoint:
        """Where the pages stand, behind the one that came last: a small JSON value.

        `api.runs(..., checkpoint=...)` goes on from there, in this process or another, with no run
        left out and none twice. Sends nothing.
        """
        return self._make_checkpoint()


class AsyncHistoryBatches(AsyncIterator[BatchT_co], Generic[BatchT_co]):
    """The histories of a listing, a batch at a time; what `AsyncRuns.iter_histories()` gives.

    An error does not end it: the next one asks again for what failed. Several tasks of one event
    loop may take batches from it, and each batch goes to one of them.
    """

    __slots__ = ("_finish", "_is_finished", "_locks", "_next_batch")

    def __init__(
        self, next_batch: Callable[[], Awaitable[BatchT_co | None]], finish: Callable[[], None]
    ) -> None:
        self._next_batch = next_batch
        self._finish = finish
        self._is_finished = False
        self._locks = PerLoop(anyio.Lock)

    @override
    async def __anext__(self) -> BatchT_co:
        async with self._locks.here():
            batch = None if self._is_finished else await self._next_batch()
        if batch is not None:
            return batch
        if not self._is_finished:
            self._is_finished = True
            self._finish()
        raise StopAsyncIteration

"""Asynchronous iterators over the runs of a listing, its pages, and the histories of its runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING, Generic

import anyio
from typing_extensions import TypeVar, override

from wandb_runs.aio.run import AsyncRun
from wandb_runs.errors import WandbRunsError
from wandb_runs.graphql.scalars import JSONObject
from wandb_runs.runs.field_values import FieldValues
from wandb_runs.runs.iterators import (
    HistoryBatchesBase,
    RunIteratorBase,
    RunPagesBase,
    RunValuesBase,
)
from wandb_runs.transport import AsyncRetryingClient
from wandb_runs.transport.tasks import PerLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.frames.batches import AnyBatches
    from wandb_runs.frames.histories import Gaps
    from wandb_runs.pagination.checkpoint import Checkpoint, ListingState
    from wandb_runs.pagination.listing import PageStream
    from wandb_runs.pagination.paginator import Drift
    from wandb_runs.query.key_fields import ValueField

__all__ = ["AsyncHistoryBatches", "AsyncRunIterator", "AsyncRunPages", "AsyncRunValues"]

# Invariant, since a list of runs is.
ConfigT = TypeVar("ConfigT", default=JSONObject)
SummaryT = TypeVar("SummaryT", default=JSONObject)
BatchT_co = TypeVar("BatchT_co", covariant=True)


class AsyncRunIterator(
    RunIteratorBase[AsyncRun[ConfigT, SummaryT]],
    AsyncIterator[AsyncRun[ConfigT, SummaryT]],
    Generic[ConfigT, SummaryT],
):
    """A loop over `AsyncRuns`; what `aiter(runs)` returns.

    An error does not end it: the next `anext()` sends the failed request again. Several tasks of
    one event loop may take runs from it, and each run goes to one of them.
    """

    __slots__ = ("_list_to",)

    def __init__(
        self,
        items: list[AsyncRun[ConfigT, SummaryT]],
        checkpoint_at: Callable[[int], Checkpoint],
        list_to: Callable[[int], Awaitable[object]],
    ) -> None:
        super().__init__(items, checkpoint_at)
        self._list_to = list_to

    @override
    async def __anext__(self) -> AsyncRun[ConfigT, SummaryT]:
        items = self._items
        # In a loop, since another task may take the run that this one has waited for.
        while (index := self._index) >= len(items):
            try:
                await self._list_to(index + 1)
            except WandbRunsError as error:
                error.checkpoint = self.checkpoint()
                raise
            if index >= len(items):
                raise StopAsyncIteration
        self._index = index + 1
        return items[index]


class AsyncRunPages(
    RunPagesBase[AsyncRetryingClient, AsyncRun[ConfigT, SummaryT]],
    AsyncIterator[list[AsyncRun[ConfigT, SummaryT]]],
    Generic[ConfigT, SummaryT],
):
    """The runs of a listing, a page at a time; what `AsyncRuns.pages()` returns.

    An error does not end it: the next `anext()` requests the failed page again. Several tasks of
    one event loop may take pages from it, and each page goes to one of them.
    """

    __slots__ = ("_locks",)

    def __init__(
        self,
        client: AsyncRetryingClient,
        stream: PageStream[AsyncRun[ConfigT, SummaryT]],
        report_drift: Callable[[Drift, Drift], Drift],
        write_checkpoint: Callable[[ListingState], Checkpoint],
    ) -> None:
        super().__init__(client, stream, report_drift, write_checkpoint)
        self._locks = PerLoop(anyio.Lock)

    @override
    async def __anext__(self) -> list[AsyncRun[ConfigT, SummaryT]]:
        async with self._locks.here():
            try:
                await self._client.run(self._stream.read_page())
                self._report()
            except WandbRunsError as error:
                error.checkpoint = self.checkpoint()
                raise
            page = self._stream.take()
        if page is None:
            raise StopAsyncIteration
        return page


class AsyncHistoryBatches(
    HistoryBatchesBase[AsyncRetryingClient, Awaitable[object], BatchT_co],
    AsyncIterator[BatchT_co],
    Generic[BatchT_co],
):
    """The histories of a listing, a batch at a time; what `AsyncRuns.iter_histories()` returns.

    An error does not end it: the next `anext()` sends the failed requests again. Several tasks of
    one event loop may take batches from it, and each batch goes to one of them.
    """

    __slots__ = ("_locks",)

    def __init__(
        self,
        client: AsyncRetryingClient,
        batches: AnyBatches[BatchT_co],
        list_to: Callable[[None], Awaitable[object]] | None,
        finish: Callable[[Gaps], object],
    ) -> None:
        super().__init__(client, batches, list_to, finish)
        self._locks = PerLoop(anyio.Lock)

    @override
    async def __anext__(self) -> BatchT_co:
        batch = None
        async with self._locks.here():
            if not self._is_finished:
                if self._list_to is not None and self._batches.gaps is None:
                    await self._list_to(None)
                await self._client.run(self._batches.read_batch())
                batch = self._take()
        if batch is None:
            raise StopAsyncIteration
        return batch


class AsyncRunValues(
    RunValuesBase[AsyncIterator[Sequence[FieldValues]]], AsyncIterator[tuple[object, ...]]
):
    """The values of some fields of all runs; what `AsyncRuns.values(...)` returns.

    An error does not end it: after that of a run, the next `anext()` takes the run behind it, and
    after any other it sends the failed request again. Several tasks of one event loop may take
    from it, and each tuple goes to one of them.
    """

    __slots__ = ("_locks",)

    def __init__(
        self,
        pages: AsyncIterator[Sequence[FieldValues]],
        fields: Sequence[ValueField[object]],
        *,
        skips: bool,
    ) -> None:
        super().__init__(pages, fields, skips=skips)
        self._locks = PerLoop(anyio.Lock)

    @override
    async def __anext__(self) -> tuple[object, ...]:
        async with self._locks.here():
            while True:
                if self._is_read:
                    self._turn_to(await anext(self._pages))
                values = self._take()
                if values is not None:
                    return values

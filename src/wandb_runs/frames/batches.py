"""Histories batch by batch: for more than fits in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.frames.histories import Gaps, HistoryPages
    from wandb_runs.frames.requests import PageHistories
    from wandb_runs.graphql.flow import Flow

__all__ = ["AnyBatches", "Batches"]

PieceT = TypeVar("PieceT")
BatchT = TypeVar("BatchT")
BatchT_co = TypeVar("BatchT_co", covariant=True)


class AnyBatches(Protocol[BatchT_co]):
    """Batches, whatever they are made of."""

    @property
    def missing(self) -> Gaps | None:
        """What is missing so far; None before the first batch."""
        ...

    def read_batch(self) -> Flow[None]:
        """Read the next batch, for `take` to hand on."""
        ...

    def take(self) -> BatchT_co | None:
        """The batch that was read; None after the last one."""
        ...


class Batches(Generic[PieceT, BatchT]):
    """What the answers of a call hold, one after another; none is kept.

    Args:
        begin: Tells what to ask for, when the first batch is.
        shape: What to make of what an answer holds; None when it holds no row.
    """

    __slots__ = ("_begin", "_pages", "_pieces", "_ready", "_shape")

    def __init__(
        self,
        begin: Callable[[], Flow[HistoryPages[PieceT]]],
        shape: Callable[[PieceT], BatchT | None],
    ) -> None:
        self._begin = begin
        self._shape = shape
        self._pages: HistoryPages[PieceT] | None = None
        self._pieces: list[PageHistories[PieceT]] = []
        self._ready: BatchT | None = None

    @property
    def missing(self) -> Gaps | None:
        """What is missing so far; None before the first batch."""
        return None if self._pages is None else self._pages.missing

    def read_batch(self) -> Flow[None]:
        """Read the next batch, for `take` to hand on; none after the last one.

        One that nobody took, since he was interrupted or cancelled, is still there. What could
        not be had is asked for again by the next call; what cannot be shaped is left out by it.
        """
        if self._pages is None:
            self._pages = yield from self._begin()
        while self._ready is None:
            if not self._pieces:
                self._pieces = yield from self._pages.next_pieces()
                if not self._pieces:
                    return
                self._pieces.reverse()
            # Popped first: what does not fit would not fit the next time, either.
            self._ready = self._shape(self._pieces.pop().content)

    def take(self) -> BatchT | None:
        """The batch that was read; None after the last one."""
        batch, self._ready = self._ready, None
        return batch

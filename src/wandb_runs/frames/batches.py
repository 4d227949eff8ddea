"""`iter_histories`: histories as one batch per answer, for more than fits in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.frames.histories import Gaps, HistoryPages
    from wandb_runs.graphql.flow import Flow

__all__ = ["AnyBatches", "Batches"]

ContentT = TypeVar("ContentT")
BatchT = TypeVar("BatchT")
BatchT_co = TypeVar("BatchT_co", covariant=True)


class AnyBatches(Protocol[BatchT_co]):
    """`Batches` of any content."""

    @property
    def gaps(self) -> Gaps | None:
        """What the batches lack so far; None before the first one."""
        ...

    def read_batch(self) -> Flow[None]:
        """Read the next batch, to be returned by `take`."""
        ...

    def take(self) -> BatchT_co | None:
        """The batch that was read; None after the last one."""
        ...


class Batches(Generic[ContentT, BatchT]):
    """The answers of a call as batches; none is kept.

    Args:
        begin: Starts the requests, with the first batch.
        convert: Makes a batch of an answer's content; None where it has no row.
    """

    __slots__ = ("_begin", "_contents", "_convert", "_pages", "_ready")

    def __init__(
        self,
        begin: Callable[[], Flow[HistoryPages[ContentT]]],
        convert: Callable[[ContentT], BatchT | None],
    ) -> None:
        self._begin = begin
        self._convert = convert
        self._pages: HistoryPages[ContentT] | None = None
        self._contents: list[ContentT] = []
        self._ready: BatchT | None = None

    @property
    def gaps(self) -> Gaps | None:
        """What the batches lack so far; None before the first one."""
        return None if self._pages is None else self._pages.gaps

    def read_batch(self) -> Flow[None]:
        """Read the next batch, to be returned by `take`; none after the last one.

        A batch that was read and not taken, since the caller was interrupted or cancelled, is
        kept. Requests that failed are repeated by the next call; a batch that cannot be converted
        is skipped by it.
        """
        if self._pages is None:
            self._pages = yield from self._begin()
        while self._ready is None:
            if not self._contents:
                pages = yield from self._pages.next_pages()
                if not pages:
                    return
                self._contents = [page.content for page in reversed(pages)]
            # Removed before the conversion, which would fail again.
            self._ready = self._convert(self._contents.pop())

    def take(self) -> BatchT | None:
        """The batch that was read; None after the last one."""
        batch, self._ready = self._ready, None
        return batch

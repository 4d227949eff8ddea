"""Ways through the runs of a listing that know where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic

from typing_extensions import TypeVar, override

from wandb_runs.errors import WandbRunsError
from wandb_runs.graphql.scalars import JSONObject
from wandb_runs.runs.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.pagination.checkpoint import Checkpoint

__all__ = ["HistoryBatches", "RunIterator", "RunPages"]

# A list of runs is no list of wider runs, so that these do not vary.
ConfigT = TypeVar("ConfigT", default=JSONObject)
SummaryT = TypeVar("SummaryT", default=JSONObject)
BatchT_co = TypeVar("BatchT_co", covariant=True)


class RunIterator(Iterator[Run[ConfigT, SummaryT]], Generic[ConfigT, SummaryT]):
    """A loop over `Runs`; what `iter(runs)` gives.

    An error does not end it: the next `next()` asks again for what failed. One thread takes runs
    from it at a time.

    >>> loop = iter(api.runs("sample/digits"))
    >>> first = next(loop)
    >>> rest = api.runs("sample/digits", checkpoint=loop.checkpoint())
    >>> len(rest) == len(api.runs("sample/digits")) - 1
    True
    """

    __slots__ = ("_checkpoint_at", "_items", "_place", "_read_to")

    def __init__(
        self,
        read_to: Callable[[int], list[Run[ConfigT, SummaryT]]],
        checkpoint_at: Callable[[int], Checkpoint],
    ) -> None:
        self._read_to = read_to
        self._checkpoint_at = checkpoint_at
        self._place = 0
        self._items: list[Run[ConfigT, SummaryT]] = []

    @override
    def __next__(self) -> Run[ConfigT, SummaryT]:
        place = self._place
        if place >= len(self._items):
            try:
                self._items = self._read_to(place + 1)
            except WandbRunsError as error:
                error.checkpoint = self.checkpoint()
                raise
            if place >= len(self._items):
                raise StopIteration
        self._place = place + 1
        return self._items[place]

    def checkpoint(self) -> Checkpoint:
        """Where the loop stands, behind the run that came last: a small JSON value.

        `api.runs(..., checkpoint=...)` goes on from there, in this process or another, with no run
        left out and none twice. Sends nothing.
        """
        return self._checkpoint_at(self._place)


class RunPages(Iterator[list[Run[ConfigT, SummaryT]]], Generic[ConfigT, SummaryT]):
    """The runs of a listing, a page at a time; what `runs.pages()` gives.

    An error does not end it: the next `next()` asks again for the page that failed. One thread
    takes pages from it at a time.

    >>> pages = api.runs("sample/digits", per_page=10).pages()
    >>> first = next(pages)
    >>> rest = api.runs("sample/digits", per_page=10, checkpoint=pages.checkpoint()).pages()
    >>> next(rest)[0] not in first
    True
    """

    __slots__ = ("_make_checkpoint", "_next_page")

    def __init__(
        self,
        next_page: Callable[[], list[Run[ConfigT, SummaryT]] | None],
        make_checkpoint: Callable[[], Checkpoint],
    ) -> None:
        self._next_page = next_page
        self._make_checkpoint = make_checkpoint

    @override
    def __next__(self) -> list[Run[ConfigT, SummaryT]]:
        try:
            page = self._next_page()
        except WandbRunsError as error:
            error.checkpoint = self.checkpoint()
            raise
        if page is None:
            raise StopIteration
        return page

    def checkpoint(self) -> Checkpoint:
        """Where the pages stand, behind the one that came last: a small JSON value.

        `api.runs(..., checkpoint=...)` goes on from there, in this process or another, with no run
        left out and none twice. Sends nothing.
        """
        return self._make_checkpoint()


class HistoryBatches(Iterator[BatchT_co], Generic[BatchT_co]):
    """The histories of a listing, a batch at a time; what `runs.iter_histories()` gives.

    An error does not end it: the next `next()` asks again for what failed. One thread takes
    batches from it at a time.

    >>> batches = api.runs("sample/digits").iter_histories(keys=["loss"])
    >>> next(batches)[0].keys() == {"_step", "loss", "run_id"}
    True
    """

    __slots__ = ("_finish", "_is_finished", "_next_batch")

    def __init__(
        self, next_batch: Callable[[], BatchT_co | None], finish: Callable[[], None]
    ) -> None:
        self._next_batch = next_batch
        self._finish = finish
        self._is_finished = False

    @override
    def __next__(self) -> BatchT_co:
        batch = None if self._is_finished else self._next_batch()
        if batch is not None:
            return batch
        if not self._is_finished:
            self._is_finished = True
            self._finish()
        raise StopIteration

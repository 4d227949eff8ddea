"""Iterators over the runs of a listing, its pages, and the histories of its runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, NoReturn

from typing_extensions import TypeVar, override

from wandb_runs.errors import FieldValidationError, MissingValueError, WandbRunsError
from wandb_runs.errors.text import as_message
from wandb_runs.graphql.scalars import JSONObject
from wandb_runs.pagination.paginator import Drift
from wandb_runs.runs.field_values import FieldValues
from wandb_runs.runs.run import Run
from wandb_runs.transport import RetryingClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.frames.batches import AnyBatches, ReadyBatch
    from wandb_runs.frames.histories import Gaps
    from wandb_runs.pagination.checkpoint import Checkpoint, ListingState
    from wandb_runs.pagination.listing import PageStream
    from wandb_runs.query.key_fields import ValueField

__all__ = [
    "HistoryBatches",
    "HistoryBatchesBase",
    "NotCopied",
    "RunIterator",
    "RunIteratorBase",
    "RunPages",
    "RunPagesBase",
    "RunValues",
    "RunValuesBase",
]

# Invariant, since a list of runs is.
ConfigT = TypeVar("ConfigT", default=JSONObject)
SummaryT = TypeVar("SummaryT", default=JSONObject)
ClientT = TypeVar("ClientT")
RunT = TypeVar("RunT")
ListedT = TypeVar("ListedT")
BatchT_co = TypeVar("BatchT_co", covariant=True)
PagesT = TypeVar("PagesT")

_log = logging.getLogger("wandb_runs")


class NotCopied:
    """A loop that copies would share, or that would end early in another process."""

    __slots__ = ()

    _continued_by: ClassVar = "api.runs(..., checkpoint=...)"

    @override
    def __reduce__(self) -> NoReturn:
        where = f"take checkpoint() of it, and go on by {self._continued_by}"
        if not hasattr(self, "checkpoint"):
            where = "begin another one"
        raise TypeError(f"{type(self).__name__} is neither copied nor pickled; {where}")


class RunIteratorBase(NotCopied, Generic[RunT]):
    """What `RunIterator` and `AsyncRunIterator` share.

    Args:
        items: The runs listed so far; the listing appends to it.
        checkpoint_at: Makes the checkpoint before the run with an index.
    """

    __slots__ = ("_checkpoint_at", "_index", "_items")

    def __init__(self, items: list[RunT], checkpoint_at: Callable[[int], Checkpoint]) -> None:
        self._items = items
        self._checkpoint_at = checkpoint_at
        self._index = 0

    def checkpoint(self) -> Checkpoint:
        """The position of the loop, after the run that it took last: an opaque token.

        `api.runs(..., checkpoint=...)` continues from there, in this process or another, without
        leaving out or repeating a run. Sends nothing.
        """
        return self._checkpoint_at(self._index)


class RunPagesBase(NotCopied, Generic[ClientT, RunT]):
    """What `RunPages` and `AsyncRunPages` share.

    Args:
        client: The client to send requests with.
        stream: The pages.
        report_drift: Warns of drift, and of names, that were not reported yet.
        write_checkpoint: Makes a checkpoint of the stream's state.
    """

    __slots__ = ("_client", "_report_drift", "_reported", "_stream", "_write_checkpoint")

    def __init__(
        self,
        client: ClientT,
        stream: PageStream[RunT],
        report_drift: Callable[[Drift, Drift], Drift],
        write_checkpoint: Callable[[ListingState], Checkpoint],
    ) -> None:
        self._client = client
        self._stream = stream
        self._report_drift = report_drift
        self._write_checkpoint = write_checkpoint
        self._reported = Drift()

    def checkpoint(self) -> Checkpoint:
        """The position in the pages, after the one that was taken last: an opaque token.

        `api.runs(..., checkpoint=...)` continues from there, in this process or another, without
        leaving out or repeating a run. Sends nothing.
        """
        return self._write_checkpoint(self._stream.state)

    def _report(self) -> None:
        self._reported = self._report_drift(self._stream.drift, self._reported)


class HistoryBatchesBase(NotCopied, Generic[ClientT, ListedT, BatchT_co]):
    """What `HistoryBatches` and `AsyncHistoryBatches` share.

    Args:
        client: The client to send requests with.
        batches: The batches.
        list_to: Lists the runs, where that has to come before; else None.
        finish: Reports what is missing, after the last batch.
    """

    __slots__ = ("_batches", "_client", "_finish", "_is_finished", "_list_to")

    def __init__(
        self,
        client: ClientT,
        batches: AnyBatches[BatchT_co],
        list_to: Callable[[None], ListedT] | None,
        finish: Callable[[Gaps], object],
    ) -> None:
        self._client = client
        self._batches = batches
        self._list_to = list_to
        self._finish = finish
        self._is_finished = False

    def _take(self) -> BatchT_co | None:
        ready = self._find()
        if ready is None:
            return None
        self._batches.taken = ready.after
        return ready.batch

    def _find(self) -> ReadyBatch[BatchT_co] | None:
        """The batch to hand on; after the last one, report what is missing."""
        ready, gaps = self._batches.ready, self._batches.gaps
        if ready is None:
            self._is_finished = True
            if gaps is not None:
                self._finish(gaps)
        return ready


class RunValuesBase(NotCopied, Generic[PagesT]):
    """What `RunValues` and `AsyncRunValues` share.

    Args:
        pages: The runs, a page at a time.
        fields: The fields whose values to take.
        skips: Whether to leave out runs without a value, or with one that does not fit.
    """

    __slots__ = ("_fields", "_index", "_page", "_pages", "_skips")

    def __init__(self, pages: PagesT, fields: Sequence[ValueField[object]], *, skips: bool) -> None:
        self._pages = pages
        self._fields = fields
        self._skips = skips
        self._page: Sequence[FieldValues] = ()
        self._index = 0

    @property
    def _is_read(self) -> bool:
        """Whether all of the page was handed on."""
        return self._index >= len(self._page)

    def _turn_to(self, page: Sequence[FieldValues]) -> None:
        self._index = 0
        self._page = page

    def _take(self) -> tuple[object, ...] | None:
        """The values of the next run of the page; None if it is left out."""
        run = self._page[self._index]
        try:
            values = tuple([run[field] for field in self._fields])
        except (FieldValidationError, MissingValueError) as error:
            self._index += 1
            if not self._skips:
                raise
            _log.warning("%s", as_message(f"run {error.path!r} is left out: {error.message}"))
            return None
        self._index += 1
        return values


class RunIterator(
    RunIteratorBase[Run[ConfigT, SummaryT]],
    Iterator[Run[ConfigT, SummaryT]],
    Generic[ConfigT, SummaryT],
):
    """A loop over `Runs`; what `iter(runs)` returns.

    An error does not end it: the next `next()` sends the failed request again. One thread at a
    time may take runs from it.

    >>> loop = iter(api.runs("sample/digits"))
    >>> first = next(loop)
    >>> rest = api.runs("sample/digits", checkpoint=loop.checkpoint())
    >>> len(rest) == len(api.runs("sample/digits")) - 1
    True
    """

    __slots__ = ("_list_to",)

    def __init__(
        self,
        items: list[Run[ConfigT, SummaryT]],
        checkpoint_at: Callable[[int], Checkpoint],
        list_to: Callable[[int], object],
    ) -> None:
        super().__init__(items, checkpoint_at)
        self._list_to = list_to

    @override
    def __next__(self) -> Run[ConfigT, SummaryT]:
        index, items = self._index, self._items
        if index >= len(items):
            try:
                self._list_to(index + 1)
            except WandbRunsError as error:
                error.checkpoint = self.checkpoint()
                raise
            if index >= len(items):
                raise StopIteration
        self._index = index + 1
        return items[index]


class RunPages(
    RunPagesBase[RetryingClient, Run[ConfigT, SummaryT]],
    Iterator[list[Run[ConfigT, SummaryT]]],
    Generic[ConfigT, SummaryT],
):
    """The runs of a listing, a page at a time; what `runs.pages()` returns.

    An error does not end it: the next `next()` requests the failed page again. One thread at a
    time may take pages from it.

    >>> pages = api.runs("sample/digits", per_page=10).pages()
    >>> first = next(pages)
    >>> rest = api.runs("sample/digits", per_page=10, checkpoint=pages.checkpoint()).pages()
    >>> next(rest)[0] not in first
    True
    """

    __slots__ = ()

    @override
    def __next__(self) -> list[Run[ConfigT, SummaryT]]:
        try:
            self._client.run(self._stream.read_page())
            self._report()
        except WandbRunsError as error:
            error.checkpoint = self.checkpoint()
            raise
        ready = self._stream.ready
        if ready is None:
            raise StopIteration
        # The last step, behind which no interrupt comes before the caller has the page.
        self._stream.taken = ready.after
        return ready.page


class HistoryBatches(
    HistoryBatchesBase[RetryingClient, object, BatchT_co], Iterator[BatchT_co], Generic[BatchT_co]
):
    """The histories of a listing, a batch at a time; what `runs.iter_histories()` returns.

    An error does not end it: the next `next()` sends the failed requests again. One thread at a
    time may take batches from it.

    >>> batches = api.runs("sample/digits").iter_histories(keys=["loss"])
    >>> next(batches)[0].keys() == {"_step", "loss", "run_id"}
    True
    """

    __slots__ = ()

    @override
    def __next__(self) -> BatchT_co:
        if self._is_finished:
            raise StopIteration
        if self._list_to is not None and self._batches.gaps is None:
            self._list_to(None)
        self._client.run(self._batches.read_batch())
        ready = self._find()
        if ready is None:
            raise StopIteration
        # The last step, behind which no interrupt comes before the caller has the batch.
        self._batches.taken = ready.after
        return ready.batch


class RunValues(RunValuesBase[Iterator[Sequence[FieldValues]]], Iterator[tuple[object, ...]]):
    """The values of some fields of all runs; what `runs.values(...)` returns.

    An error does not end it: after that of a run, the next `next()` takes the run behind it, and
    after any other it sends the failed request again. One thread at a time may take from it.

    >>> from wandb_runs import Config
    >>> (seed,) = next(api.runs("sample/digits").values(Config("seed", type=int)))
    """

    __slots__ = ()

    @override
    def __next__(self) -> tuple[object, ...]:
        while True:
            if self._is_read:
                self._turn_to(next(self._pages))
            values = self._take()
            if values is not None:
                return values

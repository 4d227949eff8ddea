"""`iter_histories`: histories as one batch per answer, for more than fits in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar, cast

from wandb_runs.errors import WandbRunsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs.frames.histories import AnyPages, Gaps
    from wandb_runs.graphql.flow import Flow

__all__ = ["AnyBatches", "BatchPosition", "Batches", "ReadyBatch"]

T = TypeVar("T")
ContentT = TypeVar("ContentT")
BatchT = TypeVar("BatchT")
BatchT_co = TypeVar("BatchT_co", covariant=True)


class AnyBatches(Protocol[BatchT_co]):
    """`Batches` of any content."""

    taken: BatchPosition
    """Where they stand. A caller that hands on the batch that is `ready` assigns its `after`, and
    does nothing more: an interrupt before that leaves the batch to be taken again."""

    @property
    def gaps(self) -> Gaps | None:
        """What the batches lack so far; None before the first one."""
        ...

    @property
    def ready(self) -> ReadyBatch[BatchT_co] | None:
        """The batch that was read and not taken; None after the last one."""
        ...

    def read_batch(self) -> Flow[None]:
        """Read the next batch, to be `ready`."""
        ...


class BatchPosition(NamedTuple):
    """Where batches stand: replaced as a whole, so that no interrupt leaves it half changed.

    Attributes:
        contents: The contents of the answers that were read last; those handed on are None.
        next_index: The one that comes next.
        undo: Where the requests stood before the next answers, while these are read.
        failure: How converting the next one failed.
    """

    contents: list[object]
    next_index: int = 0
    undo: Mapping[str, object] | None = None
    failure: type[BaseException] | None = None


class ReadyBatch(NamedTuple, Generic[BatchT_co]):
    """A batch that was read, to be handed on.

    Attributes:
        batch: The batch.
        before: Where the batches stood when it was read.
        after: Where they stand when it has been handed on.
    """

    batch: BatchT_co
    before: BatchPosition
    after: BatchPosition


class _Close(Protocol):
    def __call__(self, pages: AnyPages[T], /, *, has_rows: bool) -> Flow[Gaps]: ...


class Batches(Generic[ContentT, BatchT]):
    """The answers of a call as batches; none is kept.

    Args:
        begin: Starts the requests, with the first batch.
        convert: Makes a batch of an answer's content; None where it has no row.
        close: Finds out what the batches lack, after the last answer.

    Attributes:
        taken: Where they stand.
    """

    __slots__ = ("_begin", "_close", "_convert", "_gaps", "_has_rows", "_pages", "_ready", "taken")

    def __init__(
        self,
        begin: Callable[[], Flow[AnyPages[ContentT]]],
        convert: Callable[[ContentT], BatchT | None],
        close: _Close,
    ) -> None:
        self._begin = begin
        self._convert = convert
        self._close = close
        self._gaps: Gaps | None = None
        self._has_rows = False
        self._pages: AnyPages[ContentT] | None = None
        self._ready: ReadyBatch[BatchT] | None = None
        self.taken: BatchPosition = BatchPosition([])

    @property
    def gaps(self) -> Gaps | None:
        """What the batches lack so far; None before the first one."""
        if self._gaps is not None:
            return self._gaps
        return None if self._pages is None else self._pages.gaps

    @property
    def ready(self) -> ReadyBatch[BatchT] | None:
        """The batch that was read and not taken; None after the last one."""
        ready = self._ready
        return ready if ready is not None and ready.before is self.taken else None

    def read_batch(self) -> Flow[None]:
        """Read the next batch, to be `ready`; none after the last one.

        A batch that was read and not taken, since the caller was interrupted or cancelled, is
        kept. Requests that failed are repeated by the next call; a batch that cannot be converted,
        at the second attempt neither, is skipped by it.
        """
        if self._pages is None:
            self._pages = yield from self._begin()
        while self.ready is None:
            taken, self._ready = self.taken, None
            contents, index = taken.contents, taken.next_index
            if index < len(contents):
                self._make_ready(taken, cast("ContentT", contents[index]))
            elif not (yield from self._read_contents(self._pages)):
                self._gaps = yield from self._close(self._pages, has_rows=self._has_rows)
                return

    def _make_ready(self, taken: BatchPosition, content: ContentT) -> None:
        index = taken.next_index
        taken.contents[:index] = [None] * index  # what was handed on is held no more
        after = taken._replace(next_index=index + 1, failure=None)
        try:
            batch = self._convert(content)
        except BaseException as error:
            # Of any kind, since the time limit of a program may be any exception: what fails is
            # converted once more, and skipped where it fails alike.
            if type(error) is not taken.failure:
                self.taken = taken._replace(failure=type(error))
                raise
            self.taken = after
            return
        if batch is None:
            self.taken = after
        else:
            self._has_rows = True
            self._ready = ReadyBatch(batch, taken, after)

    def _read_contents(self, pages: AnyPages[ContentT]) -> Flow[bool]:
        """Read the next answers; return False where there are no more."""
        if self.taken.undo is not None:  # an interrupt came when they were read before
            pages.restore(self.taken.undo)
        self.taken = BatchPosition([], undo=pages.snapshot())
        try:
            read = yield from pages.next_pages()
        except WandbRunsError:
            self.taken = BatchPosition([])
            raise
        self.taken = BatchPosition([page.content for page in read])
        return bool(read)

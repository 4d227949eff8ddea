"""Every row of many runs, a part at a time: no more of them is in memory than is read at once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from wandb_runs.errors import NotFoundError, WandbRunsError
from wandb_runs.frames.requests import PageHistories
from wandb_runs.graphql.flow import gather
from wandb_runs.runs.exact.pages import MOST_RUNS, MOST_VALUES, ExactPages
from wandb_runs.runs.exact.run_stream import RunStream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs.frames.histories import Gaps, HistoryPages
    from wandb_runs.frames.parquet.footer import StepRange
    from wandb_runs.frames.rows import AnyRows, RunRows
    from wandb_runs.graphql.flow import Flow, Lane
    from wandb_runs.runs.exact.file_tables import Reading
    from wandb_runs.runs.exact.run_stream import RowChoice
    from wandb_runs.runs.exact.sources import ExactSource

__all__ = ["StreamedPages"]

_VALUE: Final = 8
"""Bytes of a number."""


class _Under:
    """A run that is being read."""

    __slots__ = ("error", "parts", "stream")

    def __init__(self, stream: RunStream) -> None:
        self.stream = stream
        self.parts: list[AnyRows] = []
        self.error: WandbRunsError | None = None

    @property
    def is_done(self) -> bool:
        return self.stream.is_done or self.error is not None


class StreamedPages(ExactPages):
    """`ExactPages` whose rows come a part of a run at a time, of some runs and steps.

    Args:
        sources: Where the rows of the runs are.
        choice: Which rows and columns.
        reading: What files are read with.
        steps: The steps whose rows are read.
        keeps: Which of some runs are read, by their ids.
        most_rows: How many rows are wanted, where that is known: few runs are read at first then.
    """

    def __init__(
        self,
        sources: HistoryPages[list[ExactSource]],
        choice: RowChoice,
        reading: Reading,
        steps: StepRange,
        keeps: Callable[[Sequence[str]], Sequence[bool]],
        most_rows: int | None,
    ) -> None:
        super().__init__(sources, choice.plan, reading, total=None, progress=None)
        self._choice = choice
        self._steps = steps
        self._keeps = keeps
        self._most_rows = most_rows
        self._width = MOST_RUNS if most_rows is None else 1
        self._under: deque[_Under] = deque()

    @override
    def close(self, *, has_rows: bool) -> Flow[Gaps]:
        gaps = yield from super().close(has_rows=has_rows)
        return self._without_guesses(gaps)

    @property
    @override
    def gaps(self) -> Gaps:
        return self._without_guesses(super().gaps)

    def _without_guesses(self, gaps: Gaps) -> Gaps:
        """Without what can be told of all steps alone."""
        if self._steps.first == 0 and self._steps.stop is None:
            return gaps
        return gaps._replace(disjoint_runs=())

    @override
    def next_pages(self) -> Flow[list[PageHistories[list[RunRows]]]]:
        """Fetch the next rows, in the order of runs; an empty list at the end."""
        while True:
            if not self._under:
                yield from self._list_more()
            self._begin_more()
            if not self._under:
                return []
            waiting = [each for each in self._under if not (each.parts or each.is_done)]
            have_files = any(each.stream.source.addresses for each in waiting)
            lane: Lane = "files" if have_files else "operations"
            yield from gather([self._advance(each) for each in waiting], lane=lane)
            self._width = min(2 * self._width, MOST_RUNS)
            content = self._take()
            if content:
                return [PageHistories(content, [*dict.fromkeys(run_id for run_id, _ in content)])]

    def _list_more(self) -> Flow[None]:
        """Ask where the rows of the next runs are, of which some are read."""
        while not self._pending:
            pages = yield from self._sources.next_pages()
            if not pages:
                return
            sources = [source for page in pages for source in page.content]
            kept = self._keeps([source.run_id for source in sources])
            self._pending = [source for source, keep in zip(sources, kept, strict=True) if keep]

    def _begin_more(self) -> None:
        """Begin to read so many runs that what comes at once are few values."""
        place = self.selection["entity"], self.selection["project"]
        values = sum(self._values_at_once(each.stream.source) for each in self._under)
        while self._pending and len(self._under) < self._width:
            source = self._pending[0]
            values += self._values_at_once(source)
            if values > MOST_VALUES and self._under:
                return
            del self._pending[0]
            stream = RunStream(
                place, source, self._choice, self._reading, self._steps, self._most_rows
            )
            self._under.append(_Under(stream))

    def _values_at_once(self, source: ExactSource) -> int:
        values = self._values_of(source, len(self._choice.columns))
        return min(values, self._reading.at_once // _VALUE) if source.addresses else values

    def _advance(self, under: _Under) -> Flow[None]:
        """Fetch the next rows of a run, or note how that failed while the server answers."""
        stream = under.stream
        try:
            while not (under.parts or stream.is_done):
                under.parts = yield from stream.next_rows()
        except NotFoundError as error:
            under.error = error
        except WandbRunsError as error:
            under.error = yield from self._kind_of(stream.source.run_id, error)

    def _take(self) -> list[RunRows]:
        """What has come, up to the first run that has more."""
        content: list[RunRows] = []
        while self._under:
            under, source = self._under[0], self._under[0].stream.source
            content += ((source.run_id, part) for part in under.parts)
            under.parts = []
            if not under.is_done:
                break
            if under.error is None:
                self._note(source, under.stream.origin, under.stream.rows, under.stream.names)
            elif isinstance(under.error, NotFoundError):
                self._gone.append(source.run_id)
            else:
                self._failed[source.run_id] = under.error
            self._under.popleft()
        return content

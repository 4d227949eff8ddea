"""Every row of one run: from files, from behind them, or by ranges of steps."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.errors import BadResponseError
from wandb_runs.frames.parquet.footer import STEP, StepRange
from wandb_runs.frames.parquet.select import select_rows
from wandb_runs.frames.range_rows import RangeRows
from wandb_runs.frames.step_ranges import END_OF_STEPS
from wandb_runs.graphql.flow import compute
from wandb_runs.runs.exact.file_tables import FileTables
from wandb_runs.runs.exact.ranges import StaleFileError
from wandb_runs.runs.exact.sources import fetch_source

if TYPE_CHECKING:
    from collections.abc import Generator

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import AnyRows
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.exact.file_tables import Reading
    from wandb_runs.runs.exact.sources import ExactSource, Origin

__all__ = [
    "EVERY_STEP",
    "MOST_BEGINNINGS",
    "ExactRows",
    "can_read_files",
    "ranges_behind_files",
    "read_rows_of",
    "readable",
    "vain",
]

MOST_BEGINNINGS: Final = 4
"""How often the rows of a run are read before that counts as vain."""

EVERY_STEP: Final = StepRange()


class ExactRows(NamedTuple):
    """Every row of a run that a call wants.

    Attributes:
        parts: The rows, in the order of their steps.
        origin: Where they come from.
        bytes: How many bytes of files were read for them.
    """

    parts: list[AnyRows]
    origin: Origin
    bytes: int = 0

    def __len__(self) -> int:
        """How many rows there are."""
        return sum(map(len, self.parts))


def can_read_files() -> bool:
    """Whether the library is installed, and whole, that decodes Parquet."""
    try:
        import_module("pyarrow")
        import_module("pyarrow.parquet")
    except ImportError:
        return False
    return True


def read_rows_of(
    place: tuple[str, str],
    source: ExactSource,
    plan: HistoryPlan,
    reading: Reading,
    steps: StepRange = EVERY_STEP,
) -> Flow[ExactRows]:
    """Read every row of one run that a call wants.

    What changes meanwhile is read anew: rows that went from behind the files into one, files that
    are others or whose addresses have expired.

    Args:
        place: The entity and the project.
        source: Where the rows are.
        plan: The arguments of the call.
        reading: What files are read with.
        steps: The steps.

    Raises:
        NotFoundError: The run is gone.
        BadResponseError: The rows cannot be read, also when they are read anew.
    """
    reason = ""
    for _ in range(MOST_BEGINNINGS):
        if not can_read_files():
            source = source.by_ranges()
        try:
            rows = yield from _read_once(place, source, plan, reading, steps)
        except StaleFileError as error:
            reason = str(error)
            source = yield from fetch_source(*place, source.run_id)
            continue
        if source.origin != "files and live rows":
            return rows
        again = yield from fetch_source(*place, source.run_id)
        if again.version == source.version:
            return rows
        source, reason = again, "rows were written to files while they were read"
    raise vain(source, reason)


def _read_once(
    place: tuple[str, str],
    source: ExactSource,
    plan: HistoryPlan,
    reading: Reading,
    steps: StepRange,
) -> Flow[ExactRows]:
    parts: list[AnyRows] = []
    size = 0
    if source.addresses:
        columns = plan.columns
        keys = None if columns is None else tuple(dict.fromkeys((STEP, *columns)))
        tables = FileTables(source, keys, steps, reading)
        while (table := (yield from tables.next_table())) is not None:
            with readable(source):
                rows = yield from compute(partial(select_rows, table, plan))
            if len(rows):
                parts.append(rows)
        size = tables.bytes
        if source.boundary is None:
            return ExactRows(parts, source.origin, size)
    ranges = ranges_behind_files(place, source, plan, steps)
    while (part := (yield from ranges.next_rows())) is not None:
        if part:
            parts.append(part)
    return ExactRows(parts, source.origin, size)


def ranges_behind_files(
    place: tuple[str, str],
    source: ExactSource,
    plan: HistoryPlan,
    steps: StepRange,
    most: int | None = None,
) -> RangeRows:
    """The rows of some steps that are in no file, range by range.

    Args:
        place: The entity and the project.
        source: Where the rows are.
        plan: The arguments of the call.
        steps: The steps.
        most: How many rows the first request asks for at most; None for as many as it may.
    """
    stop = END_OF_STEPS if source.last_step is None else source.last_step + 1
    if source.row_count == 0 and source.last_step is None:
        stop = 0
    start = max(steps.first, source.boundary or 0)
    if source.addresses and source.boundary is not None:
        stop = max(stop, source.boundary + 1)
    if steps.stop is not None:
        stop = min(stop, steps.stop)
    return RangeRows((*place, source.run_id), plan, start, stop, most)


@contextmanager
def readable(source: ExactSource) -> Generator[None]:
    """Make rows of a file's columns within.

    Raises:
        BadResponseError: A column holds what JSON cannot stand for.
    """
    try:
        yield
    except ValueError as error:
        raise BadResponseError(
            f"a file of the history of run {source.run_id!r} cannot be read: {error}", status=200
        ) from error


def vain(source: ExactSource, reason: str) -> BadResponseError:
    """The error for a history that changed each time it was read."""
    return BadResponseError(
        f"the history of run {source.run_id!r} cannot be read whole: {reason}, also after it was "
        f"begun anew {MOST_BEGINNINGS - 1} times; try again later",
        status=200,
    )

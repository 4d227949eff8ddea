"""`HistoryRows`: a loop over all rows of a run's history."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from typing_extensions import override

from wandb_runs.errors.warnings import warn
from wandb_runs.frames.rows import Row
from wandb_runs.transport import RetryingClient

if TYPE_CHECKING:
    from wandb_runs.frames.scan import HistoryScan

__all__ = ["HistoryRows", "HistoryRowsBase", "RowPosition"]

ClientT = TypeVar("ClientT")


class RowPosition(NamedTuple):
    """Where a loop stands: replaced as a whole, so that no interrupt leaves it half changed.

    Attributes:
        scan: The scan, which has read so far.
        rows: The rows that it read last.
        next_index: The one that comes next.
    """

    scan: HistoryScan
    rows: list[Row]
    next_index: int = 0


class HistoryRowsBase(Generic[ClientT]):
    """What `HistoryRows` and `AsyncHistoryRows` share.

    Args:
        client: The client to send requests with.
        scan: The scan.
    """

    __slots__ = ("_at", "_client")

    def __init__(self, client: ClientT, scan: HistoryScan) -> None:
        self._client = client
        self._at = RowPosition(scan, [])

    def _end(self, scan: HistoryScan) -> None:
        """Tell, once, why there may have been no row."""
        warning = scan.take_warning()
        self._at = RowPosition(scan, [])
        if warning is not None:
            warn(warning)


class HistoryRows(HistoryRowsBase[RetryingClient], Iterator[Row]):
    """A loop over all rows of a run's history; what `run.scan_history()` returns.

    An error or an interrupt does not end it: the next `next()` sends the request again.
    """

    __slots__ = ()

    @override
    def __next__(self) -> Row:
        at = self._at
        while at.next_index >= len(at.rows):
            scan = copy(at.scan)  # which stays as it is until this one has read
            rows = self._client.run(scan.next_rows())
            if rows is None:
                self._end(scan)
                raise StopIteration
            at = self._at = RowPosition(scan, rows)
        row = at.rows[at.next_index]
        after = at._replace(next_index=at.next_index + 1)
        # The last step, behind which no interrupt comes before the caller has the row.
        self._at = after
        return row

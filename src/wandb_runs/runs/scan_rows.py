"""`ScanRows`: a loop over all that a scan reads, such as the rows of a history."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from typing_extensions import override

from wandb_runs.errors.warnings import warn
from wandb_runs.transport import RetryingClient

if TYPE_CHECKING:
    from wandb_runs.errors import WandbRunsWarning
    from wandb_runs.graphql.flow import Flow

__all__ = ["Scan", "ScanPosition", "ScanRows", "ScanRowsBase"]

ClientT = TypeVar("ClientT")
RowT = TypeVar("RowT")


class Scan(Protocol[RowT]):
    """What reads rows of one run, request by request, and knows its position.

    A shallow copy goes on from where the original stands, which stays as it is.
    """

    def next_rows(self) -> Flow[list[RowT] | None]:
        """Fetch the next rows, which may be none; None at the end."""
        ...

    def take_warning(self) -> WandbRunsWarning | None:
        """What is to be told at the end; once."""
        ...


class ScanPosition(NamedTuple, Generic[RowT]):
    """Where a loop stands: replaced as a whole, so that no interrupt leaves it half changed.

    Attributes:
        scan: The scan, which has read so far.
        rows: The rows that it read last.
        next_index: The one that comes next.
    """

    scan: Scan[RowT]
    rows: list[RowT]
    next_index: int = 0


class ScanRowsBase(Generic[ClientT, RowT]):
    """What `ScanRows` and `AsyncScanRows` share.

    Args:
        client: The client to send requests with.
        scan: The scan.
    """

    __slots__ = ("_at", "_client")

    def __init__(self, client: ClientT, scan: Scan[RowT]) -> None:
        self._client = client
        self._at: ScanPosition[RowT] = ScanPosition(scan, [])

    def _end(self, scan: Scan[RowT]) -> None:
        """Tell, once, what is missing, or why there may have been no row."""
        warning = scan.take_warning()
        self._at = ScanPosition(scan, [])
        if warning is not None:
            warn(warning)


class ScanRows(ScanRowsBase[RetryingClient, RowT], Iterator[RowT]):
    """A loop over all that a scan reads; what `run.scan_history()` returns.

    An error or an interrupt does not end it: the next `next()` sends the request again.
    """

    __slots__ = ()

    @override
    def __next__(self) -> RowT:
        at = self._at
        while at.next_index >= len(at.rows):
            scan = copy(at.scan)  # which stays as it is until this one has read
            rows = self._client.run(scan.next_rows())
            if rows is None:
                self._end(scan)
                raise StopIteration
            at = self._at = ScanPosition(scan, rows)
        row = at.rows[at.next_index]
        after = at._replace(next_index=at.next_index + 1)
        # The last step, behind which no interrupt comes before the caller has the row.
        self._at = after
        return row

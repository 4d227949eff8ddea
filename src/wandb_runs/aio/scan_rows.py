"""`AsyncScanRows`: an asynchronous loop over all that a scan reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from copy import copy
from typing import TYPE_CHECKING, TypeVar

import anyio
from typing_extensions import override

from wandb_runs.runs.scan_rows import ScanPosition, ScanRowsBase
from wandb_runs.transport import AsyncRetryingClient
from wandb_runs.transport.tasks import PerLoop

if TYPE_CHECKING:
    from wandb_runs.runs.scan_rows import Scan

__all__ = ["AsyncScanRows"]

RowT = TypeVar("RowT")


class AsyncScanRows(ScanRowsBase[AsyncRetryingClient, RowT], AsyncIterator[RowT]):
    """A loop over all that a scan reads; what `AsyncRun.scan_history()` returns.

    An error or a cancellation does not end it: the next `anext()` sends the request again.
    Several tasks of one event loop may take rows from it, and each row goes to one of them.
    """

    __slots__ = ("_locks",)

    def __init__(self, client: AsyncRetryingClient, scan: Scan[RowT]) -> None:
        super().__init__(client, scan)
        self._locks = PerLoop(anyio.Lock)

    @override
    async def __anext__(self) -> RowT:
        while self._at.next_index >= len(self._at.rows):
            async with self._locks.here():
                at = self._at
                if at.next_index >= len(at.rows):
                    scan = copy(at.scan)  # which stays as it is until this one has read
                    rows = await self._client.run(scan.next_rows())
                    if rows is None:
                        self._end(scan)
                        raise StopAsyncIteration
                    self._at = ScanPosition(scan, rows)
        at = self._at
        self._at = at._replace(next_index=at.next_index + 1)
        return at.rows[at.next_index]

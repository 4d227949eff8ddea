"""`Items`: a lazy sequence of items that a server lists, such as projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, SupportsIndex, TypeVar, overload

from typing_extensions import override

from wandb_runs.runs.indices import count_needed, pick
from wandb_runs.runs.items_base import ItemsBase
from wandb_runs.transport.fork import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.runs.items_base import ItemListing
    from wandb_runs.transport import RetryingClient

__all__ = ["Items"]

T = TypeVar("T")


class Items(ItemsBase[T], Sequence[T]):
    """A lazy, replayable sequence: pages are read when an item of them is taken, and kept.

    `len`, a negative index, and a slice that counts from the end read every page. A loop that an
    error ends can be begun again, and sends the failed request first. Threads may share one.
    """

    def __init__(self, client: RetryingClient, listing: ItemListing[T], shown: str) -> None:
        super().__init__(listing, shown)
        self._client = client
        self._lock = ForkSafeLock()

    @override
    def __len__(self) -> int:
        return len(self._read_to(None))

    def __bool__(self) -> bool:
        """Whether there is any; sends at most one request, which a loop can use."""
        return bool(self._read_to(1))

    @override
    def __iter__(self) -> Iterator[T]:
        place = 0
        while place < len(items := self._read_to(place + 1)):
            yield items[place]
            place += 1

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> T: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[T]: ...
    @override
    def __getitem__(self, index: SupportsIndex | slice, /) -> T | list[T]:
        return pick(self._read_to(count_needed(index)), index, self._listing.what)

    def _read_to(self, count: int | None) -> list[T]:
        """Read so many items, or all for None."""
        listing = self._listing
        if not listing.has(count):
            with self._lock.mutex:
                self._client.run(listing.read_to(count))
            listing.report()
        return listing.items

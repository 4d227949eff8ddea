"""`AsyncItems`: items that a server lists, such as projects, for asynchronous code."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, SupportsIndex, TypeVar, overload

import anyio
from typing_extensions import override

from wandb_runs.runs.indices import count_needed, pick
from wandb_runs.runs.items_base import ItemsBase
from wandb_runs.transport.tasks import PerLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import NoReturn

    from wandb_runs.runs.items_base import ItemListing
    from wandb_runs.transport import AsyncRetryingClient

__all__ = ["AsyncItems"]

T = TypeVar("T")


class AsyncItems(ItemsBase[T], AsyncIterable[T]):
    """Items, read page by page as `async for` takes them, and kept. Tasks may share one."""

    def __init__(self, client: AsyncRetryingClient, listing: ItemListing[T], shown: str) -> None:
        super().__init__(listing, shown)
        self._client = client
        self._locks = PerLoop(anyio.Lock)

    @override
    async def __aiter__(self) -> AsyncIterator[T]:
        place = 0
        while place < len(items := await self._read_to(place + 1)):
            yield items[place]
            place += 1

    def __bool__(self) -> NoReturn:
        """Refused: whether there is any takes a request."""
        raise TypeError("write `await items.length() > 0`: it takes a request")

    if not TYPE_CHECKING:  # checkers refuse these by themselves

        def __getitem__(self, index: object) -> NoReturn:
            raise TypeError(f"write `await items.get({index!r})`: it takes requests")

        def __len__(self) -> NoReturn:
            raise TypeError("write `await items.length()`: it takes requests")

        def __iter__(self) -> NoReturn:
            raise TypeError("write `async for`, or `await items.get(slice(None))` for a list")

    async def length(self) -> int:
        """How many there are; reads every page."""
        return len(await self._read_to(None))

    @overload
    async def get(self, index: SupportsIndex, /) -> T: ...
    @overload
    async def get(self, index: slice, /) -> list[T]: ...
    async def get(self, index: SupportsIndex | slice, /) -> T | list[T]:
        """What `items[index]` is for a blocking sequence: an item, or a list for a slice.

        Raises:
            IndexError: There is no such item.
        """
        return pick(await self._read_to(count_needed(index)), index, self._listing.what)

    async def _read_to(self, count: int | None) -> list[T]:
        """Read so many items, or all for None."""
        listing = self._listing
        if not listing.has(count):
            async with self._locks.here():
                await self._client.run(listing.read_to(count))
            listing.report()
        return listing.items

"""`AsyncSweep`: a search over hyperparameters, for asynchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.runs.changes.sweep_state import CANCEL, PAUSE, RESUME, STOP
from wandb_runs.runs.sweep_base import SweepBase, SweepsBase
from wandb_runs.transport import AsyncRetryingClient
from wandb_runs.transport.tasks import PerLoop

if TYPE_CHECKING:
    from wandb_runs.aio.run import AsyncRun
    from wandb_runs.aio.runs import AsyncRuns
    from wandb_runs.graphql._generated import SweepFields
    from wandb_runs.query.order import Order

__all__ = ["AsyncSweep", "AsyncSweeps"]


class AsyncSweep(SweepBase[AsyncRetryingClient]):
    """A search over hyperparameters, as it stood when it was read: what `Sweep` is, awaited.

    Made by `await api.sweep("entity/project/sweep_id")` and by `await run.sweep()`. Immutable, and
    therefore safe to share between tasks.
    """

    __slots__ = ()

    @property
    def runs(self) -> AsyncRuns:
        """The runs that the sweep started, oldest first; new, lazy `AsyncRuns` each time."""
        return self._runs("+created_at")

    async def best_run(self, order: Order | None = None) -> AsyncRun | None:
        """The first run of the sweep in `order`; None when it has no run.

        Args:
            order: An order as `AsyncApi.runs` takes it.
                By default `AsyncSweep.order`, else the newest run first.

        Raises:
            InvalidArgumentError: `order` cannot be right; nothing was sent.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        runs = await self._runs(order or self.order or "-created_at", per_page=1).get(slice(1))
        return runs[0] if runs else None

    async def pause(self) -> AsyncSweep:
        """Pause the sweep: its agents start no run until it is resumed; runs go on.

        Returns:
            The sweep as it is then; this one stays as it was read.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            InvalidArgumentError: It is neither running nor paused, as it was read or as it is now.
            NotFoundError: The sweep is gone, or the key may not see it.
        """
        return self._made(await self._client.run(self._set_state(PAUSE)))

    async def resume(self) -> AsyncSweep:
        """Have the sweep's agents start runs, also where it was stopped or canceled.

        Returns:
            The sweep as it is then; this one stays as it was read.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            NotFoundError: The sweep is gone, or the key may not see it.
        """
        return self._made(await self._client.run(self._set_state(RESUME)))

    async def stop(self) -> AsyncSweep:
        """Finish the sweep: no run is started any more, and those that run go on to their end.

        Returns:
            The sweep as it is then; this one stays as it was read.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            InvalidArgumentError: It is finished or canceled, as it was read or as it is now.
            NotFoundError: The sweep is gone, or the key may not see it.
        """
        return self._made(await self._client.run(self._set_state(STOP)))

    async def cancel(self) -> AsyncSweep:
        """Cancel the sweep: no run is started any more, and those that run are stopped.

        Returns:
            The sweep as it is then; this one stays as it was read.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            InvalidArgumentError: It is finished or canceled, as it was read or as it is now.
            NotFoundError: The sweep is gone, or the key may not see it.
        """
        return self._made(await self._client.run(self._set_state(CANCEL)))

    def _made(self, fields: SweepFields) -> AsyncSweep:
        return AsyncSweep(self._client, self._entity, self._project, fields)

    def _runs(self, order: Order, per_page: int = PER_PAGE) -> AsyncRuns:
        from wandb_runs.aio.runs import AsyncRuns  # noqa: PLC0415 - a circle: runs import sweeps

        return AsyncRuns(
            self._client,
            self._entity,
            self._project,
            filters={"sweep": self.id},
            order=order,
            per_page=per_page,
        )


class AsyncSweeps(SweepsBase[AsyncRetryingClient, AsyncSweep]):
    """The sweeps of a listing, each fetched once, however many of its runs are asked for it."""

    __slots__ = ("_locks",)

    def __init__(self, client: AsyncRetryingClient) -> None:
        super().__init__(client, AsyncSweep)
        self._locks = PerLoop(anyio.Lock)

    async def get(self, entity: str, project: str, sweep_id: str) -> AsyncSweep | None:
        """The sweep; None if the server does not know it (any more)."""
        # Held during the request, so that a second task waits for the answer of the first.
        async with self._locks.here():
            return await self._client.run(self._fetch(entity, project, sweep_id))

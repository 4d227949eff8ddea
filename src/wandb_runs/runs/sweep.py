"""`Sweep`: a search over hyperparameters, and the runs that it started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.runs.changes.sweep_state import CANCEL, PAUSE, RESUME, STOP
from wandb_runs.runs.sweep_base import SweepBase, SweepsBase
from wandb_runs.transport import RetryingClient
from wandb_runs.transport.fork import ForkSafeLock

if TYPE_CHECKING:
    from wandb_runs.graphql._generated import SweepFields
    from wandb_runs.query.order import Order
    from wandb_runs.runs.run import Run
    from wandb_runs.runs.runs import Runs

__all__ = ["Sweep", "Sweeps"]


class Sweep(SweepBase[RetryingClient]):
    """A search over hyperparameters, as it stood when it was read.

    Made by `api.sweep("entity/project/sweep_id")` and by `run.sweep`. Immutable, and therefore
    safe to share between threads.

    >>> sweep = next(run.sweep for run in api.runs("sample/digits") if run.sweep is not None)
    >>> sweep == api.sweep("/".join(sweep.path))
    True
    >>> all(run.sweep_name == sweep.id for run in sweep.runs)
    True
    """

    __slots__ = ()

    @property
    def runs(self) -> Runs:
        """The runs that the sweep started, oldest first; a new, lazy `Runs` each time."""
        return self._runs("+created_at")

    def best_run(self, order: Order | None = None) -> Run | None:
        """The first run of the sweep in `order`; None when it has no run.

        Args:
            order: An order as `Api.runs` takes it.
                By default `Sweep.order`, else the newest run first.

        Raises:
            InvalidArgumentError: `order` cannot be right; nothing was sent.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        runs = self._runs(order or self.order or "-created_at", per_page=1)
        return runs[0] if runs else None

    def pause(self) -> Sweep:
        """Pause the sweep: its agents start no run until it is resumed; runs go on.

        Returns:
            The sweep as it is then; this one stays as it was read.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            InvalidArgumentError: It is neither running nor paused, as it was read or as it is now.
            NotFoundError: The sweep is gone, or the key may not see it.
        """
        return self._made(self._client.run(self._set_state(PAUSE)))

    def resume(self) -> Sweep:
        """Have the sweep's agents start runs, also where it was stopped or canceled.

        Returns:
            The sweep as it is then; this one stays as it was read.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            NotFoundError: The sweep is gone, or the key may not see it.
        """
        return self._made(self._client.run(self._set_state(RESUME)))

    def stop(self) -> Sweep:
        """Finish the sweep: no run is started any more, and those that run go on to their end.

        Returns:
            The sweep as it is then; this one stays as it was read.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            InvalidArgumentError: It is finished or canceled, as it was read or as it is now.
            NotFoundError: The sweep is gone, or the key may not see it.
        """
        return self._made(self._client.run(self._set_state(STOP)))

    def cancel(self) -> Sweep:
        """Cancel the sweep: no run is started any more, and those that run are stopped.

        Returns:
            The sweep as it is then; this one stays as it was read.

        Raises:
            ReadOnlyError: The `Api` was made with `read_only=True`; nothing was sent.
            InvalidArgumentError: It is finished or canceled, as it was read or as it is now.
            NotFoundError: The sweep is gone, or the key may not see it.
        """
        return self._made(self._client.run(self._set_state(CANCEL)))

    def _made(self, fields: SweepFields) -> Sweep:
        return Sweep(self._client, self._entity, self._project, fields)

    def _runs(self, order: Order, per_page: int = PER_PAGE) -> Runs:
        from wandb_runs.runs.runs import Runs  # noqa: PLC0415 - a circle: runs import sweeps

        return Runs(
            self._client,
            self._entity,
            self._project,
            filters={"sweep": self.id},
            order=order,
            per_page=per_page,
        )


class Sweeps(SweepsBase[RetryingClient, Sweep]):
    """The sweeps of a listing, each fetched once, however many of its runs are touched.

    Thread-safe.
    """

    __slots__ = ("_lock",)

    def __init__(self, client: RetryingClient) -> None:
        super().__init__(client, Sweep)
        self._lock = ForkSafeLock()

    def get(self, entity: str, project: str, sweep_id: str) -> Sweep | None:
        """The sweep; None if the server does not know it (any more)."""
        # Held during the request, so that a second thread waits for the answer of the first.
        with self._lock.mutex:
            return self._client.run(self._fetch(entity, project, sweep_id))

"""`Sweep`: a search over hyperparameters, and the runs that it started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.runs.sweep_base import SweepBase, SweepsBase
from wandb_runs.transport import RetryingClient
from wandb_runs.transport.fork import ForkSafeLock

if TYPE_CHECKING:
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
        """
        runs = self._runs(order or self.order or "-created_at", per_page=1)
        return runs[0] if runs else None

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

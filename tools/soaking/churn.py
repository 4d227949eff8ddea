"""Creates, changes and deletes runs while other threads read them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from soaking.ledger import Condition, Record
from wandb_runs import WandbRunsError
from wandb_runs.testing import delete_run, log_run

if TYPE_CHECKING:
    import threading

    from soaking.findings import Findings
    from soaking.ledger import Ledger

__all__ = ["ENTITY", "PROJECT", "Churn", "config_of"]

ENTITY: Final = "team"
PROJECT: Final = "churned"

_MOST_ROWS: Final = 60
"""Fewer than the samples that readers request, so that a sample holds every row."""

_CREATED: Final = 0.3
"""The fraction of changes that create a run."""

_STATES: Final[dict[int | None, str]] = {0: "finished", 1: "failed", None: "running"}


def config_of(number: int) -> dict[str, int | str]:
    """The config of the run with this number."""
    return {"seed": number, "optimizer": ("adam", "sgd")[number % 2]}


class Churn:
    """Creates, changes and deletes runs over HTTP, and records each change in the ledger.

    Args:
        url: Base URL of the server.
        ledger: Records the changes.
        findings: Counts the changes.
        stopped: Ends the thread when it is set.
        runs: Approximate number of runs at any time.
        seed: Seed of the random generator.
    """

    def __init__(
        self,
        url: str,
        ledger: Ledger,
        findings: Findings,
        stopped: threading.Event,
        *,
        runs: int,
        seed: int,
    ) -> None:
        self._url = url
        self._ledger = ledger
        self._findings = findings
        self._stopped = stopped
        self._runs = runs
        self._chance = random.Random(seed)  # noqa: S311 - to be reproducible
        self._alive: dict[str, Condition] = {}
        self._made = 0

    def fill(self) -> None:
        """Create the first runs."""
        while len(self._alive) < self._runs and not self._stopped.is_set():
            self._create()

    def run(self, pause: float) -> None:
        """Change runs until `stopped` is set.

        Args:
            pause: Seconds between two changes.
        """
        while not self._stopped.wait(pause):
            try:
                self._change()
            except WandbRunsError as error:
                # The outcome of the change is unknown, so the run is not changed again.
                self._findings.recovered(error)
            except Exception as error:  # noqa: BLE001 - the table shows it
                self._findings.unexpected(error, "while runs were changed")

    def _change(self) -> None:
        lot = self._chance.random()
        # The more runs exist, the more are deleted, so that their number stays near `runs`.
        deleted = _CREATED * len(self._alive) / self._runs
        if lot < _CREATED or not self._alive:
            self._create()
        elif lot < _CREATED + deleted:
            self._delete()
        else:
            self._log()
        self._findings.count("changes")

    def _create(self) -> None:
        number = self._made
        self._made += 1
        # Ids are not in the order of creation.
        run_id = f"{number * 7919 % 1000:03}r{number}"
        self._ledger.add(run_id, record := Record(number))
        bare = Condition("running", 0, None)
        self._write(run_id, record, bare, {**config_of(number)})

    def _log(self) -> None:
        run_id, condition = self._draw()
        record = self._ledger.find(run_id)
        if record is None:
            raise AssertionError("the ledger has no record of an existing run")
        self._write(run_id, record, condition, None)

    def _write(
        self, run_id: str, record: Record, old: Condition, config: dict[str, int | str] | None
    ) -> None:
        exit_code = self._chance.choice([0, 0, 1, None])
        rows = self._chance.randint(0, min(8, _MOST_ROWS - old.rows))
        losses = [self._chance.random() for _ in range(rows)]
        # Without rows the server gets no heartbeat, and the state does not change.
        state = _STATES[exit_code] if rows or exit_code is not None else old.state
        new = Condition(state, old.rows + rows, losses[-1] if losses else old.loss)
        record.losses += losses
        first = old.rows
        with self._ledger.changing(run_id, new, intermediate=() if config is None else (old,)):
            log_run(
                self._url,
                ENTITY,
                PROJECT,
                run_id,
                config=config,
                history=[{"loss": loss, "n": first + index} for index, loss in enumerate(losses)],
                exit_code=exit_code,
            )
        self._alive[run_id] = new

    def _delete(self) -> None:
        run_id, _ = self._draw()
        with self._ledger.changing(run_id, None):
            delete_run(self._url, ENTITY, PROJECT, run_id)
        self._ledger.forget()

    def _draw(self) -> tuple[str, Condition]:
        """Take a random run; only a change that is known to have succeeded puts it back."""
        run_id = self._chance.choice([*self._alive])
        return run_id, self._alive.pop(run_id)

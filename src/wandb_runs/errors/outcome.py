"""How a change of several runs went, run by run, and the error where not all are changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wandb_runs.errors.exceptions import WandbRunsError
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.suggest import name_runs
from wandb_runs.errors.text import FieldsRepr

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ChangeOutcome", "ChangesError"]


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class ChangeOutcome(FieldsRepr):
    """How a change of several runs went: each run is either done, failed, or not tried.

    Immutable, and therefore safe to share.

    Attributes:
        change: The call, such as `runs.delete`.
        path: Entity and project of the runs, joined by `/`; of `runs.move`, where they were.
        done: The ids of the runs on which the server shows the change, in order.
        failed: The error of each run that was tried and does not show it, by id.
        not_tried: The ids of the runs of which nothing was sent: too much failed before.

    >>> from wandb_runs import ChangeOutcome
    >>> outcome = ChangeOutcome("runs.delete", "me/digits", ("r1", "r2"), {}, ("r3",))
    >>> outcome.remaining, outcome.describe()
    (['r3'], 'runs.delete in me/digits: 2 of 3 runs are done; not tried: 1 run (r3)')
    """

    change: str
    path: str
    done: tuple[str, ...]
    failed: Mapping[str, WandbRunsError] = field(hash=False)
    not_tried: tuple[str, ...]

    @property
    def remaining(self) -> list[str]:
        """The ids of the runs that are not done: those that failed, then those not tried."""
        return [*self.failed, *self.not_tried]

    def describe(self) -> str:
        """The numbers, and the ids of the first runs that are not done."""
        count = len(self.done) + len(self.remaining)
        text = f"{self.change} in {self.path}: {len(self.done)} of {count} runs are done"
        if self.failed:
            text += f"; failed: {name_runs([*self.failed])}"
        if self.not_tried:
            text += f"; not tried: {name_runs(self.not_tried)}"
        return text


class ChangesError(WandbRunsError):
    """Some of several runs could not be changed; the others are changed.

    Attributes:
        outcome: Which runs are done, which failed and how, and which were not tried.
    """

    outcome: ChangeOutcome

    def __init__(self, message: str, *, outcome: ChangeOutcome) -> None:
        super().__init__(message)
        self.outcome = outcome

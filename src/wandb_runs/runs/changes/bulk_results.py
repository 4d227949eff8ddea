"""`ChangeResults`: how far a change of several runs has come, and when to give up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.errors import (
    AuthenticationError,
    ChangeOutcome,
    ChangesError,
    ConnectionFailedError,
    PermissionDeniedError,
    RateLimitError,
    WandbRunsError,
)
from wandb_runs.errors.text import as_message

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

__all__ = ["ChangeResults", "Selected"]

_MOST_IN_A_ROW: Final = 3
"""How many requests may fail one after another until the rest is left."""


class Selected(NamedTuple):
    """The runs of a change.

    Attributes:
        entity: The user or team that owns the project.
        project: The project's name.
        run_ids: The ids, in order, each once.
    """

    entity: str
    project: str
    run_ids: tuple[str, ...]

    @property
    def path(self) -> str:
        """Entity and project."""
        return f"{self.entity}/{self.project}"


class ChangeResults:
    """How far a change of several runs has come.

    Whatever ends the change, it is known of each run. Several threads may count failures.

    Args:
        change: The call, such as `runs.delete`.
        selected: The runs.

    Attributes:
        selected: The runs.
        is_stopped: Whether so much failed that nothing more is to be sent.
    """

    def __init__(self, change: str, selected: Selected) -> None:
        self.selected: Selected = selected
        self.is_stopped: bool = False
        self._change = change
        self._done: set[str] = set()
        self._failed: dict[str, WandbRunsError] = {}
        self._in_a_row = 0

    @property
    def waiting(self) -> list[str]:
        """The ids of the runs that are neither done nor failed, in order."""
        known = self._done | self._failed.keys()
        return [each for each in self.selected.run_ids if each not in known]

    def count(self, error: WandbRunsError | None) -> None:
        """Count a request that was answered, or failed."""
        self._in_a_row = 0 if error is None else self._in_a_row + 1
        if error is not None and (_is_final(error) or self._in_a_row >= _MOST_IN_A_ROW):
            self.is_stopped = True

    def note_done(self, run_ids: Collection[str]) -> None:
        """Note the runs that show the change."""
        self._done.update(run_ids)

    def note_failed(self, run_ids: Collection[str], error: WandbRunsError) -> None:
        """Note the runs that do not show the change, which was sent."""
        self._done.difference_update(run_ids)
        self._failed.update(dict.fromkeys(run_ids, error))

    def take_back(self, run_ids: Collection[str]) -> None:
        """Forget that runs failed, which are to be tried in another way."""
        for run_id in run_ids:
            self._failed.pop(run_id, None)

    @contextmanager
    def told_on_interrupt(self) -> Generator[None]:
        """Tell how far it came, where something else than an error of a request ends it."""
        try:
            yield
        except WandbRunsError:
            raise
        except BaseException as error:
            outcome = self._outcome
            error.add_note(
                f"{as_message(outcome.describe())}; what was under way may be done too: the same "
                "call, on the same runs, finds that out and goes on"
            )
            raise

    def finish(self) -> ChangeOutcome:
        """The outcome, where all runs are done.

        Raises:
            ChangesError: Some are not.
        """
        outcome = self._outcome
        if not outcome.remaining:
            return outcome
        first = next(iter(outcome.failed.values()), None)
        why = "" if first is None else f"; the first error: {first.message}"
        error = ChangesError(
            f"{outcome.describe()}{why}; error.outcome has each run, and the same call on the "
            "same runs goes on with those that are not done",
            outcome=outcome,
        )
        raise error from first

    @property
    def _outcome(self) -> ChangeOutcome:
        ids = self.selected.run_ids
        return ChangeOutcome(
            self._change,
            self.selected.path,
            tuple(each for each in ids if each in self._done),
            {each: self._failed[each] for each in ids if each in self._failed},
            tuple(self.waiting),
        )


def _is_final(error: WandbRunsError) -> bool:
    """Whether the next request would fail in the same way."""
    if isinstance(error, ConnectionFailedError):
        return not error.may_have_arrived
    # Of the base itself is what a closed client raises.
    return type(error) is WandbRunsError or isinstance(
        error, (AuthenticationError, PermissionDeniedError, RateLimitError)
    )

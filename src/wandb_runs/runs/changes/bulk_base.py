"""`BulkChange` and `BulkCall`: what changes of several runs have in common, in both halves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, name_runs
from wandb_runs.graphql.scalars import parse_moment
from wandb_runs.runs.changes.arguments import check_flag
from wandb_runs.runs.changes.bulk_results import ChangeResults, Selected
from wandb_runs.runs.changes.update import LOGGING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wandb_runs.errors import WandbRunsWarning
    from wandb_runs.frames.table import TableRow
    from wandb_runs.graphql._generated import RunFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = ["BulkCall", "BulkChange", "Prepared", "check_expected", "refuse_logging"]


class Prepared(NamedTuple):
    """What a change finds before anything is sent.

    Attributes:
        runs: The runs to change, by id.
        done: The ids of runs that show the change already.
        missing: The ids of runs that are gone.
        warnings: What is to be told at the caller's line, which a flow may not run at.
    """

    runs: Mapping[str, RunFields]
    done: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    warnings: tuple[WandbRunsWarning, ...] = ()


class BulkChange(ABC):
    """A change of several runs, with its arguments."""

    call: ClassVar[str]
    """What is called, for messages."""

    hint: ClassVar[str] = "Look at them with dry_run=True, and pass"
    """What to do where another number of runs is expected than there is."""

    @abstractmethod
    def prepare(self, selected: Selected) -> Flow[Prepared]:
        """Read what is there, and refuse what must not be changed; sends no mutation.

        Raises:
            InvalidArgumentError: These runs must not be changed so.
        """

    @abstractmethod
    def apply(self, results: ChangeResults, prepared: Prepared) -> Flow[None]:
        """Change the runs, and note in the results which are."""

    def cells(self, run: RunFields) -> TableRow:  # noqa: ARG002 - for changes that show more
        """What a preview shows of a run, beside what it shows of every run."""
        return {}

    def preview(self, prepared: Prepared) -> list[TableRow]:
        """The runs that would change, a row for each."""
        return [
            {
                "id": run.id,
                "name": run.name,
                "state": run.state,
                "created_at": None if run.created_at is None else parse_moment(run.created_at),
                **self.cells(run),
            }
            for run in prepared.runs.values()
        ]


class BulkCall:
    """One call of a change, from its arguments to its outcome.

    Args:
        change: The change.
        expect: The number of runs that the caller expects; None if it was not given.
        dry_run: Whether to change nothing.

    Raises:
        InvalidArgumentError: Not a number, or not a choice.
    """

    def __init__(self, change: BulkChange, expect: object, *, dry_run: object = False) -> None:
        is_number = isinstance(expect, int) and not isinstance(expect, bool) and expect >= 0
        if expect is not None and not is_number:
            raise InvalidArgumentError(
                f"{change.call}: expect is the number of runs that are to change, got "
                f"{describe(expect)}"
            )
        self._change = change
        self._expect = expect
        self._results: ChangeResults | None = None
        self.is_dry_run: bool = check_flag("dry_run", dry_run)

    def check_allowed(self, client: Client[SessionBase]) -> None:
        """Refuse a change by a client that may only read.

        Raises:
            ReadOnlyError: It may, and this is no dry run.
        """
        if not self.is_dry_run:
            client.check_may_change(self._change.call)

    def prepare(self, entity: Flow[str], project: str, run_ids: Sequence[str]) -> Flow[Prepared]:
        """Check the number of runs, and read what is there; sends no mutation.

        Args:
            entity: Finds the user or team that owns the project.
            project: The project's name.
            run_ids: The ids of the runs.

        Raises:
            InvalidArgumentError: There are more or fewer than was expected, or these must not be
                changed so.
        """
        change = self._change
        check_expected(
            change.call, self._expect, len(run_ids), hint=change.hint, is_needed=not self.is_dry_run
        )
        selected = Selected((yield from entity), project, tuple(run_ids))
        prepared = yield from change.prepare(selected)
        self._results = ChangeResults(change.call, selected)
        self._results.note_done(prepared.done)
        return prepared

    def apply(self, prepared: Prepared) -> Flow[None]:
        """Change the runs, and note in the results which are."""
        return self._change.apply(self.results, prepared)

    @property
    def results(self) -> ChangeResults:
        """How far the change has come, once it is prepared."""
        if self._results is None:
            raise RuntimeError("the change is not prepared")
        return self._results


def check_expected(
    call: str, expect: object, count: int, *, hint: str = BulkChange.hint, is_needed: bool = True
) -> None:
    """Compare the number of runs with the one that the caller expects.

    Args:
        call: What was called.
        expect: The number; None if it was not given.
        count: How many runs are selected.
        hint: What to do.
        is_needed: Whether it must be given.

    Raises:
        InvalidArgumentError: It is missing or another one; nothing was changed.

    >>> check_expected("runs.delete", 3, 5)
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: runs.delete: 5 runs are selected, and expect= is 3; \
nothing was changed. Look at them with dry_run=True, and pass expect=5
    """
    if expect == count or (expect is None and not is_needed):
        return
    are = "1 run is" if count == 1 else f"{count} runs are"
    said = "not given" if expect is None else expect
    raise InvalidArgumentError(
        f"{call}: {are} selected, and expect= is {said}; nothing was changed. {hint} expect={count}"
    )


def refuse_logging(call: str, runs: Iterable[RunFields], why: str) -> None:
    """Refuse to change runs whose programs are logging, or may be.

    Raises:
        InvalidArgumentError: There is such a run; nothing was changed.
    """
    states = {run.id: run.state for run in runs}
    logging = [run_id for run_id, state in states.items() if state in LOGGING]
    unknown = [run_id for run_id, state in states.items() if state is None]
    if unknown:
        raise InvalidArgumentError(
            f"{call}: the server does not tell the state of {name_runs(unknown)}, by which it is "
            f"known whether a program is still logging: {why}. Nothing was changed; pass force=True"
        )
    if logging:
        are = "is" if len(logging) == 1 else "are"
        raise InvalidArgumentError(
            f"{call}: {name_runs(logging)} {are} still logging: {why}. Nothing was changed; "
            "wait until the programs have ended, leave these runs out, or pass force=True"
        )

"""What commands that change many runs share: what they show, and what they ask."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from wandb_runs.cli.formats import Records
from wandb_runs.cli.shared import Failed, Refused, nothing_in, tell
from wandb_runs.cli.status import Status, status_of
from wandb_runs.cli.wording import in_options
from wandb_runs.errors import ChangesError
from wandb_runs.errors.text import as_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs.cli.output import Output
    from wandb_runs.cli.shared import CommandT
    from wandb_runs.errors import ChangeOutcome
    from wandb_runs.frames.table import TableRow
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["Consent", "change_runs", "consenting"]

_TOLD: Final = 20
"""How many runs that failed are told, each with its error."""


class Consent(NamedTuple):
    """What a command is told of whether to change runs.

    Attributes:
        is_given: Whether to ask nothing.
        expect: How many runs there are to be; None if that is not given.
        dry_run: Whether to change nothing.
    """

    is_given: bool
    expect: int | None
    dry_run: bool

    def check(self) -> None:
        """Refuse a consent without a number of runs, or one that no terminal can be asked for.

        Raises:
            Refused: It is one.
        """
        if self.is_given and self.expect is None and not self.dry_run:
            raise Refused("--yes needs --expect N: how many runs are to change; see --dry-run")
        if not (self.is_given or self.dry_run or _can_ask()):
            raise Refused(
                "there is no terminal to ask on: pass --yes --expect N, where N is how many runs "
                "are to change; see --dry-run"
            )


def consenting(command: CommandT) -> CommandT:
    """Add the options of a command that changes many runs: --yes, --expect and --dry-run."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Print which runs would change, and stop."),
        click.option(
            "--expect",
            type=click.IntRange(min=0),
            metavar="N",
            help="How many runs there are to change; with another number none is changed.",
        ),
        click.option("--yes", is_flag=True, help="Ask nothing; needs --expect."),
    ):
        command = option(command)
    return command


def change_runs(
    path: str,
    preview: Callable[[], list[TableRow]],
    change: Callable[[int], ChangeOutcome],
    consent: Consent,
    output: Output,
    *,
    question: Callable[[str], str],
    done: Callable[[str], str],
    quiet: bool,
) -> None:
    """Show what would change, ask, change it, and tell what was done.

    Args:
        path: The project, as it was given.
        preview: Returns what would change, a row for each run; may be called where it is shown.
        change: Changes the runs, of which there are to be so many.
        consent: What the user said about that.
        output: Where the rows go.
        question: What to ask, about so many runs.
        done: What to tell, of so many runs.
        quiet: Whether to tell nothing.

    Raises:
        Failed: Some runs are not changed, or the user declined.
    """
    count = consent.expect
    if consent.dry_run or not consent.is_given:
        rows = preview()
        if rows or consent.dry_run:
            _print(rows, output)
        if not rows and not quiet:
            tell(f"{nothing_in(path)}.")
        if consent.dry_run or not (rows or count):
            return
        if count is None or count == len(rows):
            if not click.confirm(question(_counted(len(rows))), err=True):
                raise Failed("nothing was changed")
            count = len(rows)
    try:
        outcome = change(count or 0)
    except ChangesError as error:
        failed = error.outcome.failed
        notes = [
            as_message(f"{run_id}: {each.message}") for run_id, each in [*failed.items()][:_TOLD]
        ]
        status = status_of(error)
        raise Failed(in_options(error.message), Status(status), notes) from error
    if not quiet:
        tell(f"{done(_counted(len(outcome.done)))}.")


def _counted(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _print(rows: Sequence[TableRow], output: Output) -> None:
    names = [*rows[0]] if rows else ["id", "name", "state", "created_at"]
    values = [[_value(row[name], output) for name in names] for row in rows]
    if output.format != "table":
        output.write_records(Records(names, values))
        return
    from wandb_runs.cli.table import (  # noqa: PLC0415 - rich is optional
        STATES,
        Column,
        print_table,
    )

    columns = [
        Column(
            name,
            [row[at] for row in values],
            styles=STATES if name == "state" else {},
            folds="." in name,
        )
        for at, name in enumerate(names)
    ]
    print_table(columns, output)


def _value(value: JSONValue | datetime, output: Output) -> JSONValue:
    if not isinstance(value, datetime):
        return value
    return f"{value:%Y-%m-%d %H:%M}" if output.is_for_people else value.isoformat()

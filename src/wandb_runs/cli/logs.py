"""`wandb-runs logs`: what the program of a run printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from wandb_runs.cli.session import connect, reporting
from wandb_runs.cli.shared import Failed, fail_on_empty, tell
from wandb_runs.cli.status import Status
from wandb_runs.errors.text import printable

if TYPE_CHECKING:
    from wandb_runs.runs.console import ConsoleLine

__all__ = ["logs"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the last N lines, in one request; all by default.",
)
@click.option("--timestamps", is_flag=True, help="Begin each line with its time, in UTC.")
@fail_on_empty
@reporting
def logs(
    run: str,
    last: int | None,
    *,
    timestamps: bool,
    fail_on_empty: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Print the console output of RUN, which is entity/project/run_id, line by line.

    RUN may be the URL of the run's page, too. Lines are printed as they come. On a terminal what
    would move its cursor or change its colours is shown as escapes; in a pipe lines are as they
    were printed.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    is_empty = True
    with connect(verbose=verbose) as session:
        for line in session.api.run(run).console_logs(last=last):
            is_empty = False
            sys.stdout.write(_shown(line, has_time=timestamps))
    if is_empty:
        if fail_on_empty:
            raise Failed(f"{run} has no console output", Status.EMPTY)
        if not quiet:
            tell(f"{run} has no console output.")
    session.told.end()


def _shown(line: ConsoleLine, *, has_time: bool) -> str:
    """A line as it is printed; `click.echo` would take out what looks like colours."""
    time = "-" if line.time is None else line.time.isoformat()
    text = printable(line.text.expandtabs()) if sys.stdout.isatty() else line.text
    whole = f"{time} {text}\n" if has_time else f"{text}\n"
    encoding = sys.stdout.encoding
    return whole.encode(encoding, "backslashreplace").decode(encoding)

"""`wandb-runs delete` and `wandb-runs move`: what becomes of many runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wandb_runs.cli.changing import Consent, change_runs, consenting
from wandb_runs.cli.output import choose_output, printing
from wandb_runs.cli.session import connect, reporting
from wandb_runs.cli.shared import limiting, selecting

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.query.filters import Filters

__all__ = ["delete", "move"]


@click.command()
@selecting
@limiting
@click.option("--delete-artifacts", is_flag=True, help="Delete what they logged as artifacts, too.")
@consenting
@printing
@reporting
def delete(
    path: str,
    filters: Filters | None,
    order: str,
    limit: int | None,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    expect: int | None,
    *,
    delete_artifacts: bool,
    yes: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Delete runs of PATH, which is entity/project: those that the options select.

    On a terminal the runs are shown, and a question is asked. Elsewhere --yes is needed, and
    --expect with the number of runs. Running it again goes on with what is left.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    consent = Consent(yes, expect, dry_run)
    consent.check()
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        runs = session.api.runs(path, filters, order, limit=limit, config_keys=[], summary_keys=[])
        change_runs(
            path,
            lambda: runs.delete(dry_run=True),
            lambda count: runs.delete(expect=count, delete_artifacts=delete_artifacts),
            consent,
            target,
            question=lambda count: f"Delete {count} of {path}?",
            done=lambda count: f"{count} of {path} deleted",
            quiet=quiet,
        )
    session.told.end()


@click.command()
@selecting
@click.argument("to", metavar="TO")
@limiting
@click.option("--force", is_flag=True, help="Move runs that are still logging, too.")
@consenting
@printing
@reporting
def move(
    path: str,
    to: str,
    filters: Filters | None,
    order: str,
    limit: int | None,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    expect: int | None,
    *,
    force: bool,
    yes: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Move runs of PATH to the project TO, which are both entity/project, and TO exists.

    On a terminal the runs are shown, and a question is asked. Elsewhere --yes is needed, and
    --expect with the number of runs. Running it again goes on with what is left.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    consent = Consent(yes, expect, dry_run)
    consent.check()
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        runs = session.api.runs(path, filters, order, limit=limit, config_keys=[], summary_keys=[])
        change_runs(
            path,
            lambda: runs.move(to, force=force, dry_run=True),
            lambda count: runs.move(to, expect=count, force=force),
            consent,
            target,
            question=lambda count: f"Move {count} of {path} to {to}?",
            done=lambda count: f"{count} of {path} moved to {to}",
            quiet=quiet,
        )
    session.told.end()

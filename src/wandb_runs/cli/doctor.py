"""`wandb-runs doctor`: checks of the server, the settings and each query, to paste."""

from __future__ import annotations

from dataclasses import asdict, astuple, fields
from typing import TYPE_CHECKING

import click

from wandb_runs.cli.formats import Records, json_document
from wandb_runs.cli.output import choose_output, printing
from wandb_runs.cli.session import connect, reporting
from wandb_runs.cli.shared import errors_in_one_line
from wandb_runs.cli.status import Status
from wandb_runs.diagnosis import Check
from wandb_runs.diagnosis import doctor as examine

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["doctor"]


@click.command()
@click.argument("path", metavar="[PATH]", required=False)
@click.option("--json", "is_json", is_flag=True, help="The same as --format json.")
@click.option("--show-names", is_flag=True, help="Name the entity and the project.")
@printing
@reporting
def doctor(
    path: str | None,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    is_json: bool,
    show_names: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Check the server, the settings, and each query once on PATH, which is entity/project.

    The report can be pasted: it has no secret, and no names or values of runs. It also says what
    is not documented of the server. Nothing is changed. The status is 1 if a check failed.

    Without PATH, WANDB_ENTITY and WANDB_PROJECT name the project. The server and the key come from
    WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    del quiet  # there is nothing to leave out
    target = choose_output(output, "json" if is_json else format)
    with connect(verbose=verbose) as session:
        report = examine(session.api, path, show_names=show_names)
    checks: list[JSONValue] = [asdict(check) for check in report.checks]
    with errors_in_one_line():
        if target.format == "json":
            target.write(json_document({"ok": report.ok, "checks": checks}, target.encoding))
        elif target.format == "table":
            from wandb_runs.cli.checks import print_checks  # noqa: PLC0415 - rich is optional

            print_checks(report.rows, target)
        else:
            columns = [each.name for each in fields(Check)]
            shown = report.rows if target.format == "markdown" else report.checks
            target.write_records(Records(columns, [astuple(check) for check in shown]))
    if not report.ok:
        raise click.exceptions.Exit(Status.OTHER)

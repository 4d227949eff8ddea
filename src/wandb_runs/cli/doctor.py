"""`wandb-runs doctor`: checks of the server, the settings and each query, to paste."""

from __future__ import annotations

from dataclasses import asdict

import click

from wandb_runs.api import Api
from wandb_runs.cli.shared import errors_in_one_line, warnings_in_one_line
from wandb_runs.cli.status import Status
from wandb_runs.diagnosis import doctor as examine
from wandb_runs.errors.extras import needs_extra
from wandb_runs.errors.text import printable_json

__all__ = ["doctor"]


@click.command()
@click.argument("path", metavar="[PATH]", required=False)
@click.option("--json", "is_json", is_flag=True, help="Print JSON, with every check.")
@click.option("--show-names", is_flag=True, help="Name the entity and the project.")
def doctor(path: str | None, *, is_json: bool, show_names: bool) -> None:
    """Check the server, the settings, and each query once on PATH, which is entity/project.

    The report can be pasted: it has no secret, and no names or values of runs. It also says what
    is not documented of the server. Nothing is changed. The status is 1 if a check failed.

    Without PATH, WANDB_ENTITY and WANDB_PROJECT name the project. The server and the key come from
    WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    with errors_in_one_line():
        with needs_extra("cli", "the table of checks"):
            from wandb_runs.cli.checks import print_checks  # noqa: PLC0415 - rich is optional
        with warnings_in_one_line(), Api() as api:
            report = examine(api, path, show_names=show_names)
        if is_json:
            checks = [asdict(check) for check in report.checks]
            click.echo(printable_json({"ok": report.ok, "checks": checks}))
        else:
            print_checks(report.rows)
    if not report.ok:
        raise click.exceptions.Exit(Status.OTHER)

"""The commands of `wandb-runs`."""

from __future__ import annotations

import click
from typing_extensions import override

from wandb_runs.cli.codegen.command import codegen
from wandb_runs.cli.diff import diff
from wandb_runs.cli.doctor import doctor
from wandb_runs.cli.edit import edit, tag
from wandb_runs.cli.exports import export
from wandb_runs.cli.files import download, files, upload
from wandb_runs.cli.histories import histories
from wandb_runs.cli.listing import list_runs
from wandb_runs.cli.logs import logs
from wandb_runs.cli.many import delete, move
from wandb_runs.cli.open import open_page
from wandb_runs.cli.plot import plot
from wandb_runs.cli.projects import projects
from wandb_runs.cli.run_table import table
from wandb_runs.cli.show import show
from wandb_runs.cli.status import MEANINGS
from wandb_runs.cli.typegen.command import typegen
from wandb_runs.local.command import local

__all__ = ["cli"]


class _Commands(click.Group):
    """A group whose help has each command's line whole, and the table of statuses."""

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # click cuts these lines at the width of the terminal; here they are wrapped.
        lines = [(name, _first_sentence(each)) for name, each in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(lines)

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit status"):
            formatter.write_dl([(str(status.value), text) for status, text in MEANINGS.items()])


@click.group(cls=_Commands)
@click.version_option(package_name="wandb-runs", prog_name="wandb-runs")
def cli() -> None:
    """Read and manage experiment runs in Weights & Biases."""


def _first_sentence(command: click.Command) -> str:
    paragraph, _, _ = (command.help or "").partition("\n\n")
    return " ".join(paragraph.split())


for _command in (
    *(list_runs, table, show, diff, logs, open_page, histories, export, plot, projects, doctor),
    *(typegen, codegen, local),
    *(files, download, upload, edit, tag, delete, move),
):
    cli.add_command(_command)

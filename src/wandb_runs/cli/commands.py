"""The commands of `wandb-runs`."""

from __future__ import annotations

import click

from wandb_runs.cli.histories import histories
from wandb_runs.cli.listing import list_runs
from wandb_runs.cli.typegen.command import typegen
from wandb_runs.local.command import local

__all__ = ["cli"]


@click.group()
@click.version_option(package_name="wandb-runs")
def cli() -> None:
    """Read experiment runs from Weights & Biases."""


for _command in (list_runs, histories, typegen, local):
    cli.add_command(_command)

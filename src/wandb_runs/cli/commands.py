"""The commands of `wandb-runs`."""

from __future__ import annotations

import click

from wandb_runs.cli.local import local

__all__ = ["cli"]


@click.group()
@click.version_option(package_name="wandb-runs")
def cli() -> None:
    """Read experiment runs from Weights & Biases."""


cli.add_command(local)

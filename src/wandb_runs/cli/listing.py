"""`wandb-runs list`: the runs of a project, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wandb_runs.api import Api
from wandb_runs.cli.shared import (
    Failed,
    errors_in_one_line,
    fail_on_empty,
    naming_keys,
    selecting,
    tell,
    warnings_in_one_line,
)
from wandb_runs.cli.status import Status
from wandb_runs.errors.extras import needs_extra

if TYPE_CHECKING:
    from wandb_runs.query.filters import Filters

__all__ = ["list_runs"]

_LISTS = {"config": "config", "summary": "summary", "summary_metrics": "summary"}


@click.command("list")
@selecting
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="The most runs to print.",
)
@naming_keys("Columns to add", "config.lr,summary.loss")
@fail_on_empty
def list_runs(
    path: str,
    filters: Filters | None,
    order: str,
    limit: int,
    keys: tuple[str, ...],
    key: tuple[str, ...],
    *,
    fail_on_empty: bool,
) -> None:
    """Print the runs of PATH, which is entity/project, as a table.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    columns = tuple(
        dict.fromkeys(
            (
                *(_column(each, "--keys") for each in keys),
                *(_column(each, "--key") for each in key),
            )
        )
    )
    with errors_in_one_line():
        with needs_extra("cli", "the table of runs"):
            from wandb_runs.cli.table import print_runs  # noqa: PLC0415 - rich is optional
        with warnings_in_one_line() as told, Api() as api:
            runs = api.runs(
                path,
                filters,
                order,
                per_page=limit,
                config_keys=[key for where, key in columns if where == "config"],
                summary_keys=[key for where, key in columns if where == "summary"],
            )
            listed = runs[:limit]
            print_runs(listed, columns)
            if len(listed) == limit and len(runs) > limit:
                tell(f"The first {limit:,} of {len(runs):,} runs; --limit shows more.")
        if fail_on_empty and not listed:
            which = "has no runs" if filters is None else "has no run that fits --filters"
            raise Failed(f"{path} {which}", Status.EMPTY)
        told.end()


def _column(text: str, option: str) -> tuple[str, str]:
    where, _, key = text.partition(".")
    if where not in _LISTS or not key:
        name = "KEY" if where in _LISTS else text
        # The rest of a key with a comma has no section of its own.
        hint = "; a key with a comma is one for --key" if option == "--keys" else ""
        raise click.BadParameter(
            f"{text!r} is no column; write config.{name} or summary.{name}{hint}",
            param_hint=f"'{option}'",
        )
    return _LISTS[where], key

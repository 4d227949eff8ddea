"""`wandb-runs list`: the runs of a project."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import click

from wandb_runs.cli.columns import chosen_columns
from wandb_runs.cli.formats import Records, as_float
from wandb_runs.cli.output import choose_output, printing
from wandb_runs.cli.session import connect, reporting
from wandb_runs.cli.shared import (
    Failed,
    fail_on_empty,
    naming_keys,
    nothing_in,
    selecting,
    tell,
)
from wandb_runs.cli.status import Status
from wandb_runs.errors import UnsupportedByServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wandb_runs.cli.output import Output
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.query.filters import Filters
    from wandb_runs.runs.run import Run

__all__ = ["list_runs"]

T = TypeVar("T")


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
@printing
@fail_on_empty
@reporting
def list_runs(
    path: str,
    filters: Filters | None,
    order: str,
    limit: int,
    keys: tuple[str, ...],
    key: tuple[str, ...],
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    fail_on_empty: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Print the runs of PATH, which is entity/project: name, id, state, creation, and some keys.

    Tables and Markdown show six digits of a float; the other formats have values as they are, with
    null in JSON for NaN and the infinities.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    columns = chosen_columns(keys, key)
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        runs = session.api.runs(
            path,
            filters,
            order,
            per_page=limit,
            config_keys=[key for where, key in columns if where == "config"],
            summary_keys=[key for where, key in columns if where == "summary"],
        )
        listed = runs[:limit]
        _print(listed, columns, target)
        if not quiet and len(listed) == limit and len(runs) > limit:
            tell(f"The first {limit:,} of {len(runs):,} runs; --limit shows more.")
    if not listed:
        if fail_on_empty:
            raise Failed(nothing_in(path), Status.EMPTY)
        if not quiet:
            tell(f"{nothing_in(path)}.")
    session.told.end()


def _print(runs: Sequence[Run], columns: Sequence[tuple[str, str]], output: Output) -> None:
    created = [_told(run, lambda run: run.created_at) for run in runs]
    states = [_told(run, lambda run: run.state) for run in runs]
    times = [
        None
        if each is None
        else f"{each:%Y-%m-%d %H:%M}"
        if output.is_for_people
        else each.isoformat()
        for each in created
    ]
    values = {
        f"{where}.{key}": [
            as_float((run.config if where == "config" else run.summary).get(key)) for run in runs
        ]
        for where, key in columns
    }
    if output.format == "table":
        from wandb_runs.cli.table import (  # noqa: PLC0415 - rich is optional
            STATES,
            Column,
            print_table,
        )

        table = [
            Column("Name", [run.name for run in runs]),
            Column("Id", [run.id for run in runs], style="dim"),
            Column("State", states, styles=STATES),
            Column("Created (UTC)", times),
            *(Column(name, column, folds=True) for name, column in values.items()),
        ]
        print_table(table, output)
        return
    rows: dict[str, Sequence[JSONValue]] = {
        "id": [run.id for run in runs],
        "name": [run.name for run in runs],
        "state": states,
        "created_at": times,
        **values,
    }
    output.write_records(Records([*rows], [*zip(*rows.values(), strict=True)]))


def _told(run: Run, read: Callable[[Run], T]) -> T | None:
    with suppress(UnsupportedByServerError):  # of which a warning has told
        return read(run)
    return None

"""`wandb-runs projects`: the projects of a user or a team."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wandb_runs.cli.formats import Records
from wandb_runs.cli.output import choose_output, printing
from wandb_runs.cli.session import connect, reporting
from wandb_runs.cli.shared import Failed, fail_on_empty, tell
from wandb_runs.cli.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wandb_runs.cli.output import Output
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.runs.project import Project

__all__ = ["projects"]


@click.command()
@click.argument("entity", metavar="[ENTITY]", required=False)
@click.option("--limit", type=click.IntRange(min=1), help="The most projects; all by default.")
@printing
@fail_on_empty
@reporting
def projects(
    entity: str | None,
    limit: int | None,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    fail_on_empty: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Print the projects of ENTITY, a user or a team: name, creation, and description.

    Without ENTITY they are those of the default entity. They come in the server's order.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        listed = session.api.projects(entity)[:limit]
        _print(listed, target)
    if not listed:
        nothing = f"{entity or 'the default entity'} has no projects"
        if fail_on_empty:
            raise Failed(nothing, Status.EMPTY)
        if not quiet:
            tell(f"{nothing}.")
    session.told.end()


def _print(projects: Sequence[Project], output: Output) -> None:
    created = [each.created_at for each in projects]
    times = [
        None
        if each is None
        else f"{each:%Y-%m-%d %H:%M}"
        if output.is_for_people
        else each.isoformat()
        for each in created
    ]
    if output.format == "table":
        from wandb_runs.cli.table import Column, print_table  # noqa: PLC0415 - rich is optional

        table = [
            Column("Project", ["/".join(each.path) for each in projects]),
            Column("Created (UTC)", times),
            Column("Description", [each.description or "" for each in projects], folds=True),
        ]
        print_table(table, output)
        return
    rows: dict[str, Sequence[JSONValue]] = {
        "entity": [each.entity for each in projects],
        "name": [each.name for each in projects],
        "created_at": times,
        "description": [each.description for each in projects],
        "url": [each.url for each in projects],
    }
    output.write_records(Records([*rows], [*zip(*rows.values(), strict=True)]))

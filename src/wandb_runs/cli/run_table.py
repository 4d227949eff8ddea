"""`wandb-runs table`: all runs of a project as one table."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import click

from wandb_runs.cli.columns import chosen_columns
from wandb_runs.cli.formats import Records
from wandb_runs.cli.output import TABLE_FORMATS, choose_output, printing_tables, write_parquet
from wandb_runs.cli.session import connect, reporting, show_progress
from wandb_runs.cli.shared import (
    Failed,
    Refused,
    errors_in_one_line,
    fail_on_empty,
    limiting,
    naming_keys,
    nothing_in,
    per_page,
    selecting,
    tell,
)
from wandb_runs.cli.status import Status
from wandb_runs.frames.table import Section

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wandb_runs.cli.output import Output
    from wandb_runs.frames.table import TableRow
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.query.filters import Filters

__all__ = ["table"]

_FOR_PEOPLE: Final = ("name", "id", "state")
"""The attributes of a table, or of Markdown, where none are named."""

_DEFAULT: Final = (
    *("id", "name", "state", "created_at", "heartbeat_at", "user", "group", "job_type", "tags"),
    *("sweep", "notes"),
)
"""The attributes of the other formats, where none are named: those of `runs.table()`."""


@click.command()
@selecting
@limiting
@naming_keys("Keys of configs and summaries, all by default", "config.lr,summary.loss")
@click.option(
    "--attributes",
    metavar="NAMES",
    help="Attributes of runs, with commas between.  [default: name,id,state in a table and in "
    "Markdown, else all that `runs.table()` has]",
)
@printing_tables
@per_page
@fail_on_empty
@reporting
def table(
    path: str,
    filters: Filters | None,
    order: str,
    per_page: int,
    limit: int | None,
    keys: tuple[str, ...],
    key: tuple[str, ...],
    attributes: str | None,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    fail_on_empty: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Print all runs of PATH, which is entity/project, with all their keys.

    A row for each run, a column for each attribute and each key of configs and summaries, with dots
    for what is nested. On a terminal there are as many columns as there is room for.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    columns = chosen_columns(keys, key)
    target = choose_output(output, format, TABLE_FORMATS)
    config = [name for part, name in columns if part == "config"]
    summary = [name for part, name in columns if part == "summary"]
    names = _names(attributes, target)
    with (
        connect(verbose=verbose) as session,
        show_progress(quiet=quiet, verbose=verbose) as progress,
    ):
        runs = session.api.runs(path, filters, order, per_page, limit=limit)
        if target.format == "parquet":
            frame = runs.table(
                "polars",
                attributes=names,
                config=config or not columns,
                summary=summary or not columns,
                progress=progress,
            )
            count = len(frame)
            write: Callable[[], int | None] = partial(write_parquet, frame, target)
        else:
            rows = runs.table(
                attributes=names,
                config=config or not columns,
                summary=summary or not columns,
                progress=progress,
            )
            count = len(rows)
            write = partial(_print, _records(rows, names, config, summary, target), target)
    if fail_on_empty and not count:
        left = "" if target.path is None else f"; {output} is left as it was"
        raise Failed(f"{nothing_in(path)}{left}", Status.EMPTY)
    with errors_in_one_line():
        left_out = write()
    if not quiet:
        if left_out:
            tell(f"{left_out} more columns: --keys chooses, a pipe or -o FILE has all.")
        if target.path is not None:
            tell(f"{output}: {count:,} runs")
        elif not count:
            tell(f"{nothing_in(path)}.")
    session.told.end()


def _names(attributes: str | None, output: Output) -> list[str]:
    if attributes is not None:
        names = [name for part in attributes.split(",") if (name := part.strip())]
        if not names:
            raise Refused("--attributes names no attribute; leave it out, or name some")
        return names
    return [*(_FOR_PEOPLE if output.is_for_people else _DEFAULT)]


def _records(
    rows: Sequence[TableRow],
    attributes: Sequence[str],
    config: Sequence[str],
    summary: Sequence[str],
    output: Output,
) -> Records:
    values = [{name: _value(value, output) for name, value in row.items()} for row in rows]
    names = [*attributes]
    asked = (*config, *summary)
    parts: tuple[tuple[Literal["config", "summary"], Sequence[str]], ...] = (
        ("config", config),
        ("summary", summary),
    )
    for part, keys in parts:
        if asked and not keys:
            continue
        own = [
            {
                name.removeprefix(f"{part}."): each[name]
                for name in each
                if name.startswith(f"{part}.")
            }
            for each in values
        ]
        names += [f"{part}.{name}" for name in Section(part, tuple(keys) or None, own).columns]
    return Records(names, [[each.get(name) for name in names] for each in values])


def _value(value: JSONValue | datetime, output: Output) -> JSONValue:
    if not isinstance(value, datetime):
        return value
    return f"{value:%Y-%m-%d %H:%M}" if output.is_for_people else value.isoformat()


def _print(records: Records, output: Output) -> int:
    """Print a table; returns how many columns were left out."""
    if output.format != "table":
        output.write_records(records)
        return 0
    from wandb_runs.cli.table import (  # noqa: PLC0415 - rich is optional
        STATES,
        Column,
        fitting,
        print_table,
    )

    columns = [
        Column(
            name,
            [row[at] for row in records.rows],
            styles=STATES if name == "state" else {},
            folds="." in name,
        )
        for at, name in enumerate(records.columns)
    ]
    fit = fitting(columns, output)
    print_table(fit, output)
    return len(columns) - len(fit)

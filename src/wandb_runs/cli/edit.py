"""`wandb-runs edit` and `wandb-runs tag`: changes of one run, and the tags of many."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from wandb_runs.cli.changing import Consent, change_runs, consenting
from wandb_runs.cli.formats import Records
from wandb_runs.cli.output import choose_output, printing
from wandb_runs.cli.session import connect, reporting
from wandb_runs.cli.shared import Failed, Refused, errors_in_one_line, limiting, selecting, tell
from wandb_runs.errors.text import as_message
from wandb_runs.graphql.nested import pick
from wandb_runs.runs.changes.arguments import UNCHANGED, plan_update
from wandb_runs.runs.changes.update import LOGGING

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.cli.output import Output
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.query.filters import Filters
    from wandb_runs.runs.changes.arguments import Update
    from wandb_runs.runs.run import Run

__all__ = ["edit", "tag"]


def _read_values(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> dict[str, JSONValue]:
    """Keys and values, of texts like `lr=0.1`; a value that is no JSON is a text."""
    values: dict[str, JSONValue] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not (key and sign):
            raise click.BadParameter(f"{as_message(text)!r} is not KEY=VALUE, such as lr=0.1")
        if key in values:
            raise click.BadParameter(f"{as_message(key)!r} is given twice")
        try:
            values[key] = json.loads(value)
        except (ValueError, RecursionError):
            values[key] = value
    return values


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--name", help="The human name; empty to clear it, as the other texts.")
@click.option("--notes", help="Free text, in Markdown.")
@click.option("--group", help="The group.")
@click.option("--job-type", help="The job type.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Add a tag; repeatable.")
@click.option("--untag", "untags", multiple=True, metavar="TAG", help="Remove one; repeatable.")
@click.option(
    "--config",
    multiple=True,
    callback=_read_values,
    metavar="KEY=VALUE",
    help="Set a value of the config: JSON, or else a text; repeatable.",
)
@click.option(
    "--summary",
    multiple=True,
    callback=_read_values,
    metavar="KEY=VALUE",
    help="Set a value of the summary, likewise.",
)
@click.option("--unset-config", multiple=True, metavar="KEY", help="Remove a key; repeatable.")
@click.option("--unset-summary", multiple=True, metavar="KEY", help="Remove a key, likewise.")
@click.option("--force", is_flag=True, help="Change a run that is still logging, too.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and stop.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@printing
@reporting
def edit(
    run: str,
    name: str | None,
    notes: str | None,
    group: str | None,
    job_type: str | None,
    tags: tuple[str, ...],
    untags: tuple[str, ...],
    config: dict[str, JSONValue],
    summary: dict[str, JSONValue],
    unset_config: tuple[str, ...],
    unset_summary: tuple[str, ...],
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    force: bool,
    dry_run: bool,
    yes: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Change RUN, which is entity/project/run_id: only what the options name.

    On a terminal what changes is shown, and a question is asked; elsewhere --yes is needed. Values
    are JSON where they can be read as JSON, and else texts: --config lr=0.1 is a number,
    --config 'name="0.1"' a text. A key with dots is one inside an object, where there is no key of
    that name.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    texts = (name, notes, group, job_type)
    if not any((tags, untags, config, summary, unset_config, unset_summary)) and (
        texts.count(None) == len(texts)
    ):
        raise Refused("edit needs what to change, such as --notes TEXT or --config lr=0.1")
    with errors_in_one_line():
        update = plan_update(
            "edit",
            name=UNCHANGED if name is None else name,
            notes=UNCHANGED if notes is None else notes,
            group=UNCHANGED if group is None else group,
            job_type=UNCHANGED if job_type is None else job_type,
            add_tags=tags,
            remove_tags=untags,
            config=config,
            summary=summary,
            unset_config=unset_config,
            unset_summary=unset_summary,
        )
    if not (yes or dry_run or (sys.stdin.isatty() and sys.stderr.isatty())):
        raise Refused("there is no terminal to ask on: pass --yes; see --dry-run")
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        found = session.api.run(run)
        if not force and found.state in LOGGING:
            raise Refused(
                f"run {run} is {found.state}: its program sends its own values with each change, "
                "and would overwrite these. Nothing was changed; wait until it has ended, or pass "
                "--force"
            )
        if dry_run or not yes:
            _print(_rows(found, update), target)
        if dry_run:
            return
        if not yes and not click.confirm(f"Change {'/'.join(found.path)}?", err=True):
            raise Failed("nothing was changed")
        found.update(
            name=UNCHANGED if name is None else name,
            notes=UNCHANGED if notes is None else notes,
            group=UNCHANGED if group is None else group,
            job_type=UNCHANGED if job_type is None else job_type,
            add_tags=tags,
            remove_tags=untags,
            config=config,
            summary=summary,
            unset_config=unset_config,
            unset_summary=unset_summary,
            force=force,
        )
        if not quiet:
            tell(as_message(f"{'/'.join(found.path)} changed."))
    session.told.end()


def _rows(run: Run, update: Update) -> list[tuple[str, JSONValue, JSONValue]]:
    """What changes: its name, and its value now and then."""
    held = {
        "name": run.name,
        "notes": run.notes,
        "group": run.group,
        "job_type": run.job_type,
    }
    rows: list[tuple[str, JSONValue, JSONValue]] = [
        (name, held[name], text) for name, text in update.texts.items()
    ]
    if update.add_tags or update.remove_tags:
        rows.append(("tags", [*run.tags], [*update.tags_of(run.tags)]))
    for change in update.documents:
        document = run.config if change.part == "config" else run.summary
        changed: dict[str, JSONValue] = {**change.values, **dict.fromkeys(change.unset)}
        rows += [
            (f"{change.part}.{key}", pick(document, key), value) for key, value in changed.items()
        ]
    return rows


def _print(rows: list[tuple[str, JSONValue, JSONValue]], output: Output) -> None:
    names = ("what", "now", "then")
    if output.format != "table":
        output.write_records(Records(names, rows))
        return
    from wandb_runs.cli.table import Column, print_table  # noqa: PLC0415 - rich is optional

    columns = [Column(name, [row[at] for row in rows]) for at, name in enumerate(names)]
    print_table(columns, output)


@click.command()
@selecting
@limiting
@click.option("--add", multiple=True, metavar="TAG", help="Add a tag; repeatable.")
@click.option("--remove", multiple=True, metavar="TAG", help="Remove one; repeatable.")
@click.option("--force", is_flag=True, help="Change runs that are still logging, too.")
@consenting
@printing
@reporting
def tag(
    path: str,
    filters: Filters | None,
    order: str,
    limit: int | None,
    add: tuple[str, ...],
    remove: tuple[str, ...],
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
    """Add tags to runs of PATH, and remove some: of those that the options select.

    On a terminal the runs are shown, and a question is asked. Elsewhere --yes is needed, and
    --expect with the number of runs. Running it again goes on with what is left.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    if not (add or remove):
        raise Refused("pass --add TAG or --remove TAG; both are repeatable")
    consent = Consent(yes, expect, dry_run)
    consent.check()
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        runs = session.api.runs(path, filters, order, limit=limit, config_keys=[], summary_keys=[])
        change_runs(
            path,
            lambda: runs.update(add_tags=add, remove_tags=remove, force=force, dry_run=True),
            lambda count: runs.update(expect=count, add_tags=add, remove_tags=remove, force=force),
            consent,
            target,
            question=lambda count: f"Change the tags of {count} of {path}?",
            done=lambda count: f"the tags of {count} of {path} changed",
            quiet=quiet,
        )
    session.told.end()

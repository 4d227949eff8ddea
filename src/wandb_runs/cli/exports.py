"""`wandb-runs export`: a project as a dataset of Parquet files, brought up to date or read back."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from wandb_runs.cli.formats import Records, json_document
from wandb_runs.cli.output import STDOUT, choose_output
from wandb_runs.cli.session import connect, reporting, show_progress
from wandb_runs.cli.shared import (
    Failed,
    Refused,
    errors_in_one_line,
    filtering,
    naming_keys,
    tell,
)
from wandb_runs.cli.status import Status
from wandb_runs.errors import SchemaError
from wandb_runs.errors.text import as_message
from wandb_runs.files import unless_terminated

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from wandb_runs.cli.output import Output
    from wandb_runs.exports import ExportResult, Verification
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.query.filters import Filters

__all__ = ["export"]

_FORMATS: Final = ("json", "jsonl", "csv", "markdown")

_BESIDE_VERIFY: Final = frozenset({"verify", "format", "output", "quiet", "verbose"})
"""What can be given beside --verify."""


@click.command()
@click.argument("path", metavar="PATH", required=False)
@click.argument(
    "to",
    metavar="DIR",
    required=False,
    type=click.Path(file_okay=False),  # a Path would make the current folder of ''
)
@filtering
@naming_keys("The metrics, all by default", "loss,accuracy")
@click.option(
    "--as-json",
    multiple=True,
    metavar="KEY",
    help="A metric to keep as JSON text, whose values fit no one type, from the first export on; "
    "repeatable.",
)
@click.option("--no-system", is_flag=True, help="Leave out machine metrics.")
@click.option("--files", is_flag=True, help="Download the files that runs uploaded, too.")
@click.option(
    "--runs-per-part",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="N",
    help="Runs of a Parquet file at most; it counts for new runs.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Read all Parquet files; move damaged ones to DIR/damaged, and fetch what they held.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be done; write nothing.")
@click.option(
    "--verify",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="In place of an export, read the dataset in DIR back; nothing is sent.",
)
@click.option(
    "--format",
    type=click.Choice(_FORMATS),
    help="Print what became of it, for programs.  [default: what the ending of -o says]",
)
@click.option(
    "-o",
    "--output",
    default=STDOUT,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="File for that: .csv, .json, .jsonl, .ndjson or .md; stdout with --format alone.",
)
@reporting
def export(
    path: str | None,
    to: str | None,
    filters: Filters | None,
    keys: tuple[str, ...],
    key: tuple[str, ...],
    as_json: tuple[str, ...],
    runs_per_part: int,
    verify: str | None,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    no_system: bool,
    files: bool,
    repair: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Export all runs of PATH, which is entity/project, to the folder DIR, or what changed since.

    DIR gets Parquet files of the runs, their histories and their machine metrics; with --keys,
    rows that have all of these metrics. Where it has them, what is new or has changed is fetched,
    and what was interrupted goes on. Deleted runs are kept, and marked.

    The status is 7 where rows or files of some runs could not be had, which the next export tries
    again; once, where files have names that cannot be stored, and where --repair cannot fetch
    what a damaged file held; and where --verify finds a problem. It is 1 where DIR holds something
    else, or a damaged file, or another export writes to it.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    is_printed = format is not None or output != STDOUT
    target = choose_output(output, format, _FORMATS) if is_printed else None
    if verify is not None:
        _check_nothing_beside_verify()
        _verify(verify, target, quiet=quiet)
        return
    if path is None or to is None:
        raise Refused("name the project and the folder: export entity/project DIR")
    with errors_in_one_line():
        from wandb_runs import exports  # noqa: PLC0415 - polars and pyarrow are optional
    with (
        connect(verbose=verbose) as session,
        show_progress(quiet=quiet, verbose=verbose) as progress,
        unless_terminated(),
        _schema_errors_in_options(),
    ):
        result = exports.export(
            session.api.runs(path, filters),
            to,
            keys=tuple(dict.fromkeys((*keys, *key))) or None,
            schema=dict.fromkeys(as_json, "json") or None,
            system=not no_system,
            files=files,
            runs_per_part=runs_per_part,
            repair=repair,
            dry_run=dry_run,
            progress=progress,
        )
    _print({**asdict(result), "folder": str(result.folder)}, target)
    if not quiet:
        tell(as_message(_summary(result)))
    if not (result.is_complete or result.is_dry_run):
        raise click.exceptions.Exit(Status.PARTIAL)
    session.told.end()


@contextmanager
def _schema_errors_in_options() -> Generator[None]:
    """Name --as-json where values do not fit the type of their column."""
    try:
        yield
    except SchemaError as error:
        if not error.run_ids:  # of the name, not of values
            raise Failed(
                f"no file holds a column named {error.column!r}; name the other metrics by --keys"
            ) from error
        raise Failed(
            f"the values of {error.column!r} fit no one type; keep them as text by "
            f"--as-json {quote(error.column)}, now and in later exports, and in another folder if "
            "there is one without"
        ) from error


def _verify(folder: str, target: Output | None, *, quiet: bool) -> None:
    """Read a dataset back, and end the command with status 7 where it is not as it should be."""
    with errors_in_one_line():
        from wandb_runs import exports  # noqa: PLC0415 - polars and pyarrow are optional

        found = exports.verify(folder)
    _print({**asdict(found), "folder": str(found.folder)}, target)
    for problem in found.problems:
        tell(as_message(f"Problem: {problem}"))
    if not quiet:
        for note in found.notes:
            tell(as_message(f"Note: {note}"))
        tell(as_message(_found(found)))
    if found.problems:
        raise click.exceptions.Exit(Status.PARTIAL)


def _check_nothing_beside_verify() -> None:
    """Refuse what an export takes.

    Raises:
        Refused: Some of it is given.
    """
    context = click.get_current_context()
    given = [
        max(each.opts, key=len) if isinstance(each, click.Option) else each.human_readable_name
        for each in context.command.params
        if each.name not in {None, *_BESIDE_VERIFY}
        and context.get_parameter_source(each.name or "") is ParameterSource.COMMANDLINE
    ]
    if given:
        raise Refused(f"--verify DIR stands in place of an export: leave out {', '.join(given)}")


def _print(record: Mapping[str, JSONValue], target: Output | None) -> None:
    if target is None:
        return
    with errors_in_one_line():
        if target.format == "json":
            target.write(json_document({**record}, target.encoding))
        else:
            target.write_records(Records([*record], [[*record.values()]]))


def _summary(result: ExportResult) -> str:
    """What became of an export, in a line."""
    counts = (
        (result.added, "new"),
        (result.changed, "changed"),
        (result.unchanged, "unchanged"),
        (result.live, "may log more"),
        (result.deleted, "deleted and kept"),
        (len(result.failed), "failed"),
    )
    kinds = [f"{count:,} {what}" for count, what in counts if count]
    rare = (
        ({*result.files_failed} - {*result.files_refused}, "file", " failed"),
        (result.files_refused, "file", " left out for good"),
        (result.damaged, "damaged file", ""),
        (result.lost, "run", " lost"),
    )
    kinds += [f"{_count(len(names), what)}{end}" for names, what, end in rare if names]
    told = ", ".join(kinds)
    runs = f"{result.folder}: {_count(result.runs, 'run')}{told and f' ({told})'}"
    files = _count(result.parts_written, "file")
    if result.is_dry_run:
        return f"{runs}; {files} of rows would be written, and nothing was."
    return f"{runs}; {_count(result.rows_fetched, 'row')} fetched, {files} of rows written."


def _found(found: Verification) -> str:
    """What a dataset was found to be, in a line."""
    good = f"{_count(found.runs, 'run')} and {_count(found.rows, 'row')} as the manifest says"
    bad = f"; {_count(len(found.problems), 'problem')}" if found.problems else ""
    return f"{found.folder}: {good}{bad}."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"

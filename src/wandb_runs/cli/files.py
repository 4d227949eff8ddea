"""`wandb-runs files`, `download` and `upload`: the files that runs keep."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wandb_runs.cli.formats import Records
from wandb_runs.cli.output import choose_output, printing
from wandb_runs.cli.session import connect, reporting, show_progress
from wandb_runs.cli.shared import Failed, Refused, fail_on_empty, tell
from wandb_runs.cli.status import Status, status_of
from wandb_runs.cli.wording import in_options
from wandb_runs.errors.text import as_message
from wandb_runs.files import unless_terminated
from wandb_runs.pagination.progress import Progress
from wandb_runs.query.fields import RunId
from wandb_runs.runs.files.upload import name_of
from wandb_runs.runs.run import Run
from wandb_runs.runs.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs.cli.output import Output
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.runs.api import Api
    from wandb_runs.runs.files.downloads import Downloads, FileDownload
    from wandb_runs.runs.files.file_progress import FileProgress, OnFileProgress
    from wandb_runs.runs.files.run_file import RunFile

__all__ = ["download", "files", "upload"]

_PATTERN: Final = "Names to take, as SQL's LIKE: % stands for any characters, _ for one."

_PER_PAGE: Final = 1000


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--pattern", help=_PATTERN)
@printing
@fail_on_empty
@reporting
def files(
    run: str,
    pattern: str | None,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    fail_on_empty: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Print the files of RUN: name, size in bytes, kind, when each was sent, and MD5 digest.

    RUN is entity/project/run_id, or the URL of the run's page.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        found = session.api.run(run).files(pattern=pattern, per_page=_PER_PAGE)
        listed = [*found]
        _print(_of_files(listed, target), target)
    if not listed:
        _tell_empty(f"{run} has no file that fits", fail_on_empty=fail_on_empty, quiet=quiet)
    session.told.end()


@click.command()
@click.argument("path", metavar="PATH")
@click.option("--pattern", default="%", show_default=True, help=_PATTERN)
@click.option(
    "--to",
    default=Path(),
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder; the current one by default.",
)
@click.option("--replace", is_flag=True, help="Replace files that are there with other content.")
@printing
@fail_on_empty
@reporting
def download(
    path: str,
    pattern: str,
    to: Path,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    replace: bool,
    fail_on_empty: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Download files of the runs of PATH to DIR/RUN_ID/NAME, and print what became of each.

    PATH is a run, a project or a sweep: entity/project/run_id, entity/project, or the URL of a
    page. Files whose content is there already are skipped, so that a download that was interrupted
    goes on where it is started again.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    target = choose_output(output, format)
    with (
        connect(verbose=verbose) as session,
        show_progress(quiet=quiet, verbose=verbose, what="files") as progress,
        unless_terminated(),
    ):
        downloads = _download(session.api, path, pattern, to, _told_to(progress), replace=replace)
    _print(_of_downloads(downloads.files, target), target)
    if not downloads.files:
        _tell_empty(f"{path} has no file that fits", fail_on_empty=fail_on_empty, quiet=quiet)
    _end(downloads, quiet=quiet)
    session.told.end()


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("paths", metavar="FILES", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--root",
    default=Path(),
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that names are relative to; the current one by default.",
)
@click.option("--yes", is_flag=True, help="Replace files of the run without a question.")
@printing
@reporting
def upload(
    run: str,
    paths: tuple[Path, ...],
    root: Path,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    yes: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Upload FILES to RUN, each under its path below --root, and print them.

    RUN is entity/project/run_id, or the URL of the run's page; it may have finished. Where files of
    the run would be replaced, a question is asked on a terminal; elsewhere --yes is needed.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    del quiet  # there is nothing to leave out
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        names = {name_of(path, root, None): path for path in paths}
        for path in paths:
            if not path.is_file():
                raise Refused(f"{path} is no file")
        found = session.api.run(run)
        if not yes:
            there = {file.name for file in found.files(per_page=_PER_PAGE)}
            _ask([name for name in names if name in there], run)
        sent: list[RunFile] = []
        try:
            for name, path in names.items():
                sent.append(found.upload_file(path, name=name))
        finally:  # what went before a failure, too
            if sent:
                _print(_of_files(sent, target), target)
    session.told.end()


def _download(
    api: Api,
    path: str,
    pattern: str,
    to: Path,
    progress: OnFileProgress | None,
    *,
    replace: bool,
) -> Downloads:
    found = api.from_path(path)
    if isinstance(found, Run):
        found = api.runs(f"{found.entity}/{found.project}", RunId == found.id)
    elif isinstance(found, Sweep):
        found = found.runs
    return found.download(pattern, to, replace=replace, progress=progress)


def _told_to(progress: OnProgress | None) -> OnFileProgress | None:
    if progress is None:
        return None

    def report(told: FileProgress) -> None:
        progress(Progress(told.files, told.total_files, told.bytes))

    return report


def _end(downloads: Downloads, *, quiet: bool) -> None:
    """End the command where files failed, with the status of a partial result or of the error."""
    failed = downloads.failed
    if not quiet:
        counts = (
            (len(downloads.done), "written"),
            (len(downloads.skipped), "there already"),
            (len(failed), "failed"),
        )
        tell(f"Files: {', '.join(f'{count:,} {what}' for count, what in counts if count) or 0}.")
    for each in failed:
        tell(as_message(f"{each.run_id}: {in_options(str(each.error))}"))
    if failed and len(failed) == len(downloads.files):
        first = failed[0].error
        raise click.exceptions.Exit(Status.OTHER if first is None else status_of(first))
    if failed:
        raise click.exceptions.Exit(Status.PARTIAL)


def _ask(names: Sequence[str], run: str) -> None:
    """Ask whether files are to be replaced.

    Raises:
        Refused: They are not, or there is no terminal to ask on.
    """
    if not names:
        return
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")  # noqa: PLR2004 - names that are shown
    question = as_message(f"{run} has {shown} already; replace")
    if not sys.stdin.isatty():
        raise Refused(f"{question} them by --yes; nothing was uploaded")
    if not click.confirm(f"{question} {'it' if len(names) == 1 else 'them'}?", err=True):
        raise Refused("nothing was uploaded")


def _of_files(listed: Sequence[RunFile], output: Output) -> Records:
    columns: dict[str, Callable[[RunFile], JSONValue]] = {
        "name": lambda file: file.name,
        "size": lambda file: file.size,
        "mimetype": lambda file: file.mimetype,
        "updated_at": lambda file: _moment(file, output),
        "md5": lambda file: file.md5,
    }
    return Records([*columns], [[read(file) for read in columns.values()] for file in listed])


def _moment(file: RunFile, output: Output) -> str | None:
    moment = file.updated_at
    if moment is None:
        return None
    return f"{moment:%Y-%m-%d %H:%M}" if output.is_for_people else moment.isoformat()


def _of_downloads(downloads: Sequence[FileDownload], output: Output) -> Records:
    columns: dict[str, Callable[[FileDownload], JSONValue]] = {
        "run_id": lambda each: each.run_id,
        "name": lambda each: each.name,
        "status": lambda each: each.status,
        "size": lambda each: each.size,
        "is_verified": lambda each: each.is_verified,
        "path": lambda each: None if each.path is None else str(each.path),
    }
    if not output.is_for_people:
        columns["error"] = lambda each: None if each.error is None else str(each.error)
    return Records([*columns], [[read(each) for read in columns.values()] for each in downloads])


def _print(records: Records, output: Output) -> None:
    if output.format != "table":
        output.write_records(records)
        return
    from wandb_runs.cli.table import Column, print_table  # noqa: PLC0415 - rich is optional

    columns = zip(*records.rows, strict=True) if records.rows else ((),) * len(records.columns)
    print_table(
        [
            Column(name.replace("_", " ").capitalize(), values)
            for name, values in zip(records.columns, columns, strict=True)
        ],
        output,
    )


def _tell_empty(message: str, *, fail_on_empty: bool, quiet: bool) -> None:
    if fail_on_empty:
        raise Failed(message, Status.EMPTY)
    if not quiet:
        tell(f"{message}.")

"""`wandb-runs typegen`: models of what the runs of a project hold, as a Python module."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wandb_runs.cli.session import connect, reporting, show_progress
from wandb_runs.cli.shared import (
    ORDER,
    Refused,
    errors_in_one_line,
    filters_given,
    limiting,
    selecting,
    tell,
)
from wandb_runs.files import replace_file

if TYPE_CHECKING:
    from wandb_runs.query.filters import Filters

__all__ = ["typegen"]

_STDOUT: Final = Path("-")


@click.command()
@selecting
@limiting
@click.option(
    "-o",
    "--output",
    default=_STDOUT,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Python file to write; stdout by default.",
)
@click.option(
    "--force", is_flag=True, help="Replace the file even if it was not written by this command."
)
@reporting
def typegen(
    path: str,
    filters: Filters | None,
    order: str,
    limit: int | None,
    output: Path,
    *,
    force: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write pydantic models of the runs of PATH, which is entity/project.

    The module has Config and Summary, which the configs and summaries of all runs fit, and Metric,
    a Literal of the names that they logged; ConfigFields and SummaryFields have fields of these
    types: run[ConfigFields.lr]. The same runs give the same module. A file that is there is
    replaced in one step and keeps its mode; a symbolic link is followed.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    if output != _STDOUT:
        _check_output(output, force=force)
    with errors_in_one_line():
        from wandb_runs.cli.typegen.models import (  # noqa: PLC0415 - only this command takes it
            check_generator,
            write_models,
        )
        from wandb_runs.cli.typegen.reading import (  # noqa: PLC0415 - only this command takes it
            read_documents,
        )

        check_generator()
        with (
            connect(verbose=verbose) as session,
            show_progress(quiet=quiet, verbose=verbose) as progress,
        ):
            api = session.api
            read = read_documents(api, path, filters, order, limit=limit, progress=progress)
            runs = api.runs(path)
            where = f"{runs.entity}/{runs.project}"
        given = {
            **filters_given(),
            "--order": "" if order == ORDER else order,
            "--limit": "" if limit is None else str(limit),
            # The name alone: a path may hold names of users and customers.
            "-o": "" if output == _STDOUT else output.name,
        }
        options = [part for option in given.items() if option[1] for part in option]
        command = shlex.join(["wandb-runs", "typegen", where, *options])
        module = write_models(read, where, command).encode()
        if output == _STDOUT:
            click.echo(module, nl=False)
        else:
            replace_file(output, lambda file: file.write(module))
            if not quiet:
                tell(f"{output}: models of {read.runs:,} runs")
        session.told.end()


def _check_output(path: Path, *, force: bool) -> None:
    """Refuse a file that cannot be written, or that this command did not write.

    Raises:
        Refused: It is one.
    """
    with errors_in_one_line():
        if not path.parent.is_dir():
            raise Refused(f"{path}: there is no folder {path.parent}")
        replace_file(path, None)  # better refused now than when all has been read
    if force or not path.is_file():  # reading a pipe would wait for what is written to it
        return
    from wandb_runs.cli.typegen.models import (  # noqa: PLC0415 - only this command takes it
        is_generated,
    )

    with errors_in_one_line():
        text = path.read_text(encoding="utf-8", errors="replace")
    if text.strip() and not is_generated(text):
        raise Refused(f"{path}: not written by this command; --force replaces it all the same")

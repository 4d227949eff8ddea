"""`wandb-runs histories`: the histories of a project, into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wandb_runs.cli.formats import Records
from wandb_runs.cli.output import choose_output, write_parquet
from wandb_runs.cli.session import connect, reporting, show_progress
from wandb_runs.cli.shared import (
    Failed,
    Refused,
    errors_in_one_line,
    fail_on_empty,
    limiting,
    naming_keys,
    per_page,
    selecting,
    tell,
)
from wandb_runs.cli.status import Status
from wandb_runs.files import replace_file
from wandb_runs.frames.plan import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

    import polars as pl

    from wandb_runs.cli.output import Output
    from wandb_runs.cli.shared import CommandT
    from wandb_runs.frames.plan import Join, OnError, Stream
    from wandb_runs.query.filters import Filters

__all__ = ["histories"]

_WRITERS: Final[dict[str, Callable[[pl.DataFrame, IO[bytes]], None]]] = {
    "csv": lambda frame, file: frame.write_csv(file),
    "jsonl": lambda frame, file: frame.write_ndjson(file),
}
"""What writes files; other formats, and stdout, take rows."""

_FORMATS: Final = ("csv", "jsonl", "json", "parquet", "markdown", "table")


def _choice(name: str, values: Sequence[str], text: str) -> Callable[[CommandT], CommandT]:
    return click.option(
        name, type=click.Choice(values), default=values[0], show_default=True, help=text
    )


def _read_samples(_context: click.Context, _option: click.Parameter, text: str) -> int | None:
    """The number of rows; None for all."""
    if text == "all":
        return None
    try:
        return int(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a number nor all") from None


@click.command()
@selecting
@naming_keys("The metrics, all by default", "loss,accuracy")
@limiting
@click.option(
    "--samples",
    callback=_read_samples,
    default=str(SAMPLES),
    show_default=True,
    metavar="N",
    help="The most rows of a run, or all for every row of metrics.",
)
@click.option("--x-axis", default="_step", show_default=True, help="The metric that comes first.")
@_choice("--stream", ["default", "system"], "Metrics, or machine metrics.")
@_choice("--join", ["inner", "outer"], "The rows that hold all keys, or the rows that hold any.")
@_choice(
    "--on-error",
    ["raise", "skip"],
    "What to do about unreadable histories: fail, or skip.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="File to write: .parquet, .csv, .jsonl, .ndjson, .json or .md; - for stdout.",
)
@click.option(
    "--format",
    type=click.Choice(_FORMATS),
    help="What to write.  [default: what the ending of -o says; csv on stdout]",
)
@per_page
@fail_on_empty
@reporting
def histories(
    path: str,
    filters: Filters | None,
    order: str,
    per_page: int,
    keys: tuple[str, ...],
    key: tuple[str, ...],
    limit: int | None,
    samples: int | None,
    x_axis: str,
    stream: Stream,
    join: Join,
    on_error: OnError,
    output: Path,
    format: str | None,  # noqa: A002 - the option's name
    *,
    fail_on_empty: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write the histories of the runs of PATH, which is entity/project, to a file.

    A row for each sampled step of each run, with the columns x axis, keys and run_id; with
    --samples all, for each step. In JSON
    lines, which has neither, NaN and the infinities are null. CSV has each value as it is, also
    one that a spreadsheet takes for a formula. A file that is there is replaced in one step and
    keeps its mode; a symbolic link is followed.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    if samples is None and stream != "default":
        raise Refused(
            "--samples all writes every row of metrics: W&B keeps samples alone of machine "
            "metrics; give a number, or leave out --stream system"
        )
    target = choose_output(output, format, _FORMATS)
    with (
        connect(verbose=verbose) as session,
        show_progress(quiet=quiet, verbose=verbose) as progress,
    ):
        frame = session.api.runs(path, filters, order, per_page, limit=limit).histories(
            SAMPLES if samples is None else samples,
            tuple(dict.fromkeys((*keys, *key))) or None,
            x_axis,
            format="polars",
            stream=stream,
            join=join,
            exact=samples is None,
            on_error=on_error,
            progress=progress,
        )
    told = session.told
    if fail_on_empty and frame.is_empty():
        left = "" if target.path is None else f"; {output} is left as it was"
        raise Failed(f"{path}: no run has a row{left}", Status.EMPTY)
    with errors_in_one_line():
        _write(frame, target)
    if not quiet:
        where = "" if target.path is None else f"{output}: "
        tell(f"{where}{len(frame):,} rows of {frame['run_id'].n_unique():,} runs")
        if told.cut_runs:
            runs = "1 run has" if told.cut_runs == 1 else f"{told.cut_runs:,} runs have"
            tell(
                f"{runs} more rows than --samples {samples}, up to {told.most_rows:,}; "
                "what was written is a sample of theirs"
            )
    told.end()


def _write(frame: pl.DataFrame, output: Output) -> None:
    write = _WRITERS.get(output.format)
    if write is not None and output.path is not None:
        replace_file(output.path, lambda file: write(frame, file))
    elif output.format == "parquet":
        write_parquet(frame, output)
    elif output.format == "table":
        from wandb_runs.cli.table import Column, print_table  # noqa: PLC0415 - rich is optional

        columns = [Column(name, frame[name].to_list(), folds=True) for name in frame.columns]
        print_table(columns, output)
    else:
        output.write_records(Records(frame.columns, frame.rows()))

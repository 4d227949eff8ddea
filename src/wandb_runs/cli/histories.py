"""`wandb-runs histories`: the histories of a project, into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wandb_runs.api import Api
from wandb_runs.cli.files import replace_file
from wandb_runs.cli.shared import (
    Failed,
    Refused,
    errors_in_one_line,
    fail_on_empty,
    naming_keys,
    selecting,
    tell,
    warnings_in_one_line,
)
from wandb_runs.cli.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

    import polars as pl

    from wandb_runs.cli.shared import CommandT
    from wandb_runs.frames.plan import Join, OnError, Stream
    from wandb_runs.query.filters import Filters

__all__ = ["histories"]

_WRITERS: Final[dict[str, Callable[[pl.DataFrame, IO[bytes]], None]]] = {
    ".parquet": lambda frame, file: frame.write_parquet(file),
    ".csv": lambda frame, file: frame.write_csv(file),
    ".jsonl": lambda frame, file: frame.write_ndjson(file),
    ".ndjson": lambda frame, file: frame.write_ndjson(file),
}


def _choice(name: str, values: Sequence[str], text: str) -> Callable[[CommandT], CommandT]:
    return click.option(
        name, type=click.Choice(values), default=values[0], show_default=True, help=text
    )


@click.command()
@selecting
@naming_keys("The metrics, all by default", "loss,accuracy")
@click.option("--samples", type=int, default=500, show_default=True, help="The most rows of a run.")
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
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write: .parquet, .csv, .jsonl or .ndjson.",
)
@fail_on_empty
@click.option("--quiet", is_flag=True, help="Draw no bar and print only warnings and errors.")
def histories(
    path: str,
    filters: Filters | None,
    order: str,
    keys: tuple[str, ...],
    key: tuple[str, ...],
    samples: int,
    x_axis: str,
    stream: Stream,
    join: Join,
    on_error: OnError,
    output: Path,
    *,
    fail_on_empty: bool,
    quiet: bool,
) -> None:
    """Write the histories of the runs of PATH, which is entity/project, to a file.

    A row for each sampled step of each run, with the columns x axis, keys and run_id. In JSON
    lines, which has neither, NaN and the infinities are null. CSV has each value as it is, also
    one that a spreadsheet takes for a formula. A file that is there is replaced in one step and
    keeps its mode; a symbolic link is followed.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    write = _WRITERS.get(output.suffix.lower())
    if write is None:
        raise Refused(f"{output}: unknown ending; name a file in {', '.join(_WRITERS)}")
    with errors_in_one_line():
        if not output.parent.is_dir():
            raise Refused(f"{output}: there is no folder {output.parent}")
        replace_file(output, None)  # fail before anything is read
        from wandb_runs.bar import progress_bar  # noqa: PLC0415 - rich is optional

        with (
            warnings_in_one_line() as told,
            Api() as api,
            progress_bar(is_shown=not quiet) as progress,
        ):
            frame = api.runs(path, filters, order).histories(
                samples,
                tuple(dict.fromkeys((*keys, *key))) or None,
                x_axis,
                format="polars",
                stream=stream,
                join=join,
                on_error=on_error,
                progress=progress,
            )
        if fail_on_empty and frame.is_empty():
            raise Failed(f"{path}: no run has a row; {output} is left as it was", Status.EMPTY)
        replace_file(output, lambda file: write(frame, file))
        if not quiet:
            count = frame["run_id"].n_unique()
            tell(f"{output}: {len(frame):,} rows of {count:,} runs")
            if told.cut_runs:
                runs = "1 run has" if told.cut_runs == 1 else f"{told.cut_runs:,} runs have"
                tell(
                    f"{runs} more rows than --samples {samples}, up to {told.most_rows:,}; "
                    "what was written is a sample of theirs"
                )
        told.end()

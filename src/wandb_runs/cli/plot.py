"""`wandb-runs plot`: metrics of the runs of a project, as a picture or a page."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from wandb_runs.cli.output import STDOUT
from wandb_runs.cli.session import connect, reporting, show_progress
from wandb_runs.cli.shared import (
    Failed,
    Refused,
    errors_in_one_line,
    limiting,
    naming_keys,
    selecting,
    tell,
)
from wandb_runs.cli.status import Status
from wandb_runs.errors import UnknownKeyWarning
from wandb_runs.errors.extras import needs_extra
from wandb_runs.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.frames.plan import Join
    from wandb_runs.plots.look import LogAxes
    from wandb_runs.query.filters import Filters
    from wandb_runs.runs.api import Api
    from wandb_runs.runs.run import Run

__all__ = ["plot"]

_FORMATS: Final = ("svg", "png", "pdf", "html", "json")

_ATTRIBUTES: Final = ("group", "job_type", "name", "state")
"""What runs can be grouped by, beside what their configs and summaries hold."""


@click.command()
@selecting
@naming_keys("The metrics, a picture each below the other", "loss,accuracy")
@limiting
@click.option("--x-axis", default="_step", show_default=True, help="The metric of the axis.")
@click.option("--samples", type=int, default=500, show_default=True, help="The most rows of a run.")
@click.option(
    "--group-by",
    metavar="COLUMN",
    help=f"Group runs by config.KEY, summary.KEY, {', '.join(_ATTRIBUTES)}: a line is their mean.",
)
@click.option(
    "--band",
    type=click.Choice(["minmax", "std", "none"]),
    default="minmax",
    show_default=True,
    help="What is drawn around a mean; for none, a line for each run, in the color of its group.",
)
@click.option(
    "--smooth",
    type=click.FloatRange(0, 1, max_open=True),
    default=0,
    help="The weight of an exponential moving average, such as 0.9.",
)
@click.option("--log", type=click.Choice(["x", "y", "xy"]), help="The logarithmic axes.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="File to write: .png, .svg, .pdf, .html or .json; - for stdout.",
)
@click.option(
    "--format",
    type=click.Choice(_FORMATS),
    help="What to write.  [default: what the ending of -o says; svg on stdout]",
)
@reporting
def plot(
    path: str,
    filters: Filters | None,
    order: str,
    keys: tuple[str, ...],
    key: tuple[str, ...],
    limit: int | None,
    x_axis: str,
    samples: int,
    group_by: str | None,
    band: Literal["minmax", "std", "none"],
    smooth: float,
    log: LogAxes | None,
    output: Path,
    format: str | None,  # noqa: A002 - the option's name
    *,
    quiet: bool,
    verbose: bool,
) -> None:
    """Draw metrics of the runs of PATH, which is entity/project, into a file.

    A line for each run, or with --group-by for each group. No browser is started, and a page needs
    no network. Where no run has a row, nothing is written, and the status is 6.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    metrics = [*dict.fromkeys((*keys, *key))]
    if not metrics:
        raise Refused("name the metrics to draw: --keys loss,accuracy")
    where, name = _split(group_by)
    with errors_in_one_line():
        with needs_extra("plots", "plot"):
            import altair as alt  # noqa: PLC0415 - altair is optional
        from wandb_runs import plots  # noqa: PLC0415 - the same
        from wandb_runs.plots.save import content_of, suffix_of  # noqa: PLC0415 - the same

        if format is not None:
            suffix = f".{format}"
        else:
            suffix = ".svg" if output == STDOUT else suffix_of(output)
        if output == STDOUT:
            if sys.stdout.isatty():
                raise Refused("a picture is nothing that a terminal shows; name a file, or pipe it")
        elif not output.parent.is_dir():
            raise Refused(f"{output}: there is no folder {output.parent}")
        else:
            replace_file(output, None)  # fail before anything is read
    with connect(verbose=verbose) as session:
        runs = session.api.runs(path, filters, order, limit=limit)
        join: Join = "outer" if len(metrics) > 1 else "inner"
        # What histories would refuse is refused before the table is read.
        runs.explain("histories", samples=samples, keys=metrics, x_axis=x_axis, join=join)
        table = _read_table(session.api, path, filters, order, limit, where, name)
        with show_progress(quiet=quiet, verbose=verbose) as progress:
            rows = runs.histories(samples, metrics, x_axis, join=join, progress=progress)
        if not rows:
            raise Failed(f"{path}: no run has a row; nothing was written", Status.EMPTY)
        charts = [
            plots.curves(
                rows,
                metric,
                x=x_axis,
                color=group_by,
                table=table,
                smooth=smooth or None,
                band=None if group_by is None or band == "none" else band,
                log=log,
            )
            for metric in metrics
        ]
        content = content_of(alt.vconcat(*charts) if len(charts) > 1 else charts[0], suffix)
        if output == STDOUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
        else:
            replace_file(output, lambda file: file.write(content))
        if not quiet:
            count = len({str(row["run_id"]) for row in rows})
            where_to = "" if output == STDOUT else f"{output}: "
            tell(f"{where_to}{len(rows):,} rows of {count:,} runs")
    session.told.end()


def _split(group_by: str | None) -> tuple[str, str]:
    """The part of runs by which they are grouped, and the key there."""
    if group_by is None:
        return "", ""
    where, _, name = group_by.partition(".")
    if group_by in _ATTRIBUTES:
        return "", group_by
    if where not in {"config", "summary"} or not name:
        shown = "KEY" if where in {"config", "summary"} else group_by
        raise click.BadParameter(
            f"{group_by!r} is no column; write config.{shown} or summary.{shown}, or one of "
            f"{', '.join(_ATTRIBUTES)}",
            param_hint="'--group-by'",
        )
    return where, name


def _read_table(
    api: Api,
    path: str,
    filters: Filters | None,
    order: str,
    limit: int | None,
    where: str,
    name: str,
) -> Sequence[dict[str, object]]:
    """A row for each run: its id, its name, and the column by which runs are grouped.

    Raises:
        Refused: No run has it.
    """
    runs = api.runs(
        path,
        filters,
        order,
        limit=limit,
        config_keys=[name] if where == "config" else [],
        summary_keys=[name] if where == "summary" else [],
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("error", r"(config|summary)_keys: ", UnknownKeyWarning)
        try:
            listed = [*runs]
        except UnknownKeyWarning as warning:
            near = warning.nearest.get(name)
            hint = f"; did you mean {f'{where}.{near}'!r}?" if near else ""
            raise Refused(f"--group-by: no run has {f'{where}.{name}'!r}{hint}") from warning
    return [
        {"id": run.id, "name": run.name}
        | ({f"{where}.{name}" if where else name: _value(run, where, name)} if name else {})
        for run in listed
    ]


def _value(run: Run, where: str, name: str) -> object:
    match where:
        case "config":
            return run.config.get(name)
        case "summary":
            return run.summary.get(name)
        case _:
            return getattr(run, name)

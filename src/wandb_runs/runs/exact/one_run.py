"""Every row of one run, for `run.history(exact=True)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.errors import EmptyJoinWarning, UnknownMetricWarning
from wandb_runs.frames.one_run import missing_warning, unknown_metrics
from wandb_runs.runs.exact.missing import columns_in, found_names, is_apart
from wandb_runs.runs.exact.origins import log_origins
from wandb_runs.runs.exact.run_rows import read_rows_of
from wandb_runs.runs.exact.sources import fetch_source

if TYPE_CHECKING:
    from wandb_runs.errors import WandbRunsWarning
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import AnyRows
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.exact.file_tables import Reading
    from wandb_runs.runs.exact.run_rows import ExactRows
    from wandb_runs.runs.exact.sources import ExactSource, Origin

__all__ = ["fetch_every_row"]


def fetch_every_row(
    run: tuple[str, str, str], plan: HistoryPlan, reading: Reading
) -> Flow[tuple[list[AnyRows], WandbRunsWarning | None, Origin]]:
    """Fetch every row of one run that a call wants.

    Args:
        run: Entity, project and id.
        plan: The arguments of the call.
        reading: What files are read with.

    Returns:
        The rows, part by part; why some may be left out, or why there may be none; and where they
        were read from.

    Raises:
        NotFoundError: No such project or run.
        BadResponseError: The rows cannot be read.
    """
    *place, run_id = run
    entity, project = place
    source = yield from fetch_source(*run)
    rows = yield from read_rows_of((entity, project), source, plan, reading)
    log_origins({run_id: rows.origin})
    return rows.parts, (yield from _reason(source, rows, plan, (entity, project))), rows.origin


def _reason(
    source: ExactSource, rows: ExactRows, plan: HistoryPlan, place: tuple[str, str]
) -> Flow[WandbRunsWarning | None]:
    """Why rows may be left out, or why there may be none."""
    sampled, run_id = plan.ranges, source.run_id
    if source.row_count == 0:
        return None
    present = columns_in(rows.parts)
    if is_apart(source, sampled, present):
        return EmptyJoinWarning([run_id], plan.x_axis)
    if len(rows):
        return (yield from missing_warning(*place, found_names(run_id, sampled, present), sampled))
    unknown = unknown_metrics(source.history_keys, (plan.x_axis, *plan.keys) if plan.keys else ())
    return UnknownMetricWarning(run_id, unknown) if unknown else None

"""How the rows of one run are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from wandb_runs.errors import BadResponseError, WandbRunsError
from wandb_runs.errors.suggest import nearest
from wandb_runs.frames.rows import has_row_of_each, read_rows
from wandb_runs.graphql._generated import (
    get_events,
    get_history,
    get_history_keys,
    get_sampled_history,
)
from wandb_runs.graphql.flow import ask
from wandb_runs.query.location import missing_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.flow import Flow

__all__ = ["fetch_rows", "find_unknown", "is_apart"]

_OWN: Final = frozenset({"_step", "_runtime", "_timestamp"})
"""What W&B adds to each row, whether it names it among the metrics or not."""


def fetch_rows(entity: str, project: str, run_id: str, plan: HistoryPlan) -> Flow[list[Row]]:
    """The rows of one run, in one request.

    Raises:
        NotFoundError: No such project or run.
    """
    sent = yield from _fetch(entity, project, run_id, plan)
    try:
        return read_rows(plan, sent)
    except ValueError as error:
        raise BadResponseError(
            f"the history of run {run_id!r} cannot be read: {error}; try again", status=200
        ) from error


def is_apart(entity: str, project: str, run_id: str, plan: HistoryPlan) -> Flow[bool]:
    """Whether each metric has rows, of a run of which no row has all; in one request."""
    each = replace(plan, samples=1, join="outer")
    operation = get_sampled_history(entity=entity, project=project, id=run_id, specs=each.specs)
    try:
        found = (yield from ask(replace(operation, is_optional=True))).project
    except WandbRunsError:
        return False  # a warning the less; the history is here
    run = None if found is None else found.run
    return run is not None and has_row_of_each(run.sampled_history, len(each.specs))


def find_unknown(
    entity: str, project: str, run_id: str, names: Iterable[str]
) -> Flow[dict[str, str | None]]:
    """Metrics that a run does not have, with the nearest that it has; in one request.

    None of a run of which nothing is known.
    """
    operation = get_history_keys(entity=entity, project=project, id=run_id)
    try:
        found = (yield from ask(replace(operation, is_optional=True))).project
    except WandbRunsError:
        return {}  # a warning the less
    run = None if found is None else found.run
    told = run.history_keys if run is not None else None
    keys = cast("dict[str, object]", told).get("keys") if isinstance(told, dict) else None
    if not isinstance(keys, dict) or not keys:
        return {}
    known = [*map(str, cast("dict[object, object]", keys))]
    return {name: nearest(name, known) for name in names if name not in known and name not in _OWN}


def _fetch(entity: str, project: str, run_id: str, plan: HistoryPlan) -> Flow[object]:
    if plan.field == "sampledHistory":
        sampled = yield from ask(
            get_sampled_history(entity=entity, project=project, id=run_id, specs=plan.specs)
        )
        if sampled.project is None or sampled.project.run is None:
            raise missing_run(entity, project, run_id)
        return sampled.project.run.sampled_history
    if plan.field == "history":
        whole = yield from ask(
            get_history(entity=entity, project=project, id=run_id, samples=plan.samples)
        )
        if whole.project is None or whole.project.run is None:
            raise missing_run(entity, project, run_id)
        return whole.project.run.history
    system = yield from ask(
        get_events(entity=entity, project=project, id=run_id, samples=plan.samples)
    )
    if system.project is None or system.project.run is None:
        raise missing_run(entity, project, run_id)
    return system.project.run.events

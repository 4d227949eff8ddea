"""The history of one run: its rows, and which metrics it has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

from wandb_runs.errors import UnknownMetricWarning, WandbRunsError
from wandb_runs.errors.suggest import joined_by_commas, nearest
from wandb_runs.errors.warnings import MOST_HINTS
from wandb_runs.frames.parts import fetch_run_in_parts
from wandb_runs.frames.plan import ADDED_BY_WANDB
from wandb_runs.frames.requests import ATTRIBUTES, Node, unreadable_history
from wandb_runs.frames.rows import keys_with_rows, names_in_rows, read_machine_rows, read_rows
from wandb_runs.graphql._generated import (
    get_events,
    get_history,
    get_history_keys,
    get_sampled_history,
)
from wandb_runs.graphql.flow import ask
from wandb_runs.query.location import missing_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import FoundNames, Row
    from wandb_runs.graphql._generated import GetEvents, GetHistory, GetSampledHistory
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation

__all__ = [
    "fetch_history_keys",
    "fetch_node",
    "fetch_node_at_once",
    "fetch_rows",
    "has_disjoint_metrics",
    "machine_warning",
    "missing_warning",
    "suggest_metrics",
    "unknown_metrics",
]


def fetch_rows(
    entity: str, project: str, run_id: str, plan: HistoryPlan
) -> Flow[tuple[list[Row], FoundNames | None]]:
    """Fetch the rows of one run; in one request, but for an outer join of many keys.

    Returns:
        The rows, and which columns none of them has, where that can be told.

    Raises:
        NotFoundError: No such project or run.
        BadResponseError: The rows do not match the schema.
    """
    node = yield from fetch_node(entity, project, run_id, plan)
    try:
        sent = node.value()
        if plan.is_sampled_here:
            read = read_machine_rows(plan, sent)
            return read.rows, read.names_of(run_id)
        rows = read_rows(plan, sent)
        return rows, names_in_rows(plan, run_id, rows)
    except ValueError as error:
        raise unreadable_history(run_id, error) from error


def fetch_node(
    entity: str, project: str, run_id: str, plan: HistoryPlan, *, is_optional: bool = False
) -> Flow[Node]:
    """Fetch the history of one run as it is sent, in several requests where it is much.

    Raises:
        NotFoundError: No such project or run.
    """

    def fetch(part: HistoryPlan) -> Flow[Node]:
        return (
            yield from fetch_node_at_once(entity, project, run_id, part, is_optional=is_optional)
        )

    return (yield from fetch_run_in_parts(plan, fetch))


def fetch_node_at_once(
    entity: str, project: str, run_id: str, plan: HistoryPlan, *, is_optional: bool = False
) -> Flow[Node]:
    """Fetch the history of one run as it is sent, in one request.

    Raises:
        NotFoundError: No such project or run.
    """
    operation = _history_operation(entity, project, run_id, plan)
    found = (yield from ask(replace(operation, is_optional=is_optional))).project
    if found is None or found.run is None:
        raise missing_run(entity, project, run_id)
    sent = getattr(found.run, ATTRIBUTES[plan.field])
    counted = "events" if plan.field == "events" else "history"
    return Node(run_id, sent, getattr(found.run, f"{counted}_line_count"))


def _history_operation(
    entity: str, project: str, run_id: str, plan: HistoryPlan
) -> Operation[GetSampledHistory | GetHistory | GetEvents]:
    if plan.field == "sampledHistory":
        return get_sampled_history(entity=entity, project=project, id=run_id, specs=plan.specs)
    get = get_history if plan.field == "history" else get_events
    return get(entity=entity, project=project, id=run_id, samples=plan.rows_per_run)


def has_disjoint_metrics(
    entity: str, project: str, run_id: str, plan: HistoryPlan, missing: frozenset[str]
) -> Flow[bool]:
    """Whether a run lacks columns since its metrics were logged in separate rows.

    Args:
        entity: The run's entity.
        project: The run's project.
        run_id: The run's id.
        plan: The arguments of the call.
        missing: The columns that no row of the result has.
    """
    each = plan.separately
    try:
        node = yield from fetch_node(entity, project, run_id, each, is_optional=True)
    except WandbRunsError:
        return False  # best effort: only a warning depends on it
    return plan.is_disjoint(missing, keys_with_rows(each, node.sent))


def fetch_history_keys(entity: str, project: str, run_id: str) -> Flow[object]:
    """Fetch W&B's `historyKeys` of a run: its metrics, and its last step.

    Raises:
        NotFoundError: No such project or run.
    """
    operation = get_history_keys(entity=entity, project=project, id=run_id)
    found = (yield from ask(operation)).project
    if found is None or found.run is None:
        raise missing_run(entity, project, run_id)
    return found.run.history_keys


def suggest_metrics(
    entity: str, project: str, run_id: str, names: Iterable[str]
) -> Flow[dict[str, str | None]]:
    """The names that are no metrics of a run, each with its most similar metric or None.

    Empty where the run's metrics cannot be told. In one request.
    """
    operation = get_history_keys(entity=entity, project=project, id=run_id)
    try:
        found = (yield from ask(replace(operation, is_optional=True))).project
    except WandbRunsError:
        return {}  # best effort: only a warning depends on it
    run = None if found is None else found.run
    return {} if run is None else unknown_metrics(run.history_keys, names)


def unknown_metrics(history_keys: object, names: Iterable[str]) -> dict[str, str | None]:
    """The names that are no metrics of a run, each with its most similar metric or None.

    Empty where W&B's `historyKeys` of the run does not tell.

    >>> unknown_metrics({"keys": {"loss": {}, "accuracy": {}}}, ["loss", "acuracy"])
    {'acuracy': 'accuracy'}
    """
    known = cast("dict[str, object]", history_keys) if isinstance(history_keys, dict) else {}
    keys = known.get("keys")
    if not isinstance(keys, dict) or not keys:
        return {}
    return _nearest_metrics([*names], [*map(str, cast("dict[object, object]", keys))])


def missing_warning(
    entity: str, project: str, found: FoundNames | None, plan: HistoryPlan
) -> Flow[UnknownMetricWarning | None]:
    """The warning of columns that no row has, of runs that have rows.

    In one request where the rows do not tell the names of other metrics: the metrics of the first
    of these runs.
    """
    if found is None or not found.missing:
        return None
    if found.names:
        return machine_warning(found, plan)
    missing = [name for name in plan.columns_to_find if name in found.missing]
    unknown = yield from suggest_metrics(entity, project, found.run_id, missing)
    if not unknown:
        return None
    return UnknownMetricWarning(found.run_id, unknown, found.runs, rows="others")


def machine_warning(found: FoundNames | None, plan: HistoryPlan) -> UnknownMetricWarning | None:
    """The warning of metrics that no run has, where the rows tell the names of all.

    Those of the machine, which a call asked for by name, and the x axis of whole rows.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> from wandb_runs.frames.rows import FoundNames
    >>> plan = plan_histories(keys=["system.cpuu"], stream="system")
    >>> found = FoundNames("r1", frozenset({"system.cpuu"}), frozenset({"system.cpu"}))
    >>> print(machine_warning(found, plan))
    no machine metric of run 'r1' is 'system.cpuu' (did you mean 'system.cpu'?)
    """
    if found is None:
        return None
    columns = plan.columns_to_find if plan.columns is None else plan.columns
    nearest_names = _nearest_metrics(columns, sorted(found.names))
    unknown = {name: near for name, near in nearest_names.items() if name in found.missing}
    if not unknown:
        return None
    if plan.keys is not None:
        return UnknownMetricWarning(found.run_id, unknown, found.runs, "system")
    stream: Literal["default", "system"] = "default" if plan.stream == "default" else "system"
    return UnknownMetricWarning(found.run_id, unknown, found.runs, stream, "others", "x_axis")


def _nearest_metrics(names: Sequence[str], metrics: Sequence[str]) -> dict[str, str | None]:
    """Of some names those that are no metrics, each with the most similar metric or None.

    Of many names the first ones alone are compared, each of which may take milliseconds.
    """
    known = ADDED_BY_WANDB.union(metrics)
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    near = {
        name: joined_by_commas(name, names, metrics) or nearest(name, metrics)
        for name in unknown[:MOST_HINTS]
    }
    return dict.fromkeys(unknown) | near

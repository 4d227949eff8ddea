"""Configs and summaries of many runs: how they are requested, and the frames they become.

A config becomes a frame as a history of one row, so that columns and dtypes follow the same rules.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, TypeVar

from wandb_runs.errors import BadResponseError
from wandb_runs.frames.build import build_pandas, build_polars, build_rows
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.rows import make_floats
from wandb_runs.graphql._generated import list_configs, list_summaries
from wandb_runs.graphql.documents import INTERNAL_KEYS, read_config, read_document
from wandb_runs.graphql.flow import gather
from wandb_runs.graphql.nested import outer_keys
from wandb_runs.pagination.page import Page, fetch_page
from wandb_runs.pagination.paginator import Drift, fetch_named_page, list_all_ids
from wandb_runs.pagination.prefetch import AHEAD, Prefetcher
from wandb_runs.pagination.progress import ProgressCounter
from wandb_runs.pagination.sizes import PER_PAGE, PageSize
from wandb_runs.query.keys import check_keys

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.pagination.page import Node, PageRequest, PageVariables, Selection
    from wandb_runs.pagination.progress import OnProgress

__all__ = [
    "KnownRuns",
    "Values",
    "ValuesRead",
    "build_values",
    "fetch_values",
    "plan_values",
    "values_operation",
]

K = TypeVar("K", bound=str)

Values: TypeAlias = "list[tuple[str, Row]]"
"""The id and the config or summary of each run, in the order of runs."""

_X_AXIS: Final = "_step"
"""The x axis that a `HistoryPlan` needs, where values have none."""


def plan_values(keys: list[K] | tuple[K, ...] | None) -> HistoryPlan:
    """Check the keys of `configs` and `summaries`, and plan a frame with these columns.

    Raises:
        InvalidArgumentError: Not a list or tuple, empty, or a name that is not a string, empty, or
            `"run_id"`.

    >>> plan_values(["lr", "optimizer"]).columns
    ('lr', 'optimizer')
    """
    names = check_keys(keys)
    return plan_histories(1, names, _X_AXIS if names is None else names[0])


class ValuesRead(NamedTuple):
    """The configs or summaries of many runs.

    Attributes:
        values: The values of each run.
        drift: Runs out of order or missing, since the project changed during the call.
        gone: Runs that were listed before and no longer exist.
    """

    values: Values
    drift: Drift = Drift()
    gone: tuple[str, ...] = ()


class KnownRuns(NamedTuple):
    """What earlier calls told about the runs.

    Attributes:
        ids: The ids of all runs, in order, if they are known.
        total: The number of runs, if that is known.
        progress: The caller's progress callback.
        ahead: How many pages are requested at once.
        size: How many runs the first page asks for.
    """

    ids: list[str] | None
    total: int | None
    progress: OnProgress | None
    ahead: int = AHEAD
    size: PageSize = PageSize.of(PER_PAGE)


def fetch_values(
    what: Literal["configs", "summaries"],
    selection: Selection,
    keys: tuple[str, ...] | None,
    runs: KnownRuns,
) -> Flow[ValuesRead]:
    """Fetch the configs or summaries of the selected runs: one request per page of runs."""
    counter = ProgressCounter(runs.progress, runs.total)

    fetch = partial(_fetch_page, what, keys)

    def fetch_by_ids(part: list[str]) -> Flow[Page[tuple[str, Row]]]:
        return (yield from fetch_named_page(selection, part, fetch, lambda item: item[0]))

    def count(page: Page[tuple[str, Row]]) -> None:
        # A page of runs requested by id has no next one, and is not the last one.
        is_last = page.next_cursor is None and remaining is None
        counter.add(len(page.items), page.size, total=page.total, is_last=is_last)

    values: dict[str, Row] = {}
    drift = Drift()
    remaining = runs.ids
    if remaining is None:
        prefetcher = Prefetcher(
            selection,
            partial(fetch, selection),
            runs.size,
            total=runs.total,
            ahead=runs.ahead,
            done=count,
            dropped=lambda page: counter.take_back(len(page.items)),
        )
        while pages := (yield from prefetcher.next_pages()):
            for page in pages:
                for run_id, row in page.items:
                    # A new run may have moved this one onto a second page.
                    values.setdefault(run_id, row)
        drift = Drift(nulls=prefetcher.nulls)
        if not prefetcher.misses(values.__contains__):
            return ValuesRead([*values.items()], drift)
        listed = yield from list_all_ids(selection, runs.ahead)
        remaining, told = listed.remaining(selection["order"], values.__contains__)
        drift = replace(told, nulls=max(told.nulls, drift.nulls))
    most = runs.size.most
    parts = [remaining[start : start + most] for start in range(0, len(remaining), most)]
    for page in (yield from gather([fetch_by_ids(part) for part in parts], count)):
        values.update(page.items)
    gone = () if runs.ids is None else tuple(each for each in remaining if each not in values)
    return ValuesRead([*values.items()], drift, gone)


def values_operation(
    what: Literal["configs", "summaries"], placed: PageVariables, keys: tuple[str, ...] | None
) -> Operation[object]:
    """The operation that asks for a page of configs or summaries, for what holds the keys."""
    if what == "configs":
        return list_configs(**placed, keys=outer_keys(keys))
    return list_summaries(**placed, keys=outer_keys(keys))


def _fetch_page(
    what: Literal["configs", "summaries"],
    keys: tuple[str, ...] | None,
    selection: Selection,
    request: PageRequest,
) -> Flow[Page[tuple[str, Row]]]:
    placed = request.variables(selection)
    operation = values_operation(what, placed, keys)
    page = yield from fetch_page(operation, selection, request)
    return page.with_items((str(node["id"]), _read_values(what, node, keys)) for node in page.items)


def build_values(
    values: Values, plan: HistoryPlan, *, to: Format
) -> list[Row] | pd.DataFrame | pl.DataFrame:
    """Build what `configs` and `summaries` return: one row per run, by the rules of `build`.

    The function takes ownership of the values, as `build` does of rows.

    Raises:
        MissingDependencyError: The format's library is not installed.

    >>> values = [("a", {"lr": 0.1, "seed": 1}), ("b", {})]
    >>> build_values(values, plan_values(["seed", "lr"]), to="polars").columns
    ['seed', 'lr', 'run_id']
    >>> build_values(values, plan_values(None), to="default")
    [{'lr': 0.1, 'seed': 1, 'run_id': 'a'}, {'run_id': 'b'}]
    """
    histories = [(run_id, [row]) for run_id, row in values]
    if to == "default":
        return build_rows(histories, plan)
    has_x_axis = plan.keys is not None or any(_X_AXIS in row for _, row in values)
    if to == "pandas":
        frame = build_pandas(histories, plan)
        return frame[_columns([*map(str, frame.columns)], plan, has_x_axis=has_x_axis)]
    table = build_polars(histories, plan)
    # No select, which reads `*` and `^x$` as patterns.
    return table[_columns(table.columns, plan, has_x_axis=has_x_axis)]


def _columns(columns: list[str], plan: HistoryPlan, *, has_x_axis: bool) -> list[str]:
    """Sort the x axis among the other names, or leave it out where no run has that key."""
    if plan.keys is not None:
        return columns
    *names, run_id = columns
    return [*sorted(name for name in names if has_x_axis or name != _X_AXIS), run_id]


def _read_values(
    what: Literal["configs", "summaries"], node: Node, keys: tuple[str, ...] | None
) -> Row:
    field = "config" if what == "configs" else "summaryMetrics"
    sent = node.get(field)
    try:
        document = read_config(sent, keys) if what == "configs" else read_document(sent, keys)
    except ValueError as error:
        raise BadResponseError(
            f"the {field} of run {node['id']!r} is {error}; leave the run out with a filter, or "
            "ask for other keys",
            status=200,
        ) from error
    if what == "configs" and keys is None:
        document = {key: value for key, value in document.items() if key not in INTERNAL_KEYS}
    order = sorted(document) if keys is None else document
    row: Row = {key: value for key in order if (value := document[key]) is not None}
    make_floats([row])
    return row

"""Configs and summaries of many runs: how they are asked for, and the frames they become.

To a frame, a config is a history of one row, so that columns and dtypes follow the same rules.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, TypeVar, overload

from wandb_runs.errors import BadResponseError
from wandb_runs.frames.build import build
from wandb_runs.frames.plan import plan_histories
from wandb_runs.graphql._generated import list_configs, list_summaries
from wandb_runs.graphql.documents import INTERNAL_KEYS, read_config, read_document
from wandb_runs.graphql.flow import ask, gather
from wandb_runs.graphql.raw_response import RawOperation
from wandb_runs.pagination.page import Page, read_project_page
from wandb_runs.pagination.paginator import Drift, fetch_named, list_all_ids
from wandb_runs.pagination.prefetch import Prefetcher
from wandb_runs.pagination.progress import ProgressCounter
from wandb_runs.query.keys import check_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    import polars as pl

    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.pagination.page import PageRequest, Selection
    from wandb_runs.pagination.progress import OnProgress

__all__ = [
    "Collected",
    "KnownRuns",
    "Values",
    "build_values",
    "fetch_configs",
    "fetch_summaries",
    "plan_values",
]

K = TypeVar("K", bound=str)

Values: TypeAlias = "list[tuple[str, Row]]"
"""The id and the values of each run, in the order of runs."""

_STAND_IN = "_step"
"""The x axis that a history must have, where values have none."""


def plan_values(keys: list[K] | tuple[K, ...] | None) -> HistoryPlan:
    """Check the keys of `configs` and `summaries`, and plan a frame with these columns.

    Raises:
        InvalidArgumentError: Not a list or tuple, empty, or a name is no string or empty, or
            `"run_id"`.

    >>> plan_values(["lr", "optimizer"]).columns
    ('lr', 'optimizer')
    """
    asked = check_keys(keys)
    return plan_histories(1, asked, _STAND_IN if asked is None else asked[0])


class Collected(NamedTuple):
    """What was read of many runs.

    Attributes:
        values: Their values.
        drift: What could not be set right.
        gone: The runs that were to be read, and are not there.
    """

    values: Values
    drift: Drift = Drift()
    gone: tuple[str, ...] = ()


def fetch_configs(
    selection: Selection, keys: tuple[str, ...] | None, runs: KnownRuns
) -> Flow[Collected]:
    """Ask for the configs of the selected runs: a request for each page of runs."""

    def fetch(selection: Selection, request: PageRequest) -> Flow[Page[tuple[str, Row]]]:
        operation = list_configs(**request.variables(selection), keys=keys)
        answer = yield from ask(RawOperation.of(operation))
        project = answer.read_as(operation).project
        page = read_project_page(
            project, selection, request, size=len(answer.body), date=answer.date
        )
        rows = ((run.id, _config_row(run.id, run.config, keys)) for run in page.items)
        return page.with_items(rows)

    return (yield from _collect(fetch, selection, runs))


def fetch_summaries(
    selection: Selection, keys: tuple[str, ...] | None, runs: KnownRuns
) -> Flow[Collected]:
    """Ask for the summaries of the selected runs: a request for each page of runs."""

    def fetch(selection: Selection, request: PageRequest) -> Flow[Page[tuple[str, Row]]]:
        operation = list_summaries(**request.variables(selection), keys=keys)
        answer = yield from ask(RawOperation.of(operation))
        project = answer.read_as(operation).project
        page = read_project_page(
            project, selection, request, size=len(answer.body), date=answer.date
        )
        rows = ((run.id, _summary_row(run.id, run.summary_metrics, keys)) for run in page.items)
        return page.with_items(rows)

    return (yield from _collect(fetch, selection, runs))


class KnownRuns(NamedTuple):
    """What is known of the runs beforehand.

    Attributes:
        ids: Their ids, in order, where all were listed.
        total: How many there are, if that is known.
        progress: Whom to tell how far it is.
    """

    ids: list[str] | None
    total: int | None
    progress: OnProgress | None


def _collect(
    fetch: Callable[[Selection, PageRequest], Flow[Page[tuple[str, Row]]]],
    selection: Selection,
    runs: KnownRuns,
) -> Flow[Collected]:
    tally = ProgressCounter(runs.progress, runs.total)

    def count(page: Page[tuple[str, Row]]) -> None:
        tally.add(len(page.items), page.size, total=page.total, is_last=page.next_cursor is None)

    def read(part: list[str]) -> Flow[Page[tuple[str, Row]]]:
        size = 0

        def fetch_measured(
            selection: Selection, request: PageRequest
        ) -> Flow[Page[tuple[str, Row]]]:
            nonlocal size
            page = yield from fetch(selection, request)
            size += page.size
            return page

        rows = yield from fetch_named(selection, part, fetch_measured, _id_of)
        return Page(tuple(rows), None, size=size)

    values: dict[str, Row] = {}
    drift = Drift()
    wanted = runs.ids
    if wanted is None:
        ahead = Prefetcher(
            selection,
            lambda request: fetch(selection, request),
            lambda: selection["first"],
            total=runs.total,
            done=count,
            dropped=lambda page: tally.take_back(len(page.items)),
        )
        while pages := (yield from ahead.next_pages()):
            for page in pages:
                for run_id, row in page.items:
                    # A run that a new one has pushed onto the next page comes again.
                    values.setdefault(run_id, row)
        drift = Drift(nulls=ahead.nulls)
        if not ahead.misses(values.__contains__):
            return Collected([*values.items()], drift)
        listed = yield from list_all_ids(selection)
        wanted, told = listed.remaining(selection["order"], values.__contains__)
        drift = replace(told, nulls=max(told.nulls, drift.nulls))
    size = selection["first"]
    parts = [wanted[start : start + size] for start in range(0, len(wanted), size)]
    pages = yield from gather(
        [read(part) for part in parts],
        lambda page: tally.add(len(page.items), page.size, total=None, is_last=False),
    )
    for page in pages:
        values.update(page.items)
    gone = () if runs.ids is None else tuple(run_id for run_id in wanted if run_id not in values)
    return Collected([*values.items()], drift, gone)


@overload
def build_values(values: Values, plan: HistoryPlan, *, to: Literal["default"]) -> list[Row]: ...


@overload
def build_values(values: Values, plan: HistoryPlan, *, to: Literal["pandas"]) -> pd.DataFrame: ...


@overload
def build_values(values: Values, plan: HistoryPlan, *, to: Literal["polars"]) -> pl.DataFrame: ...


@overload
def build_values(
    values: Values, plan: HistoryPlan, *, to: Format
) -> list[Row] | pd.DataFrame | pl.DataFrame: ...


def build_values(
    values: Values, plan: HistoryPlan, *, to: Format
) -> list[Row] | pd.DataFrame | pl.DataFrame:
    """Build what `configs` and `summaries` return: a row for each run, by the rules of `build`.

    The values are given away, as rows are to `build`.

    Raises:
        MissingDependencyError: The format's library is not installed.

    >>> values = [("a", {"lr": 0.1, "seed": 1}), ("b", {})]
    >>> build_values(values, plan_values(["seed", "lr"]), to="polars").columns
    ['seed', 'lr', 'run_id']
    >>> build_values(values, plan_values(None), to="default")
    [{'lr': 0.1, 'seed': 1, 'run_id': 'a'}, {'run_id': 'b'}]
    """
    blocks = [(run_id, [row]) for run_id, row in values]
    if to == "default":
        return build(blocks, plan, to=to)
    unplanned = plan.keys is None and not any(_STAND_IN in row for _, row in values)
    if to == "pandas":
        frame = build(blocks, plan, to=to)
        return frame[_order([str(name) for name in frame.columns], plan, drop=unplanned)]
    table = build(blocks, plan, to=to)
    return table.select(_order(table.columns, plan, drop=unplanned))


def _order(columns: list[str], plan: HistoryPlan, *, drop: bool) -> list[str]:
    """Put the stand-in for an x axis in its request among the other names, or leave it out."""
    if plan.keys is not None:
        return columns
    *names, run_id = columns
    return [*sorted(name for name in names if not (drop and name == _STAND_IN)), run_id]


def _config_row(run_id: str, text: str | None, keys: tuple[str, ...] | None) -> Row:
    try:
        config = read_config(text, keys)
    except ValueError as error:
        raise _malformed("config", run_id, error) from error
    if keys is None:
        config = {key: value for key, value in config.items() if key not in INTERNAL_KEYS}
    return _row(config, keys)


def _summary_row(run_id: str, text: str | None, keys: tuple[str, ...] | None) -> Row:
    try:
        summary = read_document(text, keys)
    except ValueError as error:
        raise _malformed("summaryMetrics", run_id, error) from error
    return _row(summary, keys)


def _id_of(item: tuple[str, Row]) -> str:
    return item[0]


def _row(document: Mapping[str, JSONValue], keys: tuple[str, ...] | None) -> Row:
    order = sorted(document) if keys is None else document
    return {key: value for key in order if (value := document[key]) is not None}


def _malformed(field: str, run_id: str, error: ValueError) -> BadResponseError:
    return BadResponseError(
        f"the server's {field} of run {run_id!r} is {error}; leave the run out with a filter, or "
        "ask for other keys",
        status=200,
    )

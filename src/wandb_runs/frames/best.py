"""The best value of a metric over the whole history of each run, and the step that had it."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from wandb_runs.errors import InvalidArgumentError, WandbRunsError
from wandb_runs.errors.suggest import did_you_mean
from wandb_runs.frames.build import pandas_frame, pandas_series, polars_series
from wandb_runs.frames.columns import Column, Kind, Table
from wandb_runs.frames.one_run import fetch_history_keys
from wandb_runs.frames.plan import MAX_INT, HistoryPlan, plan_histories
from wandb_runs.frames.requests import PageHistories, unreadable_history
from wandb_runs.frames.rows import read_rows
from wandb_runs.frames.scan import last_step_of
from wandb_runs.frames.text import as_unicode
from wandb_runs.graphql._generated import get_sampled_history
from wandb_runs.graphql.flow import ask
from wandb_runs.query.keys import check_metric
from wandb_runs.query.location import missing_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    import polars as pl

    from wandb_runs.frames.plan import Format
    from wandb_runs.frames.requests import HistoryRequest, Node
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.raw_response import RawResponse
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.pagination.page import Page

__all__ = [
    "MOST_ROWS",
    "BestReader",
    "BestRow",
    "How",
    "RunBest",
    "best_of",
    "build_best",
    "fetch_best",
    "plan_best",
    "samples_for",
]

How: TypeAlias = Literal["max", "min", "last"]
"""Which value of a metric is the best one."""

_HOWS: Final[tuple[How, ...]] = ("max", "min", "last")

_SAMPLES: Final = 1_000
"""As many rows of each run are asked for at first: more than most have, and 75 runs a request."""

MOST_ROWS: Final = 64_000
"""Histories of more rows are read by ranges of steps: some MB each, of which none is kept."""

_WIDEST: Final = 16 * MOST_ROWS
"""The most steps of a range, where few of them have a row."""


class BestRow(NamedTuple):
    """The best value of a metric in one run.

    Attributes:
        value: The value.
        step: The step that had it.
    """

    value: JSONValue
    step: JSONValue


class RunBest(NamedTuple):
    """What is known of one run.

    Attributes:
        run_id: The run.
        best: The best of the rows that came; None without any.
        rows: How many rows the history has, where they did not all come: 0 where that is not
            known. None where all came.
    """

    run_id: str
    best: BestRow | None
    rows: int | None


def plan_best(key: object, how: object) -> tuple[HistoryPlan, How]:
    """Check the arguments of `best`, before any request is sent.

    Raises:
        InvalidArgumentError: Not a metric, or an unknown way.

    >>> plan_best("loss", "least")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: unknown how 'least'; did you mean 'last'?
    """
    name = check_metric("key", key)
    for each in _HOWS:
        if how == each:
            return plan_histories(_SAMPLES, [name], run_id=False), each
    raise InvalidArgumentError(f"unknown how {how!r}{did_you_mean(str(how), _HOWS)}")


def best_of(
    rows: Iterable[Row], key: str, how: How, found: BestRow | None = None
) -> BestRow | None:
    """The best value of rows: the first step that has it, or the last value.

    NaN is none, nor are text and nested values for the greatest and the least.

    Args:
        rows: Rows with `_step` and the metric.
        key: The metric.
        how: Which value.
        found: The best of earlier rows.

    >>> rows: list[Row] = [{"_step": 2, "a": 5}, {"_step": 1, "a": 5.0}, {"_step": 3, "a": 1}]
    >>> best_of(rows, "a", "max"), best_of(rows, "a", "last")
    (BestRow(value=5.0, step=1), BestRow(value=1, step=3))
    """
    for row in rows:
        value, step = row.get(key), row.get("_step")
        if value is None or step is None or (isinstance(value, float) and isnan(value)):
            continue
        if how != "last" and not isinstance(value, int | float):
            continue
        if found is None or _is_better(BestRow(value, step), found, how):
            found = BestRow(value, step)
    return found


def _is_better(row: BestRow, found: BestRow, how: How) -> bool:
    step, before = _number(row.step), _number(found.step)
    if how == "last":
        return step >= before
    value, best = _number(row.value), _number(found.value)
    if value == best:
        return step < before
    return value > best if how == "max" else value < best


def _number(value: JSONValue) -> int | float:
    return value if isinstance(value, int | float) else 0


def samples_for(rows: int) -> int:
    """How many samples to ask for, so that all rows come: a power of two, for few requests.

    >>> samples_for(1_001), samples_for(4_096)
    (1024, 4096)
    """
    return 1 << (rows - 1).bit_length()


class BestReader:
    """Turns answers into the best value of each run; no row is kept.

    Args:
        how: Which value.
    """

    def __init__(self, how: How) -> None:
        self._how: How = how

    def read(
        self, answer: RawResponse, request: HistoryRequest
    ) -> Page[PageHistories[list[RunBest]]]:
        """Read the rows of an answer's runs."""
        return self.read_nodes(request.read(answer), request.plan)

    def read_nodes(self, page: Page[Node], plan: HistoryPlan) -> Page[PageHistories[list[RunBest]]]:
        """Read the rows of a page's runs."""
        content: list[RunBest] = []
        empty_runs: list[str] = []
        unreadable: dict[str, WandbRunsError] = {}
        # A server may repeat a run within one page; the last one counts.
        nodes = {node.id: node for node in page.items}
        for node in nodes.values():
            try:
                rows = read_rows(plan, node.value())
            except ValueError as error:
                unreadable[node.id] = unreadable_history(node.id, error)
                continue
            count = node.row_count
            is_whole = count is not None and count <= plan.samples
            best = best_of(rows, (plan.keys or ("",))[0], self._how)
            content.append(RunBest(node.id, best, None if is_whole else count or 0))
            if not rows and count != 0:
                empty_runs.append(node.id)
        found = PageHistories(content, [*nodes], empty_runs, unreadable)
        return page.with_items((found,))

    def arrange(self, content: list[RunBest], run_ids: Sequence[str]) -> list[RunBest]:
        """Keep only these runs, in this order."""
        known = {each.run_id: each for each in content}
        return [known[run_id] for run_id in run_ids if run_id in known]


def fetch_best(
    entity: str, project: str, run_id: str, plan: HistoryPlan, how: How
) -> Flow[BestRow | None]:
    """Find the best value of a long history, by ranges of steps.

    A range is asked for with more samples than it has steps, so that no row is left out. An answer
    that is full all the same counts as cut: the range is halved.

    Raises:
        NotFoundError: No such project or run.
        BadResponseError: The rows do not match the schema.
    """
    key = (plan.keys or ("",))[0]
    last = last_step_of((yield from fetch_history_keys(entity, project, run_id)))
    if last is None:  # the server does not tell
        rows = yield from _fetch_rows(entity, project, run_id, replace(plan, samples=MAX_INT), {})
        return best_of(rows, key, how)
    best: BestRow | None = None
    start, width, samples = 0, MOST_ROWS, MOST_ROWS + 1
    while start <= last:
        stop = min(start + width - 1, last)
        steps = {"minStep": start, "maxStep": stop}
        asked = replace(plan, samples=samples)
        rows = yield from _fetch_rows(entity, project, run_id, asked, steps)
        if len(rows) >= samples:  # steps that have several rows
            width, samples = (width // 2, samples) if width > 1 else (1, 2 * samples)
            continue
        best = best_of(rows, key, how, best)
        if len(rows) <= MOST_ROWS // 4:  # steps may lie far apart
            width = min(2 * width, _WIDEST)
        start, samples = stop + 1, max(MOST_ROWS, width) + 1
    return best


def _fetch_rows(
    entity: str, project: str, run_id: str, plan: HistoryPlan, steps: Mapping[str, int]
) -> Flow[list[Row]]:
    """The rows of a range of steps, both ends included."""
    specs = [json.dumps({**json.loads(spec), **steps}) for spec in plan.specs]
    operation = get_sampled_history(entity=entity, project=project, id=run_id, specs=specs)
    found = (yield from ask(operation)).project
    if found is None or found.run is None:
        raise missing_run(entity, project, run_id)
    try:
        return read_rows(plan, found.run.sampled_history)
    except ValueError as error:
        raise unreadable_history(run_id, error) from error


def build_best(
    found: Mapping[str, BestRow | None], *, to: Format
) -> list[Row] | pd.DataFrame | pl.DataFrame:
    """Build what `best` returns: the columns `run_id`, `value` and `step`.

    >>> build_best({"a": BestRow(0.5, 3), "b": None}, to="default")
    [{'run_id': 'a', 'value': 0.5, 'step': 3}, {'run_id': 'b'}]
    """
    rows: list[Row] = [
        {"run_id": run_id} if best is None else {"run_id": run_id, **best._asdict()}
        for run_id, best in found.items()
    ]
    if to == "default":
        return rows
    table = Table(HistoryPlan(1, ("value",), "value", "default"), run_id=False)
    table.add("", rows)
    value = table.columns()["value"]
    steps = [row.get("step") for row in rows]
    columns = {
        "run_id": Column(Kind.STRING, [[*map(as_unicode, found)]], has_missing=False),
        "value": replace(value, kind=Kind.JSON) if value.kind is Kind.NESTED else value,
        "step": Column(Kind.INTEGER, [steps], None in steps),
    }
    if to == "pandas":
        return pandas_frame({name: pandas_series(each) for name, each in columns.items()})
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    return pl.DataFrame({name: polars_series(each) for name, each in columns.items()})

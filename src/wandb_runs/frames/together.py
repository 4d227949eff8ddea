"""Outer joins of many keys, asked for as inner joins: the same, where no row lacks a key.

An inner join comes as one object for each row, an outer join as one for each value.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

from wandb_runs.frames.outer import JoinedRows
from wandb_runs.frames.rows import as_requested, make_floats
from wandb_runs.graphql.nested import pick_all

if TYPE_CHECKING:
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.requests import Node
    from wandb_runs.frames.rows import Row

__all__ = ["read_joined"]


def read_joined(plan: HistoryPlan, node: Node) -> JoinedRows | None:
    """The outer join of keys that were asked for together; None where it does not follow.

    It follows where as many rows hold all keys as the history has, and where these are the rows
    that have a step: the number of rows may be from another moment than the rows. Malformed
    answers are None, and told when each key is asked for.

    Args:
        plan: The plan of the request.
        node: The run, as it was sent.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> from wandb_runs.frames.requests import Node
    >>> from dataclasses import replace
    >>> plan = replace(plan_histories(keys=["a", "b"], join="outer"), are_together=True)
    >>> rows = [{"_step": 0, "a": 1, "b": 2}]
    >>> read_joined(plan, Node("r1", [[{"_step": 0}], rows], row_count=1)).rows
    [{'_step': 0, 'a': 1, 'b': 2}]
    >>> read_joined(plan, Node("r1", [[{"_step": 0}, {"_step": 1}], rows], row_count=2)) is None
    True
    """
    keys, count = plan.keys or (), node.row_count
    if not count:
        is_empty = count == 0 and node.sent in (None, [], [[], []])
        return JoinedRows(keys, [], []) if is_empty else None
    try:
        all_rows, with_keys = cast("list[list[Row]]", node.sent)
        steps = [row["_step"] for row in all_rows]
        if len(steps) == count and {*map(type, steps)} == {int}:
            rows = _rows_with(plan.columns_together, with_keys)
            if rows is not None and [row["_step"] for row in rows] == steps:
                return _in_order(plan, cast("list[int]", steps), rows)
    except (AttributeError, KeyError, TypeError, ValueError):  # no two lists of rows
        pass
    return None


def _rows_with(columns: tuple[str, ...], sent: list[Row]) -> list[Row] | None:
    """The rows with all columns; None if one lacks any."""
    rows = as_requested([sent], columns)
    if rows is not None:
        return rows
    rows = [pick_all(row, columns) for row in sent]
    if any(len(row) != len(columns) for row in rows):
        return None
    make_floats(rows)
    return rows


def _in_order(plan: HistoryPlan, steps: list[int], rows: list[Row]) -> JoinedRows:
    """Order the rows by step, those of one step as they came, and their columns as asked for."""
    if any(later < step for step, later in pairwise(steps)):
        order = sorted(range(len(steps)), key=steps.__getitem__)
        steps, rows = [steps[at] for at in order], [rows[at] for at in order]
    columns = plan.columns or ()
    if "_step" not in columns:
        for row in rows:
            del row["_step"]
    elif plan.x_axis != "_step":
        rows = [{name: row[name] for name in columns} for row in rows]
    return JoinedRows(plan.keys or (), steps, rows)

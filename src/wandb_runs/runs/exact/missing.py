"""Which columns the rows of a run lack, when all have been read, and what that may mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.frames.one_run import unknown_metrics
from wandb_runs.frames.parquet.arrow_rows import ArrowRows
from wandb_runs.frames.rows import FoundNames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import AnyRows
    from wandb_runs.runs.exact.sources import ExactSource

__all__ = ["columns_in", "found_names", "is_apart"]


def columns_in(parts: Sequence[AnyRows]) -> frozenset[str]:
    """The columns of which some row has a value."""
    names: set[str] = set()
    for part in parts:
        if isinstance(part, ArrowRows):
            names |= part.names_with_values()
        else:
            names.update(*part)
    return frozenset(names)


def is_apart(source: ExactSource, plan: HistoryPlan, present: frozenset[str]) -> bool:
    """Whether a run lacks columns since its metrics were logged in separate rows.

    Args:
        source: The run.
        plan: The arguments of the call, for ranges of steps.
        present: The columns of which some row has a value.
    """
    columns = plan.columns or ()
    missing = frozenset(name for name in columns if name not in present | {"_step"})
    if not (plan.can_be_disjoint and missing) or source.row_count == 0:
        return False
    if not unknown_metrics(source.history_keys, [""]):  # no metric has that name
        return False  # the server does not tell which metrics there are
    unknown = unknown_metrics(source.history_keys, missing)
    return plan.is_disjoint(missing, {name for name in columns if name not in unknown})


def found_names(run_id: str, plan: HistoryPlan, present: frozenset[str]) -> FoundNames | None:
    """Which columns a run lacks that has rows; None where that cannot be.

    Args:
        run_id: The run.
        plan: The arguments of the call, for ranges of steps.
        present: The columns of which some row has a value.
    """
    if not plan.columns_to_find:
        return None
    to_find = frozenset(plan.columns_to_find) - present
    return FoundNames(run_id, to_find, frozenset() if plan.keys or not to_find else present)

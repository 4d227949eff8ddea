"""All histories of a call, in one list or frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.frames.build import Builder

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from wandb_runs.frames.histories import HistoryPages
    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.requests import RunRows
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.flow import Flow

__all__ = ["collect"]


def collect(
    pages: HistoryPages[list[RunRows]], plan: HistoryPlan, *, to: Format
) -> Flow[list[Row] | pd.DataFrame | pl.DataFrame]:
    """What `build` makes of the rows of all runs, in order; for a frame none of them is kept."""
    builder = Builder(plan, to=to)
    while pieces := (yield from pages.next_pieces()):
        for piece in pieces:
            for run_id, rows in piece.content:
                builder.add(run_id, rows)
    return builder.build()

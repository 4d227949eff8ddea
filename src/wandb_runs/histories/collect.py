"""All histories of a call, in one frame or list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.histories.frames import build

if TYPE_CHECKING:
    import polars as pl

    from wandb_runs.flow import Flow
    from wandb_runs.histories.answers import Block
    from wandb_runs.histories.direct import FrameOrBlocks
    from wandb_runs.histories.pages import HistoryPages
    from wandb_runs.histories.plan import HistoryPlan

__all__ = ["collect_blocks", "collect_frame"]


def collect_blocks(pages: HistoryPages[list[Block]]) -> Flow[list[Block]]:
    """The id and the rows of each run, in order."""
    blocks: list[Block] = []
    while pieces := (yield from pages.next_pieces()):
        for piece in pieces:
            blocks += piece.content
    return blocks


def collect_frame(
    pages: HistoryPages[FrameOrBlocks], plan: HistoryPlan
) -> Flow[pl.DataFrame | None]:
    """The frame that `build` would make of all rows.

    Returns:
        The frame; None where a metric is a number in one answer and not in another, so that only
        the rows of all runs can tell what its column is.
    """
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    frames: list[pl.DataFrame] = []
    blocks: list[Block] = []
    while pieces := (yield from pages.next_pieces()):
        for piece in pieces:
            if isinstance(piece.content, list):
                blocks += piece.content
            elif piece.content.height:
                frames.append(piece.content)
        if frames and blocks:
            return None
    if not frames:
        return build(blocks, plan, to="polars")
    return pl.concat(frames, how="vertical_relaxed", rechunk=True)

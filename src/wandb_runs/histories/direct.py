"""Sampled histories straight from the answer's bytes to a polars frame.

polars reads JSON several times faster than rows can be made of it, and guesses a column's type
from all of its values. A page is taken this way only where the guess is sure to be what
`columns.py` would say of the same rows: where every column holds numbers and nothing else. All
other pages go through rows, and where those do not fit the pages before, everything does.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wandb_runs._generated import list_sampled_histories
from wandb_runs.histories.divide import Asked
from wandb_runs.histories.fetch import list_blocks, read_sampled_page
from wandb_runs.histories.frames import build
from wandb_runs.histories.plan import RUN_ID
from wandb_runs.unread import Unread

if TYPE_CHECKING:
    import polars as pl

    from wandb_runs._generated import ListSampledHistories
    from wandb_runs.flow import Flow
    from wandb_runs.histories.divide import DividedPages
    from wandb_runs.histories.plan import HistoryPlan
    from wandb_runs.operation import Operation
    from wandb_runs.paging import Selection

__all__ = ["list_frame"]

_NOT_INT64: Final = 2.0**63


@dataclass(frozen=True, slots=True)
class _DirectPage:
    """A page that was read without rows.

    Attributes:
        frame: The columns of the plan and `run_id`; None when no run has a row.
        run_ids: The page's runs.
        next_cursor: Where the next page starts, or None after the last one.
    """

    frame: pl.DataFrame | None
    run_ids: list[str]
    next_cursor: str | None


def list_frame(pages: DividedPages, plan: HistoryPlan) -> Flow[pl.DataFrame]:
    """The frame that `build` would make of `list_blocks`, for a plan with keys and one spec."""
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    frames: list[pl.DataFrame] = []
    seen: set[str] = set()
    after: str | None = None
    while True:
        asked = yield from pages.ask(
            lambda selection, cursor: Unread.of(_operation(plan, selection, cursor)), after
        )
        if asked is None:
            break
        page = _read_page(asked.answer.body, plan)
        if page is not None and page.next_cursor != asked.after:
            frame, run_ids, cursor = page.frame, page.run_ids, page.next_cursor
        else:
            operation = _operation(plan, asked.selection, asked.after)
            read = Asked(asked.answer.read_as(operation), asked.selection, asked.after)
            blocks, cursor = read_sampled_page(read, plan)
            run_ids = [run_id for run_id, _ in blocks]
            frame = build(blocks, plan, to="polars")
        if frame is not None and len(frame):
            frames.append(frame)
        if not seen.isdisjoint(run_ids) or not _fit(frames):
            # A run that came twice, or a metric that is a number on one page and not on another.
            return build((yield from list_blocks(pages, plan)), plan, to="polars")
        seen.update(run_ids)
        if cursor is None:
            break
        after = cursor
    if not frames:
        return build([], plan, to="polars")
    return pl.concat(frames, how="vertical_relaxed", rechunk=True)


def _operation(
    plan: HistoryPlan, selection: Selection, after: str | None
) -> Operation[ListSampledHistories]:
    return list_sampled_histories(**selection, after=after, specs=plan.specs)


def _fit(frames: list[pl.DataFrame]) -> bool:
    """Whether the pages, one under the other, are what one frame of all rows would be."""
    import polars as pl  # noqa: PLC0415 - as above

    if len(frames) <= 1:
        return True
    numbers = {pl.Int64(), pl.Float64()}
    return all(
        name == RUN_ID or {frame.schema[name] for frame in frames} <= numbers
        for name in frames[0].columns
    )


def _read_page(body: bytes, plan: HistoryPlan) -> _DirectPage | None:
    """Read a page, or None where rows have to decide."""
    import polars as pl  # noqa: PLC0415 - as above

    # One of these is in the page info; polars takes others among integers for integers.
    if body.count(b"true") + body.count(b"false") != 1:
        return None
    try:
        page = _unfold(pl.read_json(io.BytesIO(body), infer_schema_length=None), plan)
    except (pl.exceptions.PolarsError, ValueError):  # not this shape, or not JSON at all
        return None
    if page is None or page.frame is None or _holds_numbers(page.frame.drop(RUN_ID)):
        return page
    return None


def _unfold(answer: pl.DataFrame, plan: HistoryPlan) -> _DirectPage | None:
    import polars as pl  # noqa: PLC0415 - as above

    runs = answer.unnest("data").unnest("project").unnest("runs")
    info = runs.select("pageInfo").unnest("pageInfo").row(0, named=True)
    edges = runs.select(pl.col("edges").explode()).unnest("edges").unnest("node")
    is_plain = (
        edges.schema["id"] == pl.String
        and edges["id"].null_count() == 0
        and (edges["sampledHistory"].list.len() == len(plan.specs)).all()
        and (info["endCursor"] or not info["hasNextPage"])
    )
    if not is_plain:
        return None
    rows = (
        edges.select(pl.col("sampledHistory").list.first(), pl.col("id").alias(RUN_ID))
        .explode("sampledHistory")
        .filter(pl.col("sampledHistory").is_not_null())
    )
    frame = None
    if len(rows):
        frame = rows.unnest("sampledHistory").select(*(plan.columns or ()), RUN_ID).drop_nulls()
    cursor = info["endCursor"] if info["hasNextPage"] else None
    return _DirectPage(frame, edges["id"].to_list(), cursor)


def _holds_numbers(frame: pl.DataFrame) -> bool:
    import polars as pl  # noqa: PLC0415 - as above

    return all(
        column.dtype == pl.Int64
        # A larger integer among floats makes the column one of JSON.
        or (column.dtype == pl.Float64 and (column.abs() < _NOT_INT64).all())
        for column in frame
    )

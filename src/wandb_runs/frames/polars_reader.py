"""Fast path: sampled histories from an answer's bytes to a polars frame, without rows.

polars reads JSON several times faster than Python can build rows of it, releases the GIL, and
infers a column's dtype from all of its values. An answer takes this path only where the inferred
dtype is sure to equal that of `columns.py`: where all columns hold numbers only. Other answers
are read as rows.

Importing this module imports polars; callers import it on first use.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl

from wandb_runs.frames.build import build_polars
from wandb_runs.frames.plan import RUN_ID
from wandb_runs.frames.requests import PageHistories, RowsReader
from wandb_runs.frames.text import as_unicode
from wandb_runs.pagination.page import Page, overlap_at, read_moved, read_overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.frames.histories import HistoryPages
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.requests import HistoryRequest, Node
    from wandb_runs.frames.rows import RunRows
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.raw_response import RawResponse
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["FrameOrRows", "FrameReader", "collect_frame"]

FrameOrRows: TypeAlias = "pl.DataFrame | list[RunRows]"
"""An answer: a frame of numbers, or rows whose dtypes depend on other answers."""

_NOT_INT64: Final = 2.0**63
_TEXTS: Final = frozenset({pl.String(), pl.Null()})
_NUMBERS: Final = frozenset({pl.Int64(), pl.Float64()})


class FrameReader:
    """Turns answers of numbers into frames, and others into rows."""

    def read(
        self, answer: RawResponse, request: HistoryRequest
    ) -> Page[PageHistories[FrameOrRows]]:
        """Read an answer as the frame that `build` makes of its rows, or as rows."""
        page = _read_numbers(answer, request) if len(request.plan.specs) == 1 else None
        return self.read_nodes(request.read(answer), request.plan) if page is None else page

    def read_nodes(self, page: Page[Node], plan: HistoryPlan) -> Page[PageHistories[FrameOrRows]]:
        """Read a page as the frame that `build` makes of its rows, or as rows."""
        read = RowsReader().read_nodes(page, plan)
        return read.with_items(_as_frame(each, plan) for each in read.items)

    def arrange(self, content: FrameOrRows, run_ids: Sequence[str]) -> FrameOrRows:
        """Keep only these runs, in this order."""
        if isinstance(content, list):
            return RowsReader().arrange(content, run_ids)
        ids = [as_unicode(run_id) for run_id in run_ids]
        order = pl.DataFrame({RUN_ID: ids}, schema={RUN_ID: pl.String})
        return order.join(content, on=RUN_ID, how="inner", maintain_order="left_right").select(
            content.columns
        )


def collect_frame(pages: HistoryPages[FrameOrRows], plan: HistoryPlan) -> Flow[pl.DataFrame | None]:
    """Build the frame that `build` makes of all rows.

    Returns:
        The frame; None where some answers came as frames and others as rows, so that the dtypes
        follow only from the rows of all runs.
    """
    frames: list[pl.DataFrame] = []
    histories: list[RunRows] = []
    while fetched := (yield from pages.next_pages()):
        for page in fetched:
            if isinstance(page.content, list):
                histories += page.content
            elif page.content.height:
                frames.append(page.content)
        if frames and histories:
            return None
    if not frames:
        return build_polars(histories, plan)
    return pl.concat(frames, how="vertical_relaxed", rechunk=True)


def _as_frame(page: PageHistories[list[RunRows]], plan: HistoryPlan) -> PageHistories[FrameOrRows]:
    frame = build_polars(page.content, plan)
    is_numeric = all(dtype in _NUMBERS for name, dtype in frame.schema.items() if name != RUN_ID)
    content: FrameOrRows = frame if is_numeric else page.content
    return PageHistories(
        content,
        page.run_ids,
        page.empty_runs,
        page.unreadable,
        cut_runs=page.cut_runs,
        incomplete_runs=page.incomplete_runs,
        names=page.names,
    )


def _read_numbers(
    answer: RawResponse, request: HistoryRequest
) -> Page[PageHistories[FrameOrRows]] | None:
    """Read an answer of numbers; None for any other, or where anything is unexpected."""
    body = answer.body
    # Each page info has one boolean; among integers, polars would read others as integers.
    infos = 1 + (request.page.overlap is not None) + (request.page.moved is not None)
    if body.count(b"true") + body.count(b"false") != infos or not _is_flat(body):
        return None
    if b"\\ud" in body or b"\\uD" in body:  # polars replaces lone surrogates
        return None
    try:
        frame = pl.read_json(io.BytesIO(body), infer_schema_length=None)
        page = _unnest(frame, body, request)
        return None if page is None else replace(page, date=answer.date)
    # Another shape, or not JSON; polars 1 panics where a struct has values of several kinds.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError):
        return None


_ALL_BUT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))

_LEVELS: Final = 10
"""Nesting depth of a row's values: the answer, data, project, runs, edges and so on."""


def _is_flat(body: bytes) -> bool:
    """Whether nothing is nested deeper than rows are: polars takes minutes for 1,000 levels.

    Brackets within strings count as well; where they do not match, the answer is read as rows.
    """
    brackets = body.translate(None, _ALL_BUT_BRACKETS)
    for _ in range(_LEVELS):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _unnest(
    answer: pl.DataFrame, body: bytes, request: HistoryRequest
) -> Page[PageHistories[FrameOrRows]] | None:
    project = answer.unnest("data").unnest("project")
    runs = project.unnest("runs")
    info = runs.select("pageInfo").unnest("pageInfo").select("endCursor", "hasNextPage")
    edges = runs.select(pl.col("edges").explode(empty_as_null=False)).unnest("edges").unnest("node")
    end, more = info.row(0)
    cursor = end if more else None
    cursors = edges["cursor"].tail(2).to_list()
    is_expected = (
        {"errors", "error"}.isdisjoint(answer.columns)
        and edges.select("id").dtypes == [pl.String]
        and edges["id"].null_count() == 0
        and edges["id"].is_unique().all()
        and edges["sampledHistory"].null_count() == 0
        and (edges["sampledHistory"].list.len() == len(request.plan.specs)).all()
        and edges.schema["cursor"] in _TEXTS
        and isinstance(more, bool)
        and isinstance(end, str | None)
        and not (more and request.page.repeats(cursor, len(edges)))
    )
    if not is_expected:
        return None
    rows = (
        edges.select(pl.col("sampledHistory").list.first(), pl.col("id").alias(RUN_ID))
        .explode("sampledHistory", empty_as_null=False)
        .filter(pl.col("sampledHistory").is_not_null())
    )
    frame = build_polars([], request.plan)
    if len(rows):
        columns = (*(request.plan.columns or ()), RUN_ID)
        sent = rows.unnest("sampledHistory").select(columns)
        frame = sent.drop_nulls()
        if not _holds_numbers(frame.drop(RUN_ID), is_whole=len(frame) == len(sent)):
            return None
    total = project["runCount"].item() if "runCount" in project.columns else None
    run_ids = edges["id"].to_list()
    histories: PageHistories[FrameOrRows] = PageHistories(
        frame,
        run_ids,
        _empty_runs(edges, frame),
        cut_runs=_cut_runs(edges, request.plan.samples),
    )
    return Page(
        (histories,),
        cursor,
        total if isinstance(total, int) else None,
        len(body),
        read_overlap(_column_value(project, "overlap")),
        run_ids[-1] if run_ids else None,
        overlap_at(request.page, cursors, end),
        moved=read_moved(_column_value(project, "moved")),
    )


def _column_value(project: pl.DataFrame, name: str) -> JSONValue:
    return project[name].item() if name in project.columns else None


def _empty_runs(edges: pl.DataFrame, frame: pl.DataFrame) -> list[str]:
    """Runs without a row, but for those whose history is known to be empty."""
    count = pl.col("historyLineCount") if "historyLineCount" in edges.columns else pl.lit(None)
    without = edges.filter(
        ~pl.col("id").is_in(frame[RUN_ID].unique().implode()) & count.ne_missing(0)
    )
    return without["id"].to_list()


def _cut_runs(edges: pl.DataFrame, samples: int) -> dict[str, int]:
    """Runs whose sample is as long as was requested, of a longer history."""
    if edges.schema.get("historyLineCount") != pl.Int64:
        return {}
    cut = edges.filter(
        (pl.col("sampledHistory").list.first().list.len() >= samples)
        & (pl.col("historyLineCount") > samples)
    )
    return dict(zip(cut["id"].to_list(), cut["historyLineCount"].to_list(), strict=True))


def _holds_numbers(frame: pl.DataFrame, *, is_whole: bool) -> bool:
    """Whether all columns are of numbers, with the dtypes that follow from the rows kept.

    Where rows were dropped, the dtype may be Float64 because of a dropped value. Then a Float64
    column must hold a fraction.
    """
    return all(
        column.dtype == pl.Int64
        # Larger integers make the column one of JSON, which a Float64 column may hide.
        or (
            column.dtype == pl.Float64
            and (column.abs() < _NOT_INT64).all()
            and (is_whole or (column != column.floor()).any())
        )
        for column in frame
    )

"""Sampled histories straight from the answer's bytes to a polars frame.

polars reads JSON several times faster than rows can be made of it, without holding up other
threads, and guesses a column's type from all of its values. An answer is taken this way only
where the guess is sure to be what `columns.py` would say of the same rows: where every column
holds numbers and nothing else. All other answers go through rows.

The only module that needs polars to be imported; whoever reads frames imports it late.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl

from wandb_runs.frames.build import build
from wandb_runs.frames.plan import RUN_ID
from wandb_runs.frames.requests import PageHistories, RowsReader
from wandb_runs.frames.text import as_unicode
from wandb_runs.pagination.page import Page, overlap_at, read_moved, read_overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.frames.histories import HistoryPages
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.requests import HistoryRequest, RunRows
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.raw_response import RawResponse
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["FrameOrBlocks", "FrameReader", "collect_frame"]

FrameOrBlocks: TypeAlias = "pl.DataFrame | list[RunRows]"
"""What an answer became: a frame of numbers, or rows that have to wait for those of others."""

_NOT_INT64: Final = 2.0**63
_TEXTS: Final = frozenset({pl.String(), pl.Null()})
_NUMBERS: Final = frozenset({pl.Int64(), pl.Float64()})


class FrameReader:
    """Makes a frame of an answer where all its values are numbers, and rows elsewhere."""

    def read(
        self, answer: RawResponse, request: HistoryRequest
    ) -> Page[PageHistories[FrameOrBlocks]]:
        """Read an answer into the frame that its rows would make, or into its rows."""
        if len(request.plan.specs) == 1:
            direct = _read_directly(answer, request)
            if direct is not None:
                return direct
        page = RowsReader().read(answer, request)
        pieces: list[PageHistories[FrameOrBlocks]] = []
        for piece in page.items:
            frame = build(piece.content, request.plan, to="polars")
            # What a text or a mixture becomes, the rows of other answers have a say in.
            content: FrameOrBlocks = frame if _are_numbers(frame) else piece.content
            pieces.append(PageHistories(content, piece.run_ids, piece.bare, piece.broken))
        return page.with_items(pieces)

    def arrange(self, content: FrameOrBlocks, run_ids: Sequence[str]) -> FrameOrBlocks:
        """Put the rows of these runs in their order, and leave out the rest."""
        if isinstance(content, list):
            return RowsReader().arrange(content, run_ids)
        ids = [as_unicode(run_id) for run_id in run_ids]
        places = pl.DataFrame({RUN_ID: ids}, schema={RUN_ID: pl.String})
        return places.join(content, on=RUN_ID, how="inner", maintain_order="left_right").select(
            content.columns
        )


def collect_frame(
    pages: HistoryPages[FrameOrBlocks], plan: HistoryPlan
) -> Flow[pl.DataFrame | None]:
    """The frame that `build` would make of all rows.

    Returns:
        The frame; None where a metric is a number in one answer and not in another, so that only
        the rows of all runs can tell what its column is.
    """
    frames: list[pl.DataFrame] = []
    blocks: list[RunRows] = []
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


def _read_directly(
    answer: RawResponse, request: HistoryRequest
) -> Page[PageHistories[FrameOrBlocks]] | None:
    """Read an answer, or None where rows have to decide."""
    body = answer.body
    # One of these is in each page info; polars takes others among integers for integers.
    infos = 1 + (request.page.overlap is not None) + (request.page.moved is not None)
    if body.count(b"true") + body.count(b"false") != infos or not _is_flat(body):
        return None
    if b"\\ud" in body or b"\\uD" in body:  # of half a surrogate pair polars makes another text
        return None
    try:
        frame = pl.read_json(io.BytesIO(body), infer_schema_length=None)
        page = _unfold(frame, body, request)
        return None if page is None else replace(page, date=answer.date)
    except (pl.exceptions.PolarsError, ValueError):  # not this shape, or not JSON at all
        return None


_ALL_BUT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))

_LEVELS: Final = 10
"""The brackets around the values of a row: data, project, runs, edges and so on, down to it."""


def _is_flat(body: bytes) -> bool:
    """Whether nothing is nested much deeper than rows are: polars takes minutes for 1,000 levels.

    Brackets in texts count as well; where they do not match, rows decide, which read them right.
    """
    brackets = body.translate(None, _ALL_BUT_BRACKETS)
    for _ in range(_LEVELS):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _unfold(
    answer: pl.DataFrame, body: bytes, request: HistoryRequest
) -> Page[PageHistories[FrameOrBlocks]] | None:
    project = answer.unnest("data").unnest("project")
    runs = project.unnest("runs")
    info = runs.select("pageInfo").unnest("pageInfo").select("endCursor", "hasNextPage")
    edges = runs.select(pl.col("edges").explode()).unnest("edges").unnest("node")
    end, more = info.row(0)
    cursor = end if more else None
    cursors = edges["cursor"].tail(2).to_list()
    is_plain = (
        {"errors", "error"}.isdisjoint(answer.columns)
        and edges.select("id").dtypes == [pl.String]
        and edges["id"].null_count() == 0
        and edges["id"].is_unique().all()
        and (edges["sampledHistory"].list.len() == len(request.plan.specs)).all()
        and edges.schema["cursor"] in _TEXTS
        and isinstance(more, bool)
        and isinstance(end, str | None)
        and not (more and request.page.repeats(cursor, len(edges)))
    )
    if not is_plain:
        return None
    rows = (
        edges.select(pl.col("sampledHistory").list.first(), pl.col("id").alias(RUN_ID))
        .explode("sampledHistory")
        .filter(pl.col("sampledHistory").is_not_null())
    )
    frame = build([], request.plan, to="polars")
    if len(rows):
        columns = (*(request.plan.columns or ()), RUN_ID)
        sent = rows.unnest("sampledHistory").select(columns)
        frame = sent.drop_nulls()
        if not _holds_numbers(frame.drop(RUN_ID), is_whole=len(frame) == len(sent)):
            return None
    total = project["runCount"].item() if "runCount" in project.columns else None
    run_ids = edges["id"].to_list()
    piece: PageHistories[FrameOrBlocks] = PageHistories(frame, run_ids, _bare(edges, frame))
    return Page(
        (piece,),
        cursor,
        total if isinstance(total, int) else None,
        len(body),
        read_overlap(_beside(project, "overlap")),
        run_ids[-1] if run_ids else None,
        overlap_at(request.page, cursors, end),
        moved=read_moved(_beside(project, "moved")),
    )


def _beside(project: pl.DataFrame, name: str) -> JSONValue:
    return project[name].item() if name in project.columns else None


def _bare(edges: pl.DataFrame, frame: pl.DataFrame) -> list[str]:
    """The runs without a row, but for those whose history is known to be empty."""
    lines = pl.col("historyLineCount") if "historyLineCount" in edges.columns else pl.lit(None)
    without = edges.filter(
        ~pl.col("id").is_in(frame[RUN_ID].unique().implode()) & lines.ne_missing(0)
    )
    return without["id"].to_list()


def _holds_numbers(frame: pl.DataFrame, *, is_whole: bool) -> bool:
    """Whether every column is one of numbers, and of no others than its rows'.

    Where rows were left out, a float may have been in one of them: then the values that are there
    must hold a fraction for the column to be one of floats.
    """
    return all(
        column.dtype == pl.Int64
        # A larger integer among floats makes the column one of JSON.
        or (
            column.dtype == pl.Float64
            and (column.abs() < _NOT_INT64).all()
            and (is_whole or (column != column.floor()).any())
        )
        for column in frame
    )


def _are_numbers(frame: pl.DataFrame) -> bool:
    return all(dtype in _NUMBERS for name, dtype in frame.schema.items() if name != RUN_ID)

"""A listing never ends on a doubt, and a page that failed can be asked again."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs import BadResponseError
from wandb_runs.graphql._generated import PageInfoFields
from wandb_runs.graphql.flow import run_flow
from wandb_runs.pagination.page import (
    Overlap,
    Page,
    PageRequest,
    Selection,
    cursor_after,
    offset_of,
    read_page,
)
from wandb_runs.pagination.prefetch import AHEAD, Prefetcher

if TYPE_CHECKING:
    from wandb_runs.graphql.flow import Flow

SELECTION = Selection(entity="e", project="p", filters="{}", order="+created_at", first=1)


@dataclass(frozen=True)
class ARun:
    id: str


@dataclass(frozen=True)
class AnEdge:
    node: ARun | None
    cursor: str | None


@dataclass(frozen=True)
class AConnection:
    edges: list[AnEdge | None] | None
    page_info: PageInfoFields | None


def info(end: str | None, more: bool | None) -> PageInfoFields:
    return PageInfoFields(end_cursor=end, has_next_page=more)


edges = st.lists(
    st.none()
    | st.builds(
        AnEdge,
        st.none() | st.builds(ARun, st.sampled_from("xyz")),
        st.none() | st.sampled_from("abc"),
    ),
    max_size=5,
)
infos = st.none() | st.builds(info, st.none() | st.sampled_from("abc"), st.none() | st.booleans())


@given(
    st.none() | edges,
    infos,
    st.integers(1, 5),
    st.none() | st.sampled_from("abc"),
    st.none() | st.builds(Overlap, st.none() | st.sampled_from("abc")),
)
def test_a_page_is_read_or_refused_and_no_node_is_lost(
    found: list[AnEdge | None] | None,
    page_info: PageInfoFields | None,
    first: int,
    after: str | None,
    overlap: Overlap | None,
) -> None:
    nodes = [None if edge is None else edge.node for edge in found or []]
    says_more = page_info is not None and page_info.has_next_page
    request = PageRequest(after, first, overlap=overlap, includes_overlap=True)
    try:
        page = read_page(AConnection(found, page_info), request)
    except BadResponseError:
        return
    before = nodes[:1] if overlap is not None else []
    assert page.overlap == tuple(node and node.id for node in before)
    assert [*page.items] == [node for node in nodes if node is not None]
    assert page.nulls == nodes[len(before) :].count(None)
    assert page.last == (nodes[-1].id if nodes and nodes[-1] is not None else None)
    # A server that gives one run at a time gives the one before, and more to follow.
    assert page.next_cursor is None or page.next_cursor != after or (before and len(nodes) == 1)
    if says_more:
        assert page.next_cursor is not None


def test_without_page_info_a_full_page_is_followed_by_another() -> None:
    full = AConnection([AnEdge(ARun("x"), "a"), AnEdge(ARun("y"), "b")], None)
    assert read_page(full, PageRequest(None, 2)).next_cursor == "b"
    assert read_page(full, PageRequest(None, 3)).next_cursor is None


def test_no_connection_is_no_empty_page() -> None:
    with pytest.raises(BadResponseError):
        read_page(None, PageRequest(None, 1))


@dataclass
class Pages:
    """A server of `total` items, which may cap pages, count wrongly, or have cursors of its own."""

    total: int
    cap: int
    wrong_by: int = 0
    opaque: bool = False
    counts: bool = True
    asked: int = 0
    counted: int = 0

    def fetch(self, request: PageRequest) -> Flow[Page[int]]:
        yield from ()
        self.asked += 1
        self.counted += request.is_counted
        start = self.start(request.after)
        stop = min(start + min(request.first, self.cap), self.total)
        total = max(0, self.total + self.wrong_by) if request.is_counted and self.counts else None
        before = None if request.overlap is None else self.start(request.overlap.after)
        return Page(
            tuple(range(start, stop)),
            self.cursor(stop - 1) if stop < self.total else None,
            total,
            overlap=() if before is None or before >= self.total else (str(before),),
            last=str(stop - 1) if stop > start else None,
            next_overlap=Overlap(self.cursor(stop - 2) if stop > 1 else None),
        )

    def cursor(self, offset: int) -> str:
        return f"#{offset}" if self.opaque else cursor_after(offset)

    def start(self, after: str | None) -> int:
        if after is None:
            return 0
        offset = int(after[1:]) if self.opaque else offset_of(after)
        assert offset is not None
        return offset + 1


def read(server: Pages, first: int, total: int | None = None) -> tuple[list[list[int]], list[int]]:
    """The pages, and the sizes of those that were read for nothing."""
    dropped: list[int] = []
    ahead = Prefetcher(
        SELECTION,
        server.fetch,
        lambda: first,
        total=total,
        dropped=lambda page: dropped.append(len(page.items)),
    )
    taken: list[list[int]] = []
    while pages := run_flow(ahead.next_pages(), lambda operation: pytest.fail(str(operation))):
        taken += [list(page.items) for page in pages]
        assert len(taken) <= server.total + 1
    assert ahead.complete
    assert not ahead.misses(lambda _: True)
    return taken, dropped


@given(
    st.integers(0, 60),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(-30, 30),
    st.booleans(),
    st.none() | st.integers(0, 80),
)
def test_pages_read_ahead_are_those_that_following_each_cursor_gives(
    total: int, first: int, cap: int, wrong_by: int, opaque: bool, told: int | None
) -> None:
    taken, dropped = read(Pages(total, cap, wrong_by, opaque), first, told)
    size = min(first, cap)
    pages = [list(range(start, min(start + size, total))) for start in range(0, total, size)]
    assert taken == (pages or [[]])
    if opaque:
        assert dropped == []
    # A server that is not what it seemed costs a few requests once, and not with every page.
    assert len(dropped) < AHEAD


@given(st.integers(0, 200), st.integers(1, 9), st.booleans(), st.booleans())
def test_an_honest_server_is_asked_for_each_page_once_and_for_the_count_at_most_once(
    total: int, first: int, is_told: bool, counts: bool
) -> None:
    server = Pages(total, 1000, counts=counts)
    _, dropped = read(server, first, total if is_told else None)
    assert server.asked == max(1, math.ceil(total / first))
    assert dropped == []
    assert server.counted == (0 if is_told or total <= first else 1 if counts else server.counted)
    assert server.counted <= 2


@given(st.text(max_size=30) | st.integers(0, 10**9).map(cursor_after))
def test_a_cursor_is_understood_or_left_alone(cursor: str) -> None:
    offset = offset_of(cursor)
    assert offset is None or cursor_after(offset) == cursor


def test_a_cursor_that_would_be_made_up_otherwise_is_left_alone() -> None:
    assert offset_of(base64.b64encode(b"arrayconnection:049").decode()) is None
    assert offset_of(base64.b64encode(b"arrayconnection:49").decode()) == 49


def test_pages_that_failed_are_asked_for_again() -> None:
    server = Pages(50, 100)
    failures = {cursor_after(19), cursor_after(29)}

    def fetch(request: PageRequest) -> Flow[Page[int]]:
        if request.after in failures:
            failures.remove(request.after)
            raise ConnectionError
        return (yield from server.fetch(request))

    ahead = Prefetcher(SELECTION, fetch, lambda: 10)
    taken: list[int] = []
    while not ahead.complete:
        try:
            pages = run_flow(ahead.next_pages(), lambda operation: pytest.fail(str(operation)))
        except ConnectionError:
            continue
        taken += [item for page in pages for item in page.items]
    assert taken == list(range(50))
    assert not failures

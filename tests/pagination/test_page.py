"""A listing never ends on a doubt, and a page that failed can be asked again."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs import BadResponseError, NotFoundError
from wandb_runs.graphql.flow import run_flow
from wandb_runs.graphql.raw_response import RawResponse
from wandb_runs.pagination.cursors import cursor_after, offset_of
from wandb_runs.pagination.page import (
    Overlap,
    Page,
    PageRequest,
    Selection,
    read_page,
)
from wandb_runs.pagination.prefetch import AHEAD, Prefetcher
from wandb_runs.pagination.sizes import PageSize

if TYPE_CHECKING:
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONValue

SELECTION = Selection(entity="e", project="p", filters="{}", order="+created_at", first=1)


def answer(edges: JSONValue, info: JSONValue, **beside: JSONValue) -> RawResponse:
    project: JSONValue = {"runs": {"edges": edges, "pageInfo": info}, **beside}
    body = json.dumps({"data": {"project": project}}).encode()
    return RawResponse("ListRuns", body, 200, None, 1, None)


cursors = st.none() | st.sampled_from("abc")
nodes = st.none() | st.fixed_dictionaries({"id": st.sampled_from("xyz")})
edges = st.lists(st.none() | st.fixed_dictionaries({"node": nodes, "cursor": cursors}), max_size=5)
infos = st.none() | st.fixed_dictionaries(
    {"endCursor": cursors, "hasNextPage": st.none() | st.booleans()}
)


@given(
    st.none() | edges,
    infos,
    st.integers(1, 5),
    cursors,
    st.none() | st.builds(Overlap, cursors),
)
def test_a_page_is_read_or_refused_and_no_node_is_lost(
    found: list[dict[str, Any] | None] | None,
    info: dict[str, JSONValue] | None,
    first: int,
    after: str | None,
    overlap: Overlap | None,
) -> None:
    nodes = [None if edge is None else edge["node"] for edge in found or []]
    request = PageRequest(after, first, overlap=overlap, includes_overlap=True)
    try:
        page = read_page(answer(cast("JSONValue", found), info), SELECTION, request)
    except BadResponseError:
        return
    before = nodes[:1] if overlap is not None else []
    assert page.overlap == tuple(node and node["id"] for node in before)
    assert [*page.items] == [node for node in nodes if node is not None]
    assert page.nulls == nodes[len(before) :].count(None)
    assert page.last == (nodes[-1]["id"] if nodes and nodes[-1] is not None else None)
    # A server that gives one run at a time gives the one before, and more to follow.
    assert page.next_cursor is None or page.next_cursor != after or (before and len(nodes) == 1)
    if info is not None and info["hasNextPage"]:
        assert page.next_cursor is not None


def test_without_page_info_a_full_page_is_followed_by_another() -> None:
    full = answer([{"node": {"id": "x"}, "cursor": "a"}, {"node": {"id": "y"}, "cursor": "b"}], {})
    assert read_page(full, SELECTION, PageRequest(None, 2)).next_cursor == "b"
    assert read_page(full, SELECTION, PageRequest(None, 3)).next_cursor is None


@pytest.mark.parametrize(
    ("project", "error", "message"),
    [
        (None, NotFoundError, "e/p"),
        ({}, BadResponseError, "null instead of a page"),
        ({"runs": None}, BadResponseError, "null instead of a page"),
        (7, BadResponseError, "another shape at project:"),
        ({"runs": []}, BadResponseError, "another shape at project.runs:"),
        ({"runs": {"edges": {"0": 1}}}, BadResponseError, "project.runs.edges: not a list"),
        ({"runs": {"edges": ""}}, BadResponseError, "project.runs.edges: not a list"),
        ({"runs": {"edges": [7]}}, BadResponseError, "edges.node: not an object"),
        ({"runs": {"edges": [{"node": {"id": True}}]}}, BadResponseError, "node.id: not a string"),
        (
            {"runs": {"edges": [], "pageInfo": {"hasNextPage": 2}}},
            BadResponseError,
            "hasNextPage: not a bool",
        ),
        ({"runs": {}}, BadResponseError, "null instead of the runs"),
        ({"runs": {"edges": None}}, BadResponseError, "null instead of the runs"),
        ({"runs": {"edges": None}, "runCount": 0}, BadResponseError, "null instead of the runs"),
        ({"runs": {"edges": []}, "runCount": 6}, BadResponseError, "counts 6 runs and gives none"),
    ],
)
def test_an_answer_of_another_shape_is_no_empty_page(
    project: JSONValue, error: type[Exception], message: str
) -> None:
    body = json.dumps({"data": {"project": project}}).encode()
    with pytest.raises(error, match=message):
        read_page(RawResponse("ListRuns", body, 200, None, 1), SELECTION, PageRequest(None, 1))


def test_ids_that_a_server_writes_as_numbers_are_strings() -> None:
    moved: JSONValue = {"edges": [{"node": {"id": 6}}], "pageInfo": {"hasNextPage": False}}
    sent = answer([{"node": {"id": 7}, "cursor": 1}], {}, overlap=moved, moved=moved)
    page = read_page(sent, SELECTION, PageRequest(None, 1))
    assert page.items == ({"id": "7"},)
    assert (page.last, page.next_cursor, page.overlap) == ("7", "1", ("6",))
    assert page.moved == (("6",), True)


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
        PageSize.of(first),
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

    ahead = Prefetcher(SELECTION, fetch, PageSize.of(10))
    taken: list[int] = []
    while not ahead.complete:
        try:
            pages = run_flow(ahead.next_pages(), lambda operation: pytest.fail(str(operation)))
        except ConnectionError:
            continue
        taken += [item for page in pages for item in page.items]
    assert taken == list(range(50))
    assert not failures

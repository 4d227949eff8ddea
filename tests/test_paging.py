"""A listing never ends on a doubt, and a page that failed can be asked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs import BadResponseError
from wandb_runs._generated import PageInfoFields
from wandb_runs.flow import drive
from wandb_runs.paging import Listing, Page, read_page

if TYPE_CHECKING:
    from wandb_runs.flow import Flow


@dataclass(frozen=True)
class AnEdge:
    node: int | None
    cursor: str | None


@dataclass(frozen=True)
class AConnection:
    edges: list[AnEdge | None] | None
    page_info: PageInfoFields | None


def info(end: str | None, more: bool | None) -> PageInfoFields:
    return PageInfoFields(end_cursor=end, has_next_page=more)


edges = st.lists(
    st.none() | st.builds(AnEdge, st.none() | st.integers(), st.none() | st.sampled_from("abc")),
    max_size=5,
)
infos = st.none() | st.builds(info, st.none() | st.sampled_from("abc"), st.none() | st.booleans())


@given(st.none() | edges, infos, st.integers(1, 5), st.none() | st.sampled_from("abc"))
def test_a_page_is_read_or_refused_and_no_node_is_lost(
    found: list[AnEdge | None] | None,
    page_info: PageInfoFields | None,
    first: int,
    after: str | None,
) -> None:
    nodes = [edge.node for edge in found or [] if edge is not None and edge.node is not None]
    says_more = page_info is not None and page_info.has_next_page
    try:
        page = read_page(AConnection(found, page_info), first=first, after=after)
    except BadResponseError:
        return
    assert list(page.items) == nodes
    assert page.next_cursor is None or page.next_cursor != after
    if says_more:
        assert page.next_cursor is not None


def test_without_page_info_a_full_page_is_followed_by_another() -> None:
    full = AConnection([AnEdge(1, "a"), AnEdge(2, "b")], None)
    assert read_page(full, first=2, after=None) == Page((1, 2), "b")
    assert read_page(full, first=3, after=None) == Page((1, 2), None)


def test_no_connection_is_no_empty_page() -> None:
    with pytest.raises(BadResponseError):
        read_page(None, first=1, after=None)


@given(st.integers(0, 12), st.integers(1, 5), st.data())
def test_a_listing_goes_on_where_it_failed(total: int, first: int, data: st.DataObject) -> None:
    failures = data.draw(st.sets(st.integers(0, total)))

    def fetch(after: str | None) -> Flow[Page[int]]:
        start = int(after or 0)
        if start in failures:
            failures.remove(start)
            raise ConnectionError
        yield from ()
        stop = min(start + first, total)
        return Page(tuple(range(start, stop)), str(stop) if stop < total else None)

    listing = Listing(fetch, str)
    for _ in range(total + 2):
        try:
            drive(listing.read_to(None), lambda operation: pytest.fail(str(operation)))
        except ConnectionError:
            continue
        break
    assert listing.complete
    assert listing.items == list(range(total))


def test_what_comes_twice_is_kept_once() -> None:
    def fetch(after: str | None) -> Flow[Page[int]]:
        yield from ()
        return Page((1, 2, 3), "next") if after is None else Page((3, 4), None)

    listing = Listing(fetch, str)
    drive(listing.read_to(None), lambda operation: pytest.fail(str(operation)))
    assert listing.items == [1, 2, 3, 4]

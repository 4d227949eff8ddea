"""`runs.pages()` goes through a listing in flat memory, and gives what a loop gives."""

from __future__ import annotations

import math
import weakref
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clocks import TickingClock
from support.request_counts import requests_for

from wandb_runs import Api, NotFoundError, Run
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.testing import LocalServer

OVER_HTTP = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def api(wandb_server: LocalServer) -> Iterator[Api]:
    """An `Api` that reads ahead, however fast the server is."""
    with Api(base_url=wandb_server.url, api_key="k" * 40, clock=TickingClock()) as api:
        yield api


@OVER_HTTP
@given(
    st.integers(1, 60),
    st.sampled_from(["+created_at", "-config.lr.value", "-summary.loss"]),
    st.sampled_from([{}, {"state": "finished"}, {"name": "no such run"}]),
)
def test_pages_hold_what_a_loop_gives_in_as_many_requests(
    api: Api,
    wandb_server: LocalServer,
    many: str,
    per_page: int,
    order: str,
    filters: dict[str, object],
) -> None:
    listed = [run.id for run in api.runs(many, filters, order, 1000)]
    runs = api.runs(many, filters, order, per_page)
    wandb_server.clear_operations()
    for _ in range(2):
        pages = list(runs.pages())
        assert [run.id for run in chain(*pages)] == listed
        assert all(len(page) == per_page for page in pages[:-1])
        assert all(pages)
    requests = 2 * requests_for(max(1, math.ceil(len(listed) / per_page)))
    # Where nothing comes, the key of an order is looked up once.
    look_ups = 0 if listed or order == "+created_at" else 1
    expected = Counter(ListRuns=requests, ListKeys=look_ups)
    assert Counter(wandb_server.operations) == expected


def test_a_page_is_asked_for_when_it_is_taken(
    api: Api, wandb_server: LocalServer, many: str
) -> None:
    wandb_server.clear_operations()
    runs = api.runs(many, per_page=5)
    pages = runs.pages()
    assert len(wandb_server.operations) == 0
    next(pages)
    next(pages)
    assert len(wandb_server.operations) == 2
    assert len(runs[:3]) == 3
    assert [run.id for run in next(pages)] == [f"run{number}" for number in range(10, 15)]
    # The third page, and the three behind it: one more loop has taken a page meanwhile.
    assert len(wandb_server.operations) == 3 + 4


def test_pages_that_were_read_are_not_kept(api: Api, many: str) -> None:
    runs = api.runs(many, per_page=4)
    read: list[weakref.ref[Run]] = []
    pages = runs.pages()
    while page := next(pages, None):
        assert not any(ref() for ref in read)
        read += [weakref.ref(run) for run in page]
        del page
    assert len(read) == 47
    assert not any(ref() for ref in read)


def test_a_run_that_is_pushed_onto_the_next_page_comes_once(
    api: Api, wandb_server: LocalServer
) -> None:
    for number in range(6):
        log_run(wandb_server, "team", "growing", f"g{number}")
    pages = api.runs("team/growing", order="-created_at", per_page=3).pages()
    first = next(pages)
    log_run(wandb_server, "team", "growing", "newest")
    taken = [run.id for run in chain(first, *pages)]
    assert taken == ["g5", "g4", "g3", "g2", "g1", "g0"]


def test_a_project_that_is_not_there_is_named_when_a_page_is_taken(api: Api, many: str) -> None:
    pages = api.runs("team/nothing").pages()
    with pytest.raises(NotFoundError, match="team/nothing"):
        next(pages)

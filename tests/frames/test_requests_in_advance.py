"""Histories of all runs: the request for a page is sent before the page before it is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.ways import BACKENDS

from wandb_runs import Api, AsyncApi, Progress, RequestSent, Runs
from wandb_runs.graphql.flow import Gather, Received, begin, finish, run_flow
from wandb_runs.pagination.cursors import cursor_after
from wandb_runs.pagination.ending import read_ending
from wandb_runs.testing import OpaqueCursors, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

    from wandb_runs.graphql.flow import Flow, Step
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.testing import LocalServer
    from wandb_runs.transport.events import Event

PROJECT: Final = "in_advance"
PATH: Final = f"team/{PROJECT}"
RUNS: Final = 9
KEYS: Final = ["loss", "accuracy"]


@pytest.fixture(scope="module", autouse=True)
def runs(wandb_server: LocalServer) -> None:
    for number in range(RUNS):
        log_run(
            wandb_server,
            "team",
            PROJECT,
            f"r{number}",
            history=[{"loss": number + 1 / (step + 1), "accuracy": 0.5} for step in range(700)],
        )


class Counter:
    """Counts the requests that were sent, and how many had been when each page was read."""

    def __init__(self) -> None:
        self.sent = 0
        self.sent_when_read: list[int] = []

    def on_event(self, event: Event) -> None:
        self.sent += isinstance(event, RequestSent)

    def progress(self, progress: Progress) -> None:
        assert progress.total in {None, RUNS}
        self.sent_when_read.append(self.sent)


READS: list[Callable[[Runs, OnProgress], Sized]] = [
    lambda runs, progress: runs.histories(700, KEYS, progress=progress),
    lambda runs, progress: runs.histories(700, KEYS, format="pandas", progress=progress),
    lambda runs, progress: runs.histories(700, KEYS, format="polars", progress=progress),
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("width", [1, 4])
def test_a_page_is_read_when_the_request_for_the_next_one_has_been_sent(
    wandb_server: LocalServer, read: Callable[[Runs, OnProgress], Sized], width: int
) -> None:
    counter = Counter()
    with Api(
        base_url=wandb_server.url, api_key="k", max_concurrency=width, on_event=counter.on_event
    ) as api:
        found = read(api.runs(PATH, per_page=3), counter.progress)
    assert len(found) == RUNS * 700
    assert counter.sent_when_read == [2, 3, 3]


@pytest.mark.parametrize("backend", BACKENDS)
def test_awaiting_sends_as_early(wandb_server: LocalServer, backend: str) -> None:
    counter = Counter()

    async def read() -> int:
        async with AsyncApi(
            base_url=wandb_server.url, api_key="k", on_event=counter.on_event
        ) as api:
            runs = api.runs(PATH, per_page=3)
            return len(await runs.histories(700, KEYS, progress=counter.progress))

    assert anyio.run(read, backend=backend) == RUNS * 700
    assert counter.sent_when_read == [2, 3, 3]


def test_batches_are_not_requested_before_they_are_taken(wandb_server: LocalServer) -> None:
    counter = Counter()
    with Api(base_url=wandb_server.url, api_key="k", on_event=counter.on_event) as api:
        next(iter(api.runs(PATH, per_page=3).iter_histories(700, KEYS)))
    assert counter.sent == 1


@pytest.mark.parametrize("order", ["+created_at", "-summary_metrics.loss"])
@pytest.mark.parametrize("per_page", [1, 2, 3, 5, RUNS, 20])
def test_rows_and_requests_are_those_of_pages_one_by_one(
    wandb_server: LocalServer, order: str, per_page: int
) -> None:
    def read(runs: Callable[[Api], Runs]) -> object:
        with Api(base_url=wandb_server.url, api_key="k") as api:
            return runs(api).histories(10, KEYS), api.stats.requests

    found = read(lambda api: api.runs(PATH, order=order, per_page=per_page))
    with wandb_server.fail_always(OpaqueCursors()):
        one_by_one = read(lambda api: api.runs(PATH, order=order, per_page=per_page))
    assert found == one_by_one


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("pageInfo"), inner),
    max_leaves=10,
)
INFO = {"endCursor": cursor_after(7), "hasNextPage": True}


@given(
    st.lists(JSON | st.just('], "pageInfo": ' + json.dumps(INFO)), max_size=8),
    st.integers(0, 10**6),
    st.booleans(),
    st.none() | st.integers(0, 10**9),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")]),
)
@example(values=[{"a": [], "pageInfo": {}}], offset=0, more=True, total=None, separators=(",", ":"))
@example(
    values=[{"a": [{"cursor": ""}], "pageInfo": INFO}],
    offset=0,
    more=True,
    total=9,
    separators=(",", ":"),
)
def test_the_end_of_an_answer_tells_its_last_cursor(
    values: list[object], offset: int, more: bool, total: int | None, separators: tuple[str, str]
) -> None:
    info = {"endCursor": cursor_after(offset), "hasNextPage": more}
    edges = [{"node": {"id": "r", "sampledHistory": [[value]]}, "cursor": ""} for value in values]
    others = {"edges": [{"node": {"id": "r"}}], "pageInfo": INFO}
    project: dict[str, object] = {"runs": {"edges": edges, "pageInfo": info}, "runCount": total}
    project |= {"overlap": others, "moved": others}
    answer = json.dumps({"data": {"project": project}}, separators=separators).encode()
    found = read_ending(answer)
    assert found == ((offset, total) if more and values else None)


@given(st.lists(st.sampled_from(["answer", "failure", "gather"]), max_size=4))
def test_a_flow_that_is_begun_and_finished_does_what_it_does_at_once(steps: list[str]) -> None:
    def flow() -> Flow[list[str]]:
        seen: list[str] = []
        for step in steps:
            try:
                # Operations are opaque to flows: any object stands for one.
                seen.append(str((yield Gather(()) if step == "gather" else step)))  # type: ignore[misc] # pyright: ignore[reportReturnType] - two kinds of steps
            except ValueError as error:
                seen.append(repr(error))
        return seen

    def execute(step: object) -> object:
        if step == "failure":
            raise ValueError(step)
        return step

    def divided() -> Flow[list[str]]:
        return (yield from finish((yield from begin(flow()))))

    assert run_flow(divided(), execute) == run_flow(flow(), execute)


def test_an_answer_that_has_come_is_not_requested_again() -> None:
    def flow() -> Flow[object]:
        return (yield Received(7))

    def refuse(step: Step) -> object:
        raise AssertionError(step)

    assert run_flow(flow(), refuse) == 7

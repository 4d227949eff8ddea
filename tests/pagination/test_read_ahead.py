"""Pages read ahead, and pages that grow: what is sent, and that the result is the same."""

from __future__ import annotations

import copy
import inspect
import json
import math
import pickle
import threading
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clocks import FAST, SLOW, TickingClock
from support.ways import BACKENDS
from typing_extensions import override

from wandb_runs import (
    Answered,
    Api,
    AsyncApi,
    AsyncRuns,
    RateLimitError,
    RequestSent,
    Runs,
    ServerError,
)
from wandb_runs.pagination.cursors import cursor_after
from wandb_runs.pagination.page import Page
from wandb_runs.pagination.sizes import PER_PAGE, PageSize
from wandb_runs.testing import FakeClock, OpaqueCursors, log_run
from wandb_runs.transport import HttpTransport, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wandb_runs import Request
    from wandb_runs.testing import LocalServer
    from wandb_runs.transport.events import Event

OVER_HTTP = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY: Final = 47
"""Runs of the fixture `many`."""

WIDTH: Final = 4


class RequestCounter:
    """Counts the requests for pages, and how many of them are under way at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self.sent = 0
        self.most = 0

    def __call__(self, event: Event) -> None:
        if event.operation != "ListRuns":
            return
        with self._lock:
            if isinstance(event, RequestSent):
                self.sent += 1
                self._under_way += 1
                self.most = max(self.most, self._under_way)
            elif isinstance(event, Answered):
                self._under_way -= 1


class Sizes:
    """Sends to a real server, and keeps how many runs each page was asked for.

    Args:
        server: The server.
        most: What it can do; larger pages are an error.
        status: The HTTP status of that error.
    """

    def __init__(self, server: LocalServer, most: int = 1001, status: int = 502) -> None:
        self._inner = HttpTransport(server.url)
        self._lock = threading.Lock()
        self._most = most
        self._status = status
        self.asked: list[int] = []

    def send(self, request: Request, /) -> Response:
        body = json.loads(request.content)
        if body["operationName"] in {"ListRuns", "ListConfigs"}:
            first = body["variables"]["first"]
            with self._lock:
                self.asked.append(first)
            if first > self._most:
                return Response(self._status, {}, b"")
        return self._inner.send(request)


class Paced:
    """Sends to a real server, and lets each answer take as long as it is told.

    Args:
        server: The server.
        seconds: How long each takes; the last of them again and again.

    Attributes:
        clock: The clock that measures that.
        is_elsewhere: Whether each request was sent by another thread, in the order of the requests.
    """

    def __init__(self, server: LocalServer, seconds: Sequence[float]) -> None:
        self._inner = HttpTransport(server.url)
        self._seconds = chain(seconds, repeat(seconds[-1]))
        self._caller = threading.current_thread()
        self._lock = threading.Lock()
        self.clock = FakeClock()
        self.is_elsewhere: list[bool] = []

    def send(self, request: Request, /) -> Response:
        with self._lock:
            self.is_elsewhere.append(threading.current_thread() is not self._caller)
            seconds = next(self._seconds)
        self.clock.sleep(seconds)
        return self._inner.send(request)


@pytest.fixture(scope="module")
def api(wandb_server: LocalServer) -> Iterator[Api]:
    """An `Api` that reads ahead, however fast the server is."""
    with Api(base_url=wandb_server.url, api_key="k", clock=TickingClock()) as api:
        yield api


@pytest.fixture(scope="module")
def large(wandb_server: LocalServer) -> str:
    """The path of a project of 420 runs."""
    for number in range(420):
        log_run(wandb_server, "team", "grown", f"r{number:03}", config={"number": number})
    return "team/grown"


def ids_of(
    server: LocalServer,
    path: str,
    per_page: int,
    take: int,
    counter: RequestCounter,
    tick: float = SLOW,
) -> list[str]:
    with Api(
        base_url=server.url,
        api_key="k",
        on_event=counter,
        max_concurrency=WIDTH,
        clock=TickingClock(tick),
    ) as api:
        loop = iter(api.runs(path, per_page=per_page))
        return [run.id for _, run in zip(range(take), loop, strict=False)]


def ids_of_awaited(
    server: LocalServer,
    path: str,
    per_page: int,
    take: int,
    counter: RequestCounter,
    backend: str,
    tick: float = SLOW,
) -> list[str]:
    async def main() -> list[str]:
        async with AsyncApi(
            base_url=server.url,
            api_key="k",
            on_event=counter,
            max_concurrency=WIDTH,
            clock=TickingClock(tick),
        ) as api:
            ids: list[str] = []
            async for run in api.runs(path, per_page=per_page):
                ids.append(run.id)
                if len(ids) == take:
                    break
            return ids

    return anyio.run(main, backend=backend)


@OVER_HTTP
@given(
    per_page=st.integers(1, 30), take=st.integers(1, MANY + 3), way=st.sampled_from(("", *BACKENDS))
)
def test_a_loop_reads_the_same_and_sends_few_pages_too_many(
    wandb_server: LocalServer, many: str, per_page: int, take: int, way: str
) -> None:
    counter = RequestCounter()
    if way:
        ids = ids_of_awaited(wandb_server, many, per_page, take, counter, way)
    else:
        ids = ids_of(wandb_server, many, per_page, take, counter)
    assert ids == [f"run{number:02}" for number in range(min(take, MANY))]
    needed = math.ceil(min(take, MANY) / per_page)
    if needed <= 2 and take < MANY:
        assert counter.sent == needed
    assert needed <= counter.sent <= needed + WIDTH - 1
    assert counter.most <= WIDTH
    if needed >= 2 + WIDTH:
        assert counter.most > 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_both_halves_send_the_third_page_with_those_behind_it(
    wandb_server: LocalServer, many: str, backend: str
) -> None:
    for take, sent in ((10, 2), (11, 2 + WIDTH), (30, 2 + WIDTH), (31, 2 + 2 * WIDTH)):
        blocking, awaiting = RequestCounter(), RequestCounter()
        ids_of(wandb_server, many, 5, take, blocking)
        ids_of_awaited(wandb_server, many, 5, take, awaiting, backend)
        assert (blocking.sent, awaiting.sent) == (sent, sent)


SPEEDS: list[tuple[list[float], list[bool]]] = [
    ([FAST], [False] * MANY),
    ([SLOW], [False] * 2 + [True] * 48),
    # A clock that stands still, and tells nothing.
    ([0.0], [False] * 2 + [True] * 48),
    # One of several answers is late.
    ([FAST, FAST, *[SLOW, SLOW, SLOW, FAST] * 3], [False] * MANY),
    ([*[FAST] * 10, SLOW], [False] * 14 + [True] * 36),
    ([*[SLOW] * 10, FAST], [False] * 2 + [True] * 12 + [False] * 33),
]


@pytest.mark.parametrize(("seconds", "is_elsewhere"), SPEEDS)
def test_threads_read_ahead_where_four_answers_in_turn_are_slow(
    wandb_server: LocalServer, many: str, seconds: list[float], is_elsewhere: list[bool]
) -> None:
    paced = Paced(wandb_server, seconds)
    url = wandb_server.url
    with Api(
        base_url=url, api_key="k", transport=paced, clock=paced.clock, max_concurrency=WIDTH
    ) as api:
        loop = iter(api.runs(many, per_page=1))
        assert [run.id for run in loop] == [f"run{number:02}" for number in range(MANY)]
    assert paced.is_elsewhere == is_elsewhere


@OVER_HTTP
@given(
    per_page=st.integers(1, 12),
    seconds=st.lists(st.sampled_from((0.0, FAST, SLOW)), min_size=1, max_size=50),
)
def test_answers_of_any_speed_give_the_same_runs(
    wandb_server: LocalServer, many: str, per_page: int, seconds: list[float]
) -> None:
    paced = Paced(wandb_server, seconds)
    url = wandb_server.url
    with Api(
        base_url=url, api_key="k", transport=paced, clock=paced.clock, max_concurrency=WIDTH
    ) as api:
        loop = iter(api.runs(many, per_page=per_page))
        assert [run.id for run in loop] == [f"run{number:02}" for number in range(MANY)]
    needed = math.ceil(MANY / per_page)
    assert needed <= len(paced.is_elsewhere) <= needed + WIDTH - 1


@OVER_HTTP
@given(
    per_page=st.integers(1, 30), take=st.integers(1, MANY + 3), way=st.sampled_from(("", *BACKENDS))
)
def test_a_loop_over_fast_answers_sends_no_page_too_many(
    wandb_server: LocalServer, many: str, per_page: int, take: int, way: str
) -> None:
    counter = RequestCounter()
    if way:
        ids = ids_of_awaited(wandb_server, many, per_page, take, counter, way, FAST)
    else:
        ids = ids_of(wandb_server, many, per_page, take, counter, FAST)
    assert ids == [f"run{number:02}" for number in range(min(take, MANY))]
    assert counter.sent == math.ceil(min(take, MANY) / per_page)
    assert counter.most == 1


USES: list[tuple[int, Callable[[Runs], object]]] = [
    (1, lambda runs: runs[0]),
    (1, bool),
    (4, lambda runs: runs[15:20]),
    (8, lambda runs: runs[39]),
]


@pytest.mark.parametrize(("sent", "use"), USES)
def test_nothing_is_read_ahead_of_what_is_taken(
    wandb_server: LocalServer, api: Api, many: str, sent: int, use: Callable[[Runs], object]
) -> None:
    wandb_server.clear_operations()
    use(api.runs(many, per_page=5))
    assert wandb_server.operations == ("ListRuns",) * sent


def test_a_known_number_of_runs_bounds_what_is_read_ahead(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    runs = api.runs(many, per_page=5)
    assert len(runs) == MANY
    wandb_server.clear_operations()
    assert len(list(runs)) == MANY
    assert wandb_server.operations == ("ListRuns",) * math.ceil(MANY / 5)


def test_a_page_that_does_not_follow_drops_those_behind_it(wandb_server: LocalServer) -> None:
    for number in range(30):
        log_run(wandb_server, "team", "shifts", f"r{number:02}")
    counter = RequestCounter()
    with Api(base_url=wandb_server.url, api_key="k", on_event=counter, clock=TickingClock()) as api:
        loop = iter(api.runs("team/shifts", order="+name", per_page=3))
        ids = [next(loop).id for _ in range(6)]
        log_run(wandb_server, "team", "shifts", "a")  # before all of them
        sent = [counter.sent]
        for _ in range(4):  # the first of them finds two runs that were not read
            ids += [next(loop).id for _ in range(3)]
            sent.append(counter.sent)
        assert ids == [f"r{number:02}" for number in range(18)]
    # Four at once, of which the first does not follow; three one by one; then four at once.
    assert sent[:2] == [2, 6 + 1]
    assert sent[2:4] == [8, 9]
    assert sent[4] >= 10


def test_what_is_read_ahead_may_fail_until_its_turn_comes(
    wandb_server: LocalServer, many: str
) -> None:
    class FailsOnce(Sizes):
        """Fails the first request for the fifth page."""

        failed = False

        @override
        def send(self, request: Request, /) -> Response:
            after = json.loads(request.content)["variables"].get("after")
            if after == cursor_after(18) and not self.failed:
                self.failed = True
                return Response(500, {}, b"")
            return super().send(request)

    flaky = FailsOnce(wandb_server)
    with Api(
        base_url=wandb_server.url, api_key="k", transport=flaky, max_retries=0, clock=TickingClock()
    ) as api:
        ids = [run.id for run in api.runs(many, per_page=5)]
    assert flaky.failed
    assert ids == [f"run{number:02}" for number in range(MANY)]


def test_a_page_ahead_is_sent_once_and_those_behind_it_are_kept(
    wandb_server: LocalServer, many: str
) -> None:
    class FailsAt(Sizes):
        """Fails each request for the fourth page."""

        def __init__(self, server: LocalServer, failures: float) -> None:
            super().__init__(server)
            self._left = failures
            self.cursors: list[str | None] = []

        @override
        def send(self, request: Request, /) -> Response:
            after = json.loads(request.content)["variables"].get("after")
            self.cursors.append(after)
            if after == cursor_after(13) and self._left > 0:
                self._left -= 1
                return Response(500, {}, b"")
            return super().send(request)

    lasting, passing = FailsAt(wandb_server, math.inf), FailsAt(wandb_server, 1)
    with Api(
        base_url=wandb_server.url, api_key="k", transport=lasting, clock=TickingClock()
    ) as api:
        loop = iter(api.runs(many, per_page=5))
        assert [next(loop).id for _ in range(15)] == [f"run{number:02}" for number in range(15)]
    assert len(lasting.cursors) == 2 + WIDTH
    with Api(
        base_url=wandb_server.url, api_key="k", transport=passing, clock=TickingClock()
    ) as api:
        assert len([*iter(api.runs(many, per_page=5))]) == MANY
    assert len({*passing.cursors}) == len(passing.cursors) - 1
    assert passing.cursors.count(cursor_after(13)) == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_came_before_a_cancellation_is_kept(
    wandb_server: LocalServer, many: str, backend: str
) -> None:
    class Stalls:
        """Answers the third page never but once it is asked for alone, and counts requests."""

        def __init__(self, inner: HttpTransport) -> None:
            self._inner = inner
            self.cursors: list[str | None] = []

        async def send(self, request: Request, /) -> Response:
            after = json.loads(request.content)["variables"].get("after")
            self.cursors.append(after)
            if after == cursor_after(8) and self.cursors.count(after) == 1:
                await anyio.sleep_forever()
            await anyio.lowlevel.checkpoint()
            return self._inner.send(request)

    transport = Stalls(HttpTransport(wandb_server.url))

    async def main() -> None:
        api = AsyncApi(
            base_url=wandb_server.url, api_key="k", transport=transport, clock=TickingClock()
        )
        loop = aiter(api.runs(many, per_page=5))
        ids = [(await anext(loop)).id for _ in range(10)]
        with anyio.move_on_after(1):
            await anext(loop)
        ids += [run.id async for run in loop]
        assert ids == [f"run{number:02}" for number in range(MANY)]

    anyio.run(main, backend=backend)
    again = [each for each in transport.cursors if transport.cursors.count(each) > 1]
    assert again == [cursor_after(8)] * 2


def test_other_cursors_are_followed_one_by_one(wandb_server: LocalServer, many: str) -> None:
    counter = RequestCounter()
    with wandb_server.fail_always(OpaqueCursors()):
        assert len(ids_of(wandb_server, many, 5, 99, counter)) == MANY
    assert (counter.sent, counter.most) == (math.ceil(MANY / 5), 1)


def test_pages_grow_where_no_size_is_given(wandb_server: LocalServer, large: str) -> None:
    sizes = Sizes(wandb_server)
    with Api(base_url=wandb_server.url, api_key="k", transport=sizes, max_concurrency=1) as api:
        ids = [run.id for run in api.runs(large)]
        assert ids == [f"r{number:03}" for number in range(420)]
        # A page has one run more, the one before it.
        assert sizes.asked == [50, 101, 201, 401]
        for per_page in (50, api.runs(large).per_page):
            sizes.asked.clear()
            assert [run.id for run in api.runs(large, per_page=per_page)] == ids
            assert sizes.asked == [50] + [51] * 8
        sizes.asked.clear()
        assert [run.id for run in api.runs(large, limit=120)] == ids[:120]
        assert sizes.asked == [50, 71]
        sizes.asked.clear()
        assert len(api.runs(large).configs(["number"])) == 420
        assert sizes.asked == [50, 100, 200, 400]


LOOPS: list[Callable[[Runs], int]] = [
    lambda runs: sum(1 for _ in runs),
    lambda runs: sum(map(len, runs.pages())),
]


@pytest.mark.parametrize("limit", [150, 200, 351, 399])
def test_pages_that_grow_ask_for_no_more_than_the_limit(
    wandb_server: LocalServer, large: str, limit: int
) -> None:
    sizes = Sizes(wandb_server)
    with Api(base_url=wandb_server.url, api_key="k", transport=sizes, clock=TickingClock()) as api:
        for count in LOOPS:
            sizes.asked.clear()
            assert count(api.runs(large, limit=limit)) == limit
            # Each page but the first asks for the run before it, too.
            assert sum(sizes.asked) == limit + len(sizes.asked) - 1


CALLS: list[tuple[Callable[[Runs], list[object]], list[int]]] = [
    (lambda runs: [run.config["number"] for run in runs], [101] * 3),
    (lambda runs: [row["number"] for row in runs.configs()], [100] * 3),
]


@pytest.mark.parametrize(("call", "halved"), CALLS)
def test_a_page_that_the_server_cannot_do_is_halved(
    wandb_server: LocalServer, large: str, call: Callable[[Runs], list[object]], halved: list[int]
) -> None:
    sizes = Sizes(wandb_server, most=150)
    with Api(base_url=wandb_server.url, api_key="k", transport=sizes, max_concurrency=1) as api:
        assert call(api.runs(large)) == list(range(420))
    assert sizes.asked[0] == 50
    assert max(sizes.asked) > 150
    assert sizes.asked[-3:] == halved


@pytest.mark.parametrize("call", [call for call, _ in CALLS])
def test_a_page_that_fails_for_no_reason_told_is_asked_for_in_pages_of_the_first_size(
    wandb_server: LocalServer, large: str, call: Callable[[Runs], list[object]]
) -> None:
    sizes = Sizes(wandb_server, most=150, status=500)
    url = wandb_server.url
    with Api(base_url=url, api_key="k", transport=sizes, max_concurrency=1, max_retries=0) as api:
        assert call(api.runs(large)) == list(range(420))
        assert max(sizes.asked[-5:]) <= 51
        with pytest.raises(ServerError):
            call(api.runs(large, per_page=151))


def test_the_default_size_is_told_from_an_equal_number() -> None:
    for call in (Api.runs, AsyncApi.runs, Runs, AsyncRuns):
        parameter = inspect.signature(call).parameters["per_page"]
        assert parameter.default is PER_PAGE
        assert str(parameter) == "per_page: 'int' = 50"
    assert PER_PAGE == 50
    assert repr(PER_PAGE) == "50"
    for same in (
        copy.copy(PER_PAGE),
        copy.deepcopy([PER_PAGE])[0],
        pickle.loads(pickle.dumps(PER_PAGE)),
    ):
        assert same is PER_PAGE


def test_copies_of_a_listing_grow_as_it_does(
    wandb_server: LocalServer, large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pickle finds its key where it lands.
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    with Api(base_url=wandb_server.url, api_key="k") as api:
        loop = iter(api.runs(large))
        taken = [next(loop).id for _ in range(60)]
        rest = api.runs(large, checkpoint=loop.checkpoint())
        for runs in (copy.copy(rest), copy.deepcopy(rest), pickle.loads(pickle.dumps(rest))):
            assert runs.explain().grows
            assert taken + [run.id for run in runs] == [f"r{number:03}" for number in range(420)]


@given(runs=st.integers(0, 20_000), per_page=st.integers(1, 2000) | st.just(PER_PAGE))
def test_the_number_of_pages_is_that_of_the_sizes(runs: int, per_page: int) -> None:
    size = PageSize.of(per_page)
    pages, left = 1, runs - size.runs
    while left > 0:
        size = size.next()
        pages, left = pages + 1, left - size.runs
        assert size.runs <= 1000
    assert PageSize.of(per_page).pages(runs) == pages


def test_large_and_slow_pages_are_not_made_larger() -> None:
    size = PageSize.of(PER_PAGE)
    assert size.after(Page((), None, size=3_000_000, seconds=0.9)).runs == 100
    pages: list[Page[object]] = [Page((), None, size=5_000_000), Page((), None, seconds=1.1)]
    for page in pages:
        stopped = size.next().after(page)
        assert (stopped.runs, stopped.next().runs) == (100, 100)
    heavy, failed = ServerError("heavy", status=502), ServerError("failed", status=500)
    larger = size.next().next()
    halved, least = larger.after_failure(heavy), larger.after_failure(failed)
    assert halved is not None
    assert least is not None
    assert (halved.runs, halved.next().runs) == (100, 100)
    assert (least.runs, least.next().runs) == (50, 50)
    assert larger.after_failure(RateLimitError("later", status=429)) is None
    assert size.after_failure(heavy) is None

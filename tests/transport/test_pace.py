"""`requests_per_second=`: no more is sent than the pace has it, whatever threads and tasks do."""

from __future__ import annotations

import math
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.ways import each_backend, each_way
from typing_extensions import override

from wandb_runs import Api, AsyncApi, InvalidArgumentError, Request, RequestTimeoutError, Response
from wandb_runs.graphql._generated import count_runs
from wandb_runs.testing import FakeClock
from wandb_runs.transport.fork import ForkSafeLock
from wandb_runs.transport.rate_limit import Pacer
from wandb_runs.transport.settings import Address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

from support.ways import Face

URL: Final = "http://127.0.0.1:9"
COUNT: Final = count_runs(entity="team", project="paced")
GOOD: Final = Response(200, {}, b'{"data": {"project": {"runCount": 7}}}')
BUSY: Final = Response(503, {}, b"busy")
ROUNDING: Final = 1e-5
PATIENT: Final = 900_000.0

rates: Final = st.sampled_from([0.02, 0.5, 1.0, 3.0, 7.5, 1000.0])
seconds: Final = st.sampled_from([0.0, 0.0, 0.1, 0.5, 2.0, 50.0])


class Watched(FakeClock):
    """A fake clock that knows what each thread last read on it: when its request was sent."""

    def __init__(self) -> None:
        super().__init__(chance=0)
        self._of_thread = threading.local()

    @property
    def seen(self) -> float:
        seen: float = self._of_thread.seen
        return seen

    @override
    def monotonic(self) -> float:
        now = self._of_thread.seen = super().monotonic()
        return now


class Slow:
    """A transport that notes when it was called, and takes its time by the fake clock."""

    def __init__(self, clock: Watched, takes: Sequence[float] = (0.0,)) -> None:
        self.clock = clock
        self.takes = takes
        self.sent: list[float] = []
        self.answers: list[Response] = []
        self.under_way = self.most = 0

    def begin(self) -> float:
        self.sent.append(self.clock.seen)
        return self.takes[len(self.sent) % len(self.takes)]

    def send(self, _request: Request, /) -> Response:
        taken = self.begin()
        if taken:
            self.clock.sleep(taken)
        return self.answers.pop(0) if self.answers else GOOD


class SlowAsync(Slow):
    async def send(self, _request: Request, /) -> Response:  # type: ignore[override] # awaited
        await self.clock.sleep_async(self.begin())
        return GOOD


def assert_paced(sent: Sequence[float], rate: float) -> None:
    """In each window of time no more was sent than the rate, and one."""
    times = sorted(sent)
    assert all(later - earlier >= 1 / rate - ROUNDING for earlier, later in pairwise(times))


@given(
    rates, st.lists(seconds, min_size=1, max_size=5), st.integers(1, 6), st.sampled_from([1, 2, 4])
)
def test_in_no_window_more_is_sent_than_the_rate_whatever_threads_do(
    rate: float, takes: list[float], threads: int, at_once: int
) -> None:
    clock = Watched()
    transport = Slow(clock, takes)
    api = Api(
        base_url=URL,
        api_key="k" * 40,
        transport=transport,
        clock=clock,
        timeout=PATIENT,
        max_concurrency=at_once,
        requests_per_second=rate,
    )

    def work(_: int) -> int:
        return sum(len(api.runs("team/paced")) for _ in range(4))

    with ThreadPoolExecutor(threads) as pool:
        assert [*pool.map(work, range(threads))] == [28] * threads
    assert len(transport.sent) == api.stats.requests == 4 * threads
    assert_paced(transport.sent, rate)


@each_backend
@settings(max_examples=20)
@given(
    rate=rates,
    takes=st.lists(seconds, min_size=1, max_size=5),
    tasks=st.integers(1, 9),
    at_once=st.sampled_from([1, 2, 4]),
)
def test_in_no_window_more_is_sent_than_the_rate_whatever_tasks_do(
    backend: str, rate: float, takes: list[float], tasks: int, at_once: int
) -> None:
    clock = Watched()
    transport = SlowAsync(clock, takes)

    async def work() -> None:
        api = AsyncApi(
            base_url=URL,
            api_key="k" * 40,
            transport=transport,
            clock=clock,
            timeout=PATIENT,
            max_concurrency=at_once,
            requests_per_second=rate,
        )
        async with anyio.create_task_group() as group:
            for _ in range(tasks):
                group.start_soon(api.client.execute, COUNT)
        # What is cancelled while it waits takes no turn.
        with anyio.CancelScope() as scope:
            scope.cancel()
            await api.client.execute(COUNT)
        await api.client.execute(COUNT)

    anyio.run(work, backend=backend)
    assert tasks + 1 <= len(transport.sent) <= tasks + 2  # one may be sent before it is cancelled
    assert_paced(transport.sent, rate)


@each_way
@given(rate=rates, count=st.integers(1, 6))
def test_what_can_be_sent_is_sent_as_soon_as_the_rate_allows(
    way: str, rate: float, count: int
) -> None:
    clock = Watched()
    transport = Slow(clock)
    face = Face.of_api(way, transport, clock, timeout=PATIENT, requests_per_second=rate)
    for _ in range(count):
        face.execute(COUNT)
    assert_paced(transport.sent, rate)
    assert sum(clock.slept) == pytest.approx((count - 1) / rate)
    assert face.stats.paced == count - 1
    assert face.stats.seconds_waited == pytest.approx((count - 1) / rate)


@each_way
def test_time_that_went_by_is_not_saved_up(way: str) -> None:
    clock = Watched()
    transport = Slow(clock)
    face = Face.of_api(way, transport, clock, requests_per_second=0.5)
    for _ in range(2):
        face.execute(COUNT)
        clock.sleep(100)
        face.execute(COUNT)
    assert transport.sent == [0, 100, 102, 202]


@each_way
def test_what_is_sent_again_keeps_the_pace(way: str) -> None:
    clock = Watched()
    transport = Slow(clock)
    transport.answers = [BUSY, BUSY, GOOD]
    face = Face.of_api(way, transport, clock, requests_per_second=0.25)
    face.execute(COUNT)
    assert transport.sent == [0, 4, 8]


@each_way
@pytest.mark.parametrize(("rate", "expected"), [(0.5, [0, 6, 8]), (0.1, [0, 10, 20])])
def test_the_slower_of_both_paces_holds(way: str, rate: float, expected: list[float]) -> None:
    clock = Watched()
    transport = Slow(clock)
    empty: Mapping[str, str] = {"ratelimit-remaining": "0", "ratelimit-reset": "6"}
    transport.answers = [Response(200, empty, GOOD.content)]
    face = Face.of_api(way, transport, clock, requests_per_second=rate)
    for _ in range(3):
        face.execute(COUNT)
    assert transport.sent == expected


@each_way
def test_waiting_counts_towards_the_deadline_and_what_gives_up_takes_no_turn(way: str) -> None:
    clock = Watched()
    transport = Slow(clock)
    face = Face.of_api(way, transport, clock, timeout=5, requests_per_second=0.1)
    face.execute(COUNT)
    for _ in range(3):
        with pytest.raises(RequestTimeoutError, match=r"requests_per_second=0\.1 leaves") as caught:
            face.execute(COUNT)
        assert caught.value.attempts == 0
    assert clock.slept == []
    face.with_options(timeout=11).execute(COUNT)
    assert transport.sent == [0, 10]


def test_a_page_is_not_divided_for_want_of_a_turn() -> None:
    clock = Watched()
    transport = Slow(clock)
    api = Api(
        base_url=URL, api_key="k", transport=transport, clock=clock, timeout=5,
        requests_per_second=0.1,
    )  # fmt: skip
    assert len(api.runs("team/paced")) == 7
    with pytest.raises(RequestTimeoutError, match="requests_per_second"):
        api.runs("team/paced").histories(keys=["loss"])
    assert transport.sent == [0]
    assert api.stats.failures == 1


@each_way
def test_files_elsewhere_are_not_counted(way: str) -> None:
    clock = Watched()
    transport = Slow(clock)
    face = Face.of_api(way, transport, clock, requests_per_second=0.5)
    for _ in range(3):
        face.download(Address("https://files.example/file?sig=x"))
    assert clock.slept == []
    for _ in range(2):
        face.download(Address(f"{URL}/file"))
    face.execute(COUNT)
    assert transport.sent[3:] == [0, 2, 4]


WRONG: Final[list[tuple[object, str]]] = [
    (0, "above 0"),
    (0.0, "above 0"),
    (-1, "above 0"),
    (1e-9, "above 0"),
    (math.nan, "above 0"),
    (math.inf, "above 0"),
    (10**400, "above 0"),
    (True, "got bool"),
    ("2", "got str"),
    ([2], "got list"),
]


@pytest.mark.parametrize(("rate", "said"), WRONG)
def test_what_is_no_rate_is_refused(
    rate: Any,  # noqa: ANN401 - what no checker lets through
    said: str,
) -> None:
    for make in (Api, AsyncApi):
        with pytest.raises(InvalidArgumentError, match=f"requests_per_second must be .*{said}"):
            make(base_url=URL, api_key="k", requests_per_second=rate)
        with pytest.raises(InvalidArgumentError, match="requests_per_second must be"):
            make(base_url=URL, api_key="k").with_options(requests_per_second=rate)


@pytest.mark.parametrize("make", [Api, AsyncApi])
def test_a_pickle_and_a_copy_keep_the_pace(
    make: type[Api | AsyncApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", URL)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    api = make(base_url=URL, api_key="k" * 40, requests_per_second=0.5)
    assert make(base_url=URL, api_key="k").requests_per_second is None
    assert api.with_options(timeout=3).requests_per_second == 0.5
    assert api.with_options(requests_per_second=2).requests_per_second == 2
    assert pickle.loads(pickle.dumps(api)).requests_per_second == 0.5
    runs = pickle.loads(pickle.dumps((api.runs("team/paced"), api)))
    assert runs[1].requests_per_second == 0.5


def test_copies_keep_apart_from_each_other() -> None:
    clock = Watched()
    transport = Slow(clock)
    api = Api(base_url=URL, api_key="k", transport=transport, clock=clock, requests_per_second=1)
    slow = api.with_options(requests_per_second=0.25)
    for each in (api, slow, api, slow):
        assert len(each.runs("team/paced")) == 7
    assert transport.sent == [0, 1, 5, 6]


moves: Final = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "take", "take", "leave"]),
        st.integers(0, 4),
        st.sampled_from([0.0, 0.3, 1.0, 5.0]),
    ),
    max_size=60,
)


@given(moves, st.sampled_from([0.5, 1.0, 4.0]))
@example([("reserve", 0, 0.0), ("leave", 0, 0.0), ("reserve", 1, 0.0)], 1.0)
def test_turns_are_apart_and_those_that_left_hold_up_no_other(
    chosen: list[tuple[str, int, float]], rate: float
) -> None:
    pacer, now, taken = Pacer(ForkSafeLock()), 0.0, list[float]()
    waiting: set[int] = set()
    for move, request, later in chosen:
        now += later
        if move == "reserve" and request not in waiting:
            pause = pacer.reserve(request, rate, lambda at=now: at, 1e9)  # type: ignore[misc]
            assert pause is not None
            if not waiting:  # nothing is before it but what was sent
                free = taken[-1] + 1 / rate if taken else now
                assert now + pause == pytest.approx(max(now, free))
            waiting.add(request)
        elif move == "take" and request in waiting:
            turn = pacer.take(request, rate, lambda at=now: at)  # type: ignore[misc]
            if not turn.pause:
                taken.append(turn.now)
                waiting.discard(request)
        elif move == "leave":
            pacer.leave(request)
            waiting.discard(request)
    assert_paced(taken, rate)

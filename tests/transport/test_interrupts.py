"""Exceptions that come at any instruction: Ctrl-C, and time limits of programs."""

from __future__ import annotations

import dis
import json
import os
import pickle
import random
import subprocess
import sys
import threading
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import pytest
from support.clocks import FAST, SLOW, TickingClock
from support.raw_server import http_answer, read_request, serve
from support.ways import each_backend

from soaking.interrupts import HEADER, KEY, secrets_in
from wandb_runs import Api, AsyncApi, ServerError
from wandb_runs.frames.batches import Batches
from wandb_runs.frames.histories import AnyPages, HistoryPages
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.requests import HistoryRequest, RowsReader
from wandb_runs.local.ids import new_id
from wandb_runs.pagination.page import PageRequest, Selection
from wandb_runs.testing import Status, log_run
from wandb_runs.transport.threads import Slots

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from types import FrameType

    from wandb_runs.frames.histories import Gaps
    from wandb_runs.frames.rows import RunRows
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONObject
    from wandb_runs.testing import LocalServer

Content = TypeVar("Content")

TOOLS: Final = Path(__file__).parents[2] / "tools"
SECONDS: Final = 6
RUNS: Final = 13
AT_ONCE: Final = 4
UNIX: Final = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no SIGALRM")

# Each run of the tests takes another path through the same program; a failure prints its seed.
SEED: Final = str(os.getpid())


@pytest.fixture(scope="module")
def project(wandb_server: LocalServer) -> str:
    for number in range(RUNS):
        log_run(
            wandb_server,
            "team",
            "storm",
            f"r{number:02}",
            config={"lr": number},
            history=[{"loss": number * 7 % RUNS + step} for step in range(7)],
        )
    return "team/storm"


def storm(*arguments: str) -> Counter[str]:
    """Run the program that is interrupted; return what it counted."""
    done = subprocess.run(
        [sys.executable, "-m", "soaking.interrupts", *arguments],
        env={**os.environ, "PYTHONPATH": str(TOOLS)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"seed {SEED}: {done.stdout}\n{done.stderr}"
    return Counter(json.loads(done.stdout))


@UNIX
def test_loops_lose_nothing_and_show_no_secret_whatever_interrupts_them(
    wandb_server: LocalServer, project: str
) -> None:
    counts = storm(wandb_server.url, project, str(SECONDS), SEED)
    kinds = ("KeyboardInterrupt", "TimeLimitError", "SystemExit", "MemoryError")
    assert sum(counts[kind] for kind in kinds) > SECONDS, counts


@UNIX
def test_no_interrupt_leaves_a_slot_held() -> None:
    """After many of them, as many requests as allowed are under way at once."""
    together = threading.Barrier(AT_ONCE)
    body = json.dumps({"data": {"project": {"runCount": 0}}}).encode()

    def answer(connection: socket.socket) -> None:
        while request := read_request(connection):
            if b'"entity":"together"' in request:
                together.wait(30)
            connection.sendall(http_answer(body, content_type="application/json"))

    with serve(answer) as server:
        counts = storm(server.url, "--count", "4", SEED)
    assert counts["together"] == AT_ONCE
    assert sum(counts.values()) > 4 * AT_ONCE, counts


# One moment at a time.

PLACES: Final = (
    "/pagination/",
    "/runs/iterators",
    "/runs/scan_rows",
    "/runs/exact/scan",
    "/runs/exact/pages",
    "/frames/batches",
)
CHECKED: Final = {dis.opmap[name] for name in ("CALL", "CALL_FUNCTION_EX", "JUMP_BACKWARD")}
"""The instructions behind which the interpreter calls signal handlers."""


class Moments:
    """Counts the moments at which the interpreter may call a signal handler, and raises at one.

    Args:
        number: The one to raise at; none by default.
        places: Parts of the paths of code to raise in.
    """

    def __init__(self, number: int = -1, places: tuple[str, ...] = PLACES) -> None:
        self.number = number
        self._places = places
        self.count = 0
        self._last: dict[FrameType, int] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> Moments | None:
        if not any(place in frame.f_code.co_filename for place in self._places):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        last = self._last.get(frame)
        if event == "opcode":
            self._last[frame] = frame.f_code.co_code[frame.f_lasti]
        if event == "call" or (event == "opcode" and last in CHECKED):
            self.count += 1
            if self.count == self.number:
                raise KeyboardInterrupt
        return self

    def read(self, loop: Iterator[object]) -> list[object]:
        """All that a loop gives, which goes on after the interrupt."""
        found: list[object] = []
        before = sys.gettrace()
        sys.settrace(self)
        try:
            for item in loop:
                found.append(item)  # noqa: PERF402 - nothing comes between taking and keeping
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        for item in loop:
            found.append(item)  # noqa: PERF402
        return found


def chosen(count: int, most: int) -> list[int]:
    """Some of the moments, or all if they are few."""
    return random.Random(7).sample(range(1, count + 1), min(count, most))  # noqa: S311 - a test


@pytest.mark.parametrize(
    "places",
    [
        ("/transport/credentials", "/transport/fork", "/transport/http.", "/transport/stats"),
        ("/transport/deadline", "/transport/template", "/httpx/", "/httpcore/", "/h11/"),
    ],
    ids=["package", "libraries"],
)
def test_a_request_that_is_interrupted_at_any_instruction_shows_no_secret_and_holds_nothing(
    wandb_server: LocalServer, project: str, places: tuple[str, ...]
) -> None:
    def interrupted(moments: Moments) -> list[str]:
        """Where the exception of an interrupted request shows a secret."""
        with Api(
            base_url=wandb_server.url, api_key=KEY, headers={"x-gate": HEADER}, max_concurrency=1
        ) as api:
            counts: list[int] = []
            shown: list[str] = []
            before = sys.gettrace()
            sys.settrace(moments)
            try:
                len(api.runs(project))
            except KeyboardInterrupt as error:
                shown += secrets_in(error)
            finally:
                sys.settrace(before)
            # In another thread, which cannot take a lock again that this one holds.
            other = threading.Thread(target=lambda: counts.append(len(api.runs(project))))
            other.start()
            other.join(30)
            assert counts == [RUNS], moments.number
        return shown

    moments = Moments(places=places)
    assert interrupted(moments) == []
    assert moments.count > 50
    for number in chosen(moments.count, 200):
        assert interrupted(Moments(number, places)) == [], number


UNPICKLING: Final = (
    "/transport/settings", "/transport/credentials", "/collections/", "<frozen _collections_abc>",
    "<frozen os>", "<string>",
)  # fmt: skip


def test_unpickling_that_is_interrupted_at_any_instruction_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_X_EXTRA_HTTP_HEADERS", json.dumps({"x-gate": HEADER}))
    with Api() as api:
        pickled = pickle.dumps(api)

    def interrupted(moments: Moments) -> list[str]:
        before = sys.gettrace()
        sys.settrace(moments)
        try:
            pickle.loads(pickled)
        except KeyboardInterrupt as error:
            return [*secrets_in(error)]
        finally:
            sys.settrace(before)
        return []

    moments = Moments(places=UNPICKLING)
    assert interrupted(moments) == []
    assert moments.count > 50
    for number in chosen(moments.count, 400):
        assert interrupted(Moments(number, UNPICKLING)) == [], number


def test_a_value_that_is_interrupted_while_it_is_made_has_a_repr(
    wandb_server: LocalServer, project: str
) -> None:
    """A traceback may be shown with its variables, of which one is half made."""

    def interrupted(moments: Moments) -> str:
        before = sys.gettrace()
        sys.settrace(moments)
        try:
            with Api(base_url=wandb_server.url, api_key=KEY) as api:
                run = api.with_options(timeout=30).run(f"{project}/r03")
                assert len(run.history(samples=3)) == 3
                assert len([*run.scan_history(), *api.runs(project, per_page=20)]) == 7 + RUNS
        except KeyboardInterrupt as error:
            report = traceback.TracebackException.from_exception(error, capture_locals=True)
            return "".join(report.format())
        finally:
            sys.settrace(before)
        return ""

    assert interrupted(Moments(places=("<string>",))) == ""  # what is made once, and kept
    moments = Moments(places=("<string>",))
    assert interrupted(moments) == ""
    assert moments.count > 100
    numbers, reached = chosen(moments.count, 300), 0
    for number in numbers:
        moment = Moments(number, ("<string>",))
        shown = interrupted(moment)
        # How many there are depends on the speed of answers: fast pages are read one by one.
        assert shown or moment.count < number, number
        assert KEY not in shown, number
        reached += shown != ""
    assert reached > len(numbers) / 2


@pytest.mark.parametrize("order", ["+created_at", "-summary_metrics.loss"])
@pytest.mark.parametrize("method", ["loop", "loop of fast answers", "pages", "batches", "scan"])
def test_a_loop_that_is_interrupted_at_any_instruction_gives_everything_once(
    wandb_server: LocalServer, project: str, method: str, order: str
) -> None:
    clock = TickingClock(FAST if "fast" in method else SLOW)
    with Api(base_url=wandb_server.url, api_key="k", clock=clock) as api:

        def begin() -> Iterator[object]:
            runs = api.runs(project, order=order, per_page=4)
            if method == "scan":
                return runs[0].scan_history(page_size=3)
            if method in {"batches", "exact"}:
                return runs.iter_histories(keys=["loss"], exact=method == "exact")
            return runs.pages() if method == "pages" else iter(runs)

        moments = Moments()
        right = moments.read(begin())
        assert moments.count > 20
        for number in chosen(moments.count, 60):
            assert Moments(number).read(begin()) == right, number


@pytest.fixture
def unfinished(wandb_server: LocalServer) -> str:
    """The path of a run whose rows are in no file."""
    name = f"unfinished-{new_id()}"
    history: list[JSONObject] = [{"loss": step} for step in range(7)]
    log_run(wandb_server, "team", name, "r", history=history, exit_code=None)
    return f"team/{name}/r"


def test_a_scan_goes_on_after_an_error(wandb_server: LocalServer, unfinished: str) -> None:
    with Api(base_url=wandb_server.url, api_key="k", max_retries=0) as api:
        scan = api.run(unfinished).scan_history(page_size=2)
        first = next(scan)
        wandb_server.fail(Status(500), operation="ScanHistory")
        read = [first]
        with pytest.raises(ServerError):
            read.extend(scan)
        wandb_server.recover()
        read.extend(scan)
    assert [row["_step"] for row in read] == [*range(7)]


@each_backend
def test_an_async_scan_goes_on_after_an_error(
    wandb_server: LocalServer, unfinished: str, backend: str
) -> None:
    async def read() -> list[object]:
        async with AsyncApi(base_url=wandb_server.url, api_key="k", max_retries=0) as api:
            scan = (await api.run(unfinished)).scan_history(page_size=2)
            steps = [(await anext(scan))["_step"]]
            wandb_server.fail(Status(500), operation="ScanHistory")
            with suppress(ServerError):
                while True:
                    steps.append((await anext(scan))["_step"])
            assert len(steps) < 7
            wandb_server.recover()
            return [*steps, *[row["_step"] async for row in scan]]

    assert anyio.run(read, backend=backend) == [*range(7)]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, TimeoutError])
def test_a_batch_whose_conversion_is_interrupted_is_not_lost(
    wandb_server: LocalServer, project: str, kind: type[BaseException]
) -> None:
    plan = plan_histories(5, ["loss"], "_step", "default")
    selection = Selection(
        entity="team", project="storm", filters="{}", order="+created_at", first=3
    )
    interrupts = iter([False, True, False, True, False, False])

    def begin() -> Flow[HistoryPages[list[RunRows]]]:
        yield from ()
        request = HistoryRequest(plan, selection, PageRequest(None, 3))
        return HistoryPages(request, RowsReader())

    def convert(histories: list[RunRows]) -> list[str]:
        if next(interrupts, False):
            raise kind
        return [run_id for run_id, _ in histories]

    def close(pages: AnyPages[Content], /, *, has_rows: bool) -> Flow[Gaps]:
        yield from ()
        return pages.gaps

    batches = Batches(begin, convert, close)
    read: list[str] = []
    with Api(base_url=wandb_server.url, api_key="k") as api:
        while True:
            try:
                api.client.run(batches.read_batch())
            except kind:
                continue
            if batches.ready is None:
                break
            read += batches.ready.batch
            batches.taken = batches.ready.after
    assert next(interrupts, None) is None
    assert read == [f"r{number:02}" for number in range(RUNS)]


def test_a_slot_is_free_after_any_exception_and_goes_to_the_thread_that_waits() -> None:
    slots, entered, over = Slots(1), threading.Event(), threading.Event()

    def fail(is_held: bool) -> None:
        assert slots.hold(0, bool)  # a caller that holds a slot reuses it
        assert is_held
        raise SystemExit

    with pytest.raises(SystemExit):
        slots.hold(1, fail)

    def wait(is_held: bool) -> bool:
        entered.set()
        over.wait(20)
        return is_held

    holder = threading.Thread(target=slots.hold, args=(1, wait))
    holder.start()
    entered.wait(20)
    assert not slots.hold(0.01, bool)
    threading.Timer(0.2, over.set).start()
    assert slots.hold(20, bool)
    holder.join()

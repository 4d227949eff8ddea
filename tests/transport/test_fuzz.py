"""Fuzzing: a corrupted answer gives a right result or a named error, and no run is lost.

Real answers of the local server are corrupted by a seeded random generator, one answer per call;
a seed reproduces its case. `WANDB_RUNS_FUZZ=2000 pytest tests/transport/test_fuzz.py -n 2 -rP`
tries two thousand cases of each call, and shows their outcomes.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import pytest
from support.fuzz import UNSEEN, Corrupted, corrupt, look
from support.fuzz_checks import Case, Outcome, WhatWasAsked, as_plain_data, check, rows_of

from wandb_runs import (
    Api,
    DriftWarning,
    EmptyJoinWarning,
    HistoriesError,
    Request,
    Response,
    Run,
    Runs,
    Sweep,
    WandbRunsError,
)
from wandb_runs.testing import FakeClock
from wandb_runs.transport.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from wandb_runs.testing import LocalServer

CASES: Final = int(os.environ.get("WANDB_RUNS_FUZZ", "220"))
"""How many cases of each call are tried: more than 10,000 in all."""

MOST_REQUESTS: Final = 200
"""How many requests a call may send: none needs half of it, even when it divides its work."""

PATIENCE: Final = 60
"""Seconds after which a case counts as hanging; most take a few thousandths of one."""

PER_PAGE: Final = 3

# Some that finished, one that diverged, crashed, failed, logs histograms, has a sweep.
CHOSEN: Final = ("odpqnvxo", "hjruasnj", "zjoo2lb3", "p1rnoeck", "ifc50hmu", "yt08g7lf", "x9z1pcyd")

Sent: TypeAlias = tuple[str, bytes]
"""A request: where it goes, and its body."""


class EndlessError(Exception):
    """A call sends more requests than it needs."""


class HangError(Exception):
    """A case takes longer than it needs."""


class Replay:
    """Replays the answers of a real server, and a corrupted one for one request.

    Requests without a recorded answer are sent over HTTP and recorded.
    """

    def __init__(self, server: LocalServer) -> None:
        self.inner = HttpTransport(server.url)
        self.known: dict[Sent, Response] = {}
        self._lock = threading.Lock()
        self.start()

    def start(
        self, wrong: Sent | None = None, answer: Response | None = None, *, again: bool = False
    ) -> None:
        """Begin another call.

        Args:
            wrong: The request of which the answer goes wrong.
            answer: That answer.
            again: Whether it is wrong each time it is asked for, and not only once.
        """
        self.sent: list[Sent] = []
        self._wrong, self._answer, self._again = wrong, answer, again

    def send(self, request: Request, /) -> Response:
        asked = (request.url, request.content)
        with self._lock:
            self.sent.append(asked)
            if len(self.sent) > MOST_REQUESTS:
                raise EndlessError
            if asked == self._wrong and self._answer is not None:
                if not self._again:
                    self._wrong = None
                return self._answer
            if asked not in self.known:
                self.known[asked] = self.inner.send(request)
            return self.known[asked]


def an_api(server: LocalServer, replay: Replay) -> Api:
    """An `Api` that does not wait between attempts."""
    clock = FakeClock(chance=0)
    return Api(base_url=server.url, api_key="k" * 40, transport=replay, clock=clock)


# --- what users call -----------------------------------------------------------------------------


ATTRIBUTES: Final = (
    *("id", "storage_id", "name", "display_name", "path", "url", "user", "project_internal_id"),
    *("state", "created_at", "updated_at", "heartbeat_at", "tags", "group", "job_type", "notes"),
    *("description", "commit", "host", "read_only", "sweep_name", "config", "raw_config"),
    *("rawconfig", "summary", "summary_metrics", "history_line_count"),
)
DETAILS: Final = ("history_keys", "last_history_step", "lastHistoryStep", "system_metrics")
OF_SWEEP: Final = (
    *("id", "storage_id", "path", "url", "name", "state", "method", "description", "best_loss"),
    *("created_at", "updated_at", "run_count", "expected_run_count", "config_yaml", "config"),
    *("order",),
)


def tried(call: Callable[[], object]) -> object:
    """A value, or the kind of the named error that it is."""
    try:
        return call()
    except WandbRunsError as error:
        return type(error).__name__ if error.message else "an error without a message"


def touched(thing: Run | Sweep, names: Sequence[str] = ATTRIBUTES) -> dict[str, object]:
    """All attributes, each a value or the kind of its error."""
    assert repr(thing)
    assert hash(thing) == hash(thing)

    def touch(name: str) -> Callable[[], object]:
        return lambda: getattr(thing, name)

    return {name: tried(touch(name)) for name in names}


ROWS: Final = WhatWasAsked()


def listing(api: Api) -> Runs:
    return api.runs("sample/digits", {"name": {"$in": list(CHOSEN)}}, per_page=PER_PAGE)


def some_keys(api: Api) -> object:
    runs = Runs(
        api.client,
        *("sample", "digits", {"name": {"$in": list(CHOSEN)}}, "+created_at", PER_PAGE),
        config_keys=["optimizer"],
        summary_keys=["loss"],
    )
    return [touched(run, ("id", "config", "summary")) for run in iter(runs)]


def by_index(api: Api) -> object:
    runs = listing(api)

    def at(index: int) -> object:
        try:
            return runs[index].id
        except IndexError:
            # As of a list: only where there is no such run.
            assert len([run.id for run in iter(runs)]) < abs(index) + (index >= 0)
            return "none"

    return [
        tried(lambda: at(3)),
        tried(lambda: [run.id for run in runs[1:5]]),
        tried(lambda: at(-1)),
        tried(lambda: bool(runs)),
        tried(lambda: [run.id for run in reversed(runs)]),
    ]


def a_run(api: Api) -> Run:
    return api.run("sample/digits/p1rnoeck")


def details(api: Api) -> object:
    run = a_run(api)
    found = touched(run, DETAILS)
    run.refresh()
    return found, touched(run)


def a_sweep(api: Api) -> object:
    sweep = api.sweep("sample/digits/y37vw51v")
    best = tried(lambda: getattr(sweep.best_run(), "id", None))
    return touched(sweep, OF_SWEEP), best, tried(lambda: [run.id for run in sweep.runs])


def sweeps_of_runs(api: Api) -> object:
    found = [touched(run, ("sweep",))["sweep"] for run in iter(listing(api))]
    return [touched(sweep, OF_SWEEP) if isinstance(sweep, Sweep) else sweep for sweep in found]


def viewer(api: Api) -> object:
    runs = api.runs("digits", {"name": {"$in": list(CHOSEN)}})
    return [tried(lambda: api.viewer), tried(lambda: runs.entity), tried(lambda: len(runs))]


def listed(api: Api) -> Runs:
    """A listing whose runs are known: they are then asked for by their ids."""
    runs = listing(api)
    list(iter(runs))
    return runs


def joined(batches: Iterator[object]) -> object:
    return [row for batch in batches for row in rows_of(batch)]


@dataclass(frozen=True)
class Call:
    """What a user calls.

    Attributes:
        run: The call.
        kind: What it reads all of: `runs`, `values`, `histories`, `batches`; `part` for less.
        asked: What it asks of histories.
        listed: Whether it asks for runs by their ids.
    """

    run: Callable[[Api], object]
    kind: str = "part"
    asked: WhatWasAsked = ROWS
    listed: bool = False


N: Final = 5
"""Samples of a history."""

LOSS: Final = ["loss"]
TWO: Final = ["val/accuracy", "val/loss"]
THREE: Final = ["loss", "val/accuracy", "weights"]
MACHINE: Final = ["system.cpu", "system.proc.cpu.threads"]

ROWS_OF_ONE: Final = WhatWasAsked(("_step", *LOSS))
ROWS_OF_TWO: Final = WhatWasAsked(("_step", *TWO))
ROWS_OF_EACH: Final = WhatWasAsked(THREE, "outer")
ROWS_OF_ANY: Final = WhatWasAsked(MACHINE, "any")

CALLS: Final[Mapping[str, Call]] = {
    "list": Call(lambda api: [touched(run) for run in iter(listing(api))], "runs"),
    "list, counted": Call(lambda api: [touched(run) for run in list(listing(api))], "runs"),
    "list, some keys": Call(some_keys, "runs"),
    "pages": Call(lambda api: [run.id for page in listing(api).pages() for run in page], "runs"),
    "index": Call(by_index),
    "length": Call(lambda api: len(listing(api))),
    "run": Call(lambda api: touched(a_run(api))),
    "details": Call(details),
    "metadata": Call(lambda api: a_run(api).metadata),
    "sweep": Call(a_sweep),
    "run.sweep": Call(sweeps_of_runs),
    "viewer": Call(viewer),
    "configs": Call(lambda api: listing(api).configs(), "values"),
    "configs, polars": Call(lambda api: listing(api).configs(["model"], "polars"), "values"),
    "configs, pandas": Call(lambda api: listing(api).configs(format="pandas"), "values"),
    "summaries": Call(lambda api: listing(api).summaries(), "values"),
    "summaries, polars": Call(lambda api: listing(api).summaries(format="polars"), "values"),
    "summaries, pandas": Call(lambda api: listing(api).summaries(["loss"], "pandas"), "values"),
    "history": Call(lambda api: a_run(api).history(N, pandas=False)),
    "history, pandas": Call(lambda api: a_run(api).history(N)),
    "history, one, polars": Call(
        lambda api: a_run(api).history(N, LOSS, format="polars"), asked=ROWS_OF_ONE
    ),
    "history, two": Call(
        lambda api: a_run(api).history(N, ["loss", "weights"], pandas=False),
        asked=WhatWasAsked(("_step", "loss", "weights")),
    ),
    "history, outer": Call(
        lambda api: a_run(api).history(N, THREE, join="outer"), asked=ROWS_OF_EACH
    ),
    "history, machine, polars": Call(
        lambda api: a_run(api).history(N, stream="system", format="polars")
    ),
    "scan": Call(lambda api: list(a_run(api).scan_history(page_size=150))),
    "scan, one": Call(lambda api: list(a_run(api).scan_history(["weights"], page_size=400))),
    "histories": Call(lambda api: listing(api).histories(N), "histories"),
    "histories, pandas": Call(lambda api: listing(api).histories(N, format="pandas"), "histories"),
    "histories, polars": Call(lambda api: listing(api).histories(N, format="polars"), "histories"),
    "histories, one": Call(lambda api: listing(api).histories(N, LOSS), "histories", ROWS_OF_ONE),
    "histories, one, pandas": Call(
        lambda api: listing(api).histories(N, LOSS, format="pandas"), "histories", ROWS_OF_ONE
    ),
    "histories, one, polars": Call(
        lambda api: listing(api).histories(N, LOSS, format="polars"), "histories", ROWS_OF_ONE
    ),
    "histories, one, listed": Call(
        lambda api: listed(api).histories(N, LOSS), "histories", ROWS_OF_ONE, listed=True
    ),
    "histories, one, listed, polars": Call(
        lambda api: listed(api).histories(N, LOSS, format="polars"),
        "histories",
        ROWS_OF_ONE,
        listed=True,
    ),
    "histories, two": Call(lambda api: listing(api).histories(N, TWO), "histories", ROWS_OF_TWO),
    "histories, two, polars": Call(
        lambda api: listing(api).histories(N, TWO, format="polars"), "histories", ROWS_OF_TWO
    ),
    "histories, machine": Call(lambda api: listing(api).histories(N, stream="system"), "histories"),
    "histories, machine, some, polars": Call(
        lambda api: listing(api).histories(N, MACHINE, format="polars", stream="system"),
        "histories",
        ROWS_OF_ANY,
    ),
    "histories, outer": Call(
        lambda api: listing(api).histories(N, THREE, join="outer"), "histories", ROWS_OF_EACH
    ),
    "histories, outer, pandas": Call(
        lambda api: listing(api).histories(N, THREE, format="pandas", join="outer"),
        "histories",
        ROWS_OF_EACH,
    ),
    "histories, outer, polars": Call(
        lambda api: listing(api).histories(N, THREE, format="polars", join="outer"),
        "histories",
        ROWS_OF_EACH,
    ),
    "batches": Call(lambda api: joined(listing(api).iter_histories(N)), "batches"),
    "batches, one, pandas": Call(
        lambda api: joined(listing(api).iter_histories(N, LOSS, format="pandas")),
        "batches",
        ROWS_OF_ONE,
    ),
    "batches, one, polars": Call(
        lambda api: joined(listing(api).iter_histories(N, LOSS, format="polars")),
        "batches",
        ROWS_OF_ONE,
    ),
    "batches, machine": Call(
        lambda api: joined(listing(api).iter_histories(N, stream="system")), "batches"
    ),
    "batches, outer, polars": Call(
        lambda api: joined(listing(api).iter_histories(N, THREE, format="polars", join="outer")),
        "batches",
        ROWS_OF_EACH,
    ),
}


# --- what becomes of it --------------------------------------------------------------------------


def outcome(call: Call, api: Api) -> Outcome:
    result: object = None
    failure: WandbRunsError | None = None
    with warnings.catch_warnings(record=True) as told:
        warnings.filterwarnings("always", category=DriftWarning)
        warnings.filterwarnings("ignore", category=EmptyJoinWarning)
        try:
            result = call.run(api)
        except WandbRunsError as error:
            failure = error
    if isinstance(failure, HistoriesError):
        assert failure.errors
        result = failure.histories
    assert failure is None or failure.message
    return Outcome(result, failure, bool(told))


@contextmanager
def patience() -> Generator[None]:
    """Raise where a case hangs."""

    def hang(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def is_impossible_count(tree: object) -> bool:
    """Whether an answer gives a number of runs that no project has.

    See `test_an_impossible_count_is_an_error`.
    """
    count = look(tree, "data", "project", "runCount")
    return isinstance(count, int) and not 0 <= count <= 10**6


@pytest.fixture(scope="module")
def replay(sample_server: LocalServer) -> Iterator[Replay]:
    replay = Replay(sample_server)
    yield replay
    replay.inner.close()


@pytest.mark.parametrize("name", CALLS)
def test_a_corrupted_answer_gives_a_right_result_or_a_named_error(
    sample_server: LocalServer, replay: Replay, name: str
) -> None:
    call = CALLS[name]
    replay.start()
    right = outcome(call, an_api(sample_server, replay))
    assert right.error is None, right
    asked = sorted({*replay.sent})  # in whatever order threads have sent them
    outcomes: Counter[str] = Counter()
    for number in range(CASES):
        seed = f"{name}/{number}"
        rng = random.Random(seed)  # noqa: S311 - chance that can be had again is the point
        wrong = rng.choice(asked)
        answer = corrupt(replay.known[wrong], rng)
        again = rng.random() < 0.5
        if is_impossible_count(answer.tree):
            continue
        replay.start(wrong, answer.response, again=again)
        try:
            with patience():
                found = outcome(call, an_api(sample_server, replay))
            if answer.harmless:
                assert found.error is None, found.error
                assert as_plain_data(found.result) == as_plain_data(right.result)
            case = a_case(name, wrong, replay.known[wrong], answer, right, found)
            check(case, answer, again=again)
        except Exception as error:
            body = answer.response.content
            raise AssertionError(
                f"{seed!r} (WANDB_RUNS_FUZZ={number + 1}): {answer.how}, HTTP "
                f"{answer.response.status}, {'each time' if again else 'once'}\n"
                f"asked: {wrong[1][-300:]!r}\nbody ({len(body)} bytes): {body[:5_000]!r}"
            ) from error
        outcomes["right" if found.error is None else type(found.error).__name__] += 1
    sys.stdout.write(f"{name}: {dict(outcomes.most_common())}\n")


def a_case(
    name: str, wrong: Sent, before: Response, answer: Corrupted, right: Outcome, found: Outcome
) -> Case:
    call, sent = CALLS[name], json.loads(wrong[1] or b"{}")
    return Case(
        name,
        call.kind,
        call.asked,
        call.listed,
        PER_PAGE,
        frozenset(CHOSEN),
        sent.get("operationName", "a file"),
        sent.get("variables", {}),
        right.result,
        json.loads(before.content) if sent else UNSEEN,
        answer.tree,
        found,
    )


def test_a_run_at_the_position_of_another_is_listed(
    sample_server: LocalServer, replay: Replay
) -> None:
    replay.start()
    assert [run.id for run in iter(listing(an_api(sample_server, replay)))] == list(CHOSEN)
    wrong = replay.sent[1]
    page = json.loads(replay.known[wrong].content)
    page["data"]["project"]["runs"]["edges"][:2] = reversed(
        page["data"]["project"]["runs"]["edges"][:2]
    )
    replay.start(wrong, Response(200, {}, json.dumps(page).encode()), again=True)
    assert {run.id for run in iter(listing(an_api(sample_server, replay)))} == {*CHOSEN}


Countable: TypeAlias = Literal["len", "list"]


@pytest.mark.parametrize("count", [-1, 2**31, 2**62, 2**63, 10**30])
@pytest.mark.parametrize("call", ["len", "list"])
def test_an_impossible_count_is_an_error(
    sample_server: LocalServer, replay: Replay, count: int, call: Countable
) -> None:
    replay.start()
    assert len(listing(an_api(sample_server, replay))) == len(CHOSEN)
    body = b'{"data": {"project": {"runCount": %d}}}' % count
    replay.start(replay.sent[0], Response(200, {}, body), again=True)
    runs = listing(an_api(sample_server, replay))
    with pytest.raises(WandbRunsError):
        _ = len(runs) if call == "len" else list(runs)

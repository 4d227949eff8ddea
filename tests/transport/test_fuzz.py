"""Fuzzing: a corrupted answer gives a right result or a named error, and no run is lost.

A seeded random generator corrupts one answer of the local server per call; the seed reproduces the
case. `WANDB_RUNS_FUZZ=2000 pytest tests/transport/test_fuzz.py -n 2 -rP` runs two thousand cases of
each call and shows their outcomes.
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
from support.fuzz_checks import Case, HistoryArguments, Outcome, as_plain_data, check, rows_of

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
"""Cases of each call; more than 10,000 in all."""

MOST_REQUESTS: Final = 200
"""The most requests of one call; even calls that divide pages need less than half of it."""

TIME_LIMIT: Final = 60
"""Seconds after which a case counts as hanging; most take a few milliseconds."""

PER_PAGE: Final = 3

# Finished runs, and runs that diverged, crashed, failed, logged histograms, or have a sweep.
CHOSEN: Final = ("odpqnvxo", "hjruasnj", "zjoo2lb3", "p1rnoeck", "ifc50hmu", "yt08g7lf", "x9z1pcyd")

Sent: TypeAlias = tuple[str, bytes]
"""The URL and the body of a request."""


class TooManyRequestsError(Exception):
    """A call sends more than `MOST_REQUESTS` requests."""


class HangError(Exception):
    """A case takes longer than `TIME_LIMIT`."""


class Replay:
    """Replays recorded answers of a server, except for one corrupted answer.

    Requests without a recorded answer are sent over HTTP and recorded.
    """

    def __init__(self, server: LocalServer) -> None:
        self.inner = HttpTransport(server.url)
        self.recorded: dict[Sent, Response] = {}
        self._lock = threading.Lock()
        self.reset()

    def reset(
        self, wrong: Sent | None = None, answer: Response | None = None, *, again: bool = False
    ) -> None:
        """Prepare for another call.

        Args:
            wrong: The request that gets the corrupted answer.
            answer: The corrupted answer.
            again: Whether every such request gets it, and not only the first one.
        """
        self.sent: list[Sent] = []
        self._wrong, self._answer, self._again = wrong, answer, again

    def send(self, request: Request, /) -> Response:
        sent = (request.url, request.content)
        with self._lock:
            self.sent.append(sent)
            if len(self.sent) > MOST_REQUESTS:
                raise TooManyRequestsError
            if sent == self._wrong and self._answer is not None:
                if not self._again:
                    self._wrong = None
                return self._answer
            if sent not in self.recorded:
                self.recorded[sent] = self.inner.send(request)
            return self.recorded[sent]


def an_api(server: LocalServer, replay: Replay) -> Api:
    """An `Api` that does not wait between attempts.

    It requests nothing ahead: of a page behind the last one, no answer is wrong.
    """
    clock = FakeClock(chance=0)
    return Api(
        base_url=server.url, api_key="k" * 40, transport=replay, clock=clock, max_concurrency=1
    )


# --- calls ---------------------------------------------------------------------------------------


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
    """The value of a call, or the class name of its error."""
    try:
        return call()
    except WandbRunsError as error:
        return type(error).__name__ if error.message else "an error without a message"


def touched(thing: Run | Sweep, names: Sequence[str] = ATTRIBUTES) -> dict[str, object]:
    """All attributes, each as a value or the class name of its error."""
    assert repr(thing)
    assert hash(thing) == hash(thing)

    def touch(name: str) -> Callable[[], object]:
        return lambda: getattr(thing, name)

    return {name: tried(touch(name)) for name in names}


ROWS: Final = HistoryArguments()


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
            # As for a list, an IndexError is right only if there is no such run.
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
    """A listing that is already read, so that its runs are requested by their ids."""
    runs = listing(api)
    list(iter(runs))
    return runs


def joined(batches: Iterator[object]) -> object:
    return [row for batch in batches for row in rows_of(batch)]


@dataclass(frozen=True)
class Call:
    """A public call.

    Attributes:
        run: The function that makes the call.
        kind: What it reads of all runs: `runs`, `values`, `histories` or `batches`; else `part`.
        arguments: Its arguments for histories.
        listed: Whether it requests runs by their ids.
    """

    run: Callable[[Api], object]
    kind: str = "part"
    arguments: HistoryArguments = ROWS
    listed: bool = False


N: Final = 5
"""Samples of a history."""

LOSS: Final = ["loss"]
TWO: Final = ["val/accuracy", "val/loss"]
THREE: Final = ["loss", "val/accuracy", "weights"]
MACHINE: Final = ["system.cpu", "system.proc.cpu.threads"]

ROWS_OF_ONE: Final = HistoryArguments(("_step", *LOSS))
ROWS_OF_TWO: Final = HistoryArguments(("_step", *TWO))
ROWS_OF_EACH: Final = HistoryArguments(THREE, "outer")
ROWS_OF_ANY: Final = HistoryArguments(MACHINE, "any", N)

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
        lambda api: a_run(api).history(N, LOSS, format="polars"), arguments=ROWS_OF_ONE
    ),
    "history, two": Call(
        lambda api: a_run(api).history(N, ["loss", "weights"], pandas=False),
        arguments=HistoryArguments(("_step", "loss", "weights")),
    ),
    "history, outer": Call(
        lambda api: a_run(api).history(N, THREE, join="outer"), arguments=ROWS_OF_EACH
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


# --- outcomes ------------------------------------------------------------------------------------


def outcome(call: Call, api: Api) -> Outcome:
    result: object = None
    failure: WandbRunsError | None = None
    with warnings.catch_warnings(record=True) as caught:
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
    return Outcome(result, failure, bool(caught))


@contextmanager
def time_limit() -> Generator[None]:
    """Raise an error if the block takes longer than `TIME_LIMIT`."""

    def hang(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def is_impossible_count(tree: object) -> bool:
    """Whether an answer has a number of runs that is not possible.

    See `test_an_impossible_count_is_an_error`.
    """
    count = look(tree, "data", "project", "runCount")
    return isinstance(count, int) and not 0 <= count <= 10**6


@pytest.fixture(scope="module")
def replay(sample_server: LocalServer) -> Iterator[Replay]:
    replay = Replay(sample_server)
    yield replay
    replay.inner.close()


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")  # few runs have weights
@pytest.mark.parametrize("name", CALLS)
def test_a_corrupted_answer_gives_a_right_result_or_a_named_error(
    sample_server: LocalServer, replay: Replay, name: str
) -> None:
    call = CALLS[name]
    replay.reset()
    right = outcome(call, an_api(sample_server, replay))
    assert right.error is None, right
    # In a fixed order, since threads send some of them. Files that are broken are tested in
    # `exact/test_ranges.py` and `frames/test_parquet.py`.
    requests = sorted({sent for sent in replay.sent if sent[1]})
    outcomes: Counter[str] = Counter()
    for number in range(CASES):
        seed = f"{name}/{number}"
        rng = random.Random(seed)  # noqa: S311 - reproducible by its seed
        wrong = rng.choice(requests)
        answer = corrupt(replay.recorded[wrong], rng)
        again = rng.random() < 0.5
        if is_impossible_count(answer.tree):
            continue
        replay.reset(wrong, answer.response, again=again)
        try:
            with time_limit():
                found = outcome(call, an_api(sample_server, replay))
            if answer.harmless:
                assert found.error is None, found.error
                assert as_plain_data(found.result) == as_plain_data(right.result)
            case = a_case(name, wrong, replay.recorded[wrong], answer, right, found)
            check(case, answer, again=again)
        except Exception as error:
            body = answer.response.content
            raise AssertionError(
                f"{seed!r} (WANDB_RUNS_FUZZ={number + 1}): {answer.how}, HTTP "
                f"{answer.response.status}, {'each time' if again else 'once'}\n"
                f"request: {wrong[1][-300:]!r}\nbody ({len(body)} bytes): {body[:5_000]!r}"
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
        call.arguments,
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
    replay.reset()
    assert [run.id for run in iter(listing(an_api(sample_server, replay)))] == list(CHOSEN)
    wrong = replay.sent[1]
    page = json.loads(replay.recorded[wrong].content)
    page["data"]["project"]["runs"]["edges"][:2] = reversed(
        page["data"]["project"]["runs"]["edges"][:2]
    )
    replay.reset(wrong, Response(200, {}, json.dumps(page).encode()), again=True)
    assert {run.id for run in iter(listing(an_api(sample_server, replay)))} == {*CHOSEN}


Countable: TypeAlias = Literal["len", "list"]


@pytest.mark.parametrize("count", [-1, 2**31, 2**62, 2**63, 10**30])
@pytest.mark.parametrize("call", ["len", "list"])
def test_an_impossible_count_is_an_error(
    sample_server: LocalServer, replay: Replay, count: int, call: Countable
) -> None:
    replay.reset()
    assert len(listing(an_api(sample_server, replay))) == len(CHOSEN)
    body = b'{"data": {"project": {"runCount": %d}}}' % count
    replay.reset(replay.sent[0], Response(200, {}, body), again=True)
    runs = listing(an_api(sample_server, replay))
    with pytest.raises(WandbRunsError):
        _ = len(runs) if call == "len" else list(runs)

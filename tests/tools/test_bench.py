"""The benchmark reads equal values on every side, and counts the requests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from benchmark.jobs import Sizes, list_jobs
from benchmark.measure import BenchError, Benchmark
from benchmark.replay import key_of
from benchmark.table import HEADINGS, comparisons, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmark.jobs import Job

RUNS = 3
LISTED = 52
"""One more page than one, at the default of 50."""

SIZES = Sizes(histories=(RUNS, 4), long=(1, 1), listing=LISTED, many=1)
JOBS = {job.name: job for job in list_jobs(SIZES)}


@pytest.fixture(scope="module")
def bench() -> Iterator[Benchmark]:
    with Benchmark(SIZES) as bench:
        yield bench


@pytest.mark.parametrize(
    ("name", "requests", "rounds"),
    [
        # wandb asks two things in `Api()`, lists the pages, and reads each run.
        ("polars", {"wandb": 3 + RUNS, "ours": 1, "floor": 1}, [1, 1, 1]),
        # In two rounds, of which wandb does one.
        ("listing", {"wandb": 4 + LISTED, "ours": 2, "floor": 2}, [1, 2, 2]),
    ],
)
def test_sides_read_the_same_with_requests_counted(
    bench: Benchmark, name: str, requests: dict[str, int], rounds: list[int]
) -> None:
    job = JOBS[name]
    # It raises when the sides read different values.
    measured = bench.measure(job, rounds=max(rounds))
    assert [len(measured[side]) for side in job.sides] == rounds
    for side, done in measured.items():
        for one in done:
            assert one.counts["requests"] == requests[side]
            assert one.counts["missed"] == 0
            assert one.report["seconds"] < one.wall
            assert 0 < one.report["before"] <= one.report["peak"]
    cells = row(job, measured).strip("| ").split(" | ")
    assert cells[0] == job.title
    assert len(cells) == len(HEADINGS)
    assert cells[7] == " / ".join(str(count) for count in requests.values())


def test_answers_are_delayed_as_said_and_their_requests_counted(bench: Benchmark) -> None:
    with httpx.Client(trust_env=False) as client:
        client.post(f"{bench.urls[0]}/bench/take")
        body = {"query": "{ viewer { entity } }"}
        answers = [client.post(f"{bench.urls[delay]}/graphql", json=body) for delay in (0, 20, 20)]
        counts = client.post(f"{bench.urls[20]}/bench/take").json()
    assert {answer.text for answer in answers} == {'{"data":{"viewer":null}}'}
    # It never comes early; that it comes in time is for the table to show.
    assert all(answer.elapsed.total_seconds() >= 0.02 for answer in answers[1:])
    assert (counts["requests"], counts["missed"]) == (3, 1)
    assert counts["sent"] > 2 * len(answers[0].content)


def test_different_values_are_reported(bench: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = bench.run

    def lies(job: Job, side: str, *, check: bool = False) -> object:
        done = honest(job, "ours", check=check)
        done.report["digest"] += side
        return done

    monkeypatch.setattr(bench, "run", lies)
    with pytest.raises(BenchError, match="different values"):
        bench.measure(JOBS["list"], rounds=1)


def test_a_worker_that_fails_says_why(bench: Benchmark) -> None:
    job = replace(JOBS["list"], samples=0)
    with pytest.raises(BenchError, match="InvalidArgumentError: samples"):
        bench.run(job, "ours")


def test_libraries_and_memory_are_compared(bench: Benchmark) -> None:
    measured = {name: bench.measure(JOBS[name], rounds=1) for name in ("import", "stream", "long")}
    lines = comparisons(measured)
    assert lines[0] == "imported by ours in `import`: no frame library"
    assert lines[1].startswith("peak memory of `long`")


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', True),
        (
            r'{"variables": {"specs": ["{\"keys\": [\"x\"], \"samples\": 5}"]}}',
            r'{"variables": {"specs": ["{\"samples\": 5, \"keys\": [\"x\"]}"]}}',
            True,
        ),
        (
            r'{"variables": {"specs": ["{\"keys\": [\"x\"], \"samples\": 5}"]}}',
            r'{"variables": {"specs": ["{\"keys\": [\"x\"], \"samples\": 6}"]}}',
            False,
        ),
        ('{"query": "a"}', '{"query": "b"}', False),
        ("not json", "nor this", False),
    ],
)
def test_equal_requests_have_equal_keys(one: str, other: str, are_equal: bool) -> None:
    assert (key_of(one.encode()) == key_of(other.encode())) is are_equal

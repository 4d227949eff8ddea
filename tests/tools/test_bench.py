"""The benchmark reads equal values on every side, and counts the requests."""

from __future__ import annotations

import sys
import sysconfig
import venv
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

import bench
from benchmark.jobs import Sizes, at_delays, list_jobs
from benchmark.measure import Benchmark, BenchmarkError
from benchmark.replay import key_of
from benchmark.table import comparisons, headings, row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmark.jobs import Job
    from benchmark.work import Side

RUNS = 3
LISTED = 52
"""Enough for two pages of the default size of 50."""

FIRST = "r000000"
"""The run that the job `import` reads."""

SIZES = Sizes(
    histories=(RUNS, 4), long=(1, 1), listing=LISTED, many=1, wide=(3, 101), wider=(2, 1_001)
)
JOBS = {job.name: job for job in list_jobs(SIZES)}
SIDES: list[Side] = ["wandb", "ours", "floor"]
ONLY_OURS: list[Side] = ["ours"]

OTHER_VERSION = """
from types import SimpleNamespace

class Api:
    def __init__(self, base_url):
        pass

    def runs(self, path):
        return [SimpleNamespace(id={run_id!r})]
"""


@pytest.fixture(scope="module")
def benchmark() -> Iterator[Benchmark]:
    with Benchmark(SIZES) as benchmark:
        yield benchmark


def environment_with(tmp_path: Path, run_id: str) -> str:
    """Make an environment in which this package is another one, and return its interpreter."""
    venv.create(tmp_path, symlinks=sys.platform != "win32")
    variables = {"base": str(tmp_path), "platbase": str(tmp_path)}
    library = tmp_path / sysconfig.get_path("purelib", "venv", vars=variables)
    (library / "wandb_runs.py").write_text(OTHER_VERSION.format(run_id=run_id))
    scripts = sysconfig.get_path("scripts", "venv", vars=variables)
    return str(tmp_path / scripts / "python")


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
    benchmark: Benchmark, name: str, requests: dict[str, int], rounds: list[int]
) -> None:
    job = JOBS[name]
    # It raises when the sides read different values.
    measured = benchmark.measure(job, rounds=max(rounds))
    assert [len(measured[side]) for side in SIDES] == rounds
    for side, done in measured.items():
        for one in done:
            assert one.counts["requests"] == requests[side]
            assert one.counts["missed"] == 0
            assert one.report["seconds"] < one.wall
            assert 0 < one.report["before"] <= one.report["peak"]
    cells = row(job, measured, SIDES).strip("| ").split(" | ")
    named = dict(zip(headings(SIDES), cells, strict=True))
    assert named["work"] == job.title
    assert named["requests wandb/ours/floor"] == " / ".join(map(str, requests.values()))


def test_versions_are_compared_by_their_interpreters(tmp_path: Path) -> None:
    other = environment_with(tmp_path, FIRST)
    job = JOBS["import"]
    with Benchmark(SIZES, sides=("ours", "other"), pythons={"other": other}) as versions:
        measured = versions.measure(job, rounds=2)
    assert {side: len(done) for side, done in measured.items()} == {"ours": 2, "other": 2}
    assert [one.counts["requests"] for one in measured["ours"]] == [1, 1]
    assert [one.counts["requests"] for one in measured["other"]] == [0, 0]
    columns = headings(["ours", "other"])
    assert columns[2:5] == ["ours s", "other s", "ours/other"]
    cells = row(job, measured, ["ours", "other"]).strip("| ").split(" | ")
    assert len(cells) == len(columns)


def test_different_values_of_two_versions_are_an_error(tmp_path: Path) -> None:
    pythons: dict[Side, str] = {"other": environment_with(tmp_path, "another-run")}
    with (
        Benchmark(SIZES, sides=("ours", "other"), pythons=pythons) as versions,
        pytest.raises(BenchmarkError, match="import: the sides read different values"),
    ):
        versions.measure(JOBS["import"], rounds=1)


def test_the_command_measures_the_chosen_jobs_sides_and_delays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--only=import", "--delay=0", "--delay=30", "--without=wandb", "--without=floor"]
    assert bench.main(["--quick", f"--against={sys.executable}", *arguments]) == 0
    head, _, *rows = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    assert "| ours s | other s | ours/other | requests ours/other |" in head
    assert [line.split(" | ")[0] for line in rows] == [
        f"| `import`, `Api()`, first page, whole process, {delay} ms" for delay in (0, 30)
    ]


def test_joins_of_wide_rows_are_compared_by_value(benchmark: Benchmark) -> None:
    names = [name for name, job in JOBS.items() if job.group == "wide"]
    measured = {name: benchmark.measure(JOBS[name], rounds=1) for name in names}
    reports = {name: done["ours"][0].report for name, done in measured.items()}
    values = [reports[name]["values"] for name in names]
    assert values == [3 * 102, 3 * 102, 2 * 102, 2 * 102 + 3, 2 * 1_003, 2 * 1_003]
    requests = [measured[name]["ours"][0].counts["requests"] for name in names]
    assert requests == [1, 1, 1, 1, 1, 2]
    lines = comparisons(measured)
    assert [line.partition(":")[0] for line in lines] == [
        f"time per value of `{project}-outer` against `{project}-inner`"
        for project in ("wide", "partial", "wider")
    ]


def test_jobs_at_other_delays_are_listed_once_with_their_goals() -> None:
    jobs = at_delays([JOBS["polars"], JOBS["polars-0"]], [0, 20, 100, 100])
    assert [(job.delay, job.goal) for job in jobs] == [
        (0, JOBS["polars-0"].goal),
        (20, JOBS["polars"].goal),
        (100, ""),
    ]


def test_answers_are_delayed_and_requests_counted(benchmark: Benchmark) -> None:
    with httpx.Client(trust_env=False) as client:
        client.post(f"{benchmark.urls[0]}/bench/take")
        body = {"query": "{ viewer { entity } }"}
        answers = [
            client.post(f"{benchmark.urls[delay]}/graphql", json=body) for delay in (0, 20, 20)
        ]
        counts = client.post(f"{benchmark.urls[20]}/bench/take").json()
    assert {answer.text for answer in answers} == {'{"data":{"viewer":null}}'}
    # Only the lower bound is certain; the table shows the real delay.
    assert all(answer.elapsed.total_seconds() >= 0.02 for answer in answers[1:])
    assert (counts["requests"], counts["missed"]) == (3, 1)
    assert counts["sent"] > 2 * len(answers[0].content)


def test_different_values_of_two_sides_are_an_error(
    benchmark: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = benchmark.run

    def wrong(job: Job, side: str, *, check: bool = False) -> object:
        done = original(job, "ours", check=check)
        done.report["digest"] += side
        return done

    monkeypatch.setattr(benchmark, "run", wrong)
    with pytest.raises(BenchmarkError, match="different values"):
        benchmark.measure(JOBS["list"], rounds=1)


def test_the_error_of_a_failed_worker_is_shown(benchmark: Benchmark) -> None:
    job = replace(JOBS["list"], samples=0)
    with pytest.raises(BenchmarkError, match="InvalidArgumentError: samples"):
        benchmark.run(job, "ours")


def test_imported_libraries_and_memory_are_shown_below_the_table() -> None:
    names = ("import", "stream", "long")
    with Benchmark(SIZES, sides=ONLY_OURS) as benchmark:
        measured = {name: benchmark.measure(JOBS[name], rounds=1) for name in names}
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

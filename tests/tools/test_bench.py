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
from benchmark.link import Link
from benchmark.measure import Benchmark, BenchmarkError
from benchmark.replay import key_of
from benchmark.table import comparisons, headings, row
from benchmark.work import KEYS, TIMES

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
    histories=(RUNS, 4),
    long=(1, 1),
    listing=LISTED,
    large=(3, 450),
    many=1,
    wide=(3, 101),
    wider=(2, 1_001),
    files=(RUNS, 40, 7),
    live=(RUNS, 30, 7),
)
JOBS = {job.name: job for job in list_jobs(SIZES)}
SIDES: list[Side] = ["wandb", "ours", "floor"]
ALL_SIDES: list[Side] = ["wandb", "fastest", "ours", "floor"]
NARROW = Link(megabits=4)
PACKED = Link(megabits=4, is_compressed=True)
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
    with Benchmark(SIZES, links=[Link(20), NARROW, PACKED]) as benchmark:
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
        # In two rounds, of which wandb does one, here and in `listing-eager-100`.
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


@pytest.mark.parametrize(
    ("name", "requests"),
    [
        # wandb asks whether there is more; with 1000 a page it learns it from the first.
        ("listing-eager-20", [2 + 2, 2 + 1, 2, 2]),
        ("listing-50-20", [2 + 2, 2 + 1, 2, 2]),
        ("listing-1000-20", [2 + 1, 1, 1]),
        ("listing-table-20", [2 + 2, 2 + 1, 2, 2]),
        ("listing-large-20", [2 + 1, 2 + 1, 1, 1]),
    ],
)
def test_listings_are_read_in_each_spelling(
    benchmark: Benchmark, name: str, requests: list[int]
) -> None:
    job = JOBS[name]
    measured = benchmark.measure(job, rounds=1)
    assert [*measured] == [side for side in ALL_SIDES if side in job.sides]
    assert [done[0].counts["requests"] for done in measured.values()] == requests
    assert all(done[0].report["seconds"] > 0.02 for done in measured.values())
    cells = row(job, measured, ALL_SIDES).strip("| ").split(" | ")
    named = dict(zip(headings(ALL_SIDES), cells, strict=True))
    assert ("fastest" in job.sides) == bool(named["fastest/ours"].strip())


@pytest.mark.parametrize(
    ("name", "rows", "requests"),
    [("exact", 40, 1 + RUNS), ("exact-live", 30, 1 + RUNS)],
)
def test_every_row_is_read_in_each_spelling(
    benchmark: Benchmark, name: str, rows: int, requests: int
) -> None:
    job = JOBS[name]
    if name == "exact":  # each library that the floor has reads the same
        benchmark.measure(JOBS["exact-pyarrow"], rounds=1)
    measured = benchmark.measure(job, rounds=1)  # it raises when the sides read different values
    assert {"wandb", "fastest", "ours"} <= {*measured}
    assert all(done[0].counts["missed"] == 0 for done in measured.values())
    assert measured["ours"][0].counts["requests"] == requests
    assert measured["ours"][0].report["values"] == RUNS * rows * len(["_step", *KEYS, "run_id"])


def test_the_floor_asks_for_the_pages_that_ours_asks_for() -> None:
    sizes = replace(SIZES, listing=200)
    far = Link(10)  # ours reads nothing ahead of answers that come at once
    with Benchmark(sizes, links=[far], sides=["ours", "floor"]) as benchmark:
        for name, pages in (("eager", 6), ("50", 6), ("1000", 1), ("table", 3)):
            job = replace(JOBS[f"listing-{name}-20"], link=far)
            measured = benchmark.measure(job, rounds=1)
            ours, floor = (measured[side][0].counts for side in ("ours", "floor"))
            assert (ours["requests"], floor["requests"]) == (pages, pages)


def test_answers_travel_compressed_within_a_bandwidth(benchmark: Benchmark) -> None:
    plain, packed = (
        benchmark.measure(replace(JOBS["narrow-listing"], link=link), rounds=1)
        for link in (NARROW, PACKED)
    )
    for side in ALL_SIDES:
        big, small = plain[side][0], packed[side][0]
        assert big.counts["requests"] == small.counts["requests"]
        assert big.counts["sent"] > 4 * small.counts["sent"]
        for one in (big, small):
            # All but what a late sleep may make up for; only the lower bound is certain.
            assert one.report["seconds"] > 8 * one.counts["sent"] / 4e6 - 0.02


def test_answers_are_compressed_for_clients_that_accept_it(benchmark: Benchmark) -> None:
    body = {"query": "{ viewer { entity username id } }"}
    with httpx.Client(trust_env=False) as client:
        answers = [
            client.post(
                f"{benchmark.urls[PACKED]}/graphql",
                json=body,
                headers={"accept-encoding": accepted},
            )
            for accepted in ("gzip", "gzip", "deflate, gzip", "identity", "gzipped")
        ]
    assert len({answer.text for answer in answers}) == 1
    found = [answer.headers.get("content-encoding") for answer in answers]
    assert found == [None, "gzip", "gzip", None, None]  # the first one is recorded


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
    # Only the sides that a chosen job has.
    assert "| ours s | other s | ours/other | requests ours/other | MB ours/other |" in head
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
    assert [(job.link.delay, job.goal) for job in jobs] == [
        (0, JOBS["polars-0"].goal),
        (20, JOBS["polars"].goal),
        (100, ""),
    ]


def test_answers_are_delayed_and_requests_counted(benchmark: Benchmark) -> None:
    with httpx.Client(trust_env=False) as client:
        client.post(f"{benchmark.urls[Link()]}/bench/take")
        body = {"query": "{ viewer { entity } }"}
        answers = [
            client.post(f"{benchmark.urls[Link(delay)]}/graphql", json=body)
            for delay in (0, 20, 20)
        ]
        counts = client.post(f"{benchmark.urls[Link(20)]}/bench/take").json()
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


def test_an_operation_has_the_same_nodes_as_with_plain_httpx(benchmark: Benchmark) -> None:
    measured = benchmark.measure(JOBS["execute"], rounds=1)
    assert {side: one.counts["requests"] for side, (one,) in measured.items()} == {
        "ours": TIMES,
        "floor": TIMES,
    }


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
        (
            r'{"variables": {"spec": "{\"keys\": [\"x\"], \"samples\": 5}"}}',
            r'{"variables": {"spec": "{\"samples\": 5, \"keys\": [\"x\"]}"}}',
            True,
        ),
        ('{"query": "a"}', '{"query": "b"}', False),
        ("not json", "nor this", False),
    ],
)
def test_equal_requests_have_equal_keys(one: str, other: str, are_equal: bool) -> None:
    assert (key_of(one.encode()) == key_of(other.encode())) is are_equal

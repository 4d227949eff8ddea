"""Measure this package, W&B's own SDK and a minimal implementation.

    python tools/bench.py [--quick] [--full] [--rounds N] [--only NAME ...]
                          [--delay MS ...] [--without SIDE ...] [--python P] [--against P]

Each job runs in a fresh process, for one side after another, against a server that replays the
local server's answers from memory. The command prints median times as a table in Markdown; see
docs/performance.md.

`--against` compares two versions of this package: it takes the interpreter of an environment in
which the other version is installed:

    python tools/bench.py --against PYTHON --without wandb --without fastest --without floor
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Final

from benchmark.jobs import FULL, QUICK, at_delays, list_jobs
from benchmark.measure import Benchmark
from benchmark.table import comparisons, headings, row

if TYPE_CHECKING:
    from benchmark.jobs import Job
    from benchmark.measure import Measurements
    from benchmark.work import Side


SIDES: Final[tuple[Side, ...]] = ("wandb", "fastest", "ours", "floor")


def main(arguments: list[str] | None = None) -> int:
    """Measure the chosen jobs and print the table."""
    chosen = _parser().parse_args(arguments)
    sizes = QUICK if chosen.quick else FULL
    rounds: int = chosen.rounds or (1 if chosen.quick else 3)
    pythons: dict[Side, str] = {"ours": chosen.python, "other": chosen.against}
    pythons = {side: python for side, python in pythons.items() if python}
    jobs = [job for job in list_jobs(sizes) if _is_chosen(job, chosen.only, is_full=chosen.full)]
    if chosen.delay:
        jobs = at_delays(jobs, chosen.delay)
    sides: list[Side] = [
        side
        for side in SIDES
        if side not in chosen.without and any(side in job.sides for job in jobs)
    ]
    if chosen.against:
        sides.append("other")
    measured: dict[str, Measurements] = {}
    started = perf_counter()
    columns = headings(sides)
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    links = [job.link for job in jobs]
    with Benchmark(sizes, links=links, sides=sides, pythons=pythons) as benchmark:
        for job in jobs:
            measured[job.name] = benchmark.measure(job, rounds, is_full=chosen.full)
            print(row(job, measured[job.name], sides), flush=True)
    print()
    for line in comparisons(measured):
        print(line)
    print(f"{rounds} rounds, {perf_counter() - started:.0f} s in all")
    return 0


def _parser() -> argparse.ArgumentParser:
    jobs = list_jobs(FULL)
    names = [*(job.name for job in jobs), *sorted({job.group for job in jobs if job.group})]
    parser = argparse.ArgumentParser(
        description=__doc__,
        usage="%(prog)s [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes, one round")
    add("--full", action="store_true", help="all jobs, including those of many minutes")
    add("--rounds", type=int, help="rounds of each job (3; with --quick 1)")
    add("--only", action="append", choices=names, help="a job, or a group of them; may be repeated")
    add(
        "--delay",
        action="append",
        type=int,
        metavar="MS",
        help="latency of each answer, in place of the jobs' own; may be repeated",
    )
    add(
        "--without",
        action="append",
        default=[],
        choices=("wandb", "fastest", "floor"),
        help="a side to leave out; may be repeated",
    )
    add("--python", help="interpreter that runs the side ours, in place of the current one")
    add(
        "--against",
        metavar="PYTHON",
        help="interpreter in whose environment another version is installed",
    )
    return parser


def _is_chosen(job: Job, only: list[str] | None, *, is_full: bool) -> bool:
    if only:
        return job.name in only or job.group in only
    return is_full or not job.is_heavy


if __name__ == "__main__":
    sys.exit(main())

"""How fast this package is, beside W&B's own SDK and a minimal implementation.

    python tools/bench.py [--quick] [--full] [--rounds N] [--only NAME ...]
                          [--delay MS ...] [--without SIDE ...] [--python P] [--against P]

Every piece of work is done in a process of its own, by each side in turn, against a server that
replays the local server's answers from memory. It prints medians, as a table in Markdown; see
docs/performance.md.

Two versions of this package are compared with `--against`, which takes the interpreter of an
environment that has the other one installed:

    python tools/bench.py --against ../old/.venv/bin/python --without wandb --without floor
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from benchmark.jobs import DELAYS, FULL, QUICK, at_delays, list_jobs
from benchmark.measure import Benchmark
from benchmark.table import comparisons, headings, row

if TYPE_CHECKING:
    from benchmark.jobs import Job
    from benchmark.measure import Measurements
    from benchmark.work import Side


def main(arguments: list[str] | None = None) -> int:
    """Measure, print."""
    chosen = _parser().parse_args(arguments)
    sizes = QUICK if chosen.quick else FULL
    rounds: int = chosen.rounds or (1 if chosen.quick else 5)
    pythons: dict[Side, str] = {"ours": chosen.python, "other": chosen.against}
    pythons = {side: python for side, python in pythons.items() if python}
    sides: list[Side] = [side for side in ("wandb", "ours", "floor") if side not in chosen.without]
    if chosen.against:
        sides.append("other")
    jobs = [job for job in list_jobs(sizes) if _is_chosen(job, chosen.only, is_full=chosen.full)]
    if chosen.delay:
        jobs = at_delays(jobs, chosen.delay)
    measured: dict[str, Measurements] = {}
    started = perf_counter()
    columns = headings(sides)
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    delays = list(dict.fromkeys(chosen.delay or DELAYS))
    with Benchmark(sizes, delays=delays, sides=sides, pythons=pythons) as benchmark:
        for job in jobs:
            measured[job.name] = benchmark.measure(job, rounds, is_full=chosen.full)
            print(row(job, measured[job.name], sides), flush=True)
    print()
    for line in comparisons(measured):
        print(line)
    print(f"{rounds} rounds, {perf_counter() - started:.0f} s in all")
    return 0


def _parser() -> argparse.ArgumentParser:
    names = [job.name for job in list_jobs(FULL)]
    parser = argparse.ArgumentParser(
        description=__doc__,
        usage="%(prog)s [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes, one round")
    add("--full", action="store_true", help="all jobs, those of many minutes too")
    add("--rounds", type=int, help="rounds of each job (5; 1 when quick)")
    add("--only", action="append", choices=names, help="a job; may be repeated")
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
        choices=("wandb", "floor"),
        help="a side to leave out; may be repeated",
    )
    add("--python", help="the interpreter of this package's side, in place of the current one")
    add("--against", metavar="PYTHON", help="an interpreter with another version to compare with")
    return parser


def _is_chosen(job: Job, only: list[str] | None, *, is_full: bool) -> bool:
    return job.name in only if only else is_full or not job.is_heavy


if __name__ == "__main__":
    sys.exit(main())

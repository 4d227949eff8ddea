"""How fast this package is, beside W&B's own SDK and the least that the work can be.

    python tools/bench.py [--quick] [--full] [--rounds N] [--only NAME ...]

Every piece of work is done in a process of its own, by each side in turn, against a server that
replays the local server's answers from memory. It prints medians, as a table in Markdown; see
docs/performance.md.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from benchmark.jobs import FULL, QUICK, list_jobs
from benchmark.measure import Benchmark
from benchmark.table import HEADINGS, comparisons, row

if TYPE_CHECKING:
    from benchmark.jobs import Job
    from benchmark.measure import Measurements


def main() -> int:
    """Measure, print."""
    names = [job.name for job in list_jobs(FULL)]
    parser = argparse.ArgumentParser(description=__doc__, usage="%(prog)s [options]")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    parser.add_argument("--full", action="store_true", help="what takes many minutes, too")
    parser.add_argument("--rounds", type=int, help="rounds of each job (5; 1 when quick)")
    parser.add_argument("--only", action="append", choices=names, help="a job; may be repeated")
    chosen = parser.parse_args()
    sizes = QUICK if chosen.quick else FULL
    rounds: int = chosen.rounds or (1 if chosen.quick else 5)
    jobs = [job for job in list_jobs(sizes) if _is_chosen(job, chosen.only, is_full=chosen.full)]
    measured: dict[str, Measurements] = {}
    started = perf_counter()
    print(f"| {' | '.join(HEADINGS)} |")
    print("|---" * len(HEADINGS) + "|")
    with Benchmark(sizes) as bench:
        for job in jobs:
            measured[job.name] = bench.measure(job, rounds, is_full=chosen.full)
            print(row(job, measured[job.name]), flush=True)
    print()
    for line in comparisons(measured):
        print(line)
    print(f"{rounds} rounds, {perf_counter() - started:.0f} s in all")
    return 0


def _is_chosen(job: Job, only: list[str] | None, *, is_full: bool) -> bool:
    return job.name in only if only else is_full or not job.is_heavy


if __name__ == "__main__":
    sys.exit(main())

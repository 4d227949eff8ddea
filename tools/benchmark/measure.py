"""Runs the workers in turn against the replaying server."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Final, Self

from benchmark.link import Link
from benchmark.replayed import ReplayedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from benchmark.jobs import Job, Project, Sizes
    from benchmark.replay import Counts
    from benchmark.work import Report, Side, Task

__all__ = ["Benchmark", "BenchmarkError", "Measurement", "Measurements", "median_of"]

_MOST_RUNS: Final = 5

TIMEOUT: Final = 1800
"""Seconds after which a worker counts as stuck."""


class BenchmarkError(Exception):
    """The measurement is invalid: a worker failed, or the sides read different values."""


@dataclass(frozen=True)
class Measurement:
    """One run of a worker.

    Attributes:
        report: The report of the worker.
        wall: Seconds from the start of the process to its end.
        counts: The counts of the server meanwhile.
    """

    report: Report
    wall: float
    counts: Counts


Measurements = dict["Side", list[Measurement]]


def median_of(measured: list[Measurement], value: Callable[[Measurement], float]) -> float:
    """The median of a value over all rounds."""
    return median(map(value, measured))


class Benchmark:
    """Runs jobs of several sides against a server that replays answers.

    Args:
        sizes: Sizes of the projects; each is written when a job first reads it.
        links: The connections of the jobs; the server has a port for each.
        sides: The sides to measure, where a job has them.
        pythons: Interpreters of the sides that the current one does not run.

    Attributes:
        urls: The base URL for each link.
    """

    def __init__(
        self,
        sizes: Sizes,
        *,
        links: Iterable[Link] = (Link(),),
        sides: Collection[Side] = ("wandb", "fastest", "ours", "floor"),
        pythons: Mapping[Side, str] | None = None,
    ) -> None:
        self._sizes = sizes
        self._sides = sides
        self._pythons = pythons or {}
        self._written: set[Project] = set()
        self._server = ReplayedServer(links)
        self.urls: Mapping[Link, str] = self._server.urls

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def measure(self, job: Job, rounds: int, *, is_full: bool = False) -> Measurements:
        """Run a job once without measuring, so that every answer is recorded; then measure rounds.

        What is not measured waits for no latency and no bandwidth.

        Args:
            job: The job.
            rounds: Number of rounds; the order of sides rotates.
            is_full: Whether slow jobs of wandb are run in every round.

        Returns:
            Measurements of each side that is chosen and can do the job.

        Raises:
            BenchmarkError: The sides read different values, or an answer was not replayed.
        """
        if job.project not in self._written:
            self._sizes.write(self._server.store, job.project)
            self._written.add(job.project)
        sides: list[Side] = [side for side in job.sides if side in self._sides]
        check = len(sides) > 1 and not job.is_heavy
        recorded = replace(job, link=job.link.unhindered)
        digests = {side: self.run(recorded, side, check=check).report["digest"] for side in sides}
        if len(set(digests.values())) > 1:
            raise BenchmarkError(f"{job.name}: the sides read different values: {digests}")
        measured: Measurements = {side: [] for side in sides}
        for number in range(rounds):
            shift = number % len(sides)
            for side in (*sides[shift:], *sides[:shift]):
                if number and side == "wandb" and job.is_slow and not is_full:
                    continue
                measured[side].append(self._run_from_memory(job, side))
        return measured

    def _run_from_memory(self, job: Job, side: Side) -> Measurement:
        """Run a job once, with every answer replayed.

        Pages that are slow when they are recorded are not made larger, so that a quicker run asks
        for pages that are not recorded yet: then it is run again.
        """
        for _ in range(_MOST_RUNS):
            done = self.run(job, side)
            if not done.counts["missed"]:
                return done
        raise BenchmarkError(f"{job.name}: {side} sent a request that is not recorded")

    def run(self, job: Job, side: Side, *, check: bool = False) -> Measurement:
        """Run a job once.

        Raises:
            BenchmarkError: The worker failed.
        """
        task: Task = {
            "side": side,
            "kind": job.kind,
            "project": job.project,
            "format": job.format,
            "samples": job.samples,
            "per_page": job.per_page,
            "wide_keys": job.wide_keys,
            "join": job.join,
            "check": check,
        }
        url = self.urls[job.link]
        python = self._pythons.get(side)
        self._server.take()
        start = perf_counter()
        worker = subprocess.run(
            [python or sys.executable, "-m", "benchmark.worker", json.dumps(task)],
            env=self._server.environment(url, is_own=python is None),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        wall = perf_counter() - start
        if worker.returncode:
            raise BenchmarkError(f"{job.name}: {side} failed:\n{worker.stderr}")
        return Measurement(json.loads(worker.stdout.splitlines()[-1]), wall, self._server.take())

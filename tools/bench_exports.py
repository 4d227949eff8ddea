"""Measure exports of whole projects: one process, workers of Dask, and an unchanged night.

    python tools/bench_exports.py [--runs N ...] [--workers N ...] [--rows N] [--delay MS]
                                  [--runs-per-part N]

Finished runs of 5 metrics are written to a store. Each export runs in a fresh process against a
server that replays the local server's answers, with the latency added to each answer: into an
empty folder by one process, into the same folder again, and into an empty folder by so many worker
processes. What is asked for first is answered by the local server in a run that is not measured.
The command prints a table in Markdown; see docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmark.link import Link
from benchmark.projects import write_histories
from benchmark.replayed import ReplayedServer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmark.exporting import ExportReport, ExportTask
    from benchmark.replay import Counts

TIMEOUT: Final = 3600
_MOST_EXPORTS: Final = 5
MEGABYTE: Final = 10**6
HEADINGS: Final = (
    "runs",
    "export",
    "s",
    "ms a run",
    "requests",
    "MB received",
    "MB written",
    "peak MB",
    "peak MB of each worker",
    "replay %",
)


class Exports(NamedTuple):
    """What is measured.

    Attributes:
        server: The servers.
        link: The connection.
        per_part: Runs of a file at most.
    """

    server: ReplayedServer
    link: Link
    per_part: int

    def measure(self, project: str, runs: int, workers: int, name: str, *, again: bool) -> None:
        """Export once, and print a row of the table."""
        folder = self.server.folder / "dataset"
        for _ in range(_MOST_EXPORTS):
            if not again:
                shutil.rmtree(folder, ignore_errors=True)
            report, counts = self.export(project, folder, workers, self.link)
            # Pages grow where answers come fast: a quicker run asks for pages that are new.
            if not counts["missed"]:
                break
        else:
            raise RuntimeError(f"{project}: requests were not recorded")
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        cells = [
            f"{runs:,}",
            name,
            f"{report['seconds']:.2f}",
            f"{report['seconds'] / runs * 1000:.2f}",
            f"{counts['requests']:,}",
            f"{counts['sent'] / MEGABYTE:.1f}",
            f"{size / MEGABYTE:.1f}",
            f"{report['peak'] / MEGABYTE:.0f}, {report['before'] / MEGABYTE:.0f} before",
            " / ".join(f"{each / MEGABYTE:.0f}" for each in report["workers"]),
            f"{counts['cpu'] / report['seconds'] * 100:.1f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)

    def record(self, project: str, workers: int) -> None:
        """Export once, so that each answer is there, without latency."""
        folder = self.server.folder / "recorded"
        shutil.rmtree(folder, ignore_errors=True)
        self.export(project, folder, workers, self.link.unhindered)

    def export(
        self, project: str, folder: Path, workers: int, link: Link
    ) -> tuple[ExportReport, Counts]:
        """Export in a process of its own."""
        task: ExportTask = {
            "project": project,
            "folder": str(folder),
            "workers": workers,
            "runs": self.per_part,
        }
        self.server.take()
        done = subprocess.run(
            [sys.executable, "-m", "benchmark.exporting", json.dumps(task)],
            env=self.server.environment(self.server.urls[link]),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the export of {project} failed:\n{done.stderr}")
        report: ExportReport = json.loads(done.stdout.splitlines()[-1])
        return report, self.server.take()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table."""
    chosen = _parser().parse_args(arguments)
    link = Link(chosen.delay)
    server = ReplayedServer([link])
    try:
        exports = Exports(server, link, chosen.runs_per_part)
        print(
            f"{chosen.rows} rows a run, 5 metrics, {chosen.runs_per_part:,} runs a file, ", end=""
        )
        print(f"{link.title}\n\n| {' | '.join(HEADINGS)} |")
        print("|---" * len(HEADINGS) + "|")
        notes: list[str] = []
        for runs in chosen.runs or (1_000,):
            project = f"export-{runs}"
            start = perf_counter()
            write_histories(server.store, project, runs, chosen.rows)
            notes.append(f"{project}: written in {perf_counter() - start:.0f} s")
            start = perf_counter()
            exports.record(project, 0)
            exports.measure(project, runs, 0, "one process", again=False)
            exports.measure(project, runs, 0, "the same folder, unchanged", again=True)
            for workers in chosen.workers if chosen.workers is not None else (1, 2, 4):
                # What workers ask for follows from the files, not from how many workers there are.
                if workers:
                    exports.record(project, workers)
                    name = f"{workers} workers" if workers > 1 else "1 worker"
                    exports.measure(project, runs, workers, name, again=False)
            notes.append(f"{project}: measured in {perf_counter() - start:.0f} s")
    finally:
        server.close()
    print("", *notes, sep="\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--runs", action="append", type=int, help="runs of a project (1000); may be repeated")
    add("--workers", nargs="*", type=int, help="worker processes, one row for each (1 2 4)")
    add("--rows", type=int, default=200, help="rows of a run (200)")
    add("--delay", type=int, default=20, help="milliseconds added to each answer (20)")
    add("--runs-per-part", type=int, default=1_000, help="runs of a file at most (1000)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

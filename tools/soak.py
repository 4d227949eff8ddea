"""A soak test: is anything lost or repeated while runs change and the server fails?

    python tools/soak.py [--minutes N] [--readers N] [--rate R] [--seed N] [--markdown FILE]

Threads that share one `Api` read a project through every reading method, while runs are created,
changed and deleted. The local server runs in a separate process and fails one answer in five. The
results of each pass are compared with the runs that existed during it, and at the end everything is
read once more without changes and faults. For a tenth of the time after that, a project at rest is
read while signals and other threads raise exceptions in the reading thread. The command prints a
table, after Ctrl-C as well. It exits with 1 if a run or row was lost or repeated, if an error was
raised that the faults do not explain, or if sockets stayed open.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from soaking.churn import ENTITY, Churn
from soaking.findings import Findings
from soaking.interrupts import INTERRUPTS
from soaking.ledger import Ledger
from soaking.readers import FILTERS, KINDS, ORDERS, Listing, Reader
from soaking.server import ServerProcess
from soaking.table import Usage, as_markdown, is_success, list_figures, print_figures
from soaking.usage import memory, open_sockets
from wandb_runs import Api
from wandb_runs.testing import log_run
from wandb_runs.transport.options import MAX_CONCURRENCY

if TYPE_CHECKING:
    from soaking.server import Counts

RUNS: Final = 120
INTERRUPTED: Final = "interrupted"
PAUSE: Final = 0.03
"""Seconds between two changes of runs: short enough for dozens of them during one listing."""


class Soak:
    """The load: threads that read the project, and one that changes it.

    Args:
        api: The client that all readers share.
        server: The server that is read and changed.
        readers: Number of reading threads.
        seed: Seed of the random generators.

    Attributes:
        findings: Counts and problems.
        most_sockets: The largest number of open sockets that was seen.
        early_memory: Resident memory in bytes after a tenth of the time.
    """

    def __init__(self, api: Api, server: ServerProcess, readers: int, seed: int) -> None:
        self.findings = Findings()
        self.most_sockets = open_sockets()
        self.early_memory: int | None = None
        self._stopped = threading.Event()
        self._server = server
        ledger = Ledger()
        self._churn = Churn(server.url, ledger, self.findings, self._stopped, runs=RUNS, seed=seed)
        self._readers = [
            Reader(api, ledger, self.findings, self._stopped, seed=seed + number)
            for number in range(1, readers + 1)
        ]

    def run(self, seconds: float) -> bool:
        """Read for a number of seconds, or until Ctrl-C; return whether that did not come."""
        threads: list[threading.Thread] = []
        try:
            self._churn.fill()
            url = self._server.url
            print(f"reading from {url} for {seconds:g} s; Ctrl-C ends it", flush=True)
            threads.append(threading.Thread(target=self._churn.run, args=[PAUSE]))
            threads += [threading.Thread(target=reader.run) for reader in self._readers]
            for thread in threads:
                thread.start()
            self._sample_usage(seconds)
            self._stop(threads)
            self._server.recover()
            self._stopped.clear()
            self._read_unchanged()
        except KeyboardInterrupt:
            self._stop(threads)
            return False
        return True

    def _sample_usage(self, seconds: float) -> None:
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            self._stopped.wait(min(1, left, seconds / 10))
            now = open_sockets()
            if now is not None:
                self.most_sockets = max(now, self.most_sockets or 0)
            if self.early_memory is None and left < seconds * 0.9:
                self.early_memory = memory()

    def _stop(self, threads: list[threading.Thread]) -> None:
        self._stopped.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()

    def _read_unchanged(self) -> None:
        """Read by every method and in every order once more, without changes and faults."""
        filters, fits = FILTERS[0]
        for order in ORDERS:
            for kind in KINDS:
                self._readers[0].read(Listing(kind, filters, fits, order, per_page=50))


def interrupt_readers(url: str, seconds: float, seed: int, findings: Findings) -> None:
    """Read a project at rest under interrupts, in a process whose main thread can have them."""
    for number in range(23):
        log_run(
            url,
            ENTITY,
            INTERRUPTED,
            f"r{number:02}",
            config={"lr": number},
            history=[{"loss": number * 7 % 23 + step} for step in range(7)],
        )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "soaking.interrupts",
            url,
            f"{ENTITY}/{INTERRUPTED}",
            str(seconds),
            str(seed),
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        findings.problem("under interrupts", f"{done.stdout}\n{done.stderr}")
        return
    counts: dict[str, int] = json.loads(done.stdout)
    for kind in INTERRUPTS:
        findings.interrupts[kind.__name__] += counts.get(kind.__name__, 0)


def main() -> int:
    """Run the test and print its table; return 1 if a check failed."""
    parser = argparse.ArgumentParser(description=__doc__, usage="%(prog)s [options]")
    parser.add_argument("--minutes", type=float, default=10, help="minutes of reading (10)")
    parser.add_argument("--readers", type=int, default=4, help="number of reading threads (4)")
    parser.add_argument(
        "--rate", type=float, default=0.2, help="fraction of the answers that fail (0.2)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random generators (0)")
    parser.add_argument("--markdown", type=Path, help="file to write the table to, in Markdown")
    chosen = parser.parse_args()
    readers: int = max(1, chosen.readers)
    with ServerProcess(chosen.rate, chosen.seed) as server, warnings.catch_warnings():
        warnings.simplefilter("always")
        findings, counts, usage = _soak(server, readers, chosen.minutes * 60, chosen.seed)
    figures = list_figures(findings, counts, usage)
    print_figures(figures, findings, usage)
    if chosen.markdown is not None:
        chosen.markdown.write_text(as_markdown(figures), encoding="utf-8")
    return int(not is_success(findings, usage))


def _soak(
    server: ServerProcess, readers: int, seconds: float, seed: int
) -> tuple[Findings, Counts, Usage]:
    import_module("polars")  # imported first, so that its memory is not counted as that of reading
    # Opens the connection that `log_run` keeps, so that it is not counted as a leak.
    log_run(server.url, ENTITY, "another", "r1")
    sockets, start_memory, begin = open_sockets(), memory(), monotonic()
    with Api(base_url=server.url, api_key="any", timeout=30) as api:
        soak = Soak(api, server, readers, seed)
        # `catch_warnings(record=True)` would keep every warning in memory.
        warnings.showwarning = soak.findings.show_warning
        is_whole = soak.run(seconds)
        idle = open_sockets()
        soak.findings.count("retries", api.stats.retries)
    counts, took = server.counts(), monotonic() - begin
    gc.collect()
    usage = Usage(
        seconds=took,
        memory=(start_memory, soak.early_memory, memory()),
        sockets=(sockets, idle, open_sockets()),
        most_sockets=soak.most_sockets,
        sockets_wanted=readers * MAX_CONCURRENCY,
    )
    if is_whole and hasattr(signal, "setitimer"):  # Windows has none
        interrupt_readers(server.url, seconds / 10, seed, soak.findings)
    return soak.findings, counts, usage


if __name__ == "__main__":
    sys.exit(main())

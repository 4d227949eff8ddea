"""A local server with random faults in a separate process: `python -m soaking.server RATE SEED`.

The process prints the server's URL. For each line on its standard input it prints its counts so
far; the line `recover` also removes all faults. The process ends at the end of its standard input.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypedDict

from typing_extensions import override

from wandb_runs.testing import (
    BadGzip,
    BareErrors,
    Empty,
    Fault,
    Html,
    LocalServer,
    NullData,
    PartialData,
    RateLimited,
    Reset,
    ShortPages,
    Slow,
    Status,
    Truncate,
)

if TYPE_CHECKING:
    from wandb_runs.local.faults import Answering
    from wandb_runs.testing import Answer, GraphQLRequest

__all__ = ["FAULTS", "Counts", "ServerProcess"]

FAULTS: Final[tuple[Fault, ...]] = (
    Reset(),
    Truncate(at=0),
    Truncate(at=200),
    Truncate(at=200, whole_http=True),
    BadGzip(),
    Empty(),
    NullData(),
    Slow(0.3),
    RateLimited(after=0),
    RateLimited(after=0.3),
    RateLimited(after=None, reset=0.2, remaining=0),
    RateLimited(after="soon"),
    BareErrors("rate limit exceeded"),
    BareErrors("rate limit exceeded", form="error"),
    PartialData("a shard is down"),
    Html(status=200),
    Html(status=500),
    Html(status=502),
    Html(status=503),
    Html(status=504),
    Status(408),
    ShortPages(first=2),
)
"""Faults after which a client can continue."""

_CHURN: Final = "FindRun"
"""The one query that changing runs sends and reading them does not."""

_TOOLS: Final = Path(__file__).parents[1]


class Counts(TypedDict):
    """Counts of the server process.

    Attributes:
        requests: Queries of readers.
        faults: Applied faults, by class.
    """

    requests: int
    faults: dict[str, int]


class _Counter:
    """Counts requests and faults; a server itself keeps only the most recent ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def read(self) -> Counts:
        with self._lock:
            faults = dict(self._counts)
        return {"requests": faults.pop("", 0), "faults": faults}


@dataclass(frozen=True, eq=False)
class _Counted(Fault):
    """Wraps a fault, or none, and counts the requests of readers that it applies to."""

    counter: _Counter
    fault: Fault | None = None

    @override
    def concerns(self, request: GraphQLRequest) -> bool:
        return request.operation != _CHURN and (self.fault is None or self.fault.concerns(request))

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        if self.fault is None:
            self.counter.count("")
            return answer(request)
        self.counter.count(type(self.fault).__name__)
        return self.fault.strike(request, answer)


class ServerProcess:
    """Starts and controls the server process.

    Args:
        rate: Fraction of the answers that fail, from 0 to 1.
        seed: Seed of the random generator that chooses the faults.

    Attributes:
        url: Base URL of the server.

    Raises:
        RuntimeError: The process did not start; its standard error says why.
    """

    url: str

    def __init__(self, rate: float, seed: int) -> None:
        paths = [str(_TOOLS), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "soaking.server", str(rate), str(seed)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # it ends with its standard input

    def counts(self) -> Counts:
        """The counts so far."""
        return self._ask("counts")

    def recover(self) -> Counts:
        """Remove all faults, and return the counts."""
        return self._ask("recover")

    def _ask(self, word: str) -> Counts:
        if self._process.stdin is None:
            raise AssertionError("the process has no pipe")
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        counts: Counts = json.loads(self._read())
        return counts

    def _read(self) -> str:
        if self._process.stdout is None:
            raise AssertionError("the process has no pipe")
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"the server ended with status {self._process.wait()}")
        return line


def _serve(rate: float, seed: int) -> None:
    # Ctrl-C reaches all processes of a terminal; this one must still report its counts.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    counter = _Counter()
    with LocalServer() as server:
        failing = [_Counted(counter, fault) for fault in FAULTS]
        server.fail_at_random(failing, rate=rate, seed=seed)
        server.fail_always(_Counted(counter))
        print(server.url, flush=True)
        for line in sys.stdin:
            if line.strip() == "recover":
                server.recover()
                server.fail_always(_Counted(counter))
            print(json.dumps(counter.read()), flush=True)


if __name__ == "__main__":
    _serve(float(sys.argv[1]), int(sys.argv[2]))

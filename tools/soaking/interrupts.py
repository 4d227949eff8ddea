"""Reads a project while exceptions come at any instruction, as Ctrl-C and time limits raise them.

    PYTHONPATH=tools python -m soaking.interrupts URL PROJECT SECONDS SEED

After each of them the same loop goes on. In the end it must have given each run once, and no
exception may have shown the key, whatever its kind.
"""

from __future__ import annotations

import base64
import ctypes
import faulthandler
import gc
import json
import random
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Literal, Protocol

from soaking.usage import open_sockets
from wandb_runs import Api, WandbRunsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from wandb_runs import Runs

__all__ = [
    "HEADER",
    "INTERRUPTS",
    "KEY",
    "ByThread",
    "Interrupter",
    "Storm",
    "TimeLimitError",
    "by_signal",
    "secrets_in",
]

KEY: Final = "canary-0123456789abcdef0123456789abcdef01"
HEADER: Final = "canary-header-of-a-gateway"
SECRETS: Final = (KEY, base64.b64encode(f"api:{KEY}".encode()).decode(), HEADER)
MAX_CONCURRENCY: Final = 4
LONGEST_WAIT: Final = 40.0
"""Seconds without progress after which the process is ended: something hangs."""


class TimeLimitError(Exception):
    """What the time limits of task queues raise: no `BaseException` that `except` would pass."""


INTERRUPTS: Final = (KeyboardInterrupt, TimeLimitError, SystemExit, MemoryError)


class Interrupter(Protocol):
    """Raises an exception in the calling thread while it works."""

    def __call__(
        self, work: Callable[[], object], kind: type[BaseException], delay: float
    ) -> BaseException | None:
        """Call a function; return what interrupted it.

        Args:
            work: The function.
            kind: What to raise.
            delay: After how many seconds.
        """
        ...


def by_signal(
    work: Callable[[], object], kind: type[BaseException], delay: float
) -> BaseException | None:
    """Interrupt the main thread by a signal, whose handler raises."""

    def interrupt(*_: object) -> None:
        raise kind

    try:
        signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            work()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            # A signal that came just before would be raised in the next call, as another kind.
            signal.pthread_sigmask(signal.SIG_BLOCK, ())
    except INTERRUPTS as error:
        return error
    return None


class ByThread:
    """Interrupts the thread that it is made in from another one, as some time limits do."""

    def __init__(self) -> None:
        self._thread = ctypes.c_ulong(threading.get_ident())
        self._turn = threading.Lock()
        self._number = 0
        self._wanted: SimpleQueue[tuple[int, type[BaseException], float]] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def __call__(
        self, work: Callable[[], object], kind: type[BaseException], delay: float
    ) -> BaseException | None:
        """Call a function; return what interrupted it."""
        found: BaseException | None = None
        self._wanted.put((self._number, kind, delay))
        try:
            work()
        except kind as error:
            found = error
        while True:
            try:
                with self._turn:
                    self._number += 1
                for _ in range(9):  # what was raised before comes now
                    pass
            except kind as error:
                found = found or error
            else:
                return found

    def _work(self) -> None:
        raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        while True:
            number, kind, delay = self._wanted.get()
            time.sleep(delay)
            with self._turn:
                if number == self._number:
                    raise_in(self._thread, ctypes.py_object(kind))


Method = Literal["loop", "pages", "batches", "scan", "histories", "count", "touch"]
METHODS: Final[tuple[Method, ...]] = (
    "loop", "pages", "batches", "scan", "histories", "count", "touch",
)  # fmt: skip
ORDERS: Final = ("+created_at", "-created_at", "+name", "-summary_metrics.loss")


class Storm:
    """Reads a project that does not change, under interrupts.

    Args:
        url: The server.
        path: The project.
        seed: Of the random choices.

    Attributes:
        counts: Interrupts by kind, passes by method, errors by class.
        problems: What went wrong.
    """

    def __init__(self, url: str, path: str, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self._random = random.Random(seed)  # noqa: S311 - of a test
        self._path = path
        # Made once without interrupts: an import that is broken off is Python's own affair.
        self._api = Api(
            base_url=url,
            api_key=KEY,
            headers={"x-gateway": HEADER},
            timeout=30,
            max_concurrency=MAX_CONCURRENCY,
        )
        self._right = {
            (method, order): self._read(method, self._runs(order, 50))
            for method in METHODS
            for order in ORDERS
        }

    def run(self, seconds: float, interrupter: Interrupter) -> None:
        """Read for a number of seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.problems:
            method, order = self._random.choice(METHODS), self._random.choice(ORDERS)
            per_page = self._random.randint(1, 9)
            found = self._read(method, self._runs(order, per_page), interrupter)
            self.counts[f"passes: {method}"] += 1
            if found != self._right[method, order]:
                self.problems.append(
                    f"{method} in the order {order!r}, {per_page} a page, gave {found!r}, expected "
                    f"{self._right[method, order]!r}"
                )
        faulthandler.cancel_dump_traceback_later()

    def finish(self) -> None:
        """Look for what was left: slots, threads and sockets."""
        faulthandler.dump_traceback_later(LONGEST_WAIT, exit=True)
        self._runs("+created_at", 1).histories(keys=["loss"])
        for thread in threading.enumerate():
            if thread.name.startswith("wandb-runs"):
                thread.join(20)
                if thread.is_alive():
                    self.problems.append(f"{thread} still runs")
        gc.collect()  # what interrupted a request may hold its socket, in a circle
        idle = open_sockets()
        self._api.close()
        gc.collect()
        if (left := open_sockets()) or (idle or 0) > MAX_CONCURRENCY:
            self.problems.append(f"{idle} sockets were open when idle, {left} when closed")
        faulthandler.cancel_dump_traceback_later()

    def _runs(self, order: str, per_page: int) -> Runs:
        return self._api.runs(self._path, order=order, per_page=per_page)

    def _read(
        self, method: Method, runs: Runs, interrupter: Interrupter | None = None
    ) -> list[object]:
        found: list[object] = []
        if method == "loop":
            self._drain(iter(runs), found.append, interrupter)
            return [run.id for run in found]  # type: ignore[attr-defined] # runs
        if method == "pages":
            self._drain(runs.pages(), found.append, interrupter)
            return [run.id for page in found for run in page]  # type: ignore[attr-defined] # pages
        if method == "batches":
            self._drain(runs.iter_histories(keys=["loss"]), found.append, interrupter)
            return [row for batch in found for row in batch]  # type: ignore[attr-defined] # batches
        if method == "scan":
            self._drain(runs[0].scan_history(page_size=2), found.append, interrupter)
            return found
        whole: Callable[[], object] = {
            "histories": lambda: runs.histories(keys=["loss"]),
            "count": lambda: len(runs),
            "touch": lambda: [(run.config, run.summary, run.created_at) for run in runs],
        }[method]
        self._repeat(lambda: found.append(whole()), interrupter, until=lambda: bool(found))
        return found[:1]

    def _drain(
        self,
        loop: Iterable[object],
        keep: Callable[[object], None],
        interrupter: Interrupter | None,
    ) -> None:
        is_done: list[bool] = []

        def work() -> None:
            for item in loop:
                keep(item)
            is_done.append(True)

        self._repeat(work, interrupter, until=lambda: bool(is_done))

    def _repeat(
        self,
        work: Callable[[], object],
        interrupter: Interrupter | None,
        *,
        until: Callable[[], bool],
    ) -> None:
        """Call a function until it came to its end."""
        if interrupter is None:
            work()
            return
        longer = 1.0
        while not until():
            faulthandler.dump_traceback_later(LONGEST_WAIT, exit=True)
            # They come at any moment of a request; on a slow machine the last ones come later.
            delay = self._random.choice((0.0005, 0.002, 0.01, 0.05)) * self._random.random() + 1e-5
            delay *= longer
            longer = min(longer * 1.1, 100)
            kind = self._random.choice(INTERRUPTS)
            try:
                found = interrupter(work, kind, delay)
            except WandbRunsError as error:
                self.counts[f"errors: {type(error).__name__}: {error}"] += 1
            except BaseException as error:  # noqa: BLE001 - reported
                text = "".join(traceback.format_exception(error))
                self.problems.append(f"{type(error).__name__} after an interrupt\n{text}")
                return
            else:
                if found is not None:
                    self.counts[kind.__name__] += 1
                    self.problems += secrets_in(found)
                    if self.problems:
                        return


def secrets_in(error: BaseException) -> Iterator[str]:
    """Where an exception, or one of its contexts, shows a secret."""
    seen, left = set[int](), [error]
    while left:
        each = left.pop()
        seen.add(id(each))
        left += [
            other
            for other in (each.__cause__, each.__context__)
            if other is not None and id(other) not in seen
        ]
        yield from _secrets_below(each.__traceback__)


def _secrets_below(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in traceback.walk_tb(trace):
        if frame.f_code.co_filename == __file__:
            continue
        for name, value in list(frame.f_locals.items()):
            text = ""
            with suppress(Exception):  # half made
                text = repr(value)
            if any(secret in text for secret in SECRETS):
                code = frame.f_code
                yield f"{code.co_filename}:{line} {code.co_name} shows a secret in {name}"


def _count(url: str, seconds: float, seed: int) -> int:
    """Count runs under interrupts, of a server that answers nothing else.

    In the end count `together` in as many threads as may be under way at once: the server answers
    when all are.
    """
    chosen, counts = random.Random(seed), Counter[str]()  # noqa: S311 - of a test
    api = Api(base_url=url, api_key=KEY, timeout=30, max_concurrency=MAX_CONCURRENCY)
    len(api.runs("team/p"))
    for interrupter in (by_signal, ByThread()):
        end = time.monotonic() + seconds / 2
        while time.monotonic() < end:
            faulthandler.dump_traceback_later(LONGEST_WAIT, exit=True)
            found = interrupter(
                lambda: len(api.runs("team/p")),
                chosen.choice(INTERRUPTS),
                chosen.random() * 0.004 + 1e-5,
            )
            if found is not None:
                counts[type(found).__name__] += 1
                for problem in secrets_in(found):
                    print(f"seed {seed}: {problem}", file=sys.stderr)
                    return 1

    found_together: list[int] = []
    threads = [
        threading.Thread(target=lambda: found_together.append(len(api.runs("together/p"))))
        for _ in range(MAX_CONCURRENCY)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps({**counts, "together": len(found_together)}))
    return 0


def main(arguments: Sequence[str]) -> int:
    """Read under both kinds of interrupts, print the counts; return 1 if a check failed."""
    url, path, seconds, seed = arguments
    if path == "--count":
        return _count(url, float(seconds), int(seed))
    swallowed: Counter[str] = Counter()
    sys.unraisablehook = lambda told: swallowed.update([f"swallowed in {told.object!r:.60}"])
    storm = Storm(url, path, int(seed))
    for interrupter in (by_signal, ByThread()):
        storm.run(float(seconds) / 2, interrupter)
    storm.finish()
    print(json.dumps({**storm.counts, **swallowed}))
    for problem in storm.problems:
        print(f"seed {seed}: {problem}", file=sys.stderr)
    return int(bool(storm.problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

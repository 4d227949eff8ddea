"""The history of the project: what readers are checked against."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

__all__ = ["Condition", "Fits", "Ledger", "Record", "Window"]


class Condition(NamedTuple):
    """The state of a run at some time.

    Attributes:
        state: Its state.
        rows: How many rows its history had.
        loss: The loss of the last one; None without any.
    """

    state: str
    rows: int
    loss: float | None


Fits: TypeAlias = "Callable[[Condition], bool]"
"""Whether a run in this condition fits a filter."""


@dataclass
class Record:
    """A run.

    Attributes:
        number: How many runs were created before it; its config holds it.
        losses: The losses of all rows that it ever logged, or is about to.
        phases: From when on which conditions were possible. While a request is under way the old
            and the new one are; None stands for a run that is not there.
    """

    number: int
    losses: list[float] = field(default_factory=list[float])
    phases: list[tuple[int, frozenset[Condition | None]]] = field(
        default_factory=list[tuple[int, frozenset[Condition | None]]]
    )

    def possible(self, begin: int, end: float) -> set[Condition | None]:
        """The conditions in which it may have been at any time from one moment to another."""
        starts = [*self.phases, (inf, frozenset[Condition | None]())]
        return {
            condition
            for (since, conditions), (until, _) in pairwise(starts)
            if since <= end and until > begin
            for condition in conditions
        }


class Window:
    """The time in which something was read: from when it was opened to when it was closed.

    Attributes:
        begin: The moment before the first request.
        end: The moment after the last; without an end as long as it is open.
    """

    def __init__(self, ledger: Ledger, begin: int) -> None:
        self._ledger = ledger
        self.begin = begin
        self.end: float = inf

    def close(self) -> None:
        """End it, so that the runs present throughout are determined."""
        self.end = self._ledger.tick()

    def there_throughout(self, fits: Fits) -> dict[str, Record]:
        """The runs that were there and fitted a filter all the time, in the order of creation."""

        def stayed(record: Record) -> bool:
            conditions = record.possible(self.begin, self.end)
            return bool(conditions) and all(each is not None and fits(each) for each in conditions)

        return {run_id: record for run_id, record in self._ledger.records() if stayed(record)}

    def record(self, run_id: str) -> Record | None:
        """The record of a run."""
        return self._ledger.find(run_id)

    def conditions(self, run_id: str) -> list[Condition]:
        """How a run may have been meanwhile; none for one that cannot have been there."""
        record = self.record(run_id)
        possible = (
            set[Condition | None]() if record is None else record.possible(self.begin, self.end)
        )
        return [condition for condition in possible if condition is not None]


class Ledger:
    """Records each run from before its creation until no reader can have seen it.

    Moments are increasing numbers. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moment = 0
        self._records: dict[str, Record] = {}
        self._open: set[Window] = set()

    def tick(self) -> int:
        """The next moment."""
        with self._lock:
            self._moment += 1
            return self._moment

    @contextmanager
    def watch(self) -> Generator[Window]:
        """Open a window, and forget no run that may be seen through it.

        The reader closes it once all has been read; after a failure it stays open.
        """
        with self._lock:
            self._moment += 1
            window = Window(self, self._moment)
            self._open.add(window)
        try:
            yield window
        finally:
            with self._lock:
                self._open.remove(window)

    @contextmanager
    def changing(
        self, run_id: str, to: Condition | None, *, passing: Iterable[Condition] = ()
    ) -> Generator[None]:
        """Note a change while it is made.

        When the change fails, it is unknown whether it was made, and both stay possible.

        Args:
            run_id: The run.
            to: How the run will be; None for one that is deleted.
            passing: How it may be on the way there.
        """
        record = self._records[run_id]
        old = record.phases[-1][1] if record.phases else frozenset({None})
        self._note(record, old | {to, *passing})
        yield
        self._note(record, frozenset({to}))

    def _note(self, record: Record, conditions: frozenset[Condition | None]) -> None:
        with self._lock:
            self._moment += 1
            record.phases.append((self._moment, conditions))

    def add(self, run_id: str, record: Record) -> None:
        """Enter a run that is about to be created."""
        with self._lock:
            self._records[run_id] = record

    def find(self, run_id: str) -> Record | None:
        """The record of a run."""
        return self._records.get(run_id)

    def records(self) -> list[tuple[str, Record]]:
        """All runs that are remembered, in the order of their creation."""
        with self._lock:
            return list(self._records.items())

    def forget(self) -> None:
        """Forget the runs that were gone before any open window was opened."""
        with self._lock:
            oldest = min((window.begin for window in self._open), default=self._moment)
            gone = frozenset({None})
            for run_id, record in list(self._records.items()):
                since, conditions = record.phases[-1] if record.phases else (inf, gone)
                if conditions == gone and since < oldest:
                    del self._records[run_id]

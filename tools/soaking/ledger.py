"""Which runs existed when, and in which state: what readers are checked against."""

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
    """A run at one moment.

    Attributes:
        state: Its state, such as `finished`.
        rows: The number of rows in its history.
        loss: The loss in the last row; None without rows.
    """

    state: str
    rows: int
    loss: float | None


Fits: TypeAlias = "Callable[[Condition], bool]"
"""Whether a run in this condition matches a filter."""


@dataclass
class Record:
    """A run and all its conditions.

    Attributes:
        number: The number of runs created before it, which is also its seed in the config.
        losses: The losses of all rows that it logged or is about to log.
        phases: Pairs of a moment and the conditions possible from then on. While a request is in
            flight, both the old and the new condition are possible. None is a run that does not
            exist.
    """

    number: int
    losses: list[float] = field(default_factory=list[float])
    phases: list[tuple[int, frozenset[Condition | None]]] = field(
        default_factory=list[tuple[int, frozenset[Condition | None]]]
    )

    def possible(self, begin: int, end: float) -> set[Condition | None]:
        """All conditions that the run may have had between two moments."""
        starts = [*self.phases, (inf, frozenset[Condition | None]())]
        return {
            condition
            for (since, conditions), (next_since, _) in pairwise(starts)
            if since <= end and next_since > begin
            for condition in conditions
        }


class Window:
    """The time span of one read.

    Attributes:
        begin: The moment before the first request.
        end: The moment after the last request; infinite while the window is open.
    """

    def __init__(self, ledger: Ledger, begin: int) -> None:
        self._ledger = ledger
        self.begin = begin
        self.end: float = inf

    def close(self) -> None:
        """Set the end, which determines the runs present throughout."""
        self.end = self._ledger.tick()

    def present_throughout(self, fits: Fits) -> dict[str, Record]:
        """The runs that existed and matched a filter all the time, in the order of creation."""

        def stayed(record: Record) -> bool:
            conditions = record.possible(self.begin, self.end)
            return bool(conditions) and all(each is not None and fits(each) for each in conditions)

        return {run_id: record for run_id, record in self._ledger.records() if stayed(record)}

    def record(self, run_id: str) -> Record | None:
        """The record of a run, or None."""
        return self._ledger.find(run_id)

    def conditions(self, run_id: str) -> list[Condition]:
        """The conditions that a run may have had in the window; empty if it cannot have existed."""
        record = self.record(run_id)
        possible = (
            set[Condition | None]() if record is None else record.possible(self.begin, self.end)
        )
        return [condition for condition in possible if condition is not None]


class Ledger:
    """Records each run from before its creation until no open window can include it.

    Moments are increasing integers. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moment = 0
        self._records: dict[str, Record] = {}
        self._open: set[Window] = set()

    def tick(self) -> int:
        """Advance to the next moment and return it."""
        with self._lock:
            self._moment += 1
            return self._moment

    @contextmanager
    def open_window(self) -> Generator[Window]:
        """Open a window, and keep the records of all runs that it may include.

        The reader sets its end after the last request; after an error the window has no end.
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
        self, run_id: str, to: Condition | None, *, intermediate: Iterable[Condition] = ()
    ) -> Generator[None]:
        """Record a change around the request that makes it.

        If the request fails, the outcome is unknown, and both conditions stay possible.

        Args:
            run_id: The run.
            to: The condition after the change; None if the run is deleted.
            intermediate: Conditions that readers may see during the request.
        """
        record = self._records[run_id]
        old = record.phases[-1][1] if record.phases else frozenset({None})
        self._note(record, old | {to, *intermediate})
        yield
        self._note(record, frozenset({to}))

    def _note(self, record: Record, conditions: frozenset[Condition | None]) -> None:
        with self._lock:
            self._moment += 1
            record.phases.append((self._moment, conditions))

    def add(self, run_id: str, record: Record) -> None:
        """Add the record of a run that is about to be created."""
        with self._lock:
            self._records[run_id] = record

    def find(self, run_id: str) -> Record | None:
        """The record of a run, or None."""
        return self._records.get(run_id)

    def records(self) -> list[tuple[str, Record]]:
        """The records of all runs, in the order of creation."""
        with self._lock:
            return list(self._records.items())

    def forget(self) -> None:
        """Remove the records of runs that were deleted before every open window began."""
        with self._lock:
            oldest = min((window.begin for window in self._open), default=self._moment)
            gone = frozenset({None})
            for run_id, record in list(self._records.items()):
                since, conditions = record.phases[-1] if record.phases else (inf, gone)
                if conditions == gone and since < oldest:
                    del self._records[run_id]

"""Counts of what all threads read, and the problems that they found."""

from __future__ import annotations

import threading
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Final

from wandb_runs import DriftWarning

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

__all__ = ["Findings"]

_SHOWN: Final = 10
"""How many problems are printed in full; others are only counted."""


class Findings:
    """Counts, and the first problems in full. Thread-safe.

    Attributes:
        counts: Numbers of runs, rows, changes and so on, by name.
        passes: Completed passes, by kind.
        errors: Expected errors that a thread recovered from, by class.
        warnings: Warnings, by class.
        interrupts: Interrupts after which the same loop continued, by class.
        problems: Failed checks, by kind.
        details: The first problems in full.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.passes: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.interrupts: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        self.details: list[str] = []

    def count(self, what: str, number: int = 1) -> None:
        """Add a number to a count."""
        with self._lock:
            self.counts[what] += number

    def finish(self, kind: str) -> None:
        """Count a completed pass."""
        with self._lock:
            self.passes[kind] += 1

    def recovered(self, error: Exception) -> None:
        """Count an expected error, after which the thread continues."""
        with self._lock:
            self.errors[type(error).__name__] += 1

    def problem(self, kind: str, detail: str, number: int = 1) -> None:
        """Record failed checks."""
        if not number:
            return
        with self._lock:
            self.problems[kind] += number
            if len(self.details) < _SHOWN:
                self.details.append(f"{kind}: {detail}")

    def lost(self, run_ids: Iterable[str], where: str) -> None:
        """Record runs that existed all the time and were not read."""
        missing = sorted(run_ids)
        self.problem("lost", f"{', '.join(missing)}, {where}", len(missing))

    def repeated(self, run_ids: Iterable[str], where: str) -> None:
        """Record runs that were read more than once."""
        again = sorted(run_ids)
        self.problem("repeated", f"{', '.join(again)}, {where}", len(again))

    def unexpected(self, error: Exception, where: str) -> None:
        """Record an error that the faults of the server do not explain."""
        text = "".join(traceback.format_exception(error))
        self.problem(f"unexpected {type(error).__name__}", f"{where}\n{text}")

    def show_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Count a warning, in place of `warnings.showwarning`.

        A `DriftWarning` is expected while runs change; any other warning is a problem.
        """
        del file, line
        with self._lock:
            self.warnings[category.__name__] += 1
        if isinstance(message, DriftWarning):
            self.count("named in warnings", len(message.late) + len(message.gone))
        else:
            self.problem(f"unexpected {category.__name__}", f"{filename}:{lineno}: {message}")

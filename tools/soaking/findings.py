"""What happened, counted from all threads."""

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
"""How many problems are told in full; the rest is counted."""


class Findings:
    """Counts, and the first problems in full. Threads may use it at once.

    Attributes:
        counts: Passes, runs, rows and the like, by name.
        passes: Finished passes, by kind.
        errors: Errors that reached a reader, and were gone on from, by kind.
        warnings: Warnings, by kind.
        problems: What must not be, by kind.
        details: The first problems, told in full.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.passes: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        self.details: list[str] = []

    def count(self, what: str, number: int = 1) -> None:
        """Count something."""
        with self._lock:
            self.counts[what] += number

    def finish(self, kind: str) -> None:
        """Count a pass that came to its end."""
        with self._lock:
            self.passes[kind] += 1

    def went_on(self, error: Exception) -> None:
        """Count an error that a reader went on from."""
        with self._lock:
            self.errors[type(error).__name__] += 1

    def problem(self, kind: str, detail: str, number: int = 1) -> None:
        """Note what must not be."""
        if not number:
            return
        with self._lock:
            self.problems[kind] += number
            if len(self.details) < _SHOWN:
                self.details.append(f"{kind}: {detail}")

    def lost(self, run_ids: Iterable[str], where: str) -> None:
        """Note what was there all the time and did not come."""
        missing = sorted(run_ids)
        self.problem("lost", f"{', '.join(missing)}, {where}", len(missing))

    def repeated(self, run_ids: Iterable[str], where: str) -> None:
        """Note what came twice."""
        again = sorted(run_ids)
        self.problem("repeated", f"{', '.join(again)}, {where}", len(again))

    def unexpected(self, error: Exception, where: str) -> None:
        """Note an error that is not one of those that a failing server explains."""
        told = "".join(traceback.format_exception(error))
        self.problem(f"unexpected {type(error).__name__}", f"{where}\n{told}")

    def show_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Count a warning; in place of `warnings.showwarning`.

        Where runs come and go a listing may well say that the order is not what it was. Any other
        warning would be wrong here.
        """
        del file, line
        with self._lock:
            self.warnings[category.__name__] += 1
        if isinstance(message, DriftWarning):
            self.count("named in warnings", len(message.late) + len(message.gone))
        else:
            self.problem(f"unexpected {category.__name__}", f"{filename}:{lineno}: {message}")

"""`ExportResult`: what became of an export."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - documentation tools read the annotations
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - likewise

from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr

__all__ = ["ExportResult"]


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class ExportResult(FieldsRepr):
    """What became of an export, or what would.

    Immutable, and therefore safe to share.

    Attributes:
        folder: The dataset.
        runs: How many runs are listed.
        added: How many of them were not in the dataset before.
        changed: How many were, and have logged, or were edited, since.
        unchanged: How many are as they were.
        deleted: How many runs of the dataset are listed no more; they are kept, and marked.
        live: How many may log more.
        rows_fetched: How many rows were fetched, of histories and of machine metrics; 0 of a dry
            run.
        parts_written: How many files of rows were written, or would be.
        failed: Why the rows of runs could not be read, by the runs' ids. The next export reads
            them again.
        files_failed: Why files of runs could not be had, by the run's id and the file's name. Those
            with a name that is refused are among them where no export before has met them.
        files_refused: Why files have names under which nothing is ever written, by the same.
        damaged: Files of the dataset that were damaged, with where each is kept. What they held
            is fetched again.
        lost: The ids of runs that are listed no more, of which a damaged file alone has something,
            with where that is kept.
        is_dry_run: Whether nothing was written.
    """

    folder: Path
    runs: int
    added: int
    changed: int
    unchanged: int
    deleted: int
    live: int
    rows_fetched: int
    parts_written: int
    failed: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    files_failed: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    files_refused: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    damaged: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    lost: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    is_dry_run: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether all that is listed could be read, and nothing of the dataset was lost."""
        return not (self.failed or self.files_failed or self.lost or self.is_dry_run)

"""`verify`: reads a dataset back, and compares it with what its manifest says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - documentation tools read the annotations
from typing import TYPE_CHECKING

import polars as pl

from wandb_runs.errors import ExportError
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.suggest import name_runs
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.exports.folder import ExportFolder, digest_of
from wandb_runs.exports.part_file import rows_by_run
from wandb_runs.runs.files.listing import check_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from wandb_runs.exports.facts import FileFacts, Manifest

__all__ = ["Verification", "verify"]


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Verification(FieldsRepr):
    """What a dataset was found to be.

    Immutable, and therefore safe to share.

    Attributes:
        folder: The dataset.
        runs: How many runs its table has.
        rows: How many rows of histories and of machine metrics were read.
        problems: What is wrong, a sentence each; none where all is as the manifest says.
        notes: What is missing for good, as the export has told: files with names under which
            nothing is written, and what a damaged file had alone of runs that are listed no more.
    """

    folder: Path
    runs: int
    rows: int
    problems: list[str]
    notes: list[str] = field(default_factory=list[str], hash=False)


def verify(folder: str | PathLike[str]) -> Verification:
    """Read a dataset back, and compare sizes, digests and numbers of rows with its manifest.

    Nothing is sent, and nothing is written. Files that runs uploaded are not read: `export`
    compares them with the digests of the server.

    Args:
        folder: The folder of an export.

    Raises:
        InvalidArgumentError: It is no path.
        ExportError: There is no export.

    >>> from tempfile import TemporaryDirectory
    >>> from wandb_runs.exports import export, verify
    >>> with TemporaryDirectory() as folder:
    ...     result = export(runs, folder)
    ...     found = verify(folder)
    >>> found.runs == result.runs, found.rows == result.rows_fetched, found.problems
    (True, True, [])
    """
    dataset = ExportFolder(check_path("folder", folder))
    manifest = dataset.manifest()
    if manifest is None:
        raise ExportError(f"there is no export in {str(dataset.root)!r}")
    problems = [*_problems_of_all(dataset, manifest)]
    rows = runs = 0
    for facts in manifest.files:
        problem = _problem_of(dataset.root / facts.name, facts)
        if problem is not None:
            problems.append(f"{facts.name}: {problem}")
        elif facts.generation:
            rows += facts.rows
        else:
            runs = facts.rows
    return Verification(dataset.root, runs, rows, problems, [*_notes(manifest)])


def _problems_of_all(dataset: ExportFolder, manifest: Manifest) -> Iterator[str]:
    if manifest.exported_at is None:
        yield "the last export did not come to its end; run it again"
    for name, error in manifest.errors.items():
        yield f"{'file' if '/' in name else 'run'} {name}: {error}"
    named = {facts.name for facts in manifest.files}
    for name in dataset.unknown_files(named):
        yield f"{name}: the manifest does not name it"


def _notes(manifest: Manifest) -> Iterator[str]:
    yield from manifest.refused.values()
    for name, runs in manifest.lost.items():
        yield f"what there was of {name_runs(runs)}, listed no more, is in {name} alone"


def _problem_of(path: Path, facts: FileFacts) -> str | None:
    """What is wrong with a file."""
    try:
        size = path.stat().st_size
        if size != facts.size:
            return f"it has {size:,} bytes, and the manifest says {facts.size:,}"
        if digest_of(path) != facts.sha256:
            return "its digest is another than the manifest says"
        return _problem_of_rows(path, facts)
    except (ExportError, OSError, pl.exceptions.PolarsError) as error:
        return f"it cannot be read: {error}"


def _problem_of_rows(path: Path, facts: FileFacts) -> str | None:
    if not facts.generation:
        count = pl.read_parquet(path).height
        return None if count == facts.rows else f"it has {count:,} rows, and not {facts.rows:,}"
    counts = rows_by_run(path)
    expected = {name: rows for name, rows in facts.runs.items() if rows}
    if counts == expected:
        return None
    other = sorted(name for name in {*counts, *expected} if counts[name] != expected.get(name, 0))
    return f"run {other[0]!r} has {counts[other[0]]:,} rows, and not {expected.get(other[0], 0):,}"

"""Damaged files of a dataset: which they are, what was in them, and what is in them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wandb_runs.errors import ExportError
from wandb_runs.exports.facts import KINDS
from wandb_runs.exports.file_facts import check_file
from wandb_runs.exports.part_file import open_part
from wandb_runs.exports.run_table import read_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from wandb_runs.exports.facts import FileFacts, Manifest
    from wandb_runs.exports.folder import ExportFolder

__all__ = ["Damage", "find_damage", "lost_runs", "still_lost"]


class Damage(NamedTuple):
    """A file of rows whose content is not what was written.

    Attributes:
        path: The file.
        kept: Where it is moved to.
        runs: The ids of the runs of which it is known to have something.
    """

    path: Path
    kept: Path
    runs: Sequence[str]


def find_damage(folder: ExportFolder, manifest: Manifest | None) -> list[Damage]:
    """Read all files of rows, and find those that are damaged.

    Args:
        folder: The dataset.
        manifest: What it says of them, if it is there.
    """
    known = {} if manifest is None else {each.name: each for each in manifest.files}
    is_ended = manifest is not None and manifest.exported_at is not None
    paths = [folder.table, *(path for kind in KINDS for path in folder.parts(kind).values())]
    found: list[Damage] = []
    for path in (each for each in paths if each.exists()):
        facts = known.get(path.relative_to(folder.root).as_posix())
        try:
            _check(folder, path, facts, is_ended=is_ended)
        except ExportError:
            is_table = path == folder.table
            runs = [] if manifest is None else [*_runs_of(facts, manifest, is_table=is_table)]
            found.append(Damage(path, folder.place_apart(path), runs))
    return found


def lost_runs(
    root: Path, damaged: Sequence[Damage], before: Manifest | None, listed: Collection[str]
) -> dict[str, str]:
    """The runs that are listed no more, with the damaged file that alone has something of them.

    Those of an earlier export are among them that did not come to its end.

    Args:
        root: The folder of the dataset.
        damaged: The files that are damaged.
        before: The manifest of the last export, if there was one.
        listed: The ids of the runs that are listed.
    """
    untold = {} if before is None or before.exported_at is not None else before.lost
    held = {**untold, **{_name(root, each.kept): each.runs for each in damaged}}
    return {run: name for name, runs in held.items() for run in runs if run not in listed}


def still_lost(
    root: Path, lost: Mapping[str, Sequence[str]], there: Mapping[str, Collection[str]]
) -> dict[str, tuple[str, ...]]:
    """What damaged files that were kept have alone.

    Args:
        root: The folder of the dataset.
        lost: The ids of the runs that they had something of, by the files' names.
        there: The ids of the runs that the dataset has, by the folder within the dataset.
    """
    left = {
        name: tuple(run for run in runs if run not in there.get(name.split("/")[1], ()))
        for name, runs in lost.items()
        if (root / name).exists()  # else it has been done with
    }
    return {name: runs for name, runs in left.items() if runs}


def _check(folder: ExportFolder, path: Path, facts: FileFacts | None, *, is_ended: bool) -> None:
    """Check a file as far as anything tells what it was.

    Raises:
        ExportError: It is damaged.
    """
    if is_ended:
        if facts is not None:  # else it is none of the dataset
            check_file(path, facts)
    elif path == folder.table:
        read_table(path)
    else:
        part = open_part(path)
        if facts is not None and facts.generation == part.facts.generation:
            check_file(path, facts)
        else:  # written by an export that did not come to its end: its pages have checksums
            for _ in part.tables():
                pass


def _runs_of(facts: FileFacts | None, manifest: Manifest, *, is_table: bool) -> Iterator[str]:
    """The runs of which a file has something that may be nowhere else."""
    if is_table:
        yield from (run for run, status in manifest.statuses.items() if status == "deleted")
    elif facts is not None:
        yield from (run for run, rows in facts.runs.items() if rows)


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()

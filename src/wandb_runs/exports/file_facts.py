"""What the manifest says of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.exports.facts import FileFacts
from wandb_runs.exports.folder import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wandb_runs.exports.part_file import Part

__all__ = ["file_facts", "part_facts"]


def part_facts(root: Path, part: Part, known: Mapping[str, FileFacts]) -> FileFacts:
    """What the manifest says of a part.

    Args:
        root: The folder of the dataset.
        part: The part.
        known: What it said before, by the names of files: one that was not written since is not
            read again.
    """
    name, size = part.path.relative_to(root).as_posix(), part.path.stat().st_size
    before = known.get(name)
    if before is not None and (before.generation, before.size) == (part.facts.generation, size):
        return before
    return FileFacts(
        name=name,
        generation=part.facts.generation,
        rows=part.rows,
        size=size,
        sha256=digest_of(part.path),
        runs={each.id: each.rows for each in part.facts.runs},
    )


def file_facts(root: Path, path: Path, rows: int) -> FileFacts:
    """What the manifest says of another file."""
    return FileFacts(
        name=path.relative_to(root).as_posix(),
        generation="",
        rows=rows,
        size=path.stat().st_size,
        sha256=digest_of(path),
        runs={},
    )

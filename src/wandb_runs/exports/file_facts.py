"""What the manifest says of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandb_runs.errors import ExportError
from wandb_runs.exports.facts import FileFacts
from wandb_runs.exports.folder import digest_of
from wandb_runs.exports.part_file import damaged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wandb_runs.exports.part_file import Part

__all__ = ["check_digest", "check_file", "check_named", "file_facts", "part_facts"]

_OTHER: Final = "its size or its digest is another than the manifest says"


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


def check_named(root: Path, part: Part, known: Mapping[str, FileFacts]) -> None:
    """Check that a part is one that the manifest names, without reading its rows.

    Raises:
        ExportError: It is none of them, or damaged.
    """
    facts = known.get(part.path.relative_to(root).as_posix())
    if facts is None:
        raise ExportError(
            f"{str(part.path)!r} is no file of the export, whose manifest does not name it; move "
            "it elsewhere, and export again"
        )
    if (facts.generation, facts.size) != (part.facts.generation, part.path.stat().st_size):
        raise damaged(part.path, _OTHER)


def check_digest(
    root: Path, path: Path, known: Mapping[str, FileFacts], generation: str = ""
) -> None:
    """Check that a file is what the manifest says, so that no damage is copied from it.

    One that was written since by an export that did not come to its end is left unchecked: its
    pages have checksums of their own.

    Raises:
        ExportError: It is damaged.
    """
    facts = known.get(path.relative_to(root).as_posix())
    if facts is not None and facts.generation == generation:
        check_file(path, facts)


def check_file(path: Path, facts: FileFacts) -> None:
    """Check that a file is what the manifest says of it.

    Raises:
        ExportError: It is damaged.
    """
    if path.stat().st_size != facts.size or digest_of(path) != facts.sha256:
        raise damaged(path, _OTHER)

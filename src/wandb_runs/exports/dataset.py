"""What there is of a dataset when an export begins, checked as far as it is built upon."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wandb_runs.errors import ExportError
from wandb_runs.exports.facts import KINDS
from wandb_runs.exports.file_facts import check_digest, check_named
from wandb_runs.exports.part_file import open_part
from wandb_runs.exports.repair import find_damage
from wandb_runs.exports.run_table import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from wandb_runs.exports.facts import FileFacts, Kind, Manifest, Query
    from wandb_runs.exports.folder import ExportFolder
    from wandb_runs.exports.part_file import Part
    from wandb_runs.exports.repair import Damage

__all__ = ["Dataset", "read_dataset"]


class Dataset(NamedTuple):
    """What there is.

    Attributes:
        manifest: The manifest of the last export, if there was one.
        table: The table of runs, if there is one that is whole.
        parts: The parts that are whole, by kind and number.
        numbers: The part of each run.
        damaged: The files that are to be moved away.
        outdated: Parts that are to be removed: of other dtypes, and of no export that has ended.
    """

    manifest: Manifest | None
    table: pl.DataFrame | None
    parts: Mapping[Kind, dict[int, Part]]
    numbers: dict[str, int]
    damaged: Sequence[Damage]
    outdated: Sequence[Path]

    @property
    def files(self) -> dict[str, FileFacts]:
        """What the manifest says of files, by their names."""
        return {} if self.manifest is None else {each.name: each for each in self.manifest.files}

    def all_parts(self) -> Iterator[Part]:
        """The parts, those of one kind after those of another."""
        return (part for parts in self.parts.values() for part in parts.values())


def read_dataset(folder: ExportFolder, query: Query, *, repairs: bool) -> Dataset:
    """Look at what there is, by what files say of themselves and the manifest of them.

    Args:
        folder: The dataset.
        query: What is to be exported.
        repairs: Whether all rows are read, too, and files that are damaged are left out.

    Raises:
        ExportError: It is of another query, or holds a file that is damaged, or none of its own.
    """
    manifest = folder.manifest()
    is_outdated = manifest is not None and _is_outdated(manifest, query)
    if manifest is not None and not is_outdated:
        _check_query(folder, manifest.query, query)
    kinds: tuple[Kind, ...] = KINDS if query.system else ("histories",)
    paths: dict[Kind, Mapping[int, Path]] = {kind: folder.parts(kind) for kind in kinds}
    outdated = [*paths["histories"].values()] if is_outdated else []
    damaged = find_damage(folder, manifest) if repairs else []
    broken = {each.path: each for each in damaged}
    left_out = {*broken, *outdated}
    parts: dict[Kind, dict[int, Part]] = {
        kind: {number: open_part(path) for number, path in found.items() if path not in left_out}
        for kind, found in paths.items()
    }
    numbers = {
        run: number
        for found in paths.values()
        for number, path in found.items()
        if path in broken
        for run in broken[path].runs
    } | {
        each.id: number
        for found in parts.values()
        for number, part in found.items()
        for each in part.facts.runs
    }
    table = None if folder.table in left_out else read_table(folder.table)
    dataset = Dataset(manifest, table, parts, numbers, damaged, outdated)
    if manifest is not None and manifest.exported_at is not None:
        if table is not None:
            check_digest(folder.root, folder.table, dataset.files)
        for part in dataset.all_parts():
            check_named(folder.root, part, dataset.files)
    return dataset


def _check_query(folder: ExportFolder, before: Query, now: Query) -> None:
    """Check that an export goes on with what was exported before.

    Raises:
        ExportError: It is something else.
    """
    if differences := before.differences(now):
        raise ExportError(
            f"{str(folder.root)!r} holds an export of {'; '.join(differences)}; choose another "
            "folder, or ask for the same"
        )


def _is_outdated(manifest: Manifest, query: Query) -> bool:
    """Whether parts have other dtypes, and are of no export that has ended: they may go."""
    if manifest.files or manifest.query.dtypes in (None, query.dtypes):
        return False
    return not manifest.query.differences(query.model_copy(update={"dtypes": None}))

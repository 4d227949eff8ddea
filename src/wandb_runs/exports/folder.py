"""`ExportFolder`: where the files of a dataset are, and that one export writes them at a time."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout
from pydantic import ValidationError

from wandb_runs.errors import ExportError
from wandb_runs.exports.facts import KINDS, Manifest
from wandb_runs.files.replace import replace_file

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping

    from wandb_runs.exports.facts import Kind

__all__ = ["ExportFolder", "digest_of"]

_MANIFEST: Final = "manifest.json"
_LOCK: Final = ".lock"
_DAMAGED: Final = "damaged"
_PART: Final = re.compile(r"part-\d{6}\.parquet")
_PARTIAL: Final = re.compile(r"\..*\.[0-9a-f]{16}\.part")
_PARTIAL_MANIFEST: Final = re.compile(r"\.manifest\.json\.[0-9a-f]{16}\.part")
_PARTIAL_ROWS: Final = re.compile(r"\.(part-\d{6}|runs)\.parquet\.[0-9a-f]{16}\.part")


class ExportFolder:
    """A folder that holds a dataset, or is to hold one.

    Args:
        root: The folder, which is made when the first file is.

    Attributes:
        root: As given.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def table(self) -> Path:
        """The file of the runs."""
        return self.root / "runs" / "runs.parquet"

    @property
    def files(self) -> Path:
        """The folder of what runs uploaded."""
        return self.root / "files"

    def part(self, kind: Kind, number: int) -> Path:
        """The file of a part."""
        return self.root / kind / f"part-{number:06}.parquet"

    def parts(self, kind: Kind) -> Mapping[int, Path]:
        """The parts that are there, by number."""
        folder = self.root / kind
        if not folder.is_dir():
            return {}
        found = sorted(each for each in folder.iterdir() if _PART.fullmatch(each.name))
        return {int(path.stem.removeprefix("part-")): path for path in found}

    def place_apart(self, path: Path) -> Path:
        """Where a damaged file is kept, which no reader of the dataset opens; nothing is there."""
        folder = self.root / _DAMAGED / path.parent.name
        names = (f"{path.stem}{f'-{number}' if number else ''}{path.suffix}" for number in count())
        return next(place for name in names if not (place := folder / name).exists())

    def unknown_files(self, known: Collection[str]) -> list[str]:
        """Files beside those of the dataset, which readers would open with them.

        Args:
            known: The names of those of the dataset, below the folder.
        """
        found = (path for kind in ("runs", *KINDS) for path in (self.root / kind).glob("*.parquet"))
        names = (path.relative_to(self.root).as_posix() for path in found)
        return sorted(name for name in names if name not in known)

    def is_empty(self) -> bool:
        """Whether there is nothing, or not even a folder."""
        return not self.root.exists() or not any(self.root.iterdir())

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep other exports out for the length of a block, and begin without partial files.

        Raises:
            ExportError: Another export writes there, or the folder holds something else, which is
                left as it is.
        """
        self.manifest()
        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ExportError(
                f"another export writes to {str(self.root)!r}; wait for its end"
            ) from None
        try:
            self.manifest()  # it may have come meanwhile
            self._clean()
            yield
        finally:
            lock.release()

    def manifest(self) -> Manifest | None:
        """What the dataset holds; None for a folder without one.

        Raises:
            ExportError: The folder holds something else, or a dataset of another version.
        """
        path = self.root / _MANIFEST
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            strange = self._strange()
            if strange is None:
                return None
            raise ExportError(
                f"{str(self.root)!r} holds {strange!r} and no export; choose an empty folder"
            ) from None
        try:
            return Manifest.model_validate_json(content)
        except ValidationError:
            raise ExportError(
                f"{str(path)!r} is no manifest of this version; choose an empty folder, or install "
                "the version that wrote it"
            ) from None

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest."""
        content = manifest.model_dump_json(indent=1).encode()
        replace_file(self.root / _MANIFEST, lambda file: file.write(content))

    def clean_files(self) -> None:
        """Remove what an export left of downloads that was killed; what is whole comes again."""
        for folder, _, names in os.walk(self.files):  # through no link
            for name in names:
                if _PARTIAL.fullmatch(name):
                    Path(folder, name).unlink(missing_ok=True)

    def _strange(self) -> str | None:
        """Something that is no part of an export."""
        if not self.root.is_dir():
            return None
        names = (each.name for each in self.root.iterdir())
        return next(
            (name for name in names if name != _LOCK and not _PARTIAL_MANIFEST.fullmatch(name)),
            None,
        )

    def _clean(self) -> None:
        """Remove what an export left that was killed."""
        _remove(self.root, _PARTIAL_MANIFEST)
        for name in ("runs", *KINDS):
            _remove(self.root / name, _PARTIAL_ROWS)


def _remove(folder: Path, names: re.Pattern[str]) -> None:
    """Remove those files of a folder that have a name."""
    for each in folder.iterdir() if folder.is_dir() else ():
        if names.fullmatch(each.name):
            each.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

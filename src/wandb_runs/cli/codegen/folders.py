"""Generated packages on the disk: compared, and replaced as a whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["differences", "foreign_files", "replace_package"]

_CACHES: Final = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})

_HEAD: Final = 2000
"""How far into a file the mark is looked for."""


def differences(
    fresh: Path, present: Path, *, compared: Callable[[bytes], bytes] = bytes
) -> list[str]:
    """Return how `present` differs from `fresh`, a line for each file.

    Args:
        fresh: A package.
        present: Another; it may be missing.
        compared: Returns what of a file is compared; by default all of it.
    """
    new, old = (
        {name: compared(content) for name, content in _contents(each).items()}
        for each in (fresh, present)
    )
    return [
        *(f"missing: {name}" for name in sorted(new.keys() - old.keys())),
        *(f"left over: {name}" for name in sorted(old.keys() - new.keys())),
        *(f"changed: {name}" for name in sorted(new.keys() & old.keys()) if new[name] != old[name]),
    ]


def foreign_files(package: Path, mark: str) -> list[str]:
    """Return the names of files of a package that do not say that they were generated.

    Args:
        package: The folder; it may be missing.
        mark: What a generated file says of itself.
    """
    found: list[str] = []
    for path in _files(package):
        with path.open("rb") as file:
            if mark.encode() not in file.read(_HEAD):
                found.append(path.relative_to(package).as_posix())
    return sorted(found)


def replace_package(package: Path, generate: Callable[[Path], Path]) -> list[str]:
    """Generate a package beside its place, and put it there when it is whole.

    Nothing happens to one that would be the same. A symbolic link to a folder is followed.

    Args:
        package: Its place; the folder that it is in has to be there.
        generate: Generates it into a folder, and returns its path.

    Returns:
        What changed, a line for each file.

    Raises:
        OSError: It cannot be written; what was there is there still.
    """
    place = package.resolve()
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as beside:
        fresh = generate(Path(beside))
        changed = differences(fresh, place)
        if changed:
            _put(fresh, place, Path(beside) / "before")
    return changed


def _put(fresh: Path, place: Path, before: Path) -> None:
    if place.exists():
        shutil.copymode(place, fresh)
        place.rename(before)
    try:
        fresh.rename(place)
    except BaseException:
        with suppress(FileNotFoundError):
            before.rename(place)
        raise


def _contents(package: Path) -> dict[str, bytes]:
    return {path.relative_to(package).as_posix(): path.read_bytes() for path in _files(package)}


def _files(package: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(package):
        folders[:] = [each for each in folders if each not in _CACHES]
        for name in names:
            yield Path(folder, name)

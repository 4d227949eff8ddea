"""The files that pages are made of, as they are in the package."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

__all__ = ["Asset", "Folder", "read_asset"]

Folder: TypeAlias = Literal["static", "vendor"]

# Types by name: what a machine's own tables say of .js has been wrong, and browsers do not guess.
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Asset(NamedTuple):
    """A file of a page.

    Attributes:
        content: What is in it.
        media_type: Its type, as a response names it.
        etag: Its version, as a response names it.
    """

    content: bytes
    media_type: str
    etag: str


@lru_cache(maxsize=128)
def read_asset(folder: Folder, name: str) -> Asset | None:
    """Read a file; None where there is none of that name.

    Only names that were found in the package are read, so that no name leads out of it.

    Args:
        folder: The folder: files of our own, or those that `make vendor` took.
        name: The path below it, such as `pages/run.js`.
    """
    found = _files(folder).get(name)
    if found is None:
        return None
    content = found.read_bytes()
    tag = hashlib.sha256(content).hexdigest()[:16]
    return Asset(content, _TYPES[PurePosixPath(name).suffix], f'"{tag}"')


@cache
def _files(folder: Folder) -> Mapping[str, Traversable]:
    """The files of a folder that have a media type; licences and lists of versions have none."""
    root = resources.files("wandb_runs.local.web").joinpath(folder)
    return {name: file for name, file in _below(root, "") if PurePosixPath(name).suffix in _TYPES}


def _below(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        name = f"{path}{each.name}"
        if each.is_dir():
            yield from _below(each, f"{name}/")
        else:
            yield name, each

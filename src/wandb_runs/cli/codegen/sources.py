"""GraphQL files: those that are given, those in folders, and the schema in the wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from graphql import Source

from wandb_runs.cli.codegen.plugin import CodegenRefusedError
from wandb_runs.graphql.schema import schema_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["SCALARS", "read_sources", "shown", "sources_of_schema"]

SCALARS: Final[Mapping[str, str]] = {
    # Parsed when touched: one bad date must not cost a reader the page.
    "DateTime": "str",
    # What it is on the wire is not known.
    "Duration": "object",
    "Int64": "int",
    # Not `Any`: whatever reads it has to narrow it first.
    "JSON": "object",
    # Decoded when touched: most of a page's bytes are in these, and most are never read.
    "JSONString": "str",
}
"""The Python types of W&B's scalars."""

_ENDINGS: Final = frozenset({".graphql", ".graphqls", ".gql"})


def read_sources(paths: Iterable[Path], root: Path) -> list[Source]:
    """Read files, and those in folders at any depth, each once.

    The order is that of their names, whatever that of the paths and of the disk.

    Args:
        paths: Files and folders.
        root: The folder to which names belong.

    Raises:
        CodegenRefusedError: A file cannot be read, or a folder has none.
    """
    problems: list[str] = []
    found: dict[Path, str] = {}
    for path in paths:
        name = shown(path, root)
        if path.is_dir():
            files = [each for each in path.rglob("*") if each.suffix in _ENDINGS and each.is_file()]
            if not files:
                problems.append(f"{name}: no .graphql file is in this folder")
        else:
            files = [path]
        for file in files:
            found.setdefault(file.resolve(), shown(file, root))
    sources: list[Source] = []
    for file, name in sorted(found.items(), key=lambda each: (each[1], each[0])):
        try:
            sources.append(Source(file.read_text(encoding="utf-8"), name))
        except UnicodeDecodeError:
            problems.append(f"{name}: not in UTF-8")
        except OSError as error:
            problems.append(f"{name}: {error.strerror or error}")
    if problems:
        raise CodegenRefusedError(problems)
    return sources


def sources_of_schema() -> list[Source]:
    """Read the schema that is in the wheel."""
    folder = schema_path()
    return read_sources([folder], folder.parent)


def shown(path: Path, root: Path) -> str:
    """A path as messages and headers have it: from the root, else its name alone.

    The rest of it may hold names of users and customers.
    """
    whole = path.resolve()
    inside = whole.relative_to(root.resolve()) if whole.is_relative_to(root.resolve()) else None
    return whole.name if inside is None else inside.as_posix()

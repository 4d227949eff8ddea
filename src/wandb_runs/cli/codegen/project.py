"""A user's package: documents against the schema in the wheel, and what extends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.cli.codegen.plugin import (
    CodegenRefusedError,
    Documents,
    PackageSpec,
    generate_package,
    read_schema,
)
from wandb_runs.cli.codegen.sources import SCALARS, read_sources, sources_of_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["generate_project"]


def generate_project(
    queries: Sequence[Path],
    schema: Sequence[Path],
    scalars: Mapping[str, str],
    root: Path,
    *,
    header: str,
    folder: Path,
    name: str,
) -> Path:
    """Generate a user's package.

    Args:
        queries: Files and folders of documents.
        schema: Files and folders that extend the schema in the wheel.
        scalars: The Python types of scalars that these bring.
        root: The folder to which the names of files in messages belong.
        header: The comment at the top of each module.
        folder: The folder in which the package is made.
        name: The package's name.

    Returns:
        The path of the package.

    Raises:
        CodegenRefusedError: Something is wrong with what was given; nothing is written.
    """
    whole = read_schema([*sources_of_schema(), *read_sources(schema, root)])
    documents = Documents.read(read_sources(queries, root), whole)
    if not documents.operations:
        raise CodegenRefusedError(
            ["there is no query and no mutation in what was given; fragments alone ask nothing"]
        )
    spec = PackageSpec(
        documents,
        whole,
        {**SCALARS, **scalars},
        lambda _module: header,
        how_to_type='write --scalar {0}=str, or scalars = {{ {0} = "str" }} in pyproject.toml, '
        "with str, int, float, bool or object",
    )
    return generate_package(spec, folder, name)

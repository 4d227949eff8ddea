"""A user's package: documents against the schema in the wheel, and what extends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ariadne_codegen.client_generators.constants import SIMPLE_TYPE_MAP
from graphql import GraphQLScalarType

from wandb_runs.cli.codegen.plugin import (
    CodegenRefusedError,
    Documents,
    PackageSpec,
    generate_package,
    read_schema,
)
from wandb_runs.cli.codegen.settings import has_pyproject
from wandb_runs.cli.codegen.sources import SCALARS, read_sources, sources_of_schema
from wandb_runs.errors.suggest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from graphql import GraphQLSchema

__all__ = ["generate_project"]

_TYPED: Final[Mapping[str, str]] = {**SIMPLE_TYPE_MAP, **SCALARS}
"""The Python types of the scalars that every schema here has."""


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
    if problems := list(_problems_of_scalars(scalars, whole)):
        raise CodegenRefusedError(problems)
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
        # Without one, the root is the current folder, which another call need not have.
        has_paths=has_pyproject(root),
    )
    return generate_package(spec, folder, name)


def _problems_of_scalars(scalars: Mapping[str, str], schema: GraphQLSchema) -> Iterator[str]:
    """What is given a type and takes none: a misspelt name, or a scalar that has one."""
    for name, kind in scalars.items():
        if name in _TYPED:
            # The same is no contradiction, and stays right when the wheel learns of a scalar.
            if _TYPED[name] != kind:
                yield f"scalar {name} has a type already: {_TYPED[name]}; leave out {name}={kind}"
        elif name not in schema.type_map:
            of_schema = [
                each
                for each, found in schema.type_map.items()
                if isinstance(found, GraphQLScalarType)
            ]
            near = nearest(name, of_schema)
            yield f"scalar {name} is not in the schema" + (
                f"; did you mean {near!r}?"
                if near
                else "; only a scalar that --schema brings takes a type"
            )
        elif not isinstance(schema.type_map[name], GraphQLScalarType):
            yield f"{name} is no scalar in the schema; leave out {name}={kind}"

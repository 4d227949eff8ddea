"""What a package is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import GraphQLSchema

    from wandb_runs.cli.codegen.plugin.documents import Documents

__all__ = ["PackageSpec"]


@dataclass(frozen=True)
class PackageSpec:
    """What a package is made of.

    Attributes:
        documents: The operations and fragments.
        schema: The schema that they were validated against.
        scalars: The Python type of each custom scalar: a builtin.
        header: Returns the comment at the top of a module, by the module's file name.
        is_own: Whether it is this package's own. What the schema says of costs is told then alone,
            since it is about this package's objects.
        has_paths: Whether docstrings name a file with its path, in place of its name alone: only
            where the path is the same from everywhere.
        how_to_type: What to write for a scalar without a type, with `{}` for its name.
    """

    documents: Documents
    schema: GraphQLSchema
    scalars: Mapping[str, str]
    header: Callable[[str], str]
    is_own: bool = False
    has_paths: bool = True
    how_to_type: str = "add {} to the scalars"

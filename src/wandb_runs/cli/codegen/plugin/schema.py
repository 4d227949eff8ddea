"""The schema that documents are compiled against: files that may extend each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import (
    GraphQLSchema,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    build_ast_schema,
    concat_ast,
    print_ast,
    validate_schema,
)
from graphql.validation.validate import validate_sdl

from wandb_runs.cli.codegen.plugin.documents import parse_sources
from wandb_runs.cli.codegen.plugin.problems import CodegenRefusedError, place, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphql import DocumentNode, FieldDefinitionNode, Source

__all__ = ["read_schema"]

_HasFields = (
    ObjectTypeDefinitionNode
    | ObjectTypeExtensionNode
    | InterfaceTypeDefinitionNode
    | InterfaceTypeExtensionNode
)


def read_schema(sources: Sequence[Source]) -> GraphQLSchema:
    """Read a schema.

    A field that two files have alike is one field: a user's file stays right when the schema that
    it extends has learnt of what it adds.

    Args:
        sources: Its files, those before others that they extend.

    Raises:
        CodegenRefusedError: They are no GraphQL, or no schema together.
    """
    documents = parse_sources(sources)
    _drop_repeated(documents)
    document = concat_ast(documents)
    if errors := validate_sdl(document):
        raise CodegenRefusedError(map(told, errors))
    schema = build_ast_schema(document, assume_valid_sdl=True)
    if errors := validate_schema(schema):
        raise CodegenRefusedError(map(told, errors))
    return schema


def _drop_repeated(documents: Sequence[DocumentNode]) -> None:
    seen: dict[str, FieldDefinitionNode] = {}
    problems: list[str] = []
    for document in documents:
        for definition in document.definitions:
            if not isinstance(definition, _HasFields):
                continue
            kept: list[FieldDefinitionNode] = []
            for field in definition.fields:
                coordinate = f"{definition.name.value}.{field.name.value}"
                other = seen.setdefault(coordinate, field)
                if other is field:
                    kept.append(field)
                elif _signature(other) != _signature(field):
                    problems.append(
                        f"{place(field)}: {coordinate} is {_signature(other)!r} in "
                        f"{place(other)}; write the same, or another field"
                    )
            definition.fields = tuple(kept)
    if problems:
        raise CodegenRefusedError(problems)


def _signature(field: FieldDefinitionNode) -> str:
    """A field without its description and its directives, and those of its arguments."""
    arguments = sorted(
        f"{each.name.value}: {print_ast(each.type)}"
        + (f" = {print_ast(each.default_value)}" if each.default_value else "")
        for each in field.arguments
    )
    given = f"({', '.join(arguments)})" if arguments else ""
    return f"{field.name.value}{given}: {print_ast(field.type)}"

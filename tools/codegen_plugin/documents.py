"""The operations and fragments as they stand in their files, and the text that is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ariadne_codegen.schema import walk_graphql_files
from graphql import (
    REMOVE,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    Source,
    Visitor,
    concat_ast,
    parse,
    print_ast,
    validate,
    visit,
)

from codegen_plugin.problems import CodegenRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphql import DirectiveNode, FieldNode, GraphQLSchema, Node

__all__ = ["Documents", "is_essential", "spreads"]

_ESSENTIAL: Final = "essential"


@dataclass(frozen=True)
class Documents:
    """Every operation and fragment of the queries.

    Read here once more than upstream does, which joins all files first and so forgets where a
    definition stands, and which edits the nodes while it generates.

    Attributes:
        operations: In the order of the files.
        fragments: By name.
    """

    operations: tuple[OperationDefinitionNode, ...]
    fragments: Mapping[str, FragmentDefinitionNode]

    @classmethod
    def read(cls, path: Path, schema: GraphQLSchema) -> Documents:
        """Read and validate all `.graphql` files at or below `path`.

        Raises:
            CodegenRefusedError: The files are no GraphQL, or invalid for the schema.
        """
        files = sorted(walk_graphql_files(path)) if path.is_dir() else [path]
        try:
            document = concat_ast(
                [parse(Source(file.read_text("utf-8"), file.as_posix())) for file in files]
            )
        except GraphQLSyntaxError as error:
            raise CodegenRefusedError([str(error)]) from error
        if errors := validate(schema, document):
            raise CodegenRefusedError(str(error) for error in errors)
        definitions = document.definitions
        return cls(
            operations=tuple(d for d in definitions if isinstance(d, OperationDefinitionNode)),
            fragments={
                d.name.value: d for d in definitions if isinstance(d, FragmentDefinitionNode)
            },
        )

    def text(self, operation: OperationDefinitionNode) -> str:
        """Return what is sent: the operation and the fragments that it needs, by name.

        Without what is for the plugin alone.
        """
        used = sorted(self.reachable(operation))
        return "\n\n".join(
            print_ast(visit(node, _WithoutMarks()))
            for node in (operation, *(self.fragments[name] for name in used))
        )

    def reachable(self, node: Node) -> set[str]:
        """Return the names of the fragments below `node`, at any depth."""
        found: set[str] = set()
        pending = spreads(node)
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending |= spreads(self.fragments[name])
        return found


def is_essential(node: FieldNode) -> bool:
    """Return whether an operation cannot do without a field that others can do without."""
    return any(map(_is_mark, node.directives))


def _is_mark(node: DirectiveNode) -> bool:
    return node.name.value == _ESSENTIAL


class _WithoutMarks(Visitor):
    def enter_directive(self, node: DirectiveNode, *_: object) -> object:
        return REMOVE if _is_mark(node) else None


class _Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self.names.add(node.name.value)


def spreads(node: Node) -> set[str]:
    """Return the names of the fragments that `node` itself spreads, in any of its selections."""
    visitor = _Spreads()
    visit(node, visitor)
    return visitor.names

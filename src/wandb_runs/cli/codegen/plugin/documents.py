"""The operations and fragments as they stand in their files, and the text that is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from graphql import (
    REMOVE,
    DefinitionNode,
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    StringValueNode,
    VariableNode,
    Visitor,
    concat_ast,
    parse,
    print_ast,
    validate,
    visit,
)

from wandb_runs.cli.codegen.plugin.problems import CodegenRefusedError, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphql import FieldNode, GraphQLSchema, Node, Source

__all__ = [
    "Documents",
    "cost_of_mark",
    "has_variable_cost",
    "is_essential",
    "is_mark",
    "parse_sources",
    "spreads",
    "without_marks",
]

_ESSENTIAL: Final = "essential"
_OPTIONAL: Final = "optional"


@dataclass(frozen=True)
class Documents:
    """Every operation and fragment of the queries.

    Attributes:
        operations: In the order of the files.
        fragments: By name.
    """

    operations: tuple[OperationDefinitionNode, ...]
    fragments: Mapping[str, FragmentDefinitionNode]

    @classmethod
    def read(cls, sources: Sequence[Source], schema: GraphQLSchema) -> Documents:
        """Read and validate documents.

        Args:
            sources: Each with the name of its file, for messages.
            schema: The schema.

        Raises:
            CodegenRefusedError: One is no GraphQL, or invalid for the schema.
        """
        document = concat_ast(parse_sources(sources))
        if errors := validate(schema, document):
            raise CodegenRefusedError(map(told, errors))
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
            print_ast(without_marks(node))
            for node in (operation, *(self.fragments[name] for name in used))
        )

    def copies(self) -> tuple[list[OperationDefinitionNode], list[FragmentDefinitionNode]]:
        """Return all definitions once more, without marks, for upstream, which edits them."""
        nodes: Iterable[DefinitionNode] = (*self.operations, *self.fragments.values())
        definitions = parse("\n\n".join(print_ast(without_marks(n)) for n in nodes)).definitions
        return (
            [d for d in definitions if isinstance(d, OperationDefinitionNode)],
            [d for d in definitions if isinstance(d, FragmentDefinitionNode)],
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


def parse_sources(sources: Iterable[Source]) -> list[DocumentNode]:
    """Parse GraphQL, all of it before the first problem is told.

    Raises:
        CodegenRefusedError: Some of it is none.
    """
    documents: list[DocumentNode] = []
    problems: list[str] = []
    for source in sources:
        try:
            documents.append(parse(source))
        except GraphQLError as error:
            problems.append(told(error))
        except RecursionError:
            problems.append(f"{source.name}: nested too deep")
    if problems:
        raise CodegenRefusedError(problems)
    return documents


def is_essential(node: FieldNode) -> bool:
    """Return whether an operation cannot do without a field that others can do without."""
    return any(each.name.value == _ESSENTIAL for each in node.directives)


def cost_of_mark(directives: Iterable[DirectiveNode]) -> str | None:
    """Return what `@optional` says in `costs:`, or an empty text; None where it is not there."""
    for directive in directives:
        if directive.name.value == _OPTIONAL:
            values = [each.value for each in directive.arguments if each.name.value == "costs"]
            return next((each.value for each in values if isinstance(each, StringValueNode)), "")
    return None


def has_variable_cost(directives: Iterable[DirectiveNode]) -> bool:
    """Return whether `costs:` of `@optional` is a variable, which no server would see used."""
    return any(
        isinstance(argument.value, VariableNode)
        for directive in directives
        if directive.name.value == _OPTIONAL
        for argument in directive.arguments
    )


def without_marks(node: Node) -> Node:
    """Return `node` without what is for the plugin alone."""
    marked: Node = visit(node, _WithoutMarks())
    return marked


def is_mark(node: DirectiveNode) -> bool:
    """Return whether a directive is for the plugin alone."""
    return node.name.value in {_ESSENTIAL, _OPTIONAL}


class _WithoutMarks(Visitor):
    def enter_directive(self, node: DirectiveNode, *_: object) -> object:
        return REMOVE if is_mark(node) else None


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

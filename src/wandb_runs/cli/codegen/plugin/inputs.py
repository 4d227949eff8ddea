"""Writes `input_types.py`: a `TypedDict` for each input object that a variable has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ariadne_codegen.client_generators.constants import SIMPLE_TYPE_MAP
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphql import (
        GraphQLInputField,
        GraphQLNamedType,
        GraphQLSchema,
        InputValueDefinitionNode,
        TypeNode,
    )

__all__ = ["InputsModule", "inputs_inside", "list_of", "named", "types_of"]


@dataclass(frozen=True)
class InputsModule:
    """The source of `input_types.py`, in place of upstream's models.

    A request holds plain values: building it imports no pydantic, and a key that is left out is not
    sent.

    Attributes:
        schema: The schema.
        of_variables: The input objects that variables have.
        scalars: The Python type of each custom scalar.
    """

    schema: GraphQLSchema
    of_variables: tuple[GraphQLInputObjectType, ...]
    scalars: Mapping[str, str]

    @property
    def kinds(self) -> list[GraphQLInputObjectType]:
        """All input objects, with those inside of them, by name."""
        return inputs_inside(self.of_variables, self.schema)

    def source(self) -> str:
        """Return the module, not yet formatted."""
        enums = {
            each.name
            for kind in self.kinds
            for each in types_of(kind, self.schema)
            if isinstance(each, GraphQLEnumType)
        }
        return "\n".join(
            [
                '"""Input objects: what operations take as one variable."""',
                "from __future__ import annotations",
                "from typing import TYPE_CHECKING, NotRequired, TypedDict",
                "if TYPE_CHECKING:" if enums else "",
                *(f"    from .enums import {name}" for name in sorted(enums)),
                f"__all__ = {[kind.name for kind in self.kinds]}",
                *(line for kind in self.kinds for line in self._class(kind)),
            ]
        )

    def _class(self, kind: GraphQLInputObjectType) -> list[str]:
        told = (kind.description or f"`{kind.name}` of the schema.").strip()
        return [
            f"class {kind.name}(TypedDict):",
            f"    {told!r}",
            *(f"    {name}: {self._entry(each)}" for name, each in kind.fields.items()),
        ]

    def _entry(self, field: GraphQLInputField) -> str:
        node = _node(field)
        is_required = isinstance(node.type, NonNullTypeNode) and node.default_value is None
        annotation = self._annotation(node.type)
        return annotation if is_required else f"NotRequired[{annotation}]"

    def _annotation(self, node: TypeNode) -> str:
        return (
            self._inner(node.type)
            if isinstance(node, NonNullTypeNode)
            else f"{self._inner(node)} | None"
        )

    def _inner(self, node: TypeNode) -> str:
        if isinstance(node, ListTypeNode):
            return list_of(self._inner(_non_null(node.type)), node)
        name = named(node).name.value
        return SIMPLE_TYPE_MAP.get(name) or self.scalars.get(name) or name


def inputs_inside(
    kinds: Iterable[GraphQLInputObjectType], schema: GraphQLSchema
) -> list[GraphQLInputObjectType]:
    """Return input objects, with those inside of them, by name."""
    found: dict[str, GraphQLInputObjectType] = {}
    pending = [*kinds]
    while pending:
        kind = pending.pop()
        if kind.name not in found:
            found[kind.name] = kind
            inside = types_of(kind, schema)
            pending += (each for each in inside if isinstance(each, GraphQLInputObjectType))
    return [found[name] for name in sorted(found)]


def types_of(kind: GraphQLInputObjectType, schema: GraphQLSchema) -> list[GraphQLNamedType]:
    """Return the types of an input object's fields."""
    return [schema.type_map[named(_node(each).type).name.value] for each in kind.fields.values()]


def list_of(item: str, node: ListTypeNode) -> str:
    """Return the Python type of a list in variables.

    Args:
        item: The type of an item, null left aside.
        node: The list.
    """
    # Not `Sequence`: a string is a sequence of strings.
    if isinstance(node.type, NonNullTypeNode):
        return f"list[{item}] | tuple[{item}, ...]"
    # A list without nulls is no list with them, to checkers: either may be given.
    return f"list[{item}] | list[{item} | None] | tuple[{item} | None, ...]"


def _non_null(node: TypeNode) -> TypeNode:
    return node.type if isinstance(node, NonNullTypeNode) else node


def named(node: TypeNode) -> NamedTypeNode:
    """Return what lists and non-null types are made of."""
    while isinstance(node, ListTypeNode | NonNullTypeNode):
        node = node.type
    if not isinstance(node, NamedTypeNode):
        raise TypeError(f"{node} is no type")
    return node


def _node(field: GraphQLInputField) -> InputValueDefinitionNode:
    if field.ast_node is None:
        raise TypeError("the schema was not read from a file")
    return field.ast_node

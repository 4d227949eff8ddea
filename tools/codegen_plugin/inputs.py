"""Writes `input_types.py`: a `TypedDict` for each input object that a variable has."""

from __future__ import annotations

from dataclasses import dataclass
from keyword import iskeyword
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
    from collections.abc import Mapping

    from graphql import (
        GraphQLInputField,
        GraphQLNamedType,
        GraphQLSchema,
        InputValueDefinitionNode,
        TypeNode,
    )

__all__ = ["InputsModule", "named"]


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
        found: dict[str, GraphQLInputObjectType] = {}
        pending = [*self.of_variables]
        while pending:
            kind = pending.pop()
            if kind.name not in found:
                found[kind.name] = kind
                inside = map(self._named, kind.fields.values())
                pending += (each for each in inside if isinstance(each, GraphQLInputObjectType))
        return [found[name] for name in sorted(found)]

    def problems(self) -> list[str]:
        """Return the fields that a `TypedDict` cannot have, each with what to do instead."""
        return [
            f"the schema: {kind.name}.{name} is a keyword of Python, and no key of a TypedDict; "
            "write one variable for each field, and the object in the document"
            for kind in self.kinds
            for name in kind.fields
            if iskeyword(name)
        ]

    def source(self) -> str:
        """Return the module, not yet formatted."""
        enums = {
            named.name
            for kind in self.kinds
            for each in kind.fields.values()
            if isinstance(named := self._named(each), GraphQLEnumType)
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
            item = self._annotation(node.type)
            # Not `Sequence`: a string is a sequence of strings.
            return f"list[{item}] | tuple[{item}, ...]"
        name = named(node).name.value
        return SIMPLE_TYPE_MAP.get(name) or self.scalars.get(name) or name

    def _named(self, field: GraphQLInputField) -> GraphQLNamedType:
        return self.schema.type_map[named(_node(field).type).name.value]


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

"""Enums and input objects of a schema: which are in use, and which Python cannot have."""

from __future__ import annotations

from enum import Enum
from keyword import iskeyword
from typing import TYPE_CHECKING, Final

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)

from wandb_runs.cli.codegen.plugin.inputs import inputs_inside, named, types_of
from wandb_runs.cli.codegen.plugin.names import TAKEN
from wandb_runs.cli.codegen.plugin.problems import place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from graphql import (
        GraphQLNamedType,
        GraphQLSchema,
        Node,
        VariableDefinitionNode,
    )

    from wandb_runs.cli.codegen.plugin.documents import Documents

__all__ = ["problems_of_types", "used_enums"]

# Members of these names would be others, or none: `name`, `title`, `mro`.
_NO_MEMBERS: Final = frozenset({*dir(str), *dir(Enum), "mro", "name", "value"})


def used_enums(documents: Documents, schema: GraphQLSchema) -> frozenset[str]:
    """Return the names of the enums that answers, variables and input objects have."""
    info = TypeInfo(schema)
    visitor = _TypesInUse(info)
    for node in (*documents.operations, *documents.fragments.values()):
        visit(node, TypeInfoVisitor(info, visitor))
    kinds = [kind for name in visitor.names if (kind := schema.type_map.get(name))]
    inputs = [each for each in kinds if isinstance(each, GraphQLInputObjectType)]
    kinds += [each for kind in inputs_inside(inputs, schema) for each in types_of(kind, schema)]
    return frozenset(each.name for each in kinds if isinstance(each, GraphQLEnumType))


def problems_of_types(
    schema: GraphQLSchema, enums: Collection[str], inputs: Iterable[GraphQLInputObjectType]
) -> list[str]:
    """Return the types in use that Python cannot have, each with what to do instead.

    Args:
        schema: The schema.
        enums: The names of its enums that are in use.
        inputs: Its input objects that are in use.
    """
    problems: list[str] = []
    kinds = [schema.type_map[name] for name in sorted(enums)]
    for kind in (*kinds, *inputs):
        where = _place_of(kind)
        if kind.name in TAKEN or not kind.name[0].isupper() or iskeyword(kind.name):
            problems.append(
                f"{where}{kind.name} would hide a name that the package needs; where the server "
                "has another name for it, write that, else leave it out of documents"
            )
        if isinstance(kind, GraphQLEnumType):
            problems += (
                f"{where}{kind.name}.{value} is no name for a member of an enum in Python; write "
                "String in place of the enum"
                for value in kind.values
                if value in _NO_MEMBERS or value.startswith("_")
            )
        elif isinstance(kind, GraphQLInputObjectType):
            problems += (
                f"{where}{kind.name}.{name} is a keyword of Python, and no key of a TypedDict; "
                "write one variable for each field, and the object in the document"
                for name in kind.fields
                if iskeyword(name)
            )
    return problems


class _TypesInUse(Visitor):
    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.names: set[str] = set()

    def enter_field(self, _node: FieldNode, *_: object) -> None:
        kind = str(self._info.get_type())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - graphql-core's alias
        self.names.add(kind.strip("[]!"))

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
        self.names.add(named(node.type).name.value)


def _place_of(kind: GraphQLNamedType) -> str:
    node: Node | None = kind.ast_node
    return "the schema: " if node is None else f"{place(node)}: "

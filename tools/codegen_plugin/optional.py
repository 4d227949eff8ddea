"""What a server may lack: read from the schema's `@optional`, checked, and written as trees.

`selections.py` has the tree of each operation, from which a document is made without what a server
lacks, and what that costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    OperationType,
    StringValueNode,
    print_ast,
)

from codegen_plugin.documents import is_essential
from codegen_plugin.problems import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphql import (
        ArgumentNode,
        FieldDefinitionNode,
        GraphQLField,
        GraphQLSchema,
        InputValueDefinitionNode,
        OperationDefinitionNode,
        SelectionNode,
        SelectionSetNode,
    )

    from codegen_plugin.documents import Documents

__all__ = ["SelectionsModule"]

_OPTIONAL: Final = "optional"

# What selects, places or identifies rows: without it, the rows would be others.
_NEVER: Final = frozenset(
    {
        "after",
        "edges",
        "endCursor",
        "entityName",
        "filters",
        "first",
        "hasNextPage",
        "liveKeys",
        "maxStep",
        "minStep",
        "name",
        "names",
        "node",
        "order",
        "pageInfo",
        "pattern",
        "samples",
        "specs",
        "sweepName",
    }
)
# Names that are read by people alone, or are not what the names above are.
_LABELS: Final = frozenset({"User.name", "Run.sweepName"})


@dataclass(frozen=True)
class SelectionsModule:
    """The source of `selections.py`.

    Attributes:
        documents: The operations and fragments.
        schema: The schema that they were validated against.
    """

    documents: Documents
    schema: GraphQLSchema

    def problems(self) -> list[str]:
        """Return what is marked and may not be, each with its place."""
        found: list[str] = []
        for coordinate, node in self._marked():
            name = node.name.value
            if name in _NEVER and coordinate not in _LABELS:
                found.append(
                    f"{place(node)}: {coordinate} selects, places or identifies rows and is never "
                    "left out; remove @optional"
                )
            elif not (_cost_of(node) or "").strip():
                found.append(f"{place(node)}: {coordinate}: @optional says what is lost in costs:")
        mutation = self.schema.mutation_type
        found += (
            f"{place(node)}: {coordinate}: nothing of a mutation is left out; remove @optional"
            for coordinate, node in self._marked()
            if mutation is not None and coordinate.startswith(f"{mutation.name}.")
        )
        found += (
            f"{place(each)}: {_name(each)}: fragments leave out what queries can do without, and "
            "nothing of a mutation is left out; write the fields"
            for each in self.documents.operations
            if each.operation is OperationType.MUTATION and self.documents.reachable(each)
        )
        for parent, field in self._all_fields():
            if is_essential(field) and self._field_cost(parent, field.name.value) is None:
                found.append(
                    f"{place(field)}: {parent}.{field.name.value} is never left out, so that "
                    "@essential says nothing; remove it"
                )
        return found

    def source(self) -> str:
        """Return the module, not yet formatted."""
        fragments = [
            f"{name!r}: Fragment({node.type_condition.name.value!r}, "
            f"{self._tree(node.type_condition.name.value, node.selection_set, can_go=True)}),"
            for name, node in sorted(self.documents.fragments.items())
        ]
        operations = [
            f"{node.name.value!r}: {self._query(node)},"
            for node in sorted(self.documents.operations, key=_name)
            if node.name is not None
        ]
        costs = dict(sorted(self._costs()))
        return "\n".join(
            [
                '"""What the operations select, and what a server may lack."""',
                "from __future__ import annotations",
                "from typing import TYPE_CHECKING, Final",
                "from wandb_runs.graphql.selections import (Argument, Field, Fragment, Query,"
                " Spread, Variable)",
                "if TYPE_CHECKING:",
                "    from collections.abc import Mapping",
                '__all__ = ["COSTS", "FRAGMENTS", "OPERATIONS"]',
                f"COSTS: Final[Mapping[str, str]] = {costs!r}",
                '"""What goes with each field and argument that may be left out."""',
                f"FRAGMENTS: Final[Mapping[str, Fragment]] = {{{' '.join(fragments)}}}",
                '"""The fragments, by name."""',
                f"OPERATIONS: Final[Mapping[str, Query]] = {{{' '.join(operations)}}}",
                '"""The operations, by name."""',
            ]
        )

    def _query(self, node: OperationDefinitionNode) -> str:
        root = self.schema.get_root_type(node.operation)
        variables = "".join(
            f"Variable({each.variable.name.value!r}, {print_ast(each.type)!r}"
            + (f", {print_ast(each.default_value)!r}" if each.default_value else "")
            + "),"
            for each in node.variable_definitions
        )
        can_go = node.operation is OperationType.QUERY
        tree = self._tree(root.name if root else "", node.selection_set, can_go=can_go)
        return f"Query({node.operation.value!r}, {_name(node)!r}, ({variables}), {tree})"

    def _tree(self, parent: str, selection_set: SelectionSetNode, *, can_go: bool) -> str:
        parts = (self._part(parent, each, can_go=can_go) for each in selection_set.selections)
        return f"({''.join(f'{part},' for part in parts)})"

    def _part(self, parent: str, node: SelectionNode, *, can_go: bool) -> str:
        if isinstance(node, FragmentSpreadNode):
            return f"Spread({node.name.value!r})"
        if not isinstance(node, FieldNode):
            raise TypeError(f"{node} is neither a field nor a spread")  # refused before
        name = node.name.value
        details = [repr(parent), repr(name)]
        if node.alias:
            details.append(f"alias={node.alias.value!r}")
        if node.arguments:
            arguments = (self._argument(parent, name, each, can_go) for each in node.arguments)
            details.append(f"arguments=({''.join(f'{each},' for each in arguments)})")
        if conditions := [each for each in node.directives if each.name.value != "essential"]:
            details.append(f"directives={' '.join(map(print_ast, conditions))!r}")
        if can_go and not is_essential(node) and self._field_cost(parent, name) is not None:
            details.append("is_optional=True")
        if node.selection_set is not None:
            below = self._type_of(parent, name)
            details.append(f"selections={self._tree(below, node.selection_set, can_go=can_go)}")
        return f"Field({', '.join(details)})"

    def _argument(self, parent: str, field: str, node: ArgumentNode, can_go: bool) -> str:  # noqa: FBT001 - as its caller has it
        name = node.name.value
        definition = self._definition(parent, field)
        found = [each for each in definition.arguments if each.name.value == name]
        goes = can_go and found and _cost_of(found[0]) is not None
        return (
            f"Argument({name!r}, {print_ast(node.value)!r}{', is_optional=True' if goes else ''})"
        )

    def _costs(self) -> Iterator[tuple[str, str]]:
        for coordinate, node in self._marked():
            yield coordinate, _cost_of(node) or ""

    def _marked(self) -> Iterator[tuple[str, FieldDefinitionNode | InputValueDefinitionNode]]:
        for type_ in self.schema.type_map.values():
            if not isinstance(type_, GraphQLObjectType):
                continue
            for name, field in type_.fields.items():
                if field.ast_node is None:  # of introspection
                    continue
                if _cost_of(field.ast_node) is not None:
                    yield f"{type_.name}.{name}", field.ast_node
                for argument in field.ast_node.arguments:
                    if _cost_of(argument) is not None:
                        yield f"{type_.name}.{name}({argument.name.value}:)", argument

    def _all_fields(self) -> Iterator[tuple[str, FieldNode]]:
        for operation in self.documents.operations:
            root = self.schema.get_root_type(operation.operation)
            if root is not None:
                yield from self._fields_in(root.name, operation.selection_set)
        for fragment in self.documents.fragments.values():
            yield from self._fields_in(fragment.type_condition.name.value, fragment.selection_set)

    def _fields_in(
        self, parent: str, selection_set: SelectionSetNode
    ) -> Iterator[tuple[str, FieldNode]]:
        for node in selection_set.selections:
            if not isinstance(node, FieldNode):
                continue
            yield parent, node
            if node.selection_set is not None and self._field_exists(parent, node.name.value):
                below = self._type_of(parent, node.name.value)
                yield from self._fields_in(below, node.selection_set)

    def _field_exists(self, parent: str, name: str) -> bool:
        type_ = self.schema.type_map.get(parent)
        return isinstance(type_, GraphQLObjectType) and name in type_.fields

    def _field_cost(self, parent: str, name: str) -> str | None:
        if not self._field_exists(parent, name):
            return None
        return _cost_of(self._definition(parent, name))

    def _definition(self, parent: str, name: str) -> FieldDefinitionNode:
        type_ = self.schema.type_map[parent]
        field: GraphQLField | None = None
        if isinstance(type_, GraphQLObjectType):
            field = type_.fields[name]
        if field is None or field.ast_node is None:
            raise TypeError(f"{parent}.{name} is no field of an object type")  # refused before
        return field.ast_node

    def _type_of(self, parent: str, name: str) -> str:
        return print_ast(self._definition(parent, name).type).strip("[]!")


def _cost_of(node: FieldDefinitionNode | InputValueDefinitionNode) -> str | None:
    """What `@optional` says; None where it is not there."""
    for directive in node.directives:
        if directive.name.value == _OPTIONAL:
            values = [each.value for each in directive.arguments if each.name.value == "costs"]
            return next((each.value for each in values if isinstance(each, StringValueNode)), "")
    return None


def _name(node: OperationDefinitionNode) -> str:
    return "" if node.name is None else node.name.value

"""What a server may lack: read from `@optional`, checked, and written as trees.

The mark stands in the schema, on what any document can do without unless it says `@essential`, and
in documents, on a field that this one can do without. `selections.py` has the tree of each
operation, from which a document is made without what a server lacks, and what that costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    NonNullTypeNode,
    OperationType,
    print_ast,
)

from wandb_runs.cli.codegen.plugin.documents import (
    cost_of_mark,
    has_variable_cost,
    is_essential,
    is_mark,
)
from wandb_runs.cli.codegen.plugin.problems import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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

    from wandb_runs.cli.codegen.plugin.documents import Documents

__all__ = ["SelectionsModule"]

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
# What makes a page, in any document.
_OF_PAGES: Final = frozenset({"edges", "node", "pageInfo", "endCursor", "hasNextPage"})
# Names that are read by people alone, or are not what the names above are.
_LABELS: Final = frozenset({"User.name", "Run.sweepName"})


# What goes with a thing where nothing is said of it: the end of "without Run.host, …".
_GENERAL: Final = "answers have None in its place"
_GENERAL_OF_ARGUMENTS: Final = "its field is asked for without it"


@dataclass(frozen=True)
class SelectionsModule:
    """The source of `selections.py`.

    Attributes:
        documents: The operations and fragments.
        schema: The schema that they were validated against.
        is_own: Whether they are this package's own: costs are told as the schema has them, which
            are those to its objects, and no mark may be idle.
    """

    documents: Documents
    schema: GraphQLSchema
    is_own: bool

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
        for operation in self.documents.operations:
            if operation.operation is OperationType.MUTATION:
                root = self.schema.get_root_type(operation.operation)
                found += (
                    f"{place(field)}: {parent}.{field.name.value}: nothing of a mutation is left "
                    "out; remove @optional"
                    for parent, field in self._fields_in(
                        root.name if root else "", operation.selection_set
                    )
                    if cost_of_mark(field.directives) is not None
                )
        for parent, field in self._all_fields():
            found += self._problems_of(parent, field)
        return found

    def _problems_of(self, parent: str, field: FieldNode) -> list[str]:
        name = field.name.value
        where = f"{place(field)}: {parent}.{name}"
        if has_variable_cost(field.directives):
            return [f"{where}: costs: of @optional is a text, and no variable; write it in quotes"]
        if is_essential(field):
            if cost_of_mark(field.directives) is not None:
                return [f"{where} is @optional and @essential; remove one"]
            if self.is_own and self._field_cost(parent, name) is None:
                return [f"{where} is never left out, so that @essential says nothing; remove it"]
        elif cost_of_mark(field.directives) is not None and self._field_exists(parent, name):
            if name in _OF_PAGES:
                return [f"{where} makes pages, and is never left out; remove @optional"]
            if isinstance(self._definition(parent, name).type, NonNullTypeNode):
                return [
                    f"{where} is never null in the schema, so that no answer is without it; "
                    "remove @optional, or write it without ! where --schema has it"
                ]
        return []

    def source(self) -> str:
        """Return the module, not yet formatted."""
        used = set[str]().union(
            *(
                self.documents.reachable(each)
                for each in self.documents.operations
                if each.operation is OperationType.MUTATION
            )
        )
        whole = (
            [
                "WHOLE_FRAGMENTS: Final[Mapping[str, Fragment]] = "
                f"{{{self._fragments(used, can_go=False)}}}",
                '"""The fragments of mutations, of which nothing is left out, by name."""',
            ]
            if used
            else []
        )
        operations = [
            f"{node.name.value!r}: {self._query(node)},"
            for node in sorted(self.documents.operations, key=_name)
            if node.name is not None
        ]
        costs = dict(sorted(self._costs().items()))
        exported = ', "WHOLE_FRAGMENTS"' if used else ""
        return "\n".join(
            [
                '"""What the operations select, and what a server may lack."""',
                "from __future__ import annotations",
                "from typing import TYPE_CHECKING, Final",
                "from wandb_runs.graphql.selections import (Argument, Field, Fragment, Query,"
                " Shape, Spread, Variable)",
                "if TYPE_CHECKING:",
                "    from collections.abc import Mapping",
                f'__all__ = ["COSTS", "FRAGMENTS", "OPERATIONS"{exported}, "shape_of"]',
                f"COSTS: Final[Mapping[str, str]] = {costs!r}",
                '"""What goes with each field and argument that may be left out."""',
                "FRAGMENTS: Final[Mapping[str, Fragment]] = "
                f"{{{self._fragments(self.documents.fragments, can_go=True)}}}",
                '"""The fragments, by name."""',
                *whole,
                f"OPERATIONS: Final[Mapping[str, Query]] = {{{' '.join(operations)}}}",
                '"""The operations, by name."""',
                "def shape_of(name: str) -> Shape:",
                '    """What an operation selects."""',
                *(
                    [
                        "    query = OPERATIONS[name]",
                        "    is_whole = query.kind == 'mutation'",
                        "    fragments = WHOLE_FRAGMENTS if is_whole else FRAGMENTS",
                        "    return Shape(query, fragments, COSTS)",
                    ]
                    if used
                    else ["    return Shape(OPERATIONS[name], FRAGMENTS, COSTS)"]
                ),
            ]
        )

    def _fragments(self, names: Iterable[str], *, can_go: bool) -> str:
        nodes = {name: self.documents.fragments[name] for name in sorted(names)}
        return " ".join(
            f"{name!r}: Fragment({node.type_condition.name.value!r}, "
            f"{self._tree(node.type_condition.name.value, node.selection_set, can_go=can_go)}),"
            for name, node in nodes.items()
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
        if conditions := [each for each in node.directives if not is_mark(each)]:
            details.append(f"directives={' '.join(map(print_ast, conditions))!r}")
        if can_go and self._cost_here(parent, node) is not None:
            details.append("is_optional=True")
        if node.selection_set is not None:
            below = self._type_of(parent, name)
            details.append(f"selections={self._tree(below, node.selection_set, can_go=can_go)}")
        return f"Field({', '.join(details)})"

    def _argument(self, parent: str, field: str, node: ArgumentNode, can_go: bool) -> str:  # noqa: FBT001 - as its caller has it
        name = node.name.value
        goes = can_go and self._argument_goes(parent, field, node)
        return (
            f"Argument({name!r}, {print_ast(node.value)!r}{', is_optional=True' if goes else ''})"
        )

    def _argument_goes(self, parent: str, field: str, node: ArgumentNode) -> bool:
        if not self._field_exists(parent, field):
            return False
        arguments = self._definition(parent, field).arguments
        return any(
            each.name.value == node.name.value and _cost_of(each) is not None for each in arguments
        )

    def _costs(self) -> dict[str, str]:
        costs = {name: _cost_of(node) or "" for name, node in self._marked()}
        if not self.is_own:
            costs = {}
        told: dict[str, list[str]] = {}
        for parent, field in self._all_fields():
            coordinate = f"{parent}.{field.name.value}"
            cost = self._cost_here(parent, field)
            if cost is not None and (coordinate not in costs or not self.is_own):
                told.setdefault(coordinate, []).append(cost or _GENERAL)
            for argument in field.arguments:
                if not self.is_own and self._argument_goes(parent, field.name.value, argument):
                    costs[f"{coordinate}({argument.name.value}:)"] = _GENERAL_OF_ARGUMENTS
        return costs | {
            name: ", and ".join(sorted({*each} - {_GENERAL}) or [_GENERAL])
            for name, each in told.items()
        }

    def _cost_here(self, parent: str, node: FieldNode) -> str | None:
        """What the document, or else the schema, says that goes with a field; None if it stays."""
        if is_essential(node):
            return None
        own = cost_of_mark(node.directives)
        if own is not None:
            return own
        cost = self._field_cost(parent, node.name.value)
        return cost if self.is_own or cost is None else ""

    def _marked(self) -> Iterator[tuple[str, FieldDefinitionNode | InputValueDefinitionNode]]:
        for type_ in self.schema.type_map.values():
            if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
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
        return isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and name in type_.fields

    def _field_cost(self, parent: str, name: str) -> str | None:
        if not self._field_exists(parent, name):
            return None
        return _cost_of(self._definition(parent, name))

    def _definition(self, parent: str, name: str) -> FieldDefinitionNode:
        type_ = self.schema.type_map[parent]
        field: GraphQLField | None = None
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            field = type_.fields[name]
        if field is None or field.ast_node is None:
            raise TypeError(f"{parent}.{name} has no field of that name")  # refused before
        return field.ast_node

    def _type_of(self, parent: str, name: str) -> str:
        return print_ast(self._definition(parent, name).type).strip("[]!")


def _cost_of(node: FieldDefinitionNode | InputValueDefinitionNode) -> str | None:
    """What `@optional` says; None where it is not there."""
    return cost_of_mark(node.directives)


def _name(node: OperationDefinitionNode) -> str:
    return "" if node.name is None else node.name.value

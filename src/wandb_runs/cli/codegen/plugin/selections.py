"""Refuses the selections that ariadne-codegen 0.19 gets wrong, most of them without a word."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, cast

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
)

from wandb_runs.cli.codegen.plugin.builders import result_module
from wandb_runs.cli.codegen.plugin.names import (
    TAKEN,
    argument_name,
    attribute_name,
    class_name,
)
from wandb_runs.cli.codegen.plugin.problems import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphql import (
        ExecutableDefinitionNode,
        GraphQLNamedType,
        GraphQLSchema,
        SelectionSetNode,
    )

    from wandb_runs.cli.codegen.plugin.documents import Documents

__all__ = ["problems_in"]


def problems_in(documents: Documents, schema: GraphQLSchema) -> list[str]:
    """Return what upstream would get wrong, each with its place and what to write instead."""
    return _Checker(documents, schema).run()


@dataclass(frozen=True)
class _Occurrence:
    """A field in a selection, once fragments are spread.

    Attributes:
        field: The field as it is written.
        source: The fragment through which it came, or none.
    """

    field: FieldNode
    source: str | None

    @property
    def key(self) -> str:
        return (self.field.alias or self.field.name).value

    def __str__(self) -> str:
        via = f"from {self.source!r}" if self.source else "directly"
        return f"{via} ({place(self.field)})"


class _Checker:
    def __init__(self, documents: Documents, schema: GraphQLSchema) -> None:
        self._documents = documents
        self._schema = schema
        self._problems: list[str] = []
        self._names: dict[str, str] = dict.fromkeys(TAKEN, "the generated package itself")
        for name, kind in schema.type_map.items():
            if isinstance(kind, GraphQLEnumType | GraphQLInputObjectType):
                self._names[name] = "a type of the schema"

    def run(self) -> list[str]:
        for fragment in self._documents.fragments.values():
            self._check_level(
                fragment,
                fragment.name.value,
                class_name(fragment.name.value),
                fragment.type_condition.name.value,
                fragment.selection_set,
            )
        for operation in self._documents.operations:
            self._check_operation(operation)
        return self._problems

    def _refuse(self, node: FieldNode | ExecutableDefinitionNode, path: str, problem: str) -> None:
        self._problems.append(f"{place(node)}: {path}: {problem}")

    def _check_operation(self, operation: OperationDefinitionNode) -> None:
        kind = operation.operation.value
        if operation.name is None:
            self._refuse(operation, f"a {kind}", "it has no name; name it with a verb")
            return
        name = operation.name.value
        root = self._schema.get_root_type(operation.operation)
        if operation.operation is OperationType.SUBSCRIPTION or root is None:
            self._refuse(operation, name, f"a {kind} is not supported; write a query")
            return
        self._claim(argument_name(name), operation, name)
        self._claim(result_module(name), operation, name)
        self._check_arguments(operation, name)
        self._check_level(operation, name, class_name(name), root.name, operation.selection_set)

    def _check_arguments(self, operation: OperationDefinitionNode, path: str) -> None:
        seen: dict[str, str] = {}
        for definition in operation.variable_definitions:
            variable = definition.variable.name.value
            if variable.startswith("_"):
                self._refuse(
                    operation,
                    path,
                    f"${variable} begins with an underscore, as names of the generated module do; "
                    "rename it",
                )
            other = seen.setdefault(argument_name(variable), variable)
            if other != variable:
                self._refuse(
                    operation,
                    path,
                    f"${other} and ${variable} are one argument in Python, "
                    f"{argument_name(variable)!r}; rename one",
                )

    def _check_level(
        self,
        definition: ExecutableDefinitionNode,
        path: str,
        name: str,
        parent: str,
        selection_set: SelectionSetNode,
    ) -> None:
        """Check one selection, which becomes the class `name`, and those below it."""
        self._claim(name, definition, path)
        parent_type = self._schema.type_map[parent]
        if not isinstance(parent_type, GraphQLObjectType | GraphQLInterfaceType):
            self._refuse(
                definition,
                path,
                f"{parent} is a union, whose models break as soon as the server adds a type; "
                "leave it out",
            )
            return
        self._check_spreads(definition, path, parent, selection_set)
        self._check_merging(definition, path, selection_set)
        for field in selection_set.selections:
            if not isinstance(field, FieldNode) or field.selection_set is None:
                continue
            key = _Occurrence(field, None).key
            below = parent_type.fields.get(field.name.value)
            if below is None:
                self._refuse(field, f"{path}.{key}", "introspection is not supported; leave it out")
                continue
            self._check_level(
                definition,
                f"{path}.{key}",
                class_name(attribute_name(key), name),
                cast("GraphQLNamedType", get_named_type(below.type)).name,
                field.selection_set,
            )

    def _claim(self, name: str, definition: ExecutableDefinitionNode, path: str) -> None:
        """Take a name in the generated package, where all names stand side by side."""
        if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
            self._refuse(
                definition,
                path,
                f"it makes the name {name!r}, which the package cannot have; rename the operation "
                "or fragment",
            )
            return
        if name in self._names:
            self._refuse(
                definition,
                path,
                f"the name {name!r} is taken by {self._names[name]}, and one would silently stand "
                "for both; rename the operation or fragment, or alias the field",
            )
        self._names[name] = f"{path} ({place(definition)})"

    def _check_spreads(
        self,
        definition: ExecutableDefinitionNode,
        path: str,
        parent: str,
        selection_set: SelectionSetNode,
    ) -> None:
        names: list[str] = []
        for selection in selection_set.selections:
            if isinstance(selection, InlineFragmentNode):
                self._problems.append(
                    f"{place(selection)}: {path}: an inline fragment adds nothing to an object "
                    "type, and its conditions are lost on the model, and what it selects of one "
                    "type of an interface breaks with each type that the server adds; write its "
                    "fields directly, each with its own @include or @skip"
                )
            elif isinstance(selection, FragmentSpreadNode):
                names.append(selection.name.value)
                kind = self._documents.fragments[names[-1]].type_condition.name.value
                if kind != parent:
                    self._problems.append(
                        f"{place(selection)}: {path}: ...{names[-1]} is on {kind}, and its model "
                        f"is lost where the type is {parent}; write a fragment on {parent}"
                    )
                if selection.directives:
                    self._problems.append(
                        f"{place(selection)}: {path}: a condition on ...{names[-1]} is lost on "
                        "the model, whose fields stay required; put @include or @skip on fields"
                    )
        for name in names:
            inside = [
                other
                for other in names
                if name in self._documents.reachable(self._documents.fragments[other])
            ]
            if inside or names.count(name) > 1:
                self._refuse(
                    definition,
                    path,
                    f"...{name} comes twice, again through {' and '.join(inside) or 'itself'}: "
                    "its model cannot be a base class twice; spread it once",
                )

    def _check_merging(
        self, definition: ExecutableDefinitionNode, path: str, selection_set: SelectionSetNode
    ) -> None:
        keys: dict[str, set[str]] = defaultdict(set)
        selections: dict[str, list[_Occurrence]] = defaultdict(list)
        for occurrence in self._fields(selection_set):
            keys[attribute_name(occurrence.key)].add(occurrence.key)
            if occurrence.field.selection_set is not None:
                selections[occurrence.key].append(occurrence)
        for attribute, meeting in keys.items():
            if len(meeting) > 1:
                self._refuse(
                    definition,
                    path,
                    f"{' and '.join(sorted(meeting))} are one attribute in Python, {attribute!r}, "
                    "and one of them would be lost; alias one",
                )
            elif not attribute.isidentifier():
                self._refuse(
                    definition,
                    path,
                    f"{' '.join(meeting)} makes {attribute!r}, no name in Python; alias it",
                )
        for key, occurrences in selections.items():
            if _merges(occurrences):
                self._refuse(
                    definition,
                    path,
                    f"{key} is selected more than once: {', '.join(map(str, occurrences))}; one "
                    "selection would win and the fields of the others be lost; select it in one "
                    "place",
                )

    def _fields(
        self, selection_set: SelectionSetNode, source: str | None = None
    ) -> Iterator[_Occurrence]:
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                yield _Occurrence(selection, source)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                below = self._documents.fragments[name].selection_set
                yield from self._fields(below, source or name)


def _merges(occurrences: list[_Occurrence]) -> bool:
    """Tell whether upstream would have to merge selections, which it does not."""
    # One and the same field may come by two ways, through a fragment that two others spread.
    written = {id(occurrence.field) for occurrence in occurrences}
    # What merges within one fragment is named there, not again wherever it is spread.
    sources = {occurrence.source for occurrence in occurrences}
    return len(written) > 1 and (None in sources or len(sources) > 1)

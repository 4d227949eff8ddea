"""Writes `operations.py`: one typed function for each operation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ariadne_codegen.client_generators.constants import SIMPLE_TYPE_MAP
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    ListTypeNode,
    NonNullTypeNode,
)

from wandb_runs.cli.codegen.plugin.inputs import InputsModule, list_of, named
from wandb_runs.cli.codegen.plugin.names import argument_name, class_name
from wandb_runs.cli.codegen.plugin.problems import CodegenRefusedError, place
from wandb_runs.errors.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphql import GraphQLSchema, OperationDefinitionNode, TypeNode, VariableDefinitionNode

    from wandb_runs.cli.codegen.plugin.documents import Documents

__all__ = ["OperationsModule", "result_module"]


def result_module(operation: str) -> str:
    """Return the module of an operation's models.

    It differs from the builder's name: the first import of a submodule would otherwise put the
    module in the builder's place on the package.
    """
    return f"{argument_name(operation)}_result"


@dataclass(frozen=True)
class _Argument:
    variable: str
    name: str
    annotation: str
    required: bool

    def __str__(self) -> str:
        if self.required:
            return f"{self.name}: {self.annotation}"
        return f"{self.name}: {self.annotation} | None = None"


@dataclass(frozen=True)
class OperationsModule:
    """The source of `operations.py`.

    Attributes:
        documents: The operations and fragments.
        schema: The schema that they were validated against.
        scalars: The Python type of each custom scalar.
        has_paths: Whether docstrings name a file with its path.
    """

    documents: Documents
    schema: GraphQLSchema
    scalars: Mapping[str, str]
    has_paths: bool

    @property
    def inputs(self) -> InputsModule:
        """The input objects that variables have, and those inside of them."""
        return InputsModule(
            self.schema,
            tuple(
                kind
                for operation in self.documents.operations
                for definition in operation.variable_definitions
                if isinstance(
                    kind := self.schema.type_map.get(named(definition.type).name.value),
                    GraphQLInputObjectType,
                )
            ),
            self.scalars,
        )

    def source(self) -> str:
        """Return the module, not yet formatted."""
        operations = sorted(self.documents.operations, key=_name)
        enums = sorted(
            name
            for operation in operations
            for definition in operation.variable_definitions
            if isinstance(
                self.schema.type_map.get(name := named(definition.type).name.value),
                GraphQLEnumType,
            )
        )
        return "\n".join(
            [
                '"""One function for each operation: it takes the variables, typed."""',
                "from __future__ import annotations",
                "from typing import TYPE_CHECKING",
                "from wandb_runs.graphql.operation import Operation, given as _given",
                "if TYPE_CHECKING:",
                "    from wandb_runs.graphql.selections import Shape",
                *_indented(f"from .enums import {name}" for name in dict.fromkeys(enums)),
                *_indented(
                    f"from .input_types import {kind.name}"
                    for kind in dict.fromkeys(self.inputs.of_variables)
                ),
                *_indented(_result_import(operation) for operation in operations),
                f"__all__ = {sorted(argument_name(_name(operation)) for operation in operations)}",
                *(line for operation in operations for line in self._builder(operation)),
            ]
        )

    def _builder(self, operation: OperationDefinitionNode) -> list[str]:
        name = _name(operation)
        function = argument_name(name)
        constant = f"_{function.upper()}"
        arguments = [self._argument(definition) for definition in operation.variable_definitions]
        signature = ["*", *map(str, arguments)]
        path = operation.loc.source.name if operation.loc else "?"
        source = path if self.has_paths else PurePosixPath(path).name
        variables = ", ".join(f"{a.variable!r}: {a.name}" for a in arguments)
        return [
            f"{constant} = {_literal(self.documents.text(operation))}",
            # Building requests needs no model.
            f"def _load_{function}() -> type[{class_name(name)}]:",
            f"    {_result_import(operation)}",
            f"    return {class_name(name)}",
            # Few servers lack anything: what is selected is not imported before one does.
            f"def _shape_{function}() -> Shape:",
            "    from .selections import shape_of",
            f"    return shape_of({name!r})",
            f"def {function}({', '.join(signature) if arguments else ''})"
            f" -> Operation[{class_name(name)}]:",
            _docstring(f"Ask what `{name}` in `{source}` asks; None leaves a variable out."),
            f"    return Operation(name={name!r}, kind={operation.operation.value!r},"
            f" document={constant}, variables=_given({{{variables}}}), load=_load_{function},"
            f" shape=_shape_{function})",
        ]

    def _argument(self, definition: VariableDefinitionNode) -> _Argument:
        variable = definition.variable.name.value
        required = isinstance(definition.type, NonNullTypeNode) and not definition.default_value
        type_ = definition.type.type if isinstance(definition.type, NonNullTypeNode) else None
        return _Argument(
            variable=variable,
            name=argument_name(variable),
            annotation=self._annotation(type_ or definition.type),
            required=required,
        )

    def _annotation(self, node: TypeNode) -> str:
        """Return the Python type of a variable's type, null left aside."""
        if isinstance(node, NonNullTypeNode):
            return self._annotation(node.type)
        if isinstance(node, ListTypeNode):
            return list_of(self._annotation(node.type), node)
        name = named(node).name.value
        return SIMPLE_TYPE_MAP.get(name) or self.scalars.get(name) or name


def _name(operation: OperationDefinitionNode) -> str:
    if operation.name is None:
        raise CodegenRefusedError([f"{place(operation)}: an operation without a name"])
    return operation.name.value


def _result_import(operation: OperationDefinitionNode) -> str:
    return f"from .{result_module(_name(operation))} import {class_name(_name(operation))}"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _docstring(text: str) -> str:
    """Return a line of a function's body that is its docstring, whatever the text quotes."""
    quoted = printable(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'    """{quoted}"""'


def _literal(text: str) -> str:
    """Return a string literal that keeps the document's lines.

    Upstream's own writer drops quotes and turns the escape for a newline into a newline.
    """
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = "\n".join(map(printable, escaped.split("\n")))
    return f'"""\\\n{lines}"""'

"""The hooks of ariadne-codegen, in the order in which it calls them."""

from __future__ import annotations

import ast
import textwrap
from typing import TYPE_CHECKING

from ariadne_codegen.client_generators.constants import SIMPLE_TYPE_MAP, TYPENAME_FIELD_NAME
from ariadne_codegen.plugins.base import Plugin
from ariadne_codegen.utils import format_code
from graphql import GraphQLScalarType, OperationDefinitionNode
from typing_extensions import override

from wandb_runs.cli.codegen.plugin.builders import OperationsModule, result_module
from wandb_runs.cli.codegen.plugin.names import argument_name
from wandb_runs.cli.codegen.plugin.optional import SelectionsModule
from wandb_runs.cli.codegen.plugin.selections import problems_in
from wandb_runs.cli.codegen.plugin.types import problems_of_types, used_enums

if TYPE_CHECKING:
    from pathlib import Path

    from graphql import ExecutableDefinitionNode, FieldNode, GraphQLEnumType, Node

    from wandb_runs.cli.codegen.plugin.spec import PackageSpec

__all__ = ["OperationsPlugin"]

_BASE_MODEL = '''
"""The base of all models, written by hand elsewhere."""

from wandb_runs.graphql.models import GraphQLModel as BaseModel

__all__ = ["BaseModel"]
'''

# Checkers see plain imports. At run time a module is imported when one of its models is touched,
# since building requests needs no model.
_INIT = '''
"""Typed operations on W&B's GraphQL API, and the models of their answers."""
from typing import TYPE_CHECKING
from .operations import {builders}

if TYPE_CHECKING:
{imports}
else:
    _MODULES = {modules!r}

    def __getattr__(name):
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
        return getattr(import_module(f".{{_MODULES[name]}}", __name__), name)

__all__ = {names!r}
'''


class OperationsPlugin(Plugin):
    """Adds builders, swaps the bases, and refuses what upstream gets wrong.

    Args:
        spec: What the package is made of.
        package: Where it goes.
    """

    def __init__(self, spec: PackageSpec, package: Path) -> None:
        super().__init__(spec.schema, {})  # pyright: ignore[reportUnknownMemberType] - a bare `dict`
        self._spec = spec
        self._package = package
        self._operations = OperationsModule(
            spec.documents, spec.schema, spec.scalars, has_paths=spec.has_paths
        )
        self._selections = SelectionsModule(spec.documents, spec.schema, is_own=spec.is_own)
        self._enums = used_enums(spec.documents, spec.schema)

    def problems(self) -> list[str]:
        """Return what upstream would get wrong, each with its place and what to write instead."""
        spec = self._spec
        return [
            *self._untyped_scalars(),
            *problems_in(spec.documents, spec.schema),
            *problems_of_types(spec.schema, self._enums, self._operations.inputs.kinds),
            *self._selections.problems(),
        ]

    def _untyped_scalars(self) -> list[str]:
        spec = self._spec
        custom = {
            name
            for name, kind in spec.schema.type_map.items()
            if isinstance(kind, GraphQLScalarType) and name not in SIMPLE_TYPE_MAP
        }
        return [
            f"scalar {name} has no type in Python and would be Any; "
            + spec.how_to_type.format(name)
            for name in sorted(custom - spec.scalars.keys())
        ]

    @override
    def process_name(self, name: str, node: Node | None = None) -> str:
        # For an operation, upstream asks for the name of its module.
        if isinstance(node, OperationDefinitionNode) and node.name is not None:
            return result_module(node.name.value)
        return name

    @override
    def generate_result_field(
        self,
        field_implementation: ast.AnnAssign,
        operation_definition: ExecutableDefinitionNode,
        field: FieldNode,
    ) -> ast.AnnAssign:
        if field.name.value == TYPENAME_FIELD_NAME:
            # A `Literal` would refuse a server that has another name for the type.
            field_implementation.annotation = ast.Name("str")
        return field_implementation

    @override
    def generate_enum(self, class_def: ast.ClassDef, enum_type: GraphQLEnumType) -> ast.ClassDef:
        class_def.bases = [ast.Name("OpenEnum")]
        return class_def

    @override
    def generate_enums_module(self, module: ast.Module) -> ast.Module:
        module.body = [
            each
            for each in module.body
            if not isinstance(each, ast.ClassDef) or each.name in self._enums
        ]
        # An unused import is removed when the module is formatted.
        module.body[:0] = ast.parse("from wandb_runs.graphql.models import OpenEnum").body
        return module

    @override
    def get_file_comment(self, comment: str, code: str, source: str | None = None) -> str:
        return ""  # written at the end: upstream writes in the encoding of the locale

    @override
    def copy_code(self, copied_code: str) -> str:
        return _BASE_MODEL  # no other file is copied

    @override
    def generate_init_module(self, module: ast.Module) -> ast.Module:
        modules = {
            alias.name: import_.module
            for import_ in module.body
            if isinstance(import_, ast.ImportFrom) and import_.module
            for alias in import_.names
            if import_.module != "enums" or alias.name in self._enums
        }
        builders = sorted(
            argument_name(operation.name.value)
            for operation in self._spec.documents.operations
            if operation.name
        )
        imports = "\n".join(f"from .{modules[name]} import {name}" for name in sorted(modules))
        return ast.parse(
            _INIT.format(
                builders=", ".join(builders),
                imports=textwrap.indent(imports, "    "),
                modules=dict(sorted(modules.items())),
                names=sorted([*modules, *builders]),
            )
        )

    @override
    def generate_files(self, generated_files: list[str]) -> list[str]:
        sources = {
            "operations.py": self._operations.source(),
            "selections.py": self._selections.source(),
        }
        if self._operations.inputs.kinds:
            sources["input_types.py"] = self._operations.inputs.source()
        written = {name: format_code(source) for name, source in sources.items()}
        for name in generated_files:
            written.setdefault(name, (self._package / name).read_text())
        for name, code in written.items():
            header = self._spec.header(name)
            if "# noqa: F401" in code:
                # pydantic looks names up in inherited annotations in the subclass's module, too.
                header += "\n# pyright: reportUnusedImport=false"
            (self._package / name).write_text(f"{header}\n\n{code.lstrip()}", encoding="utf-8")
        return sorted(written)

"""The hooks of ariadne-codegen, in the order in which it calls them."""

from __future__ import annotations

import ast
import textwrap
from typing import TYPE_CHECKING

from ariadne_codegen.client_generators.comments import get_stable_comment
from ariadne_codegen.client_generators.constants import SIMPLE_TYPE_MAP
from ariadne_codegen.plugins.base import Plugin
from ariadne_codegen.utils import format_code
from graphql import GraphQLScalarType, OperationDefinitionNode
from typing_extensions import override

from codegen_plugin.builders import OperationsModule, result_module
from codegen_plugin.config import Config
from codegen_plugin.documents import Documents
from codegen_plugin.names import argument_name
from codegen_plugin.optional import SelectionsModule
from codegen_plugin.problems import CodegenRefusedError
from codegen_plugin.selections import problems_in

if TYPE_CHECKING:
    from graphql import GraphQLEnumType, GraphQLSchema, Node

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
    """Adds builders, swaps the bases, and refuses what upstream gets wrong."""

    _operations: OperationsModule
    _selections: SelectionsModule

    def __init__(self, schema: GraphQLSchema, config_dict: dict[str, object]) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - upstream's bare `dict`
            schema, config_dict
        )
        self._config = Config.read(config_dict)

    @override
    def process_schema(self, schema: GraphQLSchema) -> GraphQLSchema:
        # The first hook of all, and the only one before upstream reads the queries.
        documents = Documents.read(self._config.queries_path, schema)
        self._operations = OperationsModule(documents, schema, self._config.scalars)
        self._selections = SelectionsModule(documents, schema)
        problems = [
            *self._untyped_scalars(schema),
            *problems_in(documents, schema),
            *self._operations.inputs.problems(),
            *self._selections.problems(),
        ]
        if problems:
            raise CodegenRefusedError(problems)
        return schema

    def _untyped_scalars(self, schema: GraphQLSchema) -> list[str]:
        custom = {
            name
            for name, kind in schema.type_map.items()
            if isinstance(kind, GraphQLScalarType) and name not in SIMPLE_TYPE_MAP
        }
        return [
            *(
                f"codegen.toml: scalar {name} has no type and would become Any; add it to "
                "[tool.ariadne-codegen.scalars]"
                for name in sorted(custom - self._config.scalars.keys())
            ),
            *(
                f"codegen.toml: the schema has no scalar {name}; remove it"
                for name in sorted(self._config.scalars.keys() - custom)
            ),
        ]

    @override
    def process_name(self, name: str, node: Node | None = None) -> str:
        # For an operation, upstream asks for the name of its module.
        if isinstance(node, OperationDefinitionNode) and node.name is not None:
            return result_module(node.name.value)
        return name

    @override
    def generate_enum(self, class_def: ast.ClassDef, enum_type: GraphQLEnumType) -> ast.ClassDef:
        class_def.bases = [ast.Name("OpenEnum")]
        return class_def

    @override
    def generate_enums_module(self, module: ast.Module) -> ast.Module:
        # An unused import is removed when the module is formatted.
        module.body[:0] = ast.parse("from wandb_runs.graphql.models import OpenEnum").body
        return module

    @override
    def get_file_comment(self, comment: str, code: str, source: str | None = None) -> str:
        # pydantic looks names up in inherited annotations in the module of the subclass, too.
        return (
            f"{comment}\n# pyright: reportUnusedImport=false" if "# noqa: F401" in code else comment
        )

    @override
    def copy_code(self, copied_code: str) -> str:
        # Only the base model is copied: the settings allow for no other file.
        header = copied_code.partition("\n")[0]
        return f"{header}\n{_BASE_MODEL}"

    @override
    def generate_init_module(self, module: ast.Module) -> ast.Module:
        modules = {
            alias.name: import_.module
            for import_ in module.body
            if isinstance(import_, ast.ImportFrom) and import_.module
            for alias in import_.names
        }
        builders = sorted(
            argument_name(operation.name.value)
            for operation in self._operations.documents.operations
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
        header = get_stable_comment(self._config.queries_path.as_posix())
        sources = {
            "operations.py": self._operations.source(),
            "selections.py": self._selections.source(),
        }
        if self._operations.inputs.kinds:
            sources["input_types.py"] = self._operations.inputs.source()
        for name, source in sources.items():
            code = format_code(source)
            (self._config.package / name).write_text(f"{header}\n\n{code}", encoding="utf-8")
        written = sorted({*generated_files, *sources})
        # Upstream leaves the modules of operations that are gone.
        for path in self._config.package.glob("*.py"):
            if path.name not in written:
                path.unlink()
        return written

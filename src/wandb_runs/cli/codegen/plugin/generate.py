"""One package from one schema and one set of documents, by ariadne-codegen and the plugin."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from ariadne_codegen.client_generators.package import get_package_generator
from ariadne_codegen.client_generators.scalars import ScalarData
from ariadne_codegen.plugins.manager import PluginManager
from ariadne_codegen.settings import ModelsOnlySettings

from wandb_runs.cli.codegen.plugin.hooks import OperationsPlugin
from wandb_runs.cli.codegen.plugin.problems import CodegenRefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.cli.codegen.plugin.spec import PackageSpec

__all__ = ["generate_package"]


def generate_package(spec: PackageSpec, folder: Path, name: str) -> Path:
    """Generate a package.

    Args:
        spec: What it is made of.
        folder: The folder in which it is made. It has to be there; the package may not.
        name: The package's name.

    Returns:
        The path of the package.

    Raises:
        CodegenRefusedError: Upstream would get something wrong; nothing is written.
    """
    plugin = OperationsPlugin(spec, folder / name)
    if problems := plugin.problems():
        raise CodegenRefusedError(problems)
    scalars = {each: ScalarData(type_=kind) for each, kind in spec.scalars.items()}
    settings = ModelsOnlySettings(
        # It must be there, and is not read: the schema is.
        schema_path=str(folder),
        target_package_path=str(folder),
        target_package_name=name,
        scalars=scalars,
        # Where a variable is an input object, the plugin writes a TypedDict.
        include_all_inputs=False,
        # `False` loses enums that only variables have; the plugin removes those that nothing has.
        include_all_enums=True,
        # An older server may leave out what it does not know.
        default_optional_fields_to_none=True,
        # What is selected of an interface are its own fields, whatever the type is.
        include_typename=False,
        # Both make the import of the package cheap.
        use_alias_generator=True,
        defer_model_build=True,
    )
    manager = PluginManager(spec.schema)
    manager.plugins.append(plugin)
    operations, fragments = spec.documents.copies()
    with warnings.catch_warnings():
        # Fields that are deprecated are told of by editors, and nothing here marks any.
        warnings.simplefilter("ignore", DeprecationWarning)
        generator = get_package_generator(spec.schema, fragments, settings, manager)
        for operation in operations:
            generator.add_operation(operation)
        generator.generate()
    return folder / name

"""The plugin of ariadne-codegen that makes it write what this package needs.

Upstream writes the models. The plugin adds typed builders, one for each operation; swaps the base
of models and enums for ours; and refuses what upstream would get wrong without a word. It stands on
hooks and internals of one minor version of ariadne-codegen, to which the extra `codegen` is bound.
"""

from wandb_runs.cli.codegen.plugin.documents import Documents
from wandb_runs.cli.codegen.plugin.generate import generate_package
from wandb_runs.cli.codegen.plugin.problems import CodegenRefusedError
from wandb_runs.cli.codegen.plugin.schema import read_schema
from wandb_runs.cli.codegen.plugin.spec import PackageSpec

__all__ = [
    "CodegenRefusedError",
    "Documents",
    "PackageSpec",
    "generate_package",
    "read_schema",
]

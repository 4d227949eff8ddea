"""The plugin of ariadne-codegen that makes it write what this package needs.

Upstream writes the models. The plugin adds typed builders, one for each operation; swaps the base
of models and enums for ours; and refuses what upstream would get wrong without a word.
"""

from codegen_plugin.plugin import OperationsPlugin

__all__ = ["OperationsPlugin"]

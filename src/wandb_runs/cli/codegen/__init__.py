"""Typed operations from a user's own GraphQL files: `wandb-runs codegen`.

ariadne-codegen writes the models, with the plugin in `plugin/`, which writes the package's own
operations, too. It needs the extra `codegen`: `pip install 'wandb-runs[codegen]'`.
"""

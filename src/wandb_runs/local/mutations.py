"""Resolvers of the schema's mutations, by topic."""

from __future__ import annotations

from typing import Final

from wandb_runs.local.bulk_mutations import bulk_mutations
from wandb_runs.local.file_mutations import file_mutations
from wandb_runs.local.project_mutations import project_mutations
from wandb_runs.local.run_mutations import run_mutations

__all__ = ["MUTATIONS"]

MUTATIONS: Final = (bulk_mutations, file_mutations, project_mutations, run_mutations)

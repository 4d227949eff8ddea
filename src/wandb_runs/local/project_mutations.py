"""Mutations of projects and sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field

from wandb_runs.local.ids import new_id
from wandb_runs.local.mutation_binding import Mutations, stored
from wandb_runs.local.sweeps import upsert_sweep

if TYPE_CHECKING:
    from wandb_runs.local.context import Context

__all__ = ["project_mutations"]

project_mutations: Final = Mutations()


class _UpsertSweep(BaseModel):
    id: str | None = None
    config: str | None = None
    description: str | None = None
    display_name: str | None = None
    entity: str | None = Field(None, alias="entity_name")
    project: str | None = Field(None, alias="project_name")
    state: str | None = None


@project_mutations.change("upsertSweep", _UpsertSweep)
def _upsert_sweep(context: Context, given: _UpsertSweep) -> dict[str, object]:
    entity, project, name = stored("Sweep", given.id) or (
        given.entity or context.entity,
        given.project or "uncategorized",
        given.id or new_id(),
    )
    values = given.model_dump(include={"config", "description", "display_name", "state"})
    with context.store.write() as writer:
        upsert_sweep(writer, entity, project, name, values)
    found = context.project(entity, project)
    return {"sweep": found and found.sweep(name), "config_validation_warnings": []}

"""Mutations of projects and sweeps."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field
from sqlalchemy import select, update

from wandb_runs.local.ids import new_id, storage_parts
from wandb_runs.local.mutation_binding import Mutations, stored
from wandb_runs.local.sweeps import upsert_sweep
from wandb_runs.local.tables import projects
from wandb_runs.local.where import BadRequestError

if TYPE_CHECKING:
    from wandb_runs.local.context import Context

__all__ = ["project_mutations"]

project_mutations: Final = Mutations()


class _UpsertModel(BaseModel):
    id: str | None = None
    name: str | None = None
    entity_name: str | None = None
    description: str | None = None


@project_mutations.change("upsertModel", _UpsertModel)
def _upsert_model(context: Context, given: _UpsertModel) -> dict[str, object]:
    match storage_parts(given.id or ""):
        case ["Project", "v1", name, entity] if entity:
            pass
        case _ if given.id is not None:
            raise BadRequestError(f"project {given.id} not found", HTTPStatus.NOT_FOUND)
        case _:
            entity, name = given.entity_name or context.entity, given.name or ""
    if not name:
        raise BadRequestError("name: a project needs one")
    with context.store.write() as writer:
        named = (projects.c.entity == entity, projects.c.name == name)
        is_new = writer.connection.scalar(select(projects.c.id).where(*named)) is None
        project_id = writer.project_id(entity, name)
        if given.description is not None:
            described = update(projects).where(projects.c.id == project_id)
            writer.connection.execute(described.values(description=given.description))
    found = context.project(entity, name)
    return {"project": found, "model": found, "inserted": is_new}


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

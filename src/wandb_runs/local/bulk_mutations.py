"""Mutations of many runs at once."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel
from sqlalchemy import select

from wandb_runs.local.deletion import bin_of, delete_runs, erase_deleted, move_runs
from wandb_runs.local.ingest import upsert_run
from wandb_runs.local.mutation_binding import Mutations, stored
from wandb_runs.local.selection import select_runs
from wandb_runs.local.tables import projects, runs
from wandb_runs.local.where import BadRequestError, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from wandb_runs.local.context import Context
    from wandb_runs.local.store import Store, Writer

__all__ = ["bulk_mutations"]

bulk_mutations: Final = Mutations()


class _Selection(BaseModel):
    entity_name: str
    project_name: str
    filters: str


def _find_project(connection: Connection, entity: str, project: str) -> int | None:
    """The row id of a project; None where there is none of that name."""
    found: int | None = connection.scalar(
        select(projects.c.id).where(projects.c.entity == entity, projects.c.name == project)
    )
    return found


def _project_id(connection: Connection, entity: str, project: str) -> int:
    found = _find_project(connection, entity, project) if entity else None
    if found is None:
        raise BadRequestError(f"project {entity}/{project} not found", HTTPStatus.NOT_FOUND)
    return found


@bulk_mutations.change("deleteRuns", _Selection)
def _delete_runs(context: Context, given: _Selection) -> dict[str, object]:
    with context.store.write() as writer:
        project_id = _project_id(writer.connection, given.entity_name, given.project_name)
        scope = Scope(writer.connection, project_id, writer.now)
        delete_runs(writer, project_id, select_runs(scope, given.filters))
    return {"errors": None}


@bulk_mutations.change("undeleteRuns", _Selection)
def _undelete_runs(context: Context, given: _Selection) -> dict[str, object]:
    with context.store.write() as writer:
        project_id = _project_id(writer.connection, given.entity_name, given.project_name)
        bin_id = bin_of(writer.connection, project_id)
        if bin_id is not None:
            scope = Scope(writer.connection, bin_id, writer.now)
            found = select_runs(scope, given.filters)
            move_runs(writer, found, project_id)
    return {"client_mutation_id": None}


class _ModifyRuns(BaseModel):
    entity_name: str | None = None
    project_name: str | None = None
    ids: list[str | None] | None = None
    filters: str | None = None
    add_tags: list[str | None] | None = None
    remove_tags: list[str | None] | None = None

    def tagged(self, tags: list[str]) -> list[str]:
        """Tags without those to remove, and with those to add, in their order."""
        kept = [tag for tag in tags if tag not in (self.remove_tags or ())]
        return [*dict.fromkeys(kept + [tag for tag in self.add_tags or () if tag])]


@bulk_mutations.change("modifyRuns", _ModifyRuns)
def _modify_runs(context: Context, given: _ModifyRuns) -> dict[str, object]:
    named = [each for each in given.ids or () if each]
    where = next((found for each in named if (found := stored("Run", each))), None)
    entity = given.entity_name or (where[0] if where else context.entity)
    project = given.project_name or (where[1] if where else "")
    # An id in either form; a storage id of another project names no run of this one.
    names: list[str] = []
    for each in named:
        found = stored("Run", each)
        names += [each] if found is None else [found[2]] * (found[:2] == (entity, project))
    with context.store.write() as writer:
        project_id = _project_id(writer.connection, entity, project)
        scope = Scope(writer.connection, project_id, writer.now)
        filters = given.filters
        if filters is None or names:
            filters = json.dumps({"name": {"$in": names}})
        changed = select_runs(scope, filters)
        held = select(runs.c.name, runs.c.tags).where(runs.c.id.in_(changed))
        for row in writer.connection.execute(held).all():
            before: list[str] = json.loads(row.tags)
            if before != (after := given.tagged(before)):
                upsert_run(writer, entity, project, row.name, {}, tags=after)
    shown = context.project(entity, project)
    modified = shown.runs(changed) if shown else []
    return {"runs": modified, "runs_sql": modified}


class _MoveRuns(BaseModel):
    source_entity_name: str
    source_project_name: str
    destination_entity_name: str
    destination_project_name: str
    filters: str


@bulk_mutations.change("moveRuns", _MoveRuns)
def _move_runs(context: Context, given: _MoveRuns) -> dict[str, object]:
    source = (given.source_entity_name, given.source_project_name)
    target = (given.destination_entity_name, given.destination_project_name)
    source_id = _project_id(context.connection, *source)
    scope = Scope(context.connection, source_id, context.store.now())
    chosen = select_runs(scope, given.filters)
    store = context.store
    task = context.tasks.start(
        f"Move runs from {'/'.join(source)} to {'/'.join(target)}",
        "MOVE_RUNS",
        lambda: _move(store, source_id, target, chosen),
    )
    return {"task": task}


def _move(store: Store, source_id: int, target: tuple[str, str], chosen: Sequence[int]) -> bool:
    """Move the runs that are still in their project; false where some ids are taken."""
    with store.write() as writer:
        connection = writer.connection
        target_id = _find_project(connection, *target) if target[0] else None
        if target_id == source_id:
            return True
        still = {
            row.id: row.name
            for row in connection.execute(
                select(runs.c.id, runs.c.name).where(runs.c.project_id == source_id)
            ).all()
        }
        leaving = {run_id: still[run_id] for run_id in chosen if run_id in still}
        if target_id is None:
            # As W&B: the task is finished, and the runs are in neither project.
            delete_runs(writer, source_id, [*leaving])
            return True
        taken = _names(writer, target_id)
        moved = {run_id: name for run_id, name in leaving.items() if name not in taken}
        erase_deleted(writer, target_id, [*moved.values()])
        move_runs(writer, [*moved], target_id)
        return len(moved) == len(leaving)


def _names(writer: Writer, project_id: int) -> set[str]:
    of_project = select(runs.c.name).where(runs.c.project_id == project_id)
    return set(writer.connection.scalars(of_project).all())

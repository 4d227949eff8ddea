"""What each change of the schema does."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from ariadne import MutationType
from pydantic import BaseModel, ConfigDict

from wandb_runs.local.context import context_of, file_path
from wandb_runs.local.ids import new_id, storage_id, storage_parts
from wandb_runs.local.ingest import delete_run, find_run, upsert_run
from wandb_runs.local.sweeps import upsert_sweep
from wandb_runs.local.where import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import GraphQLResolveInfo

__all__ = ["mutation"]

_T = TypeVar("_T")

mutation: Final = MutationType()


class _UpsertBucket(BaseModel):
    # W&B calls a project a model; older versions of pydantic keep such names to themselves.
    model_config = ConfigDict(protected_namespaces=())

    id: str | None = None
    name: str | None = None
    model_name: str | None = None
    entity_name: str | None = None
    group_name: str | None = None
    display_name: str | None = None
    description: str | None = None
    notes: str | None = None
    commit: str | None = None
    config: str | None = None
    host: str | None = None
    job_program: str | None = None
    job_type: str | None = None
    state: str | None = None
    sweep: str | None = None
    tags: list[str] | None = None
    summary_metrics: str | None = None


@mutation.field("upsertBucket")
def _upsert_bucket(
    _: object,
    info: GraphQLResolveInfo,
    input: Mapping[str, object],  # noqa: A002 - W&B's name
) -> dict[str, object]:
    context = context_of(info)
    context.require_viewer()
    given = _UpsertBucket.model_validate(input)
    match storage_parts(given.id or ""):
        case ["Run", "v1", name, project, entity]:
            pass
        case _:
            entity = given.entity_name or context.entity
            project = given.model_name or "uncategorized"
            name = given.name or given.id or new_id()
    values = {
        "group": given.group_name,
        "display_name": given.display_name,
        "description": given.description,
        "notes": given.notes,
        "commit": given.commit,
        "host": given.host,
        "program": given.job_program,
        "job_type": given.job_type,
        "state": given.state,
        "sweep_name": given.sweep,
        "username": context.entity,
    }
    with context.store.write() as writer:
        _row_id, is_new = _refusing(
            lambda: upsert_run(
                writer,
                entity,
                project,
                name,
                values,
                tags=given.tags,
                config=given.config,
                summary_metrics=given.summary_metrics,
            )
        )
    found = context.project(entity, project)
    return {"bucket": found and found.run(name), "inserted": is_new}


class _UpsertSweep(BaseModel):
    id: str | None = None
    config: str | None = None
    description: str | None = None
    display_name: str | None = None
    entity_name: str | None = None
    project_name: str | None = None
    state: str | None = None


@mutation.field("upsertSweep")
def _upsert_sweep(
    _: object,
    info: GraphQLResolveInfo,
    input: Mapping[str, object],  # noqa: A002 - W&B's name
) -> dict[str, object]:
    context = context_of(info)
    context.require_viewer()
    given = _UpsertSweep.model_validate(input)
    match storage_parts(given.id or ""):
        case ["Sweep", "v1", name, project, entity]:
            pass
        case _:
            entity = given.entity_name or context.entity
            project = given.project_name or "uncategorized"
            name = given.id or new_id()
    values = {
        "config": given.config,
        "description": given.description,
        "display_name": given.display_name,
        "state": given.state,
    }
    with context.store.write() as writer:
        upsert_sweep(writer, entity, project, name, values)
    found = context.project(entity, project)
    return {"sweep": found and found.sweep(name), "config_validation_warnings": []}


class _CreateRunFiles(BaseModel):
    entity_name: str | None = None
    project_name: str | None = None
    run_name: str | None = None
    files: list[str]


@mutation.field("createRunFiles")
def _create_run_files(
    _: object,
    info: GraphQLResolveInfo,
    input: Mapping[str, object],  # noqa: A002 - W&B's name
) -> dict[str, object]:
    context = context_of(info)
    context.require_viewer()
    given = _CreateRunFiles.model_validate(input)
    where = (given.entity_name or context.entity, given.project_name or "", given.run_name or "")
    if find_run(context.connection, *where) is None:
        raise BadRequestError(f"run {'/'.join(where)} not found", HTTPStatus.NOT_FOUND)
    entity, project, run = where
    return {
        "run_id": storage_id("Run", run, project, entity),
        "upload_headers": [],
        "files": [
            {"name": name, "upload_url": context.upload_url(file_path(*where, name))}
            for name in given.files
        ],
    }


class _DeleteRun(BaseModel):
    id: str
    client_mutation_id: str | None = None


@mutation.field("deleteRun")
def _delete_run(
    _: object,
    info: GraphQLResolveInfo,
    input: Mapping[str, object],  # noqa: A002 - W&B's name
) -> dict[str, object]:
    context = context_of(info)
    context.require_viewer()
    given = _DeleteRun.model_validate(input)
    with context.store.write() as writer:
        match storage_parts(given.id):
            case ["Run", "v1", name, project, entity]:
                found = find_run(writer.connection, entity, project, name)
            case _:
                found = None
        if found is None:
            raise BadRequestError(f"run {given.id} not found", HTTPStatus.NOT_FOUND)
        delete_run(writer, found)
    return {"client_mutation_id": given.client_mutation_id}


def _refusing(change: Callable[[], _T]) -> _T:
    try:
        return change()
    except (ValueError, RecursionError) as error:
        raise BadRequestError(str(error)) from error

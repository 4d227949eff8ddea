"""Mutations of one run."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field

from wandb_runs.local.branches import fork_run, read_branch_point, rewind_run
from wandb_runs.local.deletion import delete_runs
from wandb_runs.local.documents import read_object
from wandb_runs.local.ids import new_id
from wandb_runs.local.ingest import find_run, upsert_run
from wandb_runs.local.mutation_binding import Mutations, stored
from wandb_runs.local.states import ask_to_stop, forget_stop, set_state
from wandb_runs.local.where import BadRequestError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wandb_runs.local.context import Context

__all__ = ["run_mutations"]

run_mutations: Final = Mutations()


class _UpsertBucket(BaseModel):
    """A run's fields, by the columns that keep them; W&B calls a project a model."""

    id: str | None = None
    name: str | None = None
    project: str | None = Field(None, alias="model_name")
    entity: str | None = Field(None, alias="entity_name")
    group: str | None = Field(None, alias="group_name")
    display_name: str | None = None
    description: str | None = None
    notes: str | None = None
    commit: str | None = None
    config: str | None = None
    debug: bool | None = None
    host: str | None = None
    program: str | None = Field(None, alias="job_program")
    job_type: str | None = None
    state: str | None = None
    sweep_name: str | None = Field(None, alias="sweep")
    tags: list[str | None] | None = None
    summary_metrics: str | None = None

    def begins(self) -> bool:
        """Whether a program begins to log to the run, whatever the run holds.

        The SDK's first request says what runs where, and has the SDK's part of the config. When it
        resumes the run, it names the run's storage id. SDKs before 0.18 name none in either case;
        they alone say whether the run is for debugging.

        Raises:
            ValueError: The config is not a JSON object.
        """
        return self.starts() and self.id is None and self.debug is None

    def starts(self) -> bool:
        """Whether a program starts to log to the run, anew or where it was resumed.

        Raises:
            ValueError: The config is not a JSON object.
        """
        return bool(self.program or self.host) and "_wandb" in read_object(self.config)


_NOT_TEXT: Final = {
    "id",
    "name",
    "project",
    "entity",
    "config",
    "debug",
    "tags",
    "summary_metrics",
}


@run_mutations.change("upsertBucket", _UpsertBucket)
def _upsert_bucket(context: Context, given: _UpsertBucket) -> dict[str, object]:
    entity, project, name = stored("Run", given.id) or (
        given.entity or context.entity,
        given.project or "uncategorized",
        given.name or given.id or new_id(),
    )
    try:
        with context.store.write() as writer:
            run_id, is_new = upsert_run(
                writer,
                entity,
                project,
                name,
                {**given.model_dump(exclude=_NOT_TEXT), "username": context.entity},
                tags=None if given.tags is None else [each for each in given.tags if each],
                config=given.config,
                summary_metrics=given.summary_metrics,
                is_shared=context.is_shared,
                anew=given.begins() and not context.is_shared,
            )
            if given.starts() and not is_new:
                forget_stop(writer, run_id)
            point = read_branch_point(given.config)
            # A rewound run names itself.
            if point is not None and point.run_id != name:
                parent_id = find_run(writer.connection, entity, project, point.run_id)
                if parent_id is None:
                    raise BadRequestError(
                        f"run {entity}/{project}/{point.run_id}, to fork from, not found",
                        HTTPStatus.NOT_FOUND,
                    )
                fork_run(writer, run_id, parent_id, point)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(str(error)) from error
    found = context.project(entity, project)
    return {
        "bucket": found and found.run(name),
        "inserted": is_new,
        "server_settings": {"server_messages": []},
    }


class _RewindRun(BaseModel):
    run_name: str
    entity_name: str | None = None
    project_name: str | None = None
    metric_name: str
    metric_value: float


@run_mutations.change("rewindRun", _RewindRun)
def _rewind_run(context: Context, given: _RewindRun) -> dict[str, object]:
    if given.metric_name != "_step":
        raise BadRequestError("metricName: runs are rewound to a _step")
    entity, project = given.entity_name or context.entity, given.project_name or "uncategorized"
    with context.store.write() as writer:
        run_id = find_run(writer.connection, entity, project, given.run_name)
        if run_id is None:
            raise BadRequestError(
                f"run {entity}/{project}/{given.run_name} not found", HTTPStatus.NOT_FOUND
            )
        rewind_run(writer, run_id, given.run_name, given.metric_value)
    found = context.project(entity, project)
    return {"rewound_run": found and found.run(given.run_name)}


class _DeleteRun(BaseModel):
    id: str
    client_mutation_id: str | None = None


@run_mutations.change("deleteRun", _DeleteRun)
def _delete_run(context: Context, given: _DeleteRun) -> dict[str, object]:
    where = stored("Run", given.id)
    if where is None:
        raise BadRequestError(f"run {given.id} not found", HTTPStatus.NOT_FOUND)
    with context.store.write() as writer:
        found = find_run(writer.connection, *where)
        # A run that is gone is what the request asks for: a retry after a lost answer succeeds.
        if found is not None:
            project_id = writer.project_id(where[0], where[1])
            delete_runs(writer, project_id, [found])
    return {"client_mutation_id": given.client_mutation_id}


class _RunState(BaseModel):
    id: str
    state: str


def _run_id(connection: Connection, storage: str) -> int:
    where = stored("Run", storage)
    found = None if where is None else find_run(connection, *where)
    if found is None:
        raise BadRequestError(f"run {storage} not found", HTTPStatus.NOT_FOUND)
    return found


@run_mutations.change("updateRunState", _RunState)
def _update_run_state(context: Context, given: _RunState) -> dict[str, object]:
    with context.store.write() as writer:
        set_state(writer, _run_id(writer.connection, given.id), given.state)
    return {"success": True}


class _StopRun(BaseModel):
    id: str


@run_mutations.change("stopRun", _StopRun)
def _stop_run(context: Context, given: _StopRun) -> dict[str, object]:
    with context.store.write() as writer:
        ask_to_stop(writer, _run_id(writer.connection, given.id))
    return {"success": True}

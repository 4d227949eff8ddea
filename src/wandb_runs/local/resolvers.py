"""Resolvers of the schema's queries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from ariadne import ObjectType, QueryType
from sqlalchemy import func, select

from wandb_runs.local.console import (
    ConsoleLine,
    count_console,
    end_of_console,
    read_console,
)
from wandb_runs.local.context import context_of
from wandb_runs.local.discovery import count_tags, list_fields
from wandb_runs.local.documents import read_object
from wandb_runs.local.ids import storage_id
from wandb_runs.local.nodes import Project, Run, Sweep, iso
from wandb_runs.local.pages import PageRequest, cursor_at, read_page
from wandb_runs.local.sampling import (
    DEFAULT_SAMPLES,
    Spec,
    page_lines,
    sample_lines,
    sample_values,
)
from wandb_runs.local.selection import within_limits
from wandb_runs.local.sorting import select_ids
from wandb_runs.local.sweeps import best_loss, expected_runs, search_method
from wandb_runs.local.tables import Stream, runs
from wandb_runs.local.where import compile_filters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphql import GraphQLResolveInfo

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.pages import Page
    from wandb_runs.local.tasks import Task

__all__ = ["BINDABLES", "entity_named", "user_named"]

query: Final = QueryType()
user_type: Final = ObjectType("User")
project_type: Final = ObjectType("Project")
run_type: Final = ObjectType("Run")
sweep_type: Final = ObjectType("Sweep")


def user_named(username: str) -> dict[str, object]:
    """What a user is told to be."""
    return {
        "id": storage_id("User", username),
        "name": username,
        "username": username,
        "entity": username,
        "default_entity": entity_named(username),
        "flags": "{}",
        "admin": False,
        "api_keys": {"edges": []},
    }


def entity_named(name: str) -> dict[str, object]:
    """What a user or a team is told to be."""
    return {"id": storage_id("Entity", name), "name": name}


@query.field("viewer")
def _viewer(_: object, info: GraphQLResolveInfo) -> dict[str, object] | None:
    context = context_of(info)
    return user_named(context.entity) if context.is_viewer else None


@query.field("project")
@query.field("model")
def _project(
    _: object, info: GraphQLResolveInfo, name: str | None = None, entity_name: str | None = None
) -> Project | None:
    return context_of(info).project(entity_name, name)


@query.field("entity")
def _entity_named(
    _: object, info: GraphQLResolveInfo, name: str | None = None
) -> dict[str, object]:
    return entity_named(name or context_of(info).entity)


@query.field("serverInfo")
def _server_info(_: object, info: GraphQLResolveInfo) -> dict[str, object]:
    features = [{"name": name, "is_enabled": True} for name in context_of(info).features]
    return {"features": features, "cli_version_info": {"max_cli_version": "999.0.0"}}


@query.field("task")
def _task(_: object, info: GraphQLResolveInfo, id: str) -> Task | None:  # noqa: A002 - W&B's name
    context = context_of(info)
    return context.tasks.poll(id) if context.is_viewer else None


@project_type.field("internalId")
def _internal_id(project: Project, _: GraphQLResolveInfo) -> str:
    return str(project.row_id)


@project_type.field("readOnly")
@run_type.field("readOnly")
def _read_only(_: object, info: GraphQLResolveInfo) -> bool:
    context = context_of(info)
    return context.may_only_read or not context.is_viewer


@project_type.field("entity")
def _project_entity(project: Project, _: GraphQLResolveInfo) -> dict[str, object]:
    return entity_named(project.entity_name)


@project_type.field("runCount")
def _run_count(project: Project, _: GraphQLResolveInfo, filters: str | None = None) -> int:
    with within_limits():
        where = compile_filters(filters, project.scope)
        return project.scope.connection.execute(
            select(func.count())
            .select_from(runs)
            .where(runs.c.project_id == project.row_id, where.condition)
        ).scalar_one()


@project_type.field("runs")
def _runs(
    project: Project,
    info: GraphQLResolveInfo,
    filters: str | None = None,
    order: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> Page[Run]:
    return _run_page(info, project, filters, order, PageRequest(after, first))


def _run_page(
    info: GraphQLResolveInfo,
    project: Project,
    filters: str | None,
    order: str | None,
    request: PageRequest,
) -> Page[Run]:
    def find(offset: int, limit: int) -> Sequence[Run]:
        where = compile_filters(filters, project.scope)
        return project.runs(select_ids(project.scope, where, order, offset, limit))

    def read(request: PageRequest) -> Page[Run]:
        return read_page(request, find)

    paging = context_of(info).paging
    with within_limits():
        return read(request) if paging is None else paging(request, read)


@project_type.field("run")
@project_type.field("bucket")
def _run(project: Project, _: GraphQLResolveInfo, name: str, **__: object) -> Run | None:
    return project.run(name)


@project_type.field("sweep")
def _sweep(project: Project, _: GraphQLResolveInfo, sweep_name: str) -> Sweep | None:
    return project.sweep(sweep_name)


@project_type.field("fields")
def _fields(
    project: Project, _: GraphQLResolveInfo, after: str | None = None, first: int | None = None
) -> Page[dict[str, str]]:
    return read_page(
        PageRequest(after, first), lambda offset, limit: list_fields(project.scope, offset, limit)
    )


@project_type.field("tagCounts")
def _tag_counts(
    project: Project, _: GraphQLResolveInfo, filters: str | None = None
) -> list[dict[str, object]]:
    with within_limits():
        return count_tags(project.scope, compile_filters(filters, project.scope))


@project_type.field("totalSweeps")
def _total_sweeps(project: Project, _: GraphQLResolveInfo) -> int:
    return len(project.sweeps())


@project_type.field("sweeps")
def _sweeps(
    project: Project,
    _: GraphQLResolveInfo,
    after: str | None = None,
    first: int | None = None,
    **__: object,
) -> Page[Sweep]:
    listed = project.sweeps()
    return read_page(
        PageRequest(after, first), lambda offset, limit: listed[offset : offset + limit]
    )


@run_type.field("projectId")
def _project_id(run: Run, _: GraphQLResolveInfo) -> str:
    return str(run.project.row_id)


@run_type.field("user")
def _run_user(run: Run, _: GraphQLResolveInfo) -> dict[str, object] | None:
    return user_named(run.username) if run.username else None


@run_type.field("config")
def _config(run: Run, _: GraphQLResolveInfo, keys: list[str] | None = None) -> str | None:
    return _only(run.batch.document("config", run.row_id), keys)


@run_type.field("wandbConfig")
def _wandb_config(run: Run, _: GraphQLResolveInfo, keys: list[str] | None = None) -> str:
    entry = read_object(run.batch.document("config", run.row_id)).get("_wandb")
    inner = entry.get("value") if isinstance(entry, dict) else None
    return _only(json.dumps(inner if isinstance(inner, dict) else {}), keys) or "{}"


@run_type.field("summaryMetrics")
def _summary_metrics(run: Run, _: GraphQLResolveInfo, keys: list[str] | None = None) -> str | None:
    return _only(run.batch.document("summary_metrics", run.row_id), keys)


def _only(document: str | None, keys: list[str] | None) -> str | None:
    if document is None or keys is None:
        return document
    wanted = set(keys)
    kept = {key: value for key, value in read_object(document).items() if key in wanted}
    return json.dumps(kept, ensure_ascii=False)


@run_type.field("systemMetrics")
def _system_metrics(run: Run, _: GraphQLResolveInfo) -> str | None:
    return run.batch.document("system_metrics", run.row_id)


@run_type.field("historyKeys")
def _history_keys(run: Run, _: GraphQLResolveInfo) -> Mapping[str, JSONValue] | None:
    document = run.batch.document("history_keys", run.row_id)
    return read_object(document) if document else None


@run_type.field("sampledHistory")
def _sampled_history(
    run: Run, _: GraphQLResolveInfo, specs: list[str]
) -> list[list[dict[str, JSONValue]]]:
    sample = run.batch.once(
        ("sampledHistory", *specs),
        lambda connection, ids: sample_values(connection, ids, [*map(Spec.parse, specs)]),
    )
    return sample[run.row_id]


@run_type.field("history")
def _history(
    run: Run,
    _: GraphQLResolveInfo,
    samples: int | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    **__: object,
) -> list[str]:
    size = DEFAULT_SAMPLES if samples is None else samples
    if min_step is None and max_step is None:
        return _sampled(run, Stream.HISTORY, size)
    page = run.batch.once(
        ("history", size, min_step, max_step),
        lambda connection, ids: page_lines(connection, ids, size, min_step, max_step),
    )
    return page.get(run.row_id, [])


@run_type.field("events")
def _events(run: Run, _: GraphQLResolveInfo, samples: int | None = None) -> list[str]:
    return _sampled(run, Stream.EVENTS, DEFAULT_SAMPLES if samples is None else samples)


def _sampled(run: Run, stream: Stream, samples: int) -> list[str]:
    sample = run.batch.once(
        (stream, samples),
        lambda connection, ids: sample_lines(connection, ids, stream, samples),
    )
    return sample.get(run.row_id, [])


@run_type.field("historyTail")
def _history_tail(run: Run, _: GraphQLResolveInfo) -> str:
    # The last row is the second of two.
    return json.dumps(_sampled(run, Stream.HISTORY, 2)[-1:])


@run_type.field("eventsTail")
def _events_tail(run: Run, _: GraphQLResolveInfo) -> str:
    return json.dumps(_sampled(run, Stream.EVENTS, 2)[-1:])


@run_type.field("logLineCount")
def _log_line_count(run: Run, _: GraphQLResolveInfo) -> int:
    return end_of_console(run.project.scope.connection, run.row_id)


@run_type.field("logLines")
def _log_lines(
    run: Run,
    _: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    **__: object,
) -> Page[ConsoleLine]:
    connection = run.project.scope.connection
    if last is not None:
        before = max(0, count_console(connection, run.row_id) - max(0, last))
        first, after = last, cursor_at(before - 1) if before else None
    return read_page(
        PageRequest(after, first),
        lambda offset, limit: read_console(connection, run.row_id, offset, limit),
    )


@run_type.field("running")
def _running(run: Run, _: GraphQLResolveInfo) -> bool:
    return run.state == "running"


@run_type.field("failed")
def _failed(run: Run, _: GraphQLResolveInfo) -> bool:
    return run.state in {"failed", "crashed"}


@run_type.field("shouldStop")
def _should_stop(run: Run, _: GraphQLResolveInfo) -> bool:
    return run.stopped


@sweep_type.field("earlyStopJobRunning")
def _never(*_: object) -> bool:
    return False


@sweep_type.field("method")
def _method(sweep: Sweep, _: GraphQLResolveInfo) -> str:
    return search_method(sweep.config) or ""


@sweep_type.field("runCountExpected")
def _run_count_expected(sweep: Sweep, _: GraphQLResolveInfo) -> int | None:
    return expected_runs(sweep.config)


@sweep_type.field("bestLoss")
def _best_loss(sweep: Sweep, _: GraphQLResolveInfo) -> float | None:
    return best_loss(sweep.project.scope, sweep.name, sweep.config)


@sweep_type.field("heartbeatAt")
def _sweep_heartbeat(sweep: Sweep, _: GraphQLResolveInfo) -> str:
    latest = sweep.project.scope.connection.scalar(
        select(func.max(runs.c.heartbeat_at)).where(
            runs.c.project_id == sweep.project.row_id, runs.c.sweep_name == sweep.name
        )
    )
    return sweep.updated_at if latest is None else iso(latest)


@sweep_type.field("runs")
def _sweep_runs(
    sweep: Sweep,
    info: GraphQLResolveInfo,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> Page[Run]:
    chosen = json.dumps({"sweep": sweep.name})
    request = PageRequest(after, first)
    return _run_page(info, sweep.project, chosen, order or "+created_at", request)


BINDABLES: Final = (query, user_type, project_type, run_type, sweep_type)

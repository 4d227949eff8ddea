"""The queries that changes, files, console output and lists of projects need, tried once each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandb_runs.diagnosis.findings import Step, found
from wandb_runs.diagnosis.pages import edges_of, present, the_project, the_run
from wandb_runs.diagnosis.wording import counted
from wandb_runs.graphql._generated import (
    get_features,
    get_project,
    get_run_state,
    get_task,
    list_files,
    list_last_log_lines,
    list_log_lines,
    list_projects,
    list_sweeps,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.diagnosis.findings import Findings, Outcome
    from wandb_runs.graphql.flow import Flow

__all__ = ["MANAGING_QUERIES"]

_FEW: Final = 2

# The storage id of nothing: base 64 of `Task:0`.
_NO_TASK: Final = "VGFzazow"


def _get_project(findings: Findings) -> Flow[Outcome]:
    the_project((yield from findings.meter.send(get_project(**findings.place))).project)
    return found("a project")


def _list_projects(findings: Findings) -> Flow[Outcome]:
    operation = list_projects(entity=findings.place["entity"], first=_FEW)
    models = (yield from findings.meter.send(operation)).models
    return found(counted(len(edges_of(models)), "project"))


def _list_sweeps(findings: Findings) -> Flow[Outcome]:
    operation = list_sweeps(**findings.place, first=_FEW)
    sweeps = the_project((yield from findings.meter.send(operation)).project).sweeps
    return found(counted(len(edges_of(sweeps)), "sweep"))


def _get_run_state(findings: Findings) -> Flow[Outcome]:
    operation = get_run_state(**findings.place, id=findings.run.id)
    run = the_run(the_project((yield from findings.meter.send(operation)).project).run)
    present(run.state, "the state of a run")
    return found("a state")


def _list_files(findings: Findings) -> Flow[Outcome]:
    operation = list_files(**findings.place, id=findings.run.id, first=_FEW)
    files = the_run(the_project((yield from findings.meter.send(operation)).project).run).files
    return found(counted(len(edges_of(files)), "file"))


def _list_log_lines(findings: Findings) -> Flow[Outcome]:
    operation = list_log_lines(**findings.place, id=findings.run.id, first=_FEW)
    lines = the_run(the_project((yield from findings.meter.send(operation)).project).run).log_lines
    return found(counted(len(edges_of(lines)), "line"))


def _list_last_log_lines(findings: Findings) -> Flow[Outcome]:
    operation = list_last_log_lines(**findings.place, id=findings.run.id, last=_FEW)
    lines = the_run(the_project((yield from findings.meter.send(operation)).project).run).log_lines
    return found(counted(len(edges_of(lines)), "line"))


def _get_features(findings: Findings) -> Flow[Outcome]:
    info = (yield from findings.meter.send(get_features())).server_info
    features = present(info, "what the server is").features
    enabled = [each for each in features or () if each is not None and each.is_enabled]
    return found(f"{len(enabled)} of {counted(len(features or ()), 'feature')} enabled")


def _get_task(findings: Findings) -> Flow[Outcome]:
    task = (yield from findings.meter.send(get_task(id=_NO_TASK))).task
    return found("null, for an id that no task has" if task is None else "a task")


MANAGING_QUERIES: Final[Sequence[Step]] = (
    Step("query GetProject", _get_project),
    Step("query ListProjects", _list_projects),
    Step("query ListSweeps", _list_sweeps),
    Step("query GetRunState", _get_run_state, needs="run"),
    Step("query ListFiles", _list_files, needs="run"),
    Step("query ListLogLines", _list_log_lines, needs="run"),
    Step("query ListLastLogLines", _list_last_log_lines, needs="run"),
    # Uploads and moves do without these.
    Step("query GetFeatures", _get_features, is_vital=False),
    Step("query GetTask", _get_task, is_vital=False),
)
"""The queries, which need the project that was listed."""

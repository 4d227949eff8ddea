"""Each query of this package, tried once on a project, with a size of a few runs or rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandb_runs.diagnosis.contents import Contents, count_metrics, read_rows, spec_of
from wandb_runs.diagnosis.findings import WHOLE, ListedRun, MetricPair, Step, found
from wandb_runs.diagnosis.pages import edges_of, present, the_project, the_run
from wandb_runs.diagnosis.wording import NullError, counted
from wandb_runs.errors import (
    AuthenticationError,
    BadResponseError,
    GraphQLError,
    ServerError,
    WandbRunsError,
)
from wandb_runs.graphql._generated import (
    count_runs,
    count_tags,
    get_events,
    get_history,
    get_history_keys,
    get_parquet_history,
    get_run,
    get_run_details,
    get_run_file,
    get_sampled_history,
    get_sweep,
    get_viewer,
    list_configs,
    list_documents,
    list_events,
    list_fields,
    list_histories,
    list_keys,
    list_parquet_histories,
    list_run_ids,
    list_runs,
    list_sampled_histories,
    list_summaries,
    scan_history,
)
from wandb_runs.graphql.nested import pick
from wandb_runs.pagination.changes import creation_key, name_filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.diagnosis.findings import Findings, Outcome
    from wandb_runs.graphql.flow import Flow

__all__ = ["FIRST_QUERY", "PROJECT_QUERIES", "VIEWER_QUERY"]

_FIRST: Final = 3
"""Runs of a page."""

_FEW: Final = 2
"""Rows of a history."""

_OLDEST: Final = "+created_at"
_NEWEST: Final = "-created_at"

_NO_SWEEP: Final = "no-such-sweep"


# The viewer.


def _get_viewer(findings: Findings) -> Flow[Outcome]:
    try:
        viewer = (yield from findings.meter.send(get_viewer())).viewer
    except AuthenticationError as error:
        findings.is_refused, findings.is_unsent = error.attempts > 0, not error.attempts
        if findings.is_unsent:
            findings.blocked = "nothing is sent to the server without a key for it"
        raise
    except WandbRunsError as error:
        if getattr(error, "may_have_arrived", True) is False:
            findings.blocked = "there is no connection to the server"
        raise
    findings.answered, findings.has_viewer = findings.meter, viewer is not None
    if viewer is None:
        return found("no user")
    findings.entity = findings.entity or viewer.entity
    return found("a user")


VIEWER_QUERY: Final = Step("query GetViewer", _get_viewer, needs="nothing")


# Listings.


def _list_runs(findings: Findings) -> Flow[Outcome]:
    operation = list_runs(**findings.place, filters="{}", order=_OLDEST, first=_FIRST)
    try:
        project = (yield from findings.meter.send(operation)).project
    except (BadResponseError, GraphQLError, ServerError):
        raise  # another query may be answered
    except AuthenticationError:
        findings.blocked = "the server does not accept the key"
        raise
    except WandbRunsError:
        findings.blocked = "the server does not answer"
        raise
    findings.is_listed, findings.is_missing = True, project is None
    if project is None:
        return found("no project")
    edges = edges_of(project.runs)
    findings.cursors = [edge.cursor for edge in edges]
    for node in (edge.node for edge in edges):
        if node is not None:
            contents = Contents(node.config, node.summary_metrics)
            _note_keys(findings, contents)
            findings.note(
                ListedRun(
                    node.id,
                    node.history_line_count or 0,
                    creation_key(node.created_at),
                    contents.values,
                    node.sweep_name,
                )
            )
    return found(counted(len(edges), "run"))


def _list_run_ids(findings: Findings) -> Flow[Outcome]:
    """The page behind the first run, as its cursor has it."""
    after = findings.cursors[0] if findings.cursors else None
    operation = list_run_ids(**findings.place, filters="{}", order=_OLDEST, first=_FEW, after=after)
    runs = the_project((yield from findings.meter.send(operation)).project).runs
    ids = [edge.node.id for edge in edges_of(runs) if edge.node is not None]
    if after is not None and len(findings.cursors) > 1 and len(findings.runs) > 1:
        findings.goes_on = ids[:1] == [findings.runs[1].id]
    for run_id in ids:
        findings.note(ListedRun(run_id))
    return found(counted(len(ids), "id"))


def _count_runs(findings: Findings) -> Flow[Outcome]:
    operation = count_runs(**findings.place, filters="{}")
    project = the_project((yield from findings.meter.send(operation)).project)
    if project.run_count is None:
        return found("null, so that runs are counted by their ids")
    return found(counted(project.run_count, "run"))


def _list_documents(findings: Findings) -> Flow[Outcome]:
    operation = list_documents(**findings.place, filters="{}", order=_NEWEST, first=_FEW)
    runs = the_project((yield from findings.meter.send(operation)).project).runs
    edges = edges_of(runs)
    for node in (edge.node for edge in edges):
        if node is not None:
            contents = Contents(node.config, node.summary_metrics)
            _note_keys(findings, contents)
            created_key = creation_key(node.created_at)
            findings.note(ListedRun(node.id, None, created_key, contents.values))
    return found(counted(len(edges), "run"))


def _list_histories(findings: Findings) -> Flow[Outcome]:
    operation = list_histories(
        **findings.place, filters="{}", order=_NEWEST, first=_FIRST, samples=1
    )
    runs = the_project((yield from findings.meter.send(operation)).project).runs
    edges = edges_of(runs)
    for node in (edge.node for edge in edges):
        if node is not None:
            findings.note(ListedRun(node.id, node.history_line_count or 0))
    return found(counted(len(edges), "run"))


def _list_configs(findings: Findings) -> Flow[Outcome]:
    operation = list_configs(
        **findings.place, filters="{}", order=_NEWEST, first=_FIRST, keys=[findings.config_key]
    )
    runs = the_project((yield from findings.meter.send(operation)).project).runs
    return found(counted(len(edges_of(runs)), "run"))


def _list_summaries(findings: Findings) -> Flow[Outcome]:
    operation = list_summaries(
        **findings.place, filters="{}", order=_NEWEST, first=_FIRST, keys=[findings.summary_key]
    )
    runs = the_project((yield from findings.meter.send(operation)).project).runs
    return found(counted(len(edges_of(runs)), "run"))


def _list_keys(findings: Findings) -> Flow[Outcome]:
    operation = list_keys(
        **findings.place,
        first=_FIRST,
        config_keys=[findings.config_key],
        summary_keys=[findings.summary_key],
        has_config=True,
        has_summary=True,
        named=1,
        has_names=True,
    )
    project = the_project((yield from findings.meter.send(operation)).project)
    named = edges_of(project.named)
    runs = edges_of(project.runs)
    return found(counted(len(named) + len(runs), "run"))


def _list_events(findings: Findings) -> Flow[Outcome]:
    operation = list_events(**findings.place, filters="{}", order=_NEWEST, first=_FEW, samples=1)
    runs = the_project((yield from findings.meter.send(operation)).project).runs
    return found(counted(len(edges_of(runs)), "run"))


def _note_keys(findings: Findings, contents: Contents) -> None:
    """Note a key of a config and one of a summary, to ask for."""
    findings.config_key = contents.config_key or findings.config_key
    findings.summary_key = contents.summary_key or findings.summary_key


def _list_fields(findings: Findings) -> Flow[Outcome]:
    operation = list_fields(**findings.place, first=_FIRST)
    fields = the_project((yield from findings.meter.send(operation)).project).fields
    return found(counted(len(edges_of(fields)), "field"))


def _count_tags(findings: Findings) -> Flow[Outcome]:
    operation = count_tags(**findings.place, filters="{}")
    tags = the_project((yield from findings.meter.send(operation)).project).tag_counts
    return found(counted(len(present(tags, "the list of tags")), "tag"))


# One run.


def _get_run(findings: Findings) -> Flow[Outcome]:
    operation = get_run(**findings.place, id=findings.run.id)
    run = the_run(the_project((yield from findings.meter.send(operation)).project).run)
    return found(counted(int(run.id == findings.run.id), "run"))


def _get_run_details(findings: Findings) -> Flow[Outcome]:
    operation = get_run_details(**findings.place, id=findings.run.id)
    the_run(the_project((yield from findings.meter.send(operation)).project).run)
    return found("a run")


def _get_run_file(findings: Findings) -> Flow[Outcome]:
    operation = get_run_file(**findings.place, id=findings.run.id, names=["wandb-metadata.json"])
    files = the_run(the_project((yield from findings.meter.send(operation)).project).run).files
    return found(counted(len(edges_of(files)), "file"))


def _get_history_keys(findings: Findings) -> Flow[Outcome]:
    operation = get_history_keys(**findings.place, id=findings.run.id)
    run = the_run(the_project((yield from findings.meter.send(operation)).project).run)
    findings.metrics = sorted(count_metrics(run.history_keys), key=lambda metric: metric[1])
    return found(counted(len(findings.metrics), "metric"))


def _get_sampled_history(findings: Findings) -> Flow[Outcome]:
    """The rows of the rarest metric, those of the most frequent, and those of both."""
    metrics = [name for name, _ in findings.metrics]
    pair = [metrics[0], metrics[-1]] if len(metrics) > 1 else []
    names = [[pair[0]], [pair[1]], pair] if pair else [metrics]
    # The first steps are all that a long run is asked for: of them, too, all rows come.
    last = None if (findings.run.lines or 0) < WHOLE else WHOLE - 1
    operation = get_sampled_history(
        **findings.place,
        id=findings.run.id,
        specs=[spec_of(each, WHOLE, last_step=last) for each in names],
    )
    run = the_run(the_project((yield from findings.meter.send(operation)).project).run)
    lists = present(run.sampled_history, "the list of rows")
    rows = [read_rows(each) for each in lists]
    if len(rows) != len(names):
        raise NullError("a list of rows for each spec is missing in the answer")
    findings.single_rows = len(rows[0])
    if pair:
        holding = [[pick(row, key) is not None for row in rows[n]] for n, key in enumerate(pair)]
        findings.pair = MetricPair(
            max(map(sum, holding)),
            [all(pick(row, key) is not None for key in pair) for row in rows[2]],
            is_whole=all(len(each) < WHOLE for each in rows),
        )
    return found(counted(sum(map(len, rows)), "row"))


def _get_history(findings: Findings) -> Flow[Outcome]:
    operation = get_history(**findings.place, id=findings.run.id, samples=_FEW)
    run = the_run(the_project((yield from findings.meter.send(operation)).project).run)
    return found(counted(len(run.history or ()), "row"))


def _scan_history(findings: Findings) -> Flow[Outcome]:
    operation = scan_history(
        **findings.place, id=findings.run.id, samples=_FEW, min_step=0, max_step=_FEW
    )
    run = the_run(the_project((yield from findings.meter.send(operation)).project).run)
    return found(counted(len(run.history or ()), "row"))


def _get_events(findings: Findings) -> Flow[Outcome]:
    operation = get_events(**findings.place, id=findings.run.id, samples=_FEW)
    run = the_run(the_project((yield from findings.meter.send(operation)).project).run)
    return found(counted(len(run.events or ()), "row"))


def _list_sampled_histories(findings: Findings) -> Flow[Outcome]:
    """A few rows of the run whose rows were asked for alone."""
    operation = list_sampled_histories(
        **findings.place,
        filters=name_filter([findings.run.id]),
        order=_OLDEST,
        first=1,
        specs=[spec_of([findings.metrics[0][0]] if findings.metrics else [], _FEW)],
    )
    try:
        project = (yield from findings.meter.send(operation)).project
    except GraphQLError:
        findings.nested_rows = 0
        raise
    edges = edges_of(the_project(project).runs)
    lists = [edge.node.sampled_history for edge in edges if edge.node is not None]
    findings.nested_rows = sum(len(read_rows(each)) for rows in lists for each in rows or ())
    return found(f"{counted(len(edges), 'run')}, {counted(findings.nested_rows, 'row')}")


def _get_parquet_history(findings: Findings) -> Flow[Outcome]:
    operation = get_parquet_history(**findings.place, id=findings.run.id)
    try:
        project = (yield from findings.meter.send(operation)).project
    except GraphQLError:
        findings.has_files = False
        raise
    history = the_run(the_project(project).run).parquet_history
    findings.has_files = history is not None
    if history is None:
        return found("null")
    findings.files = len(history.parquet_urls or ())
    return found(counted(findings.files, "file"))


def _list_parquet_histories(findings: Findings) -> Flow[Outcome]:
    operation = list_parquet_histories(
        **findings.place, filters=name_filter([findings.run.id]), order=_OLDEST, first=1
    )
    edges = edges_of(the_project((yield from findings.meter.send(operation)).project).runs)
    histories = (edge.node.parquet_history for edge in edges if edge.node is not None)
    files = sum(len(each.parquet_urls or ()) for each in histories if each is not None)
    return found(f"{counted(len(edges), 'run')}, {counted(files, 'file')}")


def _get_sweep(findings: Findings) -> Flow[Outcome]:
    of_runs = next((run.sweep for run in findings.runs if run.sweep), None)
    operation = get_sweep(**findings.place, id=of_runs or _NO_SWEEP)
    sweep = the_project((yield from findings.meter.send(operation)).project).sweep
    which = "an id that no sweep has" if of_runs is None else "the id that a run names"
    return found(f"null, for {which}" if sweep is None else "a sweep")


PROJECT_QUERIES: Final[Sequence[Step]] = (
    Step("query CountRuns", _count_runs),
    Step("query ListRunIds", _list_run_ids),
    Step("query ListDocuments", _list_documents),
    Step("query ListHistories", _list_histories),
    Step("query ListConfigs", _list_configs),
    Step("query ListSummaries", _list_summaries),
    Step("query ListKeys", _list_keys),
    Step("query ListEvents", _list_events),
    Step("query ListFields", _list_fields),
    Step("query CountTags", _count_tags),
    Step("query GetRun", _get_run, needs="run"),
    Step("query GetRunDetails", _get_run_details, needs="run"),
    Step("query GetRunFile", _get_run_file, needs="run"),
    Step("query GetHistoryKeys", _get_history_keys, needs="run"),
    Step("query GetSampledHistory", _get_sampled_history, needs="run"),
    Step("query GetHistory", _get_history, needs="run"),
    Step("query ScanHistory", _scan_history, needs="run"),
    Step("query GetEvents", _get_events, needs="run"),
    Step("query ListSampledHistories", _list_sampled_histories, needs="run"),
    Step("query GetParquetHistory", _get_parquet_history, needs="run", is_vital=False),
    Step("query ListParquetHistories", _list_parquet_histories, needs="run", is_vital=False),
    Step("query GetSweep", _get_sweep),
)
"""The queries that need a project; `ListRuns`, which finds it, comes before them."""

FIRST_QUERY: Final = Step("query ListRuns", _list_runs, needs="named")

"""Facts about a server that a project settles; `docs/wandb-behaviour.md` has them with grades."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.diagnosis.findings import Step, found, unknown
from wandb_runs.diagnosis.wording import counted
from wandb_runs.errors import GraphQLError, ResponseError
from wandb_runs.graphql._generated import list_run_ids
from wandb_runs.pagination.changes import name_filter
from wandb_runs.pagination.cursors import offset_of
from wandb_runs.pagination.keyset import Sample
from wandb_runs.pagination.page import MAX_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wandb_runs.diagnosis.findings import Findings, ListedRun, Outcome
    from wandb_runs.graphql.flow import Flow

__all__ = ["FACTS"]

_BY_CREATION: Final = "+created_at"

_REFUSALS: Final = frozenset({400, 422, 500})
"""What W&B answers to a filter that it does not take; 500 is among that."""


def _cursors(findings: Findings) -> Flow[Outcome]:
    yield from ()
    cursors = findings.cursors
    if not cursors or None in cursors:
        return unknown("no run came with a cursor")
    if [cursor and offset_of(cursor) for cursor in cursors] != [*range(len(cursors))]:
        return found("no: they are followed one by one")
    if findings.goes_on is None:
        return unknown("they read as offsets, and no page behind one could be tried")
    if not findings.goes_on:
        return unknown("they read as offsets, and a page behind one begins elsewhere")
    return found("yes, and a page behind one begins there")


def _cap(findings: Findings) -> Flow[Outcome]:
    """More runs than a page may have, as far as W&B says, by nothing but their ids."""
    asked = MAX_PER_PAGE + 1
    runs = yield from _page(findings, first=asked)
    if runs.size < asked and runs.has_more:
        return found(f"yes, at {runs.size:,}")
    if runs.size >= asked:
        return found(f"no, {counted(runs.size, 'run')} came in one page")
    return unknown(f"not below {counted(runs.size, 'run')}, which are all that the project has")


def _keys_of_a_spec(findings: Findings) -> Flow[Outcome]:
    yield from ()
    pair = findings.pair
    if pair is None:
        return unknown("no run with two metrics was found")
    if not all(pair.rows):
        return found("null: rows that lack one of them come, too")
    if pair.is_whole and len(pair.rows) < pair.most:
        return found("AND: rows that lack one of them are left out")
    if pair.is_whole:
        return unknown("the metrics of the run that was looked at were logged together")
    return unknown("the run that was looked at has too many rows")


def _nested(findings: Findings) -> Flow[Outcome]:
    yield from ()
    if not findings.single_rows:
        return unknown("no run with rows was found")
    if findings.nested_rows is None:
        return unknown("the query was not answered")
    if not findings.nested_rows:
        return found("no: a run that has rows alone has none in a page, or it is refused")
    return found("yes")


class _Sortable(NamedTuple):
    """Runs that show where missing values are sorted.

    Attributes:
        path: The path of an order.
        low: A run with a number there.
        high: A run with a larger one.
        lacking: A run without a value there.
    """

    path: str
    low: str
    high: str
    lacking: str


def _nulls(findings: Findings, *, sign: str) -> Flow[Outcome]:
    sortable = next(_sortables(findings.runs), None)
    if sortable is None:
        return unknown("among the runs that were looked at, no number tells")
    ids = [sortable.low, sortable.high, sortable.lacking]
    runs = yield from _page(
        findings, first=len(ids), filters=name_filter(ids), order=f"{sign}{sortable.path}"
    )
    rest = [each for each in runs.ids if each != sortable.lacking]
    ordered = [sortable.low, sortable.high] if sign == "+" else [sortable.high, sortable.low]
    if len(runs.ids) != len(ids) or rest != ordered:
        return unknown("runs were not sorted by their numbers")
    place = runs.ids.index(sortable.lacking)
    return found(("first", "between the others", "last")[place])


def _sortables(runs: Sequence[ListedRun]) -> Iterator[_Sortable]:
    read = [(run.id, run.values) for run in runs if run.values is not None]
    paths = dict.fromkeys(path for _, values in read for path in values)
    for path in paths:
        lacking = next((run_id for run_id, values in read if path not in values), None)
        numbers = [
            (number, run_id) for run_id, values in read if (number := values.get(path)) is not None
        ]
        low, high = min(numbers, default=(0.0, "")), max(numbers, default=(0.0, ""))
        if lacking is not None and low[0] < high[0]:
            yield _Sortable(path, low[1], high[1], lacking)


def _created_at(findings: Findings) -> Flow[Outcome]:
    """Of two runs, the one that was created at an instant."""
    instants = [(run.created_key, run.id) for run in findings.runs if run.created_key is not None]
    early, late = min(instants, default=None), max(instants, default=None)
    # Instants within one second are those of a program that made runs at once.
    if early is None or late is None or early[0][:19] == late[0][:19]:
        return unknown("no two runs were created at different seconds")
    sample = Sample(early[0], early[0], (frozenset({early[1], late[1]}),))
    try:
        runs = yield from _page(findings, first=2, filters=sample.filter)
    except ResponseError as error:
        if not isinstance(error, GraphQLError) and error.status not in _REFUSALS:
            raise  # as it may fail for any filter
        return found(f"no: the server refuses the filter (HTTP {error.status})")
    if runs.ids == [early[1]]:
        return found("yes")
    if early[1] in runs.ids:
        return found("no: a run comes that was created later")
    return found("no: a run is not found by its own instant")


def _parquet(findings: Findings) -> Flow[Outcome]:
    yield from ()
    if findings.has_files is None:
        return unknown("the query was not answered")
    if not findings.has_files:
        return found("no: it is null, or refused")
    if not findings.files:
        return unknown("it answers, and the run that was looked at has no files")
    return found(f"yes, with {counted(findings.files, 'file')}")


class _Ids(NamedTuple):
    """The ids of a page.

    Attributes:
        ids: The ids.
        size: How many edges there are, null ones among them.
        has_more: Whether more runs follow.
    """

    ids: list[str]
    size: int
    has_more: bool


def _page(
    findings: Findings, *, first: int, filters: str = "{}", order: str = _BY_CREATION
) -> Flow[_Ids]:
    operation = list_run_ids(**findings.place, filters=filters, order=order, first=first)
    project = (yield from findings.meter.send(operation)).project
    runs = None if project is None else project.runs
    edges = (runs.edges if runs is not None else None) or ()
    info = None if runs is None else runs.page_info
    return _Ids(
        [edge.node.id for edge in edges if edge is not None and edge.node is not None],
        len(edges),
        bool(info and info.has_next_page),
    )


FACTS: Final[Sequence[Step]] = tuple(
    Step(name, check, needs="run", is_vital=False)
    for name, check in (
        ("cursors are offsets", _cursors),
        ("page size is capped", _cap),
        ("keys of a spec", _keys_of_a_spec),
        ("nested sampledHistory", _nested),
        ("nulls, ascending", partial(_nulls, sign="+")),
        ("nulls, descending", partial(_nulls, sign="-")),
        ("filters by createdAt", _created_at),
        ("parquetHistory", _parquet),
    )
)
"""The facts; a request that fails leaves one unknown."""

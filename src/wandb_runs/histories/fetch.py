"""How rows are asked for: as flows, for a page of runs at once or for one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from wandb_runs._generated import (
    get_events,
    get_history,
    get_sampled_history,
    list_events,
    list_histories,
    list_sampled_histories,
)
from wandb_runs.errors import BadResponseError
from wandb_runs.flow import ask
from wandb_runs.histories.rows import read_rows
from wandb_runs.location import missing_project, missing_run
from wandb_runs.paging import Listing, Page, read_page

if TYPE_CHECKING:
    from wandb_runs._generated import ListSampledHistories
    from wandb_runs.flow import Flow
    from wandb_runs.histories.divide import Asked, DividedPages
    from wandb_runs.histories.plan import HistoryPlan
    from wandb_runs.histories.rows import Row
    from wandb_runs.paging import Selection

__all__ = ["fetch_rows", "list_blocks", "read_sampled_page"]

ProjectT = TypeVar("ProjectT")

_NOTHING: Final[Page[tuple[str, object]]] = Page((), None)


def list_blocks(pages: DividedPages, plan: HistoryPlan) -> Flow[list[tuple[str, list[Row]]]]:
    """The id and the rows of each selected run, in order: a request for each page of runs."""
    listing = Listing(lambda after: _fetch_page(pages, plan, after), lambda block: block[0])
    yield from listing.read_to(None)
    return listing.items


def fetch_rows(entity: str, project: str, run_id: str, plan: HistoryPlan) -> Flow[list[Row]]:
    """The rows of one run, in one request.

    Raises:
        NotFoundError: No such project or run.
    """
    run = yield from _fetch_run(entity, project, run_id, plan)
    return _rows(plan, run_id, run)


def _fetch_page(
    pages: DividedPages, plan: HistoryPlan, after: str | None
) -> Flow[Page[tuple[str, list[Row]]]]:
    sent = yield from _fetch_sent(pages, plan, after)
    return Page(
        tuple((run_id, _rows(plan, run_id, rows)) for run_id, rows in sent.items),
        sent.next_cursor,
    )


def _fetch_sent(
    pages: DividedPages, plan: HistoryPlan, after: str | None
) -> Flow[Page[tuple[str, object]]]:
    """What the server sent for each run of a page; three operations differ in one field."""
    if plan.field == "sampledHistory":
        sampled = yield from pages.ask(
            lambda selection, cursor: list_sampled_histories(
                **selection, after=cursor, specs=plan.specs
            ),
            after,
        )
        return _NOTHING if sampled is None else _sampled_page(sampled)
    if plan.field == "history":
        whole = yield from pages.ask(
            lambda selection, cursor: list_histories(
                **selection, after=cursor, samples=plan.samples
            ),
            after,
        )
        if whole is None:
            return _NOTHING
        project = _found(whole.answer.project, whole.selection)
        rows = read_page(project.runs, first=whole.selection["first"], after=whole.after)
        return Page(tuple((run.id, run.history) for run in rows.items), rows.next_cursor)
    system = yield from pages.ask(
        lambda selection, cursor: list_events(**selection, after=cursor, samples=plan.samples),
        after,
    )
    if system is None:
        return _NOTHING
    found = _found(system.answer.project, system.selection)
    events = read_page(found.runs, first=system.selection["first"], after=system.after)
    return Page(tuple((run.id, run.events) for run in events.items), events.next_cursor)


def _found(project: ProjectT | None, selection: Selection) -> ProjectT:
    if project is None:
        raise missing_project(selection["entity"], selection["project"])
    return project


def read_sampled_page(
    asked: Asked[ListSampledHistories], plan: HistoryPlan
) -> tuple[list[tuple[str, list[Row]]], str | None]:
    """The id and the rows of each run of a page, and the cursor of the next."""
    page = _sampled_page(asked)
    return [(run_id, _rows(plan, run_id, sent)) for run_id, sent in page.items], page.next_cursor


def _sampled_page(asked: Asked[ListSampledHistories]) -> Page[tuple[str, object]]:
    project = _found(asked.answer.project, asked.selection)
    page = read_page(project.runs, first=asked.selection["first"], after=asked.after)
    return Page(tuple((run.id, run.sampled_history) for run in page.items), page.next_cursor)


def _fetch_run(entity: str, project: str, run_id: str, plan: HistoryPlan) -> Flow[object]:
    if plan.field == "sampledHistory":
        sampled = yield from ask(
            get_sampled_history(entity=entity, project=project, id=run_id, specs=plan.specs)
        )
        if sampled.project is None or sampled.project.run is None:
            raise missing_run(entity, project, run_id)
        return sampled.project.run.sampled_history
    if plan.field == "history":
        whole = yield from ask(
            get_history(entity=entity, project=project, id=run_id, samples=plan.samples)
        )
        if whole.project is None or whole.project.run is None:
            raise missing_run(entity, project, run_id)
        return whole.project.run.history
    system = yield from ask(
        get_events(entity=entity, project=project, id=run_id, samples=plan.samples)
    )
    if system.project is None or system.project.run is None:
        raise missing_run(entity, project, run_id)
    return system.project.run.events


def _rows(plan: HistoryPlan, run_id: str, sent: object) -> list[Row]:
    try:
        return read_rows(plan, sent)
    except ValueError as error:
        raise BadResponseError(
            f"the history of run {run_id!r} cannot be read: {error}; try again", status=200
        ) from error

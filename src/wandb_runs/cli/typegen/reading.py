"""What the runs of a project hold, read a page at a time."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from wandb_runs.cli.typegen.shapes import NOTHING, Shape, join, shape_of
from wandb_runs.errors import BadResponseError, DriftWarning
from wandb_runs.graphql._generated import list_documents
from wandb_runs.graphql.documents import INTERNAL_KEYS, read_config, read_document
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.raw_response import RawOperation
from wandb_runs.pagination.changes import creation_key, is_by_creation, is_descending
from wandb_runs.pagination.page import Page, Selection, read_project_page
from wandb_runs.pagination.paginator import Paginator, Source
from wandb_runs.pagination.progress import ProgressCounter
from wandb_runs.pagination.seen import SeenIds, SeenInOrder
from wandb_runs.query.filters import filters_to_json
from wandb_runs.query.order import parse_order

if TYPE_CHECKING:
    from wandb_runs.api import Api
    from wandb_runs.graphql._generated import ListDocumentsProjectRunsEdgesNode
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import PageRequest
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.pagination.seen import Seen
    from wandb_runs.query.filters import Filters
    from wandb_runs.query.order import Order

__all__ = ["Documents", "read_documents"]

_PER_PAGE: Final = 200
"""How many runs a request asks for: all that they hold comes, which may be much."""


class Documents(NamedTuple):
    """What is known of all runs.

    Attributes:
        config: The shape of their configs.
        summary: The shape of their summaries.
        metrics: The names of what they logged.
        runs: How many there are.
    """

    config: Shape = NOTHING
    summary: Shape = NOTHING
    metrics: frozenset[str] = frozenset()
    runs: int = 0


class _Read(NamedTuple):
    id: str
    created_key: str | None
    documents: Documents


def read_documents(
    api: Api,
    path: str,
    filters: Filters | None = None,
    order: Order = "+created_at",
    *,
    limit: int | None = None,
    progress: OnProgress | None = None,
) -> Documents:
    """Read the configs, summaries and names of metrics of the runs of a project.

    Sends a request for each 200 runs. In an order by `created_at` it takes flat memory: what is
    kept is the shape of what was read. In any other order the ids are kept, too.

    Args:
        api: Where to ask.
        path: As for `api.runs`.
        filters: As for `api.runs`.
        order: As for `api.runs`: which runs they are, where there is a limit.
        limit: The most runs to read; None for all.
        progress: Called with a `Progress` after each answer.

    Returns:
        The shapes, which do not depend on the order in which the runs came.

    Raises:
        InvalidArgumentError: An argument that cannot be right; nothing was sent.
        NotFoundError: No such project, or the key may not see it.
        BadResponseError: What the server stores is not a JSON object.

    Warns:
        DriftWarning: The runs changed while they were read, and not all could be set right.

    >>> from wandb_runs.cli.typegen import read_documents
    >>> read = read_documents(api, "sample/digits")
    >>> read.runs == len(api.runs("sample/digits")), "loss" in read.metrics
    (True, True)
    """
    runs = api.runs(path, filters, order, limit=limit)  # which checks them all
    selection = Selection(
        entity=runs.entity,
        project=runs.project,
        filters=filters_to_json(filters) or "{}",
        order=parse_order(order),
        first=_PER_PAGE if limit is None else max(1, min(_PER_PAGE, limit)),
    )
    counter = ProgressCounter(progress, None)
    size, total = 0, None

    def fetch(selection: Selection, request: PageRequest) -> Flow[Page[_Read]]:
        nonlocal size, total
        # A bar needs to know where it ends: a count of the whole project, once.
        is_counted = progress is not None and total is None
        page = yield from _fetch(selection, replace(request, is_counted=is_counted))
        size += page.size
        if page.total is not None:
            total = page.total if limit is None else min(page.total, limit)
        return page

    source = Source(lambda: _select(selection), fetch)
    paginator = Paginator(_id_of, selection["order"], selection["first"], _seen(selection["order"]))
    read = Documents()
    while not paginator.complete and (limit is None or read.runs < limit):
        page = api.client.run(paginator.next_page(source)) or []
        taken = page if limit is None else page[: limit - read.runs]
        for each in taken:
            read = _join(read, each.documents)
        counter.add(len(taken), size, total=total, is_last=paginator.complete)
        size = 0
    if paginator.drift:
        warnings.warn(DriftWarning(paginator.drift.late, paginator.drift.nulls), stacklevel=2)
    return read


def _select(selection: Selection) -> Flow[Selection]:
    yield from ()
    return selection


def _seen(order: str) -> Seen[_Read]:
    if is_by_creation(order):
        return SeenInOrder(_id_of, _key_of, descending=is_descending(order))
    return SeenIds(_id_of, keeps=False)


def _fetch(selection: Selection, request: PageRequest) -> Flow[Page[_Read]]:
    operation = list_documents(**request.variables(selection))
    answer = yield from ask(RawOperation.of(operation))
    project = answer.read_as(operation).project
    page = read_project_page(project, selection, request, size=len(answer.body), date=answer.date)
    return page.with_items(_read(run) for run in page.items)


def _read(run: ListDocumentsProjectRunsEdgesNode) -> _Read:
    field = "config"
    try:
        config = read_config(run.config, None)
        field = "summaryMetrics"
        summary = read_document(run.summary_metrics, None)
    except ValueError as error:
        raise _malformed(field, run.id, str(error)) from error
    for key in INTERNAL_KEYS:
        config.pop(key, None)
    metrics = _names(run.history_keys, run.id)
    documents = Documents(shape_of(config), shape_of(summary), metrics, 1)
    return _Read(run.id, creation_key(run.created_at), documents)


def _names(history_keys: object, run_id: str) -> frozenset[str]:
    about: object = {} if history_keys is None else history_keys
    keys = cast("dict[str, object]", about).get("keys") if isinstance(about, dict) else about
    if keys is not None and not isinstance(keys, dict):
        raise _malformed("historyKeys", run_id, f"{history_keys!r:.80}, not a JSON object")
    return frozenset(cast("dict[str, object]", keys or {}))


def _join(one: Documents, other: Documents) -> Documents:
    return Documents(
        join(one.config, other.config),
        join(one.summary, other.summary),
        one.metrics | other.metrics,
        one.runs + other.runs,
    )


def _id_of(run: _Read) -> str:
    return run.id


def _key_of(run: _Read) -> str | None:
    return run.created_key


def _malformed(field: str, run_id: str, found: str) -> BadResponseError:
    return BadResponseError(
        f"the server's {field} of run {run_id!r} is {found}; leave the run out with a filter",
        status=200,
    )

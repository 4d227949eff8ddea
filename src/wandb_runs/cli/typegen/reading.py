"""What the runs of a project hold, read a page at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.cli.typegen.shapes import NOTHING, Shape, join, shape_of
from wandb_runs.errors import BadResponseError, DriftWarning
from wandb_runs.errors.warnings import warn
from wandb_runs.graphql._generated import list_documents
from wandb_runs.graphql.documents import INTERNAL_KEYS, read_config, read_document
from wandb_runs.pagination.changes import creation_key
from wandb_runs.pagination.listing import ListingPlan, PageStream
from wandb_runs.pagination.page import Page, Selection, fetch_page
from wandb_runs.pagination.paginator import source_of
from wandb_runs.pagination.progress import ProgressCounter
from wandb_runs.pagination.sizes import PageSize
from wandb_runs.query.filters import RawFilter, filters_to_json
from wandb_runs.query.mentions import mentions_of
from wandb_runs.query.order import RawOrder, parse_order
from wandb_runs.runs.name_check import NameCheck

if TYPE_CHECKING:
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.pagination.page import Node, PageRequest
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.query.filters import Filters
    from wandb_runs.query.order import Order
    from wandb_runs.runs.api import Api

__all__ = ["Documents", "read_documents"]

_PER_PAGE: Final = 200
"""How many runs a request asks for: all that they hold comes, which may be much."""


class Documents(NamedTuple):
    """What is known of all runs.

    Attributes:
        config: The shape of their configs.
        summary: The shape of their summaries.
        metrics: The names of what they logged; None where the server does not tell any.
        runs: How many there are.
    """

    config: Shape = NOTHING
    summary: Shape = NOTHING
    metrics: frozenset[str] | None = frozenset()
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
        UnknownKeyWarning: No run has a path of the filter or the order.

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
    names = NameCheck(
        mentions_of(
            None if isinstance(filters, RawFilter) else selection["filters"],
            None if isinstance(order, RawOrder) else selection["order"],
        )
    )
    counter = ProgressCounter(progress, None)
    size, total = 0, None

    def fetch(selection: Selection, request: PageRequest) -> Flow[Page[_Read]]:
        nonlocal size, total
        # A bar needs to know where it ends: a count of the whole project, once.
        is_counted = progress is not None and total is None
        operation = list_documents(**replace(request, is_counted=is_counted).variables(selection))
        page = yield from fetch_page(operation, selection, request)
        yield from names.after_page(selection, page)
        size += page.size
        if page.total is not None:
            total = page.total if limit is None else min(page.total, limit)
        return page.with_items(map(_read, page.items))

    per_page = PageSize.of(selection["first"])
    plan = ListingPlan(_id_of, _key_of, selection["order"], per_page, limit)
    source = source_of(selection, fetch, width=1)
    pages, read = PageStream(plan, source), Documents()
    while not pages.complete and read.runs != limit:
        api.client.run(pages.read_page())
        page = pages.take() or []
        for each in page:
            read = _join(read, each.documents)
        counter.add(len(page), size, total=total, is_last=pages.complete)
        size = 0
    if api.client.server.lacks("Run.historyKeys"):
        read = read._replace(metrics=None)
    for warning in names.take():
        warn(warning)
    if pages.drift:
        warn(DriftWarning(pages.drift.late, pages.drift.nulls))
    return read


def _read(node: Node) -> _Read:
    run_id, field = str(node["id"]), "config"
    try:
        config = read_config(node.get(field), None)
        field = "summaryMetrics"
        summary = read_document(node.get(field), None)
    except ValueError as error:
        raise _malformed(field, run_id, str(error)) from error
    for key in INTERNAL_KEYS:
        config.pop(key, None)
    metrics = _names(node.get("historyKeys"), run_id)
    documents = Documents(shape_of(config), shape_of(summary), metrics, 1)
    return _Read(run_id, creation_key(node.get("createdAt")), documents)


def _names(history_keys: JSONValue, run_id: str) -> frozenset[str]:
    keys = history_keys.get("keys") if isinstance(history_keys, dict) else history_keys
    if keys is not None and not isinstance(keys, dict):
        raise _malformed("historyKeys", run_id, f"{history_keys!r:.80}, not a JSON object")
    return frozenset(keys or ())


def _join(one: Documents, other: Documents) -> Documents:
    return Documents(
        join(one.config, other.config),
        join(one.summary, other.summary),
        None if one.metrics is None or other.metrics is None else one.metrics | other.metrics,
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

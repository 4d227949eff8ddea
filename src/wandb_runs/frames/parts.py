"""Outer joins of many keys: asked for in several requests, of a part of the keys each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wandb_runs.frames.requests import HistoryRequest, Node, check_told
from wandb_runs.frames.rows import sampled
from wandb_runs.graphql.flow import gather
from wandb_runs.pagination.paginator import fetch_named_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Page, PageRequest, Selection

__all__ = ["fetch_page_in_parts", "fetch_run_in_parts"]


def fetch_run_in_parts(plan: HistoryPlan, fetch: Callable[[HistoryPlan], Flow[Node]]) -> Flow[Node]:
    """Fetch all keys of one run: the first part alone, then the others at once.

    Args:
        plan: The arguments of the call.
        fetch: Fetches the keys of a part.

    Returns:
        The run as one request would have it.
    """
    first = plan.first_part
    node = yield from fetch(first)
    later = plan.later_parts(node.row_count)
    nodes = yield from gather([fetch(part) for part in later])
    return _joined([first, *later], [node, *nodes]) if later else node


def fetch_page_in_parts(
    request: HistoryRequest, fetch: Callable[[HistoryRequest], Flow[Page[Node]]]
) -> Flow[tuple[Page[Node], Sequence[str]]]:
    """Fetch all keys of a page: the first part alone, then the others at once.

    The others are fetched by the ids of the runs that the first answer has, since the runs of a
    page change while runs come and go.

    Args:
        request: The request for all keys.
        fetch: Sends the request for a part, and reads its answer.

    Returns:
        The page as one request would have it, and the runs that were gone before the last part.
    """
    plan = request.plan
    first = plan.first_part
    page = yield from fetch(replace(request, plan=first))
    # A server may repeat a run within one page; the last one counts.
    nodes: dict[str, Node] = {node.id: node for node in page.items}
    later = plan.later_parts(_most_rows(nodes.values())) if nodes else []
    if not later:
        return page, ()
    every_run = request.selection.copy()
    every_run["filters"] = "{}"

    def fetch_part(part: HistoryPlan) -> Flow[Page[Node]]:
        def fetch_named_part(selection: Selection, page: PageRequest) -> Flow[Page[Node]]:
            return (yield from fetch(HistoryRequest(part, selection, page)))

        return (
            yield from fetch_named_page(every_run, [*nodes], fetch_named_part, lambda node: node.id)
        )

    pages = yield from gather([fetch_part(part) for part in later])
    answers = [nodes, *({node.id: node for node in each.items} for each in pages)]
    parts = [first, *later]
    kept = {run_id for run_id in nodes if all(run_id in answer for answer in answers)}
    whole = page.with_items(
        _joined(parts, [answer[run_id] for answer in answers]) for run_id in nodes if run_id in kept
    )
    size = page.size + sum(each.size for each in pages)
    return replace(whole, size=size), [run_id for run_id in nodes if run_id not in kept]


def _most_rows(nodes: Iterable[Node]) -> int | None:
    """How many rows a history has at most; None where the server does not say so of all."""
    counts = [node.row_count for node in nodes]
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def _joined(parts: Sequence[HistoryPlan], nodes: Sequence[Node]) -> Node:
    """A run as one answer for all keys would have it; its row count is the greatest."""
    known = [node.row_count for node in nodes if node.row_count is not None]
    row_count = max(known, default=None)
    samples: list[object] = []
    try:
        for part, node in zip(parts, nodes, strict=True):
            check_told(node.sent, node.row_count)
            specs = len(part.keys or ())
            samples += sampled(node.sent, specs) or [None] * specs
    except ValueError as error:
        return Node(nodes[0].id, None, row_count, error)
    return Node(nodes[0].id, samples, row_count)

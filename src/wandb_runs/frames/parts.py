"""Outer joins of many keys: asked for in several requests, of a part of the keys each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from wandb_runs.frames.requests import HistoryRequest, Node, check_told
from wandb_runs.frames.rows import sampled
from wandb_runs.frames.together import read_joined
from wandb_runs.graphql.flow import gather
from wandb_runs.pagination.paginator import fetch_named_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Page, PageRequest, Selection

__all__ = ["PageInParts", "fetch_page_in_parts", "fetch_run_in_parts"]

_Fetch: TypeAlias = "Callable[[HistoryPlan, Sequence[str] | None], Flow[Mapping[str, Node]]]"
"""Fetches the keys of a part, of the runs with these ids; None for all."""

_Part: TypeAlias = "tuple[HistoryPlan, Node]"
"""What was asked for, and what came of one run."""


class PageInParts(NamedTuple):
    """A page that came in several answers.

    Attributes:
        page: The page as one request would have it.
        gone: The runs that were gone before their last part.
        are_together: Whether a later page is worth asking for keys together; False where each run
            of this one that has rows had to be asked for each key.
    """

    page: Page[Node]
    gone: Sequence[str]
    are_together: bool


def fetch_run_in_parts(plan: HistoryPlan, fetch: Callable[[HistoryPlan], Flow[Node]]) -> Flow[Node]:
    """Fetch all keys of one run: the first part alone, then the others at once.

    Args:
        plan: The arguments of the call.
        fetch: Fetches the keys of a part.

    Returns:
        The run as one request would have it.
    """

    def fetch_one(part: HistoryPlan, _: Sequence[str] | None) -> Flow[Mapping[str, Node]]:
        node = yield from fetch(part)
        return {node.id: node}

    if plan.first_request is plan:
        return (yield from fetch(plan))
    found = yield from _fetch_all(plan, fetch_one, plan.together)
    (node,) = found.nodes()
    return node


def fetch_page_in_parts(
    request: HistoryRequest,
    fetch: Callable[[HistoryRequest], Flow[Page[Node]]],
    *,
    are_together: bool = True,
) -> Flow[PageInParts]:
    """Fetch all keys of a page: the first part alone, then the others at once.

    The others are fetched by the ids of the runs that the first answer has, since the runs of a
    page change while runs come and go.

    Args:
        request: The request for all keys.
        fetch: Sends the request for a part, and reads its answer.
        are_together: Whether many keys are first asked for together.
    """
    plan = request.plan
    pages: list[Page[Node]] = []
    every_run = request.selection.copy()
    every_run["filters"] = "{}"

    def fetch_part(part: HistoryPlan, ids: Sequence[str] | None) -> Flow[Mapping[str, Node]]:
        def fetch_named_part(selection: Selection, page: PageRequest) -> Flow[Page[Node]]:
            return (yield from fetch(HistoryRequest(part, selection, page)))

        if ids is None:
            page = yield from fetch(replace(request, plan=part))
        else:
            page = yield from fetch_named_page(
                every_run, ids, fetch_named_part, lambda node: node.id
            )
        pages.append(page)
        # A server may repeat a run within one page; the last one counts. It may also send another.
        return {node.id: node for node in page.items if ids is None or node.id in ids}

    found = yield from _fetch_all(plan, fetch_part, plan.together if are_together else None)
    whole = pages[0].with_items(found.nodes())
    size = sum(page.size for page in pages)
    return PageInParts(replace(whole, size=size), found.gone, found.are_together)


def _fetch_all(plan: HistoryPlan, fetch: _Fetch, together: HistoryPlan | None) -> Flow[_Found]:
    """Fetch the parts of a plan: together where no run shows that a row lacks a key.

    Args:
        plan: The plan of all keys.
        fetch: Fetches a part.
        together: The plan that asks for them together, if that is worth a request.
    """
    first = (together or plan).first_part
    nodes = yield from fetch(first, None)
    found = _Found(plan, nodes)
    apart = found.add(first, nodes)
    others = [run_id for run_id in nodes if run_id not in {*apart}]
    found.are_together = not apart or any(nodes[run_id].row_count for run_id in others)
    wanted: list[tuple[HistoryPlan, Sequence[str]]] = []
    if others:
        later = (together or plan).later_parts(_most_rows(nodes, others))
        wanted += ((part, others) for part in later)
    if apart:
        wanted += ((part, apart) for part in plan.parts(_most_rows(nodes, apart)))
    while wanted:
        answers = yield from gather([fetch(part, run_ids) for part, run_ids in wanted])
        again: list[tuple[HistoryPlan, Sequence[str]]] = []
        for (part, _), nodes in zip(wanted, answers, strict=True):
            if apart := found.add(part, nodes):
                parts = part.separated.parts(_most_rows(nodes, apart))
                again += ((each, apart) for each in parts)
        wanted = again
    return found


class _Found:
    """The parts that have come of each run.

    Args:
        plan: The plan of all keys.
        run_ids: The runs, in order.
    """

    def __init__(self, plan: HistoryPlan, run_ids: Iterable[str]) -> None:
        self._places = {key: place for place, key in enumerate(plan.keys or ())}
        self._parts: dict[str, list[_Part]] = {run_id: [] for run_id in run_ids}
        self.are_together = True

    def add(self, part: HistoryPlan, nodes: Mapping[str, Node]) -> list[str]:
        """Keep the answers to a part; the runs that are to be asked for each of its keys."""
        apart: list[str] = []
        for run_id, node in nodes.items():
            joined = read_joined(part, node) if part.are_together else None
            if joined is not None:
                self._parts[run_id].append((part, node._replace(sent=[joined])))
            elif part.are_together:
                apart.append(run_id)
            else:
                self._parts[run_id].append((part, node))
        return apart

    @property
    def gone(self) -> list[str]:
        """The runs of which a part did not come."""
        return [run_id for run_id in self._parts if not self._is_complete(run_id)]

    def nodes(self) -> list[Node]:
        """The others, as one request would have them."""
        return [
            _joined(sorted(parts, key=self._place))
            for run_id, parts in self._parts.items()
            if self._is_complete(run_id)
        ]

    def _is_complete(self, run_id: str) -> bool:
        return sum(len(part.keys or ()) for part, _ in self._parts[run_id]) == len(self._places)

    def _place(self, answer: _Part) -> int:
        return self._places[next(iter(answer[0].keys or ()))]


def _most_rows(nodes: Mapping[str, Node], run_ids: Sequence[str]) -> int | None:
    """How many rows a history has at most; None where the server does not say so of all."""
    counts = [nodes[run_id].row_count for run_id in run_ids]
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def _joined(parts: Sequence[_Part]) -> Node:
    """A run as one answer for all keys would have it; its row count is the greatest."""
    (_, first), *others = parts
    if not others:
        return first
    known = [node.row_count for _, node in parts if node.row_count is not None]
    row_count = max(known, default=None)
    samples: list[object] = []
    try:
        for part, node in parts:
            check_told(node.sent, node.row_count)
            specs = len(part.keys or ())
            samples += sampled(node.sent, specs) or [None] * specs
    except ValueError as error:
        return Node(first.id, None, row_count, error)
    return Node(first.id, samples, row_count)

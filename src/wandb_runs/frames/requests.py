"""The histories of a page of runs: how they are asked for, and what an answer holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from wandb_runs.errors import BadResponseError, WandbRunsError
from wandb_runs.frames.rows import Row, read_rows
from wandb_runs.graphql._generated import list_events, list_histories, list_sampled_histories
from wandb_runs.pagination.changes import name_filter
from wandb_runs.pagination.json_page import read_json_page
from wandb_runs.pagination.page import PageRequest, read_project_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.graphql._generated import ListEvents, ListHistories, ListSampledHistories
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.graphql.raw_response import RawResponse
    from wandb_runs.pagination.page import Page, PageVariables, Selection

__all__ = ["HistoryRequest", "PageHistories", "Reader", "RowsReader", "RunRows"]

T = TypeVar("T")

RunRows: TypeAlias = "tuple[str, list[Row]]"
"""A run's id and its rows."""


class Node(NamedTuple):
    """A run of a page.

    Attributes:
        id: The run's id.
        sent: What came for `plan.field`.
        lines: How many rows its history has, if the server says so.
    """

    id: str
    sent: object
    lines: int | None


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Which histories one request asks for.

    Attributes:
        plan: What of each run.
        selection: Which runs.
        page: Where their page starts, and how many runs it holds.
    """

    plan: HistoryPlan
    selection: Selection
    page: PageRequest

    @property
    def operation(self) -> Operation[object]:
        """What is sent."""
        if self.plan.field == "sampledHistory":
            return self._sampled()
        return self._whole() if self.plan.field == "history" else self._system()

    def of(self, run_ids: Sequence[str]) -> HistoryRequest:
        """The same of these runs alone."""
        selection = self.selection.copy()
        selection["filters"] = name_filter(run_ids)
        return replace(self, selection=selection, page=PageRequest(None, len(run_ids)))

    def read(self, answer: RawResponse) -> Page[Node]:
        """Read an answer.

        Raises:
            GraphQLError: The server reports errors.
            BadResponseError: The answer is not what the schema promises.
            NotFoundError: No such project.
        """
        plain = read_json_page(answer.body, self.page, date=answer.date)
        if plain is None:
            return self._read_as_model(answer)
        name = self.plan.field
        nodes = (
            Node(str(node["id"]), node.get(name), _lines(node.get("historyLineCount")))
            for node in plain.items
        )
        return plain.with_items(nodes)

    def _read_as_model(self, answer: RawResponse) -> Page[Node]:
        selection, request = self.selection, self.page
        size, date = len(answer.body), answer.date
        if self.plan.field == "sampledHistory":
            sampled = read_project_page(
                answer.read_as(self._sampled()).project, selection, request, size=size, date=date
            )
            nodes = (
                Node(run.id, run.sampled_history, run.history_line_count) for run in sampled.items
            )
            return sampled.with_items(nodes)
        if self.plan.field == "history":
            whole = read_project_page(
                answer.read_as(self._whole()).project, selection, request, size=size, date=date
            )
            nodes = (Node(run.id, run.history, None) for run in whole.items)
            return whole.with_items(nodes)
        system = read_project_page(
            answer.read_as(self._system()).project, selection, request, size=size, date=date
        )
        nodes = (Node(run.id, run.events, None) for run in system.items)
        return system.with_items(nodes)

    def _sampled(self) -> Operation[ListSampledHistories]:
        return list_sampled_histories(**self._variables, specs=self.plan.specs)

    def _whole(self) -> Operation[ListHistories]:
        return list_histories(**self._variables, samples=self.plan.samples)

    def _system(self) -> Operation[ListEvents]:
        return list_events(**self._variables, samples=self.plan.samples)

    @property
    def _variables(self) -> PageVariables:
        return self.page.variables(self.selection)


@dataclass(frozen=True, slots=True)
class PageHistories(Generic[T]):
    """What one answer holds.

    Attributes:
        content: The rows of its runs, or a frame of them.
        run_ids: Its runs, in order.
        bare: The runs of which no row came, though they have a history.
        broken: The runs whose rows cannot be read, and why.
        apart: The runs that hold all metrics, and never in one row.
    """

    content: T
    run_ids: Sequence[str]
    bare: Sequence[str] = ()
    broken: dict[str, WandbRunsError] = field(default_factory=dict[str, WandbRunsError])
    apart: Sequence[str] = ()


class Reader(Protocol[T]):
    """Makes something of an answer."""

    def read(self, answer: RawResponse, request: HistoryRequest) -> Page[PageHistories[T]]:
        """Read an answer into one piece."""
        ...

    def arrange(self, content: T, run_ids: Sequence[str]) -> T:
        """Put what is of these runs in their order, and leave out the rest."""
        ...


class RowsReader:
    """Makes rows of an answer."""

    def read(
        self, answer: RawResponse, request: HistoryRequest
    ) -> Page[PageHistories[list[RunRows]]]:
        """Read an answer into the rows of its runs."""
        page = request.read(answer)
        blocks: list[RunRows] = []
        bare: list[str] = []
        broken: dict[str, WandbRunsError] = {}
        # A server may name a run twice in one page; the last is as good.
        nodes = {node.id: node for node in page.items}
        for node in nodes.values():
            try:
                rows = read_rows(request.plan, node.sent)
            except ValueError as error:
                broken[node.id] = BadResponseError(
                    f"the history of run {node.id!r} cannot be read: {error}; try again", status=200
                )
                continue
            blocks.append((node.id, rows))
            if not rows and node.lines != 0:
                bare.append(node.id)
        piece = PageHistories(blocks, [*nodes], bare, broken)
        return page.with_items((piece,))

    def arrange(self, content: list[RunRows], run_ids: Sequence[str]) -> list[RunRows]:
        """Put the rows of these runs in their order, and leave out the rest."""
        rows = dict(content)
        return [(run_id, rows[run_id]) for run_id in run_ids if run_id in rows]


def _lines(value: object) -> int | None:
    return value if isinstance(value, int) else None

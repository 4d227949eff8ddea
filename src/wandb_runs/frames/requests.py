"""One request for the histories of a page of runs, and how its answer is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar, cast

from wandb_runs.errors import BadResponseError, WandbRunsError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.frames.rows import FoundNames, names_in_rows, read_machine_rows, read_rows
from wandb_runs.graphql._generated import (
    list_events,
    list_histories,
    list_parquet_histories,
    list_sampled_histories,
)
from wandb_runs.pagination.changes import name_filter
from wandb_runs.pagination.page import PageRequest, read_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs.frames.plan import Field, HistoryPlan
    from wandb_runs.frames.rows import RunRows
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.graphql.raw_response import RawResponse
    from wandb_runs.pagination.page import Page, Selection

__all__ = [
    "ATTRIBUTES",
    "HistoryRequest",
    "Node",
    "PageHistories",
    "Reader",
    "RowsReader",
    "check_told",
    "unreadable_history",
]

T = TypeVar("T")

ATTRIBUTES: Final[Mapping[Field, str]] = {
    "sampledHistory": "sampled_history",
    "history": "history",
    "events": "events",
    "parquetHistory": "parquet_history",
}
"""The attribute of a run's model that holds a field."""


class Node(NamedTuple):
    """A run of a page.

    Attributes:
        id: The run's id.
        sent: The value of `plan.field`.
        row_count: How many rows its stream has, where the server says so.
        problem: What is wrong with one of several answers that make up the value.
    """

    id: str
    sent: object
    row_count: int | None
    problem: ValueError | None = None

    def value(self) -> object:
        """The value.

        Raises:
            ValueError: It stands for rows that did not come.
        """
        if self.problem is not None:
            raise self.problem
        check_told(self.sent, self.row_count)
        return self.sent


@dataclass(frozen=True, slots=True, repr=False)
class HistoryRequest(FieldsRepr):
    """Which histories one request asks for.

    Attributes:
        plan: What of each run.
        selection: Which runs.
        page: Which page of them.
    """

    plan: HistoryPlan
    selection: Selection
    page: PageRequest

    @property
    def operation(self) -> Operation[object]:
        """The operation to send."""
        placed = self.page.variables(self.selection)
        if self.plan.field == "parquetHistory":
            return list_parquet_histories(**placed)
        if self.plan.field == "sampledHistory":
            return list_sampled_histories(**placed, specs=self.plan.specs)
        if self.plan.field == "history":
            return list_histories(**placed, samples=self.plan.samples)
        return list_events(**placed, samples=self.plan.rows_per_run)

    def of(self, run_ids: Sequence[str]) -> HistoryRequest:
        """The same request for these runs only."""
        selection = self.selection.copy()
        selection["filters"] = name_filter(run_ids)
        return replace(self, selection=selection, page=PageRequest(None, len(run_ids)))

    def read(self, answer: RawResponse) -> Page[Node]:
        """Read an answer.

        Raises:
            GraphQLError: The server reports errors.
            BadResponseError: The answer does not match the schema.
            NotFoundError: No such project.
        """
        page = read_page(answer, self.selection, self.page)
        name = self.plan.field
        count = "eventsLineCount" if name == "events" else "historyLineCount"
        nodes = (
            Node(
                str(node["id"]),
                # What tells where the rows are is in several fields.
                node if self.plan.is_exact else node.get(name),
                _int_or_none(node.get(count)),
            )
            for node in page.items
        )
        return page.with_items(nodes)


@dataclass(frozen=True, slots=True, repr=False)
class PageHistories(FieldsRepr, Generic[T]):
    """The histories of one answer.

    Attributes:
        content: The rows of its runs, or a frame of them.
        run_ids: Its runs, in order.
        empty_runs: Runs without a row in the answer, but for those whose history is known to be
            empty.
        unreadable: Runs whose rows cannot be read, each with its error.
        disjoint_runs: Runs with rows of each metric, and no row with those that are joined.
        cut_runs: Runs with more rows than were requested, each with how many its history has.
        incomplete_runs: Runs with rows, each with the columns that none of them has, where that
            may be for want of an x axis.
        names: Runs with rows, each with the columns that none of them has, and what they have;
            where that can be told.
        gone_runs: Runs that were gone before all their keys had come.
    """

    content: T
    run_ids: Sequence[str]
    empty_runs: Sequence[str] = ()
    unreadable: Mapping[str, WandbRunsError] = field(default_factory=dict[str, WandbRunsError])
    disjoint_runs: Sequence[str] = ()
    cut_runs: Mapping[str, int] = field(default_factory=dict[str, int])
    incomplete_runs: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    names: Mapping[str, FoundNames] = field(default_factory=dict[str, "FoundNames"])
    gone_runs: Sequence[str] = ()


class Reader(Protocol[T]):
    """Turns answers into rows or frames."""

    def read(self, answer: RawResponse, request: HistoryRequest) -> Page[PageHistories[T]]:
        """Read an answer; the page holds one item."""
        ...

    def read_nodes(self, page: Page[Node], plan: HistoryPlan) -> Page[PageHistories[T]]:
        """Read a page whose runs or keys came in several answers; the page holds one item."""
        ...

    def arrange(self, content: T, run_ids: Sequence[str]) -> T:
        """Keep only these runs, in this order."""
        ...


class RowsReader:
    """Turns answers into rows."""

    def read(
        self, answer: RawResponse, request: HistoryRequest
    ) -> Page[PageHistories[list[RunRows]]]:
        """Read the rows of an answer's runs."""
        return self.read_nodes(request.read(answer), request.plan)

    def read_nodes(self, page: Page[Node], plan: HistoryPlan) -> Page[PageHistories[list[RunRows]]]:
        """Read the rows of a page's runs."""
        histories: list[RunRows] = []
        empty_runs: list[str] = []
        unreadable: dict[str, WandbRunsError] = {}
        cut_runs: dict[str, int] = {}
        incomplete: dict[str, frozenset[str]] = {}
        found_names: dict[str, FoundNames] = {}
        # A server may repeat a run within one page; the last one counts.
        nodes = {node.id: node for node in page.items}
        for node in nodes.values():
            row_count, sampled = node.row_count, None
            try:
                sent = node.value()
                if plan.is_sampled_here:
                    sampled = read_machine_rows(plan, sent)
                rows = read_rows(plan, sent) if sampled is None else sampled.rows
            except ValueError as error:
                unreadable[node.id] = unreadable_history(node.id, error)
                continue
            histories.append((node.id, rows))
            if not rows and node.row_count != 0:
                empty_runs.append(node.id)
            elif rows and plan.join == "outer" and plan.can_be_disjoint:
                missing = plan.columns_without_rows(rows)
                if missing:
                    incomplete[node.id] = missing
            if sampled is None:
                names = names_in_rows(plan, node.id, rows)
            else:
                row_count = sampled.most_rows
                names = sampled.names_of(node.id)
            found_names.update({} if names is None else {node.id: names})
            if row_count is not None and _is_cut(plan, node.sent, row_count):
                cut_runs[node.id] = row_count
        found = PageHistories(
            histories,
            [*nodes],
            empty_runs,
            unreadable,
            cut_runs=cut_runs,
            incomplete_runs=incomplete,
            names=found_names,
        )
        return page.with_items((found,))

    def arrange(self, content: list[RunRows], run_ids: Sequence[str]) -> list[RunRows]:
        """Keep only these runs, in this order."""
        rows = dict(content)
        return [(run_id, rows[run_id]) for run_id in run_ids if run_id in rows]


def check_told(sent: object, row_count: int | None) -> None:
    """Check that null, which counts as no rows, and no list at all stand for none.

    Args:
        sent: The value of `plan.field`.
        row_count: How many rows the history has, where the server says so.

    Raises:
        ValueError: Null or an empty list came for a history that has rows.
    """
    if row_count is not None and row_count > 0 and (sent is None or sent == []):
        came = "null" if sent is None else "an empty list"
        raise ValueError(f"it came as {came}, and has {row_count:,} rows")


def _is_cut(plan: HistoryPlan, sent: object, row_count: int) -> bool:
    """Whether a sample leaves out rows: with keys, only where it is as long as was requested.

    Other rows of the history may lack the keys.
    """
    if row_count <= plan.samples:
        return False
    if plan.field != "sampledHistory":
        return True
    samples = cast("list[object]", sent) if isinstance(sent, list) else []
    return any(
        isinstance(sample, list) and len(cast("list[object]", sample)) >= plan.samples
        for sample in samples
    )


def unreadable_history(run_id: str, error: ValueError) -> BadResponseError:
    """The error for a run whose rows do not match the schema."""
    return BadResponseError(
        f"the history of run {run_id!r} cannot be read: {error}; try again", status=200
    )


def _int_or_none(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

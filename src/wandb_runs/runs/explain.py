"""`Explanation`: what a call would send, without sending it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.suggest import did_you_mean
from wandb_runs.errors.text import FieldsRepr, printable, printable_json
from wandb_runs.frames.requests import HistoryRequest
from wandb_runs.frames.values import values_operation
from wandb_runs.pagination.page import MAX_PER_PAGE, PageRequest
from wandb_runs.pagination.paginator import select_named
from wandb_runs.pagination.sizes import PageSize
from wandb_runs.runs.exact.run_rows import can_read_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.runs.run_query import RunQuery

__all__ = ["Call", "Explanation", "check_call", "explain"]

Call: TypeAlias = Literal["list", "histories", "configs", "summaries"]
"""What can be explained: going through the runs, or one of the methods that read them all."""

RowsFrom: TypeAlias = Literal["files", "step ranges"]
"""Where every row is read from: W&B's Parquet files, where there are any, or ranges of steps."""

_ROWS: Final[Mapping[RowsFrom, str]] = {
    "files": "from files where there are any, by ranges of steps otherwise",
    "step ranges": 'by ranges of steps, since pyarrow is not installed ("wandb-runs[exact]")',
}

_CALLS: Final[tuple[Call, ...]] = get_args(Call)

_TABLES: Final = ("table", "to_pandas", "to_polars")
"""Calls that read a listing to its end."""


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Explanation(FieldsRepr):
    """What a call would send.

    Immutable, and therefore safe to share.

    Attributes:
        operation: The name of the GraphQL operation.
        document: Its text, as it would be sent.
        variables: The variables of the first request; later ones differ in where they start.
        runs_per_request: How many runs the first request asks for: later ones ask for more, up to
            1000, where `per_page` is not given, unless their pages are large or slow.
        requests: How many requests the call takes without retries; None if the number of runs is
            not known, which `len(runs)` asks for. The most, for an outer join of many keys. A loop
            that reads ahead may send up to `max_concurrency - 1` more behind the last page, as long
            as that number is not known.
        is_listed_first: Whether the runs are listed before, and then selected by their ids,
            because they are only part of what the filter selects (`limit=`, `checkpoint=`).
        grows: Whether later requests ask for more runs than the first.
        rows: Where every row is read from, by requests of their own; None where the answers to
            these have all that is read.
    """

    operation: str
    document: str
    variables: Mapping[str, object] = field(hash=False)
    runs_per_request: int
    requests: int | None
    is_listed_first: bool = False
    grows: bool = False
    rows: RowsFrom | None = None

    @override
    def __str__(self) -> str:
        each = f"{self.runs_per_request} runs"
        if self.grows:
            each += f", then for more, up to {MAX_PER_PAGE}"
        if self.requests is None:
            count = f"one for each {each}; len(runs) would tell how many"
        else:
            count = f"{self.requests}, each for {each}{'' if self.grows else ' at most'}"
        if self.is_listed_first:
            count += ", after the runs were listed, and with their ids in the filter"
        if self.rows is not None:
            count += f"; then others for the rows: {_ROWS[self.rows]}"
        document = "\n".join(map(printable, self.document.split("\n")))
        return f"requests: {count}\nvariables: {printable_json(self.variables)}\n{document}\n"


def check_call(call: object, **arguments: object) -> None:
    """Check what is to be explained.

    Args:
        call: The call.
        arguments: What was passed for it; None for what was not.

    Raises:
        InvalidArgumentError: There is no such call, or it does not take such an argument.

    >>> check_call("configs", keys=None, samples=5)
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: the call 'configs' takes no samples
    """
    if call in _TABLES:
        raise InvalidArgumentError(
            f"the call {call!r} is not explained: all keys in a table are read as 'list' does it, "
            "and some keys as by a listing with config_keys= and summary_keys="
        )
    if call not in _CALLS:
        raise InvalidArgumentError(f"unknown call {call!r}{did_you_mean(str(call), _CALLS)}")
    takes = {"list": (), "histories": tuple(arguments)}.get(str(call), ("keys",))
    for name, value in arguments.items():
        if value is not None and name not in takes:
            raise InvalidArgumentError(f"the call {call!r} takes no {name}")


def explain(
    call: Call,
    query: RunQuery,
    plan: HistoryPlan | None,
    *,
    ids: list[str] | None,
    total: int | None,
    fit: Callable[[Operation[object]], Operation[object]],
) -> Explanation:
    """Explain a call on the runs of a listing.

    Args:
        call: The call.
        query: What is listed. An entity that is not known yet is left out of the variables.
        plan: The plan of the histories, configs or summaries; None for the call `list`.
        ids: The ids of the runs, where all have been listed.
        total: How many runs there are, if that is known.
        fit: Leaves out of an operation what the server is known to lack.
    """
    page_size, selection, parts = query.page_size, query.selection, 1
    size = page_size.runs
    operation: Operation[object]
    if plan is None:
        operation = query.list_page(selection, PageRequest(None, size))
    elif call == "histories":
        size = min(query.histories_page_size(plan), query.limit or MAX_PER_PAGE)
        page_size = PageSize.of(size)
        request = HistoryRequest(plan.first_request, selection, PageRequest(None, size))
        parts = plan.most_requests
        operation = (request.of(ids[:size]) if ids else request).operation
    else:
        if ids:
            size = page_size.most
            page_size = PageSize.of(size)
        named = select_named(selection, ids[:size]) if ids else selection
        page = PageRequest(None, min(size, len(ids)) if ids else size).variables(named)
        what: Final = "configs" if call == "configs" else "summaries"
        operation = values_operation(what, page, plan.keys)
    operation = fit(operation)
    requests = None if total is None else page_size.pages(total) * parts
    if plan is not None and ids == []:
        requests = 0  # nothing is asked of no runs; listing none takes a request
    rows: RowsFrom | None = None
    if plan is not None and plan.is_exact:
        rows = "files" if can_read_files() else "step ranges"
    return Explanation(
        operation=operation.name,
        document=operation.document,
        variables=json.loads(operation.content())["variables"],
        runs_per_request=size,
        requests=requests,
        is_listed_first=plan is not None and query.is_part and ids is None,
        grows=page_size.grows,
        rows=rows,
    )

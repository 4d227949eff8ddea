"""Types of tasks and reports that all sides share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from wandb_runs.graphql._generated import ListRuns
    from wandb_runs.graphql.scalars import JSONValue

__all__ = [
    "ENTITY",
    "KEYS",
    "TIMES",
    "Kind",
    "Prepare",
    "Report",
    "Result",
    "Side",
    "Task",
    "Work",
    "ids_of",
    "wide_keys",
]

ENTITY = "bench"
"""The entity of all projects."""

KEYS = ["loss", "accuracy", "learning_rate", "gradient_norm", "throughput"]
"""The metrics in every history."""


TIMES = 20
"""How often `execute` sends its operation."""


def wide_keys(count: int) -> list[str]:
    """The metrics in histories of wide rows, or the first of them."""
    return [f"metric/{number:04d}" for number in range(count)]


def ids_of(answer: ListRuns) -> list[str]:
    """The ids of the runs of a page."""
    if answer.project is None or answer.project.runs is None or answer.project.runs.edges is None:
        raise ValueError("the answer has no runs")
    return [edge.node.id for edge in answer.project.runs.edges if edge and edge.node]


Side: TypeAlias = Literal["wandb", "fastest", "ours", "floor", "other"]
"""The code that is measured.

`fastest` is wandb in its fastest spelling: `lazy=False, per_page=1000`, or eight threads. `other`
is this package as installed for another interpreter.
"""

Kind: TypeAlias = Literal[
    "histories",
    "configs",
    "configs_eager",
    "table",
    "first_page",
    "stream",
    "exact",
    "exact_pyarrow",
    "execute",
]
"""The operation; `configs_eager` is `lazy=False` of wandb, and equal to `configs` elsewhere, and
`exact_pyarrow` is `exact`, but for the library by which the floor reads.

`execute` sends one operation `TIMES` times, and reads the answers to its model.
"""


class Task(TypedDict):
    """The task of a worker, given as JSON on its command line.

    Attributes:
        side: The code that does it.
        kind: The operation.
        project: The project that is read.
        format: Format of histories.
        samples: Rows of each run.
        per_page: Runs in a page; 0 where it is not given.
        wide_keys: How many of the many metrics of wide rows; 0 for `KEYS`.
        join: Which rows the metrics give.
        check: Whether to report a digest of the values.
    """

    side: Side
    kind: Kind
    project: str
    format: Literal["default", "pandas", "polars"]
    samples: int
    per_page: int
    wide_keys: int
    join: Literal["inner", "outer"]
    check: bool


class Report(TypedDict):
    """The report of a worker, printed as JSON.

    Attributes:
        seconds: Duration of the work.
        before: Peak memory before the work, in bytes.
        peak: Peak memory of the process, in bytes.
        size: Size of the result, in bytes; 0 for lists.
        values: How many values it has; 0 unless it has rows.
        libraries: The frame libraries that were imported.
        digest: A hash of the values, equal for equal values; empty unless `check` is set.
    """

    seconds: float
    before: int
    peak: int
    size: int
    values: int
    libraries: list[str]
    digest: str


Result: TypeAlias = "Sequence[Mapping[str, JSONValue] | JSONValue] | pd.DataFrame | pl.DataFrame"

Work: TypeAlias = Callable[[], "Result"]


class Prepare(Protocol):
    """The function of each side's module that prepares the timed work."""

    def __call__(self, task: Task, url: str, /) -> Work:
        """Import libraries, make a client, and return the work."""
        ...

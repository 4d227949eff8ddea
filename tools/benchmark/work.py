"""A piece of work, in the words that all sides share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["ENTITY", "KEYS", "Kind", "Prepare", "Report", "Result", "Side", "Task", "Work"]

ENTITY = "bench"
"""The owner of every project that is read."""

KEYS = ["loss", "accuracy", "learning_rate", "gradient_norm", "throughput"]
"""The metrics of every run's history."""

Side: TypeAlias = Literal["wandb", "ours", "floor", "other"]
"""What is measured; `other` is this package as another interpreter has it installed."""

Kind: TypeAlias = Literal["histories", "configs", "configs_eager", "first_page", "stream"]
"""What is done; `configs_eager` is wandb's `lazy=False`, and the same as `configs` elsewhere."""


class Task(TypedDict):
    """The task of a worker, as JSON on its command line.

    Attributes:
        side: The side that does it.
        kind: What is done.
        project: The project read.
        format: What histories come as.
        samples: Rows for each run.
        check: Whether to report a digest of what was read, too.
    """

    side: Side
    kind: Kind
    project: str
    format: Literal["default", "pandas", "polars"]
    samples: int
    check: bool


class Report(TypedDict):
    """What a worker prints, as JSON.

    Attributes:
        seconds: The time that the work took.
        before: Most memory that the process held before the work, in bytes.
        peak: Most memory that it held at any time, in bytes.
        size: What the result takes by itself, in bytes; 0 where nothing tells.
        libraries: Which frame libraries were imported.
        digest: Equal where the values read are equal; empty unless asked for.
    """

    seconds: float
    before: int
    peak: int
    size: int
    libraries: list[str]
    digest: str


Result: TypeAlias = "Sequence[Mapping[str, JSONValue] | JSONValue] | pd.DataFrame | pl.DataFrame"

Work: TypeAlias = Callable[[], "Result"]


class Prepare(Protocol):
    """What every side's module has: everything up to the work, which is what is timed."""

    def __call__(self, task: Task, url: str, /) -> Work:
        """Import, connect as `Api()` does, and return the work."""
        ...

"""The jobs of the benchmark: the rows of its table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from benchmark.projects import write_histories, write_listing, write_wide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.work import Kind, Side
    from wandb_runs.local.store import Store

__all__ = ["DELAYS", "FULL", "QUICK", "Job", "Project", "Sizes", "at_delays", "list_jobs"]

DELAYS: Final = (0, 20)
"""Milliseconds added to each answer; the server has one port for each."""

ALL: Final[tuple[Side, ...]] = ("wandb", "ours", "floor", "other")
PACKAGE: Final[tuple[Side, ...]] = ("ours", "other")

Project: TypeAlias = Literal["histories", "long", "listing", "many", "wide", "partial", "wider"]


@dataclass(frozen=True)
class Sizes:
    """Sizes of the projects.

    Attributes:
        histories: Runs, and rows of each, of the project `histories`.
        long: Runs, and rows of each, of the project `long`, which makes a large frame.
        listing: Runs of the project `listing`.
        many: Runs of the project `many`, which is streamed in constant memory.
        wide: Rows of the one run of the project `wide`, and keys of each; of `partial`, too.
        wider: The same of the project `wider`, whose keys are all read.
    """

    histories: tuple[int, int]
    long: tuple[int, int]
    listing: int
    many: int
    wide: tuple[int, int]
    wider: tuple[int, int]

    def write(self, store: Store, project: Project) -> None:
        """Write a project to a store."""
        if project == "histories":
            write_histories(store, project, *self.histories)
        elif project == "long":
            write_histories(store, project, *self.long)
        elif project == "wider":
            write_wide(store, project, *self.wider)
        elif project in {"wide", "partial"}:
            write_wide(store, project, *self.wide, has_partial_row=project == "partial")
        else:
            write_listing(store, project, self.listing if project == "listing" else self.many)


FULL: Final = Sizes(
    histories=(200, 500),
    long=(1_000, 10_000),
    listing=10_000,
    many=100_000,
    wide=(1_000, 1_000),
    wider=(200, 5_000),
)
QUICK: Final = Sizes(
    histories=(20, 100),
    long=(20, 1_000),
    listing=200,
    many=2_000,
    wide=(100, 1_000),
    wider=(20, 5_000),
)


@dataclass(frozen=True)
class Job:
    """A row of the table.

    Attributes:
        name: Its name for `--only`.
        work: Its description in the table.
        kind: The operation.
        project: The project that is read.
        goal: The target, a ratio or a bound.
        format: Format of histories.
        samples: Rows of each run.
        wide_keys: How many of the many metrics of wide rows are read; 0 for the usual ones.
        join: Which rows the metrics give.
        group: A name of several jobs for `--only`.
        delay: Milliseconds added to each answer.
        sides: The sides that can do it.
        is_wall: Whether the time is that of the whole process, from its start to its end.
        is_slow: Whether wandb does it in one round only, unless `--full` is given.
        is_heavy: Whether it is omitted unless `--full` is given.
    """

    name: str
    work: str
    kind: Kind
    project: Project
    goal: str
    format: Literal["default", "pandas", "polars"] = "default"
    samples: int = 500
    wide_keys: int = 0
    join: Literal["inner", "outer"] = "inner"
    group: str = ""
    delay: int = 0
    sides: tuple[Side, ...] = ALL
    is_wall: bool = False
    is_slow: bool = False
    is_heavy: bool = False

    @property
    def title(self) -> str:
        """Its description in the table, with the delay."""
        return f"{self.work}, {self.delay} ms"


def list_jobs(sizes: Sizes) -> list[Job]:
    """All jobs, with descriptions for these sizes."""
    runs, rows = sizes.histories
    histories = f"histories of {runs} runs x {rows} samples x 5 keys"
    listing = f'{sizes.listing:,} runs, `config["lr"]` of each'
    long_runs, long_rows = sizes.long
    return [
        Job(
            "polars",
            f"{histories}, polars",
            "histories",
            "histories",
            "15 times, then 20 times; <= floor; <= 5 requests",
            format="polars",
            samples=rows,
            delay=20,
        ),
        Job(
            "pandas",
            f"{histories}, pandas",
            "histories",
            "histories",
            "12 times; <= floor",
            format="pandas",
            samples=rows,
            delay=20,
        ),
        Job(
            "list",
            f"{histories}, list of dicts",
            "histories",
            "histories",
            "14 times",
            samples=rows,
            delay=20,
        ),
        Job(
            "polars-0",
            f"{histories}, polars",
            "histories",
            "histories",
            "5 times",
            format="polars",
            samples=rows,
        ),
        Job(
            "listing",
            f"{listing}, defaults",
            "configs",
            "listing",
            "30 times; <= 1.5 floor",
            is_slow=True,
        ),
        Job(
            "listing-eager",
            f"{listing}, against `lazy=False`",
            "configs_eager",
            "listing",
            "5 times",
        ),
        Job(
            "import",
            "`import`, `Api()`, first page, whole process",
            "first_page",
            "listing",
            "3.5 times; no pandas, no polars",
            is_wall=True,
        ),
        Job(
            "stream",
            f"{sizes.listing:,} runs streamed, 1,000 a page",
            "stream",
            "listing",
            "",
            sides=PACKAGE,
        ),
        Job(
            "stream-many",
            f"{sizes.many:,} runs streamed, 1,000 a page",
            "stream",
            "many",
            "memory flat within 20 %",
            sides=PACKAGE,
        ),
        Job(
            "long",
            f"histories of {long_runs:,} runs x {long_rows:,} samples x 5 keys, polars",
            "histories",
            "long",
            "memory < 3 frames",
            format="polars",
            samples=long_rows,
            sides=PACKAGE,
            is_heavy=True,
        ),
        *_wide_jobs("wide", *sizes.wide, 100),
        *_wide_jobs("partial", *sizes.wide, 100, " that lack keys in one row"),
        *_wide_jobs("wider", *sizes.wider, sizes.wider[1]),
    ]


def _wide_jobs(
    project: Literal["wide", "partial", "wider"], rows: int, keys: int, read: int, which: str = ""
) -> list[Job]:
    """An inner and an outer join of the same keys, which give the same rows, or all but one."""
    work = f"{read:,} of {keys:,} keys{which}, {rows:,} rows of one run, list of dicts"
    joins: tuple[Literal["inner", "outer"], ...] = ("inner", "outer")
    return [
        Job(
            f"{project}-{join}",
            f"{join} join of {work}",
            "histories",
            project,
            "<= 3 times inner per value" if join == "outer" and not which else "",
            samples=rows,
            wide_keys=read,
            join=join,
            group="wide",
            sides=PACKAGE,
        )
        for join in joins
    ]


def at_delays(jobs: Iterable[Job], delays: Iterable[int]) -> list[Job]:
    """Each job at each delay; a goal stays with the delay that it is set for."""
    listed: dict[str, Job] = {}
    for job in jobs:
        for delay in delays:
            moved = replace(job, delay=delay, goal=job.goal if delay == job.delay else "")
            # Jobs that differ only in their delay become one job.
            if moved.goal or moved.title not in listed:
                listed[moved.title] = moved
    return list(listed.values())

"""The jobs of the benchmark: the rows of its table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from benchmark.link import Link
from benchmark.projects import write_histories, write_listing, write_many_columns, write_wide
from benchmark.work import TIMES
from wandb_runs.pagination.page import MAX_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.work import Kind, Side
    from wandb_runs.local.store import Store

__all__ = ["FULL", "QUICK", "Job", "Project", "Sizes", "at_delays", "list_jobs"]

NEAR: Final = Link()
SLOW: Final = Link(20)
NARROW: Final = Link(20, megabits=50)

ALL: Final[tuple[Side, ...]] = ("wandb", "ours", "floor", "other")
LISTING: Final[tuple[Side, ...]] = ("wandb", "fastest", "ours", "floor", "other")
PACKAGE: Final[tuple[Side, ...]] = ("ours", "other")

ENTRY: Final = 45
"""About the bytes of an entry in a large config."""

Project: TypeAlias = Literal[
    "histories", "long", "listing", "large", "many", "wide", "partial", "wider", "files", "live"
]


@dataclass(frozen=True)
class Sizes:
    """Sizes of the projects.

    Attributes:
        histories: Runs, and rows of each, of the project `histories`.
        long: Runs, and rows of each, of the project `long`, which makes a large frame.
        listing: Runs of the project `listing`.
        large: Runs of the project `large`, and entries of each config, of `ENTRY` bytes.
        many: Runs of the project `many`, which is streamed in constant memory.
        wide: Rows of the one run of the project `wide`, and keys of each; of `partial`, too.
        wider: The same of the project `wider`, whose keys are all read.
        files: Runs of the project `files`, rows and columns of each: exact histories in files.
        live: The same of the project `live`, whose rows are in no file.
    """

    histories: tuple[int, int]
    long: tuple[int, int]
    listing: int
    large: tuple[int, int]
    many: int
    wide: tuple[int, int]
    wider: tuple[int, int]
    files: tuple[int, int, int]
    live: tuple[int, int, int]

    def write(self, store: Store, project: Project) -> None:
        """Write a project to a store."""
        if project == "histories":
            write_histories(store, project, *self.histories)
        elif project == "long":
            write_histories(store, project, *self.long)
        elif project == "files":
            write_many_columns(store, project, *self.files, is_over=True)
        elif project == "live":
            write_many_columns(store, project, *self.live, is_over=False)
        elif project == "wider":
            write_wide(store, project, *self.wider)
        elif project in {"wide", "partial"}:
            write_wide(store, project, *self.wide, has_partial_row=project == "partial")
        elif project == "large":
            write_listing(store, project, *self.large)
        else:
            write_listing(store, project, self.listing if project == "listing" else self.many)


FULL: Final = Sizes(
    histories=(200, 500),
    long=(1_000, 10_000),
    listing=10_000,
    large=(2_000, 450),
    many=100_000,
    wide=(1_000, 1_000),
    wider=(200, 5_000),
    files=(50, 20_000, 40),
    live=(20, 10_000, 40),
)
QUICK: Final = Sizes(
    histories=(20, 100),
    long=(20, 1_000),
    listing=200,
    large=(100, 450),
    many=2_000,
    wide=(100, 1_000),
    wider=(20, 5_000),
    files=(4, 2_000, 40),
    live=(4, 2_000, 40),
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
        per_page: Runs in a page; 0 where it is not given.
        wide_keys: How many of the many metrics of wide rows are read; 0 for the usual ones.
        join: Which rows the metrics give.
        group: A name of several jobs for `--only`.
        link: The connection to the server.
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
    per_page: int = 0
    wide_keys: int = 0
    join: Literal["inner", "outer"] = "inner"
    group: str = ""
    link: Link = NEAR
    sides: tuple[Side, ...] = ALL
    is_wall: bool = False
    is_slow: bool = False
    is_heavy: bool = False

    @property
    def title(self) -> str:
        """Its description in the table, with the connection."""
        return f"{self.work}, {self.link.title}"


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
            link=SLOW,
        ),
        Job(
            "pandas",
            f"{histories}, pandas",
            "histories",
            "histories",
            "12 times; <= floor",
            format="pandas",
            samples=rows,
            link=SLOW,
        ),
        Job(
            "list",
            f"{histories}, list of dicts",
            "histories",
            "histories",
            "14 times",
            samples=rows,
            link=SLOW,
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
        *_listing_jobs(sizes),
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
        Job(
            "execute",
            f"`execute` of {min(sizes.listing, MAX_PER_PAGE):,} nodes, {TIMES} times",
            "execute",
            "listing",
            "<= 1.3 floor",
            per_page=MAX_PER_PAGE,
            sides=("ours", "floor", "other"),
        ),
        *_narrow_jobs(sizes),
        *_exact_jobs(sizes),
        *_wide_jobs("wide", *sizes.wide, 100),
        *_wide_jobs("partial", *sizes.wide, 100, " that lack keys in one row"),
        *_wide_jobs("wider", *sizes.wider, sizes.wider[1]),
    ]


class _Listing(NamedTuple):
    """A way of listing runs.

    Attributes:
        name: A part of the names of its jobs.
        work: Its description in the table.
        goals: The targets, by milliseconds added to each answer.
        kind: The operation.
        project: The project that is read.
        per_page: Runs in a page; 0 where it is not given.
    """

    name: str
    work: str
    goals: dict[int, str]
    kind: Kind = "configs_eager"
    project: Project = "listing"
    per_page: int = 0


def _listing_jobs(sizes: Sizes) -> list[Job]:
    """Listings near and far, where wandb has the configs of a page in its answer."""
    listing = f'{sizes.listing:,} runs, `config["lr"]` of each'
    runs, entries = sizes.large
    size = ENTRY * entries // 1000
    eager = _Listing(
        "eager",
        f"{listing}, against `lazy=False`",
        {
            0: "5 times; <= 1.3 floor",
            20: "6 times; <= 25 requests",
            100: "10 times; <= 25 requests",
        },
    )
    others = [
        _Listing("50", f"{listing}, `per_page=50` given", {100: "3.5 times"}, per_page=50),
        _Listing("1000", f"{listing}, `per_page=1000` given", {100: "3 times"}, per_page=1000),
        _Listing(
            "large",
            f'{runs:,} runs with configs of {size} KB, `config["lr"]` of each',
            {},
            project="large",
        ),
        _Listing("table", f'`configs(["lr"])` of {sizes.listing:,} runs', {}, kind="table"),
    ]
    near = replace(_listing_job(eager, 0), name="listing-eager", group="")
    return [
        near,
        *(_listing_job(listed, delay) for listed in (eager, *others) for delay in (20, 100)),
    ]


def _listing_job(listed: _Listing, delay: int) -> Job:
    # What wandb does with 1000 a page is its fastest already.
    sides = ALL if listed.per_page == MAX_PER_PAGE else LISTING
    return Job(
        f"listing-{listed.name}-{delay}",
        listed.work,
        listed.kind,
        listed.project,
        listed.goals.get(delay, ""),
        per_page=listed.per_page,
        group="network",
        link=Link(delay),
        sides=sides,
        is_slow=delay > 0 and listed.per_page != MAX_PER_PAGE,
    )


def _narrow_jobs(sizes: Sizes) -> list[Job]:
    """Work over a connection of little bandwidth, with answers as they are and compressed."""
    runs, rows = sizes.histories
    listed = Job(
        "narrow-listing",
        f'{sizes.listing:,} runs, `config["lr"]` of each, against `lazy=False`',
        "configs_eager",
        "listing",
        "",
        group="narrow",
        link=NARROW,
        sides=LISTING,
        is_slow=True,
    )
    read = Job(
        "narrow-polars",
        f"histories of {runs} runs x {rows} samples x 5 keys, polars",
        "histories",
        "histories",
        "",
        format="polars",
        samples=rows,
        group="narrow",
        link=NARROW,
        is_slow=True,
    )
    return [
        replace(job, name=f"{job.name}{name}", link=NARROW._replace(is_compressed=compressed))
        for job in (listed, read)
        for compressed, name in ((False, ""), (True, "-gzip"))
    ]


def _exact_jobs(sizes: Sizes) -> list[Job]:
    """Every row, from files and by ranges of steps."""
    runs, rows, columns = sizes.files
    exact = f"exact histories of {runs} runs x {rows:,} rows x 5 of {columns} keys, polars"
    live_runs, live_rows, live_columns = sizes.live
    live = f"{live_runs} runs x {live_rows:,} rows x 5 of {live_columns} keys"
    return [
        Job(
            "exact",
            exact,
            "exact",
            "files",
            "10 times, then 3 times; memory < 2 frames",
            format="polars",
            group="every-row",
            link=SLOW,
            sides=LISTING,
            is_slow=True,
        ),
        Job(
            "exact-pyarrow",
            f"{exact}, the floor by pyarrow over fsspec",
            "exact_pyarrow",
            "files",
            "<= 1.5 floor",
            format="polars",
            group="every-row",
            link=SLOW,
            sides=("ours", "floor", "other"),
        ),
        Job(
            "exact-live",
            f"exact histories of {live} in no file, polars",
            "exact",
            "live",
            "5 times",
            format="polars",
            group="every-row",
            link=SLOW,
            sides=("wandb", "fastest", "ours", "other"),
            is_slow=True,
        ),
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
            goal = job.goal if delay == job.link.delay else ""
            moved = replace(job, link=job.link._replace(delay=delay), goal=goal)
            # Jobs that differ only in their delay become one job.
            if moved.goal or moved.title not in listed:
                listed[moved.title] = moved
    return list(listed.values())

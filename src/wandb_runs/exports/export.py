"""`export`: writes a dataset of a project, or brings one up to date."""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar, cast
from warnings import warn

from wandb_runs.errors import (
    IncompleteExportWarning,
    InvalidArgumentError,
    RepairedExportWarning,
)
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.exports.dataset import read_dataset
from wandb_runs.exports.facts import Manifest, Query
from wandb_runs.exports.file_facts import check_digest, file_facts, part_facts
from wandb_runs.exports.folder import ExportFolder
from wandb_runs.exports.jobs import PartJob
from wandb_runs.exports.part_file import open_part, write_part
from wandb_runs.exports.plan import assign, is_live, plan_parts, status_of
from wandb_runs.exports.repair import lost_runs, still_lost
from wandb_runs.exports.result import ExportResult
from wandb_runs.exports.run_files import FilesOutcome, download_files
from wandb_runs.exports.run_jobs import jobs_on, run_here
from wandb_runs.exports.run_table import (
    compare_tables,
    list_runs,
    listed_runs,
    write_table,
)
from wandb_runs.exports.schemas import unify
from wandb_runs.pagination.progress import Progress, check_progress
from wandb_runs.runs.files.listing import check_path
from wandb_runs.runs.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    import polars as pl
    import pyarrow as pa
    from distributed import Client

    from wandb_runs.exports.dataset import Dataset
    from wandb_runs.exports.facts import FileFacts, Kind
    from wandb_runs.exports.jobs import ListedRun, PartOutcome
    from wandb_runs.exports.part_file import Part
    from wandb_runs.exports.plan import PartPlan
    from wandb_runs.exports.run_jobs import RunJobs
    from wandb_runs.exports.run_table import RunTable
    from wandb_runs.frames.schema import PolarsSchema
    from wandb_runs.pagination.progress import OnProgress

__all__ = ["export"]

K = TypeVar("K", bound=str)

_RUNS_PER_PART: Final = 1000


def export(
    runs: Runs,
    to: str | PathLike[str],
    *,
    keys: list[K] | tuple[K, ...] | None = None,
    schema: PolarsSchema | None = None,
    system: bool = True,
    files: bool = False,
    runs_per_part: int = _RUNS_PER_PART,
    dry_run: bool = False,
    repair: bool = False,
    client: Client | None = None,
    progress: OnProgress | None = None,
) -> ExportResult:
    """Write a dataset of the runs of a listing, or bring one up to date.

    The folder then has `runs/runs.parquet`, a row for each run as `runs.to_polars()` has it, with
    `history_line_count` and `deleted`; `histories/part-*.parquet`, every row of every run, by the
    columns of `runs.scan_histories(keys)`; `system/part-*.parquet`, samples of machine metrics of
    up to 10,000 rows a run; `files/<run id>/<name>` where files are asked for; and
    `manifest.json`. All files of one folder have the same columns, so that DuckDB, polars, pyarrow
    and pandas open them without an option.

    The runs are listed anew, whatever has been read of the listing before.

    Where the dataset is there already, only the rows of runs that are new or have logged since are
    fetched: by their heartbeat and their number of rows. A run stays in its file, and is kept when
    it is deleted, marked in `runs.deleted`. An export that was ended at any moment, also by
    `kill -9`, is gone on with by the next; each file is whole at any time.

    Args:
        runs: The runs. The next export into the same folder is of the same project and filter.
        to: The folder: an empty or a new one, or that of an export.
        keys: The metrics of the histories: of rows that have all of them. None for every row and
            all metrics.
        schema: Dtypes of columns of the histories, as of `runs.scan_histories`; the next export
            into the same folder has the same.
        system: Whether machine metrics are exported.
        files: Whether the files that runs uploaded are downloaded.
        runs_per_part: Runs of a file at most, at least 1; such as have a million rows are in more
            files. It counts for new runs.
        dry_run: Whether only to tell what would be done: the runs are listed.
        repair: Whether all files of rows are read, and those that are damaged are moved to the
            folder `damaged`, so that what they held is fetched again. Otherwise a damaged file
            of which rows would be copied is an error.
        client: A `distributed.Client`, on whose workers the files of rows are fetched and written:
            `to` is a folder that all of them share, and each has the key in its environment. They
            share `requests_per_second`. A worker that is lost has its files written by others.
        progress: Called with a `Progress` after each file of rows, in this thread: the runs whose
            files are all written, of those that have to be; then after each downloaded file, with
            `files` and `total_files`. `bytes` are those of either.

    Returns:
        What became of it.

    Raises:
        InvalidArgumentError: An argument that cannot be right; nothing was sent.
        ExportError: The folder holds something else, or an export of other runs or keys, or a
            damaged file, or another export writes to it.
        SchemaError: A value does not fit the schema; its `column` says which to name in `schema`.
        NotFoundError: No such project, or the key may not see it.
        WandbRunsError: The server does not answer; what was written stays.
        OSError: A file cannot be written.

    Warns:
        IncompleteExportWarning: The rows or files of some runs could not be read; or files have
            names under which nothing is written, which is told once.
        RepairedExportWarning: Files were damaged, and what they held is fetched again; or it is
            lost, since the runs are listed no more.

    >>> from tempfile import TemporaryDirectory
    >>> import polars as pl
    >>> from wandb_runs.exports import export
    >>> with TemporaryDirectory() as folder:
    ...     result = export(runs, folder, system=False)
    ...     table = pl.read_parquet(f"{folder}/runs/*.parquet")
    ...     rows = pl.scan_parquet(f"{folder}/histories/*.parquet").collect()
    >>> result.added == len(table), rows.height == result.rows_fetched
    (True, True)
    """
    work = _Work.of(
        runs, to, keys, schema, system=system, runs_per_part=runs_per_part, repair=repair
    )
    if client is not None:
        # Workers have folders of their own to begin at.
        folder = ExportFolder(work.folder.root.absolute())
        work = replace(work, folder=folder, run_jobs=jobs_on(client))
    check_progress(progress)
    if dry_run:
        return work.result(work.plan(), is_dry_run=True)
    # Of a project that does not exist, no folder is made.
    now = list_runs(work.runs) if work.folder.is_empty() else None
    with work.folder.locked():
        return work.run(now, files=files, progress=progress)


@dataclass(frozen=True, slots=True, repr=False)
class _Plan(FieldsRepr):
    """What there is to do.

    Attributes:
        before: What is there.
        table: The runs.
        listed: Those that are listed, the oldest first.
        parts: The parts to write, by kind.
        lost: The runs of which damaged files, or such of an export that was ended, have something
            alone, with the file's name.
    """

    before: Dataset
    table: RunTable
    listed: Sequence[ListedRun]
    parts: Mapping[Kind, Sequence[PartPlan]]
    lost: Mapping[str, str]

    @property
    def changed(self) -> set[str]:
        """The ids of the runs whose rows are fetched."""
        return {run.id for parts in self.parts.values() for part in parts for run in part.changed}


@dataclass(frozen=True, slots=True, repr=False)
class _Work(FieldsRepr):
    """An export.

    Attributes:
        runs: The listing.
        folder: Where it goes.
        query: What is exported.
        schema: Dtypes of columns, by name.
        runs_per_part: Runs of a file at most.
        repairs: Whether damaged files are replaced.
        run_jobs: Runs jobs, and gives what became of each in their order.
    """

    runs: Runs
    folder: ExportFolder
    query: Query
    schema: PolarsSchema | None
    runs_per_part: int
    repairs: bool
    run_jobs: RunJobs = run_here

    @classmethod
    def of(
        cls,
        runs: Runs,
        to: str | PathLike[str],
        keys: list[K] | tuple[K, ...] | None,
        schema: PolarsSchema | None,
        *,
        system: bool,
        runs_per_part: int,
        repair: bool,
    ) -> _Work:
        """Check the arguments of `export`, which documents them."""
        if not isinstance(runs, Runs):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
            raise InvalidArgumentError(
                f"runs are those of Api().runs(...), got {type(runs).__name__}"
            )
        if type(runs_per_part) is not int or runs_per_part < 1:
            raise InvalidArgumentError(f"runs_per_part is at least 1, got {runs_per_part!r:.80}")
        runs.scan_histories(keys, schema=schema)  # checks them, and sends nothing
        if runs.explain("histories").is_listed_first:
            raise InvalidArgumentError(
                "limit= and checkpoint= count places of a listing, and which runs have them "
                "changes; choose what is exported by filters"
            )
        folder = ExportFolder(check_path("to", to))
        # One that has been read would give the runs that there were then.
        listing = copy(runs)
        query = Query(
            server=runs.server,
            project=runs.project,
            entity=listing.entity,  # which workers need not ask for
            filters=cast("str", listing.explain().variables["filters"]),
            keys=None if keys is None else tuple(keys),
            system=bool(system),
            dtypes={name: str(dtype) for name, dtype in (schema or {}).items()},
        )
        return cls(listing, folder, query, schema, runs_per_part, repair)

    def run(
        self, now: pl.DataFrame | None, *, files: bool, progress: OnProgress | None
    ) -> ExportResult:
        """Write what there is to write.

        Args:
            now: The runs, where they have been listed.
            files: Whether files are downloaded.
            progress: What is told of it.
        """
        plan = self.plan(now)
        before = self._begin(plan)
        outcomes, written = self._write_parts(plan, progress)
        if plan.table.is_new:
            write_table(self.folder.table, plan.table.frame)
        outcome = FilesOutcome({}, before.refused)
        if files:
            outcome = download_files(self.runs, self.folder, progress, written)
        manifest = self._manifest(plan, before)
        failed = manifest.errors
        errors = {**failed, **outcome.failed}
        self.folder.write_manifest(
            manifest.model_copy(
                update={"is_complete": not errors, "errors": errors, "refused": outcome.refused}
            )
        )
        told = outcome.since(before.refused)
        if failed or told.failed or told.refused:
            root = str(self.folder.root)
            warn(IncompleteExportWarning(root, failed, told.failed, told.refused), stacklevel=3)
        return replace(
            self.result(plan, outcomes),
            failed=failed,
            files_failed={**told.failed, **told.refused},
            files_refused=outcome.refused,
        )

    def plan(self, now: pl.DataFrame | None = None) -> _Plan:
        """Look at what is there, list the runs, and compare."""
        before = read_dataset(self.folder, self.query, repairs=self.repairs)
        found = list_runs(self.runs) if now is None else now
        table = compare_tables(found, before.table, before.numbers)
        listed = listed_runs(table)
        assigned = assign(before.numbers, listed, self.runs_per_part)
        planned: dict[Kind, list[PartPlan]] = {
            kind: plan_parts(
                assigned, listed, {number: part.facts for number, part in parts.items()}
            )
            for kind, parts in before.parts.items()
        }
        root = self.folder.root
        for kind, plans in planned.items():
            for plan in plans:
                if plan.is_there:  # rows of other runs are copied from it
                    part = before.parts[kind][plan.number]
                    check_digest(root, part.path, before.files, part.facts.generation)
        lost = lost_runs(root, before.damaged, before.manifest, {run.id for run in listed})
        return _Plan(before, table, listed, planned, lost)

    def _begin(self, plan: _Plan) -> Manifest:
        """Tell that an export is under way, and move away what it does not build upon.

        Returns:
            The manifest of the last export.
        """
        found = plan.before
        # Before another query is in the manifest: it is of no part that is left.
        for path in found.outdated:
            path.unlink()
        before = found.manifest or Manifest(query=self.query)
        if plan.changed or plan.table.is_new or found.manifest is None or found.damaged:
            kept = {self._name(each.kept): tuple(each.runs) for each in found.damaged}
            before = before.model_copy(
                update={"query": self.query, "lost": {**before.lost, **kept}}
            )
            # What is there until the end tells that there was none.
            self.folder.write_manifest(
                before.model_copy(update={"is_complete": False, "exported_at": None})
            )
        for each in found.damaged:
            each.kept.parent.mkdir(parents=True, exist_ok=True)
            each.path.rename(each.kept)
        if found.damaged or plan.lost:
            told = RepairedExportWarning(str(self.folder.root), self._moved(plan), plan.lost)
            warn(told, stacklevel=4)
        return before

    def _moved(self, plan: _Plan) -> dict[str, str]:
        """The damaged files, and where they are kept."""
        return {self._name(each.path): self._name(each.kept) for each in plan.before.damaged}

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder.root).as_posix()

    def result(
        self,
        plan: _Plan,
        outcomes: Sequence[PartOutcome] = (),
        *,
        is_dry_run: bool = False,
    ) -> ExportResult:
        """What became of the export, or would."""
        changed = (plan.changed | plan.table.edited) - plan.table.added
        return ExportResult(
            folder=self.folder.root,
            runs=len(plan.listed),
            added=len(plan.table.added),
            changed=len(changed),
            unchanged=len(plan.listed) - len(plan.table.added) - len(changed),
            deleted=len(plan.table.deleted),
            live=sum(map(is_live, plan.listed)),
            rows_fetched=sum(each.rows for each in outcomes),
            parts_written=sum(map(len, plan.parts.values())) if is_dry_run else len(outcomes),
            damaged=self._moved(plan),
            lost=plan.lost,
            is_dry_run=is_dry_run,
        )

    def _write_parts(
        self, plan: _Plan, progress: OnProgress | None
    ) -> tuple[list[PartOutcome], Progress]:
        """Write the parts that changed; then give all of a kind the same columns.

        Returns:
            What became of each, and how far the export has come.
        """
        known: dict[Kind, pa.Schema] = {
            kind: unify(part.schema for part in there.values())
            for kind, there in plan.before.parts.items()
        }
        # The files of a run one after another: it is counted when the last of them is there.
        planned: list[tuple[Kind, PartPlan]] = [
            (kind, part) for kind, parts in plan.parts.items() for part in parts
        ]
        order = sorted(planned, key=lambda each: each[1].number)
        jobs = [
            PartJob(
                self.runs,
                kind,
                self.folder.part(kind, part.number),
                part.is_there,
                part.changed,
                self.query.keys,
                self.schema if kind == "histories" else None,
                known[kind],
            )
            for kind, part in order
        ]
        outcomes: list[PartOutcome] = []
        left = Counter(run.id for _, part in order for run in part.changed)
        total = len(left)
        told = Progress(0, total, 0)
        for (kind, part), outcome in zip(order, self.run_jobs(jobs), strict=True):
            outcomes.append(outcome)
            plan.before.parts[kind][part.number] = open_part(outcome.path)
            left -= Counter(run.id for run in part.changed)  # without those of which none is left
            size = told.bytes + outcome.path.stat().st_size
            told = Progress(total - len(left), total, size)
            if progress is not None:
                progress(told)
        for there in plan.before.parts.values():
            _conform(self.folder.root, there, plan.before.files)
        return outcomes, told

    def _manifest(self, plan: _Plan, before: Manifest) -> Manifest:
        known = plan.before.files
        root = self.folder.root
        parts = [part for there in plan.before.parts.values() for _, part in sorted(there.items())]
        histories = plan.before.parts["histories"].values()
        rows = {each.id: each for part in histories for each in part.facts.runs}
        listed = {run.id: run for run in plan.listed}
        known_runs = [each for part in parts for each in part.facts.runs]
        # One that is gone is not read again: it would be told for ever.
        errors = {each.id: each.error for each in known_runs if each.error and each.id in listed}
        read: dict[str, Collection[str]] = {
            kind: {each.id for part in there.values() for each in part.facts.runs if not each.error}
            for kind, there in plan.before.parts.items()
        }
        return Manifest(
            query=self.query,
            exported_at=datetime.now(UTC).isoformat(timespec="seconds"),
            files=(
                file_facts(root, self.folder.table, plan.table.frame.height),
                *(part_facts(root, part, known) for part in parts),
            ),
            statuses={
                name: status_of(listed.get(name), rows.get(name)) for name in {**rows, **listed}
            },
            errors=errors,
            lost=still_lost(root, before.lost, {**read, self.folder.table.parent.name: listed}),
        )


def _conform(root: Path, parts: dict[int, Part], known: Mapping[str, FileFacts]) -> None:
    """Write those parts again that lack a column, or have one of another type."""
    schema = unify(part.schema for part in parts.values())
    for number, part in parts.items():
        if part.schema != schema:
            check_digest(root, part.path, known, part.facts.generation)
            write_part(part.path, schema, part.tables(), part.facts.same)
            parts[number] = open_part(part.path)

# The stubs of pyarrow leave open what its containers hold.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""`PartJob`: brings one part up to date, in this process or in another."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from wandb_runs.errors import BadResponseError, HistoriesError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.exports.facts import RunFacts
from wandb_runs.exports.part_file import Part, open_part, write_part
from wandb_runs.exports.schemas import unify
from wandb_runs.exports.spool import Spool

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from wandb_runs.exports.facts import Kind
    from wandb_runs.frames.schema import PolarsSchema
    from wandb_runs.runs.runs import Runs

__all__ = ["SYSTEM_ROWS", "ListedRun", "PartJob", "PartOutcome"]

SYSTEM_ROWS: Final = 10_000
"""Rows of machine metrics of a run at most: W&B keeps samples of them alone."""

_ATTEMPTS: Final = 4
"""How often the runs of a part are read, each time without those that failed."""


@dataclass(frozen=True, slots=True, repr=False)
class ListedRun(FieldsRepr):
    """A run as the listing has it.

    Attributes:
        id: Its id.
        state: Its state.
        heartbeat: When it last logged, as ISO 8601.
        lines: How many rows it has logged.
    """

    id: str
    state: str
    heartbeat: str | None
    lines: int | None


@dataclass(frozen=True, slots=True, repr=False)
class PartOutcome(FieldsRepr):
    """What became of a part.

    Attributes:
        path: Its file.
        rows: How many rows were fetched for it.
    """

    path: Path
    rows: int


@dataclass(frozen=True, slots=True, repr=False)
class PartJob(FieldsRepr):
    """Fetches the rows of runs of a part that changed, and writes it with those of the others.

    It can be pickled, without a key, and run again: the same rows are written.

    Attributes:
        runs: The listing.
        kind: Which rows.
        path: The file of the part.
        is_there: Whether there is one, whose other runs are kept.
        changed: The runs whose rows are fetched.
        keys: The metrics; None for all.
        dtypes: Dtypes of columns, as the caller gave them.
        schema: The columns that files of the dataset have, as far as they are known.
    """

    runs: Runs
    kind: Kind
    path: Path
    is_there: bool
    changed: Sequence[ListedRun]
    keys: tuple[str, ...] | None
    dtypes: PolarsSchema | None = None
    schema: pa.Schema = field(default_factory=lambda: pa.schema([]))

    def run(self) -> PartOutcome:
        """Fetch and write.

        Raises:
            ExportError: The part that is there cannot be read.
            WandbRunsError: The server does not answer, or not as it should.
            OSError: The file cannot be written.
        """
        old = open_part(self.path) if self.is_there else None
        failed: dict[str, str] = {}
        for attempt in range(_ATTEMPTS):
            try:
                with ExitStack() as stack:
                    return self._write_once(old, failed, stack)
            except HistoriesError as error:
                if attempt == _ATTEMPTS - 1 or not error.errors:
                    raise
                failed |= {name: str(each) for name, each in error.errors.items()}
        raise AssertionError("unreachable")

    def _write_once(
        self, old: Part | None, failed: Mapping[str, str], stack: ExitStack
    ) -> PartOutcome:
        changed = {each.id: each for each in self.changed}
        wanted = [each for each in changed if each not in failed]
        schema, fetched = self._fetch(wanted, stack)
        schemas = [self.schema, schema] if old is None else [self.schema, old.schema, schema]
        # What a run had before stays where it cannot be read now.
        kept = () if old is None else old.tables(without=wanted)
        known = {} if old is None else {each.id: each for each in old.facts.runs}
        rows = 0

        def tables() -> Iterator[pa.Table]:
            nonlocal rows
            yield from kept
            for table in fetched:
                rows += len(table)
                yield table

        def runs_of(counts: Counter[str]) -> Iterable[RunFacts]:
            for name in dict.fromkeys((*known, *changed)):
                count = counts[name]
                now = changed.get(name)
                if now is None:
                    yield known[name]
                elif name in failed:
                    yield RunFacts(
                        id=name, heartbeat=None, lines=None, rows=count, error=failed[name]
                    )
                else:
                    yield RunFacts(
                        id=name,
                        heartbeat=now.heartbeat,
                        lines=now.lines,
                        rows=count,
                        error=self._problem(now, count),
                    )

        write_part(self.path, unify(schemas), tables(), runs_of)
        return PartOutcome(self.path, rows)

    def _fetch(self, ids: Sequence[str], stack: ExitStack) -> tuple[pa.Schema, Iterator[pa.Table]]:
        """The columns and the rows of some runs, until a block ends."""
        empty = pa.schema([("run_id", pa.large_string())])
        if not ids:
            return empty, iter(())
        some = self.runs.with_ids([*ids])
        if self.kind == "system":
            spool = stack.enter_context(Spool())
            for frame in some.iter_histories(SYSTEM_ROWS, format="polars", stream="system"):
                spool.add(_arrow_of(frame))
            return unify([empty, *spool.schemas]), spool.tables()
        keys = None if self.keys is None else [*self.keys]
        reader = stack.enter_context(some.arrow_batches(keys, schema=self.dtypes))
        return reader.schema, (pa.table(batch) for batch in reader)

    def _problem(self, run: ListedRun, count: int) -> str | None:
        """Why a run may have fewer rows than it should."""
        if self.kind == "histories" and self.keys is None and not count and run.lines:
            return str(BadResponseError(f"the server gives none of {run.lines} rows", status=200))
        return None


def _arrow_of(frame: pl.DataFrame) -> pa.Table:
    """A frame as a table of Arrow, in whose names an escape stands for NUL: polars panics there."""
    names: dict[str, str] = {}
    for name in (each for each in frame.columns if "\0" in each):
        new = name.replace("\0", r"\x00")
        while new in frame.columns or new in names.values():
            new += "_"
        names[name] = new
    return frame.rename(names).to_arrow()

# The stubs of pyarrow leave open what its containers hold.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""One file of rows of many runs, which says itself which runs it has."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import pyarrow as pa
from pyarrow import compute, parquet
from pydantic import ValidationError

from wandb_runs.errors import ExportError
from wandb_runs.exports.facts import PartFacts
from wandb_runs.exports.schemas import conform
from wandb_runs.files.replace import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path
    from typing import IO

    from wandb_runs.exports.facts import RunFacts

__all__ = ["Part", "damaged", "open_part", "rows_by_run", "write_part"]

_KEY: Final = b"wandb_runs"
_GROUP: Final = 100_000
"""Rows of a row group, about."""

_BATCH: Final = 50_000
"""Rows that are read of a file at once."""


class Part(NamedTuple):
    """A part that is there.

    Attributes:
        path: Its file.
        facts: What it says of itself.
        schema: Its columns.
        rows: How many rows it has.
    """

    path: Path
    facts: PartFacts
    schema: pa.Schema
    rows: int

    def tables(self, without: Collection[str] = ()) -> Iterator[pa.Table]:
        """Its rows, some at a time.

        Args:
            without: The ids of runs whose rows are left out.

        Raises:
            ExportError: The file is damaged.
        """
        left_out = pa.array([*without], pa.large_string())
        with parquet.ParquetFile(self.path, page_checksum_verification=True) as file:
            batches = file.iter_batches(_BATCH)
            while True:
                try:
                    table = pa.table(next(batches))
                except StopIteration:
                    return
                except (pa.ArrowException, OSError) as error:
                    raise damaged(self.path, str(error)) from error
                if without:
                    ids = table.column("run_id").cast(pa.large_string())
                    table = table.filter(compute.invert(compute.is_in(ids, value_set=left_out)))
                if len(table):
                    yield table


def open_part(path: Path) -> Part:
    """What a part says of itself.

    Raises:
        ExportError: It cannot be read, or is none of an export.
    """
    try:
        metadata = parquet.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
        facts = PartFacts.model_validate_json((metadata.metadata or {}).get(_KEY, b""))
    except (pa.ArrowException, OSError, ValidationError) as error:
        raise damaged(path, "it is no whole Parquet file of an export") from error
    return Part(path, facts, schema.remove_metadata(), metadata.num_rows)


def damaged(path: Path, problem: str) -> ExportError:
    """The error of a file of the dataset whose content is not what was written."""
    return ExportError(
        f"{str(path)!r} is damaged ({problem}); put a good copy in its place, or export with "
        "repair=True, which moves it to the folder 'damaged' and fetches what it held again: rows "
        "of runs that were deleted on the server are in it alone"
    )


def rows_by_run(path: Path) -> Counter[str]:
    """How many rows a file has of which run, counted in its content.

    All columns are read, so that a file that is broken anywhere is noticed.

    Raises:
        ExportError: It cannot be read.
    """
    counts: Counter[str] = Counter()
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                _count(counts, pa.table(batch))
    except (pa.ArrowException, OSError) as error:
        raise ExportError(f"{str(path)!r} cannot be read: {error}") from error
    return counts


def write_part(
    path: Path,
    schema: pa.Schema,
    tables: Iterable[pa.Table],
    runs_of: Callable[[Counter[str]], Iterable[RunFacts]],
) -> None:
    """Write a part, or replace one, whole or not at all.

    Args:
        path: Its file.
        schema: Its columns.
        tables: Its rows, some at a time, of these columns or fewer.
        runs_of: Tells what it has of which runs, by how many rows it has of each.
    """
    path.parent.mkdir(parents=True, exist_ok=True)

    def write(file: IO[bytes]) -> None:
        counts: Counter[str] = Counter()
        with parquet.ParquetWriter(
            file, schema, compression="zstd", write_page_checksum=True
        ) as writer:
            for table in _in_groups(tables, schema):
                _count(counts, table)
                writer.write_table(table)
            facts = PartFacts(generation=secrets.token_hex(8), runs=tuple(runs_of(counts)))
            writer.add_key_value_metadata({_KEY.decode(): facts.model_dump_json()})

    replace_file(path, write)


def _in_groups(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows in tables of about so many as a row group is to have."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(conform(table, schema))
        count += len(table)
        if count >= _GROUP:
            yield pa.concat_tables(held)
            held, count = [], 0
    if held:
        yield pa.concat_tables(held)


def _count(counts: Counter[str], table: pa.Table) -> None:
    found = compute.value_counts(table.column("run_id").combine_chunks())
    names = cast("list[str]", found.field("values").to_pylist())
    numbers = cast("list[int]", found.field("counts").to_pylist())
    for name, number in zip(names, numbers, strict=True):
        counts[name] += number

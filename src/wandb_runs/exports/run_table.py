"""The file of the runs: a row for each, those that are listed no more marked as deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from wandb_runs.exports.jobs import ListedRun
from wandb_runs.exports.part_file import damaged
from wandb_runs.files.replace import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wandb_runs.runs.runs import Runs

__all__ = ["RunTable", "compare_tables", "list_runs", "listed_runs", "read_table", "write_table"]

_ATTRIBUTES: Final = (
    *("id", "name", "state", "created_at", "heartbeat_at", "user", "group", "job_type"),
    *("tags", "sweep", "notes", "history_line_count"),
)
_DELETED: Final = "deleted"
_MOVING: Final = ("heartbeat_at", "history_line_count")
"""What changes with the rows of a run."""


class RunTable(NamedTuple):
    """The runs as they are now.

    Attributes:
        frame: A row for each, those of an earlier table that are gone among them.
        added: The ids of runs that were not there before.
        edited: The ids of runs of which something else is another than what changes with rows.
        deleted: The ids of runs that are gone.
        is_new: Whether the file has to be written.
    """

    frame: pl.DataFrame
    added: frozenset[str]
    edited: frozenset[str]
    deleted: frozenset[str]
    is_new: bool


def list_runs(runs: Runs) -> pl.DataFrame:
    """The runs as they are listed now."""
    return runs.to_polars(attributes=_ATTRIBUTES).with_columns(pl.lit(value=False).alias(_DELETED))


def compare_tables(
    now: pl.DataFrame, before: pl.DataFrame | None, with_rows: Iterable[str]
) -> RunTable:
    """Compare the runs that are listed with an earlier table.

    Args:
        now: The runs that are listed.
        before: The table of the last export, if there was one.
        with_rows: The ids of the runs that have rows. Of one that was deleted after an export that
            did not come to its end there is no more: it is in neither table.
    """
    earlier = now.clear() if before is None else before
    ids, known = frozenset(now["id"].to_list()), frozenset(earlier["id"].to_list())
    untold = pl.DataFrame({"id": sorted({*with_rows} - ids - known)}, schema={"id": pl.String})
    gone = pl.concat(
        [earlier.join(now, on="id", how="anti").drop(_DELETED), untold], how="diagonal_relaxed"
    ).with_columns(pl.lit(value=True).alias(_DELETED))
    frame = _ordered(pl.concat([now, gone], how="diagonal_relaxed"))
    return RunTable(
        frame,
        ids - known,
        _edited(now, earlier),
        frozenset(gone["id"].to_list()),
        is_new=before is None or not frame.equals(before) or frame.schema != before.schema,
    )


def listed_runs(table: RunTable) -> list[ListedRun]:
    """The runs that are listed, the oldest first."""
    frame = table.frame.filter(~pl.col(_DELETED)).sort("created_at", "id")
    moments = frame["heartbeat_at"].to_list()
    return [
        ListedRun(run_id, state, None if moment is None else moment.isoformat(), lines)
        for run_id, state, moment, lines in zip(
            frame["id"].to_list(),
            frame["state"].to_list(),
            moments,
            frame["history_line_count"].to_list(),
            strict=True,
        )
    ]


def read_table(path: Path) -> pl.DataFrame | None:
    """The table of the last export; None if there is none.

    Raises:
        ExportError: It cannot be read.
    """
    if not path.exists():
        return None
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(path, "it is no whole Parquet file") from error


def write_table(path: Path, frame: pl.DataFrame) -> None:
    """Write the table, or replace it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, frame.write_parquet)


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """Attributes first, then what was logged; the oldest run first."""
    rest = sorted({*frame.columns} - {*_ATTRIBUTES, _DELETED})
    return frame.select(*_ATTRIBUTES, _DELETED, *rest).sort("created_at", "id")


def _edited(now: pl.DataFrame, before: pl.DataFrame) -> frozenset[str]:
    """The runs of both tables that differ otherwise than by what they have logged."""
    frames = [each.drop(*_MOVING, _DELETED) for each in (now, before)]
    # In one frame, so that the same values have the same dtypes.
    both = pl.concat(frames, how="diagonal_relaxed")
    hashes = both.select("id").with_columns(both.hash_rows().alias("hash"))
    counted = hashes.group_by("id").agg(pl.col("hash").n_unique())
    return frozenset(counted.filter(pl.col("hash") > 1)["id"].to_list())

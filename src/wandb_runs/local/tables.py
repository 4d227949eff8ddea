"""The tables of a store: SQLite, in write-ahead mode, one file."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.types import UserDefinedType
from typing_extensions import override

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "Kind",
    "Scalar",
    "Stream",
    "branches",
    "console",
    "documents",
    "exports",
    "files",
    "keyset_members",
    "keysets",
    "leaves",
    "lines",
    "metadata",
    "paths",
    "projects",
    "runs",
    "sweeps",
    "writers",
]

Scalar: TypeAlias = "int | float | str"
"""What a leaf's value column holds."""


class Kind(IntEnum):
    """The type of a leaf, numbered as MongoDB orders values of different types."""

    NULL = 0
    NAN = 1
    NUMBER = 2
    STRING = 3
    OBJECT = 4
    ARRAY = 5
    BOOL = 6


class Stream(IntEnum):
    """What a run logs row by row."""

    HISTORY = 0
    EVENTS = 1


class _AnyScalar(UserDefinedType[Scalar]):
    """A column that keeps numbers as numbers and text as text.

    SQLite converts values by the declared type of their column; `BLOB` is the one that converts
    nothing, so that 1, 1.5 and "1" stay what they are and an index orders them.
    """

    cache_ok = True

    @override
    def get_col_spec(self, **_: object) -> str:
        return "BLOB"


metadata: Final = MetaData()

projects: Final = Table(
    "projects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("description", Text),
    UniqueConstraint("entity", "name"),
)

# Narrow, so that a scan over a project reads few pages: what is long lives in `documents`.
runs: Final = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    Column("heartbeat_at", Integer, nullable=False),
    Column("history_line_count", Integer, nullable=False, default=0),
    Column("events_line_count", Integer, nullable=False, default=0),
    Column("exit_code", Integer),
    Column("display_name", Text),
    Column("tags", Text, nullable=False, default="[]"),
    Column("group", Text),
    Column("job_type", Text),
    Column("host", Text),
    Column("username", Text),
    Column("sweep_name", Text),
    Column("commit", Text),
    Column("program", Text),
    Column("notes", Text),
    Column("description", Text),
    # Null where no request asked the program of the run to stop.
    Column("stopped", Boolean),
    UniqueConstraint("project_id", "name"),
    Index("runs_by_creation", "project_id", "created_at", "id"),
    Index("runs_by_state", "project_id", "state", "heartbeat_at"),
    Index("runs_by_sweep", "project_id", "sweep_name"),
)

documents: Final = Table(
    "documents",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("config", Text),
    Column("summary_metrics", Text),
    Column("system_metrics", Text),
    Column("history_keys", Text),
)

paths: Final = Table(
    "paths",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("projects.id"), nullable=False),
    Column("path", Text, nullable=False),
    UniqueConstraint("project_id", "path"),
)

# What filters and orders look at: every value below a run's config and summary, and its text
# columns. The primary key finds runs by value and scans them in order; the index finds the values
# of a run. Without a rowid both hold all columns, so that neither needs a second look-up.
leaves: Final = Table(
    "leaves",
    metadata,
    Column("path_id", Integer, ForeignKey("paths.id"), primary_key=True),
    Column("kind", Integer, primary_key=True),
    Column("value", _AnyScalar, primary_key=True),
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    # False for what may not decide a run's place: containers, and elements of arrays.
    Column("sorts", Boolean, nullable=False),
    Index("leaves_by_run", "run_id", "path_id", "kind", "value", "sorts"),
    sqlite_with_rowid=False,
)

# Which keys a row holds, stored once per distinct set: "the rows that have all these keys" is
# then a query of an index, and only the rows that a sample keeps are ever decoded.
keysets: Final = Table(
    "keysets",
    metadata,
    Column("id", Integer, primary_key=True),
    # Not unique: what is loaded from a dump keeps its own numbering.
    Column("digest", Text, nullable=False, index=True),
)

keyset_members: Final = Table(
    "keyset_members",
    metadata,
    Column("key", Text, primary_key=True),
    Column("keyset_id", Integer, ForeignKey("keysets.id"), primary_key=True),
    sqlite_with_rowid=False,
)

lines: Final = Table(
    "lines",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("stream", Integer, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("step", _AnyScalar, nullable=False),
    Column("keyset_id", Integer, ForeignKey("keysets.id"), nullable=False),
    Column("text", Text, nullable=False),
    Index("lines_by_step", "run_id", "stream", "step", "line", "keyset_id"),
    sqlite_with_rowid=False,
)

# In shared mode several processes log to one run, and each counts its own rows from 0.
writers: Final = Table(
    "writers",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("client", Text, primary_key=True),
    # From 1: number 0 is a run's only writer, which names itself by nothing.
    Column("number", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# As the SDK sends them: a line may be sent again, with another text.
console: Final = Table(
    "console",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Runs that are forks, or were rewound: where the SDK that goes on with one began.
branches: Final = Table(
    "branches",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("parent", Text, nullable=False),
    Column("step", _AnyScalar, nullable=False),
)

sweeps: Final = Table(
    "sweeps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("display_name", Text),
    Column("description", Text),
    Column("config", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    UniqueConstraint("project_id", "name"),
)

files: Final = Table(
    "files",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("updated_at", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# The rows of a history that are in Parquet files, by ranges of steps that follow each other.
exports: Final = Table(
    "exports",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    # Of what the file holds: what is below one name never changes.
    Column("name", Text, primary_key=True),
    Column("last_step", _AnyScalar, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("exports_by_step", "run_id", "last_step"),
)


_FORGET: Final = {
    "new": "DELETE FROM exports WHERE run_id = new.run_id AND last_step >= new.step",
    "old": "DELETE FROM exports WHERE run_id = old.run_id AND last_step >= old.step",
}


@event.listens_for(metadata, "after_create")
def _make_triggers(_: MetaData, connection: Connection, **__: object) -> None:
    """Have files deleted from the first row on that changes.

    By the store itself, so that no change of rows, of an older version either, leaves a file that
    holds other rows than the history.
    """
    for change, row in (("INSERT", "new"), ("DELETE", "old"), ("UPDATE", "old"), ("UPDATE", "new")):
        connection.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS exports_at_{change.lower()}_of_{row} "
            f"AFTER {change} ON lines WHEN {row}.stream = {int(Stream.HISTORY)} "
            f"BEGIN {_FORGET[row]}; END"
        )

"""Tells a store's file from other files, and brings an older one up to date."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.schema import CreateColumn

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.local.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

__all__ = ["APPLICATION_ID", "VERSION", "mark_file", "update_tables"]

APPLICATION_ID: Final = 0x57422D72
"""SQLite's `application_id` of every store: `WB-r` in ASCII."""

VERSION: Final = 1
"""The `user_version` of a store.

A table or a column that may be null is added without a new version, for what opens the store
later adds it, and what does not know it leaves it alone. Anything else needs a new version, and
statements that bring the old one there.
"""

_MAGIC: Final = b"SQLite format 3\0"

# What stores had before they were marked; later tables and columns were added to these.
_UNMARKED: Final[Mapping[str, str]] = {
    "projects": "id entity name created_at",
    "runs": "id project_id name state created_at updated_at heartbeat_at history_line_count "
    "events_line_count exit_code display_name tags group job_type host username sweep_name "
    "commit program notes description",
    "documents": "run_id config summary_metrics system_metrics history_keys",
    "paths": "id project_id path",
    "leaves": "path_id kind value run_id sorts",
    "keysets": "id digest",
    "keyset_members": "key keyset_id",
    "lines": "run_id stream line step keyset_id text",
    "sweeps": "id project_id name display_name description config state created_at updated_at",
    "files": "run_id name updated_at content",
}


_COLUMNS: Final = (
    "SELECT tables.name, columns.name "
    "FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns "
    "WHERE tables.type = 'table' AND tables.name NOT GLOB 'sqlite_*'"
)

# An index is a part of its table. In LIKE, the underscore would stand for any character.
_OBJECTS: Final = (
    "SELECT name FROM sqlite_master WHERE type <> 'index' AND name NOT GLOB 'sqlite_*'"
)


def mark_file(path: Path, timeout: float) -> None:
    """Make a store of a file that is missing or empty, and check one that is not.

    Of a file that is no store, nothing is changed, not even how it is written, whether it is
    reached by its own name or through symbolic links.

    Args:
        path: The file.
        timeout: Seconds to wait for another process that writes.

    Raises:
        InvalidArgumentError: The file is no store, or one of a newer version.
        sqlite3.Error: SQLite cannot open or change the file.
        OSError: The file cannot be read.
    """
    if _has_content(path):
        # SQLite leaves no trace of reading a file that it is told never changes, but it overlooks
        # what only the log beside the file holds. That is beside the file itself, and not beside a
        # link to it.
        file = Path(os.path.realpath(path))
        log = file.with_name(f"{file.name}-wal")
        mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
        with closing(sqlite3.connect(f"{file.as_uri()}?{mode}", uri=True)) as reading:
            if _is_marked(reading, path):
                return
    # Before the first switch to write-ahead mode, so that the file itself has the mark, and not
    # a log that may be lost.
    with closing(sqlite3.connect(path, timeout=timeout, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not _is_marked(connection, path):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")


def update_tables(connection: Connection) -> None:
    """Add the tables and columns that a store of an older version lacks.

    Args:
        connection: A transaction that may write.
    """
    metadata.create_all(connection)
    held = {(table, column) for table, column in connection.exec_driver_sql(_COLUMNS)}
    for table in metadata.sorted_tables:
        for column in table.c:
            if (table.name, column.name) not in held:
                name = connection.dialect.identifier_preparer.format_table(table)
                added = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {added}")


def _has_content(path: Path) -> bool:
    """Whether there is an SQLite file that is not empty; it is read as any other file.

    Raises:
        InvalidArgumentError: There is something else.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise _other(path, kind)
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start and start != _MAGIC:
        raise _other(path, "not an SQLite file")
    return bool(start)


def _is_marked(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether a file is a store with the mark of one; False where it may become one.

    Raises:
        InvalidArgumentError: It is another program's file, a store of a newer version, or one with
            a table that no version has made.
    """
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    held: dict[str, set[str]] = {name: set() for (name,) in connection.execute(_OBJECTS)}
    for table, column in connection.execute(_COLUMNS):
        held.setdefault(table, set()).add(column)
    if application == APPLICATION_ID:
        if version > VERSION:
            raise InvalidArgumentError(
                f"{path} is a store of a newer wandb-runs: its version is {version}, and this one "
                f"reads up to {VERSION}. Update wandb-runs, or name another file."
            )
        if version < 1:
            raise _other(path, f"marked as a store, but its version is {version}, which never was")
        if odd := _odd_table(held):
            raise _other(path, f"marked as a store, but its table {odd!r} is not a store's")
        return True
    if application or version or (held and not _is_unmarked_store(held)):
        raise _other(path, "another program's SQLite file")
    return False


def _is_unmarked_store(held: Mapping[str, set[str]]) -> bool:
    known = {table.name: set(table.c.keys()) for table in metadata.sorted_tables}
    return all(
        set(columns.split()) <= held.get(table, set()) for table, columns in _UNMARKED.items()
    ) and all(table in known and columns <= known[table] for table, columns in held.items())


def _odd_table(held: Mapping[str, set[str]]) -> str | None:
    """A table that lacks a column which every version has, and which cannot be added."""
    for table in metadata.sorted_tables:
        needed = {column.name for column in table.c if not column.nullable}
        if table.name in held and not needed <= held[table.name]:
            return table.name
    return None


def _other(path: Path, kind: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{path} cannot be used as a store: it is {kind}. Name another file."
    )

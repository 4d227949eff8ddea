"""Stores and reads the files that runs upload."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from sqlalchemy import Integer, case, delete, func, literal_column, select
from sqlalchemy.dialects.sqlite import insert

from wandb_runs.local.ingest import find_run
from wandb_runs.local.tables import exports, files, runs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from sqlalchemy import Connection, Table

    from wandb_runs.local.store import Store, Writer

__all__ = ["FilePart", "delete_file", "parse_range", "read_export", "read_file", "save_file"]

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class FilePart(NamedTuple):
    """A file, or a part of it, as it is answered.

    Attributes:
        status: The HTTP status: 200, 206 for a part, 416 for one that is not there.
        content: The bytes.
        headers: What tells their version, and where they stand.
    """

    status: int
    content: bytes
    headers: Mapping[str, str]


def save_file(store: Store, entity: str, project: str, run: str, name: str, content: bytes) -> bool:
    """Store a file of a run, replacing one of the same name.

    Returns:
        Whether there is such a run.
    """
    with store.write() as writer:
        run_id = find_run(writer.connection, entity, project, run)
        if run_id is None:
            return False
        made = insert(files).values(
            run_id=run_id, name=name, content=content, updated_at=writer.now
        )
        # Later than before, whatever the clock says: the time is a part of the version.
        after = files.c.updated_at + 1
        later = case((after > writer.now, after), else_=writer.now)
        kept = {"content": content, "updated_at": later}
        writer.connection.execute(made.on_conflict_do_update(set_=kept))
    return True


def delete_file(
    writer: Writer, run: tuple[str, str, str], name: str, project_id: int | None
) -> None:
    """Delete a file of a run, if it is there.

    Args:
        writer: The transaction.
        run: Entity, project and id of the run.
        name: The file's name.
        project_id: The row id of the run's project; None where the request names none.
    """
    this = runs.c.id == find_run(writer.connection, *run)
    if project_id is not None:
        this &= runs.c.project_id == project_id
    writer.connection.execute(
        delete(files).where(files.c.run_id.in_(select(runs.c.id).where(this)), files.c.name == name)
    )


def read_file(
    store: Store,
    entity: str,
    project: str,
    run: str,
    name: str,
    wanted: tuple[int | None, int | None] | None = None,
    known: str | None = None,
) -> FilePart | None:
    """Read a file of a run, or a part of it.

    Args:
        store: Where it is.
        entity: The owner of the project.
        project: The project's name.
        run: The run's id.
        name: The file's name.
        wanted: The first and the last byte; without a first one, as many of the last bytes; None
            for all.
        known: The version that the part is to be of; of another one, all is read.

    Returns:
        What is to be answered; None if there is no file of that name.
    """
    with store.read() as connection:
        run_id = find_run(connection, entity, project, run)
        row_id = literal_column("files.rowid", Integer)
        asked = select(files.c.updated_at, func.length(files.c.content), row_id)
        found = connection.execute(
            asked.where(files.c.run_id == run_id, files.c.name == name)
        ).one_or_none()
        if found is None:
            return None
        updated_at, total, row = found
        return _read_part(connection, files, row, total, f"{updated_at:x}-{total:x}", wanted, known)


def read_export(
    store: Store,
    entity: str,
    project: str,
    run: str,
    name: str,
    wanted: tuple[int | None, int | None] | None = None,
    known: str | None = None,
) -> FilePart | None:
    """Read a Parquet file of a history, or a part of it, as `read_file` reads what a run uploads.

    Args:
        store: Where it is.
        entity: The owner of the project.
        project: The project's name.
        run: The run's id.
        name: The file's name, which is its version as well.
        wanted: As of `read_file`.
        known: As of `read_file`.

    Returns:
        What is to be answered; None if there is no file of that name.
    """
    with store.read() as connection:
        run_id = find_run(connection, entity, project, run)
        row_id = literal_column("exports.rowid", Integer)
        asked = select(func.length(exports.c.content), row_id)
        found = connection.execute(
            asked.where(exports.c.run_id == run_id, exports.c.name == name)
        ).one_or_none()
        if found is None:
            return None
        total, row = found
        return _read_part(connection, exports, row, total, name, wanted, known)


def _read_part(
    connection: Connection,
    table: Table,
    row: int,
    total: int,
    version: str,
    wanted: tuple[int | None, int | None] | None,
    known: str | None,
) -> FilePart:
    etag = f'"{version}"'
    headers = {"accept-ranges": "bytes", "etag": etag}
    start, end, status = 0, total, HTTPStatus.OK
    if wanted is not None and known in {None, etag}:
        start, end = _bounds(wanted, total)
        if start >= end:
            headers["content-range"] = f"bytes */{total}"
            return FilePart(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", headers)
        status = HTTPStatus.PARTIAL_CONTENT
        headers["content-range"] = f"bytes {start}-{end - 1}/{total}"
        headers["content-encoding"] = "identity"  # a part of what is compressed is no use
    # Of the whole file, as `substr` reads it, each part would cost as much as all.
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    with driver.blobopen(table.name, "content", row, readonly=True) as blob:
        blob.seek(start)
        return FilePart(status, blob.read(end - start), headers)


def parse_range(header: str | None) -> tuple[int | None, int | None] | None:
    """The first and the last byte that a header `Range` names; None where it means all.

    >>> parse_range("bytes=0-9"), parse_range("bytes=-5"), parse_range("bytes=0-1,5-6")
    ((0, 9), (None, 5), None)
    """
    found = _RANGE.fullmatch((header or "").strip())
    if found is None or not any(found.groups()):
        return None
    first, last = (int(text) if text else None for text in found.groups())
    if first is not None and last is not None and last < first:
        return None
    return first, last


def _bounds(wanted: tuple[int | None, int | None], total: int) -> tuple[int, int]:
    first, last = wanted
    if first is None:
        return max(total - (last or 0), 0), total
    return first, total if last is None else min(last + 1, total)

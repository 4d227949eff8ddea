"""The local server's storage: one SQLite file."""

from __future__ import annotations

import lzma
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import URL, create_engine, delete, event, func, insert, select
from sqlalchemy.exc import DatabaseError

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.local.arrays import has_array
from wandb_runs.local.re2_function import matches
from wandb_runs.local.store_file import mark_file, update_tables
from wandb_runs.local.tables import metadata, paths, projects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator

    from sqlalchemy import Column, Connection, CursorResult, Engine, Table
    from sqlalchemy.engine import ExceptionContext

__all__ = ["CRASHED_AFTER", "Store", "UnstorableError", "Writer"]

CRASHED_AFTER: Final = 300 * 1_000_000
"""How long a run may be silent before it counts as crashed, in microseconds."""

_BUSY_TIMEOUT: Final = 30.0
_BUSY_PAUSE: Final = 0.01
_THREADS: Final = 40  # as many as Starlette runs at once
_PATHS: Final = 500  # in one query: fewer than SQLite's least limit of parameters


class UnstorableError(ValueError):
    """A value of a request that SQLite has no form for."""


class Store:
    """What was logged, in one SQLite file.

    Any number of threads may read while one writes; a reader sees one moment's data throughout.

    Args:
        path: The file; made when missing. None keeps a temporary one until `close`.
        clock: The time now, in seconds since 1970. Tests set it.

    Raises:
        InvalidArgumentError: The file is of another kind or of a newer version, which changes
            nothing of it, or SQLite cannot use it.
        OSError: The file cannot be read, or its folder not be made.

    >>> with Store() as store, store.read() as connection:
    ...     connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    'wal'
    """

    def __init__(self, path: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = TemporaryDirectory(prefix="wandb-runs-") if path is None else None
        self.path: Path = (
            Path(self._folder.name) / "store.db" if self._folder else Path(path or "").absolute()
        )
        self._clock = clock
        self._writing = threading.Lock()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = _engine(self.path)
        try:
            mark_file(self.path, _BUSY_TIMEOUT)
            with self.write() as writer:
                update_tables(writer.connection)
        except (DatabaseError, sqlite3.Error) as error:
            self.close()
            reason = error.orig if isinstance(error, DatabaseError) else error
            raise InvalidArgumentError(
                f"{self.path} cannot be used as a store: {reason}. Name another file."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and remove it if it is a temporary one. Closing twice is fine."""
        self._engine.dispose()
        if self._folder:
            self._folder.cleanup()

    def now(self) -> int:
        """The time now, in microseconds since 1970."""
        return int(self._clock() * 1_000_000)

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Open a transaction that sees the data of one moment."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Writer]:
        """Open the one transaction that may write; it is kept when the block ends well."""
        with self._writing, self._engine.connect() as connection:
            immediate = connection.execution_options(begin="IMMEDIATE")
            with immediate.begin():
                yield Writer(immediate, self.now())

    def clear(self) -> None:
        """Delete everything, in one transaction; the file stays."""
        with self.write() as writer:
            for table in reversed(metadata.sorted_tables):
                writer.connection.execute(delete(table))

    def dump(self, path: Path) -> None:
        """Write everything into one compressed file, for `load`."""
        with TemporaryDirectory() as folder:
            plain = Path(folder) / "dump.db"
            with closing(sqlite3.connect(self.path)) as source:
                source.execute("VACUUM INTO ?", (str(plain),))
            with closing(sqlite3.connect(plain)) as copy:
                for table in metadata.tables.values():
                    for index in table.indexes:
                        copy.execute(f'DROP INDEX "{index.name}"')
                copy.execute("VACUUM")
            path.write_bytes(lzma.compress(plain.read_bytes(), preset=9 | lzma.PRESET_EXTREME))

    def load(self, dump: bytes) -> bool:
        """Add what a dump holds, unless one of its projects is here already.

        Args:
            dump: What `dump` wrote.

        Returns:
            Whether it was added.
        """
        with TemporaryDirectory() as folder:
            plain = Path(folder) / "dump.db"
            plain.write_bytes(lzma.decompress(dump))
            with Store(plain) as other, other.read() as source, self.write() as writer:
                held = select(projects.c.entity, projects.c.name)
                if set(source.execute(held).all()) & set(writer.connection.execute(held).all()):
                    return False
                _copy(source, writer.connection)
        return True


class Writer:
    """A transaction that writes.

    Attributes:
        connection: The transaction's connection.
        now: When it began, in microseconds since 1970.
    """

    def __init__(self, connection: Connection, now: int) -> None:
        self.connection = connection
        self.now = now

    def project_id(self, entity: str, name: str) -> int:
        """Find a project's row, or insert it."""
        found: int | None = self.connection.scalar(
            select(projects.c.id).where(projects.c.entity == entity, projects.c.name == name)
        )
        if found is not None:
            return found
        made = insert(projects).values(entity=entity, name=name, created_at=self.now)
        return inserted_id(self.connection.execute(made))

    def path_ids(self, project_id: int, wanted: Collection[str]) -> dict[str, int]:
        """Find the rows of paths, or insert them."""
        found = self._known_paths(project_id, wanted)
        missing = [path for path in wanted if path not in found]
        if missing:
            rows = [{"project_id": project_id, "path": path} for path in missing]
            self.connection.execute(insert(paths), rows)
            found |= self._known_paths(project_id, missing)
        return found

    def _known_paths(self, project_id: int, wanted: Collection[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        listed = iter(wanted)
        while part := list(islice(listed, _PATHS)):
            query = select(paths.c.path, paths.c.id).where(
                paths.c.project_id == project_id, paths.c.path.in_(part)
            )
            found |= {row.path: row.id for row in self.connection.execute(query).all()}
        return found


def inserted_id(result: CursorResult[tuple[()]]) -> int:
    """The row id of the row just inserted."""
    row_id: int = result.lastrowid
    return row_id


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a file to write-ahead mode; SQLite does not wait here for others that open it."""
    deadline = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return


def _engine(path: Path) -> Engine:
    # Not as a text, in which a path with `?` would have options.
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT}, pool_size=_THREADS)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        # SQLAlchemy says when a transaction begins; the driver would guess, and too late.
        connection.isolation_level = None
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -65536")
        connection.create_function("matches", 2, matches, deterministic=True)
        connection.create_function("has_array", 3, has_array, deterministic=True)

    @event.listens_for(engine, "handle_error")
    def refuse(context: ExceptionContext) -> None:
        # What the driver says of a value, whatever request it comes from; other errors pass.
        match context.original_exception:
            case OverflowError():
                raise UnstorableError("a whole number is beyond 64 bits") from None
            case UnicodeEncodeError():
                raise UnstorableError("a text holds half of a surrogate pair") from None
            case _:
                pass

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def _copy(source: Connection, target: Connection) -> None:
    """Copy every row, with row ids moved past those that are taken."""
    taken = {
        table: target.scalar(select(func.max(table.c.id))) or 0
        for table in metadata.tables.values()
        if "id" in table.c
    }
    for table in metadata.sorted_tables:
        shifted = [
            column
            if (of := _numbering(column)) is None
            else (column + taken[of]).label(column.name)
            for column in table.c
        ]
        rows = source.execute(select(*shifted)).mappings().all()
        if rows:
            target.execute(insert(table), [dict(row) for row in rows])


def _numbering(column: Column[Any]) -> Table | None:
    """The table whose row ids a column holds, if any."""
    if column.name == "id":
        return column.table
    return next((key.column.table for key in column.foreign_keys), None)

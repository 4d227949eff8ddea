"""`Spool`: tables kept on disk until the columns of all of them are known."""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

__all__ = ["Spool"]


class Spool:
    """Tables of different columns, in a file without a name, which ends with a block.

    Attributes:
        schemas: The schema of each.
    """

    def __init__(self) -> None:
        self.schemas: list[pa.Schema] = []
        self._file = TemporaryFile()  # noqa: SIM115 - it is read after this call
        self._starts: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, table: pa.Table) -> None:
        """Keep a table."""
        self._starts.append(self._file.tell())
        self.schemas.append(table.schema)
        with pa.ipc.new_stream(self._file, table.schema) as stream:
            stream.write_table(table)

    def tables(self) -> Iterator[pa.Table]:
        """The tables, in the order in which they came."""
        for start in self._starts:
            self._file.seek(start)
            yield pa.ipc.open_stream(self._file).read_all()

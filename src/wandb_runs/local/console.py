"""A run's console output: lines that programs rewrite, as progress bars do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert

from wandb_runs.local.lines import LINES_OF_A_WRITER, writer_number
from wandb_runs.local.tables import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from wandb_runs.local.store import Writer

__all__ = ["ConsoleLine", "count_console", "end_of_console", "read_console", "write_console"]

_FORMAT: Final = re.compile(
    r"(?P<error>ERROR )?(?P<timestamp>\d{4}-\d\d-\d\dT[\d:.]+)(?: \[(?P<label>[^\]]*)\])?"
    r" ?(?P<line>.*)",
    re.DOTALL,
)
"""How the SDK writes a line; the label is that of a process, in shared mode."""


class ConsoleLine(NamedTuple):
    """One line of console output.

    Attributes:
        number: Its place among the run's lines, from 0.
        line: The text.
        timestamp: When it was printed, in UTC, in ISO 8601 without a zone; None if it was not said.
        level: "error" for what was printed to stderr, else None.
        label: The process that printed it, in shared mode, else None.
    """

    number: int
    line: str
    timestamp: str | None = None
    level: str | None = None
    label: str | None = None

    @classmethod
    def parse(cls, number: int, text: str) -> ConsoleLine:
        """Read a line as the SDK sends it; any other text is a line without a time.

        >>> ConsoleLine.parse(0, "ERROR 2026-01-31T23:59:59.000001 out of memory")[1:4]
        ('out of memory', '2026-01-31T23:59:59.000001', 'error')
        >>> ConsoleLine.parse(0, "2026-01-31T23:59:59.000001 [rank0] step 1")[1:]
        ('step 1', '2026-01-31T23:59:59.000001', None, 'rank0')
        """
        match = _FORMAT.fullmatch(text)
        if match is None:
            return cls(number, text)
        level = "error" if match["error"] else None
        return cls(number, match["line"], match["timestamp"], level, match["label"])


def write_console(
    writer: Writer, run_id: int, offset: int, content: Sequence[str], client: str | None = None
) -> None:
    """Write lines; one that is there already is replaced.

    Args:
        writer: The transaction.
        run_id: The run.
        offset: The number of the first line.
        content: The lines.
        client: The writer in shared mode, which counts its lines apart from other writers; None
            for a run's only writer.

    Raises:
        ValueError: The offset is out of range.
    """
    if offset + len(content) >= LINES_OF_A_WRITER:
        raise ValueError(f"offset {offset} is out of range")
    start = offset + writer_number(writer.connection, run_id, client) * LINES_OF_A_WRITER
    rows = [
        {"run_id": run_id, "line": line, "text": text}
        for line, text in enumerate(content, start=start)
    ]
    if rows:
        made = insert(console)
        replaced = made.on_conflict_do_update(set_={"text": made.excluded.text})
        writer.connection.execute(replaced, rows)


def end_of_console(connection: Connection, run_id: int) -> int:
    """The offset at which the only writer of a run resumes it."""
    own: int | None = connection.scalar(
        select(func.max(console.c.line)).where(
            console.c.run_id == run_id, console.c.line < LINES_OF_A_WRITER
        )
    )
    return max(0 if own is None else own + 1, count_console(connection, run_id))


def count_console(connection: Connection, run_id: int) -> int:
    """How many lines there are."""
    of_run = select(func.count()).where(console.c.run_id == run_id)
    return connection.execute(of_run).scalar_one()


def read_console(connection: Connection, run_id: int, offset: int, limit: int) -> list[ConsoleLine]:
    """Read lines in order, those of one writer after those of another.

    Args:
        connection: Where to read.
        run_id: The run.
        offset: How many lines to leave out before.
        limit: How many to read at most.
    """
    texts = connection.scalars(
        select(console.c.text)
        .where(console.c.run_id == run_id)
        .order_by(console.c.line)
        .offset(offset)
        .limit(limit)
    )
    return [ConsoleLine.parse(number, text) for number, text in enumerate(texts, start=offset)]

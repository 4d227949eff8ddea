"""Console output of a run: lines with their times, read page by page, or from the end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from wandb_runs.errors import BadResponseError, MissingLinesWarning
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.frames.plan import MAX_INT, check_int
from wandb_runs.graphql._generated import list_last_log_lines, list_log_lines
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.scalars import parse_moment
from wandb_runs.query.location import missing_run
from wandb_runs.runs.cursor_trail import CursorTrail

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from wandb_runs.graphql._generated import (
        ListLastLogLinesProjectRunLogLinesEdges,
        ListLogLinesProjectRunLogLines,
        ListLogLinesProjectRunLogLinesEdges,
        LogLineFields,
    )
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.transport.server import KnownServer

    _Edge: TypeAlias = ListLogLinesProjectRunLogLinesEdges | ListLastLogLinesProjectRunLogLinesEdges

__all__ = ["ConsoleLine", "ConsoleScan"]

_FORWARD: Final = "Run.logLines(useImprovedPagination:)"
"""What a server lacks that gives the end of a console output alone."""


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class ConsoleLine(FieldsRepr):
    """A line that a run's program printed.

    Immutable, and therefore safe to share.

    Attributes:
        number: Its place among the lines of the run, from 0.
        level: `"error"` for what was printed to stderr, else None.
        time: When it was printed, aware, in UTC; None if the server does not tell.
        label: The process that printed it, where several log to one run; else None.
        text: The line, without its end. It may hold escape sequences of terminals, as it came.
    """

    number: int
    level: str | None
    time: datetime | None
    label: str | None
    text: str


class _Lines(NamedTuple):
    """Lines of an answer.

    Attributes:
        lines: The lines, in order.
        nulls: How many came as null.
    """

    lines: list[ConsoleLine]
    nulls: int


class ConsoleScan:
    """A scan of one run's console output, and its position.

    Pages follow each other by the server's cursors. A server that does not page forwards, or does
    not tell where a page ends, is asked for the last lines, twice as many each time, until they
    reach back to what was read.

    Args:
        entity: The user or team that owns the project.
        project: The project's name.
        run_id: The run.
        server: What is known of the server.
        per_page: Lines per request.
        last: How many of the last lines to read; None for all lines.

    Raises:
        InvalidArgumentError: A number of the wrong type or out of range.
    """

    __slots__ = (
        "_end",
        "_is_done",
        "_last",
        "_missing",
        "_per_page",
        "_run",
        "_server",
        "_trail",
    )

    def __init__(
        self,
        entity: str,
        project: str,
        run_id: str,
        server: KnownServer,
        *,
        per_page: int,
        last: int | None,
    ) -> None:
        check_int("per_page", per_page, least=1, most=MAX_INT)
        if last is not None:
            check_int("last", last, least=1, most=MAX_INT)
        self._run = (entity, project, run_id)
        self._server = server
        self._per_page = per_page
        self._last = last
        self._trail = CursorTrail()
        # The number behind that of the last line.
        self._end = 0
        self._missing = 0
        self._is_done = False

    def take_warning(self) -> MissingLinesWarning | None:
        """The warning of lines that the server did not give; once."""
        missing, self._missing = self._missing, 0
        return MissingLinesWarning(self._run[-1], missing) if missing else None

    def next_rows(self) -> Flow[list[ConsoleLine] | None]:
        """Fetch the next lines; None at the end.

        Raises:
            NotFoundError: No such project or run.
            BadResponseError: The answer does not tell which lines there are.
        """
        if self._is_done:
            return None
        if self._last is not None:
            return (yield from self._read_end(self._last))
        if not self._server.lacks(_FORWARD):
            page = yield from self._fetch_page()
            info = page.page_info
            # The answer may have shown that the server lacks it.
            if not self._server.lacks(_FORWARD):
                lines = self._take(_read_lines(page.edges, self._end))
                if info is not None and info.has_next_page is not None:
                    self._is_done = not info.has_next_page
                    if info.has_next_page:
                        self._trail = self._trail.follow(info.end_cursor, "lines of console output")
                    return lines
                return [*lines, *(yield from self._read_rest())]
        return (yield from self._read_rest())

    def _take(self, read: _Lines) -> list[ConsoleLine]:
        self._missing += read.nulls
        if read.lines:
            self._end = read.lines[-1].number + 1
        return read.lines

    def _read_end(self, count: int) -> Flow[list[ConsoleLine]]:
        """Read the last lines, in one request."""
        read = yield from self._fetch_last(count)
        self._is_done = True
        lacking = count - len(read.lines) - read.nulls
        if lacking > 0 and read.lines:
            self._missing += min(lacking, read.lines[0].number)
        return self._take(read)

    def _read_rest(self) -> Flow[list[ConsoleLine]]:
        """Read all lines behind what was read, from the end."""
        count = self._per_page
        while True:
            read = yield from self._fetch_last(count)
            came = len(read.lines) + read.nulls
            start = read.lines[0].number if read.lines else self._end
            if start <= self._end or came < count or count == MAX_INT:
                break
            count = min(2 * count, MAX_INT)
        self._missing += max(0, start - self._end)
        self._is_done = True
        fresh = [line for line in read.lines if line.number >= self._end]
        return self._take(read._replace(lines=fresh))

    def _fetch_page(self) -> Flow[ListLogLinesProjectRunLogLines]:
        entity, project, run_id = self._run
        answer = yield from ask(
            list_log_lines(
                entity=entity,
                project=project,
                id=run_id,
                first=self._per_page,
                after=self._trail.after,
            )
        )
        run = answer.project.run if answer.project is not None else None
        if run is None:
            raise missing_run(*self._run)
        if run.log_lines is None:
            raise _unknown("came as null")
        return run.log_lines

    def _fetch_last(self, count: int) -> Flow[_Lines]:
        entity, project, run_id = self._run
        operation = list_last_log_lines(entity=entity, project=project, id=run_id, last=count)
        answer = yield from ask(operation)
        run = answer.project.run if answer.project is not None else None
        if run is None:
            raise missing_run(*self._run)
        edges = None if run.log_lines is None else run.log_lines.edges
        return _read_lines(edges, None)


def _read_lines(edges: Sequence[_Edge | None] | None, start: int | None) -> _Lines:
    """Read the lines of an answer.

    Args:
        edges: The edges.
        start: The number of the first line where the server does not tell; None if that is not
            known.

    Raises:
        BadResponseError: The server does not tell which lines they are.
    """
    if edges is None:
        raise _unknown("came as null")
    lines: list[ConsoleLine] = []
    nulls, number = 0, start
    for edge in edges:
        node = None if edge is None else edge.node
        if node is None:
            nulls += 1
        else:
            number = number if node.number is None else node.number
            if number is None:
                raise _unknown("has no numbers")
            lines.append(_line(node, number))
        number = None if number is None else number + 1
    return _Lines(lines, nulls)


def _line(node: LogLineFields, number: int) -> ConsoleLine:
    time = None
    if node.timestamp:
        with suppress(ValueError, OverflowError):  # a line without a time is worth more than none
            time = parse_moment(node.timestamp).astimezone(UTC)
    return ConsoleLine(number, node.level or None, time, node.label or None, node.line or "")


def _unknown(found: str) -> BadResponseError:
    return BadResponseError(
        f"the console output {found}, so that lines may be missing; try again", status=200
    )

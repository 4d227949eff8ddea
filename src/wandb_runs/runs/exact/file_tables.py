"""Tables of the rows of a run's files, in the order of their steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.errors import BadResponseError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.frames.parquet.decode import decode
from wandb_runs.frames.parquet.footer import TAIL, Footer, StepRange, footer_span
from wandb_runs.frames.parquet.select import merged, within
from wandb_runs.graphql.flow import compute, gather
from wandb_runs.runs.exact.ranges import fetch_ranges, open_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from wandb_runs.frames.parquet.footer import Chunks
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.exact.ranges import Ranges, RemoteFile
    from wandb_runs.runs.exact.sources import ExactSource
    from wandb_runs.transport.settings import Address, Settings

__all__ = ["AT_ONCE", "FileTables", "Reading"]

AT_ONCE: Final = 32 << 20
"""Bytes of decoded values up to which row groups are fetched at once."""


@dataclass(frozen=True, slots=True, repr=False)
class Reading(FieldsRepr):
    """What files are read with.

    Attributes:
        settings: The server.
        max_bytes: How much memory what is read at once may take: `max_response_bytes`.
        at_once: Bytes of decoded values up to which row groups of a file are fetched at once.
    """

    settings: Settings
    max_bytes: int
    at_once: int = AT_ONCE


class _OpenFile(NamedTuple):
    """A file whose footer has been read."""

    remote: RemoteFile
    held: Ranges
    footer: Footer


class _Part(NamedTuple):
    """Row groups that are fetched at once."""

    file: _OpenFile
    groups: tuple[int, ...]


class FileTables:
    """The rows of a run's files, some row groups at a time, in the order of their steps.

    Files hold ranges of steps one after another, in no stable order of their addresses. Where the
    statistics of some show that these overlap, or do not show them, their rows are merged.

    Args:
        source: Where the files are.
        keys: The keys whose columns are read, flat or nested; None for all columns.
        steps: The steps whose rows are read.
        reading: What files are read with.

    Attributes:
        bytes: How many bytes of files have been fetched.
    """

    __slots__ = ("_keys", "_parts", "_reading", "_source", "_steps", "bytes")

    def __init__(
        self,
        source: ExactSource,
        keys: Sequence[str] | None,
        steps: StepRange,
        reading: Reading,
    ) -> None:
        self._source = source
        self._keys = keys
        self._steps = steps.before(source.boundary)
        self._reading = reading
        self.bytes: int = 0
        # What is left to be read, those of one list merged; None before the footers are read.
        self._parts: list[list[_Part]] | None = None

    @property
    def is_read(self) -> bool:
        """Whether all rows have been read."""
        return self._parts == []

    def next_table(self) -> Flow[pa.Table | None]:
        """Fetch the next rows; None at the end. A table may have no rows.

        Raises:
            StaleFileError: The addresses have to be asked for again, and all be read anew.
            BadResponseError: A file cannot be read.
            ResponseTooLargeError: It takes more memory than it may.
        """
        if self._parts is None:
            flows = [self._open(each) for each in self._source.addresses]
            opened = yield from gather(flows, lane="files")
            self.bytes += sum(each.held.size for each in opened)
            self._parts = self._in_order([each for each in opened if each.footer.row_count])
        if not self._parts:
            return None
        part, *rest = self._parts
        tables = yield from gather([self._read(each) for each in part], lane="files")
        self._parts = rest
        try:
            return tables[0] if len(tables) == 1 else merged(tables)
        except ValueError as error:
            raise self._unreadable(error) from error

    def _open(self, address: Address) -> Flow[_OpenFile]:
        settings, most = self._reading.settings, self._reading.max_bytes
        remote, held = yield from open_tail(address, settings, TAIL, most)
        try:
            span = footer_span(held, remote.size)
            held = yield from fetch_ranges(remote, [span], held)
            footer = yield from compute(partial(Footer, held, remote.size, most))
        except (ValueError, LookupError) as error:
            raise self._unreadable(error) from error
        return _OpenFile(remote, held, footer)

    def _read(self, part: _Part) -> Flow[pa.Table]:
        """Fetch and decode row groups."""
        file = part.file
        try:
            columns = file.footer.columns_of(self._keys)
            chunks = file.footer.chunks(part.groups, columns)
            held = yield from fetch_ranges(file.remote, chunks.spans, file.held)
            self.bytes += held.size - file.held.size
            return (yield from compute(partial(self._decoded, file.footer, held, chunks)))
        except ValueError as error:
            raise self._unreadable(error) from error

    def _decoded(self, footer: Footer, held: Ranges, chunks: Chunks) -> pa.Table:
        return within(decode(held, footer, chunks), self._steps)

    def _in_order(self, files: list[_OpenFile]) -> list[list[_Part]]:
        """What to read, in order of steps: each file in parts, those that overlap together."""
        spans = [(file.footer.span_of_steps(), file) for file in files]
        unknown = [file for span, file in spans if span is None]
        if unknown and len(files) > 1:
            whole = [part for file in files for part in self._whole(file)]
            return [whole] if whole else []
        spans.sort(key=lambda each: each[0] or (0, 0))
        runs: list[list[_OpenFile]] = []
        last = -1.0
        for span, file in spans:
            if runs and span is not None and span[0] <= last:
                runs[-1].append(file)
            else:
                runs.append([file])
            last = max(last, span[1]) if span is not None else last
        parts: list[list[_Part]] = []
        for together in runs:
            if len(together) == 1:
                parts += ([part] for part in self._parts_of(together[0]))
            elif whole := [part for file in together for part in self._whole(file)]:
                parts.append(whole)
        return parts

    def _whole(self, file: _OpenFile) -> list[_Part]:
        groups = tuple(file.footer.groups(self._steps))
        return [_Part(file, groups)] if groups else []

    def _parts_of(self, file: _OpenFile) -> list[_Part]:
        """Row groups of a file, as many at once as are few bytes."""
        columns = file.footer.columns_of(self._keys)
        sizes: list[tuple[int, int]] = []
        size = 0
        try:
            for group in file.footer.groups(self._steps):
                sizes.append((size // self._reading.at_once, group))
                size += file.footer.chunks((group,), columns).memory
        except ValueError as error:
            raise self._unreadable(error) from error
        return [
            _Part(file, tuple(group for _, group in each))
            for _, each in groupby(sizes, key=lambda pair: pair[0])
        ]

    def _unreadable(self, error: Exception) -> BadResponseError:
        return BadResponseError(
            f"a file of the history of run {self._source.run_id!r} cannot be read: {error}; try "
            "again; samples are read without it",
            status=200,
        )

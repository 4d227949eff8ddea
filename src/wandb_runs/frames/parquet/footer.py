# The stubs of pyarrow leave open what its containers hold.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""The footer of a Parquet file: which bytes hold some columns of the rows of some steps."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.graphql.nested import outer_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyarrow.parquet import FileMetaData

    from wandb_runs.frames.parquet.sparse_file import HeldBytes, Span

__all__ = ["STEP", "TAIL", "Chunks", "Footer", "StepRange", "footer_span"]

TAIL: Final = 64 << 10
"""How many bytes at a file's end are asked for first: the footers of most files are shorter."""

STEP: Final = "_step"

_MAGIC: Final = b"PAR1"
_TRAILER: Final = 8
"""Bytes after the footer: its length, and the magic bytes."""

_PADDING: Final = 100
"""What readers read behind a column chunk that some old writers made too short."""

_VALUE: Final = 8
"""Bytes that a decoded value takes at least."""


class StepRange(NamedTuple):
    """Some steps.

    Attributes:
        first: The first one.
        stop: The one before which they stop; None for all from the first one on.
    """

    first: int = 0
    stop: int | None = None

    def overlaps(self, least: float, most: float) -> bool:
        """Whether steps between two, both inclusive, may be among these."""
        return most >= self.first and (self.stop is None or least < self.stop)

    def before(self, stop: int | None) -> StepRange:
        """Those of these steps that come before another one."""
        if stop is None or (self.stop is not None and self.stop <= stop):
            return self
        return self._replace(stop=stop)


class Chunks(NamedTuple):
    """What to read of a file.

    Attributes:
        row_groups: The row groups.
        columns: The columns at the top of its schema; never empty.
        spans: The bytes that hold them.
        memory: How many bytes they take at least when they are decoded.
    """

    row_groups: tuple[int, ...]
    columns: tuple[str, ...]
    spans: tuple[Span, ...]
    memory: int


def footer_span(held: HeldBytes, size: int) -> Span:
    """Where the footer of a file is, by its last bytes.

    Args:
        held: The file's end.
        size: The file's size.

    Raises:
        ValueError: It is no Parquet file, or says that its footer is longer than the file.
    """
    smallest = len(_MAGIC) + _TRAILER
    if size < smallest:
        raise ValueError(f"it has {size} bytes, and a Parquet file at least {smallest}")
    trailer = held.read(size - _TRAILER, size)
    if trailer[4:] != _MAGIC:
        raise ValueError("it does not end as a Parquet file does")
    length = int.from_bytes(trailer[:4], "little")
    if length > size - smallest:
        raise ValueError(f"its footer is said to have {length:,} of {size:,} bytes")
    return size - _TRAILER - length, size


class Footer:
    """The footer of a file.

    Args:
        held: The footer's bytes.
        size: The file's size.
        max_bytes: How much memory what is read at once may take.

    Attributes:
        names: The names of the columns at the top of the schema.
        size: The file's size.

    Raises:
        ValueError: It cannot be read, or has no column of steps.
    """

    __slots__ = ("_max_bytes", "_metadata", "_paths", "names", "size")

    def __init__(self, held: HeldBytes, size: int, max_bytes: int) -> None:
        import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import
        from pyarrow import parquet  # noqa: PLC0415

        self.size: int = size
        self._max_bytes = max_bytes
        try:
            # As a file without rows: pyarrow reads 64 KiB of a longer one, whatever its footer has.
            footer = _MAGIC + held.read(*footer_span(held, size))
            self._metadata: FileMetaData = parquet.read_metadata(io.BytesIO(footer))
            schema = self._metadata.schema
            self._paths = [schema.column(at).path for at in range(len(schema))]
            self.names: frozenset[str] = frozenset(schema.to_arrow_schema().names)
        except (pa.ArrowException, OSError, LookupError, UnicodeDecodeError) as error:
            raise ValueError(f"its footer cannot be read: {error}") from error
        if STEP not in self.names:
            raise ValueError(f"it has no column {STEP!r}")

    @property
    def metadata(self) -> FileMetaData:
        """As pyarrow has it."""
        return self._metadata

    @property
    def row_count(self) -> int:
        """How many rows the file has."""
        return self._metadata.num_rows

    def columns_of(self, keys: Sequence[str] | None) -> tuple[str, ...]:
        """The columns that hold the values of some keys, flat or nested, and the steps.

        Args:
            keys: The keys; None for all columns.
        """
        if keys is None:
            return tuple(self._metadata.schema.to_arrow_schema().names)
        named = outer_keys((STEP, *keys)) or ()
        return tuple(name for name in named if name in self.names)

    def groups(self, steps: StepRange) -> list[int]:
        """The row groups that may hold rows of some steps, by their statistics."""
        return [
            group
            for group in range(self._metadata.num_row_groups)
            if self._metadata.row_group(group).num_rows and self._may_hold(group, steps)
        ]

    def span_of_steps(self) -> tuple[float, float] | None:
        """The least and the greatest step; None where the statistics do not tell them."""
        groups = range(self._metadata.num_row_groups)
        told = [self._steps_of(each) for each in groups if self._metadata.row_group(each).num_rows]
        known = [span for span in told if span is not None]
        if len(known) < len(told) or not known:
            return None
        return min(least for least, _ in known), max(most for _, most in known)

    def chunks(self, groups: Sequence[int], columns: Sequence[str]) -> Chunks:
        """What to read of some row groups.

        Raises:
            ValueError: It is said to be outside of the file, or takes more memory than it may.
        """
        names = dict.fromkeys(columns)
        inside = [at for at, path in enumerate(self._paths) if _is_inside(path, names)]
        spans: list[Span] = []
        memory = 0
        for group in groups:
            found = self._metadata.row_group(group)
            for at in inside:
                column = found.column(at)
                start = column.data_page_offset
                dictionary = column.dictionary_page_offset
                if dictionary is not None and 0 < dictionary < start:
                    start = dictionary
                end = start + column.total_compressed_size
                if not len(_MAGIC) <= start <= end <= self.size:
                    raise ValueError("a column is said to be outside of it")
                spans.append((start, min(end + _PADDING, self.size)))
                memory += max(column.total_uncompressed_size, found.num_rows * _VALUE)
        if memory > self._max_bytes:
            raise ValueError(
                f"what is read of it at once takes {memory:,} bytes, more than the "
                f"{self._max_bytes:,} of max_response_bytes="
            )
        return Chunks(tuple(groups), tuple(names), tuple(spans), memory)

    def _may_hold(self, group: int, steps: StepRange) -> bool:
        told = self._steps_of(group)
        return told is None or steps.overlaps(*told)

    def _steps_of(self, group: int) -> tuple[float, float] | None:
        """The least and the greatest step of a row group; None where it does not tell them."""
        column = self._metadata.row_group(group).column(self._paths.index(STEP))
        statistics = column.statistics
        if statistics is None or not statistics.has_min_max:
            return None
        least, most = statistics.min, statistics.max
        if not isinstance(least, int | float) or not isinstance(most, int | float):
            return None
        return least, most


def _is_inside(path: str, names: dict[str, None]) -> bool:
    """Whether a path of the schema begins with one of some names."""
    if path in names:
        return True
    dot = path.find(".")
    while dot >= 0:
        if path[:dot] in names:
            return True
        dot = path.find(".", dot + 1)
    return False

"""Rows of all runs as columns, each of the narrowest kind that holds all its values."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from math import isfinite, isnan
from operator import itemgetter
from types import NoneType
from typing import TYPE_CHECKING, Final, TypeAlias

from wandb_runs.frames.plan import RUN_ID
from wandb_runs.frames.text import as_unicode, text_of
from wandb_runs.graphql.scalars import NON_FINITE
from wandb_runs.query.keys import is_unicode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["Column", "Kind", "Part", "Table", "rename_columns", "unify_non_finite"]

Part: TypeAlias = "array[float] | array[int] | list[JSONValue]"
"""Values of consecutive rows: floats, 64-bit integers, or any values."""

INT64 = range(-(2**63), 2**63)

_BATCH: Final = 1_000
"""Rows converted to columns at once: enough to amortise a call, few enough for the CPU's cache."""


class Kind(Enum):
    """The kind of a column's values."""

    INTEGER = auto()
    """64-bit integers."""
    FLOAT = auto()
    """Numbers, including NaN and infinities."""
    BOOLEAN = auto()
    STRING = auto()
    JSON = auto()
    """Anything else: mixed or nested values, larger integers, strings with lone surrogates."""


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one metric in all rows.

    Attributes:
        kind: The kind of the values.
        parts: The values, one per row, None where the row lacks the metric. Parts of an INTEGER or
            FLOAT column may be arrays. There is at least one part.
        has_missing: Whether there is any None.
    """

    kind: Kind
    parts: Sequence[Part]
    has_missing: bool


class Table:
    """Rows of all runs as columns. Rows are not kept, and numbers take 8 bytes each.

    Args:
        plan: The arguments of the call.
        run_id: Whether there will be a column `run_id`. If so, a metric of that name is renamed
            with trailing underscores.
        text_columns: The columns that hold text, whatever their values are.

    Attributes:
        lengths: The id and the number of rows of each run, in the order of `add`.
        run_id: As given.
    """

    __slots__ = ("_builders", "_length", "_pending", "_plan", "_text_columns", "lengths", "run_id")

    def __init__(
        self, plan: HistoryPlan, *, run_id: bool, text_columns: Collection[str] = frozenset()
    ) -> None:
        self.lengths: list[tuple[str, int]] = []
        self.run_id: bool = run_id
        self._plan = plan
        self._text_columns = text_columns
        self._builders: dict[str, _ColumnBuilder] = {}
        self._length = 0
        self._pending: list[Row] = []

    def add(self, run_id: str, rows: Sequence[Row]) -> None:
        """Add the rows of one run."""
        self.lengths.append((as_unicode(run_id), len(rows)))
        self._pending += rows
        if len(self._pending) >= _BATCH:
            self._flush()

    def columns(self) -> dict[str, Column]:
        """Remove and return the columns: the x axis, then the keys, or all others by name.

        A column without any value is INTEGER if it is `_step` as x axis, else FLOAT.
        """
        self._flush()
        builders, self._builders = self._builders, {}
        new_names = rename_columns(builders, reserved={RUN_ID} if self.run_id else set())
        x_axis = self._plan.x_axis
        builders = {new_names.get(name, name): each for name, each in builders.items()}
        columns: dict[str, Column] = {}
        for name in self._plan.columns or dict.fromkeys((x_axis, *sorted(builders))):
            each = builders.pop(name, None) or _ColumnBuilder()
            each.fill(self._length)
            default = Kind.INTEGER if name == x_axis == "_step" else Kind.FLOAT
            is_text = name in self._text_columns
            columns[name] = each.text_column() if is_text else each.column(default)
        return columns

    def _flush(self) -> None:
        """Convert the pending rows to columns."""
        rows, self._pending = self._pending, []
        for name in self._plan.columns or dict.fromkeys(chain.from_iterable(rows)):
            try:
                values = list(map(itemgetter(name), rows))  # no loop in Python
            except KeyError:
                values = [row.get(name) for row in rows]
            builder = self._builders.get(name)
            if builder is None:
                builder = self._builders[name] = _ColumnBuilder()
            builder.fill(self._length)
            builder.extend(values, set(map(type, values)))
        self._length += len(rows)


class _ColumnBuilder:
    """The values of one metric, None for rows without it; arrays for batches of numbers."""

    __slots__ = ("_length", "_parts", "_types")

    def __init__(self) -> None:
        self._length = 0
        self._parts: list[Part] = []
        self._types: set[type] = set()

    def fill(self, length: int) -> None:
        """Append None up to a number of rows, for earlier rows without the metric."""
        if length > self._length:
            self.extend([None] * (length - self._length), {NoneType})

    def extend(self, values: list[JSONValue], types: set[type]) -> None:
        """Add the values of the next rows, and the set of their types."""
        if not values:
            return
        self._types |= types
        self._length += len(values)
        part = _packed(values, types)
        last = self._parts[-1] if self._parts else None
        if isinstance(part, list) and isinstance(last, list):
            last += part
        elif isinstance(part, array) and isinstance(last, array) and part.typecode == last.typecode:
            last.frombytes(part.tobytes())
        else:
            self._parts.append(part)

    def column(self, default: Kind) -> Column:
        """The column, of the kind that follows from its values; `default` if there are none."""
        types = self._types - {NoneType}
        has_missing = NoneType in self._types
        if not types:
            return Column(default, self._parts or [[]], has_missing)
        parts = self._parts
        if not types <= {int, float}:
            values: list[JSONValue] = [*chain.from_iterable(parts)]
            unified = unify_non_finite(values, types)
            if unified is not None:
                values = unified
                types = set(map(type, values)) - {NoneType}
            parts = [values]
        return Column(_kind(parts, types), parts, has_missing)

    def text_column(self) -> Column:
        """The column with each value as text, independent of the others."""
        values = map(text_of, chain.from_iterable(self._parts))
        return Column(Kind.STRING, [[*values]], NoneType in self._types)


def rename_columns(names: Iterable[str], reserved: set[str]) -> dict[str, str]:
    """Map each name that a frame cannot have to one that is not taken."""
    taken = set(names)
    new_names: dict[str, str] = {}
    for name in names:
        if name in reserved or not is_unicode(name):
            free = as_unicode(name)
            while free in taken:
                free += "_"
            taken.add(free)
            new_names[name] = free
    return new_names


def unify_non_finite(values: list[JSONValue], types: set[type]) -> list[JSONValue] | None:
    """Spell NaN and the infinities in one way for a whole column.

    W&B returns NaN as a number or as the string `"NaN"`, depending on the field. It becomes the
    number where all other values are numbers, and the string elsewhere.

    Args:
        values: The values of a column; None stays.
        types: Their types, without that of None.

    Returns:
        The values to use instead; None where they can stay.

    >>> unify_non_finite(["NaN", 1], {str, int}), unify_non_finite([0.5, 1], {float, int})
    ([nan, 1], None)
    """
    if types <= {int, float, str} and all(
        value in NON_FINITE for value in values if isinstance(value, str)
    ):
        return [_number(value) for value in values] if str in types else None
    return [_word(value) for value in values] if float in types else None


def _packed(values: list[JSONValue], types: set[type]) -> Part:
    if types == {float}:
        # Faster than an array of the list itself.
        return array("d", struct.pack(f"{len(values)}d", *values))
    if types == {int}:
        try:
            return array("q", struct.pack(f"{len(values)}q", *values))
        except struct.error:  # past 64 bits
            return values
    return values


def _number(value: JSONValue) -> JSONValue:
    return NON_FINITE[value] if isinstance(value, str) else value


def _word(value: JSONValue) -> JSONValue:
    if not isinstance(value, float) or isfinite(value):
        return value
    if isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _kind(parts: Sequence[Part], types: set[type]) -> Kind:
    if types <= {int, float}:
        if not all(map(_fits_64_bits, parts)):
            return Kind.JSON
        return Kind.FLOAT if float in types else Kind.INTEGER
    if types == {bool}:
        return Kind.BOOLEAN
    if types == {str} and all(
        is_unicode(value) for part in parts for value in part if isinstance(value, str)
    ):
        return Kind.STRING
    return Kind.JSON


def _fits_64_bits(part: Part) -> bool:
    if isinstance(part, array):
        return True
    integers = [value for value in part if isinstance(value, int)]
    return not integers or (min(integers) in INT64 and max(integers) in INT64)

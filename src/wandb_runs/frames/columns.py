"""Rows of all runs, sorted into columns, each of the one kind that holds all its values."""

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

__all__ = ["Column", "Kind", "Part", "Table", "renamed", "settle"]

Part: TypeAlias = "array[float] | array[int] | list[JSONValue]"
"""Values of rows that follow each other: floats, integers of 64 bits, or anything."""

INT64 = range(-(2**63), 2**63)

_BATCH: Final = 1_000
"""Rows that are sorted into columns at once: many for one call, few enough for the CPU's cache."""


class Kind(Enum):
    """What a column holds."""

    INTEGER = auto()
    """Integers of 64 bits."""
    FLOAT = auto()
    """Numbers, NaN and infinities among them."""
    BOOLEAN = auto()
    STRING = auto()
    JSON = auto()
    """Anything else: mixed or nested values, larger integers, strings beyond UTF-8."""


@dataclass(frozen=True, slots=True)
class Column:
    """One metric over all rows.

    Attributes:
        kind: What the values are.
        parts: The values, one per row, None where the row has none. Parts of a column of INTEGER
            or FLOAT may be packed; a column has one part at least.
        missing: Whether there is any None.
    """

    kind: Kind
    parts: Sequence[Part]
    missing: bool


class Table:
    """Rows of all runs as columns. The rows are not kept: only the numbers are, 8 bytes each.

    Args:
        plan: What was asked.
        run_id: Whether the table will get a column `run_id`. If so, a metric of that name is
            renamed with underscores at its end.
        texts: The columns that hold text, whatever their values are.

    Attributes:
        lengths: The id and the number of rows of each run, in the order in which they came.
    """

    __slots__ = ("_cells", "_length", "_pending", "_plan", "_run_id", "_texts", "lengths")

    def __init__(
        self, plan: HistoryPlan, *, run_id: bool, texts: Collection[str] = frozenset()
    ) -> None:
        self.lengths: list[tuple[str, int]] = []
        self._plan = plan
        self._run_id = run_id
        self._texts = texts
        self._cells: dict[str, _Cells] = {}
        self._length = 0
        self._pending: list[Row] = []

    def add(self, run_id: str, rows: Sequence[Row]) -> None:
        """Add the rows of one run."""
        self.lengths.append((as_unicode(run_id), len(rows)))
        self._pending += rows
        if len(self._pending) >= _BATCH:
            self._sort()

    def columns(self) -> dict[str, Column]:
        """Take the columns out: the x axis, then the keys as asked, or else all others by name.

        Their kinds follow from all rows. A column that was asked for and has no value is INTEGER
        if it is `_step` as x axis, else FLOAT.
        """
        self._sort()
        cells, self._cells = self._cells, {}
        new_names = renamed(cells, reserved={RUN_ID} if self._run_id else set())
        x_axis = self._plan.x_axis
        cells = {new_names.get(name, name): each for name, each in cells.items()}
        order = self._plan.columns or dict.fromkeys((x_axis, *sorted(cells)))
        columns: dict[str, Column] = {}
        for name in order:
            each = cells.pop(name, None) or _Cells()
            each.fill(self._length)
            unseen = Kind.INTEGER if name == x_axis == "_step" else Kind.FLOAT
            columns[name] = each.texts() if name in self._texts else each.column(unseen)
        return columns

    def _sort(self) -> None:
        """Turn the rows that wait into columns."""
        rows, self._pending = self._pending, []
        for name in self._plan.columns or dict.fromkeys(chain.from_iterable(rows)):
            try:
                values = list(map(itemgetter(name), rows))  # no loop in Python
            except KeyError:
                values = [row.get(name) for row in rows]
            self._column(name).extend(values, set(map(type, values)))
        self._length += len(rows)

    def _column(self, name: str) -> _Cells:
        """The column as far as the rows go; those that came before the metric have no value."""
        cells = self._cells.get(name)
        if cells is None:
            cells = self._cells[name] = _Cells()
        cells.fill(self._length)
        return cells


class _Cells:
    """The values of one metric, None for rows without; packed where all of a batch are numbers."""

    __slots__ = ("_length", "_parts", "_types")

    def __init__(self) -> None:
        self._length = 0
        self._parts: list[Part] = []
        self._types: set[type] = set()

    def fill(self, length: int) -> None:
        """Have as many values as there are rows: none for those that came before the metric."""
        if length > self._length:
            self.extend([None] * (length - self._length), {NoneType})

    def extend(self, values: list[JSONValue], types: set[type]) -> None:
        """Add the values of the rows that follow, and the types of them all."""
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

    def column(self, unseen: Kind) -> Column:
        """Decide what the values are; `unseen` if there are none."""
        types = self._types - {NoneType}
        missing = NoneType in self._types
        if not types:
            return Column(unseen, self._parts or [[]], missing)
        parts = self._parts
        if not types <= {int, float}:
            values: list[JSONValue] = [*chain.from_iterable(parts)]
            settled = settle(values, types)
            if settled is not None:
                values = settled
                types = set(map(type, values)) - {NoneType}
            parts = [values]
        return Column(_kind(parts, types), parts, missing)

    def texts(self) -> Column:
        """Write each value as text, without a look at the others."""
        values = map(text_of, chain.from_iterable(self._parts))
        return Column(Kind.STRING, [[*values]], NoneType in self._types)


def renamed(names: Iterable[str], reserved: set[str]) -> dict[str, str]:
    """Map each name that a frame cannot take to a free one."""
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


def settle(values: list[JSONValue], types: set[type]) -> list[JSONValue] | None:
    """Give NaN and the infinities the one spelling that suits all values of a column.

    W&B gives NaN as a number or as the string `"NaN"`, depending on the field asked. Whichever
    came, it becomes the number where all others are numbers, and the string elsewhere.

    Args:
        values: The values of a column; None stays.
        types: What they are, without that of None.

    Returns:
        The values to put in their place; None when they can stay.

    >>> settle(["NaN", 1], {str, int}), settle([0.5, 1], {float, int})
    ([nan, 1], None)
    """
    if types <= {int, float, str} and all(
        value in NON_FINITE for value in values if isinstance(value, str)
    ):
        return [_number(value) for value in values] if str in types else None
    return [_word(value) for value in values] if float in types else None


def _packed(values: list[JSONValue], types: set[type]) -> Part:
    if types == {float}:
        return array("d", struct.pack(f"{len(values)}d", *values))  # faster than of the list itself
    if types == {int}:
        try:
            return array("q", struct.pack(f"{len(values)}q", *values))
        except struct.error:  # more than 64 bits
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
        if not all(map(_is_of_64_bits, parts)):
            return Kind.JSON
        return Kind.FLOAT if float in types else Kind.INTEGER
    if types == {bool}:
        return Kind.BOOLEAN
    if types == {str} and all(
        is_unicode(value) for part in parts for value in part if isinstance(value, str)
    ):
        return Kind.STRING
    return Kind.JSON


def _is_of_64_bits(part: Part) -> bool:
    """Whether all integers are; packed ones must be."""
    if isinstance(part, array):
        return True
    integers = [value for value in part if isinstance(value, int)]
    return not integers or (min(integers) in INT64 and max(integers) in INT64)

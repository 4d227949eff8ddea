"""Rows of all runs, sorted into columns, each of the one kind that holds all its values."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum, auto
from math import inf, isfinite, isnan, nan
from operator import itemgetter
from typing import TYPE_CHECKING, cast

from wandb_runs.histories.plan import RUN_ID
from wandb_runs.histories.text import is_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandb_runs.histories.plan import HistoryPlan
    from wandb_runs.histories.rows import Row
    from wandb_runs.jsontext import JSONValue

__all__ = ["Column", "Kind", "Table", "tabulate"]

INT64 = range(-(2**63), 2**63)

NON_FINITE = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}
"""What JSON has no numbers for, and the strings that W&B gives instead."""


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
        kind: What `values` are.
        values: The values that there are, in the order of the rows that have one.
        changed: Whether values differ from those in the rows.
    """

    kind: Kind
    values: list[JSONValue]
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of all runs.

    Attributes:
        rows: What the runs logged, in the order of the runs.
        run_ids: The id of each row's run.
        columns: Name to column, in the order of a frame; without `run_id`.
    """

    rows: list[Row]
    run_ids: list[str]
    columns: Mapping[str, Column]

    def aligned(self, name: str) -> list[JSONValue]:
        """Return the values of a column, one per row, None where the row has none."""
        values = self.columns[name].values
        if len(values) == len(self.rows):
            return values
        rest = iter(values)
        return [next(rest) if name in row else None for row in self.rows]


def tabulate(blocks: Iterable[tuple[str, list[Row]]], plan: HistoryPlan, *, run_id: bool) -> Table:
    """Sort rows into columns: the x axis, then the keys as asked, or else all others by name.

    Args:
        blocks: Each run's id and rows, in the order of runs.
        plan: What was asked.
        run_id: Whether the table will get a column `run_id`. If so, a metric of that name is
            renamed with underscores at its end.

    Returns:
        The table; its kinds follow from all rows. A column that was asked for and has no value is
        INTEGER if it is `_step` as x axis, else FLOAT.
    """
    rows: list[Row] = []
    run_ids: list[str] = []
    for name, block in blocks:
        rows += block
        run_ids += [name] * len(block)
    cells = _gather(rows)
    names = _renamed(cells, reserved={RUN_ID} if run_id else set())
    if names:
        rows = [{names.get(name, name): value for name, value in row.items()} for row in rows]
        cells = {names.get(name, name): values for name, values in cells.items()}
    order = plan.columns or dict.fromkeys((plan.x_axis, *sorted(cells)))
    unseen = {name: Column(Kind.FLOAT, []) for name in order}
    if plan.x_axis == "_step":
        unseen[plan.x_axis] = Column(Kind.INTEGER, [])
    columns = {name: _column(cells[name]) if name in cells else unseen[name] for name in order}
    return Table(rows, run_ids, columns)


def _gather(rows: list[Row]) -> dict[str, list[JSONValue]]:
    if rows and set(map(len, rows)) == {len(rows[0])}:
        try:
            # Rows that all hold the same metrics are turned over without a loop in Python.
            return {name: list(map(itemgetter(name), rows)) for name in rows[0]}
        except KeyError:
            pass
    cells: defaultdict[str, list[JSONValue]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            cells[name].append(value)
    return cells


def _renamed(names: Iterable[str], reserved: set[str]) -> dict[str, str]:
    """Map each name that a frame cannot take to a free one."""
    taken = set(names)
    renamed: dict[str, str] = {}
    for name in names:
        if name in reserved or not is_unicode(name):
            free = name.encode(errors="backslashreplace").decode()
            while free in taken:
                free += "_"
            taken.add(free)
            renamed[name] = free
    return renamed


def _column(values: list[JSONValue]) -> Column:
    """Decide what the values of a column are; there is at least one.

    W&B gives NaN as a number or as the string `"NaN"`, depending on the field asked. Whichever
    came, it becomes the number where all others are numbers, and the string elsewhere.
    """
    types = set(map(type, values))
    if _are_numbers(values, types):
        if str in types:
            values, types = [_number(value) for value in values], types - {str} | {float}
            return Column(_kind(values, types), values, changed=True)
    elif float in types:
        values = [_word(value) for value in values]
        return Column(_kind(values, set(map(type, values))), values, changed=True)
    return Column(_kind(values, types), values)


def _are_numbers(values: list[JSONValue], types: set[type]) -> bool:
    if not types <= {int, float, str}:
        return False
    return str not in types or all(
        value in NON_FINITE for value in values if isinstance(value, str)
    )


def _number(value: JSONValue) -> JSONValue:
    return NON_FINITE[value] if isinstance(value, str) else value


def _word(value: JSONValue) -> JSONValue:
    if not isinstance(value, float) or isfinite(value):
        return value
    if isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _kind(values: list[JSONValue], types: set[type]) -> Kind:
    if types == {float}:
        return Kind.FLOAT
    if types <= {int, float}:
        integers = cast("list[int]", values)
        if float in types:
            integers = [value for value in values if isinstance(value, int)]
        if min(integers) not in INT64 or max(integers) not in INT64:
            return Kind.JSON
        return Kind.FLOAT if float in types else Kind.INTEGER
    if types == {bool}:
        return Kind.BOOLEAN
    if types == {str} and all(map(is_unicode, cast("list[str]", values))):
        return Kind.STRING
    return Kind.JSON

"""The outer join: the sampled rows of each key, merged by step."""

from __future__ import annotations

from collections import Counter
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from wandb_runs.graphql.nested import pick_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["JoinedRows", "join_by_step"]

Row: TypeAlias = "dict[str, JSONValue]"

_Position: TypeAlias = tuple[float, int]
"""A step, and the number of the row among those of one key that have this step."""


class JoinedRows(NamedTuple):
    """The outer join of some keys: all rows of a history, each of which holds all of them.

    It takes the place of their samples.

    Attributes:
        keys: The keys.
        steps: The steps of the rows, ascending ints.
        rows: The rows, of the x axis and the keys, in the order of their steps.
    """

    keys: tuple[str, ...]
    steps: list[int]
    rows: list[Row]

    def columns(self, x_axis: str) -> Iterator[tuple[str, _Columns]]:
        """The columns of each key."""
        steps = cast("list[float]", self.steps)
        xs = cast("list[JSONValue]", steps)
        if x_axis != "_step":
            xs = [row[x_axis] for row in self.rows]
        for key in self.keys:
            yield key, _Columns(steps, xs, [row[key] for row in self.rows], are_ints=True)


class _Columns(NamedTuple):
    """The rows of a sample that hold the x axis and the key, by columns of equal length.

    Attributes:
        steps: Their steps.
        xs: Their values of the x axis; the list of steps itself, where that is the x axis.
        values: Their values of the key.
        are_ints: Whether all steps are ints, which are the same where they are equal.
    """

    steps: list[float]
    xs: list[JSONValue]
    values: list[JSONValue]
    are_ints: bool


def join_by_step(
    keys: Sequence[str],
    samples: Sequence[object],
    x_axis: str,
    read: Callable[[int, object], Iterable[Row]],
) -> list[Row]:
    """Merge the samples of the keys by step: the nth row of a step with the nth of other keys.

    A row has the x axis first, and the keys in their order. Nulls, as which some servers send
    missing values, count as missing.

    Args:
        keys: The keys.
        samples: The sample of each key, as it came, or the joined rows of several; empty for none.
        x_axis: The metric of the first column.
        read: Checks the sample with an index, and gives its rows.

    >>> sent = [[{"_step": 0, "a": 1}, {"_step": 2, "a": 2}], [{"_step": 2, "b": 3}]]
    >>> join_by_step(["a", "b"], sent, "_step", lambda _, sample: sample)
    [{'_step': 0, 'a': 1}, {'_step': 2, 'a': 2, 'b': 3}]
    """
    merged: dict[_Position, Row] = {}
    block = _Block()
    for key, columns in _columns_of_all(keys, samples, x_axis, read):
        if not block.has_steps_of(columns):
            block.fill_rows()
            positions = _positions(columns.steps)
            block = _Block(columns, [merged.setdefault(each, {}) for each in positions])
            block.add(x_axis, columns.xs)
        elif columns.xs is not columns.steps:
            block.add(x_axis, columns.xs)
        block.add(key, columns.values)
    block.fill_rows()
    return [merged[position] for position in sorted(merged)]


def _columns_of_all(
    keys: Sequence[str],
    samples: Sequence[object],
    x_axis: str,
    read: Callable[[int, object], Iterable[Row]],
) -> Iterator[tuple[str, _Columns]]:
    index = 0
    for sample in samples:
        if isinstance(sample, JoinedRows):
            yield from sample.columns(x_axis)
            index += len(sample.keys)
            continue
        key = keys[index]
        columns = _plain_columns(sample, x_axis, key)
        if columns is None:
            columns = _picked_columns(read(index, sample), x_axis, key)
        yield key, columns
        index += 1


class _Block:
    """Keys, one after another, whose rows have the same steps: those of most keys.

    The values are written row by row: key by key, each would go to another dict, which with
    thousands of keys are too large for a processor's caches.

    Args:
        first: The columns of the first key.
        rows: The rows to fill.
    """

    __slots__ = ("_columns", "_names", "_rows", "_steps")

    def __init__(self, first: _Columns | None = None, rows: Sequence[Row] = ()) -> None:
        self._steps = first.steps if first is not None and first.are_ints else None
        self._rows = rows
        self._names: list[str] = []
        self._columns: list[list[JSONValue]] = []

    def has_steps_of(self, columns: _Columns) -> bool:
        return columns.are_ints and columns.steps == self._steps

    def add(self, name: str, values: list[JSONValue]) -> None:
        self._names.append(name)
        self._columns.append(values)

    def fill_rows(self) -> None:
        for row, values in zip(self._rows, zip(*self._columns, strict=True), strict=True):
            row.update(zip(self._names, values, strict=True))


def _positions(steps: list[float]) -> Iterable[_Position]:
    if len({*steps}) == len(steps):
        return zip(steps, repeat(0))
    rows_of_step: Counter[float] = Counter()
    positions: list[_Position] = []
    for step in steps:
        positions.append((step, rows_of_step[step]))
        rows_of_step[step] += 1
    return positions


def _plain_columns(sample: object, x_axis: str, key: str) -> _Columns | None:
    """The columns of a sample whose rows all hold the step, the x axis and the key themselves.

    The common case, with as little Python as possible for each value: an outer join of n keys has
    n times as many rows as an inner join. None for any other sample.
    """
    if not isinstance(sample, list):
        return None
    rows = cast("list[Row]", sample)
    try:
        sent = [row["_step"] for row in rows]
        xs = sent if x_axis == "_step" else [row[x_axis] for row in rows]
        values = [row[key] for row in rows]
    except (KeyError, TypeError, IndexError):
        return None
    types = {*map(type, sent)}
    if not types <= {int, float} or None in values or (xs is not sent and None in xs):
        return None
    return _Columns(cast("list[float]", sent), xs, values, types == {int})


def _picked_columns(rows: Iterable[Row], x_axis: str, key: str) -> _Columns:
    columns = _Columns([], [], [], are_ints=False)
    for row in rows:
        step = row.get("_step")
        if not isinstance(step, int | float):
            continue
        picked = pick_all(row, (x_axis, key))
        if x_axis in picked and key in picked:
            columns.steps.append(step)
            columns.xs.append(picked[x_axis])
            columns.values.append(picked[key])
    return columns

"""What the server sent for one run, turned into rows."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, TypeAlias, cast

from wandb_runs.graphql.scalars import UNREADABLE, JSONValue, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wandb_runs.frames.plan import HistoryPlan

__all__ = [
    "Row",
    "are_finite",
    "decode_rows",
    "has_row_of_each",
    "read_rows",
    "rows_with_all",
]

Row: TypeAlias = "dict[str, JSONValue]"
"""One row of a history: a value for each metric that it has, never null."""


def read_rows(plan: HistoryPlan, sent: object) -> list[Row]:
    """Turn the value of a run's field `plan.field` into rows.

    A null value counts as missing, and null rows are skipped.
    When keys were asked for, a row has the x axis and the keys, and nothing else.
    Of metrics, the rows that hold all of them: most servers have left out the others by then,
    and some fill them up with null. An outer join merges the rows of each metric instead.
    Of machine metrics, the rows that hold any key: they come a monitor at a time, in rows of
    their own, so that hardly a row would hold all.

    Args:
        plan: What was asked.
        sent: What came, null included.

    Returns:
        The rows, in the server's order.

    Raises:
        ValueError: `sent` is not what the schema promises; the message says where.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> plan = plan_histories(keys=["loss"])
    >>> read_rows(plan, [[{"_step": 0, "loss": 0.5, "lr": 0.1}, {"_step": 1, "loss": None}]])
    [{'_step': 0, 'loss': 0.5}]
    """
    columns = plan.columns
    objects: Iterable[Row]
    if plan.field == "sampledHistory":
        if plan.join == "outer":
            return _joined(plan, _samples(sent, len(plan.specs)))
        as_asked = _as_asked(sent, columns or ())
        if as_asked is not None:
            return as_asked
        objects = chain.from_iterable(_samples(sent, len(plan.specs)))
    else:
        objects = _decoded_objects(sent)
    if plan.keys is None or columns is None:
        return _present(list(objects))
    if plan.stream == "default":
        rows = [_pick(row, columns) for row in objects]
        return [row for row in rows if len(row) == len(columns)]
    rows = [_pick(row, columns) for row in objects]
    # The x axis alone tells nothing, unless nothing else was asked for.
    wanted = set(plan.keys) - {plan.x_axis} or {plan.x_axis}
    return [row for row in rows if not wanted.isdisjoint(row)]


def decode_rows(sent: object) -> list[Row]:
    """Decode the rows of `history` or `events`, each a JSON document.

    Args:
        sent: A list of strings; null, and null among them, is skipped.

    Returns:
        The rows, without null values.

    Raises:
        ValueError: Not a list of JSON objects; the message says where.

    >>> decode_rows(['{"_step": 0, "loss": NaN}', None, '{"_step": 1, "loss": null}'])
    [{'_step': 0, 'loss': nan}, {'_step': 1}]
    """
    return _present(list(_decoded_objects(sent)))


def rows_with_all(rows: Iterable[Row], keys: Sequence[str]) -> list[Row]:
    """Keep the rows that hold all keys, with their `_step` and the keys alone.

    This is what W&B's `scan_history(keys=...)` gives.

    >>> rows_with_all([{"_step": 0, "loss": 1, "lr": 2}, {"_step": 1, "lr": 2}], ["loss"])
    [{'_step': 0, 'loss': 1}]
    """
    columns = dict.fromkeys(("_step", *keys))
    wanted = set(keys)
    return [_pick(row, columns) for row in rows if wanted <= row.keys()]


def has_row_of_each(sent: object, specs: int) -> bool:
    """Whether each spec of a sampled history has a row that holds all its keys.

    >>> has_row_of_each([[{"loss": 1}], [{"accuracy": 0}]], 2), has_row_of_each([[], []], 2)
    (True, False)
    """
    try:
        samples = [list(sample) for sample in _samples(sent, specs)]
    except ValueError:
        return False
    return len(samples) == specs and all(
        any(None not in row.values() for row in sample) for sample in samples
    )


def are_finite(rows: Iterable[Row]) -> bool:
    """Whether all values are finite numbers or booleans; False may also mean that it is not sure.

    >>> are_finite([{"a": 1, "b": 0.5}]), are_finite([{"a": "NaN"}]), are_finite([{"a": None}])
    (True, False, False)
    """
    try:
        # The fastest loop over values that there is. Nothing but numbers can be added to numbers,
        # and no sum with NaN or an infinity in it is finite.
        return isfinite(sum(cast("Iterable[float]", _values(rows))))
    except (TypeError, OverflowError):
        return False


def _as_asked(sent: object, columns: tuple[str, ...]) -> list[Row] | None:
    """Take the one list of rows as it is, if each row has just these columns and no null.

    Most servers answer so; nothing here is a loop in Python.
    """
    match sent:
        case [list()]:
            rows = cast("list[list[Row]]", sent)[0]
        case _:
            return None
    try:
        # The first row's own names, which most decoders share among rows, compare fastest.
        names = [*rows[0]]
        if tuple(names) != columns:
            return None
        # No row can have a name twice, so that none can make up for another.
        if [*chain.from_iterable(rows)] != names * len(rows) or _has_null(rows):
            return None
    except (IndexError, TypeError):  # no rows, or something else among them
        return None
    return rows


def _has_null(rows: list[Row]) -> bool:
    return not are_finite(rows) and NoneType in set(map(type, _values(rows)))


def _values(rows: Iterable[Row]) -> Iterator[JSONValue]:
    return chain.from_iterable(map(dict[str, "JSONValue"].values, rows))


def _samples(sent: object, specs: int) -> Iterator[Iterator[Row]]:
    samples = _items(sent, "sampledHistory")
    if samples and len(samples) != specs:
        raise ValueError(f"sampledHistory holds {len(samples)} lists for {specs} specs")
    for index, sample in enumerate(samples):
        where = f"sampledHistory[{index}]"
        yield _objects(_items(sample, where), f"{where}, row")


def _joined(plan: HistoryPlan, samples: Iterable[Iterable[Row]]) -> list[Row]:
    """Merge the samples of the keys: rows of one step, the first with the first, and so on."""
    merged: dict[tuple[float, int], Row] = {}
    columns = plan.columns or ()
    for key, sample in zip(plan.keys or (), samples, strict=False):
        rows_of_step: Counter[float] = Counter()
        for row in sample:
            step = row.get("_step")
            if row.get(key) is None or not isinstance(step, int | float):
                continue
            place = (step, rows_of_step[step])
            rows_of_step[step] += 1
            merged.setdefault(place, {}).update(_pick(row, columns))
    return [_pick(merged[place], columns) for place in sorted(merged)]


def _decoded_objects(sent: object) -> Iterator[Row]:
    return _objects(_decoded(_items(sent, "the history")), "row")


def _items(sent: object, where: str) -> list[object]:
    if sent is None:
        return []
    if sent is UNREADABLE or sent == [UNREADABLE]:
        raise ValueError(f"{where} holds {UNREADABLE}")
    if not isinstance(sent, list):
        raise ValueError(f"{where} is {_type(sent)} where a list was expected")  # noqa: TRY004 - the answer's shape is a value to the caller, not a type
    return cast("list[object]", sent)


def _decoded(lines: list[object]) -> Iterator[object]:
    for index, line in enumerate(lines):
        if line is None:
            yield None
        elif isinstance(line, str | bytes):
            try:
                yield decode(line)
            except ValueError as error:
                raise ValueError(f"row {index} is not JSON: {error}") from error
        else:
            raise ValueError(f"row {index} is {_type(line)} where JSON text was expected")


def _objects(items: Iterable[object], where: str) -> Iterator[Row]:
    for index, item in enumerate(items):
        if item is None:
            continue
        if not isinstance(item, dict):
            raise ValueError(  # noqa: TRY004 - what came is a value to the caller
                f"{where} {index} is {_type(item)} where an object was expected"
            )
        yield cast("Row", item)  # a JSON decoder made it


def _present(rows: list[Row]) -> list[Row]:
    if not _has_null(rows):
        return rows
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _pick(row: Row, columns: Iterable[str]) -> Row:
    return {name: value for name in columns if (value := row.get(name)) is not None}


def _type(value: object) -> str:
    return type(value).__name__

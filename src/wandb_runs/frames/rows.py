"""The rows of one run, decoded from what the server sent."""

from __future__ import annotations

from itertools import chain
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from wandb_runs.frames.outer import JoinedRows, join_by_step
from wandb_runs.graphql.nested import pick, pick_all
from wandb_runs.graphql.scalars import NON_FINITE, UNREADABLE, JSONValue, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wandb_runs.frames.parquet.arrow_rows import ArrowRows
    from wandb_runs.frames.plan import HistoryPlan

__all__ = [
    "AnyRows",
    "FoundNames",
    "MachineRows",
    "Row",
    "RunRows",
    "as_requested",
    "decode_rows",
    "keys_with_rows",
    "make_floats",
    "names_in_rows",
    "read_machine_rows",
    "read_rows",
    "rows_with_all",
    "sampled",
    "spread",
    "with_nested",
]

Row: TypeAlias = "dict[str, JSONValue]"
"""One row of a history: a value for each metric that it has, never null.

The texts `"NaN"`, `"Infinity"` and `"-Infinity"`, as which W&B gives NaN and the infinities, are
floats in it, but for those inside nested values.
"""

AnyRows: TypeAlias = "list[Row] | ArrowRows"
"""Rows of one run, as dicts or by columns."""

RunRows: TypeAlias = "tuple[str, AnyRows]"
"""A run's id and its rows, or some of them."""


def read_rows(plan: HistoryPlan, sent: object) -> list[Row]:
    """Decode the value of a run's field `plan.field`.

    A null value counts as missing, and null rows are skipped. Texts of NaN and the infinities
    become floats.
    With keys, a row has the x axis and the keys only; without them, a nested x axis is added.
    Of logged metrics, only rows that hold all keys are kept: most servers leave out the others,
    and some fill them with null. An outer join merges the rows of each key instead.
    Of machine metrics, all rows come, and those that hold any key are sampled for each key: each
    monitor logs rows of its own, so that hardly any row holds all keys.

    Args:
        plan: The arguments of the call.
        sent: The value of the field, possibly null.

    Returns:
        The rows, in the server's order.

    Raises:
        ValueError: `sent` does not match the schema; the message names the row.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> plan = plan_histories(keys=["loss"])
    >>> read_rows(plan, [[{"_step": 0, "loss": 0.5, "lr": 0.1}, {"_step": 1, "loss": None}]])
    [{'_step': 0, 'loss': 0.5}]
    """
    columns = plan.columns
    objects: Iterable[Row]
    if plan.field == "sampledHistory":
        if plan.join == "outer":
            return _joined(plan, sent)
        rows = as_requested(sent, columns or ())
        if rows is not None:
            return rows
        objects = chain.from_iterable(_samples(sent, len(plan.specs)))
    else:
        objects = _decoded_objects(sent)
    if plan.keys is None or columns is None:
        x_axis = plan.x_axis
        if "." in x_axis:
            objects = (with_nested(row, x_axis) for row in objects)
        return _present(list(objects))
    if plan.stream == "default":
        rows = [pick_all(row, columns) for row in objects]
        return _present([row for row in rows if len(row) == len(columns)])
    return read_machine_rows(plan, sent).rows


class FoundNames(NamedTuple):
    """Which columns runs lack in all of their rows, and what they have.

    Attributes:
        run_id: The first of the runs.
        missing: The columns that no row has.
        names: The names of all metrics, as far as the rows tell them.
        runs: How many runs they are.
    """

    run_id: str
    missing: frozenset[str]
    names: frozenset[str]
    runs: int = 1

    def merged(self, other: FoundNames) -> FoundNames:
        """What these runs and others lack."""
        return FoundNames(
            self.run_id,
            self.missing & other.missing,
            self.names | other.names,
            self.runs + other.runs,
        )


def names_in_rows(plan: HistoryPlan, run_id: str, rows: list[Row]) -> FoundNames | None:
    """Which columns a run lacks although it has rows; None where that cannot be, or without rows.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> plan = plan_histories(keys=["loss", "acuracy"], join="outer")
    >>> names_in_rows(plan, "r1", [{"_step": 0, "loss": 1}]).missing
    frozenset({'acuracy'})
    """
    left = {*plan.columns_to_find}
    if not (rows and left):
        return None
    for row in rows:
        left -= row.keys()
        if not left:
            break
    names = frozenset[str]() if plan.keys or not left else frozenset[str]().union(*rows)
    return FoundNames(run_id, frozenset(left), names)


class MachineRows(NamedTuple):
    """Machine metrics of one run, sampled for each key.

    Attributes:
        rows: The sample.
        most_rows: How many rows the key has that has most of them.
        missing: The columns that no row has.
        names: The names of all metrics; none where there is no row.
    """

    rows: list[Row]
    most_rows: int
    missing: frozenset[str]
    names: frozenset[str]

    def names_of(self, run_id: str) -> FoundNames | None:
        """What the run lacks, and has; None where it has no machine metrics."""
        return FoundNames(run_id, self.missing, self.names) if self.names else None


def read_machine_rows(plan: HistoryPlan, sent: object) -> MachineRows:
    """Decode all rows of machine metrics, and sample those of each key, as `read_rows` does.

    Raises:
        ValueError: As of `read_rows`.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> plan = plan_histories(1, ["system.cpu", "system.gpuu"], stream="system")
    >>> lines = ['{"_runtime": 1, "system.cpu": 2}', '{"_runtime": 2, "system.cpu": 3}']
    >>> read = read_machine_rows(plan, lines)
    >>> read.rows, read.most_rows, read.missing, sorted(read.names)
    ([{'_runtime': 1, 'system.cpu': 2}], 2, frozenset({'system.gpuu'}), ['_runtime', 'system.cpu'])
    """
    columns = plan.columns or ()
    rows: list[Row] = []
    names: set[str] = set()
    for row in _decoded_objects(sent):
        names.update(row)
        rows.append(pick_all(row, columns))
    # A row with the x axis alone counts only where it is the only key.
    keys = set(plan.keys or ()) - {plan.x_axis} or {plan.x_axis}
    places = {key: [place for place, row in enumerate(rows) if key in row] for key in keys}
    drawn = {found[at] for found in places.values() for at in spread(len(found), plan.samples)}
    missing = frozenset(name for name in columns if not any(name in row for row in rows))
    return MachineRows(
        _present([rows[place] for place in sorted(drawn)]),
        max(map(len, places.values())),
        missing - names,  # a metric of which all values are null is no unknown one
        frozenset(names),
    )


def decode_rows(sent: object) -> list[Row]:
    """Decode the rows of `history` or `events`, each a JSON document.

    Args:
        sent: A list of strings; null, and null among them, is skipped.

    Returns:
        The rows, without null values, and with floats for the texts of NaN and the infinities.

    Raises:
        ValueError: Not a list of JSON objects; the message names the row.

    >>> decode_rows(['{"_step": 0, "loss": "NaN"}', None, '{"_step": 1, "loss": null}'])
    [{'_step': 0, 'loss': nan}, {'_step': 1}]
    """
    return _present(list(_decoded_objects(sent)))


def rows_with_all(rows: Iterable[Row], keys: Sequence[str]) -> list[Row]:
    """Keep the rows that hold all keys, with `_step` and the keys only.

    Equal to W&B's `scan_history(keys=...)`.

    >>> rows_with_all([{"_step": 0, "loss": 1, "lr": 2}, {"_step": 1, "lr": 2}], ["loss"])
    [{'_step': 0, 'loss': 1}]
    >>> rows_with_all([{"_step": 0, "train": {"loss": 1}}], ["train.loss"])
    [{'_step': 0, 'train.loss': 1}]
    """
    columns = dict.fromkeys(("_step", *keys))
    required = set(keys)
    picked = (pick_all(row, columns) for row in rows)
    return _present([row for row in picked if required <= row.keys()])


def keys_with_rows(plan: HistoryPlan, sent: object) -> frozenset[str]:
    """The keys of an outer join of which a run has a row; none where that cannot be read.

    >>> from wandb_runs.frames.plan import plan_histories
    >>> plan = plan_histories(keys=["loss", "accuracy"], join="outer")
    >>> keys_with_rows(plan, [[{"_step": 0, "loss": 1}], []])
    frozenset({'loss'})
    """
    try:
        samples = [list(sample) for sample in _samples(sent, len(plan.specs))]
    except ValueError:
        return frozenset()
    return frozenset(
        key
        for key, sample in zip(plan.keys or (), samples, strict=False)
        if any(pick(row, key) is not None for row in sample)
    )


def sampled(sent: object, specs: int) -> list[object]:
    """The value of `sampledHistory`, checked to be a list for each spec; empty for null.

    Joined rows stand for as many lists as they have keys.

    Raises:
        ValueError: It is not.
    """
    samples = _items(sent, "sampledHistory")
    if samples:
        held = sum(len(each.keys) if isinstance(each, JoinedRows) else 1 for each in samples)
        if held != specs:
            raise ValueError(f"sampledHistory holds {held} lists for {specs} specs")
    return samples


def spread(total: int, samples: int) -> Iterable[int]:
    """The positions of an even sample: the first, the last, and others evenly between them.

    Of `total` rows, `samples` are at `i * (total - 1) // (samples - 1)`, as the local server
    samples; W&B does not say how it does.

    >>> [*spread(10, 4)], [*spread(2, 4)], [*spread(10, 1)]
    ([0, 3, 6, 9], [0, 1], [0])
    """
    if total <= samples:
        return range(total)
    if samples == 1:
        return range(1)
    return (place * (total - 1) // (samples - 1) for place in range(samples))


def make_floats(rows: Iterable[Row]) -> None:
    """Replace the texts of NaN and the infinities by floats, in place; nested values stay.

    >>> row = {"loss": "NaN", "note": "none", "inner": ["NaN"]}
    >>> make_floats([row])
    >>> row
    {'loss': nan, 'note': 'none', 'inner': ['NaN']}
    """
    for row in rows:
        for name, value in row.items():
            if isinstance(value, str) and value in NON_FINITE:
                row[name] = NON_FINITE[value]


def with_nested(row: Row, key: str) -> Row:
    """A whole row, with a nested value under its whole name where it has one.

    >>> with_nested({"train": {"loss": "NaN"}}, "train.loss")
    {'train.loss': nan, 'train': {'loss': 'NaN'}}
    """
    if row.get(key) is not None:
        return row
    value = pick(row, key)
    if isinstance(value, str):
        value = NON_FINITE.get(value, value)
    return row if value is None else {key: value} | row | {key: value}


def _odd_types(rows: list[Row]) -> set[type]:
    """The types of all values; none where all are finite numbers or booleans, the common case."""
    return set() if _all_finite(rows) else set(map(type, _values(rows)))


def _all_finite(rows: Iterable[Row]) -> bool:
    """Whether all values are finite numbers or booleans; may be False although they are."""
    try:
        # `sum` is the fastest loop over values. It adds numbers only, and a sum with NaN or an
        # infinity is not finite. A sum that overflows is the case of a wrong False.
        return isfinite(sum(cast("Iterable[float]", _values(rows))))
    except (TypeError, OverflowError):
        return False


def as_requested(sent: object, columns: tuple[str, ...]) -> list[Row] | None:
    """The one list of rows as it is, if each row has just these columns and no null.

    The common case; without a loop in Python. Texts of NaN and the infinities become floats.

    >>> as_requested([[{"_step": 0, "loss": "NaN"}]], ("_step", "loss"))
    [{'_step': 0, 'loss': nan}]
    """
    match sent:
        case [list()]:
            rows = cast("list[list[Row]]", sent)[0]
        case _:
            return None
    try:
        # The names of the first row: most decoders share them among rows, and they compare fastest.
        names = [*rows[0]]
        if tuple(names) != columns:
            return None
        # No row repeats a name, so a missing one cannot be compensated by another row.
        if [*chain.from_iterable(rows)] != names * len(rows):
            return None
        types = _odd_types(rows)
    except (IndexError, TypeError):  # no rows, or items that are no rows
        return None
    if NoneType in types:
        return None
    if str in types:
        make_floats(rows)
    return rows


def _values(rows: Iterable[Row]) -> Iterator[JSONValue]:
    return chain.from_iterable(map(dict[str, "JSONValue"].values, rows))


def _samples(sent: object, specs: int) -> Iterator[Iterator[Row]]:
    for index, sample in enumerate(sampled(sent, specs)):
        where = f"sampledHistory[{index}]"
        yield _objects(_items(sample, where), f"{where}, row")


def _joined(plan: HistoryPlan, sent: object) -> list[Row]:
    keys = plan.keys or ()

    def read(index: int, sample: object) -> Iterator[Row]:
        where = f"sampledHistory[{index}]"
        return _objects(_items(sample, where), f"{where}, row")

    samples = sampled(sent, len(keys))
    match samples:
        case [JoinedRows(rows=rows)]:
            return rows
        case _:
            return _present(join_by_step(keys, samples, plan.x_axis, read))


def _decoded_objects(sent: object) -> Iterator[Row]:
    return _objects(_decoded(_items(sent, "the history")), "row")


def _items(sent: object, where: str) -> list[object]:
    if sent is None:
        return []
    if sent is UNREADABLE or sent == [UNREADABLE]:
        raise ValueError(f"{where} holds {UNREADABLE}")
    if not isinstance(sent, list):
        raise ValueError(f"{where} is {_type(sent)} where a list was expected")  # noqa: TRY004 - a malformed answer, not a wrong argument
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
            raise ValueError(  # noqa: TRY004 - a malformed answer
                f"{where} {index} is {_type(item)} where an object was expected"
            )
        yield cast("Row", item)  # from a JSON decoder


def _present(rows: list[Row]) -> list[Row]:
    types = _odd_types(rows)
    if NoneType in types:
        rows = [{name: value for name, value in row.items() if value is not None} for row in rows]
    if str in types:
        make_floats(rows)
    return rows


def _type(value: object) -> str:
    return type(value).__name__

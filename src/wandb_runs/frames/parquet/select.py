# The stubs of pyarrow leave open what its containers hold.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""Which rows and columns of a table a call wants, by the rules of its join."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

from wandb_runs.frames.outer import join_by_step
from wandb_runs.frames.parquet.arrow_part import ArrowPart, has_values, part_of
from wandb_runs.frames.parquet.arrow_rows import ArrowRows
from wandb_runs.frames.parquet.footer import STEP
from wandb_runs.graphql.nested import outer_keys, pick
from wandb_runs.graphql.scalars import NON_FINITE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    import pyarrow as pa

    from wandb_runs.frames.parquet.footer import StepRange
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.scalars import JSONValue

    AnyArray: TypeAlias = "pa.ChunkedArray[Any]"

__all__ = [
    "divided_at_last_step",
    "is_ascending",
    "merged",
    "select_columns",
    "select_rows",
    "within",
]


def within(table: pa.Table, steps: StepRange) -> pa.Table:
    """The rows of some steps, with the steps as 64-bit integers, in their order.

    Rows of one step keep theirs.

    Raises:
        ValueError: A row has no step.
    """
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import
    from pyarrow import compute  # noqa: PLC0415

    column = table.column(STEP)
    if column.null_count:
        raise ValueError("it has a row without a step")
    if not pa.types.is_int64(column.type):
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise ValueError(f"a step is no integer: {error}") from None
        table = table.set_column(table.schema.get_field_index(STEP), STEP, column)
    if not len(column):
        return table
    least, most = compute.min(column).as_py(), compute.max(column).as_py()
    if least < steps.first or not (steps.stop is None or most < steps.stop):
        mask = compute.greater_equal(column, pa.scalar(steps.first))
        if steps.stop is not None:
            mask = compute.and_(mask, compute.less(column, pa.scalar(steps.stop)))
        table = table.filter(mask)
        column = table.column(STEP)
    if not is_ascending(column):
        table = table.take(compute.sort_indices(table, sort_keys=[(STEP, "ascending")]))
    return table


def merged(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of several tables, in the order of their steps; those of one step as given.

    Raises:
        ValueError: A column has values of kinds that no type of Arrow holds together.
    """
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import
    from pyarrow import compute  # noqa: PLC0415

    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise ValueError(f"files that overlap have columns of several kinds: {error}") from None
    column = table.column(STEP)
    if is_ascending(column):
        return table
    return table.take(compute.sort_indices(table, sort_keys=[(STEP, "ascending")]))


def is_ascending(column: AnyArray, *, strictly: bool = False) -> bool:
    """Whether each step is at least the one before, or greater."""
    from pyarrow import compute  # noqa: PLC0415 - an optional library, and a slow import

    if len(column) < 2:  # noqa: PLR2004 - one step is in any order
        return True
    compare = compute.greater if strictly else compute.greater_equal
    return bool(compute.all(compare(column.slice(1), column.slice(0, len(column) - 1))).as_py())


def select_rows(table: pa.Table, plan: HistoryPlan) -> ArrowRows:
    """The rows and columns that a call wants, by the rules of its join.

    Without keys: all of them. With keys, those of an inner join hold all keys and the x axis,
    those of an outer join the x axis and any key.

    Args:
        table: The rows of a file, or of a part of one, in the order of their steps.
        plan: The arguments of the call.

    Raises:
        ValueError: A column holds what JSON cannot stand for.
    """
    columns = plan.columns
    if columns is None or plan.keys is None:
        names = table.column_names
        parts = {name: part_of(name, table.column(name)) for name in names}
        if "." in plan.x_axis:
            parts = parts | {plan.x_axis: _picked(table, plan.x_axis)}
        return ArrowRows(
            {name: part for name, part in parts.items() if has_values(part)}, len(table)
        )
    if plan.join == "outer" and not is_ascending(table.column(STEP), strictly=True):
        return _joined(table, plan)
    picked = {name: _picked(table, name) for name in columns}
    if plan.join == "inner":
        needed = [_valid(part) for part in picked.values()]
        return _kept(picked, needed, [])
    axis = [] if plan.x_axis == STEP else [_valid(picked[plan.x_axis])]
    return _kept(picked, axis, [_valid(picked[key]) for key in plan.keys])


def select_columns(table: pa.Table, names: Iterable[str]) -> ArrowRows:
    """All rows, with the values of some keys, flat or nested.

    Args:
        table: The rows of a file, or of a part of one.
        names: The keys.

    Raises:
        ValueError: A column holds what JSON cannot stand for.
    """
    return ArrowRows({name: _picked(table, name) for name in names}, len(table))


def divided_at_last_step(table: pa.Table) -> tuple[pa.Table, pa.Table, int]:
    """The rows before those of the last step, those of the last step, and that step.

    Args:
        table: Rows in the order of their steps, at least one.
    """
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import
    from pyarrow import compute  # noqa: PLC0415

    column = table.column(STEP)
    last = cast("int", column[len(column) - 1].as_py())
    at = compute.index(column, pa.scalar(last, pa.int64())).as_py()
    # Copied, since a slice would keep the memory of all rows.
    return table.slice(0, at), table.take(pa.array(range(at, len(table)), pa.int64())), last


def _picked(table: pa.Table, key: str) -> ArrowPart | list[JSONValue]:
    """The values of a key, flat or nested."""
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import

    holders = [name for name in outer_keys((key,)) or () if table.schema.get_field_index(name) >= 0]
    if not holders:
        missing: list[JSONValue] = [None] * len(table)
        return missing
    if len(holders) == 1:
        array = table.column(holders[0])
        for name in key[len(holders[0]) + 1 :].split(".") if holders[0] != key else ():
            if not pa.types.is_struct(array.type) or name not in _fields(array.type):
                break
            array = _field(array, name)
        else:
            if holders[0] == key or not _has_dots(table.column(holders[0]).type):
                return part_of(key, array)
    columns = [(name, list(part_of(name, table.column(name)))) for name in holders]
    found = [
        pick({name: values[at] for name, values in columns if values[at] is not None}, key)
        for at in range(len(table))
    ]
    return [NON_FINITE.get(value, value) if isinstance(value, str) else value for value in found]


def _fields(kind: object) -> list[str]:
    struct = cast("pa.StructType", kind)
    return [struct.field(at).name for at in range(struct.num_fields)]


def _has_dots(kind: object) -> bool:
    """Whether the name of a field inside has a dot, so that a key may mean several."""
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import

    if not pa.types.is_struct(cast("pa.DataType", kind)):
        return False
    struct = cast("pa.StructType", kind)
    fields = [struct.field(at) for at in range(struct.num_fields)]
    return any("." in each.name or _has_dots(each.type) for each in fields)


def _field(array: AnyArray, name: str) -> AnyArray:
    from pyarrow import compute  # noqa: PLC0415 - an optional library, and a slow import

    return cast("AnyArray", compute.struct_field(array, name))


def _valid(part: ArrowPart | list[JSONValue]) -> AnyArray:
    """Which rows have a value."""
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import
    from pyarrow import compute  # noqa: PLC0415

    if isinstance(part, ArrowPart):
        return cast("AnyArray", compute.is_valid(part.array))
    return pa.chunked_array([pa.array([value is not None for value in part], pa.bool_())])


def _kept(
    picked: Mapping[str, ArrowPart | list[JSONValue]],
    needed: Sequence[AnyArray],
    any_of: Sequence[AnyArray],
) -> ArrowRows:
    """The rows for which all of some conditions hold, and one of others where there are any."""
    from pyarrow import compute  # noqa: PLC0415 - an optional library, and a slow import

    mask: AnyArray | None = None
    for condition in any_of:
        mask = condition if mask is None else cast("AnyArray", compute.or_(mask, condition))
    for condition in needed:
        mask = condition if mask is None else cast("AnyArray", compute.and_(mask, condition))
    length = len(next(iter(picked.values()))) if picked else 0
    if mask is None or compute.all(mask).as_py():
        return ArrowRows(picked, length)
    chosen = cast("list[bool]", mask.to_pylist())
    kept: dict[str, ArrowPart | list[JSONValue]] = {}
    for name, part in picked.items():
        if isinstance(part, ArrowPart):
            kept[name] = part.filtered(mask)
        else:
            kept[name] = [value for value, keep in zip(part, chosen, strict=True) if keep]
    return ArrowRows(kept, sum(chosen))


def _joined(table: pa.Table, plan: HistoryPlan) -> ArrowRows:
    """The outer join of rows of which some have the same step."""
    keys, axis = plan.keys or (), plan.x_axis
    parts = {name: list(_picked(table, name)) for name in dict.fromkeys((STEP, axis, *keys))}
    samples: list[object] = [_sample(parts, (STEP, axis, key)) for key in keys]
    rows = join_by_step(keys, samples, axis, lambda _, sample: cast("Iterable[Row]", sample))
    names = plan.columns or ()
    return ArrowRows({name: [row.get(name) for row in rows] for name in names}, len(rows))


def _sample(parts: Mapping[str, list[JSONValue]], names: Sequence[str]) -> list[Row]:
    """The rows that have a value for each of some names."""
    own = dict.fromkeys(names)
    values = zip(*(parts[name] for name in own), strict=True)
    return [dict(zip(own, each, strict=True)) for each in values if None not in each]

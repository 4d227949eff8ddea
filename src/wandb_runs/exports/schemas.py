# The stubs of pyarrow leave open what its containers hold.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""One schema for all files of a dataset, so that every reader opens them without an option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import compute

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["conform", "unify"]

_FIRST: Final = ("_step", "_runtime", "_timestamp")
_LAST: Final = "run_id"


def unify(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """The schema that has the columns of all of some, in one order.

    Integers beside floats become floats; what else differs becomes text.

    >>> one = pa.schema([("_step", pa.int64()), ("loss", pa.int64()), ("run_id", pa.string())])
    >>> two = pa.schema([("_step", pa.int64()), ("acc", pa.bool_()), ("loss", pa.float64())])
    >>> unify([one, two]).names
    ['_step', 'acc', 'loss', 'run_id']
    >>> str(unify([one, two]).field("loss").type)
    'double'
    """
    types: dict[str, pa.DataType] = {}
    for schema in schemas:
        for field in schema:
            known = types.get(field.name)
            types[field.name] = field.type if known is None else _common(known, field.type)
    names = sorted(types, key=lambda name: (_rank(name), name))
    return pa.schema([(name, types[name]) for name in names])


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table with the columns of a schema: null where it lacks one."""
    columns: list[pa.ChunkedArray[Any]] = []
    for field in schema:
        at = table.schema.get_field_index(field.name)
        if at < 0:
            columns.append(pa.chunked_array([pa.nulls(len(table), field.type)]))
            continue
        column = table.column(at)
        if column.type != field.type:
            column = compute.cast(column, field.type)
        columns.append(column)
    return pa.table(columns, schema=schema)


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other:
        return one
    if pa.types.is_null(one) or pa.types.is_null(other):
        return other if pa.types.is_null(one) else one
    numbers = [pa.types.is_integer(each) or pa.types.is_floating(each) for each in (one, other)]
    return pa.float64() if all(numbers) else pa.large_string()


def _rank(name: str) -> int:
    if name in _FIRST:
        return _FIRST.index(name)
    return len(_FIRST) + (name == _LAST)

# The stubs of pyarrow leave open what its containers hold.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""Columns of Arrow as the values of JSON that they stand for."""

from __future__ import annotations

from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from wandb_runs.graphql.scalars import NON_FINITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Literal

    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from wandb_runs.graphql.scalars import JSONValue

    AnyArray: TypeAlias = "pa.ChunkedArray[Any]"

__all__ = ["ArrowPart", "has_values", "part_of"]

_NON_FINITE: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
"""What W&B has inside of lists and objects, by what Python calls it."""


class ArrowPart:
    """Values of consecutive rows in Arrow's memory: 64-bit integers, floats, booleans or text.

    Args:
        array: The values.
        kind: The type of Python that they have.

    Attributes:
        array: The values.
        types: The types of Python that they have, None for missing ones.
    """

    __slots__ = ("_kind", "array", "types")

    def __init__(self, array: AnyArray, kind: type[int | float | bool | str]) -> None:
        self.array: AnyArray = array
        self._kind = kind
        has_missing = array.null_count > 0
        has_values = array.null_count < len(array)
        self.types: set[type] = ({kind} if has_values else set()) | (
            {NoneType} if has_missing else set()
        )

    def has_no(self, kind: type) -> bool:
        """Whether no value is of a type of Python."""
        return kind not in self.types

    def filtered(self, mask: AnyArray) -> ArrowPart:
        """The values of some rows."""
        return ArrowPart(self.array.filter(mask), self._kind)

    def numbers(self, dtype: Literal["int64", "float64"]) -> NDArray[np.int64 | np.float64]:
        """The values in NumPy, NaN for missing ones among floats."""
        import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import

        kind = pa.int64() if dtype == "int64" else pa.float64()
        # As NumPy does: an integer past 2**53 may be rounded where it stands beside floats.
        array = self.array.cast(kind, safe=dtype == "int64")
        return cast("NDArray[np.int64 | np.float64]", array.to_numpy())

    def bounds(self) -> tuple[int, int]:
        """The least and the greatest of integers, of which there is one."""
        from pyarrow import compute  # noqa: PLC0415 - an optional library, and a slow import

        return compute.min(self.array).as_py(), compute.max(self.array).as_py()

    def series(self) -> pl.Series:
        """The values in polars."""
        import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

        return cast("pl.Series", pl.from_arrow(self.array))

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.array)

    def __iter__(self) -> Iterator[JSONValue]:
        """The values, None for missing ones."""
        return iter(cast("list[JSONValue]", self.array.to_pylist()))


def has_values(part: ArrowPart | list[JSONValue]) -> bool:
    """Whether any row has a value."""
    if isinstance(part, ArrowPart):
        return part.array.null_count < len(part)
    return any(value is not None for value in part)


def part_of(name: str, array: AnyArray) -> ArrowPart | list[JSONValue]:
    """The values of a column of Arrow as JSON has them, in Arrow's memory where that is the same.

    Integers and floats of all sizes count as 64-bit ones; the texts of NaN and the infinities are
    floats. Structs and maps are objects; fields of theirs that are null are left out, since every
    struct of a column has all fields. NaN and the infinities are texts in lists and objects, as in
    a history that comes as JSON. Instants are ISO 8601.

    Args:
        name: The column's name, for messages.
        array: The values.

    Raises:
        ValueError: It holds what JSON cannot stand for.
    """
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import
    from pyarrow import types  # noqa: PLC0415

    kind = array.type
    if types.is_dictionary(kind):
        array = array.cast(kind.value_type)
        kind = array.type
    if types.is_boolean(kind):
        return ArrowPart(array, bool)
    if types.is_integer(kind):
        if types.is_uint64(kind):
            return _unsigned(array)
        return ArrowPart(array if types.is_int64(kind) else array.cast(pa.int64()), int)
    if types.is_floating(kind):
        return ArrowPart(array if types.is_float64(kind) else array.cast(pa.float64()), float)
    if types.is_binary(kind) or types.is_large_binary(kind):
        try:
            array = array.cast(pa.large_string())
        except pa.ArrowInvalid:
            raise ValueError(f"column {name!r} holds bytes that are no text") from None
        kind = array.type
    if types.is_string(kind) or types.is_large_string(kind):
        return _text(array)
    read = _reader(name, kind)
    values = cast("list[object]", array.to_pylist())
    return [None if value is None else read(value) for value in values]


def _unsigned(array: AnyArray) -> ArrowPart | list[JSONValue]:
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import

    try:
        return ArrowPart(array.cast(pa.int64()), int)
    except pa.ArrowInvalid:  # past 63 bits
        return cast("list[JSONValue]", array.to_pylist())


def _text(array: AnyArray) -> ArrowPart | list[JSONValue]:
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import
    from pyarrow import compute  # noqa: PLC0415

    non_finite = compute.is_in(array, value_set=pa.array([*NON_FINITE], array.type))
    if not compute.any(non_finite).as_py():
        return ArrowPart(array, str)
    values = cast("list[str | None]", array.to_pylist())
    return [NON_FINITE.get(value, value) if value is not None else None for value in values]


def _reader(name: str, kind: pa.DataType) -> Callable[[object], JSONValue]:
    """Makes what JSON has of a value of a type of Arrow, as pyarrow gives it in Python.

    The type tells an empty map, which is an object, from an empty list.
    """
    from pyarrow import types  # noqa: PLC0415 - an optional library, and a slow import

    if types.is_struct(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        readers = {field.name: _reader(name, field.type) for field in fields}
        return lambda value: _object(cast("dict[str, object]", value).items(), readers.__getitem__)
    if types.is_map(kind):
        read_item = _reader(name, cast("pa.MapType[Any, Any]", kind).item_type)
        return lambda value: _object(cast("list[tuple[str, object]]", value), lambda _: read_item)
    if types.is_dictionary(kind):
        return _reader(name, cast("pa.DictionaryType[Any, Any]", kind).value_type)
    if hasattr(kind, "value_type"):
        read = _reader(name, cast("pa.ListType[Any]", kind).value_type)
        return lambda value: [
            None if each is None else read(each) for each in cast("list[object]", value)
        ]
    return partial(_plain, name)


def _object(
    items: Iterable[tuple[str, object]], reader_of: Callable[[str], Callable[[object], JSONValue]]
) -> JSONValue:
    return {str(key): reader_of(key)(value) for key, value in items if value is not None}


def _plain(name: str, value: object) -> JSONValue:
    """A value inside of another one as JSON has it, with the texts that W&B has there for NaN."""
    if isinstance(value, str | int | float):
        return _NON_FINITE.get(str(value), value) if isinstance(value, float) else value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ValueError(f"column {name!r} holds bytes that are no text") from None
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return str(isoformat())
    raise ValueError(f"column {name!r} holds {type(value).__name__}, which is none of JSON's types")

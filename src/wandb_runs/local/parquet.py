"""Writes rows to a Parquet file, by pyarrow, which is optional."""

from __future__ import annotations

import io
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol, cast

from wandb_runs.local.documents import read_object
from wandb_runs.local.kinds import (
    SPELLED,
    Kind,
    ListKind,
    ObjectKind,
    ScalarKind,
    UnfitError,
    check_name,
    joined,
    kind_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.tables import Scalar

__all__ = ["Draft", "can_write"]

_STEP: Final = "_step"
_INT64: Final = 2**63
_GROUPS: Final = 4
"""Row groups of a full file: a reader of a range of steps skips those outside of it."""

_TEXT: Final = 32 * 2**20
"""What the rows of a file have in JSON at most, in characters, to bound what is in memory."""


class _Type(Protocol):
    """A type of pyarrow."""


class _Array(Protocol):
    """An array of pyarrow."""


class _Schema(Protocol):
    """A schema of pyarrow."""


class _Table(Protocol):
    """A table of pyarrow."""


class _Writer(Protocol):
    """`pyarrow.parquet.ParquetWriter`."""

    def write_table(self, table: _Table, /) -> None: ...
    def close(self) -> None: ...


class _WriterType(Protocol):
    def __call__(
        self, where: io.BytesIO, schema: _Schema, *, use_dictionary: list[str]
    ) -> _Writer: ...


class _TableType(Protocol):
    def from_arrays(self, arrays: Sequence[_Array], *, schema: _Schema) -> _Table: ...


class _Arrow(Protocol):
    """What is used of the module `pyarrow`, which has no types of its own."""

    Table: _TableType

    def bool_(self) -> _Type: ...
    def int64(self) -> _Type: ...
    def float64(self) -> _Type: ...
    def string(self) -> _Type: ...
    def list_(self, item: _Type, /) -> _Type: ...
    def map_(self, key: _Type, item: _Type, /) -> _Type: ...
    def struct(self, fields: Mapping[str, _Type], /) -> _Type: ...
    def schema(self, fields: Mapping[str, _Type], /) -> _Schema: ...
    def array(self, values: Sequence[object], /, *, type: _Type) -> _Array: ...  # noqa: A002 - as there


class _Parquet(Protocol):
    """What is used of the module `pyarrow.parquet`."""

    ParquetWriter: _WriterType


def can_write() -> bool:
    """Whether the library is installed that writes files."""
    return find_spec("pyarrow") is not None


class Draft:
    """The rows of a file that is to be written, each step whole.

    Rows are held as their texts and decoded twice, first for the kinds of columns: what is in
    memory is a file's text and the values of one row group.

    Args:
        most: How many rows the file has at most, unless one step has more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kinds: dict[str, Kind] = {}
        self._texts: list[str] = []
        self._size = 0

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, step: Scalar, texts: Sequence[str]) -> bool:
        """Add the rows of a step, the next one; return whether they were added.

        They are not where the file is full, or where a value of theirs fits no column.
        """
        size = sum(map(len, texts))
        if self._texts and (len(self) + len(texts) > self._most or self._size + size > _TEXT):
            return False
        kinds = dict[str, Kind]()
        try:
            for text in texts:
                self._learn(step, read_object(text), kinds)
        except UnfitError:
            return False
        self._kinds |= kinds
        self._texts += texts
        self._size += size
        return True

    def _learn(self, step: Scalar, row: JSONObject, kinds: dict[str, Kind]) -> None:
        found = row.get(_STEP)
        # A step that the server has given is in no row that `history` answers.
        if isinstance(found, bool) or found != step or int(step) != step:
            raise UnfitError("a row without its step")
        if not -_INT64 <= int(step) < _INT64:
            raise UnfitError("a step beyond 64 bits")
        for key, value in row.items():
            held = kinds.get(key) or self._kinds.get(key)
            if (value is None or key == _STEP) or (
                held is ScalarKind.FLOAT and type(value) is float
            ):
                continue
            kind = kind_of(value)
            kinds[check_name(key)] = kind if held is None else joined(held, kind)

    def write(self) -> bytes:
        """Write the rows that were added, which are some."""
        arrow, parquet = _libraries()
        types = {_STEP: arrow.int64()}
        types |= {key: _type(kind, arrow) for key, kind in sorted(self._kinds.items())}
        schema = arrow.schema(types)
        content = io.BytesIO()
        texts = [key for key, kind in self._kinds.items() if kind is ScalarKind.TEXT]
        writer = parquet.ParquetWriter(content, schema, use_dictionary=texts)
        size = -(-self._most // _GROUPS)
        for start in range(0, len(self._texts), size):
            rows = [read_object(text) for text in self._texts[start : start + size]]
            arrays = [
                arrow.array(_column(rows, key, self._kinds.get(key)), type=type_)
                for key, type_ in types.items()
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
        writer.close()
        return content.getvalue()


@cache
def _libraries() -> tuple[_Arrow, _Parquet]:
    # Late: it takes half a second, and most servers are asked for no file.
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    return cast("_Arrow", arrow), cast("_Parquet", parquet)


def _column(rows: Iterable[JSONObject], key: str, kind: Kind | None) -> list[object]:
    """The values of a column; without a kind that of the steps."""
    values = [row.get(key) for row in rows]
    if kind is None:
        return [int(step) for step in values if isinstance(step, int | float)]
    if kind is ScalarKind.FLOAT:
        return [value if type(value) is float else _fitted(value, kind) for value in values]
    if isinstance(kind, ScalarKind):
        return [*values]
    return [_fitted(value, kind) for value in values]


def _type(kind: Kind, arrow: _Arrow) -> _Type:
    match kind:
        case ListKind():
            return arrow.list_(_type(kind.item, arrow))
        case ObjectKind() if kind.fields:
            fields = sorted(kind.fields.items())
            return arrow.struct({name: _type(each, arrow) for name, each in fields})
        case ObjectKind():
            # Parquet has no struct without fields; a map without entries is an empty object, too.
            return arrow.map_(arrow.string(), arrow.float64())
        case ScalarKind():
            return _scalar_type(kind, arrow)


def _scalar_type(kind: ScalarKind, arrow: _Arrow) -> _Type:
    match kind:
        case ScalarKind.BOOL:
            return arrow.bool_()
        case ScalarKind.INTEGER | ScalarKind.LONG:
            return arrow.int64()
        case ScalarKind.TEXT | ScalarKind.SPELLED:
            return arrow.string()
        case ScalarKind.FLOAT | ScalarKind.NULL:
            return arrow.float64()


def _fitted(value: JSONValue, kind: Kind) -> object:
    """A value as its column takes it."""
    match kind:
        case ScalarKind.FLOAT:
            if isinstance(value, str):
                return SPELLED[value]
            return None if value is None else float(cast("float", value))
        case ListKind() if isinstance(value, list):
            return [_fitted(each, kind.item) for each in value]
        case ObjectKind() if isinstance(value, dict):
            return {name: _fitted(each, kind.fields[name]) for name, each in value.items()}
        case _:
            return value

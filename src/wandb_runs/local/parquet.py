"""Writes rows to a Parquet file, by pyarrow, which is optional."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, cast

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
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.tables import Scalar

__all__ = ["Draft", "can_write"]

_STEP: Final = "_step"
_INT64: Final = 2**63
_GROUPS: Final = 4
"""Row groups of a full file: a reader of a range of steps skips those outside of it."""

_TEXT: Final = 32 * 2**20
"""What the rows of a file have in JSON at most, in characters, to bound what is in memory."""


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
        # Late: it takes half a second, and most servers are asked for no file.
        import pyarrow as pa  # noqa: PLC0415 - an optional library
        from pyarrow import parquet  # noqa: PLC0415

        types = {_STEP: pa.int64(), **{key: _type(self._kinds[key]) for key in sorted(self._kinds)}}
        schema = pa.schema([pa.field(key, each) for key, each in types.items()])
        texts = [key for key, kind in self._kinds.items() if kind is ScalarKind.TEXT]
        size = -(-self._most // _GROUPS)
        content = io.BytesIO()
        # The stubs of the library allow no list.
        with parquet.ParquetWriter(
            content,
            schema,
            use_dictionary=texts,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        ) as writer:
            for start in range(0, len(self._texts), size):
                rows = [read_object(text) for text in self._texts[start : start + size]]
                arrays = [
                    pa.array(_column(rows, key, self._kinds.get(key)), type=each)
                    for key, each in types.items()
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        return content.getvalue()


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


def _type(kind: Kind) -> pa.DataType:
    import pyarrow as pa  # noqa: PLC0415 - an optional library

    match kind:
        case ListKind():
            return pa.list_(_type(kind.item))
        case ObjectKind() if kind.fields:
            return pa.struct([(name, _type(each)) for name, each in sorted(kind.fields.items())])
        case ObjectKind():
            # Parquet has no struct without fields; a map without entries is an empty object, too.
            return pa.map_(pa.string(), pa.float64())
        case ScalarKind():
            return _scalar_type(kind)


def _scalar_type(kind: ScalarKind) -> pa.DataType:
    import pyarrow as pa  # noqa: PLC0415 - an optional library

    match kind:
        case ScalarKind.BOOL:
            return pa.bool_()
        case ScalarKind.INTEGER | ScalarKind.LONG:
            return pa.int64()
        case ScalarKind.TEXT | ScalarKind.SPELLED:
            return pa.string()
        case ScalarKind.FLOAT | ScalarKind.NULL:
            return pa.float64()


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

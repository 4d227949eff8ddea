"""Rows of all runs as columns, each of the narrowest kind that holds all its values."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import chain
from operator import itemgetter
from types import NoneType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from wandb_runs.errors import SchemaError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.frames.parquet.arrow_part import ArrowPart
from wandb_runs.frames.parquet.arrow_rows import ArrowRows
from wandb_runs.frames.plan import RUN_ID
from wandb_runs.frames.text import as_unicode, text_of
from wandb_runs.query.keys import is_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.scalars import JSONValue

__all__ = [
    "Column",
    "Form",
    "Kind",
    "Part",
    "Table",
    "Target",
    "rename_columns",
    "schema_error",
]

Part: TypeAlias = "array[float] | array[int] | list[JSONValue] | ArrowPart"
"""Values of consecutive rows: floats, 64-bit integers, any values, or those of a Parquet file."""

INT64 = range(-(2**63), 2**63)

FLOAT_INTEGERS: Final = range(-(2**53), 2**53 + 1)
"""Integers that a float holds, each of them; past these it rounds some."""

_BATCH: Final = 1_000
"""Rows converted to columns at once: enough to amortise a call, few enough for the CPU's cache."""


class Kind(Enum):
    """The kind of a column's values."""

    INTEGER = auto()
    """64-bit integers."""
    FLOAT = auto()
    """Numbers, including NaN and infinities."""
    BOOLEAN = auto()
    STRING = auto()
    NESTED = auto()
    """Lists and objects."""
    OBJECT = auto()
    """Any values, which a schema keeps as Python objects."""
    JSON = auto()
    """Anything else, as JSON: values of several kinds, larger integers, strings with lone
    surrogates."""


Form: TypeAlias = Literal["text", "json", "number", "object"]
"""What a schema makes of a column, where that decides how its values are written: text as it is,
each value as JSON, numbers, or Python objects."""


class Target(NamedTuple):
    """What the caller's schema asks of a column.

    Attributes:
        form: How its values are written.
        dtype: The dtype, for messages.
    """

    form: Form
    dtype: object


@dataclass(frozen=True, slots=True, repr=False)
class Column(FieldsRepr):
    """The values of one metric in all rows.

    Attributes:
        kind: The kind of the values.
        parts: The values, one per row, None where the row lacks the metric. Parts of an INTEGER or
            FLOAT column may be arrays. There is at least one part.
        has_missing: Whether there is any None.
    """

    kind: Kind
    parts: Sequence[Part]
    has_missing: bool


class Table:
    """Rows of all runs as columns. Rows are not kept, and numbers take 8 bytes each.

    Args:
        plan: The arguments of the call.
        run_id: Whether there will be a column `run_id`. If so, a metric of that name is renamed
            with trailing underscores.
        targets: What the caller's schema makes of columns, by name.

    Attributes:
        lengths: The id and the number of rows of each run, in the order of `add`.
        run_id: As given.
    """

    __slots__ = ("_builders", "_length", "_pending", "_plan", "_targets", "lengths", "run_id")

    def __init__(
        self, plan: HistoryPlan, *, run_id: bool, targets: Mapping[str, Target] | None = None
    ) -> None:
        self.lengths: list[tuple[str, int]] = []
        self.run_id: bool = run_id
        self._plan = plan
        self._targets = targets or {}
        self._builders: dict[str, _ColumnBuilder] = {}
        self._length = 0
        self._pending: list[Row] = []

    def add(self, run_id: str, rows: Sequence[Row] | ArrowRows) -> None:
        """Add the rows of one run, or some of them."""
        self.lengths.append((as_unicode(run_id), len(rows)))
        if isinstance(rows, ArrowRows):
            self._flush()
            for name, part in rows.columns.items():
                self._builder(name).extend_part(part)
            self._length += len(rows)
            return
        self._pending += rows
        if len(self._pending) >= _BATCH:
            self._flush()

    def columns(self) -> dict[str, Column]:
        """Remove and return the columns: the x axis, then the keys, or all others by name.

        A column without any value is INTEGER if it is `_step` as x axis, else FLOAT.

        Raises:
            SchemaError: A column holds values of another kind than its target's.
        """
        self._flush()
        builders, self._builders = self._builders, {}
        new_names = rename_columns(builders, reserved={RUN_ID} if self.run_id else set())
        x_axis = self._plan.x_axis
        builders = {new_names.get(name, name): each for name, each in builders.items()}
        columns: dict[str, Column] = {}
        for name in self._plan.columns or dict.fromkeys((x_axis, *sorted(builders))):
            each = builders.pop(name, None) or _ColumnBuilder()
            each.fill(self._length)
            default = Kind.INTEGER if name == x_axis == "_step" else Kind.FLOAT
            target = self._targets.get(name)
            if target is None:
                columns[name] = each.column(default)
                continue
            column = each.column_of(target.form, default)
            if column is None:
                raise _kind_error(name, target, [run_id for run_id, _ in self.lengths])
            columns[name] = column
        return columns

    def _flush(self) -> None:
        """Convert the pending rows to columns."""
        rows, self._pending = self._pending, []
        for name in self._plan.columns or dict.fromkeys(chain.from_iterable(rows)):
            try:
                values = list(map(itemgetter(name), rows))  # no loop in Python
            except KeyError:
                values = [row.get(name) for row in rows]
            self._builder(name).extend(values, set(map(type, values)))
        self._length += len(rows)

    def _builder(self, name: str) -> _ColumnBuilder:
        """The builder of a column, which has a value or None for each row so far."""
        builder = self._builders.get(name)
        if builder is None:
            builder = self._builders[name] = _ColumnBuilder()
        builder.fill(self._length)
        return builder


class _ColumnBuilder:
    """The values of one metric, None for rows without it; arrays for batches of numbers."""

    __slots__ = ("_length", "_parts", "_types")

    def __init__(self) -> None:
        self._length = 0
        self._parts: list[Part] = []
        self._types: set[type] = set()

    def fill(self, length: int) -> None:
        """Append None up to a number of rows, for earlier rows without the metric."""
        if length > self._length:
            self.extend([None] * (length - self._length), {NoneType})

    def extend(self, values: list[JSONValue], types: set[type]) -> None:
        """Add the values of the next rows, and the set of their types."""
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

    def extend_part(self, part: ArrowPart | list[JSONValue]) -> None:
        """Add the values of the next rows."""
        if isinstance(part, list):
            self.extend(part, set(map(type, part)))
        elif len(part):
            self._types |= part.types
            self._length += len(part)
            self._parts.append(part)

    def column(self, default: Kind) -> Column:
        """The column, of the kind that follows from its values; `default` if there are none."""
        types = self._types - {NoneType}
        has_missing = NoneType in self._types
        if not types:
            return Column(default, self._parts or [[]], has_missing)
        return Column(_kind(self._parts, types), self._parts, has_missing)

    def column_of(self, form: Form, default: Kind) -> Column | None:
        """The column of the kind that a schema asks for; None if its values are of another one."""
        types = self._types - {NoneType}
        has_missing = NoneType in self._types
        match form:
            case "json":
                return Column(Kind.JSON, self._parts or [[]], has_missing)
            case "object":
                return Column(Kind.OBJECT, self._parts or [[]], has_missing)
            case "text":
                try:
                    texts: list[JSONValue] = [*map(text_of, chain.from_iterable(self._parts))]
                except ValueError:
                    return None
                return Column(Kind.STRING, [texts], has_missing)
            case "number":
                if str in types:
                    return None
                if types != {bool} and types <= {bool, int, float}:
                    self._count_booleans()
                column = self.column(default)
                # Objects, since text of numbers would be converted without a look at them, and
                # integers beside floats be rounded before they are compared.
                is_other = column.kind in {Kind.JSON, Kind.NESTED} or (
                    column.kind is Kind.FLOAT
                    and int in types
                    and not all(map(_is_exact, column.parts))
                )
                return replace(column, kind=Kind.OBJECT) if is_other else column

    def _count_booleans(self) -> None:
        """Make booleans the integers 0 and 1, as which a dtype of numbers has them.

        Beside numbers they would make the column one of JSON, whose values no dtype takes.
        """
        if bool in self._types:
            self._types = self._types - {bool} | {int}
            self._parts = [
                part
                if isinstance(part, array) or (isinstance(part, ArrowPart) and part.has_no(bool))
                else [int(value) if isinstance(value, bool) else value for value in part]
                for part in self._parts
            ]


def rename_columns(names: Iterable[str], reserved: set[str]) -> dict[str, str]:
    """Map each name that a frame cannot have to one that is not taken."""
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


def schema_error(
    name: str, dtype: object, found: object, run_ids: Sequence[str], advice: str | None = None
) -> SchemaError:
    """The error for a column that does not fit the schema."""
    runs = list(dict.fromkeys(run_ids))
    where = f"run {runs[0]!r}" if len(runs) == 1 else f"the runs {runs[0]!r} to {runs[-1]!r}"
    return SchemaError(
        f"column {name!r} of {where} cannot be converted to the schema's {dtype} without loss: its "
        f"values are {found}; {advice or 'give it a wider dtype'}, or leave it out of the schema",
        column=name,
        run_ids=runs,
    )


def _kind_error(name: str, target: Target, run_ids: Sequence[str]) -> SchemaError:
    found = "text, some or all" if target.form == "number" else "not all text"
    advice = "give it 'json', for the JSON of each value"
    return schema_error(name, target.dtype, found, run_ids, advice)


def _packed(values: list[JSONValue], types: set[type]) -> Part:
    if types == {float}:
        # Faster than an array of the list itself.
        return array("d", struct.pack(f"{len(values)}d", *values))
    if types == {int}:
        try:
            return array("q", struct.pack(f"{len(values)}q", *values))
        except struct.error:  # past 64 bits
            return values
    return values


def _kind(parts: Sequence[Part], types: set[type]) -> Kind:
    if types <= {int, float}:
        if not all(map(_fits_64_bits, parts)):
            return Kind.JSON
        return Kind.FLOAT if float in types else Kind.INTEGER
    if types == {bool}:
        return Kind.BOOLEAN
    if types <= {list, dict}:
        return Kind.NESTED
    if types == {str} and all(
        is_unicode(value)
        for part in parts
        if not isinstance(part, ArrowPart)  # whose text is UTF-8
        for value in part
        if isinstance(value, str)
    ):
        return Kind.STRING
    return Kind.JSON


def _fits_64_bits(part: Part) -> bool:
    if isinstance(part, array | ArrowPart):
        return True
    integers = [value for value in part if isinstance(value, int)]
    return not integers or (min(integers) in INT64 and max(integers) in INT64)


def _is_exact(part: Part) -> bool:
    """Whether floats hold the integers among some values, of up to 64 bits, unchanged."""
    if isinstance(part, ArrowPart):
        if part.has_no(int):
            return True
        least, most = part.bounds()
    else:
        if isinstance(part, array) and part.typecode == "d":
            return True
        integers = [value for value in part if isinstance(value, int)]
        least, most = min(integers, default=0), max(integers, default=0)
    return (least in FLOAT_INTEGERS and most in FLOAT_INTEGERS) or all(
        float(value) == value for value in part if isinstance(value, int)
    )

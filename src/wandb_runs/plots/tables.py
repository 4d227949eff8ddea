"""What a chart reads: columns of a frame of pandas or polars, or of a list of dicts.

None, `<NA>` and `NaT` are missing values. NaN is a value that cannot be drawn, but in columns of
pandas, where it stands for a missing value as well.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast, runtime_checkable

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, did_you_mean

if TYPE_CHECKING:
    from wandb_runs.frames.pandas_types import DataFrame as PandasFrame
    from wandb_runs.frames.polars_types import DataFrame as PolarsFrame

__all__ = ["Cell", "Frame", "Table", "ids_of", "is_nan", "labels_of", "read_table"]

Frame: TypeAlias = "PandasFrame | PolarsFrame | Sequence[Mapping[str, object]]"
"""A frame of pandas or polars, or the list of dicts of the default format."""

Cell: TypeAlias = "str | int | float | bool | date | None"
"""A value as a chart takes it; None for a missing one."""

_MISSING: Final = ("NAType", "NaTType")
"""The types of missing values of pandas, which are no values of other types, but for isinstance."""


@runtime_checkable
class _Series(Protocol):
    def to_list(self) -> list[object]: ...


@runtime_checkable
class _Columns(Protocol):
    """What frames of pandas and polars have in common."""

    @property
    def columns(self) -> Iterable[str]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, name: str, /) -> object: ...


class Table:
    """The columns of a frame.

    Args:
        frame: The frame.
        argument: The argument that it was, for messages.

    Attributes:
        argument: The same.
        names: The names of the columns.
        is_pandas: Whether it is a frame of pandas.

    Raises:
        InvalidArgumentError: It is none.
    """

    def __init__(self, frame: object, argument: str) -> None:
        kind = type(frame)
        self.argument: str = argument
        self.names: list[str] = []
        self._rows: Sequence[Mapping[str, object]] = ()
        self._frame: _Columns | None = None
        if callable(getattr(kind, "histories", None)):  # a listing, which would be read
            call = "histories(...)" if argument == "histories" else "table()"
            raise InvalidArgumentError(
                f"{argument} must be what runs.{call} returns; got {describe(frame)}"
            )
        if isinstance(frame, Sequence) and not isinstance(frame, str | bytes):
            rows = cast("Sequence[object]", frame)
            for number, row in enumerate(rows):
                if not isinstance(row, Mapping):
                    raise InvalidArgumentError(
                        f"{argument} must be a frame, or a list of dicts; got a {kind.__name__} "
                        f"whose item {number} is {describe(row)}"
                    )
            self._rows = cast("Sequence[Mapping[str, object]]", rows)
            self.names += dict.fromkeys(name for row in self._rows for name in row)
        elif isinstance(frame, _Columns) and not isinstance(frame, Mapping):
            self._frame = frame
            self.names.extend(frame.columns)
        else:
            raise InvalidArgumentError(
                f"{argument} must be a frame of pandas or polars, or a list of dicts; got "
                f"{describe(frame)}"
            )
        self.is_pandas: bool = any(
            each.__module__.partition(".")[0] == "pandas" for each in kind.__mro__
        )

    def __len__(self) -> int:
        return len(self._rows) if self._frame is None else len(self._frame)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def cells(self, name: str, argument: str) -> list[Cell]:
        """The values of a column.

        Args:
            name: The column.
            argument: The argument that names it, for messages.

        Raises:
            InvalidArgumentError: There is no such column, or several.
        """
        self.find(name, argument)
        if self._frame is None:
            return [_cell(row.get(name)) for row in self._rows]
        series = self._frame[name]
        if not isinstance(series, _Series):
            raise InvalidArgumentError(f"{self.argument} has several columns {name!r}")
        return [_cell(value) for value in series.to_list()]

    def find(self, name: object, argument: str) -> None:
        """Check that there is a column.

        Raises:
            InvalidArgumentError: There is none.
        """
        if not isinstance(name, str):
            raise InvalidArgumentError(
                f"{argument} must be the name of a column, a str; got {describe(name)}"
            )
        if name not in self.names:
            if not self.names:
                raise InvalidArgumentError(f"{self.argument} is empty: there is nothing to draw")
            raise InvalidArgumentError(
                f"{argument}: {self.argument} has no column {name!r}"
                f"{did_you_mean(name, self.names)}"
            )

    def numbers(self, name: str, argument: str) -> list[float | None]:
        """The values of a column of numbers; booleans are 0 and 1, and past floats is infinite.

        Raises:
            InvalidArgumentError: There is no such column, or it holds something else.
        """
        found: list[float | None] = []
        for cell in self.cells(name, argument):
            if cell is None:
                found.append(None)
            elif isinstance(cell, int | float):
                try:
                    found.append(float(cell))
                except OverflowError:
                    found.append(math.inf if cell > 0 else -math.inf)
            else:
                raise InvalidArgumentError(
                    f"{argument}: the column {name!r} of {self.argument} holds {describe(cell)}, "
                    "and only numbers can be drawn there"
                )
        return found


def read_table(frame: object, argument: str, needed: Mapping[str, str]) -> Table:
    """A frame with rows, and with the columns that a call names.

    Args:
        frame: The frame.
        argument: The argument that it was.
        needed: The arguments that name columns, with the names.

    Raises:
        InvalidArgumentError: It is no frame, has no row, or lacks a column.
    """
    table = Table(frame, argument)
    if table.names and not len(table):
        raise InvalidArgumentError(f"{argument} has no rows: there is nothing to draw")
    for each, name in needed.items():
        table.find(name, each)
    if not len(table):
        raise InvalidArgumentError(f"{argument} has no rows: there is nothing to draw")
    return table


def _cell(value: object) -> Cell:
    if value is None or type(value).__name__ in _MISSING:
        return None
    if isinstance(value, str | bool | int | float | date):
        return value
    item = getattr(value, "item", None)  # a scalar of numpy, in a column of objects
    if callable(item) and not getattr(value, "shape", ()):
        return _cell(item())
    return json.dumps(value, sort_keys=True, default=str, allow_nan=True)


def labels_of(table: Table) -> tuple[list[str], list[str]]:
    """The ids of a table's runs, and what they are called: their names, with ids where needed.

    Rows of a table without ids are numbered from 0.
    """
    if "id" in table or "run_id" in table:
        ids = ids_of(table)
    else:
        ids = [str(number) for number in range(len(table))]
    names = table.cells("name", "name") if "name" in table else [None] * len(table)
    counts = Counter(names)
    return ids, [
        run_id if name is None else str(name) if counts[name] == 1 else f"{name} ({run_id})"
        for run_id, name in zip(ids, names, strict=True)
    ]


def ids_of(table: Table) -> list[str]:
    """The ids of a table's runs.

    Raises:
        InvalidArgumentError: It has no column of them.
    """
    for name in ("id", "run_id"):
        if name in table:
            return [str(each) for each in table.cells(name, name)]
    raise InvalidArgumentError(
        f"{table.argument} has no column 'id' or 'run_id' with the ids of runs"
    )


def is_nan(value: object) -> bool:
    """Whether a value is NaN."""
    return isinstance(value, float) and math.isnan(value)

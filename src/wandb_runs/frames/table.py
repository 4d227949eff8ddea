"""Tables: a row for each run, of its attributes, its config and its summary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast

from wandb_runs.errors.text import FieldsRepr
from wandb_runs.frames.build import pandas_frame, pandas_series, polars_series
from wandb_runs.frames.columns import Column, Kind, Table, rename_columns
from wandb_runs.frames.flat import key_of
from wandb_runs.frames.plan import HistoryPlan
from wandb_runs.frames.text import as_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import pandas as pd
    import polars as pl

    from wandb_runs.frames.plan import Format
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["AttributeColumn", "AttributeKind", "Section", "TableRow", "build_table"]

TableRow: TypeAlias = "dict[str, JSONValue | datetime]"
"""A row of a table: the attributes of a run, and `config.<key>` and `summary.<key>`, none of them
None."""

AttributeKind: TypeAlias = Literal["text", "moment", "boolean", "integer", "list"]
"""What an attribute of a run is, whatever runs there are."""


class AttributeColumn(NamedTuple):
    """An attribute of all runs.

    Attributes:
        name: Its name.
        kind: What it is.
        cells: The values, one for each run.
    """

    name: str
    kind: AttributeKind
    cells: Sequence[JSONValue | datetime]


@dataclass(frozen=True, slots=True, repr=False)
class Section(FieldsRepr):
    """The configs or the summaries of all runs.

    Attributes:
        name: What the names of columns begin with.
        keys: What was asked for; None for all.
        rows: The values of each run, under dotted names.
    """

    name: Literal["config", "summary"]
    keys: tuple[str, ...] | None
    rows: Sequence[Row]

    @property
    def missing(self) -> list[str]:
        """The keys that were asked for and that no run has a value of."""
        names = self._names
        return [key for key in self.keys or () if not any(key_of(name, (key,)) for name in names)]

    @property
    def columns(self) -> list[str]:
        """The dotted names: all of them sorted, or as asked for, those inside each key sorted.

        A name's place is with the first key that it is inside of, with a value or without one.

        >>> rows: list[Row] = [{"model.depth": 3, "lr": 0.1}, {"model": "linear"}]
        >>> Section("config", None, rows).columns
        ['lr', 'model', 'model.depth']
        >>> Section("config", ("seed", "model", "lr"), rows).columns
        ['seed', 'model', 'model.depth', 'lr']
        """
        if self.keys is None:
            return sorted(self._names)
        inside: dict[str, list[str]] = {key: [] for key in self.keys}
        for name in sorted({*self._names, *self.missing}):
            key = key_of(name, inside)
            if key is not None:
                inside[key].append(name)
        return [name for key in self.keys for name in inside[key]]

    @property
    def _names(self) -> dict[str, None]:
        return dict.fromkeys(name for row in self.rows for name in row)


def build_table(
    attributes: Sequence[AttributeColumn], sections: Sequence[Section], runs: int, *, to: Format
) -> list[TableRow] | pd.DataFrame | pl.DataFrame:
    """Build what `table` returns: the attributes, then the columns of each section.

    Values of a section have the dtypes of `wandb_runs.frames.build.build`, but lists and objects
    are JSON text in pandas, too. Attributes have the dtypes of their kinds, even without a value:
    instants are in microseconds, in UTC.

    Args:
        attributes: The attributes.
        sections: The configs, the summaries or both.
        runs: The number of runs.
        to: The format.

    >>> name = AttributeColumn("name", "text", ["fox", None])
    >>> config = Section("config", None, [{"lr": 0.1}, {"lr": 1}])
    >>> build_table([name], [config], 2, to="default")
    [{'name': 'fox', 'config.lr': 0.1}, {'config.lr': 1}]
    >>> build_table([name], [config], 2, to="polars").dtypes
    [String, Float64]
    """
    names = [(part, f"{part.name}.{name}", name) for part in sections for name in part.columns]
    new_names = rename_columns([label for _, label, _ in names], set())
    columns = {(part.name, name): new_names.get(label, label) for part, label, name in names}
    rows: list[Row] = [{} for _ in range(runs)]
    for part in sections:
        own = {name: label for (section, name), label in columns.items() if section == part.name}
        for row, values in zip(rows, part.rows, strict=True):
            row.update((own[name], values[name]) for name in _in_order(values, own))
    if to == "default":
        return _listed(attributes, rows)
    made = _columns(rows, [*columns.values()])
    return _to_pandas(attributes, made, runs) if to == "pandas" else _to_polars(attributes, made)


def _in_order(values: Row, own: Mapping[str, str]) -> Iterable[str]:
    if len(values) == len(own):
        return own
    return (name for name in own if name in values)


def _listed(attributes: Sequence[AttributeColumn], rows: list[Row]) -> list[TableRow]:
    table: list[TableRow] = []
    for number, row in enumerate(rows):
        own = ((each.name, each.cells[number]) for each in attributes)
        table.append({**{name: value for name, value in own if value is not None}, **row})
    return table


def _columns(rows: Sequence[Row], names: Sequence[str]) -> dict[str, Column]:
    if not names:
        return {}
    table = Table(HistoryPlan(1, (*names,), names[0], "default"), run_id=False)
    table.add("", rows)
    columns = table.columns()
    return {
        name: replace(column, kind=Kind.JSON) if column.kind is Kind.NESTED else column
        for name, column in columns.items()
    }


def _attribute(attribute: AttributeColumn) -> Column:
    """An attribute as a column of its kind; not for instants, which JSON has not."""
    kinds: Mapping[AttributeKind, Kind] = {
        "text": Kind.STRING,
        "boolean": Kind.BOOLEAN,
        "integer": Kind.INTEGER,
        "list": Kind.JSON,
    }
    values = cast("list[JSONValue]", [*attribute.cells])
    if attribute.kind == "text":
        values = [as_unicode(each) if isinstance(each, str) else each for each in values]
    return Column(kinds[attribute.kind], [values], None in values)


def _to_pandas(
    attributes: Sequence[AttributeColumn], values: Mapping[str, Column], runs: int
) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

    own = {
        each.name: pd.Series([*each.cells], dtype="datetime64[us, UTC]")
        if each.kind == "moment"
        else pandas_series(_attribute(each))
        for each in attributes
    }
    columns = {name: pandas_series(column) for name, column in values.items()}
    return pandas_frame({**own, **columns}, runs)


def _to_polars(attributes: Sequence[AttributeColumn], values: Mapping[str, Column]) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    own = {
        each.name: pl.Series(each.cells, dtype=pl.Datetime("us", "UTC"))
        if each.kind == "moment"
        else polars_series(_attribute(each))
        for each in attributes
    }
    return pl.DataFrame({**own, **{name: polars_series(each) for name, each in values.items()}})

"""What a partition of Dask reads: some runs of a listing, with the same columns and dtypes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol, TypeAlias, cast

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError, SchemaError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.frames.build import build_pandas
from wandb_runs.frames.plan import RUN_ID, HistoryPlan, plan_histories
from wandb_runs.frames.schema import check_schema, conform_pandas, find_targets
from wandb_runs.frames.text import as_unicode, json_text
from wandb_runs.runs.lazy import history_dtypes
from wandb_runs.runs.runs_base import share_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from wandb_runs.frames.plan import OnError
    from wandb_runs.frames.rows import Row
    from wandb_runs.frames.table import TableRow
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.runs.runs import Runs

__all__ = [
    "HistoriesPart",
    "Keys",
    "Part",
    "TableColumns",
    "TablePart",
    "check_columns",
    "history_dtypes_of",
    "table_columns_of",
]

_JSON: Final = "json"
_TOLD_BY: Final = 100
"""Runs whose metrics tell the dtypes of histories."""

_SPREAD: Final = 1000
"""Runs that decide the columns of a table, at most."""

_ID: Final = "id"

_WITH_MISSING: Final = {"int64": "Int64", "bool": "boolean"}
"""Dtypes of attributes that a run may lack."""

_NAMES: Final = {
    "Int64": "int64",
    "Float64": "float64",
    "Boolean": "boolean",
    "String": "string",
}
"""Dtypes of pandas, by the names of those of polars."""

Keys: TypeAlias = "bool | list[str] | tuple[str, ...]"
"""What a table is asked for: all, none, or some."""


class TableColumns(NamedTuple):
    """The columns of a table.

    Attributes:
        attributes: The dtypes of attributes, by name.
        logged: The dtypes of what configs and summaries hold, by the name of the column.
        are_derived: Whether runs decided about the latter, and not the caller.
    """

    attributes: Mapping[str, str]
    logged: Mapping[str, str]
    are_derived: bool = False


class Part(Protocol):
    """Reads a partition; Dask calls it with the ids of its runs.

    Attributes:
        label: What tasks are called.
    """

    label: ClassVar[str]

    def __call__(self, ids: Sequence[str]) -> pd.DataFrame:
        """Read some runs."""
        ...

    def meta(self) -> pd.DataFrame:
        """A frame without rows, with the columns and dtypes of all partitions."""
        ...


class _Reader(FieldsRepr):
    """What both kinds of partitions share.

    In a process that it is pickled to, the client of the runs keeps to a share of its pace.
    """

    __slots__ = ()

    @override
    def __reduce__(self) -> tuple[type[_Reader], tuple[object, ...]]:
        state = {each.name: getattr(self, each.name) for each in fields(cast("Any", self))}
        shared = share_of(state["runs"], state["at_once"])
        return type(self), tuple((state | {"runs": shared, "at_once": 1}).values())

    def __dask_tokenize__(self) -> str:
        # What two frames of one listing hold may differ: it changes.
        return str(getattr(self, "token"))  # noqa: B009 - of the classes below


@dataclass(frozen=True, slots=True, repr=False)
class HistoriesPart(_Reader):
    """Reads the histories of some runs.

    Attributes:
        runs: The listing.
        plan: The arguments of `histories`.
        on_error: What becomes of runs that cannot be read.
        dtypes: Those of all columns.
        at_once: How many partitions are read at once.
        token: Stands for the frame.
    """

    label: ClassVar[str] = "wandb-histories"

    runs: Runs[object, object]
    plan: HistoryPlan
    on_error: OnError
    dtypes: Mapping[str, str]
    at_once: int
    token: str

    def __call__(self, ids: Sequence[str]) -> pd.DataFrame:
        """Read some runs."""
        import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

        plan = self.plan
        batches = self.runs.with_ids([*ids]).iter_histories(
            plan.samples,
            None if plan.keys is None else [*plan.keys],
            plan.x_axis,
            format="pandas",
            join=plan.join,
            exact=plan.is_exact,
            on_error=self.on_error,
            schema=self.dtypes,
        )
        frames = [*batches]
        return pd.concat(frames, ignore_index=True) if frames else self.meta()

    def meta(self) -> pd.DataFrame:
        """A frame without rows, with the columns and dtypes of all partitions."""
        return _conformed([], self.plan, self.dtypes)


@dataclass(frozen=True, slots=True, repr=False)
class TablePart(_Reader):
    """Reads the table of some runs.

    Attributes:
        runs: The listing.
        columns: The columns of the table.
        config: The argument of `table`.
        summary: The argument of `table`.
        at_once: How many partitions are read at once.
        token: Stands for the frame.
    """

    label: ClassVar[str] = "wandb-table"

    runs: Runs[object, object]
    columns: TableColumns
    config: Keys
    summary: Keys
    at_once: int
    token: str

    def __call__(self, ids: Sequence[str]) -> pd.DataFrame:
        """Read some runs."""
        part = self.runs.with_ids([*ids])
        attributes = [*dict.fromkeys((_ID, *self.columns.attributes))]
        return self._frame(
            part.table(attributes=attributes, config=self.config, summary=self.summary)
        )

    def meta(self) -> pd.DataFrame:
        """A frame without rows, with the columns and dtypes of all partitions."""
        return self._frame([])

    def _frame(self, rows: Sequence[TableRow]) -> pd.DataFrame:
        import pandas as pd  # noqa: PLC0415 - an optional library, and a slow import

        attributes, logged = self.columns.attributes, self.columns.logged
        if self.columns.are_derived:
            _check_columns(rows, logged)
        own = {
            name: pd.Series([_cell(row.get(name)) for row in rows], dtype=cast("Any", dtype))
            for name, dtype in attributes.items()
        }
        if not logged:
            return pd.DataFrame(own)
        names = (*logged,)
        values = [
            (str(row[_ID]), [cast("Row", {name: row[name] for name in names if name in row})])
            for row in rows
        ]
        plan = HistoryPlan(1, names, names[0], "default")
        return pd.DataFrame({**own, **_conformed(values, plan, logged).drop(columns=RUN_ID)})


def history_dtypes_of(
    runs: Runs[object, object],
    ids: Sequence[str],
    plan: HistoryPlan,
    given: Mapping[str, object],
) -> dict[str, str]:
    """The dtypes of the columns of histories, of which the server tells those that are not given.

    Args:
        runs: The listing.
        ids: The ids of its runs.
        plan: The arguments of `histories`.
        given: The caller's dtypes.
    """
    columns = plan.columns or ()
    known = {"_step": "int64", RUN_ID: "string"} | {name: str(each) for name, each in given.items()}
    missing = [name for name in columns if name not in known]
    if missing:
        told = history_dtypes(runs.with_ids([*ids[:_TOLD_BY]]), missing)
        known |= {name: _pandas_name(told[name]) for name in missing}
    return {name: known[name] for name in (*columns, RUN_ID)}


def table_columns_of(
    runs: Runs[object, object],
    ids: Sequence[str],
    *,
    attributes: Keys,
    config: Keys,
    summary: Keys,
    schema: Mapping[str, object] | None,
) -> TableColumns:
    """The columns of a table; without a schema, runs that are spread over the listing decide.

    Args:
        runs: The listing.
        ids: The ids of its runs.
        attributes: The argument of `table`.
        config: The argument of `table`.
        summary: The argument of `table`.
        schema: The caller's dtypes.
    """
    own: dict[str, str] = {}
    if attributes:
        empty = runs.with_ids([]).table(
            "pandas", attributes=attributes, config=False, summary=False
        )
        own = {str(name): str(dtype) for name, dtype in empty.dtypes.items()}
        own = {name: _WITH_MISSING.get(dtype, dtype) for name, dtype in own.items()}
    if schema is not None:
        return TableColumns(own, {name: str(dtype) for name, dtype in schema.items()})
    logged: dict[str, str] = {}
    if config or summary:
        every = -(-max(1, len(ids)) // _SPREAD)
        some = runs.with_ids([*ids[::every]])
        frame = some.table("pandas", attributes=[_ID], config=config, summary=summary)
        rows = some.table(attributes=[_ID], config=config, summary=summary)
        names = [str(name) for name in frame.columns][1:]
        logged = {name: _dtype_of([row[name] for row in rows if name in row]) for name in names}
    return TableColumns(own, logged, are_derived=True)


def check_columns(schema: Mapping[str, str] | None) -> Mapping[str, object] | None:
    """Check the dtypes that a caller gives for a table.

    Raises:
        InvalidArgumentError: No mapping of columns of configs and summaries to dtypes of pandas.
    """
    checked = check_schema(schema, plan_histories(), "pandas")
    for name in checked or ():
        if not name.startswith(("config.", "summary.")):
            raise InvalidArgumentError(
                f"schema is for columns of configs and summaries; write 'config.{name}' or "
                f"'summary.{name}', got {name!r}"
            )
    return checked


def _conformed(
    histories: Sequence[tuple[str, list[Row]]], plan: HistoryPlan, dtypes: Mapping[str, object]
) -> pd.DataFrame:
    targets = find_targets(dtypes, "pandas")
    return conform_pandas(build_pandas(histories, plan, targets=targets), dtypes, plan)


def _check_columns(rows: Sequence[TableRow], logged: Mapping[str, str]) -> None:
    """Check that a table has a column for each value.

    Raises:
        SchemaError: It has not.
    """
    for row in rows:
        for name in row:
            if name not in logged and name.startswith(("config.", "summary.")):
                raise SchemaError(
                    f"run {row[_ID]!r} has {name!r}, and none of the runs had it that decided the "
                    "columns of the frame; name the columns by schema=, or the keys by config= and "
                    "summary=",
                    column=name,
                    run_ids=[str(row[_ID])],
                )


def _cell(value: object) -> object:
    """A value of an attribute, as a frame has it."""
    if isinstance(value, list):
        return json_text(cast("JSONValue", value))
    return as_unicode(value) if isinstance(value, str) else value


def _dtype_of(values: Sequence[object]) -> str:
    """The dtype for values of a config or a summary."""
    types = {*map(type, values)} - {NoneType}
    if types <= {int, float}:
        return "float64"
    if types == {bool}:
        return "boolean"
    return "string" if types == {str} else _JSON


def _pandas_name(dtype: object) -> str:
    """The dtype of pandas for one of polars, or `"json"`."""
    return _JSON if dtype == _JSON else _NAMES[str(dtype)]

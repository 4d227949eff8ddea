"""The columns of a lazy frame: their names, their dtypes, and batches that have both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from wandb_runs.errors import SchemaError
from wandb_runs.frames.build import build_polars
from wandb_runs.frames.columns import rename_columns
from wandb_runs.frames.parquet.arrow_rows import ArrowRows
from wandb_runs.frames.plan import RUN_ID, plan_histories
from wandb_runs.frames.schema import conform_polars, find_targets
from wandb_runs.graphql.nested import outer_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from wandb_runs.frames.rows import AnyRows, RunRows

__all__ = ["LazyColumns", "Metrics", "columns_of"]

_STEP: Final = "_step"
_JSON: Final = "json"

# All rows of all columns: which of them a call wants is decided where they are read.
_PLAN: Final = plan_histories(exact=True)


class Metrics:
    """The metrics of runs and the types of their values, as W&B's `historyKeys` tells them."""

    __slots__ = ("_outer", "_types")

    def __init__(self) -> None:
        self._types: dict[str, set[str]] = {}
        # The names of what holds others: `d` and `d.x` of `d.x.y`.
        self._outer: set[str] = set()

    def add(self, history_keys: object) -> bool:
        """Add those of a run.

        Returns:
            Whether they are told.
        """
        told = cast("dict[str, object]", history_keys) if isinstance(history_keys, dict) else {}
        keys = told.get("keys")
        if not isinstance(keys, dict):
            return False
        for name, metric in cast("dict[str, object]", keys).items():
            self._outer.update((outer_keys((name,)) or ())[1:])
            kinds = self._types.setdefault(name, set())
            counts = cast("dict[str, object]", metric) if isinstance(metric, dict) else {}
            listed = counts.get("typeCounts")
            for each in cast("list[object]", listed) if isinstance(listed, list) else ():
                kind = cast("dict[str, object]", each).get("type") if isinstance(each, dict) else 0
                kinds.update([kind] if isinstance(kind, str) else [])
        return True

    @property
    def names(self) -> list[str]:
        """The names of all, sorted."""
        return sorted(self._types)

    def dtype(self, name: str) -> object:
        """The dtype for a metric; `"json"` for nested values, and for values of several kinds.

        Numbers are floats, since integers in some runs may be floats in others; beside numbers,
        text stands for NaN and the infinities. What is not told is a number.

        >>> metrics = Metrics()
        >>> kinds = {"loss": ["number", "string"], "note": ["string"], "d.x": ["map"]}
        >>> counts = {key: {"typeCounts": [{"type": each} for each in kinds[key]]} for key in kinds}
        >>> metrics.add({"keys": counts})
        True
        >>> [metrics.dtype(name) for name in ("loss", "note", "d.x", "d", "lr")]
        [Float64, String, 'json', 'json', Float64]
        """
        import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

        if name == _STEP:
            return pl.Int64()
        kinds = self._types.get(name, set[str]()) - {"nil"}
        if name in self._outer:
            kinds = kinds | {"map"}
        if kinds == {"string"}:
            return pl.String()
        if kinds in ({"bool"}, {"boolean"}):
            return pl.Boolean()
        return pl.Float64() if kinds <= {"number", "string"} else _JSON


class LazyColumns(NamedTuple):
    """The columns of a lazy frame, in order.

    Attributes:
        dtypes: Their dtypes by name, or `"json"`; `run_id` last.
        keys: The key of each metric, by the name of its column.
        is_told: Whether the server told some of the dtypes, not the caller.
    """

    dtypes: Mapping[str, object]
    keys: Mapping[str, str]
    is_told: bool

    @property
    def schema(self) -> pl.Schema:
        """The schema of polars."""
        import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

        return pl.Schema((name, _instance(dtype)) for name, dtype in self.dtypes.items())

    def of(self, names: Iterable[str]) -> LazyColumns:
        """Some of them, and the steps."""
        wanted = {_STEP, *names}
        dtypes = {name: dtype for name, dtype in self.dtypes.items() if name in wanted}
        keys = {name: key for name, key in self.keys.items() if name in wanted}
        return LazyColumns(dtypes, keys, self.is_told)

    def frame(self, content: Sequence[RunRows]) -> pl.DataFrame:
        """The rows of runs with these columns and dtypes.

        Raises:
            SchemaError: A value cannot be converted to its column's dtype without loss.
        """
        dtypes = {name: dtype for name, dtype in self.dtypes.items() if name != RUN_ID}
        names = {key: name for name, key in self.keys.items() if name != key}
        try:
            frame = build_polars(
                ((run_id, _renamed(rows, names)) for run_id, rows in content),
                _PLAN,
                targets=find_targets(dtypes, "polars"),
            )
            if RUN_ID in self.dtypes:
                dtypes = {**dtypes, RUN_ID: self.dtypes[RUN_ID]}
            return conform_polars(frame, dtypes, _PLAN)
        except SchemaError as error:
            if not self.is_told:
                raise
            raise SchemaError(
                f"{error}; what the server tells of the first runs decided the dtypes that "
                f"schema= does not name: pass schema={{{error.column!r}: ...}}, a dtype that holds "
                'these values, or "json"',
                column=error.column,
                run_ids=error.run_ids,
            ) from error


def columns_of(
    keys: Sequence[str], metrics: Metrics, schema: Mapping[str, object], *, is_told: bool
) -> LazyColumns:
    """The columns for some keys.

    Args:
        keys: The keys, in order.
        metrics: What the server tells of them.
        schema: What the caller says of columns, by name, or of `run_id`.
        is_told: Whether the former was asked for.
    """
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    names = rename_columns(dict.fromkeys(keys), {RUN_ID})
    columns = {names.get(key, key): key for key in dict.fromkeys((_STEP, *keys))}
    dtypes = {
        name: schema[name] if name in schema else metrics.dtype(key)
        for name, key in columns.items()
    }
    dtypes[RUN_ID] = schema.get(RUN_ID, pl.String())
    return LazyColumns(dtypes, columns, is_told)


def _renamed(rows: AnyRows, names: Mapping[str, str]) -> AnyRows:
    if not names:
        return rows
    if isinstance(rows, ArrowRows):
        renamed = {names.get(name, name): part for name, part in rows.columns.items()}
        return ArrowRows(renamed, len(rows))
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


def _instance(dtype: object) -> pl.DataType:
    """A dtype of polars, which callers may name by its class."""
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    if dtype == _JSON:
        return pl.String()
    return cast("pl.DataType", dtype() if isinstance(dtype, type) else dtype)

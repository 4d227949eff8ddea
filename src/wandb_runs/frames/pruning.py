"""What a predicate of polars says of steps and of run ids, so that other rows are not read.

A predicate is a conjunction of conditions, of which those are recognised that compare `_step` with
numbers, and those that are about `run_id` alone. What is not recognised prunes nothing: the whole
predicate is applied to the rows that are read.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from wandb_runs.frames.parquet.footer import STEP, StepRange
from wandb_runs.frames.plan import RUN_ID
from wandb_runs.frames.step_ranges import END_OF_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from wandb_runs.frames.polars_types import DataType

__all__ = ["Pruning", "prune"]

_MIRRORED: Final[Mapping[str, str]] = {
    "Lt": "Gt",
    "LtEq": "GtEq",
    "Gt": "Lt",
    "GtEq": "LtEq",
    "Eq": "Eq",
}
"""Comparisons of two values, and the same with the values in the other order."""

_OF_ROWS: Final = frozenset({"Eq", "NotEq", "Lt", "LtEq", "Gt", "GtEq", "And", "Or"})
"""Operators whose result for a row depends on the row alone."""

_FUNCTIONS: Final = frozenset({"IsIn", "IsBetween", "Not", "IsNull", "IsNotNull"})
"""Functions likewise."""


class Pruning(NamedTuple):
    """Which rows a predicate may be true of.

    Attributes:
        steps: Their steps.
        conditions: What it says of run ids.
        run_id: The dtype of run ids.
        run_ids: The ids that it names, where it is true of no others.
    """

    steps: StepRange
    conditions: tuple[pl.Expr, ...]
    run_id: DataType
    run_ids: tuple[str, ...] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there are no such rows."""
        return self.steps.stop is not None and self.steps.stop <= self.steps.first

    def keeps(self, run_ids: Sequence[str]) -> Sequence[bool]:
        """Which of some runs have such rows, as far as their ids tell."""
        import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

        if self.is_empty:
            return [False] * len(run_ids)
        if not self.conditions or not run_ids:
            return [True] * len(run_ids)
        frame = pl.DataFrame({RUN_ID: pl.Series(run_ids, dtype=pl.String).cast(self.run_id)})
        try:
            told = frame.select(keep=pl.all_horizontal(self.conditions))["keep"]
        except pl.exceptions.PolarsError:
            return [True] * len(run_ids)  # the same error follows where rows are compared
        return [keep is True for keep in told]


def prune(predicate: pl.Expr | None, run_id: DataType) -> Pruning:
    """Find out which rows a predicate may be true of.

    Args:
        predicate: The predicate; None for all rows.
        run_id: The dtype of run ids.

    >>> import polars as pl
    >>> wanted = (pl.col("_step") > 9) & (pl.col("_step") <= 20.5) & (pl.col("run_id") != "b")
    >>> pruning = prune(wanted & (pl.col("loss") < 1), pl.String())
    >>> pruning.steps, pruning.keeps(["a", "b"])
    (StepRange(first=10, stop=21), [True, False])
    """
    steps = StepRange()
    conditions: list[pl.Expr] = []
    for condition in _conjuncts(predicate):
        tree = _tree(condition)
        if _is_of_run_id(tree):
            conditions.append(condition)
        else:
            steps = _narrowed(steps, condition, tree)
    named = [_named(condition, _tree(condition)) for condition in conditions]
    run_ids = min((each for each in named if each is not None), key=len, default=None)
    return Pruning(steps, tuple(conditions), run_id, run_ids)


def _named(condition: pl.Expr, tree: object) -> tuple[str, ...] | None:
    """The run ids of which alone a condition may be true, where it names them."""
    binary, function = _field(tree, "BinaryExpr"), _function(tree)
    if function is not None and function[0] == "IsIn":
        column, values = function[2]
    elif _field(binary, "op") == "Eq":
        column, values = _field(binary, "left"), _field(binary, "right")
    else:
        return None
    if not (_is_column(column, RUN_ID) and _is_literal(values)):
        return None
    told = [*dict.fromkeys(_values(condition.meta.pop()[0]))]
    return (
        tuple(each for each in told if isinstance(each, str))
        if all(isinstance(each, str) for each in told)
        else None
    )


def _conjuncts(predicate: pl.Expr | None) -> Iterator[pl.Expr]:
    """The conditions all of which have to hold."""
    pending = [] if predicate is None else [predicate]
    while pending:
        condition = pending.pop()
        if _field(_field(_tree(condition), "BinaryExpr"), "op") == "And":
            pending += condition.meta.pop()
        else:
            yield condition


def _tree(condition: pl.Expr) -> object:
    """A condition as polars writes it; None where it does not, as with functions of Python."""
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    try:
        return cast("object", json.loads(condition.meta.serialize(format="json")))
    except (pl.exceptions.PolarsError, ValueError, RecursionError):
        return None


def _field(tree: object, name: str) -> object:
    return cast("dict[str, object]", tree).get(name) if isinstance(tree, dict) else None


def _is_column(tree: object, name: str) -> bool:
    return tree == {"Column": name}


def _function(tree: object) -> tuple[str, object, list[object]] | None:
    """The name of a function of booleans, its options and its inputs."""
    function = _field(tree, "Function")
    boolean = _field(_field(function, "function"), "Boolean")
    inputs = _field(function, "input")
    if not isinstance(inputs, list):
        return None
    if isinstance(boolean, str):
        return boolean, None, cast("list[object]", inputs)
    for name, options in cast("dict[str, object]", boolean or {}).items():
        return name, options, cast("list[object]", inputs)
    return None


def _is_of_run_id(tree: object) -> bool:
    """Whether a condition depends on the run's id alone."""
    return _is_of_rows(tree) and not _is_literal(tree)


def _is_of_rows(tree: object) -> bool:
    pending = [tree]
    while pending:
        each = pending.pop()
        if _is_column(each, RUN_ID) or _is_literal(each):
            continue
        binary, function = _field(each, "BinaryExpr"), _function(each)
        if _field(binary, "op") in _OF_ROWS:
            pending += [_field(binary, "left"), _field(binary, "right")]
        elif function is not None and function[0] in _FUNCTIONS:
            pending += function[2]
        else:
            return False
    return True


def _is_literal(tree: object) -> bool:
    """Whether it is one value or list, the same for all rows; not a series, of one for each."""
    literal = _field(tree, "Literal")
    return isinstance(literal, dict) and not {"Scalar", "Dyn"}.isdisjoint(
        cast("dict[str, object]", literal)
    )


def _narrowed(steps: StepRange, condition: pl.Expr, tree: object) -> StepRange:
    """Those of some steps of which a condition may be true."""
    binary, function = _field(tree, "BinaryExpr"), _function(tree)
    operator = _field(binary, "op")
    inputs = condition.meta.pop()[::-1]
    if isinstance(operator, str) and operator in _MIRRORED:
        left, right = _field(binary, "left"), _field(binary, "right")
        if _is_column(left, STEP) and _is_literal(right):
            return _compared(steps, operator, _numbers(inputs[1]))
        if _is_column(right, STEP) and _is_literal(left):
            return _compared(steps, _MIRRORED[operator], _numbers(inputs[0]))
    elif function is not None and _is_column(function[2][0], STEP):
        name, options, others = function[0], function[1], function[2][1:]
        if all(map(_is_literal, others)):
            values = [_numbers(each) for each in inputs[1:]]
            if name == "IsBetween":
                closed = _field(options, "closed")
                lower = "GtEq" if closed in {"Both", "Left"} else "Gt"
                upper = "LtEq" if closed in {"Both", "Right"} else "Lt"
                return _compared(_compared(steps, lower, values[0]), upper, values[1])
            if name == "IsIn" and values[0]:
                steps = _compared(steps, "GtEq", [min(values[0])])
                return _compared(steps, "LtEq", [max(values[0])])
    return steps


def _numbers(literal: pl.Expr) -> list[int | float]:
    """The numbers of a literal; none where one of them is another value."""
    values = _values(literal)
    numbers = [each for each in values if isinstance(each, int | float)]
    is_told = len(numbers) == len(values) and all(map(math.isfinite, numbers))
    return numbers if is_told and not any(isinstance(each, bool) for each in values) else []


def _values(literal: pl.Expr) -> list[object]:
    """The value of a literal, or those of a list."""
    import polars as pl  # noqa: PLC0415 - an optional library, and a slow import

    series = pl.select(literal.alias("")).to_series()
    if series.dtype == pl.List or series.dtype == pl.Array:  # noqa: PLR1714 - hashes differ
        series = series.explode()
    return cast("list[object]", series.to_list())


def _compared(steps: StepRange, operator: str, values: list[int | float]) -> StepRange:
    """Those of some steps that compare so with a number."""
    if len(values) != 1:
        return steps
    value = max(-1, min(values[0], END_OF_STEPS))
    first, stop = 0, END_OF_STEPS
    if operator in {"GtEq", "Eq"}:
        first = math.ceil(value)
    elif operator == "Gt":
        first = math.floor(value) + 1
    if operator in {"LtEq", "Eq"}:
        stop = math.floor(value) + 1
    elif operator == "Lt":
        stop = math.ceil(value)
    first = max(steps.first, first)
    if operator in {"Gt", "GtEq"} or (steps.stop is not None and steps.stop < stop):
        return steps._replace(first=first)
    return StepRange(first, stop)

"""Bars: a number of each run, or its mean of each group of runs, in order."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final, TypeVar, overload

import altair as alt

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe
from wandb_runs.plots.groups import band_of, spread_of
from wandb_runs.plots.look import WIDTH, Caption, Colors, as_text, as_title, data_of, sizes
from wandb_runs.plots.tables import is_nan, labels_of, read_table

if TYPE_CHECKING:
    from wandb_runs.plots.groups import Band
    from wandb_runs.plots.look import Datum
    from wandb_runs.plots.tables import Cell, Frame, Table

__all__ = ["bars"]

T = TypeVar("T")

_STEP: Final = 20
"""Pixels of a bar, with the space to the next one."""

# Above the labels: beside them, a title would be longer than the axis of a few bars.
_HEADED: Final = alt.Axis(
    labelLimit=300,
    titleAngle=0,
    titleAlign="right",
    titleBaseline="bottom",
    titleX=-7,
    titleY=-4,
)


@overload
def bars(
    table: Frame,
    value: str,
    *,
    by: None = None,
    color: str | None = None,
    descending: bool = True,
    limit: int = 100,
    width: int = WIDTH,
) -> alt.Chart: ...
@overload
def bars(
    table: Frame,
    value: str,
    *,
    by: str,
    band: Band = "minmax",
    descending: bool = True,
    limit: int = 100,
    width: int = WIDTH,
) -> alt.LayerChart: ...
def bars(
    table: Frame,
    value: str,
    *,
    by: str | None = None,
    color: str | None = None,
    band: Band | None = None,
    descending: bool = True,
    limit: int = 100,
    width: int = WIDTH,
) -> alt.Chart | alt.LayerChart:
    """Draw a number of each run, or its mean of each group of runs, as bars in order.

    Bars are horizontal, with a label each, and the picture is as high as they need.

    Args:
        table: A row for each run, as of `runs.table()`: columns such as `summary.accuracy` and
            `config.optimizer`, and `name`, `id` or `run_id`, if it has them, for the labels.
        value: The column of the numbers.
        by: The column that groups runs: a bar is the mean of a group. None for a bar for each run.
        color: The column that colors the bars of runs.
        band: What a line across the bar of a group shows: `"minmax"`, the default, the lowest and
            the highest value, or `"std"` one standard deviation around the mean.
        descending: Whether the highest value comes first.
        limit: The most bars; of more, the first ones are drawn, which the caption tells.
        width: The width in pixels, without labels and legend.

    Returns:
        A chart with the fields `label`, `value`, `id` and `color`; with `by=` a layer of bars and
        one of lines with the fields `label`, `value`, `low`, `high` and `runs`.

    Raises:
        InvalidArgumentError: There is no such column, or nothing to draw.

    Warns:
        UndrawnWarning: Infinite values are left out.

    >>> from wandb_runs import plots
    >>> chart = plots.bars(runs.table(), "summary.accuracy", by="config.optimizer")
    >>> [(row["label"], row["runs"]) for row in chart.data.values]
    [('adam', 18), ('sgd', 9)]
    """
    sizes(width=width)
    _check_limit(limit)
    if by is None and band is not None:
        raise InvalidArgumentError("band= is of groups of runs, and by= names none")
    if by is not None and color is not None:
        raise InvalidArgumentError("color= is of single runs, and by= groups them")
    named = {"value": value, "by": by, "color": color}
    rows = read_table(table, "table", {name: each for name, each in named.items() if each})
    caption = Caption()
    numbers = rows.numbers(value, "value")
    shown = caption.drawable(numbers, value, is_log=False)
    missing = sum(each is None or is_nan(each) for each in numbers)
    if missing == len(numbers) or not any(each is not None for each in shown):
        raise InvalidArgumentError(f"table: no row has a number for {value!r}")
    if missing:
        has = "has" if missing == 1 else "have"
        caption.say(f"{missing:,} of {len(rows):,} runs {has} no {value}")
    picture = _Bars(value, caption, limit, width, is_descending=descending)
    if by is None:
        return picture.of_runs(rows, shown, color)
    return picture.of_groups(rows.cells(by, "by"), shown, by, band_of(band) or "minmax")


def _check_limit(limit: object) -> None:
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidArgumentError(f"limit must be an int of 1 or more; got {describe(limit)}")


class _Bars:
    def __init__(
        self, value: str, caption: Caption, limit: int, width: int, *, is_descending: bool
    ) -> None:
        self._value = value
        self._caption = caption
        self._limit = limit
        self._width = width
        self._is_descending = is_descending

    def of_runs(self, rows: Table, shown: list[float | None], color: str | None) -> alt.Chart:
        ids, names = labels_of(rows)
        cells: list[Cell] = [None] * len(rows) if color is None else rows.cells(color, "color")
        entries = [
            (each, (as_text(run_id), as_text(name), each, cell))
            for run_id, name, each, cell in zip(ids, names, shown, cells, strict=True)
            if each is not None
        ]
        first = self._first(entries, "runs")
        colors = Colors((cell for *_, cell in first), color or "")
        data: list[Datum] = [
            {"label": name, "value": each, "id": run_id, **colors.fields(cell)}
            for run_id, name, each, cell in first
        ]
        colors.tell(self._caption)
        return self._caption.on(
            self._chart(data, "run", colors.encoding(symbol="square") if color else None)
        )

    def of_groups(
        self, cells: list[Cell], shown: list[float | None], by: str, band: Band
    ) -> alt.LayerChart:
        groups: dict[str, list[float]] = {}
        labels = Colors(cells, by, is_gradient=False)
        for cell, each in zip(cells, shown, strict=True):
            if each is not None:
                groups.setdefault(str(labels.fields(cell)["color"]), []).append(each)
        entries: list[tuple[float, Datum]] = []
        for label, values in groups.items():
            found = spread_of(values, values, values, band)
            row: Datum = {"label": label, "value": found.mean, "low": found.low, "high": found.high}
            entries.append((found.mean, {**row, "runs": found.runs}))
        what = "range" if band == "minmax" else "standard deviation"
        self._caption.say(f"mean and {what} of {sum(map(len, groups.values())):,} runs by {by}")
        data = self._first(entries, "groups")
        chart = self._chart(data, by, None)
        line = (
            alt.Chart()
            .mark_rule(strokeWidth=2, color="#333")
            .encode(
                x=alt.X(field="low", type="quantitative", title=as_title(self._value)),
                x2=alt.X2(field="high"),
                y=alt.Y(field="label", type="nominal", sort=[str(row["label"]) for row in data]),
            )
        )
        return self._caption.on(alt.LayerChart(data=data_of(data), layer=[chart, line]))

    def _first(self, entries: list[tuple[float, T]], what: str) -> list[T]:
        """Those with the first values of the order."""
        entries.sort(key=operator.itemgetter(0), reverse=self._is_descending)
        if len(entries) > self._limit:
            end = "highest" if self._is_descending else "lowest"
            self._caption.say(f"the {self._limit:,} {end} of {len(entries):,} {what}")
        return [each for _, each in entries[: self._limit]]

    def _chart(self, data: list[Datum], title: str, color: alt.Color | None) -> alt.Chart:
        tooltip = [
            alt.Tooltip(field="label", type="nominal", title=as_title(title)),
            alt.Tooltip(
                field="value", type="quantitative", title=as_title(self._value), format=".6~g"
            ),
        ]
        if data and "runs" in data[0]:
            tooltip.append(alt.Tooltip(field="runs", type="quantitative"))
        chart: alt.Chart = (
            alt.Chart(data_of(data), width=self._width, height=alt.Step(_STEP))
            .mark_bar()
            .encode(
                x=alt.X(
                    field="value",
                    type="quantitative",
                    title=as_title(self._value),
                    axis=alt.Axis(tickCount=8),
                ),
                y=alt.Y(
                    field="label",
                    type="nominal",
                    title=as_title(title),
                    sort=[str(row["label"]) for row in data],
                    axis=_HEADED,
                ),
                color=alt.Undefined if color is None else color,
                tooltip=tooltip,
            )
        )
        return chart

"""Curves of runs: a metric over an axis, a line for each run, or a mean and a band for a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, overload

import altair as alt

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.plots.groups import BINS, band_of, grid_of, spread
from wandb_runs.plots.lines import color_lines, name_lines, read_lines
from wandb_runs.plots.look import (
    HEIGHT,
    WIDTH,
    Caption,
    Colors,
    as_text,
    as_title,
    data_of,
    log_axes,
    opacity,
    scale,
    sizes,
)
from wandb_runs.plots.smoothing import smooth_weight, smoothed
from wandb_runs.plots.tables import read_table
from wandb_runs.plots.thinning import dots_of, limit_of, thin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs.plots.groups import Band
    from wandb_runs.plots.lines import Line
    from wandb_runs.plots.look import Datum, LogAxes
    from wandb_runs.plots.tables import Cell, Frame
    from wandb_runs.plots.thinning import Point

__all__ = ["curves"]

_BOLD: Final = 10
"""Up to how many lines are drawn with a broad stroke."""


@overload
def curves(
    histories: Frame,
    y: str,
    *,
    x: str = "_step",
    color: str | None = None,
    table: Frame | None = None,
    smooth: float | None = None,
    band: None = None,
    log: LogAxes | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.Chart: ...
@overload
def curves(
    histories: Frame,
    y: str,
    *,
    x: str = "_step",
    color: str | None = None,
    table: Frame | None = None,
    smooth: float | None = None,
    band: Band,
    log: LogAxes | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.LayerChart: ...
@overload
def curves(
    histories: Frame,
    y: str,
    *,
    x: str = "_step",
    color: str | None = None,
    table: Frame | None = None,
    smooth: float | None = None,
    band: Band | None = None,
    log: LogAxes | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.Chart | alt.LayerChart: ...
def curves(
    histories: Frame,
    y: str,
    *,
    x: str = "_step",
    color: str | None = None,
    table: Frame | None = None,
    smooth: float | None = None,
    band: Band | None = None,
    log: LogAxes | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.Chart | alt.LayerChart:
    """Draw a metric of runs over an axis: a line for each run, or for each group of runs.

    A line is broken at NaN; a row without a value is passed over. Frames of pandas have NaN for
    both: there it breaks the line, but in a run where most values stand alone between NaN, as in an
    outer join of metrics of different steps. A value with gaps on both sides is drawn as a dot.

    Of a line with more points than two for a pixel, or of many lines with more than 20,000
    together, the lowest and the highest of each part of the axis are drawn. What is drawn, left out
    or computed is told in the caption, which is the chart's title.

    Args:
        histories: The rows of `runs.histories(...)`, `runs.iter_histories(...)` or
            `run.history(...)`.
        y: The column of the metric.
        x: The column of the axis.
        color: The column that colors lines, and by which `band=` groups runs: of `histories` if
            it is there, else of `table`. It has one value for each run. None for a color for each
            run, and with `band=` for one group of all runs.
        table: A row for each run, with its id in `id` or `run_id`, as of `runs.table()`. Its
            `name`, if it has one, is shown for the id.
        smooth: The weight of the exponential moving average of W&B's charts, from 0 up to, but not
            including, 1; None for none. The average is that of each run, by x.
        band: `"minmax"` or `"std"` draws the mean of each group's runs, and a band from the lowest
            to the highest value, or of one standard deviation. Between two of its points a run
            counts with the line between them. Where a group has more than 500 different x, values
            are put in 500 bins of equal width.
        log: The logarithmic axes: `"x"`, `"y"` or `"xy"`.
        width: The width in pixels, without axes and legend, which decides how many points are
            drawn.
        height: The height in pixels.

    Returns:
        A chart with the fields `x`, `y`, `run_id`, `run` (the name) and `color`; with `band=` a
        layer of areas and one of lines with the fields `x`, `y`, `low`, `high`, `runs` and `color`.

    Raises:
        InvalidArgumentError: There is no such column, or nothing to draw.

    Warns:
        UndrawnWarning: Infinite values, and on logarithmic axes those of 0 or less, are left out.

    >>> from wandb_runs import plots
    >>> frame = runs.histories(keys=["loss"], format="pandas")
    >>> table = runs.table(config=["optimizer"], summary=False)
    >>> chart = plots.curves(frame, "loss", color="config.optimizer", table=table, band="minmax")
    >>> chart.title.text
    ['mean and range of 27 runs by config.optimizer']
    """
    weight, shown_band, log_xy = smooth_weight(smooth), band_of(band), log_axes(log)
    sizes(width=width, height=height)
    rows = read_table(histories, "histories", {"y": y, "x": x})
    about = None if table is None else read_table(table, "table", {})
    caption = Caption()
    lines = read_lines(rows, x, y, log_xy, caption)
    if not lines:
        raise InvalidArgumentError(
            f"histories: no row has numbers for both {x!r} and {y!r} that can be drawn"
        )
    for line in lines.values():
        line.points = smoothed(line.points, weight)
    if weight:
        caption.say(f"smoothed by {weight:g}")
    name_lines(lines, about)
    if color is not None:
        color_lines(lines, rows, about, color)
    picture = _Picture(x, y, log_xy, color, width, height)
    if shown_band is None:
        return _draw_runs(lines, picture, caption)
    return _draw_groups(lines, picture, shown_band, caption)


@dataclass(frozen=True, slots=True)
class _Picture:
    """What a chart was asked to show."""

    x: str
    y: str
    log: str
    color: str | None
    width: int
    height: int

    def axis_x(self) -> alt.X:
        return alt.X(
            field="x",
            type="quantitative",
            title=as_title(self.x),
            scale=scale(is_log=True) if "x" in self.log else alt.Scale(zero=False, nice=False),
        )

    def axis_y(self) -> alt.Y:
        return alt.Y(
            field="y",
            type="quantitative",
            title=as_title(self.y),
            scale=scale(is_log="y" in self.log),
        )


def _draw_runs(lines: Mapping[str, Line], picture: _Picture, caption: Caption) -> alt.Chart:
    limit = limit_of(len(lines), picture.width)
    colors = (
        Colors((line.run for line in lines.values()), "run")
        if picture.color is None
        else Colors((line.color for line in lines.values()), picture.color)
    )
    data: list[Datum] = []
    total = drawn = 0
    for run_id, line in lines.items():
        shared: Datum = {"run_id": as_text(run_id), "run": line.run}
        if picture.color is not None:
            shared |= colors.fields(line.color)
        points = thin(line.points, limit, is_log="x" in picture.log)
        total, drawn = total + len(line.points), drawn + len(points)
        data += [{"x": x, "y": y, **shared} for x, y in points]
        # A path of their own, so that its stroke may be broader.
        data += [{"x": x, "y": y, **shared, "dot": True} for x, y in dots_of(points)]
    if drawn < total:
        caption.say(f"{total:,} rows, {drawn:,} drawn: the extremes of each part of a line")
    colors.tell(caption)
    stroke = 2 if len(lines) <= _BOLD else 1.2
    tooltip = [alt.Tooltip(field="run", type="nominal")]
    if picture.color is not None:
        tooltip.append(alt.Tooltip(field="color", type="nominal", title=as_title(picture.color)))
    chart: alt.Chart = (
        alt.Chart(data_of(data), width=picture.width, height=picture.height)
        .mark_line(strokeCap="round", strokeJoin="round", strokeOpacity=opacity(len(lines)))
        .encode(
            x=picture.axis_x(),
            y=picture.axis_y(),
            color=colors.encoding("run" if picture.color is None else "color"),
            strokeWidth=alt.condition("datum.dot", alt.value(3 * stroke), alt.value(stroke)),
            detail=[
                alt.Detail(field="run_id", type="nominal"),
                alt.Detail(field="dot", type="nominal"),
            ],
            tooltip=tooltip,
        )
    )
    return caption.on(chart)


def _draw_groups(
    lines: Mapping[str, Line], picture: _Picture, band: Band, caption: Caption
) -> alt.LayerChart:
    colors = Colors((line.color for line in lines.values()), picture.color or "", is_gradient=False)
    is_log = "x" in picture.log, "y" in picture.log
    groups: dict[Cell, list[Sequence[Point]]] = {}
    for line in lines.values():
        groups.setdefault(line.color, []).append(line.points)
    data: list[Datum] = []
    is_binned = False
    for value, members in groups.items():
        grid, half = grid_of(members, is_log=is_log[0])
        is_binned = is_binned or half > 0
        for x, found in spread(members, grid, half, band, is_log=is_log):
            row: Datum = {"x": x, "y": None, "low": None, "high": None, "runs": 0}
            if found is not None:
                row |= {"y": found.mean, "low": found.low, "high": found.high, "runs": found.runs}
            data.append(row | colors.fields(value))
    what = "range" if band == "minmax" else "standard deviation"
    by = f" by {picture.color}" if picture.color else ""
    caption.say(f"mean and {what} of {len(lines):,} {'run' if len(lines) == 1 else 'runs'}{by}")
    if is_binned:
        caption.say(f"in {BINS} bins of {picture.x}")
    color = colors.encoding() if picture.color is not None else alt.Undefined
    detail = alt.Detail(field="color", type="nominal")
    tooltip = (
        alt.Undefined
        if picture.color is None
        else [alt.Tooltip(field="color", type="nominal", title=as_title(picture.color))]
    )
    base = alt.Chart(data_of(data), width=picture.width, height=picture.height)
    area = base.mark_area(opacity=round(opacity(len(groups)) / 4, 2)).encode(
        x=picture.axis_x(),
        y=alt.Y(
            field="low",
            type="quantitative",
            title=as_title(picture.y),
            scale=scale(is_log=is_log[1]),
        ),
        y2=alt.Y2(field="high"),
        color=color,
        detail=detail,
    )
    mean = base.mark_line(strokeWidth=2, strokeCap="round", strokeJoin="round").encode(
        x=picture.axis_x(), y=picture.axis_y(), color=color, detail=detail, tooltip=tooltip
    )
    return caption.on(alt.LayerChart(layer=[area, mean]))

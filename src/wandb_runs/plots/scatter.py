"""Scatter plots of runs: a point for each run of a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import altair as alt

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.plots.look import (
    HEIGHT,
    WIDTH,
    Caption,
    Colors,
    as_text,
    as_title,
    data_of,
    log_axes,
    scale,
    sizes,
)
from wandb_runs.plots.tables import is_nan, labels_of, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.plots.look import Datum, LogAxes
    from wandb_runs.plots.tables import Frame

__all__ = ["scatter"]

_MOST: Final = 20_000
"""Points that are drawn as they are; of more, one for each cell of the picture."""

_CELL: Final = 3
"""Pixels of a side of a cell."""

_FEW: Final = 500
"""Up to how many points are large."""

_AREA: Final = 60
_SMALL_AREA: Final = 25
"""Square pixels of a point."""


def scatter(
    table: Frame,
    x: str,
    y: str,
    *,
    color: str | None = None,
    log: LogAxes | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.Chart:
    """Draw one number of each run over another.

    A run without one of them has no point, which the caption tells. Of more than 20,000 points, one
    for each 3 by 3 pixels is drawn, and those that are lowest and highest on either axis.

    Args:
        table: A row for each run, as of `runs.table()`: columns such as `config.lr` and
            `summary.loss`, and `id` or `run_id` and `name`, if it has them, for the tooltip.
        x: The column of the horizontal axis.
        y: The column of the vertical axis.
        color: The column that colors points.
        log: The logarithmic axes: `"x"`, `"y"` or `"xy"`.
        width: The width in pixels, without axes and legend.
        height: The height in pixels.

    Returns:
        A chart with the fields `x`, `y`, `id`, `run` (the name) and `color`.

    Raises:
        InvalidArgumentError: There is no such column, or nothing to draw.

    Warns:
        UndrawnWarning: Infinite values, and on logarithmic axes those of 0 or less, are left out.

    >>> from wandb_runs import plots
    >>> chart = plots.scatter(
    ...     runs.table(),
    ...     "config.learning_rate",
    ...     "summary.accuracy",
    ...     color="config.optimizer",
    ...     log="x",
    ... )
    >>> len(chart.data.values)
    27
    """
    log_xy = log_axes(log)
    sizes(width=width, height=height)
    named = {"x": x, "y": y} | ({} if color is None else {"color": color})
    rows = read_table(table, "table", named)
    caption = Caption()
    numbers = {axis: rows.numbers(name, axis) for axis, name in (("x", x), ("y", y))}
    drawable = [
        caption.drawable(numbers[axis], name, is_log=axis in log_xy)
        for axis, name in (("x", x), ("y", y))
    ]
    kept = [at for at, pair in enumerate(zip(*drawable, strict=True)) if None not in pair]
    if not kept:
        raise InvalidArgumentError(f"table: no row has numbers for both {x!r} and {y!r}")
    missing = sum(
        any(value is None or is_nan(value) for value in pair)
        for pair in zip(*numbers.values(), strict=True)
    )
    if missing:
        has = "has" if missing == 1 else "have"
        caption.say(f"{missing:,} of {len(rows):,} runs {has} no {x} or no {y}")
    xs, ys = ([each or 0.0 for each in column] for column in drawable)
    drawn = kept
    if len(kept) > _MOST:
        drawn = _thinned(xs, ys, kept, log_xy, (width, height))
        caption.say(f"{len(kept):,} runs, {len(drawn):,} drawn: those that others do not cover")
    ids, names = labels_of(rows)
    cells = [None] * len(rows) if color is None else rows.cells(color, "color")
    colors = Colors((cells[at] for at in drawn), color or "")
    colors.tell(caption)
    data: list[Datum] = [
        {
            "x": xs[at],
            "y": ys[at],
            "id": as_text(ids[at]),
            "run": as_text(names[at]),
            **colors.fields(cells[at]),
        }
        for at in drawn
    ]
    chart: alt.Chart = (
        alt.Chart(data_of(data), width=width, height=height)
        .mark_circle(size=_AREA if len(drawn) <= _FEW else _SMALL_AREA, opacity=0.7)
        .encode(
            x=alt.X(
                field="x",
                type="quantitative",
                title=as_title(x),
                scale=scale(is_log="x" in log_xy, is_padded=True),
            ),
            y=alt.Y(
                field="y",
                type="quantitative",
                title=as_title(y),
                scale=scale(is_log="y" in log_xy, is_padded=True),
            ),
            color=alt.Undefined if color is None else colors.encoding(symbol="circle"),
            tooltip=[
                alt.Tooltip(field="run", type="nominal"),
                alt.Tooltip(field="x", type="quantitative", title=as_title(x), format=".6~g"),
                alt.Tooltip(field="y", type="quantitative", title=as_title(y), format=".6~g"),
                *(
                    [alt.Tooltip(field="color", type="nominal", title=as_title(color))]
                    if color is not None
                    else []
                ),
            ],
        )
    )
    return caption.on(chart)


def _thinned(
    xs: Sequence[float],
    ys: Sequence[float],
    kept: Sequence[int],
    log: str,
    pixels: tuple[int, int],
) -> list[int]:
    """The points that are drawn of many: one for each cell, and the ends of both axes."""
    columns = [
        _cells([xs[at] for at in kept], pixels[0], is_log="x" in log),
        _cells([ys[at] for at in kept], pixels[1], is_log="y" in log),
    ]
    first: dict[tuple[int, ...], int] = {}
    for at, cell in zip(kept, zip(*columns, strict=True), strict=True):
        first.setdefault(cell, at)
    drawn = {*first.values()}
    for values in (xs, ys):
        by_value = sorted(kept, key=values.__getitem__)
        drawn |= {by_value[0], by_value[-1]}
    return sorted(drawn)


def _cells(values: Sequence[float], pixels: int, *, is_log: bool) -> list[int]:
    """In which cell of an axis each value is."""
    places = [math.log10(each) if is_log else float(each) for each in values]
    start, end = min(places), max(places)
    width = (end / 2 - start / 2) * _CELL / pixels
    if not width:
        return [0] * len(places)
    return [int((each / 2 - start / 2) / width) for each in places]

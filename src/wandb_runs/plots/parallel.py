"""Parallel coordinates: a line for each run across the axes of several columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import altair as alt

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, did_you_mean
from wandb_runs.plots.look import (
    HEIGHT,
    WIDTH,
    Caption,
    Colors,
    as_text,
    as_title,
    data_of,
    opacity,
    sizes,
)
from wandb_runs.plots.tables import is_nan, labels_of, read_table

if TYPE_CHECKING:
    from wandb_runs.plots.look import Datum
    from wandb_runs.plots.tables import Cell, Frame, Table

__all__ = ["parallel"]

_MOST: Final = 2_000
"""The most lines: more are a surface."""

_TICKS: Final = 5


def parallel(
    table: Frame,
    columns: Sequence[str],
    *,
    color: str | None = None,
    log: Sequence[str] = (),
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.LayerChart:
    """Draw each run as a line across an axis for each column.

    An axis of numbers reaches from the lowest to the highest of them; one of texts has its values
    by name. A line is broken where a run has no value. Of more than 2,000 runs, those with the
    lowest and the highest of each column and an even selection of the others are drawn.

    Args:
        table: A row for each run, as of `runs.table()`: columns such as `config.lr` and
            `summary.loss`.
        columns: The columns, two or more, from left to right.
        color: The column that colors lines; the last of `columns` by default.
        log: Those of `columns` whose axes are logarithmic.
        width: The width in pixels, without labels and legend.
        height: The height in pixels.

    Returns:
        A layer of axes, one of lines and two of labels; the lines have the fields `column`, `at`
        (0 to 1), `value` (text), `id`, `run` (the name) and `color`.

    Raises:
        InvalidArgumentError: There is no such column, or nothing to draw.

    Warns:
        UndrawnWarning: Infinite values, and on logarithmic axes those of 0 or less, are left out.

    >>> from wandb_runs import plots
    >>> chart = plots.parallel(
    ...     runs.table(),
    ...     ["config.optimizer", "config.learning_rate", "summary.accuracy"],
    ...     log=["config.learning_rate"],
    ... )
    >>> len(chart.layer)
    4
    """
    sizes(width=width, height=height)
    names = _names(columns, "columns")
    if len(names) <= 1:
        raise InvalidArgumentError("columns must name two or more; plots.bars shows one")
    log_names = _names(log, "log")
    for name in log_names:
        if name not in names:
            raise InvalidArgumentError(
                f"log: {name!r} is none of columns{did_you_mean(name, names)}"
            )
    color = names[-1] if color is None else color
    rows = read_table(table, "table", {"color": color})
    for name in names:
        rows.find(name, "columns")
    caption = Caption()
    axes = [_axis(rows, name, caption, is_log=name in log_names) for name in names]
    used = [at for at in range(len(rows)) if any(axis.places[at] is not None for axis in axes)]
    drawn = _thinned(used, axes)
    if len(drawn) < len(used):
        caption.say(f"{len(used):,} runs, {len(drawn):,} drawn, the extremes among them")
    broken = sum(any(axis.places[at] is None for axis in axes) for at in range(len(rows)))
    if broken:
        what = (
            "lacks a value, and its line is" if broken == 1 else "lack a value, and their lines are"
        )
        caption.say(f"{broken:,} of {len(rows):,} runs {what} broken")
    cells = rows.cells(color, "color")
    colors = Colors((cells[at] for at in drawn), color)
    colors.tell(caption)
    ids, labels = labels_of(rows)
    data: list[Datum] = [
        {
            "column": axis.title,
            "at": axis.places[at],
            "value": axis.texts[at],
            "id": as_text(ids[at]),
            "run": as_text(labels[at]),
            **colors.fields(cells[at]),
        }
        for at in drawn
        for axis in axes
    ]
    return _draw(data, axes, colors, len(drawn), (width, height), caption)


@dataclass(frozen=True, slots=True)
class _Axis:
    """An axis: where on it each row is, from 0 to 1, and its labels."""

    title: str
    places: Sequence[float | None]
    texts: Sequence[str]
    labels: Sequence[tuple[float, str]]


def _names(names: object, argument: str) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise InvalidArgumentError(
            f"{argument} must be a list of names of columns; got {describe(names)}"
        )
    found = [*cast("Iterable[str]", names)]
    if len({*found}) < len(found):
        raise InvalidArgumentError(f"{argument} names a column twice")
    return found


def _axis(rows: Table, name: str, caption: Caption, *, is_log: bool) -> _Axis:
    """The axis of a column.

    Raises:
        InvalidArgumentError: It has no value, or is to be logarithmic and holds text.
    """
    cells = rows.cells(name, "columns")
    present = [each for each in cells if each is not None and not is_nan(each)]
    if not present:
        raise InvalidArgumentError(f"columns: no row has a value for {name!r}")
    title = as_text(name)
    if not is_log and any(
        isinstance(each, bool) or not isinstance(each, int | float) for each in present
    ):
        return _axis_of_texts(title, cells)
    shown = caption.drawable(rows.numbers(name, "columns"), name, is_log=is_log)
    numbers = [each for each in shown if each is not None]
    if not numbers:
        raise InvalidArgumentError(f"columns: no row has a value for {name!r} that can be drawn")
    place = math.log10 if is_log else float
    start, end = place(min(numbers)), place(max(numbers))
    half = end / 2 - start / 2

    def at(number: float) -> float:
        return (place(number) / 2 - start / 2) / half if half else 0.5

    marked = sorted({*numbers})
    if len(marked) > _TICKS:
        ends = [start + (end - start) * part / (_TICKS - 1) for part in range(_TICKS)]
        marked = [10**each if is_log else each for each in ends]
    return _Axis(
        title,
        [None if each is None else at(each) for each in shown],
        ["" if each is None else f"{each:.6g}" for each in shown],
        [(min(max(at(each), 0.0), 1.0), f"{each:.3g}") for each in marked],
    )


_MOST_LABELS: Final = 20
"""The most labels of an axis of texts."""


def _axis_of_texts(title: str, cells: Sequence[Cell]) -> _Axis:
    texts = ["" if each is None or is_nan(each) else as_text(str(each)) for each in cells]
    values = sorted({text for text, cell in zip(texts, cells, strict=True) if cell is not None})
    places = {
        each: at / (len(values) - 1) if len(values) > 1 else 0.5 for at, each in enumerate(values)
    }
    every = -(-len(values) // _MOST_LABELS)
    return _Axis(
        title,
        [None if cell is None else places[text] for text, cell in zip(texts, cells, strict=True)],
        texts,
        [(places[each], each) for each in values[::every]],
    )


def _thinned(used: Sequence[int], axes: Sequence[_Axis]) -> list[int]:
    """The rows that are drawn of many: the ends of each axis, and an even selection."""
    if len(used) <= _MOST:
        return [*used]
    kept: set[int] = set()
    for axis in axes:
        present = [at for at in used if axis.places[at] is not None]
        kept.add(min(present, key=lambda at: axis.places[at] or 0.0))
        kept.add(max(present, key=lambda at: axis.places[at] or 0.0))
    room = max(_MOST - len(kept), 1)
    kept.update(used[at * len(used) // room] for at in range(room))
    return sorted(kept)


def _draw(
    data: list[Datum],
    axes: Sequence[_Axis],
    colors: Colors,
    count: int,
    pixels: tuple[int, int],
    caption: Caption,
) -> alt.LayerChart:
    order = [axis.title for axis in axes]
    marks: list[Datum] = [
        {"column": axis.title, "at": at, "label": label}
        for axis in axes
        for at, label in axis.labels
    ]
    x = alt.X(
        field="column",
        type="nominal",
        sort=order,
        title=None,
        scale=alt.Scale(type="point", padding=0.3),
        axis=alt.Axis(
            orient="top",
            offset=10,
            domain=False,
            ticks=False,
            labelAngle=0,
            labelFontWeight="bold",
            labelLimit=160,
        ),
    )
    y = alt.Y(
        field="at", type="quantitative", axis=None, scale=alt.Scale(domain=[0, 1], nice=False)
    )
    rules = (
        alt.Chart(data_of([{"column": each} for each in order])).mark_rule(color="#aaa").encode(x=x)
    )
    lines = (
        alt.Chart(data_of(data))
        .mark_line(strokeWidth=1.5, strokeJoin="round", strokeOpacity=opacity(count))
        .encode(
            x=x,
            y=y,
            color=colors.encoding(),
            detail=alt.Detail(field="id", type="nominal"),
            tooltip=[
                alt.Tooltip(field="run", type="nominal"),
                alt.Tooltip(field="color", type="nominal", title=as_title(colors.title)),
            ],
        )
    )
    labels: alt.Chart = (
        alt.Chart(data_of(marks))
        .mark_text(align="left", dx=5, fontSize=10, limit=110, color="#222")
        .encode(x=x, y=y, text=alt.Text(field="label", type="nominal"))
    )
    behind = labels.mark_text(
        align="left",
        dx=5,
        fontSize=10,
        limit=110,
        stroke="white",
        strokeWidth=3,
        strokeOpacity=0.8,
    )
    chart = alt.LayerChart(
        layer=[rules, lines, behind, labels],
        view=alt.ViewBackground(stroke=None),
        width=pixels[0],
        height=pixels[1],
    )
    return caption.on(chart)

"""The curves of runs, read from the rows of their histories."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.plots.look import as_text
from wandb_runs.plots.tables import ids_of, is_nan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wandb_runs.plots.look import Caption
    from wandb_runs.plots.tables import Cell, Table
    from wandb_runs.plots.thinning import Point

__all__ = ["Line", "color_lines", "name_lines", "read_lines"]


@dataclass(slots=True)
class Line:
    """The curve of a run.

    Attributes:
        points: Its points, by x.
        run: What the run is called in the picture.
        color: The value that colors it; None for none.
    """

    points: Sequence[Point]
    run: str = ""
    color: Cell = None


def read_lines(rows: Table, x: str, y: str, log: str, caption: Caption) -> dict[str, Line]:
    """The curve of each run with a value, by its id, and what cannot be drawn in the caption."""
    xs, ys = rows.numbers(x, "x"), rows.numbers(y, "y")
    ids = rows.cells("run_id", "run_id") if "run_id" in rows else [""] * len(rows)
    values: dict[str, list[tuple[float, float | None]]] = {}
    shown_x = caption.drawable(xs, x, is_log="x" in log)
    shown_y = caption.drawable(ys, y, is_log="y" in log)
    for run_id, at, value, drawn in zip(ids, shown_x, ys, shown_y, strict=True):
        if at is not None:
            # What cannot be drawn breaks the line; a missing value does not.
            shown = math.nan if drawn is None and value is not None else drawn
            values.setdefault(str(run_id), []).append((float(at), shown))
    found: dict[str, Line] = {}
    for run_id, pairs in values.items():
        pairs.sort(key=lambda pair: pair[0])
        points = _points(pairs, is_ambiguous=rows.is_pandas)
        if any(each is not None for _, each in points):
            found[run_id] = Line(points, as_text(run_id))
    return found


def _points(pairs: Iterable[tuple[float, float | None]], *, is_ambiguous: bool) -> Sequence[Point]:
    """Points with a gap for each NaN, and none for a missing value.

    Args:
        pairs: x and y, by x.
        is_ambiguous: Whether NaN may stand for a missing value.
    """
    points: list[Point] = [(x, None if is_nan(y) else float(y)) for x, y in pairs if y is not None]
    if not is_ambiguous:
        return points
    present = [y is not None for _, y in points]
    around = [False, *present, False]
    alone = sum(
        here and not before and not after
        for before, here, after in zip(around, present, around[2:], strict=False)
    )
    if 2 * alone < sum(present):
        return points
    return [(x, y) for x, y in points if y is not None]


def name_lines(lines: Mapping[str, Line], about: Table | None) -> None:
    """Show the names of runs for their ids, with the id where several have one name."""
    if about is None or "name" not in about:
        return
    names = dict(zip(ids_of(about), about.cells("name", "name"), strict=True))
    held = [names.get(run_id) for run_id in lines]
    for run_id, line in lines.items():
        name = names.get(run_id)
        if name is not None:
            shown = str(name) if held.count(name) == 1 else f"{name} ({run_id})"
            line.run = as_text(shown)


def color_lines(lines: Mapping[str, Line], rows: Table, about: Table | None, color: str) -> None:
    """Give each line the value that colors it.

    Raises:
        InvalidArgumentError: No frame has the column, or a run has several values.
    """
    if about is None or color in rows:
        ids = rows.cells("run_id", "color") if "run_id" in rows else [""] * len(rows)
        pairs = zip(map(str, ids), rows.cells(color, "color"), strict=True)
    else:
        pairs = zip(ids_of(about), about.cells(color, "color"), strict=True)
    for run_id, value in pairs:
        line = lines.get(run_id)
        if line is None or value is None or is_nan(value):
            continue
        if line.color not in (None, value):
            raise InvalidArgumentError(
                f"color: run {run_id!r} has several values of {color!r}, and a line has one color"
            )
        line.color = value

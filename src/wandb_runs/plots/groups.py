"""The mean of a group's runs at each x, and a band around it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandb_runs.plots.thinning import Point

__all__ = ["BINS", "Band", "Spread", "band_of", "grid_of", "spread", "spread_of"]

Band: TypeAlias = Literal["minmax", "std"]
"""What a band shows: all values, or those within one standard deviation of the mean."""

BINS: Final = 500
"""The most x of a group: where its runs have more, they are put in bins of equal width."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of a group's runs at one x, or in one group of a table.

    Attributes:
        mean: Their mean.
        low: The lower end of the band.
        high: The upper end of the band.
        runs: How many runs have a value.
    """

    mean: float
    low: float
    high: float
    runs: int


def band_of(band: object) -> Band | None:
    """The value of `band=`.

    Raises:
        InvalidArgumentError: It is none.
    """
    if band is None:
        return None
    if band == "minmax":
        return "minmax"
    if band == "std":
        return "std"
    if not isinstance(band, str):
        raise InvalidArgumentError(f"band must be None, 'minmax' or 'std'; got {describe(band)}")
    raise InvalidArgumentError(f"band={band!r}{did_you_mean(band, get_args(Band))}")


def spread_of(
    means: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    band: Band,
    *,
    is_log: bool = False,
) -> Spread:
    """The mean of some runs' values, and a band around it.

    Args:
        means: A value of each run.
        lows: The lowest value of each run.
        highs: The highest value of each run.
        band: What the band shows. The standard deviation is that of a sample, 0 of one run.
        is_log: Whether the axis is logarithmic, so that the band has to stay above 0.

    >>> spread_of([1.0, 3.0], [0.0, 3.0], [1.0, 4.0], "minmax")
    Spread(mean=2.0, low=0.0, high=4.0, runs=2)
    """
    count = len(means)
    mean = math.fsum(each / count for each in means)
    if band == "minmax":
        return Spread(mean, min(lows), max(highs), count)
    if count == 1:
        return Spread(mean, mean, mean, 1)
    deviation = math.hypot(*(each - mean for each in means)) / math.sqrt(count - 1)
    low = mean - deviation
    return Spread(mean, min(lows) if is_log and low <= 0 else low, mean + deviation, count)


def grid_of(curves: Iterable[Sequence[Point]], *, is_log: bool) -> tuple[list[float], float]:
    """Where a group has its points: each x of its runs, or the middles of bins.

    Args:
        curves: The runs' points.
        is_log: Whether the axis is logarithmic, and so are bins.

    Returns:
        The x, in order, and half the width of a bin, or 0 for each x. On a logarithmic axis that is
        half the width of the bin's logarithm.
    """
    distinct = sorted({x for points in curves for x, _ in points})
    if len(distinct) <= BINS:
        return distinct, 0.0
    start, end = distinct[0], distinct[-1]
    if is_log:
        start, end = math.log10(start), math.log10(end)
    half = (end / 2 - start / 2) / BINS
    middles = [start + (2 * at + 1) * half for at in range(BINS)]
    return [10**each for each in middles] if is_log else middles, half


def spread(
    curves: Sequence[Sequence[Point]],
    grid: Sequence[float],
    half: float,
    band: Band,
    *,
    is_log: tuple[bool, bool],
) -> list[tuple[float, Spread | None]]:
    """The mean of some runs and a band, at each x of a grid.

    A run counts with its own points there, or else with the line between those on either side. It
    does not count before its first point, after its last one, and in its gaps.

    Args:
        curves: The runs' points, each by x.
        grid: The x.
        half: Half the width of a bin; 0 where the grid has each x of the runs.
        band: What the band shows.
        is_log: Whether the axes of x and y are logarithmic.

    Returns:
        The x, each with the values there; None where no run has one.
    """
    columns = [_at_grid(points, grid, half, is_log=is_log[0]) for points in curves]
    found: list[tuple[float, Spread | None]] = []
    for at, x in enumerate(grid):
        present = [column[at] for column in columns]
        kept = [each for each in present if each is not None]
        if not kept:
            found.append((x, None))
            continue
        means, lows, highs = zip(*kept, strict=True)
        found.append((x, spread_of(means, lows, highs, band, is_log=is_log[1])))
    return found


def _at_grid(
    points: Sequence[Point], grid: Sequence[float], half: float, *, is_log: bool
) -> list[tuple[float, float, float] | None]:
    """The mean, the lowest and the highest value of one run at each x of a grid."""
    xs = [x for x, _ in points]
    if half and is_log:
        edges = [(x / 10**half, x * 10**half) for x in grid]
    else:
        edges = [(x - half, x + half) for x in grid]
    found: list[tuple[float, float, float] | None] = []
    for x, (low, high) in zip(grid, edges, strict=True):
        within = points[bisect_left(xs, low) : bisect_right(xs, high)]
        values = [y for _, y in within if y is not None]
        if values:
            count = len(values)
            found.append((math.fsum(y / count for y in values), min(values), max(values)))
        elif within:
            found.append(None)
        else:
            found.append(_between(points, bisect_left(xs, x), x))
    return found


def _between(points: Sequence[Point], after: int, x: float) -> tuple[float, float, float] | None:
    """The value on the line between two points; None outside of them and in a gap."""
    if not 0 < after < len(points):
        return None
    (x0, y0), (x1, y1) = points[after - 1], points[after]
    if y0 is None or y1 is None:
        return None
    part = (x - x0) / (x1 - x0)
    value = y0 * (1 - part) + y1 * part
    return value, value, value

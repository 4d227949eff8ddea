"""Curves of as many points as a picture can show, with their extremes.

The axis is divided into buckets of equal width; of each, the lowest and the highest point are kept.
So are the first and the last point of the curve, and gaps between buckets with the points beside.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Point", "dots_of", "limit_of", "thin"]

Point: TypeAlias = "tuple[float, float | None]"
"""x, and y or None for a gap."""

_IN_ALL: Final = 20_000
"""Points of a picture, beyond which browsers and notebooks are slow."""

_LEAST: Final = 20
"""Points of a curve, however many curves there are."""


def limit_of(curves: int, width: int) -> int:
    """The most points of each curve of a picture: two for a pixel, fewer where there are many.

    >>> limit_of(1, 600), limit_of(100, 600), limit_of(10_000, 600)
    (1200, 200, 20)
    """
    return max(_LEAST, min(2 * width, _IN_ALL // max(curves, 1)))


def thin(points: Sequence[Point], limit: int, *, is_log: bool = False) -> Sequence[Point]:
    """The points of a curve that are drawn.

    Args:
        points: The points, by x.
        limit: The most points that are kept, gaps among them, 4 or more.
        is_log: Whether the axis is logarithmic, and each x positive.

    Returns:
        All points, if these are not more. Otherwise some, in order: the first and the last with a
        y are among them, and those with the lowest and the highest y.

    >>> points = [(float(x), 9.0 if x == 50 else 1.0) for x in range(100)]
    >>> (50.0, 9.0) in thin(points, 10), len(thin(points, 10)) <= 10
    (True, True)
    """
    if len(points) <= limit:
        return points
    present = [at for at, (_, y) in enumerate(points) if y is not None]
    if not present:
        return ()
    gaps = _gaps(points)
    has_gaps = gaps[present[0]] != gaps[present[-1]]
    # Of each bucket at most two points, those beside gaps before and behind it, and a gap.
    count = (limit + 1) // 5 if has_gaps else (limit - 2) // 2
    buckets = [*_buckets(points, present, max(count, 1), is_log=is_log)]
    found: list[Point] = []
    for at, bucket in enumerate(buckets):
        chosen = {min(bucket, key=lambda at: points[at][1] or 0.0)}
        chosen.add(max(bucket, key=lambda at: points[at][1] or 0.0))
        is_first, is_last = at == 0, at == len(buckets) - 1
        is_behind_gap = not is_first and gaps[buckets[at - 1][-1]] != gaps[bucket[0]]
        if is_first or is_behind_gap:
            chosen.add(bucket[0])
        if is_last or gaps[bucket[-1]] != gaps[buckets[at + 1][0]]:
            chosen.add(bucket[-1])
        if is_behind_gap:
            found.append((points[bucket[0]][0], None))
        found += [points[each] for each in sorted(chosen)]
    return found


def dots_of(points: Sequence[Point]) -> Sequence[Point]:
    """The points with gaps on both sides, which no line joins, each with a gap behind it.

    >>> dots_of([(0, 1.0), (1, None), (2, 4.0), (3, 5.0)])
    [(0, 1.0), (0, None)]
    """
    found: list[Point] = []
    before: float | None = None
    for at, (x, y) in enumerate(points):
        after = points[at + 1][1] if at + 1 < len(points) else None
        if y is not None and before is None and after is None:
            found += [(x, y), (x, None)]
        before = y
    return found


def _buckets(
    points: Sequence[Point], present: Sequence[int], count: int, *, is_log: bool
) -> Iterator[list[int]]:
    """The indices of points with a y, in at most `count` buckets of equal width, none empty."""
    place = math.log10 if is_log else float
    start, end = place(points[present[0]][0]), place(points[present[-1]][0])
    # Halves, so that no difference of two floats overflows.
    width = (end / 2 - start / 2) / count
    bucket: list[int] = []
    number = -1
    for index in present:
        offset = place(points[index][0]) / 2 - start / 2
        at = min(int(offset / width), count - 1) if width > 0 else 0
        if at != number and bucket:
            yield bucket
            bucket = []
        number = at
        bucket.append(index)
    yield bucket


def _gaps(points: Sequence[Point]) -> list[int]:
    """For each point, how many gaps are before it."""
    count, found = 0, list[int]()
    for _, y in points:
        count += y is None
        found.append(count)
    return found

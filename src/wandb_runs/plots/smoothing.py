"""Smoothing of curves, as the exponential moving average of W&B's charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.plots.thinning import Point

__all__ = ["smooth_weight", "smoothed"]


def smooth_weight(smooth: object) -> float:
    """The weight of `smooth=`; 0 for None.

    Raises:
        InvalidArgumentError: It is no number from 0 up to, but not including, 1.
    """
    if smooth is None:
        return 0.0
    if isinstance(smooth, bool) or not isinstance(smooth, int | float) or not 0 <= smooth < 1:
        raise InvalidArgumentError(
            "smooth must be None or a number from 0 up to, but not including, 1, as 0.9; got "
            f"{describe(smooth)}"
        )
    return float(smooth)


def smoothed(points: Sequence[Point], weight: float) -> Sequence[Point]:
    """The exponential moving average of a curve.

    Each value is the mean of those up to it, of which each counts `weight` times as much as the
    next one; so the first values are not drawn towards 0. A gap stays, and has no weight.

    Source: <https://docs.wandb.ai/models/app/features/panels/line-plot/smoothing>, "Exponential
    moving average", which is TensorBoard's, too.

    Args:
        points: The points, by x.
        weight: From 0, for no smoothing, up to, but not including, 1.

    >>> smoothed([(0, 1.0), (1, None), (2, 4.0)], 0.5)
    [(0, 1.0), (1, None), (2, 3.0)]
    """
    if not weight:
        return points
    found: list[Point] = []
    mean, debias = 0.0, 0.0
    for x, y in points:
        if y is None:
            found.append((x, None))
            continue
        mean = mean * weight + (1 - weight) * y
        debias = debias * weight + (1 - weight)
        found.append((x, mean / debias))
    return found

"""What is computed of curves: thinning, smoothing, means and bands, each beside a simple model."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wandb_runs.plots.groups import grid_of, spread, spread_of
from wandb_runs.plots.smoothing import smoothed
from wandb_runs.plots.thinning import dots_of, limit_of, thin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.plots.thinning import Point

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
X = FLOATS | st.integers(0, 50).map(float)
Y = st.none() | FLOATS | st.integers(-2, 2).map(float)


def by_x(points: list[tuple[float, float | None]]) -> list[Point]:
    return sorted(points, key=lambda point: point[0])


CURVES = st.lists(st.tuples(X, Y), max_size=200).map(by_x)
POSITIVE = st.lists(
    st.tuples(st.floats(1e-300, 1e300), Y), max_size=100
).map(by_x)  # fmt: skip


def runs_of(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if point[1] is not None]


@given(CURVES, st.integers(4, 60))
@example([(float(x), None if x % 2 else 1.0) for x in range(200)], 4)
@example([(-1.7e308, 1.0), *[(0.0, 2.0)] * 10, (1.7e308, 1.0)], 4)
@example([(0.0, 1.0), *[(5e-324, 2.0)] * 10], 4)
def test_a_thinned_curve_keeps_its_ends_and_extremes(points: list[Point], limit: int) -> None:
    kept = thin(points, limit)
    assert len(kept) <= limit
    if len(points) <= limit:
        assert kept == points
        return
    before, after = runs_of(points), runs_of(kept)
    if not before:
        assert not kept
        return
    assert after[0][0] == before[0][0]
    assert after[-1][0] == before[-1][0]
    values, shown = [y for _, y in before], [y for _, y in after]
    assert shown[0] == values[0]
    assert shown[-1] == values[-1]
    assert {min(filter_none(values)), max(filter_none(values))} <= {*shown}
    assert [*map(point_x, kept)] == sorted(map(point_x, kept))
    remaining = iter(before)
    assert all(any(each == point for each in remaining) for point in after), "in their order"


def filter_none(values: Sequence[float | None]) -> list[float]:
    return [each for each in values if each is not None]


def point_x(point: Point) -> float:
    return point[0]


@given(POSITIVE, st.integers(4, 30))
def test_a_logarithmic_axis_is_thinned_likewise(points: list[Point], limit: int) -> None:
    kept = thin(points, limit, is_log=True)
    assert len(kept) <= limit
    values = filter_none([y for _, y in points])
    if values:
        assert {min(values), max(values)} <= {y for _, y in kept}


def test_a_gap_that_a_picture_shows_is_kept() -> None:
    points: list[Point] = [(float(x), None if 300 <= x < 600 else math.sin(x)) for x in range(1000)]
    kept = thin(points, 100)
    gaps = [at for at, (_, y) in enumerate(kept) if y is None]
    assert len(gaps) == 1
    (before, _), (after, _) = kept[gaps[0] - 1], kept[gaps[0] + 1]
    assert (before, after) == (299, 600)


def test_a_curve_without_gaps_has_none_when_it_is_thinned() -> None:
    kept = thin([(float(x), math.sin(x)) for x in range(1000)], 100)
    assert not [y for _, y in kept if y is None]
    assert len(kept) > 50


@given(st.integers(1, 10_000), st.integers(20, 10_000))
def test_a_picture_has_a_bounded_number_of_points(curves: int, width: int) -> None:
    limit = limit_of(curves, width)
    assert 20 <= limit <= max(2 * width, 20)
    assert curves * limit <= max(20_000, 20 * curves)


@given(CURVES)
def test_dots_are_the_points_that_no_line_joins(points: list[Point]) -> None:
    padded = [None, *(y for _, y in points), None]
    alone = [
        points[at]
        for at in range(len(points))
        if padded[at] is None and padded[at + 1] is not None and padded[at + 2] is None
    ]
    assert runs_of(dots_of(points)) == alone
    assert all(left is None or right is None for (_, left), (_, right) in pairwise(dots_of(points)))


@given(
    st.lists(st.tuples(st.integers(0, 99).map(float), st.none() | st.floats(-9, 9)), max_size=30),
    st.floats(0, 0.99),
)
def test_smoothing_is_a_weighted_mean_of_the_values_so_far(
    points: list[Point], weight: float
) -> None:
    found = smoothed(points, weight)
    assert [(x, y is None) for x, y in found] == [(x, y is None) for x, y in points]
    values: list[float] = []
    for (_, y), (_, mean) in zip(points, found, strict=True):
        if y is None or mean is None:
            continue
        values.append(y)
        weights = [weight**age for age in reversed(range(len(values)))]
        total = sum(each * value for each, value in zip(weights, values, strict=True))
        assert mean == pytest.approx(total / sum(weights), abs=1e-9)


GROUPS = st.lists(
    st.lists(st.tuples(st.integers(0, 30).map(float), st.none() | st.floats(-9, 9)), max_size=20)
    .map(by_x)
    .map(lambda points: [*dict(points).items()]),
    min_size=1,
    max_size=4,
)


def model_at(points: Sequence[Point], x: float) -> float | None:
    """The value of a run at an x: its own, or on the line between its neighbours."""
    for at, value in points:
        if at == x:
            return value
    before, after = ([p for p in points if p[0] < x], [p for p in points if p[0] > x])
    if not before or not after:
        return None
    (x0, y0), (x1, y1) = before[-1], after[0]
    if y0 is None or y1 is None:
        return None
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


@given(GROUPS)
def test_a_group_has_the_mean_and_the_range_of_its_runs_at_each_x(
    curves: list[list[Point]],
) -> None:
    grid, half = grid_of(curves, is_log=False)
    assert half == 0
    assert grid == sorted({x for points in curves for x, _ in points})
    for x, found in spread(curves, grid, half, "minmax", is_log=(False, False)):
        values = filter_none([model_at(points, x) for points in curves])
        if not values:
            assert found is None
            continue
        assert found is not None
        assert found.runs == len(values)
        assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-9)
        assert (found.low, found.high) == pytest.approx((min(values), max(values)), abs=1e-9)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_a_band_of_std_is_one_standard_deviation_on_either_side(values: list[float]) -> None:
    found = spread_of(values, values, values, "std")
    deviation = statistics.stdev(values) if len(values) > 1 else 0
    assert found.high - found.mean == pytest.approx(deviation, rel=1e-6, abs=1e-6)
    assert found.mean - found.low == pytest.approx(deviation, rel=1e-6, abs=1e-6)
    raised = spread_of([abs(each) + 1 for each in values], [1.0], [1.0], "std", is_log=True)
    assert raised.low > 0


@pytest.mark.parametrize("is_log", [False, True])
def test_many_x_are_put_in_bins_that_keep_the_range(is_log: bool) -> None:
    curves: list[list[Point]] = [
        [(float(x + 1), math.sin(x / 90 + run)) for x in range(run, 3000, 2)] for run in range(3)
    ]
    curves[1][700] = (curves[1][700][0], 99.0)
    grid, half = grid_of(curves, is_log=is_log)
    assert len(grid) == 500
    found = [each for _, each in spread(curves, grid, half, "minmax", is_log=(is_log, False))]
    assert max(each.high for each in found if each) == 99
    assert min(each.low for each in found if each) == min(
        y for points in curves for _, y in points if y is not None
    )
    assert all(each is not None and each.runs for each in found[2:-2])

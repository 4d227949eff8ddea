"""What was measured, as a table in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmark.measure import median_of

if TYPE_CHECKING:
    from benchmark.jobs import Job
    from benchmark.measure import Measurement, Measurements
    from benchmark.work import Side

__all__ = ["HEADINGS", "comparisons", "row"]

HEADINGS: Final = (
    "work",
    "to reach",
    "wandb s",
    "ours s",
    "ratio",
    "floor s",
    "ours/floor",
    "requests w/o/f",
    "peak MB w/o/f",
    "replay % w/o/f",
)
"""The columns; `w/o/f` is wandb, ours and the floor."""

SIDES: Final[tuple[Side, ...]] = ("wandb", "ours", "floor")
MEGABYTE: Final = 10**6


def row(job: Job, measured: Measurements) -> str:
    """One row: medians of times and of the server's share, the most memory of any round."""
    seconds = {
        side: median_of(done, lambda one: one.wall if job.is_wall else one.report["seconds"])
        for side, done in measured.items()
    }
    cells = [
        job.title,
        job.goal,
        *(f"{seconds[side]:.3f}" if side in seconds else "" for side in ("wandb", "ours")),
        f"{seconds['wandb'] / seconds['ours']:.1f}" if "wandb" in seconds else "",
        f"{seconds['floor']:.3f}" if "floor" in seconds else "",
        f"{seconds['ours'] / seconds['floor']:.2f}" if "floor" in seconds else "",
    ]
    shown: list[Side] = [side for side in SIDES if side in measured]
    cells += [
        " / ".join(f"{median_of(measured[side], _requests):.0f}" for side in shown),
        " / ".join(f"{max(map(_peak, measured[side])) / MEGABYTE:.0f}" for side in shown),
        " / ".join(f"{_share(job, measured, side):.1f}" for side in shown),
    ]
    return f"| {' | '.join(cells)} |"


def comparisons(measured: dict[str, Measurements]) -> list[str]:
    """What no row can say by itself: memory against memory, and what was imported."""
    lines: list[str] = []
    if "import" in measured:
        found = sorted({name for one in measured["import"]["ours"] for name in _libraries(one)})
        lines.append(f"imported by ours in `import`: {', '.join(found) or 'no frame library'}")
    if "stream" in measured and "stream-many" in measured:
        few, many = (median_of(measured[name]["ours"], _peak) for name in ("stream", "stream-many"))
        lines.append(f"peak memory of `stream-many` against `stream`: {many / few:.2f} times")
    if "long" in measured:
        for one in measured["long"]["ours"]:
            size, before = one.report["size"], one.report["before"]
            lines.append(
                f"peak memory of `long`: {_peak(one) / size:.2f} times the frame of "
                f"{size / MEGABYTE:.0f} MB, {(_peak(one) - before) / size:.2f} times without "
                f"the {before / MEGABYTE:.0f} MB held before"
            )
    return lines


def _share(job: Job, measured: Measurements, side: Side) -> float:
    return 100 * median_of(
        measured[side],
        lambda one: one.counts["cpu"] / (one.wall if job.is_wall else one.report["seconds"]),
    )


def _requests(one: Measurement) -> float:
    return one.counts["requests"]


def _peak(one: Measurement) -> float:
    return one.report["peak"]


def _libraries(one: Measurement) -> list[str]:
    return one.report["libraries"]

"""The measurements as a table in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmark.measure import median_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.jobs import Job
    from benchmark.measure import Measurement, Measurements
    from benchmark.work import Side

__all__ = ["comparisons", "headings", "row"]

RATIOS: Final[tuple[tuple[Side, Side], ...]] = (
    ("wandb", "ours"),
    ("fastest", "ours"),
    ("ours", "floor"),
    ("ours", "other"),
)
MEGABYTE: Final = 10**6


def headings(sides: Sequence[Side]) -> list[str]:
    """The column headings for these sides."""
    return [
        "work",
        "to reach",
        *(f"{side} s" for side in sides),
        *("/".join(pair) for pair in _ratios(sides)),
        *(f"{what} {'/'.join(sides)}" for what in ("requests", "MB", "peak MB", "replay %")),
    ]


def row(job: Job, measured: Measurements, sides: Sequence[Side]) -> str:
    """One row: median times, median shares of the server, and peak memory of all rounds."""
    seconds = {
        side: median_of(done, lambda one: one.wall if job.is_wall else one.report["seconds"])
        for side, done in measured.items()
    }
    cells = [
        job.title,
        job.goal,
        *(f"{seconds[side]:.3f}" if side in seconds else "" for side in sides),
        *(
            f"{seconds[one] / seconds[two]:.2f}" if {one, two} <= seconds.keys() else ""
            for one, two in _ratios(sides)
        ),
    ]
    shown: list[Side] = [side for side in sides if side in measured]
    cells += [
        " / ".join(f"{median_of(measured[side], _requests):.0f}" for side in shown),
        " / ".join(f"{median_of(measured[side], _sent) / MEGABYTE:.1f}" for side in shown),
        " / ".join(f"{max(map(_peak, measured[side])) / MEGABYTE:.0f}" for side in shown),
        " / ".join(f"{_share(job, measured, side):.1f}" for side in shown),
    ]
    return f"| {' | '.join(cells)} |"


def comparisons(measured: dict[str, Measurements]) -> list[str]:
    """Lines below the table: imported libraries, and ratios of memory."""
    lines: list[str] = []
    if "import" in measured:
        found = sorted({name for one in measured["import"]["ours"] for name in _libraries(one)})
        lines.append(f"imported by ours in `import`: {', '.join(found) or 'no frame library'}")
    for outer in (name for name in measured if name.endswith("-outer")):
        inner = outer.replace("-outer", "-inner")
        if inner in measured:
            slow, fast = (median_of(measured[name]["ours"], _per_value) for name in (outer, inner))
            lines.append(
                f"time per value of `{outer}` against `{inner}`: {slow / fast:.2f} times "
                f"({slow:.2f} and {fast:.2f} µs)"
            )
    if "stream" in measured and "stream-many" in measured:
        few, many = (median_of(measured[name]["ours"], _peak) for name in ("stream", "stream-many"))
        lines.append(f"peak memory of `stream-many` against `stream`: {many / few:.2f} times")
    for name in ("long", "exact"):
        for one in measured.get(name, {}).get("ours", []):
            size, before = one.report["size"], one.report["before"]
            lines.append(
                f"peak memory of `{name}`: {_peak(one) / size:.2f} times the frame of "
                f"{size / MEGABYTE:.0f} MB, {(_peak(one) - before) / size:.2f} times without "
                f"the {before / MEGABYTE:.0f} MB held before"
            )
    return lines


def _ratios(sides: Sequence[Side]) -> list[tuple[Side, Side]]:
    return [pair for pair in RATIOS if {*pair} <= {*sides}]


def _share(job: Job, measured: Measurements, side: Side) -> float:
    return 100 * median_of(
        measured[side],
        lambda one: one.counts["cpu"] / (one.wall if job.is_wall else one.report["seconds"]),
    )


def _per_value(one: Measurement) -> float:
    return 1e6 * one.report["seconds"] / one.report["values"]


def _requests(one: Measurement) -> float:
    return one.counts["requests"]


def _sent(one: Measurement) -> float:
    return one.counts["sent"]


def _peak(one: Measurement) -> float:
    return one.report["peak"]


def _libraries(one: Measurement) -> list[str]:
    return one.report["libraries"]

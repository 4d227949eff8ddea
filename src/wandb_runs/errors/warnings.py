"""Warnings: what a result lacks, or holds in another order, though no request failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from wandb_runs.errors.suggest import name_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DriftWarning", "EmptyJoinWarning", "UnknownMetricWarning", "describe_drift"]


class EmptyJoinWarning(UserWarning):
    """Runs came out empty though all metrics asked for have rows: never in the same one.

    Programs that log their metrics in calls of their own write such runs; `join="outer"` reads
    them.

    Attributes:
        run_ids: The runs.
    """

    run_ids: Sequence[str]

    def __init__(self, run_ids: Sequence[str]) -> None:
        self.run_ids = list(run_ids)
        super().__init__(self.run_ids)

    @override
    def __str__(self) -> str:
        return (
            f"{name_runs(self.run_ids)} logged each of the keys, and never in the same row, so "
            'that join="inner" leaves nothing; pass join="outer"'
        )


class DriftWarning(UserWarning):
    """A listing came through a project that changed meanwhile, and not all could be set right.

    Attributes:
        late: The ids of runs that jumped over the reader, since the listing's order changes with
            what they log: they came after all others, out of their order.
        nulls: How many runs the server gave as null, so that they could not be listed.
        gone: The ids of runs that were listed before, and are there no more.
    """

    late: Sequence[str]
    nulls: int
    gone: Sequence[str]

    def __init__(self, late: Sequence[str] = (), nulls: int = 0, gone: Sequence[str] = ()) -> None:
        self.late = list(late)
        self.nulls = nulls
        self.gone = list(gone)
        super().__init__(self.late, self.nulls, self.gone)

    @override
    def __str__(self) -> str:
        return describe_drift(self.late, self.nulls, self.gone)


class UnknownMetricWarning(UserWarning):
    """No run has a row of the metrics asked for, and one that was looked at lacks some of them.

    Attributes:
        run_id: The run that was looked at.
        nearest: The metrics that it lacks, each with the nearest that it has, or None.
    """

    run_id: str
    nearest: Mapping[str, str | None]

    def __init__(self, run_id: str, nearest: Mapping[str, str | None]) -> None:
        self.run_id = run_id
        self.nearest = dict(nearest)
        super().__init__(run_id, self.nearest)

    @override
    def __str__(self) -> str:
        hints = (
            f"{name!r} (did you mean {near!r}?)" if near else repr(name)
            for name, near in self.nearest.items()
        )
        return f"no run has a row; run {self.run_id!r}, for one, has no {' and no '.join(hints)}"


def describe_drift(late: Sequence[str], nulls: int, gone: Sequence[str]) -> str:
    """Say what moved, came as null or is gone, and what to do about it."""
    said: list[str] = []
    if late:
        said.append(
            f"{name_runs(late)} changed their places while the runs were listed, and came last, "
            "out of order; order by 'created_at', which nothing changes"
        )
    if nulls:
        said.append(
            f"{nulls} of the runs came as null, and are missing; list them again, or ask for less "
            "(config_keys=, summary_keys=)"
        )
    if gone:
        said.append(f"{name_runs(gone)} were listed before, and are there no more; list them again")
    return "; ".join(said)

"""Warnings: a result is incomplete or out of order, although no request failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from wandb_runs.errors.suggest import name_runs
from wandb_runs.errors.text import as_message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DriftWarning", "EmptyJoinWarning", "UnknownMetricWarning", "describe_drift"]


class EmptyJoinWarning(UserWarning):
    """Runs without a row in an inner join that have rows of each key, and none with all of them.

    Programs that log each metric by a separate call write such runs; `join="outer"` reads them.
    A row needs the x axis as well, in an outer join, too: there, some key of the runs has no row,
    and was logged apart from the x axis. With `x_axis="_step"`, which every row has, and the x
    axis among the keys, an outer join reads all of them.

    Attributes:
        run_ids: The ids of the runs.
        x_axis: The x axis of the call.
    """

    run_ids: Sequence[str]
    x_axis: str

    def __init__(self, run_ids: Sequence[str], x_axis: str = "_step") -> None:
        self.run_ids = list(run_ids)
        self.x_axis = x_axis
        super().__init__(self.run_ids, x_axis)

    @override
    def __str__(self) -> str:
        if self.x_axis != "_step":
            return as_message(
                f"{name_runs(self.run_ids)} logged keys and the x axis {self.x_axis!r} in separate "
                "rows, and rows without all that is joined are left out; pass "
                f'keys=[..., {self.x_axis!r}], x_axis="_step" and join="outer"'
            )
        return as_message(
            f"{name_runs(self.run_ids)} logged each of the keys, and never in the same row, so "
            'that join="inner" has no rows of theirs; pass join="outer"'
        )


class DriftWarning(UserWarning):
    """The project changed during a listing, and the result is out of order or incomplete.

    Attributes:
        late: The ids of runs that moved to earlier pages during the listing, by what they logged:
            they come after all others, out of order.
        nulls: The number of runs that the server returned as null, which are missing.
        gone: The ids of runs that were listed before and no longer exist.
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
        return as_message(describe_drift(self.late, self.nulls, self.gone))


class UnknownMetricWarning(UserWarning):
    """No run has a row of the requested metrics; one run was checked, and lacks some of them.

    Attributes:
        run_id: The run that was checked.
        nearest: The metrics that it lacks, each with its most similar metric or None.
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
        return as_message(
            f"no run has a row; run {self.run_id!r}, for one, has no {' and no '.join(hints)}"
        )


def describe_drift(late: Sequence[str], nulls: int, gone: Sequence[str]) -> str:
    """The message about runs that moved, are null or no longer exist, and what to do."""
    parts: list[str] = []
    if late:
        parts.append(
            f"{name_runs(late)} changed their places during the listing, and come last, out "
            "of order; order by 'created_at', which never changes"
        )
    if nulls:
        parts.append(
            f"{nulls} of the runs came as null, and are missing; list them again, or request less "
            "(config_keys=, summary_keys=)"
        )
    if gone:
        parts.append(f"{name_runs(gone)} were listed before and no longer exist; list them again")
    return "; ".join(parts)

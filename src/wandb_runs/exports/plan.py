"""What an export has to do: which runs belong to which part, and which changed. Without any I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wandb_runs.errors.text import FieldsRepr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs.exports.facts import PartFacts, RunFacts, RunStatus
    from wandb_runs.exports.jobs import ListedRun

__all__ = ["MOST_ROWS", "PartPlan", "assign", "is_live", "plan_parts", "status_of"]

_GOING_ON: Final = frozenset({"running", "pending", "preempting"})
"""States of runs that may log more before they end."""

MOST_ROWS: Final = 1_000_000
"""Rows of a part, as far as runs tell theirs before: one that changed is read and written whole."""


@dataclass(frozen=True, slots=True, repr=False)
class PartPlan(FieldsRepr):
    """What there is to do for a part.

    Attributes:
        number: The part.
        changed: The runs whose rows are fetched.
        is_there: Whether there is a file of it.
    """

    number: int
    changed: Sequence[ListedRun]
    is_there: bool


def assign(
    known: Mapping[str, int], listed: Sequence[ListedRun], runs_per_part: int
) -> dict[str, int]:
    """The part of each run: for ever the same, and new runs in the last part until it is full.

    So the files that a night's new rows go into are the last ones: what changes are recent runs.

    >>> from wandb_runs.exports.jobs import ListedRun
    >>> new = [ListedRun(name, "finished", None, 9) for name in ("b", "c", "d")]
    >>> assign({"a": 0}, new, runs_per_part=2)
    {'a': 0, 'b': 0, 'c': 1, 'd': 1}

    Args:
        known: The parts of the runs that have one.
        listed: The runs of the listing, the oldest first.
        runs_per_part: Runs of a part at most.
    """
    assigned = dict(known)
    last = max(known.values(), default=0)
    lines = {run.id: run.lines or 0 for run in listed}
    in_last = [name for name, number in known.items() if number == last]
    count, rows = len(in_last), sum(lines.get(name, 0) for name in in_last)
    for run in listed:
        if run.id in assigned:
            continue
        if count and (count >= runs_per_part or rows + lines[run.id] > MOST_ROWS):
            last, count, rows = last + 1, 0, 0
        assigned[run.id] = last
        count, rows = count + 1, rows + lines[run.id]
    return assigned


def plan_parts(
    assigned: Mapping[str, int],
    listed: Sequence[ListedRun],
    there: Mapping[int, PartFacts],
) -> list[PartPlan]:
    """The parts that have to be written, in their order.

    Args:
        assigned: The part of each run.
        listed: The runs of the listing.
        there: What the parts say that are there.
    """
    known = {each.id: each for facts in there.values() for each in facts.runs}
    changed: dict[int, list[ListedRun]] = {}
    for run in listed:
        if _has_changed(run, known.get(run.id)):
            changed.setdefault(assigned[run.id], []).append(run)
    return [PartPlan(number, changed[number], number in there) for number in sorted(changed)]


def is_live(run: ListedRun) -> bool:
    """Whether a run may log more before it ends."""
    return run.state in _GOING_ON


def status_of(run: ListedRun | None, facts: RunFacts | None) -> RunStatus:
    """What a run's rows are.

    Args:
        run: The run as it is listed; None where it no longer is.
        facts: What its part says of it; None where it is in none.
    """
    if run is None:
        return "deleted"
    if facts is None or facts.error is not None:
        return "failed"
    return "live" if is_live(run) else "complete"


def _has_changed(run: ListedRun, known: RunFacts | None) -> bool:
    """Whether the rows of a run have to be fetched."""
    if known is None or known.error is not None:
        return True
    if run.heartbeat is None and run.lines is None:  # nothing tells
        return is_live(run)
    return (run.heartbeat, run.lines) != (known.heartbeat, known.lines)

"""Which part a run belongs to, and which runs are fetched."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from wandb_runs.exports.facts import PartFacts, RunFacts
from wandb_runs.exports.jobs import ListedRun
from wandb_runs.exports.plan import MOST_ROWS, assign, plan_parts

HEARTBEAT: Final = "2026-01-01T00:00:00+00:00"


def listed(name: str, lines: int | None = 3, heartbeat: str | None = HEARTBEAT) -> ListedRun:
    return ListedRun(name, "finished", heartbeat, lines)


@given(st.lists(st.lists(st.integers(0, MOST_ROWS), max_size=12), max_size=5), st.integers(1, 4))
def test_a_run_stays_in_its_part_and_no_part_is_too_large(
    nights: list[list[int]], per_part: int
) -> None:
    runs: list[ListedRun] = []
    known: dict[str, int] = {}
    for night, new in enumerate(nights):
        runs += [listed(f"{night}-{number}", lines) for number, lines in enumerate(new)]
        assigned = assign(known, runs, per_part)
        assert assigned.keys() == {run.id for run in runs}
        assert known.items() <= assigned.items()
        known = assigned
    parts: dict[int, list[int]] = {}
    for run in runs:
        parts.setdefault(known[run.id], []).append(run.lines or 0)
    assert [*parts] == [*range(len(parts))]
    for lines_of in parts.values():
        assert len(lines_of) <= per_part
        assert len(lines_of) == 1 or sum(lines_of) <= MOST_ROWS


def test_what_is_new_changed_or_failed_is_fetched() -> None:
    facts = PartFacts(
        generation="0",
        runs=(
            RunFacts(id="same", heartbeat=HEARTBEAT, lines=3, rows=3),
            RunFacts(id="more", heartbeat=HEARTBEAT, lines=2, rows=2),
            RunFacts(id="later", heartbeat=None, lines=3, rows=3),
            RunFacts(id="empty", heartbeat=HEARTBEAT, lines=3, rows=0, error="none of 3 rows"),
        ),
    )
    runs = [listed(name) for name in ("same", "more", "later", "empty", "new")]
    assigned = {run.id: 0 for run in runs} | {"new": 1}
    first, second = plan_parts(assigned, runs, {0: facts})
    assert [run.id for run in first.changed] == ["more", "later", "empty"]
    assert [run.id for run in second.changed] == ["new"]
    assert (first.is_there, second.is_there) == (True, False)

"""What is told of a call's progress, whatever is read for nothing on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wandb_runs import Progress
from wandb_runs.pagination.progress import ProgressCounter

PAGE = st.tuples(st.integers(0, 50), st.booleans())


@given(st.none() | st.integers(0, 500), st.lists(st.lists(PAGE, min_size=1, max_size=8)))
def test_what_is_told_is_the_most_that_counted_at_any_time(
    total: int | None, rounds: list[list[tuple[int, bool]]]
) -> None:
    told: list[Progress] = []
    counter = ProgressCounter(told.append, total)
    kept = most = size = 0
    for pages in rounds:
        counted = kept
        for runs, _ in pages:
            counted += runs
            size += 7
            counter.add(runs, 7, total=None, is_last=False)
            most = max(most, counted if total is None else min(counted, total))
            assert told[-1] == Progress(most, total, size)
        for runs, is_kept in pages:
            if is_kept:
                kept += runs
            else:
                counter.take_back(runs)


def test_the_last_answer_tells_how_many_there_were() -> None:
    told: list[Progress] = []
    counter = ProgressCounter(told.append, None)
    counter.add(3, 10, total=None, is_last=False)
    counter.add(2, 10, total=None, is_last=True)
    assert told == [Progress(3, None, 10), Progress(5, 5, 20)]

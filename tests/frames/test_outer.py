"""The outer join: what it gives for any answer, in whatever way it is computed."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.rows import read_rows
from wandb_runs.graphql.nested import pick

if TYPE_CHECKING:
    from wandb_runs import Row
    from wandb_runs.graphql.scalars import JSONValue

KEYS = ["a", "b", "n.c", "_step", "epoch"]
STEPS: st.SearchStrategy[JSONValue] = st.integers(0, 4) | st.sampled_from(
    [0.5, 1.0, True, None, "2", 2**70]
)
OTHERS: list[JSONValue] = [1.0, True, None, "NaN", "text", [None]]
VALUES: st.SearchStrategy[JSONValue] = st.integers(0, 1) | st.sampled_from(OTHERS)
NO_VALUES: Row = {}


def samples(keys: list[str]) -> st.SearchStrategy[list[object]]:
    """Samples as servers send them: most with the same steps, and some with anything."""
    return st.tuples(*map(_sample, keys)).map(list)


def _sample(key: str) -> st.SearchStrategy[object]:
    def of(steps: list[int], value: JSONValue) -> list[JSONValue]:
        return [{"_step": step, "epoch": step // 2, key: value} for step in steps]

    name = st.sampled_from([key, "n"] if key == "n.c" else [key])
    entries = st.tuples(STEPS, VALUES, name, VALUES | st.just({"c": 7})).map(
        lambda each: {"_step": each[0], "epoch": each[1], each[2]: each[3]}
    )
    odd = st.lists(entries | st.none() | st.just(NO_VALUES), max_size=4) | st.none()
    plain = st.builds(of, st.sampled_from([[0, 1, 2], [0, 2], [1, 1, 2], [2, 0]]), VALUES)
    return plain | odd


def joined(keys: list[str], x_axis: str, sent: list[object]) -> list[Row]:
    """The nth row of a step with one key, merged with the nth row with another."""
    places: dict[tuple[float, int], Row] = {}
    for key, sample in zip(keys, sent, strict=True):
        counts: Counter[float] = Counter()
        for row in cast("list[Row | None]", sample or []):
            if row is None or not isinstance(step := row.get("_step"), int | float):
                continue
            x, value = pick(row, x_axis), pick(row, key)
            if x is not None and value is not None:
                places.setdefault((step, counts[step]), {}).update({x_axis: x, key: value})
                counts[step] += 1
    return [
        {name: math.nan if value == "NaN" else value for name, value in places[place].items()}
        for place in sorted(places)
    ]


@given(
    st.lists(st.sampled_from(KEYS), min_size=1, unique=True).flatmap(
        lambda keys: st.tuples(st.just(keys), samples(keys))
    ),
    st.sampled_from(["_step", "epoch"]),
)
def test_an_outer_join_merges_the_nth_rows_of_a_step_whatever_the_answer(
    asked: tuple[list[str], list[object]], x_axis: str
) -> None:
    keys, sent = asked
    expected = joined(keys, x_axis, sent)
    plan = plan_histories(keys=keys, x_axis=x_axis, join="outer")
    # As text: `1`, `1.0` and `True` are equal, and so are rows in another order of names.
    assert str(read_rows(plan, sent)) == str(expected)

"""Rows of Parquet files, by the bytes that their footers name."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet

from wandb_runs.frames.parquet.decode import decode
from wandb_runs.frames.parquet.footer import Footer, StepRange, footer_span
from wandb_runs.frames.parquet.select import select_rows, within
from wandb_runs.frames.plan import HistoryPlan, plan_histories
from wandb_runs.frames.range_rows import select_whole_rows
from wandb_runs.frames.rows import decode_rows
from wandb_runs.runs.exact.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs.frames.rows import Row

LARGE = 1 << 30
EVERY = StepRange()


def written(rows: Sequence[Mapping[str, object]], group: int = 3) -> bytes:
    """A file of some rows, with so many of them in each row group."""
    content = io.BytesIO()
    names = dict.fromkeys(name for row in rows for name in row)
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    parquet.write_table(table, content, row_group_size=group)
    return content.getvalue()


def footer_of(content: bytes, max_bytes: int = LARGE) -> Footer:
    """A footer, read with the bytes of the file's end alone."""
    size = len(content)
    end = Ranges([(max(0, size - 8), content[-8:])])
    start, stop = footer_span(end, size)
    return Footer(Ranges([(start, content[start:stop])]), size, max_bytes)


def read(content: bytes, keys: Sequence[str] | None, steps: StepRange = EVERY) -> pa.Table:
    """The rows of some steps, read with no other bytes than those that the footer names."""
    footer = footer_of(content)
    chunks = footer.chunks(footer.groups(steps), footer.columns_of(keys))
    held = Ranges([(start, content[start:end]) for start, end in chunks.spans])
    return within(decode(held, footer, chunks), steps)


def rows_of(table: pa.Table, plan: HistoryPlan) -> list[Row]:
    return select_rows(table, plan).rows()


def canonical(rows: Sequence[Row]) -> list[str]:
    """Rows to compare, whatever the order of their metrics, and with NaN as equal to itself."""
    return [json.dumps(row, sort_keys=True) for row in rows]


numbers = st.floats() | st.sampled_from([0.0, 1.0, float("nan"), float("inf")])
inner = st.fixed_dictionaries({}, optional={"x": st.integers(-3, 3), "y.z": numbers})
values: Mapping[str, st.SearchStrategy[object]] = {
    "a": st.integers(-(2**63), 2**63 - 1),
    "b": numbers,
    "c": st.sampled_from(["NaN", "Infinity", "text", "ü"]) | st.text(max_size=3),
    "d": st.booleans(),
    "e": inner.filter(bool),
    "e.x": st.integers(-3, 3),
    "f": st.lists(st.integers(0, 3), max_size=2),
}
steps = st.lists(st.integers(0, 12), min_size=1, max_size=12).map(sorted)
histories = steps.flatmap(
    lambda found: st.tuples(
        *(st.fixed_dictionaries({"_step": st.just(step)}, optional=values) for step in found)
    )
)
keys = st.lists(
    st.sampled_from(["a", "b", "c", "d", "e", "e.x", "e.y.z", "f", "g", "_step"]),
    min_size=1, max_size=3, unique=True,
)  # fmt: skip


@given(
    histories,
    st.none() | keys,
    st.sampled_from(["inner", "outer"]),
    st.sampled_from(["_step", "a", "e.x"]),
    st.integers(1, 5),
    st.tuples(st.integers(0, 13), st.none() | st.integers(0, 13)),
)
@example([{"_step": 0, "e": {"x": 1}, "e.x": None}], ["e.x"], "inner", "_step", 1, (0, None))
@example([{"_step": 1, "a": 1}, {"_step": 1, "b": 2.0}], ["a", "b"], "outer", "_step", 1, (0, None))
def test_the_rows_of_a_file_are_those_of_the_same_history_by_steps(
    history: Sequence[Row],
    chosen: list[str] | None,
    join: str,
    x_axis: str,
    group: int,
    bounds: tuple[int, int | None],
) -> None:
    plan = plan_histories(keys=chosen, x_axis=x_axis, join="outer" if join == "outer" else "inner")
    names = None if plan.columns is None else ("_step", *plan.columns)
    first, stop = bounds
    table = read(written(history, group), names, StepRange(first, stop))
    inside = [
        {name: value for name, value in row.items() if value is not None}
        for row in history
        if first <= int(str(row["_step"])) and (stop is None or int(str(row["_step"])) < stop)
    ]
    decoded = decode_rows([json.dumps(row) for row in inside])
    assert canonical(rows_of(table, plan)) == canonical(select_whole_rows(plan.ranges, decoded))

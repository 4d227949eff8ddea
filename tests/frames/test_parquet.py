# The stubs of pyarrow leave open what its arrays hold.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
"""Rows of Parquet files, by the bytes that their footers name."""

from __future__ import annotations

import io
import json
from math import isfinite
from typing import TYPE_CHECKING, cast

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from polars import testing as pl_testing
from pyarrow import parquet

from wandb_runs.frames.build import build
from wandb_runs.frames.parquet.arrow_part import part_of
from wandb_runs.frames.parquet.decode import decode
from wandb_runs.frames.parquet.footer import Footer, StepRange, footer_span
from wandb_runs.frames.parquet.select import merged, select_rows, within
from wandb_runs.frames.plan import HistoryPlan, check_format, plan_histories
from wandb_runs.frames.range_rows import select_whole_rows
from wandb_runs.frames.rows import decode_rows
from wandb_runs.runs.exact.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs.frames.rows import Row, RunRows

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


def sent(value: object) -> object:
    """A value as W&B sends it, with texts for what JSON has no numbers for."""
    if isinstance(value, dict):
        return {name: sent(each) for name, each in cast("dict[str, object]", value).items()}
    if isinstance(value, float) and not isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return value


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
    decoded = decode_rows([json.dumps(sent(row)) for row in inside])
    assert canonical(rows_of(table, plan)) == canonical(select_whole_rows(plan.ranges, decoded))


@given(st.data(), histories, st.integers(1, 5))
def test_a_broken_file_is_an_error_or_read_as_it_says(
    data: st.DataObject, history: Sequence[Row], group: int
) -> None:
    content = bytearray(written(history, group))
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=4), label="places"):
        content[place] = data.draw(st.integers(0, 255), label="byte")
    cut = data.draw(st.integers(0, len(content)), label="length")
    plan = plan_histories()
    for broken in (bytes(content), bytes(content[:cut])):
        try:
            found = rows_of(read(broken, None), plan)
        except ValueError:
            continue
        assert all(isinstance(row["_step"], int) for row in found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it has 0 bytes"),
        (b"PAR1" + b"x" * 20, "it does not end as a Parquet file does"),
        (b"PAR1" + b"\xff\xff\xff\x7fPAR1", "its footer is said to have 2,147,483,647 of 12"),
        (b"PAR1" + b"\0\0\0\0PAR1", "its footer cannot be read"),
    ],
)
def test_what_is_no_parquet_file_is_said(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        footer_of(content)


def test_a_file_without_steps_is_said() -> None:
    with pytest.raises(ValueError, match="it has no column '_step'"):
        footer_of(written([{"loss": 1}]))


def test_only_the_row_groups_of_the_steps_and_the_columns_asked_for_are_needed() -> None:
    rows = [{"_step": step, "a": step / 7, "b": step / 3, "b.c": step} for step in range(1000)]
    content = written(rows, group=100)
    footer = footer_of(content)
    assert footer.groups(StepRange()) == list(range(10))
    assert footer.groups(StepRange(250, 400)) == [2, 3]
    assert footer.groups(StepRange(250, 401)) == [2, 3, 4]
    assert footer.groups(StepRange(1000)) == []
    assert footer.columns_of(["a"]) == ("_step", "a")
    assert footer.columns_of(["b.c"]) == ("_step", "b.c", "b")
    every = footer.chunks([2], footer.columns_of(None))
    some = footer.chunks([2], ("_step", "a"))
    assert len(some.spans) == 2
    assert len(every.spans) == 4
    assert some.memory < every.memory
    assert read(content, ["a"], StepRange(250, 253)).to_pylist() == [
        {"_step": step, "a": step / 7} for step in (250, 251, 252)
    ]


def test_what_would_take_more_memory_than_it_may_is_refused_before_it_is_read() -> None:
    rows = [{"_step": step, "a": 1.0} for step in range(10_000)]
    content = written(rows, group=10_000)  # a few hundred bytes stand for the values of `a`
    assert len(content) < 60_000
    footer = footer_of(content, max_bytes=100_000)
    with pytest.raises(ValueError, match="more than the 100,000 of max_resp"):
        footer.chunks([0], ("_step", "a"))
    assert footer.chunks([0], ("_step",)).memory < 100_000


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1, None], pa.int8()), [1, None]),
        (pa.array([2**63, 1], pa.uint64()), [2**63, 1]),
        (pa.array([1, 2], pa.uint64()), [1, 2]),
        (pa.array([0.5, None], pa.float32()), [0.5, None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([b"a", None], pa.binary()), ["a", None]),
        (pa.array(["a"], pa.large_string()), ["a"]),
        (pa.array(["Infinity", "x", None]), [float("inf"), "x", None]),
        (pa.array([None, None], pa.null()), [None, None]),
        (pa.array([{"a": 1, "b": None}, None]), [{"a": 1}, None]),
        (pa.array([[("a", 1)], [("b", None)]], pa.map_(pa.string(), pa.int64())), [{"a": 1}, {}]),
        (pa.array([[1, None]]), [[1, None]]),
        (pa.array([[], None], pa.map_(pa.string(), pa.float64())), [{}, None]),
        (pa.array([[], [0.5]], pa.list_(pa.float64())), [[], [0.5]]),
        (
            pa.array(
                [{"a": [[]]}],
                pa.struct([pa.field("a", pa.list_(pa.map_(pa.string(), pa.int8())))]),
            ),
            [{"a": [{}]}],
        ),
        (pa.array([0], pa.timestamp("us", "UTC")), ["1970-01-01T00:00:00+00:00"]),
    ],
)
def test_columns_of_arrow_are_the_values_of_json_that_they_stand_for(
    array: pa.Array[pa.Scalar[pa.DataType]], expected: list[object]
) -> None:
    part = part_of("loss", pa.chunked_array([array]))
    assert list(part) == expected
    assert [type(value) for value in part] == [type(value) for value in expected]


@pytest.mark.parametrize(
    "array", [pa.array([b"\xff"], pa.binary()), pa.array([[b"\xff"]], pa.list_(pa.binary()))]
)
def test_bytes_that_are_no_text_are_an_error_with_the_name_of_the_column(
    array: pa.Array[pa.Scalar[pa.DataType]],
) -> None:
    with pytest.raises(ValueError, match="column 'loss' holds bytes"):
        part_of("loss", pa.chunked_array([array]))


@pytest.mark.parametrize("to", ["default", "pandas", "polars"])
@pytest.mark.parametrize("join", ["inner", "outer"])
@given(histories=st.lists(st.tuples(histories, st.booleans()), max_size=4))
def test_a_frame_of_columns_is_the_frame_of_the_same_rows(
    to: str, join: str, histories: list[tuple[Sequence[Row], bool]]
) -> None:
    """Where some runs come by columns and others as rows, dtypes and values are the same."""
    plan = plan_histories(keys=["a", "b", "c", "e"], join="outer" if join == "outer" else "inner")
    by_rows: list[tuple[str, list[Row]]] = []
    mixed: list[RunRows] = []
    for number, (history, is_arrow) in enumerate(histories):
        arrow = select_rows(read(written(history), ("_step", "a", "b", "c", "e")), plan)
        by_rows.append((f"r{number}", arrow.rows()))
        mixed.append((f"r{number}", arrow if is_arrow else arrow.rows()))
    form = check_format(to)
    found, expected = build(mixed, plan, to=form), build(by_rows, plan, to=form)
    if isinstance(found, list):
        assert json.dumps(found) == json.dumps(expected)
    elif isinstance(found, pl.DataFrame):
        pl_testing.assert_frame_equal(found, cast("pl.DataFrame", expected), check_exact=True)
    else:
        pd.testing.assert_frame_equal(found, cast("pd.DataFrame", expected), check_exact=True)


def test_files_that_overlap_are_merged_by_step() -> None:
    one = read(written([{"_step": 0, "a": 1}, {"_step": 4, "a": 2}]), None)
    two = read(written([{"_step": 1, "b": 0.5}, {"_step": 4, "a": 2.5}]), None)
    assert rows_of(merged([one, two]), plan_histories()) == [
        {"_step": 0, "a": 1},
        {"_step": 1, "b": 0.5},
        {"_step": 4, "a": 2},
        {"_step": 4, "a": 2.5},
    ]
    text = read(written([{"_step": 2, "a": "x"}]), None)
    with pytest.raises(ValueError, match="columns of several kinds"):
        merged([one, text])

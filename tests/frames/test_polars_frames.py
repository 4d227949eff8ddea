"""Pages of histories give the polars frame of all their rows, however they are divided."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import LARGE, NAMES, PALETTES, histories

from wandb_runs.frames.histories import HistoryPages, collect_histories
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.requests import HistoryRequest, RowsReader
from wandb_runs.graphql.flow import run_flow
from wandb_runs.pagination.cursors import cursor_after, offset_of
from wandb_runs.pagination.page import PageRequest, Selection

if TYPE_CHECKING:
    from support.frames import History

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.graphql.scalars import JSONValue

NUMBERS = LARGE | st.floats(allow_nan=False, allow_infinity=False)
KEYS = [name for name in NAMES if name not in {"", "run_id", "\ud83d"}]


class Server:
    """Answers requests of `sampledHistory` as bytes.

    Its cursors are those of W&B, or opaque ones that cannot be computed.
    """

    def __init__(
        self, history: History, per_page: int, *, spaced: bool = False, opaque: bool = False
    ) -> None:
        self.history = history
        self.per_page = per_page
        self.opaque = opaque
        self.separators = (", ", ": ") if spaced else (",", ":")
        self.requests = 0

    def cursor(self, index: int) -> str:
        return f"index {index}" if self.opaque else cursor_after(index)

    def index_after(self, cursor: object) -> int:
        if cursor is None:
            return 0
        index = int(str(cursor).split()[1]) if self.opaque else offset_of(str(cursor))
        return 0 if index is None else index + 1

    def execute(self, operation: Operation[object]) -> object:
        self.requests += 1
        variables = operation.variables
        start = self.index_after(variables.get("after"))
        stop = start + cast("int", variables["first"])
        specs = [json.loads(spec)["keys"] for spec in cast("list[str]", variables.get("specs", []))]
        wanted = json.loads(str(variables["filters"])).get("name", {}).get("$in")
        history = [each for each in self.history if wanted is None or each[0] in wanted]
        edges = [
            {
                "cursor": self.cursor(start + index),
                "node": {
                    "id": run_id,
                    "historyLineCount": len(rows),
                    "sampledHistory": [
                        [{key: row[key] for key in row if key in keys} for row in rows]
                        for keys in specs
                    ],
                },
            }
            for index, (run_id, rows) in enumerate(history[start:stop])
        ]
        more = stop < len(history)
        info = {"endCursor": edges[-1]["cursor"] if edges else None, "hasNextPage": more}
        project: dict[str, object] = {"runs": {"edges": edges, "pageInfo": info}}
        if variables.get("isCounted"):
            project = {"runCount": len(history), **project}
        if variables.get("hasOverlap"):
            before = history[self.index_after(variables.get("overlapAfter")) :][:1]
            overlap = [{"node": {"id": run_id}} for run_id, _ in before]
            project["overlap"] = {"edges": overlap, "pageInfo": info}
        body = {"data": {"project": project}}
        return operation.parse(json.dumps(body, separators=self.separators).encode())


def request(server: Server, plan: HistoryPlan) -> HistoryRequest:
    selection = Selection(
        entity="e", project="p", filters="{}", order="+created_at", first=server.per_page
    )
    return HistoryRequest(plan, selection, PageRequest(None, server.per_page))


def read(
    server: Server, plan: HistoryPlan, run_ids: list[str] | None = None, *, eager: bool = True
) -> pl.DataFrame:
    pages = HistoryPages(request(server, plan), RowsReader(), run_ids=run_ids, eager=eager)
    frame = run_flow(collect_histories(pages, plan, to="polars"), server.execute)
    assert isinstance(frame, pl.DataFrame)
    return frame


def both(server: Server, plan: HistoryPlan) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The frame of the pages, and that of one page."""
    return read(server, plan), read(Server(server.history, 1000), plan, eager=False)


def same(frame: pl.DataFrame, expected: pl.DataFrame) -> bool:
    return frame.schema == expected.schema and frame.equals(expected)


@settings(deadline=None, max_examples=200)
@given(
    histories(),
    st.integers(1, 3),
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=3),
    st.booleans(),
)
def test_any_history_gives_the_frame_of_its_rows(
    history: History, per_page: int, keys: list[str], opaque: bool
) -> None:
    assert same(*both(Server(history, per_page, opaque=opaque), plan_histories(keys=keys)))


@settings(deadline=None, max_examples=300)
@given(st.data(), st.integers(1, 4), st.booleans())
def test_rows_of_few_kinds_give_the_frame_of_their_rows(
    data: st.DataObject, per_page: int, spaced: bool
) -> None:
    row = st.fixed_dictionaries(
        {
            "_step": st.integers(0, 3) | st.integers(-(2**63), 2**63 - 1),
            "loss": data.draw(st.sampled_from([*PALETTES, NUMBERS])) | st.none(),
            "epoch": data.draw(st.sampled_from(PALETTES[:8])),
        }
    )
    ids = data.draw(st.lists(st.text(min_size=1, max_size=3), max_size=5, unique=True))
    history: History = [(each, data.draw(st.lists(row, max_size=5))) for each in ids]
    plan = plan_histories(keys=["epoch", "loss"])
    assert same(*both(Server(history, per_page, spaced=spaced), plan))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_floats_are_exact(values: list[float]) -> None:
    history: History = [("r", [{"_step": n, "loss": value} for n, value in enumerate(values)])]
    frame, _ = both(Server(history, 5), plan_histories(keys=["loss"]))
    assert [math.copysign(1, each) for each in frame["loss"]] == [
        math.copysign(1, v) for v in values
    ]
    assert frame["loss"].to_list() == values


@pytest.mark.parametrize("large", [2**63, 2**64 - 1, -(2**63) - 1, 10**30])
def test_a_large_integer_among_floats_stays_exact(large: int) -> None:
    history: History = [("r", [{"_step": 0, "loss": 1.5}, {"_step": 1, "loss": large}])]
    frame, expected = both(Server(history, 5), plan_histories(keys=["loss"]))
    assert same(frame, expected)
    assert frame["loss"].to_list() == ["1.5", str(large)]


def test_each_page_is_requested_once() -> None:
    history: History = [
        (f"r{n}", [{"_step": s, "loss": s / 7 if n else s, "n": s} for s in range(n * 3)])
        for n in range(5)
    ]
    server = Server(history, 2)
    frame = read(server, plan_histories(keys=["n", "loss"]))
    assert server.requests == 3
    assert frame.columns == ["_step", "n", "loss", "run_id"]
    assert len(frame) == 30


@settings(deadline=None)
@given(st.permutations(range(5)), st.sets(st.integers(0, 4)))
def test_runs_requested_by_id_come_in_the_given_order(order: list[int], gone: set[int]) -> None:
    history: History = [
        (f"r{n}", [{"_step": s, "loss": s + n / 8} for s in range(n)]) for n in order
    ]
    server = Server([each for each in history if int(each[0][1]) not in gone], 2)
    plan = plan_histories(keys=["loss"])
    ids = [f"r{n}" for n in range(5)]
    expected = [(s, s + n / 8, f"r{n}") for n in range(5) for s in range(n) if n not in gone]
    assert read(server, plan, ids).rows() == expected
    rows = HistoryPages(request(server, plan), RowsReader(), run_ids=ids)
    listed = run_flow(collect_histories(rows, plan, to="default"), server.execute)
    assert isinstance(listed, list)
    assert [tuple(row.values()) for row in listed] == expected


def test_a_dropped_row_does_not_affect_dtypes() -> None:
    history: History = [
        ("r", [{"_step": 0, "a": 2**53 + 1, "b": 1}, {"_step": 1.5, "a": 0.5, "b": None}])
    ]
    frame, expected = both(Server(history, 5), plan_histories(keys=["a", "b"]))
    assert same(frame, expected)
    assert frame.rows() == [(0, 2**53 + 1, 1, "r")]


@pytest.mark.parametrize("value", ["text", True, [1]])
def test_a_column_without_any_number_is_requested_once(value: JSONValue) -> None:
    history: History = [(f"r{n}", [{"_step": 0, "tag": value}]) for n in range(7)]
    server = Server(history, 2)
    plan = plan_histories(keys=["tag"])
    assert len(read(server, plan)) == 7
    assert server.requests == 4


def test_a_run_that_comes_twice_in_one_page_is_kept_once() -> None:
    history: History = [("a", [{"_step": 0, "loss": 1.5}]), ("a", [{"_step": 0, "loss": 1.5}])]
    frame, expected = both(Server(history, 5), plan_histories(keys=["loss"]))
    assert same(frame, expected)
    assert len(frame) == 1


def test_a_run_that_comes_twice_is_kept_once() -> None:
    history: History = [
        ("a", [{"_step": 0, "loss": 1.5}]),
        ("b", []),
        ("a", [{"_step": 0, "loss": 1.5}]),
    ]
    frame, expected = both(Server(history, 1), plan_histories(keys=["loss"]))
    assert same(frame, expected)
    assert len(frame) == 1

"""A frame straight from the answers is the frame that rows would have made, to the last value."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support_frames import LARGE, NAMES, PALETTES, histories

from wandb_runs.flow import drive
from wandb_runs.histories import DividedPages, build, direct, list_blocks, plan_histories
from wandb_runs.paging import Selection

if TYPE_CHECKING:
    import polars as pl
    from support_frames import History

    from wandb_runs.graphql_model import GraphQLModel
    from wandb_runs.histories import HistoryPlan
    from wandb_runs.operation import Operation

NUMBERS = LARGE | st.floats(allow_nan=False, allow_infinity=False)
KEYS = [name for name in NAMES if name not in {"", "run_id", "\ud83d"}]


class Server:
    """Answers `sampledHistory` for a history, a page at a time, as bytes."""

    def __init__(self, history: History, per_page: int, *, spaced: bool = False) -> None:
        self.history = history
        self.per_page = per_page
        self.separators = (", ", ": ") if spaced else (",", ":")
        self.asked = 0

    def execute(self, operation: Operation[GraphQLModel]) -> GraphQLModel:
        self.asked += 1
        start = int(str(operation.variables.get("after", "0")))
        stop = start + self.per_page
        specs = [
            json.loads(spec)["keys"] for spec in cast("list[str]", operation.variables["specs"])
        ]
        edges = [
            {
                "cursor": str(start + index + 1),
                "node": {
                    "id": run_id,
                    "sampledHistory": [
                        [{key: row[key] for key in row if key in keys} for row in rows]
                        for keys in specs
                    ],
                },
            }
            for index, (run_id, rows) in enumerate(self.history[start:stop])
        ]
        more = stop < len(self.history)
        info = {"endCursor": str(stop) if edges else None, "hasNextPage": more}
        body = {"data": {"project": {"runs": {"edges": edges, "pageInfo": info}}}}
        return operation.parse(json.dumps(body, separators=self.separators).encode())


def both(server: Server, plan: HistoryPlan) -> tuple[pl.DataFrame, pl.DataFrame]:
    selection = Selection(
        entity="e", project="p", filters="{}", order="+created_at", first=server.per_page
    )
    fast = drive(direct.list_frame(DividedPages(selection), plan), server.execute)
    plain = build(
        drive(list_blocks(DividedPages(selection), plan), server.execute), plan, to="polars"
    )
    return fast, plain


def same(fast: pl.DataFrame, plain: pl.DataFrame) -> bool:
    return fast.schema == plain.schema and fast.equals(plain)


@settings(deadline=None, max_examples=200)
@given(histories(), st.integers(1, 3), st.lists(st.sampled_from(KEYS), min_size=1, max_size=3))
def test_any_history_gives_the_frame_of_its_rows(
    history: History, per_page: int, keys: list[str]
) -> None:
    assert same(*both(Server(history, per_page), plan_histories(keys=keys)))


@settings(deadline=None, max_examples=300)
@given(st.data(), st.integers(1, 4), st.booleans())
def test_rows_of_a_few_kinds_give_the_frame_of_its_rows(
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
def test_floats_arrive_exactly(values: list[float]) -> None:
    history: History = [("r", [{"_step": n, "loss": value} for n, value in enumerate(values)])]
    fast, _ = both(Server(history, 5), plan_histories(keys=["loss"]))
    assert [math.copysign(1, each) for each in fast["loss"]] == [
        math.copysign(1, v) for v in values
    ]
    assert fast["loss"].to_list() == values


def _made_rows(*_: object) -> None:
    pytest.fail("made rows")


@pytest.mark.parametrize("large", [2**63, 2**64 - 1, -(2**63) - 1, 10**30])
def test_a_large_integer_among_floats_stays_exact(large: int) -> None:
    history: History = [("r", [{"_step": 0, "loss": 1.5}, {"_step": 1, "loss": large}])]
    fast, plain = both(Server(history, 5), plan_histories(keys=["loss"]))
    assert same(fast, plain)
    assert fast["loss"].to_list() == ["1.5", str(large)]


def test_numbers_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "read_sampled_page", _made_rows)
    history: History = [
        (f"r{n}", [{"_step": s, "loss": s / 7 if n else s, "n": s} for s in range(n * 3)])
        for n in range(5)
    ]
    server = Server(history, 2)
    fast = drive(
        direct.list_frame(
            DividedPages(
                Selection(entity="e", project="p", filters="{}", order="+created_at", first=2)
            ),
            plan_histories(keys=["n", "loss"]),
        ),
        server.execute,
    )
    assert server.asked == 3
    assert fast.columns == ["_step", "n", "loss", "run_id"]
    assert len(fast) == 30


def test_a_run_that_comes_twice_is_kept_once() -> None:
    history: History = [
        ("a", [{"_step": 0, "loss": 1.5}]),
        ("b", []),
        ("a", [{"_step": 0, "loss": 1.5}]),
    ]
    fast, plain = both(Server(history, 1), plan_histories(keys=["loss"]))
    assert same(fast, plain)
    assert len(fast) == 1

"""The best values of a metric are those of whole histories, with the first step that has them."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import anyio
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.files import check_csv, check_pandas_parquet, check_parquet

from wandb_runs import Api, AsyncApi, InvalidArgumentError, UnknownMetricWarning
from wandb_runs.graphql.nested import pick
from wandb_runs.testing import FakeClock, LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs import JSONObject, JSONValue

    How: TypeAlias = Literal["max", "min", "last"]

KEY: Final = "k" * 40
HOWS: Final[list[How]] = ["max", "min", "last"]
PROJECTS = itertools.count()

VALUES: Final[st.SearchStrategy[JSONValue]] = st.one_of(
    st.integers(-2, 2),
    st.sampled_from([0.0, -0.0, 0.5, 2.0, math.nan, math.inf, -math.inf, 2**53 + 1, 2.0**53]),
    st.booleans(),
    st.sampled_from(["text", "NaN", "Infinity"]),
    st.none(),
    st.just([1]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, JSONValue]]:
    steps = sorted(draw(st.lists(st.integers(0, 40), max_size=8, unique=True)))
    rows: list[dict[str, JSONValue]] = []
    for step in steps:
        row: dict[str, JSONValue] = {"_step": step, "other": 1}
        value = draw(VALUES)
        if draw(st.booleans()):
            row["train.loss"] = value
        else:
            row["train"] = {"loss": value}
        rows.append(row)
    return rows


def expected(rows: list[dict[str, JSONValue]], how: How) -> tuple[JSONValue, JSONValue] | None:
    """The best value and its step, from their definition."""
    words: dict[JSONValue, float] = {"NaN": math.nan, "Infinity": math.inf}
    found: list[tuple[JSONValue, int]] = []
    for row in rows:
        value, step = pick(row, "train.loss"), row["_step"]
        value = words.get(value, value) if isinstance(value, str) else value
        assert isinstance(step, int)
        if value is not None and not (isinstance(value, float) and math.isnan(value)):
            found.append((value, step))
    if how == "last":
        return found[-1] if found else None
    numbers = [(value, step) for value, step in found if isinstance(value, int | float)]
    if not numbers:
        return None
    best = (max if how == "max" else min)(value for value, _ in numbers)
    return next((value, step) for value, step in numbers if value == best)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def own(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
        yield api


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")
@settings(max_examples=25, deadline=None)
@example([[{"_step": 3, "train.loss": 1}, {"_step": 5, "train.loss": True}]])
@example([[]])
@given(st.lists(histories(), min_size=1, max_size=4))
def test_the_best_is_that_of_all_rows(
    server: LocalServer, own: Api, logged: list[list[dict[str, JSONValue]]]
) -> None:
    project = f"p{next(PROJECTS)}"
    for number, history in enumerate(logged):
        log_run(server, "best", project, f"r{number}", history=history)
    listed = own.runs(f"best/{project}", per_page=2)
    for how in HOWS:
        best = [expected(rows, how) for rows in logged]
        rows: list[dict[str, JSONValue]] = [
            {"run_id": f"r{number}"} for number in range(len(logged))
        ]
        for row, each in zip(rows, best, strict=True):
            row.update({} if each is None else {"value": each[0], "step": each[1]})
        assert repr(listed.best("train.loss", how)) == repr(rows)
        steps = [None if each is None else each[1] for each in best]
        polars = listed.best("train.loss", how, format="polars")
        assert polars.columns == ["run_id", "value", "step"]
        assert polars.schema["run_id"] == pl.String()
        assert polars.schema["step"] == pl.Int64()
        assert polars["step"].to_list() == steps
        assert polars["value"].is_null().to_list() == [each is None for each in best]
        check_parquet(polars)
        check_csv(polars)
        pandas = listed.best("train.loss", how, format="pandas")
        assert pandas["run_id"].tolist() == polars["run_id"].to_list()
        assert [None if each is pd.NA else each for each in pandas["step"]] == steps
        check_pandas_parquet(pandas)


def log_long(server: LocalServer, rows: dict[str, int]) -> None:
    """Runs of so many rows, the greatest value in the last but one, a sample's least likely."""
    server.reset()
    for run_id, count in rows.items():
        history: list[JSONObject] = [{"loss": -abs(step - (count - 2))} for step in range(count)]
        log_run(server, "best", "long", run_id, history=history)
    server.clear_operations()


def test_long_histories_are_read_whole_in_few_requests(server: LocalServer, own: Api) -> None:
    counts = {"a": 5, "b": 1_000, "c": 1_001, "d": 3_000, "e": 2_900, "f": 2}
    log_long(server, counts)
    listed = own.runs("best/long")
    best = listed.best("loss")
    assert best == [
        {"run_id": run_id, "value": 0, "step": count - 2} for run_id, count in counts.items()
    ]
    # The short ones at once, then 1,001 rows, then those of up to 4,096.
    assert server.operations == ("ListSampledHistories",) * 3


@pytest.mark.parametrize("apart", [1, 20])
def test_the_longest_histories_are_read_by_ranges_of_steps(
    server: LocalServer, own: Api, apart: int
) -> None:
    server.reset()
    count = 64_100
    history: list[JSONObject] = [
        {"_step": step * apart, "loss": {63_999: 1, 64_000: -1}.get(step, 0)}
        for step in range(count)
    ]
    log_run(server, "best", "long", "r", history=history)
    server.clear_operations()
    (best,) = own.runs("best/long").best("loss")
    assert best == {"run_id": "r", "value": 1, "step": 63_999 * apart}
    assert server.operations.count("GetSampledHistory") >= 2
    (best,) = own.runs("best/long").best("loss", "min")
    assert best == {"run_id": "r", "value": -1, "step": 64_000 * apart}


def test_part_of_a_listing_has_the_best_of_its_runs(server: LocalServer, own: Api) -> None:
    log_long(server, {f"r{number}": number + 2 for number in range(5)})
    best = own.runs("best/long", limit=2, order="-created_at").best("loss", format="polars")
    assert best["run_id"].to_list() == ["r4", "r3"]
    assert own.runs("best/long", limit=0).best("loss") == []
    empty = own.runs("best/long", limit=0).best("loss", format="polars")
    assert [*empty.schema] == ["run_id", "value", "step"]
    assert empty.schema["step"] == pl.Int64()


def test_a_metric_that_no_run_has_is_told(server: LocalServer, own: Api) -> None:
    log_long(server, {"r1": 3})
    with pytest.warns(UnknownMetricWarning, match="did you mean 'loss'"):
        assert own.runs("best/long").best("los") == [{"run_id": "r1"}]


@pytest.mark.parametrize(
    ("key", "how", "message"),
    [
        ("loss", "maximum", r"^unknown how 'maximum'; "),
        ("loss", "least", r"did you mean 'last'\?$"),
        ("", "max", "^key is the name of a metric"),
        (["loss"], "max", "^key is the name of a metric, a str; got list"),
    ],
)
def test_wrong_arguments_are_refused(
    server: LocalServer, own: Api, key: str, how: How, message: str
) -> None:
    server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=message):
        own.runs("best/long").best(key, how)
    assert server.operations == ()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_awaited_bests_are_the_same(server: LocalServer, own: Api, backend: str) -> None:
    log_long(server, {"a": 5, "b": 1_001})

    async def read() -> list[dict[str, JSONValue]]:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            return await api.runs("best/long").best("loss", "min")

    assert anyio.run(read, backend=backend) == own.runs("best/long").best("loss", "min")

"""A column that no row has, beside rows of others, is told by every way of reading."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypedDict

import anyio
import pytest
from support.ways import each_way

from wandb_runs import Api, AsyncApi, UnknownMetricWarning
from wandb_runs.query.mentions import key_mentions
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wandb_runs import JSONValue

    Rows: TypeAlias = "list[dict[str, JSONValue]]"

KEY: Final = "k" * 40


class Arguments(TypedDict, total=False):
    """Arguments of a call."""

    keys: list[str]
    x_axis: str
    join: Literal["inner", "outer"]
    stream: Literal["default", "system"]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """Runs that log the same metrics, but one that some lack."""
    with LocalServer() as server:
        for number in range(3):
            rows: list[Mapping[str, JSONValue]] = [
                {"loss": step, "train": {"epoch": step / 2}} for step in range(4)
            ]
            if number == 2:
                rows.append({"accuracy": 1.0})
            log_run(
                server,
                "team",
                "columns",
                f"r{number}",
                history=rows,
                events=[{"_runtime": 1.0, "system.cpu": 2}],
            )
        yield server


def read_blocking(url: str, arguments: Arguments) -> list[Rows]:
    with Api(base_url=url, api_key=KEY) as api:
        runs, run = api.runs("team/columns", per_page=2), api.run("team/columns/r2")
        return [
            runs.histories(**arguments),
            [row for batch in runs.iter_histories(**arguments) for row in batch],
            runs.histories(**arguments, format="polars").to_dicts(),
            [
                row
                for batch in runs.iter_histories(**arguments, format="polars")
                for row in batch.to_dicts()
            ],
            run.history(**arguments, format="default"),
        ]


async def read_awaiting(url: str, arguments: Arguments) -> list[Rows]:
    async with AsyncApi(base_url=url, api_key=KEY) as api:
        runs, run = api.runs("team/columns", per_page=2), await api.run("team/columns/r2")
        return [
            await runs.histories(**arguments),
            [row async for batch in runs.iter_histories(**arguments) for row in batch],
            (await runs.histories(**arguments, format="polars")).to_dicts(),
            [
                row
                async for batch in runs.iter_histories(**arguments, format="polars")
                for row in batch.to_dicts()
            ],
            await run.history(**arguments, format="default"),
        ]


def read(server: LocalServer, way: str, arguments: Arguments) -> tuple[list[Rows], list[str]]:
    """What each way of reading gives, and the warnings."""
    server.clear_operations()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if way == "sync":
            found = read_blocking(server.url, arguments)
        else:
            found = anyio.run(read_awaiting, server.url, arguments, backend=way)
    assert {each.filename for each in told} <= {__file__}
    for each in told:
        assert isinstance(each.message, UnknownMetricWarning)
        assert each.message.rows == "others"
        assert each.message.argument == ("keys" if "keys" in arguments else "x_axis")
    return found, [str(each.message) for each in told]


@each_way
@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"keys": ["loss", "acuracy"], "join": "outer"}, "'acuracy' (did you mean 'accuracy'?)"),
        (
            {"keys": ["los", "loss", "train.epoc"], "join": "outer"},
            "'los' (did you mean 'loss'?) or 'train.epoc' (did you mean 'train.epoch'?)",
        ),
        (
            {"keys": ["loss", "nothing"], "x_axis": "train.epoch", "join": "outer"},
            "'nothing'",
        ),
        ({"x_axis": "accurracy"}, "'accurracy' (did you mean 'accuracy'?)"),
        (
            {"x_axis": "system.cpuu", "stream": "system"},
            "'system.cpuu' (did you mean 'system.cpu'?)",
        ),
    ],
)
def test_a_column_that_no_row_has_is_told_beside_others(
    server: LocalServer, way: str, arguments: Arguments, hint: str
) -> None:
    found, told = read(server, way, arguments)
    assert all(found)
    if "did you mean 'accuracy'" in hint and "keys" in arguments:
        # The metrics of one run, which has logged no accuracy, are what was looked up.
        of_all = hint.replace(" (did you mean 'accuracy'?)", "")
    else:
        of_all = hint
    assert told == [f"no row of 3 runs has {of_all}"] * 4 + [f"no row of run 'r2' has {hint}"]
    lookups = 5 if "keys" in arguments else 0
    assert server.operations.count("GetHistoryKeys") == lookups


@each_way
@pytest.mark.parametrize(
    "arguments",
    [
        {"keys": ["loss", "accuracy"], "join": "outer"},
        {"keys": ["loss", "train.epoch"], "join": "outer"},
        {"keys": ["loss", "_timestamp"], "join": "outer"},
        {"keys": ["loss"]},
        {"x_axis": "accuracy"},
        {"x_axis": "_timestamp"},
        {"stream": "system"},
        {},
    ],
)
def test_a_column_that_some_row_has_costs_nothing(
    server: LocalServer, way: str, arguments: Arguments
) -> None:
    _, told = read(server, way, arguments)
    assert told == []
    assert "GetHistoryKeys" not in server.operations


@each_way
def test_whole_rows_have_a_nested_x_axis(server: LocalServer, way: str) -> None:
    found, told = read(server, way, {"x_axis": "train.epoch"})
    assert told == []
    for rows in found:
        drawn = [row["train.epoch"] for row in rows if row.get("train.epoch") is not None]
        assert drawn == [step / 2 for step in range(4)] * (len(drawn) // 4)
        assert len(drawn) == (12 if len(rows) > 5 else 4)
        assert next(iter(rows[0])) == "train.epoch"


def test_a_key_inside_a_list_is_in_no_document() -> None:
    config = {"layers": {"value": [{"width": 8}]}, "model": {"value": {"width": 8}}}
    inside, nested = key_mentions("keys", "config", ["layers.width", "model.width"])
    assert not inside.is_in(config)
    assert nested.is_in(config)


def test_an_id_is_refused_where_a_run_is_looked_for(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        runs = api.runs("team/columns")
        hint = r"'r1' is text.*'r1' in \[run\.id for run in runs\]"
        with pytest.raises(TypeError, match=hint):
            _ = "r1" in runs
        with pytest.raises(TypeError, match=hint):
            runs.index("r1")
        with pytest.raises(TypeError, match=hint):
            runs.count("r1")
        assert runs.count(runs[1]) == 1
        assert runs.index(runs[1]) == runs.index(runs[1], 1) == runs.index(runs[1], -2, 2) == 1
        assert runs.count(None) == 0
        assert None not in runs
        with pytest.raises(ValueError, match=r"^$"):
            runs.index(runs[1], 2)
        assert "r1" in [run.id for run in runs]


@each_way
def test_an_id_is_refused_by_contains(server: LocalServer, way: str) -> None:
    if way == "sync":
        return

    async def ask() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            runs = api.runs("team/columns")
            with pytest.raises(TypeError, match=r"\[run\.id async for run in runs\]"):
                await runs.contains("r1")
            assert await runs.contains(await runs.get(1))

    anyio.run(ask, backend=way)

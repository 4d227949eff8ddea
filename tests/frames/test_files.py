"""Every frame can be written to a file, and reads back equal."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import anyio
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.files import check_csv, check_files, check_pandas_parquet, check_parquet
from support.frames import histories, settle, whole_histories

from wandb_runs import Api, AsyncApi, SchemaError
from wandb_runs.frames.build import build, build_pandas, build_polars
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.schema import conform_pandas, conform_polars, find_targets
from wandb_runs.frames.values import build_values, plan_values
from wandb_runs.graphql.scalars import decode
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from support.files import Frame
    from support.frames import History, Rows

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.testing import LocalServer

Frames: TypeAlias = Literal["pandas", "polars"]

FORMATS: Final[list[Frames]] = ["pandas", "polars"]

STORAGES: Final = ("pyarrow", "python")
"""Where pandas has text: in Arrow where pyarrow is installed, otherwise in Python objects."""

FORMULAS: Final = ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1"]
"""Texts that spreadsheets take for formulas, or that begin as those do."""

ODD: Final[list[JSONObject]] = [
    {"": 1, "=k": math.inf, "\ud83d": "\ud83d", "bool": True, "run_id": "own", "n": math.nan},
    {"": None, "bool": None, "big": 2**64, "mixed": "1", 'q"\n,': "\r", "zero": "a\x00b", "n": 1},
    {"big": -(2**63) - 1, "mixed": 1, "text": "", "nested": [1], "__index_level_0__": 3, "n": None},
    *[{"text": each} for each in ("a,b", 'a"b', "a\nb", "a\r\nb", "null", "é", " ", *FORMULAS)],
    {"text": "Infinity", "nested": {"a": "\ud83d"}, "inf": -math.inf},
]
ODD_HISTORY: Final[History] = [("a", [{"_step": 2**53 + 1, **row} for row in ODD]), ("=b", [])]


def built(history: History, to: Frames) -> list[Frame]:
    """The frames of a history, with and without ids, and those of a config for each run."""
    rows = [(run_id, [row.copy() for row in rows]) for run_id, rows in history]
    frames = [build(rows, plan_histories(), to=to, run_id=run_id) for run_id in (True, False)]
    first = [(run_id, row) for run_id, rows in history for row in rows[:1]]
    frames.append(build_values(first, plan_values(None), to=to))
    return [frame for frame in frames if not isinstance(frame, list)]


@example(ODD_HISTORY)
@example([])
@example([("a", [])])
@example([("a", [{}, {}])])
@example([("a", [{"m": None}])])
@given(histories())
def test_frames_of_polars_read_back_equal(history: History) -> None:
    for frame in built(history, "polars"):
        check_files(frame)


@pytest.mark.parametrize("storage", STORAGES)
@example(ODD_HISTORY)
@example([])
@example([("a", [])])
@example([("a", [{}, {}])])
@example([("a", [{"m": None}])])
@given(histories())
def test_frames_of_pandas_read_back_equal(storage: str, history: History) -> None:
    with pd.option_context("mode.string_storage", storage):
        for frame in built(history, "pandas"):
            check_files(frame)


TARGETS: Final[list[tuple[Frames, object]]] = [
    *[("polars", each) for each in (pl.String, pl.Float32, pl.Float64, pl.Int64, pl.Boolean)],
    *[("polars", each) for each in (pl.Categorical, pl.UInt8, "json")],
    *[("pandas", each) for each in ("string", "float32", "Float64", "Int64")],
    *[("pandas", each) for each in ("boolean", "int8", "json")],
]


@example([("a", ODD)], ("polars", "json"))
@example([("a", ODD)], ("pandas", "json"))
@example([("a", [{"text": each} for each in FORMULAS])], ("polars", pl.String))
@given(whole_histories(["text"]), st.sampled_from(TARGETS))
def test_batches_with_a_schema_read_back_equal(
    history: History, target: tuple[Frames, object]
) -> None:
    to, dtype = target
    plan, schema = plan_histories(keys=["text"]), {"text": dtype}
    rows = [
        (run_id, [{name: settle(row[name]) for name in row} for row in rows])
        for run_id, rows in history
    ]
    targets = find_targets(schema, to)
    try:
        if to == "polars":
            batch = conform_polars(build_polars(rows, plan, targets=targets), schema, plan)
            check_parquet(batch)
            check_csv(batch)
        else:
            check_pandas_parquet(
                conform_pandas(build_pandas(rows, plan, targets=targets), schema, plan)
            )
    except SchemaError:
        return


@pytest.fixture(scope="module")
def odd(wandb_server: LocalServer) -> str:
    """A project of odd names and values."""
    merged = {key: value for row in ODD for key, value in row.items()}
    for run_id, rows in (("a", ODD), ("b", ODD[3:]), ("none", [])):
        log_run(
            wandb_server,
            "team",
            "odd-files",
            run_id,
            config=merged if rows else {},
            summary={**rows[-2], **rows[1]} if rows else {},
            history=rows,
        )
    return "team/odd-files"


@pytest.mark.parametrize("to", FORMATS)
def test_frames_of_a_server_read_back_equal(
    sample_api: Api, api: Api, odd: str, to: Frames
) -> None:
    for runs, keys in (
        (sample_api.runs("sample/digits"), ["loss", "epoch"]),
        (api.runs(odd), ["n", "text"]),
    ):
        frames = [
            runs.histories(format=to),
            runs.histories(keys=keys, join="outer", format=to),
            runs.histories(stream="system", format=to),
            *runs.iter_histories(format=to),
            runs.configs(format=to),
            runs.summaries(format=to),
            runs.summaries(keys, format=to),
            runs[0].history(format=to),
        ]
        assert len(frames[-4]) == len(runs)
        for frame in frames:
            check_files(frame)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_awaited_frames_read_back_equal(
    sample_server: LocalServer, wandb_server: LocalServer, odd: str, backend: str
) -> None:
    async def read(url: str, path: str) -> None:
        async with AsyncApi(base_url=url, api_key="k" * 40) as api:
            runs = api.runs(path)
            for to in FORMATS:
                check_files(await runs.histories(format=to))
                async for batch in runs.iter_histories(format=to):
                    check_files(batch)
                check_files(await runs.configs(format=to))
                check_files(await runs.summaries(format=to))
                check_files(await (await runs.get(0)).history(format=to))

    anyio.run(read, sample_server.url, "sample/digits", backend=backend)
    anyio.run(read, wandb_server.url, odd, backend=backend)


def check_sample_summaries(frame: pd.DataFrame, listed: Rows) -> None:
    """Check that what one type of Arrow holds is objects, and all else text."""
    check_files(frame)
    for name in ("gradient_norm", "val/loss"):
        assert frame[name].dtype == "string"
        found = [None if text is pd.NA else decode(text) for text in frame[name]]
        assert found == [row.get(name) for row in listed]
        objects = [value for value in found if isinstance(value, dict)]
        assert {type(each) for value in objects for each in value.values()} == {float, str}
    assert frame["best"].dtype == "object"
    assert frame["best"].dropna().tolist() == [row["best"] for row in listed if "best" in row]


def test_summaries_of_mixed_nested_values_are_written(sample_api: Api) -> None:
    runs = sample_api.runs("sample/digits")
    check_sample_summaries(runs.summaries(format="pandas"), runs.summaries())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_awaited_summaries_of_mixed_nested_values_are_written(
    sample_server: LocalServer, backend: str
) -> None:
    async def read() -> None:
        async with AsyncApi(base_url=sample_server.url, api_key="k" * 40) as api:
            runs = api.runs("sample/digits")
            check_sample_summaries(await runs.summaries(format="pandas"), await runs.summaries())

    anyio.run(read, backend=backend)


@pytest.mark.parametrize("depth", [1, 32, 33, 199])
@pytest.mark.parametrize("kind", ["list", "dict", "both"])
def test_nested_values_are_written_however_deep(depth: int, kind: str) -> None:
    value: JSONValue = 1
    for level in range(depth):
        is_list = kind == "list" or (kind == "both" and level % 2)
        value = [value] if is_list else {"a": value}
    (frame, *_) = built([("a", [{"_step": 0, "m": value}])], "pandas")
    assert isinstance(frame, pd.DataFrame)
    assert frame["m"].dtype == ("object" if depth <= 32 else "string")
    check_files(frame)


def test_nested_columns_of_pandas_are_written_as_json(sample_api: Api, api: Api, odd: str) -> None:
    for runs in sample_api.runs("sample/digits"), api.runs(odd):
        for frame in runs.summaries(format="pandas"), runs.configs(format="pandas"):
            nested = frame.select_dtypes("object")
            texts = nested.map(json.dumps, na_action="ignore").astype("string")
            frame[nested.columns] = texts
            check_pandas_parquet(frame)
            for name in nested:
                found = [None if text is pd.NA else json.loads(text) for text in texts[name]]
                assert found == [None if value is pd.NA else value for value in nested[name]]

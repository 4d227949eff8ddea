"""Lazy frames of `AsyncRuns`: an event loop sends what a thread of polars waits for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import anyio
import anyio.to_thread
import polars as pl
import pytest

from wandb_runs import Api, AsyncApi, InvalidArgumentError
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONObject

pytest.importorskip("pyarrow")

Engine = Literal["in-memory", "streaming"]
BACKENDS = ["asyncio", "trio"]
ENGINES: list[Engine] = ["in-memory", "streaming"]
KEY = "k" * 40


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(export_rows=10) as server:
        for number in range(4):
            history: list[JSONObject] = [{"a": at / 2, "b": at} for at in range(9 * number)]
            log_run(server, "me", "p", f"r{number}", history=history, exit_code=number % 2 or None)
        yield server


def late(lazy: pl.LazyFrame) -> pl.LazyFrame:
    return lazy.filter((pl.col("_step") > 3) & (pl.col("run_id") != "r1"))


@pytest.fixture(scope="module")
def rows(server: LocalServer) -> pl.DataFrame:
    with Api(base_url=server.url, api_key=KEY) as api:
        return late(api.runs("me/p").scan_histories(["b", "a"])).collect()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("limit", [None, 4])
def test_a_frame_is_collected_in_another_thread(
    server: LocalServer, rows: pl.DataFrame, engine: Engine, limit: int | None, backend: str
) -> None:
    async def collect() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            lazy = late(api.runs("me/p", limit=limit).scan_histories(["b", "a"]))
            for _ in range(2):
                found = await anyio.to_thread.run_sync(lambda: lazy.collect(engine=engine))
                assert found.equals(rows)
            if backend == "asyncio":
                assert (await lazy.collect_async(engine=engine)).equals(rows)
            few = await anyio.to_thread.run_sync(lambda: lazy.head(2).collect(engine=engine))
            assert few.equals(rows.head(2))

    anyio.run(collect, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_thread_of_the_event_loop_is_refused(
    server: LocalServer, rows: pl.DataFrame, backend: str
) -> None:
    async def collect() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            lazy = late(api.runs("me/p").scan_histories(["b", "a"]))
            for _ in range(2):
                for ask in (
                    lazy.collect,
                    partial(lazy.collect, engine="streaming"),
                    lazy.collect_schema,
                ):
                    with pytest.raises(
                        (pl.exceptions.ComputeError, InvalidArgumentError),
                        match=r"to_thread\.run_sync",
                    ):
                        ask()
                # Also when the schema is known.
                assert (await anyio.to_thread.run_sync(lazy.collect)).equals(rows)

    anyio.run(collect, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_batches_of_arrow_are_taken_in_another_thread(server: LocalServer, backend: str) -> None:
    async def collect() -> pl.DataFrame:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            reader = await api.runs("me/p").arrow_batches(["a"])
            assert reader.schema.names == ["_step", "a", "run_id"]
            return pl.DataFrame(await anyio.to_thread.run_sync(reader.read_all))

    with Api(base_url=server.url, api_key=KEY) as api:
        expected = api.runs("me/p").scan_histories(["a"]).collect()
    assert anyio.run(collect, backend=backend).equals(expected)


def test_an_error_reaches_the_thread_that_collects(server: LocalServer) -> None:
    async def collect() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            lazy = api.runs("me/none").scan_histories(["a"], schema={"a": pl.Float64})
            await anyio.to_thread.run_sync(lazy.collect)

    with pytest.raises(Exception, match="no project 'me/none'"):
        anyio.run(collect)


def test_outside_of_an_event_loop_a_frame_is_refused(server: LocalServer) -> None:
    runs = AsyncApi(base_url=server.url, api_key=KEY).runs("me/p")
    with pytest.raises(InvalidArgumentError, match="in the event loop"):
        runs.scan_histories(["a"])

"""Frames of Dask hold what the listing holds, in the same columns and dtypes in every partition."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import BaseModel

from wandb_runs import Api, InvalidArgumentError, SchemaError
from wandb_runs.exports import dask, export, verify
from wandb_runs.exports.dask_parts import HistoriesPart
from wandb_runs.frames.plan import plan_histories
from wandb_runs.local.ids import new_id
from wandb_runs.testing import LocalServer, Slow, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs import JSONValue, Progress, Runs

RUNS: Final = 19
PATH: Final = "team/dask"
KEY: Final = "planted-0123456789abcdef0123456789abcdef"
Untyped: TypeAlias = Any
"""What Dask makes, whose types it does not tell."""

histories: Untyped = dask.histories
table: Untyped = dask.table
of_dask: Untyped = import_module("dask")
cloudpickle: Untyped = import_module("cloudpickle")

KEYS: Final = ["loss", "n", "note", "flag", "d"]
THREADS: Final = "threads"


class Config(BaseModel):
    lr: float


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server with runs whose metrics differ in kind, number and presence."""
    with LocalServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_BASE_URL", server.url)
        patch.setenv("WANDB_API_KEY", KEY)
        for number in range(RUNS):
            config: dict[str, JSONValue] = {"lr": number / 4, "model": {"depth": number % 3}}
            if number % 4 == 1:
                config["odd"] = "text" if number % 8 == 1 else [number]
            history: list[dict[str, JSONValue]] = [
                {
                    "loss": "NaN" if (number + step) % 7 == 3 else number + step / 8,
                    "n": step if number % 2 else step / 2,
                    "note": f"at {step}",
                    "flag": step % 2 == 0,
                    "d": {"x": step, "y": "z"},
                }
                for step in range(number % 5)
            ]
            log_run(
                server,
                "team",
                "dask",
                f"r{number:02}",
                config=config,
                summary={"loss": number * 1.0, "best": number % 2 == 0},
                history=history,
                tags=["odd"] if number % 2 else [],
            )
        yield server


@pytest.fixture(scope="module")
def runs(server: LocalServer) -> Iterator[Runs]:
    with Api(base_url=server.url, api_key=KEY) as api:
        yield api.runs(PATH)


def whole(frame: Untyped) -> pd.DataFrame:
    """All rows, once it is certain that all partitions have the dtypes that were promised."""
    parts: list[pd.DataFrame] = of_dask.compute(*frame.to_delayed(), scheduler=THREADS)
    for part in parts:
        assert part.dtypes.to_dict() == frame.dtypes.to_dict()
    return pd.concat(parts, ignore_index=True)


def expected_of(
    runs: Runs,
    keys: list[str],
    frame: Untyped,
    *,
    join: Literal["inner", "outer"] = "inner",
    exact: bool = False,
) -> pd.DataFrame:
    rows = runs.histories(keys=keys, format="pandas", join=join, exact=exact)
    if "d" in keys:
        texts = [None if each is pd.NA else each for each in rows["d"]]
        rows["d"] = [
            None if each is None or isinstance(each, float) else json_of(each) for each in texts
        ]
    return rows.astype(frame.dtypes.to_dict())


def json_of(value: object) -> str:
    import json  # noqa: PLC0415 - for this alone

    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


@settings(max_examples=8)
@given(
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True),
    st.integers(1, RUNS + 2),
    st.booleans(),
    st.sampled_from(["inner", "outer"]),
)
def test_histories_are_those_of_the_listing_whatever_the_partitions(
    runs: Runs, keys: list[str], size: int, exact: bool, join: Literal["inner", "outer"]
) -> None:
    frame = histories(runs, keys, runs_per_part=size, exact=exact, join=join)
    assert frame.npartitions == -(-RUNS // size)
    assert [*frame.columns] == ["_step", *keys, "run_id"]
    pd.testing.assert_frame_equal(
        whole(frame), expected_of(runs, keys, frame, join=join, exact=exact)
    )


def test_dtypes_are_those_that_the_server_tells(runs: Runs) -> None:
    frame = histories(runs, KEYS, runs_per_part=4)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "_step": "int64",
        "loss": "float64",
        "n": "float64",
        "note": "string",
        "flag": "boolean",
        "d": "string",
        "run_id": "string",
    }


@settings(max_examples=5)
@given(st.integers(1, RUNS + 2))
def test_a_table_is_that_of_the_listing_whatever_the_partitions(runs: Runs, size: int) -> None:
    frame = table(runs, runs_per_part=size)
    listed = runs.to_pandas()
    found = whole(frame)
    assert [*found.columns] == [*listed.columns]
    texts = listed["config.odd"].map(lambda each: each, na_action="ignore")
    assert found["config.odd"].notna().equals(texts.notna())
    pd.testing.assert_frame_equal(
        found.drop(columns="config.odd"),
        listed.astype(frame.dtypes.to_dict()).drop(columns="config.odd"),
    )


def test_a_table_of_some_columns(runs: Runs) -> None:
    frame = table(
        runs, runs_per_part=3, attributes=["name", "tags"], config=["model"], summary=["best"]
    )
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "name": "string",
        "tags": "string",
        "config.model.depth": "float64",
        "summary.best": "boolean",
    }
    found = whole(frame)
    assert [*found["config.model.depth"]] == [number % 3 for number in range(RUNS)]
    assert [*found["tags"]] == ["[]", '["odd"]'] * (RUNS // 2) + ["[]"]
    only = table(runs, attributes=["id"], config=False, summary=False)
    assert [*whole(only)["id"]] == [f"r{number:02}" for number in range(RUNS)]


def test_a_schema_decides_and_what_it_cannot_hold_is_an_error(
    server: LocalServer, runs: Runs
) -> None:
    server.clear_operations()
    frame = histories(runs, ["n"], runs_per_part=5, schema={"n": "float32"})
    assert len(server.operations) <= 1  # the ids alone
    assert str(whole(frame).dtypes["n"]) == "float32"
    wrong = histories(runs, ["n"], runs_per_part=5, schema={"n": "Int64"})
    with pytest.raises(SchemaError, match="column 'n'"):
        wrong.compute(scheduler=THREADS)
    odd = table(runs, config=True, summary=False, schema={"config.odd": "json"})
    assert [*whole(odd).columns][-2:] == ["notes", "config.odd"]
    with pytest.raises(SchemaError, match=r"config\.odd"):
        table(runs, schema={"config.odd": "float64"}).compute(scheduler=THREADS)


def test_a_column_that_none_of_the_deciding_runs_had_is_an_error(server: LocalServer) -> None:
    for name in ("a", "b"):
        log_run(server, "team", "dask-later", name, config={"lr": 1.0})
    with Api(base_url=server.url, api_key=KEY) as api:
        frame = table(api.runs("team/dask-later"), runs_per_part=1)
        log_run(server, "team", "dask-later", "b", config={"lr": 1.0, "new": 2})
        with pytest.raises(SchemaError, match=r"run 'b' has 'config\.new'.*schema="):
            frame.compute(scheduler=THREADS)


def test_no_run_is_a_frame_without_rows(runs: Runs) -> None:
    none = runs.with_ids([])
    frame = histories(none, ["loss"], schema={"loss": "float64"})
    assert (frame.npartitions, len(whole(frame))) == (1, 0)
    assert len(whole(table(none, config=False, summary=False))) == 0


def test_a_limited_listing_has_its_runs(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        runs = api.runs(PATH, order="-created_at", limit=7, config=Config)
        rows = whole(histories(runs, ["loss"], runs_per_part=2))
        assert [*dict.fromkeys(rows["run_id"])] == [run.id for run in runs if int(run.id[1:]) % 5]


WRONG: Final[list[tuple[dict[str, object], str]]] = [
    ({"keys": None}, "keys names the metrics"),
    ({"keys": "loss"}, "keys"),
    ({"runs_per_part": 0}, "runs_per_part must be from 1"),
    ({"runs_per_part": True}, "runs_per_part must be an int"),
    ({"schema": {"lss": "float64"}}, "no column 'lss'; did you mean 'loss'"),
    ({"schema": {"loss": "flaot"}}, "no dtype of pandas"),
    ({"samples": 0}, "samples"),
    ({"join": "left"}, "join"),
    ({"on_error": "ignore"}, "on_error"),
    ({"runs": [1]}, "runs must be a wandb_runs.Runs"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_wrong_arguments_are_refused_before_any_request(
    server: LocalServer, runs: Runs, wrong: dict[str, Any], said: str
) -> None:
    server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=said):
        histories(**{"runs": runs, "keys": ["loss"], **wrong})
    with pytest.raises(InvalidArgumentError, match=r"write 'config\.lr'"):
        table(runs, schema={"lr": "float64"})
    with pytest.raises(InvalidArgumentError, match="attributes"):
        table(runs, attributes=["nmae"])
    assert server.operations == ()


def test_no_key_is_in_a_graph(runs: Runs) -> None:
    assert len(runs) == RUNS  # the key has been used
    for frame in (histories(runs, ["loss"]), table(runs)):
        for thing in (frame, frame.__dask_graph__()):
            for dumps in (pickle.dumps, cloudpickle.dumps):
                content = dumps(thing)
                assert b"r00" in content
                assert KEY.encode() not in content
        landed = pickle.loads(pickle.dumps(frame))
        pd.testing.assert_frame_equal(whole(landed), whole(frame))


def test_a_part_that_is_tried_again_has_the_same_rows(runs: Runs) -> None:
    frame = histories(runs, ["loss", "d"], runs_per_part=6)
    for number in range(frame.npartitions):
        part = frame.partitions[number]
        pd.testing.assert_frame_equal(
            part.compute(scheduler=THREADS), part.compute(scheduler=THREADS)
        )


def test_where_a_part_lands_it_keeps_to_its_share_of_the_pace(server: LocalServer) -> None:
    plan = plan_histories(keys=["loss"])
    dtypes = {"_step": "int64", "loss": "float64", "run_id": "string"}
    ids = [f"r{number:02}" for number in range(6)]
    with Api(base_url=server.url, api_key=KEY, requests_per_second=40) as api:
        part = HistoriesPart(api.runs(PATH, per_page=2), plan, "raise", dtypes, 10, "token")
        landed = pickle.loads(pickle.dumps(part))
        began = time.monotonic()
        landed(ids)
        assert time.monotonic() - began >= 2 / 4  # three requests
        again = pickle.loads(pickle.dumps(landed))
        began = time.monotonic()
        again(ids)
        assert 2 / 4 <= time.monotonic() - began < 2  # divided once


# A cluster of processes.


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[Untyped]:
    distributed: Untyped = import_module("distributed")  # it takes a second

    with (
        # Before Python 3.12 a worker's profile may wait for ever where threads start: docs/dask.md.
        of_dask.config.set({"distributed.worker.profile.enabled": False}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_workers_read_with_the_key_of_their_environment(
    client: Untyped, server: LocalServer, runs: Runs
) -> None:
    frame = histories(runs, ["loss", "note"], runs_per_part=3, exact=True)
    computed = client.compute(frame).result(timeout=60).reset_index(drop=True)
    expected = expected_of(runs, ["loss", "note"], frame, exact=True)
    pd.testing.assert_frame_equal(computed, expected)
    tables = table(runs, runs_per_part=4, summary=["loss"])
    found = client.compute(tables).result(timeout=60)
    assert [*found["summary.loss"]] == [number * 1.0 for number in range(RUNS)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_result_is_right_when_a_worker_is_killed_midway(
    client: Untyped, server: LocalServer, runs: Runs
) -> None:
    frame = histories(runs, ["loss"], runs_per_part=1)
    expected = expected_of(runs, ["loss"], frame)
    victim = next(iter(client.run(os.getpid).values()))
    server.clear_operations()
    with server.fail_always(Slow(0.15)):
        future = client.compute(frame)
        while len(server.operations) < 5:
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)
        computed = future.result(timeout=60).reset_index(drop=True)
    assert victim not in client.run(os.getpid).values()
    pd.testing.assert_frame_equal(computed, expected)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_workers_write_what_one_process_writes_also_when_one_is_killed(
    client: Untyped, server: LocalServer, runs: Runs, tmp_path: Path
) -> None:
    export(runs, tmp_path / "one", runs_per_part=2)
    victim = next(iter(client.run(os.getpid).values()))
    killed: list[int] = []

    def kill(progress: Progress) -> None:
        if progress.runs >= 4 and not killed:
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

    with server.fail_always(Slow(0.05)):
        result = export(runs, tmp_path / "many", runs_per_part=2, client=client, progress=kill)
    assert killed
    assert (result.added, result.parts_written) == (RUNS, 2 * 10)
    for kind in ("histories", "system"):
        one, many = (
            pl.read_parquet(tmp_path / each / kind / "*.parquet") for each in ("one", "many")
        )
        assert_frame_equal(one, many)
    assert verify(tmp_path / "many").problems == []


def test_the_example_of_a_cluster_runs(
    client: Untyped, server: LocalServer, runs: Runs, tmp_path: Path
) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "dask.md").read_text(encoding="utf-8")
    (program,) = re.findall(
        r"^```python\n(from distributed import Client\n.*?)^```", guide, re.MULTILINE | re.DOTALL
    )
    folder = tmp_path / "losses"
    for there, here in (
        ("tcp://scheduler:8786", client.scheduler.address),
        ("team/mnist", PATH),
        ("/shared/mnist-losses", str(folder)),
    ):
        assert program.count(there) == 1
        program = program.replace(there, here)
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    subprocess.run([sys.executable, "program.py"], cwd=tmp_path, check=True, timeout=120)
    written = pd.read_parquet(folder)
    frame = histories(runs, ["loss"], exact=True)
    pd.testing.assert_frame_equal(
        written.reset_index(drop=True), expected_of(runs, ["loss"], frame, exact=True)
    )


def test_the_example_of_a_local_cluster_runs(sample_server: LocalServer, tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "dask.md").read_text(encoding="utf-8")
    (program,) = re.findall(
        r"^```python\n(import dask as settings\n.*?)^```", guide, re.MULTILINE | re.DOTALL
    )
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "WANDB_BASE_URL": sample_server.url, "WANDB_API_KEY": "any-key"},
        check=True,
        timeout=120,
        stdout=subprocess.PIPE,
    )
    with Api(base_url=sample_server.url, api_key="any-key") as api:
        losses = api.runs("sample/digits").histories(keys=["loss"], format="polars")["loss"]
    assert float(done.stdout) == losses.filter(losses.is_not_nan()).min()


def test_a_frame_has_the_runs_that_there_are_when_it_is_made(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        for path in (new_id(), f"team/{new_id()}"):
            entity, _, name = path.rpartition("/")
            entity = entity or str(api.viewer.entity)
            log_run(server, entity, name, "r0", history=[{"loss": 1.0}])
            runs = api.runs(path)
            assert len([*runs]) == 1
            assert len(runs.table()) == 1
            log_run(server, entity, name, "r1", history=[{"loss": 2.0}])
            rows = histories(runs, ["loss"]).compute(scheduler=THREADS)
            assert sorted(rows["run_id"]) == ["r0", "r1"]
            frame = table(runs).compute(scheduler=THREADS)
            assert sorted(frame["id"]) == ["r0", "r1"]

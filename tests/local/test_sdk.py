"""The unpatched wandb SDK logs to the local server, and reads back equal values."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from support.graphql_query import of_project
from support.sdk_server import Sdk

from wandb_runs import Api
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

LOG = """
import wandb

with wandb.init(
    entity="team", project="digits", id="full", name="first", group="grid", job_type="train",
    tags=["a", "b"], notes="as it is", config={"lr": 0.1, "model": {"depth": 2}, "sizes": [1, 2]},
) as run:
    run.define_metric("val/*", step_metric="epoch")
    for step in range(25):
        run.log({"loss": 1 / (step + 1), "late": step if step < 20 else step + 0.5})
        if step % 5 == 0:
            run.log({"val/loss": step, "epoch": step // 5})
    run.log({"loss": float("nan"), "high": float("inf"), "text": "ü", "nested": {"deep": 1}})
    run.config.update({"added": "later"})
    run.tags += ("c",)
    run.summary["best"] = 0.99

run = wandb.init(entity="team", project="digits", id="bad")
run.log({"loss": 1.0, "page": wandb.Html("<b>media</b>")})
run.log({"table": wandb.Table(columns=["a"], data=[[1]])})
run.finish(exit_code=3)
"""

RESUME = """
import wandb

run = wandb.init(entity="team", project="digits", id="offline", resume="must")
assert run.resumed and run.config["lr"] == 0.5 and run.summary["loss"] == 39 / 7
run.log({"loss": 40 / 7})
run.finish()
"""

READ = """
import json
import wandb

api = wandb.Api()
listed = [
    {
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "tags": run.tags,
        "group": run.group,
        "job_type": run.job_type,
        "notes": run.notes,
        "config": run.config,
        "summary": dict(run.summary_metrics),
        "history": run.history(samples=10_000, pandas=False),
        "sampled": run.history(samples=10_000, keys=["val/loss"], pandas=False),
        "scanned": list(run.scan_history()),
        "scanned_keys": list(run.scan_history(keys=["late"], page_size=7)),
        "system": run.history(stream="system", pandas=False),
        "files": sorted(file.name for file in run.files()),
        "metadata": run.metadata is not None,
        "sweep": run.sweep and run.sweep.id,
        "method": run.sweep and run.sweep.config["method"],
        "swept": [swept.id for swept in run.sweep.runs] if run.sweep else [],
        "last_step": run.lastHistoryStep,
        "user": run.user.username,
    }
    for run in api.runs("team/digits")
]
print(json.dumps(listed))
"""

KILLED = """
import time
import wandb

run = wandb.init(entity="team", project="digits", id="killed")
print("running", flush=True)
time.sleep(60)
"""

OFFLINE = """
import wandb

with wandb.init(entity="team", project="digits", id="offline", config={"lr": 0.5}) as run:
    for step in range(40):
        run.log({"loss": step / 7})
"""

SWEEP = """
import wandb

definition = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"values": [0.1, 0.2, 0.3]}, "seed": {"value": 1}},
}
print(wandb.sweep(definition, entity="team", project="digits"))
"""

SWEPT = """
import wandb

with wandb.init() as run:
    run.log({"loss": 3.0})
"""


ANEW = """
import wandb

for rows, config in ((4, {"lr": 1, "old": 1}), (2, {"lr": 2})):
    with wandb.init(entity="team", project="anew", id="r", config=config) as run:
        for step in range(rows):
            run.log({"loss": step * config["lr"]})
        run.mark_preempting()
print(wandb.Api().run("team/anew/r").state)
"""

DELETE = """
import wandb

api = wandb.Api()
api.run("team/deleted/first").delete()
api.run("team/deleted/second").delete(delete_artifacts=True)
print([run.id for run in api.runs("team/deleted")])
"""

SHARED = """
import wandb

number = NUMBER
run = wandb.init(
    entity="team", project="digits", id="shared", config={f"rank{number}": number},
    settings=wandb.Settings(
        mode="shared", x_primary=not number, x_label=f"rank{number}",
        x_update_finish_state=not number,
    ),
)
for value in range(20):
    run.log({f"metric{number}": value, "both": number})
run.finish()
"""

FORK = """
import wandb

with wandb.init(entity="team", project="digits", id="base") as run:
    for step in range(6):
        run.log({"b": step, "early": step})
with wandb.init(entity="team", project="digits", id="fork", fork_from="base?_step=2") as run:
    run.log({"b": 100})
with wandb.init(entity="team", project="digits", id="fork2", fork_from="fork?_step=3") as run:
    run.log({"b": 200})
with wandb.init(entity="team", project="digits", id="fork2", resume="must") as run:
    run.log({"b": 300})
with wandb.init(entity="team", project="digits", resume_from="base?_step=3") as run:
    run.log({"b": 400})
"""

READ_FORKS = """
import json
import wandb

api = wandb.Api()
runs = {name: api.run(f"team/digits/{name}") for name in ("base", "fork", "fork2")}
print(json.dumps({
    name: [
        [[row["_step"], row["b"]] for row in run.scan_history()],
        [[row["_step"], row["b"]] for row in run.history(keys=["b"], pandas=False)],
        run.lastHistoryStep,
        run.summary["b"],
        run.summary["early"],
    ]
    for name, run in runs.items()
}))
"""


STOPPED = """
import time
import wandb

run = wandb.init(entity="team", project="digits", id="stopped")
print("running", flush=True)
try:
    for number in range(600):
        run.log({"number": number})
        time.sleep(0.1)
except KeyboardInterrupt:
    run.finish(exit_code=7)
    print("interrupted")
"""

STOP = """
import wandb

wandb.Api().run("team/digits/stopped").stop()
"""

DOWNLOAD = """

import wandb

with wandb.init(entity="team", project="digits", id="kept") as run:
    run.log({"loss": 1.5})
run = wandb.Api().run("team/digits/kept")
assert [row["loss"] for row in run.scan_history()] == [1.5]
with run.file("wandb-metadata.json").download(root="downloads", replace=True) as file:
    print(len(file.read()) > 0)
"""


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    prepared = Sdk(tmp_path_factory.mktemp("sdk"))
    with prepared.server:
        prepared.run(LOG)
        sweep = prepared.run(SWEEP).split()[-1]
        # As `wandb agent` sets them: in a sweep the SDK reads these from the environment only.
        where = {"WANDB_ENTITY": "team", "WANDB_PROJECT": "digits", "WANDB_RUN_ID": "swept0"}
        prepared.run(SWEPT, WANDB_SWEEP_ID=sweep, **where)
        log_run(prepared.server, "team", "digits", "swept1", sweep=sweep, summary={"loss": 2.0})
        prepared.run(OFFLINE, WANDB_MODE="offline")
        prepared.sync(*(prepared.folder / "wandb").glob("offline-run-*"))
        yield prepared


def without_clock(row: JSONObject) -> dict[str, JSONValue]:
    return {k: v for k, v in row.items() if k not in {"_timestamp", "_runtime", "_step"}}


def finite(row: JSONObject) -> dict[str, JSONValue]:
    """Replace NaN and infinity by strings, since NaN is not equal to itself."""
    return {
        key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }


def test_every_logged_row_is_stored_once(sdk: Sdk) -> None:
    expected: list[dict[str, JSONValue]] = []
    for step in range(25):
        expected.append({"loss": 1 / (step + 1), "late": step if step < 20 else step + 0.5})
        if step % 5 == 0:
            expected.append({"val/loss": step, "epoch": step // 5})
    expected.append({"loss": "nan", "high": "inf", "text": "ü", "nested": {"deep": 1}})
    rows = sdk.history("full")
    assert [finite(without_clock(row)) for row in rows] == expected
    assert [row["_step"] for row in rows] == list(range(31))


def comparable(row: Mapping[str, object]) -> list[tuple[str, str]]:
    """A row whatever the order of its metrics, with 1 as 1.0 and NaN as equal to itself."""
    return sorted(
        (name, repr(float(value) if isinstance(value, int) else value))
        for name, value in row.items()
    )


def test_the_package_reads_what_the_sdk_logged(sdk: Sdk) -> None:
    with Api(base_url=sdk.server.url, api_key="k" * 40) as api:
        runs = api.runs("team/digits", {"name": {"$in": ["full", "bad"]}})
        full, bad = runs
        assert (full.state, bad.state) == ("finished", "failed")
        assert full.config == {
            "lr": 0.1,
            "model": {"depth": 2},
            "sizes": [1, 2],
            "added": "later",
        }
        assert (full.name, full.group, full.tags) == ("first", "grid", ["a", "b", "c"])
        assert full.summary["best"] == 0.99
        rows = list(full.scan_history())
        # Compared as strings, since NaN is not equal to itself.
        # Of files: the order of columns is theirs, and integers beside floats are floats.
        assert list(map(comparable, rows)) == list(map(comparable, sdk.history("full")))
        assert [row["late"] for row in rows if "late" in row] == [
            step if step < 20 else step + 0.5 for step in range(25)
        ]
        frame = runs.histories(samples=1000, keys=["val/loss"], x_axis="epoch", format="polars")
        assert frame.rows() == [(epoch, epoch * 5, "full") for epoch in range(5)]


def test_a_run_has_the_fields_that_the_sdk_set(sdk: Sdk) -> None:
    run = sdk.ask("full", "displayName state tags group jobType notes config summaryMetrics")
    assert run["displayName"] == "first"
    assert run["state"] == "finished"
    assert run["tags"] == ["a", "b", "c"]
    assert (run["group"], run["jobType"], run["notes"]) == ("grid", "train", "as it is")
    config = json.loads(str(run["config"]))
    config.pop("_wandb")
    assert {key: entry["value"] for key, entry in config.items()} == {
        "lr": 0.1,
        "model": {"depth": 2},
        "sizes": [1, 2],
        "added": "later",
    }
    summary = json.loads(str(run["summaryMetrics"]))
    assert summary["best"] == 0.99
    assert summary["loss"] == "NaN"
    assert summary["high"] == "Infinity"
    assert summary["val/loss"] == 20
    assert summary["_step"] == 30


def test_the_exit_code_determines_the_state(sdk: Sdk) -> None:
    assert sdk.ask("bad", "state exitcode") == {"state": "failed", "exitcode": 3}
    assert len(sdk.history("bad")) == 2


def test_files_are_returned_unchanged(sdk: Sdk) -> None:
    files = sdk.ask("full", "files { edges { node { name directUrl } } }")
    edges = cast("dict[str, list[dict[str, dict[str, str]]]]", files["files"])["edges"]
    urls = {edge["node"]["name"]: edge["node"]["directUrl"] for edge in edges}
    assert {"wandb-metadata.json", "requirements.txt", "config.yaml"} <= urls.keys()
    metadata = httpx.get(urls["wandb-metadata.json"])
    assert metadata.headers["content-type"] == "application/json"
    assert metadata.json()["python"].startswith("CPython")
    assert httpx.put(urls["wandb-metadata.json"], content=b"changed").status_code == 403


def test_offline_runs_are_synced_once(sdk: Sdk) -> None:
    assert sdk.ask("offline", "state") == {"state": "finished"}
    assert [row["loss"] for row in sdk.history("offline")] == [step / 7 for step in range(40)]
    sdk.sync(*(sdk.folder / "wandb").glob("offline-run-*"))
    assert len(sdk.history("offline")) == 40


def test_a_resumed_run_continues_its_history(sdk: Sdk) -> None:
    sdk.run(RESUME)
    rows = sdk.history("offline")
    assert [(row["_step"], row["loss"]) for row in rows] == [(n, n / 7) for n in range(41)]


def test_a_sweep_counts_its_runs(sdk: Sdk) -> None:
    name = str(sdk.ask("swept0", "sweepName")["sweepName"])
    fields = "name method state bestLoss runCount runCountExpected"
    sweep = f'sweep(sweepName: "{name}") {{ {fields} }}'
    query = f"{{ {of_project('team', 'digits', sweep)} }}"
    answer = httpx.post(f"{sdk.server.url}/graphql", json={"query": query}).json()
    assert answer["data"]["project"]["sweep"] == {
        "name": name,
        "method": "grid",
        "state": "PENDING",
        "bestLoss": 2.0,
        "runCount": 2,
        "runCountExpected": 3,
    }


def test_sdk_reads_back_what_it_logged(sdk: Sdk) -> None:
    listed = {run["id"]: run for run in json.loads(sdk.run(READ))}
    assert list(listed)[:5] == ["full", "bad", "swept0", "swept1", "offline"]
    run = listed["full"]
    assert run["name"] == "first"
    assert run["state"] == "finished"
    assert run["tags"] == ["a", "b", "c"]
    assert (run["group"], run["job_type"], run["notes"]) == ("grid", "train", "as it is")
    assert run["config"] == {
        "lr": 0.1,
        "model": {"depth": 2},
        "sizes": [1, 2],
        "added": "later",
    }
    assert run["summary"]["best"] == 0.99
    assert [finite(row) for row in run["history"]] == [finite(row) for row in sdk.history("full")]
    assert len(run["scanned"]) == 31
    # From Parquet files, with null for what a row does not have.
    losses = [row["loss"] for row in run["scanned"] if row["loss"] is not None]
    assert losses[:25] == [1 / (step + 1) for step in range(25)]
    assert [row["val/loss"] for row in run["sampled"]] == [0, 5, 10, 15, 20]
    assert [row["late"] for row in run["scanned_keys"] if row["late"] is not None] == [
        step if step < 20 else step + 0.5 for step in range(25)
    ]
    assert any(key.startswith("system.") for key in run["system"][0])
    assert "wandb-summary.json" in run["files"]
    assert run["metadata"]
    assert run["last_step"] == 30
    assert run["user"] == "local"
    assert listed["swept0"]["method"] == "grid"
    assert listed["swept0"]["swept"] == ["swept0", "swept1"]


def test_a_run_logged_anew_under_its_id_replaces_the_old_one(sdk: Sdk) -> None:
    assert sdk.run(ANEW) == "finished\n"
    with Api(base_url=sdk.server.url, api_key="k" * 40) as api:
        run = api.run("team/anew/r")
        rows = [(row["_step"], row["loss"]) for row in run.scan_history()]
        assert rows == [(0, 0), (1, 2)]
        assert run.config == {"lr": 2}
        assert run.summary["loss"] == 2


def test_the_sdk_deletes_a_run(sdk: Sdk) -> None:
    for run_id in ("first", "second", "third"):
        log_run(sdk.server, "team", "deleted", run_id)
    assert sdk.run(DELETE) == "['third']\n"


def test_the_sdk_logs_to_a_server_with_a_key_of_its_own(tmp_path: Path) -> None:
    sdk = Sdk(tmp_path, api_key="0123456789abcdef" * 3)
    with sdk.server:
        assert sdk.run(DOWNLOAD) == "True\n"
        with pytest.raises(AssertionError, match="CommError"):
            sdk.run(DOWNLOAD, WANDB_API_KEY="f" * 48)


def test_a_killed_run_counts_as_crashed_after_five_minutes_without_a_heartbeat(sdk: Sdk) -> None:
    # A separate session, so that the SDK's background process is killed too.
    with subprocess.Popen(
        [sys.executable, "-c", KILLED],
        cwd=sdk.folder,
        env=sdk.environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "running\n"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert sdk.ask("killed", "state") == {"state": "running"}
    try:
        sdk.later = 290
        assert sdk.ask("killed", "state") == {"state": "running"}
        sdk.later = 310
        assert sdk.ask("killed", "state") == {"state": "crashed"}
        assert sdk.ask("full", "state") == {"state": "finished"}
    finally:
        sdk.later = 0


def test_processes_in_shared_mode_lose_no_row(sdk: Sdk) -> None:
    ranks = range(3)
    programs = [SHARED.replace("NUMBER", str(rank)) for rank in ranks]
    with ThreadPoolExecutor() as pool:
        list(pool.map(sdk.run, programs))
    with Api(base_url=sdk.server.url, api_key="k" * 40) as api:
        run = api.run("team/digits/shared")
        rows = list(run.scan_history())
        for rank in ranks:
            logged = [row[f"metric{rank}"] for row in rows if f"metric{rank}" in row]
            assert logged == list(range(20))
        assert [row["_step"] for row in rows] == list(range(60))
        assert {key: run.summary[key] for key in run.summary if key.startswith("metric")} == {
            f"metric{rank}": 19 for rank in ranks
        }
        assert run.config == {f"rank{rank}": rank for rank in ranks}
        assert run.state == "finished"


def test_forks_and_rewinds_have_the_rows_up_to_their_step(sdk: Sdk) -> None:
    sdk.run(FORK)
    rows = {
        "base": [0, 1, 2, 3, 400],
        "fork": [0, 1, 2, 100],
        "fork2": [0, 1, 2, 100, 200, 300],
    }
    early = {"base": 3, "fork": 2, "fork2": 2}
    read = json.loads(sdk.run(READ_FORKS))
    with Api(base_url=sdk.server.url, api_key="k" * 40) as api:
        for name, values in rows.items():
            numbered = [[step, value] for step, value in enumerate(values)]
            run = api.run(f"team/digits/{name}")
            assert [[row["_step"], row["b"]] for row in run.scan_history()] == numbered
            assert run.state == "finished"
            last = numbered[-1]
            assert read[name] == [numbered, numbered, last[0], last[1], early[name]]


def test_a_program_that_logs_is_interrupted_when_its_run_is_stopped(sdk: Sdk) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED],
        cwd=sdk.folder,
        env=sdk.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "running\n"
            sdk.run(STOP)
            assert process.communicate(timeout=120)[0] == "interrupted\n"
        finally:
            process.kill()
    run = sdk.ask("stopped", "state exitcode stopped")
    assert run == {"state": "failed", "exitcode": 7, "stopped": True}

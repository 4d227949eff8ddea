"""What W&B's SDK changes on the local server, the package reads, to the last value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from support.graphql_query import of_run
from support.managed import Managed
from support.sdk_programs import run_sdk

from wandb_runs import Api, NotFoundError, UnknownKeyWarning
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANGE = """
import json
from pathlib import Path

import wandb

api = wandb.Api()
run = api.run("team/managed/r1")
run.name, run.notes, run.group = "renamed", "by the SDK\\nin lines", "g2"
run.tags = ["x", "y"]
run.description = "described"
run.config["lr"] = 0.5
run.config["new"] = {"deep": [1, None, {"x": 2**60}]}
del run.config["gone"]
run.summary["best"] = 0.25
run.summary["nested"] = {"text": "ü", "none": None}
run.update()
run.summary.update({"later": 3})

Path("out").mkdir()
Path("out/model.bin").write_bytes(bytes(range(256)) * 100)
sent = run.upload_file("out/model.bin")
again = [run.upload_file("out/model.bin", root="out").name for _ in range(2)]
run.upload_file("out/model.bin", root="out").delete()
left = [(file.name, file.size, file.md5) for file in run.files()]

api.run("team/managed/r2").delete()
api.create_run(run_id="c1", project="managed", entity="team")
pending = wandb.apis.public.Run.create(
    api, run_id="c2", project="managed", entity="team", state="pending"
)
moved = [pending.update_state("failed"), api.run("team/managed/c1").update_state("pending")]
api.run("team/managed/r3").stop()
try:
    api.run("team/managed/r1").update_state("pending")
except Exception as error:
    moved.append(type(error).__name__)
api.create_project("made", "team")
print(json.dumps({
    "sent": [sent.name, sent.size], "again": again, "left": left, "moved": moved,
    "projects": [project.name for project in api.projects("team")],
}))
"""


@pytest.fixture(scope="module")
def managed() -> Iterator[Managed]:
    with LocalServer(features=["MARK_RUN_FILES_UPLOADED"]) as server:
        yield Managed(server)


def test_the_package_reads_what_the_wandb_sdk_changed(managed: Managed, tmp_path: Path) -> None:
    server = managed.server
    log_run(
        server,
        "team",
        "managed",
        "r1",
        config={"lr": 0.1, "gone": 1, "kept": "as it is", "_wandb": {"cli_version": "0.31.0"}},
        history=[{"loss": 1 / (step + 1)} for step in range(5)],
        summary={"loss": 0.2, "kept": [1, 2]},
        tags=["old"],
        notes="old",
        job_type="train",
    )
    log_run(server, "team", "managed", "r2")
    log_run(server, "team", "managed", "r3", exit_code=None)
    with Api(base_url=server.url, api_key="any") as api:
        before = api.run("team/managed/r1")
        told = json.loads(run_sdk(CHANGE, server, tmp_path))
        run = api.run("team/managed/r1")
        assert (run.name, run.notes, run.group) == ("renamed", "by the SDK\nin lines", "g2")
        assert (run.tags, run.job_type, run.description) == (["x", "y"], "train", "described")
        deep = {"deep": [1, None, {"x": 2**60}]}
        assert run.config == {"lr": 0.5, "kept": "as it is", "new": deep}
        assert run.summary == {
            "loss": 0.2,
            "kept": [1, 2],
            "best": 0.25,
            "nested": {"text": "ü", "none": None},
            "later": 3,
        }
        assert (run.state, run.created_at) == (before.state, before.created_at)
        assert [*run.scan_history()] == [*before.scan_history()]
        (found_by,) = api.runs("team/managed", {"config.new.value.deep": 1})
        assert found_by.id == "r1"
        with pytest.warns(UnknownKeyWarning, match="config.gone"):
            assert len(api.runs("team/managed", {"config.gone": 1})) == 0
        assert {each.id: each.state for each in api.runs("team/managed")} == {
            "r1": "finished",
            "r3": "running",
            "c1": "pending",
            "c2": "failed",
        }
        with pytest.raises(NotFoundError):
            api.run("team/managed/r2")
    content = bytes(range(256)) * 100
    assert told["sent"] == ["out/model.bin", len(content)]
    assert told["again"] == ["model.bin"] * 2
    assert [name for name, _, _ in told["left"]] == ["out/model.bin"]
    asked = "files { edges { node { name md5 directUrl } } } config stopped"
    found = cast(
        "dict[str, dict[str, dict[str, dict[str, list[dict[str, dict[str, str]]]]]]]",
        managed.ask(f"{{ {of_run('team', 'managed', 'r1', asked)} }}"),
    )["project"]["run"]
    (edge,) = found["files"]["edges"]
    assert edge["node"]["md5"] == told["left"][0][2]
    assert httpx.get(edge["node"]["directUrl"]).content == content
    # What the SDK keeps of its own in the config is still there.
    assert json.loads(cast("str", found["config"]))["_wandb"]["value"] == {"cli_version": "0.31.0"}
    stopped = managed.ask(f"{{ {of_run('team', 'managed', 'r3', 'stopped state')} }}")
    assert stopped == {"project": {"run": {"stopped": True, "state": "running"}}}
    assert told["moved"][:2] == [True, True]
    assert len(told["moved"]) == 3
    assert told["projects"] == ["made", "managed"]
    assert "MarkRunFilesUploaded" in server.operations

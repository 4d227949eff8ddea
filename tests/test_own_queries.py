"""The example of a user's own queries: generated, and run against the local server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from click.testing import CliRunner
from support.sweeps import make_sweep

import wandb_queries
from wandb_queries import artifacts_of_run, best_runs_of_sweeps, tags_of_project, teams_of_viewer
from wandb_runs import Api, AsyncApi, DegradedServerWarning, UnsupportedByServerError
from wandb_runs.cli.commands import cli
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "examples" / "own_queries"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        for sweep in ("one", "two"):
            name = make_sweep(started, "me/p")
            for number in range(3):
                log_run(
                    started,
                    "me",
                    "p",
                    f"{sweep}{number}",
                    sweep=name,
                    name=f"{sweep} {number}",
                    summary={"accuracy": number / 4},
                    tags=["baseline"] if number else [],
                )
        yield started


@pytest.fixture
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="k") as api:
        yield api


def test_what_is_committed_is_what_the_queries_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    done = CliRunner().invoke(cli, ["codegen", "--check"])
    assert done.exit_code == 0, done.output
    assert Path(wandb_queries.__file__).parent == FOLDER / "wandb_queries"


def test_the_report_is_that_of_the_server(server: LocalServer) -> None:
    environment = {**os.environ, "WANDB_BASE_URL": server.url, "WANDB_API_KEY": "k"}
    command = [sys.executable, str(FOLDER / "report.py"), "me/p", "--tag-best", "best"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    sweeps = [line.split(", ")[1] for line in done.stdout.splitlines() if "best of" in line]
    assert sweeps == ["0.5", "0.5"]
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[:3] == ["local is in 1 teams: me", "6 runs", "  baseline: 4"]
    assert sorted(lines[-2:]) == [
        "one2 is now ['baseline', 'best']",
        "two2 is now ['baseline', 'best']",
    ]
    with Api(base_url=server.url, api_key="k") as api:
        counted = api.execute(tags_of_project(entity="me", project="p")).project
        assert counted is not None
        assert {tag.name: tag.count for tag in counted.tag_counts or () if tag} == {
            "baseline": 4,
            "best": 2,
        }


def test_the_awaiting_half_sends_the_same(server: LocalServer) -> None:
    async def username() -> str | None:
        async with AsyncApi(base_url=server.url, api_key="k") as api:
            viewer = (await api.execute(teams_of_viewer())).viewer
            return None if viewer is None else viewer.username

    assert anyio.run(username) == "local"


def test_what_a_server_lacks_is_left_out_with_the_words_of_the_query(
    server: LocalServer, api: Api
) -> None:
    best = best_runs_of_sweeps(entity="me", project="p", order="+created_at")
    with (
        server.lack("Run.displayName"),
        pytest.warns(DegradedServerWarning, match="the best runs are named by their ids"),
    ):
        project = api.execute(best).project
    assert project is not None
    assert project.sweeps is not None
    names = [
        (run.node.name, run.node.display_name)
        for sweep in project.sweeps.edges or ()
        if sweep and sweep.node
        for run in sweep.node.runs.edges or ()
        if run and run.node
    ]
    assert names == [("one0", None), ("two0", None)]


def test_what_the_query_cannot_do_without_is_an_error(server: LocalServer, api: Api) -> None:
    # The schema's own mark holds for a document, but where that says otherwise.
    with server.lack("Project.runCount"), pytest.raises(UnsupportedByServerError) as caught:
        api.execute(tags_of_project(entity="me", project="p"))
    assert caught.value.missing == ("Project.runCount",)


def test_artifacts_are_typed_though_the_local_server_keeps_none(api: Api) -> None:
    operation = artifacts_of_run(entity="me", project="p", run="one0")
    project = api.execute(operation).project
    assert project is not None
    assert project.run is not None
    assert project.run.output_artifacts.edges == []
    version = {
        "size": 10,
        "versionIndex": 3,
        "artifactType": {"name": "model"},
        "artifactSequence": {"name": "digits"},
        "aliases": [{"alias": "latest"}],
    }
    edges = {"edges": [{"node": version}, {"node": None}]}
    body = {"data": {"project": {"run": {"outputArtifacts": edges, "inputArtifacts": edges}}}}
    answer = operation.parse(json.dumps(body).encode())
    assert answer.project is not None
    assert answer.project.run is not None
    made, nothing = answer.project.run.output_artifacts.edges
    assert nothing.node is None
    assert made.node is not None
    assert made.node.aliases is not None
    assert (made.node.artifact_sequence.name, made.node.version_index) == ("digits", 3)
    assert [each.alias for each in made.node.aliases] == ["latest"]

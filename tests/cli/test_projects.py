"""`projects` prints the projects of an entity in each format."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from wandb_runs.cli.commands import cli
from wandb_runs.cli.status import Status
from wandb_runs.testing import NullFields

if TYPE_CHECKING:
    from click.testing import Result

    from wandb_runs import Api
    from wandb_runs.testing import LocalServer

NAMES = ["first", "né w | <b>", "last"]


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.delenv("WANDB_ENTITY", raising=False)
    for name in NAMES:
        api.create_project(name, "cli-projects")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["projects", *arguments])


def test_each_format_has_each_project(api: Api) -> None:
    projects = api.projects("cli-projects")
    expected = [
        {
            "entity": "cli-projects",
            "name": each.name,
            "created_at": each.created_at and each.created_at.isoformat(),
            "description": None,
            "url": each.url,
        }
        for each in projects
    ]
    assert [each["name"] for each in expected] == NAMES[::-1]
    assert json.loads(run("cli-projects", "--format", "json").stdout) == expected
    lines = run("cli-projects", "--format", "jsonl").stdout.splitlines()
    assert [*map(json.loads, lines)] == expected
    table = csv.DictReader(io.StringIO(run("cli-projects", "--format", "csv").stdout))
    assert [row["name"] for row in table] == NAMES[::-1]
    done = run("cli-projects")
    assert (done.stderr, done.exit_code) == ("", 0)
    _, _, *rows = done.stdout.splitlines()
    assert [row.split("   ")[0] for row in rows] == [f"cli-projects/{name}" for name in NAMES[::-1]]
    assert (
        "| cli-projects | né w \\| \\<b\\> |" in run("cli-projects", "--format", "markdown").stdout
    )


def test_limits_and_the_default_entity_are_heeded(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = run("cli-projects", "--limit", "2", "--format", "json").stdout
    assert [each["name"] for each in json.loads(limited)] == NAMES[:0:-1]
    monkeypatch.setenv("WANDB_ENTITY", "cli-projects")
    assert run("--format", "json").stdout == run("cli-projects", "--format", "json").stdout


def test_nothing_and_an_error_have_a_status(wandb_server: LocalServer) -> None:
    empty = run("cli-empty")
    assert (empty.exit_code, empty.stderr) == (0, "cli-empty has no projects.\n")
    assert run("cli-empty", "--fail-on-empty").exit_code == Status.EMPTY
    assert run("a/b").exit_code == Status.USAGE
    assert run("cli-projects", "--limit", "0").exit_code == Status.USAGE
    with wandb_server.fail_always(NullFields("Query.models")):
        assert run("cli-projects").exit_code == Status.SERVER

"""`delete` and `move`: they show what they are about to do, and do it when they are told to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.terminals import on_a_terminal

from wandb_runs import Api
from wandb_runs.cli.commands import cli
from wandb_runs.testing import LocalServer, Status, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

PATH, NEW = "me/drafts", "me/kept"
DEBUG = ("--where", 'tags contains "debug"')


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """Three runs, two of which are for debugging, and a project with one."""
    with LocalServer() as server:
        for number in range(3):
            log_run(server, "me", "drafts", f"r{number}", tags=["debug"] if number else [])
        log_run(server, "me", "kept", "other")
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
        yield server


@pytest.fixture
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="any") as api:
        yield api


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def ids(api: Api, path: str) -> list[str]:
    return [run.id for run in api.runs(path)]


def test_elsewhere_than_on_a_terminal_the_number_is_needed(api: Api) -> None:
    for command in (("delete", PATH), ("move", PATH, NEW)):
        done = run(*command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "no terminal to ask on: pass --yes --expect N" in done.stderr
        done = run(*command, "--yes")
        assert done.exit_code == 2
        assert "--yes needs --expect N" in done.stderr
        done = run(*command, *DEBUG, "--yes", "--expect", "3")
        assert done.exit_code == 2
        assert done.stderr == (
            "Error: 2 runs are selected, and --expect is 3; nothing was changed. Look at them "
            "with --dry-run, and pass --expect 2\n"
        )
    assert ids(api, PATH) == ["r0", "r1", "r2"]


def test_with_the_number_it_is_done(api: Api) -> None:
    done = run("delete", PATH, *DEBUG, "--limit", "1", "--yes", "--expect", "1")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "1 run of me/drafts deleted.\n")
    assert ids(api, PATH) == ["r0", "r2"]
    done = run("move", PATH, NEW, "--yes", "--expect", "2", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert (ids(api, PATH), ids(api, NEW)) == ([], ["r0", "r2", "other"])
    done = run("delete", PATH, "--yes", "--expect", "0")
    assert (done.exit_code, done.stderr) == (0, "0 runs of me/drafts deleted.\n")


def test_a_dry_run_prints_and_changes_nothing(api: Api) -> None:
    for command, last in ((("delete", PATH), []), (("move", PATH, NEW), ["to"])):
        done = run(*command, *DEBUG, "--dry-run", "--format", "json")
        assert done.exit_code == 0
        rows = json.loads(done.stdout)
        assert [[*row] for row in rows] == [["id", "name", "state", "created_at", *last]] * 2
        assert [row["id"] for row in rows] == ["r1", "r2"]
        table = run(*command, *DEBUG, "--dry-run").stdout
        assert "r1" in table
        assert "finished" in table
    assert ids(api, PATH) == ["r0", "r1", "r2"]
    done = run("delete", PATH, "--where", 'state == "failed"', "--dry-run")
    assert (done.exit_code, done.stderr) == (0, "me/drafts has no run that fits --where.\n")


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks(api: Api, typed: str, status: int) -> None:
    shown = on_a_terminal("delete", PATH, *DEBUG, typed=typed, status=status)
    assert "Delete 2 runs of me/drafts? [y/N]" in shown
    assert shown.index("r2") < shown.index("Delete 2 runs")
    assert ids(api, PATH) == (["r0"] if status == 0 else ["r0", "r1", "r2"])
    assert ("2 runs of me/drafts deleted." in shown) == (status == 0)
    assert ("nothing was changed" in shown) == (status == 1)


def test_on_a_terminal_without_runs_it_asks_nothing(api: Api) -> None:
    shown = on_a_terminal("move", PATH, NEW, "--where", 'state == "failed"', typed="y\n")
    assert "me/drafts has no run that fits" in shown
    assert "Move" not in shown
    assert len(ids(api, PATH)) == 3


def test_what_is_partly_done_says_so(server: LocalServer, api: Api) -> None:
    with (
        server.lack("Mutation.deleteRuns"),
        server.fail(None, Status(403), operation="DeleteRun"),
    ):
        done = run("delete", PATH, "--yes", "--expect", "3")
    assert done.exit_code == 7
    assert "of 3 runs are done; failed: " in done.stderr
    assert "error.outcome" not in done.stderr
    left = ids(api, PATH)
    assert 0 < len(left) < 3
    with server.fail_always(Status(403), operation="DeleteRuns"):
        done = run("delete", PATH, "--yes", "--expect", str(len(left)))
    assert done.exit_code == 4
    assert f"{left[0]}: " in done.stderr
    done = run("delete", PATH, "--yes", "--expect", str(len(left)))
    assert (done.exit_code, ids(api, PATH)) == (0, [])


def test_runs_that_are_logging_need_force(server: LocalServer, api: Api) -> None:
    log_run(server, "me", "drafts", "live", exit_code=None)
    done = run("move", PATH, NEW, "--yes", "--expect", "4")
    assert done.exit_code == 2
    assert "1 run (live) is still logging" in done.stderr
    assert "or pass --force" in done.stderr
    assert run("move", PATH, NEW, "--yes", "--expect", "4", "--force").exit_code == 0
    assert ids(api, PATH) == []


def test_nowhere_to_move_to(api: Api) -> None:
    done = run("move", PATH, "me/never", "--yes", "--expect", "3")
    assert done.exit_code == 3
    assert "no project 'me/never' to move runs to" in done.stderr
    done = run("move", PATH, "kept", "--yes", "--expect", "3")
    assert done.exit_code == 2
    assert "with its entity: 'entity/project'; got 'kept'" in done.stderr
    assert len(ids(api, PATH)) == 3

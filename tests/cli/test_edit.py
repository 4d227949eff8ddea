"""`edit` and `tag`: they show what they are about to change, and change it when told to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.terminals import on_a_terminal

from wandb_runs import Api
from wandb_runs.cli.commands import cli
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from wandb_runs.graphql.scalars import JSONObject

RUN, PROJECT = "me/edited/r0", "me/edited"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """Two runs, one of which has more to it."""
    with LocalServer() as server:
        config: JSONObject = {"lr": 0.1, "model": {"depth": 3}, "old": 1}
        log_run(server, "me", "edited", "r0", config=config, tags=["a"], notes="n", group="g")
        log_run(server, "me", "edited", "r1")
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
        yield server


@pytest.fixture
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="any") as api:
        yield api


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


CHANGE = (
    *("--notes", "better", "--group", "", "--tag", "b", "--untag", "a"),
    *("--config", "model.depth=4", "--config", "name=adam", "--config", 'text="0.1"'),
    *("--summary", "loss=NaN", "--unset-config", "old"),
)


def test_what_is_named_changes_and_values_are_json_or_text(api: Api) -> None:
    done = run("edit", RUN, *CHANGE, "--yes")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"{RUN} changed.\n")
    edited = api.run(RUN)
    assert [edited.name, edited.notes, edited.group, edited.tags] == ["r0", "better", "", ["b"]]
    assert edited.config == {"lr": 0.1, "model": {"depth": 4}, "name": "adam", "text": "0.1"}
    assert edited.summary == {"loss": "NaN"}


def test_what_is_not_there_to_be_removed_is_told_by_options(api: Api) -> None:
    done = run("edit", RUN, "--notes", "x", "--untag", "aa", "--unset-config", "oldd", "--yes")
    assert (done.exit_code, done.stderr.splitlines()) == (
        0,
        [
            f"{RUN} changed.",
            "Warning: run 'r0' has no tag 'aa' (did you mean 'a'?), so that none is removed",
            "Warning: --unset-config: run 'r0' has no key 'oldd' (did you mean 'old'?), so that "
            "none is removed",
        ],
    )
    many = run("tag", PROJECT, "--remove", "aa", "--yes", "--expect", "2")
    assert "Warning: none of the 2 runs has a tag 'aa' (did you mean 'a'?)" in many.stderr
    assert api.run(RUN).tags == ["a"]


def test_a_dry_run_of_edit_prints_and_changes_nothing(api: Api) -> None:
    done = run("edit", RUN, *CHANGE, "--dry-run", "--format", "json")
    assert done.exit_code == 0
    assert [[*row.values()] for row in json.loads(done.stdout)] == [
        ["notes", "n", "better"],
        ["group", "g", ""],
        ["tags", ["a"], ["b"]],
        ["config.model.depth", 3, 4],
        ["config.name", None, "adam"],
        ["config.text", None, "0.1"],
        ["config.old", 1, None],
        ["summary.loss", None, None],
    ]
    assert "config.model.depth" in run("edit", RUN, *CHANGE, "--dry-run").stdout
    assert api.run(RUN).notes == "n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((RUN, "--yes"), "needs what to change, such as --notes TEXT"),
        ((RUN, "--notes", "x"), "there is no terminal to ask on: pass --yes"),
        ((RUN, "--config", "lr", "--yes"), "'lr' is not KEY=VALUE, such as lr=0.1"),
        ((RUN, "--config", "a=1", "--config", "a=2", "--yes"), "'a' is given twice"),
        ((RUN, "--config", "_wandb=1", "--yes"), "is W&B's own"),
        ((RUN, "--config", "a=1", "--unset-config", "a", "--yes"), "both have 'a'"),
    ],
)
def test_wrong_options_of_edit_are_refused(
    server: LocalServer, arguments: tuple[str, ...], message: str
) -> None:
    server.clear_operations()
    done = run("edit", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert server.operations == ()


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("n\n", 1)])
def test_on_a_terminal_edit_asks(api: Api, typed: str, status: int) -> None:
    shown = on_a_terminal("edit", RUN, "--notes", "better", typed=typed, status=status)
    assert f"Change {RUN}? [y/N]" in shown
    assert shown.index("better") < shown.index("Change ")
    assert api.run(RUN).notes == ("better" if status == 0 else "n")


def test_a_run_that_is_logging_needs_force(server: LocalServer, api: Api) -> None:
    log_run(server, "me", "edited", "r1", exit_code=None, state="running")
    done = run("edit", "me/edited/r1", "--notes", "x", "--yes")
    assert done.exit_code == 2
    assert "is running: its program" in done.stderr
    shown = on_a_terminal("edit", "me/edited/r1", "--notes", "x", typed="", status=2)
    assert "is running: its program" in shown
    assert "[y/N]" not in shown, "a question whose answer would change nothing"
    assert run("edit", "me/edited/r1", "--notes", "x", "--yes", "--force").exit_code == 0
    assert api.run("me/edited/r1").notes == "x"


def test_tags_of_many_runs(api: Api) -> None:
    done = run("tag", PROJECT, "--yes", "--expect", "2")
    assert done.exit_code == 2
    assert "pass --add TAG or --remove TAG" in done.stderr
    done = run("tag", PROJECT, "--add", "b", "--remove", "a", "--dry-run", "--format", "json")
    assert len(json.loads(done.stdout)) == 2
    assert api.run(RUN).tags == ["a"]
    done = run("tag", PROJECT, "--add", "b", "--remove", "a", "--yes", "--expect", "2")
    assert (done.exit_code, done.stderr) == (0, "the tags of 2 runs of me/edited changed.\n")
    assert [each.tags for each in api.runs(PROJECT)] == [["b"], ["b"]]
    shown = on_a_terminal("tag", PROJECT, "--add", "c", "--limit", "1", typed="y\n")
    assert "Change the tags of 1 run of me/edited? [y/N]" in shown
    assert [each.tags for each in api.runs(PROJECT)] == [["b", "c"], ["b"]]

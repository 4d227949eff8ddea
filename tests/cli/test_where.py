"""`--where` selects runs by a filter as text, beside `--filters`."""

from __future__ import annotations

import ast
import shlex
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from wandb_runs import Api, Config, State, parse_filter
from wandb_runs.cli.commands import cli

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from click.testing import Result

    from wandb_runs.testing import LocalServer

SELECTING = sorted(
    name
    for name, command in cli.commands.items()
    if any("--filters" in each.opts for each in command.params)
)


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "any-key")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def ids(done: Result) -> list[str]:
    assert done.exit_code == 0, done.stderr
    _header, _rule, *lines = done.stdout.splitlines()
    return [line.split()[1] for line in lines]


def test_list_prints_the_runs_of_the_filter(api: Api, many: str) -> None:
    where = 'config.optimizer == "adam" and not state == "finished"'
    expected = (Config("optimizer") == "adam") & ~(State == "finished")
    done = run("list", many, "--where", where)
    assert ids(done) == [each.id for each in api.runs(many, expected)] != []


def test_both_options_select_what_fits_both(api: Api, many: str) -> None:
    both = {"config.optimizer": "adam"} & (State == "finished")
    options = ("--filters", '{"config.optimizer": "adam"}', "--where", "state == 'finished'")
    assert ids(run("list", many, *options)) == [each.id for each in api.runs(many, both)] != []


@pytest.mark.parametrize("command", SELECTING)
def test_each_command_with_filters_takes_it_and_refuses_it_at_its_place(
    wandb_server: LocalServer, command: str
) -> None:
    assert {*SELECTING} >= {"histories", "list", "typegen"}
    wandb_server.clear_operations()
    output = () if command == "list" else ("-o", "out.csv")
    done = run(command, "team/many", *output, "--where", "config.lr < 0.1 && state == 'a'")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "Error: --where: column 17: write 'and' for '&&'.",
        "    config.lr < 0.1 && state == 'a'",
        "                    ^",
    ]
    assert wandb_server.operations == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--where", ""), "--where: column 1: an empty text"),
        (("--where", "state == 'a' or\nstat == 'b'"), "--where: line 2, column 1: 'stat'"),
        (("--where", '{"state": "finished"}'), "pass it to --filters as it is"),
        (("--where", "(" * 70_000), "--where: the text is longer than 64 KB"),
        (("--where", "state == '\udcff'"), "half a surrogate pair"),
        (
            ("--where", "state == 'a'", "--filters", '{"stat": "a"}'),
            """--filters["stat"]: 'stat' is no path""",
        ),
    ],
)
def test_a_wrong_filter_is_a_usage_error(
    wandb_server: LocalServer, options: Sequence[str], message: str
) -> None:
    wandb_server.clear_operations()
    done = run("list", "team/many", *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert wandb_server.operations == ()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--where", "config.optimiser == 'adam'"), "--where"),
        (
            ("--where", "config.optimiser == 'adam'", "--filters", '{"state": "finished"}'),
            "--where and --filters",
        ),
    ],
)
def test_unknown_names_are_told_by_the_option(
    many: str, options: Sequence[str], named: str
) -> None:
    told = (
        f"{named}: none of the 47 newest runs has 'config.optimiser' "
        "(did you mean 'config.optimizer'?)"
    )
    done = run("list", many, *options, "--fail-on-empty")
    assert done.exit_code == 6
    assert done.stderr.splitlines() == [
        f"Warning: {told}",
        f"Error: {many} has no run that fits {named}",
    ]


def test_a_path_that_a_warning_suggests_is_taken(many: str) -> None:
    done = run("list", many, "--where", "config.model.dept == 2")
    assert "did you mean 'config.model.value.depth'?" in done.stderr
    done = run("list", many, "--where", "config.model.value.depth == 2")
    assert ids(done)
    assert parse_filter("config.model.value.depth == 2") == (Config("model", "depth") == 2)


def test_what_a_generated_file_says_to_run_is_what_was_run(many: str) -> None:
    where = "config.optimizer == 'adam'\n  or state != \"failed\""
    chosen = ("--where", where, "--filters", '{"state": "finished"}', "--limit", "9")
    done = run("typegen", many, *chosen)
    assert done.exit_code == 0, done.stderr
    said = shlex.split(str(ast.get_docstring(ast.parse(done.stdout))).splitlines()[-1])
    assert said == ["wandb-runs", "typegen", many, "--where", where.replace("\n", " "), *chosen[2:]]
    assert run(*said[1:]).stdout == done.stdout

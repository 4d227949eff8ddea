"""`logs` prints the console output of a run: as it is in a pipe, safe on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.answers import ChangedVariables
from support.logging_sdk import LoggedRun
from support.terminals import on_a_terminal

from wandb_runs.cli.commands import cli
from wandb_runs.cli.status import Status

if TYPE_CHECKING:
    from click.testing import Result

    from wandb_runs.testing import LocalServer

LINES = ["begin", "\x1b[31mred\x1b[0m", "a\tb", "", "42%\r43%", "é 损失 \u202e", "end"]
PATH = "me/cli-logs/r1"


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    logged = LoggedRun(wandb_server, "cli-logs", "r1")
    logged.start()
    LoggedRun(wandb_server, "cli-logs", "silent").start()
    times = [f"2026-01-02T03:04:{second:02}.5 " for second in range(len(LINES))]
    logged.send("output.log", 0, [time + line for time, line in zip(times, LINES, strict=True)])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_lines_come_as_they_were_printed_in_a_pipe(wandb_server: LocalServer) -> None:
    done = run("logs", PATH)
    assert done.stdout_bytes.decode() == "".join(f"{line}\n" for line in LINES)
    assert (done.stderr, done.exit_code) == ("", 0)
    wandb_server.clear_operations()
    assert run("logs", PATH, "--last", "1").stdout == "end\n"
    assert wandb_server.operations == ("GetRun", "ListLastLogLines")
    timed = run("logs", PATH, "--last", "1", "--timestamps").stdout
    assert timed == "2026-01-02T03:04:06.500000+00:00 end\n"


def test_nothing_moves_the_cursor_of_a_terminal() -> None:
    shown = on_a_terminal("logs", PATH).replace("\r\n", "\n")
    assert shown == ("begin\n\\x1b[31mred\\x1b[0m\na       b\n\n42%\\r43%\né 损失 \\u202e\nend\n")


def test_what_is_missing_and_what_is_empty_has_a_status(wandb_server: LocalServer) -> None:
    with wandb_server.fail_always(
        ChangedVariables(lambda variables: {**variables, "last": 2}), operation="ListLastLogLines"
    ):
        cut = run("logs", PATH, "--last", "5")
    assert cut.stdout.splitlines() == LINES[-2:]
    assert cut.exit_code == Status.PARTIAL
    assert cut.stderr.startswith("Warning: 3 lines of the console output of run 'r1' are missing")
    silent = run("logs", "me/cli-logs/silent")
    assert (silent.stdout, silent.exit_code) == ("", 0)
    assert silent.stderr == "me/cli-logs/silent has no console output.\n"
    assert run("logs", "me/cli-logs/silent", "--quiet").stderr == ""
    assert run("logs", "me/cli-logs/silent", "--fail-on-empty").exit_code == Status.EMPTY
    assert run("logs", "me/cli-logs/none").exit_code == Status.NOT_FOUND
    assert run("logs", PATH, "--last", "0").exit_code == Status.USAGE

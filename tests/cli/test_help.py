"""What the help shows fits the terminal, and is whole."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from wandb_runs.cli.commands import cli

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = sorted(cli.commands)


def help_of(*command: str, columns: int = 80) -> str:
    done = CliRunner().invoke(cli, [*command, "--help"], terminal_width=columns)
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("columns", [200, 80, 72, 60, 52])
@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=str)
def test_the_help_is_whole_and_fits_the_terminal(command: Sequence[str], columns: int) -> None:
    text = help_of(*command, columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    assert "..." not in text.replace("COMMAND [ARGS]...", "")
    # Any encoding has these characters.
    assert text.isascii()


def test_the_help_takes_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    command = [sys.executable, "-m", "wandb_runs", "--help"]
    text = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    assert max(map(len, text.splitlines())) <= 60
    assert "which is..." not in text


@pytest.mark.parametrize("columns", [80, 52])
@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_their_first_sentences(name: str, columns: int) -> None:
    first = (cli.commands[name].help or "").split("\n\n")[0]
    listed = " ".join(help_of(columns=columns).split())
    assert f" {name} {' '.join(first.split())}" in listed


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        (("-c", "from wandb_runs.cli import main; main()"), "wandb-runs"),
        (("-m", "wandb_runs"), "python -m wandb_runs"),
        (("-m", "wandb_runs.local"), "python -m wandb_runs.local"),
    ],
)
def test_the_program_is_named_as_it_is_called(program: Sequence[str], shown: str) -> None:
    command = [sys.executable, *program, "--nothing"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Usage: {shown} [OPTIONS]")
    assert f"Try '{shown} --help'" in done.stderr

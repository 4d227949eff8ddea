"""The guide of the command line is true: its commands print what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wandb_runs.cli.commands import cli

if TYPE_CHECKING:
    from wandb_runs.testing import LocalServer

GUIDE = Path(__file__).parents[2] / "docs" / "command-line.md"
BLOCKS = re.findall(r"^```console\n(.*?)^```", GUIDE.read_text(), flags=re.MULTILINE | re.DOTALL)
EXAMPLES = [
    (lines[0], lines[1])
    for block in BLOCKS
    for each in block.split("$ ")[1:]
    if (lines := each.split("\n", 1))
]


@pytest.mark.parametrize(("command", "expected"), EXAMPLES)
def test_the_guide_shows_what_commands_print(
    sample_server: LocalServer, command: str, expected: str
) -> None:
    # The shell finds the program that belongs to this interpreter.
    program = f'wandb-runs() {{ "{sys.executable}" -m wandb_runs "$@"; }}; {command}'
    env = {**os.environ, "WANDB_BASE_URL": sample_server.url, "WANDB_API_KEY": "k" * 40}
    done = subprocess.run(
        ["bash", "-c", program],  # noqa: S607 - as users have it
        capture_output=True,
        env=env,
        encoding="utf-8",
        check=False,
    )
    assert done.stdout.replace(sample_server.url, "http://127.0.0.1:8080") == expected


def test_the_guide_names_all_commands() -> None:
    rows = re.findall(r"^\| `(\w+)", GUIDE.read_text(), flags=re.MULTILINE)
    assert {*cli.commands} <= {*rows}

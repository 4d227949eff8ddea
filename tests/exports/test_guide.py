"""The commands and programs of the guides to exports and to Dask run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from wandb_runs.cli.status import MEANINGS

if TYPE_CHECKING:
    from wandb_runs.testing import LocalServer

GUIDE: Final = (Path(__file__).parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")
COMMANDS: Final = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)
    if not block.startswith("#!")
    for line in block.splitlines()
]
(SCRIPT,) = re.findall(r"^```sh\n(#!/bin/sh\n.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)
(CRON,) = re.findall(r"^```\n(\d.* wandb-runs .*)\n```", GUIDE, flags=re.MULTILINE)


@pytest.fixture(autouse=True)
def environment(
    sample_server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_BASE_URL", sample_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    # Where the program is that belongs to this interpreter.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def run(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the guide as cron does, of a project that there is."""
    return subprocess.run(
        ["sh", "-c", command.replace("me/digits", "sample/digits")],  # noqa: S607 - as users have it
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_run() -> None:
    assert [command.replace(" digits", "").split()[1:] for command in COMMANDS] == [
        ["export", "me/digits"],
        ["export", "--verify"],
        ["export", "me/digits", "--repair"],
    ]
    for command in COMMANDS:
        done = run(command)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_line_of_cron_says_nothing_after_a_good_night(tmp_path: Path) -> None:
    *when, command = CRON.split(None, 5)
    assert all(re.fullmatch(r"\d+|\*", each) for each in when)
    for _ in range(2):
        done = run(command.replace("/data/digits", "nightly"))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "nightly" / "manifest.json").exists()


def test_the_script_tells_nights_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("nightly").write_text(SCRIPT, encoding="utf-8")
    good = run("sh nightly me/digits digits")
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    assert json.loads(Path("digits.json").read_text())["failed"] == {}
    wrong = run("sh nightly me/nothing digits-of-nothing")
    assert wrong.returncode == 3
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    later = run("sh nightly me/digits elsewhere")
    assert (later.returncode, later.stdout) == (
        0,
        "sample/digits: status 5; the next export goes on\n",
    )


def test_the_statuses_are_those_of_commands() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", GUIDE, flags=re.MULTILINE)
    told = {int(each) for row in rows for each in row.split(",")}
    assert told - {137} == {*map(int, MEANINGS)} - {6, 141}  # of --fail-on-empty, and of pipes
    taken = re.findall(r"^  ([\d|]+)\) ", SCRIPT, flags=re.MULTILINE)
    assert taken == ["0", "5|7|130|137|143"]

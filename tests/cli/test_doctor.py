"""`wandb-runs doctor`, in processes of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wandb_runs.testing import Html, LocalServer

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = (sys.executable, "-m", "wandb_runs", "doctor")


@pytest.fixture(autouse=True)
def environment(sample_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", sample_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, encoding="utf-8", check=False
    )


def in_terminal(*arguments: str, columns: int) -> str:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    with subprocess.Popen([*PROGRAM, *arguments], stdout=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not more:
                break
            written += more
        assert process.wait() == 0
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", written.decode()).replace("\r\n", "\n")


def test_a_table_in_a_pipe_has_a_line_for_each_check() -> None:
    done = run("sample/digits")
    assert (done.returncode, done.stderr) == (0, "")
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["Status", "Check", "Seconds", "Bytes", "Detail"]
    assert {line.split()[0] for line in lines} == {"ok", "unknown"}
    assert any("filters by createdAt" in line and " yes" in line for line in lines)
    assert "digits" not in done.stdout


@pytest.mark.parametrize("columns", [80, 120])
def test_a_table_fits_the_terminal_and_is_whole(columns: int) -> None:
    shown = in_terminal("sample/digits", columns=columns)
    assert max(map(len, shown.splitlines())) <= columns
    words = set(shown.split())
    plain = run("sample/digits").stdout
    assert "…" not in shown
    # Times and sizes differ.
    assert {word for word in plain.split() if word.isalpha()} <= words


def test_json_has_every_check() -> None:
    done = run("sample/nothing", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    assert report["ok"] is False
    named = {check["name"]: check for check in report["checks"]}
    assert named["project"]["status"] == "failed"
    assert named["query ListEvents"]["status"] == "skipped"
    assert {*named["project"]} == {"name", "status", "detail", "seconds", "bytes"}
    table = run("sample/nothing").stdout
    assert re.search(r"skipped +\d\d checks ", table)


def test_names_are_shown_on_request() -> None:
    assert "sample/digits" in run("sample/digits", "--show-names").stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "status", "said"),
    [
        (("sample/digits",), {"WANDB_API_KEY": "", "HOME": "/nowhere"}, 1, "none: pass api_key="),
        (("sample/digits",), {"WANDB_BASE_URL": "http://127.0.0.1:9"}, 1, "Connection refused"),
        (("sample/nothing",), {}, 1, "missing, or the key may not see it"),
        ((), {}, 0, "no project: name one"),
        ((), {"WANDB_ENTITY": "sample", "WANDB_PROJECT": "digits"}, 0, "30 runs"),
    ],
)
def test_each_case_has_a_report_and_a_status(
    monkeypatch: pytest.MonkeyPatch,
    arguments: Sequence[str],
    variables: dict[str, str],
    status: int,
    said: str,
) -> None:
    monkeypatch.delenv("NETRC", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (status, "")
    assert said in done.stdout


def test_a_wrong_key_has_a_report_and_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer(api_key="right") as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        done = run("team/mnist")
    assert (done.returncode, done.stderr) == (1, "")
    assert "from WANDB_API_KEY, not accepted (HTTP 401)" in done.stdout


def test_a_query_that_fails_is_status_1(sample_server: LocalServer) -> None:
    with sample_server.fail_always(Html(501), operation="GetRun"):
        done = run("sample/digits")
    assert done.returncode == 1
    assert re.search(r"failed +query GetRun .* HTTP 501", done.stdout)


def test_a_path_of_something_else_is_a_usage_error() -> None:
    done = run("a/b/c/d")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")

"""`open` prints the address of a page, and opens it on a terminal alone."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.terminals import on_a_terminal

from wandb_runs.cli.commands import cli

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from wandb_runs.testing import LocalServer

APP = "https://app.example/wb"


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_APP_URL", APP)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    for name in ("WANDB_ENTITY", "WANDB_PROJECT", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a browser has been started with."""
    program, opened = tmp_path / "browser", tmp_path / "opened"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{opened}"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", str(program))
    return opened


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("team/p", "team/p"),
        ("team/my p", "team/my%20p"),
        ("team/p/r1", "team/p/runs/r1"),
        ("team/p/sweeps/s1", "team/p/sweeps/s1"),
        ("team/p:r1", "team/p/runs/r1"),
        ("https://wandb.ai/team/p/runs/r1/logs", "team/p/runs/r1"),
        ("team/p/$(id);&|", "team/p/runs/%24%28id%29%3B%26%7C"),
    ],
)
def test_the_address_of_a_page_is_printed_without_a_request(
    wandb_server: LocalServer, opened: Path, path: str, page: str
) -> None:
    wandb_server.clear_operations()
    done = run("open", path)
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{APP}/{page}\n", "")
    assert wandb_server.operations == ()
    assert not opened.exists()


def test_a_page_is_opened_on_a_terminal(opened: Path) -> None:
    assert on_a_terminal("open", "team/p/$(id)").strip() == f"{APP}/team/p/runs/%24%28id%29"
    assert opened.read_text() == f"{APP}/team/p/runs/%24%28id%29\n"
    assert on_a_terminal("open", "team/q", "--print").strip() == f"{APP}/team/q"
    assert "team/q" not in opened.read_text()


def test_the_entity_is_asked_for_where_nothing_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run("open", "p").stdout == f"{APP}/local/p\n"
    monkeypatch.setenv("WANDB_ENTITY", "team")
    assert run("open", "p").stdout == f"{APP}/team/p\n"


@pytest.mark.parametrize("path", ["", "a/b/c/d/e", "https://example.com/", "team/p/reports/x"])
def test_what_is_no_page_is_refused(path: str) -> None:
    done = run("open", path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: path must look like")


def test_a_browser_that_does_not_start_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BROWSER", str(tmp_path / "none"))
    drawn = on_a_terminal("open", "team/p", status=1)
    assert drawn.splitlines() == [
        f"{APP}/team/p",
        "Error: no browser could be started; open the address above",
    ]

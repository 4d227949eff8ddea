"""`files`, `download` and `upload` on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.file_server import Answer, Exchange, Stored, digest_of, serve_files

from wandb_runs.cli.commands import cli
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from wandb_runs.testing import LocalServer

PROJECT = "me/cli-files"


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.chdir(tmp_path)
    for run_id in ("r1", "r2"):
        log_run(wandb_server, "me", "cli-files", run_id)


def run(*arguments: str, status: int = 0) -> Result:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == status, done.output
    return done


def test_files_go_up_are_listed_and_come_down(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.pt").write_bytes(b"content")
    run("upload", f"{PROJECT}/r1", "out/model.pt")
    run("upload", f"{PROJECT}/r2", "out/model.pt", "--root", "out", "--yes")
    listed = json.loads(run("files", f"{PROJECT}/r1", "--format", "json").stdout)
    assert [(each["name"], each["size"], each["md5"]) for each in listed] == [
        ("out/model.pt", 7, digest_of(b"content"))
    ]
    table = run("files", f"{PROJECT}/r1", "--pattern", "out/%").stdout
    assert "Updated at" in table
    assert "out/model.pt" in table

    done = run("download", PROJECT, "--to", "all", "--format", "jsonl")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(each["run_id"], each["name"], each["status"]) for each in told} == {
        ("r1", "out/model.pt", "done"),
        ("r2", "model.pt", "done"),
    }
    assert "2 written" in done.stderr
    assert (tmp_path / "all" / "r1" / "out" / "model.pt").read_bytes() == b"content"
    assert "2 there already" in run("download", PROJECT, "--to", "all").stderr
    (tmp_path / "all" / "r2" / "model.pt").write_bytes(b"mine")
    partial = run("download", PROJECT, "--to", "all", status=7)
    assert "1 failed" in partial.stderr
    assert "with other content" in partial.stderr
    run("download", f"{PROJECT}/r2", "--to", "all", status=2)
    run("download", f"{PROJECT}/r2", "--to", "all", "--replace", "-q")
    assert (tmp_path / "all" / "r2" / "model.pt").read_bytes() == b"content"


def test_a_file_that_is_there_is_replaced_with_yes_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one")
    run("upload", f"{PROJECT}/r1", "a.txt")
    (tmp_path / "a.txt").write_bytes(b"two")
    refused = run("upload", f"{PROJECT}/r1", "a.txt", status=2)
    assert "--yes" in refused.stderr
    assert "nothing was uploaded" in refused.stderr
    run("upload", f"{PROJECT}/r1", "a.txt", "--yes")
    listed = json.loads(
        run("files", f"{PROJECT}/r1", "--pattern", "a.txt", "--format", "json").stdout
    )
    assert [each["md5"] for each in listed] == [digest_of(b"two")]


def test_what_is_not_there_is_told_by_statuses() -> None:
    run("files", f"{PROJECT}/missing", status=3)
    run("files", f"{PROJECT}/r1", "--pattern", "none%", "--fail-on-empty", status=6)
    assert "no file that fits" in run("files", f"{PROJECT}/r1", "--pattern", "none%").stderr
    run("files", f"{PROJECT}/r1", "--pattern", "*.pt", status=2)
    run("download", f"{PROJECT}/missing", status=3)
    run("download", PROJECT, "--pattern", "none%", "--fail-on-empty", status=6)
    run("upload", f"{PROJECT}/r1", "missing.txt", status=2)
    run("upload", f"{PROJECT}/r1", "../outside.txt", status=2)


def test_what_was_uploaded_before_a_failure_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    with serve_files() as server:

        def answer(exchange: Exchange) -> Answer:
            if exchange.body == b"b":
                return Answer(403)
            server.files["a"] = Stored(exchange.body, f"{server.url}/f")
            return Answer(200)

        server.answer, server.upload_url = answer, "/up"
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        arguments = ("upload", "me/p/r1", "a", "b", "--yes", "--format", "json")
        done = CliRunner().invoke(cli, arguments)
    assert done.exit_code != 0
    assert "'b' of run 'me/p/r1' is not uploaded" in done.stderr
    assert [each["name"] for each in json.loads(done.stdout)] == ["a"]

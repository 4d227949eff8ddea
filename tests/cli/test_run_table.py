"""`table` has what `runs.table()` has, in each format."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from click.testing import CliRunner
from support.terminals import on_a_terminal

from wandb_runs.cli.commands import cli
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from click.testing import Result

    from wandb_runs import Api
    from wandb_runs.testing import LocalServer


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_json_has_the_columns_and_values_of_the_package(api: Api, many: str) -> None:
    frame = api.runs(many).table("polars")
    rows = json.loads(run("table", many, "--format", "json").stdout)
    assert [*rows[0]] == frame.columns
    expected = api.runs(many).table()
    assert len(rows) == len(expected)
    for row, values in zip(rows, expected, strict=True):
        told = {name: value for name, value in row.items() if value is not None}
        assert told == {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in values.items()
        }
    lines = run("table", many, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_parquet_is_the_frame_of_the_package(api: Api, many: str, tmp_path: Path) -> None:
    output = tmp_path / "runs.parquet"
    chosen = ("--filters", '{"state": "finished"}', "--order", "-config.lr", "--limit", "9")
    done = run("table", many, *chosen, "-o", str(output))
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{output}: 9 runs\n"
    runs = api.runs(many, {"state": "finished"}, "-config.lr", limit=9)
    assert pl.read_parquet(output).equals(runs.table("polars"))
    assert pl.read_parquet(run("table", many, *chosen, "--format", "parquet").stdout_bytes).equals(
        runs.table("polars")
    )


@pytest.mark.parametrize("arguments", [("table",), ("histories", "-o", "-", "--keys", "loss")])
def test_as_many_runs_as_given_are_in_each_request(
    wandb_server: LocalServer, api: Api, many: str, arguments: Sequence[str]
) -> None:
    runs = len(api.runs(many))
    sizes: list[int | str] = ["default", 50, runs, runs // 2]
    requests = {}
    for size in sizes:
        wandb_server.clear_operations()
        given = () if size == "default" else ("--per-page", str(size))
        assert run(arguments[0], many, *arguments[1:], *given).exit_code == 0
        requests[size] = len([each for each in wandb_server.operations if each != "CountRuns"])
    pages = [-(-runs // size) for size in (50, runs, runs // 2)]
    assert [requests[size] for size in sizes[1:]] == pages
    assert requests["default"] <= pages[0]
    assert run(arguments[0], many, *arguments[1:], "--per-page", "0").exit_code == 2


def test_keys_and_attributes_choose_columns(wandb_server: LocalServer, api: Api, many: str) -> None:
    chosen = ("--keys", "summary.loss,config.model", "--attributes", "user, id", "--limit", "3")
    wandb_server.clear_operations()
    text = run("table", many, *chosen, "--format", "csv").stdout
    assert wandb_server.operations == ("ListRuns",)
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["user", "id", "config.model.depth", "summary.loss"]
    assert [row[1] for row in rows] == [each.id for each in api.runs(many)[:3]]
    of_config = run("table", many, "--keys", "config.lr", "--format", "csv", "--limit", "1").stdout
    assert of_config.splitlines()[0].split(",")[-2:] == ["notes", "config.lr"]
    missing = run("table", many, "--keys", "config.lrr", "--format", "csv", "--limit", "1")
    assert missing.stdout.splitlines()[0].endswith(",config.lrr")
    assert "did you mean 'config.lr'?" in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--attributes", "stat"), "--attributes: a table has no 'stat'; did you mean 'state'?"),
        (("--keys", "loss"), "config.loss or summary.loss"),
        (("--limit", "0"), "--limit"),
        (("-o", "runs.xlsx"), ".parquet"),
    ],
)
def test_what_is_no_column_is_refused_before_any_request(
    wandb_server: LocalServer, many: str, arguments: tuple[str, ...], told: str
) -> None:
    wandb_server.clear_operations()
    done = run("table", many, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert wandb_server.operations == ()


def test_a_terminal_has_the_columns_that_fit_and_a_pipe_has_all(many: str) -> None:
    header, _rule, *rows = run("table", many).stdout.splitlines()
    assert header.split()[:3] == ["name", "id", "state"]
    assert {"config.eval/metric", "config.model.depth", "summary.loss"} <= {*header.split()}
    assert len(rows) == 47
    for columns in (40, 80):
        drawn = on_a_terminal("table", many, "-v", columns=columns)
        lines = re.sub(r"\x1b\[[0-9;]*m|\r", "", drawn).splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("name"))
        fit = len(lines[at].split())
        assert max(map(len, lines[at : at + 49])) <= columns
        left = len(header.split()) - fit
        assert lines[-1].startswith(f"{left} more columns: --keys chooses")
        # One more would not have fitted.
        assert len(lines[at]) + 3 + len(header.split()[fit]) > columns


def test_a_project_without_runs_is_a_table_of_none(
    wandb_server: LocalServer, tmp_path: Path
) -> None:
    log_run(wandb_server, "team", "none", "r")
    none = ("table", "team/none", "--filters", '{"name": "x"}')
    assert json.loads(run(*none, "--format", "json").stdout) == []
    assert run(*none, "--format", "csv").stdout.startswith("id,name,state,")
    output = tmp_path / "kept.csv"
    output.write_text("kept")
    assert run(*none, "--fail-on-empty", "-o", str(output)).exit_code == 6
    assert output.read_text() == "kept"


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "markdown"])
@pytest.mark.parametrize("command", ["list", "table"])
def test_a_listing_of_no_run_says_so(many: str, command: str, form: str) -> None:
    chosen = ("--where", 'state == "failed" and state == "finished"', "--format", form)
    done = run(command, many, *chosen)
    assert (done.exit_code, done.stderr) == (0, f"{many} has no run that fits --where.\n")
    assert run(command, many, *chosen, "--quiet").stderr == ""
    failed = run(command, many, *chosen, "--fail-on-empty")
    assert (failed.exit_code, failed.stderr) == (
        6,
        f"Error: {many} has no run that fits --where\n",
    )

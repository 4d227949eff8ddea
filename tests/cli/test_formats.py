"""Records keep their values in each format, and move no cursor where people read them."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import subprocess
from typing import TYPE_CHECKING, cast

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from support.printable import ODD, is_plain
from support.terminals import on_a_terminal, one_process

from wandb_runs.cli.commands import cli
from wandb_runs.cli.formats import WRITERS, Records, json_document, json_line
from wandb_runs.cli.session import show_progress
from wandb_runs.pagination.progress import Progress
from wandb_runs.testing import RateLimited, log_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from click.testing import Result

    from wandb_runs import Api
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.testing import LocalServer

FORMATS = ("table", "json", "jsonl", "csv", "markdown")
KEY = "k" * 39 + "z"
NAME = "a|b\r\n\x1b[31m☃\u202e`__x__`"
"""A name that is markup, moves a cursor, and holds what Latin-1 lacks."""


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)


@pytest.fixture(scope="module")
def formats(wandb_server: LocalServer) -> str:
    """A project of one run whose values no format takes as they are."""
    config: JSONObject = {"lr": 1e-5, "text": 'two\n"lines",', "model": {"layers": [1, 2]}}
    summary: JSONObject = {"loss": "NaN", "best": "-Infinity", "empty": "", "big": 2**60}
    log_run(
        wandb_server,
        "team",
        "formats",
        "r1",
        name=NAME,
        config={**config, NAME: NAME},
        summary=summary,
        exit_code=0,
    )
    return "team/formats"


COLUMNS = "config.lr,config.text,config.model,summary.loss,summary.best,summary.empty,summary.big"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters() | st.sampled_from(ODD + '|",=`_*<\\'))
)
values = st.recursive(
    scalars, lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=5
)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(values, min_size=width, max_size=width), max_size=4)
)


def records_of(rows: list[list[JSONValue]]) -> Records:
    width = len(rows[0]) if rows else 2
    return Records([f"column {at}" for at in range(width)], rows)


def without_nan(value: JSONValue) -> JSONValue:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    return [without_nan(each) for each in value] if isinstance(value, list) else value


@example([[float("nan"), [float("inf"), {"a": -float("inf")}]]], "ascii")
@given(tables, st.sampled_from(["utf-8", "ascii", "latin-1", "cp1252"]))
def test_json_reads_back_equal_but_for_nan_and_infinities(
    rows: list[list[JSONValue]], encoding: str
) -> None:
    records = records_of(rows)
    expected = without_nan(cast("JSONValue", records.objects()))
    document = WRITERS["json"](records, encoding)
    assert json.loads(document.encode(encoding).decode(encoding)) == expected
    lines = WRITERS["jsonl"](records, encoding).split("\n")
    assert [json.loads(line) for line in lines[:-1]] == expected
    assert lines[-1] == ""
    # On any terminal.
    assert all(map(is_plain, document.split("\n")))
    assert all(map(is_plain, lines))


@given(tables)
def test_a_cell_of_csv_is_the_value(rows: list[list[JSONValue]]) -> None:
    records = records_of(rows)
    header, *lines = csv.reader(io.StringIO(WRITERS["csv"](records, "utf-8"), newline=""))
    assert header == records.columns
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        for cell, value in zip(line, row, strict=True):
            if value is None or isinstance(value, str):
                assert cell == (value or "")
            elif isinstance(value, float):
                assert repr(float(cell)) == repr(value)
            else:
                assert repr(json.loads(cell)) == repr(value) or isinstance(value, list | dict)


@given(tables)
def test_a_row_of_markdown_is_one_line_with_as_many_cells(rows: list[list[JSONValue]]) -> None:
    records = records_of(rows)
    lines = WRITERS["markdown"](records, "utf-8").split("\n")
    assert len(lines) == 2 + len(rows) + 1
    for line in lines[:-1]:
        assert is_plain(line)
        bars = line.replace("\\\\", "").replace("\\|", "").count("|")
        assert bars == len(records.columns) + 1


def test_csv_tells_an_empty_text_from_no_value() -> None:
    text = WRITERS["csv"](Records(["a", "b"], [["", None], ["x", float("-inf")]]), "utf-8")
    assert pl.read_csv(io.StringIO(text))["a"].to_list() == ["", "x"]
    assert text == 'a,b\n"",\nx,-inf\n'


def test_json_of_one_value_is_a_document_or_a_line() -> None:
    value: JSONValue = {"a": [1, {"b": float("inf")}]}
    assert json.loads(json_document(value, "utf-8")) == {"a": [1, {"b": None}]}
    assert json_line(value, "utf-8") == '{"a": [1, {"b": null}]}\n'


def test_list_has_the_values_of_the_runs_in_each_format(
    api: Api, formats: str, tmp_path: Path
) -> None:
    [one] = api.runs(formats)
    expected = {
        "id": "r1",
        "name": NAME,
        "state": "finished",
        "created_at": one.created_at.isoformat(),
        "config.lr": 1e-5,
        "config.text": 'two\n"lines",',
        "config.model": {"layers": [1, 2]},
        "summary.loss": None,
        "summary.best": None,
        "summary.empty": "",
        "summary.big": 2**60,
    }
    arguments = ("list", formats, "--keys", COLUMNS)
    assert json.loads(run(*arguments, "--format", "json").stdout) == [expected]
    [line] = run(*arguments, "--format", "jsonl").stdout.splitlines()
    assert json.loads(line) == expected
    output = tmp_path / "runs.csv"
    assert run(*arguments, "-o", str(output)).stdout == ""
    [row] = csv.DictReader(io.StringIO(output.read_bytes().decode(), newline=""))
    assert row["name"] == NAME
    assert row["config.text"] == expected["config.text"]
    assert [row["summary.loss"], row["summary.best"]] == ["NaN", "-inf"]
    header, _rule, cells = run(*arguments, "--format", "markdown").stdout.splitlines()
    assert header.startswith("| id | name | state | created_at | config.lr |")
    assert r"a\|b\\r\\n\\x1b\[31m☃\\u202e\`\_\_x\_\_\`" in cells
    assert f"{one.created_at:%Y-%m-%d %H:%M} | 1e-05 |" in cells


@pytest.mark.parametrize(
    ("name", "option", "is_format"),
    [
        ("a.csv", (), "csv"),
        ("a.JSON", (), "json"),
        ("a.jsonl", (), "jsonl"),
        ("a.ndjson", (), "jsonl"),
        ("a.md", (), "markdown"),
        ("a.csv", ("--format", "json"), "json"),
        ("a", ("--format", "table"), "table"),
        ("a.txt", ("--format", "csv"), "csv"),
    ],
)
def test_the_ending_of_a_file_says_the_format_unless_told(
    formats: str, tmp_path: Path, name: str, option: Sequence[str], is_format: str
) -> None:
    output = tmp_path / name
    done = run("list", formats, "-o", str(output), *option)
    assert (done.exit_code, done.stdout) == (0, "")
    printed = run("list", formats, "-o", "-", "--format", is_format).stdout_bytes
    assert output.read_bytes() == printed


@pytest.mark.parametrize("command", ["list", "show", "diff"])
def test_a_file_without_a_format_is_refused_before_any_request(
    wandb_server: LocalServer, tmp_path: Path, command: str
) -> None:
    wandb_server.clear_operations()
    paths = {"list": ["team/formats"], "show": ["team/formats/r1"], "diff": ["a/b/c"] * 2}
    for output, told in (("runs.xlsx", ".csv, .json, .jsonl"), ("none/runs.csv", "no folder")):
        done = run(command, *paths[command], "-o", str(tmp_path / output))
        assert done.exit_code == 2
        assert told in done.stderr
    assert wandb_server.operations == ()
    assert list(tmp_path.iterdir()) == []


def commands(path: str) -> list[list[str]]:
    """Each command that prints runs, in each format."""
    of_all = (
        ["list", path, "--keys", COLUMNS, "--key", f"config.{NAME}"],
        ["show", f"{path}/r1"],
        ["diff", f"{path}/r1", f"{path}/r1"],
    )
    return [[*command, "--format", name] for command in of_all for name in FORMATS]


def test_no_format_moves_the_cursor_of_a_terminal(formats: str) -> None:
    drawn = on_a_terminal(program=one_process(commands(formats)))
    plain = drawn.replace("\r\n", "\n")
    for style in ("\x1b[1m", "\x1b[2m", "\x1b[0m"):
        plain = plain.replace(style, "")
    assert plain.count("1e-05") >= len(commands(formats))
    assert all(map(is_plain, plain.split("\n"))), plain


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_each_format_takes_the_encoding_of_the_stream(formats: str, encoding: str) -> None:
    printed: list[bytes] = []
    for program in (
        one_process(commands(formats)),
        one_process([each for each in commands(formats) if each[-1] == "json"]),
    ):
        env = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(program, capture_output=True, env=env, check=False)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    every, documents = (each.decode(encoding) for each in printed)
    assert every.count("1e-05") >= len(commands(formats))
    told: list[object] = []
    decoder = json.JSONDecoder()
    while documents := documents.lstrip():
        document, end = decoder.raw_decode(documents)
        told.append(document)
        documents = documents[end:]
    assert json.dumps(told).count(json.dumps(NAME)) == 7  # as name, key and value


def test_lines_in_a_pipe_are_whole_and_end_with_what_they_say(formats: str) -> None:
    long = "x" * 3000
    with_long = ("list", formats, "--key", f"config.{long}")
    for arguments in (with_long, ("show", f"{formats}/r1"), ("diff", *[f"{formats}/r1"] * 2)):
        lines = run(*arguments).stdout.splitlines()
        assert all(line == line.rstrip() for line in lines)
    assert f"config.{long}" in run(*with_long).stdout.splitlines()[0]


def test_verbose_tells_of_each_request_and_never_the_key(
    wandb_server: LocalServer, formats: str
) -> None:
    wandb_server.clear_operations()
    with wandb_server.fail(RateLimited(after=0)):
        done = run("list", formats, "-v", "--format", "json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)
    server, *lines = done.stderr.splitlines()
    assert server == f"Server: {wandb_server.url}"
    assert lines[0].startswith("ListRuns: HTTP 429, ")
    assert lines[1].startswith("ListRuns: again in ")
    assert lines[2].startswith("ListRuns: HTTP 200, ")
    assert " bytes in " in lines[2]
    assert KEY not in done.output
    assert run("list", formats, "--format", "json").stderr == ""


def test_quiet_leaves_out_notes_and_keeps_warnings(many: str) -> None:
    told = run("list", many, "--limit", "3").stderr
    assert told == "The first 3 of 47 runs; --limit shows more.\n"
    quiet = run("list", many, "--limit", "3", "-q", "--order", "-summary.los")
    assert quiet.stderr.startswith("Warning: --order: none of the 47 newest runs has")
    assert len(quiet.stderr.splitlines()) == 1


def test_colours_are_for_terminals_and_left_out_with_no_color(
    formats: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b[32m" not in on_a_terminal("list", formats)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32m" in on_a_terminal("list", formats, colours=True)
    assert "\x1b[" not in run("list", formats).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    output = tmp_path / "runs.txt"
    assert run("list", formats, "-o", str(output), "--format", "table").exit_code == 0
    assert "\x1b[" not in output.read_text()


def test_histories_go_to_stdout_in_each_format(api: Api, many: str) -> None:
    frame = api.runs(many).histories(2, ["n", "loss"], format="polars")
    arguments = ("histories", many, "--keys", "n,loss", "--samples", "2", "-o", "-")
    expected = frame.to_dicts()
    done = run(*arguments)
    assert pl.read_csv(done.stdout_bytes).equals(frame)
    assert done.stderr.startswith(f"{len(frame)} rows of {frame['run_id'].n_unique()} runs\n")
    assert pl.read_parquet(run(*arguments, "--format", "parquet").stdout_bytes).equals(frame)
    assert json.loads(run(*arguments, "--format", "json").stdout) == expected
    lines = run(*arguments, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == expected
    for name in ("table", "markdown"):
        header, _rule, *rows = run(*arguments, "--format", name, "-q").stdout.splitlines()
        assert header.replace("|", " ").split() == ["_step", "n", "loss", "run_id"] or (
            name == "markdown" and r"\_step" in header
        )
        assert len(rows) == len(expected)


def test_histories_of_other_endings_have_the_same_rows(api: Api, many: str, tmp_path: Path) -> None:
    expected = api.runs(many).histories(2, ["loss"], format="polars").to_dicts()
    output = tmp_path / "out.json"
    assert (
        run("histories", many, "--keys", "loss", "--samples", "2", "-o", str(output)).stdout == ""
    )
    assert json.loads(output.read_bytes()) == expected


def test_parquet_is_refused_on_a_terminal(wandb_server: LocalServer, many: str) -> None:
    wandb_server.clear_operations()
    arguments = ("histories", many, "-o", "-", "--format", "parquet")
    assert "name a file, or use a pipe" in on_a_terminal(*arguments, status=2)
    assert wandb_server.operations == ()


def test_lines_tell_now_and_then_how_far_a_command_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    told: list[float] = []
    with show_progress(quiet=False, verbose=False) as progress:
        assert progress is not None
        for second in range(600):
            now = 1000.0 + second
            progress(Progress(second, 600, second * 1_000_000))
            if line := capsys.readouterr().err:
                assert line == f"{second} of 600 runs read, {second}.0 MB\n"
                told.append(second)
    assert told[0] == 10
    assert told[:4] == [10, 20, 40, 80]
    assert {b - a for a, b in itertools.pairwise(told[4:])} == {60}
    now += 60
    progress(Progress(600, 600, 700_000_000, 3, 40))
    assert capsys.readouterr().err == "3 of 40 files read, 700.0 MB\n"
    with show_progress(quiet=True, verbose=False) as none:
        assert none is None


def test_doctor_prints_its_checks_in_each_format(
    sample_server: LocalServer, tmp_path: Path
) -> None:
    env = {"WANDB_BASE_URL": sample_server.url}
    invoke = CliRunner(env=env).invoke
    report = json.loads(invoke(cli, ["doctor", "sample/digits", "--json"]).stdout)
    names = [check["name"] for check in report["checks"]]
    lines = invoke(cli, ["doctor", "sample/digits", "--format", "jsonl"]).stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == names
    output = tmp_path / "report.md"
    assert invoke(cli, ["doctor", "sample/digits", "-o", str(output)]).stdout == ""
    assert output.read_text().startswith("| name | status | detail | seconds | bytes |\n")

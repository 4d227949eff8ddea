"""The command line reads what the package reads, and prints errors in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.printable import ODD, is_plain, server_texts
from support.raw_server import http_answer, read_request, serve
from support.terminals import on_a_terminal
from typing_extensions import override

from wandb_runs import Api
from wandb_runs.cli.commands import cli
from wandb_runs.testing import Fault, NullEdges, Slow, log_run

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from click.testing import Result

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.faults import Answering
    from wandb_runs.testing import Answer, GraphQLRequest, LocalServer

PROGRAM = (sys.executable, "-c", "from wandb_runs.cli import main; main()")


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def odd(wandb_server: LocalServer) -> str:
    """A project with markup, control characters and special values."""
    log_run(
        wandb_server,
        "team",
        "odd",
        "r1",
        name="[bold]\x1b[31mrøde\x07",
        config={"lr": 1e-5, "x y": True, "model": {"a": [1, None]}},
        summary={"loss": "NaN"},
        history=[{"loss": 1}, {"loss": float("nan")}, {"loss": 0.5}],
        exit_code=1,
    )
    log_run(
        wandb_server,
        "team",
        "odd",
        "r2",
        name="plain",
        config={"lr": 3, "note": "two\nlines"},
        summary={"loss": 0.123456789, "a.b": "text"},
        history=[{"loss": 2}],
        exit_code=None,
    )
    return "team/odd"


@pytest.fixture(scope="module")
def long(wandb_server: LocalServer) -> str:
    """A project of runs with 2, 8 and 9 rows, one of which has another metric."""
    for count in (2, 8, 9):
        first: JSONObject = {"loss": 0, "text": "t", "rare": 1}
        rows: list[JSONObject] = [{"loss": step / 2, "text": "t"} for step in range(1, count)]
        monitors = [("cpu", "gpu", "gpu")[at % 3] for at in range(3 * count)]
        events: list[JSONObject] = [
            {"_runtime": float(at), name: at, **({} if at else {"once": 1})}
            for at, name in enumerate(monitors)
        ]
        log_run(
            wandb_server,
            "team",
            "long",
            f"r{count}",
            name=f"r{count}",
            history=[first, *rows],
            events=events,
        )
    return "team/long"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def run_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, encoding="utf-8", check=False
    )


def cells(line: str) -> list[str]:
    return line.split()


def test_list_prints_a_table_of_runs_and_keys(api: Api, many: str) -> None:
    done = run_process("list", many, "--keys", "config.lr,summary.loss", "--order", "-config.lr")
    assert (done.returncode, done.stderr) == (0, "")
    header, _rule, *lines = done.stdout.splitlines()
    assert cells(header) == ["Name", "Id", "State", "Created", "(UTC)", "config.lr", "summary.loss"]
    expected: list[list[str]] = []
    for each in api.runs(many, order="-config.lr"):
        about = [each.name or "", each.id, each.state, *str(each.created_at)[:16].split()]
        values = [each.config.get("lr"), each.summary.get("loss")]
        expected.append([*about, *(f"{value:.6g}" for value in values if value is not None)])
    assert [cells(line) for line in lines] == expected


def test_list_requests_only_the_runs_that_it_prints(wandb_server: LocalServer, many: str) -> None:
    wandb_server.clear_operations()
    done = run("list", many, "--limit", "7", "--filters", '{"state": "finished"}')
    assert done.exit_code == 0
    assert wandb_server.operations == ("ListRuns", "CountRuns")
    assert len(done.stdout.splitlines()) == 2 + 7
    assert done.stderr == "The first 7 of 41 runs; --limit shows more.\n"
    wandb_server.clear_operations()
    whole = run("list", many, "--limit", "47")
    assert whole.stderr == ""
    assert len(whole.stdout.splitlines()) == 2 + 47


@pytest.mark.parametrize("field", ["Run.state", "Run.createdAt"])
def test_list_leaves_a_cell_empty_that_the_server_lacks(
    wandb_server: LocalServer, api: Api, many: str, field: str
) -> None:
    whole = run("list", many).stdout.splitlines()
    with wandb_server.lack(field):
        done = run("list", many)
    assert done.exit_code == 0
    assert done.stderr.count("Warning") == 1
    assert field in done.stderr
    shown = {
        f" {each.state}" if field == "Run.state" else f" {each.created_at:%Y-%m-%d %H:%M}"
        for each in api.runs(many)
    }
    gone = "|".join(shown)
    expected = [cells(re.sub(gone, "", line)) for line in whole[2:]]
    assert [cells(line) for line in done.stdout.splitlines()[2:]] == expected


def test_list_shows_odd_names_and_values_as_text(odd: str) -> None:
    keys = ("--keys", "config.x y,config.model,config.note", "--keys", "summary.a.b,summary.loss")
    printed = run("list", odd, *keys).stdout
    assert "\x1b" not in printed
    assert "\x07" not in printed
    _header, _rule, first, second = printed.splitlines()
    assert first.startswith(r"[bold]\x1b[31mrøde\x07")
    assert cells(first)[-3:] == ["true", '{"a":[1,null]}', "NaN"]
    assert cells(second)[-3:] == [r"two\nlines", "text", "0.123457"]
    assert "1e-05" in run("list", odd, "--keys", "config.lr").stdout


def test_list_without_runs_prints_only_a_header(many: str) -> None:
    done = run("list", many, "--filters", '{"name": "none"}', "--keys", "config.lr")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 2


READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": pl.read_csv,
    ".jsonl": pl.read_ndjson,
    ".NDJSON": pl.read_ndjson,
}


@pytest.mark.parametrize("ending", READERS)
def test_histories_writes_what_the_package_reads(
    api: Api, many: str, tmp_path: Path, ending: str
) -> None:
    output = tmp_path / f"out{ending}"
    output.write_text("what was there")
    done = run("histories", many, "--keys", "n,loss", "--samples", "2", "-o", str(output))
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    frame = api.runs(many).histories(2, ["n", "loss"], format="polars")
    assert READERS[ending](output).equals(frame)
    counts = f"{len(frame)} rows of {frame['run_id'].n_unique()} runs"
    assert done.stderr.startswith(f"{output}: {counts}\n")
    assert [each.name for each in tmp_path.iterdir()] == [output.name]


def test_options_of_histories_work_like_the_arguments_of_the_package(
    api: Api, many: str, tmp_path: Path
) -> None:
    output = tmp_path / "out.parquet"
    options = ["--x-axis", "n", "--keys", "loss", "--order", "-config.lr", "--quiet"]
    chosen = ("--filters", '{"config.optimizer": "adam"}')
    done = run("histories", many, *options, *chosen, "-o", str(output))
    assert (done.exit_code, done.output) == (0, "")
    runs = api.runs(many, {"config.optimizer": "adam"}, "-config.lr")
    assert pl.read_parquet(output).equals(runs.histories(500, ["loss"], "n", format="polars"))
    assert run("histories", many, "--stream", "system", "-o", str(output)).exit_code == 0
    assert pl.read_parquet(output).columns == ["_runtime", "run_id"]


def test_key_takes_a_key_with_commas_and_adds_to_keys(
    api: Api, wandb_server: LocalServer, tmp_path: Path
) -> None:
    key = "gsm8k/exact_match,strict-match"
    row: JSONObject = {key: 0.5, "a": 1, "b": 2, " c ": 3}
    log_run(wandb_server, "team", "commas", "r", config={"x,y": 1, "z": 2}, history=[row])
    output = tmp_path / "out.csv"
    named = ("--keys", "a, b", "--key", key, "--key", "a", "--keys", "b", "--key", " c ")
    done = run("histories", "team/commas", *named, "-o", str(output))
    assert done.exit_code == 0, done.stderr
    assert pl.read_csv(output).columns == ["_step", "a", "b", key, " c ", "run_id"]
    columns = ("--key", "config.x,y", "--keys", "config.z,summary.a", "--key", f"summary.{key}")
    header, _rule, line = run("list", "team/commas", *columns).stdout.splitlines()
    assert cells(header)[5:] == ["config.z", "summary.a", "config.x,y", f"summary.{key}"]
    assert cells(line)[-4:] == ["2", "1", "1", "0.5"]


@pytest.mark.parametrize(
    ("keys", "part", "meant"),
    [
        ("exact,strict", "strict", " (did you mean --key 'exact,strict'?)"),
        ("loss,exact , strict", "exact", " (did you mean --key 'exact,strict'?)"),
        ("x,y,z", "y", " (did you mean --key 'x, y, z'?)"),
        ("x,y", "y", ""),
        ("los", "los", " (did you mean 'loss'?)"),
    ],
)
@pytest.mark.parametrize("stream", ["default", "system"])
def test_a_key_that_keys_has_split_at_its_commas_is_suggested_for_key(
    wandb_server: LocalServer, tmp_path: Path, keys: str, part: str, meant: str, stream: str
) -> None:
    row: JSONObject = {"loss": 1, "exact,strict": 0.5, "x, y, z": 2}
    events: list[JSONObject] = [{"_runtime": 1.0, **row}]
    log_run(wandb_server, "team", f"split-{stream}", "r", history=[row], events=events)
    arguments = ("--stream", stream, "--keys", keys, "-o", str(tmp_path / "out.csv"))
    done = run("histories", f"team/split-{stream}", *arguments, "--quiet")
    [told] = done.stderr.splitlines()
    assert told.startswith("Warning: --keys: ")
    assert told.endswith(f"{part!r}{meant}") or f"{part!r}{meant} " in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "2 runs have more rows than --samples 3, up to 9;"),
        (("--keys", "loss"), "2 runs have more rows than --samples 3, up to 9;"),
        (("--keys", "text"), "2 runs have more rows than --samples 3, up to 9;"),
        (("--keys", "loss,rare", "--join", "outer"), "2 runs have more rows than --samples 3"),
        (("--keys", "loss", "--filters", '{"name": "r8"}'), "1 run has more rows than --samples 3"),
        (("--keys", "rare"), ""),
        (("--keys", "loss", "--samples", "9"), ""),
        (("--samples", "9"), ""),
        (("--keys", "loss", "--quiet"), ""),
        (("--stream", "system"), "3 runs have more rows than --samples 3, up to 27;"),
        (("--stream", "system", "--samples", "26"), "1 run has more rows than --samples 26, up to"),
        (("--stream", "system", "--samples", "27"), ""),
        (
            ("--stream", "system", "--keys", "cpu"),
            "2 runs have more rows than --samples 3, up to 9",
        ),
        (("--stream", "system", "--keys", "cpu,gpu"), "3 runs have more rows than --samples 3, up"),
        (("--stream", "system", "--keys", "gpu", "--samples", "17"), "1 run has more rows than"),
        (("--stream", "system", "--keys", "cpu", "--samples", "9"), ""),
        (("--stream", "system", "--keys", "once"), ""),
        (("--stream", "system", "--quiet"), ""),
    ],
)
def test_samples_that_leave_out_rows_are_told(
    long: str, tmp_path: Path, arguments: Sequence[str], told: str
) -> None:
    output = str(tmp_path / "out.csv")
    done = run("histories", long, "--samples", "3", *arguments, "-o", output)
    assert done.exit_code == 0
    lines = done.stderr.splitlines()
    assert [line for line in lines if told and line.startswith(told)] == [
        line for line in lines if "--samples" in line
    ]
    assert any("--samples" in line for line in lines) == bool(told)


@pytest.mark.parametrize("keys", [(), ("--keys", "loss"), ("--keys", "loss,rare,x")])
@pytest.mark.parametrize("join", ["inner", "outer"])
def test_samples_all_writes_every_row(
    api: Api, long: str, tmp_path: Path, keys: Sequence[str], join: Literal["inner", "outer"]
) -> None:
    output = tmp_path / "out.parquet"
    done = run("histories", long, "--samples", "all", "--join", join, *keys, "-o", str(output))
    assert done.exit_code == 0
    assert "more rows" not in done.stderr
    names = keys[-1].split(",") if keys else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = api.runs(long).histories(keys=names, join=join, exact=True, format="polars")
    assert pl.read_parquet(output).equals(expected)
    if not keys:
        assert len(expected) == sum(one.history_line_count or 0 for one in api.runs(long))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--samples", "every"), "'every' is neither a number nor all"),
        (("--samples", "1.5"), "'1.5' is neither a number nor all"),
        (("--samples", "all", "--stream", "system"), "leave out --stream system"),
        (("--samples", "0"), "--samples must be an int of 1 or more; got int 0"),
    ],
)
def test_samples_is_a_number_or_all(
    long: str, wandb_server: LocalServer, tmp_path: Path, arguments: Sequence[str], told: str
) -> None:
    wandb_server.clear_operations()
    done = run("histories", long, *arguments, "-o", str(tmp_path / "out.csv"))
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())
    assert not wandb_server.operations
    assert not (tmp_path / "out.csv").exists()


def test_metrics_of_different_steps_are_joined_with_join_outer(
    api: Api, wandb_server: LocalServer, tmp_path: Path
) -> None:
    rows: list[JSONObject] = [{"a": 1}, {"b": 2}, {"a": 3}]
    log_run(wandb_server, "team", "apart", "r", history=rows)
    arguments = ("histories", "team/apart", "--keys", "a,b", "-o", str(tmp_path / "out.parquet"))
    done = run(*arguments)
    assert done.exit_code == 0
    assert done.stderr.startswith("Warning: 1 run (r) logged each of the keys")
    assert "--join inner has no rows of theirs; pass --join outer" in done.stderr
    assert pl.read_parquet(tmp_path / "out.parquet").is_empty()
    assert run(*arguments, "--join", "outer").exit_code == 0
    expected = api.runs("team/apart").histories(keys=["a", "b"], format="polars", join="outer")
    assert len(expected) == 3
    assert pl.read_parquet(tmp_path / "out.parquet").equals(expected)


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (
            ("list", "--order", "-summary.los"),
            "--order: none of the 47 newest runs has 'summary.los' (did you mean 'summary.loss'?)",
        ),
        (
            ("list", "--filters", '{"config.optimiser": "adam"}', "--limit", "3"),
            "--filters: none of the 47 newest runs has 'config.optimiser' "
            "(did you mean 'config.optimizer'?)",
        ),
        (
            ("list", "--keys", "config.optimiser,summary.loss"),
            "--keys: none of the 47 newest runs has 'config.optimiser' "
            "(did you mean 'config.optimizer'?)",
        ),
        (
            ("histories", "--filters", '{"state": "finishd"}', "-o", "out.csv", "--quiet"),
            "--filters: no run is known to have the state 'finishd' (did you mean 'finished'?); "
            "the states are running, finished, crashed, failed, killed, pending, preempting, "
            "preempted",
        ),
        (
            ("histories", "--keys", "los", "-o", "out.csv", "--quiet"),
            "--keys: there is no row; run 'run01' has no 'los' (did you mean 'loss'?)",
        ),
        (
            ("histories", "--key", "los", "-o", "out.csv", "--quiet"),
            "--key: there is no row; run 'run01' has no 'los' (did you mean 'loss'?)",
        ),
        (
            ("histories", "--key", "loss", "--x-axis", "epohc", "-o", "out.csv", "--quiet"),
            "--x-axis: there is no row; run 'run01' has no 'epohc'",
        ),
        (
            ("list", "--key", "config.optimiser", "--keys", "summary.loss"),
            "--key: none of the 47 newest runs has 'config.optimiser' "
            "(did you mean 'config.optimizer'?)",
        ),
        (
            ("list", "--key", "config.optimiser", "--keys", "config.lrr"),
            "--key, --keys: none of the 47 newest runs has 'config.lrr' "
            "(did you mean 'config.lr'?) or 'config.optimiser' "
            "(did you mean 'config.optimizer'?)",
        ),
        (
            ("typegen", "--order", "-config.lrr", "--limit", "2", "--quiet"),
            "--order: none of the 47 newest runs has 'config.lrr' (did you mean 'config.lr'?)",
        ),
    ],
)
def test_unknown_names_are_told_once_by_the_options_of_the_command(
    many: str,
    arguments: tuple[str, ...],
    warning: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    command, *options = arguments
    done = run(command, many, *options)
    assert done.exit_code == 0
    told = [line for line in done.stderr.splitlines() if line.startswith("Warning")]
    assert told == [f"Warning: {warning}"]


def test_a_bar_is_drawn_only_on_a_terminal(many: str, tmp_path: Path) -> None:
    arguments = ("histories", many, "--keys", "loss", "-o", str(tmp_path / "out.csv"))
    drawn = on_a_terminal(*arguments)
    assert "47/47" in drawn
    assert "MB" in drawn
    assert on_a_terminal(*arguments, "--quiet") == ""
    assert "━" not in run_process(*arguments).stderr


@pytest.mark.parametrize("columns", [40, 89, 90, 120, 200])
def test_a_narrow_terminal_shortens_only_names(wandb_server: LocalServer, columns: int) -> None:
    name = "a name that is longer than most names are"
    config: dict[str, JSONValue] = {"a/key/of/some/length": 1.25, "text": "value"}
    log_run(wandb_server, "team", "narrow", "an-id-of-16-char", name=name, config=config)
    keys = ",".join(f"config.{key}" for key in config)
    drawn = on_a_terminal("list", "team/narrow", "--keys", keys, columns=columns)
    text = re.sub(r"\x1b\[[0-9;]*m", "", drawn)
    *_, line = text.splitlines()
    for whole in ("an-id-of-16-char", "finished", "1.25", "value"):
        assert whole in line
    assert line.startswith(name) or re.match(r"a name that.*…  ", line)
    if columns == 200:
        assert name in line
    if columns >= 90:
        assert len(line) <= columns


def refusal(done: Result | subprocess.CompletedProcess[str]) -> str:
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("histories", "team/many", "-o", "out.xlsx"), ".jsonl, .ndjson, .md, .parquet"),
        (("histories", "team/many", "-o", "nowhere/out.csv"), "folder nowhere"),
        (("histories", "team/many", "--samples", "0", "-o", "out.csv"), "--samples must be"),
        (("histories", "team/many", "--keys", " , ", "-o", "out.csv"), "names no key"),
        (("histories", "team/many", "--key", "", "-o", "out.csv"), "--key names no key"),
        (("table", "team/many", "--attributes", " ,"), "--attributes names no attribute"),
        (("histories", "team/many", "--keys", "run_id", "-o", "out.csv"), "run_id"),
        (("list", "team/many/run/more"), "team/many/run/more"),
        (("list", "many", "--order", "-loss"), "summary_metrics.loss"),
        (("list", "team/many", "--filters", '{"stat": "finished"}'), "state"),
    ],
)
def test_a_usage_error_exits_with_2_and_sends_nothing(
    wandb_server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: Sequence[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    wandb_server.clear_operations()
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in refusal(done)
    assert wandb_server.operations == ()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list",), "PATH"),
        (("list", "team/many", "--filters", "{state: finished}"), "not JSON"),
        (("list", "team/many", "--filters", "[]"), "JSON object"),
        (("list", "team/many", "--filters", '{"a":' * 5000 + "1" + "}" * 5000), "too deeply"),
        (("list", "team/many", "--filters", '{"a":' * 200 + "1" + "}" * 200), "100 levels deep"),
        (("list", "team/many", "--filters", '{"config.a": [' + "9" * 5000 + "]}"), "not JSON"),
        (("list", "team/many", "--filters", '{"config.a": 1e999}'), "inf"),
        (("list", "team/many", "--filters", r'{"config.\ud800": 1}'), "surrogate"),
        (("list", "team/many", "--keys", "loss"), "config.loss or summary.loss"),
        (("list", "team/many", "--keys", "config."), "config.KEY"),
        (("list", "team/many", "--keys", "config.a,b"), "a key with a comma is one for --key"),
        (("list", "team/many", "--key", "a,b"), "Invalid value for '--key': 'a,b' is no column"),
        (("list", "team/many", "--limit", "0"), "--limit"),
        (("list", "team/many", "--api-key", "secret"), "No such option"),
        (("histories", "team/many"), "--output"),
        (("histories", "team/many", "--stream", "gpu", "-o", "out.csv"), "'system'"),
    ],
)
def test_an_invalid_option_is_explained(arguments: Sequence[str], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "utf-8"])
def test_output_takes_the_encoding_of_the_stream(
    wandb_server: LocalServer, tmp_path: Path, encoding: str
) -> None:
    name = "☃ snöw"
    log_run(wandb_server, "team", "coded", "r", name=name, config={"☃": "ö☃"}, history=[{"☃": 1.5}])
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    listed = subprocess.run(
        [*PROGRAM, "list", "team/coded", "--keys", "config.☃"],
        capture_output=True,
        env=env,
        check=True,
    )
    header, rule, line = listed.stdout.decode(encoding).splitlines()
    assert name.encode(encoding, "backslashreplace").decode(encoding) in line
    assert len(header) == len(rule) >= len(line)
    refused = subprocess.run(
        [*PROGRAM, "list", "team/coded", "--order", "☃"], capture_output=True, env=env, check=False
    )
    assert refused.returncode == 2
    shown = "☃".encode(encoding, "backslashreplace").decode(encoding)
    assert refused.stderr.decode(encoding).startswith(f"Error: --order '{shown}': ")
    output = tmp_path / "out.csv"
    written = [*PROGRAM, "histories", "team/coded", "-o", str(output), "--keys", "☃"]
    subprocess.run(written, env=env, check=True)
    assert output.read_text(encoding="utf-8").startswith("_step,☃,run_id")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("list", "team/☃"), 3),
        (("list", "--☃"), 2),
        (("☃",), 2),
        (("list", "team/apart☃", "--keys", "config.☃", "--limit", "1"), 0),
        (("histories", "team/apart☃", "--keys", "☃,b", "-o", "{folder}/☃.csv"), 0),
        (("histories", "team/apart☃", "--on-error", "☃", "-o", "{folder}/☃.csv"), 2),
        (("typegen", "team/apart☃", "-o", "{folder}/☃.py"), 0),
    ],
)
def test_all_that_is_printed_takes_the_encoding_of_its_stream(
    wandb_server: LocalServer,
    tmp_path: Path,
    encoding: str,
    arguments: Sequence[str],
    status: int,
) -> None:
    for run_id in ("☃1", "☃2"):
        rows: list[JSONObject] = [{"☃": 1}, {"b": 2}]
        log_run(wandb_server, "team", "apart☃", run_id, config={"☃": "ö☃"}, history=rows)
    done = subprocess.run(
        [*PROGRAM, *(each.replace("{folder}", str(tmp_path)) for each in arguments)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"},
        check=False,
    )
    told = done.stderr.decode(encoding) + done.stdout.decode(encoding)
    assert done.returncode == status, told
    assert "Traceback" not in told
    assert r"\u2603" in told


def test_an_unforeseen_error_is_one_line_without_a_traceback() -> None:
    program = (
        "import click\n"
        "from wandb_runs.cli import main\n"
        "from wandb_runs.cli.commands import cli\n"
        "def broken():\n"
        "    raise RecursionError('deep \\x1b[2J')\n"
        "cli.add_command(click.command('broken')(broken))\n"
        "main(['broken'])\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert refusal(done).startswith(r"Error: unexpected RecursionError: deep \x1b[2J; ")
    command.insert(1, "-Xdev")
    assert (
        "Traceback" in subprocess.run(command, capture_output=True, text=True, check=False).stderr
    )


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(many: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PROGRAM, "list", many], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What a server answers with, each time."""
    answers = [b""]

    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(answers[0])

    with serve(handle) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        yield answers


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(server_texts, st.sampled_from(["400 No", "403 No", "404 No", "200 OK"]))
@example(ODD, "404 No")
def test_no_text_of_a_server_moves_the_cursor(
    hostile: list[bytes], tmp_path: Path, text: str, status: str
) -> None:
    edge: JSONValue = {"cursor": text, "node": {"id": text, "displayName": text, "state": text}}
    runs: JSONValue = {"edges": [edge], "pageInfo": {"hasNextPage": False}}
    for answer in (
        text.encode(),
        json.dumps({"errors": [{"message": text}]}).encode(),
        json.dumps({"data": {"project": {"runs": runs}}}).encode(),
    ):
        hostile[0] = http_answer(answer, status)
        for command in (
            ("list", "a/b"),
            ("typegen", "a/b"),
            ("histories", "a/b", "-o", str(tmp_path / "out.csv")),
        ):
            done = run(*command)
            assert done.exception is None or isinstance(done.exception, SystemExit)
            assert all(map(is_plain, done.output.split("\n")))


def test_a_server_moves_no_cursor_of_a_terminal(hostile: list[bytes]) -> None:
    hostile[0] = http_answer(b"\x1b[2J\x1b[H\x1b]0;odd\x07all fine", "400 Bad Request")
    drawn = on_a_terminal("list", "a/b", status=5)
    assert "\x1b[2J" not in drawn
    assert "\x1b]0;" not in drawn
    assert "all fine" in drawn


def test_a_runtime_error_exits_with_its_status_and_leaves_no_file(
    many: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.csv"
    done = run_process("histories", "team/nothing", "-o", str(output))
    assert done.returncode == 3
    assert "team/nothing" in refusal(done)
    assert not output.exists()
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    unreachable = run("list", many)
    assert unreachable.exit_code == 5
    assert "127.0.0.1:9" in refusal(unreachable)
    monkeypatch.setenv("WANDB_BASE_URL", "ftp://127.0.0.1")
    assert run("list", many).exit_code == 2


@pytest.mark.parametrize("missing", ["click", "rich", "polars"])
def test_a_missing_library_is_an_error_with_the_pip_command(
    many: str, tmp_path: Path, missing: str
) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; {PROGRAM[-1]}"
    arguments = ("histories", many, "-o", str(tmp_path / "out.csv"))
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'wandb-runs[" in done.stderr
    assert "Traceback" not in done.stderr


def test_output_to_a_symbolic_link_is_written_to_its_target(many: str, tmp_path: Path) -> None:
    link, target = tmp_path / "link.csv", tmp_path / "target.csv"
    target.write_text("old")
    link.symlink_to(target)
    assert run("histories", many, "--keys", "loss", "-o", str(link)).exit_code == 0
    assert link.is_symlink()
    assert target.read_text().startswith("_step,loss,run_id")


def test_an_unwritable_file_is_refused_before_any_request(
    wandb_server: LocalServer, many: str, tmp_path: Path
) -> None:
    wandb_server.clear_operations()
    done = run("histories", many, "-o", str(tmp_path / f"{'n' * 300}.csv"))
    assert done.exit_code == 1
    assert "File name too long" in refusal(done)
    assert wandb_server.operations == ()


def test_concurrent_commands_with_one_output_file_write_it_completely(
    wandb_server: LocalServer, many: str, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    command = [*PROGRAM, "histories", many, "--keys", "loss", "-o", str(output), "--quiet"]
    with wandb_server.fail_always(Slow(2)):  # so that all of them finish at the same time
        started = [subprocess.Popen(command) for _ in range(4)]
        assert [each.wait() for each in started] == [0, 0, 0, 0]
    assert list(tmp_path.iterdir()) == [output]
    assert pl.read_csv(output).height == len(Api().runs(many).histories(keys=["loss"]))


class FailsForOneRun(Fault):
    """Fails requests of histories that include `run01`."""

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        found = answer(request)
        is_included = b"sampledHistory" in found.body and b'"run01"' in found.body
        return replace(found, status=502) if is_included else found


def test_skipped_runs_are_named(wandb_server: LocalServer, many: str, tmp_path: Path) -> None:
    arguments = ("histories", many, "--keys", "loss", "-o", str(tmp_path / "out.csv"))
    with wandb_server.fail_always(FailsForOneRun()):
        done = run(*arguments, "--on-error", "skip", "--quiet")
        failed = run(*arguments)
    assert done.exit_code == 7
    assert (failed.exit_code, failed.stdout) == (5, "")
    assert "pass --on-error skip" in failed.stderr
    assert "error.histories" not in failed.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("Warning: skipped: the histories of 1 run (run01)")


def test_list_prints_a_warning_in_one_line(wandb_server: LocalServer, many: str) -> None:
    with wandb_server.fail_always(NullEdges(count=2)):
        done = run_process("list", many, "--limit", "1000")
    assert done.returncode == 7
    (line,) = done.stderr.splitlines()
    assert line.startswith("Warning: 2 of the runs came as null")

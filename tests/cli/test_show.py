"""`show` prints all of a run, and `diff` what tells two runs apart."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, cast

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.terminals import on_a_terminal

from wandb_runs.cli.commands import cli
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from click.testing import Result

    from wandb_runs import Api
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.testing import LocalServer


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


CONFIGS: dict[str, JSONObject] = {
    "a": {
        "lr": 0.1,
        "model": {"depth": 2, "kind": "mlp", "empty": {}},
        "flag": True,
        "one": 1,
        "layers": [1, {"x": 2}],
        "gone": None,
        "model.depth": 5,
    },
    "b": {
        "lr": 0.2,
        "model": {"depth": 2, "kind": "mlp", "empty": {}},
        "flag": 1,
        "one": 1.0,
        "layers": [1, {"x": 3}],
        "new": "text",
        "model.depth": 5,
    },
}
SUMMARIES: dict[str, JSONObject] = {
    "a": {"loss": "NaN", "acc": 0.5, "media": {"_type": "table", "path": "p"}, "_runtime": 1},
    "b": {"loss": "NaN", "acc": 0.75, "media": {"_type": "table", "path": "q"}, "_runtime": 2},
}


@pytest.fixture(scope="module")
def pair(wandb_server: LocalServer) -> tuple[str, str]:
    for run_id, config in CONFIGS.items():
        log_run(
            wandb_server,
            "team",
            "pair",
            run_id,
            name=f"run {run_id}",
            config=config,
            summary=SUMMARIES[run_id],
            tags=["x", "y"],
            notes="two\nlines",
            group="g",
            exit_code=0,
        )
    return "team/pair/a", "team/pair/b"


def test_show_has_all_of_a_run_as_json(api: Api, pair: tuple[str, str]) -> None:
    one = api.run(pair[0])
    told = json.loads(run("show", pair[0], "--format", "json").stdout)
    assert told["config"] == one.config == CONFIGS["a"]
    assert told["summary"] == {key: value for key, value in one.summary.items() if key != "_wandb"}
    named = [told[name] for name in ("id", "name", "state", "group", "notes", "tags", "url")]
    assert named == ["a", "run a", "finished", "g", "two\nlines", ["x", "y"], one.url]
    assert told["created_at"] == one.created_at.isoformat()
    for path in (pair[0], one.url, "team/pair:a"):
        [line] = run("show", path, "--format", "jsonl").stdout.splitlines()
        assert json.loads(line) == told


FLAT = {
    "lr": "0.1",
    "model.depth": "5",
    "model.kind": "mlp",
    "model.empty": "{}",
    "flag": "true",
    "one": "1",
    "layers": '[1,{"x":2}]',
    "gone": "null",
}


def test_show_has_a_line_for_each_nested_key(pair: tuple[str, str]) -> None:
    rows = dict(csv.reader(io.StringIO(run("show", pair[0], "--format", "csv").stdout)))
    assert {key: rows[f"config.{key}"] for key in FLAT} == {**FLAT, "gone": ""}
    assert rows["summary.media"] == '{"_type":"table","path":"p"}'
    for text in (run("show", pair[0]).stdout, on_a_terminal("show", pair[0])):
        plain = re.sub(r"\x1b\[\d*m|\r", "", text)
        about, config, summary = (part.splitlines() for part in plain.split("\n\n"))
        assert about[0] == "run a"
        assert dict(each.split(maxsplit=1) for each in about[1:])["notes"].strip() == r"two\nlines"
        assert config[0] == "config"
        assert {each.split()[0]: each.split()[1] for each in config[1:]} == FLAT
        assert summary[0] == "summary"
        assert "host" not in plain  # which the run has not


def test_show_leaves_out_what_the_server_lacks(
    wandb_server: LocalServer, pair: tuple[str, str]
) -> None:
    with wandb_server.lack("Run.notes", "Run.createdAt"):
        done = run("show", pair[0], "--format", "json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["notes"], told["created_at"], told["name"]) == (None, None, "run a")
    assert "Warning: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("show", "team/pair/none"), 3, "no run 'none' in project 'team/pair'"),
        (("diff", "team/pair/a", "team/pair/none"), 3, "no run 'none' in project 'team/pair'"),
        (("show", "team/pair/sweeps/s"), 2, "which names a sweep\n"),
        (("show", "https://wandb.ai/team/pair"), 2, "its runs are wandb-runs list 'team/pair'\n"),
        (("list", "team/pair/a"), 2, "for one run, use wandb-runs show 'team/pair/runs/a'\n"),
        (("show",), 2, "Missing argument 'RUN'"),
        (("diff", "team/pair/a"), 2, "Missing argument 'RUN'"),
    ],
)
def test_what_is_no_run_is_told(
    pair: tuple[str, str], arguments: tuple[str, ...], status: int, told: str
) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (status, "")
    assert told in done.stderr


def test_diff_has_keys_that_differ_first(pair: tuple[str, str]) -> None:
    done = run("diff", *pair, "--format", "json")
    assert done.exit_code == 0
    rows = json.loads(done.stdout)
    changed = ["config.lr", "config.flag", "config.layers", "config.gone", "config.new"]
    changed += ["summary.acc", "summary.media", "summary._runtime"]
    assert [row["key"] for row in rows if row["changed"]] == changed
    assert [row["changed"] for row in rows] == [True] * len(changed) + [False] * (
        len(rows) - len(changed)
    )
    assert {"config.model.depth", "config.one", "summary.loss"} <= {row["key"] for row in rows}
    by_key = {row.pop("key"): row for row in rows}
    assert by_key["config.flag"] == {"changed": True, "a": True, "b": 1}
    assert by_key["config.new"] == {"changed": True, "b": "text"}
    assert by_key["config.gone"] == {"changed": True, "a": None}
    equal = len(rows) - len(changed)
    assert done.stderr == f"{len(changed)} keys differ, {equal} are equal.\n"
    only = run("diff", *pair, "--format", "json", "--changed", "-q")
    assert only.stderr == ""
    assert [row["key"] for row in json.loads(only.stdout)] == changed


def test_diff_is_a_table_of_both_runs(pair: tuple[str, str]) -> None:
    header, _rule, first, *_, last = run("diff", *pair).stdout.splitlines()
    assert header.split() == ["Key", "run", "a", "run", "b"]
    assert first.split() == ["*", "config.lr", "0.1", "0.2"]
    assert last.split() == ["summary.loss", "NaN", "NaN"]
    columns = [
        line.split("|") for line in run("diff", *pair, "--format", "markdown").stdout.splitlines()
    ]
    assert [cell.strip() for cell in columns[0]] == ["", "", "Key", "run a", "run b", ""]
    assert [cell.strip() for cell in columns[2]] == ["", r"\*", "config.lr", "0.1", "0.2", ""]
    drawn = on_a_terminal("diff", *pair, columns=50)
    assert max(map(len, re.sub(r"\x1b\[\d*m|\r", "", drawn).splitlines())) <= 50


def test_a_run_is_equal_to_itself(pair: tuple[str, str]) -> None:
    done = run("diff", pair[0], pair[0], "--changed", "--fail-on-empty", "--format", "csv")
    assert (done.exit_code, done.stdout) == (6, "key,changed,a,b\n")
    assert done.stderr == "0 keys differ, 12 are equal.\nError: nothing differs\n"
    assert run("diff", *pair, "--changed", "--fail-on-empty").exit_code == 0


leaves = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([1.0, 0.5, "1", "NaN"])
documents = st.dictionaries(
    st.sampled_from("abcd"),
    st.recursive(leaves, lambda each: st.lists(each) | st.dictionaries(st.just("x"), each)),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents, documents)
def test_a_diff_has_each_key_of_both_runs_once(
    wandb_server: LocalServer, a: JSONObject, b: JSONObject
) -> None:
    for run_id, config in (("da", a), ("db", b)):
        log_run(wandb_server, "team", "diffs", run_id, config=config)
    done = run("diff", "team/diffs/da", "team/diffs/db", "--format", "json")
    rows = cast("list[dict[str, JSONValue]]", json.loads(done.stdout))
    shown = {side: run("show", f"team/diffs/d{side}", "--format", "csv").stdout for side in "ab"}
    keys = {
        side: {
            key for key, _ in csv.reader(io.StringIO(text)) if key.startswith(("config.", "summ"))
        }
        for side, text in shown.items()
    }
    assert len(rows) == len({str(row["key"]) for row in rows})
    for side, named in keys.items():
        assert {str(row["key"]) for row in rows if side in row} == named
    same = json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
    assert not same or not any(
        str(row["key"]).startswith("config") and row["changed"] for row in rows
    )

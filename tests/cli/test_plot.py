"""`wandb-runs plot` draws what the package draws."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from support.terminals import on_a_terminal

from wandb_runs import plots
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


@pytest.fixture(scope="module")
def drawn(wandb_server: LocalServer) -> str:
    for number in range(4):
        log_run(
            wandb_server,
            "team",
            "drawn",
            f"r{number}",
            name=f"fox-{number}",
            group=f"g{number % 2}",
            config={"optimizer": ("adam", "sgd")[number % 2]},
            summary={"best": number},
            history=[
                *({"loss": number + 1 / (step + 1)} for step in range(5)),
                *({"accuracy": step / 5} for step in range(5)),
            ],
        )
    return "team/drawn"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def spec_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_a_metric_is_drawn_for_each_group(api: Api, drawn: str, tmp_path: Path) -> None:
    output = tmp_path / "curves.json"
    arguments = ("--keys", "loss", "--group-by", "config.optimizer", "--log", "y")
    done = run("plot", drawn, *arguments, "--smooth", "0.5", "-o", str(output))
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{output}: 20 rows of 4 runs\n"
    runs = api.runs(drawn)
    table = [{"id": each.id, "config.optimizer": each.config["optimizer"]} for each in runs]
    expected = plots.curves(
        runs.histories(keys=["loss"]),
        "loss",
        color="config.optimizer",
        table=table,
        band="minmax",
        smooth=0.5,
        log="y",
    )
    assert spec_of(output) == expected.to_dict()


@pytest.mark.parametrize("column", ["group", "summary.best", "state", "job_type", "name"])
def test_runs_are_grouped_by_any_column(drawn: str, tmp_path: Path, column: str) -> None:
    output = tmp_path / "a.json"
    done = run("plot", drawn, "--key", "loss", "--group-by", column, "-q", "-o", str(output))
    assert (done.exit_code, done.stderr) == (0, "")
    (rows,) = spec_of(output)["datasets"].values()
    found = {row["color"] for row in rows}
    assert (
        found
        == {
            "group": {"g0", "g1"},
            "summary.best": {"0", "1", "2", "3"},
            "state": {"finished"},
            "job_type": {"none"},
            "name": {f"fox-{number}" for number in range(4)},
        }[column]
    )


def test_several_metrics_are_below_each_other_and_runs_have_names(
    drawn: str, tmp_path: Path
) -> None:
    output = tmp_path / "a.svg"
    done = run("plot", drawn, "--keys", "loss,accuracy", "-o", str(output))
    assert done.exit_code == 0
    svg = output.read_text(encoding="utf-8")
    assert len(re.findall(r'aria-roledescription="line mark"[^>]* d="M', svg)) == 8
    assert {">loss<", ">accuracy<", ">fox-0<"} <= {*re.findall(r">[\w-]+<", svg)}
    single = run("plot", drawn, "--keys", "loss", "--group-by", "group", "--band", "none")
    assert single.exit_code == 2


def test_without_a_band_runs_have_the_color_of_their_group(drawn: str, tmp_path: Path) -> None:
    output = tmp_path / "a.json"
    options = ("--keys", "loss", "--group-by", "group", "--band", "none", "--quiet")
    assert run("plot", drawn, *options, "-o", str(output)).exit_code == 0
    (rows,) = spec_of(output)["datasets"].values()
    assert len({(row["run"], row["color"]) for row in rows}) == 4


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(
    wandb_server: LocalServer, drawn: str, tmp_path: Path
) -> None:
    wandb_server.clear_operations()
    done = run("plot", drawn, "--keys", "loss", "-o", str(tmp_path / f"{300 * 'a'}.svg"))
    assert done.exit_code == 1
    assert "File name too long" in done.stderr
    assert wandb_server.operations == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--keys", "loss", "-o", "curves"), "unknown ending; name a file in .png, .svg"),
        (("--keys", "loss", "-o", "curves.bmp"), "unknown ending"),
        (("--keys", "loss", "-o", "nowhere/a.svg"), "there is no folder nowhere"),
        (("-o", "a.svg"), "name the metrics to draw: --keys"),
        (("--keys", "loss", "--group-by", "optimizer", "-o", "a.svg"), "config.optimizer or sum"),
        (("--keys", "loss", "--group-by", "config.", "-o", "a.svg"), "config.KEY"),
        (("--keys", "loss", "--smooth", "1", "-o", "a.svg"), "--smooth"),
        (("--keys", "loss", "--band", "all", "-o", "a.svg"), "minmax"),
        (("--keys", "loss", "--samples", "0", "-o", "a.svg"), "--samples must be"),
        (("--keys", "loss", "--limit", "0", "-o", "a.svg"), "--limit"),
        (("--keys", "loss", "--format", "bmp", "-o", "-"), "svg"),
    ],
)
def test_a_usage_error_exits_with_2_and_sends_nothing(
    wandb_server: LocalServer,
    drawn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: Sequence[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    wandb_server.clear_operations()
    done = run("plot", drawn, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert wandb_server.operations == ()
    assert not [*tmp_path.iterdir()]


def test_a_column_that_no_run_has_is_told(drawn: str, tmp_path: Path) -> None:
    output = tmp_path / "a.svg"
    done = run("plot", drawn, "--keys", "loss", "--group-by", "config.optimiser", "-o", str(output))
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: --group-by: no run has 'config.optimiser'; did you mean 'config.optimizer'?\n"
    )
    assert not output.exists()


def test_nothing_to_draw_leaves_the_file_as_it_was(drawn: str, tmp_path: Path) -> None:
    output = tmp_path / "a.svg"
    output.write_text("before", encoding="utf-8")
    done = run("plot", drawn, "--keys", "los", "-o", str(output))
    assert done.exit_code == 6
    assert "did you mean 'loss'?" in done.stderr
    assert output.read_text(encoding="utf-8") == "before"


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ((), b"<svg "),
        (("--format", "png"), b"\x89PNG"),
        (("--format", "json"), b"{"),
        (("--format", "html"), b"<!DOCTYPE html>"),
    ],
)
def test_a_dash_is_stdout_which_gets_svg_unless_a_format_is_named(
    drawn: str, options: Sequence[str], start: bytes
) -> None:
    done = run("plot", drawn, "--keys", "loss", "-o", "-", *options)
    assert (done.exit_code, done.stderr) == (0, "20 rows of 4 runs\n")
    assert done.stdout_bytes.startswith(start)


def test_a_terminal_gets_no_picture_and_nothing_is_read(
    wandb_server: LocalServer, drawn: str
) -> None:
    wandb_server.clear_operations()
    printed = on_a_terminal("plot", drawn, "--keys", "loss", "-o", "-", status=2)
    assert "nothing that a terminal shows" in printed
    assert wandb_server.operations == ()


def test_a_format_wins_over_the_ending(drawn: str, tmp_path: Path) -> None:
    output = tmp_path / "a.picture"
    done = run("plot", drawn, "--keys", "loss", "--format", "png", "-o", str(output))
    assert done.exit_code == 0
    assert output.read_bytes().startswith(b"\x89PNG")


def test_a_limit_draws_the_first_runs_of_an_order(drawn: str, tmp_path: Path) -> None:
    output = tmp_path / "a.json"
    first = ("--order", "-summary.best", "--limit", "2", "--group-by", "name", "--band", "none")
    done = run("plot", drawn, "--keys", "loss", *first, "-o", str(output))
    assert (done.exit_code, done.stderr) == (0, f"{output}: 10 rows of 2 runs\n")
    (rows,) = spec_of(output)["datasets"].values()
    assert {(row["run_id"], row["run"]) for row in rows} == {("r3", "fox-3"), ("r2", "fox-2")}


def test_histories_take_the_limit_too(api: Api, drawn: str) -> None:
    first = ("--order", "-summary.best", "--limit", "3", "--format", "json", "-o", "-")
    done = run("histories", drawn, "--keys", "loss", *first)
    assert (done.exit_code, done.stderr) == (0, "15 rows of 3 runs\n")
    runs = api.runs(drawn, order="-summary.best", limit=3)
    assert json.loads(done.stdout) == runs.histories(keys=["loss"])


def test_what_cannot_be_drawn_is_told_with_its_option(
    wandb_server: LocalServer, tmp_path: Path
) -> None:
    log_run(wandb_server, "team", "texts", "r", history=[{"phase": "warm-up", "loss": 1}])
    output = tmp_path / "a.svg"
    done = run("plot", "team/texts", "--keys", "phase", "-o", str(output))
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: --keys: the column 'phase' of histories holds str")
    axis = run("plot", "team/texts", "--keys", "loss", "--x-axis", "phase", "-o", str(output))
    assert axis.exit_code == 2
    assert axis.stderr.startswith("Error: --x-axis: the column 'phase' of histories holds str")

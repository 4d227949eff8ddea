"""Output files: whole or not there, with the access of before, through no planted link."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import polars as pl
import pytest
from click.testing import CliRunner

from wandb_runs.cli.commands import cli
from wandb_runs.files import replace_file
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from click.testing import Result

    from wandb_runs import Api
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.testing import LocalServer

PROGRAM = (sys.executable, "-c", "from wandb_runs.cli import main; main()")


@pytest.fixture(scope="module")
def small(wandb_server: LocalServer) -> str:
    log_run(wandb_server, "team", "small", "r", history=[{"loss": 1.0}], config={"lr": 0.1})
    return "team/small"


@pytest.fixture(autouse=True)
def settings(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write_new(file: IO[bytes]) -> None:
    file.write(b"new")


@pytest.mark.parametrize("command", ["histories", "typegen"])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(
    small: str, tmp_path: Path, command: str, mode: int
) -> None:
    output = tmp_path / {"histories": "out.csv", "typegen": "out.py"}[command]
    output.touch()
    output.chmod(mode)
    assert run(command, small, "-o", str(output), "--quiet").exit_code == 0
    assert mode_of(output) == mode
    assert output.stat().st_size
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_of_the_umask(
    small: str, tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        run("histories", small, "-o", str(tmp_path / "out.csv"), "--quiet")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "out.csv") == mode


def test_the_partial_file_has_no_more_access_than_the_file_it_replaces(tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.touch()
    output.chmod(0o600)
    seen: list[int] = []

    def write(_file: IO[bytes]) -> None:
        (partial,) = (each for each in tmp_path.iterdir() if each != output)
        seen.append(mode_of(partial))

    replace_file(output, write)
    assert seen == [0o600]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_a_file_that_is_replaced_keeps_its_owner_and_group(tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.touch()
    os.chown(output, 12345, 23456)
    output.chmod(0o640)
    replace_file(output, write_new)
    found = output.stat()
    assert (found.st_uid, found.st_gid, mode_of(output)) == (12345, 23456, 0o640)


def test_partial_files_have_names_that_cannot_be_foreseen(tmp_path: Path) -> None:
    names: set[str] = set()
    output = tmp_path / "out.csv"

    def write(_file: IO[bytes]) -> None:
        names.update(each.name for each in tmp_path.iterdir() if each != output)

    for _ in range(5):
        replace_file(output, write)
    assert len(names) == 5
    # 64 random bits; the number of the process would be foreseen.
    assert all(len(name.split(".")[-2]) == 16 for name in names)


def test_a_planted_link_at_the_name_of_a_process_is_not_followed(
    small: str, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    output = tmp_path / "out.csv"
    plant = f'ln -s {victim} {tmp_path}/.out.csv.$$.part; exec "$@"'
    command = [*PROGRAM, "histories", small, "-o", str(output), "--quiet"]
    assert subprocess.run(["/bin/sh", "-c", plant, "sh", *command], check=False).returncode == 0
    assert victim.read_text() == "precious"
    assert not output.is_symlink()
    assert output.read_text().startswith("_step,loss")


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), ValueError("odd")])
def test_nothing_is_left_after_a_failure(tmp_path: Path, error: BaseException) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")

    def write(file: IO[bytes]) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(type(error)):
        replace_file(output, write)
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_after_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from wandb_runs.files import replace_file\n"
        "def write(file):\n"
        "    file.write(b'half'); print('writing', flush=True); time.sleep(60)\n"
        "replace_file(pathlib.Path(sys.argv[1]), write)\n"
    )
    output = tmp_path / "out.csv"
    output.write_text("old")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(output)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(number)
        assert process.wait(60) != 0
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [output]


def test_a_handler_of_the_program_stays(tmp_path: Path) -> None:
    def ignore(_number: int, _frame: object) -> None:
        pass

    before = signal.signal(signal.SIGTERM, ignore)
    try:
        handler = signal.getsignal(signal.SIGTERM)

        def write(_file: IO[bytes]) -> None:
            assert signal.getsignal(signal.SIGTERM) is handler

        replace_file(tmp_path / "out", write)
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_file_is_written_in_any_thread(tmp_path: Path) -> None:
    thread = threading.Thread(target=replace_file, args=(tmp_path / "out", write_new))
    thread.start()
    thread.join()
    assert (tmp_path / "out").read_bytes() == b"new"


@pytest.mark.parametrize("command", ["histories", "typegen"])
def test_a_pipe_gets_the_content_and_stays_a_pipe(small: str, tmp_path: Path, command: str) -> None:
    pipe = tmp_path / {"histories": "pipe.csv", "typegen": "pipe.py"}[command]
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    done = run(command, small, "-o", str(pipe), "--quiet")
    reader.join(60)
    assert done.exit_code == 0, done.stderr
    assert b"loss" in read[0]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_standard_output_gets_the_module_under_its_path(small: str, tmp_path: Path) -> None:
    command = [*PROGRAM, "typegen", small, "-o", "/dev/stdout", "--quiet"]
    piped = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"class Config" in piped
    # Into a file, too, which a shell has opened.
    with (tmp_path / "out.py").open("wb") as file:
        subprocess.run(command, stdout=file, check=True)
    assert (tmp_path / "out.py").read_bytes() == piped
    assert [each.name for each in tmp_path.iterdir()] == ["out.py"]


def test_a_folder_is_refused(small: str, tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    done = run("histories", small, "-o", str(tmp_path / "out.csv"))
    assert done.exit_code == 2
    assert "directory" in done.stderr
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path, write_new)


def test_links_that_lead_nowhere_or_in_a_circle(small: str, tmp_path: Path) -> None:
    new, circle = tmp_path / "new.csv", tmp_path / "circle.csv"
    new.symlink_to(tmp_path / "target.csv")
    circle.symlink_to(circle)
    assert run("histories", small, "-o", str(new), "--quiet").exit_code == 0
    assert new.is_symlink()
    assert (tmp_path / "target.csv").read_text().startswith("_step")
    done = run("histories", small, "-o", str(circle))
    assert done.exit_code in {1, 2}
    assert "Traceback" not in done.stderr
    assert circle.is_symlink()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write to any file")
def test_a_file_without_write_permission_is_refused(small: str, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")
    output.chmod(0o444)
    done = run("histories", small, "-o", str(output))
    assert done.exit_code != 0
    assert output.read_text() == "old"


def test_a_long_name_is_written(tmp_path: Path) -> None:
    output = tmp_path / ("n" * 251 + ".csv")
    replace_file(output, write_new)
    assert output.read_bytes() == b"new"


def test_the_file_of_before_is_there_until_the_new_one_is_whole(tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")

    def write(file: IO[bytes]) -> None:
        file.write(b"new")
        assert output.read_text() == "old"

    replace_file(output, write)
    assert output.read_text() == "new"


NO_JSON: list[JSONValue] = [math.nan, math.inf, "-Infinity"]
CELLS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "", 'a,"b"', "a\r\nb", "NaN "]


def test_infinities_and_nan_are_kept_in_csv_and_null_in_json_lines(
    wandb_server: LocalServer, tmp_path: Path
) -> None:
    rows: list[JSONObject] = [{"x": value} for value in (*NO_JSON, 0.5)]
    log_run(wandb_server, "team", "no-json", "r", history=rows)
    for ending in ("csv", "jsonl"):
        done = run("histories", "team/no-json", "-o", str(tmp_path / f"out.{ending}"))
        assert done.exit_code == 0, done.stderr
    cells = pl.read_csv(tmp_path / "out.csv", columns=["x"])["x"].to_list()
    assert [str(cell) for cell in cells] == ["nan", "inf", "-inf", "0.5"]
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["x"] for line in lines] == [None, None, None, 0.5]


def test_cells_of_csv_are_the_values_also_where_they_look_like_formulas(
    api: Api, wandb_server: LocalServer, tmp_path: Path
) -> None:
    rows: list[JSONObject] = [{"=key": text, "loss": -1.5} for text in CELLS]
    log_run(wandb_server, "team", "cells", "=run", history=rows)
    output = tmp_path / "out.csv"
    assert run("histories", "team/cells", "-o", str(output)).exit_code == 0
    with output.open(encoding="utf-8", newline="") as file:
        read = [*csv.DictReader(file)]
    assert [row["=key"] for row in read] == CELLS
    assert {(row["loss"], row["run_id"]) for row in read} == {("-1.5", "=run")}
    frame = api.runs("team/cells").histories(format="polars")
    assert pl.read_csv(output, schema=frame.schema).equals(frame)

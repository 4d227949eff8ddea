"""`export` writes a dataset, brings it up to date, tells what became of it, and reads it back."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pytest
from click.testing import CliRunner
from filelock import FileLock
from support.exports import OfRun
from support.managed import Managed
from support.terminals import PROGRAM, on_a_terminal

from wandb_runs import Api
from wandb_runs.cli.commands import cli
from wandb_runs.local.ids import new_id
from wandb_runs.testing import Drip, LocalServer, Slow, Status, delete_run, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from click.testing import Result


RUNS: Final = 5
ROWS: Final = 8
EVENTS: Final = 3


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server that writes files of a few rows."""
    with LocalServer(export_rows=4) as server:
        yield server


@pytest.fixture(autouse=True)
def environment(server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def path(server: LocalServer) -> str:
    """A project of four runs that have ended, and one that goes on."""
    name = new_id()
    for number in range(RUNS):
        log_run(
            server,
            "team",
            name,
            f"r{number}",
            config={"lr": number / 10},
            history=[{"loss": step / 2, "a,b": step} for step in range(ROWS)],
            events=[{"system.cpu": float(step)} for step in range(EVENTS)],
            exit_code=None if number == RUNS - 1 else 0,
        )
    server.clear_operations()
    return f"team/{name}"


def run(*arguments: str, status: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["export", *arguments])
    assert done.exit_code == status, done.output
    return done


def record_of(*arguments: str, status: int = 0) -> dict[str, Any]:
    """What a command tells programs."""
    told: dict[str, Any] = json.loads(run(*arguments, "--format", "json", status=status).stdout)
    return told


def rows_of(folder: Path, kind: str = "histories") -> pl.DataFrame:
    return pl.read_parquet(folder / kind / "*.parquet")


def log_more(server: LocalServer, path: str, run_id: str, rows: int = 1) -> None:
    log_run(server, "team", path.partition("/")[2], run_id, history=[{"loss": 9.5}] * rows)


def test_a_first_export_writes_all_and_a_second_one_nothing(path: str, tmp_path: Path) -> None:
    rows = RUNS * (ROWS + EVENTS)
    assert record_of(path, "out") == {
        "folder": "out",
        "runs": RUNS,
        "added": RUNS,
        "changed": 0,
        "unchanged": 0,
        "deleted": 0,
        "live": 1,
        "rows_fetched": rows,
        "parts_written": 2,
        "failed": {},
        "files_failed": {},
        "files_refused": {},
        "is_dry_run": False,
        "damaged": {},
        "lost": {},
    }
    assert rows_of(tmp_path / "out").height == RUNS * ROWS
    assert rows_of(tmp_path / "out", "system").height == RUNS * EVENTS
    before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*.parquet")}
    done = run(path, "out")
    assert done.stdout == ""
    assert done.stderr == (
        "out: 5 runs (5 unchanged, 1 may log more); 0 rows fetched, 0 files of rows written.\n"
    )
    assert {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*.parquet")} == before


def test_what_changed_is_fetched_and_told(server: LocalServer, path: str, tmp_path: Path) -> None:
    first = run(path, "out")
    assert first.stderr == (
        "out: 5 runs (5 new, 1 may log more); 55 rows fetched, 2 files of rows written.\n"
    )
    log_more(server, path, "r1", 2)
    delete_run(server, "team", path.partition("/")[2], "r0")
    done = run(path, "out")
    assert done.stderr == (
        "out: 4 runs (1 changed, 3 unchanged, 1 may log more, 1 deleted and kept); "
        f"{ROWS + 2 + EVENTS} rows fetched, 2 files of rows written.\n"
    )
    counts = dict(rows_of(tmp_path / "out").group_by("run_id").len().iter_rows())
    assert counts == {f"r{number}": ROWS + 2 * (number == 1) for number in range(RUNS)}


def test_a_dry_run_tells_what_an_export_does_and_writes_nothing(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    done = run(path, "out", "--dry-run")
    assert done.stderr == (
        "out: 5 runs (5 new, 1 may log more); 2 files of rows would be written, and nothing was.\n"
    )
    assert not (tmp_path / "out").exists()
    run(path, "out")
    log_more(server, path, "r2")
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    foretold = record_of(path, "out", "--dry-run")
    assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before
    told = record_of(path, "out")
    assert (foretold["changed"], foretold["rows_fetched"], foretold["is_dry_run"]) == (1, 0, True)
    differ = {name for name in told if told[name] != foretold[name]}
    assert differ == {"rows_fetched", "is_dry_run"}


def test_a_project_of_the_key_itself_needs_no_entity(server: LocalServer, tmp_path: Path) -> None:
    with Api(base_url=server.url, api_key="k" * 40) as api:
        entity = api.viewer.entity
    name = new_id()
    log_run(server, str(entity), name, "r0", history=[{"loss": 1.0}])
    assert record_of(name, "own")["added"] == 1
    assert record_of(name, "own")["unchanged"] == 1
    assert rows_of(tmp_path / "own").height == 1


def test_verify_reads_a_dataset_back_without_a_server(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(path, "out", "--runs-per-part", "2")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("WANDB_API_KEY")
    good = run("--verify", "out")
    assert (good.stdout, good.stderr) == ("", "out: 5 runs and 55 rows as the manifest says.\n")
    assert record_of("--verify", "out") == {
        "folder": "out",
        "runs": RUNS,
        "rows": RUNS * (ROWS + EVENTS),
        "problems": [],
        "notes": [],
    }
    part = tmp_path / "out" / "histories" / "part-000001.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    (tmp_path / "out" / "system" / "part-000000.parquet").unlink()
    found = record_of("--verify", "out", status=7)
    assert len(found["problems"]) == 2
    assert "histories/part-000001.parquet" in found["problems"][0]
    assert "system/part-000000.parquet" in found["problems"][1]
    assert found["rows"] == RUNS * (ROWS + EVENTS) - 2 * ROWS - 2 * EVENTS
    bad = run("--verify", "out", "--quiet", status=7)
    assert bad.stderr.splitlines() == [f"Problem: {each}" for each in found["problems"]]


def test_a_damaged_file_that_is_removed_is_fetched_again(path: str, tmp_path: Path) -> None:
    run(path, "out")
    before = rows_of(tmp_path / "out")
    part = tmp_path / "out" / "histories" / "part-000000.parquet"
    part.write_bytes(b"not Parquet")
    failed = run(path, "out", status=1)
    assert "is damaged" in failed.stderr
    assert "or export with --repair, which" in failed.stderr
    part.unlink()
    run(path, "out")
    assert rows_of(tmp_path / "out").equals(before)
    run("--verify", "out")


def test_repair_fetches_what_damaged_files_held_and_tells_what_is_lost(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    arguments = (path, "out", "--runs-per-part", "2")
    run(*arguments)
    delete_run(server, "team", path.partition("/")[2], "r1")
    run(*arguments)
    whole, lost = (f"histories/part-00000{number}.parquet" for number in (1, 0))
    (tmp_path / "out" / whole).write_bytes(b"not Parquet")
    told = run(*arguments, "--repair", "--dry-run")
    assert "1 damaged file" in told.stderr
    done = run(*arguments, "--repair", "-q")
    assert done.stderr == (
        f"Warning: damaged, and fetched again: {whole} (kept as damaged/{whole})\n"
    )
    run("--verify", "out")
    (tmp_path / "out" / lost).write_bytes(b"not Parquet")
    done = run(*arguments, "--repair", status=7)
    warning, summary = done.stderr.splitlines()
    assert warning == (
        f"Warning: damaged, and fetched again: {lost} (kept as damaged/{lost}); what there was of "
        f"1 run (r1), listed no more, is in damaged/{lost} alone"
    )
    assert "1 damaged file, 1 run lost); 8 rows fetched, 1 file of rows written" in summary
    run(*arguments)
    found = run("--verify", "out")
    assert found.stderr.splitlines()[0] == (
        f"Note: what there was of 1 run (r1), listed no more, is in damaged/{lost} alone"
    )
    assert run("--verify", "out", "-q").stderr == ""


def test_a_folder_that_is_no_export_is_left_alone(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    for arguments in ((path, "mine"), (path, "mine", "--dry-run"), ("--verify", "mine")):
        done = run(*arguments, status=1)
        assert done.stderr.startswith("Error: 'mine' holds 'notes.txt' and no export")
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    assert run("--verify", "nowhere", status=1).stderr == "Error: there is no export in 'nowhere'\n"
    assert not (tmp_path / "nowhere").exists()
    assert server.operations == ()


def test_another_query_and_another_export_are_refused(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    run(path, "out")
    server.clear_operations()
    for options in (("--keys", "loss"), ("--where", "config.lr > 0.1")):
        done = run(path, "out", *options, status=1)
        assert "choose another folder" in done.stderr
    with FileLock(tmp_path / "out" / ".lock"):
        done = run(path, "out", status=1)
    assert done.stderr == "Error: another export writes to 'out'; wait for its end\n"
    assert server.operations == ()


def test_options_choose_what_is_exported(path: str, tmp_path: Path) -> None:
    arguments = (
        *(path, "out", "--where", "config.lr > 0.1", "--filters", '{"state": "finished"}'),
        *("--keys", "loss", "--key", "a,b", "--no-system", "--runs-per-part", "1"),
    )
    assert record_of(*arguments)["runs"] == 2
    rows = rows_of(tmp_path / "out")
    assert rows.columns == ["_step", "a,b", "loss", "run_id"]
    assert rows["run_id"].unique().sort().to_list() == ["r2", "r3"]
    assert len([*(tmp_path / "out" / "histories").iterdir()]) == 2
    assert not (tmp_path / "out" / "system").exists()
    assert record_of(*arguments)["unchanged"] == 2


def test_values_that_fit_no_one_type_are_kept_as_text_on_request(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    run(path, "before")
    big = 2**53 + 1
    log_run(server, "team", path.partition("/")[2], "big", history=[{"loss": big}])
    arguments = (path, "out", "--runs-per-part", "1", "--no-system")
    for folder in ((path, "before"), arguments):
        assert run(*folder, status=1).stderr == (
            "Error: the values of 'loss' fit no one type; keep them as text by --as-json loss, "
            "now and in later exports, and in another folder if there is one without\n"
        )
    # What has other dtypes is of no export that came to its end: all is text now.
    assert rows_of(tmp_path / "out")["loss"].dtype == pl.Float64
    run(*arguments, "--as-json", "loss")
    rows = rows_of(tmp_path / "out")
    assert rows.filter(pl.col("run_id") == "big")["loss"].to_list() == [str(big)]
    assert rows.filter(pl.col("run_id") == "r0")["loss"].to_list()[:2] == ["0.0", "0.5"]
    assert record_of(*arguments, "--as-json", "loss")["rows_fetched"] == 0
    run("--verify", "out")
    for options, differ in (
        ((), '{"loss": "json"}, not {}'),
        (("--as-json", "a,b"), '{"loss": "json"}, not {"a,b": "json"}'),
    ):
        assert run(*arguments, *options, status=1).stderr == (
            f"Error: 'out' holds an export of --as-json {differ}; choose another folder, or ask "
            "for the same\n"
        )


def test_metrics_of_any_name_are_exported_but_one_with_nul(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    project = path.partition("/")[2]
    log_run(server, "team", project, "odd", history=[{"*": 1, "^x$": 2, "x": 3}])
    run(path, "out")
    kept = rows_of(tmp_path / "out").filter(pl.col("run_id") == "odd")
    found = [kept.get_column(name).to_list() for name in ("*", "^x$", "x")]
    assert found == [[1.0], [2.0], [3.0]]
    log_run(server, "team", project, "nul", history=[{"x\0y": 1, "x": 3}])
    assert run(path, "out", status=1).stderr == (
        "Error: no file holds a column named 'x\\x00y'; name the other metrics by --keys\n"
    )
    run(path, "other", "--keys", "x")
    assert sorted(rows_of(tmp_path / "other")["run_id"]) == ["nul", "odd"]


def test_files_come_with_the_runs(server: LocalServer, path: str, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"content")
    with Api(base_url=server.url, api_key="any") as api:
        api.run(f"{path}/r1").upload_file("model.pt")
    run(path, "out", "--files")
    saved = tmp_path / "out" / "files" / "r1" / "model.pt"
    assert saved.read_bytes() == b"content"
    run(path, "out", "--files")
    assert saved.read_bytes() == b"content"


def test_a_file_that_cannot_be_had_is_told_once_and_by_verify(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    (tmp_path / "model.pt").write_bytes(b"content")
    with Api(base_url=server.url, api_key="any") as api:
        api.run(f"{path}/r1").upload_file("model.pt")
    run(path, "out", "-q")
    (tmp_path / "out" / "files" / "r1" / "model.pt").mkdir(parents=True)  # in its place
    done = run(path, "out", "--files", "-q", status=7)
    (line,) = done.stderr.splitlines()
    assert line.startswith("Warning: 1 file could not be had, r1/model.pt first: ")
    assert "Problem: file r1/model.pt: " in run("--verify", "out", status=7).stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [*manifest["errors"]] == ["r1/model.pt"]


def test_a_file_that_cannot_have_its_name_is_status_7_once(
    server: LocalServer, tmp_path: Path
) -> None:
    project = new_id()
    log_run(server, "me", project, "r1", history=[{"loss": 1.0}])
    Managed(server).upload(project, "r1", "aux.txt", b"content")
    arguments = (f"me/{project}", "out", "--files")
    (line,) = run(*arguments, "-q", status=7).stderr.splitlines()
    assert line.startswith("Warning: 1 file is left out for good, which is told this once: ")
    assert run(*arguments, "-q").output == ""
    assert "out: 1 run (1 unchanged, 1 file left out for good); " in run(*arguments).stderr
    note, _ = run("--verify", "out").stderr.splitlines()
    assert note.startswith("Note: file 'aux.txt' of run 'r1' is not written: its name has ")
    assert run("--verify", "out", "-q").output == ""
    Managed(server).upload(project, "r1", "con", b"content")
    (line,) = run(*arguments, "-q", status=7).stderr.splitlines()
    assert "'con'" in line
    assert "aux.txt" not in line


def test_what_cannot_be_right_is_a_usage_error_before_any_request(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    without: tuple[tuple[str, ...], ...] = ((), (path,))
    for arguments in without:
        assert run(*arguments, status=2).stderr == (
            "Error: name the project and the folder: export entity/project DIR\n"
        )
    (tmp_path / "file").touch()
    wrong: tuple[tuple[str, ...], ...] = (
        (path, "file"),
        (path, ""),
        ("--verify", ""),
        (path, "out", "--runs-per-part", "0"),
        (path, "out", "--where", "config.lr <"),
        (path, "out", "--keys", ","),
        (path, "out", "--format", "table"),
        (path, "out", "-o", "told.txt"),
        (path, "out", "--verify"),
        ("a/b/c/d", "out"),
    )
    for arguments in wrong:
        run(*arguments, status=2)
    done = run(*("--verify", "out", path, "--files", "--keys", "loss", "--dry-run", "-q"), status=2)
    assert done.stderr == (
        "Error: --verify DIR stands in place of an export: leave out PATH, --keys, --files, "
        "--dry-run\n"
    )
    assert server.operations == ()
    assert run("team/nothing", "out", status=3).stdout == ""
    assert not (tmp_path / "out").exists()


def test_programs_get_a_record_in_each_format(path: str, tmp_path: Path) -> None:
    run(path, "out", "-o", "told.json")
    told = json.loads((tmp_path / "told.json").read_text())
    (line,) = run(path, "out", "--format", "jsonl").stdout.splitlines()
    assert json.loads(line) == {**told, "added": 0, "unchanged": RUNS} | {
        "rows_fetched": 0,
        "parts_written": 0,
    }
    run(path, "out", "-o", "told.csv", "-q")
    with (tmp_path / "told.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert [*row] == [*told]
    assert (row["folder"], row["unchanged"], row["failed"]) == ("out", "5", "{}")
    assert run(path, "out", "--format", "markdown").stdout.startswith("| folder | runs |")


def test_a_run_that_cannot_be_read_is_status_7_and_is_tried_again(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    with server.fail_always(OfRun("r2", Status(404)), operation="a file"):
        done = run(path, "out", "--no-system", "--quiet", status=7)
        assert done.stderr.startswith("Warning: the rows of ")
        assert "r2" in done.stderr
        told = record_of(path, "out", "--no-system", status=7)
        assert [*told["failed"]] == ["r2"]
        assert (told["changed"], told["unchanged"]) == (1, RUNS - 1)
    assert set(rows_of(tmp_path / "out")["run_id"]) == {"r0", "r1", "r3", "r4"}
    assert "run r2: " in run("--verify", "out", status=7).stderr
    assert record_of(path, "out", "--no-system")["rows_fetched"] == ROWS
    assert rows_of(tmp_path / "out").height == RUNS * ROWS
    run("--verify", "out")


def test_a_run_that_could_not_be_read_is_told_until_it_is_deleted(
    server: LocalServer, path: str
) -> None:
    with server.fail_always(OfRun("r2", Status(404)), operation="a file"):
        run(path, "out", status=7)
    delete_run(server, "team", path.partition("/")[2], "r2")
    assert record_of(path, "out")["failed"] == {}
    run("--verify", "out")


def test_a_server_that_does_not_answer_has_its_status_and_what_was_written_stays(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    run(path, "out")
    before = rows_of(tmp_path / "out")
    for status, fault in ((4, Status(401)), (5, Status(501))):
        with server.fail_always(fault):
            assert run(path, "out", status=status).stderr.startswith("Error: ")
    assert rows_of(tmp_path / "out").equals(before)
    run("--verify", "out")


def ended(
    arguments: Sequence[str], number: signal.Signals, is_time: Callable[[], bool]
) -> tuple[int, str, str]:
    """Start an export and end it by a signal: its status, stdout and stderr."""
    with subprocess.Popen(
        [*PROGRAM, "export", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 60
        while not is_time() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (signal.SIGTERM, (143, "", "")),
        (signal.SIGINT, (130, "", "Interrupted.\n")),
        (signal.SIGHUP, (129, "", "")),
    ],
)
def test_an_export_that_is_ended_is_gone_on_with(
    server: LocalServer,
    path: str,
    tmp_path: Path,
    number: signal.Signals,
    told: tuple[int, str, str],
) -> None:
    arguments = (path, "out", "--runs-per-part", "1")
    last = tmp_path / "out" / "histories" / "part-000002.parquet"
    # The files of the last two runs do not come.
    late = (OfRun("r3", Slow(60)), OfRun("r4", Slow(60)))
    with server.fail_always(*late, operation="a file"):
        assert ended(arguments, number, last.exists) == told
    # What was written is whole, and nothing else has a name that readers match.
    assert rows_of(tmp_path / "out").height == 3 * ROWS
    assert "did not come to its end" in run("--verify", "out", status=7).stderr
    assert record_of(*arguments)["rows_fetched"] == 2 * (ROWS + EVENTS)
    assert rows_of(tmp_path / "out").height == RUNS * ROWS
    assert not [*tmp_path.rglob("*.part")]
    run("--verify", "out")


def test_a_file_of_rows_has_its_name_once_it_is_whole(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    folder = tmp_path / "out" / "histories"
    with server.fail_always(OfRun("r4", Slow(60)), operation="a file"):
        status, _, _ = ended(
            (path, "out"), signal.SIGKILL, lambda: folder.is_dir() and any(folder.iterdir())
        )
    assert status == -signal.SIGKILL
    assert [each.suffix for each in folder.iterdir()] == [".part"]
    assert record_of(path, "out")["rows_fetched"] == RUNS * (ROWS + EVENTS)
    assert [each.name for each in folder.iterdir()] == ["part-000000.parquet"]


def test_a_file_that_cannot_be_written_is_named(path: str) -> None:
    """As on a full disk; here no file may have more than 512 bytes."""
    limited = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *PROGRAM, "export", path, "out"]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: [Errno 27] ")
    assert ": 'out/" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("number", "told"),
    [(signal.SIGTERM, (143, "", "")), (signal.SIGINT, (130, "", "Interrupted.\n"))],
)
def test_an_export_that_is_ended_while_runs_are_listed_leaves_what_was_there(
    server: LocalServer,
    path: str,
    tmp_path: Path,
    number: signal.Signals,
    told: tuple[int, str, str],
) -> None:
    for folder in ("new", "out"):
        if folder == "out":
            run(path, folder)
        there = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
        server.clear_operations()
        with server.fail_always(Slow(60), operation="ListRuns"):
            assert ended((path, folder), number, lambda: "ListRuns" in server.operations) == told
        now = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
        assert now == there


@pytest.mark.parametrize(
    ("number", "told"),
    [(signal.SIGTERM, (143, "", "")), (signal.SIGINT, (130, "", "Interrupted.\n"))],
)
def test_nothing_is_left_of_a_file_that_was_coming(
    server: LocalServer,
    path: str,
    tmp_path: Path,
    number: signal.Signals,
    told: tuple[int, str, str],
) -> None:
    (tmp_path / "model.pt").write_bytes(b"content")
    with Api(base_url=server.url, api_key="any") as api:
        api.run(f"{path}/r1").upload_file("model.pt")
    run(path, "out")
    with server.fail_always(OfRun("r1", Drip(10)), operation="a file"):
        found = ended((path, "out", "--files"), number, lambda: any(tmp_path.rglob("*.part")))
    assert found == told
    assert not [*tmp_path.rglob("*.part")]
    run(path, "out", "--files")
    assert (tmp_path / "out" / "files" / "r1" / "model.pt").read_bytes() == b"content"


def test_a_bar_counts_files_once_the_rows_are_there(
    server: LocalServer, path: str, tmp_path: Path
) -> None:
    (tmp_path / "model.pt").write_bytes(b"content")
    with Api(base_url=server.url, api_key="any") as api:
        for run_id in ("r1", "r2"):
            api.run(f"{path}/{run_id}").upload_file("model.pt")
    drawn = on_a_terminal("export", path, "first", "--files")
    assert re.search(r"files [^\n]*2/2", drawn)


def test_a_bar_is_drawn_on_a_terminal_and_nothing_in_its_place(path: str) -> None:
    drawn = on_a_terminal("export", path, "first")
    assert "5/5" in drawn
    assert "5 runs (5 new, 1 may log more)" in drawn
    assert on_a_terminal("export", path, "second", "--quiet") == ""
    told = run(path, "third", "--verbose").stderr
    assert told.startswith("Server: http://127.0.0.1")
    assert "ListRuns: HTTP 200" in told
    assert run(path, "third", "-q").output == ""

"""The statuses that commands end with, in processes of their own."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wandb_runs import ChangeOutcome, errors
from wandb_runs.cli.status import MEANINGS, Status, status_of
from wandb_runs.testing import BareErrors, Html, NullEdges, Slow, Truncate
from wandb_runs.testing import Status as Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.testing import Fault, LocalServer

PROGRAM = (sys.executable, "-m", "wandb_runs")
BASH = shutil.which("bash") or "/bin/bash"
PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"


@pytest.fixture(autouse=True)
def environment(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)


def run(*arguments: str, shell: str = '"$@"') -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does, with its streams as `shell` has them."""
    return subprocess.run(
        [BASH, "-c", shell, "bash", *PROGRAM, *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_statuses_are_those_of_the_help_and_of_the_documents() -> None:
    table = re.findall(r"^\| (\d+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(status): text.replace("`", "") for status, text in table} == {
        int(status): text.replace("`", "") for status, text in MEANINGS.items()
    }
    assert [*MEANINGS] == [*Status]
    shown = " ".join(run("--help").stdout.split())
    for status, text in MEANINGS.items():
        assert f" {int(status)} {text}" in shown


def test_each_error_has_its_status() -> None:
    kinds = {name: getattr(errors, name) for name in errors.__all__ if name.endswith("Error")}
    given: dict[str, Status] = {}
    for name, kind in kinds.items():
        error = kind.__new__(kind, "")
        error.errors = {}
        error.outcome = ChangeOutcome("runs.delete", "me/p", (), {}, ())
        given[name] = status_of(error)
    assert given == {
        **dict.fromkeys(kinds, Status.SERVER),
        "InvalidArgumentError": Status.USAGE,
        "MissingDependencyError": Status.USAGE,
        "NotFoundError": Status.NOT_FOUND,
        "AuthenticationError": Status.DENIED,
        "PermissionDeniedError": Status.DENIED,
        **dict.fromkeys(
            (
                *("ChangesError", "DriftError", "ExportError", "HistoriesError", "ReadOnlyError"),
                *(
                    "FieldValidationError",
                    "MissingValueError",
                    "RunValidationError",
                    "SchemaError",
                    "UnsafeNameError",
                    "UpdateConflictError",
                    "WandbRunsError",
                ),
            ),
            Status.OTHER,
        ),
    }


@pytest.mark.parametrize(
    ("status", "arguments", "fault"),
    [
        (0, ("list", "team/many"), None),
        (1, ("histories", "team/many", "-o", f"{'n' * 300}.csv"), None),
        (2, ("list", "team/many", "--filters", "{"), None),
        (3, ("list", "team/nothing"), None),
        (3, ("typegen", "team/nothing"), None),
        (4, ("list", "team/many"), Answers(401)),
        (4, ("typegen", "team/many"), Answers(403)),
        (5, ("list", "team/many"), Answers(501)),
        (5, ("list", "team/many"), Html(status=200)),
        (5, ("list", "team/many"), BareErrors("broken")),
        (5, ("typegen", "team/many"), Truncate(at=60, whole_http=True)),
        (6, ("list", "team/many", "--filters", '{"name": "no"}', "--fail-on-empty"), None),
        (0, ("list", "team/many", "--filters", '{"name": "no"}'), None),
        (0, ("list", "team/many", "--fail-on-empty"), None),
        (7, ("list", "team/many"), NullEdges(count=2)),
        (7, ("typegen", "team/many", "--quiet"), NullEdges(count=2)),
    ],
)
def test_a_command_ends_with_its_status(
    wandb_server: LocalServer,
    many: str,
    status: int,
    arguments: Sequence[str],
    fault: Fault | None,
) -> None:
    assert many == "team/many"
    with wandb_server.fail_always(*([] if fault is None else [fault])):
        done = run(*arguments)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    # Whatever is wrong is told.
    assert ("Error: " in done.stderr) == (status not in {0, 7})
    assert ("Warning: " in done.stderr) == (status == 7)
    assert bool(done.stdout) == (status in {0, 6, 7})


def test_no_connection_is_status_5(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    assert run("list", "team/many").returncode == 5


def test_fail_on_empty_leaves_the_file_as_it_was(many: str, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("what was there")
    arguments = ("histories", many, "--filters", '{"name": "no"}', "-o", str(output))
    failed = run(*arguments, "--fail-on-empty")
    assert failed.returncode == 6
    assert failed.stderr.startswith("Error: ")
    assert output.read_text() == "what was there"
    assert run(*arguments).returncode == 0
    assert output.read_text() == "_step,run_id\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_with_its_status(
    wandb_server: LocalServer, many: str, number: signal.Signals
) -> None:
    wandb_server.clear_operations()
    with (
        wandb_server.fail_always(Slow(20)),
        subprocess.Popen(
            [*PROGRAM, "list", many], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        until = time.monotonic() + 60
        while not wandb_server.operations and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert (process.returncode, stdout, stderr) == (130, "", "Interrupted.\n")
    else:
        assert (process.returncode, stdout, stderr) == (-signal.SIGTERM, "", "")


# The reader has gone before the writer begins, however busy the machine is.
CLOSED: Sequence[tuple[str, Sequence[str], int]] = [
    ('(sleep 1; exec "$@") | true; exit ${PIPESTATUS[0]}', ("--help",), 141),
    ('(sleep 1; exec "$@") | true; exit ${PIPESTATUS[0]}', ("list", "team/many"), 141),
    (
        '(sleep 1; exec "$@") 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}',
        ("list", "team/nothing"),
        141,
    ),
    ('"$@" >&-', ("list", "team/many"), 1),
    ('"$@" >&-', ("--version",), 1),
    ('"$@" >/dev/full', ("list", "team/many"), 1),
    ('"$@" >/dev/full', ("list", "--help"), 1),
    ('"$@" 2>&-', ("list", "team/many"), 0),
    ('"$@" 2>&-', ("list", "team/nothing"), 3),
    ('"$@" 2>&-', ("nothing",), 2),
    ('"$@" <&- >&- 2>&-', ("list", "team/many"), 1),
]


@pytest.mark.parametrize(("shell", "arguments", "status"), CLOSED)
def test_a_stream_that_takes_nothing_ends_in_no_traceback(
    many: str, shell: str, arguments: Sequence[str], status: int
) -> None:
    assert many == "team/many"
    done = run(*arguments, shell=shell)
    assert done.returncode == status, done.stderr
    is_told = status == 1 and "2>&-" not in shell
    assert len(done.stderr.splitlines()) == is_told
    assert ("Error: " in done.stderr) == is_told

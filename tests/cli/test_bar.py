"""The bar is drawn on terminals and in notebooks, and is removed at the end."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wandb_runs.testing import LocalServer

# A shell with the class name by which rich detects a notebook. It records displayed outputs and
# writes them to stderr; a cell prints to stdout.
NOTEBOOK = """
import json, sys
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

class Publisher(CapturingDisplayPublisher):
    def publish(self, data, *, transient=None, update=False, **_):
        self.outputs.append([transient, update, data])

class ZMQInteractiveShell(InteractiveShell):
    pass

shell = ZMQInteractiveShell.instance(
    config=Config(HistoryManager={"enabled": False}), display_pub_class=Publisher
)
shell.run_cell(sys.argv[1])
print(json.dumps(shell.display_pub.outputs), file=sys.stderr)
"""

READING = """
from wandb_runs import Api
from wandb_runs.bar import progress_bar
runs = Api().runs("team/many", per_page=7)
with progress_bar() as progress:
    for batch in runs.iter_histories(keys=["loss"], progress=progress):
        print("a batch")
        last = batch
"""
PRINTED = "a batch\n" * 7


@pytest.fixture
def environment(wandb_server: LocalServer, many: str, tmp_path: Path) -> dict[str, str]:
    assert many == "team/many"
    unset = {"FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    settled = {"WANDB_BASE_URL": wandb_server.url, "WANDB_API_KEY": "k" * 40, "NO_COLOR": "1"}
    return {**kept, **settled, "TERM": "dumb-256color", "IPYTHONDIR": str(tmp_path)}


def in_a_notebook(cell: str, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """What a cell prints, and the successive contents of its one displayed output, if any."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NOTEBOOK, cell],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    outputs = json.loads(done.stderr)
    for number, (transient, is_update, data) in enumerate(outputs):
        assert transient == outputs[0][0]
        assert is_update == (number > 0)
        assert data.keys() == {"text/html", "text/plain"}
        assert bool(data["text/html"]) == bool(data["text/plain"])
    return done.stdout, [data["text/plain"] for _, _, data in outputs]


def test_a_notebook_has_one_output_that_is_updated_and_emptied_at_the_end(
    environment: dict[str, str],
) -> None:
    printed, (first, *moved, last) = in_a_notebook(READING, environment)
    assert printed == PRINTED
    assert " 0/? " in first
    counts = [int(text.split("/")[0].split()[-1]) for text in moved]
    assert len({*counts}) == 7
    assert counts == sorted(counts)
    assert " 47/47 " in moved[-1]
    assert "MB" in moved[-1]
    assert last == ""


@pytest.mark.parametrize("error", ["ValueError", "KeyboardInterrupt"])
def test_a_failed_call_leaves_no_bar_in_a_notebook(environment: dict[str, str], error: str) -> None:
    printed, (*_, last) = in_a_notebook(f"{READING}        raise {error}('too much')", environment)
    assert error in printed
    assert last == ""


def test_a_hidden_bar_displays_nothing(environment: dict[str, str]) -> None:
    cell = READING.replace("progress_bar()", "progress_bar(is_shown=False)")
    assert in_a_notebook(cell, environment) == (PRINTED, [])


def drawn_on_stderr(
    environment: Mapping[str, str], *, is_terminal: bool = True, is_printed_there: bool = False
) -> tuple[str, str]:
    """What the program prints to a pipe, and what it draws on stderr, a terminal or a pipe."""
    ours, theirs = pty.openpty() if is_terminal else os.pipe()
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", READING],
        stdout=theirs if is_printed_there else subprocess.PIPE,
        stderr=theirs,
        env=environment,
        text=True,
    ) as process:
        os.close(theirs)
        drawn = b""
        try:
            while part := os.read(ours, 65536):
                drawn += part
        except OSError:  # the end of a pseudo-terminal on Linux
            pass
        finally:
            os.close(ours)
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 0, drawn
    return printed, drawn.decode()


def test_output_to_a_pipe_does_not_reach_the_terminal(
    environment: dict[str, str],
) -> None:
    printed, drawn = drawn_on_stderr(environment)
    assert printed == PRINTED
    assert "47/47" in drawn
    assert "batch" not in drawn
    # At the end the line is cleared.
    assert drawn.endswith("\x1b[2K")


def test_output_to_the_same_terminal_appears_above_the_bar(
    environment: dict[str, str],
) -> None:
    _, drawn = drawn_on_stderr(environment, is_printed_there=True)
    assert drawn.count("\x1b[2Ka batch\r\n") == PRINTED.count("\n")
    assert "47/47" in drawn


def test_no_bar_is_drawn_to_a_pipe_with_forced_colour(environment: dict[str, str]) -> None:
    forced = {**environment, "FORCE_COLOR": "1"}
    assert drawn_on_stderr(forced, is_terminal=False)[1] == ""

"""Commands on a terminal of a given width."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PROGRAM", "on_a_terminal", "one_process"]


PROGRAM: Final = (sys.executable, "-c", "from wandb_runs.cli import main; main()")

_EACH: Final = """
import json, sys
from wandb_runs.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as end:
        if end.code:
            raise
"""


def one_process(commands: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """A program that runs several commands, which ends with the first that fails."""
    return (sys.executable, "-c", _EACH, json.dumps(commands))


def on_a_terminal(
    *arguments: str,
    columns: int = 100,
    status: int = 0,
    colours: bool = False,
    program: Sequence[str] = PROGRAM,
    typed: str | None = None,
) -> str:
    """The output of a command on a terminal: stdout and stderr, and what is typed, if anything."""
    env = {**os.environ, "TERM": "dumb-256color", "COLUMNS": str(columns)}
    if not colours:
        env["NO_COLOR"] = "1"
    ours, theirs = pty.openpty()
    stdin = None if typed is None else theirs
    with subprocess.Popen(
        [*program, *arguments], stdin=stdin, stdout=theirs, stderr=theirs, env=env
    ) as process:
        os.close(theirs)
        if typed is not None:
            os.write(ours, typed.encode())
        drawn = b""
        try:
            while part := os.read(ours, 65536):
                drawn += part
        except OSError:  # the end of a pseudo-terminal on Linux
            pass
        finally:
            os.close(ours)
        assert process.wait(30) == status, drawn
    return drawn.decode()

"""The command line: `wandb-runs`."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Final

from wandb_runs.errors.text import as_message

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_USAGE: Final = 2  # the usual status of usage errors

_FAILING: Final = frozenset({"strict", "surrogateescape"})
"""What streams do with characters that they cannot encode, where that is an error."""

_REPORT: Final = (
    "this is a fault of wandb-runs: report it, with the traceback that "
    "`python -X dev -m wandb_runs` prints for the same arguments"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and exit.

    Args:
        arguments: What follows the program's name; None takes the process's own.

    Raises:
        SystemExit: Always, with the status: 0 for success, 1 for an error while it runs, 2 for a
            usage error or a missing library.
    """
    try:
        from wandb_runs.cli.commands import cli  # noqa: PLC0415 - click is optional
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("The command line needs: pip install 'wandb-runs[cli]'", file=sys.stderr)  # noqa: T201 - output of a command
        sys.exit(_USAGE)
    for stream in (sys.stdout, sys.stderr):
        # The encoding of a terminal or a pipe may lack what a name holds (cp1252, ASCII).
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _FAILING:
            stream.reconfigure(errors="backslashreplace")
    try:
        cli(args=arguments, prog_name="wandb-runs")
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        problem = as_message(f"unexpected {type(error).__name__}: {error}")
        print(f"Error: {problem}; {_REPORT}", file=sys.stderr)  # noqa: T201 - output of a command
        sys.exit(1)

"""The command line: `wandb-runs`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NoReturn

from wandb_runs.errors import MissingDependencyError
from wandb_runs.errors.extras import needs_extra

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

# The values of `wandb_runs.cli.status.Status`, which cannot be imported before an interrupt.
_USAGE: Final = 2
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None, *, program: str = "wandb-runs") -> NoReturn:
    """Run the command line, and exit.

    Args:
        arguments: What follows the program's name; None takes the process's own.
        program: The program's name, as it is called.

    Raises:
        SystemExit: Always, with one of the statuses of `wandb-runs --help`.
    """
    try:
        try:
            with needs_extra("cli", "the command line"):
                from wandb_runs.cli.commands import cli  # noqa: PLC0415 - click is optional
                from wandb_runs.cli.process import run_command  # noqa: PLC0415 - click is optional
        except MissingDependencyError as error:
            print(f"Error: {error.message}", file=sys.stderr)  # noqa: T201 - click, which prints elsewhere, is missing
            sys.exit(_USAGE)
        status = run_command(cli, arguments, program)
    except KeyboardInterrupt:
        status = _INTERRUPTED
    sys.exit(status)

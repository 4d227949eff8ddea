"""The command line: `wandb-runs`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_USAGE: Final = 2  # the usual status of usage errors


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
    cli(args=arguments, prog_name="wandb-runs")

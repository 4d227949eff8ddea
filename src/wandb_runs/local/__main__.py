"""`python -m wandb_runs.local`, which is `wandb-runs local`."""

from __future__ import annotations

import sys

from wandb_runs.errors import MissingDependencyError
from wandb_runs.errors.extras import needs_extra
from wandb_runs.errors.text import as_message


def main() -> None:
    """Serve until interrupted; say what to install where the command line's library is absent."""
    try:
        with needs_extra("local", "the local server"):
            from wandb_runs.local.command import local  # noqa: PLC0415 - click is optional
    except MissingDependencyError as error:
        sys.exit(f"Error: {error.message}")
    try:
        local(prog_name="python -m wandb_runs.local")
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        sys.exit(f"Error: {as_message(f'{type(error).__name__}: {error}')}")


if __name__ == "__main__":
    main()

"""Checks of `doctor` as a table on a terminal, or in a pipe."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from wandb_runs.cli.console import encodable, print_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs.cli.output import Output
    from wandb_runs.diagnosis import Check

__all__ = ["print_checks"]

_STYLES: Final[Mapping[str, str]] = {
    "ok": "green",
    "failed": "bold red",
    "unknown": "yellow",
    "skipped": "dim",
}


def print_checks(checks: Sequence[Check], output: Output) -> None:
    """Print a table of checks."""
    write = partial(encodable, output.encoding)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Status", no_wrap=True)
    table.add_column("Check", no_wrap=True)
    table.add_column("Seconds", no_wrap=True, justify="right")
    table.add_column("Bytes", no_wrap=True, justify="right")
    table.add_column("Detail", overflow="fold")
    for check in checks:
        has_cost = check.seconds > 0
        table.add_row(
            Text(check.status, style=_STYLES[check.status]),
            Text(write(check.name)),
            Text(f"{check.seconds:.2f}" if has_cost else ""),
            Text(f"{check.bytes:,}" if has_cost else ""),
            Text(write(check.detail)),
        )
    print_on(output, lambda console: console.print(table))

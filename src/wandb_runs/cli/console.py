"""Consoles for tables: a terminal, or a pipe in which nothing is cut."""

from __future__ import annotations

import errno
from typing import Final, NoReturn

from rich.console import Console
from typing_extensions import override

from wandb_runs.errors.text import printable

__all__ = ["encodable", "make_console"]

_WIDE: Final = 100_000
"""Wider than any table."""


class _Console(Console):
    """A console that leaves a closed pipe to its caller: rich exits with status 1."""

    @override
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError(errno.EPIPE, "the reader of the output has closed the pipe")


def make_console() -> Console:
    """A console on stdout."""
    console = _Console(highlight=False)
    return console if console.is_terminal else _Console(highlight=False, width=_WIDE)


def encodable(encoding: str, text: str) -> str:
    """A text as a terminal may show it, with escapes of what its encoding lacks."""
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)

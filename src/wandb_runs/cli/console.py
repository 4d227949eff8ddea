"""Consoles for tables: a terminal, or a pipe in which nothing is cut."""

from __future__ import annotations

import errno
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING, Final, NoReturn

from rich.console import Console
from typing_extensions import override

from wandb_runs.errors.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.cli.output import Output

__all__ = ["encodable", "make_console", "print_on"]

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


def print_on(output: Output, draw: Callable[[Console], object]) -> None:
    """Draw on stdout where it is a terminal; else write the lines, without spaces at their ends.

    Args:
        output: Where to.
        draw: Prints on the console that it is given.

    Raises:
        OSError: It cannot be written.
    """
    console = make_console()
    if output.path is None and console.is_terminal:
        draw(console)
        return
    # rich draws lines of the characters that the encoding of its file has.
    written = BytesIO()
    with TextIOWrapper(written, output.encoding, newline="\n") as file:
        # FORCE_COLOR makes rich take a file for a terminal.
        draw(
            _Console(
                file=file,
                highlight=False,
                width=_WIDE,
                force_terminal=False,
                color_system=None,
            )
        )
        file.flush()
        text = written.getvalue().decode(output.encoding)
    output.write("".join(f"{line.rstrip(' ')}\n" for line in text.splitlines()))


def encodable(encoding: str, text: str) -> str:
    """A text as a terminal may show it, with escapes of what its encoding lacks."""
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)

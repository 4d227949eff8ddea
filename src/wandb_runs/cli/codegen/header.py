"""What a generated module says of itself: how to write it again."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from wandb_runs.cli.codegen.sources import shown
from wandb_runs.errors.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["MARK", "command_again", "header_of", "without_command"]

MARK: Final = "Written by wandb-runs codegen, not by hand. To write it again:"
"""By which a module is known as generated."""

_COMMAND: Final = re.compile(rb"\A(# " + re.escape(MARK).encode() + rb"\r?\n#\r?\n#     )[^\r\n]*")
"""The header up to the end of the command; that is one line, whatever the names in it."""


def command_again(
    root: Path, queries: Sequence[Path], options: Mapping[str, Sequence[Path | str]]
) -> str:
    """The command that writes a package again, from the folder `root`.

    The order in which things were given makes no difference to it.

    Args:
        root: The folder to which its paths belong.
        queries: What was given as arguments.
        options: What was given with each option.
    """
    words = ["wandb-runs", "codegen", *_sorted(queries, root)]
    for option, values in options.items():
        words += (word for value in _sorted(values, root) for word in (option, value))
    return shlex.join(words)


def header_of(command: str) -> str:
    """The comment at the top of each module."""
    return f"# {MARK}\n#\n#     {printable(command)}"


def without_command(module: bytes) -> bytes:
    """A module without the command in its header, which says nothing of what is generated.

    >>> without_command(header_of("wandb-runs codegen").encode()).splitlines()[-1]
    b'#     '
    """
    return _COMMAND.sub(rb"\1", module, count=1)


def _sorted(values: Sequence[Path | str], root: Path) -> list[str]:
    texts = {value if isinstance(value, str) else shown(value, root) for value in values}
    return sorted(texts)

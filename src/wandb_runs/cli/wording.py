"""Messages of the package in the words of the command line: options in place of arguments."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["in_options"]

_PYTHON_ONLY: Final = re.compile(
    r" Raw(?:Order|Filter) sends a path unchecked\."
    r"|; for one run, use api\.run\(path\)"
    r"|; error\.histories holds the rest"
)
"""What helps only in Python."""

_OPTIONS: Final = {
    "config_keys=, summary_keys=": "--keys",
    "per_page=, samples=, keys=": "--samples, --keys",
    "leave keys out": "leave out --key and --keys",
}

_WORDS: Final = re.compile(
    r"'[^']*'|"  # what is quoted is the user's or the server's
    + "|".join(map(re.escape, _OPTIONS))
    + r"|\b(?P<name>filters|order|samples|x_axis|stream|join|on_error)"
    r"(?:=(?:\"(?P<value>\w+)\"|(?='|$|\W))|(?=\[)|(?= must be ))"
)


def in_options(message: str) -> str:
    """A message with the names of options in place of those of arguments.

    >>> in_options('no row holds all keys; pass join="outer"')
    'no row holds all keys; pass --join outer'
    >>> in_options("samples must be an int of 1 or more; got int 0")
    '--samples must be an int of 1 or more; got int 0'
    >>> in_options("order='-loss': 'order=' is no path that W&B knows.")
    "--order '-loss': 'order=' is no path that W&B knows."
    """
    return _WORDS.sub(_option, _PYTHON_ONLY.sub("", message))


def _option(found: re.Match[str]) -> str:
    name = found["name"]
    if name is None:
        return _OPTIONS.get(found[0], found[0])
    option = f"--{name.replace('_', '-')}"
    if not found[0].endswith("=") and found["value"] is None:
        return option
    return f"{option} {found['value'] or ''}"

"""Messages of the package in the words of the command line: options in place of arguments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from wandb_runs.errors import (
    NothingToRemoveWarning,
    UnknownKeyWarning,
    UnknownMetricWarning,
    UnknownStateWarning,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["in_options", "warning_in_options"]

_PYTHON_ONLY: Final = re.compile(
    r" Raw(?:Order|Filter) sends a path unchecked\."
    r"|; for a sweep, use api\.sweep\(.*\), which has its runs$"
    r"|; error\.histories holds the rest"
    r"|; error\.outcome has each run, and the same call .* goes on with those that are not done"
    r"|^(?:runs|api)\.\w+: "
    r"|^remove_tags: "
    r"|; api\.create_project\([^;]*\) makes it(?=\.)"
)
"""What helps only in Python."""

_CALLS: Final = re.compile(r"(?<=; )(for one run, use|its runs are) api\.runs?\((.*)\)$")
"""What to call for a path of another kind, at the end of a message."""

_COMMANDS: Final = {"for one run, use": "show", "its runs are": "list"}

_OPTIONS: Final = {
    "parse_filter:": "--where:",
    "config_keys=, summary_keys=": "--keys",
    "per_page=, samples=, keys=": "--per-page, --samples, --keys",
    "attributes: a table": "--attributes: a table",
    "y: the column": "--keys: the column",
    "x: the column": "--x-axis: the column",
    "leave out exact=True for a sample": "give --samples a number for a sample",
    "leave keys out": "leave out --key and --keys",
    "expect= is": "--expect is",
    "pass expect=": "pass --expect ",
    "dry_run=True": "--dry-run",
    "repair=True": "--repair",
    "schema {": "--as-json {",
    "force=True": "--force",
    "unset_config=": "--unset-config ",
    "unset_summary=": "--unset-summary ",
    "unset_config:": "--unset-config:",
    "unset_summary:": "--unset-summary:",
}

_WORDS: Final = re.compile(
    r"'[^']*'|"  # what is quoted is the user's or the server's
    + "|".join(map(re.escape, _OPTIONS))
    + r"|\b(?P<name>filters|order|samples|x_axis|stream|join|on_error)"
    r"(?:=(?:\"(?P<value>\w+)\"|(?='|$|\W))|(?=\[)|(?= must be ))"
)


_HOLDERS: Final = {"order": "--order", "x_axis": "--x-axis"}
"""Options that hold names, beside those that select runs; all others are keys."""

_SECTIONS: Final = {
    "config": "config.",
    "config_keys": "config.",
    "summary": "summary.",
    "summary_keys": "summary.",
}
"""What stands before a key where an option takes keys of both."""


def warning_in_options(
    warning: Warning | str,
    single: Collection[str] = (),
    filters: str = "--filters",
    x_axis: str | None = None,
) -> str:
    """The message of a warning, with the option that holds what it names.

    Args:
        warning: The warning.
        single: The keys that --key named, as it has them.
        filters: The options that select runs.
        x_axis: The metric that --x-axis named.

    >>> warning_in_options(UnknownKeyWarning("config_keys", {"lrr": "lr"}, 1))
    "--keys: the newest run has no 'config.lrr' (did you mean 'config.lr'?)"
    >>> warning_in_options(UnknownKeyWarning("config_keys", {"lrr": "lr"}, 1), ["config.lrr"])
    "--key: the newest run has no 'config.lrr' (did you mean 'config.lr'?)"
    >>> warning_in_options(UnknownMetricWarning("r1", {"a": "a,b"}))
    "--keys: there is no row; run 'r1' has no 'a' (did you mean --key 'a,b'?)"
    >>> warning_in_options(UnknownMetricWarning("r", {"b": "a"}, rows="others", argument="x_axis"))
    "--x-axis: no row of run 'r' has 'b' (did you mean 'a'?)"
    >>> warning_in_options(UnknownMetricWarning("r", {"a": None, "b": None}), x_axis="b")
    "--keys, --x-axis: there is no row; run 'r' has no 'a' and no 'b'"
    """
    if isinstance(warning, UnknownMetricWarning):
        nearest = {name: near and _Option.of(near) for name, near in warning.nearest.items()}
        told = UnknownMetricWarning(
            warning.run_id, nearest, warning.checked, warning.stream, warning.rows
        )
        return f"{_holder(warning.argument, warning.nearest, single, x_axis)}: {told}"
    if not isinstance(warning, UnknownKeyWarning) or isinstance(warning, NothingToRemoveWarning):
        return in_options(str(warning))
    is_filter = warning.argument == "filters"
    if isinstance(warning, UnknownStateWarning):
        option = filters if is_filter else _holder(warning.argument, warning.nearest, single)
        return str(UnknownStateWarning(option, warning.nearest, warning.known))
    section = _SECTIONS.get(warning.argument, "")
    nearest = {
        f"{section}{name}": near and section + near for name, near in warning.nearest.items()
    }
    option = filters if is_filter else _holder(warning.argument, nearest, single)
    return str(UnknownKeyWarning(option, nearest, warning.checked))


def _holder(
    argument: str, names: Iterable[str], single: Collection[str], x_axis: str | None = None
) -> str:
    """The options that hold some names of an argument."""
    if argument in _HOLDERS:
        return _HOLDERS[argument]
    options = {
        "--x-axis" if name == x_axis else "--key" if name in single else "--keys" for name in names
    }
    return ", ".join(sorted(options))


class _Option(str):
    """A key as it is suggested to be written."""

    __slots__ = ()

    @classmethod
    def of(cls, key: str) -> str:
        """A key with commas, which --keys would split, behind the option that takes it whole."""
        return cls(key) if "," in key else key

    @override
    def __repr__(self) -> str:
        return f"--key {str(self)!r}"


def in_options(message: str) -> str:
    """A message with the names of options in place of those of arguments.

    >>> in_options('no row holds all keys; pass join="outer"')
    'no row holds all keys; pass --join outer'
    >>> in_options("samples must be an int of 1 or more; got int 0")
    '--samples must be an int of 1 or more; got int 0'
    >>> in_options("order='-loss': 'order=' is no path that W&B knows.")
    "--order '-loss': 'order=' is no path that W&B knows."
    >>> in_options("path names a run; for one run, use api.run('team/mnist/r1')")
    "path names a run; for one run, use wandb-runs show 'team/mnist/r1'"
    """
    message = _CALLS.sub(
        lambda found: f"{found[1]} wandb-runs {_COMMANDS[found[1]]} {found[2]}", message
    )
    return _WORDS.sub(_option, _PYTHON_ONLY.sub("", message))


def _option(found: re.Match[str]) -> str:
    name = found["name"]
    if name is None:
        return _OPTIONS.get(found[0], found[0])
    option = f"--{name.replace('_', '-')}"
    if not found[0].endswith("=") and found["value"] is None:
        return option
    return f"{option} {found['value'] or ''}"

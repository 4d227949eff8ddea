"""Keys of configs and summaries as columns: `--keys config.lr,summary.loss`."""

from __future__ import annotations

from typing import Final

import click

__all__ = ["chosen_columns"]

_LISTS: Final = {"config": "config", "summary": "summary", "summary_metrics": "summary"}


def chosen_columns(keys: tuple[str, ...], key: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The columns that --keys and --key name, each once: `("config", "lr")`.

    Args:
        keys: The parts of --keys.
        key: The values of --key.

    Raises:
        click.BadParameter: One is no column.

    >>> chosen_columns(("config.lr", "summary.loss"), ("config.a,b", "config.lr"))
    (('config', 'lr'), ('summary', 'loss'), ('config', 'a,b'))
    """
    named = [*(_split(each, "--keys") for each in keys), *(_split(each, "--key") for each in key)]
    return tuple(dict.fromkeys(named))


def _split(text: str, option: str) -> tuple[str, str]:
    where, _, key = text.partition(".")
    if where not in _LISTS or not key:
        name = "KEY" if where in _LISTS else text
        # The rest of a key with a comma has no section of its own.
        hint = "; a key with a comma is one for --key" if option == "--keys" else ""
        raise click.BadParameter(
            f"{text!r} is no column; write config.{name} or summary.{name}{hint}",
            param_hint=f"'{option}'",
        )
    return _LISTS[where], key

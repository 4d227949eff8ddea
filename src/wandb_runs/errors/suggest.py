"""Suggestions in messages: a misspelt word, key or metric with its nearest valid spelling."""

from __future__ import annotations

import reprlib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from wandb_runs.errors.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["describe", "did_you_mean", "fold", "joined_by_commas", "name_runs", "nearest", "show"]

_NAMED: Final = 5
"""The most runs that a message names."""

_ID: Final = 128
"""Characters of an id that a message shows."""

_SHOW = reprlib.Repr()
_SHOW.maxstring = _SHOW.maxother = 120


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """The end of a message: the nearest valid word, or all of them if none is near.

    >>> did_you_mean("panda", ["default", "pandas", "polars"])
    "; did you mean 'pandas'?"
    >>> did_you_mean("csv", ["default", "pandas", "polars"])
    "; expected one of 'default', 'pandas', 'polars'"
    """
    words = list(valid)
    near = nearest(word, words)
    if near is not None:
        return f"; did you mean {near!r}?"
    return f"; expected one of {', '.join(repr(each) for each in words)}"


def name_runs(run_ids: Sequence[str]) -> str:
    """The number of runs, and the ids of the first ones.

    >>> name_runs(["a"])
    '1 run (a)'
    >>> name_runs(["a", "b", "c", "d", "e", "f", "g"])
    '7 runs (a, b, c, d, e and 2 more)'
    """
    more = f" and {len(run_ids) - _NAMED} more" if len(run_ids) > _NAMED else ""
    runs = "run" if len(run_ids) == 1 else "runs"
    named = ", ".join(excerpt(run_id, _ID) for run_id in run_ids[:_NAMED])
    return f"{len(run_ids)} {runs} ({named}{more})"


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice of which `word` is most likely a misspelling, if any.

    >>> nearest("CreatedAt", ["created_at", "name"])
    'created_at'
    >>> nearest("loss", ["created_at", "name"])
    """
    folded: dict[str, str] = {}
    for choice in choices:
        folded.setdefault(fold(choice), choice)
    found = get_close_matches(fold(word), folded, n=1)
    return folded[found[0]] if found else None


def joined_by_commas(part: str, words: Iterable[str], choices: Iterable[str]) -> str | None:
    """The choice with commas that a text was meant to be, which was split at them, if any.

    Args:
        part: One of the parts.
        words: All words that were given, the other parts among them.
        choices: What there is.

    >>> joined_by_commas("a", ["loss", "a", "b"], ["loss", "a,c", "a, b"])
    'a, b'
    >>> joined_by_commas("a", ["a", "c"], ["a, b"])
    """
    given = set(words)
    for choice in choices:
        parts = {each.strip() for each in choice.split(",")} if "," in choice else set[str]()
        if part in parts and parts <= given:
            return choice
    return None


def describe(value: object) -> str:
    """A value with its type, shortened, as messages show an argument of the wrong type.

    >>> describe(1.5)
    'float 1.5'
    """
    return f"{type(value).__name__} {show(value)}"


def fold(word: str) -> str:
    """A word in lower case, without underscores and spaces, for comparing spellings."""
    return word.replace("_", "").replace(" ", "").lower()


def show(value: object) -> str:
    """The repr of a value, shortened; never raises."""
    try:
        return _SHOW.repr(value)
    except Exception:  # noqa: BLE001 # a failing repr must not replace the error
        return f"a {type(value).__name__}"

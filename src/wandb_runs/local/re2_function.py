"""Regular expressions in the syntax of RE2, which W&B's filters use."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Protocol, cast

# google-re2 ships no types: `_Library` is what is used of it.
import re2  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs] - see above

__all__ = ["check", "matches"]


class _Pattern(Protocol):
    def search(self, text: str) -> object | None: ...


class _Options(Protocol):
    log_errors: bool


class _Library(Protocol):
    error: type[Exception]

    def Options(self) -> _Options: ...  # noqa: N802 - the library's name

    def compile(self, pattern: str, options: _Options) -> _Pattern: ...


_RE2: Final = cast("_Library", re2)


def check(pattern: str) -> None:
    """Validate a regular expression.

    Raises:
        ValueError: `pattern` is not one.
    """
    try:
        _compiled(pattern)
    except _RE2.error as error:
        raise ValueError(f"{pattern!r}: {error}") from None


@lru_cache(maxsize=8192)
def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found anywhere in a text.

    Results are cached: a project's runs share most of their strings.

    >>> matches("^ad", "adam"), matches("AD", "adam")
    (True, False)
    """
    return _compiled(pattern).search(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> _Pattern:
    options = _RE2.Options()
    options.log_errors = False  # an error is raised; the library would print it as well
    return _RE2.compile(pattern, options)

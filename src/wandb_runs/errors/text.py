r"""Text of servers and other users, as messages, logs and terminals may show it.

A name or a message may hold an escape sequence that clears a reader's screen, a direction mark
that shows it backwards, a line break that forges a line of a log, or a million characters. What is
shown goes through `printable`, messages through `as_message`, and what a message quotes of a
server through `excerpt`. Values and attributes are never changed.
"""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["as_message", "excerpt", "printable"]

_QUOTED: Final = 300
"""Characters that a message quotes of a server's text."""

_MESSAGE: Final = 4000
"""Characters of a message; its end has the next step, and is kept."""

_TAIL: Final = 1000

# Controls, direction marks and other invisible formats, halves of surrogate pairs, and the
# separators that count as line breaks.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# Joiners, which emoji and several scripts cannot do without, and which move nothing.
_JOINERS: Final = "\u200c\u200d"


def printable(text: str) -> str:
    r"""A text on one line that moves no cursor: what could is written as Python's escape of it.

    >>> print(printable("naïve\x1b[2J\u202e\n"))
    naïve\x1b[2J\u202e\n
    """
    if text.isprintable():
        return text
    return "".join(
        each.encode("unicode_escape").decode() if _is_unsafe(each) else each for each in text
    )


def excerpt(text: str, length: int = _QUOTED) -> str:
    r"""The start of a text, on one line, and how much was left out.

    >>> print(excerpt("no such\n  field"))
    no such field
    >>> excerpt("x" * 1_000_000, 3)
    'xxx… (999,997 more characters)'
    """
    # Clipped before anything else looks at all of it.
    start, left_out = text[:length], len(text) - length
    shown = printable(" ".join(start.split()))
    return f"{shown}… ({left_out:,} more characters)" if left_out > 0 else shown


def as_message(text: str) -> str:
    """A message: printable, and of a bounded length, of which both ends are kept.

    >>> message = as_message("no run 'x" + "x" * 1_000_000 + "'; check the spelling")
    >>> message[:12], message[-22:], len(message) < 5000
    ("no run 'xxxx", "x'; check the spelling", True)
    """
    shown = printable(text) if len(text) <= _MESSAGE else text
    left_out = len(shown) - _MESSAGE
    if left_out <= 0:
        return shown
    # Escapes are longer than what they stand for.
    head = printable(shown[: _MESSAGE - _TAIL])[: _MESSAGE - _TAIL]
    tail = printable(shown[-_TAIL:])[-_TAIL:]
    return f"{head}… ({left_out:,} characters left out) …{tail}"


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE and character not in _JOINERS

r"""Text of servers and other users, as messages, logs and terminals may show it.

A name or a message may hold an escape sequence that clears a reader's screen, a direction mark
that shows it backwards, a line break that forges a line of a log, or a million characters. What is
shown goes through `printable`, messages through `as_message`, and what a message quotes of a
server through `excerpt`. Values and attributes are never changed.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import fields
from typing import TYPE_CHECKING, Final, cast

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import DataclassInstance

__all__ = ["FieldsRepr", "as_message", "excerpt", "printable", "printable_json"]

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


def printable_json(value: object, *, indent: int | None = 2, encoding: str = "utf-8") -> str:
    r"""A value as JSON, for a terminal too: what moves a cursor is written as JSON's escape.

    The value that is read back is the same.

    Args:
        value: What JSON can hold; NaN and the infinities are none of it.
        indent: Spaces for each level; None for one line.
        encoding: That of the stream; what it lacks is written as JSON's escape, too.

    Raises:
        ValueError: NaN or an infinity.

    >>> print(printable_json({"name": "损失\u202e\x7f"}))
    {
      "name": "损失\u202e\u007f"
    }
    >>> printable_json("naïve 😀", indent=None, encoding="latin-1")
    '"naïve \\ud83d\\ude00"'
    """
    lines = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False).split("\n")
    text = "\n".join(line if line.isprintable() else _escape(line, _is_unsafe) for line in lines)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return _escape(text, lambda each: not _can_encode(each, encoding))
    return text


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


class FieldsRepr:
    """The repr of a dataclass, which never fails: a field that is not set yet is shown as `...`.

    An exception of a signal handler may leave a value half made in the frame of its `__init__`.
    What shows a traceback with its variables calls their reprs, and some of it ends with what
    they raise.
    """

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        named = [each.name for each in fields(cast("DataclassInstance", self)) if each.repr]
        shown = (
            f"{name}={getattr(self, name)!r}" if hasattr(self, name) else f"{name}=..."
            for name in named
        )
        return f"{type(self).__qualname__}({', '.join(shown)})"


def _escape(text: str, is_escaped: Callable[[str], bool]) -> str:
    """A text of JSON, with JSON's escapes of some characters."""
    return "".join(_json_escape(each) if is_escaped(each) else each for each in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    return "".join(f"\\u{unit}" for unit in units)


def _can_encode(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE and character not in _JOINERS

"""Tokens of filters as text, and errors that point at a place in it."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, NoReturn, TypeAlias

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import show
from wandb_runs.errors.text import FieldsRepr, printable

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Source", "Token", "aware_instant", "parts_of", "read_number", "read_string", "scan"]

Kind: TypeAlias = Literal["name", "string", "number", "sign", "end"]

_STRING = r""" "(?:[^"\\]|\\.)*+" | '(?:[^'\\]|\\.)*+' """

_SPACE: Final = re.compile(r"\s*+")

# Signs that other languages have are tokens as well, so that an error can name the right one.
_TOKEN: Final = re.compile(
    rf"""
      (?P<name> [^\W\d] [\w/-]*+ (?: \. (?: [\w/-]++ | {_STRING} ) )*+ )
    | (?P<string> {_STRING} )
    | (?P<number> (?: [+-]\.?\w | \.\d | \d ) [\w.:+-]*+ )
    | (?P<sign>
        === | !== | == | != | <= | >= | <> | =< | => | =~ | !~ | ~= | && | \|\|
      | [=<>!~&|()\[\]{{}},:]
      )
    """,
    re.VERBOSE | re.DOTALL,
)

_PATH_END: Final = re.compile(r"(?P<head>[^\W\d][\w./-]*)\.(?P<tail>[\w/-]+)$")

_KEY_REST: Final = re.compile(r"[^\s=!<>()\[\]{},'\"]{1,50}")

_PART: Final = re.compile(rf" \. (?: (?P<bare> [\w/-]++ ) | {_STRING} )", re.VERBOSE | re.DOTALL)

_CHARACTERS: Final = re.compile(
    r""" (?: [^\\\x00-\x1f] | \\ (?: ["'\\/bfnrt] | u[0-9a-fA-F]{4} ) )*+ """, re.VERBOSE
)
"""What a string may hold between its quotes: as in JSON, and both quotes escaped."""

_TO_JSON: Final = re.compile(r"""\\.|" """.strip())

_NUMBER: Final = re.compile(
    r"-?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]+)?"
)

_TIME: Final = re.compile(r"\s+(\d\d:\d\d[\w:.+-]*)")

_OTHER_QUOTES: Final = "\u201c\u201d\u201e\u2018\u2019\u201a"
"""Quotes of prose, which word processors make of others."""

_BEFORE: Final = 50
_AFTER: Final = 30
"""Characters of a line that are shown on each side of the place of an error."""


class Token(NamedTuple):
    """A token of a filter as text.

    Attributes:
        kind: What it is; a `name` is a keyword, or a path with all of its parts.
        text: As it is written; empty at the end of the text.
        start: Where it begins.
        end: Where it ends.
    """

    kind: Kind
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, repr=False)
class Source(FieldsRepr):
    """A filter as text, for messages about places in it.

    Attributes:
        text: The text.
    """

    text: str

    def where(self, at: int) -> str:
        r"""How a message about a place begins.

        >>> Source("state ==").where(8), Source("state\n==").where(6)
        ('parse_filter: column 9', 'parse_filter: line 2, column 1')
        """
        start = self.text.rfind("\n", 0, at) + 1
        line = f"line {self.text.count(chr(10), 0, at) + 1}, " if "\n" in self.text else ""
        return f"parse_filter: {line}column {at - start + 1}"

    def refuse(self, at: int, problem: str) -> NoReturn:
        """Raise an error that points at a place."""
        with self.pointing_at(at):
            raise InvalidArgumentError(f"{self.where(at)}: {problem}")

    @contextmanager
    def pointing_at(self, at: int) -> Generator[None]:
        """Add a note to errors: the line, and below it a caret at the place."""
        try:
            yield
        except InvalidArgumentError as error:
            error.add_note(self._note(at))
            raise

    def _note(self, at: int) -> str:
        start = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", at)
        before, after = self.text[start:at], self.text[at : len(self.text) if end < 0 else end]
        head = printable(before[-_BEFORE:])
        tail = printable(after[:_AFTER].rstrip())
        opening = "…" if len(before) > _BEFORE else ""
        closing = "…" if len(after) > _AFTER else ""
        columns = len(opening) + sum(map(_columns, head))
        line = f"    {opening}{head}{tail}{closing}".rstrip()
        return f"{line}\n    {' ' * columns}^"


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def scan(source: Source, at: int) -> Token:
    """The token at or after a place.

    Raises:
        InvalidArgumentError: There is something that begins no token.

    >>> scan(Source('  config."a b" < 1'), 0)
    Token(kind='name', text='config."a b"', start=2, end=14)
    """
    text = source.text
    space = _SPACE.match(text, at)
    start = at if space is None else space.end()
    if start == len(text):
        # An error at the end points right behind what was written.
        end = len(text.rstrip())
        return Token("end", "", end, end)
    found = _TOKEN.match(text, start)
    if found is None:
        _refuse_character(source, start)
    for kind in ("name", "string", "number"):
        if found[kind] is not None:
            return Token(kind, found[0], start, found.end())
    return Token("sign", found[0], start, found.end())


def _refuse_character(source: Source, at: int) -> NoReturn:
    character, following = source.text[at], source.text[at + 1 : at + 2]
    if character == "." and following in ("'", '"') and following:
        source.refuse(at + 1, "this string is never closed.")
    if character in "'\"":
        source.refuse(at, "this string is never closed.")
    if character == ".":
        source.refuse(at, 'expected a key right after the dot, like config.lr or config."a b".')
    if character in _OTHER_QUOTES:
        source.refuse(at, f"{character} is no quote here; write \" or '.")
    before = _PATH_END.search(source.text[max(0, at - _BEFORE) : at])
    rest = _KEY_REST.match(source.text, at)
    example = 'config."top@5"'
    if before is not None and rest is not None:
        example = f'{before["head"]}."{before["tail"]}{rest[0]}"'
    source.refuse(
        at,
        f"no filter has {show(character)} outside of quotes. Strings are quoted, and parts of a "
        f'path with more than letters, digits, "_", "-" and "/": {example}.',
    )


def parts_of(source: Source, token: Token) -> tuple[str, list[tuple[str, bool]]]:
    """The root of a path, and its other parts, each with whether it is in quotes.

    >>> source = Source('config.model."a.b"')
    >>> parts_of(source, scan(source, 0))
    ('config', [('model', False), ('a.b', True)])
    """
    # Each part is found where the one before ends, so a dot in quotes begins none.
    found = [*_PART.finditer(source.text, token.start, token.end)]
    root = source.text[token.start : found[0].start()] if found else token.text
    parts = [
        (each["bare"], False)
        if each["bare"] is not None
        else (_unquote(source, each.start() + 1, each.end()), True)
        for each in found
    ]
    return root, parts


def read_string(source: Source, token: Token) -> str:
    r"""The value of a string.

    Raises:
        InvalidArgumentError: It has an escape that JSON does not have, or a control character.

    >>> source = Source("'say \\u0022no\\''")
    >>> read_string(source, scan(source, 0))
    'say "no\''
    """
    return _unquote(source, token.start, token.end)


def _unquote(source: Source, start: int, end: int) -> str:
    first, last = start + 1, end - 1
    fitting = _CHARACTERS.match(source.text, first, last)
    wrong = first if fitting is None else fitting.end()
    if wrong < last:
        character = source.text[wrong]
        if character == "\\":
            escape = source.text[wrong : wrong + 2]
            source.refuse(
                wrong, f"JSON has no escape {escape}; a backslash in a string is written \\\\."
            )
        source.refuse(
            wrong, f"a string has control characters as escapes: {json.dumps(character)[1:-1]}."
        )
    body = _TO_JSON.sub(_as_json, source.text[first:last])
    return str(json.loads(f'"{body}"'))


def _as_json(found: re.Match[str]) -> str:
    return {"\\'": "'", '"': '\\"'}.get(found[0], found[0])


def read_number(source: Source, token: Token) -> float | datetime:
    """The value of a number, or of an instant.

    Raises:
        InvalidArgumentError: It is neither, or an instant without a time zone.

    >>> for text in ("-1.5e3", "2026-01-31T12:00:00+01:00"):
    ...     print(read_number(Source(text), scan(Source(text), 0)))
    -1500.0
    2026-01-31 12:00:00+01:00
    """
    found = _NUMBER.fullmatch(token.text)
    if found is None:
        return _read_instant(source, token)
    if found["fraction"] is None and found["exponent"] is None:
        try:
            return int(token.text)
        except ValueError:
            source.refuse(token.start, f"a whole number of {len(token.text):,} digits is too long.")
    number = float(token.text)
    if not math.isfinite(number):
        source.refuse(token.start, f"{show(token.text)} is more than a float can hold.")
    return number


def _read_instant(source: Source, token: Token) -> datetime:
    if re.match(r"\d{4}-\d|\d{8}T", token.text):
        following = _TIME.match(source.text, token.end)
        text = f"{token.text}T{following[1]}" if following else token.text
        instant = aware_instant(source, token.start, text)
        if following:
            source.refuse(token.start, f"an instant has 'T' in place of the space: write {text}.")
        return instant
    if re.fullmatch(r"[+-](?:inf(?:inity)?|nan)", token.text, re.IGNORECASE):
        source.refuse(
            token.start,
            'a metric that is not finite is stored as a string: "NaN", "Infinity" or "-Infinity".',
        )
    return source.refuse(
        token.start, f"{show(token.text)} is no number.{_right_number(token.text)}"
    )


def _right_number(text: str) -> str:
    for read in (lambda: int(text, 10), lambda: int(text, 0), lambda: float(text)):
        try:
            return f" Did you mean {show(read())}?"
        except ValueError:
            continue
    return " A string is quoted."


def aware_instant(source: Source, at: int, text: str) -> datetime:
    """The instant that a text in ISO 8601 denotes.

    Args:
        source: The filter, for messages.
        at: The place of the text, for messages.
        text: The text.

    Raises:
        InvalidArgumentError: It is not in ISO 8601, or has no time zone.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        source.refuse(at, f"{show(text)} is not in ISO 8601, like 2026-01-31T12:00:00Z.")
    if instant.utcoffset() is None:
        source.refuse(
            at,
            f"{show(text)} has no time zone, so it is ambiguous. Write {instant.isoformat()}Z for "
            f"UTC, or an offset: {instant.isoformat()}+01:00.",
        )
    return instant

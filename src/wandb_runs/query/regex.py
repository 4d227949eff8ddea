"""Regular expressions: a check for RE2's syntax, which W&B uses, without RE2.

It never refuses a pattern that RE2 accepts; it finds what Python's `re` supports and RE2 does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import show

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_pattern"]

# Syntax that `re` accepts and RE2 refuses, and unbalanced brackets. The other alternatives skip
# quoted text, escapes and character classes, which may look like it.
_PATTERN_TOKEN = re.compile(
    r"""
      \\Q .*? (?: \\E | \Z )
    | (?P<backreference> \\ (?: [1-7] (?![0-7]) | [89] | k ) | \(\?P= )
    | (?P<escape> \\ (?![aAbBCdDEfnpPQrsStvwWxz]) [A-Za-z] )
    | \\ .
    | \[ \^? \]?+ (?: \\. | \[:\^?[a-z]+:\] | [^\]\\] )*+ \]
    | (?P<lookaround> \( \? <? [=!] )
    | (?P<group> \( \? (?! P?<(?![=!]) | [imsU]*(?:-[imsU]+)?[:)] ) )
    | (?P<possessive> (?: [*+?] | \{ \d+ (?:,\d*)? \} ) \+ )
    | \( \? [imsU]* (?:-[imsU]+)? \)
    | (?P<open> \( )
    | (?P<close> \) )
    | (?P<unfinished> \[ | \\ )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_NOT_RE2: Mapping[str, str] = {
    "backreference": "RE2 has no references to earlier groups",
    "escape": "RE2 has no such escape",
    "lookaround": "RE2 looks neither ahead nor behind",
    "group": "RE2 has no such group",
    "possessive": "RE2 has no possessive repetition",
    "unfinished": "it is never finished",
}


def check_pattern(value: object, where: str) -> str:
    """Refuse a pattern that RE2 cannot read.

    Args:
        value: The pattern.
        where: The position of the pattern, for messages.

    Raises:
        InvalidArgumentError: Not a string, or not a pattern of RE2.

    >>> check_pattern("^fox-[0-9]+$", "$regex")
    '^fox-[0-9]+$'
    """
    if not isinstance(value, str):
        raise InvalidArgumentError(
            f"{where}: expected a pattern as a string, not {show(value)}."
            + (" Pass its .pattern." if isinstance(value, re.Pattern) else "")
        )
    depth = 0
    for token in _PATTERN_TOKEN.finditer(value):
        kind = token.lastgroup or ""
        depth += {"open": 1, "close": -1}.get(kind, 0)
        reason = _NOT_RE2.get(kind) or ("it closes nothing" if depth < 0 else None)
        if reason is not None:
            raise InvalidArgumentError(
                f"{where}: {show(value)} is no regular expression that W&B can read: "
                f"{token[0]!r} at {token.start()}, and {reason}."
            )
    if depth:
        raise InvalidArgumentError(
            f"{where}: {show(value)} is no regular expression: a '(' is never closed."
        )
    return value

"""Words of filters as text, and errors for others, which say what to write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from wandb_runs.errors.suggest import fold, nearest, show
from wandb_runs.query.filters import ATTRIBUTE_ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs.query.filter_tokens import Source, Token

__all__ = [
    "ATTRIBUTES",
    "COMPARISONS",
    "INSTANTS",
    "KEYWORDS",
    "SECTIONS",
    "instead",
    "quoted",
    "refuse_beginning",
    "refuse_following",
    "refuse_member_of_tags",
    "refuse_operator",
    "refuse_root",
    "refuse_section",
    "refuse_word",
    "shown",
]

_SHOWN: Final = 60
"""Characters of a token that a message shows."""

_TAGS: Final = 3
"""Tags that a message shows."""

ATTRIBUTES: Final[Mapping[str, str]] = {
    "id": "name",
    **{
        name: name
        for name in (
            *("display_name", "state", "group", "job_type", "tags", "username", "host", "duration"),
            *("sweep", "created_at", "heartbeat_at"),
        )
    },
}
"""Attributes to their spelling in mappings of filters."""

INSTANTS: Final = ("created_at", "heartbeat_at")

SECTIONS: Final = ("config", "summary", "summary_metrics")

_ADVICE: Final[Mapping[str, str]] = {
    **ATTRIBUTE_ADVICE,
    "name": "Write 'id' for the run's id, or 'display_name' for the displayed name.",
    "runid": "Did you mean 'id'?",
    "runname": "Did you mean 'display_name'?",
}

COMPARISONS: Final[Mapping[str, str]] = {
    "==": "$eq",
    "!=": "$ne",
    "<": "$lt",
    "<=": "$lte",
    ">": "$gt",
    ">=": "$gte",
}

_MIRRORED: Final[Mapping[str, str]] = {
    "==": "==",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}
"""Comparisons with their sides exchanged."""

_OPERATORS: Final = (*COMPARISONS, "in", "not in", "matches", "contains", "exists")

KEYWORDS: Final = frozenset(
    {"and", "or", "not", "in", "matches", "contains", "exists", "true", "false", "null"}
)

_OTHER_OPERATORS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("=", "===", ":", "eq", "equals"), "=="),
    **dict.fromkeys(("!==", "<>", "ne"), "!="),
    **dict.fromkeys(("=<", "lte", "le"), "<="),
    **dict.fromkeys(("=>", "gte", "ge"), ">="),
    "lt": "<",
    "gt": ">",
    **dict.fromkeys(("~", "=~", "~=", "match", "regex", "regexp", "startswith"), "matches"),
    **dict.fromkeys(("like", "ilike", "has", "include", "includes", "endswith"), "contains"),
    **dict.fromkeys(("notin", "nin"), "not in"),
}
"""Operators of other languages, folded, to those here."""

_JOINS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("&&", "&", ","), "and"),
    **dict.fromkeys(("||", "|"), "or"),
}
"""What other languages join by, to the words here."""

_OTHER_VALUES: Final[Mapping[str, str]] = {
    "none": "null",
    "nil": "null",
    "true": "true",
    "false": "false",
    "null": "null",
    "nan": '"NaN"',
    "inf": '"Infinity"',
    "infinity": '"Infinity"',
}
"""Values of other languages, folded, to those here."""

_PATH: Final = r"(?P<path>[^\W\d][\w./-]*)"

_BACKWARDS: Final = re.compile(
    rf"\s*(?P<low><=|>=|==|!=|<|>)\s*{_PATH}(?:\s*(?P<high><=|>=|<|>)\s*(?P<bound>[\w.+-]+))?"
)
"""What follows a value that a path is compared with, from the wrong side."""

_SUBSCRIPT: Final = re.compile(r"""\s*\[\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')\s*\]""")
"""What follows `config` in Python."""

_MEMBER: Final = re.compile(rf"\s+in\s+{_PATH}")


def shown(token: Token) -> str:
    """A token as it is written, shortened."""
    return _cut(token.text)


def quoted(token: Token) -> str:
    """A token as a string."""
    return f'"{_cut(token.text)}"'


def instead(token: Token) -> str:
    """What was found where something else was expected."""
    return "and the text ends" if token.kind == "end" else f"not {show(token.text)}"


def refuse_beginning(source: Source, token: Token) -> NoReturn:
    """Refuse what stands where a comparison begins."""
    if token.kind == "end" and not source.text.strip():
        source.refuse(token.start, "an empty text is no filter; leave it out for all runs.")
    if token.text == "!":
        source.refuse(token.start, "write 'not' for '!'.")
    if token.text == "{":
        source.refuse(
            token.start,
            "a filter of MongoDB is no text of this kind; pass it to filters= as it is.",
        )
    if token.kind in ("string", "number"):
        source.refuse(
            token.start, f"a comparison begins with a path.{_turned_round(source, token)}"
        )
    right = _other_case(token)
    if right is not None:
        source.refuse(token.start, f"write {right!r} for {show(token.text)}.")
    source.refuse(token.start, f"expected a comparison, like config.lr < 0.1, {instead(token)}.")


def _turned_round(source: Source, token: Token) -> str:
    """How a comparison that begins with a value is written."""
    member = _MEMBER.match(source.text, token.end)
    if member is not None:
        return f" Write {_cut(member['path'])} contains {shown(token)}."
    found = _BACKWARDS.match(source.text, token.end)
    if found is None:
        return " It has no quotes." if token.kind == "string" else ""
    path = _cut(found["path"])
    first = f"{path} {_MIRRORED[found['low']]} {shown(token)}"
    if found["high"] is None:
        return f" Write {first}."
    return f" Write {first} and {path} {found['high']} {_cut(found['bound'])}."


def refuse_root(source: Source, token: Token, root: str) -> NoReturn:
    """Refuse a path that begins with no field of a run."""
    right = _other_case(token)
    if right is not None:
        source.refuse(token.start, f"write {right!r} for {show(token.text)}.")
    rest = token.text[len(root) :]
    hint = _ADVICE.get(fold(root))
    if hint is None:
        near = nearest(root, [*ATTRIBUTES, "config", "summary"])
        if near is not None and bool(rest) == (near in SECTIONS):
            hint = f"Did you mean {_cut(near + rest)}?"
    if hint is None:
        name = shown(token)
        hint = f"A hyperparameter is config.{name}, a metric summary.{name}."
    source.refuse(
        token.start,
        f"{show(root)} is no field of a run. {hint} The fields are: "
        f"{', '.join(sorted(ATTRIBUTES))}, config.KEY and summary.KEY.",
    )


def refuse_section(source: Source, token: Token) -> NoReturn:
    """Refuse `config` or `summary` without a key."""
    found = _SUBSCRIPT.match(source.text, token.end)
    key = _cut(found["double"] or found["single"] or "KEY") if found else "KEY"
    name = key if re.fullmatch(r"[\w/-]+", key) else f'"{key}"'
    source.refuse(token.start, f"{token.text} needs a key; write {token.text}.{name}.")


def refuse_operator(source: Source, path: Token, token: Token) -> NoReturn:
    """Refuse what stands where an operator does."""
    name = shown(path)
    if token.kind == "end" or token.text in (")", "and", "or"):
        source.refuse(
            token.start,
            f"expected an operator after {name}; write {name} == true, or {name} exists.",
        )
    if fold(token.text) == "is":
        source.refuse(
            token.start, f"write {name} == null, {name} != null or {name} exists for 'is'."
        )
    if token.text in ("!", "!~"):
        source.refuse(token.start, f"'not' goes before the path: not {name} …")
    if token.text == "[":
        source.refuse(token.start, "the items of a list have no paths.")
    right = _OTHER_OPERATORS.get(fold(token.text))
    if right is None and token.kind == "name":
        right = nearest(token.text, _OPERATORS)
    if right is not None:
        source.refuse(token.start, f"write {right!r} for {show(token.text)}.")
    source.refuse(
        token.start,
        f"expected an operator after {name}, {instead(token)}. The operators are: "
        f"{', '.join(_OPERATORS)}.",
    )


def refuse_word(source: Source, token: Token) -> NoReturn:
    """Refuse a word that stands where a value does."""
    right = _OTHER_VALUES.get(fold(token.text))
    if right is not None:
        source.refuse(token.start, f"write {right} for {show(token.text)}.")
    if token.text in KEYWORDS:
        source.refuse(token.start, f"expected a value, {instead(token)}.")
    root, _, rest = token.text.partition(".")
    is_path = root in SECTIONS if rest else root in ATTRIBUTES
    source.refuse(
        token.start,
        f"{'two paths cannot be compared; ' if is_path else ''}a string is quoted: "
        f"{quoted(token)}.",
    )


def refuse_member_of_tags(
    source: Source, operator: Token, tags: Sequence[Token], *, is_negated: bool
) -> NoReturn:
    """Refuse `tags in [...]`: a list of tags is compared with each item."""
    each = " or ".join(f"tags contains {shown(tag)}" for tag in tags[:_TAGS])
    more = " or …" if len(tags) > _TAGS else ""
    right = (f"not ({each}{more})" if is_negated else f"{each}{more}") if tags else "tags exists"
    source.refuse(operator.start, f"tags are compared one by one: write {right}.")


def refuse_following(source: Source, token: Token) -> NoReturn:
    """Refuse what follows a complete comparison."""
    if token.text == ")":
        source.refuse(token.start, "this ')' closes nothing.")
    right = _JOINS.get(token.text) or _other_case(token)
    if right in ("and", "or"):
        source.refuse(token.start, f"write {right!r} for {show(token.text)}.")
    if token.text in COMPARISONS:
        source.refuse(
            token.start,
            "comparisons do not chain; join two by 'and', each with its path: "
            "config.lr > 0.01 and config.lr < 0.1.",
        )
    source.refuse(token.start, f"expected 'and', 'or' or the end, {instead(token)}.")


def _other_case(token: Token) -> str | None:
    """The keyword that a word is in upper case."""
    word = token.text.lower()
    return word if token.kind == "name" and word in KEYWORDS and word != token.text else None


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

"""Filters as text: `config.lr < 0.1 and state == "finished"`, read without evaluating anything.

`docs/filters.md` has the grammar. The parser reads each token once, and keeps open parentheses in
a list: only values are read by recursion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, NoReturn, TypeAlias, TypeVar

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.query.filter_tokens import (
    Source,
    Token,
    aware_instant,
    parts_of,
    read_number,
    read_string,
    scan,
)
from wandb_runs.query.filter_words import (
    ATTRIBUTES,
    COMPARISONS,
    INSTANTS,
    KEYWORDS,
    SECTIONS,
    instead,
    quoted,
    refuse_beginning,
    refuse_following,
    refuse_member_of_tags,
    refuse_operator,
    refuse_root,
    refuse_section,
    refuse_word,
    shown,
)
from wandb_runs.query.filters import join_conditions, make_condition
from wandb_runs.query.operators import MAX_DEPTH, is_list, is_mapping
from wandb_runs.query.paths import Path, exact_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wandb_runs.query.filters import Condition

__all__ = ["parse_filter"]

T = TypeVar("T")

Section: TypeAlias = Literal["config", "summary"]

_MAX_BYTES: Final = 2**16
"""The longest text, in UTF-8."""


def parse_filter(text: str) -> Condition:
    r"""Read a filter as text, such as that of `--where` on the command line.

    It has the fields of this package by their paths: `id`, `display_name`, `state`, `group`,
    `job_type`, `tags`, `username`, `host`, `duration` in seconds, `sweep`, `created_at` and
    `heartbeat_at`, hyperparameters as `config.lr` or, nested, `config.model.depth`, and metrics as
    `summary.loss`. A part with other characters than letters, digits, `_`, `-` and `/` is in
    quotes, and so is a key with dots: `config."model.depth"`.

    `==`, `!=`, `<`, `<=`, `>` and `>=` compare with a JSON value or an instant in ISO 8601;
    `in [...]` and `not in [...]` with several. `matches "..."` takes a pattern of RE2,
    `contains "..."` a part of a string or one of the tags, and `exists` nothing. `not` goes before
    `and`, and `and` before `or`; parentheses group. Strings are in `"` or `'`, with JSON's escapes.

    Nothing of the text is evaluated. It is what the same comparisons of fields send, and refused
    where those are.

    Args:
        text: The filter, of at most 64 KB, in which parentheses, `not` and values are nested at
            most 100 deep.

    Returns:
        A condition, which is a filter, and which `&`, `|` and `~` join with others.

    Raises:
        InvalidArgumentError: The text is no filter, or not one that W&B would understand. The
            message has the line and column, and what to write; a note of the error, which
            tracebacks show, has the line of text with a caret at the place.

    >>> parse_filter('config.lr < 0.1 and not tags contains "debug"')
    {"$and":[{"config.lr.value":{"$lt":0.1}},{"$nor":[{"tags":"debug"}]}]}
    >>> parse_filter("created_at >= 2026-01-31T12:00:00+01:00 or summary.'top@5' exists")
    {"$or":[{"createdAt":{"$gte":"2026-01-31T11:00:00Z"}},{"summary_metrics.top@5":{"$exists":true}}]}
    >>> parse_filter("config.lr < 0.1 && state == 'finished'")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: parse_filter: column 17: write 'and' for '&&'.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers pass mappings
        raise InvalidArgumentError(
            f"parse_filter: expected text like 'config.lr < 0.1', not {describe(text)}."
        )
    if len(text) > _MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        raise InvalidArgumentError(
            "parse_filter: the text is longer than 64 KB. Join shorter conditions by & and |, or "
            "pass a mapping."
        )
    try:
        return _Parser(Source(text)).parse()
    except RecursionError as error:  # of a value, where the caller has used most of the stack
        raise InvalidArgumentError("parse_filter: nested too deeply to be read.") from error


class _Subject(NamedTuple):
    """What a comparison begins with.

    Attributes:
        token: The path, as it is written.
        root: Its root.
        path: What it is in filters.
    """

    token: Token
    root: str
    path: str | Path


@dataclass(slots=True, repr=False)
class _Group(FieldsRepr):
    """A filter that is being read: all of the text, or what is in parentheses.

    Attributes:
        opening: The parenthesis; None for all of the text.
        negations: How often what comes next is negated.
        alternatives: What `or` joins, and in each what `and` joins.
    """

    opening: Token | None
    negations: int = 0
    alternatives: list[list[Condition]] = field(default_factory=lambda: [[]])


class _Parser:
    """Reads one filter."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0
        self._depth = 0

    def parse(self) -> Condition:
        groups = [_Group(None)]
        while True:
            token = self._next()
            if _is_word(token, "not"):
                self._descend(token)
                groups[-1].negations += 1
            elif token.kind == "sign" and token.text == "(":
                self._descend(token)
                groups.append(_Group(token))
            else:
                done = self._close(groups, self._comparison(token))
                if done is not None:
                    return done

    def _close(self, groups: list[_Group], condition: Condition) -> Condition | None:
        """Add a condition, and close groups; the condition of all of the text, if it has ended."""
        while True:
            group = groups[-1]
            self._depth -= group.negations
            group.alternatives[-1].append(~condition if group.negations % 2 else condition)
            group.negations = 0
            token = self._next()
            if _is_word(token, "and"):
                return None
            if _is_word(token, "or"):
                group.alternatives.append([])
                return None
            is_end = token.kind == "end"
            if not (is_end if group.opening is None else token.text == ")"):
                if token.kind == "end" and group.opening is not None:
                    self._refuse(group.opening, "this '(' is never closed.")
                refuse_following(self._source, token)
            try:
                condition = _all_of(group)
            except InvalidArgumentError:
                at = 0 if group.opening is None else group.opening.start
                self._source.refuse(
                    at, f"this makes a filter of more than {MAX_DEPTH} levels; write it flatter."
                )
            if is_end:
                return condition
            groups.pop()
            self._depth -= 1

    def _next(self) -> Token:
        token = scan(self._source, self._at)
        self._at = token.end
        return token

    def _descend(self, token: Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(token, f"nested more than {MAX_DEPTH} levels deep; write it flatter.")

    def _refuse(self, token: Token, problem: str) -> NoReturn:
        self._source.refuse(token.start, problem)

    # Comparisons.

    def _comparison(self, token: Token) -> Condition:
        if token.kind != "name" or token.text in KEYWORDS:
            refuse_beginning(self._source, token)
        subject = self._subject(token)
        operator = self._next()
        if operator.kind == "sign" and operator.text in COMPARISONS:
            return self._compare(subject, operator)
        if operator.kind == "name":
            match operator.text:
                case "exists":
                    return self._make(subject, "$exists", True, operator)  # noqa: FBT003 # an operand
                case "in":
                    return self._one_of(subject, operator, "$in")
                case "not":
                    following = self._next()
                    if _is_word(following, "in"):
                        return self._one_of(subject, following, "$nin")
                    self._refuse(
                        operator,
                        f"expected 'not in'; any other 'not' goes before the path: "
                        f"not {shown(subject.token)} {shown(following)}",
                    )
                case "matches" | "contains":
                    return self._find(subject, operator)
                case _:
                    pass
        return refuse_operator(self._source, subject.token, operator)

    def _compare(self, subject: _Subject, operator: Token) -> Condition:
        token = self._next()
        value = self._value(token)
        if subject.root == "tags" and value is not None:
            self._refuse(operator, f"write tags contains {shown(token)} for runs with this tag.")
        if operator.text not in ("==", "!="):
            if subject.root == "tags":
                self._refuse(operator, "tags have no order; write tags contains, or tags exists.")
            if value is None or isinstance(value, bool) or is_list(value) or is_mapping(value):
                self._refuse(
                    token,
                    f"expected a number, a string or an instant, not {shown(token)}, which "
                    "cannot be ordered.",
                )
        self._check(subject, value, token)
        return self._make(subject, COMPARISONS[operator.text], value, token)

    def _one_of(self, subject: _Subject, operator: Token, wire: str) -> Condition:
        opening = self._next()
        if opening.text != "[":
            self._refuse(opening, f"expected a list after 'in', like [1, 2], {instead(opening)}.")
        items = self._items(opening)
        if subject.root == "tags":
            tags = [token for _, token in items]
            refuse_member_of_tags(self._source, operator, tags, is_negated=wire == "$nin")
        for value, token in items:
            self._check(subject, value, token)
        return self._make(subject, wire, [value for value, _ in items], opening)

    def _find(self, subject: _Subject, operator: Token) -> Condition:
        is_part = operator.text == "contains"
        takes_strings = subject.root not in (*INSTANTS, "duration")
        if not takes_strings or (subject.root == "tags" and not is_part):
            self._refuse(operator, f"{subject.root} is no string; it takes no {operator.text!r}.")
        token = self._next()
        if token.kind == "sign" and token.text in ("[", "{"):
            hint = f" Join several by 'and' or 'or': {shown(subject.token)} {operator.text} "
            self._refuse(token, f"expected one string after {operator.text!r}.{hint}…")
        value = self._value(token)
        if not isinstance(value, str):
            self._refuse(
                token,
                f"expected a string after {operator.text!r}, not {shown(token)}."
                f" A string is quoted: {quoted(token)}.",
            )
        wire = "$regex" if not is_part else "$eq" if subject.root == "tags" else "$contains"
        return self._make(subject, wire, value, token)

    def _make(self, subject: _Subject, wire: str, value: object, token: Token) -> Condition:
        return self._found_at(
            token, lambda where: make_condition(subject.path, wire, value, where=where)
        )

    def _found_at(self, token: Token, make: Callable[[str], T]) -> T:
        """Make something of a token, whose place messages have."""
        try:
            return make("")
        except InvalidArgumentError:  # only now is the place worth finding
            with self._source.pointing_at(token.start):
                return make(self._source.where(token.start))

    def _check(self, subject: _Subject, value: object, token: Token) -> None:
        """Refuse values that no run can have in an attribute."""
        root = subject.root
        if value is None or root in SECTIONS:
            return
        if is_list(value) or is_mapping(value):
            hint = f" For one of several write {root} in […]." if is_list(value) else ""
            self._refuse(
                token, f"{root} is never a {'list' if is_list(value) else 'mapping'}.{hint}"
            )
        if root in INSTANTS:
            if isinstance(value, str):
                aware_instant(self._source, token.start, value)
            elif not isinstance(value, datetime):
                self._refuse(
                    token, f"expected an instant like 2026-01-31T12:00:00Z, not {shown(token)}."
                )
        elif root == "duration":
            if isinstance(value, bool) or not isinstance(value, int | float):
                self._refuse(token, f"expected seconds, a number, not {shown(token)}.")
        elif not isinstance(value, str):
            self._refuse(
                token, f"expected a string, not {shown(token)}. It is quoted: {quoted(token)}."
            )

    # Paths.

    def _subject(self, token: Token) -> _Subject:
        root, parts = parts_of(self._source, token)
        if root in SECTIONS:
            if not parts:
                if self._source.text.startswith(".", token.end):
                    self._next()  # which says what is wrong with the key
                refuse_section(self._source, token)
            is_config = root == "config"
            keys = _opened(parts) if is_config else [key for key, _ in parts]
            section: Section = "config" if is_config else "summary"
            exact = self._found_at(token, lambda where: exact_path(section, keys, where=where))
            return _Subject(token, root, exact)
        if root in ATTRIBUTES and not parts:
            return _Subject(token, root, ATTRIBUTES[root])
        if root in ATTRIBUTES:
            self._refuse(token, f"{root} has no parts; write {root}.")
        return refuse_root(self._source, token, root)

    # Values.

    def _value(self, token: Token) -> object:
        match token.kind:
            case "string":
                return read_string(self._source, token)
            case "number":
                return read_number(self._source, token)
            case "name":
                return self._constant(token)
            case "sign" if token.text == "[":
                return [value for value, _ in self._items(token)]
            case "sign" if token.text == "{":
                return self._mapping(token)
            case _:
                return self._refuse(
                    token,
                    f'expected a value, like 0.1, "a", true, null or [1, 2], {instead(token)}.',
                )

    def _constant(self, token: Token) -> bool | None:
        match token.text:
            case "true":
                return True
            case "false":
                return False
            case "null":
                return None
            case _:
                return refuse_word(self._source, token)

    def _items(self, opening: Token) -> list[tuple[object, Token]]:
        """The values of a list, each with its first token."""
        self._descend(opening)
        items: list[tuple[object, Token]] = []
        token = self._next()
        if token.text != "]":
            while True:
                items.append((self._value(token), token))
                if not self._continues(opening, "]"):
                    break
                token = self._next()
        self._depth -= 1
        return items

    def _mapping(self, opening: Token) -> dict[str, object]:
        self._descend(opening)
        mapping: dict[str, object] = {}
        token = self._next()
        if token.text != "}":
            while True:
                key = self._key(token, mapping)
                mapping[key] = self._value(self._next())
                if not self._continues(opening, "}"):
                    break
                token = self._next()
        self._depth -= 1
        return mapping

    def _key(self, token: Token, mapping: Mapping[str, object]) -> str:
        if token.kind != "string":
            self._refuse(token, f'expected a key in quotes, like {{"a": 1}}, {instead(token)}.')
        key = read_string(self._source, token)
        if key in mapping:
            self._refuse(token, f"the key {show(key)} is there twice.")
        if key.startswith("$"):
            self._refuse(
                token,
                "a value holds no operators. Write the path of the nested value, and the "
                "operator after it: config.model.depth < 3.",
            )
        colon = self._next()
        if colon.text != ":":
            self._refuse(colon, f"expected ':' after a key, {instead(colon)}.")
        return key

    def _continues(self, opening: Token, closing: str) -> bool:
        """Whether a comma follows in a list or a mapping, rather than its end."""
        token = self._next()
        if token.kind == "sign" and token.text in (",", closing):
            return token.text == ","
        if token.kind == "end":
            self._refuse(opening, f"this {opening.text!r} is never closed.")
        return self._refuse(token, f"expected ',' or {closing!r}, {instead(token)}.")


def _is_word(token: Token, word: str) -> bool:
    return token.kind == "name" and token.text == word


def _all_of(group: _Group) -> Condition:
    """What a group selects."""
    return _joined("$or", [_joined("$and", parts) for parts in group.alternatives])


def _joined(operator: Literal["$and", "$or"], parts: Sequence[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else join_conditions(operator, *parts)


def _opened(parts: Sequence[tuple[str, bool]]) -> list[str]:
    """The keys of a path of the config.

    An exact path has a part `value`, the envelope of a hyperparameter, behind its whole key, whose
    dots need no quotes then; a key of that name inside a hyperparameter is in quotes.
    """
    keys = [key for key, _ in parts]
    for index, (key, is_quoted) in enumerate(parts):
        if index and key == "value" and not is_quoted:
            return [".".join(keys[:index]), *keys[index + 1 :]]
    return keys

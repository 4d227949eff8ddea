"""The operations that a document in GraphQL defines, found by its tokens alone.

What a document means is for the server to say: it has the schema. Before a request it has to be
known whether it changes anything, which is not sent twice and is refused by a client that may only
read, and that is said by a keyword which no comment and no string can stand for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import did_you_mean, show
from wandb_runs.errors.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

__all__ = ["Definition", "Kind", "OperationDefinition", "definition_of", "definitions_in"]

Kind: TypeAlias = "Literal['query', 'mutation']"
"""What an operation does on the server."""

_TOKEN: Final = re.compile(
    r"""
    (?P<ignored> [\ \t\n\r,\ufeff]++ | \#[^\n\r]*+ )
    | (?P<string>
        \"{3} (?: \\\"{3} | (?!\"{3}). )*+ \"{3}
        | \"(?!\"\") (?: [^\"\\\n\r] | \\[^\n\r] )*+ \"
      )
    | (?P<name> [_A-Za-z][_0-9A-Za-z]*+ )
    | (?P<number> -?[0-9][-+.0-9eE]*+ )
    | (?P<mark> \.\.\. | [!$&():=@\[\]{|}] )
    """,
    re.VERBOSE | re.DOTALL,
)

_CLOSES: Final = {"(": ")", "[": "]", "{": "}"}

_OPERATIONS: Final = ("query", "mutation", "subscription")

_KEYWORDS: Final = (*_OPERATIONS, "fragment")

_OPTIONAL: Final = "optional"
"""The directive by which a document for `wandb-runs codegen` marks what may be left out."""


class Definition(NamedTuple):
    """An operation or a fragment.

    Attributes:
        keyword: `query`, `mutation`, `subscription` or `fragment`.
        name: Its name; None for an operation without one.
        variables: The names of the variables that it declares.
        is_optional_somewhere: Whether it has the directive `@optional` somewhere.
    """

    keyword: str
    name: str | None
    variables: tuple[str, ...]
    is_optional_somewhere: bool

    def __str__(self) -> str:
        return f"{self.keyword} {self.name or 'without a name'}"


class OperationDefinition(NamedTuple):
    """An operation that can be sent.

    Attributes:
        kind: What it does on the server.
        name: Its name; None for one without.
        variables: The names of the variables that it declares.
    """

    kind: Kind
    name: str | None
    variables: tuple[str, ...]


class _Token(NamedTuple):
    """A token of a document.

    Attributes:
        kind: `string`, `name`, `number`, `mark`, or `end`.
        text: As it is written.
        position: Where it begins.
    """

    kind: str
    text: str
    position: int


def definition_of(document: str, name: str | None = None) -> OperationDefinition:
    r"""The operation of a document that is meant.

    Args:
        document: The document.
        name: The name of one of its operations; None where there is only one.

    Raises:
        InvalidArgumentError: There is no such operation, or several may be meant, or it is none
            that can be sent.

    >>> definition_of("# a mutation?\nquery Find($id: ID!) { run(id: $id) { notes } }")
    OperationDefinition(kind='query', name='Find', variables=('id',))
    """
    operations = [each for each in definitions_in(document) if each.keyword in _OPERATIONS]
    if any(each.is_optional_somewhere for each in definitions_in(document)):
        raise InvalidArgumentError(
            "the document has @optional, which no server knows: `wandb-runs codegen` compiles it "
            "into an operation for api.execute, which leaves out what a server lacks; a document "
            "that is sent as it is has to be without it"
        )
    if not operations:
        raise InvalidArgumentError(
            "the document has no operation; write one like query { viewer { username } }"
        )
    names = [each.name for each in operations]
    if len(operations) > 1 and None in names:
        raise InvalidArgumentError(
            f"the document has {len(operations)} operations, of which each needs a name; one has "
            "none"
        )
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is not None:
        raise InvalidArgumentError(f"the document has two operations of the name {show(twice)}")
    if name is not None and name not in names:
        known = [each for each in names if each is not None]
        hint = did_you_mean(name, known) if known else "; its only operation has no name"
        raise InvalidArgumentError(f"the document has no operation {show(name)}{hint}")
    if name is None and len(operations) > 1:
        raise InvalidArgumentError(
            f"the document has {len(operations)} operations ({excerpt(', '.join(map(str, names)))})"
            "; pass operation_name="
        )
    operation = operations[0] if name is None else operations[names.index(name)]
    if operation.keyword == "subscription":
        raise InvalidArgumentError(
            f"{operation} cannot be sent: a subscription has many answers; write a query"
        )
    return OperationDefinition(cast("Kind", operation.keyword), operation.name, operation.variables)


@lru_cache(maxsize=256)
def definitions_in(document: str) -> tuple[Definition, ...]:
    """The operations and fragments of a document.

    Raises:
        InvalidArgumentError: It is none: it holds something else than operations and fragments, or
            what cannot be a token, or a bracket without its counterpart.
    """
    found: list[Definition] = []
    tokens = _tokens_in(document)
    for token in tokens:
        if token.kind == "end":
            break
        if token.kind != "string":  # the description of what follows
            found.append(_read_definition(document, token, tokens))
    return tuple(found)


def _read_definition(document: str, first: _Token, tokens: Iterator[_Token]) -> Definition:
    """Read the definition that begins with a token, up to the end of its selection."""
    is_short = first.text == "{"
    keyword = "query" if is_short else first.text
    if keyword not in _KEYWORDS:
        hint = did_you_mean(keyword, _KEYWORDS) if first.kind == "name" else ""
        raise _problem(document, first, f"{show(first.text)} begins no operation{hint}")
    own = _tokens_of(document, first, tokens)
    name = own[1].text if own[1].kind == "name" and not is_short else None
    return Definition(
        keyword,
        name,
        # Only a declaration has a type behind it; in values, `$name` is followed by none.
        tuple(
            each.text
            for mark, each, behind in zip(own, own[1:], own[2:], strict=False)
            if (mark.text, behind.text) == ("$", ":")
        ),
        any((mark.text, each.text) == ("@", _OPTIONAL) for mark, each in pairwise(own)),
    )


def _tokens_of(document: str, first: _Token, tokens: Iterator[_Token]) -> list[_Token]:
    """The tokens of a definition, from the first one up to the bracket that closes its selection.

    Raises:
        InvalidArgumentError: A bracket has no counterpart, or there is no selection.
    """
    own: list[_Token] = []
    opened: list[_Token] = []
    for token in chain((first,), tokens):
        own.append(token)
        if token.text in _CLOSES:
            opened.append(token)
        elif token.text in _CLOSES.values():
            if not opened or _CLOSES[opened.pop().text] != token.text:
                raise _problem(document, token, f"{token.text!r} closes nothing")
            if token.text == "}" and not opened:
                break
        elif token.kind == "end":
            if opened:
                raise _problem(document, opened[-1], f"{opened[-1].text!r} is not closed")
            raise _problem(document, first, f"the {first.text} has no selection {{ ... }}")
    return own


def _tokens_in(document: str) -> Iterator[_Token]:
    """The tokens of a document, and one for its end; ignored ones are left out."""
    position = 0
    while position < len(document):
        found = _TOKEN.match(document, position)
        if found is None:
            token = _Token("", document[position], position)
            quoted = document.startswith('"', position)
            what = "a string that does not end" if quoted else f"{show(token.text)} is no GraphQL"
            raise _problem(document, token, what)
        kind = found.lastgroup or ""
        if kind != "ignored":
            yield _Token(kind, found[0], position)
        position = found.end()
    yield _Token("end", "", position)


def _problem(document: str, token: _Token, what: str) -> InvalidArgumentError:
    line = document.count("\n", 0, token.position) + 1
    column = token.position - document.rfind("\n", 0, token.position)
    return InvalidArgumentError(f"the document, line {line}, column {column}: {excerpt(what)}")

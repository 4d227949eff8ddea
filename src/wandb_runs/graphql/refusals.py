"""What a server says that its schema lacks: the errors that GraphQL's validation makes.

Recognised are the texts of graphql-js, graphql-core and Ariadne, gqlgen (gqlparser), graphql-go,
graph-gophers and Juniper, which differ in quotes and in how a field and its type are named.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.graphql.scalars import decode_answer

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["Refusal", "read_refusal", "refusals_in"]

_NAME: Final = r"[_A-Za-z][_0-9A-Za-z]{0,127}"
_QUOTE: Final = "[\"'`]"
_TYPE: Final = rf"{_QUOTE}\[*(?P<type>{_NAME})[\]!]*{_QUOTE}"

# From the start of the message to the end of its sentence. Suggestions may follow.
_TEXTS: Final = tuple(
    re.compile(rf"{text}(?:\.|$|\s+Did you mean)")
    for text in (
        rf"(?:Cannot query|Unknown) field {_QUOTE}(?P<field>{_NAME}){_QUOTE} on type {_TYPE}",
        rf"Unknown argument {_QUOTE}(?P<argument>{_NAME}){_QUOTE} on field "
        rf"{_QUOTE}(?P<type>{_NAME})\.(?P<field>{_NAME}){_QUOTE}",
        rf"Unknown argument {_QUOTE}(?P<argument>{_NAME}){_QUOTE} on field "
        rf"{_QUOTE}(?P<field>{_NAME}){_QUOTE} of type {_TYPE}",
        rf"Unknown type {_TYPE}",
        r"Fragment \S{1,128} cannot be spread here as objects of type \S{1,128} can never be of "
        rf"type {_TYPE}",
    )
)


class Refusal(NamedTuple):
    """Something that a server's schema lacks, in the server's own names.

    Attributes:
        type: The type that lacks it, or that is lacking itself, be it at one place alone.
        field: The field; None for a type.
        argument: The argument that the field lacks; None for the field itself.
    """

    type: str
    field: str | None = None
    argument: str | None = None

    @property
    def name(self) -> str:
        """What is lacking: `Run.host`, `Run.config(keys:)` or `JSONString`."""
        return self.named(self.type)

    def named(self, type_: str) -> str:
        """What is lacking, where the type has another name."""
        if self.field is None:
            return type_
        given = "" if self.argument is None else f"({self.argument}:)"
        return f"{type_}.{self.field}{given}"


def read_refusal(message: str) -> Refusal | None:
    """Read the message of one error; None if it is no such refusal.

    >>> read_refusal('Cannot query field "hots" on type "Run". Did you mean "host"?').name
    'Run.hots'
    >>> read_refusal("Unknown argument 'keys' on field 'Run.config'.").name
    'Run.config(keys:)'
    >>> read_refusal("the database is down")
    """
    for pattern in _TEXTS:
        if (found := pattern.match(message)) is not None:
            parts = found.groupdict()
            return Refusal(parts["type"], parts.get("field"), parts.get("argument"))
    return None


def refusals_in(body: bytes) -> tuple[Refusal, ...]:
    r"""What an answer says that the schema lacks.

    Nothing of an answer with data, or with an error that a resolver made, which has a path: they
    come after validation, whatever they quote. Nor of one whose error has a code of another kind.

    >>> refusals_in(b'{"errors": [{"message": "Unknown type \'Int64\'."}]}')
    (Refusal(type='Int64', field=None, argument=None),)
    >>> refusals_in(b'{"errors": [{"message": "Unknown type \'Int64\'.", "path": ["run"]}]}')
    ()
    """
    try:
        answer = decode_answer(body)
    except ValueError:
        return ()
    if not isinstance(answer, dict) or answer.get("data") is not None:
        return ()
    errors = answer.get("errors")
    if not isinstance(errors, list) or not all(map(_is_of_validation, errors)):
        return ()
    found = (read_refusal(text) for text in map(_text_of, errors) if text is not None)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _is_of_validation(error: JSONValue) -> bool:
    if not isinstance(error, dict):
        return True
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    # GRAPHQL_VALIDATION_FAILED of Apollo and gqlgen; most servers send none.
    return not error.get("path") and (not isinstance(code, str) or "VALID" in code.upper())


def _text_of(error: JSONValue) -> str | None:
    text = error.get("message") if isinstance(error, dict) else error
    return text if isinstance(text, str) else None

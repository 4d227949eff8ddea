"""One request and how to read its answer, without any I/O.

The functions of `wandb_runs.graphql._generated` build operations; a transport sends `content()`
and hands what comes back to `parse`.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, Literal, NoReturn, TypeVar, cast

from pydantic_core import ValidationError, from_json
from typing_extensions import override

from wandb_runs.errors import (
    BadResponseError,
    GraphQLError,
    InvalidArgumentError,
    TruncatedResponseError,
)
from wandb_runs.graphql.scalars import decode_answer, without_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs.graphql.models import Envelope
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["MODEL_LOCK", "Operation", "error_messages", "given", "is_cut"]

# Bounds what a proxy's error page or a server's stack trace may add to a message.
_BODY_EXCERPT = 80
_MESSAGE_EXCERPT = 300

_CHECK_URL = "check that the base URL is a W&B server's and that no proxy answers in its place"
_CHECK = "check the arguments, or ask for less (per_page=, samples=, keys=)"
_REPORT = "the server's schema has changed: upgrade wandb-runs, or report it"

MODEL_LOCK: Final = threading.RLock()
"""Held while a model is imported or built, and by the process while it forks.

The locks of Python's imports and of pydantic would stay locked in the child otherwise, and what
they guard half made. `wandb_runs.transport.fork` takes it before a fork.
"""

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, repr=False)
class Operation(Generic[T_co]):
    """A query or mutation with its variables, and the type of its answer.

    Equal when all parts are equal.

    Attributes:
        name: The operation's name in the document.
        kind: What it does on the server.
        document: The GraphQL text: the operation and the fragments that it spreads.
        variables: The values of its variables, by their names in the document. Those that are
            left out take the document's default, or null.
        load: Gives the model of the answer's `data`. A function, since models need pydantic,
            which takes longer to import than many an answer takes to come.
        divisible: Whether the asker will divide the work when it is too much for the server. Then
            it is no use to ask for the same again.
        is_optional: Whether the asker can do without the answer. Then it is asked for once.
    """

    name: str
    kind: Literal["query", "mutation"]
    document: str
    variables: Mapping[str, object] = field(hash=False)
    load: Callable[[], type[T_co]]
    divisible: bool = False
    is_optional: bool = False

    @override
    def __repr__(self) -> str:
        # Not the values: filters name people and projects, and a repr ends up in logs.
        return f"<Operation {self.kind} {self.name}({', '.join(self.variables)})>"

    @property
    def result(self) -> type[T_co]:
        """The model of the answer's `data`."""
        with MODEL_LOCK:
            return self.load()

    def content(self) -> bytes:
        """Return the body of the request, as UTF-8 JSON.

        Raises:
            InvalidArgumentError: A variable holds what JSON cannot: NaN, an infinity, a lone
                surrogate, or an object of another kind.
        """
        body = {
            "query": self.document,
            "variables": dict(self.variables),
            "operationName": self.name,
        }
        try:
            return _dump(body)
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"{self.name} cannot be sent: {self._unsendable()} is not JSON ({error})"
            ) from error

    def parse(
        self,
        content: bytes,
        *,
        status: int = 200,
        request_id: str | None = None,
        attempts: int = 1,
        date: str | None = None,  # noqa: ARG002 - for the subclass that keeps the body with it
    ) -> T_co:
        """Read the answer's body.

        Args:
            content: The body, as it came.
            status: The HTTP status, for the errors.
            request_id: What the server calls the request, for the errors.
            attempts: How many times the request was sent, for the errors.
            date: When the server answered, in the words of its `Date` header.

        Returns:
            The answer's data.

        Raises:
            GraphQLError: The server reports errors, with or without data beside them.
            TruncatedResponseError: The body is the beginning of JSON.
            BadResponseError: The body is not JSON, or holds no data, or not of this shape.
        """
        try:
            with MODEL_LOCK:
                envelope = self._envelope().model_validate_json(content)
        except ValidationError:
            pass  # read again below, by laxer rules, and explained
        else:
            if envelope.data is not None and not envelope.errors and not envelope.error:
                return envelope.data
        return self._parse_slowly(content, _Facts(status, request_id, attempts))

    def _envelope(self) -> type[Envelope[T_co]]:
        from wandb_runs.graphql.models import envelope_of  # noqa: PLC0415 - it imports pydantic

        return envelope_of(self.load())

    def _parse_slowly(self, content: bytes, facts: _Facts) -> T_co:
        try:
            answer = decode_answer(content)
        except ValueError as error:
            if is_cut(content):
                raise TruncatedResponseError(
                    f"{self.name}: the answer (HTTP {facts.status}) breaks off after "
                    f"{len(content):,} bytes; try again, and if it always does, ask for less "
                    "(per_page=, samples=, keys=)",
                    status=facts.status,
                    request_id=facts.request_id,
                    attempts=facts.attempts,
                ) from error
            self._refuse(f"is not JSON: {_excerpt(content)}; {_CHECK_URL}", facts, error)
        if not isinstance(answer, dict):
            self._refuse(f"is not a JSON object: {_excerpt(content)}; {_CHECK_URL}", facts)
        data = answer.get("data")
        if messages := error_messages(answer):
            raise GraphQLError(
                _summary(self.name, messages),
                status=facts.status,
                errors=messages,
                data=without_unreadable(data),
                request_id=facts.request_id,
                attempts=facts.attempts,
            )
        if data is None:
            self._refuse(f"holds neither data nor errors; {_CHECK_URL}", facts)
        try:
            with MODEL_LOCK:
                return cast("T_co", self._envelope().model_validate({"data": data}).data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            self._refuse(f"has another shape at {where}: {first['msg']}; {_REPORT}", facts, error)

    def _refuse(self, what: str, facts: _Facts, cause: Exception | None = None) -> NoReturn:
        raise BadResponseError(
            f"{self.name}: the answer (HTTP {facts.status}) {what}",
            status=facts.status,
            request_id=facts.request_id,
            attempts=facts.attempts,
        ) from cause

    def _unsendable(self) -> str:
        for name, value in self.variables.items():
            try:
                _dump(value)
            except (TypeError, ValueError):
                return f"the variable {name!r}"
        return "the document"


@dataclass(frozen=True, slots=True)
class _Facts:
    status: int
    request_id: str | None
    attempts: int


def given(variables: Mapping[str, object]) -> dict[str, object]:
    """Leave out the variables that are None, so that the document's defaults hold."""
    return {name: value for name, value in variables.items() if value is not None}


def is_cut(content: bytes) -> bool:
    """Whether a body is the beginning of a JSON object, and not the whole of one.

    >>> is_cut(b'{"data": {"project": nu'), is_cut(b'{"data": {}}'), is_cut(b"<html>")
    (True, False, False)
    """
    if not content.lstrip().startswith(b"{"):
        return False
    try:
        from_json(content)
    except ValueError as error:
        return "EOF while parsing" in str(error)
    return False


def error_messages(answer: Mapping[str, JSONValue]) -> tuple[str, ...]:
    """Return what a decoded answer says went wrong, in the server's words.

    Servers and proxies write `{"errors": [{"message": …}]}`, `{"errors": ["…"]}` and
    `{"error": "…"}`.

    >>> error_messages({"errors": [{"message": "no such field"}, "too slow"], "data": None})
    ('no such field', 'too slow')
    >>> error_messages({"error": "rate limit exceeded"})
    ('rate limit exceeded',)
    """
    found: list[JSONValue] = []
    for reported in (answer.get("errors"), answer.get("error")):
        if isinstance(reported, list):
            found += reported
        elif reported:
            found.append(reported)
    return tuple(_message(entry) for entry in found)


def _message(entry: JSONValue) -> str:
    if isinstance(entry, dict):
        message = entry.get("message")
        if isinstance(message, str) and message:
            return message
    if isinstance(entry, str) and entry:
        return entry
    return json.dumps(entry, default=repr)  # something unreadable is no JSON


def _summary(operation: str, messages: tuple[str, ...]) -> str:
    first, *others = messages
    more = f" (and {len(others)} more, in `errors`)" if others else ""
    return f"{operation}: the server reports {_clip(first, _MESSAGE_EXCERPT)!r}{more}; {_CHECK}"


def _excerpt(content: bytes) -> str:
    # Four bytes hold any character, so that clipping before decoding loses nothing.
    start = content[: 4 * _BODY_EXCERPT + 4].decode("utf-8", "replace").strip()
    return repr(_clip(start, _BODY_EXCERPT)) if content else "the body is empty"


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"


def _dump(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()

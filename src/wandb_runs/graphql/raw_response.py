"""`RawResponse`: the bytes of an answer, decoded when read, and what can be wrong with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic_core import from_json

from wandb_runs.errors import BadResponseError, GraphQLError, TruncatedResponseError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.scalars import decode_answer, without_unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["LARGE", "RawResponse", "error_messages", "is_cut"]

LARGE: Final = 1 << 16
"""Bytes from which on an answer is read in a worker thread, so that the event loop stays free."""

# Bounds what a proxy's error page or a server's stack trace may add to a message.
_BODY_EXCERPT: Final = 80
_MESSAGE_EXCERPT: Final = 300

_CHECK_URL: Final = (
    "check that the base URL is a W&B server's and that no proxy answers in its place"
)
_CHECK: Final = (
    "check what is asked for, or ask for less (per_page=, samples=, keys=, or in a query of your "
    "own)"
)
_REPORT: Final = (
    "the server has another schema than the one that was compiled: upgrade wandb-runs, or correct "
    "the schema of a query of your own"
)


@dataclass(frozen=True, slots=True, repr=False)
class RawResponse(FieldsRepr):
    """The body of an answer, and what its errors say of the request.

    Attributes:
        operation: The name of the operation that it answers.
        body: The body.
        status: The HTTP status.
        request_id: The server's id of the request, if it sent one.
        attempts: How many times the request was sent.
        date: The `Date` header: the server's clock.
        left_out: What was not asked for, since the server lacks it; as in `Operation`.
        seconds: How long the answer took, from when the request was sent.
    """

    operation: str
    body: bytes
    status: int
    request_id: str | None
    attempts: int
    date: str | None = None
    left_out: frozenset[str] = frozenset()
    seconds: float = 0.0

    def data(self) -> JSONValue:
        """Decode the body and return its `data`, as `decode_answer` gives it; never null.

        Raises:
            GraphQLError: The server reports errors, with or without data beside them.
            TruncatedResponseError: The body is the beginning of JSON.
            BadResponseError: The body is not JSON, or holds no data.
        """
        try:
            answer = decode_answer(self.body)
        except ValueError as error:
            if is_cut(self.body):
                raise TruncatedResponseError(
                    f"{self.operation}: the answer (HTTP {self.status}) breaks off after "
                    f"{len(self.body):,} bytes; try again, and if it always does, ask for less "
                    "(per_page=, samples=, keys=)",
                    status=self.status,
                    request_id=self.request_id,
                    attempts=self.attempts,
                ) from error
            raise self._bad(f"is not JSON: {_excerpt(self.body)}; {_CHECK_URL}") from error
        if not isinstance(answer, dict):
            raise self._bad(f"is not a JSON object: {_excerpt(self.body)}; {_CHECK_URL}")
        data = answer.get("data")
        if messages := error_messages(answer):
            raise GraphQLError(
                _summary(self.operation, messages),
                status=self.status,
                errors=messages,
                data=without_unreadable(data),
                request_id=self.request_id,
                attempts=self.attempts,
            )
        if data is None:
            raise self._bad(f"holds neither data nor errors; {_CHECK_URL}")
        return data

    def misshapen(self, where: str, problem: str) -> BadResponseError:
        """Return the error for a value that the schema does not allow.

        Args:
            where: The path of the value below `data`.
            problem: What is wrong with it.
        """
        return self._bad(f"has another shape at {where}: {problem}; {_REPORT}")

    def _bad(self, what: str) -> BadResponseError:
        return BadResponseError(
            f"{self.operation}: the answer (HTTP {self.status}) {what}",
            status=self.status,
            request_id=self.request_id,
            attempts=self.attempts,
        )


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
    return tuple(map(_message, found))


def _message(entry: JSONValue) -> str:
    message = entry.get("message") if isinstance(entry, dict) else entry
    if isinstance(message, str) and message:
        return message
    return json.dumps(entry, default=repr)  # `UNREADABLE` is not JSON


def _summary(operation: str, messages: tuple[str, ...]) -> str:
    first, *others = messages
    more = f" (and {len(others)} more, in `errors`)" if others else ""
    return f"{operation}: the server reports {_clip(first, _MESSAGE_EXCERPT)}{more}; {_CHECK}"


def _excerpt(content: bytes) -> str:
    # Four bytes hold any character, so that clipping before decoding loses nothing.
    start = content[: 4 * _BODY_EXCERPT + 4].decode("utf-8", "replace").strip()
    if not content:
        return "the body is empty"
    if len(start) <= _BODY_EXCERPT:
        return repr(start)
    return f"{start[:_BODY_EXCERPT]!r}… ({len(content):,} bytes)"


def _clip(text: str, length: int) -> str:
    """The start of a text in quotes, and how much was left out."""
    left_out = len(text) - length
    return f"{text[:length]!r}" + (f"… ({left_out:,} more characters)" if left_out > 0 else "")

"""`Operation`: one request, and the type of its answer.

The functions of `wandb_runs.graphql._generated` build operations; a transport sends `content()`
and hands what comes back to `parse`.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar, cast

from pydantic_core import ValidationError
from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.immutable import immutable
from wandb_runs.graphql.raw_response import RawResponse, is_cut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from wandb_runs.graphql.models import Envelope
    from wandb_runs.graphql.selections import Shape

__all__ = ["MODEL_LOCK", "Operation", "RawOperation", "given"]

MODEL_LOCK: Final = threading.RLock()
"""Held while a model is imported or built, and by the process while it forks.

A child that is forked meanwhile would find the locks of Python's imports and of pydantic locked for
good, and what they guard half made. `wandb_runs.transport.fork` takes it before a fork.
"""

T_co = TypeVar("T_co", covariant=True)


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Operation(Generic[T_co]):
    """A query or mutation with its variables, and the type of its answer.

    Immutable, and therefore safe to share. Equal when all parts are equal.

    Attributes:
        name: The operation's name in the document. For one without a name it is what messages call
            it, which GraphQL could not.
        kind: What it does on the server.
        document: The GraphQL text: the operation and the fragments that it spreads.
        variables: The values of its variables, by their names in the document. Those that are
            left out take the document's default, or null.
        load: Returns the model of the answer's `data`. A function, since importing pydantic takes
            longer than many a request.
        divisible: Whether the caller splits the work when it is too much for the server. Then the
            same request is not sent again.
        is_optional: Whether the caller can do without the answer. Then the request is sent once.
        left_out: The fields and arguments that the document lacks since the server does, by their
            coordinates in `schema/`, such as `Run.host`.
        shape: Returns what the document selects, for servers that lack something of it. A
            function, since few do. None if that is not known: then such a server's answer is an
            error, and nothing is left out.

    >>> from wandb_runs.graphql._generated import list_projects
    >>> list_projects(entity="sample", first=100)
    <Operation query ListProjects(entity, first)>
    """

    name: str
    kind: Literal["query", "mutation"]
    document: str
    variables: Mapping[str, object] = field(hash=False)
    load: Callable[[], type[T_co]]
    divisible: bool = False
    is_optional: bool = False
    left_out: frozenset[str] = frozenset()
    shape: Callable[[], Shape] | None = None

    @override
    def __repr__(self) -> str:
        # Not the values: filters name people and projects, and a repr ends up in logs.
        # An interrupt may leave it half made, in a traceback that shows its variables.
        kind, name = getattr(self, "kind", "…"), getattr(self, "name", "…")
        return f"<Operation {kind} {name}({', '.join(getattr(self, 'variables', ()))})>"

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
            "operationName": self.name if self.name.isidentifier() else None,
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
        date: str | None = None,
        seconds: float = 0.0,
    ) -> T_co:
        """Read the answer's body.

        Args:
            content: The body, as it came.
            status: The HTTP status, for the errors.
            request_id: The server's id of the request, for the errors.
            attempts: How many times the request was sent, for the errors.
            date: The `Date` header of the answer.
            seconds: How long the answer took.

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
        raw = RawResponse(self.name, content, status, request_id, attempts, date, seconds=seconds)
        data = raw.data()
        try:
            with MODEL_LOCK:
                return cast("T_co", self._envelope().model_validate({"data": data}).data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise raw.misshapen(where, first["msg"]) from error

    def _envelope(self) -> type[Envelope[T_co]]:
        from wandb_runs.graphql.models import envelope_of  # noqa: PLC0415 - it imports pydantic

        return envelope_of(self.load())

    def _unsendable(self) -> str:
        for name, value in self.variables.items():
            try:
                _dump(value)
            except (TypeError, ValueError):
                return f"the variable {name!r}"
        return "the document"


_TAIL: Final = 64
_ENDS: Final = 4096

# A key, and no part of a document that is a text in the answer, where quotes are escaped.
_ERROR: Final = re.compile(rb'(?<!\\)"error')


class RawOperation(Operation[RawResponse]):
    """An operation whose answer is kept as bytes, for a reader that is faster than models."""

    __slots__ = ()

    @classmethod
    def of(cls, operation: Operation[object]) -> Self:
        """The same request."""
        return cls(
            operation.name,
            operation.kind,
            operation.document,
            operation.variables,
            _load_raw,
            shape=operation.shape,
        )

    @override
    def parse(
        self,
        content: bytes,
        *,
        status: int = 200,
        request_id: str | None = None,
        attempts: int = 1,
        date: str | None = None,
        seconds: float = 0.0,
    ) -> RawResponse:
        raw = RawResponse(
            self.name, content, status, request_id, attempts, date, self.left_out, seconds
        )
        # A body that breaks off, and errors, are found here, where the request can be sent again.
        # Bodies that end as whole ones do are not decoded for that, and errors stand before the
        # data or behind it.
        may_be_cut = not content[-_TAIL:].rstrip().endswith(b"}}") and is_cut(content)
        ends = content[:_ENDS] + content[-_ENDS:]
        if may_be_cut or status != HTTPStatus.OK or (b'"error' in ends and _ERROR.search(ends)):
            raw.data()
        return raw


def given(variables: Mapping[str, object]) -> dict[str, object]:
    """Leave out the variables that are None, so that the document's defaults hold."""
    return {name: value for name, value in variables.items() if value is not None}


def _load_raw() -> type[RawResponse]:
    return RawResponse


def _dump(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()

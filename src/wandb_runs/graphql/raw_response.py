"""Answers that stay bytes, for a reader that is faster than models."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from typing_extensions import override

from wandb_runs.graphql.operation import Operation, is_cut

if TYPE_CHECKING:
    from typing import Self

__all__ = ["LARGE", "RawOperation", "RawResponse"]

T = TypeVar("T")

LARGE: Final = 1 << 16
"""Bytes of an answer from which on reading it holds up those who wait for others."""

_END: Final = 4096
_TAIL: Final = 64

# A key, and no part of a document that is a text in the answer, where quotes are escaped.
_ERROR: Final = re.compile(rb'(?<!\\)"error')


@dataclass(frozen=True, slots=True)
class RawResponse:
    """The body of an answer, as it came, and what its errors would say of it.

    Attributes:
        body: The body.
        status: The HTTP status.
        request_id: What the server calls the request, if it said so.
        attempts: How many times the request was sent.
        date: When the server answered, by its own clock, as its `Date` header writes it.
    """

    body: bytes
    status: int
    request_id: str | None
    attempts: int
    date: str | None = None

    def read_as(self, operation: Operation[T]) -> T:
        """Read it after all, with the operation's own model.

        Raises:
            GraphQLError: The server reports errors.
            BadResponseError: The body is not JSON, or of another shape.
        """
        return operation.parse(
            self.body,
            status=self.status,
            request_id=self.request_id,
            attempts=self.attempts,
            date=self.date,
        )


class RawOperation(Operation[RawResponse]):
    """An operation whose answer nobody reads on its way."""

    __slots__ = ()

    @classmethod
    def of(cls, operation: Operation[object]) -> Self:
        """The same request, unread."""
        return cls(
            operation.name, operation.kind, operation.document, operation.variables, _load_content
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
    ) -> RawResponse:
        # What breaks off is told from what is whole here, where it can be asked for again. Only
        # of a body that does not end as whole ones do is more asked: reading all of it would take
        # as long as what is spared.
        if not content[-_TAIL:].rstrip().endswith(b"}}") and is_cut(content):
            read = Operation(self.name, self.kind, self.document, self.variables, _load_anything)
            read.parse(content, status=status, request_id=request_id, attempts=attempts)
        # Errors stand before the data or behind it; whoever divides work has to see them here.
        ends = content[:_END] + content[-_END:]
        if status != HTTPStatus.OK or (b'"error' in ends and _ERROR.search(ends)):
            read = Operation(self.name, self.kind, self.document, self.variables, _load_anything)
            read.parse(content, status=status, request_id=request_id, attempts=attempts)
        return RawResponse(content, status, request_id, attempts, date)


def _load_content() -> type[RawResponse]:
    return RawResponse


def _load_anything() -> type[object]:
    return object

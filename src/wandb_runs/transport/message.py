"""What travels: a request, a response, and the protocol of whoever carries them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Request", "Response", "Transport"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: The HTTP method.
        url: The absolute address.
        headers: Header names and values; shown by no repr, since they hold the API key.
        content: The body.
        timeout: Seconds until the answer must be complete.
    """

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    timeout: float


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response, read to its end and decompressed.

    Attributes:
        status: The HTTP status.
        headers: Header names, in lower case, and values.
        content: The body.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class Transport(Protocol):
    """Carries one request; may be called from several threads at once.

    Pass your own as `Api(transport=...)` to log, record or route requests. It is never closed
    by the client: who made it closes it.
    """

    def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer, whatever its status.

        Redirects are not followed: they come back as the answer they are.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            RequestTimeoutError: `request.timeout` passed.
        """
        ...

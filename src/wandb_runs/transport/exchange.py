"""Reads a response within its bounds, whichever HTTP library and connection it comes from."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from wandb_runs.errors import ResponseTooLargeError, TruncatedResponseError
from wandb_runs.transport.body import Body, BodyTooLargeError, BrokenBodyError
from wandb_runs.transport.failures import host_of
from wandb_runs.transport.messages import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from wandb_runs.transport.messages import Request

__all__ = [
    "AsyncHttpResponse",
    "BufferedResponse",
    "HttpResponse",
    "ResponseReader",
    "read_body",
    "read_body_async",
    "shut_down",
]


class BufferedResponse(Protocol):
    """What every `httpx.Response` has, and `httpx2.Response`."""

    status_code: int
    """The HTTP status."""

    is_stream_consumed: bool
    """Whether the body has been read already."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names and values."""
        ...

    @property
    def content(self) -> bytes:
        """The body, decompressed, if it has been read already."""
        ...


class HttpResponse(BufferedResponse, Protocol):
    """What an `httpx.Response` has for blocking callers."""

    @property
    def extensions(self) -> Mapping[str, object]:
        """The connection, as `network_stream`, and how it was used."""
        ...

    def iter_raw(self) -> Iterator[bytes]:
        """The body as it comes, still compressed."""
        ...


class AsyncHttpResponse(BufferedResponse, Protocol):
    """What an `httpx.Response` has for async callers."""

    def aiter_raw(self) -> AsyncIterator[bytes]:
        """The body as it comes, still compressed."""
        ...

    async def aclose(self) -> None:
        """Close the connection, or give it back to its pool."""
        ...


class ResponseReader:
    """Puts a response together: its head is known, its body is added chunk by chunk.

    Args:
        request: The request that is answered.
        answer: The response of the HTTP library. Its body is taken at once if it has been read
            already: where it was made from content, as by `httpx.MockTransport` and respx, or
            where an event hook has read it. Then it is decompressed, too.
    """

    __slots__ = ("_body", "_headers", "_is_too_large", "_reason", "_request", "_status")

    def __init__(self, request: Request, answer: BufferedResponse) -> None:
        self._request = request
        self._status = answer.status_code
        self._headers = {name.lower(): text for name, text in answer.headers.items()}
        self._is_too_large = False
        self._reason = ""
        self._body: Body | None = None
        is_read = answer.is_stream_consumed
        try:
            encoding = "" if is_read else self._headers.get("content-encoding", "")
            self._body = Body(encoding, request.max_bytes)
        except BrokenBodyError as error:
            self._reason = str(error)
        if is_read:
            self.add(answer.content)

    def add(self, chunk: bytes) -> bool:
        """Add the next raw chunk of the body; return False once further chunks are useless."""
        if self._body is None:
            return False
        try:
            self._body.add(chunk)
        except BodyTooLargeError:
            self._is_too_large, self._body = True, None
        except BrokenBodyError as error:
            self._reason, self._body = str(error), None
        return self._body is not None

    def response(self) -> Response:
        """The whole response.

        Raises:
            ResponseTooLargeError: The body is longer than `request.max_bytes`.
            TruncatedResponseError: The body cannot be decompressed to its end.
        """
        try:
            if self._body is not None:
                return Response(self._status, self._headers, self._body.whole())
        except BrokenBodyError as error:
            self._reason = str(error)
        # Raised outside of the handler: a cause would have frames that hold the body. No variable
        # holds the request id either: the server may quote a secret in it.
        if self._is_too_large:
            raise ResponseTooLargeError(
                f"{host_of(self._request)} answers with more than {self._request.max_bytes:,} "
                "bytes; ask for less (per_page=, samples=, keys=), or pass a larger "
                "max_response_bytes=",
                status=self._status,
                request_id=self._headers.get("x-request-id"),
            )
        raise TruncatedResponseError(
            f"the answer of {host_of(self._request)} (HTTP {self._status}) cannot be read: "
            f"{self._reason}; try again, and check that no proxy changes what passes through it",
            status=self._status,
            request_id=self._headers.get("x-request-id"),
        )


# Functions of their own: their variables hold chunks, which may quote the key, so that no error of
# this package is raised in them.


def read_body(chunks: Iterable[bytes], reader: ResponseReader, deadline: float) -> bool:
    """Read the body of a response; return False if the deadline passed.

    Args:
        chunks: The body as it comes.
        reader: What takes it.
        deadline: Until when it may come, in monotonic seconds.
    """
    for chunk in chunks:
        if not reader.add(chunk):
            break
        if time.monotonic() > deadline:
            return False
    return True


def shut_down(stream: object) -> None:
    """Wake the thread that reads or writes a connection, which closing it would not do.

    Args:
        stream: The connection, as the HTTP library has it.
    """
    get_extra_info = getattr(stream, "get_extra_info", None)
    connection = get_extra_info("socket") if callable(get_extra_info) else None
    if isinstance(connection, socket.socket):
        with suppress(OSError):
            # Not the method of an encrypted socket, which would swap what the other thread uses.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


async def read_body_async(answer: AsyncHttpResponse, reader: ResponseReader) -> None:
    """Read the body of a response, unless it has been read."""
    if answer.is_stream_consumed:
        return
    chunks = answer.aiter_raw()
    async for chunk in chunks:
        if not reader.add(chunk):
            await answer.aclose()
            # The generators of the HTTP library end when they meet the closed connection; trio
            # warns of generators that are left unfinished.
            with suppress(Exception):
                await anext(chunks)
            break

"""`HttpClientTransport`: requests over a user's `httpx.Client`, taken by its structure."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn, NotRequired, Protocol, TypeAlias, TypeVar, cast

from typing_extensions import TypedDict, override

from wandb_runs.errors import InvalidArgumentError, WandbRunsError
from wandb_runs.transport.credentials import SecretHeaders
from wandb_runs.transport.decoders import accept_encoding
from wandb_runs.transport.exchange import ResponseReader, read_body, shut_down
from wandb_runs.transport.failures import (
    CONNECT_SECONDS,
    kinds_of,
    meaning_of,
    overdue,
)
from wandb_runs.transport.hosts import origin_of
from wandb_runs.transport.messages import StreamedRequest
from wandb_runs.transport.urls import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from wandb_runs.transport.exchange import HttpResponse
    from wandb_runs.transport.messages import Request, Response
    from wandb_runs.transport.urls import BaseUrl

__all__ = [
    "ClientOf",
    "HttpClient",
    "HttpClientTransport",
    "SendOptions",
    "check_client",
    "check_open",
    "has_credentials",
    "limits_of",
    "refused",
    "send_options",
    "unpicklable",
]

C_co = TypeVar("C_co", covariant=True)


class SendOptions(TypedDict):
    """How a request is sent by a client."""

    content: bytes
    headers: Mapping[str, str]
    follow_redirects: bool
    extensions: Mapping[str, object]
    auth: NotRequired[None]


class ClientOf(Protocol[C_co]):
    """What is needed of a client, whose context managers are of the kind `C_co`."""

    @property
    def is_closed(self) -> bool:
        """Whether it refuses requests."""
        ...

    def stream(
        self,
        method: str,
        url: str,
        /,
        *,
        content: bytes,
        headers: Mapping[str, str],
        auth: None = ...,
        follow_redirects: bool,
        extensions: Mapping[str, object],
    ) -> C_co:
        """Send a request; the body of its response is read within the block."""
        ...


HttpClient: TypeAlias = "ClientOf[AbstractContextManager[HttpResponse]]"
"""What `Api(http_client=...)` needs of a client; `httpx.Client` and `httpx2.Client` have it."""


class HttpClientTransport:
    """Carries requests over a user's client, which it never closes.

    Thread-safe, as the client is. The client's event hooks, mounts, proxies, certificates,
    cookies and default headers apply as to any of its requests, and its authentication takes the
    place of this package's. The timeout and the decompression are this package's, and redirects
    are not followed.

    Args:
        client: An `httpx.Client` or `httpx2.Client`.
        base_url: The server that the client's authentication is for, or a function that says it: a
            request to another origin, such as a signed address of a file, goes without it. By
            default it applies to all.

    Raises:
        InvalidArgumentError: `client` is no such client.
    """

    def __init__(self, client: HttpClient, base_url: BaseUrl | None = None) -> None:
        check_client(client, enters="__enter__", expected="Client", api="Api")
        self._client = client
        self._base_url = base_url

    @override
    def __reduce__(self) -> NoReturn:
        raise unpicklable()

    def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole response.

        The body is broken off at the deadline. Before it begins, and where an event hook or the
        authentication reads it, each read may take as long as `request.timeout`; an answer that
        is late for that reason is an error.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            CertificateError: The server's certificate is not trusted.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The body cannot be decompressed to its end.
            ResponseTooLargeError: The body is longer than `request.max_bytes`.
            WandbRunsError: The client is closed.
        """
        check_open(self._client)
        deadline = time.monotonic() + request.timeout
        reader = failure = None
        try:
            reader = self._exchange(request, deadline)
        except BaseException as error:
            failure = meaning_of(request, error)
            if failure is None:
                raise
        if time.monotonic() > deadline:
            raise overdue(request)
        if reader is None:
            raise failure or overdue(request)
        return reader.response()

    def _exchange(self, request: Request, deadline: float) -> ResponseReader:
        """The response, as far as it came before the deadline."""
        limits = limits_of(request)
        streamed = _Streamed(request) if isinstance(request, StreamedRequest) else None
        options = send_options(self._client, request, limits, self._base_url, streamed)
        try:
            with self._client.stream(request.method, request.url, **options) as response:
                limits["read"] = max(deadline - time.monotonic(), 0.001)
                reader = ResponseReader(request, response)
                chunks = () if response.is_stream_consumed else _chunks(response, deadline)
                read_body(chunks, reader, deadline)
                return reader
        except Exception as error:  # noqa: BLE001 - raised again unless it is a refusal
            return refused(request, limits, error)


class _Streamed:
    """A body that an authentication may send again."""

    def __init__(self, request: StreamedRequest) -> None:
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        return self._request.chunks()


def _chunks(response: HttpResponse, deadline: float) -> Iterator[bytes]:
    """The body as it comes, broken off at the deadline.

    The client's timeout holds for each read anew, so that a body that drips slowly passes it.
    """
    extensions = response.extensions
    timer = threading.Timer(
        max(deadline - time.monotonic(), 0), shut_down, [extensions.get("network_stream")]
    )
    timer.daemon = True
    try:
        # The requests of other threads share a connection of HTTP/2.
        if extensions.get("http_version") != b"HTTP/2":
            timer.start()
        yield from response.iter_raw()
    finally:
        timer.cancel()


def check_client(client: object, *, enters: str, expected: str, api: str) -> None:
    """Refuse what is no client of httpx.

    Args:
        client: What was passed in.
        enters: The method of the context manager that it has to be.
        expected: The name of the class in httpx.
        api: Where it was passed in.

    Raises:
        InvalidArgumentError: It lacks what is used of it.
    """
    kind = type(client)
    if isinstance(client, type) or not (
        hasattr(kind, enters)
        and callable(getattr(client, "stream", None))
        and isinstance(getattr(client, "is_closed", None), bool)  # unlike a mock's
    ):
        got = f"the class {client.__name__}" if isinstance(client, type) else kind.__name__
        raise InvalidArgumentError(
            f"{api}(http_client=) must be an httpx.{expected} or httpx2.{expected}, got {got}"
        )


def has_credentials(client: object) -> bool:
    """Whether a client would send credentials of its own with each request."""
    headers = getattr(client, "headers", None)
    return (
        getattr(client, "auth", None) is not None
        or (isinstance(headers, Mapping) and "authorization" in headers)
        or bool(getattr(client, "cookies", None))
    )


def check_open(client: object) -> None:
    """Refuse to send anything by a client that its owner has closed.

    Raises:
        WandbRunsError: It is closed.
    """
    if getattr(client, "is_closed", False):
        raise WandbRunsError("the http_client= is closed; close it after the last request only")


def unpicklable() -> TypeError:
    """The error of pickling what holds a client."""
    return TypeError(
        "an http_client= is not pickled, and neither is an Api() that has one; make a new Api() "
        "where it lands"
    )


def limits_of(request: Request) -> dict[str, float]:
    """The timeouts of a request, by the names of httpx.

    httpx hands this very dict on, so that `read` may be shortened when the body begins.
    """
    seconds = request.timeout
    connect = min(CONNECT_SECONDS, seconds)
    return {"connect": connect, "read": seconds, "write": seconds, "pool": seconds}


def send_options(
    client: object,
    request: Request,
    limits: Mapping[str, float],
    base_url: BaseUrl | None,
    streamed: object | None = None,
) -> SendOptions:
    """How a client sends a request.

    Args:
        client: The client.
        request: The request.
        limits: Its timeouts.
        base_url: The server that the client's authentication is for; None for all.
        streamed: A body that is read while it is sent, to be iterated any number of times.
    """
    is_own = base_url is None or origin_of(request.url) == origin_of(text_of(base_url))
    # The authentication of the client takes the place of the key, whichever header it sets.
    left_out = "authorization" if is_own and getattr(client, "auth", None) is not None else ""
    headers = {name: value for name, value in request.headers.items() if name != left_out}
    headers.setdefault("accept-encoding", _encodings_of(client))
    content = request.content if streamed is None else cast("bytes", streamed)
    if streamed is not None:
        headers["content-length"] = str(request.size)  # else it would go in chunks
    options = SendOptions(
        content=content,  # for which the clients of httpx take what can be iterated, too
        headers=SecretHeaders(headers),
        follow_redirects=False,
        extensions={"timeout": limits},
    )
    if not is_own:
        options["auth"] = None
    return options


def _encodings_of(client: object) -> str:
    """The encodings to ask for: what the client cannot decode, a hook of it could not read."""
    headers = getattr(client, "headers", None)
    if not isinstance(headers, Mapping):
        return accept_encoding(within=())
    own = cast("Mapping[str, object]", headers).get("accept-encoding", "")
    names = str(own).lower().split(",")
    return accept_encoding(within=[name.partition(";")[0].strip() for name in names])


def refused(request: Request, limits: Mapping[str, float], error: Exception) -> ResponseReader:
    """The response that an event hook has refused by `response.raise_for_status()`.

    Args:
        request: The request.
        limits: The timeouts that it was sent with, by which it is recognized: an authentication
            may send requests of its own.
        error: What the client raised; raised again if it is anything else.
    """
    response = getattr(error, "response", None) if "HTTPStatusError" in kinds_of(error) else None
    if response is None or response.request.extensions.get("timeout") is not limits:
        raise error
    return ResponseReader(request, response)

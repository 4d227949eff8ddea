"""`RequestTemplate`: what requests to one address have in common, in httpx's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import urlsplit

from typing_extensions import override

from wandb_runs.graphql.operation import MODEL_LOCK
from wandb_runs.transport.decoders import accept_encoding
from wandb_runs.transport.messages import StreamedRequest
from wandb_runs.transport.proxies import proxy_for
from wandb_runs.transport.urls import is_loopback, text_of, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    import httpx

    from wandb_runs.transport.messages import Request
    from wandb_runs.transport.proxy_url import ProxyUrl
    from wandb_runs.transport.urls import BaseUrl

    PoolKey: TypeAlias = tuple[ProxyUrl | None, bool]

__all__ = ["PoolKey", "RequestTemplate", "TemplateCache"]


_MOST_ADDRESSES: Final = 64
"""Addresses that are kept in httpx's form: as many files as are read at once, and the server."""


class _Destination:
    """An address in httpx's form, and how it is reached.

    Attributes:
        address: The address, as the caller wrote it.
        url: The same, parsed.
        proxy: The proxy that the environment names for it.
        is_encrypted: Whether certificates are needed.
    """

    __slots__ = ("address", "is_encrypted", "proxy", "url")

    def __init__(self, address: str, *, uses_proxies: bool) -> None:
        import httpx  # noqa: PLC0415 - with the first request: it takes long to import

        parts = urlsplit(address)
        self.address: str = address
        self.proxy: ProxyUrl | None = proxy_for(parts) if uses_proxies else None
        self.is_encrypted: bool = parts.scheme == "https" or (
            self.proxy is not None and self.proxy.startswith("https:")
        )
        self.url: httpx.URL = httpx.URL(address)

    @override
    def __repr__(self) -> str:
        # Without the query, which may be a signature.
        return f"<_Destination {without_secrets(getattr(self, 'address', ''))}>"


class RequestTemplate:
    """The address and the headers of requests, encoded once: nearly all have the same.

    Args:
        destination: Where they go.
        headers: Their headers.

    Attributes:
        address: The address, as the caller wrote it.
        headers: The headers, as the caller gave them.
        proxy: The proxy that the environment names for the address.
        is_encrypted: Whether certificates are needed.
    """

    __slots__ = ("_sent_headers", "_url", "address", "headers", "is_encrypted", "proxy")

    def __init__(self, destination: _Destination, headers: Mapping[str, str]) -> None:
        import httpx  # noqa: PLC0415 - it has been imported

        self.address: str = destination.address
        self.headers: Mapping[str, str] = headers
        self.proxy: ProxyUrl | None = destination.proxy
        self.is_encrypted: bool = destination.is_encrypted
        self._url = destination.url
        # With what httpx would add to each request, at ten times the cost.
        host = self._url.netloc.decode("ascii")
        self._sent_headers = httpx.Headers(
            {"host": host, "accept-encoding": accept_encoding(), **headers}
        )

    @property
    def key(self) -> PoolKey:
        """The connection pool it needs: by proxy, and whether that needs certificates.

        They take longer to load than many a response takes to come.
        """
        return self.proxy, self.is_encrypted

    def fill(
        self, request: Request, *, connect: float, deadline: float | None, trace: object
    ) -> httpx.Request:
        """A request, as httpx sends it.

        Args:
            request: The request.
            connect: The timeout of its connection, in seconds.
            deadline: Until when it has to be answered, in monotonic seconds, if the transport is
                to see to that.
            trace: Told what the HTTP library does with the request.
        """
        import httpx  # noqa: PLC0415 - it has been imported

        rest = None if deadline is None else request.timeout
        headers = self._sent_headers
        if request.size or request.method == "PUT":
            headers = headers.copy()
            headers["content-length"] = str(request.size)
        return httpx.Request(
            request.method,
            self._url,
            headers=headers,
            # Async transports put one of theirs in its place.
            stream=(
                _streamed(request)
                if isinstance(request, StreamedRequest)
                else httpx.ByteStream(request.content)
            ),
            extensions={
                "timeout": {"connect": connect, "read": rest, "write": rest, "pool": rest},
                "deadline": deadline,
                "trace": trace,
            },
        )

    @override
    def __repr__(self) -> str:
        # Without the headers, of which one is the key, and the query, which may be a signature.
        return f"<RequestTemplate {without_secrets(getattr(self, 'address', ''))}>"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("what holds an API key is never pickled")


def _streamed(request: StreamedRequest) -> httpx.SyncByteStream:
    import httpx  # noqa: PLC0415 - it has been imported

    class Streamed(httpx.SyncByteStream):
        """The body of a request, read while it is sent."""

        @override
        def __iter__(self) -> Iterator[bytes]:
            return request.chunks()

    return Streamed()


class TemplateCache:
    """Makes templates, and keeps the last, and the addresses of some. Thread-safe.

    Proxies come from the environment as the standard library reads it, but the traffic of a
    server on this machine never goes through one.

    Args:
        base_url: The server that most requests go to, or a function that says it when they do.
    """

    def __init__(self, base_url: BaseUrl) -> None:
        self._base_url = base_url
        self._last: RequestTemplate | None = None
        self._destinations: dict[str, _Destination] = {}

    def of(self, request: Request) -> RequestTemplate:
        """The template of a request."""
        template = self._last
        if (
            template is None
            or request.url != template.address
            or (request.headers is not template.headers and request.headers != template.headers)
        ):
            destination = self._destination(request.url)
            template = self._last = RequestTemplate(destination, request.headers)
        return template

    def _destination(self, address: str) -> _Destination:
        # Parsing an address takes longer than all else, and a signed one is long: of a file, some
        # ranges are asked for, which differ in headers.
        known = self._destinations.get(address)
        if known is not None:
            return known
        uses_proxies = not is_loopback(urlsplit(text_of(self._base_url)).hostname or "")
        with MODEL_LOCK:  # the first imports httpx, which a fork must not split
            made = _Destination(address, uses_proxies=uses_proxies)
        if len(self._destinations) >= _MOST_ADDRESSES:
            self._destinations.clear()
        self._destinations[address] = made
        return made

"""Requests over HTTP, by httpx."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from wandb_runs.errors import ConnectionFailedError, RequestTimeoutError, WandbRunsError
from wandb_runs.settings import is_loopback
from wandb_runs.transport.message import Response

if TYPE_CHECKING:
    from wandb_runs.transport.message import Request

__all__ = ["HttpTransport"]

# A server that is there answers a connection attempt at once; only its answers take long.
CONNECT_SECONDS: Final = 10.0


class HttpTransport:
    """A pool of connections, opened with the first request.

    Thread-safe. Proxies and certificates come from the environment as httpx reads it, except
    for a server on this machine: its traffic never goes through a proxy.
    """

    def __init__(self, base_url: str) -> None:
        host = urlsplit(base_url).hostname or ""
        self._trust_env = not is_loopback(host)
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._closed = False

    def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            RequestTimeoutError: `request.timeout` passed.
            WandbRunsError: The transport is closed.
        """
        timeout = httpx.Timeout(request.timeout, connect=min(CONNECT_SECONDS, request.timeout))
        try:
            answer = self._pool().request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.content,
                timeout=timeout,
            )
        except httpx.ConnectTimeout as error:
            raise ConnectionFailedError(
                f"{_place(request)} took no connection within {timeout.connect:g} s; "
                "check the address and the network"
            ) from error
        except httpx.TimeoutException as error:
            raise RequestTimeoutError(
                f"{_place(request)} did not answer within {request.timeout:g} s; pass a longer "
                "timeout= or ask for less (per_page=, samples=, keys=)"
            ) from error
        except httpx.HTTPError as error:
            raise ConnectionFailedError(
                f"the connection to {_place(request)} failed "
                f"({str(error) or type(error).__name__}); check the address and the network"
            ) from error
        return Response(
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            content=answer.content,
        )

    def close(self) -> None:
        """Close every connection; a later request is refused."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _pool(self) -> httpx.Client:
        # Made late: loading certificates takes longer than everything else in `Api()`.
        with self._lock:
            if self._closed:
                raise WandbRunsError("this client is closed; make a new Api()")
            if self._client is None:
                self._client = httpx.Client(trust_env=self._trust_env, follow_redirects=False)
                # Few users close what a script made once; the connections go with it.
                weakref.finalize(self, self._client.close)
            return self._client


def _place(request: Request) -> str:
    return urlsplit(request.url).netloc

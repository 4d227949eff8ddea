"""Requests over HTTP, by httpx."""

from __future__ import annotations

import os
import ssl
import threading
import time
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
    for a server on this machine: its traffic never goes through a proxy. A forked child gets a
    pool of its own: two processes on one connection would read each other's answers.
    """

    def __init__(self, base_url: str) -> None:
        host = urlsplit(base_url).hostname or ""
        self._trust_env = not is_loopback(host)
        self._start()
        self._closed = False

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._finalizer: weakref.finalize[..., HttpTransport] | None = None
        self._under_way = 0

    def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            RequestTimeoutError: `request.timeout` passed.
            WandbRunsError: The transport is closed, or the environment's proxies or
                certificates cannot be used.
        """
        client = self._enter()
        try:
            return _exchange(client, request)
        except httpx.ConnectTimeout as error:
            raise ConnectionFailedError(
                f"{_place(request)} took no connection within "
                f"{min(CONNECT_SECONDS, request.timeout):g} s; check the address and the network"
            ) from _without_frames(error)
        except httpx.TimeoutException as error:
            raise _late(request) from _without_frames(error)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise ConnectionFailedError(
                f"the connection to {_place(request)} failed "
                f"({str(error) or type(error).__name__}); check the address and the network"
            ) from _without_frames(error)
        finally:
            self._leave()

    def close(self) -> None:
        """Refuse later requests, and close every connection once those under way are answered."""
        with self._lock:
            self._closed = True
            self._close_if_idle()

    def _enter(self) -> httpx.Client:
        if os.getpid() != self._process:
            # What was inherited is left alone: closing it could disturb the parent.
            if self._finalizer is not None:
                self._finalizer.detach()
            self._inherited = self._client
            self._start()
        with self._lock:
            if self._closed:
                raise WandbRunsError("this client is closed; make a new Api()")
            if self._client is None:
                self._client = self._open()
                # Few users close what a script made once; the connections go with it.
                self._finalizer = weakref.finalize(self, self._client.close)
            self._under_way += 1
            return self._client

    def _open(self) -> httpx.Client:
        # Late: loading certificates takes longer than everything else in `Api()`.
        try:
            return httpx.Client(
                # To a server on this machine nothing is encrypted, and certificates take longer
                # to load than it takes to answer: this context trusts none.
                verify=True if self._trust_env else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                trust_env=self._trust_env,
                follow_redirects=False,
            )
        except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
            raise WandbRunsError(
                f"no connection can be made with this environment ({error}); check the variables "
                "HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE"
            ) from error

    def _leave(self) -> None:
        with self._lock:
            self._under_way -= 1
            self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._closed and not self._under_way and self._client is not None:
            self._client.close()
            self._client = None


def _exchange(client: httpx.Client, request: Request) -> Response:
    deadline = time.monotonic() + request.timeout
    timeout = httpx.Timeout(request.timeout, connect=min(CONNECT_SECONDS, request.timeout))
    with client.stream(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.content,
        timeout=timeout,
    ) as answer:
        body = bytearray()
        is_late = False
        for chunk in answer.iter_bytes():
            body += chunk
            # httpx's own limit is for each read: a server that drips would never pass it.
            if is_late := time.monotonic() > deadline:
                break
    if is_late:  # raised out here, where no frame of httpx, with its headers, is on the way
        raise _late(request)
    return Response(
        status=answer.status_code,
        headers={name.lower(): value for name, value in answer.headers.items()},
        content=bytes(body),
    )


def _late(request: Request) -> RequestTimeoutError:
    return RequestTimeoutError(
        f"{_place(request)} did not answer within {request.timeout:g} s; pass a longer timeout= "
        "or ask for less (per_page=, samples=, keys=)"
    )


def _without_frames(error: Exception) -> Exception:
    """The error without its tracebacks: their frames hold the headers, and so the key."""
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        each = each.__cause__ or each.__context__
    return error


def _place(request: Request) -> str:
    return urlsplit(request.url).netloc

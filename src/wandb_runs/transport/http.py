"""Requests over HTTP, by httpx."""

from __future__ import annotations

import os
import ssl
import threading
import time
import weakref
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
from typing_extensions import override

from wandb_runs.errors import ConnectionFailedError, RequestTimeoutError, WandbRunsError
from wandb_runs.settings import is_loopback
from wandb_runs.transport.message import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.transport.message import Request

__all__ = ["HttpTransport"]

# A server that is there answers a connection attempt at once; only its answers take long.
CONNECT_SECONDS: Final = 10.0


class _Form(NamedTuple):
    """What requests have in common: nearly all go to one address, with the same headers.

    Working it out takes as long as all else that is done here.

    Attributes:
        url: The address.
        headers: The headers, as the caller gave them.
        parsed_url: The address, parsed.
        all_headers: The headers, encoded, and what else is sent with each request.
        proxy: The proxy that the environment names for the address.
    """

    url: str
    headers: Mapping[str, str]
    parsed_url: httpx.URL
    all_headers: httpx.Headers
    proxy: str | None

    @override
    def __repr__(self) -> str:
        # Not the headers: one of them is the key.
        return f"<_Form {self.url}>"


class HttpTransport:
    """A pool of connections, opened with the first request.

    Thread-safe. Proxies come from the environment as the standard library reads it, certificates
    as httpx does; but the traffic of a server on this machine never goes through a proxy. A
    forked child gets a pool of its own: two processes on one connection would read each other's
    answers.
    """

    def __init__(self, base_url: str) -> None:
        host = urlsplit(base_url).hostname or ""
        self._trust_env = not is_loopback(host)
        self._form: _Form | None = None
        self._start()
        self._closed = False

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        # By proxy; None for direct connections. Not an `httpx.Client`: what it adds to these, and
        # takes a quarter of a request's time for, are redirects, cookies and credentials in
        # addresses, none of which is wanted here.
        self._pools: dict[str | None, httpx.HTTPTransport] = {}
        # Few users close what a script made once; the connections go with it.
        self._finalizer = weakref.finalize(self, _close, self._pools)
        self._under_way = 0

    def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            RequestTimeoutError: `request.timeout` passed.
            WandbRunsError: The transport is closed, or the environment's proxies or
                certificates cannot be used.
        """
        try:
            form = self._form_of(request)
            pool = self._enter(form.proxy)
            try:
                return _exchange(pool, form, request)
            finally:
                self._leave()
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

    def close(self) -> None:
        """Refuse later requests, and close every connection once those under way are answered."""
        with self._lock:
            self._closed = True
            self._close_if_idle()

    def _form_of(self, request: Request) -> _Form:
        form = self._form
        if form is None or request.url != form.url or request.headers != form.headers:
            url = httpx.URL(request.url)
            form = self._form = _Form(
                request.url,
                request.headers,
                url,
                httpx.Headers({"accept-encoding": "gzip, deflate", **request.headers}),
                _proxy_for(url) if self._trust_env else None,
            )
        return form

    def _enter(self, proxy: str | None) -> httpx.HTTPTransport:
        if os.getpid() != self._process:
            # What was inherited is left alone: closing it could disturb the parent.
            self._finalizer.detach()
            self._inherited = self._pools
            self._start()
        with self._lock:
            if self._closed:
                raise WandbRunsError("this client is closed; make a new Api()")
            pool = self._pools.get(proxy)
            if pool is None:
                pool = self._pools[proxy] = self._open(proxy)
            self._under_way += 1
            return pool

    def _open(self, proxy: str | None) -> httpx.HTTPTransport:
        # Late: loading certificates takes longer than everything else in `Api()`.
        try:
            return httpx.HTTPTransport(
                # To a server on this machine nothing is encrypted, and certificates take longer
                # to load than it takes to answer: this context trusts none.
                verify=True if self._trust_env else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                trust_env=self._trust_env,
                proxy=proxy,
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
        if self._closed and not self._under_way:
            _close(self._pools)


def _close(pools: dict[str | None, httpx.HTTPTransport]) -> None:
    while pools:
        pools.popitem()[1].close()


def _proxy_for(url: httpx.URL) -> str | None:
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.decode()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _exchange(pool: httpx.HTTPTransport, form: _Form, request: Request) -> Response:
    deadline = time.monotonic() + request.timeout
    timeout = httpx.Timeout(request.timeout, connect=min(CONNECT_SECONDS, request.timeout))
    answer = pool.handle_request(
        httpx.Request(
            request.method,
            form.parsed_url,
            headers=form.all_headers,
            content=request.content,
            extensions={"timeout": timeout.as_dict()},
        )
    )
    body = bytearray()
    is_late = False
    try:
        for chunk in answer.iter_bytes():
            body += chunk
            # httpx's own limit is for each read: a server that drips would never pass it.
            if is_late := time.monotonic() > deadline:
                break
    finally:
        answer.close()
    if is_late:  # raised out here, where no frame of httpx, with its headers, is on the way
        raise _late(request)
    return Response(status=answer.status_code, headers=answer.headers, content=bytes(body))


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

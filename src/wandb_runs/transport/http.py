"""Requests over HTTP, by httpcore."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING

import httpcore

from wandb_runs.errors import WandbRunsError
from wandb_runs.transport.deadline import Network, within_deadline
from wandb_runs.transport.exchange import (
    CONNECT_SECONDS,
    POOL,
    UNUSABLE,
    RequestTemplates,
    ResponseReader,
    failure,
    headers_of,
    unusable,
    wire_request,
    without_frames,
)
from wandb_runs.transport.fork import ForkSafeLock, renew_in_children
from wandb_runs.transport.tls import default_context

if TYPE_CHECKING:
    import ssl

    from wandb_runs.transport.exchange import PoolKey, RequestTemplate
    from wandb_runs.transport.messages import Request, Response
    from wandb_runs.transport.proxies import Proxy

__all__ = ["HttpTransport"]


class HttpTransport:
    """A pool of connections, opened with the first request.

    Thread-safe. Proxies come from the environment as the standard library reads it; but the
    traffic of a server on this machine never goes through a proxy. A forked child gets a pool of
    its own: two processes on one connection would read each other's answers.

    Args:
        base_url: The server that most requests go to.
        ssl_context: What certificates to trust; by default those of `SSL_CERT_FILE` or
            `SSL_CERT_DIR`, else those that come with the HTTP library.
    """

    def __init__(self, base_url: str, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._forms = RequestTemplates(base_url)
        self._ssl_context = ssl_context
        self._closed = False
        self._inherited: list[object] = []
        self._lock = ForkSafeLock()
        self._start()
        renew_in_children(self)

    def _start(self) -> None:
        self._pools: dict[PoolKey, httpcore.ConnectionPool] = {}
        # Few users close what a script made once; the connections go with it.
        self._finalizer = weakref.finalize(self, _close, self._pools)
        self._under_way = 0

    def renew(self) -> None:
        """Begin anew in a forked child."""
        # What was inherited is left alone: closing it could disturb the parent.
        self._finalizer.detach()
        self._inherited.append(self._pools)
        self._start()

    def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole answer.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            CertificateError: The server's certificate is not trusted.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The answer cannot be decompressed to its end.
            ResponseTooLargeError: The answer is longer than `request.max_bytes`.
            WandbRunsError: The transport is closed, or the environment's proxies or
                certificates cannot be used.
        """
        try:
            form = self._forms.of(request)
            pool = self._enter(form)
            within_deadline(time.monotonic() + request.timeout)
            try:
                return _exchange(pool, form, request)
            finally:
                within_deadline(None)
                self._leave()
        except WandbRunsError:
            raise
        except Exception as error:
            meaning = failure(request, error)
            if meaning is None:
                raise
            raise meaning from without_frames(error)
        except KeyboardInterrupt as error:
            # The frames of the HTTP library hold the headers, and so the key.
            raise error.with_traceback(None) from None

    def close(self) -> None:
        """Refuse later requests, and close every connection once those under way are answered."""
        with self._lock:
            self._closed = True
            self._close_if_idle()

    def _enter(self, form: RequestTemplate) -> httpcore.ConnectionPool:
        with self._lock:
            if self._closed:
                raise WandbRunsError("this client is closed; make a new Api()")
            pool = self._pools.get(form.key)
            if pool is None:
                pool = self._pools[form.key] = self._open(form)
            self._under_way += 1
            return pool

    def _open(self, form: RequestTemplate) -> httpcore.ConnectionPool:
        try:
            context = None
            if form.is_encrypted:
                context = self._ssl_context or default_context()
            return _open_pool(form.proxy, context)
        except UNUSABLE as error:
            raise unusable(error) from without_frames(error)

    def _leave(self) -> None:
        with self._lock:
            self._under_way -= 1
            self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._closed and not self._under_way:
            _close(self._pools)


def _open_pool(proxy: Proxy | None, context: ssl.SSLContext | None) -> httpcore.ConnectionPool:
    network = Network()
    if proxy is None:
        return httpcore.ConnectionPool(ssl_context=context, network_backend=network, **POOL)
    if proxy.is_socks:
        return httpcore.SOCKSProxy(
            proxy.url, proxy_auth=proxy.auth, ssl_context=context, network_backend=network, **POOL
        )
    return httpcore.HTTPProxy(
        proxy.url,
        proxy_auth=proxy.auth,
        ssl_context=context,
        proxy_ssl_context=context if proxy.scheme == "https" else None,
        network_backend=network,
        **POOL,
    )


def _close(pools: dict[PoolKey, httpcore.ConnectionPool]) -> None:
    while pools:
        pools.popitem()[1].close()


def _exchange(pool: httpcore.ConnectionPool, form: RequestTemplate, request: Request) -> Response:
    seconds = request.timeout
    answer = pool.handle_request(
        wire_request(
            form, request, request.content, connect=min(CONNECT_SECONDS, seconds), rest=seconds
        )
    )
    reader = ResponseReader(request, answer.status, headers_of(answer.headers))
    try:
        _read(answer, reader)
    finally:
        answer.close()
    return reader.response()


def _read(answer: httpcore.Response, reader: ResponseReader) -> None:
    # In a function of its own: its variables hold what came, which may quote the key.
    for chunk in answer.iter_stream():
        if not reader.add(chunk):
            break

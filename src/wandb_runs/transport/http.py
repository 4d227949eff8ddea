"""`HttpTransport`: requests over httpx's transport, for blocking callers."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, cast

from wandb_runs.graphql.operation import MODEL_LOCK
from wandb_runs.transport.exchange import ResponseReader, read_body
from wandb_runs.transport.failures import (
    CONNECT_SECONDS,
    closed,
    meaning_of,
    overdue,
    refusal_of_proxy,
    unusable,
)
from wandb_runs.transport.fork import ForkSafeLock, renew_in_children
from wandb_runs.transport.lease import Lease
from wandb_runs.transport.phases import Phases
from wandb_runs.transport.proxies import httpx_proxy
from wandb_runs.transport.template import TemplateCache
from wandb_runs.transport.tls import default_context
from wandb_runs.transport.tracebacks import without_frames

if TYPE_CHECKING:
    import ssl

    import httpx

    from wandb_runs.transport.deadline import DeadlineTransport
    from wandb_runs.transport.messages import Request, Response
    from wandb_runs.transport.template import PoolKey, RequestTemplate
    from wandb_runs.transport.urls import BaseUrl

__all__ = ["HttpTransport"]


class HttpTransport:
    """Carries requests over a pool of connections, opened with the first request.

    Thread-safe. Proxies come from the environment as the standard library reads it, but the
    traffic of a server on this machine never goes through one. A forked child gets a pool of its
    own: two processes on one connection would read each other's responses.

    It is what `Api` uses by default; make one to put something of yours around it:

    >>> from wandb_runs import Api, HttpTransport, Request, Response
    >>> class Counting:
    ...     def __init__(self, inner: HttpTransport) -> None:
    ...         self.inner = inner
    ...         self.sent = 0
    ...
    ...     def send(self, request: Request, /) -> Response:
    ...         self.sent += 1
    ...         return self.inner.send(request)
    >>> counting = Counting(HttpTransport(server.url))
    >>> api = Api(base_url=server.url, api_key="any-key", transport=counting)
    >>> len(api.runs("sample/digits")) > 10, counting.sent
    (True, 1)
    >>> counting.inner.close()  # a transport that was passed in is never closed by the Api

    Args:
        base_url: The server that most requests go to, or a function that says it when they do.
        ssl_context: The certificates to trust; by default those of `SSL_CERT_FILE` or
            `SSL_CERT_DIR`, else those that come with httpx.
    """

    def __init__(self, base_url: BaseUrl, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._templates = TemplateCache(base_url)
        self._ssl_context = ssl_context
        self._closed = False
        self._inherited: list[object] = []
        self._lock = ForkSafeLock()
        self._start()
        renew_in_children(self)

    def _start(self) -> None:
        self._pools: dict[PoolKey, DeadlineTransport] = {}
        # Scripts seldom close what they made; the connections are closed with this object.
        self._finalizer = weakref.finalize(self, _close, self._pools)
        self._active: set[Lease] = set()

    def renew(self) -> None:
        """Start anew in a forked child."""
        # The inherited connections stay as they are: closing them could disturb the parent.
        self._finalizer.detach()
        self._inherited.append(self._pools)
        self._start()

    def send(self, request: Request, /) -> Response:
        """Send the request once and read its whole response.

        Raises:
            ConnectionFailedError: No connection, or one that broke.
            CertificateError: The server's certificate is not trusted.
            RequestTimeoutError: `request.timeout` passed.
            TruncatedResponseError: The body cannot be decompressed to its end.
            ResponseTooLargeError: The body is longer than `request.max_bytes`.
            WandbRunsError: The transport is closed, or the environment's proxies or certificates
                cannot be used.
        """
        lease = Lease()
        leave = self._active.discard
        reader = failure = None
        phases = Phases()
        try:
            reader = self._exchange(request, lease, phases)
        except BaseException as error:
            failure = meaning_of(request, error, lease.proxy, phases)
            if failure is None:
                raise
        finally:
            # Before anything else, and by one function of the interpreter's own: no exception of a
            # signal handler comes before it.
            leave(lease)
            lease.end()
            if self._closed:
                self._close_if_idle()
        if reader is None:
            raise failure or overdue(request)
        response = reader.response()
        failure = refusal_of_proxy(request, response, lease.proxy)
        if failure is not None:
            raise failure
        return response

    def close(self) -> None:
        """Refuse later requests, and close every connection once the active ones are done."""
        self._closed = True
        self._close_if_idle()

    def _exchange(self, request: Request, lease: Lease, phases: Phases) -> ResponseReader | None:
        """The response; None if the deadline passed."""
        template = self._templates.of(request)
        lease.proxy = template.proxy
        pool = self._enter(template, lease)
        deadline = time.monotonic() + request.timeout
        sent = template.fill(
            request,
            connect=min(CONNECT_SECONDS, request.timeout),
            deadline=deadline,
            trace=phases.note,
        )
        sent.extensions["lease"] = lease
        answer = pool.handle_request(sent)
        reader = ResponseReader(request, answer)
        # Not by the response's own methods, which prepare for reading it in other ways.
        body = cast("httpx.SyncByteStream", answer.stream)
        if not read_body(body, reader, deadline):
            return None
        body.close()
        return reader

    def _enter(self, template: RequestTemplate, lease: Lease) -> DeadlineTransport:
        with self._lock.mutex:
            if self._closed:
                raise closed()
            pool = self._pools.get(template.key)
            if pool is None:
                pool = self._pools[template.key] = self._open(template)
            self._active.add(lease)
            return pool

    def _open(self, template: RequestTemplate) -> DeadlineTransport:
        with MODEL_LOCK:  # a fork must not split an import
            from wandb_runs.transport.deadline import (  # noqa: PLC0415 - it imports httpx
                DeadlineTransport,
            )

        try:
            context = None
            if template.is_encrypted:
                context = self._ssl_context or default_context()
        except OSError as error:
            raise unusable(error) from without_frames(error)
        return DeadlineTransport(context, httpx_proxy(template.proxy, context))

    def _close_if_idle(self) -> None:
        with self._lock.mutex:
            if not self._active:
                _close(self._pools)


def _close(pools: dict[PoolKey, DeadlineTransport]) -> None:
    while pools:
        pools.popitem()[1].close()

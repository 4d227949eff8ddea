"""What the HTTP library's errors mean, as errors of this package.

The library is not imported here: httpx, httpx2 and httpcore name their errors alike.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from wandb_runs.errors import (
    CertificateError,
    ConnectionFailedError,
    RequestTimeoutError,
    TransportError,
    WandbRunsError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from wandb_runs.transport.messages import Request

__all__ = [
    "CONNECT_SECONDS",
    "closed",
    "host_of",
    "kinds_of",
    "meaning_of",
    "overdue",
    "unconnected",
    "unusable",
    "without_frames",
]

E = TypeVar("E", bound=BaseException)

# A server that is reachable accepts a connection at once; only its answers take long.
CONNECT_SECONDS: Final = 10.0

_LIBRARIES: Final = frozenset({"httpx", "httpx2", "httpcore", "httpcore2"})

_UNSHOWN: Final = _LIBRARIES | {
    "anyio", "asyncio", "h11", "h2", "socket", "ssl", "trio", "wandb_runs",
}  # fmt: skip
"""The packages whose frames hold the headers of a request, or the body of a response."""

_FAILURES: Final = frozenset({
    "NetworkError", "ProtocolError", "ProxyError", "RequestError", "TimeoutException",
    "UnsupportedProtocol",
})  # fmt: skip
_UNSENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})


def kinds_of(error: BaseException) -> frozenset[str]:
    """The names of the HTTP library's classes that an error is an instance of."""
    return frozenset(
        kind.__name__
        for kind in type(error).__mro__
        if kind.__module__.partition(".")[0] in _LIBRARIES
    )


def meaning_of(request: Request, error: BaseException) -> WandbRunsError | None:
    """What an error of the HTTP library means, to be raised from `without_frames(error)`.

    None for an interrupt, a cancellation, and an error of a user's hook: they are to be raised as
    they are, and have lost the frames that hold the key.
    """
    if isinstance(error, WandbRunsError):
        return None
    kinds = kinds_of(error)
    if kinds & _FAILURES:
        return _failure(request, error, kinds)
    if "StreamError" in kinds:
        return WandbRunsError(
            "an event hook of the http_client= has consumed the body of a response without "
            "keeping it; call response.read() there, which keeps it"
        )
    if isinstance(error, Exception):
        _drop_library_frames(error)
    else:
        without_frames(error)
    return None


def _failure(request: Request, error: BaseException, kinds: frozenset[str]) -> TransportError:
    if "ConnectTimeout" in kinds:
        return unconnected(request)
    if "TimeoutException" in kinds:
        return overdue(request)
    refusal = next((e for e in _chain(error) if isinstance(e, ssl.SSLCertVerificationError)), None)
    if refusal is not None:
        return CertificateError(
            f"the certificate of {host_of(request)} is not trusted ({refusal.verify_message}); if "
            "the server has one of your own, set SSL_CERT_FILE, or pass ssl_context=",
            may_have_arrived=False,
        )
    return ConnectionFailedError(
        f"the connection to {host_of(request)} failed ({str(error) or type(error).__name__}); "
        "check the address and the network",
        may_have_arrived=not kinds & _UNSENT,
    )


def unconnected(request: Request) -> ConnectionFailedError:
    """The error of a request that got no connection in time."""
    return ConnectionFailedError(
        f"{host_of(request)} took no connection within "
        f"{min(CONNECT_SECONDS, request.timeout):.3g} s; check the address and the network",
        may_have_arrived=False,
    )


def overdue(request: Request) -> RequestTimeoutError:
    """The error of a request whose deadline passed."""
    return RequestTimeoutError(
        f"{host_of(request)} did not answer within {request.timeout:.3g} s; pass a longer "
        "timeout= or ask for less (per_page=, samples=, keys=)"
    )


def unusable(reason: object) -> WandbRunsError:
    """The error of an environment whose proxies or certificates cannot be used."""
    return WandbRunsError(
        f"no connection can be made with this environment ({reason}); check the variables "
        "HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE"
    )


def closed() -> WandbRunsError:
    """The error of a request that is sent after `close()`."""
    return WandbRunsError("this client is closed; make a new Api()")


def host_of(request: Request) -> str:
    """The host and port of a request, for messages."""
    return urlsplit(request.url).netloc


def without_frames(error: E) -> E:
    """The error and its causes without tracebacks, whose frames hold the key."""
    for each in _chain(error):
        each.__traceback__ = None
    return error


def _drop_library_frames(error: Exception) -> None:
    """Leave of the tracebacks the frames of a user's code alone."""
    for each in _chain(error):
        kept: TracebackType | None = None
        for trace in reversed(list(_traces(each.__traceback__))):
            module = trace.tb_frame.f_globals.get("__name__", "")
            if module.partition(".")[0] not in _UNSHOWN:
                trace.tb_next = kept
                kept = trace
        each.__traceback__ = kept


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


def _traces(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next

"""What the HTTP library's errors mean, as errors of this package.

The libraries are not imported here: httpx, httpx2 and httpcore name their errors alike.
"""

from __future__ import annotations

import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from wandb_runs.errors import (
    CertificateError,
    ConnectionFailedError,
    RequestTimeoutError,
    TruncatedResponseError,
    WandbRunsError,
)
from wandb_runs.transport.tracebacks import chain_of, drop_library_frames, without_frames

if TYPE_CHECKING:
    from wandb_runs.transport.messages import Request, Response
    from wandb_runs.transport.phases import Phases
    from wandb_runs.transport.proxy_url import ProxyUrl

__all__ = [
    "CONNECT_SECONDS",
    "closed",
    "host_of",
    "kinds_of",
    "meaning_of",
    "overdue",
    "refusal_of_proxy",
    "unconnected",
    "unusable",
]

# A server that is reachable accepts a connection at once; only its answers take long.
CONNECT_SECONDS: Final = 10.0

_LIBRARIES: Final = frozenset({"httpx", "httpx2", "httpcore", "httpcore2", "socksio"})

_LASTING: Final = {
    "StreamError": "an event hook of the http_client= has consumed the body of a response without "
    "keeping it; call response.read() there, which keeps it",
    "HTTPStatusError": "a hook or auth flow of the http_client= raised HTTPStatusError for a "
    "request of its own; see the cause",
    "LocalProtocolError": "the request could not be written: a header of the http_client= is not "
    "valid HTTP; check its headers=, its auth= and its hooks",
}
"""What is lasting, and no failure of the network."""

_FAILURES: Final = frozenset({
    *_LASTING, "NetworkError", "ProtocolError", "ProxyError", "RequestError", "TimeoutException",
    "SOCKSError", "UnsupportedProtocol",
})  # fmt: skip
_QUOTING: Final = frozenset({"ProtocolError", "ProxyError", "SOCKSError"})
"""What has a text that may quote what was sent."""

_UNSENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})


def kinds_of(error: BaseException) -> frozenset[str]:
    """The names of the HTTP library's classes that an error is an instance of."""
    return frozenset(
        kind.__name__
        for kind in type(error).__mro__
        if kind.__module__.partition(".")[0] in _LIBRARIES
    )


def meaning_of(
    request: Request,
    error: BaseException,
    proxy: ProxyUrl | None = None,
    phases: Phases | None = None,
) -> WandbRunsError | None:
    """What an error of the HTTP library means.

    To be raised outside of the handler of `error`, whose text may quote what was sent; it has the
    cause that is safe to show. None for an interrupt, a cancellation, and an error of a user's
    hook: they are to be raised as they are, and have lost the frames that hold the key.

    Args:
        request: The request that failed.
        error: How it failed.
        proxy: The proxy that it went through, as far as it is known.
        phases: How far it came, if that is known.
    """
    if isinstance(error, WandbRunsError):
        return None
    kinds = kinds_of(error)
    # anyio lets an alert through that comes after the handshake, as where a certificate is missing.
    if kinds & _FAILURES or isinstance(error, ssl.SSLError):
        failure = _failure(request, error, kinds, proxy, phases)
        if not kinds & _QUOTING:
            failure.__cause__ = without_frames(error)
        return failure
    drop_library_frames(error)
    return None


def _failure(
    request: Request,
    error: BaseException,
    kinds: frozenset[str],
    proxy: ProxyUrl | None,
    phases: Phases | None,
) -> WandbRunsError:
    is_unsent = bool(kinds & _UNSENT) or (phases is not None and not phases.is_sent)
    if lasting := [text for kind, text in _LASTING.items() if kind in kinds]:
        return WandbRunsError(lasting[0])
    if "DecodingError" in kinds:
        return TruncatedResponseError(
            f"the answer of {host_of(request)} cannot be decompressed; try again", status=0
        )
    if "TimeoutException" in kinds:
        is_connecting = is_unsent and "PoolTimeout" not in kinds
        return unconnected(request, phases) if is_connecting else overdue(request)
    refusals = (e for e in chain_of(error) if isinstance(e, ssl.SSLCertVerificationError))
    refusal = next(refusals, None)
    if refusal is not None:
        return CertificateError(
            f"the certificate of {host_of(request)} is not trusted ({refusal.verify_message}); if "
            "the server has one of your own, set SSL_CERT_FILE, or pass ssl_context=",
            may_have_arrived=False,
        )
    return _broken(request, proxy, _reason(error, kinds), may_have_arrived=not is_unsent)


def _broken(
    request: Request, proxy: ProxyUrl | None, reason: str, *, may_have_arrived: bool
) -> ConnectionFailedError:
    through = f" through the proxy {proxy!r}" if proxy else ""
    return ConnectionFailedError(
        f"the connection to {host_of(request)}{through} failed ({reason}); check the address and "
        "the network",
        may_have_arrived=may_have_arrived,
    )


def refusal_of_proxy(
    request: Request, response: Response, proxy: ProxyUrl | None
) -> ConnectionFailedError | None:
    """The error of a proxy that answers in place of the server, which it asks to prove its user.

    A server's own HTTP 407 comes through a tunnel, through SOCKS or without a proxy.

    Args:
        request: The request.
        response: Its response.
        proxy: The proxy that it went through.
    """
    status = response.status
    is_passed_on = proxy is not None and proxy.is_http and request.url.startswith("http:")
    if status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED or not is_passed_on:
        return None
    return _broken(request, proxy, f"the proxy answers HTTP {status}", may_have_arrived=False)


def _reason(error: BaseException, kinds: frozenset[str]) -> str:
    """Why a connection failed, without a word of the server's or the proxy's."""
    text = str(error) or type(error).__name__
    if "ProxyError" in kinds:
        status = text.partition(" ")[0]
        return f"the proxy answers HTTP {status}" if status.isdigit() else text
    if "SOCKSError" in kinds:
        return "the proxy does not answer as SOCKS5 has it"
    if "ProtocolError" not in kinds:
        return text
    is_cut = text.startswith(("Server disconnected", "peer closed"))
    return "it was closed before the answer was whole" if is_cut else "the answer is not valid HTTP"


def unconnected(request: Request, phases: Phases | None = None) -> ConnectionFailedError:
    """The error of a request that got no connection in time.

    Args:
        request: The request.
        phases: How far it came, if that is known.
    """
    seconds = min(CONNECT_SECONDS if phases is None else phases.elapsed, request.timeout)
    doing = f", while {phases.doing}" if phases is not None and phases.doing else ""
    advice = "check the address and the network" if phases is None else phases.advice
    return ConnectionFailedError(
        f"{host_of(request)} took no connection within {round(seconds, 2):g} s{doing}; {advice}",
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

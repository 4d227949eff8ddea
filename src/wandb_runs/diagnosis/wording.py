"""Failures in words of this package's own, for a report that may be pasted anywhere.

Messages of errors quote what a server, a proxy or a user wrote, so that none of them is used.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wandb_runs.errors import (
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ConnectionFailedError,
    GraphQLError,
    InvalidArgumentError,
    MissingDependencyError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ResponseError,
    ResponseTooLargeError,
    TruncatedResponseError,
    UnsupportedByServerError,
)
from wandb_runs.transport.tracebacks import chain_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NullError", "counted", "describe_failure", "local_path"]


class NullError(Exception):
    """Null came where a value was needed; its text is of this package's own words."""


_WORDS: Final[Mapping[type[Exception], str]] = {
    # Subclasses stand before what they are derived from.
    CertificateError: "no connection: this machine does not trust the server's certificate; for a "
    "server with certificates of your own, set SSL_CERT_FILE",
    RequestTimeoutError: "no answer before the deadline",
    TruncatedResponseError: "the answer is truncated",
    ResponseTooLargeError: "the answer is longer than max_response_bytes=",
    BadResponseError: "the answer is none of W&B's schema; a proxy may have answered, or base_url "
    "names another server",
    AuthenticationError: "HTTP 401: the server does not accept the key",
    PermissionDeniedError: "HTTP 403: the key lacks the permission, or a gateway refuses it",
    RateLimitError: "HTTP 429: the rate limit of the server",
    NotFoundError: "HTTP 404: base_url names no server of W&B's",
    MissingDependencyError: "a library for this kind of proxy is not installed",
    InvalidArgumentError: "a setting cannot be used; `wandb-runs list` has the whole message",
}


def describe_failure(error: Exception) -> str:
    """Say why a request failed, without a word of what it quotes.

    >>> from wandb_runs import RateLimitError
    >>> describe_failure(RateLimitError("too many requests by 'team'"))
    'HTTP 429: the rate limit of the server'
    """
    known = next((words for kind, words in _WORDS.items() if isinstance(error, kind)), None)
    if isinstance(error, AuthenticationError) and not error.attempts:
        known = "nothing was sent, since there is no key that may go to this server"
    match error:
        case _ if known is not None:
            return known
        case NullError():
            return str(error)
        case ConnectionFailedError():
            return f"no connection: {_reason_of(error)}"
        case GraphQLError():
            why = f"with {counted(len(error.errors), 'error')} (HTTP {error.status})"
            if isinstance(error, UnsupportedByServerError):
                why = f"since its schema lacks {', '.join(error.missing)}"
            return f"the server refuses it, {why}"
        case _:
            status = error.status if isinstance(error, ResponseError) else None
            return f"a {type(error).__name__}" if status is None else f"HTTP {status}"


def _reason_of(error: ConnectionFailedError) -> str:
    """What the operating system says, in its words for the number of the error."""
    for each in chain_of(error):
        if isinstance(each, socket.gaierror):
            return "the name of its host cannot be resolved"
        if isinstance(each, OSError) and each.errno:
            return os.strerror(each.errno)
    return "it failed or broke off" if error.may_have_arrived else "it could not be made"


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "run"), counted(1200, "run")
    ('1 run', '1,200 runs')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def local_path(path: str) -> str:
    """A path of this machine, from the working directory or from the home folder, if it is there.

    However it is spelled: with `..`, as the link leads, or relative. What is no path, such as the
    name of a variable, stays as it is.

    >>> local_path("WANDB_ENTITY"), local_path("/etc/netrc"), local_path("/usr/../etc/netrc")
    ('WANDB_ENTITY', '/etc/netrc', '/etc/netrc')
    """
    bases: set[tuple[str, Path]] = set()
    with suppress(OSError):  # it may be gone
        bases.add(("", Path.cwd()))
    with suppress(RuntimeError, OSError):  # a service account may have no home
        bases |= {("~", Path.home()), ("~", Path.home().resolve())}
    spellings = [Path(path)]
    with suppress(OSError):
        spellings = [Path(os.path.abspath(path)), Path(path).resolve()]  # noqa: PTH100 - the first follows no link
    # The folder below the other one tells less of it. From the root there is nothing to shorten.
    for sign, base in sorted(bases, key=lambda each: len(each[1].parts), reverse=True):
        for each in spellings:
            if len(base.parts) > 1 and each.is_relative_to(base):
                return str(sign / each.relative_to(base))
    return str(spellings[0]) if os.sep in path else path

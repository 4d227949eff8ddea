"""URLs of servers and files: what is refused of them, and what messages show."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.text import excerpt
from wandb_runs.transport.hosts import DEFAULT_BASE_URL, origin_of

__all__ = ["BaseUrl", "check_url", "is_loopback", "problem_of_file", "text_of", "without_secrets"]

BaseUrl: TypeAlias = str | Callable[[], str]
"""A server, or a function that says it when a request is sent."""


def text_of(base_url: BaseUrl) -> str:
    """The server itself."""
    return base_url if isinstance(base_url, str) else base_url()


def is_loopback(host: str) -> bool:
    """Whether `host` is a name or an address of this machine (RFC 6761, section 6.3).

    >>> [is_loopback(host) for host in ("localhost", "a.localhost", "localhost.", "127.0.0.1")]
    [True, True, True, True]
    >>> is_loopback("api.wandb.ai"), is_loopback("localhost.example")
    (False, False)
    """
    return f".{host.removesuffix('.')}".endswith(".localhost") or _is_loopback_address(host)


def _is_loopback_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def without_secrets(url: str) -> str:
    """A URL for a message: without credentials, and without a query, which may be a signature.

    >>> without_secrets("https://me:pass@files.example/a/b.json?signature=c0ffee")
    'https://files.example/a/b.json?…'
    """
    rest, has_query, _ = url.partition("?")
    rest = rest.partition("#")[0]
    scheme, slashes, rest = rest.rpartition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{place.rpartition('@')[2]}{slash}{path}{'?…' if has_query else ''}"


def check_url(url: str, *, what: str = "base_url", allow_http: bool = False) -> None:
    """Refuse a server's URL that cannot work or would expose the key.

    Args:
        url: The URL.
        what: What messages call it.
        allow_http: Whether plain http may go to another machine than this one.

    Raises:
        InvalidArgumentError: Not an http or https URL, credentials inside it, or plain http to
            another machine without `allow_http`.
    """
    problem = _problem_of(url, what, allow_http=allow_http)
    if "@" in url:  # also behind a slash, which may be one of a password
        problem = _credentials_in(what)
    if problem is not None:
        # A traceback may be shown with the local variables of its frames.
        del url
        raise InvalidArgumentError(problem)


def problem_of_file(url: str, *, allow_http: bool = False) -> str | None:
    """Why an address that the server gave for a file is not used; None if it can be.

    Args:
        url: The address.
        allow_http: Whether plain http may go to another machine than this one.
    """
    if _problem_of(url, "it", allow_http=allow_http) is None:
        return None
    shown = f"the server gives {excerpt(without_secrets(url))!r} as the address of a file"
    if _problem_of(url, "it", allow_http=True) is None:
        return f"{shown}, without encryption; pass allow_http=True if the network is trusted"
    return f"{shown}, which is no http or https URL that can be used; ask for the file again"


def _problem_of(url: str, what: str, *, allow_http: bool) -> str | None:
    """Why a URL is refused, without the parts of it that may be secret."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:  # of which UnicodeError is one
        parts, host = urlsplit(""), ""
    shown = without_secrets(url)
    if parts.username is not None or parts.password is not None:
        return _credentials_in(what)
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[!-~]+", url):
        return (
            f"{what} must look like {DEFAULT_BASE_URL!r}, got {shown!r}; "
            f"{'write it with https:// in front' if '//' not in url else 'check its spelling'}"
        )
    if origin_of(url) is None or parts.port == 0:
        return f"{what} has no valid port (1 to 65535): {shown!r}"
    # Some resolvers ask a name server for `a.localhost`, which may name another machine.
    is_here = host == "localhost" or _is_loopback_address(host)
    if parts.scheme == "http" and not allow_http and not is_here:
        return (
            f"{what} {shown!r} would send the API key unencrypted; use https://, or pass "
            "allow_http=True if the network is trusted"
        )
    return None


def _credentials_in(what: str) -> str:
    return f"{what} must not hold credentials; pass api_key= or set WANDB_API_KEY"

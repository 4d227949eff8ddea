"""Which requests the server takes: hosts, origins, keys and types of bodies."""

from __future__ import annotations

import base64
import hmac
import re
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from wandb_runs.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = [
    "AccessMiddleware",
    "host_name",
    "is_json",
    "is_loopback",
    "is_viewer",
    "may_only_read",
    "refusal",
]

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_AUTHORITY: Final = re.compile(rf"(?P<name>\[[0-9A-Fa-f:.]+\]|{_NAME.pattern})(?::[0-9]*)?")
_ORIGIN: Final = re.compile(r"https?://(?P<authority>.*)")


def is_loopback(name: str) -> bool:
    """Whether a host is this machine, whatever a name server says.

    >>> [is_loopback(name) for name in ("localhost", "a.localhost", "127.8.9.1", "::1")]
    [True, True, True, True]
    >>> [is_loopback(name) for name in ("localhost.example", "127.0.0.1.example", "10.0.0.1")]
    [False, False, False]
    """
    address = _address(name)
    if address is None:
        # RFC 6761 keeps these names for the loopback interface: none can be registered.
        return name == "localhost" or name.endswith(".localhost")
    return address.is_loopback


def host_name(text: str) -> str:
    """The host that a caller allows, in the form in which requests are compared.

    Raises:
        InvalidArgumentError: It is not one host: it has a port, a scheme or a wildcard.

    >>> host_name("Runs.Example"), host_name("[FE80::1]"), host_name("fe80::1")
    ('runs.example', 'fe80::1', 'fe80::1')
    """
    name = text.strip("[]")
    # An empty part is no host's: a name of dots alone would stand for nothing.
    is_name = _NAME.fullmatch(name) and all(name.removesuffix(".").split("."))
    if _address(name) is None and not is_name:
        raise InvalidArgumentError(
            f"{text!r} is not the name or the address of one host; write it without scheme, port "
            "and wildcards, such as 'runs.example'"
        )
    return _normalized(name)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(name)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _normalized(name: str) -> str:
    """A host in one spelling: lower case, addresses in their short form, without a last dot."""
    address = _address(name)
    return name.lower().removesuffix(".") if address is None else str(address)


def _host(authority: str) -> str | None:
    """The host of `host:port`; None for any other text."""
    found = _AUTHORITY.fullmatch(authority)
    return _normalized(found["name"].strip("[]")) if found else None


class AccessMiddleware:
    """Refuses requests of pages from other sites, before anything of them is read.

    A page whose host name has been rebound to this machine sends its own name as `Host`; a page of
    any other site sends its `Origin` with each request that could change something.

    Args:
        app: The application.
        allow_hosts: Hosts to accept beside this machine's loopback names and addresses, and the
            address that a connection was made to; as `host_name` spells them.
    """

    def __init__(self, app: ASGIApp, allow_hosts: Iterable[str]) -> None:
        self._app = app
        self._allowed = frozenset(allow_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refused = self._refuse(scope)
        await (refused or self._app)(scope, receive, send)

    def _refuse(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        # A target with a host of its own would stand above the header; no client sends one here.
        if not scope["path"].startswith("/"):
            return refusal("the target of a request is a path", HTTPStatus.BAD_REQUEST)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_allowed(_host(hosts[0]), scope):
            return refusal(
                f"this server is not {', '.join(hosts) or 'named by the request'}: it answers to "
                "the names and addresses of its machine's loopback interface, and to those that "
                "--allow-host names",
                HTTPStatus.MISDIRECTED_REQUEST,
            )
        for origin in headers.getlist("origin"):
            found = _ORIGIN.fullmatch(origin)
            if found is None or not self._is_allowed(_host(found["authority"]), scope):
                return refusal(
                    f"requests of pages from {origin} are refused; --allow-host allows a host",
                    HTTPStatus.FORBIDDEN,
                )
        return None

    def _is_allowed(self, name: str | None, scope: Scope) -> bool:
        if name is None:
            return False
        if is_loopback(name) or name in self._allowed:
            return True
        server: tuple[str, int | None] | None = scope.get("server")
        return server is not None and name == _normalized(server[0])


def is_viewer(
    request: Request, api_key: str | None, read_only_key: str | None = None
) -> bool | None:
    """Whether a request carries an API key, as the password of the user `api`.

    Args:
        request: The request.
        api_key: The one key that is right; None accepts any, and takes a request without one for
            anonymous.
        read_only_key: Another key that is right.

    Returns:
        True with a key, False without one where none is needed, None for wrong credentials.
    """
    header = request.headers.get("authorization")
    if header is None:
        return False if api_key is None else None
    key = _key(header)
    if key is None:
        return None
    if api_key is None:
        return bool(key)
    return _is_one_of(key, api_key, read_only_key) or None


def may_only_read(request: Request, read_only_key: str | None) -> bool:
    """Whether a request carries the key that may only read."""
    key = _key(request.headers.get("authorization", ""))
    return key is not None and _is_one_of(key, read_only_key)


def _key(header: str) -> str | None:
    """The key in a header of basic authentication; None in any other one."""
    scheme, _, encoded = header.partition(" ")
    try:
        user, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return key if scheme.lower() == "basic" and user == "api" else None


def _is_one_of(key: str, *right: str | None) -> bool:
    return any(hmac.compare_digest(key.encode(), each.encode()) for each in right if each)


def is_json(request: Request) -> bool:
    """Whether a request's body is declared as JSON, as every client of W&B's API does.

    A browser asks before it lets a page send this type to another site, and is refused.
    """
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"


def refusal(message: str, status: HTTPStatus) -> JSONResponse:
    """A response that says why a request is refused, as W&B's does.

    There is no `WWW-Authenticate` with a 401: a browser would ask for a key, and then send it
    with the requests of any page.
    """
    return JSONResponse({"error": message}, status)

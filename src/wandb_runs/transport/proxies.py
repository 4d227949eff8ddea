"""The proxies that the environment names."""

from __future__ import annotations

import re
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.request import getproxies, proxy_bypass

from typing_extensions import override

from wandb_runs.errors.extras import needs_extra
from wandb_runs.transport.failures import unusable
from wandb_runs.transport.proxy_url import ProxyUrl

if TYPE_CHECKING:
    import ssl
    from urllib.parse import SplitResult

    import httpx

__all__ = ["httpx_proxy", "proxy_for"]

_SOCKS: Final = frozenset({"socks5", "socks5h"})

_LONGEST: Final = 255
"""Bytes of a user or a password that SOCKS5 has room for."""


_USABLE: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:[^/?#]*@)?(?:[^/?#@:\[]+|\[[^/?#@\]]+\])(?::([0-9]*))?(?:[/?#][^@]*)?",
    re.IGNORECASE,
)
"""An address in which no part of a password can be taken for a host, a port or a path."""

_LAST_PORT: Final = 65535


def proxy_for(parts: SplitResult) -> ProxyUrl | None:
    """The proxy that the environment names for an address, as the standard library reads it."""
    found = getproxies()
    name = parts.scheme if found.get(parts.scheme) else "all"
    variable = f"{name.upper()}_PROXY"
    given = ProxyUrl(found.get(name) or "", variable)
    del found  # a traceback may be shown with the local variables of its frames
    if not given or proxy_bypass(parts.netloc):
        return None
    return given if "://" in given else ProxyUrl(f"http://{given}", variable)


def httpx_proxy(proxy: ProxyUrl | None, context: ssl.SSLContext | None) -> httpx.Proxy | None:
    """A proxy in httpx's form.

    Raises:
        WandbRunsError: It cannot be one.
    """
    if proxy is None:
        return None
    scheme = proxy.partition(":")[0].lower()
    if scheme.startswith("socks"):
        if scheme not in _SOCKS:
            raise unusable(
                f"the proxy {proxy!r} is not supported: of SOCKS, socks5:// and socks5h:// are"
            )
        with needs_extra("socks", f"the proxy {proxy!r}"):
            import_module("socksio")
    made = _made(proxy, context if scheme == "https" else None)
    # Raised outside of any handler: the words and the frames of a cause quote the password.
    if isinstance(made, str):
        raise unusable(f"the proxy {proxy!r} {made}")
    return made


def _made(proxy: ProxyUrl, context: ssl.SSLContext | None) -> httpx.Proxy | str:
    """A proxy in httpx's form, or why it cannot be one."""
    import httpx  # noqa: PLC0415 - with the first request: it takes long to import

    usable = _USABLE.fullmatch(proxy)
    if usable is None:
        return (
            "is none that can be used; in a user or a password, write %2F for a slash, %3F for a "
            "question mark, %23 for # and %40 for @"
        )
    port = usable[1]
    if port and (len(port.lstrip("0")) > len(str(_LAST_PORT)) or not 0 < int(port) <= _LAST_PORT):
        return f"has no valid port (1 to {_LAST_PORT})"
    with suppress(ValueError, httpx.InvalidURL):
        made = httpx.Proxy(proxy, ssl_context=context)
        made.auth = auth = _hidden(made.auth)
        if proxy.is_http or all(len(each.encode()) <= _LONGEST for each in auth or ()):
            return made
        return f"has a user or a password of more than {_LONGEST} bytes"
    return "is none that can be used"


class _HiddenText(str):
    """Text whose bytes hide themselves: httpcore logs those that it gives to a SOCKS proxy."""

    __slots__ = ()

    @override
    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return _HiddenBytes(super().encode(encoding, errors))

    @override
    def __repr__(self) -> str:
        return "'(not shown)'"


class _HiddenBytes(bytes):
    """Bytes that are shown by nothing."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return "b'(not shown)'"


def _hidden(auth: tuple[str, str] | None) -> tuple[str, str] | None:
    return None if auth is None else (_HiddenText(auth[0]), _HiddenText(auth[1]))

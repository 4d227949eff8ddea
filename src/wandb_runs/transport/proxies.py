"""The proxies that the environment names."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.request import getproxies, proxy_bypass

from typing_extensions import override

from wandb_runs.errors.extras import needs_extra
from wandb_runs.transport.failures import unusable
from wandb_runs.transport.settings import without_secrets

if TYPE_CHECKING:
    import ssl
    from urllib.parse import SplitResult

    import httpx

__all__ = ["ProxyUrl", "httpx_proxy", "proxy_for"]

_SOCKS: Final = frozenset({"socks5", "socks5h"})

_LONGEST: Final = 255
"""Bytes of a user or a password that SOCKS5 has room for."""


class ProxyUrl(str):
    """The address of a proxy; its repr hides the password."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return f"<ProxyUrl {without_secrets(self)}>"


def proxy_for(parts: SplitResult) -> ProxyUrl | None:
    """The proxy that the environment names for an address, as the standard library reads it."""
    found = getproxies()
    given = ProxyUrl(found.get(parts.scheme) or found.get("all") or "")
    del found  # a traceback may be shown with the local variables of its frames
    if not given or proxy_bypass(parts.netloc):
        return None
    return given if "://" in given else ProxyUrl(f"http://{given}")


def httpx_proxy(proxy: ProxyUrl | None, context: ssl.SSLContext | None) -> httpx.Proxy | None:
    """A proxy in httpx's form.

    Raises:
        WandbRunsError: It cannot be one.
    """
    import httpx  # noqa: PLC0415 - with the first request: it takes long to import

    if proxy is None:
        return None
    scheme = proxy.partition(":")[0].lower()
    if scheme.startswith("socks"):
        if scheme not in _SOCKS:
            raise unusable(f"{proxy!r} is not supported: of SOCKS, socks5:// and socks5h:// are")
        with needs_extra("socks", f"the proxy of this environment, {proxy!r},"):
            import_module("socksio")
    problem = "is none that can be used"
    try:
        found = httpx.Proxy(proxy, ssl_context=context if scheme == "https" else None)
        found.auth = auth = _hidden(found.auth)
        if scheme in _SOCKS and any(len(each.encode()) > _LONGEST for each in auth or ()):
            problem = f"has a user or a password of more than {_LONGEST} bytes"
        elif found.url.host:
            return found
    except (ValueError, httpx.InvalidURL):
        pass
    # Raised outside of the handler: the words and the frames of its cause quote the password.
    raise unusable(f"{proxy!r} {problem}")


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

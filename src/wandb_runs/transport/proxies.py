"""The proxies that the environment names."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

from typing_extensions import override

from wandb_runs.transport.failures import unusable
from wandb_runs.transport.settings import without_secrets

if TYPE_CHECKING:
    import ssl
    from urllib.parse import SplitResult

    import httpx

__all__ = ["ProxyUrl", "httpx_proxy", "proxy_for"]


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
    if proxy.startswith("socks") and find_spec("socksio") is None:
        raise unusable(f"{proxy!r} needs another package: pip install 'httpx[socks]'")
    try:
        found = httpx.Proxy(proxy, ssl_context=context if proxy.startswith("https:") else None)
        if found.url.host:
            return found
    except (ValueError, httpx.InvalidURL):
        pass
    # Raised outside of the handler: the words and the frames of its cause quote the password.
    raise unusable(f"{proxy!r} is none that can be used")

"""Which proxy an address is asked through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from typing_extensions import override

from wandb_runs.transport.settings import without_secrets

if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = ["Proxy", "proxy_for"]

_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


class Proxy:
    """A proxy; its password is shown by nothing.

    Attributes:
        scheme: How it is talked to: `http`, `https`, `socks5` or `socks5h`.
        url: Its address, without credentials.
        auth: User and password, if there are any.
    """

    __slots__ = ("_given", "auth", "scheme", "url")

    scheme: str
    url: str
    auth: tuple[bytes, bytes] | None

    def __init__(self, given: str) -> None:
        self._given = given
        del given  # a traceback may be shown with the local variables of its frames
        self.scheme, self.url, self.auth = self._read()

    def _read(self) -> tuple[str, str, tuple[bytes, bytes] | None]:
        scheme, host, port, auth = _parts_of(self._given)
        if not host or scheme not in _SCHEMES:
            auth = None
            raise ValueError(f"{self!r} is none that can be used")
        name = f"[{host}]" if ":" in host else host
        return scheme, f"{scheme}://{name}" + ("" if port is None else f":{port}"), auth

    @property
    def is_socks(self) -> bool:
        """Whether it is talked to by SOCKS."""
        return self.scheme.startswith("socks")

    @override
    def __repr__(self) -> str:
        return f"<Proxy {without_secrets(self._given)}>"

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and self._given == other._given

    @override
    def __hash__(self) -> int:
        return hash(self._given)


def proxy_for(parts: SplitResult) -> Proxy | None:
    """The proxy that the environment names for an address, as the standard library reads it.

    Raises:
        ValueError: It names one that cannot be.
    """
    found = getproxies()
    given = found.get(parts.scheme) or found.get("all")
    del found
    if not given or proxy_bypass(parts.netloc):
        return None
    try:
        return Proxy(given if "://" in given else f"http://{given}")
    finally:
        # A traceback may be shown with the local variables of its frames.
        del given


def _parts_of(given: str) -> tuple[str, str, int | None, tuple[bytes, bytes] | None]:
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:  # its words may quote the password
        return "", "", None, None
    auth = None
    if parts.username is not None:
        auth = unquote(parts.username).encode(), unquote(parts.password or "").encode()
    return parts.scheme, parts.hostname or "", port, auth

"""W&B's own deployment, which has several hosts, and what follows from a server's address."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.query.location import APP_HOST, APP_URL

__all__ = [
    "DEFAULT_BASE_URL",
    "app_url_of",
    "direct_url",
    "netrc_names",
    "origin_of",
    "server_of",
]

DEFAULT_BASE_URL: Final = "https://api.forge.coreweave.com"

_API_HOSTS: Final = ("api.forge.coreweave.com", "api.wandb.ai")
"""The hosts of one API, in the order in which a netrc is asked for them."""

_PROXY_PATH: Final = "/api/wandb"
"""Where the host of the pages passes requests on to the API."""

_PORTS: Final = {"http": 80, "https": 443}


def origin_of(url: str) -> object:
    """Scheme, host and port, however they are spelled; None for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port


_DEPLOYMENT: Final = frozenset(origin_of(f"https://{host}") for host in (*_API_HOSTS, APP_HOST))


def server_of(url: str) -> object:
    """A value that is equal for base URLs of one server, which takes the same keys.

    >>> server_of("https://api.wandb.ai") == server_of("https://API.forge.coreweave.com:443/")
    True
    >>> server_of("https://api.wandb.ai") == server_of("http://api.wandb.ai")
    False
    """
    origin = origin_of(url)
    return origin_of(DEFAULT_BASE_URL) if origin in _DEPLOYMENT else origin


def direct_url(base_url: str, what: str = "base_url") -> str:
    """The base URL that requests are sent to.

    Args:
        base_url: The base URL as it was given, without a trailing slash.
        what: What messages call it.

    Raises:
        InvalidArgumentError: A page of W&B's App, or whatever else its host has beside the API.

    >>> direct_url("https://forge.coreweave.com/api/wandb")
    'https://api.forge.coreweave.com'
    >>> direct_url("https://wandb.team.example")
    'https://wandb.team.example'
    """
    parts = urlsplit(base_url)
    if (parts.hostname or "").removesuffix(".") != APP_HOST:
        return base_url
    if origin_of(base_url) == origin_of(APP_URL) and parts.path.rstrip("/") == _PROXY_PATH:
        return DEFAULT_BASE_URL
    raise InvalidArgumentError(
        f"{what} names the host of W&B's pages, {APP_HOST!r}, and not its API; write "
        f"{DEFAULT_BASE_URL!r}"
    )


def app_url_of(base_url: str) -> str:
    """The address of a server's pages.

    They are beside the API in W&B's own deployment, under `app.` for a host that begins with
    `api.`, and else where the API is.

    >>> app_url_of("https://api.wandb.ai"), app_url_of("https://api.team.example")
    ('https://forge.coreweave.com/wandb', 'https://app.team.example')
    """
    if server_of(base_url) == server_of(DEFAULT_BASE_URL):
        return APP_URL
    scheme, _, rest = base_url.partition("://")
    if rest.startswith("api.wandb."):
        return f"{scheme}://{rest.removeprefix('api.')}"
    if rest.startswith("api."):
        return f"{scheme}://app.{rest.removeprefix('api.')}"
    return base_url


def netrc_names(base_url: str) -> list[str]:
    """The names of the entries that a netrc may have for a server, the first one first.

    >>> netrc_names("https://wandb.team.example:8443")
    ['wandb.team.example:8443', 'wandb.team.example']
    >>> netrc_names("https://api.wandb.ai")
    ['api.wandb.ai:443', 'api.wandb.ai', 'api.forge.coreweave.com']
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    port = parts.port or _PORTS.get(parts.scheme)
    spellings = [f"[{host}]", host] if ":" in host else [host]
    names = [f"{spellings[0]}:{port}", *spellings]
    if server_of(base_url) == server_of(DEFAULT_BASE_URL):
        names += _API_HOSTS
    return list(dict.fromkeys(names))

"""The server, the key and the defaults of an `Api`: from arguments, then from the environment."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn, cast
from urllib.parse import urlsplit

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import did_you_mean
from wandb_runs.errors.text import FieldsRepr, as_message, excerpt
from wandb_runs.query.location import check_name
from wandb_runs.transport.credentials import (
    ApiKey,
    Environment,
    SecretHeaders,
    Shared,
    extra_headers,
    key_in,
)
from wandb_runs.transport.hosts import (
    DEFAULT_BASE_URL,
    app_url_of,
    direct_url,
    origin_of,
    server_of,
)
from wandb_runs.transport.tracebacks import clear_frames

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Address",
    "Settings",
    "check_url",
    "is_loopback",
    "problem_of_file",
    "resolve_settings",
    "without_secrets",
]

_OVERRIDES: Final = ("base_url", "entity", "project", "username")


class Address:
    """A file's address, whose query may be a signature that works as a key: shown by nothing.

    Attributes:
        url: The address itself, for the request that needs it.
    """

    __slots__ = ("url",)

    def __init__(self, url: str) -> None:
        self.url: str = url

    def taken_out_of(self, content: bytes) -> bytes:
        """An answer without the signature, for a server that quotes what it was sent."""
        query = self.url.partition("?")[2].encode()
        return content.replace(query, b"(not shown)") if query else content

    @override
    def __repr__(self) -> str:
        return f"<Address {as_message(without_secrets(getattr(self, 'url', '')))}>"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("an address that is signed is never pickled; it is asked for again")


@dataclass(frozen=True, slots=True, repr=False)
class Settings(FieldsRepr, Shared):
    """The arguments of `Api`, completed from the environment; making them opens no file.

    Attributes:
        base_url: The server, without a trailing slash.
        app_url: The address of W&B's web pages, without a trailing slash.
        entity: The entity for paths that name none; None means the viewer's.
        project: The project for paths that name none.
        allow_http: Whether plain http may go to another machine than this one.
        api_key: The key from an argument or the environment; a netrc is read when a request
            needs it.
        headers: Extra headers for requests to the server's own origin.
        is_keyless: Whether only a netrc may hold the key: these settings were pickled, and the
            key of the environment where they landed is for another server.
    """

    base_url: str
    app_url: str
    entity: str | None = None
    project: str | None = None
    allow_http: bool = False
    api_key: ApiKey | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: SecretHeaders({}))
    is_keyless: bool = False

    @override
    def __reduce__(self) -> tuple[Callable[..., Settings], tuple[object, ...]]:
        # Without the key and the headers, which are looked for where the pickle lands.
        had_key = self.api_key is not None or self.is_keyless
        rest = (self.base_url, self.app_url, self.entity, self.project, self.allow_http, had_key)
        return _land, rest


def _land(
    base_url: str,
    app_url: str,
    entity: str | None,
    project: str | None,
    allow_http: bool,  # noqa: FBT001 - a pickle holds no keywords
    had_key: bool,  # noqa: FBT001 - the same
) -> Settings:
    """Settings that were pickled, with this environment's key and headers if they are for it."""
    outside = sys.exception()
    try:
        key, headers, is_keyless = _found_here(base_url, had_key=had_key)
        return Settings(base_url, app_url, entity, project, allow_http, key, headers, is_keyless)
    except BaseException as error:
        clear_frames(error, outside)
        raise


def _found_here(base_url: str, *, had_key: bool) -> tuple[ApiKey | None, Mapping[str, str], bool]:
    """The key and the headers of this environment for a server, and whether it has no key."""
    env = Environment(os.environ)
    if server_of(base_url) != server_of(env.get("WANDB_BASE_URL") or DEFAULT_BASE_URL):
        return None, SecretHeaders({}), had_key or bool(env.get("WANDB_API_KEY"))
    return key_in(env), extra_headers(None, env), False


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


def resolve_settings(
    *,
    base_url: str | None = None,
    api_key: ApiKey | None = None,
    entity: str | None = None,
    project: str | None = None,
    allow_http: bool = False,
    overrides: Mapping[str, str | None] | None = None,
    headers: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Complete arguments from wandb's `overrides`, then from the environment.

    An empty string counts as not given, as it does in W&B's own SDK.

    Raises:
        InvalidArgumentError: A value of the wrong type or form, or an unknown override.
    """
    env = Environment(os.environ if environ is None else environ)
    for name, value in (("base_url", base_url), ("entity", entity), ("project", project)):
        _check_text(name, value)
    extra = _check_overrides(overrides)

    base = (
        base_url or extra.get("base_url") or env.get("WANDB_BASE_URL") or DEFAULT_BASE_URL
    ).rstrip("/")
    check_url(base, allow_http=allow_http)
    if "?" in base or "#" in base:
        raise InvalidArgumentError(
            f"base_url must end before any '?' or '#', got {without_secrets(base)!r}"
        )
    base = direct_url(base)
    app_url = env.get("WANDB_APP_URL") or app_url_of(base)
    check_url(app_url, what="WANDB_APP_URL", allow_http=True)
    entity = entity or extra.get("entity") or extra.get("username") or env.get("WANDB_ENTITY")
    project = project or extra.get("project") or env.get("WANDB_PROJECT")
    return Settings(
        base_url=base,
        app_url=app_url.rstrip("/"),
        entity=check_name(entity, "entity") if entity else None,
        project=check_name(project, "project") if project else None,
        allow_http=allow_http,
        api_key=key_in(env) if api_key is None else api_key,
        headers=extra_headers(headers, env),
    )


def _check_text(what: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidArgumentError(f"{what} must be a str, got {type(value).__name__}")
    return value


def _check_overrides(overrides: object) -> dict[str, str | None]:
    if overrides is None:
        return {}
    if not isinstance(overrides, Mapping):
        raise InvalidArgumentError(
            f"overrides must be a dict like {{'entity': 'team'}}, got {type(overrides).__name__}"
        )
    checked: dict[str, str | None] = {}
    for name, value in cast("Mapping[object, object]", overrides).items():
        # wandb's own examples pass "run", which means nothing to a query.
        if name not in (*_OVERRIDES, "run", "organization"):
            raise InvalidArgumentError(
                f"overrides has an unknown key {name!r}{did_you_mean(str(name), _OVERRIDES)}"
            )
        checked[str(name)] = _check_text(f"overrides[{name!r}]", value)
    return checked

"""The server, the key and the defaults of an `Api`, and where each comes from.

They come from arguments, then from the environment, then from settings files, which are read when
a request needs them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeAlias, cast
from urllib.parse import unquote_to_bytes, urlsplit

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError, WandbRunsError
from wandb_runs.errors.suggest import did_you_mean
from wandb_runs.errors.text import as_message
from wandb_runs.query.location import check_name
from wandb_runs.transport.credentials import (
    ApiKey,
    Environment,
    SecretHeaders,
    Shared,
    extra_headers,
    key_in,
)
from wandb_runs.transport.hosts import DEFAULT_BASE_URL, app_url_of, direct_url, server_of
from wandb_runs.transport.settings_files import Setting, read_settings_files
from wandb_runs.transport.tracebacks import clear_frames
from wandb_runs.transport.urls import check_url, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.transport.settings_files import SettingsFiles

__all__ = ["Address", "Name", "Settings", "resolve_settings"]

_OVERRIDES: Final = ("base_url", "entity", "project", "username")

Name: TypeAlias = Literal["base_url", "app_url", "entity", "project"]
"""A setting that is no secret."""

_LATER: Final = ("WANDB_BASE_URL", "WANDB_CONFIG_DIR", "WANDB_IDENTITY_TOKEN_FILE")
"""The variables that are needed after settings are made."""


_SHORTEST_SIGNATURE: Final = 8
"""Characters of a query's value from which on it may be a signature."""


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
        values = [part.partition(b"=")[2] for part in query.split(b"&")]
        long = [value for value in values if len(value) >= _SHORTEST_SIGNATURE]
        for secret in sorted({query, *long, *map(unquote_to_bytes, long)} - {b""}, key=len)[::-1]:
            content = content.replace(secret, b"(not shown)")
        return content

    @override
    def __repr__(self) -> str:
        return f"<Address {as_message(without_secrets(getattr(self, 'url', '')))}>"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("an address that is signed is never pickled; it is asked for again")


class Settings(Shared):
    """The arguments of `Api`, completed from the environment and from settings files.

    Making them opens no file. The files are read at the first touch of a setting that neither
    argument nor environment gives, once for all settings.

    Args:
        given: What arguments and the environment give.
        allow_http: Whether plain http may go to another machine than this one.
        key: The key from an argument or the environment.
        headers: Extra headers for requests to the server's own origin.
        env: The variables that say where else to look.
        landed: For settings that were pickled, whether there has been a key; None for others.
        client_has_key: Whether the user's HTTP client has credentials of its own.
    """

    def __init__(
        self,
        given: Mapping[Name, Setting],
        *,
        allow_http: bool,
        key: ApiKey | None,
        headers: Mapping[str, str],
        env: Mapping[str, str],
        landed: bool | None = None,
        client_has_key: bool = False,
    ) -> None:
        self.allow_http: bool = allow_http
        self.client_has_key: bool = client_has_key
        self.given_key: ApiKey | None = key
        """The key from an argument or the environment, whatever server it is for."""
        self._found: dict[Name, Setting] = dict(given)
        self._headers = headers
        self._env = {name: env[name] for name in _LATER if env.get(name)}
        self._landed = landed
        self._untrusted: str | None = None
        self._files: list[SettingsFiles] = []

    @override
    def __repr__(self) -> str:
        # Without reading a file.
        found: dict[Name, Setting] = getattr(self, "_found", {})
        shown = (f"{name}={found[name].value!r}" for name in found)
        return f"{type(self).__name__}({', '.join(shown)})"

    @override
    def __reduce__(self) -> tuple[Callable[..., Settings], tuple[object, ...]]:
        # Without the key and the headers, which are looked for where the pickle lands.
        had_key = self.api_key is not None or self.is_keyless
        names: tuple[Name, ...] = ("base_url", "app_url", "entity", "project")
        self.find("base_url")  # it is the same where the pickle lands
        values = {name: self._for_pickle(name) for name in names}
        return _land, (values, self.allow_http, had_key)

    def _for_pickle(self, name: Name) -> str | None:
        """A setting, None for nothing; empty where it has to be looked up again."""
        try:
            return self.find(name).value
        except InvalidArgumentError:
            return ""

    def find(self, name: Name) -> Setting:
        """A setting, and where it comes from.

        Raises:
            InvalidArgumentError: A settings file that cannot be read, or a value in it that cannot
                be right.
        """
        found = self._found.get(name)
        if found is None:
            try:
                # Threads that come at once agree on what the first one stores.
                found = self._found.setdefault(name, self._look_up(name))
            except InvalidArgumentError as error:
                # The frames below hold what may hold credentials.
                raise error.with_traceback(None) from None
        return found

    def known(self, name: Name) -> str | None:
        """A setting as far as it is known without reading a file; None if it is not."""
        return self._found.get(name, Setting()).value

    @property
    def base_url(self) -> str:
        """The server, without a trailing slash."""
        return self.find("base_url").value or DEFAULT_BASE_URL

    @property
    def app_url(self) -> str:
        """The address of W&B's web pages, without a trailing slash."""
        return self.find("app_url").value or app_url_of(self.base_url)

    @property
    def entity(self) -> str | None:
        """The entity for paths that name none; None means the viewer's."""
        return self.find("entity").value

    @property
    def project(self) -> str | None:
        """The project for paths that name none."""
        return self.find("project").value

    @property
    def shown(self) -> str:
        """The server as reprs show it, which read no file."""
        return self.known("base_url") or "(server not looked up yet)"

    @property
    def api_key(self) -> ApiKey | None:
        """The key from an argument or the environment, if it is for this server."""
        key = self.given_key
        return key if key is None or self._is_for_environment() else None

    @property
    def headers(self) -> Mapping[str, str]:
        """Extra headers for requests to the server's own origin."""
        is_used = not self._headers or self._is_for_environment()
        return self._headers if is_used else SecretHeaders({})

    @property
    def is_keyless(self) -> bool:
        """Whether only a netrc may hold the key.

        These settings were pickled, and the key of the environment where they landed is for
        another server.
        """
        return bool(self._landed) and not self._is_for_environment()

    @property
    def uses_token_file(self) -> bool:
        """Whether the environment names a file with an identity token, and there is no key."""
        is_named = "WANDB_IDENTITY_TOKEN_FILE" in self._env and self.given_key is None
        return is_named and self._is_for_environment()

    @property
    def untrusted_file(self) -> str | None:
        """The file in the working directory that names the server, if one does."""
        self.find("base_url")
        return self._untrusted

    def _is_for_environment(self) -> bool:
        """Whether the key and the headers of the environment are for this server."""
        if self._landed is None:
            return True
        here = self._env.get("WANDB_BASE_URL") or self._read().own_server.value or ""
        return server_of(self.base_url) == server_of(here)

    def _look_up(self, name: Name) -> Setting:
        if name == "app_url":
            return Setting(app_url_of(self.base_url), "base_url")
        files = self._read()
        if name != "base_url":
            found = files.local.get(name) or files.own.get(name) or Setting()
            if found.value is not None:
                check_name(found.value, f"{name} of {found.place}")
            return found
        own, local = files.own_server, files.local.get(name)
        # Where both name one server, a key for the user's own is for it.
        chosen = own if local is None or _is_same(local, own) else local
        base_url = _checked_base_url(
            chosen.value or "", f"base_url of {chosen.place}", allow_http=self.allow_http
        )
        if chosen is not own:
            self._untrusted = chosen.source
        return Setting(base_url, chosen.source)

    def _read(self) -> SettingsFiles:
        if not self._files:
            outside = sys.exception()
            try:
                self._files.append(read_settings_files(self._env.get("WANDB_CONFIG_DIR")))
            except WandbRunsError:
                raise
            except BaseException as error:
                clear_frames(error, outside)
                raise
        return self._files[0]


def _is_same(one: Setting, other: Setting) -> bool:
    """Whether two settings name the same server."""
    urls = [(each.value or "").rstrip("/") for each in (one, other)]
    try:
        first, second = (direct_url(url) for url in urls)
        has_same_path = urlsplit(first).path == urlsplit(second).path
    except ValueError:  # of which InvalidArgumentError is one
        return False
    return has_same_path and server_of(first) == server_of(second)


def _land(
    values: Mapping[Name, str | None],
    allow_http: bool,  # noqa: FBT001 - a pickle holds no keywords
    had_key: bool,  # noqa: FBT001 - the same
) -> Settings:
    """Settings that were pickled, with this environment's key and headers if they are for it.

    No file is read, so that it may show at the first request only that they are not.
    """
    outside = sys.exception()
    try:
        env = Environment(os.environ)
        here = env.get("WANDB_BASE_URL")
        is_for_other = bool(here) and server_of(here or "") != server_of(values["base_url"] or "")
        return Settings(
            {
                name: Setting(value, "pickle" if value else None)
                for name, value in values.items()
                if value != ""
            },
            allow_http=allow_http,
            key=None if is_for_other else key_in(env),
            headers=SecretHeaders({}) if is_for_other else extra_headers(None, env),
            env=env,
            landed=had_key or bool(env.get("WANDB_API_KEY")),
        )
    except BaseException as error:
        clear_frames(error, outside)
        raise


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
    client_has_key: bool = False,
) -> Settings:
    """Complete arguments from wandb's `overrides`, then from the environment.

    An empty string counts as not given, as it does in W&B's own SDK. What is given nowhere is
    looked for in settings files when it is needed.

    Raises:
        InvalidArgumentError: A value of the wrong type or form, or an unknown override.
    """
    env = Environment(os.environ if environ is None else environ)
    arguments: Mapping[Name, str | None] = {
        "base_url": base_url,
        "entity": entity,
        "project": project,
    }
    for name, value in arguments.items():
        _check_text(name, value)
    extra = _check_overrides(overrides)
    given: dict[Name, Setting] = {}
    for name, value in arguments.items():
        variable = f"WANDB_{name.upper()}"
        places = {"argument": value, "overrides": extra.get(name), variable: env.get(variable)}
        found = next(((text, place) for place, text in places.items() if text), None)
        if found is not None:
            text, place = found
            given[name] = Setting(
                _checked_base_url(text, "base_url", allow_http=allow_http)
                if name == "base_url"
                else check_name(text, name),
                place,
            )
    if app_url := env.get("WANDB_APP_URL"):
        _check_end(app_url, "WANDB_APP_URL", allow_http=True)
        given["app_url"] = Setting(app_url.rstrip("/"), "WANDB_APP_URL")
    return Settings(
        given,
        allow_http=allow_http,
        key=key_in(env) if api_key is None else api_key,
        headers=extra_headers(headers, env),
        env=env,
        client_has_key=client_has_key,
    )


def _checked_base_url(base_url: str, what: str, *, allow_http: bool) -> str:
    base_url = base_url.rstrip("/")
    _check_end(base_url, what, allow_http=allow_http)
    return direct_url(base_url, what)


def _check_end(url: str, what: str, *, allow_http: bool) -> None:
    """Check a URL that paths are added to."""
    check_url(url, what=what, allow_http=allow_http)
    if "?" in url or "#" in url:
        raise InvalidArgumentError(
            f"{what} must end before any '?' or '#', got {without_secrets(url)!r}"
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
    checked["entity"] = checked.get("entity") or checked.get("username")
    return checked

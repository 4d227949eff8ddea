"""API keys and extra headers: look-up (environment, netrc), sending, and redaction."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from collections import UserDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from inspect import iscoroutinefunction
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, cast

from typing_extensions import override

from wandb_runs._version import __version__
from wandb_runs.errors import AuthenticationError, InvalidArgumentError, WandbRunsError
from wandb_runs.errors.text import as_message
from wandb_runs.transport.hosts import netrc_names
from wandb_runs.transport.tracebacks import clear_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from wandb_runs.transport.settings import Settings

__all__ = [
    "PLAIN_HEADERS",
    "ApiKey",
    "Credentials",
    "Environment",
    "Identity",
    "SecretHeaders",
    "Shared",
    "extra_headers",
    "find_api_key",
    "is_async",
    "key_in",
]

PLAIN_HEADERS: Final[Mapping[str, str]] = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": f"wandb-runs/{__version__}",
}
"""The headers of every request; all that any repr shows of headers."""

_HEADERS_VARIABLE: Final = "WANDB_X_EXTRA_HTTP_HEADERS"
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"|[!-~](?:[\t -~]*[!-~])?", re.ASCII)
_OWN_HEADERS: Final = frozenset(
    {"accept-encoding", "authorization", "connection", "host", "transfer-encoding"}
)
"""Headers that the client sets itself, beside those of the body (`Content-*`)."""

_SHORTEST_SECRET: Final = 6
"""Shorter header values are too common to be struck from what a server says."""

_HIDDEN: Final = b"(not shown)"


class Environment(UserDict[str, str]):
    """Environment variables, which hold secrets: no repr, for tracebacks with local variables."""

    @override
    def __repr__(self) -> str:
        return "<the environment>"


class ApiKey:
    """An API key and where it came from; the value is shown by nothing.

    Attributes:
        source: `argument`, the environment variable's name, or the netrc file's path.
        is_provided: Whether the argument was a function that returns the key.
        is_async: Whether that function is async.
        problem: Why the value cannot be sent as a key; None if it can.
    """

    __slots__ = ("_provide", "_value", "is_async", "is_provided", "problem", "source")

    def __init__(self, value: object, *, source: str) -> None:
        self._value = str.strip(value) if isinstance(value, str) else ""
        self.source: str = source
        self._provide = value
        self.is_provided: bool = callable(value)
        self.is_async: bool = is_async(value)
        self.problem: str | None = None
        if not isinstance(value, str):
            self.problem = f"must be a str, got {type(value).__name__}"
        elif not re.fullmatch(r"[!-~]+", self._value):
            self.problem = (
                "is empty or holds characters that no key has; copy it again from the settings "
                "page of W&B"
            )

    def validated(self) -> Self:
        """This key.

        Raises:
            InvalidArgumentError: It cannot be one; the message does not show it.
        """
        if self.problem is not None and not self.is_provided:
            raise InvalidArgumentError(f"the API key from {self.source} {self.problem}")
        return self

    def provide(self) -> object:
        """Call the function: the key, or an awaitable of it."""
        return cast("Callable[[], object]", self._provide)()

    def reveal(self) -> str:
        """The key itself, for the request that needs it."""
        return self._value

    @override
    def __repr__(self) -> str:
        return f"ApiKey(source={self.source!r})"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is never pickled; it is found again where it is needed")


class Shared:
    """What is never copied within a process: its copy is itself."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class SecretHeaders(Shared, Mapping[str, str]):
    """Headers with secrets among them: shown by no repr, and in no pickle.

    >>> headers = SecretHeaders({"accept": "application/json", "authorization": "Basic c2Vj"})
    >>> headers
    {'accept': 'application/json', 'authorization': '(not shown)'}
    >>> headers["authorization"]
    'Basic c2Vj'
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @override
    def __getitem__(self, name: str) -> str:
        return self._values[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    @override
    def __len__(self) -> int:
        return len(self._values)

    @override
    def __repr__(self) -> str:
        return repr(self._shown())

    @override
    def __reduce__(self) -> tuple[Callable[..., object], tuple[dict[str, str]]]:
        return dict, (self._shown(),)

    def _shown(self) -> dict[str, str]:
        return {
            # No variable holds a value: a traceback may be shown with those of its frames.
            name: PLAIN_HEADERS[name]
            if PLAIN_HEADERS.get(name) == self._values[name]
            else _HIDDEN.decode()
            for name in self._values
        }


class Credentials:
    """What a call proves its identity with.

    Attributes:
        key: The API key.
        headers: The headers of its requests, secrets included.
    """

    __slots__ = ("_secrets", "headers", "key")

    def __init__(self, key: ApiKey | None, extra: Mapping[str, str]) -> None:
        self.key: ApiKey | None = key
        self.headers: Mapping[str, str] = PLAIN_HEADERS
        secrets = [value.encode() for value in extra.values() if len(value) >= _SHORTEST_SECRET]
        own: dict[str, str] = {}
        if key is not None and not key.is_provided:
            # W&B takes the key as the password of a fixed user.
            token = base64.b64encode(b"api:" + key.reveal().encode())
            secrets += [token, key.reveal().encode()]
            own["authorization"] = f"Basic {token.decode()}"
        if own or extra:
            self.headers = SecretHeaders({**PLAIN_HEADERS, **extra, **own})
        self._secrets = sorted(secrets, key=len, reverse=True)

    def taken_out_of(self, content: bytes) -> bytes:
        """An answer without the secrets, for a server that quotes what it was sent."""
        for secret in self._secrets:
            content = content.replace(secret, _HIDDEN)
        return content

    @override
    def __repr__(self) -> str:
        return "<Credentials>"

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are never pickled; they are found again where they land")


class Identity:
    """The credentials of a client, found when a request needs them. Thread-safe.

    Args:
        settings: The server, the key and the extra headers.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: Credentials | None = None
        self._is_checked = False

    @override
    def __repr__(self) -> str:
        return "<Identity>"

    @property
    def key(self) -> ApiKey | None:
        """The key and its source."""
        return self._find().key

    def check(self) -> None:
        """Refuse to send anything to a server that the key is not for, or without a key.

        Raises:
            AuthenticationError: No netrc holds a key for a server that a file in the working
                directory names, or there is another one; the client was pickled, and no key here
                is for its server; or the environment has an identity token in place of a key.
        """
        if not self._is_checked and (problem := self._problem()) is not None:
            raise AuthenticationError(problem, status=HTTPStatus.UNAUTHORIZED, attempts=0)
        self._is_checked = True

    def _problem(self) -> str | None:
        settings, key = self._settings, self.key
        if (file := settings.untrusted_file) is not None:
            other = _secret_in(settings)
            if other is None and key is not None:
                return None
            why = f"not {other}" if other else "there is none"
            return (
                f"the server {settings.base_url} is named by {as_message(file)!r}, in the working "
                "directory, which a cloned repository may bring: only a key that a netrc file "
                f"holds for that host is sent there, and {why}; if it is the right server, pass "
                "base_url= or set WANDB_BASE_URL"
            )
        if key is None and settings.is_keyless:
            return (
                f"no API key for {settings.base_url}, the server of this pickle, was found "
                "here: WANDB_API_KEY goes to the server of WANDB_BASE_URL alone; set both for "
                "that server, or put its key into a netrc file"
            )
        if settings.uses_token_file and not settings.client_has_key:
            return (
                "WANDB_IDENTITY_TOKEN_FILE is set: W&B's SDK exchanges that token for one that "
                "gives access, which this package does not; pass api_key=, set WANDB_API_KEY, "
                "pass an http_client= whose auth does so, or unset the variable"
            )
        return None

    def credentials(self, provided: ApiKey | None = None) -> Credentials:
        """The credentials of a call.

        Args:
            provided: The key that a caller's function has returned, if there is such a function.
        """
        return self._find() if provided is None else Credentials(provided, self._settings.headers)

    def _find(self) -> Credentials:
        # Threads that come here at once read a netrc file twice, which harms nothing.
        if self._found is None:
            outside = sys.exception()
            try:
                self._found = Credentials(find_api_key(self._settings), self._settings.headers)
            except WandbRunsError:
                raise
            except BaseException as error:
                clear_frames(error, outside)
                raise
        return self._found


def _secret_in(settings: Settings) -> str | None:
    """What would be sent to a server beside the key of a netrc, in the words of a message."""
    if settings.given_key is not None:
        source = settings.given_key.source
        return f"the key of {'api_key=' if source == 'argument' else source}"
    if settings.uses_token_file:
        return "the token of WANDB_IDENTITY_TOKEN_FILE"
    if settings.client_has_key:
        return "the credentials of http_client="
    return "extra headers" if settings.headers else None


def is_async(function: object) -> bool:
    """Whether this is an async function, or an object whose `__call__` is one."""
    return iscoroutinefunction(function) or (
        callable(function) and iscoroutinefunction(type(function).__call__)
    )


def key_in(env: Mapping[str, str]) -> ApiKey | None:
    """The key of the environment.

    Raises:
        InvalidArgumentError: It cannot be a key.
    """
    name = "WANDB_API_KEY"
    return ApiKey(env[name], source=name).validated() if env.get(name) else None


def find_api_key(settings: Settings, *, environ: Mapping[str, str] | None = None) -> ApiKey | None:
    """The key of the settings, else the one that a netrc file holds for the server.

    W&B's SDK takes an identity token before a netrc; where there is one, there is no key.

    An entry for host and port comes before one for the host, and in W&B's own deployment before
    those for its other hosts.

    The file is `NETRC`, or `.netrc` (on Windows `_netrc`) in the home folder. It is read only,
    and its `default` entry is ignored: it would give one server's password to any other.

    Raises:
        InvalidArgumentError: The file cannot be parsed; the message names the line and never
            quotes it.
    """
    if settings.api_key is not None or settings.uses_token_file:
        return settings.api_key
    env = Environment(os.environ if environ is None else environ)
    for path in _netrc_files(env):
        if path.is_file() and (key := _netrc_key(path, netrc_names(settings.base_url))) is not None:
            return key
    return None


def extra_headers(given: object, env: Mapping[str, str]) -> Mapping[str, str]:
    """Extra headers, by lower-case names: those of the environment, then those of the argument.

    Args:
        given: The `headers=` argument, which wins for each header.
        env: The environment; `WANDB_X_EXTRA_HTTP_HEADERS` holds a JSON object of strings.

    Raises:
        InvalidArgumentError: No such mapping, a header that the client sets itself, or a value
            that HTTP cannot carry. The message shows no value.
    """
    found: object = None
    problem: str | None = f"{_HEADERS_VARIABLE} is not JSON that can be read"
    with suppress(ValueError, RecursionError):
        found = json.loads(env.get(_HEADERS_VARIABLE) or "null")
        problem = _problem_of(found, _HEADERS_VARIABLE)
    problem = problem or _problem_of(given, "headers=")
    if problem is None:
        both = cast("list[Mapping[str, str]]", [found or {}, given or {}])
        return SecretHeaders({name.lower(): each[name] for each in both for name in each})
    del given, found, env
    raise InvalidArgumentError(problem)


def _problem_of(headers: object, what: str) -> str | None:
    if headers is None:
        return None
    if not isinstance(headers, Mapping):
        return f"{what} must be a mapping of header names to strings (in JSON, an object)"
    problems = (
        _problem_of_one(name, value)
        for name, value in cast("Mapping[object, object]", headers).items()
    )
    problem = next(filter(None, problems), None)
    return problem and f"{what} {problem}"


def _problem_of_one(name: object, value: object) -> str | None:
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        return "has a name that is no name of an HTTP header"
    if name.lower() in _OWN_HEADERS or name.lower().startswith("content-"):
        return f"may not set {name!r}, which the client sets itself"
    if not isinstance(value, str):
        return f"must give {name!r} a str, got {type(value).__name__}"
    if not _HEADER_VALUE.fullmatch(value):
        return (
            f"gives {name!r} a value that HTTP cannot carry: a line end, a control character, a "
            "character outside ASCII, or a space at an end"
        )
    return None


def _netrc_files(env: Mapping[str, str]) -> list[Path]:
    if named := env.get("NETRC"):
        return [Path(named).expanduser()]
    try:
        home = Path.home()
    except RuntimeError:  # a service account may have none
        return []
    return [home / ".netrc", home / "_netrc"]


def _netrc_key(path: Path, names: Sequence[str]) -> ApiKey | None:
    """The key of the first entry by one of these names."""
    try:
        hosts = netrc(str(path)).hosts
        # Without the `default` entry; host names have no case.
        found = {name.lower(): hosts[name] for name in hosts if name != "default"}
    except NetrcParseError as error:
        line = error.lineno
    except (OSError, UnicodeDecodeError):
        line = None
    else:
        del hosts
        try:
            for name in names:
                if name in found and found[name][2]:
                    return ApiKey(found[name][2], source=str(path)).validated()
            return None
        finally:
            # A traceback may be shown with the local variables of its frames.
            del found
    # Raised outside the handler: the parser's error quotes the file, and would be chained.
    where = f", line {line}" if line else ""
    raise InvalidArgumentError(
        f"the netrc file {str(path)!r}{where} cannot be read; fix it, or pass api_key="
    )

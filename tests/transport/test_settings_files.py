"""Settings files of W&B's SDK: `wandb/settings` in the working directory, and the user's own."""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.recording import length_of, recording
from support.secrets import assert_hidden_error

from wandb_runs import Api, AsyncApi, AuthenticationError, InvalidArgumentError
from wandb_runs.testing import log_run
from wandb_runs.transport.settings import resolve_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.recording import Host

    from wandb_runs.testing import LocalServer

KEY: Final = "planted-0123456789abcdef0123456789abcdef"
OTHER: Final = "of-netrc-0123456789abcdef0123456789abcdef"
FORGE: Final = "https://api.forge.coreweave.com"

each_api: Final = pytest.mark.parametrize("make", [Api, AsyncApi])


class Folders:
    """A working directory, a home folder and an environment without settings of W&B's."""

    def __init__(self, root: Path) -> None:
        self.local = root / "repository" / "wandb" / "settings"
        self.own = root / "home" / ".config" / "wandb" / "settings"
        self.netrc = root / "home" / ".netrc"
        for file in (self.local, self.own):
            file.parent.mkdir(parents=True)

    def write(self, where: Literal["local", "own"], **values: str) -> Path:
        file = self.local if where == "local" else self.own
        lines = "".join(f"{name} = {value}\n" for name, value in values.items())
        file.write_text(f"[default]\n{lines}", encoding="utf-8")
        return file

    def log_in(self, host: Host | str) -> None:
        name = host if isinstance(host, str) else f"127.0.0.1:{host.server_port}"
        self.netrc.write_text(f"machine {name}\n  login user\n  password {OTHER}\n")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    made = Folders(tmp_path)
    for name in os.environ:
        if name.startswith("WANDB_") or name == "NETRC":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "repository")
    return made


@pytest.fixture
def host() -> Iterator[Host]:
    with recording() as made:
        yield made


def test_a_setting_comes_from_the_first_place_that_has_it(
    home: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> list[tuple[str | None, str | None]]:
        made = resolve_settings()
        names: list[Literal["base_url", "entity", "project"]] = ["base_url", "entity", "project"]
        return [(made.find(name).value, made.find(name).source) for name in names]

    assert found() == [(FORGE, "default"), (None, None), (None, None)]
    own = str(home.write("own", base_url="https://own.example/", entity="own", project="own"))
    assert found() == [("https://own.example", own), ("own", own), ("own", own)]
    local = str(home.write("local", base_url="https://local.example", entity="local"))
    assert found() == [("https://local.example", local), ("local", local), ("own", own)]
    monkeypatch.setenv("WANDB_BASE_URL", "https://env.example")
    monkeypatch.setenv("WANDB_PROJECT", "env")
    variables = [("https://env.example", "WANDB_BASE_URL"), ("local", local)]
    assert found() == [*variables, ("env", "WANDB_PROJECT")]
    given = resolve_settings(entity="x", overrides={"entity": "y", "project": "z"})
    assert (given.find("entity").value, given.find("entity").source) == ("x", "argument")
    assert (given.find("project").value, given.find("project").source) == ("z", "overrides")
    pages = given.find("app_url")
    assert (pages.value, pages.source) == ("https://env.example", "base_url")
    with pytest.raises(FrozenInstanceError):
        pages.value = "x"  # type: ignore[misc] # wrong on purpose


def test_the_folder_of_the_users_own_file_may_be_named(
    home: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write("own", entity="home")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("WANDB_CONFIG_DIR", "~/home/.config/wandb")
    assert resolve_settings().entity == "home"
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "elsewhere"))
    assert resolve_settings().entity is None


@each_api
def test_files_are_read_with_the_first_request(
    home: Folders, host: Host, monkeypatch: pytest.MonkeyPatch, make: type[Api | AsyncApi]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    for file in (home.local, home.own):
        file.write_text("no settings\n", encoding="utf-8")
    api = make()
    runs = api.runs("mnist")
    assert repr(api) == f"<{make.__name__} (server not looked up yet)>"
    assert "not looked up" in repr(api.client)
    assert "base_url" not in repr(api.client.settings)
    assert repr(runs).endswith("Runs (default entity)/mnist>")
    home.write("local", entity="team")
    home.write("own", base_url=host.url)
    assert length_of(runs) == 7
    assert (host.keys, api.base_url) == ([KEY], host.url)
    assert repr(api) == f"<{make.__name__} {host.url}>"


def test_entity_and_project_come_from_files(
    home: Folders, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_run(wandb_server, "filed", "under", "r", history=[{"loss": 1}])
    home.write("local", project="under")
    home.write("own", base_url=wandb_server.url, entity="filed")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with Api() as api:
        assert [run.id for run in api.runs()] == [run.id for run in api.runs("under")] == ["r"]
        assert api.run("r").path == ["filed", "under", "r"]
        assert api.default_entity == "filed"
        landed = pickle.loads(pickle.dumps(api))
        assert (landed.default_entity, landed.base_url) == ("filed", wandb_server.url)

    async def check() -> None:
        async with AsyncApi() as api:
            assert [run.id async for run in api.runs()] == ["r"]
            assert (await api.run("r")).path == ["filed", "under", "r"]

    anyio.run(check)


# A server that a file in the working directory names.


@each_api
def test_a_server_of_the_working_directory_gets_the_key_of_a_netrc(
    home: Folders, host: Host, make: type[Api | AsyncApi]
) -> None:
    home.write("local", base_url=host.url)
    home.log_in(host)
    api = make()
    assert length_of(api.runs("team/mnist")) == 7
    assert (host.keys, api.api_key_source) == ([OTHER], str(home.netrc))


SECRETS: Final[dict[str, Callable[[type[Api | AsyncApi]], Api | AsyncApi]]] = {
    "argument": lambda make: make(api_key=KEY),
    "callable": lambda make: make(api_key=lambda: pytest.fail("it is not called")),
    "WANDB_API_KEY": lambda make: make(),
    "WANDB_IDENTITY_TOKEN_FILE": lambda make: make(),
    "headers": lambda make: make(headers={"X-Gate": KEY}),
    "WANDB_X_EXTRA_HTTP_HEADERS": lambda make: make(),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("is_logged_in", [True, False])
@each_api
def test_a_server_of_the_working_directory_gets_no_other_secret(
    home: Folders,
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    make: type[Api | AsyncApi],
    secret: str,
    is_logged_in: bool,
) -> None:
    file = home.write("local", base_url=host.url)
    if is_logged_in:
        home.log_in(host)
    if secret.startswith("WANDB_"):
        monkeypatch.setenv(secret, f'{{"X-Gate": "{KEY}"}}' if "HEADERS" in secret else KEY)
    api = SECRETS[secret](make)
    for _ in range(2):
        with pytest.raises(AuthenticationError, match="base_url=") as caught:
            length_of(api.runs("team/mnist"))
        assert repr(str(file)) in caught.value.message
        assert_hidden_error(caught.value, KEY, OTHER, here=__file__)
    assert host.keys == []
    if secret == "WANDB_API_KEY":  # noqa: S105 - its name
        assert length_of(make(base_url=host.url).runs("team/mnist")) == 7
        monkeypatch.setenv("WANDB_BASE_URL", host.url)
        assert length_of(make().runs("team/mnist")) == 7
        assert host.keys == [KEY, KEY]


@each_api
def test_a_server_of_the_working_directory_is_not_asked_without_a_key(
    home: Folders, host: Host, make: type[Api | AsyncApi]
) -> None:
    home.write("local", base_url=host.url)
    home.log_in("127.0.0.1:1")
    with pytest.raises(AuthenticationError, match="and there is none"):
        length_of(make().runs("team/mnist"))
    home.log_in("127.0.0.1")
    assert length_of(make().runs("team/mnist")) == 7
    assert host.keys == [OTHER]


CLIENTS: Final[dict[str, Callable[[], httpx.Client]]] = {
    "auth": lambda: httpx.Client(auth=("api", KEY)),
    "headers": lambda: httpx.Client(headers={"Authorization": KEY}),
    "cookies": lambda: httpx.Client(cookies={"session": KEY}),
}


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_server_of_the_working_directory_gets_no_credentials_of_a_client(
    home: Folders, host: Host, kind: str
) -> None:
    home.write("local", base_url=host.url)
    home.log_in(host)
    with CLIENTS[kind]() as client:
        with pytest.raises(AuthenticationError, match="not the credentials of http_client="):
            len(Api(http_client=client).runs("team/mnist"))
        assert host.keys == []
        assert len(Api(http_client=client, base_url=host.url).runs("team/mnist")) == 7
    with httpx.Client() as client:
        assert len(Api(http_client=client).runs("team/mnist")) == 7
    assert host.keys[-1] == OTHER


def test_the_server_of_the_users_own_file_gets_any_key(
    home: Folders, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = home.write("own", base_url=host.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert len(Api().runs("team/mnist")) == 7
    # One that names the same server changes nothing.
    home.write("local", base_url=f"{host.url}/")
    api = Api()
    assert len(api.runs("team/mnist")) == 7
    assert api.client.settings.find("base_url").source == str(own)
    assert host.keys == [KEY, KEY]
    home.write("local", base_url=f"{host.url}/another/path")
    with pytest.raises(AuthenticationError, match="base_url="):
        len(Api().runs("team/mnist"))


@pytest.mark.parametrize("url", ["https://api.wandb.ai", "https://forge.coreweave.com/api/wandb/"])
def test_the_default_server_by_another_name_changes_nothing(home: Folders, url: str) -> None:
    home.write("local", base_url=url)
    made = resolve_settings()
    assert (made.base_url, made.untrusted_file) == (FORGE, None)
    file = home.write("own", base_url="https://own.example")
    assert resolve_settings().untrusted_file == str(home.local)
    file.unlink()
    home.own.parent.rmdir()
    assert resolve_settings().untrusted_file is None


def test_the_users_own_file_is_trusted_where_its_folder_is_the_working_directory(
    home: Folders, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = home.write("own", base_url=host.url)
    monkeypatch.chdir(own.parents[1])
    assert len(Api(api_key=KEY).runs("team/mnist")) == 7
    assert host.keys == [KEY]


def test_an_unencrypted_server_of_a_file_needs_allow_http(home: Folders) -> None:
    for where in (home.write("local", base_url="http://a.example"), home.own):
        if where == home.own:
            home.local.unlink()
            home.write("own", base_url="http://a.example")
        with pytest.raises(InvalidArgumentError, match="allow_http=True") as caught:
            assert Api(api_key=KEY).base_url
        assert str(where) in caught.value.message
        assert Api(allow_http=True).base_url == "http://a.example"


# Files that cannot be used.


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"base_url = {KEY}\n".encode(), "line 1, is no INI file"),
        (f"[default]\napi_key = x\n{KEY}\n".encode(), "line 3, is no INI file"),
        (f"[default]\nx = {KEY}\nx = {KEY}\n".encode(), "line 3, is no INI file"),
        (f"[default]\nx = {KEY}\xff\n".encode("latin-1"), "is no text in UTF-8"),
        (f"[default]\nx = {KEY}\n".encode() * 3000, "has more than 65,536 bytes"),
        (f"[default]\nbase_url = https://me:{KEY}@a.example\n".encode(), "credentials"),
        (f"[default]\nbase_url = https://a.example?k={KEY}\n".encode(), "must end before any"),
        (b"[default]\nbase_url = a.example\n", "https:// in front"),
        (b"[default]\nbase_url = https://forge.coreweave.com/x\n", "not its API"),
    ],
)
@pytest.mark.parametrize("where", ["local", "own"])
def test_a_bad_file_is_an_error_that_names_it_and_quotes_nothing(
    home: Folders, host: Host, where: str, content: bytes, problem: str
) -> None:
    file: Path = getattr(home, where)
    file.write_bytes(content)
    with pytest.raises(InvalidArgumentError, match=problem) as caught:
        len(Api().runs("team/mnist"))
    assert str(file) in caught.value.message
    assert_hidden_error(caught.value, KEY, here=__file__)
    # Where it decides nothing, it is not read.
    assert len(Api(base_url=host.url).runs("team/mnist")) == 7


@pytest.mark.parametrize("name", ["entity", "project"])
def test_a_bad_name_in_a_file_is_an_error_that_names_it(home: Folders, name: str) -> None:
    file = home.write("own", **{name: "a/b"})
    with pytest.raises(InvalidArgumentError, match=f"{name} of the settings file") as caught:
        len(Api(base_url="http://127.0.0.1:9").runs(None if name == "project" else "mnist"))
    assert str(file) in caught.value.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a pipe needs a POSIX system")
def test_what_is_no_regular_file_is_an_error(home: Folders) -> None:
    makers: list[Callable[[Path], object]] = [os.mkfifo, Path.mkdir]
    for make in makers:
        make(home.own)
        with pytest.raises(InvalidArgumentError, match="not a regular file"):
            assert Api().base_url
        home.own.unlink() if home.own.is_fifo() else home.own.rmdir()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="an administrator may read all files"
)
def test_a_file_that_may_not_be_read_is_an_error(home: Folders) -> None:
    home.write("own", entity="team").chmod(0)
    with pytest.raises(InvalidArgumentError, match="Permission denied"):
        assert Api().base_url


def test_a_section_of_another_name_and_empty_values_count_as_nothing(home: Folders) -> None:
    home.local.write_text("[other]\nbase_url = https://other.example\n", encoding="utf-8")
    home.own.write_text("[default]\nbase_url =\nentity = 100%\n", encoding="utf-8-sig")
    assert (Api().base_url, resolve_settings().entity) == (FORGE, "100%")


contents = st.binary(max_size=60) | st.text(max_size=60).map(
    lambda text: f"[default]\n{text}".encode(errors="replace")
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents)
def test_whatever_a_file_holds_is_read_or_an_invalid_argument(
    home: Folders, content: bytes
) -> None:
    home.own.write_bytes(content)
    with suppress(InvalidArgumentError):
        made = resolve_settings()
        assert made.base_url
        assert made.entity is None or made.entity.strip()


# Pickles and tokens.


def test_a_file_that_cannot_be_read_stops_no_pickle_that_does_not_need_it(
    home: Folders, host: Host
) -> None:
    home.own.write_text("no settings", encoding="utf-8")
    runs = pickle.loads(pickle.dumps(Api(base_url=host.url).runs("team/mnist")))
    assert len(runs) == 7
    landed = pickle.loads(pickle.dumps(Api(base_url=host.url)))
    home.write("own", entity="team")
    assert landed.default_entity == "team"


def test_a_key_goes_to_the_server_of_the_users_own_file_where_a_pickle_lands(
    home: Folders, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = pickle.dumps(Api(base_url=host.url, api_key=KEY).runs("team/mnist"))
    cloud = pickle.dumps(Api(api_key=KEY))
    monkeypatch.setenv("WANDB_API_KEY", OTHER)
    # A file in the working directory names no server that the environment's key is for.
    home.write("local", base_url=host.url)
    with pytest.raises(AuthenticationError, match="the server of this pickle"):
        len(pickle.loads(there))
    assert pickle.loads(cloud).api_key_source == "WANDB_API_KEY"
    home.write("own", base_url=host.url)
    assert len(pickle.loads(there)) == 7
    assert host.keys == [OTHER]
    assert pickle.loads(cloud).api_key_source is None
    monkeypatch.setenv("WANDB_BASE_URL", FORGE)
    assert pickle.loads(cloud).api_key_source == "WANDB_API_KEY"


def test_a_server_of_the_working_directory_keeps_its_rule_in_a_pickle(
    home: Folders, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write("local", base_url=host.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    landed = pickle.loads(pickle.dumps(Api()))
    assert landed.base_url == host.url
    with pytest.raises(AuthenticationError):
        len(landed.runs("team/mnist"))
    assert host.keys == []


@each_api
def test_an_identity_token_is_refused_unless_there_is_a_key(
    home: Folders, host: Host, monkeypatch: pytest.MonkeyPatch, make: type[Api | AsyncApi]
) -> None:
    monkeypatch.setenv("WANDB_IDENTITY_TOKEN_FILE", "/run/token")
    home.log_in(host)  # which W&B's SDK would not look at
    api = make(base_url=host.url)
    with pytest.raises(AuthenticationError, match="set WANDB_API_KEY") as caught:
        length_of(api.runs("team/mnist"))
    assert "WANDB_IDENTITY_TOKEN_FILE" in caught.value.message
    assert (host.keys, api.api_key_source) == ([], None)
    assert length_of(make(base_url=host.url, api_key=KEY).runs("team/mnist")) == 7
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert length_of(make(base_url=host.url).runs("team/mnist")) == 7
    assert host.keys == [KEY, KEY]


def test_a_client_may_exchange_the_identity_token_itself(
    home: Folders, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not home.netrc.exists()
    monkeypatch.setenv("WANDB_IDENTITY_TOKEN_FILE", "/run/token")
    with httpx.Client(auth=("api", KEY)) as client:
        assert len(Api(http_client=client, base_url=host.url).runs("team/mnist")) == 7
    assert host.keys == [KEY]

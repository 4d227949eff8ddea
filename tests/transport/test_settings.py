"""Settings: argument, then environment, then netrc; the key is shown by nothing."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest

from wandb_runs import Api, InvalidArgumentError
from wandb_runs.transport.credentials import ApiKey, find_api_key
from wandb_runs.transport.settings import resolve_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "c0ffee" * 6 + "abcd"


def key_from(path: Path, text: str, base_url: str = "https://api.wandb.ai") -> tuple[str, str]:
    path.write_text(text, encoding="utf-8")
    found = find_api_key(
        resolve_settings(base_url=base_url, environ={}), environ={"NETRC": str(path)}
    )
    return (found.reveal(), found.source) if found else ("", "")


def test_an_argument_comes_before_overrides_before_the_environment() -> None:
    environ = {
        "WANDB_BASE_URL": "https://env.example",
        "WANDB_ENTITY": "env",
        "WANDB_PROJECT": "env",
        "WANDB_API_KEY": "env-key",
    }
    overrides = {"base_url": "https://over.example", "entity": "over"}

    from_env = resolve_settings(environ=environ)
    overridden = resolve_settings(environ=environ, overrides=overrides)
    given = resolve_settings(
        base_url="https://arg.example",
        entity="arg",
        api_key=ApiKey("arg-key", source="argument"),
        overrides=overrides,
        environ=environ,
    )

    assert (from_env.base_url, from_env.entity, from_env.project) == (
        "https://env.example",
        "env",
        "env",
    )
    assert from_env.api_key is not None
    assert from_env.api_key.source == "WANDB_API_KEY"
    assert (overridden.base_url, overridden.entity, overridden.project) == (
        "https://over.example",
        "over",
        "env",
    )
    assert (given.base_url, given.entity, given.project) == ("https://arg.example", "arg", "env")
    assert given.api_key is not None
    assert (given.api_key.reveal(), given.api_key.source) == ("arg-key", "argument")


def test_empty_strings_count_as_not_given() -> None:
    environ = {"WANDB_BASE_URL": "", "WANDB_API_KEY": "", "WANDB_ENTITY": ""}
    settings = resolve_settings(entity="", environ=environ)
    assert settings.base_url == "https://api.forge.coreweave.com"
    assert settings.api_key is None
    assert settings.entity is None


def test_a_netrc_is_read_by_host_and_last(tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    text = (
        "machine other.example login user password wrong\n"
        f"machine api.wandb.ai login user password {KEY}\n"
    )
    assert key_from(netrc, text) == (KEY, str(netrc))
    assert key_from(netrc, text, "https://other.example:8080") == ("wrong", str(netrc))
    assert key_from(netrc, text, "https://third.example") == ("", "")

    given = resolve_settings(api_key=ApiKey("given", source="argument"), environ={})
    found = find_api_key(given, environ={"NETRC": str(netrc)})
    assert found is not None
    assert found.reveal() == "given"


def test_the_default_entry_of_a_netrc_is_no_key_for_any_server(tmp_path: Path) -> None:
    assert key_from(tmp_path / "netrc", f"default login user password {KEY}\n") == ("", "")


FORGE, OLD = "https://api.forge.coreweave.com", "https://api.wandb.ai"


@pytest.mark.parametrize("path", ["", "/"])
def test_the_proxy_of_the_pages_host_is_sent_to_the_api(path: str) -> None:
    assert Api(base_url=f"https://forge.coreweave.com/api/wandb{path}").base_url == FORGE
    assert (
        Api(overrides={"base_url": "https://Forge.coreweave.com:443/api/wandb"}).base_url == FORGE
    )
    assert Api(base_url=OLD).base_url == OLD


@pytest.mark.parametrize(
    "url",
    [
        "https://forge.coreweave.com",
        "https://forge.coreweave.com/wandb",
        "https://forge.coreweave.com/api/wandb/x",
        "https://forge.coreweave.com:8443/api/wandb",
        "http://forge.coreweave.com/api/wandb",
        "https://forge.coreweave.com./wandb",
    ],
)
def test_another_path_of_the_pages_host_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"write '{FORGE}'"):
        Api(base_url=url, allow_http=True)


def entries(*names: str) -> str:
    return "".join(f"machine {name} login user password key-of-{name}\n" for name in names)


@pytest.mark.parametrize(
    ("base_url", "text", "expected"),
    [
        ("https://own.example:8080", entries("own.example", "own.example:8080"), ":8080"),
        ("https://own.example:8080", entries("own.example:9090", "own.example"), "own.example"),
        ("https://own.example:8080", entries("own.example:9090", "example"), ""),
        ("https://own.example", entries("own.example", "own.example:443"), ":443"),
        ("https://Own.example", entries("OWN.example"), "OWN.example"),
        ("http://[::1]:8080", entries("::1", "[::1]:8080"), ":8080"),
        ("http://[::1]:8080", entries("::1"), "::1"),
        (FORGE, entries("api.wandb.ai"), "api.wandb.ai"),
        (FORGE, entries("api.wandb.ai", "api.forge.coreweave.com"), "api.forge.coreweave.com"),
        (OLD, entries("api.wandb.ai", "api.forge.coreweave.com"), "api.wandb.ai"),
        (OLD, entries("api.forge.coreweave.com"), "api.forge.coreweave.com"),
        ("https://forge.coreweave.com/api/wandb", entries("api.wandb.ai"), "api.wandb.ai"),
        ("https://own.example", entries("api.wandb.ai", "api.forge.coreweave.com"), ""),
        ("https://api.wandb.ai.example", entries("api.wandb.ai"), ""),
        (OLD, "machine api.wandb.ai login user\n" + entries("api.forge.coreweave.com"), "forge"),
    ],
)
def test_a_netrc_is_asked_for_host_and_port_then_host_then_the_deployment(
    tmp_path: Path, base_url: str, text: str, expected: str
) -> None:
    default = "default login user password key-of-default\n"
    key, _ = key_from(tmp_path / "netrc", text + default, base_url)
    assert expected in key
    assert bool(key) == bool(expected)


def test_wandb_app_url_decides_where_pages_are() -> None:
    environ = {"WANDB_APP_URL": "https://pages.example/wandb/"}
    for base_url in (None, OLD, "https://own.example"):
        settings = resolve_settings(base_url=base_url, environ=environ)
        assert settings.app_url == "https://pages.example/wandb"


@pytest.mark.parametrize("end", ["?token=canary", "/#canary", "/wandb?"])
def test_wandb_app_url_has_no_query(end: str) -> None:
    environ = {"WANDB_APP_URL": f"https://pages.example{end}"}
    with pytest.raises(InvalidArgumentError, match="WANDB_APP_URL must end before any") as caught:
        resolve_settings(environ=environ)
    assert "canary" not in str(caught.value)


def test_making_an_api_opens_no_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    api = Api()
    netrc.write_text(f"machine api.wandb.ai login user password {KEY}\n", encoding="utf-8")
    assert api.api_key_source == str(netrc)


@pytest.mark.parametrize("text", [f"machine api.wandb.ai {KEY} x\n", f"bogus {KEY}\n"])
def test_a_broken_netrc_is_an_error_that_quotes_nothing(tmp_path: Path, text: str) -> None:
    netrc = tmp_path / "netrc"
    with pytest.raises(InvalidArgumentError, match="netrc file") as caught:
        key_from(netrc, text)
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in str(error)
        assert KEY not in repr(error)
        error = error.__cause__ or error.__context__


def test_the_key_is_shown_by_nothing() -> None:
    api = Api(base_url="http://127.0.0.1:9", api_key=KEY)
    shown = [api, api.client, api.client.settings, api.client.api_key, api.runs("a/b"), vars(api)]
    for each in shown:
        for text in (repr(each), str(each), f"{each}"):
            assert KEY not in text
    assert api.api_key_source == "argument"
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(api.client.api_key)
    with pytest.raises(TypeError, match="pickled"):
        copy.deepcopy(api.client.api_key)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://api.example", "https://"),
        ("http://10.0.0.1:8080", "allow_http=True"),
        ("api.wandb.ai", "https://"),
        ("ftp://api.wandb.ai", "must look like"),
        ("https://", "must look like"),
        ("http://[::1", "must look like"),
        ("https://exa\nmple.com", "must look like"),
        (" https://api.wandb.ai", "must look like"),
        ("https://a..b", "must look like"),
        ("https://" + "a" * 64 + ".com", "must look like"),
        ("https://api.wandb.ai?x=1", "'\\?'"),
        ("https://api.wandb.ai:0", "port"),
        ("https://api.wandb.ai:99999", "port"),
    ],
)
def test_an_invalid_base_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        Api(base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api:{}@api.wandb.ai",
        "https://api:{}/x@api.wandb.ai",
        "https://api:x/{}@api.wandb.ai",
        "https://api:{}?x@api.wandb.ai",
        "https://api:{}#x@api.wandb.ai",
        "api:{}@api.wandb.ai",
        "https:/api:{}@api.wandb.ai",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidArgumentError, match="must not hold credentials") as caught:
        Api(base_url=url.format(KEY))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("url", ["http://a.localhost:1", "http://localhost.:1"])
def test_plain_http_is_refused_for_names_that_a_name_server_may_be_asked_for(url: str) -> None:
    with pytest.raises(InvalidArgumentError, match="would send the API key unencrypted"):
        resolve_settings(base_url=url, environ={})


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"])
def test_plain_http_is_fine_on_this_machine(url: str) -> None:
    assert Api(base_url=url + "/").base_url == url


def test_plain_http_to_another_host_needs_allow_http() -> None:
    assert Api(base_url="http://wandb.example", allow_http=True).base_url == "http://wandb.example"


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "\x00"])
def test_a_key_that_cannot_be_one_is_refused_unseen(key: str) -> None:
    with pytest.raises(InvalidArgumentError, match="API key from argument") as caught:
        Api(api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("name", ["a/b", " a", "a "])
def test_an_entity_or_project_is_one_name(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="entity must be a name"):
        Api(entity=name)
    with pytest.raises(InvalidArgumentError, match="project must be a name"):
        Api(overrides={"project": name})


def test_an_unknown_override_names_the_nearest() -> None:
    with pytest.raises(InvalidArgumentError, match="'base_url'"):
        Api(overrides={"baseurl": "https://api.wandb.ai"})


def rendered_refusal(make: Callable[[], Api]) -> str:
    """What a renderer of tracebacks with local variables shows of a refusal."""
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    rendered = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    return "".join(rendered.format())


@pytest.mark.parametrize(
    "make",
    [
        lambda: Api(api_key=KEY, timeout=-1),
        lambda: Api(api_key=KEY, base_url="ftp://x"),
        lambda: Api(api_key=KEY, overrides={"x": "y"}),
        lambda: Api(api_key=KEY, overrides="x"),  # type: ignore[arg-type] # wrong on purpose
        lambda: Api(api_key=f"{KEY} {KEY}"),
    ],
)
def test_a_refusal_can_be_rendered_with_locals_and_shows_no_key(make: Callable[[], Api]) -> None:
    shown = rendered_refusal(make)
    assert "InvalidArgumentError" in shown
    assert KEY not in shown


def test_refused_runs_can_be_rendered() -> None:
    api = Api(base_url="http://127.0.0.1:9")
    with pytest.raises(InvalidArgumentError) as caught:
        api.runs("a/b", per_page=0)
    rendered = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "<Runs, not made>" in "".join(rendered.format())


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True])
def test_a_deadline_is_a_finite_number_of_seconds(timeout: float) -> None:
    with pytest.raises(InvalidArgumentError, match="timeout"):
        Api(timeout=timeout)


@pytest.mark.parametrize(
    ("base_url", "app_url"),
    [
        ("https://api.forge.coreweave.com", "https://forge.coreweave.com/wandb"),
        ("https://api.wandb.ai", "https://forge.coreweave.com/wandb"),
        ("https://API.wandb.ai:443/", "https://forge.coreweave.com/wandb"),
        ("https://forge.coreweave.com/api/wandb", "https://forge.coreweave.com/wandb"),
        ("https://api.wandb.ai.example", "https://wandb.ai.example"),
        ("https://api.team.example", "https://app.team.example"),
        ("https://wandb.team.example/", "https://wandb.team.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_app_urls_are_those_of_wandb(base_url: str, app_url: str) -> None:
    assert resolve_settings(base_url=base_url, environ={}).app_url == app_url

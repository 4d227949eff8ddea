"""Which proxies are used, and what is said of those that fail."""

from __future__ import annotations

import gc
import logging
import re
import sys
import threading
import traceback
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from support.certificates import Authority
from support.proxies import socks_proxy
from support.raw_server import http_answer, read_request, serve
from support.ways import Face, each_way

from wandb_runs import ConnectionFailedError, WandbRunsError
from wandb_runs.graphql._generated import count_runs
from wandb_runs.transport.proxies import proxy_for

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from support.raw_server import RawServer

KEY = "canary-0123456789abcdef0123456789abcdef01"
CANARY = "planted-proxy-password"
GOOD = http_answer(b'{"data": {"project": {"runCount": 7}}}')


@pytest.fixture(autouse=True)
def no_proxies_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def answer(connection: socket.socket) -> None:
    while read_request(connection):
        connection.sendall(GOOD)


def count(client: Face) -> int | None:
    project = client.execute(count_runs(entity="team", project="mnist")).project
    assert project is not None
    return project.run_count


def use(monkeypatch: pytest.MonkeyPatch, proxy: RawServer, scheme: str = "socks5") -> None:
    monkeypatch.setenv("all_proxy", f"{scheme}://me:{CANARY}@127.0.0.1:{proxy.port}")


def shown(error: BaseException) -> str:
    """All that a traceback may show, with the variables of its frames."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(report.format())


@each_way
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_an_encrypted_server_is_reached_through_a_socks_proxy(
    way: str,
    scheme: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The proxy looks up the name, and no log at any level has its password."""
    caplog.set_level(logging.DEBUG)
    asked: list[tuple[str, int]] = []
    with (
        serve(answer, authority.serving("wandb.test")) as named,
        serve(socks_proxy(named.port, asked, secret=CANARY)) as proxy,
    ):
        use(monkeypatch, proxy, scheme)
        with Face.of(way, "https://wandb.test", KEY, ssl_context=authority.trusting()) as client:
            assert count(client) == 7
    assert asked == [("wandb.test", 443)]
    assert "setup_socks5_connection" in caplog.text
    assert CANARY not in caplog.text


@each_way
def test_a_socks_proxy_may_do_without_a_password(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    with serve(answer) as named, serve(socks_proxy(named.port, asked)) as proxy:
        monkeypatch.setenv("http_proxy", f"socks5://127.0.0.1:{proxy.port}")
        with Face.of(way, "http://wandb.test:8080", KEY, allow_http=True) as client:
            assert count(client) == 7
    assert asked == [("wandb.test", 8080)]


def talk_http(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + CANARY.encode())


def hang_up(connection: socket.socket) -> None:
    connection.recv(1)


@each_way
@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        (socks_proxy(9, [], secret=CANARY[1:]), "Invalid username/password"),
        (socks_proxy(9, []), "Requested USERNAME/PASSWORD from proxy server"),
        (socks_proxy(9, [], secret=CANARY, reply=5), "could not connect: Connection refused"),
        (talk_http, "the proxy does not answer as SOCKS5 has it"),
        (hang_up, "failed"),
    ],
    ids=["password", "method", "refused", "http", "closed"],
)
@pytest.mark.filterwarnings("error")
def test_a_socks_proxy_that_fails_is_named_without_its_password(
    way: str,
    handle: Callable[[socket.socket], None],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its connection is closed, so that nothing warns of it later."""
    with serve(handle) as proxy:
        use(monkeypatch, proxy)
        with (
            Face.of(way, "https://wandb.test", KEY, max_retries=0) as client,
            pytest.raises(ConnectionFailedError) as caught,
        ):
            count(client)
    error = caught.value
    place = f"the connection to wandb.test through the proxy socks5://127.0.0.1:{proxy.port} failed"
    assert place in error.message
    assert reason in error.message
    assert not error.may_have_arrived
    assert CANARY not in shown(error)
    del caught, error
    gc.collect()


@each_way
def test_deadline_holds_while_a_socks_proxy_stalls(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    handle = socks_proxy(9, [], secret=CANARY, gap=lambda: over.wait(60))
    with serve(handle) as proxy:
        use(monkeypatch, proxy)
        try:
            with (
                Face.of(way, "https://wandb.test", KEY, timeout=1, max_retries=0) as client,
                pytest.raises(ConnectionFailedError) as caught,
            ):
                count(client)
            assert not over.is_set()
        finally:
            over.set()
    named = f"while the proxy 127.0.0.1:{proxy.port} was asked for a connection; check the proxy"
    assert named in caught.value.message
    assert CANARY not in shown(caught.value)
    del caught
    gc.collect()


@each_way
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("socks4://me:{}@proxy.test:1", "of SOCKS, socks5:// and socks5h:// are"),
        ("socks://me:{}@proxy.test:1", "of SOCKS, socks5:// and socks5h:// are"),
        ("socks5://me:{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}@proxy.test:1", "of more than 255 bytes"),
        ("ftp://me:{}@proxy.test:1", "is none that can be used"),
        ("http://me:{}@", "is none that can be used"),
    ],
)
def test_a_proxy_of_another_kind_is_refused_by_name(
    way: str, url: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", url.format(CANARY))
    with (
        Face.of(way, "https://wandb.test", KEY) as client,
        pytest.raises(WandbRunsError, match="HTTPS_PROXY, ALL_PROXY") as caught,
    ):
        count(client)
    assert reason in caught.value.message
    assert CANARY not in shown(caught.value)
    assert client.stats.requests <= 1


@each_way
@pytest.mark.parametrize(
    "url",
    [
        "http://me:{}/RET@127.0.0.1:9",
        "http://me:SEC/{}@127.0.0.1:9",
        "socks5://me:{}/RET@127.0.0.1:1",
        "me:{}/RET@127.0.0.1",
        "http://me:{}?RET@127.0.0.1",
        "http://me:{}#RET@127.0.0.1",
        "//me:{}@127.0.0.1:1",
        "http:/me:{}@127.0.0.1:1",
        "http://{}/RET:x@127.0.0.1:9",
        "http://me:{}",
        "http://me:{}@[127.0.0.1:9",
        "http://me:{}@127.0.0.1:99999",
        "http://me:{}@127.0.0.1:0",
        "http://me:{}@127.0.0.1:x",
        "://me:{}@127.0.0.1:1",
    ],
)
def test_a_malformed_proxy_is_refused_and_nothing_of_its_password_is_shown(
    way: str, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("https_proxy", url.format(CANARY))
    with (
        Face.of(way, "https://wandb.test", KEY) as client,
        pytest.raises(WandbRunsError, match="no connection can be made with this") as caught,
    ):
        count(client)
    named = re.search(r"\(the proxy (of HTTPS_PROXY|http://127\.0\.0\.1:\d+) ", str(caught.value))
    assert named
    assert CANARY not in shown(caught.value)
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://me:pass@Proxy.test:3128/", "http://Proxy.test:3128"),
        ("http://me:p%40ss@127.0.0.1", "http://127.0.0.1"),
        ("socks5h://me:p@ss@[::1]:1080", "socks5h://[::1]:1080"),
        ("proxy.test:3128", "http://proxy.test:3128"),
        ("http://pass/word", "of HTTP_PROXY"),
        ("http://me:pass/word@h", "of HTTP_PROXY"),
    ],
)
def test_of_a_proxy_the_address_alone_is_shown_and_only_where_it_is_certain(
    url: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", url)
    assert repr(proxy_for(urlsplit("http://wandb.test"))) == text


def refuse(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(http_answer(CANARY.encode(), "407 Proxy Authentication Required"))


@each_way
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_refusal_of_a_proxy_that_passes_requests_on_is_no_answer_of_the_server(
    way: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through SOCKS, as without a proxy, HTTP 407 is the server's own."""
    with serve(refuse) as server, serve(socks_proxy(server.port, [], secret=CANARY)) as socks:
        proxy = server if scheme == "http" else socks
        use(monkeypatch, proxy, scheme)
        with (
            Face.of(way, "http://wandb.test", KEY, allow_http=True, max_retries=0) as client,
            pytest.raises(WandbRunsError) as caught,
        ):
            count(client)
    error = caught.value
    assert isinstance(error, ConnectionFailedError) == (scheme == "http")
    if isinstance(error, ConnectionFailedError):
        place = f"through the proxy http://127.0.0.1:{proxy.port} failed"
        assert f"{place} (the proxy answers HTTP 407); check" in error.message
        assert not error.may_have_arrived
        assert CANARY not in shown(error)


@each_way
def test_socks_without_its_package_says_what_to_install(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("all_proxy", f"socks5://me:{CANARY}@proxy.test:1080")
    with (
        Face.of(way, "https://wandb.test", KEY) as client,
        pytest.raises(WandbRunsError, match=r"pip install 'wandb-runs\[socks\]'") as caught,
    ):
        count(client)
    assert CANARY not in shown(caught.value)


@each_way
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_traffic_of_this_machine_goes_through_no_proxy(
    way: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "http://proxy.test:9")
    with (
        serve(answer) as server,
        Face.of(way, f"http://{host}:{server.port}", KEY) as client,
    ):
        assert count(client) == 7


@each_way
@pytest.mark.parametrize("host", ["LOCALHOST.", "no-such-host.localhost"])
def test_no_name_of_this_machine_is_asked_of_a_proxy(
    way: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every system has these names; none of them is left to a proxy to look up."""
    asked: list[bytes] = []

    def note(connection: socket.socket) -> None:
        asked.append(read_request(connection))

    with serve(note) as proxy:
        monkeypatch.setenv("all_proxy", f"http://127.0.0.1:{proxy.port}")
        with (
            Face.of(way, f"https://{host}:9", KEY, max_retries=0) as client,
            pytest.raises(ConnectionFailedError),
        ):
            count(client)
    assert asked == []

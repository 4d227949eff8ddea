"""Connecting within the deadline of a call: names, addresses, proxies, encryption, writing."""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from support.certificates import Authority
from support.programs import run_program
from support.proxies import http_proxy
from support.raw_server import http_answer, read_request, serve
from support.ways import Face, each_way

from wandb_runs import ConnectionFailedError, RequestTimeoutError, RetryingClient
from wandb_runs.graphql._generated import count_runs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from wandb_runs.graphql.operation import Operation

KEY = "canary-0123456789abcdef0123456789abcdef01"
GOOD = http_answer(b'{"data": {"project": {"runCount": 7}}}')

FAR = 15.0
"""Seconds that no call here may take, whose deadlines are 1 s: what is held up takes longer."""

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="has one loopback address, or drops no connection"
)


@pytest.fixture(autouse=True)
def no_proxies_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def answer(connection: socket.socket) -> None:
    while read_request(connection):
        connection.sendall(GOOD)


def query(entity: str = "team") -> Operation[object]:
    return count_runs(entity=entity, project="mnist")


def count(client: Face) -> int | None:
    project = client.execute(count_runs(entity="team", project="mnist")).project
    assert project is not None
    return project.run_count


def fail_in_time(
    way: str, client: Face, operation: Operation[object], release: Callable[[], None]
) -> Exception:
    """The error of a call; what holds it up is released as soon as that has come."""
    began = time.monotonic()
    ended: list[float] = []

    def note_end() -> None:
        ended.append(time.monotonic())
        release()  # an event loop that ends waits for its look-ups of names

    async def call(execute: Callable[[Operation[object]], Awaitable[object]]) -> None:
        try:
            await execute(operation)
        finally:
            note_end()

    def block(execute: Callable[[Operation[object]], object]) -> None:
        try:
            execute(operation)
        finally:
            note_end()

    inner = client.inner
    with pytest.raises((ConnectionFailedError, RequestTimeoutError)) as caught:
        block(inner.execute) if isinstance(inner, RetryingClient) else anyio.run(
            call, inner.execute, backend=way
        )
    assert ended[0] - began < FAR
    return caught.value


@contextmanager
def dead(host: str = "127.0.0.1", port: int = 0) -> Generator[int]:
    """A port that neither accepts connections nor refuses them."""
    with ExitStack() as held, socket.create_server((host, port), backlog=0) as deaf:
        for _ in range(4):  # more than the operating system keeps waiting
            waiting = held.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(deaf.getsockname())
        yield deaf.getsockname()[1]


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Have the name `wandb.test` stand for some addresses."""
    real = socket.getaddrinfo

    def look_up(host: object, port: int, *arguments: object, **named: object) -> object:
        if host not in ("wandb.test", b"wandb.test"):
            return real(host, port, *arguments, **named)  # type: ignore[arg-type] # as it was called
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


# Names.


@each_way
def test_deadline_holds_while_a_name_is_looked_up(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    real = socket.getaddrinfo

    def look_up(host: str, port: int, family: int = 0, type: int = 0, *rest: int) -> object:  # noqa: A002 - its name
        if rest and rest[-1] & socket.AI_NUMERICHOST:  # trio asks so first
            return real(host, port, family, type, *rest)
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    url = "http://wandb.test:9"
    with Face.of(way, url, KEY, timeout=1, max_retries=0, allow_http=True) as client:
        error = fail_in_time(way, client, query(), over.set)
    assert isinstance(error, ConnectionFailedError)
    assert not error.may_have_arrived
    assert re.search(r"wandb\.test:9 took no connection within (1|0\.\d+) s, while ", error.message)
    if way == "sync":
        assert "the name wandb.test was looked up; check" in error.message


def test_calls_share_the_look_up_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    looked_up: list[object] = []

    def look_up(host: object, *_: object, **__: object) -> object:
        looked_up.append(host)
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    before = threading.active_count()
    errors: list[ConnectionFailedError] = []

    def call(timeout: float) -> None:
        with (
            Face.of(
                "sync", "http://wandb.shared", KEY, timeout=timeout, max_retries=0, allow_http=True
            ) as client,
            pytest.raises(ConnectionFailedError) as caught,
        ):
            count(client)
        errors.append(caught.value)

    for _ in range(3):
        threads = [threading.Thread(target=call, args=(0.2,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert looked_up == ["wandb.shared"]
    assert threading.active_count() == before
    waiting = [threading.Thread(target=call, args=(60,)) for _ in range(3)]
    for thread in waiting:
        thread.start()
    over.set()
    for thread in waiting:
        thread.join()
    # The last ones may have come after its end.
    assert len(looked_up) <= 4
    assert len(errors) == 18
    assert all("temporary failure" in each.message for each in errors[15:])


@each_way
def test_a_name_without_an_address_is_named(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    named = (
        r"the connection to wandb\.test failed \(.*Name or service not known\); check the address"
    )
    with (
        Face.of(way, "http://wandb.test", KEY, max_retries=0, allow_http=True) as client,
        pytest.raises(ConnectionFailedError, match=named),
    ):
        count(client)


# Addresses.


@linux
@each_way
def test_deadline_holds_over_all_addresses(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, *["127.0.0.1"] * 30)
    with (
        dead() as port,
        Face.of(
            way, f"http://wandb.test:{port}", KEY, timeout=1, max_retries=0, allow_http=True
        ) as client,
    ):
        error = fail_in_time(way, client, query(), lambda: None)
    assert isinstance(error, ConnectionFailedError)
    # The time that is left when the request is sent, a little under a second.
    assert re.search(
        rf"within (1|0\.\d+) s, while wandb\.test:{port} was being reached; check", error.message
    )


@linux
@each_way
def test_dead_addresses_are_passed_over(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.1")
    with (
        serve(answer) as server,
        dead("127.0.0.2", server.port),
        Face.of(
            way, f"http://wandb.test:{server.port}", KEY, max_retries=0, allow_http=True
        ) as client,
    ):
        began = time.monotonic()
        assert count(client) == 7
        # One address has to itself as long as a connection may take at most: 10 s.
        assert time.monotonic() - began < 9


@linux
@each_way
def test_the_last_refusal_is_named(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.2", "127.0.0.3")
    with (
        serve(answer) as server,
        Face.of(
            way, f"http://wandb.test:{server.port}", KEY, max_retries=0, allow_http=True
        ) as client,
        pytest.raises(ConnectionFailedError, match="failed"),
    ):
        count(client)


@each_way
def test_a_server_is_reached_by_its_name(way: str) -> None:
    with (
        serve(answer) as server,
        Face.of(way, f"http://localhost:{server.port}", KEY) as client,
    ):
        assert count(client) == 7


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="without IPv6")
@each_way
def test_a_server_is_reached_by_an_address_of_ipv6(way: str) -> None:
    with serve(answer, host="::1") as server, Face.of(way, server.url, KEY) as client:
        assert "[::1]" in server.url
        assert count(client) == 7


# Proxies and encryption.


def use_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("https_proxy", url)


@each_way
def test_deadline_holds_while_a_proxy_drips_its_answer(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 Connected\r\nx-slow: ")
        while not over.wait(0.05):
            connection.sendall(b"x")

    with serve(drip) as proxy:
        use_proxy(monkeypatch, f"http://127.0.0.1:{proxy.port}")
        with Face.of(way, "https://wandb.test", KEY, timeout=1, max_retries=0) as client:
            error = fail_in_time(way, client, query(), over.set)
    assert isinstance(error, ConnectionFailedError)
    assert not error.may_have_arrived
    named = f"while the proxy 127.0.0.1:{proxy.port} was asked for a connection; check the proxy"
    assert named in error.message


@each_way
def test_a_late_proxy_leaves_less_time_for_the_handshake(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured by the proxy, whose connection is closed at the deadline."""
    took: list[float] = []
    over = threading.Event()

    def stall(connection: socket.socket) -> None:
        began = time.monotonic()
        read_request(connection)
        over.wait(1.5)
        try:
            connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            while connection.recv(65536):
                pass
        finally:  # it may be reset
            took.append(time.monotonic() - began)

    with serve(stall) as proxy:
        use_proxy(monkeypatch, f"http://127.0.0.1:{proxy.port}")
        with (
            Face.of(way, "https://wandb.test", KEY, timeout=3, max_retries=0) as client,
            pytest.raises(ConnectionFailedError, match=r"the TLS handshake with wandb\.test was"),
        ):
            count(client)
    assert took[0] < 4.2  # a timeout of its own for the handshake would end it after 4.5 s


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@each_way
def test_an_encrypted_server_is_reached_through_an_encrypted_proxy(
    way: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    context = authority.trusting()
    with (
        serve(answer, authority.serving("wandb.test")) as named,
        serve(http_proxy(named.port, asked), authority.serving("127.0.0.1")) as proxy,
    ):
        use_proxy(monkeypatch, f"https://me:pass@127.0.0.1:{proxy.port}")
        with Face.of(way, "https://wandb.test", KEY, ssl_context=context) as client:
            assert count(client) == 7
            assert count(client) == 7
            # More than one record of TLS.
            client.execute(query("x" * 100_000))
        assert proxy.connections == (1 if way == "sync" else 3)  # a loop for each call
    assert asked[0].startswith(b"CONNECT wandb.test:443")
    assert KEY.encode() not in b"".join(asked)


@each_way
def test_deadline_holds_while_a_handshake_inside_another_drips(
    way: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        connection.recv(65536)
        connection.sendall(b"\x16\x03\x03\x40\x00\x02")  # a long message of a handshake
        while not over.wait(0.05):
            connection.sendall(b"\x00")

    with serve(drip, authority.serving("127.0.0.1")) as proxy:
        use_proxy(monkeypatch, f"https://127.0.0.1:{proxy.port}")
        with Face.of(
            way,
            "https://wandb.test",
            KEY,
            timeout=1,
            max_retries=0,
            ssl_context=authority.trusting(),
        ) as client:
            error = fail_in_time(way, client, query(), over.set)
    assert isinstance(error, ConnectionFailedError)
    assert "the TLS handshake with wandb.test was under way; check" in error.message


@each_way
def test_deadline_holds_while_a_request_is_taken_slowly(way: str) -> None:
    over = threading.Event()

    def sip(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while not over.wait(0.02) and connection.recv(4096):
            pass

    with (
        serve(sip) as server,
        Face.of(way, server.url, KEY, timeout=1, max_retries=0) as client,
    ):
        error = fail_in_time(way, client, query("x" * 30_000_000), over.set)
    assert isinstance(error, RequestTimeoutError)


# Processes.


SLOW_NAMES = """
import os, socket, sys, threading, time
from wandb_runs import Api, ConnectionFailedError

real = socket.getaddrinfo
asked = threading.Event()

def slow(*arguments, **named):
    asked.set()
    time.sleep(300)

socket.getaddrinfo = slow
port = sys.argv[1]
api = Api(base_url=f"http://localhost:{port}", api_key="k", timeout=1, max_retries=0)
"""


def test_a_program_ends_while_a_name_is_looked_up() -> None:
    run_program(
        SLOW_NAMES
        + """
try:
    len(api.runs("team/p"))
except ConnectionFailedError as error:
    assert "looked up" in error.message
""",
        "9",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_child_looks_up_names_anew() -> None:
    with serve(answer) as server:
        run_program(
            SLOW_NAMES
            + """
patient = api.with_options(timeout=50)
threading.Thread(target=lambda: len(patient.runs("team/p")), daemon=True).start()
asked.wait()
child = os.fork()
if not child:
    status = 1
    try:
        socket.getaddrinfo = real
        status = 0 if len(patient.runs("team/p")) == 7 else 2
    finally:
        os._exit(status)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
""",
            str(server.port),
        )


@pytest.mark.skipif(sys.platform == "win32", reason="has other signals")
def test_an_interrupt_ends_the_look_up_of_worker_threads() -> None:
    run_program(
        SLOW_NAMES
        + """
import signal
from wandb_runs.graphql.flow import ask, gather
from wandb_runs.graphql._generated import get_run

def interrupt():
    asked.wait()
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
each = lambda: ask(get_run(entity="team", project="p", id="r"))
patient = api.with_options(timeout=200)
try:
    patient.client.run(gather([each() for _ in range(9)]))
except KeyboardInterrupt:
    pass
for thread in threading.enumerate():
    if thread is not threading.main_thread() and not thread.daemon:
        thread.join(20)
        assert not thread.is_alive(), thread
""",
        "9",
    )

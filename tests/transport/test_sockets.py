"""Broken responses, encryption, forks and interrupts, over real sockets."""

from __future__ import annotations

import gzip
import json
import os
import socket
import ssl
import sys
import threading
import zlib
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import pytest
from support.certificates import Authority
from support.programs import SOCKETS, run_program
from support.proxies import http_proxy
from support.raw_server import RawServer, http_answer, read_request, serve
from support.ways import Face, each_way

from wandb_runs import (
    Api,
    BadResponseError,
    CertificateError,
    ConnectionFailedError,
    InvalidArgumentError,
    RequestTimeoutError,
    ResponseTooLargeError,
    TruncatedResponseError,
    WandbRunsError,
)
from wandb_runs.graphql._generated import count_runs
from wandb_runs.testing import FakeClock, log_run
from wandb_runs.transport.tls import default_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.options import Chosen

    from wandb_runs.testing import LocalServer

KEY = "canary-0123456789abcdef0123456789abcdef01"
GOOD = b'{"data": {"project": {"runCount": 7}}}'
PACKED = gzip.compress(GOOD)


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """Give one answer to each request, the last again and again."""
    left = list(answers)

    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            answer = left.pop(0) if len(left) > 1 else left[0]
            connection.sendall(answer)
            if b"content-length" not in answer or answer.endswith(CUT):
                return

    return handle


CUT = b'{"data": {"pro'


def count(client: Face) -> int:
    project = client.execute(count_runs(entity="team", project="mnist")).project
    assert project is not None
    assert project.run_count is not None
    return project.run_count


def client_of(way: str, server: RawServer, **options: Unpack[Chosen]) -> Face:
    return Face.of(way, server.url, KEY, clock=FakeClock(), **options)


def api_of(server: RawServer, **options: Unpack[Chosen]) -> Api:
    return Api(base_url=server.url, api_key=KEY, clock=FakeClock(), **options)


@each_way
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    way: str, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serve(answering(http_answer(b"", "407 No"))) as proxy:
        # Unencrypted, the refusal of a proxy is an answer; so none listens there.
        port = proxy.port if scheme == "https" else 9
        monkeypatch.setenv("all_proxy", f"http://me:pass@127.0.0.1:{port}")
        with Face.of(
            way, f"{scheme}://wandb.invalid", KEY, clock=FakeClock(), max_retries=0, allow_http=True
        ) as client:
            named = rf"wandb\.invalid through the proxy http://127\.0\.0\.1:{port} failed"
            with pytest.raises(ConnectionFailedError, match=named) as caught:
                count(client)
    assert "pass" not in caught.value.message.replace("pass ", "")


@each_way
@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (http_answer(CUT, content_length="100"), ConnectionFailedError),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n" + CUT,
            ConnectionFailedError,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n" + CUT, TruncatedResponseError),
        (http_answer(GOOD[:-2]), TruncatedResponseError),
        (http_answer(PACKED[:-9], content_encoding="gzip"), TruncatedResponseError),
        (http_answer(b"no gzip", content_encoding="gzip"), TruncatedResponseError),
        (http_answer(b"\x1f\x8b" + bytes(9), content_encoding="gzip"), TruncatedResponseError),
        (http_answer(PACKED, content_encoding="gzip, gzip"), TruncatedResponseError),
        (http_answer(GOOD, content_encoding="br"), TruncatedResponseError),
        (b"what is this\r\n\r\n", ConnectionFailedError),
        (b"", ConnectionFailedError),
    ],
    ids=lambda each: str(each[:60]) if isinstance(each, bytes) else each.__name__,
)
def test_a_broken_response_is_retried(way: str, broken: bytes, kind: type[WandbRunsError]) -> None:
    with serve(answering(broken, http_answer(GOOD))) as server, client_of(way, server) as client:
        assert count(client) == 7
        assert client.stats.retries == 1
    with serve(answering(broken)) as server, client_of(way, server, max_retries=2) as client:
        with pytest.raises(kind) as caught:
            count(client)
        assert isinstance(caught.value, (ConnectionFailedError, BadResponseError))
        assert caught.value.attempts == 3
        if isinstance(caught.value, BadResponseError):
            assert caught.value.status == 200


@each_way
def test_a_mutation_that_is_lost_on_a_connection_used_before_is_not_sent_again(way: str) -> None:
    received: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            received.append(request)
            if len(received) == 2:
                return  # it has arrived, and no answer comes
            connection.sendall(http_answer(GOOD))

    mutation = replace(count_runs(entity="team", project="p"), kind="mutation")
    with serve(handle) as server, client_of(way, server) as client:
        assert count(client) == 7
        with pytest.raises(ConnectionFailedError) as caught:
            client.execute(mutation)
        # Each call of the awaiting half runs in a loop of its own here, with its own connections.
        assert server.connections == (1 if way == "sync" else 2)
    assert caught.value.may_have_arrived
    assert len(received) == 2


@each_way
@pytest.mark.parametrize("encoding", ["gzip", "deflate", ""])
def test_a_response_may_be_compressed(way: str, encoding: str) -> None:
    body = GOOD if not encoding else PACKED
    if encoding == "deflate":
        body = zlib.compress(GOOD)
    with (
        serve(answering(http_answer(body, content_encoding=encoding))) as server,
        client_of(way, server) as client,
    ):
        assert count(client) == 7
        assert client.stats.bytes == len(GOOD)


def bomb_of(size: int) -> bytes:
    """A compressed body, of which each megabyte travels as a kilobyte."""
    return gzip.compress(b'{"data": "' + b" " * size)


@each_way
@pytest.mark.parametrize(
    "answer",
    [
        http_answer(bomb_of(3_000_000), content_encoding="gzip"),
        http_answer(b"x" * 2_000_000),
        b"HTTP/1.1 200 OK\r\nx-request-id: abc\r\n\r\n" + b"x" * 2_000_000,
        http_answer(b"busy" * 500_000, "503 Busy"),
    ],
    ids=["gzip", "plain", "endless", "error"],
)
def test_a_response_over_the_limit_is_not_read_to_its_end(way: str, answer: bytes) -> None:
    with (
        serve(answering(answer)) as server,
        client_of(way, server, max_response_bytes=1_000_000) as client,
        pytest.raises(ResponseTooLargeError, match="1,000,000 bytes; ask for less") as caught,
    ):
        count(client)
    assert caught.value.status in (200, 503)
    assert caught.value.attempts == 1  # it would be as long again


@each_way
def test_the_limit_of_a_response_can_be_raised(way: str) -> None:
    body = GOOD + b" " * 2000
    with (
        serve(answering(http_answer(body))) as server,
        client_of(way, server, max_response_bytes=50) as client,
    ):
        with pytest.raises(ResponseTooLargeError):
            count(client)
        assert count(client.with_options(max_response_bytes=len(body))) == 7


@each_way
def test_deadline_holds_while_headers_drip(way: str) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while not over.wait(0.01):
            connection.sendall(b"x")

    with serve(drip) as server:
        try:
            with (
                Face.of(way, server.url, KEY, timeout=0.3) as client,
                pytest.raises(RequestTimeoutError, match="longer timeout="),
            ):
                count(client)
        finally:
            over.set()


@each_way
def test_a_connection_that_is_not_accepted_is_no_timeout_of_the_response(way: str) -> None:
    """Nothing was sent for certain, so that even a mutation may be sent again."""
    with ExitStack() as held, socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        for _ in range(4):  # more than the operating system keeps waiting
            waiting = held.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(deaf.getsockname())
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with (
            Face.of(way, url, KEY, timeout=0.3) as client,
            pytest.raises(ConnectionFailedError, match=r"no connection within 0\.\d+ s") as caught,
        ):
            count(client)
    assert not caught.value.may_have_arrived


@each_way
def test_redirects_are_not_followed(way: str) -> None:
    with serve(answering(http_answer(GOOD))) as other:
        for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
            moved = http_answer(b"", status, location=f"{other.url}/graphql")
            with (
                serve(answering(moved)) as server,
                client_of(way, server) as client,
                pytest.raises(BadResponseError, match="redirects"),
            ):
                count(client)
        assert other.connections == 0


def seen_headers(url_of_file: Callable[[RawServer], str], *, is_own: bool) -> bytes:
    """The head of the request for a file that a server names, there or elsewhere."""
    heads: list[bytes] = []

    def files(connection: socket.socket) -> None:
        heads.append(read_request(connection))
        connection.sendall(http_answer(b'{"python": "3.11"}'))

    def api_server(connection: socket.socket) -> None:
        while request := read_request(connection):
            if request.startswith(b"GET"):
                heads.append(request)
                connection.sendall(http_answer(b'{"python": "3.11"}'))
                continue
            name = json.loads(request.partition(b"\r\n\r\n")[2])["operationName"]
            run: dict[str, object] = {"id": "r", "storageId": "x", "state": "finished"}
            if name == "GetRunFile":
                url = url_of_file(server if is_own else elsewhere)
                node = {"name": "wandb-metadata.json", "directUrl": url}
                run = {"files": {"edges": [{"node": node}]}}
            connection.sendall(
                http_answer(json.dumps({"data": {"project": {"run": run}}}).encode())
            )

    with serve(files) as elsewhere, serve(api_server) as server, api_of(server) as api:
        assert api.run("team/mnist/r").metadata == {"python": "3.11"}
    (head,) = heads
    return head


def test_the_key_is_sent_for_files_of_the_server_alone() -> None:
    own = seen_headers(lambda server: f"{server.url}/file?sig=1", is_own=True)
    assert b"authorization: Basic" in own
    assert own.startswith(b"GET /file?sig=1 HTTP/1.1")
    other = seen_headers(lambda server: f"{server.url}/file?sig=1", is_own=False)
    assert b"authorization" not in other.lower()
    named = seen_headers(lambda server: f"http://localhost:{server.port}/file", is_own=True)
    assert b"authorization" not in named.lower()


# Encryption.


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def encrypted(authority: Authority) -> Iterator[RawServer]:
    """A server with a certificate for this machine that no client trusts yet."""
    context = authority.serving("127.0.0.1")
    with serve(answering(http_answer(GOOD)), context) as server:
        yield server


@pytest.fixture(autouse=True)
def no_certificates_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@each_way
def test_an_untrusted_certificate_is_refused(way: str, encrypted: RawServer) -> None:
    with (
        client_of(way, encrypted) as client,
        pytest.raises(CertificateError, match="set SSL_CERT_FILE, or pass ssl_context="),
    ):
        count(client)
    assert client.stats.requests == 1  # it would be refused again


@each_way
def test_certificates_of_the_environment_are_trusted(
    way: str,
    encrypted: RawServer,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "ca.pem"
    authority.write(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with client_of(way, encrypted) as client:
        assert count(client) == 7
    # It is for 127.0.0.1 alone.
    with (
        Face.of(way, f"https://localhost:{encrypted.port}", KEY) as client,
        pytest.raises(CertificateError, match="localhost"),
    ):
        count(client)


def test_a_folder_of_certificates_replaces_the_default_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_context().cert_store_stats()["x509_ca"] > 50
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    # OpenSSL reads a folder when it meets a certificate.
    assert default_context().cert_store_stats()["x509_ca"] == 0


@each_way
def test_certificates_of_a_context_are_trusted(
    way: str, encrypted: RawServer, authority: Authority
) -> None:
    context = authority.trusting()
    with Face.of(way, encrypted.url, KEY, ssl_context=context) as client:
        assert count(client) == 7


@each_way
def test_a_server_may_ask_for_a_certificate_of_the_client(
    way: str, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "client.pem"
    authority.write_client(file)
    serving = authority.serving("127.0.0.1", asks=True)
    with serve(answering(http_answer(GOOD)), serving) as server:
        context = authority.trusting()
        with (
            Face.of(way, server.url, KEY, ssl_context=context, max_retries=0) as client,
            pytest.raises(ConnectionFailedError),
        ):
            count(client)
        context.load_cert_chain(file)
        with Face.of(way, server.url, KEY, ssl_context=context) as client:
            assert count(client) == 7


def test_a_context_that_verifies_nothing_is_refused() -> None:
    blind = ssl.create_default_context()
    blind.check_hostname = False
    for context in (blind, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)):
        if context is not blind:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        with pytest.raises(InvalidArgumentError, match="does not verify"):
            Api(base_url="https://wandb.invalid", ssl_context=context)
    with pytest.raises(InvalidArgumentError, match=r"ssl\.SSLContext, got bool"):
        Api(base_url="https://wandb.invalid", ssl_context=False)  # type: ignore[arg-type] # on purpose


def test_a_context_beside_a_transport_is_refused() -> None:
    class Nothing:
        def send(self, _: object, /) -> None: ...

    with pytest.raises(InvalidArgumentError, match="transport="):
        Api(
            base_url="https://wandb.invalid",
            ssl_context=ssl.create_default_context(),
            transport=Nothing(),  # type: ignore[arg-type] # it is never asked
        )


@each_way
@pytest.mark.parametrize("variable", ["https_proxy", "all_proxy"])
def test_an_encrypted_server_is_reached_through_a_proxy(
    way: str, authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    asked: list[bytes] = []

    context = authority.trusting()
    with (
        serve(answering(http_answer(GOOD)), authority.serving("wandb.invalid")) as named,
        serve(http_proxy(named.port, asked)) as proxy,
    ):
        monkeypatch.setenv(variable, f"http://me:pa%40ss@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        with Face.of(way, "https://wandb.invalid", KEY, ssl_context=context) as client:
            assert count(client) == 7
    (head,) = asked
    assert head.startswith(b"CONNECT wandb.invalid:443 HTTP/1.1")
    assert b"Proxy-Authorization: Basic bWU6cGFAc3M=" in head
    assert KEY.encode() not in head
    assert b"\r\nauthorization:" not in head.lower()


# Forks and interrupts.


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_an_unclosed_api_closes_its_connections_with_its_last_reference() -> None:
    with serve(answering(http_answer(GOOD))) as server:
        run_program(
            SOCKETS
            + """
import gc, sys, warnings
from wandb_runs import Api

warnings.simplefilter("always", ResourceWarning)
with Api(base_url=sys.argv[1], api_key="k") as first:  # what it imports leaves cycles
    assert len(first.runs("team/p")) == 7
gc.collect()
gc.disable()
api = Api(base_url=sys.argv[1], api_key="k")
runs = api.with_options(timeout=50).runs("team/p")
assert len(runs) == 7
del api
assert sockets() == 1  # runs hold it
del runs
assert sockets() == 0
kept = Api(base_url=sys.argv[1], api_key="k")
assert len(kept.runs("team/p")) == 7  # and the program ends before it
""",
            server.url,
        )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_fork_while_other_threads_list_does_not_hang(wandb_server: LocalServer) -> None:
    for number in range(6):
        log_run(wandb_server, "team", "forking", f"r{number}")
    run_program(
        """
import os, sys, threading
from wandb_runs import Api

api = Api(base_url=sys.argv[1], api_key="k", timeout=20)
shared = api.runs("team/forking", per_page=1)
over = threading.Event()

def list_all():
    while not over.is_set():
        assert len(list(api.runs("team/forking", per_page=2))) == 6
        api.runs("team/forking", per_page=1).configs()

threads = [threading.Thread(target=list_all) for _ in range(6)]
threads.append(threading.Thread(target=lambda: list(shared)))
for thread in threads:
    thread.start()
children = []
for _ in range(12):
    child = os.fork()
    if not child:
        import faulthandler
        faulthandler.dump_traceback_later(30, exit=True)
        status = 1
        try:
            right = len(list(shared)) == 6 and len(api.runs("team/forking").configs()) == 6
            status = 0 if right else 2
        finally:
            os._exit(status)
    children.append(child)
statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
over.set()
for thread in threads:
    thread.join()
assert statuses == [0] * 12, statuses
assert len(shared) == 6
""",
        wandb_server.url,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_locks_that_other_threads_held_at_a_fork_are_free_in_the_child() -> None:
    run_program(
        """
import os, threading
from wandb_runs import Api
from wandb_runs.transport.fork import ForkSafeLock
from wandb_runs.transport.threads import Slots

lock, mine, slots = ForkSafeLock(), ForkSafeLock(), Slots(2)
held, over = threading.Barrier(3), threading.Event()

def wait(_):
    held.wait()
    over.wait()

def hold():
    slots.hold(1, wait)

def hold_lock():
    with lock.mutex:
        hold()

threads = [threading.Thread(target=hold_lock), threading.Thread(target=hold)]
for thread in threads:
    thread.start()
held.wait()
assert not slots.hold(0.01, bool)
with mine.mutex:
    child = os.fork()
    if not child:
        assert lock.mutex.acquire(timeout=5)
        assert slots.hold(5, bool)
        got = []
        other = threading.Thread(target=lambda: got.append(mine.mutex.acquire(timeout=0.1)))
        other.start()
        other.join()
        assert got == [False]
if not child:
    free = []
    other = threading.Thread(target=lambda: free.append(mine.mutex.acquire(timeout=5)))
    other.start()
    other.join()
    os._exit(0 if free == [True] else 1)
over.set()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
for thread in threads:
    thread.join()
"""
    )


INTERRUPTED = """
import os, signal, sys, threading, time
from wandb_runs import Api

api = Api(base_url=sys.argv[1], api_key="k", timeout=50)
assert sockets() == 0
assert len(api.runs("team/p")) == 7
assert sockets() == 1
{work}
try:
    work()
except KeyboardInterrupt as error:
    caught = error
else:
    raise SystemExit("not interrupted")
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(20)
assert threading.active_count() == 1, threading.enumerate()
import traceback
shown = "".join(traceback.TracebackException.from_exception(caught, capture_locals=True).format())
assert "YXBpOm" not in shown, shown
assert sockets() == 0, sockets()
assert len(api.runs("team/p")) == 7  # and it goes on
api.close()
assert sockets() == 0
"""


_turn = threading.Lock()
_held: list[socket.socket] = []
_wanted = [1]


def holding(connection: socket.socket) -> None:
    """Answer counts; interrupt the client, which every other request names, and say nothing."""
    while request := read_request(connection):
        body = json.loads(request.partition(b"\r\n\r\n")[2])
        if body["operationName"] == "CountRuns":
            connection.sendall(http_answer(GOOD))
            continue
        with _turn:
            _held.append(connection)
            if len(_held) == _wanted[0]:
                os.kill(int(body["variables"]["entity"]), 2)
        while connection.recv(65536):
            pass
        return


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize(
    ("wanted", "work"),
    [
        (1, 'work = lambda: api.run(f"{os.getpid()}/p/r")'),
        (
            4,
            """
from wandb_runs.graphql.flow import ask, gather
from wandb_runs.graphql._generated import get_run
each = lambda: ask(get_run(entity=str(os.getpid()), project="p", id="r"))
work = lambda: api.client.run(gather([each() for _ in range(9)]))
""",
        ),
    ],
    ids=["one", "batch"],
)
def test_an_interrupt_leaves_no_socket_and_no_thread(wanted: int, work: str) -> None:
    _held.clear()
    _wanted[0] = wanted
    with serve(holding) as server:
        run_program(SOCKETS + INTERRUPTED.replace("{work}", work), server.url)
    assert len(_held) == wanted

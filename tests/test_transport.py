"""What a status means, what is sent again, and what never leaves the process."""

from __future__ import annotations

import base64
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import pytest

from wandb_runs import (
    Api,
    AuthenticationError,
    BadResponseError,
    ConnectionFailedError,
    GraphQLError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    Request,
    RequestTimeoutError,
    Response,
    RetryingClient,
    ServerError,
    TransportError,
    TruncatedResponseError,
    WandbRunsError,
)
from wandb_runs._generated import count_runs
from wandb_runs.settings import ApiKey, resolve_settings
from wandb_runs.testing import FakeClock, log_run
from wandb_runs.transport.options import Options
from wandb_runs.unread import Content, Unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.testing import LocalServer

KEY = "canary-0123456789abcdef0123456789abcdef01"
COUNT = count_runs(entity="team", project="mnist")
GOOD = Response(200, {}, b'{"data": {"project": {"runCount": 7}}}')


class Script:
    """A transport that answers from a list, and keeps what it was sent."""

    def __init__(self, *answers: Response | WandbRunsError) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.clock = FakeClock()

    @property
    def slept(self) -> list[float]:
        return self.clock.slept

    def send(self, request: Request, /) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, WandbRunsError):
            raise answer
        return answer

    def client(self, **options: int) -> RetryingClient:
        key = ApiKey(KEY, source="argument")
        settings = resolve_settings(base_url="http://127.0.0.1:9", api_key=key, environ={})
        return RetryingClient(
            settings, transport=self, options=Options().changed(**options), clock=self.clock
        )


def test_an_operation_goes_out_as_wandb_wants_it() -> None:
    script = Script(GOOD)
    answer = script.client().execute(COUNT)

    assert answer.project is not None
    assert answer.project.run_count == 7
    (request,) = script.requests
    assert request.method == "POST"
    assert request.url == "http://127.0.0.1:9/graphql"
    token = base64.b64encode(f"api:{KEY}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {token}"
    body = json.loads(request.content)
    assert body["operationName"] == "CountRuns"
    assert body["variables"] == {"entity": "team", "project": "mnist"}
    assert KEY not in repr(request)
    assert token not in repr(request)


@pytest.mark.parametrize(
    ("response", "kind", "next_step"),
    [
        (Response(401, {}, b""), AuthenticationError, "WANDB_API_KEY"),
        (Response(403, {}, b"<html>"), PermissionDeniedError, "'team/mnist'"),
        (Response(404, {}, b"nothing here"), NotFoundError, "'team/mnist'"),
        (Response(301, {"location": "https://x"}, b""), BadResponseError, "base_url"),
        (Response(400, {}, b'{"errors": [{"message": "bad filter"}]}'), GraphQLError, "bad filter"),
        (Response(413, {}, b"too large"), GraphQLError, "too large"),
        (Response(200, {}, b"<html>hello</html>"), BadResponseError, "base URL"),
        (Response(200, {}, b'{"data": null}'), BadResponseError, "neither data nor errors"),
        (Response(599, {}, b""), ServerError, "try later"),
    ],
)
def test_a_refusal_is_a_named_error_and_not_repeated(
    response: Response, kind: type[WandbRunsError], next_step: str
) -> None:
    script = Script(response)
    with pytest.raises(kind, match=next_step) as caught:
        script.client().execute(COUNT)
    assert len(script.requests) == 1
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "passing",
    [
        Response(408, {}, b""),
        Response(429, {}, b'{"error": "rate limit exceeded"}'),
        Response(500, {}, b""),
        Response(502, {}, b"<html>"),
        Response(503, {}, b""),
        Response(504, {}, b""),
        ConnectionFailedError("broke"),
    ],
    ids=str,
)
def test_what_passes_is_sent_again(passing: Response | WandbRunsError) -> None:
    script = Script(passing, passing, GOOD)
    assert script.client().execute(COUNT).project is not None
    assert len(script.requests) == 3
    assert len(script.slept) == 2


def test_what_does_not_pass_is_given_up_with_its_status() -> None:
    script = Script(Response(503, {"x-request-id": "abc"}, b"busy"))
    with pytest.raises(ServerError, match="503: busy, attempt 6") as caught:
        script.client().execute(COUNT)
    assert (caught.value.status, caught.value.attempts, caught.value.request_id) == (503, 6, "abc")
    assert len(script.requests) == 6


@pytest.mark.parametrize("header", ["retry-after", "ratelimit-reset"])
def test_the_server_says_how_long_to_wait(header: str) -> None:
    script = Script(Response(429, {header: "3"}, b""), GOOD)
    script.client().execute(COUNT)
    assert len(script.slept) == 1
    assert script.slept[0] >= 3


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    script = Script(Response(429, {"retry-after": "90"}, b""))
    with pytest.raises(RateLimitError, match="asks to wait 90 s") as caught:
        script.client(timeout=10).execute(COUNT)
    assert caught.value.retry_after == 90
    assert script.slept == []


def test_partial_data_is_kept_on_the_error() -> None:
    body = b'{"errors": ["slow"], "data": {"project": {"runCount": null}}}'
    with pytest.raises(GraphQLError) as caught:
        Script(Response(200, {}, body)).client().execute(COUNT)
    assert caught.value.errors == ("slow",)
    assert caught.value.data == {"project": {"runCount": None}}


def test_an_unread_answer_comes_with_what_its_headers_say() -> None:
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    dated = Response(200, {"date": date, "x-request-id": "abc"}, GOOD.content)
    content = Script(Response(503, {}, b""), dated).client().execute(Unread.of(COUNT))
    assert content == Content(GOOD.content, 200, "abc", attempts=2, date=date)
    assert Script(GOOD).client().execute(Unread.of(COUNT)).date is None


def test_retries_are_logged_and_the_key_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="wandb_runs"):
        Script(Response(503, {}, b""), GOOD).client().execute(COUNT)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["DEBUG", "INFO", "DEBUG"]
    assert KEY not in caplog.text


class Misbehaving(BaseHTTPRequestHandler):
    """Does to a request what the project's name says, until the test is over."""

    over = threading.Event()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        what = json.loads(body)["variables"]["project"]
        if what == "hang":
            self.over.wait(5)
        elif what == "garble":
            self.wfile.write(b"what is this\r\n\r\n")
        elif what == "truncate":
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        elif what == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
            for _ in range(200):
                if self.over.wait(0.05):
                    break
                self.wfile.write(b" ")
        elif what == "gzip":
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nxyz"
            )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def misbehaving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that leaves
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Misbehaving.over.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    Misbehaving.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("what", ["hang", "drip"])
def test_a_deadline_ends_a_call(misbehaving: str, what: str) -> None:
    began = time.monotonic()
    with (
        Api(base_url=misbehaving, api_key=KEY, timeout=0.3) as api,
        pytest.raises(RequestTimeoutError, match="longer timeout="),
    ):
        len(api.runs(f"team/{what}"))
    # Far under the ten seconds for which the server would go on.
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("what", ["hang", "drip", "garble", "truncate", "gzip"])
def test_no_traceback_shows_the_key(misbehaving: str, what: str) -> None:
    with (
        Api(base_url=misbehaving, api_key=KEY, timeout=0.3) as api,
        pytest.raises((TransportError, TruncatedResponseError)) as caught,
    ):
        len(api.runs(f"team/{what}"))
    rendered = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(rendered.format())
    assert type(caught.value).__name__ in shown
    assert KEY not in shown
    assert base64.b64encode(f"api:{KEY}".encode()).decode() not in shown


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "junk://x"),
        ("SSL_CERT_FILE", "/nonexistent.pem"),
    ],
)
def test_an_environment_that_cannot_be_used_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(WandbRunsError, match="SSL_CERT_FILE"):
        len(Api(base_url="https://wandb.invalid", api_key=KEY, timeout=0.2).runs("team/mnist"))


class Proxy(BaseHTTPRequestHandler):
    """Answers in place of every server, and keeps what it was asked for."""

    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.asked.append((self.path, self.headers["proxy-authorization"]))
        self.send_response(200)
        self.send_header("content-length", str(len(GOOD.content)))
        self.end_headers()
        self.wfile.write(GOOD.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Proxy.asked.clear()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("variable", "scheme"), [("http_proxy", "http://me:pass@"), ("all_proxy", ""), ("no_proxy", "")]
)
def test_a_proxy_is_taken_from_the_environment_unless_it_is_told_not_to(
    monkeypatch: pytest.MonkeyPatch, proxy: str, variable: str, scheme: str
) -> None:
    monkeypatch.setenv("http_proxy" if variable == "no_proxy" else variable, f"{scheme}{proxy}")
    monkeypatch.setenv("no_proxy", ".invalid" if variable == "no_proxy" else "other.invalid")
    with Api(base_url="http://wandb.invalid", api_key=KEY, timeout=0.5, allow_http=True) as api:
        if variable == "no_proxy":
            with pytest.raises(ConnectionFailedError, match=r"wandb\.invalid"):
                len(api.runs("team/mnist"))
        else:
            assert len(api.runs("team/mnist")) == 7
    sign = f"Basic {base64.b64encode(b'me:pass').decode()}" if scheme else None
    asked = [] if variable == "no_proxy" else [("http://wandb.invalid/graphql", sign)]
    assert Proxy.asked == asked


def test_a_server_on_this_machine_is_asked_directly(
    monkeypatch: pytest.MonkeyPatch, proxy: str, wandb_server: LocalServer
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    log_run(wandb_server, "team", "direct", "r")
    with Api(base_url=wandb_server.url, api_key=KEY) as api:
        assert len(api.runs("team/direct")) == 1
    assert Proxy.asked == []


def test_closing_waits_for_nobody_and_lets_others_finish(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "closing", "r")
    api = Api(base_url=wandb_server.url, api_key=KEY, timeout=5)
    begun = threading.Barrier(5)

    def read(_: int) -> str:
        begun.wait()
        try:
            while True:
                list(api.runs("team/closing"))
        except WandbRunsError as error:
            return error.message

    with ThreadPoolExecutor(4) as pool:
        messages = pool.map(read, range(4))
        begun.wait()
        time.sleep(0.05)
        api.close()
        assert set(messages) == {"this client is closed; make a new Api()"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(wandb_server: LocalServer) -> None:
    for number in range(4):
        log_run(wandb_server, "team", "forked", f"r{number}", config={"number": number})
    program = """
import os, sys
from wandb_runs import Api
api = Api(base_url=sys.argv[1], api_key="k")
assert len(api.runs("team/forked")) == 4
children = []
for number in range(4):
    child = os.fork()
    if not child:
        right = all(api.run(f"team/forked/r{number}").config["number"] == number for _ in range(20))
        os._exit(0 if right else 1)
    children.append(child)
statuses = [os.waitpid(child, 0)[1] for child in children]
assert statuses == [0] * 4, statuses
assert len(api.runs("team/forked")) == 4
"""
    subprocess.run([sys.executable, "-c", program, wandb_server.url], check=True, timeout=60)


def test_a_server_that_is_not_there_is_a_connection_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        Api(base_url=f"http://127.0.0.1:{port}", api_key=KEY, timeout=0.3) as api,
        pytest.raises(ConnectionFailedError, match="check the address") as caught,
    ):
        len(api.runs("team/mnist"))
    assert type(caught.value).__module__ == "wandb_runs.errors"


def test_a_closed_api_says_so() -> None:
    api = Api(base_url="http://127.0.0.1:9", api_key=KEY, timeout=0.1)
    api.close()
    api.close()
    with pytest.raises(WandbRunsError, match="make a new Api"):
        len(api.runs("team/mnist"))

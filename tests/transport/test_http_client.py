"""Calls over a user's client of httpx or httpx2: its features work, and every promise holds."""

from __future__ import annotations

import base64
import gzip
import threading
import time
import traceback
from functools import partial
from typing import TYPE_CHECKING, Final, Unpack
from unittest.mock import MagicMock

import anyio
import httpx
import httpx2
import pytest
import respx
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.certificates import Authority
from support.raw_server import RawServer, http_answer, read_request, serve
from support.ways import each_way

from wandb_runs import (
    Api,
    AsyncApi,
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ConnectionFailedError,
    GraphQLError,
    InvalidArgumentError,
    RequestTimeoutError,
    ResponseTooLargeError,
    TruncatedResponseError,
    WandbRunsError,
)
from wandb_runs.testing import FakeClock

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from pytest_httpx import HTTPXMock
    from support.options import Chosen

KEY: Final = "canary-0123456789abcdef0123456789abcdef01"
TOKEN: Final = base64.b64encode(f"api:{KEY}".encode()).decode()
GOOD: Final = b'{"data": {"project": {"runCount": 7}}}'
ELSEWHERE: Final = "https://wandb.invalid"


def count(
    way: str,
    url: str,
    blocking: Callable[[], httpx.Client | httpx2.Client] = httpx.Client,
    awaiting: Callable[[], httpx.AsyncClient | httpx2.AsyncClient] = httpx.AsyncClient,
    **chosen: Unpack[Chosen],
) -> int:
    """Count the runs of a project over a client, which stays open.

    Args:
        way: Blocking, or a backend of anyio.
        url: The server.
        blocking: Makes the blocking client.
        awaiting: Makes the asynchronous client.
        chosen: Options of the call.
    """
    if way == "sync":
        with (
            blocking() as client,
            Api(base_url=url, api_key=KEY, http_client=client, clock=FakeClock(), **chosen) as api,
        ):
            try:
                return len(api.runs("team/mnist"))
            finally:
                api.close()
                assert not client.is_closed

    async def run() -> int:
        async with (
            awaiting() as client,
            AsyncApi(
                base_url=url, api_key=KEY, http_client=client, clock=FakeClock(), **chosen
            ) as api,
        ):
            try:
                return await api.runs("team/mnist").length()
            finally:
                await api.aclose()
                assert not client.is_closed

    return anyio.run(run, backend=way)


def answering(
    *answers: bytes, heads: list[bytes] | None = None
) -> AbstractContextManager[RawServer]:
    """A server that gives one answer to each request, the last again and again."""
    left = list(answers)

    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            if heads is not None:
                heads.append(request)
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return serve(handle)


# What a client brings along.


@each_way
@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_clients_of_both_libraries_carry_calls(way: str, library: object) -> None:
    is_first = library is httpx
    heads: list[bytes] = []
    answer = http_answer(gzip.compress(GOOD), content_encoding="gzip")
    with answering(answer, heads=heads) as server:
        counted = count(
            way,
            server.url,
            httpx.Client if is_first else httpx2.Client,
            httpx.AsyncClient if is_first else httpx2.AsyncClient,
        )
    assert counted == 7
    (head,) = heads
    assert f"authorization: basic {TOKEN}".encode().lower() in head.lower()
    assert b"accept-encoding: gzip, deflate, br" in head.lower()
    assert b"user-agent: wandb-runs/" in head.lower()


@each_way
def test_headers_of_the_client_are_sent_and_ours_win(way: str) -> None:
    heads: list[bytes] = []
    headers = {"x-team": "a", "accept-encoding": "zstd", "authorization": "Bearer other"}
    with answering(http_answer(GOOD), heads=heads) as server:
        count(
            way,
            server.url,
            partial(httpx.Client, headers=headers, base_url=ELSEWHERE, cookies={"c": "d"}),
            partial(httpx.AsyncClient, headers=headers, base_url=ELSEWHERE, cookies={"c": "d"}),
        )
    (head,) = heads
    head = head.lower()
    assert b"x-team: a\r\n" in head
    assert b"cookie: c=d\r\n" in head
    assert head.count(b"accept-encoding:") == head.count(b"authorization:") == 1
    assert b"accept-encoding: gzip, deflate, zstd\r\n" in head
    assert b"bearer" not in head


@each_way
def test_event_hooks_see_each_attempt(way: str) -> None:
    seen: list[str] = []

    def on_request(request: httpx.Request) -> None:
        seen.append(request.method)

    def on_response(response: httpx.Response) -> None:
        seen.append(str(response.status_code))

    async def on_request_async(request: httpx.Request) -> None:
        on_request(request)

    async def on_response_async(response: httpx.Response) -> None:
        on_response(response)

    with answering(http_answer(b"", "503 Busy"), http_answer(GOOD)) as server:
        counted = count(
            way,
            server.url,
            partial(httpx.Client, event_hooks={"request": [on_request], "response": [on_response]}),
            partial(
                httpx.AsyncClient,
                event_hooks={"request": [on_request_async], "response": [on_response_async]},
            ),
        )
    assert counted == 7
    assert seen == ["POST", "503", "POST", "200"]


@each_way
def test_a_hook_that_raises_for_the_status_is_an_answer(way: str) -> None:
    def refuse(response: httpx.Response | httpx2.Response) -> None:
        response.raise_for_status()

    async def refuse_async(response: httpx.Response | httpx2.Response) -> None:
        response.raise_for_status()

    of_httpx2 = (
        partial(httpx2.Client, event_hooks={"response": [refuse]}),
        partial(httpx2.AsyncClient, event_hooks={"response": [refuse_async]}),
    )
    with answering(http_answer(b"", "503 Busy"), http_answer(GOOD)) as server:
        assert count(way, server.url, *of_httpx2) == 7
    makers = (
        partial(httpx.Client, event_hooks={"response": [refuse]}),
        partial(httpx.AsyncClient, event_hooks={"response": [refuse_async]}),
    )
    with answering(http_answer(b"", "503 Busy"), http_answer(GOOD)) as server:
        assert count(way, server.url, *makers) == 7
    with answering(http_answer(b"no", "401 Unauthorized")) as server:
        with pytest.raises(AuthenticationError) as caught:
            count(way, server.url, *makers)
        assert_hidden(caught.value)


@each_way
def test_a_hook_that_reads_the_body_leaves_it_to_the_call(way: str) -> None:
    def read(response: httpx.Response) -> None:
        response.read()

    async def read_async(response: httpx.Response) -> None:
        await response.aread()

    answer = http_answer(gzip.compress(GOOD), content_encoding="gzip")
    with answering(answer) as server:
        counted = count(
            way,
            server.url,
            partial(httpx.Client, event_hooks={"response": [read]}),
            partial(httpx.AsyncClient, event_hooks={"response": [read_async]}),
        )
    assert counted == 7


@each_way
def test_a_hook_that_reads_before_it_raises_keeps_what_the_server_says(way: str) -> None:
    def refuse(response: httpx.Response) -> None:
        response.read()
        response.raise_for_status()

    async def refuse_async(response: httpx.Response) -> None:
        await response.aread()
        response.raise_for_status()

    answer = http_answer(b'{"errors": [{"message": "bad thing"}]}', "400 Bad Request")
    with answering(answer) as server, pytest.raises(GraphQLError, match="bad thing"):
        count(
            way,
            server.url,
            partial(httpx.Client, event_hooks={"response": [refuse]}, params={"p": "q"}),
            partial(httpx.AsyncClient, event_hooks={"response": [refuse_async]}, params={"p": "q"}),
        )


@each_way
def test_a_hook_that_consumes_the_body_before_it_raises_is_told(way: str) -> None:
    def refuse(response: httpx.Response) -> None:
        assert list(response.iter_bytes())
        response.raise_for_status()

    async def refuse_async(response: httpx.Response) -> None:
        assert [part async for part in response.aiter_bytes()]
        response.raise_for_status()

    with (
        answering(http_answer(b"no", "401 Unauthorized")) as server,
        pytest.raises(WandbRunsError, match=r"call response\.read\(\)") as caught,
    ):
        count(
            way,
            server.url,
            partial(httpx.Client, event_hooks={"response": [refuse]}),
            partial(httpx.AsyncClient, event_hooks={"response": [refuse_async]}),
        )
    assert_hidden(caught.value)


@each_way
def test_a_broken_body_that_a_mock_or_a_hook_decompresses_is_truncated(way: str) -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, content=b"no gzip", headers={"content-encoding": "gzip"})
    )
    with pytest.raises(TruncatedResponseError, match="cannot be decompressed") as caught:
        count(
            way,
            ELSEWHERE,
            partial(httpx.Client, transport=transport),
            partial(httpx.AsyncClient, transport=transport),
            max_retries=1,
        )
    assert caught.value.attempts == 2
    assert_hidden(caught.value)


@each_way
def test_an_error_of_a_hook_is_raised_as_itself(way: str) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    async def fail_async(_: object) -> None:
        raise ZeroDivisionError

    with answering(http_answer(GOOD)) as server, pytest.raises(ZeroDivisionError) as caught:
        count(
            way,
            server.url,
            partial(httpx.Client, event_hooks={"response": [fail]}),
            partial(httpx.AsyncClient, event_hooks={"response": [fail_async]}),
        )
    assert_hidden(caught.value)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1].startswith("fail")  # the user's own frame stays


@each_way
def test_a_mock_transport_answers(way: str) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(
            200, content=gzip.compress(GOOD), headers={"content-encoding": "gzip"}
        )

    transport = httpx.MockTransport(answer)
    counted = count(
        way,
        ELSEWHERE,
        partial(httpx.Client, transport=transport),
        partial(httpx.AsyncClient, transport=transport),
    )
    assert counted == 7
    assert requests[0].url == f"{ELSEWHERE}/graphql"


@each_way
def test_a_mocked_answer_that_is_too_long_is_an_error(way: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=bytes(2000)))
    with pytest.raises(ResponseTooLargeError, match="1,000 bytes"):
        count(
            way,
            ELSEWHERE,
            partial(httpx.Client, transport=transport),
            partial(httpx.AsyncClient, transport=transport),
            max_response_bytes=1000,
        )


@each_way
def test_mounts_route_a_call(way: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=GOOD))
    counted = count(
        way,
        ELSEWHERE,
        partial(httpx.Client, mounts={f"{ELSEWHERE}/": transport}),
        partial(httpx.AsyncClient, mounts={f"{ELSEWHERE}/": transport}),
    )
    assert counted == 7


@each_way
def test_an_auth_flow_signs_in_our_place(way: str) -> None:
    class Refreshing(httpx.Auth):
        def auth_flow(
            self, request: httpx.Request
        ) -> Generator[httpx.Request, httpx.Response, None]:
            request.headers["authorization"] = "Bearer old"
            response = yield request
            if response.status_code == 401:
                request.headers["authorization"] = "Bearer new"
                yield request

    heads: list[bytes] = []
    with answering(http_answer(b"", "401 No"), http_answer(GOOD), heads=heads) as server:
        counted = count(
            way,
            server.url,
            partial(httpx.Client, auth=Refreshing()),
            partial(httpx.AsyncClient, auth=Refreshing()),
        )
    assert counted == 7
    assert [b"Bearer old" in head for head in heads] == [True, False]
    assert b"Bearer new" in heads[1]
    assert not any(TOKEN.encode() in head for head in heads)


@each_way
def test_an_auth_flow_takes_the_place_of_the_key_whichever_header_it_sets(way: str) -> None:
    class Signing(httpx.Auth):
        def auth_flow(
            self, request: httpx.Request
        ) -> Generator[httpx.Request, httpx.Response, None]:
            request.headers["x-signature"] = "signed"
            yield request

    heads: list[bytes] = []
    with answering(http_answer(GOOD), heads=heads) as server:
        auth = Signing()
        counted = count(
            way,
            server.url,
            partial(httpx.Client, auth=auth),
            partial(httpx.AsyncClient, auth=auth),
        )
    assert counted == 7
    assert b"x-signature: signed" in heads[0]
    assert b"authorization" not in heads[0].lower()


@each_way
@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_an_illegal_header_of_the_client_is_neither_shown_nor_retried(
    way: str, library: object
) -> None:
    headers = {"x-token": "secret-of-the-user\n"}
    is_first = library is httpx
    heads: list[bytes] = []
    with (
        answering(http_answer(GOOD), heads=heads) as server,
        pytest.raises(WandbRunsError, match="a header of the http_client=") as caught,
    ):
        count(
            way,
            server.url,
            partial(httpx.Client if is_first else httpx2.Client, headers=headers),
            partial(httpx.AsyncClient if is_first else httpx2.AsyncClient, headers=headers),
        )
    assert type(caught.value) is WandbRunsError  # which is not retried
    assert heads == []
    assert_hidden(caught.value, "secret-of-the-user")


@each_way
def test_a_status_error_of_another_request_is_no_answer(way: str) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        if request.url.path == "/token":
            return httpx.Response(404, content=b"body of the token endpoint")
        return httpx.Response(200, content=GOOD)

    class Fetching(httpx.Auth):
        def auth_flow(
            self, request: httpx.Request
        ) -> Generator[httpx.Request, httpx.Response, None]:
            response = yield httpx.Request("POST", f"{ELSEWHERE}/token")
            response.raise_for_status()
            yield request

    transport = httpx.MockTransport(answer)
    with pytest.raises(WandbRunsError, match="raised HTTPStatusError") as caught:
        count(
            way,
            ELSEWHERE,
            partial(httpx.Client, transport=transport, auth=Fetching()),
            partial(httpx.AsyncClient, transport=transport, auth=Fetching()),
        )
    assert type(caught.value) is WandbRunsError
    assert sent == ["/token"]
    cause = caught.value.__cause__
    assert isinstance(cause, httpx.HTTPStatusError)
    assert cause.__traceback__ is None
    assert_hidden(caught.value, "body of the token endpoint")


def test_auth_of_the_client_goes_to_the_server_alone() -> None:
    heads: list[bytes] = []

    def api_server(connection: socket.socket) -> None:
        while request := read_request(connection):
            heads.append(request)
            run: dict[str, object] = {"id": "r", "storageId": "x", "state": "finished"}
            if b"GetRunFile" in request:
                node = {"name": "wandb-metadata.json", "directUrl": f"{files.url}/file?sig=1"}
                run = {"files": {"edges": [{"node": node}]}}
            body = httpx.Response(200, json={"data": {"project": {"run": run}}}).content
            connection.sendall(http_answer(body))

    with (
        answering(http_answer(b'{"python": "3.11"}'), heads=heads) as files,
        serve(api_server) as server,
        httpx.Client(auth=("me", "secret")) as client,
        Api(base_url=server.url, api_key=KEY, http_client=client) as api,
    ):
        assert api.run("team/mnist/r").metadata == {"python": "3.11"}
    signs = {head.split()[0]: b"authorization" in head.lower() for head in heads}
    assert signs == {b"POST": True, b"GET": False}


@each_way
def test_respx_mocks_a_call(way: str) -> None:
    with respx.mock(base_url=ELSEWHERE) as router:
        route = router.post("/graphql").mock(
            side_effect=[
                httpx.ConnectError("no"),
                httpx.Response(503),
                httpx.Response(200, content=GOOD),
            ]
        )
        assert count(way, ELSEWHERE) == 7
    assert route.call_count == 3


@each_way
def test_pytest_httpx_mocks_a_call(way: str, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=503)
    httpx_mock.add_exception(httpx.ReadError("broken"))
    httpx_mock.add_response(content=GOOD, headers={"x-request-id": "abc"})
    assert count(way, ELSEWHERE) == 7
    assert [str(each.url) for each in httpx_mock.get_requests()] == [f"{ELSEWHERE}/graphql"] * 3


@each_way
def test_opentelemetry_has_one_span_for_each_request(way: str) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    try:
        with answering(http_answer(b"", "503 Busy"), http_answer(GOOD)) as server:
            assert count(way, server.url) == 7
    finally:
        HTTPXClientInstrumentor().uninstrument()
    assert [each.name for each in spans.get_finished_spans()] == ["POST", "POST"]
    assert KEY not in repr([each.to_json() for each in spans.get_finished_spans()])


@each_way
def test_an_instrumented_client_shows_no_key_in_the_error_of_a_mock(way: str) -> None:
    def fail(_: object) -> httpx.Response:
        raise ZeroDivisionError from ValueError()

    HTTPXClientInstrumentor().instrument(tracer_provider=TracerProvider())
    try:
        with respx.mock(base_url=ELSEWHERE) as router:
            router.post("/graphql").mock(side_effect=fail)
            with pytest.raises(ZeroDivisionError) as caught:
                count(way, ELSEWHERE)
    finally:
        HTTPXClientInstrumentor().uninstrument()
    assert_hidden(caught.value)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].name == "fail"
    assert not any("opentelemetry" in frame.filename for frame in frames)


# What is promised.


@each_way
def test_deadline_holds_while_the_size_of_a_chunk_drips(way: str) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;")
        for _ in range(50):
            if not over.wait(0.1):
                connection.sendall(b"x")

    with serve(drip) as server:
        began = time.monotonic()
        try:
            with pytest.raises(RequestTimeoutError):
                count(way, server.url, timeout=0.5)
            assert time.monotonic() - began < 1.5
        finally:
            over.set()


@each_way
def test_an_answer_that_a_hook_reads_past_the_deadline_is_late(way: str) -> None:
    def read(response: httpx.Response) -> None:
        response.read()

    async def read_async(response: httpx.Response) -> None:
        await response.aread()

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(GOOD))
        for start in range(0, len(GOOD), 5):
            connection.sendall(GOOD[start : start + 5])
            time.sleep(0.1)

    with serve(drip) as server, pytest.raises(RequestTimeoutError):
        count(
            way,
            server.url,
            partial(httpx.Client, event_hooks={"response": [read]}),
            partial(httpx.AsyncClient, event_hooks={"response": [read_async]}),
            timeout=0.4,
        )


@each_way
@pytest.mark.parametrize("pause", [0.02, 0.9], ids=["fast", "slow"])
def test_deadline_holds_while_the_body_drips(way: str, pause: float) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not over.is_set():
            connection.sendall(b" ")
            over.wait(pause)

    with serve(drip) as server:
        began = time.monotonic()
        try:
            with pytest.raises(RequestTimeoutError, match="longer timeout="):
                count(way, server.url, timeout=1.0)
            assert 0.9 < time.monotonic() - began < 1.5
        finally:
            over.set()


@pytest.mark.parametrize("way", ["asyncio", "trio"])
def test_deadline_of_tasks_holds_while_headers_drip(way: str) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while not over.wait(0.02):
            connection.sendall(b"x")

    with serve(drip) as server:
        try:
            with pytest.raises(RequestTimeoutError):
                count(way, server.url, timeout=0.3)
        finally:
            over.set()


@each_way
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http_answer(gzip.compress(GOOD)[:-9], content_encoding="gzip"), TruncatedResponseError),
        (http_answer(gzip.compress(b"")[:-9], content_encoding="gzip"), TruncatedResponseError),
        (http_answer(b"no gzip", content_encoding="gzip"), TruncatedResponseError),
        (http_answer(GOOD, content_encoding="br"), TruncatedResponseError),
        (http_answer(GOOD[:-9]), TruncatedResponseError),
        (b"what is this\r\n\r\n", ConnectionFailedError),
        (
            http_answer(gzip.compress(bytes(5_000_000)), content_encoding="gzip"),
            ResponseTooLargeError,
        ),
        (http_answer(bytes(5_000_000)), ResponseTooLargeError),
        (http_answer(b"", "307 Moved", location="http://127.0.0.1:9/"), BadResponseError),
    ],
    ids=[
        "cut gzip", "cut empty gzip", "no gzip", "brotli", "cut JSON", "no HTTP",
        "gzip bomb", "too long", "redirect",
    ],
)  # fmt: skip
def test_a_bad_answer_is_an_error_and_shows_no_key(
    way: str, answer: bytes, kind: type[Exception]
) -> None:
    followed = (
        partial(httpx.Client, follow_redirects=True),
        partial(httpx.AsyncClient, follow_redirects=True),
    )
    with answering(answer) as server, pytest.raises(kind) as caught:
        count(way, server.url, *followed, max_response_bytes=1 << 20, max_retries=1)
    assert type(caught.value) is kind
    assert_hidden(caught.value)


@each_way
def test_a_connection_that_is_refused_is_an_error_of_ours(way: str) -> None:
    with pytest.raises(ConnectionFailedError) as caught:
        count(way, "http://127.0.0.1:9", max_retries=1)
    assert not caught.value.may_have_arrived
    assert caught.value.attempts == 2
    assert_hidden(caught.value)


@each_way
def test_a_proxy_that_refuses_is_not_quoted(way: str) -> None:
    with answering(http_answer(b"", f"407 {TOKEN}")) as proxy:
        with pytest.raises(ConnectionFailedError, match="the proxy answers HTTP 407") as caught:
            count(
                way,
                ELSEWHERE,
                partial(httpx.Client, proxy=proxy.url),
                partial(httpx.AsyncClient, proxy=proxy.url),
                max_retries=0,
            )
        assert_hidden(caught.value)


@each_way
def test_a_connection_that_breaks_may_have_arrived(way: str) -> None:
    def cut(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")

    with serve(cut) as server, pytest.raises(ConnectionFailedError) as caught:
        count(way, server.url, max_retries=0)
    assert caught.value.may_have_arrived
    assert_hidden(caught.value)


@each_way
def test_an_untrusted_certificate_is_an_error_of_ours(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    with (
        serve(lambda _: None, Authority().serving("127.0.0.1")) as server,
        pytest.raises(CertificateError) as caught,
    ):
        count(way, server.url)
    assert_hidden(caught.value)


def test_an_interrupt_shows_no_key() -> None:
    def interrupt(_: object) -> httpx.Response:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        count("sync", ELSEWHERE, partial(httpx.Client, transport=httpx.MockTransport(interrupt)))
    assert_hidden(caught.value)


def test_a_client_that_its_owner_closed_is_an_error() -> None:
    client = httpx.Client()
    client.close()
    with pytest.raises(WandbRunsError, match="http_client= is closed"):
        len(Api(api_key=KEY, http_client=client).runs("team/mnist"))


def test_another_object_than_a_client_is_refused() -> None:
    for wrong, got in (
        (httpx.AsyncClient(), "AsyncClient"),
        (httpx.Client, "the class Client"),
        (httpx.MockTransport(lambda _: httpx.Response(200)), "MockTransport"),
        ("https://x", "str"),
        (MagicMock(), "MagicMock"),
        (MagicMock(spec=httpx.Client), "MagicMock"),
    ):
        with pytest.raises(InvalidArgumentError, match=f"httpx.Client or httpx2.Client, got {got}"):
            Api(http_client=wrong)  # type: ignore[arg-type] # on purpose
    with pytest.raises(InvalidArgumentError, match=r"httpx\.AsyncClient .*, got Client"):
        AsyncApi(http_client=httpx.Client())  # type: ignore[arg-type] # on purpose


def assert_hidden(error: BaseException, *secrets: str) -> None:
    """Neither the error nor its causes show the key, with the variables of their frames.

    Args:
        error: The error.
        secrets: What is not shown either.
    """
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        stack = traceback.StackSummary.extract(
            traceback.walk_tb(each.__traceback__), capture_locals=True
        )
        shown = [repr(each), repr(each.args)]
        shown += [str(frame.locals) for frame in stack if frame.filename != __file__]
        for text in shown:
            assert KEY[:20] not in text
            assert TOKEN[8:28] not in text
            assert not any(secret in text for secret in secrets)
        left += (each.__cause__, each.__context__)

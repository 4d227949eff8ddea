"""The blocking client: statuses, retries, deadlines, pacing, counters, logs."""

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
from typing import TYPE_CHECKING, ClassVar, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ways import Face, each_way

from wandb_runs import (
    Api,
    AuthenticationError,
    BadResponseError,
    ConnectionFailedError,
    GraphQLError,
    HistoriesError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    Request,
    RequestTimeoutError,
    Response,
    ResponseError,
    ResponseTooLargeError,
    ServerError,
    Stats,
    TransportError,
    TruncatedResponseError,
    WandbRunsError,
)
from wandb_runs.graphql._generated import count_runs
from wandb_runs.graphql.operation import Operation, RawOperation
from wandb_runs.graphql.raw_response import RawResponse, is_cut
from wandb_runs.testing import FakeClock, log_run
from wandb_runs.transport.http import HttpTransport
from wandb_runs.transport.options import MAX_CONCURRENCY, Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.options import Chosen, ChosenWithClock

    from wandb_runs import Transport
    from wandb_runs.testing import LocalServer

KEY = "canary-0123456789abcdef0123456789abcdef01"
COUNT = count_runs(entity="team", project="mnist")
GOOD = Response(200, {}, b'{"data": {"project": {"runCount": 7}}}')


class Script:
    """A transport that answers from a list, and keeps what it was sent."""

    def __init__(self, *answers: Response | WandbRunsError) -> None:
        self.answers: list[Response | WandbRunsError] = list(answers)
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

    def client(self, way: str, **options: Unpack[Chosen]) -> Face:
        url = "http://127.0.0.1:9"
        return Face.of(way, url, KEY, transport=self, clock=self.clock, **options)


@each_way
def test_an_operation_is_sent_as_wandb_expects_it(way: str) -> None:
    script = Script(GOOD)
    answer = script.client(way).execute(COUNT)

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


@each_way
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
    way: str, response: Response, kind: type[WandbRunsError], next_step: str
) -> None:
    script = Script(response)
    with pytest.raises(kind, match=next_step) as caught:
        script.client(way).execute(COUNT)
    assert len(script.requests) == 1
    assert KEY not in str(caught.value)


@each_way
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
def test_transient_failures_are_retried(way: str, passing: Response | WandbRunsError) -> None:
    script = Script(passing, passing, GOOD)
    assert script.client(way).execute(COUNT).project is not None
    assert len(script.requests) == 3
    assert len(script.slept) == 2


@each_way
def test_a_lasting_failure_carries_status_attempts_and_request_id(way: str) -> None:
    script = Script(Response(503, {"x-request-id": "abc"}, b"busy"))
    with pytest.raises(ServerError, match="503: busy, attempt 6") as caught:
        script.client(way).execute(COUNT)
    assert (caught.value.status, caught.value.attempts, caught.value.request_id) == (503, 6, "abc")
    assert len(script.requests) == 6


@each_way
@pytest.mark.parametrize(
    ("status", "header"), [(429, "retry-after"), (429, "ratelimit-reset"), (503, "retry-after")]
)
def test_delays_that_the_server_asks_for_are_obeyed(way: str, status: int, header: str) -> None:
    script = Script(Response(status, {header: "3"}, b""), GOOD)
    script.client(way).execute(COUNT)
    assert len(script.slept) == 1
    assert 3 <= script.slept[0] < 3.5


@each_way
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("90", 90), ("2592000", 2_592_000), ("9" * 30, 1e9), ("Fri, 31 Dec 9999 23:59:59 GMT", 1e9)],
)
def test_a_delay_past_the_deadline_is_an_error_at_once(
    way: str, status: int, delay: str, seconds: float
) -> None:
    script = Script(Response(status, {"retry-after": delay}, b""))
    with pytest.raises((RateLimitError, ServerError), match=r"10\.0 s of the call's") as caught:
        script.client(way, timeout=10).execute(COUNT)
    assert isinstance(caught.value, (RateLimitError, ServerError))
    assert caught.value.retry_after == seconds
    assert f"would come in {seconds:.0f}" in str(caught.value)
    assert caught.value.attempts == 1
    assert script.slept == []


@each_way
def test_attempts_end_with_the_deadline(way: str) -> None:
    script = Script(Response(503, {}, b""))
    script.clock = FakeClock(chance=0.9)
    with pytest.raises(ServerError, match="timeout= are left"):
        script.client(way, timeout=3, max_retries=50).execute(COUNT)
    assert 0 < sum(script.slept) < 3


@each_way
@pytest.mark.parametrize("max_retries", [0, 1, 7])
def test_retries_are_bounded_by_max_retries(way: str, max_retries: int) -> None:
    script = Script(Response(503, {}, b""))
    with pytest.raises(ServerError) as caught:
        script.client(way, max_retries=max_retries).execute(COUNT)
    assert len(script.requests) == caught.value.attempts == max_retries + 1


@each_way
@pytest.mark.parametrize(
    "body", [b'{"error": "rate limit exceeded"}', b'{"errors": ["rate limited"]}']
)
def test_a_rate_limit_in_a_successful_answer_is_retried(way: str, body: bytes) -> None:
    limited = Response(200, {"retry-after": "2", "x-request-id": "abc"}, body)
    script = Script(limited, GOOD)
    assert script.client(way).execute(COUNT).project is not None
    assert 2 <= script.slept[0] < 3
    with pytest.raises(RateLimitError, match="rate limit") as caught:
        Script(limited).client(way, max_retries=1).execute(COUNT)
    error = caught.value
    facts = (error.status, error.retry_after, error.attempts, error.request_id)
    assert facts == (200, 2, 2, "abc")


@each_way
@pytest.mark.parametrize("operation", [COUNT, RawOperation.of(COUNT)], ids=["read", "unread"])
def test_a_truncated_answer_is_retried(way: str, operation: Operation[object]) -> None:
    cut = Response(200, {"x-request-id": "abc"}, GOOD.content[:-4])
    script = Script(cut, GOOD)
    script.client(way).execute(operation)
    assert len(script.requests) == 2
    with pytest.raises(TruncatedResponseError, match="breaks off after 34 bytes") as caught:
        Script(cut).client(way, max_retries=2).execute(operation)
    assert (caught.value.status, caught.value.request_id, caught.value.attempts) == (200, "abc", 3)


@given(st.integers(0, len(GOOD.content)))
def test_every_truncation_is_detected(length: int) -> None:
    assert is_cut(GOOD.content[:length]) == (0 < length < len(GOOD.content))


MUTATION: Operation[object] = Operation("Do", "mutation", "mutation Do { do }", {}, lambda: object)


@each_way
def test_a_mutation_is_sent_again_only_if_nothing_was_sent(way: str) -> None:
    script = Script(Response(503, {}, b""))
    with pytest.raises(ServerError, match="may have been done"):
        script.client(way).execute(MUTATION)
    script = Script(ConnectionFailedError("broke"))
    with pytest.raises(ConnectionFailedError, match="may have been done"):
        script.client(way).execute(MUTATION)
    assert len(script.requests) == 1
    unsent = ConnectionFailedError("refused", may_have_arrived=False)
    script = Script(unsent, Response(200, {}, b'{"data": {}}'))
    script.client(way).execute(MUTATION)
    assert len(script.requests) == 2


@each_way
def test_the_calls_of_a_client_share_a_retry_budget(way: str) -> None:
    script = Script(Response(503, {}, b"busy"))
    client = script.client(way)
    for _ in range(4):
        with pytest.raises(ServerError, match="sent 6 times"):
            client.execute(COUNT)
    for _ in range(3):  # all twenty are spent
        with pytest.raises(ServerError, match="retries that all its calls share"):
            client.execute(COUNT)
    assert len(script.requests) == 4 * 6 + 3
    script.answers = [GOOD]
    client.execute(COUNT)  # gives one back
    script.answers = [Response(503, {}, b""), GOOD]
    client.execute(COUNT)
    assert client.stats.retries == 21


@each_way
@pytest.mark.parametrize("headers", [{}, {"x-request-id": "abc"}])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b'{"data": null}',
        b"{}",
        b'{"error": {"code": 7}}',
        b'{"errors": ["no", {"message": "never"}], "data": {}}',
        b'{"data": {"project": 7}}',
        b'{"data": {"project": {"runCount": "many"}}}',
        b'{"data": {"project": {"runCount": ' + b"9" * 5000 + b"}}}",
        b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"data": ' + b"[" * 100_000,
        b"\xff\xfe{",
        GOOD.content + b"x",
    ],
    ids=lambda body: str(body[:40]),
)
def test_a_malformed_answer_is_a_named_error_with_its_facts(
    way: str, body: bytes, headers: dict[str, str]
) -> None:
    request_id = headers.get("x-request-id")
    script = Script(Response(500, headers, b""), Response(200, headers, body))
    with pytest.raises((BadResponseError, GraphQLError)) as caught:
        script.client(way).execute(COUNT)
    error = caught.value
    assert (error.status, error.request_id) == (200, request_id)
    assert error.attempts == len(script.requests) >= 2
    assert len(error.message) < 1000


@each_way
@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 422, 429, 500, 503])
def test_every_refusal_carries_status_request_id_and_attempts(way: str, status: int) -> None:
    script = Script(Response(status, {"x-request-id": "abc"}, b"no"))
    with pytest.raises((ResponseError, NotFoundError)) as caught:
        script.client(way, max_retries=0).execute(COUNT)
    assert isinstance(caught.value, (ResponseError, NotFoundError))
    assert (caught.value.status, caught.value.request_id) == (status, "abc")
    assert caught.value.attempts == 1


@each_way
def test_a_failed_connection_carries_its_attempts(way: str) -> None:
    with pytest.raises(ConnectionFailedError, match="sent 6 times") as caught:
        Script(ConnectionFailedError("broke")).client(way).execute(COUNT)
    assert caught.value.attempts == 6


@each_way
def test_the_bound_on_an_answer_holds_for_any_transport(way: str) -> None:
    script = Script(GOOD)
    assert (
        script.client(way, max_response_bytes=len(GOOD.content)).execute(COUNT).project is not None
    )
    assert script.requests[0].max_bytes == len(GOOD.content)
    with pytest.raises(ResponseTooLargeError, match="max_response_bytes=") as caught:
        script.client(way, max_response_bytes=len(GOOD.content) - 1).execute(COUNT)
    assert len(script.requests) == 2
    assert caught.value.status == 200


def test_histories_over_the_bound_are_read_in_parts(wandb_server: LocalServer) -> None:
    for number in range(8):
        rows = [{"loss": number + step / 4} for step in range(100)]
        log_run(wandb_server, "team", "long", f"r{number}", history=rows)
    with Api(base_url=wandb_server.url, api_key=KEY) as api:
        whole = api.runs("team/long").histories(keys=["loss"])
        small = api.with_options(max_response_bytes=api.stats.bytes // 2)
        before = api.stats.requests
        assert small.runs("team/long").histories(keys=["loss"]) == whole
        assert api.stats.requests > before + 1
        with pytest.raises(HistoriesError, match="max_response_bytes="):
            api.with_options(max_response_bytes=2000).runs("team/long").histories(keys=["loss"])


# The pace, the numbers, copies.


def limited(remaining: int, reset: int) -> Response:
    headers = {"ratelimit-remaining": str(remaining), "ratelimit-reset": str(reset)}
    return Response(200, headers, GOOD.content)


@each_way
def test_requests_are_spread_when_little_of_the_rate_limit_is_left(way: str) -> None:
    script = Script(limited(100, 50), limited(99, 50), limited(98, 50))
    client = script.client(way)
    for _ in range(4):
        client.execute(COUNT)
    assert script.slept == pytest.approx([0.5, 0.5], abs=0.02)
    assert client.stats.paced == 2
    assert client.stats.retries == 0
    assert client.stats.seconds_waited == pytest.approx(sum(script.slept))


@each_way
def test_a_pause_past_the_deadline_is_left_to_the_server(way: str) -> None:
    script = Script(limited(0, 3000))
    client = script.client(way)
    client.execute(COUNT)
    client.execute(COUNT)
    assert script.slept == []


@each_way
def test_stats_add_up(way: str) -> None:
    script = Script(Response(503, {}, b"busy"), ConnectionFailedError("broke"), GOOD)
    client = script.client(way)
    before = client.stats
    client.execute(COUNT)
    assert before == Stats()
    after = client.stats
    assert (after.requests, after.retries, after.failures) == (3, 2, 2)
    assert after.bytes == len(b"busy") + len(GOOD.content)
    assert after.bytes_sent == 3 * len(COUNT.content())
    assert after.seconds_waited == pytest.approx(sum(script.slept))
    with pytest.raises(AttributeError):
        after.requests = 0  # type: ignore[misc] # wrong on purpose


def test_stats_count_the_requests_of_all_threads() -> None:
    api = api_of(Script(GOOD))

    def ask(_: int) -> int:
        return len(api.runs("team/mnist"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(400)))
    assert api.stats.requests == 400
    assert api.stats.bytes == 400 * len(GOOD.content)


def api_of(transport: Transport, **options: Unpack[ChosenWithClock]) -> Api:
    return Api(base_url="http://127.0.0.1:9", api_key=KEY, transport=transport, **options)


def test_a_copy_with_options_shares_all_but_them() -> None:
    script = Script(Response(503, {}, b""))
    api = api_of(script, clock=script.clock)
    hasty = api.with_options(timeout=5, max_retries=1, max_response_bytes=100)
    assert hasty.client.options == Options(5, 1, 100)
    assert api.client.options == Options()
    assert hasty.with_options(max_retries=0).client.options == Options(5, 0, 100)
    assert (hasty.base_url, hasty.api_key_source) == (api.base_url, "argument")
    assert hasty.client.viewer is api.client.viewer
    with pytest.raises(ServerError, match="sent 2 times"):
        len(hasty.runs("team/mnist"))
    assert script.requests[-1].timeout <= 5
    assert script.requests[-1].max_bytes == 100
    assert api.stats == hasty.stats
    assert api.stats.requests == 2
    for _ in range(4):
        with pytest.raises(ServerError):
            len(api.runs("team/mnist"))
    with pytest.raises(ServerError, match="all its calls share"):
        len(hasty.runs("team/mnist"))


def test_closing_a_copy_leaves_the_connections_to_the_others(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "copies", "r")
    api = Api(base_url=wandb_server.url, api_key=KEY)
    with api.with_options(timeout=5) as copy, copy.with_options(max_retries=0) as other:
        assert len(copy.runs("team/copies")) == len(other.runs("team/copies")) == 1
    for closed in (copy, other, copy.with_options(timeout=1)):
        with pytest.raises(WandbRunsError, match="closed"):
            len(closed.runs("team/copies"))
    assert len(api.runs("team/copies")) == 1
    late = api.with_options(timeout=5)
    api.close()
    for closed in (api, late):
        with pytest.raises(WandbRunsError, match="closed"):
            len(closed.runs("team/copies"))


def test_a_transport_that_was_passed_in_is_not_closed(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "copies", "r")
    inner = HttpTransport(wandb_server.url)
    for _ in range(2):
        with Api(base_url=wandb_server.url, api_key=KEY, transport=inner) as api:
            assert len(api.runs("team/copies")) == 1
        with pytest.raises(WandbRunsError, match="this client is closed"):
            len(api.runs("team/copies"))
    inner.close()


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": 1e7},
        {"timeout": True},
        {"timeout": "5"},
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"max_retries": True},
        {"max_response_bytes": 0},
        {"max_response_bytes": "1G"},
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused(options: Chosen) -> None:
    (name,) = options
    with pytest.raises(InvalidArgumentError, match=name):
        Api(base_url="http://127.0.0.1:9", **options)
    with pytest.raises(InvalidArgumentError, match=name):
        Api(base_url="http://127.0.0.1:9").with_options(**options)


class Gathering:
    """Holds answers until as many requests are under way as may be, and counts them."""

    def __init__(self, most: int) -> None:
        self.barrier = threading.Barrier(most)
        self.lock = threading.Lock()
        self.under_way = self.most = 0

    def send(self, _: Request, /) -> Response:
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self.barrier.wait(timeout=20)
        with self.lock:
            self.under_way -= 1
        return GOOD


def test_four_requests_of_all_threads_are_under_way_and_never_five() -> None:
    transport = Gathering(MAX_CONCURRENCY)
    api = api_of(transport)
    copies = [api, api.with_options(timeout=50)]

    def ask(number: int) -> int:
        return len(copies[number % 2].runs(f"team/p{number}"))

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(16 * MAX_CONCURRENCY))) == [7] * 16 * MAX_CONCURRENCY
    assert transport.most == MAX_CONCURRENCY


def test_the_wait_for_a_slot_ends_with_the_deadline() -> None:
    held, released = threading.Semaphore(0), threading.Event()

    class Holding:
        def send(self, _: Request, /) -> Response:
            held.release()
            assert released.wait(20)
            return GOOD

    api = api_of(Holding())
    with ThreadPoolExecutor(MAX_CONCURRENCY) as pool:
        asked = [pool.submit(len, api.runs("team/mnist")) for _ in range(MAX_CONCURRENCY)]
        for _ in range(MAX_CONCURRENCY):
            assert held.acquire(timeout=20)
        with pytest.raises(RequestTimeoutError, match="other requests of this client"):
            len(api.with_options(timeout=0.05).runs("team/mnist"))
        released.set()
        assert [each.result(20) for each in asked] == [7] * MAX_CONCURRENCY


def test_a_transport_may_use_the_client_itself() -> None:
    class Nesting:
        depth = 0

        def send(self, _: Request, /) -> Response:
            if self.depth < 10:  # more than there are places
                self.depth += 1
                assert len(api.runs("team/inner")) == 7
            return GOOD

    api = api_of(Nesting())
    assert len(api.runs("team/outer")) == 7
    assert api.stats.requests == 11


@each_way
def test_partial_data_is_kept_on_the_error(way: str) -> None:
    body = b'{"errors": ["slow"], "data": {"project": {"runCount": null}}}'
    with pytest.raises(GraphQLError) as caught:
        Script(Response(200, {}, body)).client(way).execute(COUNT)
    assert caught.value.errors == ("slow",)
    assert caught.value.data == {"project": {"runCount": None}}


@each_way
def test_a_raw_answer_carries_the_facts_of_its_headers(way: str) -> None:
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    dated = Response(200, {"date": date, "x-request-id": "abc"}, GOOD.content)
    content = Script(Response(503, {}, b""), dated).client(way).execute(RawOperation.of(COUNT))
    assert content == RawResponse(COUNT.name, GOOD.content, 200, "abc", attempts=2, date=date)
    assert Script(GOOD).client(way).execute(RawOperation.of(COUNT)).date is None


@each_way
def test_requests_and_retries_are_logged_and_the_key_is_not(
    way: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, logger="wandb_runs"):
        Script(Response(503, {}, b"busy"), ConnectionFailedError("x"), GOOD).client(way).execute(
            COUNT
        )
    levels = [record.levelname for record in caplog.records]
    assert levels == ["DEBUG", "INFO", "DEBUG", "INFO", "DEBUG"]
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "CountRuns, attempt 1: 503, 4 bytes, 0.000 s"
    assert lines[1].startswith("CountRuns: attempt 1 failed (HTTP 503), the next follows in ")
    assert lines[2] == "CountRuns, attempt 2: ConnectionFailedError, 0 bytes, 0.000 s"
    assert lines[4] == f"CountRuns, attempt 3: 200, {len(GOOD.content)} bytes, 0.000 s"
    assert KEY not in caplog.text


def test_logging_is_silent_without_a_handler() -> None:
    program = """
import wandb_runs
from wandb_runs.transport.retry import decide_retry
import logging
assert [type(each) for each in logging.getLogger("wandb_runs").handlers] == [logging.NullHandler]
logging.getLogger("wandb_runs").error("not to be seen")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_fake_clock_waits_in_no_time_with_a_real_server(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "clock", "r")
    inner, busy = HttpTransport(wandb_server.url), [Response(429, {"retry-after": "45"}, b"")]

    class Busy:
        def send(self, request: Request, /) -> Response:
            return busy.pop() if busy else inner.send(request)

    clock = FakeClock(start=0, chance=0)
    api = Api(base_url=wandb_server.url, api_key=KEY, transport=Busy(), clock=clock)
    assert len(api.runs("team/clock")) == 1
    assert clock.slept == [45]
    assert clock.monotonic() == clock.time() == api.stats.seconds_waited == 45
    inner.close()


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
    # Where none did, the server would break off itself, which is another error.
    with (
        Api(base_url=misbehaving, api_key=KEY, timeout=0.3) as api,
        pytest.raises(RequestTimeoutError, match="longer timeout="),
    ):
        len(api.runs(f"team/{what}"))


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
def test_an_unusable_environment_is_a_named_error(
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
def test_a_proxy_is_taken_from_the_environment_unless_no_proxy_excludes_it(
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


def test_a_loopback_server_is_reached_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: str, wandb_server: LocalServer
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    log_run(wandb_server, "team", "direct", "r")
    with Api(base_url=wandb_server.url, api_key=KEY) as api:
        assert len(api.runs("team/direct")) == 1
    assert Proxy.asked == []


def test_close_returns_at_once_and_lets_requests_under_way_finish(
    wandb_server: LocalServer,
) -> None:
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


def test_an_unreachable_server_is_a_connection_error() -> None:
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

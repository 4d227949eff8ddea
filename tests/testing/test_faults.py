"""Each fault changes the response as documented; the client recovers or raises a typed error."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import time
from dataclasses import dataclass, replace
from threading import Barrier, Thread
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.graphql_query import of_project

from wandb_runs import (
    Api,
    BadResponseError,
    ConnectionFailedError,
    DriftWarning,
    GraphQLError,
    RateLimitError,
    Runs,
    ServerError,
    TransportError,
    WandbRunsError,
)
from wandb_runs.errors import NotFoundError
from wandb_runs.local.ids import storage_id
from wandb_runs.testing import (
    Answer,
    BadGzip,
    BareErrors,
    Churn,
    CycleCursors,
    Drip,
    Empty,
    EmptyPages,
    FakeClock,
    Fault,
    GraphQLRequest,
    Html,
    LocalServer,
    NoCursor,
    NullData,
    NullEdges,
    OpaqueCursors,
    PartialData,
    RateLimited,
    Redirect,
    RepeatCursor,
    Reset,
    ShortPages,
    Slow,
    Status,
    Truncate,
    WithHeaders,
    delete_run,
    log_run,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.faults import Answering

IDS = [f"r{number:02}" for number in range(11)]
VIEWER = {"query": "query GetViewer { viewer { username } }"}
GOOD = {"data": {"viewer": None}}
LIST = """
query ListThem($first: Int, $after: String) {
  project(entityName: "me", name: "paged") {
    runs(first: $first, after: $after, order: "+created_at") {
      edges { node { name } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}
"""


@pytest.fixture(scope="module")
def started() -> Iterator[LocalServer]:
    with LocalServer() as server:
        for run_id in IDS:
            log_run(server, "me", "paged", run_id)
        yield server


@pytest.fixture
def server(
    started: LocalServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[LocalServer]:
    """A server without faults, which must not log or print anything during the test."""
    started.recover()
    yield started
    started.recover()
    logged = [record for record in caplog.records if not record.name.startswith(("http", "wandb"))]
    assert not logged
    assert capfd.readouterr() == ("", "")


def post(server: LocalServer, body: JSONObject = VIEWER) -> httpx.Response:
    return httpx.post(f"{server.url}/graphql", json=body, timeout=10)


def send_raw(server: LocalServer) -> socket.socket:
    """Send a request over a plain socket."""
    url = httpx.URL(server.url)
    connection = socket.create_connection((url.host, url.port or 80), timeout=10)
    body = json.dumps(VIEWER).encode()
    head = f"POST /graphql HTTP/1.1\r\nhost: {url.host}\r\ncontent-type: application/json\r\n"
    connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def rest_of(connection: socket.socket) -> tuple[str, bytes]:
    """Read until the connection ends: the head of the answer, and the received body."""
    received = b""
    while data := connection.recv(65536):
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode().lower(), body


# Responses


@pytest.mark.parametrize(
    ("fault", "status", "content", "headers"),
    [
        (Status(503), 503, b"", {"content-length": "0"}),
        (Status(418, b"tea", {"x-request-id": "r1"}), 418, b"tea", {"x-request-id": "r1"}),
        (RateLimited(), 429, b'{"error":"rate limit exceeded"}', {"retry-after": "2"}),
        (
            RateLimited(after=0.5),
            429,
            b'{"error":"rate limit exceeded"}',
            {"retry-after": "0.5", "content-type": "application/json"},
        ),
        (
            RateLimited(after=None, reset=3, remaining=0),
            429,
            b'{"error":"rate limit exceeded"}',
            {"ratelimit-reset": "3", "ratelimit-remaining": "0"},
        ),
        (
            RateLimited(after="soon"),
            429,
            b'{"error":"rate limit exceeded"}',
            {"retry-after": "soon"},
        ),
        (
            Redirect("https://elsewhere.example"),
            307,
            b"",
            {"location": "https://elsewhere.example"},
        ),
        (Empty(), 200, b"", {"content-length": "0"}),
        (NullData(), 200, b'{"data":null}', {"content-type": "application/json"}),
        (BareErrors(), 200, b'{"errors": ["something went wrong"]}', {}),
        (BareErrors("no", form="error", status=500), 500, b'{"error": "no"}', {}),
        (
            WithHeaders({"ratelimit-remaining": "3"}),
            200,
            b'{"data":{"viewer":null}}',
            {"ratelimit-remaining": "3", "content-type": "application/json"},
        ),
        (Truncate(at=5, whole_http=True), 200, b'{"dat', {"content-length": "5"}),
        (Slow(0.001), 200, b'{"data":{"viewer":null}}', {"content-length": "24"}),
        (Drip(0), 200, b'{"data":{"viewer":null}}', {"content-length": "24"}),
    ],
    ids=repr,
)
def test_response_matches_the_fault(
    server: LocalServer, fault: Fault, status: int, content: bytes, headers: dict[str, str]
) -> None:
    server.fail(fault)
    answer = post(server)
    assert (answer.status_code, answer.content) == (status, content)
    assert headers.items() <= dict(answer.headers).items()
    assert server.failed == (fault,)
    assert post(server).json() == GOOD


def test_an_html_page_has_the_given_status(server: LocalServer) -> None:
    server.fail(Html(), Html(200))
    for status in (502, 200):
        answer = post(server)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "text/html"
        assert answer.text.startswith("<html>")


def test_partial_data_has_errors_beside_the_real_data(server: LocalServer) -> None:
    server.fail(PartialData("a shard is down"))
    answer = post(server)
    assert answer.status_code == 200
    assert answer.json() == {**GOOD, "errors": [{"message": "a shard is down", "path": []}]}


def test_a_rate_limit_response_can_have_no_rate_limit_headers(server: LocalServer) -> None:
    server.fail(RateLimited(after=None))
    assert {"retry-after", "ratelimit-reset", "ratelimit-remaining"}.isdisjoint(
        post(server).headers
    )


def test_a_reset_ends_the_connection_before_any_byte(server: LocalServer) -> None:
    server.fail(Reset())
    with send_raw(server) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


@pytest.mark.parametrize("at", [0, 5, 10_000])
def test_a_truncated_answer_announces_its_full_length(server: LocalServer, at: int) -> None:
    server.fail(Truncate(at=at))
    with send_raw(server) as connection:
        head, body = rest_of(connection)
    whole = post(server).content
    assert f"content-length: {len(whole)}" in head
    assert body == whole[: min(at, len(whole) - 1)]


def test_bad_gzip_is_truncated_within_complete_http(server: LocalServer) -> None:
    server.fail(BadGzip())
    with httpx.stream("POST", f"{server.url}/graphql", json=VIEWER) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        packed = b"".join(answer.iter_raw())
    assert int(answer.headers["content-length"]) == len(packed)
    assert packed.startswith(b"\x1f\x8b")
    server.fail(BadGzip())
    assert post(server).content != post(server).content


def test_a_slow_answer_is_delayed(server: LocalServer) -> None:
    server.fail(Slow(3600))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/graphql", json=VIEWER, timeout=0.05)


def pending_responses() -> list[str]:
    """The tasks of requests that uvicorn has not finished."""
    tasks = [repr(cast("object", each)) for each in gc.get_objects() if type(each) is asyncio.Task]
    return [task for task in tasks if "pending" in task and "run_asgi" in task]


def test_faults_end_when_the_client_disconnects(server: LocalServer) -> None:
    server.fail(Slow(3600), Drip(3600))
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{server.url}/graphql", json=VIEWER, timeout=0.05)
    deadline = time.monotonic() + 10
    while pending_responses() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not pending_responses()


def test_delays_add_up(server: LocalServer) -> None:
    delays: list[float] = []

    @dataclass(frozen=True)
    class NoDelay(Fault):
        def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
            late = answer(request)
            delays.append(late.delay)
            return replace(late, delay=0)

    with server.fail_always(Slow(1000), Slow(2000), NoDelay()):
        assert post(server).json() == GOOD
    assert delays == [3000]


def test_a_dripping_answer_arrives_byte_by_byte(server: LocalServer) -> None:
    server.fail(Drip(3600))
    with send_raw(server) as connection:
        received = b""
        while b"\r\n\r\n" not in received or received.endswith(b"\r\n\r\n"):
            received += connection.recv(65536)
        assert received.partition(b"\r\n\r\n")[2] == b"{"
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)


@pytest.mark.parametrize("fault", [Slow(3600), Drip(3600)], ids=repr)
def test_a_stopping_server_does_not_wait_for_faults(
    fault: Fault, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    broken: list[Exception] = []

    def ask(server: LocalServer) -> None:
        try:
            httpx.post(f"{server.url}/graphql", json=VIEWER, timeout=30)
        except httpx.HTTPError as error:
            broken.append(error)

    struck = Barrier(2)
    with LocalServer() as server:
        server.fail_always(fault)
        server.fail_always(Churn(lambda _: struck.wait(10)))
        thread = Thread(target=ask, args=(server,))
        thread.start()
        struck.wait(10)
    thread.join()
    assert len(broken) == 1
    # uvicorn logs a message when it has to cancel a request.
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]
    assert capfd.readouterr() == ("", "")


# Requests


def statuses(server: LocalServer, count: int, body: JSONObject = VIEWER) -> list[int]:
    return [post(server, body).status_code for _ in range(count)]


def test_faults_apply_in_order(server: LocalServer) -> None:
    server.fail(Status(501), None, Status(502))
    server.fail(Status(503))
    assert statuses(server, 5) == [501, 200, 502, 503, 200]
    assert server.failed == (Status(501), Status(502), Status(503))


def test_faults_apply_to_the_named_operation(server: LocalServer) -> None:
    server.fail(Status(501), operation="Other")
    server.fail(Status(502), operation="GetViewer")
    server.fail(Status(503))
    other: JSONObject = {"query": "query Other { viewer { id } }"}
    assert statuses(server, 3) == [502, 503, 200]
    assert statuses(server, 2, other) == [501, 200]


def test_failed_requests_are_recorded_as_operations(server: LocalServer) -> None:
    server.clear_operations()
    server.fail(Reset(), Status(503))
    with pytest.raises(httpx.TransportError):
        post(server)
    post(server)
    assert server.operations == ("GetViewer", "GetViewer")


def test_mutations_fail_only_if_named(server: LocalServer) -> None:
    server.fail(Status(503))
    with server.fail_always(Status(502)):
        log_run(server, "me", "logged", "r")
    assert statuses(server, 1) == [503]
    change = 'upsertBucket(input: {entityName: "me", modelName: "logged", name: "r"}) { inserted }'
    body: JSONObject = {"query": f"mutation UpsertBucket {{ {change} }}"}
    with server.fail_always(Status(502)):
        assert httpx.post(f"{server.url}/graphql", json=body, auth=("api", "k")).status_code == 200
    server.fail(Status(503), operation="UpsertBucket")
    assert httpx.post(f"{server.url}/graphql", json=body, auth=("api", "k")).status_code == 503


@pytest.mark.parametrize("operation", [None, "UpsertBucket", "FindRun", "DeleteRun"])
def test_no_fault_applies_to_the_helpers(server: LocalServer, operation: str | None) -> None:
    with (
        server.fail(Status(503), operation=operation),
        server.fail_always(Reset(), operation=operation),
        server.fail_at_random([Status(500)], rate=1, operation=operation),
    ):
        log_run(server, "me", "helped", "r", history=[{"loss": 1}], state="preempted")
        delete_run(server, "me", "helped", "r")
        assert server.failed == ()


def test_a_request_with_another_value_of_the_helpers_header_meets_faults(
    server: LocalServer,
) -> None:
    header = {"x-wandb-runs-testing": "1"}
    with server.fail_always(Status(503)):
        answer = httpx.post(f"{server.url}/graphql", json=VIEWER, headers=header)
    assert answer.status_code == 503


def test_churn_that_deletes_and_logs_is_applied_once_to_each_request(server: LocalServer) -> None:
    for run_id in ("kept", "gone0", "gone1"):
        log_run(server, "me", "churning", run_id)
    changes: list[str] = []

    def change(server: LocalServer) -> None:
        delete_run(server, "me", "churning", f"gone{len(changes)}")
        changes.append("deleted")
        log_run(server, "me", "churning", f"new{len(changes)}")

    query = {"query": f"{{ {of_project('me', 'churning', 'runCount')} }}"}
    with server.fail_always(Churn(change)):
        for _ in range(2):
            assert post(server, query).json() == {"data": {"project": {"runCount": 3}}}
    assert len(changes) == 2


def test_operation_name_determines_whether_a_request_is_a_mutation(
    server: LocalServer,
) -> None:
    server.fail(Status(503))
    change = 'upsertBucket(input: {entityName: "me", modelName: "two", name: "r"}) { inserted }'
    query = f"query Read {{ viewer {{ id }} }} mutation Write {{ {change} }}"
    url = f"{server.url}/graphql"
    named: JSONObject = {"query": query, "operationName": "Write"}
    assert httpx.post(url, json=named, auth=("api", "k")).status_code == 200
    assert post(server, {"query": query, "operationName": "Read"}).status_code == 503


def test_a_lasting_fault_ends_with_its_block_or_with_recover(server: LocalServer) -> None:
    with server.fail_always(Status(501)):
        server.fail(Status(502))
        assert statuses(server, 3) == [502, 501, 501]
    assert statuses(server, 1) == [200]
    server.fail_always(Status(503), operation="GetViewer")
    server.fail(Status(502), Status(502))
    assert statuses(server, 1) == [502]
    server.recover()
    assert statuses(server, 1) == [200]
    assert not server.failed


def test_unused_faults_end_with_their_block(server: LocalServer) -> None:
    with server.fail(Status(501), Status(502)):
        server.fail(Status(503))
        assert statuses(server, 1) == [501]
    assert statuses(server, 2) == [503, 200]


def test_lasting_faults_are_combined(server: LocalServer) -> None:
    with server.fail_always(WithHeaders({"a": "1", "b": "1"}), WithHeaders({"b": "2"})):
        server.fail(PartialData())
        answer = post(server)
    assert (answer.headers["a"], answer.headers["b"]) == ("1", "2")
    assert answer.json().keys() == {"data", "errors"}
    assert server.failed == (
        PartialData(),
        WithHeaders({"b": "2"}),
        WithHeaders({"a": "1", "b": "1"}),
    )


def test_random_faults_are_reproducible_by_their_seed(server: LocalServer) -> None:
    def with_seed(seed: int) -> list[int]:
        with server.fail_at_random([Status(501), Status(502)], rate=0.4, seed=seed):
            return statuses(server, 40)

    first = with_seed(1)
    assert set(first) == {200, 501, 502}
    assert 5 < first.count(200) < 35
    assert with_seed(1) == first
    assert with_seed(2) != first
    with server.fail_at_random([Status(501)], rate=1.0):
        assert statuses(server, 3) == [501] * 3
    with server.fail_at_random([Status(501)], rate=0.0):
        assert statuses(server, 3) == [200] * 3


def test_a_custom_fault_is_a_class_with_a_method(server: LocalServer) -> None:
    @dataclass(frozen=True)
    class Shouting(Fault):
        def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
            return Answer(answer(request).body.upper() + request.operation.encode())

    server.fail(Shouting())
    assert post(server).text == '{"DATA":{"VIEWER":NULL}}GetViewer'


def test_churn_is_applied_before_the_answer_is_computed(server: LocalServer) -> None:
    server.fail(Churn(lambda server: log_run(server, "me", "churned", "r")), Status(503))
    query = f"{{ {of_project('me', 'churned', 'runCount')} }}"
    assert post(server, {"query": query}).json() == {"data": {"project": {"runCount": 1}}}
    assert statuses(server, 1) == [503]
    delete_run(server, "me", "churned", "r")


# Pages


@dataclass(frozen=True)
class Listed:
    """A page of runs in an answer."""

    names: list[str | None]
    cursors: list[str | None]
    end: str | None
    more: bool


def page(server: LocalServer, after: str | None = None, first: int | None = 4) -> Listed:
    variables: dict[str, JSONValue] = {"after": after, "first": first}
    answer = post(server, {"query": LIST, "variables": variables})
    assert answer.status_code == 200, answer.text
    runs = answer.json()["data"]["project"]["runs"]
    return Listed(
        [edge and edge["node"] and edge["node"]["name"] for edge in runs["edges"]],
        [edge and edge["cursor"] for edge in runs["edges"]],
        runs["pageInfo"]["endCursor"],
        runs["pageInfo"]["hasNextPage"],
    )


def list_names(server: LocalServer, first: int, limit: int = 200) -> list[str | None]:
    names: list[str | None] = []
    after: str | None = None
    for _ in range(limit):
        listed = page(server, after, first)
        names += listed.names
        after = listed.end
        if not listed.more:
            return names
    raise AssertionError("the listing has no end")


def test_repeat_cursor_applies_from_the_second_page_on(server: LocalServer) -> None:
    server.fail(RepeatCursor())
    first = page(server)
    assert first.end == first.cursors[-1]
    assert not server.failed
    second = page(server, first.end)
    assert second.names == IDS[4:8]
    assert second.end == second.cursors[-1] == first.end
    assert second.more
    assert server.failed == (RepeatCursor(),)


def test_cycle_cursors_returns_to_the_first_pages(server: LocalServer) -> None:
    with server.fail_always(CycleCursors()):
        ends: list[str | None] = [None]
        for _ in range(6):
            listed = page(server, ends[-1])
            assert listed.more
            assert listed.cursors[-1] == listed.end
            ends.append(listed.end)
    _, one, other, *others = ends
    assert one != other
    assert others == [one, other, one, other]
    assert page(server, one).names == IDS[4:8]
    assert page(server, other).names == IDS[8:]


def test_cycle_cursors_works_without_a_page_size(server: LocalServer) -> None:
    with server.fail_always(CycleCursors()):
        end = page(server, first=None).end
        assert page(server, end, first=None).names == []
        assert page(server, end, first=None).end != end


def test_no_cursor_announces_a_next_page_without_a_cursor(server: LocalServer) -> None:
    server.fail(NoCursor())
    assert page(server) == Listed(list(IDS[:4]), [None] * 4, None, more=True)


def test_empty_pages_have_new_cursors_and_lose_no_run(server: LocalServer) -> None:
    first = page(server)
    with server.fail_always(EmptyPages()):
        assert page(server) == first
        ends = [first.end]
        for _ in range(5):
            empty = page(server, ends[-1])
            assert (empty.names, empty.more) == ([], True)
            ends.append(empty.end)
    assert len(set(ends)) == 6
    assert page(server, ends[-1]) == page(server, first.end)


@pytest.mark.parametrize("nodes", [False, True])
def test_the_first_runs_of_a_page_are_null(server: LocalServer, nodes: bool) -> None:
    healthy = page(server)
    server.fail(NullEdges(count=2, nodes=nodes))
    listed = page(server)
    assert listed.names == [None, None, *IDS[2:4]]
    assert listed.cursors == (healthy.cursors if nodes else [None, None, *healthy.cursors[2:]])
    assert (listed.end, listed.more) == (healthy.end, healthy.more)


def test_short_pages_are_shorter_than_requested(server: LocalServer) -> None:
    with server.fail_always(ShortPages(first=3)):
        assert page(server).names == IDS[:3]
        assert page(server, first=None).names == IDS[:3]
        assert page(server, first=2).names == IDS[:2]
        assert list_names(server, 100) == IDS


def test_opaque_cursors_are_the_only_valid_ones(server: LocalServer) -> None:
    known = page(server).end
    with server.fail_always(OpaqueCursors()):
        listed = page(server)
        assert listed.cursors[-1] == listed.end
        assert listed.end != known
        assert page(server, listed.end).names == IDS[4:8]
        for invalid in (known, f"{listed.end}00", "opaque-xyz"):
            answer = post(server, {"query": LIST, "variables": {"after": invalid}})
            assert answer.status_code == 400
    answer = post(server, {"query": LIST, "variables": {"after": listed.end}})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        '{ project(entityName: "me", name: "paged") { all: runs(first: 4) { ...P } } }',
        'query ($first: Int = 4) { p: model(entityName: "me", name: "paged") { ...R } } '
        "fragment R on Project { all: runs(first: $first) { ...P } }",
    ],
    ids=["alias", "fragment"],
)
def test_faults_find_pages_under_aliases_and_in_fragments(server: LocalServer, query: str) -> None:
    fragment = "fragment P on RunConnection { list: edges { n: node { name } at: cursor } "
    fragment += "info: pageInfo { end: endCursor more: hasNextPage } }"
    server.fail(NoCursor())
    (project,) = post(server, {"query": f"{query} {fragment}"}).json()["data"].values()
    runs = project["all"]
    assert runs["list"] == [{"n": {"name": run_id}, "at": None} for run_id in IDS[:4]]
    assert runs["info"] == {"end": None, "more": True}


@pytest.mark.parametrize(
    ("declared", "after"), [("", '"{}"'), ('($after: String = "{}")', "$after")]
)
def test_faults_find_cursors_in_literals_and_default_values(
    server: LocalServer, declared: str, after: str
) -> None:
    end = page(server).end
    fields = f"runs(first: 4, after: {after}) {{ pageInfo {{ endCursor }} }}"
    query = f"query Q{declared} {{ {of_project('me', 'paged', fields)} }}".replace("{}", str(end))
    server.fail(RepeatCursor())
    answer = post(server, {"query": query}).json()
    assert answer["data"]["project"]["runs"]["pageInfo"]["endCursor"] == end
    assert server.failed == (RepeatCursor(),)


def test_a_first_page_beside_a_later_one_is_exempt(server: LocalServer) -> None:
    healthy = page(server)
    info = "{ pageInfo { endCursor } }"
    fields = f'one: runs(first: 4) {info} two: runs(first: 4, after: "{healthy.end}") {info}'
    server.fail(RepeatCursor())
    answer = post(server, {"query": f"{{ {of_project('me', 'paged', fields)} }}"}).json()
    expected = {"pageInfo": {"endCursor": healthy.end}}
    assert answer["data"]["project"] == {"one": expected, "two": expected}


def test_page_faults_wait_for_a_request_of_a_page(server: LocalServer) -> None:
    server.fail(NullEdges(), Status(503))
    assert statuses(server, 2) == [200, 200]
    assert not server.failed
    assert page(server).names[0] is None
    assert statuses(server, 2) == [503, 200]
    with server.fail_always(NullEdges()):
        post(server)
    assert server.failed == (NullEdges(), Status(503))


def test_page_faults_apply_to_the_runs_of_a_sweep(server: LocalServer) -> None:
    mutation = (
        'mutation { upsertSweep(input: {entityName: "me", projectName: "swept", id: "s1"}) '
        "{ sweep { name } } }"
    )
    httpx.post(f"{server.url}/graphql", json={"query": mutation}, auth=("api", "k"))
    log_run(server, "me", "swept", "r", sweep="s1")
    fields = 'sweep(sweepName: "s1") { runs { edges { node { name } } } }'
    server.fail(NullEdges(nodes=True))
    answer = post(server, {"query": f"{{ {of_project('me', 'swept', fields)} }}"}).json()
    assert answer["data"]["project"]["sweep"]["runs"]["edges"] == [{"node": None}]


@settings(max_examples=25, deadline=None)
@given(
    first=st.integers(1, 12),
    short=st.integers(1, 5),
    rate=st.floats(0, 0.6),
    seed=st.integers(0, 9),
    is_opaque=st.booleans(),
)
def test_a_listing_is_complete_with_short_and_empty_pages(
    started: LocalServer, first: int, short: int, rate: float, seed: int, is_opaque: bool
) -> None:
    lasting: list[Fault] = [OpaqueCursors()] if is_opaque else []
    with (
        started.fail_at_random([ShortPages(short), EmptyPages()], rate=rate, seed=seed),
        started.fail_always(*lasting),
    ):
        assert list_names(started, first) == IDS


# Deleting


def test_a_deleted_run_leaves_no_data(server: LocalServer) -> None:
    for run_id in ("kept", "gone"):
        log_run(
            server,
            "me",
            "deleting",
            run_id,
            config={"lr": 0.1},
            history=[{"loss": 1}],
            events=[{"system.cpu": 1}],
            tags=["t"],
        )
    put_file(server, "kept")
    url = put_file(server, "gone")
    assert httpx.get(url).status_code == 200
    delete_run(server.url, "me", "deleting", "gone")
    assert httpx.get(url).status_code == 404
    filters = json.dumps(json.dumps({"config.lr": 0.1, "tags": "t"}))
    fields = f'runCount(filters: {filters}) run(name: "gone") {{ id }}'
    answer = post(server, {"query": f"{{ {of_project('me', 'deleting', fields)} }}"})
    assert answer.json()["data"]["project"] == {"runCount": 1, "run": None}
    with server.store.read() as connection:
        for table in ("leaves", "lines", "files", "documents"):
            held = connection.exec_driver_sql(
                f"SELECT count(*) FROM {table} WHERE run_id NOT IN (SELECT id FROM runs)"  # noqa: S608 - a name of this test
            )
            assert held.scalar() == 0
    log_run(server, "me", "deleting", "gone")
    answer = post(
        server,
        {"query": f"{{ {of_project('me', 'deleting', GONE)} }}"},
    )
    assert answer.json()["data"]["project"]["run"] == {
        "historyLineCount": 0,
        "config": None,
        "fileCount": 0,
    }


GONE = 'run(name: "gone") { historyLineCount config fileCount }'


def put_file(server: LocalServer, run_id: str) -> str:
    mutation = """
    mutation ($run: String) {
      createRunFiles(input: {
        entityName: "me", projectName: "deleting", runName: $run, files: ["notes.txt"]
      }) { files { uploadUrl } }
    }
    """
    body = {"query": mutation, "variables": {"run": run_id}}
    answer = httpx.post(f"{server.url}/graphql", json=body, auth=("api", "k")).json()
    url: str = answer["data"]["createRunFiles"]["files"][0]["uploadUrl"]
    httpx.put(url, content=b"noted")
    return url.partition("?")[0]


def test_deleting_needs_an_existing_run_and_a_key(server: LocalServer) -> None:
    with pytest.raises(NotFoundError, match="me/paged/none"):
        delete_run(server, "me", "paged", "none")
    with pytest.raises(NotFoundError, match="me/nowhere/r00"):
        delete_run(server, "me", "nowhere", "r00")
    with pytest.raises(WandbRunsError, match=r"not deleted: .*user is not logged in"):
        delete_run(server, "me", "paged", "r00", api_key="")
    run_id = storage_id("Run", "gone", "deleting", "me")
    mutation = f"""mutation {{
        deleteRun(input: {{id: "{run_id}", clientMutationId: "m1"}}) {{ clientMutationId }}
    }}"""
    log_run(server, "me", "deleting", "gone")
    for _ in range(2):  # a retry after a lost answer succeeds
        answer = httpx.post(f"{server.url}/graphql", json={"query": mutation}, auth=("api", "k"))
        assert answer.json() == {"data": {"deleteRun": {"clientMutationId": "m1"}}}
    mutation = 'mutation { deleteRun(input: {id: "x"}) { clientMutationId } }'
    answer = httpx.post(f"{server.url}/graphql", json={"query": mutation}, auth=("api", "k"))
    assert answer.status_code == 404
    assert list_names(server, 50) == IDS


# With the client of this package


@pytest.fixture
def listing(server: LocalServer) -> Iterator[Callable[[], Runs]]:
    """Makes listings with a client that does not wait between attempts."""
    with Api(base_url=server.url, api_key="k" * 40, clock=FakeClock()) as api:
        yield lambda: api.runs("me/paged", per_page=4)


@pytest.mark.parametrize(
    "fault",
    [Reset(), Truncate(at=30), Html(), Status(500), RateLimited(after=0)],
    ids=repr,
)
def test_listing_survives_transient_faults(
    server: LocalServer, listing: Callable[[], Runs], fault: Fault
) -> None:
    with server.fail(fault, None, fault, fault):
        assert [run.id for run in listing()] == IDS
    assert server.failed == (fault, fault, fault)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Reset(), ConnectionFailedError),
        (Truncate(), TransportError),
        (Status(503), ServerError),
        (RateLimited(after=0), RateLimitError),
        (Redirect("https://elsewhere.example"), BadResponseError),
        (Empty(), BadResponseError),
        (NullData(), BadResponseError),
        (BareErrors(), GraphQLError),
        (BareErrors(form="error"), GraphQLError),
        (PartialData(), GraphQLError),
        (BadGzip(), WandbRunsError),
        (NoCursor(), BadResponseError),
        (RepeatCursor(), BadResponseError),
    ],
    ids=repr,
)
def test_lasting_faults_raise_typed_errors(
    server: LocalServer, listing: Callable[[], Runs], fault: Fault, kind: type[WandbRunsError]
) -> None:
    with server.fail_always(fault), pytest.raises(kind):
        list(listing())


def test_listing_survives_odd_pages(server: LocalServer, listing: Callable[[], Runs]) -> None:
    with server.fail_always(ShortPages(3), OpaqueCursors()):
        assert [run.id for run in listing()] == IDS
    with server.fail(Slow(0.001), Drip(0)):
        assert [run.id for run in listing()] == IDS
    with server.fail(EmptyPages(), operation="ListRuns"):
        assert [run.id for run in listing()] == IDS
    with server.fail(NullEdges()), pytest.warns(DriftWarning, match="1 of the runs came as null"):
        assert [run.id for run in listing()] == IDS[1:]

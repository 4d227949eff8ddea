"""What Api and AsyncApi are given for all of their calls: headers, keys, concurrency, events."""

from __future__ import annotations

import base64
import functools
import gc
import json
import logging
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import anyio
import anyio.lowlevel
import httpx
import pytest
from support.secrets import assert_hidden, assert_hidden_error
from support.ways import BACKENDS, WAYS, Face, each_way

from wandb_runs import (
    Answered,
    Api,
    AsyncApi,
    AuthenticationError,
    ConnectionFailedError,
    InvalidArgumentError,
    Request,
    RequestSent,
    RequestTimeoutError,
    Response,
    Retrying,
    ServerError,
    WandbRunsError,
)
from wandb_runs.graphql._generated import count_runs
from wandb_runs.testing import FakeClock, log_run
from wandb_runs.transport.http import HttpTransport
from wandb_runs.transport.settings import Address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wandb_runs.testing import LocalServer
    from wandb_runs.transport.events import Event

URL = "http://127.0.0.1:9"
COUNT = count_runs(entity="team", project="mnist")
GOOD = Response(200, {"x-request-id": "abc"}, b'{"data": {"project": {"runCount": 7}}}')
REFUSED = Response(401, {}, b"")
BUSY = Response(503, {"x-request-id": "busy-1"}, b"busy")
KEY = "canary-0123456789abcdef0123456789abcdef01"
OTHER = "canary-fedcba9876543210fedcba9876543210fe"
SECRET = "canary-gateway-secret"  # noqa: S105 - a canary


class Script:
    """A transport that answers from a list, and keeps what it was sent."""

    def __init__(self, *answers: Response | WandbRunsError) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def send(self, request: Request, /) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, WandbRunsError):
            raise answer
        return answer

    @property
    def keys(self) -> list[str]:
        """The keys of the requests, in order."""
        tokens = [each.headers.get("authorization", "").split() for each in self.requests]
        return [base64.b64decode(token[1]).decode()[4:] if token else "" for token in tokens]


class AsyncScript(Script):
    """The same for async callers."""

    async def send(self, request: Request, /) -> Response:  # type: ignore[override] # awaited
        return super().send(request)


# Extra headers.


@each_way
def test_headers_go_to_the_own_origin_alone(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_X_EXTRA_HTTP_HEADERS", '{"X-From-Env": "one", "x-both": "env"}')
    script = Script(GOOD)
    client = Face.of_api(way, transport=script, headers={"X-Both": SECRET, "User-Agent": "mine"})
    client.execute(COUNT)
    client.download(Address(f"{URL}/file"))
    client.download(Address("https://files.example/file?sig=x"))
    for request in script.requests[:2]:
        assert request.headers["x-from-env"] == "one"
        assert request.headers["x-both"] == SECRET
        assert request.headers["user-agent"] == "mine"
        assert_hidden(request, SECRET)
        assert_hidden(request.headers, SECRET)
    elsewhere = script.requests[2].headers
    assert not {"x-both", "x-from-env", "authorization"} & {*elsewhere}
    assert elsewhere["user-agent"].startswith("wandb-runs/")


@each_way
@pytest.mark.parametrize(
    ("base_url", "file", "is_own"),
    [
        ("https://wandb.example", "https://WANDB.example:443/f", True),
        ("https://wandb.example:443", "HTTPS://wandb.example/f", True),
        ("http://localhost:8080", "http://LOCALHOST:8080/f", True),
        ("https://wandb.example", "https://wandb.example:8443/f", False),
        ("https://wandb.example", "https://wandb.example.evil.example/f", False),
        ("http://localhost", "https://localhost/f", False),
    ],
)
def test_the_own_origin_is_known_in_any_spelling(
    way: str, base_url: str, file: str, is_own: bool
) -> None:
    script = Script(GOOD)
    client = Face.of(way, base_url, KEY, transport=script)
    client.download(Address(file))
    assert script.keys == [KEY if is_own else ""]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": SECRET},
        {"HOST": SECRET},
        {"content-type": SECRET},
        {"Content-Encoding": SECRET},
        {"Transfer-Encoding": SECRET},
        {"X-A": f"{SECRET}\r\nX-B: 1"},
        {"X-A": f"{SECRET}\n"},
        {"X-A": f" {SECRET}"},
        {"X-A": f"{SECRET}ä"},
        {"X-A\n": SECRET},
        {"X A": SECRET},
        {"": SECRET},
        {"X-A": [SECRET]},
        [("X-A", SECRET)],
        SECRET,
    ],
    ids=str,
)
def test_headers_that_cannot_be_sent_are_refused_unseen(
    headers: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for api in (Api, AsyncApi):
        with pytest.raises(InvalidArgumentError, match="headers=") as caught:
            api(base_url=URL, headers=headers)  # type: ignore[arg-type] # wrong on purpose
        assert_hidden_error(caught.value, SECRET, here=__file__)
    monkeypatch.setenv("WANDB_X_EXTRA_HTTP_HEADERS", json.dumps(headers))
    with pytest.raises(InvalidArgumentError, match="WANDB_X_EXTRA_HTTP_HEADERS") as caught:
        Api(base_url=URL)
    assert_hidden_error(caught.value, SECRET, here=__file__)


@pytest.mark.parametrize("text", ["", "null", "{}"])
def test_a_variable_without_headers_adds_none(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_X_EXTRA_HTTP_HEADERS", text)
    assert not Api(base_url=URL).client.settings.headers
    monkeypatch.setenv("WANDB_X_EXTRA_HTTP_HEADERS", f"{{{SECRET}")
    with pytest.raises(InvalidArgumentError, match="is not JSON") as caught:
        Api(base_url=URL)
    assert_hidden_error(caught.value, SECRET, here=__file__)


@pytest.mark.parametrize("text", ["[" * 60_000, "[" * 60_000 + "]" * 60_000, "9" * 5000])
def test_a_variable_that_json_cannot_read_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_X_EXTRA_HTTP_HEADERS", text)
    with pytest.raises(InvalidArgumentError, match="is not JSON that can be read") as caught:
        Api(base_url=URL)
    assert "[[" not in str(caught.value)
    assert caught.value.__context__ is None


@each_way
@pytest.mark.parametrize("status", [200, 400, 403, 503])
def test_header_values_are_hidden_as_the_key_is(
    way: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    quoting = Response(
        status, {"x-request-id": f"id-{SECRET}"}, f'{{"error": "{SECRET}"}}'.encode()
    )
    client = Face.of_api(way, transport=Script(quoting), headers={"X-Gate": SECRET}, max_retries=1)
    with pytest.raises(WandbRunsError) as caught:
        client.execute(COUNT)
    assert_hidden_error(caught.value, SECRET, here=__file__)
    for thing in (client.inner, client.inner.settings, client.inner.settings.headers):
        assert_hidden(thing, SECRET)
    for record in caplog.records:
        assert SECRET not in f"{record.getMessage()} {vars(record)!r}"


# A key that is provided.


@each_way
def test_a_key_is_provided_before_each_call_and_never_for_a_retry(way: str) -> None:
    keys = iter(["first", "second"])
    script = Script(BUSY, GOOD)
    client = Face.of_api(way, transport=script, api_key=lambda: next(keys))
    client.execute(COUNT)
    client.execute(COUNT)
    assert script.keys == ["first", "first", "second"]
    assert client.inner.api_key is not None
    assert client.inner.api_key.source == "argument"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_key_may_be_awaited(backend: str) -> None:
    script = AsyncScript(GOOD)

    async def provide() -> str:
        await anyio.lowlevel.checkpoint()
        return KEY

    async def main() -> None:
        async with AsyncApi(base_url=URL, api_key=provide, transport=script) as api:
            assert await api.runs("team/mnist").length() == 7

    anyio.run(main, backend=backend)
    assert script.keys == [KEY]


@each_way
@pytest.mark.parametrize("max_retries", [0, 5])
def test_a_refused_key_is_asked_for_once_more(way: str, max_retries: int) -> None:
    keys = iter([KEY, OTHER])
    script = Script(REFUSED, GOOD)
    client = Face.of_api(way, transport=script, api_key=lambda: next(keys), max_retries=max_retries)
    client.execute(COUNT)
    assert script.keys == [KEY, OTHER]
    assert client.stats.retries == 1


@each_way
@pytest.mark.parametrize("keys", [[KEY, KEY], [KEY, OTHER]], ids=["same", "new"])
def test_a_key_that_is_refused_again_is_an_error(way: str, keys: list[str]) -> None:
    asked = iter(keys)
    script = Script(REFUSED)
    client = Face.of_api(way, transport=script, api_key=lambda: next(asked))
    with pytest.raises(AuthenticationError) as caught:
        client.execute(COUNT)
    assert script.keys == list(dict.fromkeys(keys))
    assert_hidden_error(caught.value, KEY, OTHER, here=__file__)


@each_way
def test_a_fixed_key_that_is_refused_is_sent_once(way: str) -> None:
    script = Script(REFUSED)
    with pytest.raises(AuthenticationError):
        Face.of_api(way, transport=script, api_key=KEY).execute(COUNT)
    assert len(script.requests) == 1


def raise_with_key() -> str:
    raise RuntimeError(KEY)


def refuse_with_key() -> str:
    raise InvalidArgumentError(KEY)


@each_way
@pytest.mark.parametrize(
    ("provide", "message"),
    [
        (raise_with_key, "raised RuntimeError"),
        (refuse_with_key, "raised InvalidArgumentError"),
        (lambda: None, "must be a str, got NoneType"),
        (KEY.encode, "must be a str, got bytes"),
        (lambda: raise_with_key, "must be a str, got function"),
        (functools.partial("{0} {0}".format, KEY), "holds characters that no key has"),
        (str, "is empty"),
    ],
    ids=["raises", "refuses", "none", "bytes", "function", "spaces", "empty"],
)
def test_a_key_that_is_not_provided_is_an_error_that_shows_none(
    way: str, provide: Callable[[], str], message: str
) -> None:
    script = Script(GOOD)
    client = Face.of_api(way, transport=script, api_key=provide)
    with pytest.raises(
        AuthenticationError, match=f"the callable of api_key= .*{message}"
    ) as caught:
        client.execute(COUNT)
    assert caught.value.attempts == 0
    assert_hidden_error(caught.value, KEY, here=__file__)
    assert script.requests == []


@each_way
@pytest.mark.parametrize(
    ("renewed", "message"), [(RuntimeError(KEY), "raised RuntimeError"), (None, "got NoneType")]
)
def test_a_failure_to_renew_a_key_does_not_hide_the_refusal(
    way: str, renewed: object, message: str
) -> None:
    keys = iter([OTHER, renewed])

    def provide() -> str:
        key = next(keys)
        if isinstance(key, RuntimeError):
            raise key
        return key  # type: ignore[return-value] # wrong on purpose

    script = Script(REFUSED)
    client = Face.of_api(way, transport=script, api_key=provide)
    with pytest.raises(AuthenticationError, match="does not accept the API key") as caught:
        client.execute(COUNT)
    assert message in caught.value.message
    assert caught.value.attempts == len(script.requests) == 1
    assert_hidden_error(caught.value, KEY, OTHER, here=__file__)


class Cache(dict[str, str]):
    """A callable that is falsy as long as it is empty, and returns a subclass of str."""

    def __call__(self) -> str:
        return Text(f" {KEY}")


class Text(str):
    """Not an exact str."""

    __slots__ = ()


@each_way
def test_a_falsy_callable_is_asked_for_the_key(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", OTHER)
    script = Script(GOOD)
    Face.of_api(way, transport=script, api_key=Cache()).execute(COUNT)
    assert script.keys == [KEY]


@pytest.mark.parametrize("key", [0, False, b"", [], {}])
def test_a_falsy_key_of_another_type_is_refused(key: object) -> None:
    for api in (Api, AsyncApi):
        with pytest.raises(InvalidArgumentError, match="API key from argument must be a str, got"):
            api(base_url=URL, api_key=key)  # type: ignore[arg-type] # wrong on purpose


async def provide_async() -> str:
    await anyio.sleep(20)
    return KEY


class Vault:
    """A callable object whose call is async."""

    async def __call__(self, _: object = None) -> str:
        return await provide_async()


async_callables: Final = pytest.mark.parametrize(
    "function", [provide_async, functools.partial(provide_async), Vault(), Vault().__call__]
)


@pytest.mark.parametrize("backend", BACKENDS)
@async_callables
def test_an_async_callable_is_bounded_by_the_deadline(
    backend: str, function: Callable[[], Awaitable[str]]
) -> None:
    script = AsyncScript(GOOD)

    async def main() -> None:
        async with AsyncApi(base_url=URL, api_key=function, transport=script, timeout=0.1) as api:
            with pytest.raises(RequestTimeoutError, match="callable of api_key=") as caught:
                await api.runs("team/mnist").length()
            assert_hidden_error(caught.value, KEY, here=__file__)

    began = time.monotonic()
    anyio.run(main, backend=backend)
    assert time.monotonic() - began < 10
    assert script.requests == []


def test_a_callable_that_takes_the_whole_deadline_is_not_blamed_on_other_requests() -> None:
    for way in WAYS:
        clock = FakeClock()

        def provide(clock: FakeClock = clock) -> str:
            clock.sleep(3)
            return KEY

        client = Face.of_api(way, Script(GOOD), clock, api_key=provide, timeout=2)
        with pytest.raises(RequestTimeoutError) as caught:
            client.execute(COUNT)
        assert "other requests" not in caught.value.message


@async_callables
def test_async_callables_are_refused_where_nothing_awaits_them(
    function: Callable[[], object], recwarn: pytest.WarningsRecorder
) -> None:
    with pytest.raises(InvalidArgumentError, match="api_key= needs AsyncApi"):
        Api(base_url=URL, api_key=function)  # type: ignore[arg-type] # wrong on purpose
    for api in (Api, AsyncApi):
        with pytest.raises(InvalidArgumentError, match="on_event must be callable and not async"):
            api(base_url=URL, on_event=function)  # type: ignore[arg-type] # wrong on purpose
    gc.collect()
    assert not [*recwarn]


def test_a_callable_is_shown_by_nothing_and_not_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", URL)
    monkeypatch.setenv("WANDB_API_KEY", OTHER)
    api = Api(api_key=functools.partial(str, KEY), transport=Script(GOOD))
    assert len(api.runs("team/mnist")) == 7
    for thing in (api, api.client, api.client.settings, api.client.api_key):
        assert_hidden(thing, KEY)
    with pytest.raises(InvalidArgumentError) as caught:
        Api(api_key=functools.partial(str, KEY), timeout=0)
    assert_hidden_error(caught.value, KEY, here=__file__)
    assert api.api_key_source == "argument"
    assert pickle.loads(pickle.dumps(api)).api_key_source == "WANDB_API_KEY"


# How many requests are under way.


class Counting:
    """Counts how many requests are under way at once."""

    def __init__(self, wanted: int) -> None:
        self.barrier = threading.Barrier(wanted)
        self.lock = threading.Lock()
        self.under_way = self.most = 0

    def send(self, _: Request, /) -> Response:
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self.barrier.wait(20)
        with self.lock:
            self.under_way -= 1
        return GOOD


@pytest.mark.parametrize("width", [1, 2, 7])
def test_as_many_requests_of_threads_are_under_way_as_may_be(width: int) -> None:
    transport = Counting(width)
    api = Api(base_url=URL, transport=transport, max_concurrency=width)
    copies = [api, api.with_options(timeout=50)]

    def count(number: int) -> int:
        return len(copies[number % 2].runs(f"team/p{number}"))

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(count, range(4 * width))) == [7] * 4 * width
    assert transport.most == width


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("width", [1, 6])
def test_as_many_requests_of_tasks_are_under_way_as_may_be(backend: str, width: int) -> None:
    most = under_way = 0

    class Slow:
        async def send(self, _: Request, /) -> Response:
            nonlocal most, under_way
            under_way += 1
            most = max(most, under_way)
            await anyio.sleep(0.01)
            under_way -= 1
            return GOOD

    async def main() -> None:
        api = AsyncApi(base_url=URL, transport=Slow(), max_concurrency=width)
        async with anyio.create_task_group() as tasks:
            for number in range(3 * width):
                tasks.start_soon(api.runs(f"team/p{number}").length)

    anyio.run(main, backend=backend)
    assert most == width


@pytest.mark.parametrize("width", [1, 12])
def test_one_call_for_many_pages_uses_the_whole_width(
    wandb_server: LocalServer, width: int
) -> None:
    project = f"wide-{width}"
    for number in range(40):
        log_run(wandb_server, "team", project, f"r{number}", history=[{"loss": 1}])
    most = under_way = 0
    lock, inner = threading.Lock(), HttpTransport(wandb_server.url)

    class Watching:
        def send(self, request: Request, /) -> Response:
            nonlocal most, under_way
            with lock:
                under_way += 1
                most = max(most, under_way)
            try:
                time.sleep(0.02)
                return inner.send(request)
            finally:
                with lock:
                    under_way -= 1

    with Api(base_url=wandb_server.url, transport=Watching(), max_concurrency=width) as api:
        rows = api.runs(f"team/{project}", per_page=1).histories(keys=["loss"])
        assert len(rows) == 40
        assert most <= width
        if width > 8:
            assert most > 8
    inner.close()


@pytest.mark.parametrize("width", [0, -1, 101, 1.5, True, "4", None])
def test_a_width_that_cannot_be_is_refused(width: object) -> None:
    for api in (Api, AsyncApi):
        with pytest.raises(InvalidArgumentError, match="max_concurrency"):
            api(base_url=URL, max_concurrency=width)  # type: ignore[arg-type] # wrong on purpose


# Events.


@each_way
def test_events_tell_of_every_request_and_retry(way: str) -> None:
    told: list[Event] = []
    threads: set[int] = set()

    def on_event(event: Event) -> None:
        told.append(event)
        threads.add(threading.get_ident())

    clock = FakeClock(start=0, chance=0.5)
    script = Script(BUSY, ConnectionFailedError("x"), GOOD)
    client = Face.of_api(way, transport=script, clock=clock, on_event=on_event, api_key=KEY)
    client.execute(COUNT)
    size, call = len(COUNT.content()), told[0].call
    assert told == [
        RequestSent("CountRuns", call, 1, 0.0, size),
        Answered("CountRuns", call, 1, 0.0, 503, None, 0.0, size, 4, "busy-1"),
        Retrying("CountRuns", call, 1, 0.0, 0.25, "HTTP 503"),
        RequestSent("CountRuns", call, 2, 0.25, size),
        Answered("CountRuns", call, 2, 0.25, None, "ConnectionFailedError", 0.0, size, 0, None),
        Retrying("CountRuns", call, 2, 0.25, 0.5, "the connection"),
        RequestSent("CountRuns", call, 3, 0.75, size),
        Answered("CountRuns", call, 3, 0.75, 200, None, 0.0, size, len(GOOD.content), "abc"),
    ]
    assert threads == {threading.get_ident()}
    client.execute(COUNT)
    assert told[-1].call != call
    assert KEY not in repr(told)


@each_way
def test_what_on_event_raises_breaks_no_request(way: str, caplog: pytest.LogCaptureFixture) -> None:
    def on_event(_: Event) -> None:
        raise ZeroDivisionError

    client = Face.of_api(way, transport=Script(GOOD), on_event=on_event, api_key=KEY)
    assert client.execute(COUNT).project is not None
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert KEY not in caplog.text


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_cancelled_request_ends_with_an_event(backend: str) -> None:
    told: list[Event] = []

    class Hanging:
        async def send(self, _: Request, /) -> Response:
            await anyio.sleep(20)
            return GOOD

    async def main() -> None:
        api = AsyncApi(base_url=URL, transport=Hanging(), on_event=told.append)
        with anyio.move_on_after(0.05):
            await api.runs("team/p").length()
        assert api.stats.requests == 0

    anyio.run(main, backend=backend)
    sent, answered = told
    assert isinstance(sent, RequestSent)
    assert isinstance(answered, Answered)
    assert (answered.status, answered.error) in {(None, "CancelledError"), (None, "Cancelled")}


def test_an_observer_that_is_no_function_is_refused_and_none_is_pickled() -> None:
    with pytest.raises(
        InvalidArgumentError, match="on_event must be callable and not async, got int"
    ):
        Api(base_url=URL, on_event=1)  # type: ignore[arg-type] # wrong on purpose
    api = Api(base_url=URL, on_event=lambda _: None)
    assert pickle.loads(pickle.dumps(api)).base_url == URL


# Logs.


@each_way
def test_log_records_have_fields(way: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="wandb_runs"):
        Face.of_api(way, transport=Script(BUSY, ConnectionFailedError("x"), GOOD)).execute(COUNT)
    names = ("operation", "status", "attempt", "request_id", "bytes")
    fields = [tuple(vars(record)[name] for name in names) for record in caplog.records]
    busy = ("CountRuns", 503, 1, "busy-1", 4)
    broken = ("CountRuns", None, 2, None, 0)
    assert fields == [busy, busy, broken, broken, ("CountRuns", 200, 3, "abc", 38)]
    assert all(vars(record)["elapsed"] >= 0 for record in caplog.records)


# A user's client of httpx.


def test_a_client_of_httpx_carries_the_requests_and_is_not_pickled() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-gate"] == SECRET
        return httpx.Response(200, content=GOOD.content)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        with Api(base_url=URL, http_client=client, headers={"X-Gate": SECRET}) as api:
            assert len(api.runs("team/mnist")) == 7
            with pytest.raises(TypeError, match="http_client="):
                pickle.dumps(api)
        assert not client.is_closed


def test_auth_of_a_client_goes_to_the_own_origin_in_any_spelling() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=request.headers.get("authorization", "").encode())

    with httpx.Client(transport=httpx.MockTransport(answer), auth=("api", KEY)) as client:
        inner = Api(base_url="https://wandb.example", http_client=client).client
        assert inner.download(Address("https://WANDB.example:443/file")).startswith(b"Basic ")
        assert inner.download(Address("https://files.example/file")) == b""


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_async_client_of_httpx_carries_the_requests_and_is_not_pickled(backend: str) -> None:
    async def main() -> None:
        mock = httpx.MockTransport(lambda _: httpx.Response(200, content=GOOD.content))
        async with httpx.AsyncClient(transport=mock) as client:
            async with AsyncApi(base_url=URL, http_client=client) as api:
                assert await api.runs("team/mnist").length() == 7
                with pytest.raises(TypeError, match="http_client="):
                    pickle.dumps(api)
            assert not client.is_closed

    anyio.run(main, backend=backend)


def test_two_ways_to_carry_requests_are_refused_by_their_names() -> None:
    with httpx.Client() as client, pytest.raises(InvalidArgumentError) as caught:
        Api(base_url=URL, transport=Script(GOOD), http_client=client)
    assert "transport= and http_client=" in caught.value.message


def test_overrides_come_first() -> None:
    assert Api({"base_url": URL, "entity": "team"}).default_entity == "team"
    with pytest.raises(ServerError):
        len(Api({"base_url": URL}, transport=Script(BUSY), max_retries=0).runs("a/b"))

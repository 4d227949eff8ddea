"""A planted key appears nowhere, whatever fails.

Each kind of error is provoked, with everything logged; what can be read of it afterwards is
searched: messages, reprs, pickles, logs, warnings, and tracebacks with their local variables.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import dataclasses
import gc
import gzip
import json
import logging
import pickle
import socket
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

import anyio
import anyio.to_thread
import pytest
from support import secrets
from support.certificates import Authority
from support.file_server import Stored, serve_files
from support.raw_server import http_answer, read_request, serve
from support.ways import WAYS, Face, each_backend, each_way
from typing_extensions import TypedDict

import wandb_runs
from wandb_runs import (
    Answered,
    Api,
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ChangesError,
    Config,
    ConnectionFailedError,
    DriftError,
    ExportError,
    FieldValidationError,
    GraphQLError,
    HistoriesError,
    InvalidArgumentError,
    MissingDependencyError,
    MissingValueError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ReadOnlyError,
    Request,
    RequestTimeoutError,
    Response,
    ResponseError,
    ResponseTooLargeError,
    RunValidationError,
    SchemaError,
    ServerError,
    TransportError,
    TruncatedResponseError,
    UnsafeNameError,
    UnsupportedByServerError,
    UpdateConflictError,
    WandbRunsError,
)
from wandb_runs.exports import export
from wandb_runs.graphql._generated import count_runs, update_run
from wandb_runs.testing import BareErrors, FakeClock, NullEdges, Status, log_run
from wandb_runs.transport import AsyncRetryingClient
from wandb_runs.transport.http import HttpTransport
from wandb_runs.transport.settings import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from support.options import Chosen

    from wandb_runs.testing import LocalServer
    from wandb_runs.transport.events import Event

KEY: Final = "canary-0123456789abcdef0123456789abcdef01"
TOKEN: Final = base64.b64encode(f"api:{KEY}".encode()).decode()
PASSWORD: Final = "canary-proxy-password"  # noqa: S105 - a canary
SIGNATURE: Final = "canary-signature-4711"
COUNT: Final = count_runs(entity="team", project="mnist")
OTHERS: Final = (base64.b64encode(f"me:{PASSWORD}".encode()).decode(), PASSWORD, SIGNATURE)


SECRETS: Final = (KEY, KEY[:20], KEY[-20:], TOKEN, TOKEN[8:28], TOKEN[-20:], *OTHERS)


def assert_unseen(text: str) -> None:
    secrets.assert_unseen(text, *SECRETS)


def assert_hidden(thing: object) -> None:
    secrets.assert_hidden(thing, *SECRETS)


def assert_hidden_error(error: BaseException) -> None:
    secrets.assert_hidden_error(error, *SECRETS, here=__file__)


@pytest.fixture
def listening(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """Everything that is logged or warned of meanwhile is searched in the end."""
    caplog.set_level(logging.DEBUG)
    for name in ("wandb_runs", "httpcore", "httpx"):
        caplog.set_level(logging.DEBUG, logger=name)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield
    for record in caplog.records:
        assert_unseen(f"{record.getMessage()} {vars(record)!r}")
    for each in warned:
        assert_unseen(f"{each.message} {each!r}")


# One way to each kind of error. Servers quote all that they were sent: some do.


def asking(answer: Callable[[bytes], bytes], **options: Unpack[Chosen]) -> Callable[[str], None]:
    """Ask a server that makes its answer of the request."""

    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            data = answer(request)
            if not data:
                connection.recv(1)
            connection.sendall(data)

    def ask(way: str) -> None:
        with serve(handle) as server:
            if way == "sync":
                with Api(base_url=server.url, api_key=KEY, clock=FakeClock(), **options) as api:
                    for shown in (api, api.client, api.with_options(timeout=5), api.runs("a/b")):
                        assert_hidden(shown)
                    len(api.runs("team/mnist"))
            with Face.of(way, server.url, KEY, clock=FakeClock(), **options) as client:
                for each in (client.inner, client.with_options(timeout=5).inner):
                    assert_hidden(each)
                client.execute(COUNT)

    return ask


def quoting(status: str) -> Callable[[str], None]:
    """A refusal that quotes the request, and the key as such."""
    return asking(
        lambda request: http_answer(f"bad key {KEY}: ".encode() + request, status), max_retries=1
    )


def refuse_argument() -> None:
    Api(api_key=KEY, base_url="ftp://x")


def use_when_closed(way: str) -> None:
    client = Face.of(way, "http://127.0.0.1:9", KEY)
    client.close()
    client.execute(COUNT)


def connect_to_a_closed_port(way: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    Face.of(way, f"http://127.0.0.1:{port}", KEY, clock=FakeClock(), max_retries=1).execute(COUNT)


def distrust(way: str) -> None:
    with serve(lambda _: None, Authority().serving("127.0.0.1")) as server:
        Face.of(way, server.url, KEY).execute(COUNT)


def lack_pandas(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    log_run(server, "team", "secrets", "r0", history=[{"a": 1.5}])
    monkeypatch.setitem(sys.modules, "pandas", None)
    api = Api(base_url=server.url, api_key=KEY)
    api.run("team/secrets/r0").history()


def break_schema(server: LocalServer) -> None:
    log_run(server, "team", "secrets-schema", "r0", history=[{"a": 1.5}])
    runs = Api(base_url=server.url, api_key=KEY).runs("team/secrets-schema")
    list(runs.iter_histories(keys=["a"], format="pandas", schema={"a": "int64"}))


class Numbers(TypedDict):
    a: int


def misfit(server: LocalServer) -> None:
    log_run(server, "team", "secrets-fit", "r0", config={"a": "text"})
    _ = Api(base_url=server.url, api_key=KEY).runs("team/secrets-fit", config=Numbers)[0].config


def misfit_of_a_field(server: LocalServer) -> None:
    log_run(server, "team", "secrets-fit", "r0", config={"a": "text"})
    api = Api(base_url=server.url, api_key=KEY)
    _ = api.run("team/secrets-fit/r0")[Config("a", type=float)]


def miss_a_value(server: LocalServer) -> None:
    log_run(server, "team", "secrets-fit", "r0", config={"a": "text"})
    runs = Api(base_url=server.url, api_key=KEY).runs("team/secrets-fit")
    next(runs.values(Config("b", type=float)))


def list_a_null(server: LocalServer) -> None:
    for name in ("r0", "r1"):
        log_run(server, "team", "secrets-null", name)
    with server.fail(NullEdges()):
        list(iter(Api(base_url=server.url, api_key=KEY).runs("team/secrets-null", strict=True)))


def lose_a_run(server: LocalServer) -> None:
    for name in ("r0", "r1"):
        log_run(server, "team", "secrets-lost", name, history=[{"a": 1.5}])
    inner = HttpTransport(server.url)

    class Failing:
        """Fails pages with the one run, and quotes what it was sent."""

        def send(self, request: Request, /) -> Response:
            response = inner.send(request)
            if b"Histories" in request.content and b'"r1"' in response.content:
                return Response(502, {}, repr(dict(request.headers)).encode())
            return response

    api = Api(base_url=server.url, api_key=KEY, transport=Failing(), clock=FakeClock())
    try:
        api.runs("team/secrets-lost").histories(keys=["a"])
    except HistoriesError as error:
        for each in error.errors.values():
            assert_hidden_error(each)
        raise
    finally:
        inner.close()


def change_without_being_allowed(server: LocalServer) -> None:
    Api(base_url=server.url, api_key=KEY, read_only=True).runs("team/secrets").delete(expect=1)


def lose_each_write(server: LocalServer) -> None:
    log_run(server, "team", "secrets-lost", "r0", config={"lr": 1})
    with Api(base_url=server.url, api_key=KEY) as other:
        storage_id = other.run("team/secrets-lost/r0").storage_id

        def overwrite(event: Event) -> None:
            if event.operation == "UpdateRun" and isinstance(event, Answered):
                other.client.execute(update_run(storage_id=storage_id, config="{}"))

        with Api(base_url=server.url, api_key=KEY, on_event=overwrite) as api:
            api.run("team/secrets-lost/r0").update(config={"lr": 2})


def download_what_leads_out() -> None:
    with serve_files() as server:
        server.files["../x"] = Stored(b"", f"{server.url}/f?signature={TOKEN}")
        run = Api(base_url=server.url, api_key=KEY).run("me/p/r1")
        run.file("../x").download("missing")


def delete_in_vain(server: LocalServer) -> None:
    log_run(server, "team", "secrets-kept", "r0")
    api = Api(base_url=server.url, api_key=KEY, clock=FakeClock())
    with server.fail(BareErrors(f"{KEY} and {TOKEN}"), operation="DeleteRuns"):
        try:
            api.runs("team/secrets-kept").delete(expect=1)
        except ChangesError as error:
            for each in error.outcome.failed.values():
                assert_hidden_error(each)
            raise


def export_over_something_else(server: LocalServer) -> None:
    folder = Path(__file__).parent  # which holds these tests, and is left as it is
    with Api(base_url=server.url, api_key=KEY) as api:
        export(api.runs("team/any"), folder, dry_run=True)


PROVOKED: dict[type[WandbRunsError], Callable[..., None]] = {
    WandbRunsError: use_when_closed,
    InvalidArgumentError: refuse_argument,
    MissingDependencyError: lack_pandas,
    NotFoundError: quoting("404 Not Found"),
    ConnectionFailedError: connect_to_a_closed_port,
    CertificateError: distrust,
    RequestTimeoutError: asking(lambda _: b"", timeout=0.2),
    AuthenticationError: quoting("401 Unauthorized"),
    PermissionDeniedError: quoting("403 Forbidden"),
    RateLimitError: quoting("429 Too Many Requests"),
    ServerError: quoting("503 Busy"),
    BadResponseError: quoting("200 OK"),
    TruncatedResponseError: asking(
        lambda request: http_answer(gzip.compress(request)[:-3], content_encoding="gzip")
    ),
    ResponseTooLargeError: asking(http_answer, max_response_bytes=10),
    GraphQLError: asking(
        lambda request: http_answer(
            json.dumps({"errors": [request.decode()], "data": {KEY: TOKEN}}).encode()
        ),
    ),
    UnsupportedByServerError: asking(
        lambda request: http_answer(
            json.dumps(
                {
                    "errors": [
                        {"message": 'Unknown argument "entityName" on field "Query.project".'},
                        {"message": f"Unknown type {KEY}: {request.decode()}"},
                    ]
                }
            ).encode()
        ),
    ),
    ChangesError: delete_in_vain,
    DriftError: list_a_null,
    HistoriesError: lose_a_run,
    ReadOnlyError: change_without_being_allowed,
    SchemaError: break_schema,
    UnsafeNameError: download_what_leads_out,
    UpdateConflictError: lose_each_write,
    ExportError: export_over_something_else,
    RunValidationError: misfit,
    FieldValidationError: misfit_of_a_field,
    MissingValueError: miss_a_value,
}

ABSTRACT = {TransportError, ResponseError}
"""Kinds that are raised as one of their kinds alone."""


def kinds_of(kind: type[WandbRunsError]) -> set[type[WandbRunsError]]:
    return {kind}.union(*(kinds_of(each) for each in kind.__subclasses__()))


def test_every_kind_of_error_is_provoked() -> None:
    assert set(PROVOKED) == kinds_of(WandbRunsError) - ABSTRACT
    public = {getattr(wandb_runs, name) for name in wandb_runs.__all__}
    assert kinds_of(WandbRunsError) <= public


def arguments_of(provoke: Callable[..., None]) -> tuple[str, ...]:
    return provoke.__code__.co_varnames[: provoke.__code__.co_argcount]


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        pytest.param(kind, way, id=f"{kind.__name__}-{way}")
        for kind, provoke in PROVOKED.items()
        for way in (WAYS if "way" in arguments_of(provoke) else WAYS[:1])
    ],
)
@pytest.mark.usefixtures("listening")
def test_no_error_shows_the_key(
    kind: type[WandbRunsError],
    way: str,
    wandb_server: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provoke = PROVOKED[kind]
    given = {"way": way, "server": wandb_server, "monkeypatch": monkeypatch}
    with pytest.raises(kind) as caught:
        provoke(**{name: given[name] for name in arguments_of(provoke)})
    assert type(caught.value) is kind
    assert_hidden_error(caught.value)


@each_backend
@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("native", [False, True], ids=["scope", "task"])
def test_a_cancelled_task_does_not_show_the_key(backend: str, *, native: bool) -> None:
    over = threading.Event()
    caught: list[BaseException] = []

    def hang(connection: socket.socket) -> None:
        read_request(connection)
        asked.set()
        over.wait(20)

    async def call(client: AsyncRetryingClient) -> None:
        try:
            await client.execute(COUNT)
        except BaseException as error:
            caught.append(error)
            raise

    async def main() -> None:
        client = Face.of(backend, server.url, KEY).inner
        assert isinstance(client, AsyncRetryingClient)
        async with anyio.create_task_group() as tasks:
            if native and backend == "asyncio":
                begun = asyncio.create_task(call(client))
                await anyio.to_thread.run_sync(asked.wait)
                begun.cancel()
                with suppress(asyncio.CancelledError):
                    await begun
            else:
                tasks.start_soon(call, client)
                await anyio.to_thread.run_sync(asked.wait)
                tasks.cancel_scope.cancel()

    asked = threading.Event()
    with serve(hang) as server:
        try:
            anyio.run(main, backend=backend)
        finally:
            over.set()
    (error,) = caught
    assert not isinstance(error, Exception)
    assert_hidden_error(error)


def test_the_search_finds_what_is_there() -> None:
    """What the tests above rely on."""
    secret = f"Basic {TOKEN}"
    with pytest.raises(AssertionError):
        assert_unseen(secret)

    # json's frames hold the text, in variables of theirs.
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads(secret)
    with pytest.raises(AssertionError, match=TOKEN):
        assert_hidden_error(caught.value)
    with pytest.raises(AssertionError, match=KEY):
        assert_hidden_error(WandbRunsError(KEY))


@pytest.mark.parametrize(
    "base_url", [f"https://api:{KEY}@wandb.invalid", f"https://wandb.invalid:x/?key={KEY}", "x"]
)
def test_refused_settings_show_neither_the_key_nor_the_environment(
    monkeypatch: pytest.MonkeyPatch, base_url: str
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("https_proxy", f"http://me:{PASSWORD}@proxy.invalid")
    makers: list[Callable[[], Api]] = [
        lambda: Api(base_url=base_url),
        lambda: Api(overrides={"base_url": base_url}),
        lambda: Api(overrides={"base_url": base_url, "entity": "a/b"}),
    ]
    for make in makers:
        with pytest.raises(InvalidArgumentError) as caught:
            make()
        assert_hidden_error(caught.value)
    monkeypatch.setenv("WANDB_BASE_URL", base_url)
    with pytest.raises(InvalidArgumentError) as caught:
        Api()
    assert_hidden_error(caught.value)
    monkeypatch.setenv("WANDB_API_KEY", f"{KEY} {KEY}")
    monkeypatch.delenv("WANDB_BASE_URL")
    with pytest.raises(InvalidArgumentError) as caught:
        Api()
    assert_hidden_error(caught.value)


def test_a_key_of_a_netrc_that_cannot_be_one_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f'machine wandb.invalid login user password "{KEY} x"\n', encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(InvalidArgumentError, match="API key from") as caught:
        len(Api(base_url="https://wandb.invalid").runs("a/b"))
    assert_hidden_error(caught.value)


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(
    "proxy",
    [
        f"http://me:{PASSWORD}@127.0.0.1:9",
        f"junk://me:{PASSWORD}@127.0.0.1:9",
        f"http://me:{PASSWORD}@127.0.0.1:what",
        f"socks5://me:{PASSWORD}@127.0.0.1:9",
        f"https://me:{PASSWORD}@127.0.0.1:9",
        f"me:{PASSWORD}@127.0.0.1:9",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_password_of_a_proxy_is_shown_by_nothing(
    monkeypatch: pytest.MonkeyPatch, proxy: str, scheme: str
) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("all_proxy", proxy)
    api = Api(
        base_url=f"{scheme}://wandb.invalid",
        api_key=KEY,
        allow_http=True,
        clock=FakeClock(),
        max_retries=1,
    )
    with pytest.raises(WandbRunsError) as caught:
        len(api.runs("a/b"))
    assert_hidden_error(caught.value)


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("place", ["refused", "answers", "unencrypted", "no url"])
def test_the_signature_of_a_file_is_shown_by_nothing(place: str) -> None:
    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            if request.startswith(b"GET"):
                connection.sendall(http_answer(request, "403 Forbidden"))
                continue
            name = json.loads(request.partition(b"\r\n\r\n")[2])["operationName"]
            run: dict[str, object] = {"id": "r", "storageId": "x", "state": "finished"}
            if name == "GetRunFile":
                url = {
                    "refused": "http://127.0.0.1:9/file",
                    "answers": f"{server.url}/file",
                    "unencrypted": "http://files.invalid/file",
                    "no url": "file",
                }[place]
                node = {"name": "wandb-metadata.json", "directUrl": f"{url}?sig={SIGNATURE}"}
                run = {"files": {"edges": [{"node": node}]}}
            connection.sendall(
                http_answer(json.dumps({"data": {"project": {"run": run}}}).encode())
            )

    with (
        serve(handle) as server,
        Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api,
        pytest.raises(WandbRunsError) as caught,
    ):
        _ = api.run("a/b/r").metadata
    assert_hidden_error(caught.value)


def parts_of(*wholes: object) -> list[object]:
    """The objects of this package that others hold, however deep."""
    found: dict[int, object] = {}
    left: list[object] = list(wholes)
    while left:
        each = left.pop()
        if id(each) not in found:
            found[id(each)] = each
            left += [
                part
                for part in gc.get_referents(each)
                if isinstance(part, (dict, list, tuple)) or is_of_this_package(part)
            ]
    return [each for each in found.values() if is_of_this_package(each)]


def is_of_this_package(thing: object) -> bool:
    return not isinstance(thing, type) and type(thing).__module__.startswith("wandb_runs")


def test_no_value_shows_the_key(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "secrets", "r0", history=[{"a": 1.5}])
    seen: list[Request] = []
    inner = HttpTransport(wandb_server.url)

    class Recording:
        def send(self, request: Request, /) -> Response:
            seen.append(request)
            return inner.send(request)

    api = Api(base_url=wandb_server.url, api_key=KEY, transport=Recording())
    runs = api.runs("team/secrets")
    run = runs[0]
    (request, *_) = seen
    assert request.headers["authorization"] == f"Basic {TOKEN}"
    things = parts_of(api, runs, run, inner, seen)
    assert {"Api", "ApiKey", "RetryingClient", "Request", "SecretHeaders", "RequestTemplate"} <= {
        type(each).__name__ for each in things
    }
    for each in (
        *things,
        dataclasses.replace(request, timeout=1),
        copy.copy(request.headers),
        Address(f"https://x/y?sig={SIGNATURE}"),
    ):
        assert_hidden(each)
    assert_unseen(str(dataclasses.asdict(request)))
    # A copy in memory still works, and one that travels no longer knows the key.
    assert copy.deepcopy(request).headers["authorization"] == f"Basic {TOKEN}"
    assert pickle.loads(pickle.dumps(request)).headers["authorization"] == "(not shown)"
    inner.close()


@each_way
@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (f"{TOKEN} OK\r\n\r\n".encode(), ConnectionFailedError),
        (f"HTTP/1.1 200 OK\r\nno header {TOKEN}\r\n\r\n".encode(), ConnectionFailedError),
        (http_answer(b"{}", content_encoding=TOKEN), TruncatedResponseError),
        (
            http_answer(b"no gzip", content_encoding="gzip", x_request_id=f"id of {TOKEN}"),
            TruncatedResponseError,
        ),
        (http_answer(bytes(5000), x_request_id=f"id of {KEY}"), ResponseTooLargeError),
    ],
    ids=["status line", "header line", "encoding", "id of truncated", "id of too large"],
)
def test_a_secret_that_a_server_quotes_outside_of_the_body_is_not_shown(
    way: str, answer: bytes, kind: type[WandbRunsError]
) -> None:
    with pytest.raises(kind) as caught:
        asking(lambda _: answer, max_retries=1, max_response_bytes=1000)(way)
    assert type(caught.value) is kind
    assert_hidden_error(caught.value)
    if isinstance(caught.value, ResponseError) and b"id of" in answer:
        assert caught.value.request_id == "id of (not shown)"


@pytest.mark.parametrize("quoted", [KEY, TOKEN])
def test_an_id_of_a_request_that_quotes_the_key_does_not(
    wandb_server: LocalServer, quoted: str
) -> None:
    api = Api(base_url=wandb_server.url, api_key=KEY, max_retries=0)
    with (
        wandb_server.fail(Status(501, headers={"x-request-id": f"id of {quoted}"})),
        pytest.raises(ServerError) as caught,
    ):
        len(api.runs("team/secrets"))
    assert caught.value.request_id == "id of (not shown)"
    assert_hidden_error(caught.value)

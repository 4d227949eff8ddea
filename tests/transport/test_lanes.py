"""Requests for files and operations: as many of each at once as there may be, apart from the other.

Servers count what is under way, and hold it until there is enough: no test looks at the time.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import anyio
import pytest
from support.file_server import Answer, Exchange, FileServer, serve_files
from support.ways import Face, each_backend, each_way

from wandb_runs import Api, AsyncApi, AsyncHttpTransport, HttpTransport, ServerError
from wandb_runs.graphql._generated import get_features
from wandb_runs.graphql.flow import ask, gather
from wandb_runs.testing import FakeClock
from wandb_runs.transport.file_request import FileRequest, follow, place_of
from wandb_runs.transport.options import FILES_AT_ONCE, MAX_CONCURRENCY
from wandb_runs.transport.settings import Address

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from wandb_runs import Request, Response
    from wandb_runs.graphql.flow import Flow

KEY: Final = "k" * 40
PATIENCE: Final = 20.0
"""Seconds until a test gives up."""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve_files() as server:
        yield server


@pytest.fixture
def storage() -> Iterator[FileServer]:
    with serve_files() as server:
        yield server


class UnderWay:
    """Counts what is under way."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self._changed = threading.Condition()
        self._is_in_vain = False

    @contextmanager
    def one(self) -> Generator[None]:
        """Count one more for the length of a block."""
        with self._changed:
            self.now += 1
            self.most = max(self.most, self.now)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self.now -= 1

    def wait_for(self, count: int) -> bool:
        """Wait until so many have been under way at once; False if that never was."""
        with self._changed:
            # What waited in vain once does not wait again.
            patience = 0 if self._is_in_vain else PATIENCE
            self._is_in_vain = not self._changed.wait_for(lambda: self.most >= count, patience)
            return not self._is_in_vain


def fetch(face: Face, server: FileServer, path: str = "/f") -> Flow[int]:
    """Get a file, and return the status."""
    settings = face.inner.settings
    place = place_of(Address(f"{server.url}{path}"), settings)
    answer, _ = yield from follow(FileRequest.get(place, {}), settings)
    return answer.status


def operate() -> Flow[int]:
    yield from ask(get_features())
    return 200


@each_way
def test_so_many_files_are_under_way_and_never_one_more(
    way: str, server: FileServer, storage: FileServer
) -> None:
    files = UnderWay()

    def answer(_: Exchange) -> Answer:
        with files.one():
            return Answer(200 if files.wait_for(FILES_AT_ONCE) else 404)

    storage.answer = answer
    with Face.of(way, server.url, KEY) as face:
        flows = [fetch(face, storage) for _ in range(3 * FILES_AT_ONCE)]
        statuses = face.run(gather(flows, lane="files"))
    assert statuses == [200] * 3 * FILES_AT_ONCE
    assert files.most == FILES_AT_ONCE


@each_way
def test_so_many_of_all_calls_together(way: str, server: FileServer, storage: FileServer) -> None:
    files = UnderWay()

    def answer(_: Exchange) -> Answer:
        with files.one():
            return Answer(200 if files.wait_for(FILES_AT_ONCE) else 404)

    storage.answer = answer
    with Face.of(way, server.url, KEY) as face:
        calls = [
            gather([fetch(face, storage) for _ in range(FILES_AT_ONCE)], lane="files")
            for _ in range(3)
        ]
        if way == "sync":
            with ThreadPoolExecutor(3) as threads:
                found = list(threads.map(face.run, calls))
        else:
            found = face.run(gather(calls))
    assert found == [[200] * FILES_AT_ONCE] * 3
    assert files.most == FILES_AT_ONCE


@each_way
def test_files_leave_operations_their_slots(
    way: str, server: FileServer, storage: FileServer
) -> None:
    files, asked = UnderWay(), threading.Event()

    def answer(exchange: Exchange) -> Answer:
        with files.one():
            if exchange.path == "/gate":
                return Answer(200 if files.wait_for(FILES_AT_ONCE) else 404)
            return Answer(200 if asked.wait(PATIENCE) else 404)

    storage.answer, server.before = answer, asked.set  # which returns None

    def operate_then() -> Flow[int]:
        status = yield from fetch(face, storage, "/gate")
        yield from operate()
        return status

    with Face.of(way, server.url, KEY) as face:
        flows = [operate_then(), *(fetch(face, storage) for _ in range(FILES_AT_ONCE - 1))]
        statuses = face.run(gather(flows, lane="files"))
    assert statuses == [200] * FILES_AT_ONCE


@each_way
def test_operations_leave_files_their_slots(
    way: str, server: FileServer, storage: FileServer
) -> None:
    operations, came = UnderWay(), threading.Event()

    def before() -> None:
        with operations.one():
            came.wait(PATIENCE)

    def answer(exchange: Exchange) -> Answer:
        if exchange.path == "/gate":
            return Answer(200 if operations.wait_for(MAX_CONCURRENCY) else 404)
        came.set()
        return Answer(200)

    server.before, storage.answer = before, answer

    def fetch_both() -> Flow[int]:
        status = yield from fetch(face, storage, "/gate")
        yield from fetch(face, storage)
        return status

    with Face.of(way, server.url, KEY) as face:
        flows = [fetch_both(), *(operate() for _ in range(2 * MAX_CONCURRENCY))]
        statuses = face.run(gather(flows, lane="files"))
    assert statuses == [200] * (1 + 2 * MAX_CONCURRENCY)
    assert operations.most == MAX_CONCURRENCY


def test_what_gathered_flows_gather_runs_in_turn_in_their_threads(
    server: FileServer, storage: FileServer
) -> None:
    files = UnderWay()

    def answer(_: Exchange) -> Answer:
        with files.one():
            return Answer(200 if files.wait_for(2) else 404)

    storage.answer = answer
    with Face.of("sync", server.url, KEY) as face:
        calls = [gather([fetch(face, storage) for _ in range(5)], lane="files") for _ in range(2)]
        assert face.run(gather(calls, lane="files")) == [[200] * 5] * 2
    assert files.most == 2


@each_way
def test_connections_are_used_again(way: str, server: FileServer, storage: FileServer) -> None:
    storage.answer = lambda _: Answer(200, b"x" * 1000)

    def fetch_many() -> Flow[None]:
        for _ in range(3):
            flows = [fetch(face, storage) for _ in range(3 * FILES_AT_ONCE)]
            yield from gather(flows, lane="files")

    with Face.of(way, server.url, KEY) as face:
        face.run(fetch_many())
    assert len(storage.seen) == 9 * FILES_AT_ONCE
    assert storage.connections <= FILES_AT_ONCE


@each_way
def test_requests_one_after_another_use_one_connection(
    way: str, server: FileServer, storage: FileServer
) -> None:
    storage.answer = lambda _: Answer(200)

    def fetch_many() -> Flow[None]:
        for _ in range(20):
            yield from fetch(face, storage)
            yield from operate()

    with Face.of(way, server.url, KEY) as face:
        face.run(fetch_many())
    assert (storage.connections, server.connections) == (1, 1)


LIMIT: Final = {"ratelimit-remaining": "1", "ratelimit-reset": "10"}


@each_way
@pytest.mark.parametrize("is_own", [False, True])
def test_the_pace_of_an_origin_is_its_own(
    way: str, server: FileServer, storage: FileServer, *, is_own: bool
) -> None:
    place = server if is_own else storage
    place.answer = lambda _: Answer(200, b"", LIMIT)
    with Face.of(way, server.url, KEY, clock=FakeClock()) as face:
        for _ in range(4):
            face.run(fetch(face, place))
        for _ in range(3):
            face.run(operate())
        assert (face.stats.paced > 0) == is_own


@each_way
def test_the_pace_of_the_server_is_not_that_of_storage(
    way: str, server: FileServer, storage: FileServer
) -> None:
    server.answer = lambda _: Answer(200, b"", LIMIT)
    storage.answer = lambda _: Answer(200)
    with Face.of(way, server.url, KEY, clock=FakeClock()) as face:
        for _ in range(3):
            face.run(fetch(face, server))
        paced = face.stats.paced
        assert paced > 0
        for _ in range(5):
            face.run(fetch(face, storage))
        assert face.stats.paced == paced


@each_way
def test_failures_of_storage_leave_operations_their_retries(
    way: str, server: FileServer, storage: FileServer
) -> None:
    storage.answer = lambda _: Answer(503, b"", {"retry-after": "0"})
    with Face.of(way, server.url, KEY, clock=FakeClock(), max_retries=1000) as face:
        with pytest.raises(ServerError, match="spent the retries"):
            face.run(fetch(face, storage))
        retries = face.stats.retries
        assert retries >= 2 * FILES_AT_ONCE
        answers = iter([Answer(503), Answer(503), None])
        server.before = lambda: next(answers)
        face.run(operate())
        assert face.stats.retries == retries + 2


@each_way
def test_files_that_fail_all_at_once_are_all_sent_again(
    way: str, server: FileServer, storage: FileServer
) -> None:
    files = UnderWay()

    def answer(_: Exchange) -> Answer:
        if len(storage.seen) > FILES_AT_ONCE:
            return Answer(200)
        with files.one():
            files.wait_for(FILES_AT_ONCE)
            return Answer(503, b"", {"retry-after": "0"})

    storage.answer = answer
    with Face.of(way, server.url, KEY, clock=FakeClock()) as face:
        flows = [fetch(face, storage) for _ in range(FILES_AT_ONCE)]
        assert face.run(gather(flows, lane="files")) == [200] * FILES_AT_ONCE
    assert files.most == FILES_AT_ONCE


def test_a_transport_may_send_each_from_within_the_other(server: FileServer) -> None:
    server.answer = lambda _: Answer(200)
    all_held = threading.Barrier(FILES_AT_ONCE + 1)

    class Nesting:
        """With each slot of both kinds held, it sends a request of the other kind."""

        def __init__(self) -> None:
            self.inner = HttpTransport(server.url)
            self.here = threading.local()

        def send(self, request: Request, /) -> Response:
            if not hasattr(self.here, "is_within"):
                self.here.is_within = True
                all_held.wait(PATIENCE)
                face.run(operate() if request.method == "GET" else fetch(face, server))
            return self.inner.send(request)

    nesting = Nesting()
    api = Api(base_url=server.url, api_key=KEY, transport=nesting, max_concurrency=1, timeout=20)
    face = Face("sync", api.client)
    with ThreadPoolExecutor(FILES_AT_ONCE + 1) as threads:
        flows = [operate(), *(fetch(face, server) for _ in range(FILES_AT_ONCE))]
        assert list(threads.map(face.run, flows)) == [200] * (FILES_AT_ONCE + 1)
    assert face.stats.requests == 2 * (FILES_AT_ONCE + 1)
    nesting.inner.close()


@each_backend
def test_an_async_transport_may_send_each_from_within_the_other(
    backend: str, server: FileServer
) -> None:
    server.answer = lambda _: Answer(200)

    class Nesting:
        """With each slot of both kinds held, it sends a request of the other kind."""

        def __init__(self) -> None:
            self.inner = AsyncHttpTransport(server.url)
            self.held = 0
            self.all_held = anyio.Event()

        async def send(self, request: Request, /) -> Response:
            if self.held <= FILES_AT_ONCE:
                self.held += 1
                if self.held == FILES_AT_ONCE + 1:
                    self.all_held.set()
                await self.all_held.wait()
                await client.run(operate() if request.method == "GET" else fetch(face, server))
            return await self.inner.send(request)

    async def main() -> None:
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.run, operate())
                for _ in range(FILES_AT_ONCE):
                    tasks.start_soon(client.run, fetch(face, server))
        await nesting.inner.aclose()

    nesting = Nesting()
    client = AsyncApi(base_url=server.url, api_key=KEY, transport=nesting, max_concurrency=1).client
    face = Face(backend, client)
    anyio.run(main, backend=backend)
    assert client.stats.requests == 2 * (FILES_AT_ONCE + 1)

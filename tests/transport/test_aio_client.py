"""The async client: cancellation, several event loops, work in threads, background tasks."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import os
import sys
import threading
import time
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias

import anyio
import pytest
import trio
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from support.programs import SOCKETS, run_program
from support.raw_server import http_answer, read_request, serve
from support.ways import BACKENDS, WAYS, Face, each_backend, each_way

from wandb_runs import NotFoundError, RequestTimeoutError, Response, WandbRunsError
from wandb_runs.graphql._generated import count_runs
from wandb_runs.graphql.flow import ask, gather
from wandb_runs.graphql.operation import RawOperation
from wandb_runs.graphql.raw_response import LARGE, RawResponse
from wandb_runs.testing import FakeClock, log_run
from wandb_runs.transport import AsyncRetryingClient
from wandb_runs.transport.credentials import ApiKey
from wandb_runs.transport.options import MAX_CONCURRENCY, Options
from wandb_runs.transport.settings import resolve_settings
from wandb_runs.transport.tasks import running_loop

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Generator

    from wandb_runs import Request
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.testing import LocalServer
    from wandb_runs.transport import AsyncTransport

KEY: Final = "canary-0123456789abcdef0123456789abcdef01"
COUNT: Final = count_runs(entity="team", project="mnist")
GOOD: Final = b'{"data": {"project": {"runCount": 7}}}'


def client_of(
    url: str = "http://127.0.0.1:9",
    transport: AsyncTransport | None = None,
    options: Options = Options(),  # noqa: B008 - it never changes
) -> AsyncRetryingClient:
    key = ApiKey(KEY, source="argument")
    found = resolve_settings(base_url=url, api_key=key, environ={})
    return AsyncRetryingClient(found, transport=transport, options=options, clock=FakeClock())


class Quick:
    """A transport that answers at once, after a turn of the others."""

    def __init__(self, *answers: Response | WandbRunsError) -> None:
        self.answers = deque(answers or (Response(200, {}, GOOD),))
        self.under_way = self.most = self.sent = 0

    async def send(self, _: Request, /) -> Response:
        self.sent += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            for _turn in range(3):
                await checkpoint()
        finally:
            self.under_way -= 1
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Response):
            return answer
        raise answer


async def four_at_once(client: AsyncRetryingClient) -> None:
    """Nothing holds a slot, and the client goes on."""
    with anyio.fail_after(20):
        answers = await client.run(gather([ask(COUNT) for _ in range(2 * MAX_CONCURRENCY)]))
    assert len(answers) == 2 * MAX_CONCURRENCY


async def wait_until(done: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    with anyio.fail_after(20):
        while not done():  # noqa: ASYNC110 - there is no event to wait for
            await anyio.sleep(0.001)


# Cancellation.


class Hanging:
    """Says nothing to a request, until told to.

    Attributes:
        answers: Whether it does answer.
        open: How many connections there are.
        hung: How many of them wait for an answer.
    """

    def __init__(self) -> None:
        self.answers = False
        self.open = self.hung = 0
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        with self._counted("open"):
            while read_request(connection):
                if self.answers:
                    connection.sendall(http_answer(GOOD))
                    continue
                with self._counted("hung"):
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
                    while connection.recv(65536):
                        pass
                return

    @contextmanager
    def _counted(self, name: str) -> Generator[None]:
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)
        try:
            yield
        finally:
            with self._lock:
                setattr(self, name, getattr(self, name) - 1)


@each_backend
@pytest.mark.parametrize("flows", [1, 9])
def test_a_cancelled_task_leaves_no_connection_and_no_slot(backend: str, flows: int) -> None:
    hanging = Hanging()

    async def main() -> None:
        client = client_of(server.url)
        for _ in range(3):
            hanging.answers = False
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.run, gather([ask(COUNT) for _ in range(flows)]))
                await wait_until(lambda: hanging.hung == min(flows, MAX_CONCURRENCY))
                tasks.cancel_scope.cancel()
            await wait_until(lambda: not hanging.hung)
            hanging.answers = True
            await four_at_once(client)
        await client.aclose()
        await wait_until(lambda: not hanging.open)

    with serve(hanging) as server:
        anyio.run(main, backend=backend)


def test_a_task_cancelled_by_asyncio_leaves_no_connection_and_no_slot() -> None:
    hanging = Hanging()

    async def main() -> None:
        client = client_of(server.url)
        flow = gather([ask(COUNT) for _ in range(9)])
        work = asyncio.create_task(client.run(flow))
        await wait_until(lambda: hanging.hung == MAX_CONCURRENCY)
        work.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await work
        shown = repr(caught.value.__traceback__)
        assert KEY not in shown
        await wait_until(lambda: not hanging.hung)
        hanging.answers = True
        await four_at_once(client)
        await client.aclose()
        await wait_until(lambda: not hanging.open)

    with serve(hanging) as server:
        asyncio.run(main())


async def turns(count: int) -> None:
    for _ in range(count):
        await checkpoint()


@each_backend
@pytest.mark.parametrize("native", [False, True], ids=["scope", "task"])
def test_a_client_works_after_cancellation_at_any_point_of_a_call(
    wandb_server: LocalServer, backend: str, *, native: bool
) -> None:
    if native and backend == "trio":
        pytest.skip("trio has no other way")
    log_run(wandb_server, "team", "mnist", "r")

    async def cancelled_after(client: AsyncRetryingClient, count: int) -> bool:
        """Whether it had come to its end before."""
        done = False

        async def work() -> None:
            nonlocal done
            await client.run(gather([ask(COUNT), ask(COUNT)]))
            done = True

        if native:
            task = asyncio.create_task(work())
            await turns(count)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        else:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(work)
                await turns(count)
                tasks.cancel_scope.cancel()
        return done

    async def main() -> None:
        came = 0
        client = client_of(wandb_server.url)
        # At each of the turns that a call takes, with connections both new and used.
        for count in (*range(60), *range(60)):
            if count < 40 or count % 7 == 0:
                await client.aclose()
                client = client_of(wandb_server.url)
            came += await cancelled_after(client, count)
            await anyio.sleep(0.001 * (count % 4))
        await four_at_once(client)
        await client.aclose()

    anyio.run(main, backend=backend)


@each_backend
def test_a_connection_that_was_just_opened_is_not_left_behind(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The HTTP library waits for locks when a connection stands, and forgets it if cancelled."""
    hanging = Hanging()
    hanging.answers = True

    async def main() -> None:
        lock: type[object] = trio.Lock if backend == "trio" else type(anyio.Lock())
        acquire: Callable[[object], Awaitable[None]] = attrgetter("acquire")(lock)
        taken = 0

        async def acquire_when_cancelled(self: object) -> None:
            nonlocal taken
            taken += 1
            if taken == wanted:
                scope.cancel()
            await acquire(self)

        monkeypatch.setattr(lock, "acquire", acquire_when_cancelled)
        for wanted in range(1, 6):
            client = client_of(server.url)
            for _ in range(3):
                taken = 0
                with anyio.CancelScope() as scope:
                    await client.execute(COUNT)
            await wait_until(lambda: hanging.open <= 1)
            wanted = 0  # noqa: PLW2901 - none of what follows
            await four_at_once(client)
            await client.aclose()
            await wait_until(lambda: not hanging.open)

    with serve(hanging) as server:
        anyio.run(main, backend=backend)


# Several flows at once.


@each_way
def test_the_first_failure_is_raised_as_itself_and_results_keep_their_order(way: str) -> None:
    names = [f"p{number}" for number in range(13)]

    class Naming:
        """Answers with the number in a project's name; says no to one of them."""

        def send(self, request: Request, /) -> Response:
            name = json.loads(request.content)["variables"]["project"]
            if name == "no":
                return Response(404, {}, b"")
            return Response(200, {}, GOOD.replace(b"7", name[1:].encode()))

    def number_of(project: str) -> Flow[int | None]:
        answer = yield from ask(count_runs(entity="team", project=project))
        assert answer.project is not None
        return answer.project.run_count

    told: list[int | None] = []
    threads: set[int] = set()

    def done(number: int | None) -> None:
        told.append(number)
        threads.add(threading.get_ident())

    with Face.of(way, "http://127.0.0.1:9", KEY, transport=Naming()) as client:
        nothing: list[Flow[int]] = []
        assert client.run(gather(nothing)) == []
        assert client.run(gather([number_of(name) for name in names], done)) == [*range(13)]
        assert sorted(told, key=str) == sorted(range(13), key=str)
        assert threads == {threading.get_ident()}
        with pytest.raises(NotFoundError):
            client.run(gather([number_of(name) for name in (*names[:3], "no", *names[3:])]))
        inner = [gather([number_of(name) for name in names]) for _ in range(6)]
        assert client.run(gather(inner)) == [[*range(13)]] * 6

        def stop(_: object) -> None:
            raise ZeroDivisionError

        for flows in (1, 13):
            with pytest.raises(ZeroDivisionError):
                client.run(gather([number_of(name) for name in names[:flows]], stop))


@each_backend
def test_a_failed_flow_cancels_the_gathered_ones_alone(backend: str) -> None:
    """Of flows at once, and of none that another call has under way."""
    ended: list[str] = []

    class Uneven:
        async def send(self, request: Request, /) -> Response:
            name = json.loads(request.content)["variables"]["project"]
            try:
                await anyio.sleep({"slow": 5, "fails": 0.05}.get(name, 0.2))
            except BaseException:
                ended.append(name)
                raise
            return Response(404 if name == "fails" else 200, {}, GOOD)

    def flow_of(name: str) -> Flow[object]:
        return ask(count_runs(entity="team", project=name))

    async def main() -> None:
        client = client_of(transport=Uneven())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.run, flow_of("other"))
            with pytest.raises(NotFoundError):
                await client.run(gather([flow_of("slow"), flow_of("fails"), flow_of("slow")]))
        await four_at_once(client_of(transport=Quick()))

    began = time.monotonic()
    anyio.run(main, backend=backend)
    assert ended == ["slow", "slow"]
    assert time.monotonic() - began < 4


@each_backend
def test_four_requests_of_a_loop_are_under_way_and_never_five(backend: str) -> None:
    quick = Quick()

    async def main() -> None:
        client = client_of(transport=quick)
        copies = [client, client.with_options(Options(timeout=50))]
        async with anyio.create_task_group() as tasks:
            for number in range(5):
                flows = [gather([ask(COUNT) for _ in range(5)]) for _ in range(5)]
                tasks.start_soon(copies[number % 2].run, gather(flows))

    anyio.run(main, backend=backend)
    assert quick.most == MAX_CONCURRENCY
    assert quick.sent == 125


@each_backend
def test_the_wait_for_a_slot_ends_with_the_deadline(backend: str) -> None:
    async def main() -> None:
        released = anyio.Event()

        class Holding:
            async def send(self, _: Request, /) -> Response:
                await released.wait()
                return Response(200, {}, GOOD)

        client = client_of(transport=Holding())
        async with anyio.create_task_group() as tasks:
            for _ in range(MAX_CONCURRENCY):
                tasks.start_soon(client.execute, COUNT)
            await turns(20)
            with pytest.raises(RequestTimeoutError, match="other requests of this client"):
                await client.with_options(Options(timeout=0.05)).execute(COUNT)
            released.set()
        await four_at_once(client)

    anyio.run(main, backend=backend)


@each_backend
def test_a_transport_may_use_the_client_itself(backend: str) -> None:
    class Nesting:
        depth = 0

        async def send(self, _: Request, /) -> Response:
            if self.depth < 10:  # more than there are slots
                self.depth += 1
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(client.execute, COUNT)
            return Response(200, {}, GOOD)

    client = client_of(transport=Nesting())

    async def main() -> None:
        with anyio.fail_after(20):
            await client.execute(COUNT)
        assert client.stats.requests == 11

    anyio.run(main, backend=backend)


@each_backend
def test_tasks_that_a_transport_starts_hold_no_slot(backend: str) -> None:
    quick = Quick()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:

            class Leaving:
                has_left = False

                async def send(self, request: Request, /) -> Response:
                    if not self.has_left:
                        self.has_left = True
                        for _ in range(3 * MAX_CONCURRENCY):
                            tasks.start_soon(later)
                        return Response(200, {}, GOOD)
                    return await quick.send(request)

            async def later() -> None:
                await turns(5)
                await client.execute(COUNT)

            client = client_of(transport=Leaving())
            await client.execute(COUNT)

    anyio.run(main, backend=backend)
    assert quick.sent == 3 * MAX_CONCURRENCY
    assert quick.most == MAX_CONCURRENCY


# Several loops.


@each_backend
def test_one_client_serves_one_loop_after_another(backend: str) -> None:
    hanging = Hanging()
    hanging.answers = True
    loops: list[weakref.ref[object]] = []

    async def main() -> None:
        loops.append(weakref.ref(running_loop()))
        await four_at_once(client)

    with serve(hanging) as server:
        client = client_of(server.url)
        other = "trio" if backend == "asyncio" else "asyncio"
        for each in (backend, backend, other, backend):
            anyio.run(main, backend=each)
            # A loop that ends closes its connections, and the client does not hold it.
            anyio.run(wait_until, lambda: not hanging.open)
            gc.collect()
            assert loops[-1]() is None
        anyio.run(client.aclose, backend=backend)
        with pytest.raises(WandbRunsError, match="this client is closed"):
            anyio.run(client.execute, COUNT, backend=other)


def test_loops_in_threads_of_their_own_share_a_client(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "mnist", "r")
    client = client_of(wandb_server.url)

    def work(number: int) -> None:
        anyio.run(four_at_once, client, backend=BACKENDS[number % 2])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))
    assert client.stats.requests == 12 * 2 * MAX_CONCURRENCY


@each_backend
def test_each_loop_has_four_requests_under_way(backend: str) -> None:
    transports = threading.local()
    most: list[int] = []

    class Own:
        """A transport that counts for each thread, and so for each loop."""

        async def send(self, request: Request, /) -> Response:
            quick: Quick = transports.quick
            return await quick.send(request)

    client = client_of(transport=Own())
    gate = threading.Barrier(3)

    def work(_: int) -> None:
        transports.quick = Quick()
        gate.wait(20)
        anyio.run(four_at_once, client, backend=backend)
        most.append(transports.quick.most)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert most == [MAX_CONCURRENCY] * 3


@each_backend
def test_aclose_lets_requests_under_way_finish_and_refuses_later_ones(backend: str) -> None:
    hanging = Hanging()

    async def main() -> None:
        client = client_of(server.url)
        copy = client.with_options(Options(timeout=0.5))
        await four_at_once(client)

        async def overdue() -> None:
            with pytest.raises(RequestTimeoutError):
                await copy.execute(COUNT)

        hanging.answers = False
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(overdue)
            await wait_until(lambda: hanging.hung == 1)
            await client.aclose()
            assert hanging.hung == 1
            await client.aclose()
            for closed in (client, copy):
                with pytest.raises(WandbRunsError, match="this client is closed"):
                    await closed.execute(COUNT)
        await wait_until(lambda: not hanging.open)

    hanging.answers = True
    with serve(hanging) as server:
        anyio.run(main, backend=backend)


PROGRAM: Final = """
import asyncio, gc, os, sys
import anyio
from wandb_runs.graphql._generated import count_runs
from wandb_runs.graphql.flow import ask, gather
from wandb_runs.transport.settings import resolve_settings
from wandb_runs.transport import AsyncRetryingClient

url, backend = sys.argv[1:]
COUNT = count_runs(entity="team", project="mnist")

def make():
    return AsyncRetryingClient(resolve_settings(base_url=url, api_key=None, environ={}))

async def four_at_once(client):
    return await client.run(gather([ask(COUNT) for _ in range(8)]))
"""


@each_backend
def test_an_unclosed_client_leaves_no_socket_and_no_warning(
    wandb_server: LocalServer, backend: str
) -> None:
    log_run(wandb_server, "team", "mnist", "r")
    program = """
async def main():
    await four_at_once(make())  # no reference is left
    gc.collect()
    await anyio.sleep(0.05)
    client = make()
    await four_at_once(client)
    kept.append(client)  # the loop ends before it

kept = []
anyio.run(main, backend=backend)
anyio.run(main, backend=backend)
anyio.run(four_at_once, kept[0], backend=backend)
gc.collect()
"""
    if backend == "trio":  # which warns of whatever is let go before it was closed
        program = program.replace("await four_at_once(make())", "pass")
    run_program(PROGRAM + program, wandb_server.url, backend)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("case", ["let go under trio", "loop without an end"])
def test_where_an_unclosed_client_has_a_warning_it_leaves_no_socket_either(
    wandb_server: LocalServer, case: str
) -> None:
    log_run(wandb_server, "team", "mnist", "r")
    program = """
import warnings

async def let_go():
    before = sockets()
    await four_at_once(make())
    gc.collect()
    await anyio.sleep(0.1)
    assert sockets() == before

with warnings.catch_warnings(record=True) as shown:
    warnings.simplefilter("always")
    if backend == "trio":
        anyio.run(let_go, backend=backend)
    else:
        loop = asyncio.new_event_loop()
        client = make()
        loop.run_until_complete(four_at_once(client))
        loop.close()  # without loop.shutdown_asyncgens(), which asyncio.run calls
        del client, loop
    gc.collect()
assert shown and all(each.category is ResourceWarning for each in shown), shown
assert sockets() == 0
"""
    backend = "trio" if case == "let go under trio" else "asyncio"
    run_program(PROGRAM + SOCKETS + program, wandb_server.url, backend)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@each_backend
@pytest.mark.parametrize("where", ["between", "within"])
def test_a_forked_child_has_loops_and_connections_of_its_own(
    wandb_server: LocalServer, backend: str, where: str
) -> None:
    log_run(wandb_server, "team", "mnist", "r")
    program = """
import signal
client = make()

def children():
    found = []
    for _ in range(4):
        child = os.fork()
        if not child:
            status = 1
            signal.set_wakeup_fd(-1)  # of the parent's loop
            try:
                anyio.run(four_at_once, client, backend=backend)
                status = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(status)
        found.append(child)
    assert [os.waitpid(child, 0)[1] for child in found] == [0] * 4

async def main():
    await four_at_once(client)
    await anyio.to_thread.run_sync(children)
    await four_at_once(client)

if where == "between":
    anyio.run(four_at_once, client, backend=backend)
    children()
    anyio.run(four_at_once, client, backend=backend)
else:
    anyio.run(main, backend=backend)
"""
    run_program(f"{PROGRAM}\nwhere = {where!r}\n{program}", wandb_server.url, backend)


INTERRUPTED: Final = """
import traceback
client = make()

async def main():
    await client.run(gather([ask(each) for each in [HELD] * 9]))

HELD = count_runs(entity=str(os.getpid()), project="mnist")
try:
    anyio.run(main, backend=backend)
except KeyboardInterrupt as error:
    caught = error
else:
    raise SystemExit("not interrupted")
each, shown = caught, ""
while each is not None:
    seen = traceback.TracebackException.from_exception(each, capture_locals=True)
    shown += "".join(seen.format())
    each = each.__cause__ or each.__context__
assert "YXBpOm" not in shown, shown
del caught, each
anyio.run(four_at_once, client, backend=backend)
"""


@each_backend
def test_an_interrupt_leaves_no_socket_and_shows_no_key(backend: str) -> None:
    held: list[socket.socket] = []
    turn = threading.Lock()

    def holding(connection: socket.socket) -> None:
        while request := read_request(connection):
            entity = json.loads(request.partition(b"\r\n\r\n")[2])["variables"]["entity"]
            if entity == "team":
                connection.sendall(http_answer(GOOD))
                continue
            with turn:
                held.append(connection)
                if len(held) == MAX_CONCURRENCY:
                    os.kill(int(entity), 2)
            while connection.recv(65536):
                pass
            return

    program = PROGRAM.replace("api_key=None", f"api_key=ApiKey({KEY!r}, source='argument')")
    program = program.replace(
        "import resolve_settings",
        "import resolve_settings\nfrom wandb_runs.transport.credentials import ApiKey",
    )
    with serve(holding) as server:
        run_program(program + INTERRUPTED, server.url, backend)
    assert len(held) == MAX_CONCURRENCY


# What takes long is done beside the loop.


LOAD: Final = "wandb_runs_test_context"
_seen: contextvars.ContextVar[str] = contextvars.ContextVar(LOAD, default="unset")


@each_backend
@pytest.mark.parametrize("size", [10, LARGE - 1, LARGE + 1, 4 * LARGE])
def test_large_answers_are_read_in_a_thread_and_small_ones_are_not(backend: str, size: int) -> None:
    body = GOOD + b" " * (size - len(GOOD))
    stepped: list[tuple[int, str]] = []

    def flow() -> Flow[int]:
        stepped.append((threading.get_ident(), _seen.get()))
        answer = yield from ask(RawOperation.of(COUNT))
        assert isinstance(answer, RawResponse)
        stepped.append((threading.get_ident(), _seen.get()))
        with suppress(WandbRunsError):
            yield from ask(RawOperation.of(COUNT))
        stepped.append((threading.get_ident(), _seen.get()))
        return len(answer.body)

    async def main() -> None:
        _seen.set(backend)
        quick = Quick(Response(200, {}, body), Response(599, {}, b""))
        assert await client_of(transport=quick).run(flow()) == max(size, len(GOOD))

    anyio.run(main, backend=backend)
    here = threading.get_ident()
    assert [seen for _, seen in stepped] == [backend] * 3
    assert [thread == here for thread, _ in stepped] == [True, size <= LARGE, True]


@each_backend
def test_a_large_answer_is_read_without_blocking_the_loop(backend: str) -> None:
    body = GOOD + b" " * LARGE
    went_on = 0

    def flow() -> Flow[str]:
        yield from ask(RawOperation.of(COUNT))
        before = went_on
        end = time.monotonic() + 20
        while went_on < before + 50 and time.monotonic() < end:
            time.sleep(0.001)
        return "read"

    async def count_turns() -> None:
        nonlocal went_on
        while True:
            await anyio.sleep(0.001)
            went_on += 1

    async def main() -> None:
        client = client_of(transport=Quick(Response(200, {}, body)))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(count_turns)
            assert await client.run(flow()) == "read"
            tasks.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert went_on >= 50


@each_backend
@pytest.mark.parametrize("native", [False, True], ids=["scope", "task"])
def test_cancellation_while_an_answer_is_read_closes_the_flow(
    backend: str, *, native: bool
) -> None:
    if native and backend == "trio":
        pytest.skip("trio has no other way")
    body = GOOD + b" " * LARGE
    began = threading.Event()
    ended: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from ask(RawOperation.of(COUNT))
            began.set()
            time.sleep(0.1)
            ended.append("read")
            yield from ask(COUNT)
            ended.append("went on")
        finally:
            ended.append("closed")

    running = flow()  # referenced, so that garbage collection does not close it

    async def main() -> None:
        client = client_of(transport=Quick(Response(200, {}, body)))

        if native:
            task = asyncio.create_task(client.run(running))
            await wait_until(began.is_set)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.run, running)
                await wait_until(began.is_set)
                tasks.cancel_scope.cancel()
        await four_at_once(client_of(transport=Quick()))

    anyio.run(main, backend=backend)
    assert ended == ["read", "closed"]


@each_backend
def test_an_exhausted_thread_limiter_of_the_program_blocks_nothing(backend: str) -> None:
    body = GOOD + b" " * LARGE
    client = client_of(transport=Quick(Response(200, {}, body)))

    async def main() -> None:
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        await limiter.acquire()
        with anyio.fail_after(20):
            await client.run(ask(RawOperation.of(COUNT)))
        limiter.release()

    anyio.run(main, backend=backend)


Plan: TypeAlias = "str | list[Plan] | tuple[Plan, Plan]"

PLANS: Final[st.SearchStrategy[Plan]] = st.recursive(
    st.sampled_from(["good", "bad", "caught", "large"]),
    lambda inner: st.lists(inner, min_size=1, max_size=6) | st.tuples(inner, inner),
    max_leaves=12,
)


class Planned:
    """Answers as the project's name says."""

    def send(self, request: Request, /) -> Response:
        name = json.loads(request.content)["variables"]["project"]
        if name in ("bad", "caught"):
            return Response(404, {}, b"")
        return Response(200, {}, GOOD + b" " * (2 * LARGE if name == "large" else 0))


def flow_of(plan: Plan, told: list[str]) -> Flow[object]:
    match plan:
        case [*parts] if isinstance(plan, list):
            return (
                yield from gather(
                    [flow_of(part, told) for part in parts],
                    lambda result: told.append(repr(result)),
                )
            )
        case (first, second):
            one = yield from flow_of(first, told)
            return one, (yield from flow_of(second, told))
        case _:
            assert isinstance(plan, str)
            operation = RawOperation.of(count_runs(entity="team", project=plan))
            try:
                return len((yield from ask(operation)).body)
            except NotFoundError:
                if plan == "bad":
                    raise
                return plan


def outcome_of(plan: Plan, way: str) -> tuple[str, list[str]]:
    told: list[str] = []
    client = Face.of(way, "http://127.0.0.1:9", KEY, transport=Planned())
    try:
        result = repr(client.run(flow_of(plan, told)))
    except NotFoundError as error:
        return type(error).__name__, []
    return result, sorted(told)


@given(PLANS)
@settings(max_examples=60, deadline=None)
def test_all_drivers_give_the_same_result_for_any_flow(plan: Plan) -> None:
    """Of what fails, of what is caught, of flows within flows, and of what is told of them."""
    outcomes = [outcome_of(plan, way) for way in WAYS]
    assert outcomes == outcomes[:1] * len(WAYS)


# Imports.


def test_blocking_callers_import_nothing_asynchronous(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "mnist", "r")
    program = """
import sys
sys.modules["trio"] = None  # the HTTP library alone imports it, where it is installed
from wandb_runs import Api
from wandb_runs.transport import AsyncRetryingClient
with Api(base_url=sys.argv[1], api_key="k") as api:
    assert len(list(api.runs("team/mnist"))) == 1
    api.runs("team/mnist").histories()
loaded = [name for name in sys.modules if name.startswith("wandb_runs.transport.")]
assert not {"asyncio", "anyio.to_thread", "anyio._backends"} & {*sys.modules}
assert not {"aio_http", "aio_pool", "tasks"} & {name.rpartition(".")[2] for name in loaded}
"""
    run_program(program, wandb_server.url)

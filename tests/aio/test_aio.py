"""What awaits does what blocks does, call by call; and what only it does: cancelled."""

from __future__ import annotations

import asyncio
import inspect
import re
import typing
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import numpy as np
import pandas as pd
import polars as pl
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.drivers import Awaiting, Blocking, gather

from wandb_runs import (
    Api,
    AsyncApi,
    AsyncRetryingClient,
    AsyncRun,
    AsyncRuns,
    AsyncSweep,
    BadResponseError,
    RetryingClient,
    Run,
    Runs,
    Sweep,
)
from wandb_runs.graphql._generated import get_viewer
from wandb_runs.runs.run_base import AnyRun, RunBase
from wandb_runs.runs.sweep_base import SweepBase
from wandb_runs.testing import Html, Slow
from wandb_runs.transport.aio_http import AsyncHttpTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from support.drivers import To

    from wandb_runs import Progress, Request, Response, Row
    from wandb_runs.testing import LocalServer

MANY = 47
OPERATION = get_viewer()

T = TypeVar("T")

BACKENDS = ["asyncio", "trio"]
OVER_HTTP = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# Names of the awaiting half; a name that is not here is the same in both.
SPELLINGS = {
    "close": "aclose",
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
    "__iter__": "__aiter__",
    "__len__": "length",
    "__contains__": "contains",
    "__getitem__": "get",
}
# Methods of a sequence, and spellings of W&B's SDK.
NOT_AWAITED = {"__reversed__", "index", "count", "next", "lastHistoryStep"}
# What Python gives a signature of its own.
OF_PYTHON = {"__enter__", "__exit__", "__iter__", "__contains__", "__getitem__"}

PAIRS: list[tuple[type[object], type[object]]] = [
    (Api, AsyncApi),
    (Runs, AsyncRuns),
    (Run, AsyncRun),
    (Sweep, AsyncSweep),
    (RetryingClient, AsyncRetryingClient),
]
CALLS = sorted(name for name in vars(Blocking) if name.startswith("call_"))


def public(kind: type[object]) -> set[str]:
    known = {*SPELLINGS, *SPELLINGS.values()}
    names = {name for name in dir(kind) if not name.startswith("_") or name in known}
    # What is None says that there is no such method.
    refused = {name for name in names if inspect.getattr_static(kind, name) is None}
    return names - refused - NOT_AWAITED


@pytest.mark.parametrize(("blocks", "awaits"), PAIRS)
def test_each_blocking_method_has_an_awaiting_counterpart(
    blocks: type[object], awaits: type[object]
) -> None:
    # Where the awaiting half has a blocking spelling, it refuses and names the awaiting one.
    assert {SPELLINGS.get(name, name) for name in public(blocks)} == public(awaits) - {*SPELLINGS}


# What an annotation holds in the awaiting half alone.
AWAITED = r"Async| \| Awaitable\[str\]"


def signature(function: Callable[..., object]) -> tuple[object, ...]:
    """A signature, as if it did not await."""
    told = inspect.signature(function)
    parameters = [
        (each.name, each.kind, each.default, re.sub(AWAITED, "", str(each.annotation)))
        for each in told.parameters.values()
    ]
    return parameters, re.sub(r"\bAsync", "", str(told.return_annotation))


def signatures(value: object) -> list[tuple[object, ...]]:
    function = cast("Callable[..., object]", value.fget if isinstance(value, property) else value)
    return [signature(each) for each in (function, *typing.get_overloads(function))]


@pytest.mark.parametrize(("blocks", "awaits"), PAIRS)
def test_counterparts_have_the_same_signatures(blocks: type[object], awaits: type[object]) -> None:
    for name in sorted(public(blocks) - OF_PYTHON):
        mine, twin = getattr(blocks, name), getattr(awaits, SPELLINGS.get(name, name))
        assert signatures(mine) == signatures(twin), name
    assert signature(blocks)[0] == signature(awaits)[0]


def test_both_halves_have_the_same_calls_to_compare() -> None:
    assert [*CALLS] == sorted(name for name in vars(Awaiting) if name.startswith("call_"))


def told_by(one: AnyRun) -> dict[str, object]:
    """All that a run tells without a request."""
    held = ((name, getattr(RunBase, name)) for name in dir(RunBase))
    names = [name for name, each in held if isinstance(each, property) and name != "username"]
    return {name: as_plain_data(getattr(one, name)) for name in names if not name.startswith("_")}


def as_plain_data(value: object) -> object:
    """A value that can be compared: a frame by what it holds, a run by what it tells."""
    if isinstance(value, pd.DataFrame):
        return "pandas", value.dtypes.astype(str).to_dict(), value.to_json(date_format="iso")
    if isinstance(value, pl.DataFrame):
        return "polars", dict(value.schema), repr(value.rows())
    if isinstance(value, RunBase):
        return told_by(cast("AnyRun", value))
    if isinstance(value, SweepBase):
        return value.path, value.url, value.state, value.config, value.order, value.created_at
    if isinstance(value, (list, tuple)):
        return [as_plain_data(each) for each in cast("list[object]", value)]
    return value


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("to", ["default", "pandas", "polars"])
@pytest.mark.parametrize("name", CALLS)
def test_both_halves_return_the_same(
    sample_server: LocalServer, name: str, to: To, backend: str
) -> None:
    async def ask() -> object:
        async with AsyncApi(base_url=sample_server.url, api_key="k" * 40) as api:
            return await getattr(Awaiting(api, to), name)()

    with Api(base_url=sample_server.url, api_key="k" * 40) as api:
        blocking = as_plain_data(getattr(Blocking(api, to), name)())
    assert as_plain_data(anyio.run(ask, backend=backend)) == blocking
    assert blocking


class Recorder:
    """Sends to a real server, and keeps what was sent and how much of it at once."""

    def __init__(self, inner: AsyncHttpTransport) -> None:
        self.inner = inner
        self.sent: list[str] = []
        self.under_way = 0
        self.most = 0

    async def send(self, request: Request, /) -> Response:
        self.sent.append(request.content.decode())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await self.inner.send(request)
        finally:
            self.under_way -= 1


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def recorded(server: LocalServer) -> tuple[AsyncApi, Recorder]:
    recorder = Recorder(AsyncHttpTransport(server.url))
    return AsyncApi(base_url=server.url, api_key="k", transport=recorder), recorder


def test_a_loop_that_ends_early_sends_no_more_requests(
    wandb_server: LocalServer, many: str, backend: str
) -> None:
    async def check() -> None:
        api, recorder = recorded(wandb_server)
        async for _ in api.runs(many, per_page=10):
            break
        assert len(recorder.sent) == 1
        await recorder.inner.aclose()

    anyio.run(check, backend=backend)


def test_batches_are_requested_concurrently_within_the_limit(
    wandb_server: LocalServer, many: str, backend: str
) -> None:
    async def check() -> None:
        api, recorder = recorded(wandb_server)

        async def read() -> None:
            await api.runs(many, per_page=3).histories(keys=["loss"])

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(read)
        assert recorder.most == 4
        await recorder.inner.aclose()

    anyio.run(check, backend=backend)


@OVER_HTTP
@given(st.lists(st.booleans(), max_size=12), st.integers(1, 20), st.sampled_from(BACKENDS))
def test_a_loop_continues_after_an_error_without_loss_or_repeat(
    wandb_server: LocalServer, many: str, fails: list[bool], per_page: int, backend: str
) -> None:
    async def read() -> list[str]:
        ids: list[str] = []
        async with AsyncApi(base_url=wandb_server.url, api_key="k", max_retries=0) as api:
            loop = aiter(api.runs(many, per_page=per_page))
            while True:
                try:
                    ids.append((await anext(loop)).id)
                except BadResponseError as error:
                    loop = aiter(api.runs(many, per_page=per_page, checkpoint=error.checkpoint))
                except StopAsyncIteration:
                    return ids

    with wandb_server.fail(*(Html(200) if each else None for each in fails)):
        ids = anyio.run(read, backend=backend)
    assert len(ids) == len(set(ids)) == MANY


@OVER_HTTP
@given(st.lists(st.floats(0, 0.02), max_size=8), st.integers(4, 20), st.sampled_from(BACKENDS))
def test_a_loop_continues_where_it_was_cancelled(
    wandb_server: LocalServer, many: str, patience: list[float], per_page: int, backend: str
) -> None:
    async def read() -> tuple[list[str], list[str]]:
        async with AsyncApi(base_url=wandb_server.url, api_key="k") as api:
            runs = api.runs(many, per_page=per_page)
            loop, pages = aiter(runs), runs.pages()
            ids: list[str] = []
            paged: list[str] = []
            for seconds in patience:
                with anyio.move_on_after(seconds), suppress(StopAsyncIteration):
                    while True:
                        ids.append((await anext(loop)).id)
                        paged += [run.id for run in await anext(pages)]
            ids += [run.id async for run in loop]
            paged += [run.id for page in await gather(pages) for run in page]
            return ids, paged

    with wandb_server.fail_always(Slow(0.002)):
        ids, paged = anyio.run(read, backend=backend)
    assert len(ids) == len(set(ids)) == MANY
    assert len(paged) == len(set(paged)) == MANY


@OVER_HTTP
@given(st.lists(st.none() | st.integers(0, 15), max_size=12), st.integers(1, 20))
def test_batches_continue_where_asyncio_cancelled_them(
    wandb_server: LocalServer, api: Api, many: str, cancels: list[int | None], per_page: int
) -> None:
    async def read() -> list[Row]:
        due = [*cancels]
        tasks: list[asyncio.Task[list[Row]]] = []

        def cancel(turns: int) -> None:
            # A few turns of the loop later what has come is put together in a thread, which
            # nothing stops.
            if turns:
                asyncio.get_running_loop().call_soon(cancel, turns - 1)
            else:
                tasks[-1].cancel()

        def tell(_: Progress) -> None:
            if due and (turns := due.pop()) is not None:
                cancel(turns)

        async with AsyncApi(base_url=wandb_server.url, api_key="k") as awaiting:
            runs = awaiting.runs(many, per_page=per_page)
            batches = runs.iter_histories(keys=["loss"], progress=tell)

            async def take() -> list[Row]:
                return await anext(batches)

            rows: list[Row] = []
            while True:
                tasks.append(asyncio.create_task(take()))
                try:
                    rows += await tasks[-1]
                except asyncio.CancelledError:
                    continue
                except StopAsyncIteration:
                    return rows

    assert asyncio.run(read()) == api.runs(many).histories(keys=["loss"])


def test_tasks_share_a_listing(wandb_server: LocalServer, many: str, backend: str) -> None:
    async def check() -> None:
        api, recorder = recorded(wandb_server)
        runs = api.runs(many, per_page=5)
        seen: list[list[str]] = []

        async def read() -> None:
            seen.append([run.id async for run in runs])

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(read)
        assert all(ids == seen[0] for ids in seen)
        assert len(seen[0]) == MANY
        assert len(recorder.sent) == 10
        await recorder.inner.aclose()

    anyio.run(check, backend=backend)


@OVER_HTTP
@given(
    st.integers(1, 20),
    st.integers(2, 6),
    st.lists(st.booleans(), max_size=12),
    st.sampled_from(BACKENDS),
)
def test_tasks_share_an_iterator_and_each_item_goes_to_one(
    wandb_server: LocalServer,
    api: Api,
    many: str,
    per_page: int,
    workers: int,
    fails: list[bool],
    backend: str,
) -> None:
    async def share(source: AsyncIterator[T]) -> list[T]:
        taken: list[T] = []

        async def work() -> None:
            while True:
                try:
                    taken.append(await anext(source))
                except BadResponseError:
                    continue
                except StopAsyncIteration:
                    return
                await checkpoint()

        async with anyio.create_task_group() as tasks:
            for _ in range(workers):
                tasks.start_soon(work)
        return taken

    async def check() -> None:
        async with AsyncApi(base_url=wandb_server.url, api_key="k", max_retries=0) as awaiting:
            runs = [run.id for run in await share(aiter(awaiting.runs(many, per_page=per_page)))]
            pages = await share(awaiting.runs(many, per_page=per_page).pages())
            paged = [run.id for page in pages for run in page]
            listing = awaiting.runs(many, per_page=per_page)
            batches = await share(listing.iter_histories(keys=["loss"]))
        for ids in (runs, paged):
            assert len(ids) == len(set(ids)) == MANY
        rows = [(str(row["run_id"]), str(row["_step"])) for batch in batches for row in batch]
        assert len(rows) == len(set(rows)) == logged

    logged = len(api.runs(many).histories(keys=["loss"]))
    with wandb_server.fail(*(Html(200) if each else None for each in fails)):
        anyio.run(check, backend=backend)


def test_a_listing_continues_in_another_event_loop(wandb_server: LocalServer, many: str) -> None:
    api = AsyncApi(base_url=wandb_server.url, api_key="k")
    runs = api.runs(many, per_page=4)
    loop, pages = aiter(runs), runs.pages()
    ids: list[str] = []
    paged: list[str] = []

    async def take() -> None:
        ids.extend([(await anext(loop)).id for _ in range(7)])
        paged.extend([run.id for run in await anext(pages)])

    for backend in BACKENDS * 2:
        anyio.run(take, backend=backend)
    assert ids == paged[: len(ids)] + ids[len(paged) :]
    assert len(ids) == len(set(ids)) == 28
    assert len(paged) == len(set(paged)) == 16


def test_checkpoints_work_in_both_halves(
    wandb_server: LocalServer, api: Api, many: str, backend: str
) -> None:
    async def check() -> None:
        async with AsyncApi(base_url=wandb_server.url, api_key="k") as awaiting:
            loop = iter(api.runs(many, per_page=4))
            ids = [next(loop).id for _ in range(10)]
            further = aiter(awaiting.runs(many, per_page=4, checkpoint=loop.checkpoint()))
            ids += [(await anext(further)).id for _ in range(10)]
            last = api.runs(many, per_page=4, checkpoint=further.checkpoint())
            assert ids + [run.id for run in last] == [run.id for run in api.runs(many)]

    anyio.run(check, backend=backend)


def test_one_api_serves_several_event_loops(wandb_server: LocalServer, many: str) -> None:
    api = AsyncApi(base_url=wandb_server.url, api_key="k")

    async def count() -> int:
        return len(await gather(api.runs(many)))

    assert [anyio.run(count, backend=each) for each in BACKENDS * 2] == [MANY] * 4


def test_the_truth_value_of_async_runs_is_refused(wandb_server: LocalServer, many: str) -> None:
    runs = AsyncApi(base_url=wandb_server.url, api_key="k").runs(many)
    with pytest.raises(TypeError, match=r"await runs\.length"):
        bool(runs)


SEQUENCE_USES: list[tuple[Callable[[Any], object], str]] = [
    (lambda runs: runs[0], r"await runs\.get\(0\)"),
    (lambda runs: runs[1:5], r"await runs\.get\(slice\(1, 5\)\)"),
    (lambda runs: runs[:-5:2], r"await runs\.get\(slice\(None, -5, 2\)\)"),
    (len, r"await runs\.length\(\)"),
    (lambda runs: "r1" in runs, r"await runs\.contains\(run\)"),
    (list, r"async for run in runs"),
    (lambda runs: [*runs], r"async for run in runs"),
    (reversed, r"reversed\(await runs\.get\(slice\(None\)\)\)"),
    (pd.DataFrame, r"await runs\.to_pandas\(\)"),
    (pl.DataFrame, r"await runs\.to_pandas\(\)"),
    (np.array, r"await runs\.to_pandas\(\)"),
]


@pytest.mark.parametrize(("use", "message"), SEQUENCE_USES)
def test_what_takes_a_request_is_named_as_it_is_awaited(
    wandb_server: LocalServer, use: Callable[[Any], object], message: str
) -> None:
    wandb_server.clear_operations()
    with pytest.raises(TypeError, match=message):
        use(AsyncApi(base_url=wandb_server.url, api_key="k").runs("team/many"))
    assert wandb_server.operations == ()


def test_the_calls_that_messages_name_are_there(wandb_server: LocalServer, many: str) -> None:
    async def call() -> None:
        async with AsyncApi(base_url=wandb_server.url, api_key="k") as api:
            runs = api.runs(many)
            run = await runs.get(0)
            assert await runs.contains(run)
            assert await runs.length() == len(await runs.get(slice(None))) == MANY
            assert len(await runs.to_pandas()) == MANY

    anyio.run(call)

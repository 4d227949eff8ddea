"""A listing without a run, of which the server counted some, is an error and no empty result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
import pytest
from support.ways import each_way
from typing_extensions import override

from wandb_runs import Api, AsyncApi, BadResponseError
from wandb_runs.local.pages import Page
from wandb_runs.testing import LocalServer, delete_run, log_run
from wandb_runs.testing.paging import PageFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Sized

    from wandb_runs import AsyncRuns, Runs
    from wandb_runs.local.faults import Reading
    from wandb_runs.local.nodes import Run
    from wandb_runs.local.pages import PageRequest

RUNS: Final = 6
PATH: Final = "team/counted"


@dataclass(frozen=True)
class NoRuns(PageFault):
    """A page without a run, and none to follow."""

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        return Page([], None, has_next_page=False)


@pytest.fixture(scope="module")
def own_server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def server(own_server: LocalServer) -> LocalServer:
    own_server.reset()
    for number in range(RUNS):
        log_run(
            own_server,
            "team",
            "counted",
            f"r{number}",
            config={"lr": number},
            history=[{"loss": 1.0}],
        )
    own_server.clear_operations()
    return own_server


async def gather(items: AsyncIterable[object]) -> list[object]:
    return [item async for item in items]


BLOCKING: Final[dict[str, Callable[[Runs], Sized]]] = {
    "loop": lambda runs: [*runs],
    "pages": lambda runs: [*runs.pages()],
    "slice": lambda runs: runs[:2],
    "reversed": lambda runs: [*reversed(runs)],
    "histories": lambda runs: runs.histories(keys=["loss"]),
    "polars": lambda runs: runs.histories(keys=["loss"], format="polars"),
    "iter_histories": lambda runs: [*runs.iter_histories()],
    "machine": lambda runs: runs.histories(stream="system"),
    "configs": lambda runs: runs.configs(),
    "summaries": lambda runs: runs.summaries(["loss"]),
    "best": lambda runs: runs.best("loss"),
    "table": lambda runs: runs.table(),
    "some of a table": lambda runs: runs.table(summary=["loss"]),
}

AWAITING: Final[dict[str, Callable[[AsyncRuns], Awaitable[Sized]]]] = {
    "loop": gather,
    "pages": lambda runs: gather(runs.pages()),
    "slice": lambda runs: runs.get(slice(2)),
    "reversed": lambda runs: runs.get(slice(None, None, -1)),
    "histories": lambda runs: runs.histories(keys=["loss"]),
    "polars": lambda runs: runs.histories(keys=["loss"], format="polars"),
    "iter_histories": lambda runs: gather(runs.iter_histories()),
    "machine": lambda runs: runs.histories(stream="system"),
    "configs": lambda runs: runs.configs(),
    "summaries": lambda runs: runs.summaries(["loss"]),
    "best": lambda runs: runs.best("loss"),
    "table": lambda runs: runs.table(),
    "some of a table": lambda runs: runs.table(summary=["loss"]),
}


def read_counted(
    server: LocalServer, way: str, reading: str, meanwhile: Callable[[], object]
) -> tuple[list[int], list[str]]:
    """How many items a reading gives when runs were counted, and the errors.

    It meets a page without a run, then none; the count is between.
    """
    sizes: list[int] = []
    errors: list[str] = []

    async def read_async() -> None:
        async with AsyncApi(base_url=server.url, api_key="k" * 40) as api:
            runs = api.runs(PATH)
            sizes.append(await runs.length())
            meanwhile()
            with server.fail(NoRuns()):
                try:
                    sizes.append(len(await AWAITING[reading](runs)))
                except BadResponseError as error:
                    errors.append(str(error))
            sizes.append(await runs.length())
            sizes.append(len(await AWAITING[reading](runs)))

    if way != "sync":
        anyio.run(read_async, backend=way)
        return sizes, errors
    with Api(base_url=server.url, api_key="k" * 40) as api:
        runs = api.runs(PATH)
        sizes.append(len(runs))
        meanwhile()
        with server.fail(NoRuns()):
            try:
                sizes.append(len(BLOCKING[reading](runs)))
            except BadResponseError as error:
                errors.append(str(error))
        sizes.append(len(runs))
        sizes.append(len(BLOCKING[reading](runs)))
    return sizes, errors


@each_way
@pytest.mark.parametrize("reading", [*BLOCKING])
def test_no_run_where_some_were_counted_is_an_error(
    server: LocalServer, way: str, reading: str
) -> None:
    sizes, [error] = read_counted(server, way, reading, lambda: None)
    assert "the server counts 6 runs and gives none; try again" in error
    # The next call reads what is there.
    size = {"pages": 1, "slice": 2, "iter_histories": 1, "machine": 0}.get(reading, RUNS)
    assert sizes == [RUNS, RUNS, size]
    assert server.operations.count("CountRuns") == 2  # they may have been deleted meanwhile


@each_way
@pytest.mark.parametrize("reading", [*BLOCKING])
def test_runs_that_were_deleted_since_they_were_counted_are_none(
    server: LocalServer, way: str, reading: str
) -> None:
    def delete() -> None:
        for number in range(RUNS):
            delete_run(server, "team", "counted", f"r{number}")

    assert read_counted(server, way, reading, delete) == ([RUNS, 0, 0, 0], [])
    assert server.operations.count("CountRuns") == 2


def test_a_list_of_runs_is_not_empty_where_some_were_counted(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key="k" * 40) as api:
        runs = api.runs(PATH)
        with server.fail(NoRuns()), pytest.raises(BadResponseError, match="counts 6 runs"):
            list(runs)
        assert len(list(runs)) == len(runs) == RUNS


@pytest.mark.parametrize("reading", [*BLOCKING])
def test_nothing_that_is_asked_for_is_no_error(server: LocalServer, reading: str) -> None:
    with Api(base_url=server.url, api_key="k" * 40) as api:
        loop = iter(api.runs(PATH))
        assert len([*loop]) == RUNS
        for runs in (api.runs(PATH, checkpoint=loop.checkpoint()), api.runs(PATH, limit=0)):
            assert len(runs) == 0
            assert len(BLOCKING[reading](runs)) == 0
    assert server.operations.count("CountRuns") == 1


def test_a_page_without_a_run_behind_others_is_no_error(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key="k" * 40) as api:
        runs = api.runs(PATH, per_page=RUNS - 1)
        assert len(runs) == RUNS
        assert len(runs[: RUNS - 1]) == RUNS - 1
        delete_run(server, "team", "counted", f"r{RUNS - 1}")
        assert len([*runs]) == RUNS - 1
    assert server.operations.count("CountRuns") == 1

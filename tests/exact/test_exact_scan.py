"""`scan_history` gives every row once, whatever of the history is in files, and what changes."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ways import each_backend
from typing_extensions import override

from wandb_runs import Api, AsyncApi, EmptyJoinWarning
from wandb_runs.local.ids import new_id
from wandb_runs.testing import Fault, LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wandb_runs import JSONValue
    from wandb_runs.local.faults import Answering
    from wandb_runs.testing import Answer, GraphQLRequest

    Rows: TypeAlias = list[dict[str, JSONValue]]

KEY: Final = "k" * 40
FILE_ROWS: Final = 4


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[bool, LocalServer]]:
    """A server that writes files, and one that writes none."""
    with ExitStack() as stack:
        yield {
            exports: stack.enter_context(LocalServer(exports=exports, export_rows=FILE_ROWS))
            for exports in (True, False)
        }


values: Final[Mapping[str, st.SearchStrategy[JSONValue]]] = {
    "a": st.integers(-3, 3),
    "b": st.floats(width=16, allow_nan=False),
    "c": st.sampled_from(["x", "NaN", "ü"]),
    "d": cast(
        "st.SearchStrategy[JSONValue]",
        st.fixed_dictionaries({"x": st.integers(0, 3)}, optional={"y.z": st.booleans()}),
    ),
    "d.x": st.integers(0, 3),
}
histories: Final = st.lists(st.integers(0, 9), max_size=14).flatmap(
    lambda steps: st.tuples(
        *(
            st.fixed_dictionaries({"_step": st.just(step)}, optional=values)
            for step in sorted(steps)
        )
    )
)
keys: Final = st.none() | st.lists(
    st.sampled_from(["a", "b", "c", "d", "d.x", "d.y.z", "_step"]), min_size=1, max_size=2
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    histories, keys, st.integers(1, 9), st.integers(0, 9), st.none() | st.integers(0, 9),
    st.sampled_from([0, None]),
)  # fmt: skip
def test_a_scan_gives_the_same_rows_from_files_as_by_steps(
    servers: Mapping[bool, LocalServer],
    history: Sequence[Mapping[str, JSONValue]],
    chosen: list[str] | None,
    page_size: int,
    first: int,
    width: int | None,
    exit_code: int | None,
) -> None:
    name = new_id()
    last = None if width is None else first + width
    read: list[tuple[Rows, list[str]]] = []
    for server in servers.values():
        log_run(server, "team", "scans", name, history=history, exit_code=exit_code)
        with Api(base_url=server.url, api_key=KEY) as api:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                scan = api.run(f"team/scans/{name}").scan_history(chosen, page_size, first, last)
                rows = [*scan]
            read.append((rows, [str(each.message) for each in told]))
    in_files, by_steps = read
    assert in_files == by_steps
    if chosen is None:
        assert [row["_step"] for row in in_files[0]] == [
            step for row in history if first <= (step := int(str(row["_step"])))
            and (last is None or step < last)
        ]  # fmt: skip


ROWS: Final[Sequence[Mapping[str, JSONValue]]] = [
    {"_step": number // 2, "n": number} for number in range(24)
]


@dataclass(frozen=True)
class Meanwhile(Fault):
    """Something happens on the server when a request comes, before it is answered or after."""

    happens: Callable[[], object]
    is_after: bool = False
    done: list[None] = field(default_factory=list[None])

    @override
    def strike(self, request: GraphQLRequest, answer: Answering, /) -> Answer:
        if not self.is_after:
            self.happens()
        answered = answer(request)
        if self.is_after:
            self.happens()
        self.done.append(None)
        return answered


@pytest.mark.parametrize("operation", ["ScanHistory", "GetParquetHistory"])
@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("page_size", [1, 3, 1000])
def test_rows_that_go_into_files_while_they_are_scanned_come_once(
    servers: Mapping[bool, LocalServer], operation: str, is_after: bool, page_size: int
) -> None:
    server, name = servers[True], new_id()
    log_run(server, "team", "moving", name, history=ROWS[:22], exit_code=None)
    fault = Meanwhile(
        lambda: log_run(server, "team", "moving", name, history=ROWS[22:], exit_code=0), is_after
    )
    with Api(base_url=server.url, api_key=KEY) as api:
        run = api.run(f"team/moving/{name}")
        with server.fail(fault, operation=operation):
            found = [row["n"] for row in run.scan_history(page_size=page_size)]
            assert fault.done
    assert found[:22] == [*range(22)]
    assert found[22:] in ([], [22, 23])


def test_a_history_that_always_moves_is_read_once(servers: Mapping[bool, LocalServer]) -> None:
    server, name = servers[True], new_id()
    log_run(server, "team", "growing", name, history=ROWS[:9], exit_code=None)

    def grow() -> None:
        first = 100 * (len(fault.done) + 1)
        rows = [{"_step": first + step, "n": step} for step in range(9)]
        log_run(server, "team", "growing", name, history=rows, exit_code=None)

    fault = Meanwhile(grow)
    with Api(base_url=server.url, api_key=KEY) as api:
        run = api.run(f"team/growing/{name}")
        with server.fail(*[fault] * 20, operation="ScanHistory"):
            steps = [int(str(row["_step"])) for row in run.scan_history()]
        whole = [row["_step"] for row in run.scan_history()]
    assert len(fault.done) > 1
    assert steps == whole[: len(steps)]
    assert len(steps) >= 9


def test_a_scan_by_files_asks_for_the_files_and_little_of_what_is_not_wanted(
    servers: Mapping[bool, LocalServer],
) -> None:
    server, name = servers[True], new_id()
    log_run(server, "team", "pruned", name, history=ROWS)
    with Api(base_url=server.url, api_key=KEY) as api:
        run = api.run(f"team/pruned/{name}")
        server.clear_operations()
        assert [row["n"] for row in run.scan_history(["n"], 1, 3, 5)] == [6, 7, 8, 9]
        assert server.operations == ("GetParquetHistory",)


@each_backend
def test_keys_logged_apart_are_told_by_scans_of_files(
    servers: Mapping[bool, LocalServer], backend: str
) -> None:
    server, name = servers[True], new_id()
    log_run(server, "team", "apart", name, history=[{"a": 1}, {"b": {"c": 2}}])

    async def read() -> list[object]:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            run = await api.run(f"team/apart/{name}")
            with pytest.warns(EmptyJoinWarning):
                return [row async for row in run.scan_history(["a", "b.c"])]

    assert anyio.run(read, backend=backend) == []

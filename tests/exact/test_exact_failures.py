"""What fails while every row is read is named, and leaves the rest; what changes is read anew."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, cast

import anyio
import pytest
from support.exports import OfRun
from support.ways import each_way
from typing_extensions import override

from wandb_runs import Api, AsyncApi, DriftWarning, HistoriesError
from wandb_runs.local.ids import new_id
from wandb_runs.testing import Answer, Fault, LocalServer, Status, Truncate, delete_run, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from wandb_runs import JSONValue
    from wandb_runs.local.faults import Answering
    from wandb_runs.testing import GraphQLRequest

pytest.importorskip("pyarrow")

Row: TypeAlias = "dict[str, JSONValue]"

KEY: Final = "k" * 40
ROWS: Final[Sequence[Row]] = [{"_step": number // 2, "n": number} for number in range(24)]
RUNS: Final = ("r0", "r1", "r2", "r3")
BAD: Final = "r1"
RANGES: Final = "ScanHistory"
CHECK: Final = "GetParquetHistory"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server that writes files of a few rows."""
    with LocalServer(export_rows=4) as server:
        yield server


@dataclass(frozen=True)
class Meanwhile(Fault):
    """Something happens on the server before a request is answered, or after."""

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


def log_runs(server: LocalServer, project: str, going_on: str = "") -> str:
    for run_id in RUNS:
        exit_code = None if run_id == going_on else 0
        log_run(server, "team", project, run_id, history=ROWS, exit_code=exit_code)
    return f"team/{project}"


def numbers_of(rows: Iterable[Mapping[str, object]]) -> dict[str, list[object]]:
    """The logged numbers of each run, in order."""
    found: dict[str, list[object]] = {}
    for row in rows:
        found.setdefault(str(row["run_id"]), []).append(row["n"])
    return found


class Outcome(NamedTuple):
    """What reading gives.

    Attributes:
        numbers: The logged numbers of each run, in order.
        error: What was raised at the end.
        gone: The runs that a warning tells as gone.
    """

    numbers: Mapping[str, Sequence[object]]
    error: HistoriesError | None
    gone: list[str]


def outcome(
    way: str, server: LocalServer, path: str, how: str, on_error: Literal["raise", "skip"]
) -> Outcome:
    """Read by `histories` or `iter_histories`."""
    rows: list[Mapping[str, object]] = []

    def by_blocking() -> None:
        with Api(base_url=server.url, api_key=KEY) as api:
            runs = api.runs(path)
            if how == "histories":
                rows.extend(runs.histories(exact=True, on_error=on_error))
            else:
                for batch in runs.iter_histories(exact=True, on_error=on_error):
                    rows.extend(batch)

    async def by_awaiting() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            runs = api.runs(path)
            if how == "histories":
                rows.extend(await runs.histories(exact=True, on_error=on_error))
            else:
                async for batch in runs.iter_histories(exact=True, on_error=on_error):
                    rows.extend(batch)

    raised: HistoriesError | None = None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            if way == "sync":
                by_blocking()
            else:
                anyio.run(by_awaiting, backend=way)
        except HistoriesError as error:
            raised = error
            rows.extend(cast("list[Mapping[str, object]]", error.histories or []))
    drift = [each.message for each in told if isinstance(each.message, DriftWarning)]
    return Outcome(numbers_of(rows), raised, [run for each in drift for run in each.gone])


WHOLE: Final = {run_id: [*range(len(ROWS))] for run_id in RUNS}
REST: Final = {run_id: numbers for run_id, numbers in WHOLE.items() if run_id != BAD}

FAILURES: Final[Mapping[str, tuple[Fault, str]]] = {
    "gone": (Status(404), "it is gone"),
    "refused": (Status(403), "its address is refused"),
    "truncated": (Truncate(99, whole_http=True), "cannot be read"),
    "no Parquet": (Status(200, b"<html>" * 99), "cannot be read"),
}


@each_way
@pytest.mark.parametrize("how", ["histories", "iter_histories"])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_run_whose_file_fails_is_named_and_leaves_the_others_complete(
    server: LocalServer,
    way: str,
    how: str,
    failure: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = log_runs(server, new_id())
    fault, reason = FAILURES[failure]
    with server.fail_always(OfRun(BAD, fault), operation="a file"):
        found = outcome(way, server, path, how, "raise")
        skipped = outcome(way, server, path, how, "skip")
    assert found.error is not None
    assert found.error.errors.keys() == {BAD}
    assert reason in str(found.error.errors[BAD])
    assert BAD in found.error.message
    assert "fewer samples" not in found.error.message
    assert 'pass on_error="skip"' in found.error.message
    # Batches have been handed on.
    assert ("error.histories holds the rest" in found.error.message) == (how == "histories")
    assert found.numbers == skipped.numbers == REST
    assert skipped.error is None
    assert f"the histories of 1 run ({BAD})" in caplog.text
    assert outcome(way, server, path, how, "raise") == Outcome(WHOLE, None, [])


def test_errors_of_calls_without_a_choice_name_none(server: LocalServer) -> None:
    path = log_runs(server, new_id())
    with (
        server.fail_always(OfRun(BAD, Status(404)), operation="a file"),
        Api(base_url=server.url, api_key=KEY) as api,
        pytest.raises(HistoriesError) as caught,
    ):
        for _ in api.runs(path).arrow_batches(["n"]):
            pass
    assert "it is gone" in caught.value.message
    assert not any(
        each in caught.value.message for each in ("fewer samples", "on_error", "error.histories")
    )


@each_way
@pytest.mark.parametrize("number", [0, 2, 5])
def test_an_address_that_is_refused_once_is_asked_for_again(
    server: LocalServer, way: str, number: int
) -> None:
    path = log_runs(server, new_id())
    server.clear_operations()
    with server.fail(*[None] * number, Status(403), operation="a file"):
        found = outcome(way, server, path, "histories", "raise")
    assert found == Outcome(WHOLE, None, [])
    assert server.operations.count(CHECK) == 1


LATE: Final[Sequence[Row]] = [{"_step": 3, "n": 100}, {"_step": 50, "n": 101}]
"""A row among those of files, which are deleted, and one behind all others."""


@each_way
@pytest.mark.parametrize("operation", ["a file", RANGES, CHECK])
@pytest.mark.parametrize("is_after", [False, True])
def test_a_boundary_that_moves_between_two_reads_begins_again(
    server: LocalServer, way: str, operation: str, is_after: bool
) -> None:
    project = new_id()
    path = log_runs(server, project, going_on=BAD)

    def moves() -> None:
        log_run(server, "team", project, BAD, history=LATE, exit_code=None)

    fault = Meanwhile(moves, is_after)
    with server.fail(OfRun(BAD, fault) if operation == "a file" else fault, operation=operation):
        found = outcome(way, server, path, "histories", "raise")
    assert len(fault.done) == 1
    assert (found.error, found.gone) == (None, [])
    logged = [*range(8), 100, *range(8, 24), 101]
    # What was logged after the last request need not be seen.
    is_seen = not (operation == CHECK and is_after)
    assert found.numbers == {**WHOLE, BAD: logged if is_seen else WHOLE[BAD]}


def test_a_boundary_that_always_moves_is_a_failure_of_its_run(
    server: LocalServer,
) -> None:
    project = new_id()
    path = log_runs(server, project)
    log_run(server, "team", project, BAD, history=[{"_step": 50, "n": 24}], exit_code=None)

    def grow() -> None:
        first = 100 * (len(fault.done) + 1)
        rows: list[Row] = [{"_step": first + step, "n": step} for step in range(9)]
        log_run(server, "team", project, BAD, history=rows, exit_code=None)

    fault = Meanwhile(grow)
    with server.fail(*[fault] * 20, operation=RANGES):
        found = outcome("sync", server, path, "histories", "raise")
    assert len(fault.done) == 4
    assert found.error is not None
    assert found.error.errors.keys() == {BAD}
    assert "rows were written to files while they were read" in found.error.message
    assert found.numbers == REST


@each_way
@pytest.mark.parametrize("how", ["histories", "iter_histories"])
def test_a_run_that_is_deleted_meanwhile_is_gone_and_no_failure(
    server: LocalServer, way: str, how: str
) -> None:
    project = new_id()
    path = log_runs(server, project)
    fault = Meanwhile(lambda: delete_run(server, "team", project, BAD))
    with server.fail(OfRun(BAD, fault), operation="a file"):
        found = outcome(way, server, path, how, "raise")
    assert len(fault.done) == 1
    assert found == Outcome(REST, None, [BAD])

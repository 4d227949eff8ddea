"""Requests of `histories`, `configs` and `summaries`: few, concurrent, and reported as progress."""

from __future__ import annotations

import json
import math
import pickle
import threading
import weakref
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import replace
from itertools import count, islice
from typing import TYPE_CHECKING, Literal, cast

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.printable import is_plain

from wandb_runs import (
    Api,
    BadResponseError,
    EmptyJoinWarning,
    GraphQLError,
    InvalidArgumentError,
    Progress,
    Request,
    Response,
    Runs,
    SchemaError,
    UnknownMetricWarning,
)
from wandb_runs.bar import progress_bar
from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.testing import Html, LocalServer, log_run
from wandb_runs.transport.http import HttpTransport
from wandb_runs.transport.options import MAX_CONCURRENCY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs import Row
    from wandb_runs.graphql.scalars import JSONValue

RUNS = 41
OVER_HTTP = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Recorder:
    """Sends to a real server, and records requests; waits until `gather` of them are in flight."""

    def __init__(self, server: LocalServer, gather: int = 1) -> None:
        self.inner = HttpTransport(server.url)
        self.gather = threading.Barrier(gather)
        self.lock = threading.Lock()
        self.bodies: list[dict[str, dict[str, object]]] = []
        self.in_flight = 0
        self.most = 0

    def send(self, request: Request, /) -> Response:
        body = json.loads(request.content)
        with self.lock:
            self.bodies.append(body)
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
        try:
            if body["variables"].get("after") and not body["variables"].get("isCounted"):
                self.gather.wait(timeout=20)
            return self.inner.send(request)
        finally:
            with self.lock:
                self.in_flight -= 1

    @property
    def variables(self) -> list[dict[str, object]]:
        return [body["variables"] for body in self.bodies]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        for number in range(RUNS):
            log_run(
                server,
                "team",
                "requests",
                f"a{number:02}",
                config={"lr": number, "name": f"n{number}"},
                history=[{"loss": number + step / 4} for step in range(number % 4)],
            )
        yield server


@pytest.fixture
def recorder(server: LocalServer) -> Iterator[Recorder]:
    recorder = Recorder(server)
    yield recorder
    recorder.inner.close()


@pytest.fixture
def recorded(server: LocalServer, recorder: Recorder) -> Api:
    return Api(base_url=server.url, api_key="k", transport=recorder)


@pytest.fixture
def runs(server: LocalServer, recorder: Recorder) -> Runs:
    return listing(server, recorder)


def listing(server: LocalServer, recorder: Recorder, per_page: int = 4) -> Runs:
    api = Api(base_url=server.url, api_key="k", transport=recorder)
    return api.runs("team/requests", per_page=per_page)


def rows_of(number: int) -> list[Row]:
    return [
        {"_step": step, "loss": number + step / 4, "run_id": f"a{number:02}"}
        for step in range(number % 4)
    ]


EVERYTHING = [row for number in range(RUNS) for row in rows_of(number)]


@pytest.mark.parametrize("call", ["histories", "polars", "system", "configs", "summaries"])
def test_four_requests_are_concurrent_and_never_five(server: LocalServer, call: str) -> None:
    recorder = Recorder(server, MAX_CONCURRENCY)
    runs = listing(server, recorder, 5)  # nine pages: one, one with the count, seven
    len(runs)  # now the first is alone, and the other eight start together
    if call == "configs":
        assert len(runs.configs()) == RUNS
    elif call == "summaries":
        assert len(runs.summaries()) == RUNS
    elif call == "system":
        assert runs.histories(stream="system") == []
    elif call == "polars":
        assert runs.histories(keys=["loss"], format="polars").to_dicts() == EVERYTHING
    else:
        assert runs.histories(keys=["loss"]) == EVERYTHING
    assert len(recorder.bodies) == 1 + math.ceil(RUNS / 5)
    assert recorder.most == MAX_CONCURRENCY
    recorder.inner.close()


def test_listed_runs_are_requested_several_pages_at_once(server: LocalServer) -> None:
    recorder = Recorder(server)
    runs = listing(server, recorder, 5)
    list(runs)
    inner, gather, calls = recorder.send, threading.Barrier(MAX_CONCURRENCY), count()

    def held(request: Request, /) -> Response:
        if next(calls) < MAX_CONCURRENCY:
            gather.wait(timeout=20)
        return inner(request)

    recorder.send = held  # type: ignore[method-assign] # of this one recorder
    assert runs.histories(keys=["loss"]) == EVERYTHING
    assert recorder.most <= MAX_CONCURRENCY
    recorder.inner.close()


def test_concurrent_requests_have_the_context_of_the_caller(server: LocalServer) -> None:
    inner = HttpTransport(server.url)
    request_of: ContextVar[str] = ContextVar("request_of")
    seen: list[tuple[str, str]] = []

    class Noting:
        def send(self, request: Request, /) -> Response:
            seen.append((threading.current_thread().name, request_of.get("none")))
            return inner.send(request)

    request_of.set("this call")
    Api(base_url=server.url, api_key="k", transport=Noting()).runs(
        "team/requests", per_page=4
    ).configs()
    assert {name for _, name in seen} == {"this call"}
    assert len({thread for thread, _ in seen}) > 1
    inner.close()


def test_errors_in_the_middle_of_an_answer_are_raised(server: LocalServer) -> None:
    inner = HttpTransport(server.url)

    class AddsErrors:
        """Adds errors to the middle of an answer, far from its first and last bytes."""

        def send(self, request: Request, /) -> Response:
            response = inner.send(request)
            answer = json.loads(response.content)
            padding = "x" * 10_000
            answer = {"a": padding, **answer, "errors": [{"message": "half of it"}], "z": padding}
            return Response(200, {}, json.dumps(answer).encode())

    runs = Api(base_url=server.url, api_key="k", transport=AddsErrors()).runs("team/requests")
    with pytest.raises(GraphQLError, match="half of it"):
        list(runs)
    with pytest.raises(GraphQLError, match="half of it"):
        runs.histories(keys=["loss"])
    inner.close()


def test_the_count_is_part_of_the_second_page_request(recorder: Recorder, runs: Runs) -> None:
    runs.histories(keys=["loss"])
    assert len(recorder.bodies) == math.ceil(RUNS / 4)
    assert [sent.get("isCounted") for sent in recorder.variables[:3]] == [None, True, None]


def test_listed_runs_are_requested_by_id(
    server: LocalServer, recorder: Recorder, runs: Runs
) -> None:
    ids = [run.id for run in runs]
    recorder.bodies.clear()
    assert runs.histories(keys=["loss"]) == EVERYTHING
    requested = [json.loads(str(sent["filters"]))["name"]["$in"] for sent in recorder.variables]
    assert sorted(requested) == [ids[start : start + 4] for start in range(0, RUNS, 4)]
    assert not any("after" in sent for sent in recorder.variables)


def test_histories_of_listed_runs_leave_out_later_ones(recorder: Recorder) -> None:
    with LocalServer() as server:
        for number in range(3):
            log_run(server, "team", "requests", f"a{number}", history=[{"loss": number}])
        recorder.inner = HttpTransport(server.url)
        runs = listing(server, recorder)
        list(runs)
        log_run(server, "team", "requests", "later", history=[{"loss": 9}])
        assert [row["run_id"] for row in runs.histories(keys=["loss"])] == ["a0", "a1", "a2"]
        recorder.inner.close()


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")
@pytest.mark.parametrize(
    ("arguments", "per_page", "size"),
    [
        ({"samples": 500, "keys": ["a", "b", "c", "d", "e"]}, PER_PAGE, 50),
        ({"samples": 500, "keys": ["a", "b", "c", "d", "e"]}, 1000, 50),
        ({"samples": 500, "keys": ["a", "b", "c", "d", "e"]}, 7, 7),
        ({"samples": 10_000, "keys": ["a", "b", "c", "d", "e"]}, PER_PAGE, 2),
        ({"samples": 10**6, "keys": ["a"]}, PER_PAGE, 1),
        ({"samples": 1, "keys": ["a"]}, PER_PAGE, 1000),
        ({"samples": 1, "keys": ["a"]}, 60, 60),
        ({"samples": 1, "keys": ["a"]}, 50, 50),
        ({"samples": 500, "keys": ["a", "b"], "join": "outer"}, PER_PAGE, 75),
        ({"samples": 500}, PER_PAGE, 30),
    ],
)
def test_the_page_size_follows_from_samples_and_keys(
    server: LocalServer,
    recorder: Recorder,
    arguments: dict[str, object],
    per_page: int,
    size: int,
) -> None:
    listing(server, recorder, per_page).histories(**arguments)  # type: ignore[call-overload] # a table of arguments
    assert recorder.variables[0]["first"] == size


@OVER_HTTP
@given(st.integers(1, 50), st.booleans(), st.sampled_from(["histories", "iter", "configs"]))
def test_progress_counts_every_run_and_ends_at_the_total(
    server: LocalServer, recorder: Recorder, per_page: int, is_counted: bool, call: str
) -> None:
    recorder.bodies.clear()
    runs = listing(server, recorder, per_page)
    if is_counted:
        len(runs)
    reports: list[Progress] = []
    caller = threading.current_thread()

    def report(progress: Progress) -> None:
        assert threading.current_thread() is caller
        reports.append(progress)

    if call == "iter":
        assert [row for rows in runs.iter_histories(keys=["loss"], progress=report) for row in rows]
    elif call == "configs":
        runs.configs(["lr"], progress=report)
    else:
        runs.histories(keys=["loss"], progress=report)
    assert len(reports) == len(recorder.bodies) - is_counted
    assert reports[-1][:2] == (RUNS, RUNS)
    assert [each.runs for each in reports] == sorted(each.runs for each in reports)
    assert [each.bytes for each in reports] == sorted({each.bytes for each in reports})
    assert reports[-1].bytes > 1000
    if is_counted:
        assert {each.total for each in reports} == {RUNS}


def test_an_error_of_the_progress_callback_ends_the_call(recorder: Recorder, runs: Runs) -> None:
    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt(str(progress))

    with pytest.raises(KeyboardInterrupt):
        runs.histories(keys=["loss"], progress=stop)
    sent = len(recorder.bodies)
    assert sent <= 2  # the second page is requested before the first is read
    with pytest.raises(InvalidArgumentError, match="progress"):
        runs.histories(keys=["loss"], progress=True)  # type: ignore[call-overload] # wrong on purpose
    with pytest.raises(InvalidArgumentError, match="'with progress_bar"):
        runs.histories(keys=["loss"], progress=progress_bar())  # type: ignore[arg-type] # wrong on purpose
    assert len(recorder.bodies) == sent


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("status", [503, 504])
def test_no_request_is_sent_after_an_interrupt(
    server: LocalServer, kind: type[BaseException], status: int
) -> None:
    inner = HttpTransport(server.url)
    released = threading.Event()
    held = threading.Semaphore(0)
    sent: list[str] = []

    class HoldsFourRequests:
        """Answers three pages, and holds the next four, which then fail with `status`."""

        def send(self, request: Request, /) -> Response:
            sent.append(request.content.decode())
            if len(sent) < 4:
                return inner.send(request)
            held.release()
            if kind is KeyboardInterrupt:
                assert released.wait(20)
            return Response(status, {}, b"")

    def interrupt(progress: Progress) -> None:
        if progress.runs == 12:
            for _ in range(MAX_CONCURRENCY):
                assert held.acquire(timeout=20)
            raise kind

    api = Api(base_url=server.url, api_key="k", transport=HoldsFourRequests())
    with pytest.raises(kind):
        api.runs("team/requests", per_page=4).histories(keys=["loss"], progress=interrupt)
    # The interrupt was raised while four requests were held, without waiting for them.
    requests = len(sent)
    released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("wandb-runs_"):
            thread.join(20)
    assert len(sent) == requests
    assert not any(thread.name.startswith("wandb-runs_") for thread in threading.enumerate())
    inner.close()


@OVER_HTTP
@given(
    st.integers(1, 50),
    st.sampled_from(["default", "pandas", "polars"]),
    st.booleans(),
    st.none() | st.just(["loss"]),
)
def test_batches_have_the_rows_of_one_call(
    server: LocalServer,
    recorder: Recorder,
    per_page: int,
    to: Literal["default", "pandas", "polars"],
    is_listed: bool,
    keys: list[str] | None,
) -> None:
    runs = listing(server, recorder, per_page)
    if is_listed:
        list(runs)
    rows: list[Row] = []
    if to == "default":
        batches = list(runs.iter_histories(keys=keys))
        assert all(batches)
        rows = [row for batch in batches for row in batch]
    elif to == "pandas":
        for batch in runs.iter_histories(keys=keys, format="pandas"):
            assert len(batch)
            assert list(batch.columns) == [*batch.columns[:1], "loss", "run_id"]
            rows += [{str(k): v for k, v in row.items()} for row in batch.to_dict("records")]
    else:
        for frame in runs.iter_histories(keys=keys, format="polars"):
            assert frame.height
            rows += frame.to_dicts()
    assert rows == EVERYTHING


@OVER_HTTP
@given(st.lists(st.booleans(), min_size=1, max_size=30), st.booleans(), st.booleans())
def test_batches_resume_after_an_error_without_loss_or_repetition(
    server: LocalServer, fails: list[bool], is_frame: bool, is_part: bool
) -> None:
    api = Api(base_url=server.url, api_key="k", max_retries=0)
    runs = api.runs("team/requests", per_page=4, limit=RUNS if is_part else None)
    frames = runs.iter_histories(keys=["loss"], format="polars")
    lists = runs.iter_histories(keys=["loss"])
    rows: list[Row] = []
    errors = 0
    server.recover()
    with server.fail(*(Html(200) if each else None for each in fails)):
        while True:
            try:
                rows += next(frames).to_dicts() if is_frame else next(lists)
            except StopIteration:
                break
            except BadResponseError:
                errors += 1
        # A page that is read ahead, and fails, is read again when its turn comes.
        assert not errors or server.failed
        assert errors or not server.failed or is_part
    assert rows == EVERYTHING


def test_a_batch_that_cannot_be_converted_is_an_error_and_then_skipped(
    runs: Runs,
) -> None:
    batches = runs.iter_histories(keys=["loss"], format="polars", schema={"loss": pl.Int64})
    named: list[str] = []
    for _ in range(RUNS):
        try:
            next(batches)
        except SchemaError as error:
            named += error.run_ids
        except StopIteration:
            break
    assert named == list(dict.fromkeys(row["run_id"] for row in EVERYTHING))


def test_a_batch_is_freed_when_the_next_one_is_read(runs: Runs) -> None:
    earlier: list[weakref.ref[pl.DataFrame]] = []
    for frame in runs.iter_histories(keys=["loss"], format="polars"):
        assert not any(ref() is not None for ref in earlier)
        earlier.append(weakref.ref(frame))
        del frame
    assert len(earlier) > 8


@OVER_HTTP
@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.booleans(),
    st.sampled_from(["histories", "iter", "configs", "summaries"]),
)
def test_progress_never_decreases_where_prefetched_pages_are_dropped(
    server: LocalServer, per_page: int, given_at_once: int, is_counted: bool, call: str
) -> None:
    inner = HttpTransport(server.url)

    class OtherPageSize:
        """Changes the page size, so that prefetched pages are dropped."""

        def send(self, request: Request, /) -> Response:
            body = json.loads(request.content)
            if "first" in body["variables"]:
                body["variables"]["first"] = given_at_once
            return inner.send(replace(request, content=json.dumps(body).encode()))

    api = Api(base_url=server.url, api_key="k", transport=OtherPageSize())
    runs = api.runs("team/requests", per_page=per_page)
    if is_counted:
        len(runs)
    reports: list[Progress] = []
    if call == "histories":
        assert runs.histories(keys=["loss"], progress=reports.append) == EVERYTHING
    elif call == "iter":
        batches = runs.iter_histories(keys=["loss"], progress=reports.append)
        assert [row for batch in batches for row in batch] == EVERYTHING
    elif call == "configs":
        assert len(runs.configs(["lr"], progress=reports.append)) == RUNS
    else:
        assert len(runs.summaries(["loss"], progress=reports.append)) == RUNS
    assert reports[-1][:2] == (RUNS, RUNS)
    assert [each.runs for each in reports] == sorted(each.runs for each in reports)
    assert all(each.total is None or each.runs <= each.total for each in reports)
    assert [each.bytes for each in reports] == sorted({each.bytes for each in reports})
    inner.close()


def test_batches_are_requested_as_they_are_read(recorder: Recorder, runs: Runs) -> None:
    batches = runs.iter_histories(keys=["loss"])
    assert len(recorder.bodies) == 0
    next(batches)
    assert len(recorder.bodies) == 1
    next(batches)
    assert len(recorder.bodies) == 2
    next(batches)
    assert len(recorder.bodies) == 2 + 8
    with pytest.raises(InvalidArgumentError, match="samples"):
        runs.iter_histories(samples=0)


@pytest.mark.parametrize("to", ["pandas", "polars"])
def test_a_schema_gives_all_batches_the_same_columns(
    to: Literal["pandas", "polars"],
) -> None:
    with LocalServer() as server:
        for number, value in enumerate([1, 0.5, 2]):
            log_run(server, "team", "mixed", f"m{number}", history=[{"x": value, f"y{number}": 1}])
        runs = Api(base_url=server.url, api_key="k").runs("team/mixed", per_page=1)
        if to == "polars":
            untyped = list(runs.iter_histories(keys=["x"], format="polars"))
            assert [str(frame.schema["x"]) for frame in untyped] == ["Int64", "Float64", "Int64"]
            schema: dict[str, pl.DataType | type[pl.DataType]] = {"x": pl.Float32, "y1": pl.Int8()}
            fixed = list(runs.iter_histories(format="polars", schema=schema))
            dtypes = {"_step": pl.Int64, "x": pl.Float32, "y1": pl.Int8, "run_id": pl.String}
            assert [dict(frame.schema) for frame in fixed] == [dtypes] * 3
            assert pl.concat(fixed).rows() == [
                (0, 1.0, None, "m0"),
                (0, 0.5, 1, "m1"),
                (0, 2.0, None, "m2"),
            ]
        else:
            names = {"x": "float32", "y1": "Int8"}
            frames = list(runs.iter_histories(format="pandas", schema=names))
            columns = [["_step", "x", "y1", "run_id"]] * 3
            assert [list(frame.columns) for frame in frames] == columns
            assert [frame["x"].tolist() for frame in frames] == [[1.0], [0.5], [2.0]]
            assert {str(frame["x"].dtype) for frame in frames} == {"float32"}
            assert {str(frame["y1"].dtype) for frame in frames} == {"Int8"}


def test_a_value_that_does_not_fit_the_schema_is_an_error_with_its_runs(runs: Runs) -> None:
    with pytest.raises(SchemaError, match=r"'loss'.*'a01' to 'a03'.*Int64.*Float64") as caught:
        list(runs.iter_histories(keys=["loss"], format="polars", schema={"loss": pl.Int64}))
    assert caught.value.column == "loss"
    with pytest.raises(SchemaError, match="'loss'"):
        list(runs.iter_histories(keys=["loss"], format="pandas", schema={"loss": "int64"}))
    with pytest.raises(SchemaError, match="'run_id'"):
        list(runs.iter_histories(keys=["loss"], format="polars", schema={"run_id": pl.Float64}))


@pytest.fixture(scope="module")
def numbers(server: LocalServer) -> Runs:
    """Runs of one row each: a large integer, a small float, a large float."""
    for name, value in (("n0", 2**53 + 1), ("n1", 0.1), ("n2", 1e300)):
        log_run(server, "team", "numbers", name, history=[{"x": value}])
    return Api(base_url=server.url, api_key="k").runs("team/numbers", per_page=1)


@pytest.mark.parametrize(
    ("to", "dtype", "fits"),
    [
        ("polars", pl.Float64, 0),
        ("polars", pl.Float32, 2),
        ("polars", pl.Int64, 1),
        ("polars", pl.Decimal(10, 0), 0),
        ("polars", pl.Decimal, 0),
        ("polars", pl.Duration, 1),
        ("polars", pl.Boolean, 0),
        ("polars", pl.String, 0),
        ("polars", "json", 3),
        ("pandas", "float64", 0),
        ("pandas", "float32", 2),
        ("pandas", "int64", 1),
        ("pandas", "bool", 0),
        ("pandas", "string", 0),
        ("pandas", "json", 3),
    ],
)
def test_numbers_fit_a_schema_or_are_refused(
    numbers: Runs, to: Literal["pandas", "polars"], dtype: object, fits: int
) -> None:
    read = cast("Callable[..., Iterator[object]]", numbers.iter_histories)  # a table of dtypes
    batches = read(keys=["x"], format=to, schema={"x": dtype})
    assert len(list(islice(batches, fits))) == fits
    with nullcontext() if fits == 3 else pytest.raises(SchemaError, match=f"'n{fits}'") as caught:
        assert list(batches) == []
    if caught is not None:
        assert caught.value.column == "x"


def test_a_missing_metric_is_null_or_an_error(runs: Runs) -> None:
    for dtype in ("bool", "int64"):
        with pytest.raises(SchemaError, match=r"'absent'.*missing"):
            list(runs.iter_histories(format="pandas", schema={"absent": dtype}))
    (frame, *_) = runs.iter_histories(format="pandas", schema={"absent": "boolean"})
    assert frame["absent"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": "polars", "schema": {"los": pl.Int64}}, "'loss'"),
        ({"format": "polars", "schema": {"loss": "Int64"}}, "no dtype of polars"),
        ({"format": "pandas", "schema": {"loss": "flaot"}}, "no dtype of pandas"),
        ({"format": "polars", "schema": [("loss", pl.Int64)]}, "maps columns to dtypes"),
        ({"format": "polars", "schema": {1: pl.Int64}}, "column names are strings, not int 1"),
        ({"schema": {"loss": "int"}}, 'format="polars"'),
    ],
)
def test_a_wrong_schema_is_refused_before_a_request(
    recorder: Recorder, runs: Runs, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        runs.iter_histories(keys=["loss"], **arguments)  # type: ignore[call-overload] # wrong on purpose
    assert recorder.bodies == []


def test_runs_that_an_inner_join_leaves_empty_are_one_warning(recorder: Recorder) -> None:
    with LocalServer() as server:
        for number in range(6):
            rows: list[dict[str, object]] = [{"loss": 1}, {"val": 2}]
            if number == 3:
                rows = [{"loss": 1, "val": 2}]
            elif number == 4:
                rows = [{"loss": 1}]
            elif number == 5:
                rows = []
            log_run(server, "team", "requests", f"r{number}", history=rows)  # type: ignore[arg-type] # numbers
        recorder.inner = HttpTransport(server.url)
        runs = listing(server, recorder, 3)
        for to in ("default", "polars"):
            recorder.bodies.clear()
            with pytest.warns(
                EmptyJoinWarning, match=r"3 runs \(r0, r1, r2\).*\"outer\""
            ) as caught:
                assert len(runs.histories(keys=["loss", "val"], format=to)) == 1
            assert len(caught) == 1
            assert caught[0].filename == __file__
            # Two pages, and for each a request of its runs without rows, except for the run
            # without a history.
            filters = [json.loads(str(sent["filters"])) for sent in recorder.variables]
            assert {"name": {"$in": ["r0", "r1", "r2"]}} in filters
            assert {"name": {"$in": ["r4"]}} in filters
            assert len(filters) == 4
        with pytest.warns(EmptyJoinWarning) as caught:
            assert len(list(runs.iter_histories(keys=["loss", "val"], format="polars"))) == 1
        assert caught[0].filename == __file__
        assert len(runs.histories(keys=["loss", "val"], join="outer")) == 8
        recorder.inner.close()


@pytest.mark.parametrize("to", ["default", "pandas", "polars"])
@pytest.mark.parametrize("join", ["inner", "outer"])
def test_runs_whose_rows_lack_the_x_axis_are_named(
    recorder: Recorder, join: Literal["inner", "outer"], to: Literal["default", "pandas", "polars"]
) -> None:
    histories: dict[str, list[dict[str, JSONValue]]] = {
        "apart": [{"loss": 1}, {"epoch": 2}],
        "partly": [{"a": 1, "epoch": 1}, {"loss": 2}],
        "gather": [{"loss": 1, "a": 1, "epoch": 2}],
        "without": [{"loss": 1}],
        "none": [],
    }
    with LocalServer() as server:
        for run_id, history in histories.items():
            log_run(server, "team", "requests", run_id, history=history)
        recorder.inner = HttpTransport(server.url)
        runs = listing(server, recorder, 50)
        with pytest.warns(EmptyJoinWarning, match=r"2 runs \(apart, partly\).*'epoch'") as told:
            assert len(runs.histories(keys=["loss"], x_axis="epoch", join=join, format=to)) == 1
        assert [each.filename for each in told] == [__file__]
        batches = runs.iter_histories(keys=["loss"], x_axis="epoch", join=join, format=to)
        with pytest.warns(EmptyJoinWarning, match=r"2 runs \(apart, partly\)"):
            assert len(list(batches)) == 1
        if join == "outer":
            recorder.bodies.clear()
            with pytest.warns(EmptyJoinWarning, match=r"2 runs \(apart, partly\)"):
                assert len(runs.histories(keys=["loss", "a"], x_axis="epoch", join="outer")) == 2
            # One request for the page, and one for its runs that lack a column.
            assert len(recorder.variables) == 2
            recorder.bodies.clear()
            assert len(runs.histories(keys=["loss", "epoch"], join="outer")) == 6
            assert len(recorder.variables) == 1
        recorder.inner.close()


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@OVER_HTTP
@given(
    st.sampled_from(["list", "histories", "configs", "summaries"]),
    st.sampled_from([None, ["loss"], ["loss", "lr"]]),
    st.integers(1, 60),
    st.booleans(),
)
def test_an_explanation_equals_the_requests_sent(
    server: LocalServer,
    recorder: Recorder,
    call: Literal["list", "histories", "configs", "summaries"],
    keys: list[str] | None,
    per_page: int,
    is_listed: bool,
) -> None:
    runs = listing(server, recorder, per_page)
    if is_listed and call != "list":
        list(runs)
    else:
        len(runs)
    recorder.bodies.clear()
    if call == "list":
        explained = runs.explain()
    elif call == "histories":
        explained = runs.explain("histories", keys=keys, samples=7)
    else:
        explained = runs.explain(call, keys=keys)
    assert recorder.bodies == []
    if call == "list":
        list(runs)
    elif call == "histories":
        runs.histories(7, keys)
    elif call == "configs":
        runs.configs(keys)
    else:
        runs.summaries(keys)
    sent = [body for body in recorder.bodies if body["variables"].get("after") is None]
    explanation = {
        "query": explained.document,
        "variables": explained.variables,
        "operationName": explained.operation,
    }
    assert explanation in sent
    probes = [each for each in recorder.variables if '"samples": 1}' in str(each.get("specs"))]
    lookups = [
        body
        for body in recorder.bodies
        if str(body["operationName"]) in ("GetHistoryKeys", "ListFields", "ListKeys")
    ]
    assert len(recorder.bodies) - len(probes) - len(lookups) == explained.requests
    assert explained.document in str(explained)


def test_an_explanation_moves_no_cursor_whatever_it_quotes(recorded: Api) -> None:
    odd = "a\x9b\x85\u2028\u202e\x7fb"
    explained = recorded.runs("team/requests", {"config.lr": odd}, config_keys=[odd]).explain()
    lines = str(explained).split("\n")
    assert all(map(is_plain, lines))
    assert "\\u202e" in str(explained)


def test_a_limited_listing_is_explained_as_listed_first(recorder: Recorder, recorded: Api) -> None:
    part = recorded.runs("team/requests", limit=3)
    explained = part.explain("histories", keys=["loss"])
    assert (explained.is_listed_first, explained.variables["first"]) == (True, 3)
    assert "after the runs were listed" in str(explained)
    part.histories(keys=["loss"])
    names = [str(body["operationName"]) for body in recorder.bodies]
    assert names == ["ListRuns", "ListSampledHistories"]
    assert recorder.variables[0]["first"] == recorder.variables[1]["first"] == 3
    assert not part.explain("histories", keys=["loss"]).is_listed_first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keys": ["los"]}, r"'a\d\d'.*'los' \(did you mean 'loss'\?\)"),
        ({"keys": ["loss", "accuracy"]}, "no 'accuracy'"),
        ({"keys": ["loss"], "x_axis": "epo"}, "no 'epo'"),
        ({"keys": ["_timestam", "_runtime"]}, "no '_timestam'"),
    ],
)
def test_a_misspelt_metric_is_a_warning_where_no_run_has_a_row(
    recorder: Recorder, recorded: Api, arguments: dict[str, object], message: str
) -> None:
    # The first run has logged nothing, so its metrics are unknown.
    runs = recorded.runs("team/requests", order="+config.lr")
    with pytest.warns(UnknownMetricWarning, match=message) as warned:
        assert runs.histories(**arguments) == []  # type: ignore[call-overload] # a table of arguments
    assert [each.filename for each in warned] == [__file__]
    assert [str(body["operationName"]) for body in recorder.bodies].count("GetHistoryKeys") == 1
    warning = warned[0].message
    assert str(pickle.loads(pickle.dumps(warning))) == str(warning)


@pytest.mark.parametrize("to", ["default", "polars"])
def test_metrics_are_not_looked_up_where_no_run_has_logged(
    recorder: Recorder, recorded: Api, to: Literal["default", "polars"]
) -> None:
    new = recorded.runs("team/requests", {"config.lr": {"$in": [0, 4]}})
    assert len(new.histories(keys=["los"], format=to)) == 0
    assert [str(body["operationName"]) for body in recorder.bodies] == ["ListSampledHistories"]


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
def test_an_empty_listing_sends_no_request_for_histories(recorder: Recorder, recorded: Api) -> None:
    none = recorded.runs("team/requests", {"state": "no such state"})
    assert list(none) == []
    recorder.bodies.clear()
    explained = none.explain("histories", keys=["loss"])
    assert explained.requests == 0
    assert json.loads(str(explained.variables["filters"])) == {"state": "no such state"}
    assert none.histories(keys=["loss"]) == []
    assert recorder.bodies == []


def test_an_unknown_entity_is_left_out_of_an_explanation(
    server: LocalServer, recorder: Recorder
) -> None:
    api = Api(base_url=server.url, api_key="k", transport=recorder)
    explained = api.runs("requests").explain("histories", keys=["loss"])
    assert "entity" not in explained.variables
    assert explained.requests is None
    assert recorder.bodies == []


def test_an_explanation_without_a_count_tells_how_to_get_one(
    recorder: Recorder, runs: Runs
) -> None:
    explained = runs.explain("histories", keys=["loss"])
    assert explained.requests is None
    assert "one for each 4 runs; len(runs)" in str(explained)
    assert recorder.bodies == []
    with pytest.raises(InvalidArgumentError, match="did you mean 'histories'"):
        runs.explain("history")  # type: ignore[call-overload] # wrong on purpose
    with pytest.raises(InvalidArgumentError, match="'list' takes no keys"):
        runs.explain("list", keys=["loss"])  # type: ignore[call-overload] # wrong on purpose

"""A listing loses no run and gives none twice, while runs come, go and change their positions."""

from __future__ import annotations

import math
import os
import pickle
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from pydantic import BaseModel
from support.odd_filters import OddFilters, Refuses, nothing_created, without
from support.request_counts import requests_for

from wandb_runs import (
    Api,
    BadResponseError,
    DriftError,
    DriftWarning,
    InvalidArgumentError,
    Run,
    Runs,
    WandbRunsError,
)
from wandb_runs.graphql.flow import run_flow
from wandb_runs.pagination.listing import Listing, ListingPlan
from wandb_runs.pagination.page import Moved, Overlap, Page, PageRequest, Selection
from wandb_runs.pagination.paginator import source_of
from wandb_runs.pagination.sizes import PageSize
from wandb_runs.query.filters import filters_to_json
from wandb_runs.runs.iterators import RunPages
from wandb_runs.testing import (
    Churn,
    CycleCursors,
    EmptyPages,
    FakeClock,
    Html,
    LocalServer,
    NoCursor,
    NullData,
    NullEdges,
    OpaqueCursors,
    RateLimited,
    RepeatCursor,
    Reset,
    ShortPages,
    Status,
    Truncate,
    delete_run,
    log_run,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wandb_runs import Checkpoint, RetryingClient
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.testing import Fault

T = TypeVar("T")

ORDERS = [
    "+created_at",
    "-created_at",
    "+name",
    "-name",
    "+summary_metrics.loss",
    "-summary_metrics.loss",
    "-heartbeat_at",
    "+config.lr.value",
]
FILTERS: list[dict[str, object]] = [{}, {"state": "finished"}, {"summary_metrics.loss": {"$lt": 5}}]
FAULTS: list[Fault] = [
    Html(status=502),
    NullData(),
    RateLimited(after=0),
    RepeatCursor(),
    Reset(),
    Truncate(at=50),
]
LASTING: list[Fault | None] = [
    None,
    None,
    None,
    OpaqueCursors(),
    ShortPages(first=2),
    ShortPages(1),
    Refuses("createdAt", Status(400)),
    OddFilters(nothing_created),
    OddFilters(without("createdAt")),
]
LISTING = ["ListRuns", "ListRunIds"]
HOUR = 3600.0


class Lr(BaseModel):
    lr: float


class Clock:
    """The server's clock: now, or in the past, so that what was logged then is no change."""

    behind = 0.0

    def __call__(self) -> float:
        # Whole seconds, so that runs share the instants of their creation.
        return math.floor(time.time()) - self.behind


clock = Clock()


@pytest.fixture(scope="module")
def churned() -> Iterator[LocalServer]:
    with LocalServer(clock=clock) as server:
        yield server


def client_of(server: LocalServer, max_concurrency: int = 4) -> RetryingClient:
    return Api(
        base_url=server.url, api_key="k", clock=FakeClock(), max_concurrency=max_concurrency
    ).client


def members(server: LocalServer, project: str, filters: dict[str, object]) -> set[str]:
    """The ids of the runs that a filter selects, as one page of the server."""
    document = """query($project: String!, $filters: JSONString) {
      project(name: $project, entityName: "team") {
        runs(filters: $filters, first: 1000) { edges { node { name } } }
      }
    }"""
    variables = {"project": project, "filters": filters_to_json(filters) or "{}"}
    answer = httpx.post(f"{server.url}/graphql", json={"query": document, "variables": variables})
    project_read = answer.raise_for_status().json()["data"]["project"]
    if project_read is None:
        return set()
    return {edge["node"]["name"] for edge in project_read["runs"]["edges"]}


class Reader:
    """A loop over a listing, and the runs that it has to give.

    Attributes:
        read: The ids that it gave, in order.
        there: The ids that matched at each moment since it began, so that it must give them.
        is_done: Whether it came to its end.
        before: How many runs it gave before it was resumed last.
    """

    def __init__(self, make: Callable[[Checkpoint | None], Runs], *, by_page: bool) -> None:
        self.make = make
        self.by_page = by_page
        self.read: list[str] = []
        self.there: set[str] | None = None
        self.is_done = False
        self.resume(None)

    def resume(self, checkpoint: Checkpoint | None, *, by_page: bool | None = None) -> None:
        """List again from a checkpoint, as another process would."""
        if by_page is not None:
            self.by_page = by_page
        self.before = len(self.read)
        self.runs = self.make(checkpoint)
        self.loop = self.runs.pages() if self.by_page else iter(self.runs)

    def next_batch(self) -> list[Run]:
        if isinstance(self.loop, RunPages):
            return next(self.loop, None) or []
        return [*islice(self.loop, 1)]

    def take(self) -> None:
        """Read the next batch; an error has to carry the checkpoint of the loop."""
        try:
            came = self.next_batch()
        except WandbRunsError as error:
            stands = self.loop.checkpoint()
            assert error.checkpoint == stands  # noqa: PT017 - most steps raise nothing
            return
        self.is_done = not came
        again = {run.id for run in came}.intersection(self.read)
        assert not again, f"{again} came twice"
        self.read += [run.id for run in came]


NUMBERS = st.integers(0, 59)
"""Each stands for an item of any list of 1 to 6 items equally often."""


def chosen(items: Sequence[T], number: int) -> Sequence[T]:
    """The item that a number stands for; none of an empty list."""
    return [items[number % len(items)]] if items else []


class ProjectInMotion(RuleBasedStateMachine):
    """Runs are created, log, end and are deleted, and requests fail, while several loops read.

    Pages are requested by several threads, so that a run may be there or not when a rule comes to
    it. What a rule draws therefore depends on nothing of that: a number stands for one of those
    that there are.
    """

    server: LocalServer
    client: RetryingClient
    projects = count()

    @initialize(
        runs=st.integers(0, 14),
        order=st.sampled_from(ORDERS),
        filters=st.sampled_from(FILTERS),
        per_page=st.integers(1, 5),
        lasting=st.sampled_from(LASTING),
    )
    def begin(
        self,
        runs: int,
        order: str,
        filters: dict[str, object],
        per_page: int,
        lasting: Fault | None,
    ) -> None:
        self.project = f"motion{next(self.projects)}"
        self.order, self.filters, self.per_page = order, filters, per_page
        self.readers: list[Reader] = []
        self.alive: list[str] = []
        self.made = 0
        clock.behind = HOUR
        for number in range(runs):
            self.create(number % 7)
        clock.behind = 0
        self.server.recover()
        if lasting is not None:
            for operation in LISTING:
                self.server.fail_always(lasting, operation=operation)

    def create(self, loss: int) -> None:
        # Not in the order of their ids.
        run_id = f"{self.made * 7 % 10}r{self.made}"
        self.made += 1
        self.alive.append(run_id)
        self.log(run_id, loss)

    def log(self, run_id: str, loss: int, exit_code: int | None = 0) -> None:
        log_run(
            self.server,
            "team",
            self.project,
            run_id,
            config={"lr": loss},
            history=[{"loss": loss}],
            exit_code=exit_code,
        )

    def update_expected(self) -> None:
        """Drop the runs that no longer match from what each loop has to give."""
        there = members(self.server, self.project, self.filters)
        for reader in self.readers:
            if reader.there is not None:
                reader.there &= there

    @rule(loss=st.integers(0, 9))
    def a_run_is_created(self, loss: int) -> None:
        self.create(loss)
        self.update_expected()

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=6))
    def runs_are_deleted(self, numbers: list[int]) -> None:
        for run_id in [each for number in numbers for each in chosen(self.alive, number)]:
            if run_id not in self.alive:
                continue  # chosen twice
            self.alive.remove(run_id)
            delete_run(self.server, "team", self.project, run_id)
        self.update_expected()

    @rule(number=NUMBERS, loss=st.integers(0, 9), exit_code=st.sampled_from([None, 0, 1]))
    def a_run_logs(self, number: int, loss: int, exit_code: int | None) -> None:
        for run_id in chosen(self.alive, number):
            self.log(run_id, loss, exit_code)
        self.update_expected()

    @rule(by_page=st.booleans())
    def a_loop_begins(self, by_page: bool) -> None:
        if self.alive and len(self.readers) < 4:
            self.readers.append(Reader(self.listing, by_page=by_page))

    def listing(self, checkpoint: Checkpoint | None) -> Runs:
        return Runs(
            self.client,
            "team",
            self.project,
            self.filters,
            self.order,
            self.per_page,
            checkpoint=checkpoint,
        )

    @rule(number=NUMBERS, times=st.integers(1, 4))
    def a_loop_reads(self, number: int, times: int) -> None:
        for reader in chosen(self.readers, number):
            if reader.there is None:
                reader.there = members(self.server, self.project, self.filters)
            for _ in range(times):
                reader.take()

    @rule(number=NUMBERS, by_page=st.booleans())
    def a_loop_is_resumed_from_its_checkpoint(self, number: int, by_page: bool) -> None:
        for reader in chosen(self.readers, number):
            reader.resume(reader.loop.checkpoint(), by_page=by_page)

    @rule(number=NUMBERS, start=st.integers(0, 9), length=st.integers(0, 5))
    def runs_that_were_read_can_be_sliced(self, number: int, start: int, length: int) -> None:
        for reader in chosen([each for each in self.readers if not each.by_page], number):
            read = reader.read[reader.before :]
            part = slice(start, min(start + length, len(read)))
            assert [run.id for run in reader.runs[part]] == read[part]
            if start < len(read):
                assert reader.runs[start].id == read[start]

    @rule(times=st.integers(1, 6), latest=st.booleans(), creates=st.booleans())
    def requests_will_meet_changes(self, times: int, latest: bool, creates: bool) -> None:
        """Before each of the next pages, a run is deleted that a loop has read."""

        def change(_: LocalServer) -> None:
            read = {run_id for reader in self.readers for run_id in reader.read}
            left = [run_id for run_id in self.alive if run_id in read]
            if left:
                run_id = left[-1] if latest else left[0]
                self.alive.remove(run_id)
                delete_run(self.server, "team", self.project, run_id)
                for reader in self.readers:
                    (reader.there or set()).discard(run_id)
            if creates:
                self.create(times)

        self.server.fail(*[Churn(change)] * times, operation="ListRuns")

    @rule(
        faults=st.lists(st.none() | st.sampled_from(FAULTS), max_size=3),
        operation=st.sampled_from(LISTING),
    )
    def requests_will_fail(self, faults: list[Fault | None], operation: str) -> None:
        self.server.fail(*faults, operation=operation)

    def teardown(self) -> None:
        try:
            for reader in self.readers:
                for _ in range(1000):
                    if reader.is_done:
                        break
                    reader.take()
                assert reader.is_done
                lost = (reader.there or set()).difference(reader.read)
                assert not lost, f"{lost} never came"
        finally:
            self.server.recover()


def test_no_run_is_lost_or_comes_twice_whatever_happens_meanwhile(churned: LocalServer) -> None:
    ProjectInMotion.server = churned
    ProjectInMotion.client = client_of(churned)
    with warnings.catch_warnings():
        # Positions change all the time; this test is about missing and repeated runs.
        warnings.simplefilter("ignore", DriftWarning)
        run_state_machine_as_test(
            ProjectInMotion,
            settings=settings(
                max_examples=int(os.environ.get("DRIFT_EXAMPLES", "40")),
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )


def log_many(server: LocalServer, project: str, numbers: range, *, behind: float = HOUR) -> None:
    for number in numbers:
        clock.behind = behind - number
        log_run(
            server,
            "team",
            project,
            f"r{number:03}",
            config={"lr": number},
            history=[{"loss": number}],
        )
    clock.behind = 0


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("per_page", [1, 4, 1000])
def test_a_project_at_rest_costs_a_request_a_page(
    churned: LocalServer, order: str, per_page: int
) -> None:
    project = f"rest{per_page}"
    if not members(churned, project, {}):
        log_many(churned, project, range(12))
    runs = Runs(client_of(churned), "team", project, {}, order, per_page)
    pages = math.ceil(12 / per_page)
    churned.clear_operations()
    assert len([*runs.pages()]) == pages
    assert churned.operations == ("ListRuns",) * requests_for(pages)
    churned.clear_operations()
    assert len(runs.configs(keys=["lr"])) == 12
    assert churned.operations == ("ListConfigs",) * pages
    churned.clear_operations()
    assert len(runs.histories(keys=["loss"])) == 12
    assert churned.operations == ("ListSampledHistories",) * pages
    churned.clear_operations()
    assert len(runs.histories(keys=["loss"], format="polars")) == 12
    assert churned.operations == ("ListSampledHistories",) * pages


@pytest.mark.parametrize("order", ["+created_at", "-created_at", "+summary_metrics.loss"])
@pytest.mark.parametrize("call", ["histories", "configs", "summaries", "pages", "frame"])
@pytest.mark.parametrize("deleted", [1, 3, 8])
def test_runs_that_are_deleted_meanwhile_hide_no_others(
    churned: LocalServer, order: str, call: str, deleted: int
) -> None:
    project = f"hide{next(ProjectInMotion.projects)}"
    log_many(churned, project, range(20))
    first = range(deleted) if order[0] == "+" else range(20 - deleted, 20)

    def delete(server: LocalServer) -> None:
        for number in first:
            delete_run(server, "team", project, f"r{number:03}")

    runs = Runs(client_of(churned), "team", project, {}, order, 4)
    with churned.fail(None, None, Churn(delete)), warnings.catch_warnings():
        warnings.simplefilter("ignore", DriftWarning)
        if call == "histories":
            found = [str(row["run_id"]) for row in runs.histories(keys=["loss"])]
        elif call == "frame":
            found = runs.histories(keys=["loss"], format="polars")["run_id"].to_list()
        elif call == "pages":
            found = [run.id for page in runs.pages() for run in page]
        else:
            rows = runs.configs() if call == "configs" else runs.summaries()
            found = [str(row["run_id"]) for row in rows]
    kept = {f"r{number:03}" for number in range(20)} - {f"r{number:03}" for number in first}
    assert len(found) == len(set(found))
    assert kept <= set(found)
    if order.endswith("created_at"):
        assert found == sorted(found, reverse=order[0] == "-")


@pytest.mark.parametrize("order", ["+created_at", "-created_at", "+name"])
@pytest.mark.parametrize("call", ["histories", "frame", "batches", "configs"])
def test_a_run_that_is_logged_anew_under_its_id_hides_no_others(
    churned: LocalServer, order: str, call: str
) -> None:
    project = f"anew{next(ProjectInMotion.projects)}"
    log_many(churned, project, range(8))

    def log_anew(server: LocalServer) -> None:
        delete_run(server, "team", project, "r000")
        log_many(server, project, range(1), behind=0)

    runs = Runs(client_of(churned), "team", project, {}, order, 2)
    with churned.fail(None, Churn(log_anew)):
        if call == "histories":
            found = [str(row["run_id"]) for row in runs.histories(keys=["loss"])]
        elif call == "frame":
            found = runs.histories(keys=["loss"], format="polars")["run_id"].to_list()
        elif call == "batches":
            batches = runs.iter_histories(keys=["loss"])
            found = [str(row["run_id"]) for batch in batches for row in batch]
        else:
            found = [str(row["run_id"]) for row in runs.configs()]
    # r000 is another run by now, which may be given or not.
    others = [f"r{number:03}" for number in range(1, 8)]
    assert [each for each in found if each != "r000"] == sorted(others, reverse=order[0] == "-")
    assert len(found) == len(set(found))


def test_a_page_of_a_thousand_is_checked_as_well(churned: LocalServer) -> None:
    log_many(churned, "large", range(3))
    runs: Runs = Runs(client_of(churned), "team", "large", per_page=1000)
    with (
        churned.fail_always(ShortPages(first=1)),
        churned.fail(None, Churn(lambda server: delete_run(server, "team", "large", "r000"))),
    ):
        assert [run.id for run in runs] == ["r000", "r001", "r002"]


def jump(project: str) -> Callable[[LocalServer], None]:
    def change(server: LocalServer) -> None:
        # From behind the position of the loop to before it.
        log_run(server, "team", project, "r009", history=[{"loss": -1}])
        delete_run(server, "team", project, "r000")

    return change


def test_a_run_that_moves_before_the_position_of_the_loop_comes_last_and_is_named(
    churned: LocalServer,
) -> None:
    log_many(churned, "jumps", range(10))
    # One request at a time: of several, the page of the run might be read before it moves.
    client = client_of(churned, max_concurrency=1)
    runs = Runs(client, "team", "jumps", {}, "+summary_metrics.loss", 3)
    with (
        churned.fail(None, None, Churn(jump("jumps"))),
        pytest.warns(DriftWarning, match=r"1 run \(r009\) changed their places") as caught,
    ):
        assert [run.id for run in runs] == [f"r{number:03}" for number in range(10)]
    warning = caught[0].message
    assert isinstance(warning, DriftWarning)
    assert warning.late == ["r009"]
    assert caught[0].filename == __file__
    assert str(pickle.loads(pickle.dumps(warning))) == str(warning)
    # Runs that were read are given again, without a warning.
    assert len([run.id for run in runs]) == 10


@pytest.mark.parametrize("ahead", [2, -55])
def test_a_run_that_moves_is_found_though_clocks_differ(ahead: float) -> None:
    # Also late, as where a page was read long before it was sent.
    with LocalServer(clock=lambda: time.time() + ahead) as server:
        log_many(server, "ahead", range(4))
        runs = Runs(client_of(server), "team", "ahead", {}, "+summary_metrics.loss", 2)
        pages = runs.pages()
        found = [run.id for run in next(pages)]
        log_run(server, "team", "ahead", "r003", history=[{"loss": -1}])
        delete_run(server, "team", "ahead", "r000")
        with pytest.warns(DriftWarning, match="r003"):
            found += [run.id for page in pages for run in page]
        assert sorted(found) == [f"r{number:03}" for number in range(4)]


def test_pages_that_step_back_give_no_run_twice(churned: LocalServer) -> None:
    log_many(churned, "back", range(34))
    pages = Runs(client_of(churned), "team", "back", per_page=2).pages()
    found = [run.id for _ in range(10) for run in next(pages)]
    for number in range(7):
        delete_run(churned, "team", "back", f"r{number:03}")
    found += [run.id for page in pages for run in page]
    assert found == [f"r{number:03}" for number in range(34)]


def test_a_late_run_is_found_where_the_server_refuses_to_select_by_creation(
    churned: LocalServer,
) -> None:
    log_many(churned, "refuses", range(10))
    runs = Runs(client_of(churned), "team", "refuses", {}, "+summary_metrics.loss", 3)
    loop = iter(runs)
    with churned.fail(None, Churn(jump("refuses"))):
        found = [next(loop).id for _ in range(9)]
    with (
        churned.fail_always(Refuses("createdAt", Status(400)), operation="ListRunIds"),
        pytest.warns(DriftWarning, match="r009"),
    ):
        found += [run.id for run in loop]
    assert found == [f"r{number:03}" for number in range(10)]


def test_a_strict_listing_ends_with_an_error_where_others_warn(churned: LocalServer) -> None:
    log_many(churned, "strict", range(10))
    runs = Runs(client_of(churned), "team", "strict", {}, "+summary_metrics.loss", 3, strict=True)
    loop = iter(runs)
    with churned.fail(None, Churn(jump("strict"))):
        assert [next(loop).id for _ in range(9)] == [f"r{number:03}" for number in range(9)]
        with pytest.raises(DriftError, match="r009") as caught:
            next(loop)
    assert caught.value.late == ["r009"]
    assert caught.value.checkpoint == loop.checkpoint()


def test_runs_that_are_gone_since_they_were_listed_are_named(churned: LocalServer) -> None:
    log_many(churned, "gone", range(5))
    runs = Runs(client_of(churned), "team", "gone", per_page=2)
    assert len([*runs]) == 5
    delete_run(churned, "team", "gone", "r001")
    for read in (
        lambda: runs.histories(keys=["loss"]),
        runs.configs,
        lambda: runs.summaries(format="polars").to_dicts(),
    ):
        with pytest.warns(DriftWarning, match=r"r001.* listed before") as caught:
            assert len(read()) == 4
        assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (CycleCursors(), "circle"),
        (NoCursor(), "no new cursor"),
        (EmptyPages(), "without any"),
    ],
)
@pytest.mark.parametrize("call", ["loop", "pages", "histories", "configs"])
def test_cursors_that_lead_nowhere_end_with_an_error(
    churned: LocalServer, fault: Fault, message: str, call: str
) -> None:
    if not members(churned, "nowhere", {}):
        log_many(churned, "nowhere", range(7))
    runs = Runs(client_of(churned), "team", "nowhere", per_page=2)
    reads: dict[str, Callable[[], object]] = {
        "loop": lambda: [*iter(runs)],
        "pages": lambda: [*runs.pages()],
        "histories": lambda: runs.histories(keys=["loss"]),
        "configs": runs.configs,
    }
    with churned.fail_always(fault):
        if isinstance(fault, EmptyPages) and call in ("histories", "configs"):
            # The runs are asked for by their ids, which came in one page.
            rows = runs.histories(keys=["loss"]) if call == "histories" else runs.configs()
            assert len(rows) == 7
        else:
            with pytest.raises(BadResponseError, match=message):
                reads[call]()


@given(
    st.integers(0, 30),
    st.none() | st.integers(0, 30),
    st.integers(1, 7),
    st.sampled_from(["+created_at", "-summary_metrics.loss"]),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_limit_and_a_checkpoint_cut_the_list(
    churned: LocalServer, taken: int, limit: int | None, per_page: int, order: str
) -> None:
    if not members(churned, "cut", {}):
        log_many(churned, "cut", range(17))
    client = client_of(churned)
    every = [run.id for run in Runs(client, "team", "cut", {}, order, 1000)]
    expected = every[:limit]
    runs = Runs(client, "team", "cut", {}, order, per_page, limit=limit)
    assert len(runs) == len(expected)
    loop = iter(runs)
    assert [run.id for run in islice(loop, taken)] == expected[:taken]
    text = loop.checkpoint()
    if order == "+created_at":
        assert len(text) < 1000
    rest = Runs(client, "team", "cut", {}, order, per_page, limit=limit, checkpoint=text)
    assert len(rest) == len(expected[taken:])
    assert bool(rest) == bool(expected[taken:])
    assert [run.id for page in rest.pages() for run in page] == expected[taken:]
    assert [run.id for run in rest] == expected[taken:]
    assert [row["run_id"] for row in rest.configs()] == expected[taken:]
    assert [row["run_id"] for row in rest.histories(keys=["loss"])] == expected[taken:]


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["+created_at", "-created_at", "-summary_metrics.loss"]),
    st.booleans(),
    st.booleans(),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_parts_of_a_listing_make_the_whole(
    churned: LocalServer, size: int, per_page: int, order: str, by_pages: bool, skips: bool
) -> None:
    if not members(churned, "parts", {}):
        log_many(churned, "parts", range(23))
        for number in (6, 7, 15):
            log_run(churned, "team", "parts", f"r{number:03}", config={"lr": "much"})
    ask = partial(
        Runs,
        client_of(churned),
        *("team", "parts", {}, order, per_page),
        config=Lr if skips else None,
        on_invalid="skip",
    )
    every = [run.id for run in ask()]
    assert len(every) == (20 if skips else 23)
    read: list[str] = []
    checkpoint = None
    while True:
        part = ask(limit=len(read) + size, checkpoint=checkpoint)
        if by_pages:
            pages = part.pages()
            taken = [run.id for page in pages for run in page]
            checkpoint = pages.checkpoint()
        else:
            loop = iter(part)
            taken = [run.id for run in loop]
            checkpoint = loop.checkpoint()
        if not taken:
            break
        assert len(taken) == min(size, len(every) - len(read))
        read += taken
    assert read == every


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"order": "-created_at"}, "order"),
        ({"filters": {"state": "failed"}}, "filters"),
        ({"project": "other"}, "project"),
        ({"entity": "others"}, "entity"),
    ],
)
def test_a_checkpoint_of_another_listing_is_refused(
    churned: LocalServer, changed: dict[str, Any], message: str
) -> None:
    log_many(churned, "mine", range(3))
    listing: dict[str, Any] = {"entity": "team", "project": "mine", "per_page": 2}
    client = client_of(churned)
    loop = iter(Runs(client, **listing))
    next(loop)
    with pytest.raises(InvalidArgumentError, match=message):
        Runs(client, **{**listing, **changed}, checkpoint=loop.checkpoint())


@pytest.mark.parametrize("checkpoint", [3, "x", "", "eyJ2ZXJzaW9uIjoyfQ", {}, {"version": 2}, []])
def test_what_is_no_checkpoint_is_refused(
    churned: LocalServer,
    checkpoint: Any,  # noqa: ANN401 - what no checker would let pass
) -> None:
    with pytest.raises(InvalidArgumentError, match="checkpoint is"):
        Runs(client_of(churned), "team", "mine", checkpoint=checkpoint)


@pytest.mark.parametrize("limit", [-1, True, "3", 1.5])
def test_what_is_no_limit_is_refused(
    churned: LocalServer,
    limit: Any,  # noqa: ANN401 - what no checker would let pass
) -> None:
    with pytest.raises(InvalidArgumentError, match="limit"):
        Runs(client_of(churned), "team", "mine", limit=limit)


def test_threads_that_share_a_listing_read_the_same(churned: LocalServer) -> None:
    log_many(churned, "shared", range(30))
    runs = Runs(client_of(churned), "team", "shared", per_page=3)
    with churned.fail_at_random(FAULTS, rate=0.3, operation="ListRuns"):

        def read(_: int) -> list[str]:
            loop, found = iter(runs), list[str]()
            while True:
                try:
                    found.extend(run.id for run in loop)
                except WandbRunsError:
                    continue
                return found

        with ThreadPoolExecutor(6) as pool:
            found = [*pool.map(read, range(6))]
    churned.recover()
    assert found == [[f"r{number:03}" for number in range(30)]] * 6


@pytest.mark.parametrize("order", ["+created_at", "-summary_metrics.loss"])
def test_a_page_whose_processing_is_interrupted_is_not_lost(order: str) -> None:
    every = [f"r{number}" for number in range(9)]
    interruptions = iter([False, False, True, False, False, True, True])

    def interrupt(_: str) -> bool:
        if next(interruptions, False):
            raise KeyboardInterrupt
        return True

    def fetch(_: Selection, request: PageRequest) -> Flow[Page[str]]:
        yield from ()
        after = request.after if request.overlap is None else request.overlap.after
        start = 0 if after is None else every.index(after) + 1
        items = every[start : start + request.first + request.widens]
        is_last = items[-1] == every[-1]
        return Page(
            tuple(items),
            None if is_last else items[-1],
            overlap=tuple(items[: request.widens]),
            last=items[-1],
            next_overlap=Overlap(items[-2]),
            moved=Moved((), is_all=True),
        )

    selection = Selection(entity="e", project="p", filters="{}", order=order, first=2)
    source = source_of(selection, fetch, width=1)
    listing: Listing[str] = Listing(ListingPlan(str, str, order, PageSize.of(2), fits=interrupt))
    for _ in range(4):
        with suppress(KeyboardInterrupt):
            run_flow(listing.read_to(None, source), lambda operation: pytest.fail(str(operation)))
    assert next(interruptions, None) is None
    assert listing.items == every
    assert listing.complete


def swap_over(project: str) -> Callable[[LocalServer], None]:
    def change(server: LocalServer) -> None:
        # r001 moves behind r002 and is still the second run, where the first page ended.
        log_run(server, "team", project, "r001", history=[{"loss": 2.5}])
        delete_run(server, "team", project, "r000")

    return change


@pytest.mark.parametrize("is_resumed", [False, True])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_run_that_moves_at_the_edge_of_a_page_hides_no_others(
    churned: LocalServer, is_resumed: bool, is_new: bool
) -> None:
    project = f"edge{next(ProjectInMotion.projects)}"
    log_many(churned, project, range(6))
    client = client_of(churned)
    loop = iter(Runs(client, "team", project, {}, "+summary_metrics.loss", 2))
    found = [next(loop).id]
    if is_new:
        delete_run(churned, "team", project, "r001")
        clock.behind = -60  # long after the listing began
        log_run(churned, "team", project, "r001", history=[{"loss": 1}])
        clock.behind = 0
    found.append(next(loop).id)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DriftWarning)
        with churned.fail(Churn(swap_over(project))):
            found += [next(loop).id, next(loop).id]
        if is_resumed:
            rest: Runs = Runs(
                client,
                "team",
                project,
                {},
                "+summary_metrics.loss",
                2,
                checkpoint=loop.checkpoint(),
            )
            loop = iter(rest)
        found.extend(run.id for run in loop)
    assert sorted(found) == [f"r{number:03}" for number in range(6)]


@pytest.mark.parametrize("call", ["loop", "pages"])
@pytest.mark.parametrize("order", ["+created_at", "-summary_metrics.loss"])
def test_a_run_that_comes_as_null_at_the_edge_of_a_page_is_reported(
    churned: LocalServer, order: str, call: str
) -> None:
    if not members(churned, "nulls", {}):
        log_many(churned, "nulls", range(9))
    runs = Runs(client_of(churned), "team", "nulls", {}, order, 3)
    expected = [run.id for run in runs]
    again = Runs(client_of(churned), "team", "nulls", {}, order, 3)
    loop = iter(again) if call == "loop" else (run for page in again.pages() for run in page)
    with churned.fail(None, NullEdges(), NullEdges()), pytest.warns(DriftWarning, match="null"):
        found = [run.id for run in loop]
    # The first edge of these pages is the run before, which had been read.
    assert found == expected
    with churned.fail_always(NullEdges()), pytest.warns(DriftWarning, match="null"):
        found = [run.id for run in Runs(client_of(churned), "team", "nulls", {}, order, 3)]
    assert found == expected[1:]


@pytest.mark.parametrize("call", ["histories", "configs"])
def test_only_what_comes_out_of_order_is_called_late(churned: LocalServer, call: str) -> None:
    project = f"late-{call}"
    log_many(churned, project, range(20))

    def change(server: LocalServer) -> None:
        log_run(server, "team", project, "r015", history=[{"loss": -1}])
        for number in range(3):
            delete_run(server, "team", project, f"r{number:03}")

    runs = Runs(client_of(churned), "team", project, {}, "+summary_metrics.loss", 4)
    with (
        churned.fail(None, Churn(change)),
        pytest.warns(DriftWarning, match="r015") as caught,
    ):
        rows = runs.histories(keys=["loss"]) if call == "histories" else runs.configs()
    # The run that logged has two rows by then.
    found = [*dict.fromkeys(str(row["run_id"]) for row in rows)]
    assert sorted({*found, "r000", "r001", "r002"}) == [f"r{number:03}" for number in range(20)]
    assert found[-1] == "r015"
    assert found[:-1] == sorted(found[:-1])
    warning = caught[0].message
    assert isinstance(warning, DriftWarning)
    assert warning.late == ["r015"]


def test_new_runs_do_not_come_behind_older_ones(churned: LocalServer) -> None:
    log_many(churned, "newer", range(20))

    def change(server: LocalServer) -> None:
        log_run(server, "team", "newer", "r999")
        for number in (17, 18, 19):
            delete_run(server, "team", "newer", f"r{number:03}")

    runs = Runs(client_of(churned), "team", "newer", {}, "-created_at", 4)
    with churned.fail(None, Churn(change)):
        found = [str(row["run_id"]) for row in runs.configs()]
    assert found == [f"r{number:03}" for number in range(19, -1, -1)]


def test_each_caller_is_warned_of_a_null_before_the_end_of_the_listing(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    with wandb_server.fail_always(NullEdges(count=2), operation="ListRuns"):
        runs = api.runs(many, per_page=10)
        with pytest.warns(DriftWarning, match="2 of the runs came as null") as told:
            assert runs[0].id != "run00"
        assert [each.filename for each in told] == [__file__]
        with pytest.warns(DriftWarning, match="null") as told:
            next(api.runs(many, per_page=10).pages())
        assert [each.filename for each in told] == [__file__]
        strict = api.runs(many, per_page=10, strict=True)
        for _ in range(2):
            with pytest.raises(DriftError, match="null"):
                _ = strict[0]
            with pytest.raises(DriftError, match="null"):
                next(strict.pages())


def test_a_loop_warns_of_a_null_once(wandb_server: LocalServer, api: Api, many: str) -> None:
    runs = api.runs(many, per_page=10)
    with wandb_server.fail(NullEdges(count=2), operation="ListRuns"):
        with pytest.warns(DriftWarning, match="null") as told:
            read = [*iter(runs)]
        assert len(told) == 1
    assert len(read) == len(runs)
    assert runs[-1] == read[-1]


@pytest.mark.parametrize("new", range(1, 8))
@pytest.mark.parametrize("resumes", [True, False])
def test_pages_that_hold_only_runs_read_before_are_skipped(
    wandb_server: LocalServer, api: Api, new: int, resumes: bool
) -> None:
    project = f"pushed-{new}-{resumes}"
    for number in range(7):
        log_run(wandb_server, "team", project, f"r{number}")
    pages = api.runs(f"team/{project}", order="-created_at", per_page=2).pages()
    came = [run.id for run in next(pages)]
    # New runs move those that were read onto later pages.
    for number in range(new):
        log_run(wandb_server, "team", project, f"new{number}")
    if resumes:
        listed = api.runs(
            f"team/{project}", order="-created_at", per_page=2, checkpoint=pages.checkpoint()
        )
        pages = listed.pages()
    came += [run.id for page in pages for run in page]
    assert came == [f"r{number}" for number in reversed(range(7))]

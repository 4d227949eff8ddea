"""A listing loses no run and gives none twice, while runs come, go and change their places."""

from __future__ import annotations

import json
import math
import os
import time
import warnings
from itertools import count, islice
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from wandb_runs import BadResponseError, DriftWarning, Run, Runs
from wandb_runs.filters import translate_filters
from wandb_runs.iteration import RunPages
from wandb_runs.settings import ApiKey, resolve_settings
from wandb_runs.testing import (
    Html,
    LocalServer,
    NullData,
    OpaqueCursors,
    RateLimited,
    RepeatCursor,
    Reset,
    ShortPages,
    Truncate,
    delete_run,
    log_run,
)
from wandb_runs.transport import RetryingClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs import Checkpoint
    from wandb_runs.testing import Fault

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
LISTING = ["ListRuns", "ListRunIds"]
HOUR = 3600.0


class Clock:
    """The server's: now, or long ago, so that what was logged by then is not news."""

    behind = 0.0

    def __call__(self) -> float:
        # Whole seconds, so that runs share the instants of their creation.
        return math.floor(time.time()) - self.behind


clock = Clock()


@pytest.fixture(scope="module")
def churned() -> Iterator[LocalServer]:
    with LocalServer(clock=clock) as server:
        yield server


def client_of(server: LocalServer) -> RetryingClient:
    settings = resolve_settings(
        base_url=server.url, api_key=ApiKey("k", source="argument"), environ={}
    )
    return RetryingClient(settings, sleep=lambda _: None)


def members(server: LocalServer, project: str, filters: dict[str, object]) -> set[str]:
    """Which runs a filter selects, told by the server in one page."""
    document = """query($project: String!, $filters: JSONString) {
      project(name: $project, entityName: "team") {
        runs(filters: $filters, first: 1000) { edges { node { name } } }
      }
    }"""
    variables = {"project": project, "filters": translate_filters(filters) or "{}"}
    answer = httpx.post(f"{server.url}/graphql", json={"query": document, "variables": variables})
    project_read = answer.raise_for_status().json()["data"]["project"]
    return {edge["node"]["name"] for edge in project_read["runs"]["edges"]}


class Reader:
    """Somebody who goes through the runs of a listing, and what that should give."""

    def __init__(self, make: Callable[[Checkpoint | None], Runs], *, by_page: bool) -> None:
        self.make = make
        self.by_page = by_page
        self.read: list[str] = []
        self.there: set[str] | None = None
        self.is_done = False
        self.go_on(None)

    def go_on(self, checkpoint: Checkpoint | None) -> None:
        """List anew, from a checkpoint: what another process would do."""
        self.before = len(self.read)
        self.runs = self.make(checkpoint)
        self.loop = self.runs.pages() if self.by_page else iter(self.runs)

    def next_batch(self) -> list[Run]:
        if isinstance(self.loop, RunPages):
            return next(self.loop, None) or []
        return [*islice(self.loop, 1)]

    def take(self) -> None:
        """Take what comes next; an error must say where it stood."""
        try:
            came = self.next_batch()
        except BadResponseError as error:
            stands = self.loop.checkpoint()
            assert error.checkpoint == stands  # noqa: PT017 - most steps raise nothing
            return
        self.is_done = not came
        again = {run.id for run in came}.intersection(self.read)
        assert not again, f"{again} came twice"
        self.read += [run.id for run in came]


class ProjectInMotion(RuleBasedStateMachine):
    """Runs come and go, log and end, requests fail, and several readers are on their way."""

    server: LocalServer
    client: RetryingClient
    projects = count()

    @initialize(
        runs=st.integers(0, 14),
        order=st.sampled_from(ORDERS),
        filters=st.sampled_from(FILTERS),
        per_page=st.integers(1, 5),
        lasting=st.sampled_from([None, None, OpaqueCursors(), ShortPages(first=2), ShortPages(1)]),
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

    def note(self) -> None:
        """Who was there all the time has to be there now."""
        there = members(self.server, self.project, self.filters)
        for reader in self.readers:
            if reader.there is not None:
                reader.there &= there

    @rule(loss=st.integers(0, 9))
    def a_run_is_created(self, loss: int) -> None:
        self.create(loss)
        self.note()

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), many=st.integers(1, 6))
    def runs_are_deleted(self, data: st.DataObject, many: int) -> None:
        for _ in range(min(many, len(self.alive))):
            place = data.draw(st.integers(0, len(self.alive) - 1))
            delete_run(self.server, "team", self.project, self.alive.pop(place))
        self.note()

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), loss=st.integers(0, 9), exit_code=st.sampled_from([None, 0, 1]))
    def a_run_logs(self, data: st.DataObject, loss: int, exit_code: int | None) -> None:
        run_id = data.draw(st.sampled_from(self.alive))
        self.log(run_id, loss, exit_code)
        self.note()

    @precondition(lambda self: len(self.readers) < 4)
    @rule(by_page=st.booleans())
    def somebody_begins(self, by_page: bool) -> None:
        if self.alive:
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

    @precondition(lambda self: self.readers)
    @rule(data=st.data(), times=st.integers(1, 4))
    def somebody_reads(self, data: st.DataObject, times: int) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        if reader.there is None:
            reader.there = members(self.server, self.project, self.filters)
        for _ in range(times):
            reader.take()

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def somebody_goes_on_elsewhere(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        reader.go_on(json.loads(json.dumps(reader.loop.checkpoint())))

    @precondition(lambda self: any(not reader.by_page for reader in self.readers))
    @rule(data=st.data(), start=st.integers(0, 9), length=st.integers(0, 5))
    def what_was_read_is_there_to_look_at(
        self, data: st.DataObject, start: int, length: int
    ) -> None:
        reader = data.draw(
            st.sampled_from([reader for reader in self.readers if not reader.by_page])
        )
        read = reader.read[reader.before :]
        part = slice(start, min(start + length, len(read)))
        assert [run.id for run in reader.runs[part]] == read[part]
        if start < len(read):
            assert reader.runs[start].id == read[start]

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
        # The order is not what it was; that no run is missing is the point here.
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

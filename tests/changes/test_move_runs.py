"""`runs.move`: what is selected is in the new project and no longer in the old one, all of it."""

from __future__ import annotations

import time
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.many_changes import FAULTS, Logged, Seen, log_all, projects, snapshot
from typing_extensions import override

from wandb_runs import (
    Answered,
    Api,
    AsyncApi,
    ChangeOutcome,
    ChangesError,
    DegradedServerWarning,
    InvalidArgumentError,
    NotFoundError,
    ReadOnlyError,
    UnsupportedByServerError,
)
from wandb_runs.testing import Answer, FakeClock, Fault, LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs.local.faults import Answering, GraphQLRequest

CHOSEN = {"tags": "chosen"}
OLD, NEW = "me/moved", "you/kept"
RUN = Logged()

CLOCK = FakeClock()
"""Moves the server's clock on, too: work that no request asks about is done after a while."""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(clock=lambda: time.time() + CLOCK.monotonic()) as server:
        yield server


@pytest.fixture(scope="module")
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="any", clock=CLOCK) as api:
        yield api


def log_both(server: LocalServer, runs: list[Logged]) -> list[str]:
    """Log runs to the old project, and one to the new one; returns the ids of the chosen ones."""
    chosen = log_all(server, "moved", runs)
    log_run(server, "you", "kept", "other", tags=["chosen"], config={"kept": True})
    return chosen


def move(api: Api, server: LocalServer, *, expect: int, awaits: bool) -> ChangeOutcome:
    """Move the chosen runs, by either half."""
    if not awaits:
        return api.runs(OLD, CHOSEN).move(NEW, expect=expect)

    async def run() -> ChangeOutcome:
        async with AsyncApi(base_url=server.url, api_key="any", clock=CLOCK) as twin:
            return await twin.runs(OLD, CHOSEN).move(NEW, expect=expect)

    return anyio.run(run)


@settings(max_examples=10)
@given(projects, st.booleans(), st.booleans())
def test_exactly_the_selected_runs_are_elsewhere_as_they_were(
    server: LocalServer, api: Api, runs: list[Logged], lacks: bool, awaits: bool
) -> None:
    chosen = log_both(server, runs)
    old, new = snapshot(api, OLD), snapshot(api, NEW)
    with ExitStack() as block:
        if lacks:
            block.enter_context(server.lack("Query.task"))
        outcome = move(api, server, expect=len(chosen), awaits=awaits)
    assert outcome == ChangeOutcome("runs.move", OLD, tuple(chosen), {}, ())
    assert snapshot(api, OLD) == {each: old[each] for each in old if each not in chosen}
    assert snapshot(api, NEW) == new | {each: old[each] for each in chosen}


@given(projects, st.lists(st.sampled_from([*FAULTS, None]), max_size=3))
def test_what_is_done_is_what_both_sides_show_whatever_fails(
    server: LocalServer, runs: list[Logged], faults: list[Fault | None]
) -> None:
    chosen = log_both(server, runs)
    # A client of its own: where much fails, it spends the retries that all of its calls share.
    with Api(base_url=server.url, api_key="any", clock=CLOCK) as api:
        old, new = snapshot(api, OLD), snapshot(api, NEW)
        listing = api.runs(OLD, CHOSEN)
        outcome = ChangeOutcome("runs.move", OLD, (), {}, ())
        with server.fail(*faults, operation="MoveRuns"):
            for count in range(len(faults) + 2):
                server.clear_operations()
                try:
                    outcome = listing.move(NEW, expect=len(chosen))
                except ChangesError as error:
                    outcome = error.outcome
                    assert outcome.remaining
                here, there = {*snapshot(api, OLD)}, {*snapshot(api, NEW)}
                assert {*outcome.done} == {*chosen} & there - here
                assert {*outcome.remaining} == {*chosen} - there
                assert server.operations.count("MoveRuns") <= 1
                if not outcome.remaining:
                    break
                assert count <= len(faults)
        assert outcome.done == tuple(chosen)
        assert snapshot(api, OLD) == {each: old[each] for each in old if each not in chosen}
        assert snapshot(api, NEW) == new | {each: old[each] for each in chosen}


def test_the_filter_names_ids_and_nothing_else(server: LocalServer, api: Api) -> None:
    log_both(server, [RUN, RUN])
    seen = Seen()
    with server.fail_always(seen, operation="MoveRuns"):
        api.runs(OLD).move(NEW, expect=3)
    assert [each["filters"] for each in seen.variables] == [
        '{"name": {"$in": ["first", "r0", "r1"]}}'
    ]


def test_nowhere_to_move_to(server: LocalServer, api: Api) -> None:
    log_both(server, [RUN])
    server.clear_operations()
    with pytest.raises(NotFoundError, match=r"no project 'me/never' to move runs to.*create_proj"):
        api.runs(OLD).move("me/never", expect=2)
    with pytest.raises(InvalidArgumentError, match="the runs are in 'me/moved' already"):
        api.runs(OLD).move(OLD, expect=2)
    assert "MoveRuns" not in server.operations
    server.clear_operations()
    move_anyhow = cast("Callable[..., object]", api.runs(OLD).move)
    for wrong in ("kept", "", "a/b/c", 3, None):
        with pytest.raises(InvalidArgumentError):
            move_anyhow(wrong, expect=2)
    for name, value in (("wait", 0), ("wait", "1"), ("wait", float("nan")), ("force", 1)):
        with pytest.raises(InvalidArgumentError, match=name):
            move_anyhow(NEW, expect=2, **{name: value})
    assert server.operations == ()
    assert len(api.runs(OLD)) == 2


def test_ids_that_are_taken_are_refused(server: LocalServer, api: Api) -> None:
    log_both(server, [RUN, RUN])
    log_run(server, "you", "kept", "r1")
    before = snapshot(api, OLD), snapshot(api, NEW)
    with pytest.raises(InvalidArgumentError, match=r"'you/kept' has 1 run \(r1\) already"):
        api.runs(OLD, CHOSEN).move(NEW, expect=2)
    assert (snapshot(api, OLD), snapshot(api, NEW)) == before


def test_runs_that_are_still_logging_stay_unless_forced(server: LocalServer, api: Api) -> None:
    log_both(server, [RUN])
    log_run(server, "me", "moved", "live", exit_code=None)
    with pytest.raises(
        InvalidArgumentError, match=r"1 run \(live\) is still logging: .* force=True"
    ):
        api.runs(OLD).move(NEW, expect=3)
    with pytest.raises(InvalidArgumentError, match="still logging"):
        api.runs(OLD).move(NEW, dry_run=True)
    assert len(api.runs(OLD)) == 3
    assert api.runs(OLD).move(NEW, expect=3, force=True).done == ("first", "r0", "live")


def test_runs_whose_state_is_not_told_stay_unless_forced(server: LocalServer) -> None:
    log_both(server, [RUN])
    with (
        server.lack("Run.state"),
        Api(base_url=server.url, api_key="any", clock=CLOCK) as api,
        warnings.catch_warnings(action="ignore", category=DegradedServerWarning),
    ):
        with pytest.raises(InvalidArgumentError, match=r"not tell the state of 1 run \(r0\)"):
            api.runs(OLD, CHOSEN).move(NEW, expect=1)
        assert len(api.runs(OLD, CHOSEN)) == 1
        assert api.runs(OLD, CHOSEN).move(NEW, expect=1, force=True).done == ("r0",)


def test_a_dry_run_shows_what_would_be_moved(server: LocalServer) -> None:
    log_both(server, [RUN, RUN])
    with Api(base_url=server.url, api_key="any", read_only=True) as api:
        rows = api.runs(OLD, CHOSEN).move(NEW, dry_run=True)
        assert [(row["id"], row["to"]) for row in rows] == [("r0", NEW), ("r1", NEW)]
        with pytest.raises(ReadOnlyError):
            api.runs(OLD, CHOSEN).move(NEW, expect=2)
        assert len(api.runs(OLD)) == 3


def test_a_server_that_moves_nothing(server: LocalServer, api: Api) -> None:
    log_both(server, [RUN])
    with server.lack("Mutation.moveRuns"), pytest.raises(UnsupportedByServerError):
        api.runs(OLD).move(NEW, expect=2)
    assert len(api.runs(OLD)) == 2


class Says(Fault):
    """An answer of its own, in place of any work."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(self.body)


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", None])
def test_a_task_that_does_not_end_is_waited_for_that_long(
    server: LocalServer, state: str | None
) -> None:
    log_both(server, [RUN])
    clock = FakeClock()
    told = "null" if state is None else f'{{"state": "{state}"}}'
    with (
        Api(base_url=server.url, api_key="any", clock=clock) as api,
        server.fail_always(
            Says(b'{"data": {"moveRuns": {"task": {"id": "t", "state": "PENDING"}}}}'),
            operation="MoveRuns",
        ),
        server.fail_always(Says(f'{{"data": {{"task": {told}}}}}'.encode()), operation="GetTask"),
        pytest.raises(ChangesError, match=r"still moving them after 60 s .* a longer wait=") as one,
    ):
        api.runs(OLD, CHOSEN).move(NEW, expect=1, wait=60)
    assert [*one.value.outcome.failed] == ["r0"]
    assert sum(clock.slept) == 60
    assert max(clock.slept) <= 10
    assert server.operations.count("GetTask") < 20


def test_a_task_that_fails(server: LocalServer, api: Api) -> None:
    log_both(server, [RUN])
    with (
        server.fail(
            Says(b'{"data": {"moveRuns": {"task": {"id": "t", "state": "FAILED"}}}}'),
            operation="MoveRuns",
        ),
        pytest.raises(ChangesError, match="task of moving them failed") as caught,
    ):
        api.runs(OLD, CHOSEN).move(NEW, expect=1)
    assert [*caught.value.outcome.failed] == ["r0"]


def test_a_task_that_ended_and_moved_nothing(server: LocalServer, api: Api) -> None:
    log_both(server, [RUN])
    with (
        server.fail(
            Says(b'{"data": {"moveRuns": {"task": {"id": "t", "state": "FINISHED"}}}}'),
            operation="MoveRuns",
        ),
        pytest.raises(ChangesError, match="reading back does not show it"),
    ):
        api.runs(OLD, CHOSEN).move(NEW, expect=1)
    assert api.runs(OLD, CHOSEN).move(NEW, expect=1).done == ("r0",)


def test_runs_that_are_gone_fail_and_the_rest_is_moved(server: LocalServer, api: Api) -> None:
    log_both(server, [RUN, RUN])
    listing = api.runs(OLD, CHOSEN)
    assert len(list(listing)) == 2
    api.runs(OLD, CHOSEN, limit=1).delete(expect=1)
    with pytest.raises(ChangesError) as caught:
        listing.move(NEW, expect=2)
    assert caught.value.outcome.done == ("r1",)
    assert isinstance(caught.value.outcome.failed["r0"], NotFoundError)


def test_the_same_call_goes_on_after_an_interrupt(server: LocalServer) -> None:
    log_both(server, [])
    for number in range(110):
        log_run(server, "me", "moved", f"n{number:03}")

    def interrupt(event: object) -> None:
        if isinstance(event, Answered) and event.operation == "MoveRuns" and not answered:
            answered.append(event)
            raise KeyboardInterrupt

    answered: list[Answered] = []
    with Api(base_url=server.url, api_key="any", on_event=interrupt) as api:
        listing = api.runs(OLD)
        with pytest.raises(KeyboardInterrupt) as caught:
            listing.move(NEW, expect=111)
        assert "0 of 111 runs are done" in caught.value.__notes__[0]
        assert len(listing.move(NEW, expect=111).done) == 111
        assert len(api.runs(OLD)) == 0
        assert len(api.runs(NEW)) == 112

"""`runs.delete` and `api.undelete_runs`: what is selected goes and comes back, nothing else."""

from __future__ import annotations

import logging
import pickle
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
    InvalidArgumentError,
    NotFoundError,
    ReadOnlyError,
    UnsupportedByServerError,
)
from wandb_runs.testing import (
    Answer,
    FakeClock,
    Fault,
    LocalServer,
    RateLimited,
    Status,
    log_run,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs.local.faults import Answering, GraphQLRequest

CHOSEN = {"tags": "chosen"}
PATH = "me/deleted"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="any", clock=FakeClock()) as api:
        yield api


def delete(api: Api, server: LocalServer, *, expect: int, awaits: bool) -> ChangeOutcome:
    """Delete the chosen runs, by either half."""
    if not awaits:
        return api.runs(PATH, CHOSEN).delete(expect=expect)

    async def run() -> ChangeOutcome:
        async with AsyncApi(base_url=server.url, api_key="any", clock=FakeClock()) as twin:
            return await twin.runs(PATH, CHOSEN).delete(expect=expect)

    return anyio.run(run)


@settings(max_examples=10)
@given(projects, st.booleans(), st.booleans())
def test_exactly_the_selected_runs_go_and_come_back_as_they_were(
    server: LocalServer, api: Api, runs: list[Logged], lacks: bool, awaits: bool
) -> None:
    chosen = log_all(server, "deleted", runs)
    before = snapshot(api, PATH)
    with ExitStack() as block:
        if lacks:
            block.enter_context(server.lack("Mutation.deleteRuns"))
        outcome = delete(api, server, expect=len(chosen), awaits=awaits)
    assert outcome == ChangeOutcome("runs.delete", PATH, tuple(chosen), {}, ())
    assert snapshot(api, PATH) == {each: before[each] for each in before if each not in chosen}
    back = api.undelete_runs(PATH, chosen, expect=len(chosen))
    assert back.done == tuple(chosen)
    assert snapshot(api, PATH) == before


@given(
    projects,
    st.lists(st.sampled_from([*FAULTS, None]), max_size=4),
    st.booleans(),
)
def test_what_is_done_is_what_the_server_shows_whatever_fails(
    server: LocalServer, runs: list[Logged], faults: list[Fault | None], lacks: bool
) -> None:
    chosen = log_all(server, "deleted", runs)
    mutation = "DeleteRun" if lacks else "DeleteRuns"
    # A client of its own: where much fails, it spends the retries that all of its calls share.
    with (
        Api(base_url=server.url, api_key="any", clock=FakeClock()) as api,
        ExitStack() as block,
    ):
        before = snapshot(api, PATH)
        if lacks:
            block.enter_context(server.lack("Mutation.deleteRuns"))
        block.enter_context(server.fail(*faults, operation=mutation))
        listing = api.runs(PATH, CHOSEN)
        outcome = ChangeOutcome("runs.delete", PATH, (), {}, ())
        for count in range(len(faults) + 2):
            server.clear_operations()
            try:
                outcome = listing.delete(expect=len(chosen))
            except ChangesError as error:
                outcome = error.outcome
                assert outcome.remaining
            left = [each for each in snapshot(api, PATH) if each in chosen]
            assert {*outcome.done} == {*chosen} - {*left}
            assert {*outcome.remaining} == {*left}
            assert not {*outcome.failed} & {*outcome.not_tried}
            # Once for each part, of which there is one, or for each run.
            assert server.operations.count(mutation) <= (len(chosen) if lacks else 1)
            if not left:
                break
            assert count <= len(faults)
        assert outcome.done == tuple(chosen)
        kept = {each: before[each] for each in before if each not in chosen}
        assert snapshot(api, PATH) == kept


def test_the_filter_names_ids_and_nothing_else(server: LocalServer, api: Api) -> None:
    server.reset()
    for number in range(120):
        log_run(server, "me", "deleted", f"r{number:03}", tags=["chosen"] if number % 6 else [])
    seen = Seen()
    with server.fail_always(seen, operation="DeleteRuns"):
        outcome = api.runs(PATH, CHOSEN).delete(expect=100)
        assert [each["filters"] for each in seen.variables] == [
            '{"name": {"$in": [' + ", ".join(f'"{each}"' for each in outcome.done) + "]}}"
        ]
        log_run(server, "me", "deleted", "more")
        rest = api.runs(PATH).delete(expect=21, delete_artifacts=True)
    assert len(rest.done) == 21
    assert [each.get("deleteArtifacts") for each in seen.variables] == [None, True]


def test_more_than_a_hundred_go_in_parts(server: LocalServer, api: Api) -> None:
    server.reset()
    for number in range(103):
        log_run(server, "me", "deleted", f"r{number:03}")
    server.clear_operations()
    with server.fail(None, Status(500), operation="DeleteRuns"), pytest.raises(ChangesError) as one:
        api.runs(PATH).delete(expect=103)
    assert server.operations.count("DeleteRuns") == 2
    assert len(one.value.outcome.done) == 100
    assert [*one.value.outcome.failed] == ["r100", "r101", "r102"]
    assert [run.id for run in api.runs(PATH)] == ["r100", "r101", "r102"]


@pytest.mark.parametrize("expect", [None, 0, 1, 3])
def test_nothing_is_sent_without_the_right_number(
    server: LocalServer, api: Api, expect: int | None
) -> None:
    log_all(server, "deleted", [Logged()] * 2)
    server.clear_operations()
    delete_anyhow = cast("Callable[..., object]", api.runs(PATH, CHOSEN).delete)
    given = "not given" if expect is None else expect
    with pytest.raises(InvalidArgumentError) as caught:
        delete_anyhow(expect=expect)
    assert caught.value.message == (
        f"runs.delete: 2 runs are selected, and expect= is {given}; nothing was changed. Look at "
        "them with dry_run=True, and pass expect=2"
    )
    with pytest.raises(InvalidArgumentError, match="2 runs are selected"):
        api.runs(PATH, CHOSEN).delete(expect=1, dry_run=True)
    assert {*server.operations} <= {"ListRuns"}
    assert len(api.runs(PATH)) == 3


@pytest.mark.parametrize("wrong", [True, "2", 2.0, -1])
def test_the_number_is_a_number(api: Api, server: LocalServer, wrong: object) -> None:
    server.clear_operations()
    delete_anyhow = cast("Callable[..., object]", api.runs(PATH).delete)
    with pytest.raises(InvalidArgumentError, match=r"expect is the number of runs .*, got"):
        delete_anyhow(expect=wrong)
    for name in ("dry_run", "delete_artifacts"):
        with pytest.raises(InvalidArgumentError, match=f"{name} must be True or False, got int 1"):
            delete_anyhow(expect=1, **{name: 1})
    assert server.operations == ()


def test_a_dry_run_shows_what_would_go(server: LocalServer) -> None:
    log_all(server, "deleted", [Logged()] * 2)
    with Api(base_url=server.url, api_key="any", read_only=True) as api:
        rows = api.runs(PATH, CHOSEN).delete(dry_run=True)
        assert [[*row] for row in rows] == [["id", "name", "state", "created_at"]] * 2
        assert [row["id"] for row in rows] == ["r0", "r1"]
        assert rows[0]["created_at"] == api.run(f"{PATH}/r0").created_at
        assert len(api.runs(PATH)) == 3
        with pytest.raises(ReadOnlyError):
            api.runs(PATH, CHOSEN).delete(expect=2)


def test_limit_and_order_select(server: LocalServer, api: Api) -> None:
    log_all(server, "deleted", [Logged()] * 4)
    outcome = api.runs(PATH, order="-created_at", limit=2).delete(expect=2)
    assert outcome.done == ("r3", "r2")
    assert [run.id for run in api.runs(PATH)] == ["first", "r0", "r1"]


def test_what_is_gone_already_is_done(server: LocalServer, api: Api) -> None:
    log_all(server, "deleted", [Logged()] * 2)
    listing = api.runs(PATH)
    assert len(list(listing)) == 3
    api.runs(PATH, CHOSEN).delete(expect=2)
    seen = Seen()
    with server.fail_always(seen, operation="DeleteRuns"):
        assert listing.delete(expect=3).done == ("first", "r0", "r1")
    assert [each["filters"] for each in seen.variables] == ['{"name": {"$in": ["first"]}}']


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_reading_back_shows_counts_whatever_the_answer_was(
    server: LocalServer, fault: Fault
) -> None:
    log_all(server, "deleted", [Logged()] * 2)
    with Api(base_url=server.url, api_key="any", clock=FakeClock()) as api:
        listing = api.runs(PATH, CHOSEN)
        with server.fail(fault, operation="DeleteRuns"):
            try:
                outcome = listing.delete(expect=2)
            except ChangesError as error:
                outcome = error.outcome
        left = [run.id for run in api.runs(PATH, CHOSEN)]
        assert (len(outcome.done), [*outcome.failed]) == (2 - len(left), left)
        assert left in (["r0", "r1"], [])
        assert listing.delete(expect=2).done == ("r0", "r1")


@pytest.mark.parametrize("lacks", [False, True])
def test_the_same_call_goes_on_after_an_interrupt(server: LocalServer, lacks: bool) -> None:
    server.reset()
    for number in range(130):
        log_run(server, "me", "deleted", f"r{number:03}")
    mutation = "DeleteRun" if lacks else "DeleteRuns"
    told: list[Answered] = []

    def interrupt(event: object) -> None:
        if isinstance(event, Answered) and event.operation == mutation:
            told.append(event)
            if len(told) == (105 if lacks else 1):
                raise KeyboardInterrupt

    with (
        Api(base_url=server.url, api_key="any", on_event=interrupt, max_concurrency=1) as api,
        ExitStack() as block,
    ):
        if lacks:
            block.enter_context(server.lack("Mutation.deleteRuns"))
        listing = api.runs(PATH)
        with pytest.raises(KeyboardInterrupt) as caught:
            listing.delete(expect=130)
        assert "of 130 runs are done; not tried: " in caught.value.__notes__[0]
        left = len(api.runs(PATH))
        assert 0 < left < 130
        assert len(listing.delete(expect=130).done) == 130
        assert len(api.runs(PATH)) == 0


def test_the_same_call_goes_on_after_a_cancellation(server: LocalServer) -> None:
    server.reset()
    for number in range(110):
        log_run(server, "me", "deleted", f"r{number:03}")

    async def run() -> None:
        with anyio.CancelScope() as scope:

            def cancel(event: object) -> None:
                if isinstance(event, Answered) and event.operation == "DeleteRuns":
                    scope.cancel()

            async with AsyncApi(base_url=server.url, api_key="any", on_event=cancel) as api:
                await api.runs(PATH).delete(expect=110)
        assert scope.cancelled_caught
        async with AsyncApi(base_url=server.url, api_key="any") as api:
            assert await api.runs(PATH).length() == 10
            assert len((await api.runs(PATH).delete(expect=10)).done) == 10

    anyio.run(run)


@pytest.mark.parametrize("fault", [Status(401), Status(403), RateLimited(after=0)])
def test_what_would_fail_again_is_not_tried(server: LocalServer, fault: Fault) -> None:
    server.reset()
    for number in range(9):
        log_run(server, "me", "deleted", f"r{number}")
    with (
        Api(base_url=server.url, api_key="any", clock=FakeClock(), max_concurrency=1) as api,
        server.lack("Mutation.deleteRuns"),
    ):
        server.clear_operations()
        with (
            server.fail(None, fault, operation="DeleteRun"),
            pytest.raises(ChangesError) as caught,
        ):
            api.runs(PATH).delete(expect=9)
        outcome = caught.value.outcome
        assert outcome.done == ("r0",)
        assert [*outcome.failed] == ["r1"]
        assert len(outcome.not_tried) == 7
        assert server.operations.count("DeleteRun") == 2
        assert caught.value.__cause__ is outcome.failed["r1"]


def test_much_that_fails_ends_it(server: LocalServer) -> None:
    server.reset()
    for number in range(9):
        log_run(server, "me", "deleted", f"r{number}")
    with (
        Api(base_url=server.url, api_key="any", clock=FakeClock(), max_concurrency=1) as api,
        server.lack("Mutation.deleteRuns"),
        server.fail_always(Status(500), operation="DeleteRun"),
        pytest.raises(ChangesError) as caught,
    ):
        api.runs(PATH).delete(expect=9)
    assert len(caught.value.outcome.failed) == 3
    assert len(caught.value.outcome.not_tried) == 6
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.outcome.remaining == caught.value.outcome.remaining
    assert copy.outcome.done == ()


def test_a_part_that_the_server_says_it_could_not_delete(server: LocalServer, api: Api) -> None:
    class Refuses(Fault):
        @override
        def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
            return Answer(b'{"data": {"deleteRuns": {"errors": "r0 has a lock"}}}')

    log_all(server, "deleted", [Logged()])
    with server.fail(Refuses(), operation="DeleteRuns"), pytest.raises(ChangesError) as caught:
        api.runs(PATH, CHOSEN).delete(expect=1)
    assert "r0 has a lock" in caught.value.message
    assert [*caught.value.outcome.failed] == ["r0"]


def test_changes_are_logged(
    server: LocalServer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    log_all(server, "deleted", [Logged()] * 2)
    with caplog.at_level(logging.INFO, "wandb_runs"):
        api.runs(PATH, CHOSEN).delete(expect=2)
        api.undelete_runs(PATH, ["r0", "r1"], expect=2)
    assert [each for each in caplog.messages if "changed" in each] == [
        "changed 2 runs of 'me/deleted': deleted",
        "changed 2 runs of 'me/deleted': no longer deleted",
    ]


def test_the_log_counts_the_runs_that_were_changed_and_not_those_that_were_asked_for(
    server: LocalServer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    log_all(server, "deleted", [Logged()] * 2)
    api.runs(PATH, CHOSEN).delete(expect=2)
    with caplog.at_level(logging.INFO, "wandb_runs"):
        with pytest.raises(ChangesError):
            api.undelete_runs(PATH, ["r0", "none"], expect=2)
        with pytest.raises(ChangesError):
            api.undelete_runs(PATH, ["none"], expect=1)
    assert [each for each in caplog.messages if "changed" in each] == [
        "changed 1 run of 'me/deleted': no longer deleted"
    ]


# --- taking back ---------------------------------------------------------------------------------


def test_taking_back_needs_the_right_number_and_ids(server: LocalServer, api: Api) -> None:
    log_all(server, "deleted", [])
    server.clear_operations()
    undelete_anyhow = cast("Callable[..., object]", api.undelete_runs)
    wrongs: list[tuple[object, str]] = [
        (["r1", "r2", "r1"], r"2 runs are selected, and expect= is 3; .* Look at the ids"),
        ("r1", r"ids is a list of run ids; write ids=\['r1'\]"),
        ({"r1"}, "ids is a list of run ids, got set"),
        (["r1", ""], r"ids\[1\] is the id of a run"),
        ([1], r"ids\[0\] is the id of a run"),
    ]
    for wrong, message in wrongs:
        with pytest.raises(InvalidArgumentError, match=message):
            undelete_anyhow(PATH, wrong, expect=3)
    assert server.operations == ()
    with pytest.raises(NotFoundError):
        api.undelete_runs("me/never", ["r1"], expect=1)
    with pytest.raises(ChangesError) as caught:
        api.undelete_runs(PATH, ["first", "never"], expect=2)
    assert caught.value.outcome.done == ("first",)
    assert [*caught.value.outcome.failed] == ["never"]


def test_a_server_that_takes_nothing_back(server: LocalServer, api: Api) -> None:
    log_all(server, "deleted", [])
    api.runs(PATH).delete(expect=1)
    with server.lack("Mutation.undeleteRuns"), pytest.raises(UnsupportedByServerError):
        api.undelete_runs(PATH, ["first"], expect=1)


def test_taking_back_by_the_awaiting_half(server: LocalServer) -> None:
    log_all(server, "deleted", [])

    async def run() -> None:
        async with AsyncApi(base_url=server.url, api_key="any") as api:
            rows = await api.runs(PATH).delete(dry_run=True)
            assert [row["id"] for row in rows] == ["first"]
            gone = await api.runs(PATH).delete(expect=1)
            assert gone.done == ("first",)
            back = await api.undelete_runs(PATH, gone.done, expect=1)
            assert back == ChangeOutcome("api.undelete_runs", PATH, ("first",), {}, ())

    anyio.run(run)

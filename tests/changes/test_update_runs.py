"""`runs.update`: what is selected changes as it is told, and nothing else does."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from support.many_changes import FAULTS, Logged, Seen, log_all, projects, snapshot
from support.sdk_programs import run_sdk
from typing_extensions import override

from wandb_runs import (
    Answered,
    Api,
    AsyncApi,
    ChangeOutcome,
    ChangesError,
    InvalidArgumentError,
    NotFoundError,
    NothingToRemoveWarning,
    ReadOnlyError,
    RunValidationError,
)
from wandb_runs.testing import Answer, FakeClock, Fault, LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wandb_runs.local.faults import Answering, GraphQLRequest

CHOSEN = {"tags": "chosen"}
PATH = "me/updated"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="any", clock=FakeClock()) as api:
        yield api


@pytest.mark.filterwarnings("ignore::wandb_runs.NothingToRemoveWarning")
@settings(max_examples=10)
@given(
    projects,
    st.lists(st.sampled_from(["x", "y", "new"]), unique=True),
    st.lists(st.sampled_from(["z", "w"]), unique=True),
    st.booleans(),
    st.booleans(),
)
def test_tags_of_exactly_the_selected_runs_change(
    server: LocalServer,
    runs: list[Logged],
    add: list[str],
    remove: list[str],
    lacks: bool,
    awaits: bool,
) -> None:
    chosen = log_all(server, "updated", runs)
    if not add and not remove:
        add = ["new"]
    # A client of its own: it remembers what a server lacks.
    with Api(base_url=server.url, api_key="any") as api, ExitStack() as block:
        before = snapshot(api, PATH)
        if lacks:
            block.enter_context(server.lack("Mutation.modifyRuns"))
        if awaits:

            async def run() -> ChangeOutcome:
                async with AsyncApi(base_url=server.url, api_key="any", clock=FakeClock()) as twin:
                    return await twin.runs(PATH, CHOSEN).update(
                        expect=len(chosen), add_tags=add, remove_tags=remove
                    )

            outcome = anyio.run(run)
        else:
            outcome = api.runs(PATH, CHOSEN).update(
                expect=len(chosen), add_tags=add, remove_tags=remove
            )
        after = snapshot(api, PATH)
    assert outcome == ChangeOutcome("runs.update", PATH, tuple(chosen), {}, ())
    for run_id in chosen:
        tags = cast("list[str]", before[run_id]["tags"])
        kept = [tag for tag in tags if tag not in remove]
        before[run_id]["tags"] = [*kept, *(tag for tag in add if tag not in kept)]
    assert after == before


@pytest.mark.filterwarnings("ignore::wandb_runs.NothingToRemoveWarning")
@settings(max_examples=10)
@given(projects)
def test_all_else_of_exactly_the_selected_runs_changes(
    server: LocalServer, api: Api, runs: list[Logged]
) -> None:
    chosen = log_all(server, "updated", runs)
    before = snapshot(api, PATH)
    listing = api.runs(PATH, CHOSEN)
    rows = listing.update(
        dry_run=True, group="g3", config={"lr": 0.5}, unset_summary=["seed"], tags=["t"]
    )
    assert snapshot(api, PATH) == before
    outcome = listing.update(
        expect=len(chosen), group="g3", config={"lr": 0.5}, unset_summary=["seed"], tags=["t"]
    )
    assert outcome.done == tuple(chosen)
    after = snapshot(api, PATH)
    assert {each: after[each] for each in after if each not in chosen} == {
        each: before[each] for each in before if each not in chosen
    }
    assert [row["id"] for row in rows] == chosen
    for row, run_id in zip(rows, chosen, strict=True):
        run, old = api.run(f"{PATH}/{run_id}"), before[run_id]
        assert (row["before.group"], row["after.group"]) == (old["group"], run.group)
        assert (row["before.tags"], row["after.tags"]) == (old["tags"], run.tags)
        assert run.config["lr"] == row["after.config.lr"] == 0.5
        summary = cast("dict[str, object]", old["summary"])
        assert row["before.summary.seed"] == summary.get("seed")
        assert row["after.summary.seed"] is None
        assert run.summary == {each: summary[each] for each in summary if each != "seed"}
        assert (run.name, run.notes, run.state) == (old["name"], old["notes"], old["state"])


@given(
    projects,
    st.lists(st.sampled_from([*FAULTS, None]), max_size=4),
    st.sampled_from(["tags", "tags, one by one", "group"]),
)
def test_what_is_done_is_what_the_server_shows_whatever_fails(
    server: LocalServer, runs: list[Logged], faults: list[Fault | None], what: str
) -> None:
    chosen = log_all(server, "updated", runs)
    with (
        Api(base_url=server.url, api_key="any", clock=FakeClock()) as api,
        ExitStack() as block,
    ):
        before = snapshot(api, PATH)
        if what == "tags, one by one":
            block.enter_context(server.lack("Mutation.modifyRuns"))
        for mutation in ("ModifyRuns", "UpdateRun"):
            block.enter_context(server.fail(*faults, operation=mutation))
        listing = api.runs(PATH, CHOSEN)
        outcome = ChangeOutcome("runs.update", PATH, (), {}, ())
        for _ in range(2 * len(faults) + 2):
            try:
                if what == "group":
                    outcome = listing.update(expect=len(chosen), group="g9")
                else:
                    outcome = listing.update(expect=len(chosen), add_tags=["new"])
            except ChangesError as error:
                outcome = error.outcome
                assert outcome.remaining
            shown = {run.id for run in api.runs(PATH) if run.group == "g9" or "new" in run.tags}
            assert {*outcome.done} == shown
            assert {*outcome.remaining} == {*chosen} - shown
            if not outcome.remaining:
                break
        assert outcome.done == tuple(chosen)
        after = snapshot(api, PATH)
        for run_id in chosen:
            before[run_id]["group"] = after[run_id]["group"]
            before[run_id]["tags"] = after[run_id]["tags"]
        assert after == before


def test_tags_of_a_hundred_runs_take_one_request(server: LocalServer, api: Api) -> None:
    server.reset()
    for number in range(104):
        log_run(server, "me", "updated", f"r{number:03}", tags=["x"] if number % 2 else [])
    server.clear_operations()
    assert len(api.runs(PATH).update(expect=104, add_tags=["x"]).done) == 104
    assert server.operations.count("ModifyRuns") == 1  # of the 52 that lack it
    assert api.runs(PATH).update(expect=104, add_tags=["x"]).done
    assert api.runs(PATH).update(expect=104, add_tags=["y"], remove_tags=["x"]).done
    assert server.operations.count("ModifyRuns") == 3
    assert {*server.operations} == {"ListRuns", "ModifyRuns"}
    assert {tuple(run.tags) for run in api.runs(PATH)} == {("y",)}


class OtherIds(Fault):
    """A server whose `modifyRuns` knows storage ids alone."""

    @override
    def concerns(self, request: GraphQLRequest) -> bool:
        return "r0" in cast("list[str]", request.variables["ids"])

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(b'{"data": {"modifyRuns": {"runs": []}}}')


def test_a_server_that_wants_storage_ids_gets_them(server: LocalServer, api: Api) -> None:
    log_all(server, "updated", [Logged()] * 2)
    seen = Seen()
    with (
        server.fail_always(OtherIds(), operation="ModifyRuns"),
        server.fail_always(seen, operation="ModifyRuns"),
    ):
        assert api.runs(PATH, CHOSEN).update(expect=2, add_tags=["x"]).done == ("r0", "r1")
    storage_ids = [run.storage_id for run in api.runs(PATH, CHOSEN)]
    assert seen.variables[-1]["ids"] == storage_ids


def test_a_server_whose_mutation_does_nothing_has_tags_written(
    server: LocalServer, api: Api
) -> None:
    log_all(server, "updated", [Logged()] * 2)

    class Nothing(Fault):
        @override
        def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
            return Answer(b'{"data": {"modifyRuns": {"runs": []}}}')

    with server.fail_always(Nothing(), operation="ModifyRuns"):
        assert api.runs(PATH, CHOSEN).update(expect=2, add_tags=["x"]).done == ("r0", "r1")
    assert [run.tags for run in api.runs(PATH, CHOSEN)] == [["chosen", "x"]] * 2


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_none_of_the_runs_has_cannot_be_removed_and_is_told(
    server: LocalServer, api: Api, dry_run: bool
) -> None:
    server.reset()
    log_run(server, "me", "updated", "r1", config={"lr": 0.1, "seed": 1}, tags=["new", "a"])
    log_run(server, "me", "updated", "r2", config={"lr": 0.1}, summary={"loss": 1}, tags=["new"])

    async def awaited() -> None:
        async with AsyncApi(base_url=server.url, api_key="any") as other:
            await other.runs(PATH).update(
                expect=2,
                dry_run=dry_run,
                remove_tags=["nwe", "a"],
                unset_config=["seed", "lrr"],
                unset_summary=["los"],
            )

    def blocking() -> None:
        api.runs(PATH).update(
            expect=2,
            dry_run=dry_run,
            remove_tags=["nwe", "a"],
            unset_config=["lr", "lrr"],
            unset_summary=["los"],
        )

    for change in (blocking, lambda: anyio.run(awaited)):
        with pytest.warns(NothingToRemoveWarning) as told:
            change()
        assert [str(each.message) for each in told][1:] == [
            "unset_config: none of the 2 runs has a key 'lrr' (did you mean 'lr'?), so that none "
            "is removed",
            "unset_summary: none of the 2 runs has a key 'los' (did you mean 'loss'?), so that "
            "none is removed",
        ]
        assert "'nwe' (did you mean 'new'?)" in str(told[0].message)
        assert {each.filename for each in told} == {__file__}, "at the caller's line"
        server.reset()
        log_run(server, "me", "updated", "r1", config={"lr": 1, "seed": 1}, tags=["new", "a"])
        log_run(server, "me", "updated", "r2", config={"lr": 1}, summary={"loss": 1}, tags=["new"])


def test_runs_that_are_still_logging_stay_unless_forced(server: LocalServer, api: Api) -> None:
    log_all(server, "updated", [Logged()])
    log_run(server, "me", "updated", "live", exit_code=None)
    before = snapshot(api, PATH)
    with pytest.raises(
        InvalidArgumentError, match=r"1 run \(live\) is still logging: .* force=True"
    ):
        api.runs(PATH).update(expect=3, add_tags=["x"])
    assert snapshot(api, PATH) == before
    assert (
        len(api.runs(PATH).update(expect=3, add_tags=["x"], config={"a": 1}, force=True).done) == 3
    )
    assert all(run.tags[-1] == "x" and run.config["a"] == 1 for run in api.runs(PATH))


def test_wrong_arguments_send_nothing(server: LocalServer, api: Api) -> None:
    log_all(server, "updated", [Logged()])
    server.clear_operations()
    update_anyhow = cast("Callable[..., object]", api.runs(PATH).update)
    for wrong in (
        {},
        {"add_tags": "x"},
        {"add_tags": ["x"], "remove_tags": ["x"]},
        {"tags": ["x"], "add_tags": ["y"]},
        {"config": {"lr": object()}},
        {"group": 3},
        {"add_tags": ["x"], "force": 1},
        {"add_tags": ["x"], "dry_run": 1},
        {"add_tags": ["x"], "expect": "2"},
    ):
        with pytest.raises(InvalidArgumentError):
            update_anyhow(**{"expect": 2, **wrong})
    assert server.operations == ()
    for expect in (None, 1, 3):
        with pytest.raises(InvalidArgumentError, match=r"runs\.update: 2 runs are selected"):
            update_anyhow(expect=expect, add_tags=["x"])
    assert {*server.operations} == {"ListRuns"}


class Config(BaseModel):
    """What the configs are to be."""

    lr: float


def test_what_would_not_fit_its_type_fails_alone(server: LocalServer, api: Api) -> None:
    log_all(server, "updated", [Logged(config={"lr": 0.1}), Logged(config={"lr": 0.2, "x": 1})])
    runs = api.runs(PATH, CHOSEN, config=Config)
    with pytest.raises(ChangesError, match="would not fit its type") as caught:
        runs.update(expect=2, config={"lr": "fast"})
    assert {*map(type, caught.value.outcome.failed.values())} == {RunValidationError}
    assert [run.config["lr"] for run in api.runs(PATH, CHOSEN)] == [0.1, 0.2]
    assert runs.update(expect=2, config={"lr": 1}).done == ("r0", "r1")


def test_runs_that_are_gone_fail_and_the_rest_changes(server: LocalServer, api: Api) -> None:
    log_all(server, "updated", [Logged(), Logged()])
    listing = api.runs(PATH, CHOSEN)
    assert len(list(listing)) == 2
    api.runs(PATH, CHOSEN, limit=1).delete(expect=1)
    with pytest.raises(ChangesError) as caught:
        listing.update(expect=2, group="g")
    assert caught.value.outcome.done == ("r1",)
    assert isinstance(caught.value.outcome.failed["r0"], NotFoundError)


def test_a_dry_run_shows_what_would_change(server: LocalServer) -> None:
    log_all(server, "updated", [Logged(config={"model": {"depth": 2}})])
    with Api(base_url=server.url, api_key="any", read_only=True) as api:
        listing = api.runs(PATH, CHOSEN)
        rows = listing.update(dry_run=True, config={"model.depth": 3}, add_tags=["x"], group=None)
        assert [*rows[0]][4:] == [
            *("before.group", "after.group", "before.tags", "after.tags"),
            *("before.config.model.depth", "after.config.model.depth"),
        ]
        assert [*rows[0].values()][4:] == [None, None, ["chosen"], ["chosen", "x"], 2, 3]
        with pytest.raises(ReadOnlyError):
            listing.update(expect=1, add_tags=["x"])


def test_the_same_call_goes_on_after_an_interrupt(server: LocalServer) -> None:
    server.reset()
    for number in range(12):
        log_run(server, "me", "updated", f"r{number:02}")
    answered: list[Answered] = []

    def interrupt(event: object) -> None:
        if isinstance(event, Answered) and event.operation == "UpdateRun":
            answered.append(event)
            if len(answered) == 5:
                raise KeyboardInterrupt

    with Api(base_url=server.url, api_key="any", on_event=interrupt, max_concurrency=1) as api:
        listing = api.runs(PATH)
        with pytest.raises(KeyboardInterrupt) as caught:
            listing.update(expect=12, group="g")
        assert "of 12 runs are done" in caught.value.__notes__[0]
        assert sum(run.group == "g" for run in api.runs(PATH)) == 5
        assert len(listing.update(expect=12, group="g").done) == 12
        assert len(answered) == 12  # those that were done are not sent again
        assert all(run.group == "g" for run in api.runs(PATH))


READ = """
import wandb
api = wandb.Api()
for run in api.runs("me/updated", order="+created_at"):
    print(run.id, sorted(run.tags), run.group, sorted(run.config.items()), run.summary.get("loss"))
for run in api.runs("me/elsewhere"):
    print(run.id, sorted(run.tags), sorted(run.config.items()))
"""


def test_the_sdk_reads_what_was_changed(server: LocalServer, api: Api, tmp_path: Path) -> None:
    server.reset()
    for number in range(4):
        log_run(server, "me", "updated", f"r{number}", config={"lr": number}, summary={"loss": 1})
    log_run(server, "me", "elsewhere", "other")
    api.runs(PATH, {"name": "r0"}).delete(expect=1)
    api.runs(PATH).update(expect=3, add_tags=["x"], config={"depth": 2}, summary={"loss": 0.5})
    api.runs(PATH, {"name": "r2"}).move("me/elsewhere", expect=1)
    api.runs(PATH).update(expect=2, group="g", tags=["y"])
    assert run_sdk(READ, server, tmp_path).splitlines() == [
        "r1 ['y'] g [('depth', 2), ('lr', 1)] 0.5",
        "r3 ['y'] g [('depth', 2), ('lr', 3)] 0.5",
        "r2 ['x'] [('depth', 2), ('lr', 2)]",
        "other [] []",
    ]

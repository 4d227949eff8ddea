"""Runs and projects are made once, and what is there already is not changed without a word."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sdk_programs import run_sdk
from support.ways import each_way

from wandb_runs import (
    Api,
    AsyncApi,
    AsyncRun,
    InvalidArgumentError,
    Run,
    ServerError,
    WandbRunsError,
)
from wandb_runs.testing import (
    Answer,
    Churn,
    FakeClock,
    Fault,
    LocalServer,
    Status,
    log_run,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wandb_runs.local.faults import Answering
    from wandb_runs.testing import GraphQLRequest

KEY = "k" * 40


class LostAnswer(Fault):
    """The request is carried out, and its answer is lost."""

    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        answer(request)
        return Answer(b"", 502)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _as_new(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        server: LocalServer = request.getfixturevalue("server")
        server.recover()
        server.clear_operations()


def sent(server: LocalServer) -> tuple[str, ...]:
    """The operations that the server has received."""
    return server.operations


def create_run(
    way: str,
    server: LocalServer,
    run_id: str | None = None,
    project: str | None = None,
    entity: str | None = None,
) -> Run | AsyncRun:
    """Make a run, with the blocking client or an awaiting one."""
    if way == "sync":
        with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            return api.create_run(run_id=run_id, project=project, entity=entity)

    async def create() -> AsyncRun:
        async with AsyncApi(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            return await api.create_run(run_id=run_id, project=project, entity=entity)

    return anyio.run(create, backend=way)


def create_project(way: str, server: LocalServer, name: str, entity: str | None = None) -> str:
    """Make a project, and return its storage id."""
    if way == "sync":
        with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            return str(api.create_project(name, entity).id)

    async def create() -> str:
        async with AsyncApi(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            return str(await (await api.create_project(name, entity)).id())

    return anyio.run(create, backend=way)


def read(server: LocalServer, path: str) -> Run:
    with Api(base_url=server.url, api_key=KEY) as api:
        return api.run(path)


@each_way
def test_a_run_is_made_with_the_id_that_is_given_or_a_random_one(
    server: LocalServer, way: str
) -> None:
    run = create_run(way, server, "given", f"new-{way}", "made")
    assert sent(server) == ("GetRun", "CreateRun", "GetRun")
    assert run.path == ["made", f"new-{way}", "given"]
    server.clear_operations()
    random = [create_run(way, server, project=f"new-{way}", entity="made") for _ in range(2)]
    assert sent(server) == ("CreateRun", "GetRun") * 2
    assert len({each.id for each in random}) == 2
    for each in (run, *random):
        assert (each.state, each.config, each.summary, each.tags) == ("running", {}, {}, [])
        held = read(server, "/".join(each.path))
        assert (held.storage_id, held.created_at) == (each.storage_id, each.created_at)


@each_way
def test_a_run_that_is_there_is_not_changed(server: LocalServer, way: str) -> None:
    log_run(server, "me", "there", "r1", config={"lr": 1}, state="finished")
    server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=r"run 'me/there/r1' exists already"):
        create_run(way, server, "r1", "there", "me")
    assert sent(server) == ("GetRun",)
    run = read(server, "me/there/r1")
    assert (run.state, run.config) == ("finished", {"lr": 1})


@each_way
def test_a_run_that_another_program_makes_meanwhile_is_told(server: LocalServer, way: str) -> None:
    def make(server: LocalServer) -> None:
        log_run(server, "me", "race", way)

    with (
        server.fail(Churn(make), operation="CreateRun"),
        pytest.raises(WandbRunsError, match="was made by another program at the same time"),
    ):
        create_run(way, server, way, "race", "me")


@each_way
@pytest.mark.parametrize("run_id", [None, "lost"])
def test_a_lost_answer_is_settled_by_reading_back(
    server: LocalServer, way: str, run_id: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wandb_runs")
    with server.fail(LostAnswer(), operation="CreateRun"):
        run = create_run(way, server, run_id, f"lost-{way}", "me")
    assert server.operations.count("CreateRun") == 1
    assert read(server, "/".join(run.path)).state == "running"
    with server.fail(LostAnswer(), operation="CreateProject"):
        assert create_project(way, server, f"lost-project-{way}", "me")
    assert server.operations.count("CreateProject") == 1
    lost = "(the answer was lost; read back)"
    path = "/".join(run.path)
    assert f"changed run '{path}': created {lost}" in caplog.text
    made = f"changed project 'me/lost-project-{way}': created, unless it was there {lost}"
    assert made in caplog.text


@each_way
def test_what_was_not_done_is_an_error_and_is_not_sent_again(server: LocalServer, way: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "CreateRun": partial(create_run, way, server, "none", "failed", "me"),
        "CreateProject": partial(create_project, way, server, "failed", "me"),
    }
    for operation, call in calls.items():
        with (
            server.fail_always(Status(502), operation=operation),
            pytest.raises(ServerError, match="reading back does not show it"),
        ):
            call()
        assert server.operations.count(operation) == 1
    with Api(base_url=server.url, api_key=KEY) as api:
        assert "failed" not in {project.name for project in api.projects("me")}


@each_way
def test_a_project_is_made_and_one_that_is_there_stays(
    server: LocalServer, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wandb_runs")
    log_run(server, "owner", f"kept-{way}", "r1")
    kept = create_project(way, server, f"kept-{way}", "owner")
    assert f"project 'owner/kept-{way}' was there already" in caplog.text
    caplog.clear()
    made = create_project(way, server, f"made-{way}", "owner")
    assert "was there already" not in caplog.text
    with Api(base_url=server.url, api_key=KEY) as api:
        ids = {project.name: project.id for project in api.projects("owner")}
        assert (ids[f"kept-{way}"], ids[f"made-{way}"]) == (kept, made)
        assert len(api.runs(f"owner/kept-{way}")) == 1
        assert len(api.runs(f"owner/made-{way}")) == 0


NOT_IN_IDS = ":;,#?/'"


@settings(max_examples=20, deadline=None)
@given(
    name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=6)
    | st.text("ab/\\#?%:;,'", max_size=4)
    | st.just("p" * 129)
)
def test_a_name_is_refused_before_any_request_or_is_read_back(
    server: LocalServer, name: str
) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        api.create_project("names", "me")
        server.clear_operations()
        is_name = bool(name) and name == name.strip()
        if is_name and {*NOT_IN_IDS}.isdisjoint(name):
            if name not in {run.id for run in api.runs("me/names")}:
                assert api.create_run(run_id=name, project="names", entity="me").id == name
            assert api.project("names", "me").runs({"name": name})[0].id == name
        else:
            with pytest.raises(InvalidArgumentError, match="run_id must"):
                api.create_run(run_id=name, project="names", entity="me")
            assert sent(server) == ()
        server.clear_operations()
        if is_name and {*"/\\#?%:"}.isdisjoint(name) and len(name) <= 128:
            assert api.create_project(name, "named").name == name
            assert name in {project.name for project in api.projects("named")}
        else:
            for call in (
                lambda: api.create_project(name, "named"),
                lambda: api.create_run(project=name, entity="named"),
            ):
                with pytest.raises(InvalidArgumentError):
                    call()
            assert sent(server) == ()


def test_messages_have_the_argument_that_is_wrong(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        with pytest.raises(InvalidArgumentError, match=r"^name must be a str, got NoneType None$"):
            api.create_project(cast("str", None), "me")
        with pytest.raises(InvalidArgumentError, match=r"^name must have none of"):
            api.create_project("a/b", "me")
        with pytest.raises(InvalidArgumentError, match=r"^project must have none of"):
            api.create_run(project="a#b", entity="me")
        with pytest.raises(InvalidArgumentError, match=r"^to: path must look like"):
            api.runs("me/p").move("me/q/r", expect=1)


def test_a_run_needs_a_project(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    with Api(base_url=server.url, api_key=KEY) as api:
        for wrong in (None, 5):
            with pytest.raises(InvalidArgumentError):
                api.create_run(run_id=cast("str | None", wrong))
        assert sent(server) == ()
    with Api(base_url=server.url, api_key=KEY, entity="set", project="by-settings") as api:
        assert api.create_run(run_id="r1").path == ["set", "by-settings", "r1"]


JUDGE = """
import json, wandb

api = wandb.Api()
mine = api.create_run(run_id="sdk", project="judged", entity="team")
api.create_project("empty", "team")
run = api.run("team/judged/ours")
print(json.dumps({
    "runs": sorted((r.id, r.state, r.config) for r in api.runs("team/judged")),
    "ours": [run.id, run.state, run.storage_id],
    "projects": sorted(p.name for p in api.projects("team")),
}))
"""


def test_the_sdk_reads_what_is_made_here_and_makes_what_is_read_here(
    server: LocalServer, tmp_path: Path
) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        ours = api.create_run(run_id="ours", project="judged", entity="team")
        api.create_project("by-us", "team")
        told = json.loads(run_sdk(JUDGE, server, tmp_path).splitlines()[-1])
        assert told["ours"] == [ours.id, ours.state, ours.storage_id]
        runs = [[run.id, run.state, run.config] for run in api.runs("team/judged")]
        assert told["runs"] == sorted(runs)
        assert [run_id for run_id, *_ in told["runs"]] == ["ours", "sdk"]
        assert told["projects"] == sorted(each.name for each in api.projects("team"))
        assert told["projects"] == ["by-us", "empty", "judged"]

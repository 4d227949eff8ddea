"""Projects and their sweeps are listed each once, in order, at any page size."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import threading
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import ChangedAnswer, ChangedVariables
from support.sdk_programs import run_sdk
from support.sweeps import make_sweep
from support.ways import each_way

from wandb_runs import (
    Api,
    AsyncApi,
    BadResponseError,
    DegradedServerWarning,
    InvalidArgumentError,
    MissingItemsWarning,
    NotFoundError,
    ServerError,
    UnsupportedByServerError,
)
from wandb_runs.testing import FakeClock, LocalServer, NullFields, Status, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONValue

KEY = "k" * 40
ENTITIES = map("team{}".format, itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def own(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
        yield api


def sent(server: LocalServer) -> tuple[str, ...]:
    """The operations that the server has received."""
    return server.operations


def names_of(way: str, server: LocalServer, entity: str, per_page: int) -> list[str]:
    if way == "sync":
        with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            return [project.name for project in api.projects(entity, per_page)]

    async def read() -> list[str]:
        async with AsyncApi(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            return [project.name async for project in api.projects(entity, per_page)]

    return anyio.run(read, backend=way)


def sweeps_of(way: str, server: LocalServer, path: str, per_page: int) -> list[str]:
    if way == "sync":
        with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            return [sweep.id for sweep in api.project(path).sweeps(per_page)]

    async def read() -> list[str]:
        async with AsyncApi(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            return [sweep.id async for sweep in api.project(path).sweeps(per_page)]

    return anyio.run(read, backend=way)


@settings(max_examples=10, deadline=None)
@given(
    count=st.integers(0, 12),
    per_page=st.integers(1, 15),
    way=st.sampled_from(["sync", "asyncio", "trio"]),
)
def test_each_project_and_each_sweep_comes_once(
    server: LocalServer, own: Api, count: int, per_page: int, way: str
) -> None:
    entity = next(ENTITIES)
    made = [own.create_project(f"p{number}", entity).name for number in range(count)]
    pages = max(1, -(-count // per_page))
    server.clear_operations()
    with warnings.catch_warnings(action="error"):
        assert names_of(way, server, entity, per_page) == made[::-1]
        assert sent(server) == ("ListProjects",) * pages
        own.create_project("swept", entity)
        sweeps = [make_sweep(server, f"{entity}/swept") for _ in range(count)]
        server.clear_operations()
        assert sweeps_of(way, server, f"{entity}/swept", per_page) == sweeps
    assert sent(server) == ("ListSweeps",) * pages


@settings(max_examples=10, deadline=None)
@given(
    count=st.integers(1, 8),
    per_page=st.integers(1, 4),
    taken=st.integers(0, 8),
    more=st.integers(1, 3),
)
def test_projects_that_come_meanwhile_repeat_and_hide_none(
    server: LocalServer, own: Api, count: int, per_page: int, taken: int, more: int
) -> None:
    entity = next(ENTITIES)
    made = {own.create_project(f"p{number}", entity).name for number in range(count)}
    loop = iter(own.projects(entity, per_page))
    read = [project.name for project in itertools.islice(loop, taken)]
    for number in range(more):
        own.create_project(f"new{number}", entity)
    read += [project.name for project in loop]
    assert len(read) == len(set(read))
    assert made <= set(read)


@pytest.fixture
def _same_key(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the environment, for what is unpickled."""
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)


@pytest.mark.usefixtures("_same_key")
def test_a_listing_is_a_lazy_sequence(server: LocalServer, own: Api) -> None:
    entity = next(ENTITIES)
    for number in range(7):
        own.create_project(f"p{number}", entity)
    server.clear_operations()
    projects = own.projects(entity, per_page=2)
    assert repr(projects) == f"<Projects {entity}>"
    assert sent(server) == ()
    assert bool(projects)
    assert projects[2].name == "p4"
    assert sent(server) == ("ListProjects",) * 2
    assert len(projects) == 7
    assert (projects[-1].name, [each.name for each in projects[1:6:2]]) == (
        "p0",
        ["p5", "p3", "p1"],
    )
    assert sent(server) == ("ListProjects",) * 4
    assert [*projects] == [*reversed([*reversed(projects)])]
    assert own.project(f"{entity}/p3") in projects
    assert projects.index(own.project("p3", entity)) == 3
    with pytest.raises(IndexError, match="project 7 of 7"):
        projects[7]
    assert sent(server) == ("ListProjects",) * 4
    assert [*copy.copy(projects)] == [*projects]
    with Api(base_url=server.url, api_key=KEY) as api:
        assert [*pickle.loads(pickle.dumps(api.projects(entity)))] == [*projects]
        sweeps = api.project(f"{entity}/p0").sweeps(per_page=3)
        assert repr(sweeps) == "<ProjectSweeps p0>"
        assert not sweeps
        assert [*pickle.loads(pickle.dumps(sweeps))] == []


def test_threads_share_a_listing(server: LocalServer, own: Api) -> None:
    entity = next(ENTITIES)
    for number in range(9):
        own.create_project(f"p{number}", entity)
    projects, found = own.projects(entity, per_page=2), list[list[str]]()
    server.clear_operations()
    threads = [
        threading.Thread(target=lambda: found.append([each.name for each in projects]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[f"p{number}" for number in reversed(range(9))]] * 4
    assert sent(server) == ("ListProjects",) * 5


@pytest.mark.usefixtures("_same_key")
def test_an_awaited_listing_tells_what_to_write(server: LocalServer, own: Api) -> None:
    entity = next(ENTITIES)
    for number in range(3):
        own.create_project(f"p{number}", entity)

    async def use() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            projects = api.projects(entity, per_page=2)
            assert await projects.length() == 3
            assert (await projects.get(0)).name == "p2"
            assert [each.name for each in await projects.get(slice(None, None, -1))] == [
                "p0",
                "p1",
                "p2",
            ]
            assert [*await pickle.loads(pickle.dumps(projects)).get(slice(None))] == [
                *await projects.get(slice(None))
            ]
            for use_wrong in (
                lambda: projects[0],  # type: ignore[index] # pyright: ignore[reportIndexIssue] - wrong on purpose
                lambda: len(projects),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose
                lambda: [*projects],  # type: ignore[misc] # pyright: ignore[reportGeneralTypeIssues] - wrong on purpose
                lambda: bool(projects),
            ):
                with pytest.raises(TypeError, match="write `"):
                    use_wrong()

    anyio.run(use)


def test_a_project_tells_what_it_is(server: LocalServer, own: Api) -> None:
    before = datetime.now(UTC)
    log_run(server, "told", "p", "r1", config={"lr": 1})
    log_run(server, "told", "p", "r2")
    server.clear_operations()
    (listed,) = own.projects("told")
    read = own.project("told/p")
    assert listed == read
    assert hash(listed) == hash(read)
    assert listed != own.project("told/other")
    assert listed.created_at is not None
    assert before <= listed.created_at <= datetime.now(UTC)
    assert (listed.description, listed.path, listed.entity) == (None, ["told", "p"], "told")
    assert sent(server) == ("ListProjects",)
    told = (read.id, read.storage_id, read.created_at, read.description)
    assert told == (listed.id, listed.id, listed.created_at, None)
    assert sent(server) == ("ListProjects", "GetProject")
    assert [run.id for run in listed.runs({"config.lr": 1})] == ["r1"]
    assert listed.runs(order="-created_at", limit=1)[0].id == "r2"
    assert [*listed.runs()] == [*own.runs("told/p")]
    with pytest.raises(AttributeError, match=r"Project\.description cannot be set"):
        listed.description = "mine"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - wrong on purpose
    with pytest.raises(NotFoundError, match="no project 'told/none'"):
        _ = own.project("told/none").created_at
    with pytest.raises(NotFoundError, match="no project 'told/none'"):
        len(own.project("told/none").sweeps())

    async def awaited() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            project = api.project("told/p")
            assert (await project.id(), await project.storage_id()) == (read.id, read.id)
            assert await project.created_at() == read.created_at
            assert (await project.description(), await project.path()) == (None, ["told", "p"])
            assert [run.id async for run in project.runs({"config.lr": 1})] == ["r1"]

    anyio.run(awaited)


@each_way
def test_what_comes_as_null_is_told(server: LocalServer, own: Api, way: str) -> None:
    entity = next(ENTITIES)
    for number in range(3):
        own.create_project(f"p{number}", entity)
        make_sweep(server, f"{entity}/p0")

    def without_one(data: dict[str, JSONValue], _: Mapping[str, object]) -> None:
        page = data.get("models") or cast("dict[str, JSONValue]", data["project"])["sweeps"]
        edges = cast("dict[str, list[dict[str, JSONValue]]]", page)["edges"]
        edges[1]["node"] = None

    with server.fail_always(ChangedAnswer(without_one)):
        with pytest.warns(MissingItemsWarning, match="^1 of the projects came as null"):
            assert names_of(way, server, entity, 9) == ["p2", "p0"]
        with pytest.warns(MissingItemsWarning, match="^1 of the sweeps came as null"):
            assert len(sweeps_of(way, server, f"{entity}/p0", 9)) == 2
    for field in ("Query.models", "ProjectConnection.edges", "ProjectConnection.pageInfo"):
        with server.fail_always(NullFields(field)), pytest.raises(BadResponseError):
            names_of(way, server, entity, 9)
    for field in ("Project.sweeps", "SweepConnection.edges", "SweepConnection.pageInfo"):
        with server.fail_always(NullFields(field)), pytest.raises(BadResponseError):
            sweeps_of(way, server, f"{entity}/p0", 9)


@each_way
def test_cursors_that_lead_in_a_circle_are_an_error(
    server: LocalServer, own: Api, way: str
) -> None:
    entity = next(ENTITIES)
    for number in range(5):
        own.create_project(f"p{number}", entity)
        make_sweep(server, f"{entity}/p0")
    back = ChangedVariables(lambda variables: {**variables, "after": None})
    with server.fail_always(back):
        with pytest.raises(BadResponseError, match="more projects follow, and gives no new"):
            names_of(way, server, entity, 2)
        with pytest.raises(BadResponseError, match="more sweeps follow, and gives no new"):
            sweeps_of(way, server, f"{entity}/p0", 2)


def test_a_server_that_lacks_something_is_asked_without_it(server: LocalServer, own: Api) -> None:
    entity = next(ENTITIES)
    own.create_project("p", entity)
    gone = ("Project.createdAt", "Project.description")
    with server.lack(*gone), Api(base_url=server.url, api_key=KEY) as api:
        with pytest.warns(DegradedServerWarning, match=r"project\.created_at is None"):
            project = api.projects(entity)[0]
        assert (project.created_at, project.description) == (None, None)
    with server.lack("Query.models"), Api(base_url=server.url, api_key=KEY) as api:
        with pytest.raises(UnsupportedByServerError, match=r"Query\.models"):
            list(api.projects(entity))
        with server.lack("Project.sweeps"), pytest.raises(UnsupportedByServerError):
            list(api.project("p", entity).sweeps())


def test_a_listing_goes_on_behind_an_error(server: LocalServer) -> None:
    entity = next(ENTITIES)
    with Api(base_url=server.url, api_key=KEY, max_retries=0) as api:
        for number in range(5):
            api.create_project(f"p{number}", entity)
        projects = api.projects(entity, per_page=2)
        assert projects[1].name == "p3"
        with server.fail(Status(500)), pytest.raises(ServerError):
            list(projects)
        server.clear_operations()
        assert [each.name for each in projects] == ["p4", "p3", "p2", "p1", "p0"]
        assert sent(server) == ("ListProjects",) * 2


def test_arguments_are_checked_before_any_request(server: LocalServer, own: Api) -> None:
    server.clear_operations()
    for wrong in (0, -1, True, "5"):
        with pytest.raises(InvalidArgumentError, match="per_page must be an int of 1 or more"):
            own.projects("e", wrong)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose
        with pytest.raises(InvalidArgumentError, match="per_page must be an int of 1 or more"):
            own.project("e/p").sweeps(wrong)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose
    with pytest.raises(InvalidArgumentError, match="entity must be a name without slashes"):
        own.projects("e/p")
    with pytest.raises(InvalidArgumentError):
        own.project("e/p").runs({"$nor": 1})
    assert sent(server) == ()


def test_the_default_entity_is_the_viewers(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        projects = api.projects()
        assert repr(projects) == "<Projects (default entity)>"
        entity = api.default_entity
        api.create_project("mine")
        assert [each.name for each in projects] == ["mine"]
        assert [each.path for each in projects] == [each.path for each in api.projects(entity)]


SWEEPS = """
import json, wandb

definition = {"method": "grid", "parameters": {"lr": {"values": [1, 2]}}}
ids = [wandb.sweep(definition, entity="sdk", project="swept") for _ in range(3)]
api = wandb.Api()
api.create_project("empty", "sdk")
print(json.dumps({
    "made": ids,
    "projects": [[p.name, p.id, p.created_at] for p in api.projects("sdk")],
    "sweeps": [[s.id, s.state] for s in api.project("swept", "sdk").sweeps(per_page=2)],
}))
"""


def test_the_sdk_lists_the_same(server: LocalServer, own: Api, tmp_path: Path) -> None:
    told = json.loads(run_sdk(SWEEPS, server, tmp_path).splitlines()[-1])
    projects = own.projects("sdk")
    assert [
        [each.name, each.id, each.created_at and each.created_at.isoformat()] for each in projects
    ] == [
        [name, storage_id, time.replace("Z", "+00:00")]
        for name, storage_id, time in told["projects"]
    ]
    sweeps = own.project("sdk/swept").sweeps(per_page=2)
    assert [[sweep.id, sweep.state] for sweep in sweeps] == told["sweeps"]
    assert [sweep.id for sweep in sweeps] == told["made"]
    assert [*own.project("sdk/empty").sweeps()] == []

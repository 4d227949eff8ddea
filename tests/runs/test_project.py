"""A project's keys and tags, as the server tells them, are those of its runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.filter_language import Run, matches
from support.generated_runs import NOW, fill, runs

from wandb_runs import (
    Api,
    AsyncApi,
    BadResponseError,
    InvalidArgumentError,
    NotFoundError,
    ProjectKey,
    Tags,
    UnsupportedByServerError,
)
from wandb_runs.testing import FakeClock, LocalServer, NullFields, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONValue

KEY = "k" * 40

QUERIES: list[dict[str, JSONValue]] = [
    {},
    {"state": "failed"},
    {"tags": "x"},
    {"config.a": {"$exists": True}},
]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(clock=lambda: NOW) as server:
        log_run(
            server,
            "team",
            "some",
            "r1",
            config={"lr": 0.1, "model": {"depth": 2}, "a.b": "x", "sizes": [1], "none": None},
            summary={"loss": 1, "eval/loss": "NaN", "best": {"loss": 2}},
            tags=["b", "a"],
        )
        log_run(server, "team", "some", "r2", config={"lr": "auto", "on": True}, tags=["b"])
        log_run(server, "team", "some", "r3", group="g")
        log_run(server, "team", "other", "r1", config={"elsewhere": 1}, tags=["elsewhere"])
        yield server


@pytest.fixture(scope="module")
def own(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
        yield api


def test_keys_are_those_of_the_runs_with_their_types(own: Api) -> None:
    keys = own.project("team/some").keys()
    found = {(key.path, key.type) for key in keys}
    assert found >= {
        ("config.lr", "number"),
        ("config.lr", "string"),
        ("config.model.value.depth", "number"),
        ("config.a.b.value", "string"),
        ("config.sizes", "list"),
        ("config.on", "boolean"),
        ("summary.loss", "number"),
        ("summary.eval/loss", "string"),
        ("summary.best.loss", "number"),
    }
    paths = {path for path, _ in found}
    assert not paths & {"config.elsewhere", "config.model", "config.none", "tags", "group"}


@pytest.mark.filterwarnings("error")
def test_each_key_is_a_path_that_filters_and_orders_take(own: Api) -> None:
    keys = own.project("team/some").keys()
    for key in keys:
        found = own.runs("team/some", {key.path: {"$exists": True}}, f"-{key.path}")
        assert len(found) == len(list(found)) > 0, key


def test_tags_are_counted_the_most_frequent_first(own: Api) -> None:
    project = own.project("team/some")
    assert [*project.tags().items()] == [("b", 2), ("a", 1)]
    assert project.tags({"config.lr": "auto"}) == {"b": 1}
    assert project.tags(Tags.contains("a")) == {"a": 1, "b": 1}
    assert project.tags({"group": "g"}) == {}


@settings(max_examples=30, deadline=None)
@given(given_runs=st.lists(runs(), min_size=1, max_size=6), query=st.sampled_from(QUERIES))
def test_tags_are_counted_as_python_counts_them(
    server: LocalServer, own: Api, given_runs: list[Run], query: dict[str, JSONValue]
) -> None:
    project = fill(server.store, given_runs)
    expected: Counter[str] = Counter()
    for run in given_runs:
        tags = run.get("tags")
        if isinstance(tags, list) and matches(run, query):
            expected.update({str(tag) for tag in tags})
    assert own.project(project, entity="me").tags(query) == expected


def test_keys_of_more_than_a_page_are_read_page_by_page(server: LocalServer, own: Api) -> None:
    config = {f"k{number}": number for number in range(2100)}
    log_run(server, "team", "wide", "r1", config=config)
    server.clear_operations()
    keys = own.project("team/wide").keys()
    paths = [key.path for key in keys if key.path.startswith("config.k")]
    assert sorted(paths) == sorted(f"config.{name}" for name in config)
    assert server.operations == ("ListFields",) * 3


def test_a_project_sends_nothing_until_it_is_asked(server: LocalServer, own: Api) -> None:
    server.clear_operations()
    project = own.project("some", entity="team")
    assert repr(project) == "<Project team/some>"
    assert (project.name, project.entity) == ("some", "team")
    assert project.url.endswith("/team/some")
    assert own.project(project.url).tags() == project.tags()
    assert server.operations == ("CountTags", "CountTags")
    assert repr(own.project("some")) == "<Project some>"
    with pytest.raises(AttributeError, match="read-only"):
        project.name = "x"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] # the point


def test_what_is_no_project_is_an_error(server: LocalServer, own: Api) -> None:
    for project in (own.project("team/none"), own.project("nowhere/some")):
        with pytest.raises(NotFoundError, match=f"no project .*{project.name}"):
            project.keys()
        with pytest.raises(NotFoundError, match=f"no project .*{project.name}"):
            project.tags()
    server.clear_operations()
    with pytest.raises(InvalidArgumentError, match="entity"):
        own.project("team/some", entity="other")
    with pytest.raises(InvalidArgumentError):
        own.project("team/some/r1")
    with pytest.raises(InvalidArgumentError, match="stat"):
        own.project("team/some").tags({"stat": "x"})
    assert server.operations == ()


def test_a_server_that_answers_null_is_an_error(server: LocalServer, own: Api) -> None:
    project = own.project("team/some")
    with server.fail_always(NullFields("Project.fields", "Project.tagCounts")):
        with pytest.raises(BadResponseError, match="lacks its keys"):
            project.keys()
        with pytest.raises(BadResponseError, match="lacks the counts"):
            project.tags()


def test_a_server_that_lacks_the_fields_is_an_error(server: LocalServer) -> None:
    with (
        server.lack("Project.fields", "Project.tagCounts"),
        Api(base_url=server.url, api_key=KEY) as api,
    ):
        project = api.project("team/some")
        with pytest.raises(UnsupportedByServerError, match=r"Project\.fields"):
            project.keys()
        with pytest.raises(UnsupportedByServerError, match=r"Project\.tagCounts"):
            project.tags()


@pytest.mark.parametrize("field", ["ProjectFieldConnection.pageInfo", "PageInfo.endCursor"])
def test_pages_that_do_not_lead_on_are_an_error(server: LocalServer, own: Api, field: str) -> None:
    config = {f"k{number}": number for number in range(1100)}
    log_run(server, "team", "long", "r1", config=config)
    with server.fail(NullFields(field)), pytest.raises(BadResponseError, match="ask again"):
        own.project("team/long").keys()


def test_nulls_among_keys_and_tags_are_passed_over(server: LocalServer, own: Api) -> None:
    project = own.project("team/some")
    with server.fail(NullFields("ProjectFieldEdge.node"), NullFields("RunTagCount.count")):
        assert project.keys() == ()
        assert project.tags() == {}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_awaited_project_tells_the_same(server: LocalServer, own: Api, backend: str) -> None:
    async def ask() -> tuple[str, str, tuple[ProjectKey, ...], dict[str, int]]:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            project = api.project("team/some")
            assert repr(project) == "<AsyncProject team/some>"
            return (
                await project.entity(),
                await project.url(),
                await project.keys(),
                await project.tags(Tags.contains("a")),
            )

    project = own.project("team/some")
    expected = (project.entity, project.url, project.keys(), project.tags(Tags.contains("a")))
    assert anyio.run(ask, backend=backend) == expected

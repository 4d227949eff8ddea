"""Any connection is listed once and whole, from any checkpoint, and ends where it leads nowhere."""

from __future__ import annotations

import gc
import itertools
import pickle
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from support.callers import Caller
from support.ways import each_backend, each_way

from wandb_runs import (
    Api,
    AsyncApi,
    BadResponseError,
    DegradedServerWarning,
    InvalidArgumentError,
    MissingItemsWarning,
    NotFoundError,
    Operation,
    ServerError,
    WandbRunsError,
)
from wandb_runs.graphql._generated import (
    list_files,
    list_projects,
    list_runs,
    list_sweeps,
    update_run,
)
from wandb_runs.graphql.flow import run_flow
from wandb_runs.graphql.selections import Argument, Field, Query, Shape, Variable
from wandb_runs.pagination.nodes import NodeStream, plan_nodes
from wandb_runs.testing import (
    CycleCursors,
    EmptyPages,
    LocalServer,
    NoCursor,
    NullEdges,
    NullFields,
    OpaqueCursors,
    RepeatCursor,
    ShortPages,
    Status,
    log_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.callers import Loop

    from wandb_runs import Connection, OperationBuilder
    from wandb_runs.graphql._generated import ListRuns, RunFields

COUNT = 7
IDS = [f"r{number}" for number in range(COUNT)]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        for run_id in IDS:
            log_run(server, "me", "many", run_id)
        log_run(server, "me", "other", "r0")
        yield server


def pages_of(size: int, project: str = "many") -> OperationBuilder[ListRuns]:
    return lambda cursor: list_runs(
        entity="me",
        project=project,
        filters="{}",
        order="+created_at",
        first=size,
        after=cursor,
    )


def runs_of(answer: ListRuns) -> Connection[RunFields] | None:
    return answer.project.runs if answer.project else None


def listed(
    caller: Caller, size: int = 3, *, limit: int | None = None, checkpoint: str | None = None
) -> list[str]:
    return ids(caller.loop(pages_of(size), runs_of, limit=limit, checkpoint=checkpoint))


def ids(loop: Loop[RunFields]) -> list[str]:
    return [run.id for run in loop]


@each_way
@pytest.mark.parametrize("size", [1, 2, 3, COUNT, COUNT + 1])
def test_all_nodes_are_listed_in_order(server: LocalServer, way: str, size: int) -> None:
    with Caller(way, server.url) as caller:
        assert listed(caller, size) == IDS
        assert caller.stats.requests == -(-COUNT // size)


@each_way
def test_a_page_is_requested_when_a_node_of_it_is_taken(server: LocalServer, way: str) -> None:
    with Caller(way, server.url) as caller:
        loop = caller.loop(pages_of(3), runs_of)
        assert caller.stats.requests == 0
        for taken, run in enumerate(loop, 1):
            assert run.id == IDS[taken - 1]
            assert caller.stats.requests == -(-taken // 3)
        assert next(loop, None) is None
        assert caller.stats.requests == 3
        assert listed(caller) == IDS  # a new loop asks anew
        assert caller.stats.requests == 6


@each_way
@pytest.mark.parametrize("limit", [0, 1, 3, 4, COUNT, 99])
def test_a_limit_bounds_nodes_and_requests(server: LocalServer, way: str, limit: int) -> None:
    with Caller(way, server.url) as caller:
        assert listed(caller, limit=limit) == IDS[:limit]
        assert caller.stats.requests == min(-(-limit // 3), 3)


@each_way
@pytest.mark.parametrize("taken", range(COUNT + 1))
def test_a_checkpoint_continues_behind_the_last_node(
    server: LocalServer, way: str, taken: int
) -> None:
    with Caller(way, server.url) as caller:
        loop = caller.loop(pages_of(3), runs_of)
        for _ in range(taken):
            next(loop)
        checkpoint = loop.checkpoint()
        assert listed(caller, checkpoint=checkpoint) == IDS[taken:]
        assert listed(caller, limit=5, checkpoint=checkpoint) == IDS[taken:5]
        assert ids(loop) == IDS[taken:]


def test_nodes_that_come_behind_the_end_are_listed_from_a_checkpoint() -> None:
    with LocalServer() as server, Caller("sync", server.url) as caller:
        for run_id in IDS[:5]:
            log_run(server, "me", "many", run_id)
        loop = caller.loop(pages_of(3), runs_of)
        assert ids(loop) == IDS[:5]
        for run_id in IDS[5:]:
            log_run(server, "me", "many", run_id)
        assert listed(caller, checkpoint=loop.checkpoint()) == IDS[5:]


@each_way
def test_an_error_has_a_checkpoint_and_does_not_end_the_loop(server: LocalServer, way: str) -> None:
    with Caller(way, server.url, max_retries=0) as caller:
        loop = caller.loop(pages_of(2), runs_of)
        first = [next(loop).id, next(loop).id]
        with server.fail(Status(503)), pytest.raises(ServerError) as caught:
            next(loop)
        assert caught.value.checkpoint is not None
        restored = pickle.loads(pickle.dumps(caught.value))
        assert listed(caller, 2, checkpoint=restored.checkpoint) == IDS[2:]
        assert first + ids(loop) == IDS


@each_way
@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (CycleCursors(), "lead in a circle"),
        (RepeatCursor(), "lead in a circle"),
        (EmptyPages(), "100 pages without any"),
        (NoCursor(), "gives no cursor"),
    ],
)
def test_cursors_that_lead_nowhere_are_an_error(
    server: LocalServer, way: str, fault: CycleCursors, problem: str
) -> None:
    seen: list[str] = []
    with Caller(way, server.url) as caller:
        loop = caller.loop(pages_of(3), runs_of)
        with server.fail_always(fault):
            with pytest.raises(BadResponseError, match=problem) as caught:
                seen += ids(loop)
            requests = caller.stats.requests
            assert requests <= 103
            with pytest.raises(BadResponseError, match=problem):
                next(loop)
            assert caller.stats.requests == requests + 1
        checkpoint = caught.value.checkpoint
        assert checkpoint is not None
        # Where the server is well again, the loop goes on; no node came twice or not at all.
        rest = listed(caller, checkpoint=checkpoint)
        assert ids(loop) == rest
        assert rest == IDS[COUNT - len(rest) :]


@each_way
@pytest.mark.parametrize("fault", [ShortPages(first=2), OpaqueCursors()])
def test_odd_servers_are_listed_whole(
    server: LocalServer, way: str, fault: ShortPages | OpaqueCursors
) -> None:
    with Caller(way, server.url) as caller, server.fail_always(fault):
        assert listed(caller, 4) == IDS


@each_way
def test_a_few_empty_pages_cost_no_node(server: LocalServer, way: str) -> None:
    with Caller(way, server.url) as caller, server.fail(*[EmptyPages()] * 4):
        assert listed(caller) == IDS


@each_way
@pytest.mark.parametrize("nodes", [False, True])
def test_nodes_that_came_as_null_are_told(server: LocalServer, way: str, *, nodes: bool) -> None:
    with (
        Caller(way, server.url) as caller,
        server.fail_always(NullEdges(count=2, nodes=nodes)),
        pytest.warns(MissingItemsWarning) as caught,
    ):
        assert listed(caller) == ["r2", "r5"]
    told = [each.message for each in caught]
    assert [(each.what, each.count) for each in told if isinstance(each, MissingItemsWarning)] == [
        ("nodes of ListRuns", 2),
        ("nodes of ListRuns", 4),
        ("nodes of ListRuns", 5),
    ]


@each_way
def test_a_warning_that_is_an_error_loses_no_node(server: LocalServer, way: str) -> None:
    with (
        Caller(way, server.url) as caller,
        server.fail(NullEdges(count=1)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error", MissingItemsWarning)
        loop = caller.loop(pages_of(3), runs_of)
        with pytest.raises(MissingItemsWarning):
            next(loop)
        assert ids(loop) == IDS[1:]


@each_way
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("RunConnection.edges", "null instead of the edges"),
        ("RunConnection.pageInfo", "does not say whether more"),
        ("PageInfo.hasNextPage", "does not say whether more"),
        ("PageInfo.endCursor", "gives no cursor"),
    ],
)
def test_a_page_that_does_not_say_how_to_go_on_is_an_error(
    server: LocalServer, way: str, name: str, problem: str
) -> None:
    with Caller(way, server.url) as caller:
        loop = caller.loop(pages_of(3), runs_of)
        with (
            server.fail(NullFields(name)),
            pytest.raises(BadResponseError, match=problem),
        ):
            next(loop)
        assert ids(loop) == IDS


@each_way
def test_a_connection_that_is_null_is_not_found(server: LocalServer, way: str) -> None:
    def unchecked(answer: ListRuns) -> Connection[RunFields] | None:
        project = answer.project
        return project.runs  # type: ignore[union-attr] # as in code that nothing has checked

    with Caller(way, server.url) as caller:
        for connection in (runs_of, unchecked):
            loop = caller.loop(pages_of(3, "none"), connection)
            with pytest.raises(NotFoundError, match="ListRuns: the answer has null") as caught:
                next(loop)
            assert caught.value.checkpoint is not None


def test_other_errors_of_a_connection_pass(server: LocalServer) -> None:
    def broken(answer: ListRuns) -> Connection[RunFields] | None:
        raise AttributeError(answer.project and answer.project.runs and "of its own")

    with Caller("sync", server.url) as caller:
        with pytest.raises(AttributeError, match="of its own"):
            next(caller.loop(pages_of(3), broken))
        with pytest.raises(AttributeError, match="rums"):
            next(caller.loop(pages_of(3), lambda answer: answer.project.rums))  # type: ignore[union-attr] # on purpose


class Bare(BaseModel):
    """What a query without `pageInfo` selects."""

    edges: list[None]


class Half(BaseModel):
    hasNextPage: bool  # noqa: N815 - the server's name


class HalfPage(BaseModel):
    edges: list[None]
    page_info: Half = Half(hasNextPage=False)


@pytest.mark.parametrize(
    ("picked", "lacking"),
    [(Bare(edges=[]), "page_info"), (HalfPage(edges=[]), "has_next_page"), ({}, "edges")],
)
@each_way
def test_a_query_that_does_not_ask_for_what_is_needed_is_told(
    server: LocalServer, way: str, picked: Connection[RunFields], lacking: str
) -> None:
    with Caller(way, server.url) as caller:
        loop = caller.loop(pages_of(3), lambda _: picked)
        with pytest.raises(InvalidArgumentError, match=f"no {lacking} .*pageInfo {{ hasNextPage"):
            next(loop)


@each_way
def test_wrong_arguments_are_refused_before_any_request(server: LocalServer, way: str) -> None:
    with Caller(way, server.url) as caller:
        for problem, build, connection, given in wrong_arguments():
            with pytest.raises(InvalidArgumentError, match=problem):
                caller.loop(build, connection, **given)
        assert caller.stats.requests == 0


def wrong_arguments() -> Iterator[tuple[str, Any, Any, dict[str, Any]]]:
    """Whatever a type checker would refuse, and more."""
    first = pages_of(3)(None)

    def with_a_set(cursor: object) -> Operation[object]:
        return asking({"x": {1}, "cursor": cursor})

    def disguised(cursor: object) -> Operation[object]:
        return asking({"cursor": cursor}, "mutation")

    def change(cursor: str | None) -> Operation[object]:
        return update_run(storage_id=cursor or "")

    def ignoring(_cursor: str | None) -> Operation[object]:
        return first

    yield "build must be a function", first, runs_of, {}
    yield "connection must be a function", pages_of(3), "runs", {}
    yield "must return an Operation for each", repr, runs_of, {}
    yield "is a mutation", change, runs_of, {}
    yield "the same ListRuns for each cursor", ignoring, runs_of, {}
    yield "the variable 'x' is not JSON", with_a_set, runs_of, {}
    yield "A is a mutation in its document", disguised, runs_of, {}
    yield "limit must be an int of 0", pages_of(3), runs_of, {"limit": -1}
    yield "limit must be an int of 0", pages_of(3), runs_of, {"limit": "3"}
    yield "checkpoint is a str", pages_of(3), runs_of, {"checkpoint": 3}
    yield "checkpoint is altered", pages_of(3), runs_of, {"checkpoint": "abc"}


def asking(variables: dict[str, object], keyword: str = "query") -> Operation[object]:
    return Operation("A", "query", f"{keyword} A {{ a }}", variables, lambda: object)


@each_way
def test_a_checkpoint_of_something_else_is_refused(server: LocalServer, way: str) -> None:
    with Caller(way, server.url) as caller:
        loop = caller.loop(pages_of(3), runs_of)
        next(loop)
        checkpoint = loop.checkpoint()
        with pytest.raises(InvalidArgumentError, match="made with other variables of ListRuns"):
            listed(caller, 4, checkpoint=checkpoint)
        with pytest.raises(InvalidArgumentError, match="made of ListRuns, and build makes"):
            caller.loop(
                lambda cursor: list_projects(entity="me", first=3, after=cursor),
                lambda answer: answer.models,
                checkpoint=checkpoint,
            )
        altered = checkpoint[:-4] + ("A" if checkpoint[-4] != "A" else "B") + checkpoint[-3:]
        with pytest.raises(InvalidArgumentError, match="checkpoint is altered"):
            listed(caller, checkpoint=altered)
        if way == "sync":
            assert isinstance(caller.inner, Api)
            of_runs = iter(caller.inner.runs("me/many")).checkpoint()
            with pytest.raises(InvalidArgumentError, match="checkpoint is altered"):
                listed(caller, checkpoint=of_runs)
            with pytest.raises(InvalidArgumentError, match="checkpoint is altered"):
                caller.inner.runs("me/many", checkpoint=checkpoint)


def test_connections_of_other_things_are_listed(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key="any") as api:
        projects = api.paginate(
            lambda cursor: list_projects(entity="me", first=1, after=cursor),
            lambda answer: answer.models,
        )
        assert sorted(str(each.name) for each in projects) == ["many", "other"]
        sweeps = api.paginate(
            lambda cursor: list_sweeps(entity="me", project="many", first=1, after=cursor),
            lambda answer: answer.project.sweeps if answer.project else None,
        )
        assert list(sweeps) == []
        assert not sweeps
        assert projects
        files = api.paginate(
            lambda cursor: list_files(
                entity="me", project="many", id="r0", first=1, after=cursor, names=[], pattern=None
            ),
            lambda answer: (
                answer.project.run.files if answer.project and answer.project.run else None
            ),
        )
        assert all(each.name for each in files)


def test_nodes_and_loops_show_what_they_list(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key="any") as api:
        nodes = api.paginate(pages_of(3), runs_of)
        assert repr(nodes) == "<Nodes of ListRuns>"
        with pytest.raises(TypeError, match=r"api\.paginate\(\.\.\., checkpoint"):
            pickle.dumps(iter(nodes))
    with pytest.raises(TypeError, match="async for"):
        bool(AsyncApi(base_url=server.url, api_key="any").paginate(pages_of(3), runs_of))


def test_no_node_is_kept(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key="any") as api:
        kept = 0
        nodes = api.paginate(pages_of(1), runs_of)
        for run in nodes:
            gc.collect()
            kind = type(run)
            kept = max(kept, sum(type(each) is kind for each in gc.get_objects()))
    assert kept <= 2


@each_backend
def test_tasks_that_share_a_loop_take_each_node_once(server: LocalServer, backend: str) -> None:
    taken: list[str] = []

    async def main() -> None:
        async with AsyncApi(base_url=server.url, api_key="any") as api:
            loop = aiter(api.paginate(pages_of(2), runs_of))

            async def take() -> None:
                async for run in loop:
                    taken.append(run.id)
                    await anyio.lowlevel.checkpoint()

            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(take)
            assert api.stats.requests == 4

    anyio.run(main, backend=backend)
    assert sorted(taken) == IDS


@each_backend
def test_a_cancelled_task_leaves_the_loop_as_it_was(server: LocalServer, backend: str) -> None:
    async def main() -> list[str]:
        async with AsyncApi(base_url=server.url, api_key="any") as api:
            loop = aiter(api.paginate(pages_of(2), runs_of))
            with anyio.CancelScope() as scope:
                scope.cancel()
                await anext(loop)
            assert scope.cancelled_caught
            return [run.id async for run in loop]

    assert anyio.run(main, backend=backend) == IDS


# Servers that lack something.


PROJECTS = Query(
    "query",
    "Projects",
    (Variable("entity", "String!"), Variable("first", "Int"), Variable("after", "String")),
    (
        Field(
            "Query",
            "models",
            arguments=tuple(
                Argument(name, f"${variable}")
                for name, variable in (
                    ("entityName", "entity"),
                    ("first", "first"),
                    ("after", "after"),
                )
            ),
            selections=(
                Field(
                    "ProjectConnection",
                    "edges",
                    selections=(
                        Field(
                            "ProjectEdge",
                            "node",
                            selections=(
                                Field("Project", "name"),
                                Field("Project", "description", is_optional=True),
                            ),
                        ),
                    ),
                ),
                Field(
                    "ProjectConnection",
                    "pageInfo",
                    alias="page_info",
                    selections=(
                        Field("PageInfo", "hasNextPage", alias="has_next_page"),
                        Field("PageInfo", "endCursor", alias="end_cursor"),
                    ),
                ),
            ),
        ),
    ),
)


class Described(BaseModel):
    name: str
    description: str | None = None


class PageInfo(BaseModel):
    has_next_page: bool
    end_cursor: str | None


class Edge(BaseModel):
    node: Described


class Page(BaseModel):
    edges: list[Edge]
    page_info: PageInfo


class Models(BaseModel):
    models: Page | None


def shape_of_projects() -> Shape:
    return Shape(PROJECTS, {}, {"Project.description": "the description is None"})


@each_way
def test_a_server_that_lacks_what_is_optional_is_listed_without_it(
    server: LocalServer, way: str
) -> None:
    document = shape_of_projects().without().text

    def build(cursor: str | None) -> Operation[Models]:
        variables = {"entity": "me", "first": 1, "after": cursor}
        return Operation(
            "Projects", "query", document, variables, lambda: Models, shape=shape_of_projects
        )

    with Caller(way, server.url) as caller, server.lack("Project.description"):
        with pytest.warns(DegradedServerWarning, match="the description is None"):
            found = list(caller.loop(build, lambda answer: answer.models))
        assert sorted(each.name for each in found) == ["many", "other"]
        assert caller.server.missing == ("Project.description",)
        assert caller.stats.requests == 3


# Any connection, without a server.


NodeT = TypeVar("NodeT")


@dataclass
class Info:
    has_next_page: bool | None
    end_cursor: str | None


@dataclass
class Link(Generic[NodeT]):
    node: NodeT | None


@dataclass
class Slice(Generic[NodeT]):
    edges: Sequence[Link[NodeT] | None]
    page_info: Info


@dataclass
class Script:
    """A connection of pages that have cursors of any kind.

    Attributes:
        pages: The nodes of each page; None for those that come as null.
        failing: Which of the requests fail, by their numbers.
    """

    pages: list[list[int | None]]
    failing: frozenset[int] = frozenset()
    asked: Iterator[int] = field(default_factory=itertools.count)

    def answer(self, operation: Operation[object]) -> object:
        if next(self.asked) in self.failing:
            raise ServerError("busy", status=503)
        after = operation.variables["after"]
        at = 0 if after is None else int(str(after)) + 1
        edges = [
            None if node is None and at % 2 else Link(node)
            for node in (self.pages[at] if at < len(self.pages) else ())
        ]
        return Slice(edges, Info(at + 1 < len(self.pages), str(at)))

    def stream(self, checkpoint: str | None = None, limit: int | None = None) -> NodeStream[int]:
        plan = plan_nodes(build_slice, lambda answer: answer, limit)
        return NodeStream(plan if checkpoint is None else plan.at(checkpoint))


def build_slice(cursor: str | None) -> Operation[Slice[int]]:
    return Operation("S", "query", "query S { s }", {"after": cursor}, lambda: Slice[int])


def take(stream: NodeStream[int], script: Script) -> int | None:
    if not stream.find():
        run_flow(stream.read_node(), script.answer)
    ready = stream.ready
    if ready is None:
        return None
    stream.position = ready.after
    return ready.node


@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.integers(0, 999)), max_size=4), min_size=1, max_size=6
    ),
    st.frozensets(st.integers(0, 8), max_size=4),
    st.frozensets(st.integers(0, 20), max_size=4),
    st.one_of(st.none(), st.integers(0, 12)),
)
@settings(max_examples=200)
def test_nodes_come_once_whatever_fails_and_wherever_it_continues(
    pages: list[list[int | None]],
    failing: frozenset[int],
    continued: frozenset[int],
    limit: int | None,
) -> None:
    script = Script(pages, failing)
    stream = script.stream(limit=limit)
    found: list[int] = []
    for step in itertools.count():
        if step in continued:
            stream = script.stream(stream.checkpoint, limit)
        try:
            node = take(stream, script)
        except WandbRunsError:
            continue
        if node is None:
            break
        found.append(node)
    assert found == [node for page in pages for node in page if node is not None][:limit]
    assert take(stream, script) is None

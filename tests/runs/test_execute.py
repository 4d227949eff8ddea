"""Operations and documents of a user's own, sent with the guarantees of the package's requests."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import graphql
import pytest
from pydantic import BaseModel
from support.callers import Caller
from support.ways import each_way
from typing_extensions import TypedDict, override

from wandb_runs import (
    Api,
    BadResponseError,
    ConnectionFailedError,
    DegradedServerWarning,
    GraphQLError,
    InvalidArgumentError,
    Operation,
    ReadOnlyError,
    RequestTimeoutError,
    ServerError,
    UnsupportedByServerError,
)
from wandb_runs.graphql._generated import get_run, list_projects, update_run
from wandb_runs.graphql.operation import RawOperation
from wandb_runs.graphql.selections import Argument, Field, Query, Shape, Variable
from wandb_runs.testing import (
    Answer,
    BareErrors,
    Fault,
    LocalServer,
    PartialData,
    RateLimited,
    Reset,
    Slow,
    Status,
    log_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wandb_runs.local.faults import Answering
    from wandb_runs.testing import GraphQLRequest

WRONG = cast("Any", 3)
"""What no type checker would take."""

NAMES = "query Names($entity: String!) { models(entityName: $entity) { edges { node { name } } } }"
NOTE = """
# query: this comment is none
fragment Noted on Run { notes }
mutation Note($id: String!, $notes: String) {
  upsertBucket(input: {id: $id, notes: $notes}) { bucket { ...Noted } }
}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        log_run(server, "me", "own", "r1", config={"lr": 0.1})
        yield server


@pytest.fixture
def storage_id(server: LocalServer) -> str:
    with Caller("sync", server.url) as caller:
        found = caller.execute(get_run(entity="me", project="own", id="r1"))
    assert found.project is not None
    assert found.project.run is not None
    assert found.project.run.storage_id is not None
    return found.project.run.storage_id


@dataclass(frozen=True)
class Body(Fault):
    """An answer of this text."""

    content: bytes

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(self.content, 200)


# Typed operations.


@each_way
def test_an_operation_has_its_typed_answer(server: LocalServer, way: str) -> None:
    with Caller(way, server.url) as caller:
        answer = caller.execute(list_projects(entity="me", first=10))
        assert caller.stats.requests == 1
    assert answer.models is not None
    assert answer.models.edges is not None
    (edge,) = answer.models.edges
    assert edge is not None
    assert edge.node is not None
    assert edge.node.name == "own"


@dataclass
class Viewer:
    username: str


class Me(TypedDict):
    viewer: Viewer


def test_an_answer_may_be_a_dataclass_or_a_typed_dict(server: LocalServer) -> None:
    document = "query Me { viewer { username } }"
    with Caller("sync", server.url) as caller:
        answer = caller.execute(Operation("Me", "query", document, {}, lambda: Me))
        anonymous = Operation("a query", "query", "{ viewer { username } }", {}, lambda: Me)
        assert caller.execute(anonymous) == answer == {"viewer": Viewer("local")}


@each_way
@pytest.mark.parametrize("fault", [Status(503), RateLimited(after=0), Reset()])
def test_a_query_is_sent_again(server: LocalServer, way: str, fault: Fault) -> None:
    with Caller(way, server.url) as caller, server.fail(fault, operation="ListProjects"):
        assert caller.execute(list_projects(entity="me", first=1)).models is not None
        assert caller.stats.retries == 1
    with Caller(way, server.url) as caller, server.fail(fault, operation="Names"):
        assert "models" in caller.execute_raw(NAMES, {"entity": "me"})
        assert caller.stats.retries == 1


@each_way
@pytest.mark.parametrize("fault", [Status(503), Reset()])
def test_a_mutation_is_sent_once_where_it_may_have_arrived(
    server: LocalServer, way: str, fault: Fault, storage_id: str
) -> None:
    variables: dict[str, object] = {"id": storage_id, "notes": "n"}
    kinds = (ServerError, ConnectionFailedError)
    with Caller(way, server.url) as caller:
        with server.fail(fault, operation="Note"), pytest.raises(kinds, match="may have been done"):
            caller.execute_raw(NOTE, variables)
        with (
            server.fail(fault, operation="UpdateRun"),
            pytest.raises(kinds, match="may have been done"),
        ):
            caller.execute(update_run(storage_id=storage_id, notes="n"))
        assert caller.stats.requests == 2
        assert caller.execute_raw(NOTE, variables) == {"upsertBucket": {"bucket": {"notes": "n"}}}


@each_way
def test_the_deadline_holds(server: LocalServer, way: str) -> None:
    with Caller(way, server.url, timeout=0.2) as caller, server.fail_always(Slow(5)):
        with pytest.raises(RequestTimeoutError):
            caller.execute(list_projects(entity="me", first=1))
        with pytest.raises(RequestTimeoutError):
            caller.execute_raw(NAMES, {"entity": "me"})


@each_way
def test_errors_keep_the_data_beside_them(server: LocalServer, way: str) -> None:
    with Caller(way, server.url) as caller, server.fail_always(PartialData()):
        with pytest.raises(GraphQLError) as caught:
            caller.execute(list_projects(entity="me", first=1))
        data = cast("dict[str, object]", caught.value.data)
        assert data.keys() == {"models"}
        with pytest.raises(GraphQLError) as caught:
            caller.execute_raw(NAMES, {"entity": "me"})
    assert caught.value.data == {"models": {"edges": [{"node": {"name": "own"}}]}}
    assert caught.value.errors


DATES = Query(
    "query",
    "Dates",
    (Variable("project", "String!"), Variable("entity", "String!")),
    (
        Field(
            "Query",
            "project",
            arguments=(Argument("name", "$project"), Argument("entityName", "$entity")),
            selections=(Field("Project", "name"), Field("Project", "createdAt", is_optional=True)),
        ),
    ),
)


class Dated(BaseModel):
    name: str
    createdAt: str | None = None  # noqa: N815 - the server's name


class Dates(BaseModel):
    project: Dated | None


def shape_of_dates() -> Shape:
    return Shape(DATES, {}, {"Project.createdAt": "the date is None"})


@each_way
def test_a_server_that_lacks_what_is_optional_is_asked_without_it(
    server: LocalServer, way: str
) -> None:
    document, variables = shape_of_dates().without().text, {"project": "own", "entity": "me"}
    dates = Operation("Dates", "query", document, variables, lambda: Dates, shape=shape_of_dates)
    with Caller(way, server.url) as caller, server.lack("Project.createdAt"):
        with pytest.warns(DegradedServerWarning, match="the date is None") as caught:
            assert caller.execute(dates) == Dates(project=Dated(name="own"))
        assert caller.server.missing == ("Project.createdAt",)
        assert caller.execute(dates).project is not None
        assert caller.stats.requests == 3
        assert len(caught) == 1
        if way == "sync":
            assert caught[0].filename.endswith("callers.py")  # which calls execute
        with pytest.raises(GraphQLError, match="createdAt") as refused:
            caller.execute_raw(document, variables)
    assert not isinstance(refused.value, UnsupportedByServerError)


def test_each_package_of_operations_is_told_what_it_lacks(server: LocalServer) -> None:
    variables = {"project": "own", "entity": "me"}
    document = shape_of_dates().without().text
    dates = Operation("Dates", "query", document, variables, lambda: Dates, shape=shape_of_dates)
    with Caller("sync", server.url) as caller, server.lack("Project.createdAt"):
        assert isinstance(caller.inner, Api)
        with pytest.warns(DegradedServerWarning, match="project.created_at is None"):
            assert caller.inner.project("me/own").created_at is None
        with pytest.warns(DegradedServerWarning, match="the date is None"):
            caller.execute(dates)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            caller.execute(dates)
            assert caller.inner.project("me/own").created_at is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("{ viewer { username } }", "api.execute_raw"),
        (list_projects, "call it with its variables"),
        (graphql.parse("{ a }"), "graphql.print_ast"),
        (None, "got NoneType None"),
        (Operation("A", "query", "mutation A { a }", {}, lambda: Me), "A is a mutation"),
        (Operation("A", "mutation", "query A { a }", {}, lambda: Me), "A is a query"),
        (Operation("A", "query", "query B { a }", {}, lambda: Me), "no operation 'A'"),
        (Operation("A", "query", "query A { a @optional }", {}, lambda: Me), "codegen"),
        (Operation("A", "query", "", {}, lambda: Me), "'A': the document has no operation"),
        (Operation("A", "query", WRONG, {}, lambda: Me), "document of an Operation must be a str"),
        (Operation("A", "query", "query A { a }", WRONG, lambda: Me), "must be a mapping"),
        (Operation("A", "query", "query A { a }", {"x": {1}}, lambda: Me), "the variable 'x'"),
        (Operation(WRONG, "query", "query A { a }", {}, lambda: Me), "name of an Operation"),
    ],
)
@each_way
def test_what_is_no_operation_is_refused_before_any_request(
    server: LocalServer, way: str, given: Operation[object], problem: str
) -> None:
    with Caller(way, server.url) as caller:
        with pytest.raises(InvalidArgumentError, match=problem):
            caller.execute(given)
        assert caller.stats.requests == 0


def test_an_answer_may_stay_bytes(server: LocalServer) -> None:
    with Caller("sync", server.url) as caller:
        raw = caller.execute(RawOperation.of(list_projects(entity="me", first=1)))
    assert isinstance(raw.data(), dict)


@each_way
def test_a_client_that_may_only_read_sends_no_mutation(
    server: LocalServer, way: str, storage_id: str
) -> None:
    with Caller(way, server.url, read_only=True) as caller:
        with pytest.raises(ReadOnlyError, match="UpdateRun"):
            caller.execute(update_run(storage_id=storage_id, notes="changed"))
        with pytest.raises(ReadOnlyError, match="Note"):
            caller.execute_raw(NOTE, {"id": storage_id, "notes": "changed"})
        with pytest.raises(ReadOnlyError):
            caller.execute(Operation("Note", "mutation", NOTE, {}, lambda: Me))
        assert caller.stats.requests == 0
        both = f"{NAMES} {NOTE}"
        assert "models" in caller.execute_raw(both, {"entity": "me"}, operation_name="Names")
        with pytest.raises(ReadOnlyError):
            caller.execute_raw(both, {}, operation_name="Note")


# Documents in text.


@each_way
@pytest.mark.parametrize(
    ("document", "variables", "name", "expected"),
    [
        ("{ viewer { username } }", None, None, {"viewer": {"username": "local"}}),
        ("query { viewer { username } }", {}, None, {"viewer": {"username": "local"}}),
        (
            'query A { viewer { username } } query B { x: project(name: "mutation") { name } }',
            None,
            "B",
            {"x": None},
        ),
        (
            "fragment F on User { username } query Q { viewer { ...F } } # mutation M { a }",
            None,
            None,
            {"viewer": {"username": "local"}},
        ),
    ],
)
def test_a_document_has_its_decoded_data(
    server: LocalServer,
    way: str,
    document: str,
    variables: Mapping[str, object] | None,
    name: str | None,
    expected: dict[str, object],
) -> None:
    with Caller(way, server.url) as caller:
        assert caller.execute_raw(document, variables, name) == expected


@pytest.mark.parametrize(
    ("document", "variables", "problem"),
    [
        (WRONG, None, "document must be the text of a GraphQL document; got int 3"),
        (list_projects(entity="me"), None, r"api\.execute\(operation\)"),
        (graphql.parse("{ a }"), None, "graphql.print_ast"),
        ("", None, "no operation"),
        (NAMES, [1], "variables must be a mapping"),
        (NAMES, "entity", "variables must be a mapping"),
        (NAMES, {"entty": "me"}, r"no variable \$entty; did you mean 'entity'"),
        ("{ viewer { username } }", {"a": 1}, r"no variable \$a; it has none"),
        (NAMES, {1: "me"}, "the key int 1"),
        (NAMES, {"entity": {"a": [object]}}, re.escape("variables['entity']['a'][0] must be")),
        (NAMES, {"entity": float("nan")}, "the variable 'entity' is not JSON"),
        (NAMES, {"entity": "\ud800"}, "surrogate"),
    ],
)
@each_way
def test_a_wrong_document_or_variable_is_refused_before_any_request(
    server: LocalServer, way: str, document: str, variables: object, problem: str
) -> None:
    with Caller(way, server.url) as caller:
        with pytest.raises(InvalidArgumentError, match=problem):
            caller.execute_raw(document, variables)
        with pytest.raises(InvalidArgumentError, match="operation_name must be a str"):
            caller.execute_raw(NAMES, {}, WRONG)
        assert caller.stats.requests == 0


@each_way
def test_answers_without_usable_data_are_errors(server: LocalServer, way: str) -> None:
    deep = b'{"data": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}"
    with Caller(way, server.url) as caller:
        for body, problem in (
            (b'{"data": [1]}', "not an object"),
            (b'{"data": null}', "neither data nor errors"),
            (deep, "nested 200 deep"),
        ):
            with server.fail(Body(body)), pytest.raises(BadResponseError, match=problem):
                caller.execute_raw(NAMES, {"entity": "me"})
        with server.fail(Body(b'{"data": {"a": NaN}, "extensions": {}}')):
            (value,) = caller.execute_raw(NAMES, {"entity": "me"}).values()
        assert value != value  # noqa: PLR0124 - a NaN
        with server.fail(BareErrors("no such thing")), pytest.raises(GraphQLError, match="no such"):
            caller.execute_raw(NAMES, {"entity": "me"})

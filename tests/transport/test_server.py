"""Servers that lack a field, an argument or a type: what is read without it, and what is not."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from support.lacking import (
    ALL_OPTIONAL,
    ESSENTIAL,
    OPTIONAL,
    PATH,
    Raised,
    Reading,
    concerned,
    expected,
    read,
)
from support.ways import Face, each_backend, each_way
from typing_extensions import override

from wandb_runs import (
    Api,
    AsyncApi,
    BadResponseError,
    DegradedServerWarning,
    GraphQLError,
    HistoriesError,
    HttpTransport,
    NotFoundError,
    Operation,
    Response,
    UnknownKeyWarning,
    UnsupportedByServerError,
)
from wandb_runs.graphql._generated import (
    list_runs,
    modify_runs,
    update_run,
    update_sweep_state,
)
from wandb_runs.graphql._generated.selections import COSTS
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.operation import RawOperation
from wandb_runs.graphql.selections import Argument, Field, Query, Shape, Variable
from wandb_runs.testing import Answer, Fault, GraphQLRequest, LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from wandb_runs import Request
    from wandb_runs.graphql._generated import ListRuns, RunFields
    from wandb_runs.local.faults import Answering


@contextmanager
def ignored() -> Generator[None]:
    """Without the warnings of what is missing."""
    with warnings.catch_warnings(action="ignore", category=DegradedServerWarning):
        yield


@dataclass(frozen=True)
class TooLarge(Fault):
    """The history of one run is too much for the server."""

    run_id: str

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        if request.variables.get("id") == self.run_id:
            return Answer(b"", HTTPStatus.BAD_GATEWAY)
        return answer(request)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    # Without files, histories are asked for by what the schema names.
    with LocalServer(sample=True, exports=False) as server:
        yield server


@pytest.fixture(scope="module")
def whole(server: LocalServer) -> Reading:
    reading = read(server)
    assert reading.missing == reading.warned == ()
    return reading


def check(
    server: LocalServer, whole: Reading, names: frozenset[str], calls: Iterable[str]
) -> Reading:
    """Read from a server that lacks names, and compare all of it to the last value."""
    with server.lack(*names):
        reading = read(server, calls)
    wanted = expected(whole, names)
    for call, value in reading.values.items():
        assert value == wanted[call], call
        if isinstance(value, Raised):  # which are equal whatever they name
            assert value.missing <= names
            assert value.missing or value.kind is NotFoundError
    assert len({*reading.warned}) == len(reading.warned), "warned of twice"
    return reading


@pytest.mark.parametrize("name", sorted({*OPTIONAL, *ESSENTIAL}))
def test_all_but_what_needs_a_missing_name_is_read(
    server: LocalServer, whole: Reading, name: str
) -> None:
    reading = check(server, whole, frozenset({name}), concerned(whole, name))
    assert reading.missing == (name,)
    assert reading.warned == ((name,) if name in OPTIONAL else ())


# Several names at once, and what is remembered.


ALL = sorted({*OPTIONAL, *ESSENTIAL})


@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.sets(st.sampled_from(ALL), min_size=2, max_size=12).map(frozenset))
def test_any_names_may_be_missing_at_once(
    server: LocalServer, whole: Reading, names: frozenset[str]
) -> None:
    reading = check(server, whole, names, whole.values)
    assert set(reading.missing) <= names
    assert set(reading.warned) <= {*reading.missing}


def test_a_server_without_all_that_can_go_is_read(server: LocalServer, whole: Reading) -> None:
    names = frozenset(OPTIONAL) - frozenset(ESSENTIAL)
    reading = check(server, whole, names, whole.values)
    assert {*reading.missing} == {*reading.warned} <= names


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Run.id", update_run(storage_id="s", notes="n")),
        ("Run.tags", modify_runs(entity="e", project="p", ids=["r"], add_tags=["a"])),
        ("Mutation.upsertSweep", update_sweep_state(storage_id="s", state="PAUSED")),
    ],
)
def test_nothing_of_a_mutation_is_left_out(
    server: LocalServer, name: str, change: Operation[object]
) -> None:
    with (
        server.lack(name),
        Api(base_url=server.url, api_key="any") as api,
        pytest.raises(UnsupportedByServerError) as caught,
    ):
        api.client.execute(change)
    assert caught.value.missing == (name,)


def test_all_names_of_an_answer_cost_one_request_and_are_remembered(server: LocalServer) -> None:
    names = ("Run.host", "Run.config(keys:)", "Run.user", "Project.runCount", "RunEdge.cursor")
    with server.lack(*names), ignored(), Api(base_url=server.url, api_key="any") as api:
        runs = [run.id for run in api.runs(PATH, per_page=100)]
        assert api.stats.requests == 2
        assert sorted(api.server.missing) == sorted(names)
        for _ in range(3):
            again = api.with_options(timeout=9).runs(PATH, per_page=100)
            assert [run.id for run in again] == runs
        assert api.stats.requests == 5
        assert api.stats.failures == 1


def test_an_explanation_shows_what_would_be_sent_without_what_is_missing(
    server: LocalServer,
) -> None:
    with server.lack("Run.host"), ignored(), Api(base_url=server.url, api_key="any") as api:
        runs = api.runs(PATH)
        assert "host" in runs.explain().document
        assert runs[0].host is None
        assert "host" not in runs.explain().document


def test_what_was_found_is_not_pickled_and_is_found_again(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", "any")
    with server.lack("Run.host"), ignored(), Api(base_url=server.url, api_key="any") as api:
        assert api.runs(PATH)[0].host is None
        with pickle.loads(pickle.dumps(api)) as twin:
            assert twin.server.missing == ()
            assert twin.runs(PATH)[0].host is None
            assert twin.server.missing == api.server.missing == ("Run.host",)


def listed(api: Api, per_page: int) -> int:
    return len(list(api.runs(PATH, per_page=per_page)))


def test_threads_that_find_the_same_missing_are_warned_once(server: LocalServer) -> None:
    with (
        server.lack("Run.host", "Run.config(keys:)"),
        warnings.catch_warnings(record=True) as caught,
        Api(base_url=server.url, api_key="any") as api,
        ThreadPoolExecutor(8) as pool,
    ):
        warnings.simplefilter("always")
        lengths = {*pool.map(partial(listed, api), range(9, 25))}
    assert len(lengths) == 1
    told = [each.message for each in caught]
    assert [type(each) for each in told] == [DegradedServerWarning]


def test_a_warning_says_what_is_missing_and_what_it_costs(server: LocalServer) -> None:
    with server.lack("Run.host", "Run.tags"), Api(base_url=server.url, api_key="any") as api:
        with pytest.warns(DegradedServerWarning, match="without Run.host, run.host is") as caught:
            run = api.runs(PATH)[0]
        assert (run.host, run.tags) == (None, [])
    (warning,) = caught
    assert warning.filename == __file__
    assert isinstance(warning.message, DegradedServerWarning)
    assert warning.message.missing == {
        "Run.host": "run.host is None",
        "Run.tags": "run.tags is empty",
    }


def test_a_warning_that_is_an_error_comes_once(server: LocalServer) -> None:
    with (
        server.lack("Run.host"),
        warnings.catch_warnings(),
        Api(base_url=server.url, api_key="any") as api,
    ):
        warnings.simplefilter("error", DegradedServerWarning)
        with pytest.raises(DegradedServerWarning):
            list(api.runs(PATH))
        assert len(list(api.runs(PATH))) > 20


def test_a_request_that_may_go_without_an_answer_is_sent_again_without_the_name(
    server: LocalServer,
) -> None:
    with (
        server.lack("Run.config(keys:)"),
        ignored(),
        Api(base_url=server.url, api_key="any") as api,
        pytest.warns(UnknownKeyWarning, match="optimiser.*optimizer"),
    ):
        list(api.runs(PATH, {"config.optimiser": "adam"}))


# Operations of other packages.


DATES = Query(
    "query",
    "ListRuns",
    (Variable("entity", "String!"), Variable("project", "String!")),
    (
        Field(
            "Query",
            "project",
            arguments=(Argument("name", "$project"), Argument("entityName", "$entity")),
            selections=(
                Field("Project", "name"),
                Field("Project", "createdAt", is_optional=True),
                Field("Project", "description", is_optional=True),
            ),
        ),
    ),
)
"""Named as an operation of this package."""


class Named(BaseModel):
    name: str
    createdAt: str | None = None  # noqa: N815 - the server's name
    description: str | None = None


class Holder(BaseModel):
    project: Named | None


OTHER = DATES._replace(name="ListProjects")


def shape_of_dates() -> Shape:
    return Shape(DATES, {}, {"Project.createdAt": "the date is None"})


def of_others(shape: Callable[[], Shape] | None) -> Operation[Holder]:
    entity, _, project = PATH.partition("/")
    variables = {"entity": entity, "project": project}
    document = shape_of_dates().without().text
    return Operation("ListRuns", "query", document, variables, lambda: Holder, shape=shape)


def test_an_operation_says_itself_what_may_be_left_out_of_it(server: LocalServer) -> None:
    operation = of_others(shape_of_dates)
    with (
        server.lack("Project.createdAt", "Project.description"),
        Api(base_url=server.url, api_key="any") as api,
    ):
        with pytest.warns(DegradedServerWarning) as caught:
            answer = api.client.run(ask(operation))
        assert answer == Holder(project=Named(name=PATH.partition("/")[2]))
        assert {*api.server.missing} == {"Project.createdAt", "Project.description"}
        (warning,) = caught
        assert isinstance(warning.message, DegradedServerWarning)
        assert warning.message.missing == {
            "Project.createdAt": "the date is None",
            "Project.description": "Project.description is left out",
        }
        raw = api.client.execute(RawOperation.of(operation))
        assert raw.left_out == {"Project.createdAt", "Project.description"}
    with (
        server.lack("Project.name"),
        Api(base_url=server.url, api_key="any") as api,
        pytest.raises(UnsupportedByServerError, match=r"no Project\.name"),
    ):
        api.client.execute(operation)


@pytest.mark.parametrize("shape", [None, lambda: shape_of_dates()._replace(query=OTHER)])
def test_nothing_is_left_out_of_an_operation_whose_selections_are_not_known(
    server: LocalServer, shape: Callable[[], Shape] | None
) -> None:
    with (
        server.lack("Project.createdAt"),
        Api(base_url=server.url, api_key="any") as api,
        pytest.raises(GraphQLError, match="createdAt") as caught,
    ):
        api.client.execute(of_others(shape))
    assert not isinstance(caught.value, UnsupportedByServerError)
    assert api.server.missing == ()


# Servers of other makes.


def test_without_nested_histories_runs_are_asked_one_by_one(
    server: LocalServer, whole: Reading
) -> None:
    calls = ("runs", "histories", "frame", "joined", "whole", "machine", "history", "scan")
    for field in ("sampledHistory", "history", "events"):
        with server.lack(f"RunEdge.node.{field}"):
            reading = read(server, calls)
        for call in calls:
            assert reading.values[call] == whole.values[call], (field, call)
        assert reading.missing == reading.warned == (f"ListedRun.{field}",)


def test_a_run_that_fails_alone_costs_no_other_where_runs_are_asked_one_by_one(
    server: LocalServer,
) -> None:
    with (
        server.lack("RunEdge.node.sampledHistory"),
        ignored(),
        Api(base_url=server.url, api_key="any", max_retries=0) as api,
    ):
        whole = api.runs(PATH).histories(keys=["loss"], format="default")
        first = whole[0]["run_id"]
        with (
            server.fail_always(TooLarge(str(first)), operation="GetSampledHistory"),
            pytest.raises(HistoriesError) as caught,
        ):
            api.runs(PATH).histories(keys=["loss"], format="default")
    assert [*caught.value.errors] == [first]
    assert caught.value.histories == [row for row in whole if row["run_id"] != first]


@pytest.mark.parametrize("name", ["JSONString", "Int", "Int64", "JSON", "User", "String"])
def test_a_missing_type_is_an_error_that_names_it_or_what_has_it(
    server: LocalServer, whole: Reading, name: str
) -> None:
    with server.lack(name), ignored():
        values = read(server).values
    for call, value in values.items():
        if isinstance(value, Raised):
            assert value.missing or value.kind is NotFoundError
        elif call == "by creation":
            assert value == whole.values[call]
    if name in {"JSONString", "Int", "String"}:
        assert isinstance(values["runs"], Raised)
        assert name in values["runs"].missing


DIALECTS: dict[str, tuple[int, Callable[[str], object]]] = {
    "graphql-js": (400, lambda text: {"message": text.replace("'", '"')}),
    "Ariadne": (400, lambda text: {"message": text, "locations": [{"line": 1, "column": 2}]}),
    "gqlgen": (
        422,
        lambda text: {
            "message": _of_type(text.replace("'", '"')),
            "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
        },
    ),
    "graphql-go": (200, lambda text: {"message": _of_type(text.replace("'", '"'))}),
    "Juniper": (
        400,
        lambda text: {
            "message": _of_type(text.replace("'", '"'))
            .replace("Cannot query field", "Unknown field")
            .rstrip("."),
        },
    ),
    "bare texts": (400, lambda text: text),
}


def _of_type(text: str) -> str:
    return re.sub(r'on field "(\w+)\.(\w+)"', r'on field "\2" of type "\1"', text)


def nodes_of(answer: ListRuns) -> list[RunFields]:
    assert answer.project is not None
    assert answer.project.runs is not None
    return [edge.node for edge in answer.project.runs.edges or () if edge and edge.node]


class Worded:
    """A transport to a server that words its refusals in another way."""

    def __init__(self, server: LocalServer, status: int, word: Callable[[str], object]) -> None:
        self._inner = HttpTransport(server.url)
        self._status = status
        self._word = word

    def send(self, request: Request, /) -> Response:
        response = self._inner.send(request)
        if response.status != HTTPStatus.BAD_REQUEST:
            return response
        errors = [self._word(each["message"]) for each in json.loads(response.content)["errors"]]
        body = {"errors": errors, "data": None}
        return replace(response, status=self._status, content=json.dumps(body).encode())


@each_way
@pytest.mark.parametrize("dialect", DIALECTS)
def test_servers_of_each_make_are_read(server: LocalServer, dialect: str, way: str) -> None:
    status, word = DIALECTS[dialect]
    names = ("Run.host", "Run.config(keys:)", "User.username", "Project.runCount(filters:)")
    operation = list_runs(entity="sample", project="digits", first=3, config_keys=["optimizer"])
    worded = Worded(server, status, word)
    with Face.of(way, server.url, "any", transport=worded) as client:
        whole = client.execute(operation)
    with Face.of(way, server.url, "any", transport=worded) as client:
        with server.lack(*names):
            without = client.execute(operation)
            assert client.execute(operation) == without
            assert client.stats.requests == 3
            assert sorted(client.inner.server.snapshot.missing) == sorted(names)
        with server.lack("Project.runs(order:)"), pytest.raises(UnsupportedByServerError) as caught:
            client.execute(operation)
    assert caught.value.missing == ("Project.runs(order:)",)
    assert caught.value.status == status
    assert nodes_of(whole) != nodes_of(without)
    gone = {"host", "config", "user"}
    assert [node.model_dump(exclude=gone) for node in nodes_of(without)] == [
        node.model_dump(exclude=gone) for node in nodes_of(whole)
    ]


class Refusing:
    """A transport to a server that refuses the same name whatever it is sent."""

    def __init__(self, *messages: str) -> None:
        self._body = json.dumps({"errors": [{"message": each} for each in messages]}).encode()
        self.sent = 0

    def send(self, _: Request, /) -> Response:
        self.sent += 1
        return Response(HTTPStatus.BAD_REQUEST, {}, self._body)


@each_way
def test_a_server_that_refuses_what_it_is_not_sent_is_asked_once_more(way: str) -> None:
    refusing = Refusing('Cannot query field "host" on type "Run".')
    operation = list_runs(entity="sample", project="digits")
    with Face.of(way, "http://127.0.0.1:9", "any", transport=refusing) as client:
        for sent in (2, 3):
            with pytest.raises(GraphQLError, match="Cannot query field") as caught:
                client.execute(operation)
            assert not isinstance(caught.value, UnsupportedByServerError)
            assert refusing.sent == sent


@each_way
def test_no_name_that_a_server_makes_up_is_noted(way: str) -> None:
    key = "k" * 40
    refusing = Refusing(
        f'Cannot query field "host" on type "{key}".', 'Cannot query field "hots" on type "Run".'
    )
    with Face.of(way, "http://127.0.0.1:9", key, transport=refusing) as client:
        with pytest.raises(GraphQLError):
            client.execute(list_runs(entity="sample", project="digits"))
        assert key not in repr(client.inner.server.snapshot)
        assert "Run.hots" not in client.inner.server.snapshot.missing


def test_the_schema_says_what_may_go_and_nothing_else_goes() -> None:
    assert {*COSTS} <= {*ALL_OPTIONAL}
    # What goes with its field, where that may go.
    assert {name.partition("(")[0] for name in {*ALL_OPTIONAL} - {*COSTS}} <= {*COSTS}
    never = [
        "after",
        "edges",
        "endCursor",
        "entityName",
        "filters",
        "first",
        "hasNextPage",
        "maxStep",
        "minStep",
        "name",
        "names",
        "node",
        "order",
        "pageInfo",
        "samples",
        "specs",
    ]
    marked = {name for name in COSTS if re.findall(r"\w+", name)[-1] in never}
    assert marked == {"User.name"}  # a label


@each_backend
def test_tasks_leave_out_and_warn_as_threads_do(server: LocalServer, backend: str) -> None:
    async def read_all(api: AsyncApi) -> tuple[list[object], object]:
        runs = api.runs(PATH, order="+created_at", per_page=9)
        listed: list[object] = [(run.id, run.host, run.config) async for run in runs]
        return listed, await runs.histories(keys=["loss"], format="default")

    async def both() -> tuple[object, tuple[str, ...]]:
        async with AsyncApi(base_url=server.url, api_key="any") as api:
            found = await read_all(api)
            return found, api.server.missing

    with Api(base_url=server.url, api_key="any") as api:
        runs = api.runs(PATH, order="+created_at", per_page=9)
        whole = [(run.id, run.host, run.config) for run in runs]
        histories = runs.histories(keys=["loss"], format="default")
    with (
        server.lack("RunEdge.node.sampledHistory", "Project.runCount"),
        pytest.warns(DegradedServerWarning) as caught,
    ):
        found, missing = anyio.run(both, backend=backend)
    assert found == (whole, histories)
    assert missing == ("Project.runCount", "ListedRun.sampledHistory")
    assert [each.filename for each in caught] == [__file__] * 2


@pytest.mark.filterwarnings("ignore::wandb_runs.DegradedServerWarning")
@pytest.mark.parametrize("order", ["+created_at", "-created_at"])
@pytest.mark.parametrize("by_page", [False, True])
def test_a_checkpoint_by_an_instant_that_is_no_longer_told_repeats_no_run(
    wandb_server: LocalServer, order: str, by_page: bool
) -> None:
    for number in range(9):
        log_run(wandb_server, "team", "forgets", f"r{number}")
    with Api(base_url=wandb_server.url, api_key="k") as api:
        loop = iter(api.runs("team/forgets", order=order, per_page=4))
        taken = [next(loop).id for _ in range(6)]
        checkpoint = loop.checkpoint()
    assert len(taken) == 6
    with wandb_server.lack("Run.createdAt"), Api(base_url=wandb_server.url, api_key="k") as api:
        rest = api.runs("team/forgets", order=order, per_page=4, checkpoint=checkpoint)
        with pytest.raises(BadResponseError, match="list again from the start"):
            next(rest.pages() if by_page else iter(rest))

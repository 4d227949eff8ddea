"""The server keeps what W&B's schema promises, and clients get along where it is broken."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from graphql import parse, print_ast
from graphql.language import ListTypeNode, NonNullTypeNode, ObjectTypeDefinitionNode, TypeNode

from wandb_runs import Api, AsyncApi, BadResponseError, InvalidArgumentError, WandbRunsError
from wandb_runs.local.schema import nullable_fields, promised_fields, read_sdl
from wandb_runs.testing import FakeClock, LocalServer, NullFields, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONValue

PROMISED = [f"{kind}.{name}" for kind, fields in promised_fields().items() for name in fields]

QUERY = """
query ReadPromised {
  viewer { id name }
  project(entityName: "me", name: "promised") {
    id name entityName createdAt runCount
    runs {
      edges {
        node {
          id createdAt projectId tags sampledHistory(specs: ["{\\"keys\\": [\\"loss\\"]}"])
          history events parquetHistory(liveKeys: []) { parquetUrls liveData } user { id name }
          files { edges { node { name directUrl } cursor } pageInfo { hasNextPage } }
        }
        cursor
      }
      pageInfo { hasNextPage }
    }
    fields { edges { node { path type } } pageInfo { hasNextPage } }
    tagCounts { name count }
    sweep(sweepName: "s1") { id method state config createdAt runCount }
  }
}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        log_run(server, "me", "promised", "r1", history=[{"loss": 1}], tags=["a"], sweep="s1")
        log_run(server, "me", "promised", "r2")
        where = 'entityName: "me", projectName: "promised"'
        ask(server, f'mutation {{ upsertSweep(input: {{{where}, id: "s1"}}) {{ __typename }} }}')
        given = f'{where}, runName: "r1", files: ["a.txt"]'
        mutation = f"createRunFiles(input: {{{given}}}) {{ files {{ uploadUrl }} }}"
        files = at(ask(server, f"mutation {{ {mutation} }}"), "createRunFiles", "files")
        assert isinstance(files, list)
        httpx.put(str(at(files[0], "uploadUrl")), content=b"a")
        yield server


def ask(server: LocalServer, query: str) -> JSONValue:
    answer = httpx.post(
        f"{server.url}/graphql", json={"query": query}, auth=("api", "k"), timeout=60
    ).json()
    assert "errors" not in answer
    data: JSONValue = answer["data"]
    return data


def at(value: JSONValue, *keys: str) -> JSONValue:
    for key in keys:
        assert isinstance(value, dict)
        value = value[key]
    return value


def nulls(value: JSONValue, path: str = "") -> list[str]:
    match value:
        case None:
            return [path]
        case dict():
            return [each for key in value for each in nulls(value[key], f"{path}.{key}")]
        case list():
            return [each for item in value for each in nulls(item, path)]
        case _:
            return []


def bare(node: TypeNode) -> str:
    """A type without its promises."""
    if isinstance(node, NonNullTypeNode):
        return bare(node.type)
    return f"[{bare(node.type)}]" if isinstance(node, ListTypeNode) else print_ast(node)


def test_promises_differ_from_the_clients_schema_in_nulls_alone() -> None:
    client, *_ = read_sdl(keeps_promises=False)
    known = {
        f"{definition.name.value}.{field.name.value}": field.type
        for definition in parse(client).definitions
        if isinstance(definition, ObjectTypeDefinitionNode)
        for field in definition.fields
    }
    for kind, fields in promised_fields().items():
        for name, node in fields.items():
            assert bare(node) == bare(known[f"{kind}.{name}"]), name
    assert {*PROMISED} <= nullable_fields()


def test_no_field_that_is_promised_is_null(server: LocalServer) -> None:
    asked = {name for name in QUERY.replace("{", " ").split() if name.isalpha()}
    assert {name.partition(".")[2] for name in PROMISED} <= asked | {
        "sampledHistory",
        "parquetHistory",
    }
    assert nulls(ask(server, QUERY)) == []


@pytest.mark.parametrize("field", PROMISED)
def test_a_fault_breaks_each_promise(server: LocalServer, field: str) -> None:
    fault = NullFields(field)
    with server.fail(fault):
        broken = nulls(ask(server, QUERY))
    assert broken
    assert {path.rpartition(".")[2] for path in broken} == {field.partition(".")[2]}
    assert server.failed[-1] == fault


def test_several_fields_are_null_together_and_with_odd_pages(server: LocalServer) -> None:
    with server.fail_always(NullFields("Run.tags", "Run.group"), NullFields("Run.createdAt")):
        runs = ask(server, QUERY)
    assert {path.rpartition(".")[2] for path in nulls(runs)} == {"tags", "createdAt"}


@pytest.mark.filterwarnings("ignore::wandb_runs.WandbRunsWarning")
@pytest.mark.parametrize("field", PROMISED)
def test_a_broken_promise_costs_no_more_than_a_typed_error(server: LocalServer, field: str) -> None:
    with (
        Api(base_url=server.url, api_key="k" * 40, clock=FakeClock()) as api,
        server.fail_always(NullFields(field)),
    ):
        runs = api.runs("me/promised")
        for read in (
            lambda: [(run.name, run.config, run.tags, run.created_at) for run in runs],
            lambda: len(runs),
            lambda: runs.histories(keys=["loss"]),
            runs.histories,
            lambda: runs.histories(stream="system"),
            lambda: [*api.run("me/promised/r1").scan_history()],
            lambda: api.sweep("me/promised/s1").name,
        ):
            with suppress(WandbRunsError):
                read()


def test_a_history_that_is_null_is_no_empty_one(server: LocalServer) -> None:
    async def read(keys: list[str] | None) -> None:
        async with AsyncApi(base_url=server.url, api_key="k" * 40) as api:
            await anext((await api.run("me/promised/r1")).scan_history(keys))

    with (
        Api(base_url=server.url, api_key="k" * 40, clock=FakeClock()) as api,
        server.fail_always(NullFields("Run.history", "Run.parquetHistory")),
    ):
        run = api.run("me/promised/r1")
        for keys in (None, ["loss"]):
            with pytest.raises(BadResponseError, match="'r1' cannot be read: it came as null"):
                next(run.scan_history(keys))
            with pytest.raises(BadResponseError, match="came as null"):
                anyio.run(read, keys)


@pytest.mark.parametrize("field", ["Run.createdat", "createdAt", "Run.name", ""])
def test_a_field_that_cannot_be_null_is_refused(field: str) -> None:
    with pytest.raises(InvalidArgumentError, match="NullFields"):
        NullFields(field)


def test_no_field_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="expected fields"):
        NullFields()

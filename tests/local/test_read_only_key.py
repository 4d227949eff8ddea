"""A key that may only read changes nothing, whatever it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from graphql import (
    InputObjectTypeDefinitionNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    parse,
    print_ast,
)

from wandb_runs import Api, AsyncApi, AuthenticationError, PermissionDeniedError
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.local.schema import read_sdl
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONValue

READER = "r" * 40
WRITER = "w" * 40

DEFINITIONS = [each for text in read_sdl() for each in parse(text).definitions]

MUTATIONS = {
    field.name.value: print_ast(field.arguments[0].type).strip("!")
    for each in DEFINITIONS
    if isinstance(each, ObjectTypeDefinitionNode | ObjectTypeExtensionNode)
    and each.name.value == "Mutation"
    for field in each.fields
}
"""The mutations of the schema, with the types of their inputs."""


def least(kind: str) -> dict[str, JSONValue]:
    """An input of a type, with what it needs and no more."""
    needed = {
        field.name.value: print_ast(field.type)
        for each in DEFINITIONS
        if isinstance(each, InputObjectTypeDefinitionNode) and each.name.value == kind
        for field in each.fields
        if isinstance(field.type, NonNullTypeNode)
    }
    return {name: value_of(text) for name, text in needed.items()}


def value_of(text: str) -> JSONValue:
    """A value of a type, with what it needs and no more."""
    if text.startswith("["):
        return [value_of(text.strip("[]!"))]
    if text == "Float!":
        return 0.5
    name = text.strip("!")
    return least(name) if name.endswith("Input") else "x"


@pytest.fixture(scope="module", params=[None, WRITER], ids=["any key", "a key of its own"])
def server(request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    with LocalServer(api_key=request.param, read_only_key=READER) as started:
        log_run(started, "me", "p", "r", notes="as it was", api_key=WRITER)
        yield started


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_each_mutation_is_refused_with_the_words_of_wandb(
    server: LocalServer, mutation: str
) -> None:
    kind = MUTATIONS[mutation]
    query = f"mutation M($i: {kind}!) {{ {mutation}(input: $i) {{ __typename }} }}"
    body = {"query": query, "variables": {"i": least(kind)}}
    url = f"{server.url}/graphql"
    refused = httpx.post(url, json=body, auth=("api", READER))
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["message"] == "permission denied"
    assert httpx.post(url, json=body).status_code == 401


def test_such_a_key_reads_what_others_log(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key=READER) as api:
        run = api.run("me/p/r")
        assert (run.notes, run.read_only) == ("as it was", True)
        assert api.viewer is not None
    with Api(base_url=server.url, api_key=WRITER) as api:
        assert api.run("me/p/r").read_only is False


def test_such_a_key_logs_no_rows(server: LocalServer) -> None:
    url = f"{server.url}/files/me/p/r/file_stream"
    rows = {"files": {"wandb-history.jsonl": {"offset": 0, "content": ["{}"]}}}
    assert httpx.post(url, json=rows, auth=("api", READER)).status_code == 403
    with Api(base_url=server.url, api_key=WRITER) as api:
        assert [*api.run("me/p/r").scan_history()] == []


def test_the_package_says_that_the_key_may_not(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key=READER) as api:
        run = api.run("me/p/r")
        with pytest.raises(PermissionDeniedError):
            run.update(notes="changed")
        assert api.run("me/p/r").notes == "as it was"


def test_the_asynchronous_half_says_so_too(server: LocalServer) -> None:
    async def change() -> None:
        async with AsyncApi(base_url=server.url, api_key=READER) as api:
            run = await api.run("me/p/r")
            with pytest.raises(PermissionDeniedError):
                await run.update(notes="changed")

    anyio.run(change)


def test_other_keys_are_wrong_where_the_server_has_its_own() -> None:
    with LocalServer(api_key=WRITER, read_only_key=READER) as server:
        with Api(base_url=server.url, api_key="x" * 40) as api, pytest.raises(AuthenticationError):
            len(api.runs("me/p"))
        with Api(base_url=server.url, api_key=READER) as api:
            assert api.viewer is not None


def test_a_key_that_no_header_holds_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="read_only_key"):
        LocalServer(read_only_key="")

"""What the schema has and the local server does not answer is an error that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    InputObjectTypeDefinitionNode,
    NonNullTypeNode,
    build_schema,
    parse_type,
    print_ast,
)
from support.sweeps import make_sweep

from wandb_runs import Api, schema_path
from wandb_runs.local.schema import read_sdl, unanswered_fields
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphql import InputValueDefinitionNode, TypeNode

    from wandb_runs.graphql.scalars import JSONValue

SCHEMA = build_schema("\n".join(read_sdl()))

RUNS = 'project(entityName: "me", name: "p") { runs { %s } }'
RUN = 'project(entityName: "me", name: "p") { run(name: "r") { %s } }'
REACHED = {
    "Entity": 'entity(name: "me") { %s }',
    "File": RUN % "files { edges { node { %s } } }",
    "FileConnection": RUN % "files { %s }",
    "Mutation": "%s",
    "PageInfo": RUNS % "pageInfo { %s }",
    "Project": 'project(entityName: "me", name: "p") { %s }',
    "Query": "%s",
    "Run": RUN % "%s",
    "RunConnection": RUNS % "%s",
    "Sweep": 'project(entityName: "me", name: "p") { sweeps { edges { node { %s } } } }',
    "User": "viewer { %s }",
}
"""Where the server has an object of a type, with a place for its fields."""

# Behind fields that are not answered, or of which the server has no object.
BEHIND = {"Artifact", "ArtifactSequence", "Organization"}

FIELDS = sorted(each for each in unanswered_fields() if each[0] in REACHED)


def value_of(node: TypeNode) -> str:
    """A value of a type in a document, with what it needs and no more."""
    text = print_ast(node).strip("!")
    named = text.strip("[]!")
    if text.startswith("["):
        return f"[{value_of(parse_type(named))}]"
    kind = SCHEMA.type_map[named].ast_node
    if isinstance(kind, InputObjectTypeDefinitionNode):
        return f"{{{needed(kind.fields)}}}"
    return {"Int": "1", "Float": "1.5"}.get(named, '"x"')


def needed(nodes: Iterable[InputValueDefinitionNode]) -> str:
    """Values for what cannot be left out."""
    return ", ".join(
        f"{each.name.value}: {value_of(each.type)}"
        for each in nodes
        if isinstance(each.type, NonNullTypeNode)
    )


def asked(type_name: str, name: str) -> str:
    type_ = SCHEMA.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    node = type_.fields[name].ast_node
    assert node is not None
    kind = SCHEMA.type_map[print_ast(node.type).strip("[]!")]
    has_fields = isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)
    given = needed(node.arguments)
    selection = name + (f"({given})" if given else "") + (" { __typename }" if has_fields else "")
    operation = "mutation" if type_name == "Mutation" else "query"
    return f"{operation} Q {{ {REACHED[type_name] % selection} }}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    file = tmp_path_factory.mktemp("sent") / "a.txt"
    file.write_text("1")
    with LocalServer() as started, Api(base_url=started.url, api_key="k") as api:
        log_run(started, "me", "p", "r", sweep=make_sweep(started, "me/p"))
        api.run("me/p/r").upload_file(file, root=file.parent)
        yield started


def answer(server: LocalServer, query: str) -> JSONValue:
    url = f"{server.url}/graphql"
    body: JSONValue = httpx.post(url, json={"query": query}, auth=("api", "k")).json()
    return body


@pytest.mark.parametrize(("type_name", "name"), FIELDS, ids=".".join)
def test_a_field_that_is_not_answered_says_so(
    server: LocalServer, type_name: str, name: str
) -> None:
    body = answer(server, asked(type_name, name))
    assert isinstance(body, dict)
    errors = body["errors"]
    assert isinstance(errors, list)
    assert isinstance(errors[0], dict)
    assert errors[0]["message"] == (
        f"the local server does not answer {type_name}.{name}, which W&B has"
    )


def test_each_type_is_reached_or_behind_what_is_not_answered() -> None:
    answered = "\n".join(
        path.read_text(encoding="utf-8")
        for path in schema_path().iterdir()
        if path.name != "public.graphql"
    )
    present = {*build_schema(answered).type_map}
    assert {kind for kind, _ in unanswered_fields()} & present == {*REACHED} | BEHIND


def test_the_rest_of_an_answer_is_there(server: LocalServer) -> None:
    body = answer(server, f"query Q {{ {RUN % 'name computeSeconds'} }}")
    assert isinstance(body, dict)
    assert body["data"] == {"project": {"run": {"name": "r", "computeSeconds": None}}}

"""What W&B's SDK asks of its server, read from the installed wheel: our schema compiles it."""

from __future__ import annotations

import ast
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from graphql import Source, parse, validate

from wandb_runs.cli.codegen.plugin import (
    CodegenRefusedError,
    Documents,
    PackageSpec,
    generate_package,
    read_schema,
)
from wandb_runs.cli.codegen.sources import SCALARS, sources_of_schema

if TYPE_CHECKING:
    from pathlib import Path

    from graphql import GraphQLSchema

ROOMS = ("apis", "sdk.artifacts", "sdk.internal")

# Of registries, members of registries, keys and accounts of others, of which no public copy tells.
NOT_COVERED = {
    *("CREATE_REGISTRY_MEMBERS_GQL", "CREATE_SERVICE_ACCOUNT_GQL", "CREATE_USER_FROM_ADMIN_GQL"),
    *("DELETE_API_KEY_GQL", "DELETE_REGISTRY_MEMBERS_GQL", "FETCH_ADVANCED_REGISTRY_FEATURES_GQL"),
    *("FETCH_ORGANIZATION_GQL", "FETCH_REGISTRIES_GQL", "FETCH_REGISTRY_GQL"),
    *("GENERATE_API_KEY_GQL", "GET_TEAM_ENTITY_GQL", "REGISTRY_COLLECTIONS_GQL"),
    *("REGISTRY_TEAM_MEMBERS_GQL", "REGISTRY_USER_MEMBERS_GQL", "REGISTRY_VERSIONS_GQL"),
    *("RENAME_REGISTRY_GQL", "UPDATE_TEAM_REGISTRY_ROLE_GQL", "UPDATE_USER_REGISTRY_ROLE_GQL"),
    "UPSERT_REGISTRY_GQL",
}

# What GraphQL allows, and the generator refuses: a union, conditions on what has to merge.
REFUSED = {"ARTIFACT_CREATED_BY_GQL"}


def documents() -> dict[str, str]:
    """The documents of the SDK, by the names of their constants."""
    found: dict[str, str] = {}
    for room in ROOMS:
        source = files(f"wandb.{room}").joinpath("_generated", "operations.py").read_text("utf-8")
        for node in ast.parse(source).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                    found[name] = text
                case _:
                    pass
    return found


DOCUMENTS = documents()


@cache
def schema() -> GraphQLSchema:
    return read_schema(sources_of_schema())


def test_what_is_not_covered_is_what_is_listed() -> None:
    assert len(DOCUMENTS) > 60
    wrong = {name for name, text in DOCUMENTS.items() if validate(schema(), parse(text))}
    assert wrong == NOT_COVERED


def compile_document(name: str, folder: Path) -> None:
    read = Documents.read([Source(DOCUMENTS[name], name)], schema())
    spec = PackageSpec(read, schema(), SCALARS, lambda _: "# From a test.")
    package = generate_package(spec, folder, "compiled")
    for path in package.glob("*.py"):
        compile(path.read_text(encoding="utf-8"), path.name, "exec")


@pytest.mark.parametrize("name", sorted({*DOCUMENTS} - NOT_COVERED - REFUSED))
def test_a_document_that_the_schema_covers_compiles(name: str, tmp_path: Path) -> None:
    compile_document(name, tmp_path)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_be_wrong_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CodegenRefusedError):
        compile_document(name, tmp_path)

"""The schema that the server binds: the client's, what other programs send, and what it refuses."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from graphql import (
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    parse,
    print_ast,
)

from wandb_runs.graphql.schema import schema_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import TypeNode

__all__ = ["nullable_fields", "promised_fields", "read_sdl", "unanswered_fields"]

_CLIENT: Final = "wandb.graphql"
_UNANSWERED: Final = "public.graphql"
_PROMISED: Final = Path(__file__).with_name("promised.graphql")


def read_sdl(*, keeps_promises: bool = True) -> list[str]:
    """Read the schema files, in GraphQL's schema language.

    Args:
        keeps_promises: Whether fields are never null that W&B promises never to be null; otherwise
            they may be null, as the client expects.

    Returns:
        The text of each file.

    Raises:
        FileNotFoundError: They are not there: the installation is broken.

    >>> any("type Query" in text for text in read_sdl())
    True
    """
    client = _promising(_read(_CLIENT)) if keeps_promises else _read(_CLIENT)
    return [client, _read("sdk.graphql"), _read("artifacts.graphql"), _read(_UNANSWERED)]


@cache
def promised_fields() -> Mapping[str, Mapping[str, TypeNode]]:
    """The types of fields that W&B promises never to be null, by type and field."""
    return _fields_of(_PROMISED.read_text(encoding="utf-8"))


@cache
def nullable_fields() -> frozenset[str]:
    """The fields that may be null to the client, each as `Type.field`.

    >>> "Run.createdAt" in nullable_fields(), "Run.name" in nullable_fields()
    (True, False)
    """
    return frozenset(
        f"{kind}.{name}"
        for kind, fields in _fields_of(_read(_CLIENT)).items()
        for name, type_node in fields.items()
        if not isinstance(type_node, NonNullTypeNode)
    )


@cache
def unanswered_fields() -> frozenset[tuple[str, str]]:
    """The fields that the server does not answer, each by its type and its name.

    >>> ("Run", "computeSeconds") in unanswered_fields(), ("Run", "name") in unanswered_fields()
    (True, False)
    """
    return frozenset(
        (definition.name.value, field.name.value)
        for definition in parse(_read(_UNANSWERED)).definitions
        if isinstance(definition, ObjectTypeDefinitionNode | ObjectTypeExtensionNode)
        for field in definition.fields
    )


def _read(name: str) -> str:
    return (schema_path() / name).read_text(encoding="utf-8")


def _fields_of(sdl: str) -> Mapping[str, Mapping[str, TypeNode]]:
    return {
        definition.name.value: {field.name.value: field.type for field in definition.fields}
        for definition in parse(sdl).definitions
        if isinstance(definition, ObjectTypeDefinitionNode)
    }


def _promising(sdl: str) -> str:
    """The schema with the types of promised fields."""
    document = parse(sdl)
    for definition in document.definitions:
        if isinstance(definition, ObjectTypeDefinitionNode):
            promised = promised_fields().get(definition.name.value, {})
            for field in definition.fields:
                field.type = promised.get(field.name.value, field.type)
    return print_ast(document)

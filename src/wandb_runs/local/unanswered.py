"""What the schema has and the server does not answer: it says so, where others would see a null."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from graphql import GraphQLError, GraphQLObjectType

from wandb_runs.local.context import context_of
from wandb_runs.local.schema import unanswered_fields

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo, GraphQLSchema

__all__ = ["bind_unanswered"]


def bind_unanswered(schema: GraphQLSchema) -> None:
    """Bind the fields that the server does not answer."""
    for type_name, name in unanswered_fields():
        type_ = schema.type_map[type_name]
        if isinstance(type_, GraphQLObjectType):
            type_.fields[name].resolve = _refuse


def _refuse(_: object, info: GraphQLResolveInfo, **__: object) -> NoReturn:
    parent = info.parent_type
    if parent is info.schema.mutation_type:
        context_of(info).require_writer()
    raise GraphQLError(
        f"the local server does not answer {parent.name}.{info.field_name}, which W&B has"
    )

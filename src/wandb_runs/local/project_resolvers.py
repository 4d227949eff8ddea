"""Resolvers of listings of projects, and of what a project is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ariadne import ObjectType, QueryType
from sqlalchemy import select

from wandb_runs.local.context import context_of
from wandb_runs.local.pages import PageRequest
from wandb_runs.local.resolvers import entity_named, user_named
from wandb_runs.local.tables import projects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import GraphQLResolveInfo

    from wandb_runs.local.nodes import Project
    from wandb_runs.local.pages import Page

__all__ = ["PROJECT_BINDABLES"]

_query: Final = QueryType()
_entity_type: Final = ObjectType("Entity")
_project_type: Final = ObjectType("Project")
_user_type: Final = ObjectType("User")


@_query.field("models")
@_query.field("projects")
def _projects(
    _: object,
    info: GraphQLResolveInfo,
    entity_name: str | None = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> Page[Project]:
    context = context_of(info)
    return context.projects(entity_name or context.entity, PageRequest(after, first), order)


@_entity_type.field("projects")
def _of_entity(
    entity: Mapping[str, str],
    info: GraphQLResolveInfo,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> Page[Project]:
    return context_of(info).projects(entity["name"], PageRequest(after, first), order)


@_user_type.field("teams")
def _teams(user: Mapping[str, str], info: GraphQLResolveInfo) -> dict[str, object]:
    """Each entity with a project but the user's own: a key may see them all."""
    others = (
        select(projects.c.entity)
        .where(projects.c.entity != user["username"])
        .distinct()
        .order_by(projects.c.entity)
    )
    names = context_of(info).connection.scalars(others)
    return {"edges": [{"node": entity_named(name)} for name in names]}


@_project_type.field("isBenchmark")
def _is_benchmark(*_: object) -> bool:
    return False


@_project_type.field("user")
def _creator(project: Project, _: GraphQLResolveInfo) -> dict[str, object]:
    return user_named(project.entity_name)


PROJECT_BINDABLES: Final = (_query, _entity_type, _project_type, _user_type)

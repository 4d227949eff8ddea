"""What the runs of a project have: paths with the types of their values, and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import exists, func, or_, select

from wandb_runs.local.tables import Kind, leaves, paths, runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.local.where import Scope, Where

__all__ = ["count_tags", "list_fields"]

_ROOTS: Final = ("config.", "summary_metrics.")

_TYPES: Final[Mapping[Kind, str]] = {
    Kind.NUMBER: "number",
    Kind.NAN: "number",
    Kind.STRING: "string",
    Kind.BOOL: "boolean",
    Kind.ARRAY: "list",
}
"""Types by the kinds of values; an object has paths of its own instead."""


def list_fields(scope: Scope, offset: int, limit: int) -> list[dict[str, str]]:
    """The paths of configs and summaries that some run has, each once for each type."""
    found = (
        select(paths.c.path, leaves.c.kind)
        .select_from(paths.join(leaves, leaves.c.path_id == paths.c.id))
        .where(
            paths.c.project_id == scope.project_id,
            or_(*(paths.c.path.startswith(root, autoescape=True) for root in _ROOTS)),
            leaves.c.kind.in_([int(kind) for kind in _TYPES]),
        )
        .distinct()
        .order_by(paths.c.path, leaves.c.kind)
    )
    rows = scope.connection.execute(found).all()
    listed = dict.fromkeys((row.path, _TYPES[Kind(row.kind)]) for row in rows)
    page = [*listed][offset : offset + limit]
    return [{"path": path, "type": kind} for path, kind in page]


def count_tags(scope: Scope, where: Where) -> list[dict[str, object]]:
    """How many of the runs that a filter selects have each tag, in order of the tags."""
    counted = (
        select(leaves.c.value.label("name"), func.count().label("count"))
        .select_from(leaves.join(paths, leaves.c.path_id == paths.c.id))
        .where(
            paths.c.project_id == scope.project_id,
            paths.c.path == "tags",
            leaves.c.kind == int(Kind.STRING),
            exists().where(runs.c.id == leaves.c.run_id, where.condition),
        )
        .group_by(leaves.c.value)
        .order_by(leaves.c.value)
    )
    rows = scope.connection.execute(counted).all()
    return [{"name": name, "count": count} for name, count in rows]

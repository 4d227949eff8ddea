"""W&B's `order` as SQL, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, exists, func, not_, select

from wandb_runs.local.tables import Kind, leaves, runs
from wandb_runs.local.where import leaf_path, path_id, root_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select

    from wandb_runs.local.where import Scope, Where

__all__ = ["select_ids"]

_ROOTS = frozenset({"name", "display_name", "group", "job_type", "username", "host", "sweep"})


class _Order(NamedTuple):
    path: str
    descending: bool

    def directed(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return column.desc() if self.descending else column.asc()


def select_ids(
    scope: Scope, where: Where, order: str | None, offset: int, limit: int
) -> Sequence[int]:
    """Find the runs that a filter selects, in order.

    Without a sign the order is descending, as in W&B. With a path that no run has, runs are in
    order of creation. Ties are in order of creation. Runs that lack the value are last in either
    direction, and so are those whose value is null, an object or an array. Values of different
    types are in MongoDB's order: numbers, strings, booleans.

    Args:
        scope: The project.
        where: The compiled filter.
        order: A sign and a path.
        offset: How many runs to skip.
        limit: The most runs to return.

    Returns:
        Row ids of `runs`.
    """
    chosen = select(runs.c.id).where(runs.c.project_id == scope.project_id, where.condition)
    parsed = _parse(order)
    column = root_field(parsed.path, scope.now)
    if column is not None:
        return _page(scope, chosen.order_by(parsed.directed(column[0]), runs.c.id), offset, limit)
    known = None
    root, _, rest = parsed.path.partition(".")
    exact = leaf_path(parsed.path)
    if (root in {"config", "summary_metrics"} and rest and exact == parsed.path) or exact in _ROOTS:
        known = path_id(scope, exact)
    if known is None:
        return _page(scope, chosen.order_by(runs.c.id), offset, limit)
    return _by_leaf(scope, where, parsed, known, offset, limit)


def _parse(order: str | None) -> _Order:
    if not order:
        return _Order("", descending=False)
    signed = order[0] in "+-"
    return _Order(order[1:] if signed else order, descending=order[0] != "+")


def _by_leaf(
    scope: Scope, where: Where, order: _Order, leaf: int, offset: int, limit: int
) -> Sequence[int]:
    places = (leaves.c.path_id == leaf, leaves.c.sorts, leaves.c.kind > int(Kind.NULL))
    ranks = [order.directed(column) for column in (leaves.c.kind, leaves.c.value)]
    if where.few:
        joined = runs.outerjoin(leaves, and_(leaves.c.run_id == runs.c.id, *places))
        found = (
            select(runs.c.id)
            .select_from(joined)
            .where(runs.c.project_id == scope.project_id, where.condition)
        )
        lacking = leaves.c.run_id.is_(None)
        return _page(scope, found.order_by(lacking, *ranks, runs.c.id), offset, limit)
    # Many runs match: scan the values in order and stop when the page is full.
    placed = (
        select(runs.c.id)
        .select_from(leaves.join(runs, leaves.c.run_id == runs.c.id))
        .where(*places, where.condition)
    )
    page = list(_page(scope, placed.order_by(*ranks, leaves.c.run_id), offset, limit))
    if len(page) == limit:
        return page
    skipped = offset + len(page)
    if not page and offset:
        skipped = scope.connection.execute(
            select(func.count()).select_from(placed.subquery())
        ).scalar_one()
    held = select(leaves.c.run_id).where(leaves.c.run_id == runs.c.id, *places)
    rest = select(runs.c.id).where(
        runs.c.project_id == scope.project_id, not_(exists(held)), where.condition
    )
    missing = limit - len(page)
    return page + list(_page(scope, rest.order_by(runs.c.id), max(0, offset - skipped), missing))


def _page(scope: Scope, query: Select[int], offset: int, limit: int) -> Sequence[int]:
    return scope.connection.scalars(query.limit(limit).offset(offset)).all()

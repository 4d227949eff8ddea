"""The runs of a project that a filter of a mutation selects."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from wandb_runs.local.tables import runs
from wandb_runs.local.where import BadRequestError, Scope, compile_filters

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ["select_runs", "within_limits"]


@contextmanager
def within_limits() -> Generator[None]:
    """Report a filter that exceeds SQLite's limits or the recursion limit as a bad request.

    Raises:
        BadRequestError: It is.
    """
    try:
        yield
    except (OperationalError, RecursionError) as error:
        raise BadRequestError("filters: larger than the server can take") from error


def select_runs(scope: Scope, filters: str) -> Sequence[int]:
    """Find the runs that a filter selects, oldest first.

    Args:
        scope: The project.
        filters: A MongoDB query in JSON; an empty one selects every run.

    Returns:
        Row ids of `runs`.

    Raises:
        BadRequestError: The filter is not one that W&B answers.
    """
    with within_limits():
        where = compile_filters(filters, scope)
        chosen = select(runs.c.id).where(runs.c.project_id == scope.project_id, where.condition)
        return scope.connection.scalars(chosen.order_by(runs.c.id)).all()

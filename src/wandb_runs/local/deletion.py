"""Moves runs between projects, which is how they are deleted and come back, and erases them.

A run that is deleted moves to a bin, a project that no request can name: it is thus invisible to
whatever looks for the runs of a project, and moves back with all that it holds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select, update

from wandb_runs.local.ids import storage_id
from wandb_runs.local.tables import (
    branches,
    console,
    documents,
    exports,
    files,
    leaves,
    lines,
    paths,
    projects,
    runs,
    writers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select, Table

    from wandb_runs.local.store import Writer

__all__ = ["bin_of", "delete_runs", "erase_deleted", "move_runs"]

_NOBODY: Final = ""
"""The entity of bins: a request that names no entity means the viewer's."""

_OF_RUN: Final[Sequence[Table]] = (
    exports,
    leaves,
    lines,
    console,
    files,
    documents,
    writers,
    branches,
)


def bin_of(connection: Connection, project_id: int) -> int | None:
    """The project that holds the deleted runs of a project; None before any is deleted."""
    found: int | None = connection.scalar(
        select(projects.c.id).where(
            projects.c.entity == _NOBODY, projects.c.name == _bin_name(connection, project_id)
        )
    )
    return found


def _bin_name(connection: Connection, project_id: int) -> str:
    project = connection.execute(select(projects).where(projects.c.id == project_id)).one()
    return storage_id("Project", project.name, project.entity)


def delete_runs(writer: Writer, project_id: int, run_ids: Sequence[int]) -> None:
    """Delete runs of a project, so that they can come back."""
    bin_id = writer.project_id(_NOBODY, _bin_name(writer.connection, project_id))
    move_runs(writer, run_ids, bin_id)


def erase_deleted(writer: Writer, project_id: int, names: Sequence[str]) -> None:
    """Erase the deleted runs of a project that have these ids: other runs take their places."""
    connection = writer.connection
    bin_id = bin_of(connection, project_id)
    if bin_id is None:
        return
    gone = connection.scalars(
        select(runs.c.id).where(runs.c.project_id == bin_id, runs.c.name.in_(_listed(names)))
    ).all()
    for table in _OF_RUN:
        connection.execute(delete(table).where(table.c.run_id.in_(_listed(gone))))
    connection.execute(delete(runs).where(runs.c.id.in_(_listed(gone))))


def move_runs(writer: Writer, run_ids: Sequence[int], project_id: int) -> None:
    """Move runs to a project that has none of their ids; all that they hold stays as it is."""
    connection, moved = writer.connection, _listed(run_ids)
    of_runs = leaves.c.run_id.in_(moved)
    held = select(paths.c.path).where(paths.c.id.in_(select(leaves.c.path_id).where(of_runs)))
    writer.path_ids(project_id, connection.scalars(held).all())
    old, new = paths.alias(), paths.alias()
    same = (
        select(new.c.id)
        .join(old, old.c.path == new.c.path)
        .where(old.c.id == leaves.c.path_id, new.c.project_id == project_id)
    )
    connection.execute(update(leaves).where(of_runs).values(path_id=same.scalar_subquery()))
    connection.execute(update(runs).where(runs.c.id.in_(moved)).values(project_id=project_id))


def _listed(values: Sequence[int] | Sequence[str]) -> Select[tuple[object]]:
    """Values as one parameter, however many: SQLite bounds how many it takes."""
    return select(func.json_each(json.dumps(list(values))).table_valued("value").c.value)

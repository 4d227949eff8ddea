"""Stores and reads the files that runs upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from wandb_runs.local.ingest import find_run
from wandb_runs.local.tables import files, runs

if TYPE_CHECKING:
    from wandb_runs.local.store import Store, Writer

__all__ = ["delete_file", "read_file", "save_file"]


def save_file(store: Store, entity: str, project: str, run: str, name: str, content: bytes) -> bool:
    """Store a file of a run, replacing one of the same name.

    Returns:
        Whether there is such a run.
    """
    with store.write() as writer:
        run_id = find_run(writer.connection, entity, project, run)
        if run_id is None:
            return False
        kept = {"content": content, "updated_at": writer.now}
        made = insert(files).values(run_id=run_id, name=name, **kept)
        writer.connection.execute(made.on_conflict_do_update(set_=kept))
    return True


def delete_file(
    writer: Writer, run: tuple[str, str, str], name: str, project_id: int | None
) -> None:
    """Delete a file of a run, if it is there.

    Args:
        writer: The transaction.
        run: Entity, project and id of the run.
        name: The file's name.
        project_id: The row id of the run's project; None where the request names none.
    """
    this = runs.c.id == find_run(writer.connection, *run)
    if project_id is not None:
        this &= runs.c.project_id == project_id
    writer.connection.execute(
        delete(files).where(files.c.run_id.in_(select(runs.c.id).where(this)), files.c.name == name)
    )


def read_file(store: Store, entity: str, project: str, run: str, name: str) -> bytes | None:
    """Read a file of a run; None if there is none of that name."""
    with store.read() as connection:
        run_id = find_run(connection, entity, project, run)
        content: bytes | None = connection.scalar(
            select(files.c.content).where(files.c.run_id == run_id, files.c.name == name)
        )
    return content

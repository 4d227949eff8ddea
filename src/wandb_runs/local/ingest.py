"""Writes runs, and indexes their values for filters and orders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select, update

from wandb_runs.local.deletion import erase_deleted
from wandb_runs.local.documents import finite, read_object, set_document, write_object
from wandb_runs.local.leaves import Leaf, config_leaves, flatten
from wandb_runs.local.store import inserted_id
from wandb_runs.local.tables import (
    branches,
    console,
    documents,
    leaves,
    lines,
    paths,
    projects,
    runs,
    writers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.store import Writer
    from wandb_runs.local.tables import Scalar

__all__ = [
    "find_run",
    "forget_logged",
    "merge_summary",
    "set_summary",
    "upsert_run",
]

_INDEXED: Final = {
    "name": "name",
    "display_name": "display_name",
    "group": "group",
    "job_type": "job_type",
    "username": "username",
    "host": "host",
    "sweep_name": "sweep",
}
"""Columns that filters and orders can name, and their paths there."""


def find_run(connection: Connection, entity: str, project: str, name: str) -> int | None:
    """Find a run's row id."""
    return connection.scalar(
        select(runs.c.id)
        .join(projects)
        .where(projects.c.entity == entity, projects.c.name == project, runs.c.name == name)
    )


def upsert_run(
    writer: Writer,
    entity: str,
    project: str,
    name: str,
    values: Mapping[str, str | None],
    *,
    tags: Sequence[str] | None = None,
    config: str | None = None,
    summary_metrics: str | None = None,
    is_shared: bool = False,
    anew: bool = False,
) -> tuple[int, bool]:
    """Create or update a run; null means unchanged. A new one replaces a deleted one of its id.

    Args:
        writer: The transaction.
        entity: The owner of the project.
        project: The project, created with its first run.
        name: The run's id.
        values: Text columns of `runs`.
        tags: The run's labels.
        config: The config, in JSON.
        summary_metrics: The summary, in JSON.
        is_shared: Whether the config is that of one of the run's writers: keys that other writers
            set are kept.
        anew: Whether a program begins to log to the run: what an earlier one logged goes.

    Returns:
        The run's row id, and whether it is new.

    Raises:
        ValueError: The config or the summary is not a JSON object.
    """
    connection, now = writer.connection, writer.now
    project_id = writer.project_id(entity, project)
    known: int | None = connection.scalar(
        select(runs.c.id).where(runs.c.project_id == project_id, runs.c.name == name)
    )
    changed: dict[str, str | int] = {key: text for key, text in values.items() if text is not None}
    if known is None:
        defaults: dict[str, str | int] = {"display_name": name, "state": "running"}
        changed = defaults | changed | {"project_id": project_id, "name": name}
        changed |= {"created_at": now, "heartbeat_at": now}
        erase_deleted(writer, project_id, [name])
    elif anew:
        forget_logged(writer, known)
        changed.setdefault("state", "running")
        summary_metrics = "{}" if summary_metrics is None else summary_metrics
    changed["updated_at"] = now
    sections: dict[str, Iterable[Leaf]] = {
        path: flatten(path, changed[column])
        for column, path in _INDEXED.items()
        if column in changed
    }
    texts: dict[str, str] = {}
    if tags is not None:
        changed["tags"] = json.dumps(list(tags))
        sections["tags"] = flatten("tags", list(tags))
    if config is not None:
        if is_shared and known is not None:
            held = connection.scalar(select(documents.c.config).where(documents.c.run_id == known))
            config = json.dumps(read_object(held) | read_object(config))
        texts["config"] = config
        sections["config"] = config_leaves(read_object(config))
    if summary_metrics is not None:
        # A summary is a sign of life; a tag may come from any user.
        changed["heartbeat_at"] = now
        summary = finite(read_object(summary_metrics))
        texts["summary_metrics"] = write_object(summary)
        sections["summary_metrics"] = flatten("summary_metrics", summary)
    if known is None:
        run_id = inserted_id(connection.execute(insert(runs).values(changed)))
        connection.execute(insert(documents).values(run_id=run_id, **texts))
    else:
        run_id = known
        connection.execute(update(runs).where(runs.c.id == run_id).values(changed))
        for column, text in texts.items():
            set_document(connection, run_id, column, text)
    _index(writer, project_id, run_id, sections, is_new=known is None)
    return run_id, known is None


def set_summary(writer: Writer, run_id: int, text: str) -> None:
    """Replace a run's summary.

    Raises:
        ValueError: The text is not a JSON object.
    """
    summary = finite(read_object(text))
    set_document(writer.connection, run_id, "summary_metrics", write_object(summary))
    project_id = writer.connection.execute(
        select(runs.c.project_id).where(runs.c.id == run_id)
    ).scalar_one()
    sections = {"summary_metrics": flatten("summary_metrics", summary)}
    _index(writer, project_id, run_id, sections, is_new=False)


def merge_summary(writer: Writer, run_id: int, sent: JSONObject) -> None:
    """Add to a run's summary; keys of nested objects are added one by one, media replaced."""
    held = writer.connection.scalar(
        select(documents.c.summary_metrics).where(documents.c.run_id == run_id)
    )
    set_summary(writer, run_id, json.dumps(_merged(read_object(held), sent)))


def _merged(held: JSONObject, sent: JSONObject) -> dict[str, JSONValue]:
    merged = dict(held)
    for key, value in sent.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and "_type" not in value:
            merged[key] = _merged(before, value)
        else:
            merged[key] = value
    return merged


def _index(
    writer: Writer,
    project_id: int,
    run_id: int,
    sections: Mapping[str, Iterable[Leaf]],
    *,
    is_new: bool,
) -> None:
    """Update a run's leaves, writing only those that changed."""
    connection = writer.connection
    wanted: dict[tuple[int, int, Scalar], bool] = {}
    placed: set[str] = set()
    listed = [leaf for section in sections.values() for leaf in section]
    path_ids = writer.path_ids(project_id, {leaf.path: None for leaf in listed}.keys())
    for leaf in listed:
        key = (path_ids[leaf.path], int(leaf.kind), leaf.value)
        # A flat and a nested key may have the same path: only the first may sort, even if its
        # value is of a kind that does not.
        sorts = leaf.sorts and leaf.path not in placed
        placed.add(leaf.path)
        wanted[key] = wanted.get(key, False) or sorts
    if not is_new:
        held = connection.execute(
            select(leaves.c.path_id, leaves.c.kind, leaves.c.value, leaves.c.sorts, paths.c.path)
            .join(paths)
            .where(leaves.c.run_id == run_id)
        ).all()
        for path_id, kind, value, sorts, path in held:
            if path.partition(".")[0] not in sections:
                continue
            if wanted.get((path_id, kind, value)) == sorts:
                del wanted[path_id, kind, value]
            else:
                connection.execute(
                    delete(leaves).where(
                        leaves.c.path_id == path_id,
                        leaves.c.kind == kind,
                        leaves.c.value == value,
                        leaves.c.run_id == run_id,
                    )
                )
    if wanted:
        connection.execute(
            insert(leaves),
            [
                {"path_id": path, "kind": kind, "value": value, "run_id": run_id, "sorts": sorts}
                for (path, kind, value), sorts in wanted.items()
            ],
        )


def forget_logged(writer: Writer, run_id: int) -> None:
    """Delete the rows and the console output of a run; its files and fields stay."""
    connection = writer.connection
    for table in (lines, console, writers, branches):
        connection.execute(delete(table).where(table.c.run_id == run_id))
    connection.execute(
        update(runs)
        .where(runs.c.id == run_id)
        .values(history_line_count=0, events_line_count=0, exit_code=None)
    )
    for name in ("history_keys", "system_metrics"):
        set_document(connection, run_id, name, None)

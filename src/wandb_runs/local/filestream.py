"""W&B's file stream protocol: a run's rows, summary and console output, in chunks of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field, JsonValue

from wandb_runs.local.branches import is_branch
from wandb_runs.local.console import write_console
from wandb_runs.local.documents import read_object
from wandb_runs.local.exports import export_rows, is_over
from wandb_runs.local.ingest import find_run, merge_summary, set_summary
from wandb_runs.local.lines import append_lines, last_step
from wandb_runs.local.states import end_run, heartbeat, is_stopped, mark_preempting
from wandb_runs.local.tables import Stream

if TYPE_CHECKING:
    from wandb_runs.local.store import Store, Writer

__all__ = ["receive"]

_STREAMS: Final = {
    "wandb-history.jsonl": Stream.HISTORY,
    "wandb-events.jsonl": Stream.EVENTS,
}
_SUMMARY: Final = "wandb-summary.json"
_CONSOLE: Final = "output.log"


class _Lines(BaseModel):
    offset: int = Field(default=0, ge=0)
    content: list[str]


class _Chunk(BaseModel):
    files: dict[str, JsonValue] = Field(default_factory=dict)
    preempting: bool | None = None
    complete: bool | None = None
    exitcode: int | None = Field(default=None, ge=-(2**31), lt=2**31)  # an Int of GraphQL


def receive(
    store: Store,
    entity: str,
    project: str,
    run: str,
    body: bytes,
    client: str | None,
    rows_of_files: int | None = None,
) -> bool | None:
    """Store one chunk.

    Args:
        store: Where to write.
        entity: The owner of the project.
        project: The project.
        run: The run's id.
        body: The chunk, in JSON.
        client: The writer in shared mode, one of several of the run; None for its only writer.
        rows_of_files: How many rows a Parquet file has at most; None where none are written.

    Returns:
        Whether the program of the run is asked to stop; None where there is no such run.

    Raises:
        ValueError: The chunk is not one, or holds lines that are not JSON objects.
    """
    chunk = _Chunk.model_validate_json(body)
    with store.write() as writer:
        run_id = find_run(writer.connection, entity, project, run)
        if run_id is None:
            return None
        if rows_of_files and is_over(writer.connection, run_id, writer.now):
            # What it had when it was over is in files, whatever follows.
            export_rows(writer, run_id, rows_of_files)
        heartbeat(writer, run_id, is_shared=client is not None)
        for name, stream in _STREAMS.items():
            if name in chunk.files:
                part = _Lines.model_validate(chunk.files[name])
                append_lines(writer, run_id, stream, part.offset, part.content, client)
        _summarize(writer, run_id, chunk, client)
        if _CONSOLE in chunk.files:
            part = _Lines.model_validate(chunk.files[_CONSOLE])
            write_console(writer, run_id, part.offset, part.content, client)
        if chunk.preempting:
            mark_preempting(writer, run_id)
        if chunk.complete:
            end_run(writer, run_id, chunk.exitcode or 0)
        if rows_of_files:
            export_rows(writer, run_id, rows_of_files, at_once=False)
        return is_stopped(writer.connection, run_id)


def _summarize(writer: Writer, run_id: int, chunk: _Chunk, client: str | None) -> None:
    """Store the summary of a chunk: of the whole run, or in shared mode of one of its writers."""
    sent = chunk.files.get(_SUMMARY)
    text = None if sent is None else next(iter(_Lines.model_validate(sent).content[-1:]), None)
    if client is None:
        if text is not None and is_branch(writer.connection, run_id):
            merge_summary(writer, run_id, read_object(text))
        elif text is not None:
            set_summary(writer, run_id, text)
        return
    summary = read_object(text)
    # The writer's own count of steps is not the run's.
    summary.pop("_step", None)
    step = last_step(writer.connection, run_id, Stream.HISTORY)
    if step is not None:
        summary["_step"] = step
    if summary:
        merge_summary(writer, run_id, summary)

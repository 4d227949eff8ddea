"""W&B's file stream protocol: a run's rows and summary, in chunks of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field, JsonValue

from wandb_runs.local.ingest import end_run, find_run, heartbeat, set_summary
from wandb_runs.local.lines import append_lines
from wandb_runs.local.tables import Stream

if TYPE_CHECKING:
    from wandb_runs.local.store import Store

__all__ = ["receive"]

_STREAMS: Final = {
    "wandb-history.jsonl": Stream.HISTORY,
    "wandb-events.jsonl": Stream.EVENTS,
}
_SUMMARY: Final = "wandb-summary.json"


class _Lines(BaseModel):
    offset: int = Field(default=0, ge=0)
    content: list[str]


class _Chunk(BaseModel):
    files: dict[str, JsonValue] = Field(default_factory=dict)
    complete: bool | None = None
    exitcode: int | None = None


def receive(store: Store, entity: str, project: str, run: str, body: bytes) -> bool:
    """Store one chunk.

    Returns:
        Whether there is such a run.

    Raises:
        ValueError: The chunk is not one, or holds lines that are not JSON objects.
    """
    chunk = _Chunk.model_validate_json(body)
    with store.write() as writer:
        run_id = find_run(writer.connection, entity, project, run)
        if run_id is None:
            return False
        heartbeat(writer, run_id)
        for name, stream in _STREAMS.items():
            if name in chunk.files:
                part = _Lines.model_validate(chunk.files[name])
                append_lines(writer, run_id, stream, part.offset, part.content)
        if _SUMMARY in chunk.files:
            for text in _Lines.model_validate(chunk.files[_SUMMARY]).content[-1:]:
                set_summary(writer, run_id, text)
        if chunk.complete:
            end_run(writer, run_id, chunk.exitcode or 0)
    return True

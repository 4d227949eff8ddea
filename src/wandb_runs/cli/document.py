"""What commands say of one run: its attributes, and its config and summary key by key."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from wandb_runs.errors import UnsupportedByServerError
from wandb_runs.graphql.documents import INTERNAL_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.runs.run import Run

__all__ = ["attributes", "flat", "own_keys"]


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


_ATTRIBUTES: Final[Mapping[str, Callable[[Run], JSONValue]]] = {
    "id": lambda run: run.id,
    "name": lambda run: run.name,
    "state": lambda run: run.state,
    "url": lambda run: run.url,
    "created_at": lambda run: _moment(run.created_at),
    "heartbeat_at": lambda run: _moment(run.heartbeat_at),
    "user": lambda run: None if run.user is None else run.user.username,
    "group": lambda run: run.group,
    "job_type": lambda run: run.job_type,
    "tags": lambda run: [*run.tags],
    "sweep": lambda run: run.sweep_name,
    "notes": lambda run: run.notes,
    "host": lambda run: run.host,
    "commit": lambda run: run.commit,
    "history_line_count": lambda run: run.history_line_count,
}


def attributes(run: Run) -> dict[str, JSONValue]:
    """The attributes of a run that tell it from others; None for those that the server lacks."""
    return {name: _read(run, read) for name, read in _ATTRIBUTES.items()}


def _read(run: Run, read: Callable[[Run], JSONValue]) -> JSONValue:
    with suppress(UnsupportedByServerError):  # of which a warning has told
        return read(run)
    return None


def own_keys(document: JSONObject) -> dict[str, JSONValue]:
    """A config or a summary without what W&B keeps there for itself."""
    return {key: value for key, value in document.items() if key not in INTERNAL_KEYS}


def flat(document: JSONObject) -> dict[str, JSONValue]:
    """A document with dots in place of its objects, which a key of that spelling hides.

    Empty objects, and those with a `_type`, which are media, stay whole; so do lists.

    >>> flat({"model": {"depth": 2, "kind": {}}, "model.depth": 3, "layers": [1, {"a": 2}]})
    {'model.depth': 3, 'model.kind': {}, 'layers': [1, {'a': 2}]}
    """
    found = dict(_leaves(document, ""))
    return found | {key: document[key] for key in found if key in document}


def _leaves(document: JSONObject, prefix: str) -> Iterator[tuple[str, JSONValue]]:
    for key, value in document.items():
        if isinstance(value, dict) and value and "_type" not in value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

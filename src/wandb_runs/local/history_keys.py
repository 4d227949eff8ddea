"""The `historyKeys` summary of a run: keys, types and the last step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypedDict, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

__all__ = ["HistoryKeys", "extend_history_keys"]


class _TypeCount(TypedDict):
    type: str
    count: int


class _Key(TypedDict, total=False):
    typeCounts: list[_TypeCount]
    monotonic: bool
    previousValue: int | float


class HistoryKeys(TypedDict):
    """The keys of a history, with the types of their values, and the last step."""

    sets: list[JSONValue]
    lastStep: int | float
    keys: dict[str, _Key]


def extend_history_keys(held: JSONObject, rows: Iterable[JSONObject]) -> HistoryKeys:
    """Add rows to the summary.

    Args:
        held: The summary so far; empty for a history without rows.
        rows: The rows to add.

    >>> extend_history_keys({}, [{"_step": 0, "loss": 2}])["keys"]["loss"]
    {'typeCounts': [{'type': 'number', 'count': 1}], 'monotonic': True, 'previousValue': 2}
    >>> list(extend_history_keys({}, [{"train": {"loss": 2, "images": {}}}])["keys"])
    ['train.loss', 'train.images']
    """
    summary = cast("HistoryKeys", held) if held else HistoryKeys(sets=[], lastStep=-1, keys={})
    keys = summary["keys"]
    for row in rows:
        for key, value in _flattened(row):
            held_key = keys.get(key)
            if held_key is None:
                keys[key] = held_key = _Key(typeCounts=[])
            _count(held_key, value)
        step = row.get("_step")
        if isinstance(step, int | float) and summary["lastStep"] < step < math.inf:
            summary["lastStep"] = int(step) if step == int(step) else step
    return summary


def _flattened(row: JSONObject) -> Iterator[tuple[str, JSONValue]]:
    """List the values of a row; those in objects, but for media, by keys with dots."""
    pending = [*row.items()]
    while pending:
        key, value = pending.pop(0)
        if isinstance(value, dict) and value and "_type" not in value:
            pending[:0] = [(f"{key}.{inner}", each) for inner, each in value.items()]
        elif value is not None:
            yield key, value


def _count(key: _Key, value: JSONValue) -> None:
    kind = _type(value)
    counts = key.setdefault("typeCounts", [])
    for entry in counts:
        if entry["type"] == kind:
            entry["count"] += 1
            break
    else:
        counts.append(_TypeCount(type=kind, count=1))
    if kind == "number" and isinstance(value, int | float):
        # NaN compares false, so it ends a monotonic key as a decrease does.
        rises = value >= key.get("previousValue", value)
        key["monotonic"] = key.get("monotonic", True) and rises
        key["previousValue"] = value


def _type(value: JSONValue) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "list"
        case dict():
            media = value.get("_type")
            return media if isinstance(media, str) else "map"
        case None:
            return "nil"

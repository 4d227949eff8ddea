"""What answers hold: the metrics and rows of histories, and the values of runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from wandb_runs.graphql.documents import INTERNAL_KEYS, read_config, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

__all__ = ["Contents", "count_metrics", "read_rows", "spec_of"]

_LARGEST: Final = 2.0**53
"""Numbers up to here are exact as floats; NaN and the infinities are not below it."""


def spec_of(keys: Sequence[str], samples: int, *, last_step: int | None = None) -> str:
    """A spec of a sampled history.

    >>> spec_of(["loss"], 2)
    '{"keys": ["_step", "loss"], "samples": 2}'
    """
    spec: dict[str, object] = {"keys": ["_step", *keys], "samples": samples}
    if last_step is not None:
        spec["maxStep"] = last_step
    return json.dumps(spec)


def read_rows(rows: object) -> list[JSONObject]:
    """The rows that a spec has given."""
    listed = cast("list[object]", rows) if isinstance(rows, list) else []
    return [cast("JSONObject", row) for row in listed if isinstance(row, dict)]


def count_metrics(history_keys: object) -> Iterator[tuple[str, int]]:
    """The metrics that W&B's `historyKeys` tells of, each with how many rows have a number.

    >>> types = [{"type": "number", "count": 5}]
    >>> [*count_metrics({"keys": {"loss": {"typeCounts": types}, "_step": {}}})]
    [('loss', 5)]
    """
    told = cast("JSONValue", history_keys)
    keys = told.get("keys") if isinstance(told, dict) else None
    for name, metric in keys.items() if isinstance(keys, dict) else ():
        types = metric.get("typeCounts") if isinstance(metric, dict) else None
        for each in types if isinstance(types, list) else ():
            if isinstance(each, dict) and each.get("type") == "number":
                count = each.get("count")
                if isinstance(count, int) and not name.startswith("_"):
                    yield name, count


class Contents:
    """What a run was given and what it holds.

    Args:
        config: The config, as it is stored.
        summary: The summary, as it is stored.
    """

    def __init__(self, config: str | None, summary: str | None) -> None:
        try:
            self._config = read_config(config, None)
            self._summary = read_document(summary, None)
        except ValueError:  # a run that cannot be read tells nothing
            self._config, self._summary = {}, {}

    @property
    def config_key(self) -> str | None:
        """A key of the config; None if it has none."""
        return next((key for key in self._config if key not in INTERNAL_KEYS), None)

    @property
    def summary_key(self) -> str | None:
        """A key of the summary; None if it has none."""
        return next(iter(self._summary), None)

    @property
    def values(self) -> Mapping[str, float | None]:
        """The values by the paths of orders: a number, or None for another value."""
        named: Mapping[str, JSONObject] = {
            "config.{}.value": self._config,
            "summary_metrics.{}": self._summary,
        }
        return {
            path.format(key): _number(value)
            for path, document in named.items()
            for key, value in document.items()
            if "." not in key
        }


def _number(value: JSONValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < _LARGEST else None

"""What a run is, under the names of W&B's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandb_runs.graphql.documents import INTERNAL_KEYS
from wandb_runs.graphql.read_only import read_only_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.runs.record import Node

__all__ = ["schema_attributes"]

_SCHEMA_NAMES: Final[Mapping[str, str]] = {
    "storageId": "id",
    "id": "name",
    "name": "displayName",
    "projectInternalId": "projectId",
}
"""Fields of a node that `queries/fragments.graphql` renames, and their names in the schema."""


def schema_attributes(node: Node, config: JSONObject, summary: JSONObject) -> JSONObject:
    """The attributes of a run as the server sent them, read-only, its documents decoded.

    Args:
        node: The run's object in an answer.
        config: Its config, with what W&B keeps there for itself.
        summary: Its summary.

    >>> node = {"storageId": "x1", "id": "r1", "name": "fox", "config": "{}", "what was decoded": 1}
    >>> schema_attributes(node, {"lr": 1, "_wandb": {}}, {"loss": 0.5})
    {'id': 'x1', 'name': 'r1', 'displayName': 'fox', 'config': {'lr': 1}, \
'rawconfig': {'lr': 1, '_wandb': {}}, 'summaryMetrics': {'loss': 0.5}}
    """
    # A copy in one step: another thread may be adding what it has decoded.
    told: dict[str, JSONValue] = {
        _SCHEMA_NAMES.get(name, name): value
        for name, value in node.copy().items()
        if " " not in name
    }
    told["config"] = {key: value for key, value in config.items() if key not in INTERNAL_KEYS}
    told["rawconfig"] = {**config}
    told["summaryMetrics"] = {**summary}
    return read_only_object(told)

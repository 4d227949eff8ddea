"""Sweeps, made as W&B's SDK makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from wandb_runs.testing import LocalServer

__all__ = ["make_sweep"]

_UPSERT = """
mutation UpsertSweep($config: String, $entity: String, $project: String, $state: String) {
  upsertSweep(
    input: {config: $config, entityName: $entity, projectName: $project, state: $state}
  ) { sweep { name } }
}
"""


def make_sweep(server: LocalServer, path: str, state: str = "PENDING", config: str = "") -> str:
    """Make a sweep of a project, and return its id."""
    entity, project = path.split("/")
    variables = {"config": config, "entity": entity, "project": project, "state": state}
    answer = httpx.post(
        f"{server.url}/graphql",
        json={"query": _UPSERT, "variables": variables},
        auth=("api", "k" * 40),
    )
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["data"]["upsertSweep"]["sweep"]["name"]
    return name

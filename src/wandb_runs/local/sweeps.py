"""Writes sweeps, and reads their definitions."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import yaml
from sqlalchemy import func, insert, select, update

from wandb_runs.local.tables import Kind, leaves, paths, runs, sweeps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.store import Writer
    from wandb_runs.local.where import Scope

__all__ = ["best_loss", "expected_runs", "search_method", "upsert_sweep"]


def upsert_sweep(
    writer: Writer, entity: str, project: str, name: str, values: Mapping[str, str | None]
) -> None:
    """Create or update a sweep; null means unchanged."""
    project_id = writer.project_id(entity, project)
    this = (sweeps.c.project_id == project_id, sweeps.c.name == name)
    changed: dict[str, str | int] = {k: v for k, v in values.items() if v is not None}
    changed["updated_at"] = writer.now
    if writer.connection.scalar(select(sweeps.c.id).where(*this)) is None:
        made = {"config": "", "state": "PENDING", "created_at": writer.now} | changed
        made |= {"project_id": project_id, "name": name}
        writer.connection.execute(insert(sweeps).values(made))
    else:
        writer.connection.execute(update(sweeps).where(*this).values(changed))


def search_method(config: str) -> str | None:
    """The search method of a sweep.

    >>> search_method("method: grid")
    'grid'
    """
    method = _definition(config).get("method")
    return method if isinstance(method, str) else None


def expected_runs(config: str) -> int | None:
    """The number of runs that a sweep will start; None if unbounded.

    >>> expected_runs("{method: grid, parameters: {lr: {values: [1, 2]}, seed: {value: 3}}}")
    2
    """
    definition = _definition(config)
    cap = definition.get("run_cap")
    bounds = [cap] if isinstance(cap, int) else []
    parameters = definition.get("parameters")
    if definition.get("method") == "grid" and isinstance(parameters, dict):
        sizes = [_choices(parameter) for parameter in parameters.values()]
        bounds.append(math.prod(sizes))
    return min(bounds, default=None)


def _choices(parameter: JSONValue) -> int:
    values = parameter.get("values") if isinstance(parameter, dict) else None
    return len(values) if isinstance(values, list) else 1


def best_loss(scope: Scope, sweep: str, config: str) -> float | None:
    """The best value so far of the metric that a sweep optimizes."""
    metric = _definition(config).get("metric")
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
        return None
    best = func.max if metric.get("goal") == "maximize" else func.min
    found: float | None = scope.connection.scalar(
        select(best(leaves.c.value))
        .select_from(leaves)
        .join(paths, leaves.c.path_id == paths.c.id)
        .join(runs, leaves.c.run_id == runs.c.id)
        .where(
            paths.c.project_id == scope.project_id,
            paths.c.path == f"summary_metrics.{metric['name']}",
            leaves.c.kind == int(Kind.NUMBER),
            runs.c.sweep_name == sweep,
        )
    )
    return found


@lru_cache(maxsize=256)  # a listing asks for several fields of each sweep, and YAML is slow
def _definition(config: str) -> Mapping[str, JSONValue]:
    try:
        loaded = yaml.safe_load(config)
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: such as 2026-13-45
        return {}
    return cast("dict[str, JSONValue]", loaded) if isinstance(loaded, dict) else {}

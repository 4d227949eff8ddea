"""Reads runs back, with this package and with the SDK, and compares them with what was logged."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import httpx

from sdk_versions.scenarios import ENTITY, PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sdk_versions.scenarios import Expected
    from wandb_runs import Api
    from wandb_runs.graphql.scalars import JSONObject, JSONValue

__all__ = ["READ", "Read", "differences", "missing_output", "read_by_client", "read_by_sdk"]

READ: Final = """
import json
import sys
import wandb

run = wandb.Api().run("team/sdks/" + sys.argv[1])
print("READ", json.dumps({
    "rows": list(run.scan_history()),
    "config": run.config,
    "summary": run.summary_metrics,
    "state": run.state,
    "tags": run.tags,
}))
"""
"""A program that prints what the SDK reads of a run."""

_CLOCK: Final = {"_timestamp", "_runtime"}
_CONSOLE: Final = """
query Console($entity: String, $project: String, $run: String!) {
  project(entityName: $entity, name: $project) {
    run(name: $run) { logLines(first: 1000) { edges { node { line } } } }
  }
}
"""


@dataclass(frozen=True)
class Read:
    """What was read of a run."""

    rows: list[JSONObject]
    config: JSONObject
    summary: JSONObject
    state: str | None
    tags: list[str]


def read_by_client(api: Api, run_id: str) -> Read:
    """Read a run with this package."""
    run = api.run(f"{ENTITY}/{PROJECT}/{run_id}")
    return Read(list(run.scan_history()), run.config, run.summary, run.state, run.tags)


def read_by_sdk(printed: str) -> Read:
    """Take what `READ` printed, perhaps among lines that the SDK prints.

    Raises:
        ValueError: There is no such line.
    """
    for line in printed.splitlines():
        mark, _, text = line.partition(" ")
        if mark == "READ":
            return Read(**json.loads(text))
    raise ValueError(f"printed {printed!r}")


def differences(read: Read, expected: Expected) -> Iterable[str]:
    """Say what is not as it was logged."""
    wanted = list[dict[str, "JSONValue"]](expected.rows)
    # What the SDK reads from Parquet files has null for what a row does not have.
    rows = [
        _finite({key: row[key] for key in row if key not in _CLOCK and row[key] is not None})
        for row in read.rows
    ]
    if expected.in_any_order:
        rows = [{key: row[key] for key in row if not key.startswith("_")} for row in rows]
        rows.sort(key=_spelled)
        wanted.sort(key=_spelled)
    else:
        wanted = [{"_step": step, **row} for step, row in enumerate(wanted)]
    yield from _differ("rows", rows, wanted)
    yield from _differ("config", _public(read.config), dict(expected.config))
    if expected.summary is not None:
        yield from _differ("summary", _finite(_public(read.summary)), dict(expected.summary))
    yield from _differ("state", read.state, expected.state)
    yield from _differ("tags", sorted(read.tags), sorted(expected.tags))


def missing_output(url: str, version: str, run_id: str, expected: Expected) -> Iterable[str]:
    """Say which lines of console output the server does not have, or has from an earlier run."""
    if expected.console is None or version in expected.without_console:
        return
    variables = {"entity": ENTITY, "project": PROJECT, "run": run_id}
    body = {"query": _CONSOLE, "variables": variables}
    answer = httpx.post(f"{url}/graphql", json=body, trust_env=False).raise_for_status().json()
    edges = answer["data"]["project"]["run"]["logLines"]["edges"]
    lines: list[str] = [edge["node"]["line"].strip() for edge in edges]
    yield from _differ(
        "output", [line for line in lines if "output" in line], list(expected.console)
    )


def _differ(name: str, found: object, wanted: object) -> Iterable[str]:
    if found != wanted:
        yield f"{name}: {found!r} instead of {wanted!r}"


def _public(document: JSONObject) -> dict[str, JSONValue]:
    """Leave out what the SDK adds."""
    return {key: value for key, value in document.items() if not key.startswith("_")}


def _finite(row: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Spell what JSON cannot write, since NaN is not equal to itself; drop the SDK's nulls."""
    return {
        key: _spell(value) if isinstance(value, float) else value
        for key, value in row.items()
        if value is not None
    }


def _spell(value: float) -> JSONValue:
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _spelled(row: Mapping[str, JSONValue]) -> str:
    return json.dumps(cast("dict[str, JSONValue]", row), sort_keys=True)

"""W&B's own SDK and this package read equal values of real runs from one server."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs import Api, Run
    from wandb_runs.testing import LocalServer

READ = """
import json
import wandb

filters, order = json.loads({arguments!r})
runs = wandb.Api().runs("sample/digits", filters, order, lazy=False)
print(json.dumps([
    {{
        "id": run.id,
        "name": run.name,
        "storage_id": run.storage_id,
        "state": run.state,
        "url": run.url,
        "path": run.path,
        "tags": run.tags,
        "group": run.group,
        "job_type": run.job_type,
        "notes": run.notes,
        "created_at": run.created_at,
        "heartbeat_at": run.heartbeat_at,
        "sweep_name": run.sweep_name,
        "sweep": run.sweep and run.sweep.id,
        "user": run.user.username,
        "config": run.config,
        "summary": run.summary_metrics,
        "system_metrics": run.system_metrics,
        "history_keys": run.historyKeys,
        "last_history_step": run.lastHistoryStep,
        "history": run.history(samples=50, pandas=False),
        "keyed": run.history(samples=50, keys=["loss", "accuracy"], pandas=False),
        "by_epoch": run.history(samples=50, keys=["loss"], x_axis="epoch", pandas=False),
        "events": run.history(samples=50, stream="system", pandas=False),
        "scanned": list(run.scan_history()),
        "by_its_name": run.history(samples=50, stream="events", pandas=False),
        "json_summary": run.summary._json_dict,
        "json_config": json.loads(run.json_config),
        "username": run.username,
        "loaded": {{name: run.load()[name] for name in {LOADED!r}}},
    }}
    for run in runs
]))
"""


LOADED = [
    *("id", "name", "displayName", "projectId", "state", "createdAt", "heartbeatAt", "tags"),
    *("group", "jobType", "notes", "description", "commit", "readOnly", "sweepName"),
    *("historyLineCount", "user", "config", "summaryMetrics"),
]
"""What `load()` tells of a run in both. The SDK's `rawconfig` depends on how it was listed."""


def settled(value: object) -> object:
    """A comparable value: NaN and infinity become the strings that some fields have for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {key: settled(each) for key, each in members.items()}
    if isinstance(value, list):
        return [settled(each) for each in cast("list[object]", value)]
    return value


def read_by_us(run: Run) -> dict[str, object]:
    heartbeat = run.heartbeat_at
    stored: dict[str, dict[str, object]] = json.loads(run.json_config)
    summary: Any = run.summary
    return {
        "id": run.id,
        "name": run.name,
        "storage_id": run.storage_id,
        "state": run.state,
        "url": run.url,
        "path": run.path,
        "tags": run.tags,
        "group": run.group,
        "job_type": run.job_type,
        "notes": run.notes,
        "created_at": run.created_at.timestamp(),
        "heartbeat_at": None if heartbeat is None else heartbeat.timestamp(),
        "sweep_name": run.sweep_name,
        "sweep": run.sweep and run.sweep.id,
        "user": run.user and run.user.username,
        "config": run.config,
        "summary": run.summary,
        "system_metrics": run.system_metrics,
        "history_keys": run.history_keys,
        "last_history_step": run.last_history_step,
        "history": run.history(samples=50, pandas=False),
        "keyed": run.history(samples=50, keys=["loss", "accuracy"], pandas=False),
        "by_epoch": run.history(samples=50, keys=["loss"], x_axis="epoch", pandas=False),
        "events": run.history(samples=50, stream="system", pandas=False),
        "scanned": list(run.scan_history()),
        "by_its_name": run.history(samples=50, stream="events", pandas=False),
        "json_summary": summary._json_dict,  # noqa: SLF001 - what W&B's guide has
        "json_config": {  # the SDK writes it anew, without its own part if `lazy=False`
            key: {"value": each["value"], "desc": None}
            for key, each in stored.items()
            if key != "_wandb"
        },
        "username": run.username,  # pyright: ignore[reportDeprecated] - the point
        "loaded": {name: run.load()[name] for name in LOADED},
    }


@pytest.mark.filterwarnings("ignore::wandb_runs.DeprecatedNameWarning")
@pytest.mark.parametrize(
    ("filters", "order"),
    [
        ({}, "+created_at"),
        ({"state": "finished", "config.optimizer": "adam"}, "-summary_metrics.accuracy"),
    ],
)
def test_sdk_and_package_read_equal_values(
    sample_server: LocalServer,
    sample_api: Api,
    tmp_path: Path,
    filters: dict[str, object],
    order: str,
) -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WANDB")}
    printed = subprocess.run(
        [sys.executable, "-c", READ.format(arguments=json.dumps([filters, order]), LOADED=LOADED)],
        env=environ
        | {
            "HOME": str(tmp_path),
            "WANDB_API_KEY": "k" * 40,
            "WANDB_BASE_URL": sample_server.url,
            "WANDB_CACHE_DIR": str(tmp_path),
            "WANDB_CONFIG_DIR": str(tmp_path),
            "WANDB_DIR": str(tmp_path),
            "WANDB_SILENT": "true",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    theirs: list[dict[str, Any]] = json.loads(printed)
    ours = [read_by_us(run) for run in sample_api.runs("sample/digits", filters, order)]

    assert [run["id"] for run in ours] == [run["id"] for run in theirs]
    assert ours
    for our, their in zip(ours, theirs, strict=True):
        for moment in ("created_at", "heartbeat_at"):
            their[moment] = datetime.fromisoformat(their[moment]).timestamp()
        # From Parquet files, with null for what a row does not have.
        their["scanned"] = [
            {key: value for key, value in row.items() if value is not None}
            for row in their["scanned"]
        ]
        for name, value in our.items():
            assert settled(value) == settled(their[name]), (our["id"], name)

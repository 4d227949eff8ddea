"""Names of W&B's SDK that are not attributes here, and what to use instead.

They are those of `wandb.apis.public` 0.31.0, by class: methods, properties, and what its objects
take from the answers of the server. [Moving over](docs/moving.md) lists them with those that are
the same in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AWAITED", "SDK_NAMES"]

_LISTING: Final = "list(runs)"
_VARIABLES: Final = "runs.explain().variables"

_API: Final[Mapping[str, str | None]] = {
    "api_key": "api.api_key_source",
    "artifact": None,
    "artifact_collection": None,
    "artifact_collection_exists": None,
    "artifact_collections": None,
    "artifact_exists": None,
    "artifact_type": None,
    "artifact_types": None,
    "artifact_versions": None,
    "artifacts": None,
    "automation": None,
    "automations": None,
    "create_automation": None,
    "create_custom_chart": None,
    "create_registry": None,
    "create_run_queue": None,
    "create_team": None,
    "create_user": None,
    "delete_automation": None,
    "integrations": None,
    "job": None,
    "list_jobs": None,
    "organization": None,
    "queued_run": None,
    "registries": None,
    "registry": None,
    "reports": None,
    "run_queue": None,
    "settings": "api.base_url or api.default_entity",
    "slack_integrations": None,
    "sync_tensorboard": None,
    "team": None,
    "update_automation": None,
    "upsert_run_queue": None,
    "user": None,
    "user_agent": None,
    "users": None,
    "webhook_integrations": None,
}

_RUNS: Final[Mapping[str, str | None]] = {
    "QUERY": "runs.explain().document",
    "convert_objects": _LISTING,
    "cursor": "runs.pages()",
    "filters": _VARIABLES,
    "index": _LISTING,
    "last_response": _LISTING,
    "more": "runs.pages()",
    "next": "iter(runs)",
    "objects": _LISTING,
    "order": _VARIABLES,
    "update_variables": _VARIABLES,
    "upgrade_to_full": _LISTING,
    "variables": _VARIABLES,
}

_RUN: Final[Mapping[str, str | None]] = {
    "create": None,
    "createdAt": "run.created_at",
    "dir": None,
    "displayName": "run.display_name",
    "download_history_exports": "run.scan_history()",
    "heartbeatAt": "run.heartbeat_at",
    "historyKeys": "run.history_keys",
    "historyLineCount": "run.history_line_count",
    "jobType": "run.job_type",
    "lastHistoryStep": "run.last_history_step",
    "load_full_data": "run.load()",
    "log_artifact": None,
    "logged_artifacts": None,
    "projectId": "run.project_internal_id",
    "project_id": "run.project_internal_id",
    "readOnly": "run.read_only",
    "save": "run.update(...)",
    "server_provides_internal_id_field": None,
    "snake_to_camel": None,
    "summaryMetrics": "run.summary_metrics",
    "sweepName": "run.sweep_name",
    "systemMetrics": "run.system_metrics",
    "use_artifact": None,
    "used_artifacts": None,
}

_SWEEP: Final[Mapping[str, str | None]] = {
    "agent": None,
    "agents": None,
    "bestLoss": "sweep.best_loss",
    "createdAt": "sweep.created_at",
    "displayName": "sweep.name",
    "display_name": "sweep.name",
    "enqueue_run": None,
    "get": "api.sweep(path)",
    "load": "api.sweep(path)",
    "runCount": "sweep.run_count",
    "runCountExpected": "sweep.expected_run_count",
    "run_count_expected": "sweep.expected_run_count",
    "snake_to_camel": None,
    "updatedAt": "sweep.updated_at",
}

_USER: Final[Mapping[str, str | None]] = {
    "admin": None,
    "apiKeys": None,
    "api_keys": None,
    "create": None,
    "delete_api_key": None,
    "deletedAt": None,
    "deleted_at": None,
    "display": None,
    "flags": None,
    "generate_api_key": None,
    "id": None,
    "snake_to_camel": None,
    "teams": None,
    "to_html": None,
    "user_api": "Api(api_key=...)",
}

SDK_NAMES: Final[Mapping[str, Mapping[str, str | None]]] = {
    "Api": _API,
    "Runs": _RUNS,
    "Run": _RUN,
    "Sweep": _SWEEP,
    "User": _USER,
}
"""What to use instead of a name, by class and name; None for what this version has not."""

AWAITED: Final[Mapping[str, str]] = {
    "api.base_url or api.default_entity": "api.base_url or await api.default_entity()",
    "api.sweep(path)": "await api.sweep(path)",
    "iter(runs)": "aiter(runs)",
    "list(runs)": "await runs.get(slice(None))",
    "run.history_keys": "await run.history_keys()",
    "run.last_history_step": "await run.last_history_step()",
    "run.load()": "await run.load()",
    "run.system_metrics": "await run.system_metrics()",
    "run.update(...)": "await run.update(...)",
}
"""What is written otherwise in the awaiting half."""

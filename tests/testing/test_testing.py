"""The public test helpers: the fixture of a server, and functions that log runs to it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from support.graphql_query import of_run

import wandb_runs.testing
from wandb_runs.errors import WandbRunsError
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONObject


def read(server: LocalServer, name: str, fields: str) -> JSONObject:
    query = f"{{ {of_run('me', 'testing', name, fields)} }}"
    answer = httpx.post(f"{server.url}/graphql", json={"query": query}).json()
    return cast("JSONObject", answer["data"]["project"]["run"])


def test_log_run_stores_every_argument(wandb_server: LocalServer) -> None:
    log_run(
        wandb_server.url,
        "me",
        "testing",
        "full",
        config={"lr": 0.1, "model": {"depth": 2}},
        history=[{"loss": 2.5}, {"_step": 7, "loss": float("nan")}],
        events=[{"system.cpu": 12.5}],
        tags=("a", "b"),
        group="grid",
        job_type="train",
        name="first",
        notes="as it is",
        host="box",
        sweep="s1",
        exit_code=1,
    )
    found = read(
        wandb_server,
        "full",
        """
        displayName state tags group jobType notes host sweepName config summaryMetrics
        history events exitcode
        """,
    )
    assert found == {
        "displayName": "first",
        "state": "failed",
        "tags": ["a", "b"],
        "group": "grid",
        "jobType": "train",
        "notes": "as it is",
        "host": "box",
        "sweepName": "s1",
        "config": '{"lr": {"value": 0.1}, "model": {"value": {"depth": 2}}}',
        "summaryMetrics": '{"_step":7,"loss":"NaN"}',
        "history": ['{"_step": 0, "loss": 2.5}', '{"_step": 7, "loss": NaN}'],
        "events": ['{"system.cpu": 12.5}'],
        "exitcode": 1,
    }


def test_logging_to_an_existing_run_appends(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "me", "testing", "on", history=[{"n": 1}], exit_code=None)
    assert read(wandb_server, "on", "state") == {"state": "running"}
    log_run(wandb_server, "me", "testing", "on", history=[{"n": 2}], summary={"best": 1})
    found = read(wandb_server, "on", "state history summaryMetrics")
    assert found["state"] == "finished"
    assert found["history"] == ['{"_step": 0, "n": 1}', '{"_step": 1, "n": 2}']
    assert found["summaryMetrics"] == '{"best":1}'


@pytest.mark.parametrize("state", ["preempted", "pending", "a future state"])
def test_any_state_can_be_set(wandb_server: LocalServer, state: str) -> None:
    log_run(wandb_server, "me", "testing", f"state {state}", state=state)
    assert read(wandb_server, f"state {state}", "state") == {"state": state}


def test_a_refusal_quotes_the_message_of_the_server(wandb_server: LocalServer) -> None:
    with pytest.raises(WandbRunsError, match="user is not logged in"):
        log_run(wandb_server, "me", "testing", "r", api_key="")


def test_an_unreachable_server_is_named_in_the_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(WandbRunsError, match=url):
            log_run(url, "me", "testing", "r")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        getattr(wandb_runs.testing, "nothing")  # noqa: B009 - the point
    assert wandb_runs.testing.LocalServer is LocalServer


def test_the_pytest_plugin_imports_no_library_before_its_use() -> None:
    program = "import json, sys, wandb_runs.testing.plugin; print(json.dumps(sorted(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    heavy = {
        "ariadne",
        "graphql",
        "sqlalchemy",
        "starlette",
        "uvicorn",
        "pandas",
        "polars",
        "wandb",
    }
    assert heavy.isdisjoint(json.loads(loaded))

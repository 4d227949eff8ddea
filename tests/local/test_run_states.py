"""Runs are stopped and made pending or failed by others than their programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import httpx
import pytest
from support.graphql_query import of_run
from support.managed import KEY, Managed

from wandb_runs import Api
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONObject

STATES = ("running", "finished", "failed", "crashed", "killed", "pending", "preempted")
REACHED = {
    "pending": {"running", "failed", "crashed", "preempted", "pending"},
    "failed": {"pending", "running", "failed"},
}
NOW = 1_700_000_000.0


@pytest.fixture(scope="module")
def managed() -> Iterator[Managed]:
    with LocalServer(clock=lambda: NOW) as server:
        yield Managed(server)


def logged(managed: Managed, run: str, state: str, sweep: str | None = None) -> str:
    """Log a run, and return its storage id."""
    exit_code = None if state == "running" else 3
    server = managed.server
    log_run(server, "me", "states", run, exit_code=exit_code, state=state, sweep=sweep)
    return managed.storage_ids("states")[run]


def beat(managed: Managed, run: str, **chunk: object) -> JSONObject:
    """Send a sign of life of the program of a run, and return the answer."""
    url = f"{managed.server.url}/files/me/states/{run}/file_stream"
    answer = httpx.post(url, json=chunk, auth=KEY)
    assert answer.status_code == 200
    return cast("JSONObject", answer.json())


def shown(managed: Managed, run: str) -> JSONObject:
    fields = "state exitcode stopped shouldStop running failed"
    found = managed.ask(f"{{ {of_run('me', 'states', run, fields)} }}")
    return cast("dict[str, dict[str, JSONObject]]", found)["project"]["run"]


@pytest.mark.parametrize("state", [*REACHED, "finished", "running", "", "x"])
@pytest.mark.parametrize("before", STATES)
def test_a_run_gets_the_states_that_the_wandb_sdk_documents(
    managed: Managed, before: str, state: str
) -> None:
    run = f"{before}-{state or 'empty'}"
    storage = logged(managed, run, before)
    query = "mutation M($input: UpdateRunStateInput!) { updateRunState(input: $input) { success } }"
    answer = managed.post(query, input={"id": storage, "state": state})
    if before in REACHED.get(state, ()):
        assert answer.json() == {"data": {"updateRunState": {"success": True}}}
        assert (shown(managed, run)["state"], shown(managed, run)["exitcode"]) == (state, None)
        with Api(base_url=managed.server.url, api_key="any") as api:
            assert api.run(f"me/states/{run}").state == state
            assert [each.id for each in api.runs("me/states", {"state": state, "name": run})] == [
                run
            ]
    else:
        assert answer.status_code == 400
        assert before in answer.json()["errors"][0]["message"]
        assert shown(managed, run)["state"] == before


def test_the_state_of_a_run_of_a_sweep_stays(managed: Managed) -> None:
    storage = logged(managed, "swept", "running", sweep="s")
    query = "mutation M($input: UpdateRunStateInput!) { updateRunState(input: $input) { success } }"
    answer = managed.post(query, input={"id": storage, "state": "failed"})
    assert answer.status_code == 400
    assert "sweep" in answer.json()["errors"][0]["message"]
    assert shown(managed, "swept")["state"] == "running"


@pytest.mark.parametrize("mutation", ["updateRunState", "stopRun"])
def test_a_run_that_is_missing_is_not_found(managed: Managed, mutation: str) -> None:
    given = {"id": "none"} | ({"state": "failed"} if mutation == "updateRunState" else {})
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    query = f"mutation M($i: {kind}!) {{ {mutation}(input: $i) {{ success }} }}"
    assert managed.post(query, i={**given}).status_code == 404


def test_a_stopped_run_goes_on_until_its_program_ends(managed: Managed) -> None:
    storage = logged(managed, "stopped", "running")
    assert "stopped" not in beat(managed, "stopped")
    for _ in range(2):
        assert managed.change("stopRun", "success", id=storage) == {"success": True}
    assert beat(managed, "stopped")["stopped"] is True
    run = shown(managed, "stopped")
    assert (run["state"], run["stopped"], run["shouldStop"]) == ("running", True, True)
    beat(managed, "stopped", complete=True, exitcode=255)
    run = shown(managed, "stopped")
    assert (run["state"], run["stopped"]) == ("failed", True)


def test_stopping_a_run_that_ended_does_nothing(managed: Managed) -> None:
    for state in ("finished", "failed", "crashed"):
        storage = logged(managed, f"over-{state}", state)
        assert managed.change("stopRun", "success", id=storage) == {"success": True}
        assert shown(managed, f"over-{state}")["stopped"] is False


def test_a_program_that_resumes_a_stopped_run_goes_on(managed: Managed) -> None:
    storage = logged(managed, "resumed", "running")
    managed.change("stopRun", "success", id=storage)
    managed.change(
        "upsertBucket",
        "inserted",
        id=storage,
        host="here",
        jobProgram="train.py",
        config='{"_wandb": {"value": {}}}',
    )
    assert shown(managed, "resumed")["stopped"] is False
    assert "stopped" not in beat(managed, "resumed")


def test_a_change_of_the_config_leaves_a_run_stopped(managed: Managed) -> None:
    storage = logged(managed, "changed", "running")
    managed.change("stopRun", "success", id=storage)
    managed.change("upsertBucket", "inserted", id=storage, config='{"_wandb": {"value": {}}}')
    assert shown(managed, "changed")["stopped"] is True

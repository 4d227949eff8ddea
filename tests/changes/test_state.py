"""Stopping runs, setting their states, waiting for their ends, and deleting them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import anyio
import pytest
from support.halves import HALVES, call
from support.sdk_programs import run_sdk

from wandb_runs import (
    Api,
    AsyncApi,
    BadResponseError,
    InvalidArgumentError,
    NotFoundError,
    RequestTimeoutError,
    ServerError,
)
from wandb_runs.testing import FakeClock, Html, LocalServer, Status, Truncate, log_run

if TYPE_CHECKING:
    from pathlib import Path

    from support.halves import Half

PROJECT = "changes-state"

_numbers = count()


def make_run(server: LocalServer, state: str = "finished", *, sweep: str | None = None) -> str:
    """Log a run that ends in a state, and return its path."""
    run_id = f"r{next(_numbers)}"
    log_run(server, "me", PROJECT, run_id, exit_code=None, state=state, sweep=sweep)
    return f"me/{PROJECT}/{run_id}"


def state_of(server: LocalServer, path: str) -> str:
    """The state of a run on the server."""
    with Api(base_url=server.url, api_key="k" * 40) as api:
        return api.run(path).state


STATES = (
    "running",
    "pending",
    "preempting",
    "preempted",
    "finished",
    "failed",
    "crashed",
    "killed",
)
ALLOWED = {
    ("running", "pending"), ("failed", "pending"), ("crashed", "pending"), ("preempted", "pending"),
    ("pending", "failed"), ("running", "failed"),
}  # fmt: skip


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("to", ["pending", "failed"])
@pytest.mark.parametrize("state", STATES)
def test_a_state_is_set_where_it_can_be(
    wandb_server: LocalServer, state: str, to: str, half: Half
) -> None:
    path = make_run(wandb_server, state)
    wandb_server.clear_operations()
    if (state, to) in ALLOWED or state == to:
        run = call(half, wandb_server.url, path, "update_state", to)
        assert run is not None
        assert (run.state, state_of(wandb_server, path)) == (to, to)
    else:
        with pytest.raises(
            InvalidArgumentError, match=f"is {state}, and '{to}' can be set of .*Nothing was"
        ):
            call(half, wandb_server.url, path, "update_state", to)
        assert state_of(wandb_server, path) == state
    assert ("UpdateRunState" in wandb_server.operations) == ((state, to) in ALLOWED)


@pytest.mark.parametrize("half", HALVES)
def test_no_state_of_a_run_of_a_sweep_is_set(wandb_server: LocalServer, half: Half) -> None:
    path = make_run(wandb_server, "running", sweep="sw1")
    with pytest.raises(InvalidArgumentError, match="belongs to sweep 'sw1'"):
        call(half, wandb_server.url, path, "update_state", "failed")


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("update_state", {"state": "fail"}, "unknown state 'fail'; did you mean 'failed'"),
        ("update_state", {"state": "finished"}, "expected one of 'pending', 'failed'"),
        ("update_state", {"state": None}, "unknown state None"),
        ("wait_until_finished", {"timeout": -1}, "timeout must be a number of seconds, or None"),
        ("wait_until_finished", {"timeout": "5"}, "got str '5'"),
        ("wait_until_finished", {"timeout": float("nan")}, "timeout must be"),
        ("wait_until_finished", {"poll": 0}, "poll must be a number of seconds above 0"),
        ("wait_until_finished", {"poll": float("inf")}, "poll must be"),
        ("wait_until_finished", {"poll": True}, "poll must be"),
        ("delete", {"delete_artifacts": "yes"}, "delete_artifacts must be True or False"),
    ],
)
def test_wrong_arguments_are_refused_before_any_request(
    wandb_server: LocalServer, method: str, arguments: dict[str, object], message: str, half: Half
) -> None:
    log_run(wandb_server, "me", PROJECT, "refused")
    wandb_server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=message):
        call(half, wandb_server.url, f"me/{PROJECT}/refused", method, **arguments)
    assert wandb_server.operations == ("GetRun",)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("state", STATES[3:])
def test_every_final_state_ends_the_waiting(
    wandb_server: LocalServer, state: str, half: Half
) -> None:
    path = make_run(wandb_server, state)
    run = call(half, wandb_server.url, path, "wait_until_finished", timeout=0)
    assert run is not None
    assert run.state == state


class Ending(FakeClock):
    """A clock that waits in no time, and ends a run in its third pause."""

    def __init__(self, server: LocalServer, path: str, state: str) -> None:
        super().__init__()
        self._server, self._path, self._state = server, path, state

    def sleep(self, seconds: float, /) -> None:
        super().sleep(seconds)
        if len([each for each in self.slept if each]) == 3:
            log_run(self._server, *self._path.split("/"), exit_code=None, state=self._state)


@pytest.mark.parametrize("state", ["running", "pending", "preempting"])
def test_waiting_goes_on_until_the_end_and_the_run_is_what_it_is_then(
    wandb_server: LocalServer, state: str
) -> None:
    path = make_run(wandb_server, state)
    clock = Ending(wandb_server, path, "killed")
    with Api(base_url=wandb_server.url, api_key="any", clock=clock) as api:
        run = api.run(path)
        assert run.wait_until_finished() is run
        assert run.state == "killed"
        assert clock.slept == [0.0, 5.0, 5.0, 5.0]

    log_run(wandb_server, *path.split("/"), exit_code=None, state=state)

    async def awaited() -> None:
        clock = Ending(wandb_server, path, "crashed")
        async with AsyncApi(base_url=wandb_server.url, api_key="any", clock=clock) as api:
            run = await api.run(path)
            assert await run.wait_until_finished(poll=2) is run
            assert run.state == "crashed"
            assert clock.slept == [0.0, 2, 2, 2]

    anyio.run(awaited)


def test_waiting_ends_with_its_timeout(wandb_server: LocalServer) -> None:
    path = make_run(wandb_server, "running")
    clock = FakeClock()
    with Api(base_url=wandb_server.url, api_key="any", clock=clock) as api:
        run = api.run(path)
        wandb_server.clear_operations()
        with pytest.raises(RequestTimeoutError, match="is still running after 12 s") as raised:
            run.wait_until_finished(timeout=12)
        assert isinstance(raised.value, TimeoutError)
        assert clock.slept == [0.0, 5.0, 5.0, 2.0]
        assert wandb_server.operations == ("GetRunState",) * 4


@pytest.mark.parametrize("half", HALVES)
def test_a_run_is_asked_to_stop_unless_it_has_ended(wandb_server: LocalServer, half: Half) -> None:
    path = make_run(wandb_server, "running")
    wandb_server.clear_operations()
    assert call(half, wandb_server.url, path, "stop") is None
    assert wandb_server.operations == ("GetRun", "GetRunState", "StopRun")
    ended = make_run(wandb_server)
    wandb_server.clear_operations()
    call(half, wandb_server.url, ended, "stop")
    assert "StopRun" not in wandb_server.operations


@pytest.mark.parametrize("half", HALVES)
def test_a_lost_answer_to_stop_is_told_and_the_request_not_repeated(
    wandb_server: LocalServer, half: Half
) -> None:
    path = make_run(wandb_server, "running")
    wandb_server.clear_operations()
    with (
        wandb_server.fail(Truncate(at=3), operation="StopRun"),
        pytest.raises(Exception, match="was asked to stop is not known: asking again does no harm"),
    ):
        call(half, wandb_server.url, path, "stop")
    assert wandb_server.operations.count("StopRun") == 1


@pytest.mark.parametrize(("method", "operation", "arguments"), [
    ("stop", "StopRun", ()), ("update_state", "UpdateRunState", ("failed",)),
])  # fmt: skip
def test_a_server_that_did_not_do_it_is_an_error(
    wandb_server: LocalServer, method: str, operation: str, arguments: tuple[str, ...]
) -> None:
    path = make_run(wandb_server, "running")
    field = operation[0].lower() + operation[1:]
    body = f'{{"data": {{"{field}": {{"success": false}}}}}}'.encode()
    with (
        wandb_server.fail(Status(200, body), operation=operation),
        pytest.raises(BadResponseError, match="the server does not say that"),
    ):
        call("blocking", wandb_server.url, path, method, *arguments)


@pytest.mark.parametrize("half", HALVES)
def test_a_lost_answer_to_a_state_is_settled(wandb_server: LocalServer, half: Half) -> None:
    path = make_run(wandb_server, "running")
    wandb_server.clear_operations()
    with wandb_server.fail(Truncate(at=3), operation="UpdateRunState"):
        call(half, wandb_server.url, path, "update_state", "failed")
    assert wandb_server.operations.count("UpdateRunState") == 1
    assert state_of(wandb_server, path) == "failed"
    other = make_run(wandb_server, "running")
    with (
        wandb_server.fail(Html(502), operation="UpdateRunState"),
        pytest.raises(ServerError, match="reading back does not show it"),
    ):
        call(half, wandb_server.url, other, "update_state", "failed")
    assert state_of(wandb_server, other) == "running"


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("with_artifacts", [False, True])
def test_a_deleted_run_is_gone_and_another_deletion_says_so(
    wandb_server: LocalServer, half: Half, with_artifacts: bool
) -> None:
    path, kept = make_run(wandb_server), make_run(wandb_server)
    run_id = path.rpartition("/")[2]
    with Api(base_url=wandb_server.url, api_key="any") as api:
        run = api.run(path)
        options = {"delete_artifacts": True} if with_artifacts else {}
        assert call(half, wandb_server.url, path, "delete", **options) is None
        for again in (
            run.delete,
            run.refresh,
            run.stop,
            run.wait_until_finished,
            lambda: run.update_state("failed"),
            lambda: run.update(notes="n"),
        ):
            with pytest.raises(NotFoundError, match=f"no run '{run_id}'"):
                again()
        ids = [one.id for one in api.runs(f"me/{PROJECT}")]
    assert run_id not in ids
    assert kept.rpartition("/")[2] in ids


@pytest.mark.parametrize("half", HALVES)
def test_a_lost_answer_to_a_deletion_is_settled(wandb_server: LocalServer, half: Half) -> None:
    path = make_run(wandb_server)
    wandb_server.clear_operations()
    with wandb_server.fail(Truncate(at=3), operation="DeleteRun"):
        call(half, wandb_server.url, path, "delete")
    assert wandb_server.operations.count("DeleteRun") == 1
    with pytest.raises(NotFoundError):
        state_of(wandb_server, path)
    other = make_run(wandb_server)
    with (
        wandb_server.fail(Html(502), operation="DeleteRun"),
        pytest.raises(ServerError, match="reading back does not show it"),
    ):
        call(half, wandb_server.url, other, "delete")
    assert state_of(wandb_server, other) == "finished"


SDK = """
import sys
import wandb

api = wandb.Api()
pending, deleted = sys.argv[1:]
print(api.run(pending).state)
api.run(pending).update_state("failed")
try:
    api.run(deleted)
except wandb.errors.CommError:
    print("gone")
"""


def test_the_sdk_reads_states_and_deletions_and_the_other_way_round(
    wandb_server: LocalServer, tmp_path: Path
) -> None:
    pending, deleted = make_run(wandb_server, "crashed"), make_run(wandb_server)
    with Api(base_url=wandb_server.url, api_key="k" * 40) as api:
        run = api.run(pending).update_state("pending")
        api.run(deleted).delete()
        printed = run_sdk(SDK, wandb_server, tmp_path, pending, deleted)
        assert printed.split() == ["pending", "gone"]
        run.refresh()
        assert run.state == "failed"

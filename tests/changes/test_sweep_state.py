"""The state of a sweep is set where W&B's SDK sets it, and refused where it refuses."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sdk_programs import run_sdk
from support.sweeps import make_sweep
from support.ways import WAYS, each_way

from wandb_runs import (
    Api,
    AsyncApi,
    InvalidArgumentError,
    NotFoundError,
    ServerError,
    UnsupportedByServerError,
)
from wandb_runs.testing import Answer, FakeClock, Fault, LocalServer, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wandb_runs.local.faults import Answering
    from wandb_runs.testing import GraphQLRequest

KEY = "k" * 40
PATH = "me/states"

SET: Final[Mapping[str, str]] = {
    "pause": "PAUSED",
    "resume": "RUNNING",
    "stop": "FINISHED",
    "cancel": "CANCELED",
}
STATES: Final = ("PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED", "CRASHED")


def is_possible(call: str, state: str) -> bool:
    """The rule of the SDK's `wandb sweep --pause` and its like."""
    if call == "resume":
        return True
    return state in ({"RUNNING", "PAUSED"} if call == "pause" else {"RUNNING", "PAUSED", "PENDING"})


class LostAnswer(Fault):
    """The request is carried out, and its answer is lost."""

    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        answer(request)
        return Answer(b"", 502)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _as_new(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        server: LocalServer = request.getfixturevalue("server")
        server.recover()


def change(way: str, server: LocalServer, sweep_id: str, *calls: str) -> list[str | None]:
    """Call methods of a sweep, each on the sweep that the one before returned; their states."""
    path, states = f"{PATH}/{sweep_id}", list[str | None]()
    if way == "sync":
        with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            sweep = api.sweep(path)
            server.clear_operations()
            for call in calls:
                before, held = sweep.state, sweep
                sweep = getattr(sweep, call)()
                assert (sweep.path, held.state) == (held.path, before)
                states.append(sweep.state)
        return states

    async def use() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            sweep = await api.sweep(path)
            server.clear_operations()
            for call in calls:
                sweep = await getattr(sweep, call)()
                states.append(sweep.state)

    anyio.run(use, backend=way)
    return states


def state_of(server: LocalServer, sweep_id: str) -> str | None:
    with Api(base_url=server.url, api_key=KEY) as api:
        return api.sweep(f"{PATH}/{sweep_id}").state


@each_way
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("call", SET)
def test_a_state_is_set_or_refused_before_any_request(
    server: LocalServer, way: str, state: str, call: str
) -> None:
    sweep_id = make_sweep(server, PATH, state=state)
    if is_possible(call, state):
        assert change(way, server, sweep_id, call) == [SET[call]]
        is_same = SET[call] == state
        sent = ("GetSweep",) if is_same else ("GetSweep", "UpdateSweepState", "GetSweep")
        assert server.operations == sent
        assert state_of(server, sweep_id) == SET[call]
    else:
        with pytest.raises(InvalidArgumentError, match=rf"was, when it was read, {state}, and"):
            change(way, server, sweep_id, call)
        assert server.operations == ()
        assert state_of(server, sweep_id) == state


@settings(max_examples=12, deadline=None)
@given(way=st.sampled_from(WAYS), calls=st.lists(st.sampled_from([*SET]), max_size=6))
def test_any_sequence_of_calls_leaves_the_state_of_the_last_that_is_possible(
    server: LocalServer, way: str, calls: list[str]
) -> None:
    sweep_id = make_sweep(server, PATH)
    expected, done = "PENDING", list[str]()
    for call in calls:
        if is_possible(call, expected):
            expected = SET[call]
            done.append(call)
    states = change(way, server, sweep_id, *done)
    assert states == [SET[call] for call in done]
    assert state_of(server, sweep_id) == expected


@each_way
def test_a_sweep_that_another_program_has_ended_is_not_begun_again(
    server: LocalServer, way: str
) -> None:
    sweep_id = make_sweep(server, PATH, state="RUNNING")

    def end() -> None:
        with Api(base_url=server.url, api_key=KEY) as other:
            other.sweep(f"{PATH}/{sweep_id}").cancel()
        server.clear_operations()

    with Api(base_url=server.url, api_key=KEY) as api:
        held = api.sweep(f"{PATH}/{sweep_id}")
        end()
        with pytest.raises(InvalidArgumentError, match=r"is CANCELED, and cannot be paused"):
            held.pause()
    assert server.operations == ("GetSweep",)
    assert state_of(server, sweep_id) == "CANCELED"


@each_way
def test_a_lost_answer_is_settled_by_reading_back(
    server: LocalServer, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wandb_runs")
    sweep_id = make_sweep(server, PATH, state="RUNNING")
    with server.fail(LostAnswer(), operation="UpdateSweepState"):
        assert change(way, server, sweep_id, "pause") == ["PAUSED"]
    assert server.operations.count("UpdateSweepState") == 1
    told = f"changed sweep '{PATH}/{sweep_id}': paused (the answer was lost; read back)"
    assert told in caplog.text
    with (
        server.fail_always(Status(502), operation="UpdateSweepState"),
        pytest.raises(ServerError, match="reading back does not show it"),
    ):
        change(way, server, sweep_id, "stop")
    assert server.operations.count("UpdateSweepState") == 1
    assert state_of(server, sweep_id) == "PAUSED"


@each_way
def test_a_server_that_lacks_something_is_told(server: LocalServer, way: str) -> None:
    sweep_id = make_sweep(server, PATH, state="RUNNING")
    with (
        pytest.warns(UserWarning, match=r"without Sweep\.bestLoss"),
        server.lack("Sweep.bestLoss", "Sweep.state"),
    ):
        assert change(way, server, sweep_id, "pause") == [None]
    assert state_of(server, sweep_id) == "PAUSED"
    with (
        pytest.warns(UserWarning, match=r"without Sweep\.id"),
        server.lack("Sweep.id"),
        pytest.raises(UnsupportedByServerError, match=r"Sweep\.id"),
    ):
        change(way, server, sweep_id, "stop")
    with server.lack("Mutation.upsertSweep"), pytest.raises(UnsupportedByServerError):
        change(way, server, sweep_id, "stop")
    assert state_of(server, sweep_id) == "PAUSED"


def test_a_sweep_that_is_gone_is_an_error(server: LocalServer) -> None:
    sweep_id = make_sweep(server, PATH)
    with Api(base_url=server.url, api_key=KEY) as api:
        sweep = api.sweep(f"{PATH}/{sweep_id}")
        with server.fail_always(Status(404)), pytest.raises(NotFoundError):
            sweep.stop()
        with pytest.raises(AttributeError, match=r"pause\(\), resume\(\), stop\(\) and cancel\(\)"):
            sweep.state = "PAUSED"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - wrong on purpose


JUDGE = """
import json, subprocess, sys, wandb
from pathlib import Path

definition = {"method": "grid", "parameters": {"lr": {"values": [1, 2]}}}
ours = [f"team/judged/{name}" for name in IDS]
theirs = [wandb.sweep(definition, entity="team", project="judged") for _ in range(4)]
program = str(Path(sys.executable).with_name("wandb"))
for name, options in zip(theirs, (["--resume"], ["--resume", "--pause"], ["--stop"], ["--cancel"])):
    for option in options:
        subprocess.run([program, "sweep", option, f"team/judged/{name}"], check=True)
api = wandb.Api()
print(json.dumps({"ours": [api.sweep(path).state for path in ours], "theirs": theirs}))
"""


def test_the_sdk_reads_the_states_set_here_and_sets_those_read_here(
    server: LocalServer, tmp_path: Path
) -> None:
    made = [make_sweep(server, "team/judged", config="method: grid") for _ in range(4)]
    with Api(base_url=server.url, api_key=KEY) as api:
        sweeps = [api.sweep(f"team/judged/{name}") for name in made]
        sweeps[0].resume()
        sweeps[1].resume().pause()
        sweeps[2].stop()
        sweeps[3].cancel()
        told = json.loads(
            run_sdk(JUDGE.replace("IDS", repr(made)), server, tmp_path).splitlines()[-1]
        )
        states = ["RUNNING", "PAUSED", "FINISHED", "CANCELED"]
        assert told["ours"] == states
        assert [api.sweep(f"team/judged/{name}").state for name in told["theirs"]] == states

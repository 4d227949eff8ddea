"""Flows that wait: every driver that has a clock answers with the time after the pause."""

from __future__ import annotations

import anyio
import pytest

from wandb_runs import Api, AsyncApi
from wandb_runs.graphql.flow import Flow, pause, run_flow
from wandb_runs.testing import FakeClock


def waits() -> Flow[list[float]]:
    began = yield from pause(0)
    first = yield from pause(2.5)
    second = yield from pause(4)
    return [first - began, second - began]


def test_a_pause_is_answered_with_the_time_of_the_clients_clock() -> None:
    blocking, awaiting = FakeClock(), FakeClock()
    with Api(base_url="http://127.0.0.1:1", api_key="any", clock=blocking) as api:
        assert api.client.run(waits()) == [2.5, 6.5]

    async def run() -> list[float]:
        async with AsyncApi(base_url="http://127.0.0.1:1", api_key="any", clock=awaiting) as api:
            return await api.client.run(waits())

    assert anyio.run(run) == [2.5, 6.5]
    assert blocking.slept == awaiting.slept == [0, 2.5, 4]


def test_a_driver_without_a_clock_runs_no_flow_that_waits() -> None:
    with pytest.raises(TypeError, match="this driver has no clock"):
        run_flow(waits(), lambda operation: pytest.fail(str(operation)))

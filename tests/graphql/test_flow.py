"""Flows that wait, and flows that compute, as every driver runs them.

Every driver that has a clock answers a pause with the time after it.
"""

from __future__ import annotations

import threading
from functools import partial
from time import monotonic, sleep
from typing import Final

import anyio
import pytest
from support.ways import Face, each_way

from wandb_runs import Api, AsyncApi
from wandb_runs.graphql.flow import Flow, compute, gather, pause, run_flow
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


MANY: Final = 50
NOWHERE: Final = "http://127.0.0.1:1"


def square(number: int) -> tuple[int, int]:
    """A square, and the thread that computes it."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number * number, threading.get_ident()


def computes(number: int) -> Flow[tuple[int, int]]:
    try:
        return (yield from compute(partial(square, number)))
    except ValueError:
        return (yield from compute(partial(square, -number)))


@each_way
def test_gathered_flows_compute_what_they_would_alone(way: str) -> None:
    numbers = range(-MANY, MANY)
    inner = [gather([*map(computes, numbers)]), gather([computes(7)])]
    with Face.of(way, NOWHERE, "any") as face:
        many, one = face.run(gather(inner, lane="files"))
    assert [result for result, _ in many] == [number * number for number in numbers]
    assert [result for result, _ in one] == [49]


def test_gathered_flows_compute_in_the_callers_thread() -> None:
    inner = [gather([*map(computes, range(MANY))]) for _ in range(3)]
    with Face.of("sync", NOWHERE, "any") as face:
        found = face.run(gather(inner, lane="files"))
    assert {thread for each in found for _, thread in each} == {threading.get_ident()}


@each_way
def test_an_error_of_a_computation_is_the_flows(way: str) -> None:
    def fails() -> Flow[None]:
        raise LookupError("no such value")
        yield

    def computes_wrong() -> Flow[None]:
        yield from compute(partial(int, "x"))

    with Face.of(way, NOWHERE, "any") as face:
        with pytest.raises(ValueError, match="invalid literal"):
            face.run(gather([computes_wrong() for _ in range(MANY)]))
        with pytest.raises(LookupError, match="no such value"):
            face.run(gather([fails(), fails()]))


def test_an_interrupted_computation_leaves_no_thread() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    before = {*threading.enumerate()}
    with Face.of("sync", NOWHERE, "any") as face, pytest.raises(KeyboardInterrupt):
        face.run(gather([compute(interrupt) for _ in range(MANY)], lane="files"))
    # A thread may be listed before it has begun, and cannot be joined then.
    deadline = monotonic() + 20
    while left := {*threading.enumerate()} - before:
        assert monotonic() < deadline, left
        sleep(0.01)


@each_way
@pytest.mark.parametrize(("width", "most"), [(2, 2), (1, 1), (100, 4), (None, 4)])
def test_no_more_flows_are_under_way_than_the_lane_and_the_width_allow(
    way: str, width: int | None, most: int
) -> None:
    under_way: set[int] = set()
    counts: list[int] = []

    def flow(number: int) -> Flow[int]:
        under_way.add(number)
        for _ in range(3):
            yield from compute(partial(sleep, 0.001))
            counts.append(len(under_way))
        under_way.discard(number)
        return number

    with Face.of(way, NOWHERE, "any") as face:
        flows = [flow(number) for number in range(MANY)]
        assert face.run(gather(flows, width=width)) == [*range(MANY)]
    assert max(counts) == most

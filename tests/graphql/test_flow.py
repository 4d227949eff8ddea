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
from hypothesis import given, settings
from hypothesis import strategies as st
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


def gathers(number: int, done: list[int] | None = None) -> Flow[list[int]]:
    def inner(each: int) -> Flow[int]:
        result, _ = yield from computes(each)
        if each == -MANY:
            raise LookupError(f"of flow {number}")
        return result

    flows = [inner(each) for each in (number, number + 1, number + 2)]
    return (yield from gather(flows, None if done is None else done.append, "files"))


@each_way
@given(numbers=st.lists(st.integers(0, 1000), min_size=1, max_size=40), width=st.integers(1, 40))
@settings(max_examples=20)
def test_threads_that_are_left_change_no_result(way: str, numbers: list[int], width: int) -> None:
    done: list[list[int]] = [[] for _ in numbers]
    flows = [gathers(number, told) for number, told in zip(numbers, done, strict=True)]
    with Face.of(way, NOWHERE, "any") as face:
        found = face.run(gather(flows, lane="files", width=width))
    expected = [[at * at for at in range(number, number + 3)] for number in numbers]
    assert found == expected
    assert [sorted(told) for told in done] == expected


@each_way
@pytest.mark.parametrize("width", [1, 3, 40])
def test_an_error_of_a_flow_that_is_gathered_inside_is_the_calls(way: str, width: int) -> None:
    before = {*threading.enumerate()}
    flows = [gathers(number) for number in (5, -MANY, 7, -MANY)]
    with (
        Face.of(way, NOWHERE, "any") as face,
        pytest.raises(LookupError, match=f"of flow -{MANY}"),
    ):
        face.run(gather(flows, lane="files", width=width))
    if way == "sync":
        assert {*threading.enumerate()} <= before, "the call has waited for its threads"


def test_what_flows_gather_inside_runs_in_the_threads_that_are_left() -> None:
    met = threading.Barrier(9)  # more than the flows that may be under way at once

    def meets(_: int) -> Flow[int]:
        yield from compute(int)
        return met.wait(20)

    def three(_: int) -> Flow[list[int]]:
        return (yield from gather([meets(each) for each in range(3)], lane="files"))

    with Face.of("sync", NOWHERE, "any") as face:
        found = face.run(gather([three(each) for each in range(3)], lane="files", width=3))
    assert sorted(each for inner in found for each in inner) == [*range(9)]

"""Work that takes several requests, written once for every driver.

A `Flow` is a generator that yields operations and is sent their answers, as httpx writes its
authentication flows. It does no I/O, so it is tested without a socket, and a driver of a few
lines runs it: `drive` here, its awaiting twin in the asynchronous client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from wandb_runs.graphql_model import GraphQLModel
    from wandb_runs.operation import Operation

__all__ = ["Flow", "ask", "drive"]

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound="GraphQLModel")

Flow: TypeAlias = "Generator[Operation[GraphQLModel], GraphQLModel, T]"


def ask(operation: Operation[ModelT]) -> Flow[ModelT]:
    """Yield one operation and return its answer, with the type that a bare `yield` loses."""
    answer = yield operation
    if not isinstance(answer, operation.result):
        raise TypeError(
            f"the driver answered {operation.name} with {type(answer).__name__}, "
            f"expected {operation.result.__name__}"
        )
    return answer


def drive(flow: Flow[T], execute: Callable[[Operation[GraphQLModel]], GraphQLModel]) -> T:
    """Run a flow: each operation it yields is executed, and what fails is thrown into it."""
    try:
        operation = next(flow)
        while True:
            try:
                answer = execute(operation)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                operation = flow.throw(error)
            else:
                operation = flow.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result

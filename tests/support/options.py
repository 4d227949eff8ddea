"""Types of the keyword arguments that tests pass on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs import Clock
    from wandb_runs.transport.events import Event

__all__ = ["ApiArguments", "Chosen", "ChosenWithClock"]


class Chosen(TypedDict, total=False):
    """The arguments of `Api.with_options`."""

    timeout: float
    max_retries: int
    max_response_bytes: int
    requests_per_second: float


class ChosenWithClock(Chosen, total=False):
    """Those arguments, and a clock."""

    clock: Clock


class ApiArguments(Chosen, total=False):
    """Arguments that `Api` and `AsyncApi` take alike."""

    api_key: str | Callable[[], str]
    headers: Mapping[str, str]
    on_event: Callable[[Event], object]
    read_only: bool

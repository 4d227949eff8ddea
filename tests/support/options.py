"""What tests may choose about requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from wandb_runs import Clock

__all__ = ["Chosen", "ChosenWithClock"]


class Chosen(TypedDict, total=False):
    """The arguments of `Api.with_options`."""

    timeout: float
    max_retries: int
    max_response_bytes: int


class ChosenWithClock(Chosen, total=False):
    """The same, and a clock."""

    clock: Clock

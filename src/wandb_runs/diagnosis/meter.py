"""`Meter`: sends the requests of `doctor`, and notes what they take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.operation import RawOperation

if TYPE_CHECKING:
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation

__all__ = ["Meter"]

T = TypeVar("T")


@dataclass(slots=True, repr=False)
class Meter(FieldsRepr):
    """Sends requests, and notes what they take.

    Attributes:
        seconds: How long the requests took, retries included.
        bytes: Bytes of their answers.
        date: The `Date` header of the last answer.
        received: When that came, by this machine's clock.
    """

    seconds: float = 0.0
    bytes: int = 0
    date: str | None = None
    received: float = field(default=0.0, repr=False)

    def send(self, operation: Operation[T]) -> Flow[T]:
        """Send an operation, and read its answer as all of this package does.

        Raises:
            WandbRunsError: How it failed.
        """
        began = time.monotonic()
        try:
            raw = yield from ask(RawOperation.of(operation))
        finally:
            self.seconds += time.monotonic() - began
        self.bytes += len(raw.body)
        self.date, self.received = raw.date, time.time()
        return operation.parse(
            raw.body,
            status=raw.status,
            request_id=raw.request_id,
            attempts=raw.attempts,
            date=raw.date,
        )

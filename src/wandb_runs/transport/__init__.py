"""The only folder that does I/O, and the only one that knows the HTTP library."""

from wandb_runs.transport.client import RetryingClient
from wandb_runs.transport.clock import Clock
from wandb_runs.transport.message import MAX_RESPONSE_BYTES, Request, Response, Transport
from wandb_runs.transport.stats import Stats

__all__ = [
    "MAX_RESPONSE_BYTES",
    "Clock",
    "Request",
    "Response",
    "RetryingClient",
    "Stats",
    "Transport",
]

"""Transport: the only room of the client that does I/O and imports an HTTP client library."""

from wandb_runs.transport.aio_client import AsyncRetryingClient
from wandb_runs.transport.client import RetryingClient
from wandb_runs.transport.clock import AsyncClock, Clock
from wandb_runs.transport.events import Answered, RequestSent, Retrying
from wandb_runs.transport.http import HttpTransport
from wandb_runs.transport.messages import (
    MAX_RESPONSE_BYTES,
    AsyncTransport,
    Request,
    Response,
    Transport,
)
from wandb_runs.transport.server import Server
from wandb_runs.transport.stats import Stats

__all__ = [
    "MAX_RESPONSE_BYTES",
    "Answered",
    "AsyncClock",
    "AsyncRetryingClient",
    "AsyncTransport",
    "Clock",
    "HttpTransport",
    "Request",
    "RequestSent",
    "Response",
    "Retrying",
    "RetryingClient",
    "Server",
    "Stats",
    "Transport",
]
